"""Levels of efficiency and energy that a place is held to, and what each adds to the score of its offers.

With ``control.levels`` a place that the plan builds or leases has no declared ``efficiency`` and ``energy``: what it is
certain of is the lowest of what its cooling and its grid can come to, and each better value that they can reach is a level,
which the plan may hold the place to in every calendar year it draws energy (``models/levels.py``). Bounds stand in the
catalog (``control_answers``: measure, bound). A value that the scenario declares for a host stands, and is no level.

A level changes the answers to the criteria that rest on its attribute alone. So the score of an offer is that without any
level plus what each level adds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from planner.case import control
from planner.case.blocks import hourly, stressed_hours
from planner.case.case import Case
from planner.case.climate import design_temperature_c, months_of_period, pue_at
from planner.case.columns import records
from planner.case.context import Context
from planner.case.cooling import technologies
from planner.case.plant_offers import offered
from planner.case.renewable import source_table
from planner.case.table import Table
from planner.facts.catalog import Catalog
from planner.scenario.schema import Host

PUE, NAMED, GREEN = "pue", "named-share", "renewable-share"
EFFICIENCY, ENERGY = "efficiency", "energy"
WHAK = ["w", "h", "a", "k"]
SCORED = ["sigma", "sigma_v121", "sigma_equal", "seal", "answers"]
TABLES = {
    "levels": Table(("h", "l"), {
        "attribute": "attribute of the control score", "measure": "pue, named-share or renewable-share",
        "bound": "most PUE, or least share of the energy drawn, in every calendar year",
    }),
    "level_gains": Table(("w", "h", "a", "k", "l"), {"gain": "what it adds to the control score, 0..1"}),
    "level_needs": Table(("w", "h", "a", "k", "l")),
}  # fmt: skip


@dataclass(frozen=True)
class Level:
    """A value of an attribute that a place can be held to."""

    attribute: str
    value: str
    measure: str
    bound: float


Ladder = tuple[str, tuple[Level, ...]]
"""What a place is certain of, and the levels above it, the lowest first."""


@lru_cache(maxsize=8)
def known_levels(catalog: Catalog) -> dict[str, tuple[Level, ...]]:
    """attribute -> its values that have a bound, the lowest first."""
    table = catalog.table("control_answers").sort_values("level", kind="stable")
    table = table[table["measure"].notna()].drop_duplicates("value")
    found: dict[str, tuple[Level, ...]] = {}
    for row in records(table):
        level = Level(str(row.attribute), str(row.value), str(row.measure), float(row.bound))
        found[level.attribute] = (*found.get(level.attribute, ()), level)
    return found


@lru_cache(maxsize=8)
def _levels_by_answer(catalog: Catalog) -> dict[str, list[tuple[str, int]]]:
    """value -> (criterion, level of the answer), of the criteria that rest on its attribute alone."""
    table = catalog.table("control_answers")
    alone = table.groupby("criterion_id")["attribute"].transform("nunique") == 1
    found: dict[str, list[tuple[str, int]]] = {}
    for row in records(table[alone & table["measure"].notna()]):
        found.setdefault(str(row.value), []).append((str(row.criterion_id), int(row.level)))
    return found


# ---- what a place can be held to


def ladders(context: Context, host: Host) -> dict[str, Ladder]:
    """attribute -> what a host is certain of and the levels above it; none where its attributes are declared or assumed."""
    if not context.scenario.control.levels or host.mode == "cloud":
        return {}
    key = ("ladders", host.id)
    if key not in context.memo:
        declared = {str(name) for name in host.attributes}
        ways = {EFFICIENCY: _efficiency, ENERGY: _energy}
        context.memo[key] = {name: way(context, host) for name, way in ways.items() if name not in declared}
    found: dict[str, Ladder] = context.memo[key]
    return found


def certain(context: Context, host: Host) -> dict[str, str]:
    """attribute -> what a host comes to whatever the plan does."""
    return {name: lowest for name, (lowest, _) in ladders(context, host).items() if lowest}


def _efficiency(context: Context, host: Host) -> Ladder:
    """From the lowest and the highest PUE that any of its cooling has in an hour of the typical days."""
    lowest, highest = _range_of_pue(context, host)
    table = context.catalog.table("control_answers")
    names = table.loc[(table["attribute"] == EFFICIENCY) & table["measure"].isna(), "value"]
    base, above = str(names.iloc[0]), []
    for level in known_levels(context.catalog)[EFFICIENCY]:
        if highest <= level.bound:
            base = level.value
        elif lowest <= level.bound:
            above.append(level)
    return base, tuple(above)


def _range_of_pue(context: Context, host: Host) -> tuple[float, float]:
    if host.mode == "colocation":
        building = context.param("colocation_pue")
        return building, building
    place, offset = context.place(context.site(host.site)), hourly(context, "temperature")
    temps = np.array(place.temperatures_c)
    spans = {tuple(months_of_period(context, t).tolist()) for t in range(context.calendar.n)}
    hot = [design_temperature_c(context, place)] if stressed_hours(context) else []
    values = []
    for c in technologies(context, host):
        a, b = context.catalog.table("cooling").loc[c, ["pue_a", "pue_b_per_k"]].astype(float)
        for months in spans:
            by_hour = pue_at(temps[list(months)][:, None] + offset[None, :], a, b).mean(axis=0)
            values += [float(by_hour.min()), float(by_hour.max())]
        values += [float(pue_at(c_deg, a, b)) for c_deg in hot]
    return min(values), max(values)


def _energy(context: Context, host: Host) -> Ladder:
    """Of its grid it is certain of what is assumed of every grid; contracts and plant of its own can be held to more."""
    power = context.site(host.site).power
    named = bool(power and power.ppas) or any(h == host.id for h, _ in offered(context))
    green = host.id in set(source_table(context)["h"])
    can = {NAMED: named, GREEN: green}
    return "", tuple(level for level in known_levels(context.catalog)[ENERGY] if can[level.measure])


def level_table(context: Context, gains: pd.DataFrame, needs: pd.DataFrame) -> pd.DataFrame:
    """(h, l) of every level that adds to the score of some offer, or without which some work may not be done."""
    used = set(zip(gains["h"], gains["l"], strict=True)) | set(zip(needs["h"], needs["l"], strict=True))
    return TABLES["levels"].frame([
        (host.id, level.value, level.attribute, level.measure, level.bound)
        for host in context.scenario.hosts
        for _, above in ladders(context, host).values()
        for level in above
        if (host.id, level.value) in used
    ])  # fmt: skip


# ---- what a level is worth


class Offer(NamedTuple):
    """What the answers of an offer to a workload rest on."""

    w: str
    h: str
    a: str
    answers: str


def raised(context: Context, row: Any, values: Collection[str]) -> control.Answers:
    """Answers of an offer (a row with those fields) at a host that is held to levels.

    What a scenario's override says stays; energy of a country that is not that of the data is not domestic.
    """
    answers = [list(part) for part in control.parse_answers(str(row.answers))]
    fixed = {
        o.criterion
        for o in context.scenario.control.overrides
        if o.host in (None, row.h) and o.stack in (None, row.a)
    }
    domestic = _is_home(context, str(row.w), str(row.h))
    for value in values:
        for criterion, level in _levels_by_answer(context.catalog).get(value, ()):
            objective, number = (int(part) for part in criterion.split("."))
            if criterion not in fixed:
                best = level if domestic else min(level, _foreign_level(context.catalog, value, criterion))
                answers[objective - 1][number - 1] = max(answers[objective - 1][number - 1], best)
    return answers


def _is_home(context: Context, w: str, h: str) -> bool:
    key = ("at home", w, h)
    if key not in context.memo:
        host = context.host(h)
        work = next(x for x in context.scenario.demand if x.id == w)
        context.memo[key] = context.host_country(host) == (work.country or context.scenario.country)
    return bool(context.memo[key])


def _foreign_level(catalog: Catalog, value: str, criterion: str) -> int:
    """Answer that a value gives abroad: renewable energy there is traced, and not domestic."""
    level = next(x for part in known_levels(catalog).values() for x in part if x.value == value)
    if level.measure != GREEN:
        return max(x for name, x in _levels_by_answer(catalog)[value] if name == criterion)
    lower = [x.value for x in known_levels(catalog)[level.attribute] if x.measure == NAMED]
    return max(
        (n for v in lower for name, n in _levels_by_answer(catalog)[v] if name == criterion), default=1
    )


def best_values(context: Context, host: Host) -> list[str]:
    """All levels of a host."""
    return [level.value for _, above in ladders(context, host).values() for level in above]


def gain_tables(
    context: Context, pairs: pd.DataFrame, seal_floors: Mapping[str, int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What each level adds to the score of an offer (w, h, a, k); and the offers whose work must be held to it.

    ``pairs`` have sigma, seal and answers without any level; ``seal_floors`` are the floors on the SEAL by workload.
    """
    criteria, weighting = control.prepare_criteria(context.catalog), context.scenario.control.weighting
    exclude = context.scenario.control.exclude
    gains: list[tuple[Any, ...]] = []
    needs: list[tuple[Any, ...]] = []
    seen: dict[str, tuple[float, int]] = {}

    def rated(answers: control.Answers) -> tuple[float, int]:
        text = control.answers_text(answers)
        if text not in seen:
            score = control.score(answers, weighting, criteria) / 100.0
            seen[text] = score, control.seal(answers, criteria, exclude)
        return seen[text]

    ladder = {h.id: ladders(context, h) for h in context.scenario.hosts}
    every = {h.id: best_values(context, h) for h in context.scenario.hosts}
    rows = pairs[[bool(every[str(h)]) for h in pairs["h"]]]
    for row in records(rows):
        key = (row.w, row.h, row.a, row.k)
        for _, above in ladder[str(row.h)].values():
            others = [v for v in every[str(row.h)] if v not in {level.value for level in above}]
            before, held = rated(raised(context, row, ()))[0], []
            safe = rated(raised(context, row, others))[1] >= seal_floors[str(row.w)]
            for level in above:
                held.append(level.value)
                after = rated(raised(context, row, held))[0]
                if after > before + 1e-12:
                    gains.append((*key, level.value, after - before))
                before = after
                enough = rated(raised(context, row, [*held, *others]))[1] >= seal_floors[str(row.w)]
                if enough and not safe:
                    needs.append((*key, level.value))
                safe |= enough
    return TABLES["level_gains"].frame(gains), TABLES["level_needs"].frame(needs)


def most_gained(serve: pd.DataFrame, gains: pd.DataFrame) -> pd.Series:
    """Of every row of ``case.serve`` what all levels of its host add to its score, by ``case.level_gains``."""
    if not len(gains):
        return pd.Series(0.0, index=serve.index)
    total = gains.groupby(WHAK)["gain"].sum()
    at = pd.MultiIndex.from_frame(serve[WHAK])
    return pd.Series(total.reindex(at).fillna(0.0).to_numpy(float), index=serve.index)


def scored(case: Case, held: Collection[tuple[str, str]]) -> pd.DataFrame:
    """(w, h, a, k) -> sigma, sigma_v121, sigma_equal, seal, answers of the offers at hosts held to levels (h, l)."""
    by_host: dict[str, list[str]] = {}
    for h, value in case.levels.index:
        if (h, value) in held:
            by_host.setdefault(str(h), []).append(str(value))
    rows = case.scores[[str(h) in by_host for h in case.scores["h"]]]
    context = Context.of(case.scenario, case.catalog)
    criteria, choice = control.prepare_criteria(case.catalog), case.scenario.control
    weightings = (choice.weighting, "v1.2.1", "equal")
    seen: dict[str, Sequence[Any]] = {}
    found = []
    for row in records(rows):
        answers = raised(context, row, by_host[str(row.h)])
        text = control.answers_text(answers)
        if text not in seen:
            scores = [control.score(answers, weighting, criteria) / 100.0 for weighting in weightings]
            seen[text] = [*scores, control.seal(answers, criteria, choice.exclude), text]
        found.append((row.w, row.h, row.a, row.k, *seen[text]))
    return Table(tuple(WHAK), dict.fromkeys(SCORED, "")).frame(found)


def rescored(rows: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Rows with w, h, a, k whose columns of scores are those of ``scores`` wherever it knows the offer."""
    if not len(scores):
        return rows
    at = scores.index.get_indexer(pd.MultiIndex.from_frame(rows[WHAK]))
    out = rows.copy()
    for name in [c for c in SCORED if c in rows]:
        values = scores[name].to_numpy()[at]
        out[name] = [
            new if known else old for new, old, known in zip(values, rows[name], at >= 0, strict=True)
        ]
    return out.astype({name: rows[name].dtype for name in SCORED if name in rows})


def counted(case: Case, measure: str) -> Iterator[tuple[str, str]]:
    """(h, g) of contracts and plant whose energy counts to a share."""
    if measure == GREEN:
        yield from case.renewables.index
    else:
        yield from dict.fromkeys((h, g) for h, g, *_ in case.deliveries.index)
        yield from dict.fromkeys((h, g) for h, g, *_ in case.outputs.index)
