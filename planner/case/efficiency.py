"""Efficiency of places that build: most PUE and water per kWh of IT in a calendar year, by law or as the scenario says.

Laws are rows of the catalog (``efficiency_rules``). One for new data centres binds every host that does not stand when the
horizon starts, one for standing ones those that do. ``limits.efficiency`` takes the place of the law for the sites and the
measure it names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import numpy as np
import pandas as pd

from planner.case.climate import pue_at
from planner.case.columns import records
from planner.case.context import Context
from planner.case.cooling import technologies
from planner.case.sites import is_existing
from planner.case.table import Table
from planner.facts.rounding import rounded_up
from planner.scenario.schema import EfficiencyCap, Host

TABLES = {
    "efficiency_caps": Table(("h", "measure", "t"), {
        "most": "PUE, or litres per kWh of IT, that the mean of the calendar year may not exceed; the same in all of it",
        "stated": "number of the cap in limits.efficiency; -1 for a law", "law": "row of the catalog; empty without one",
    }),
}  # fmt: skip
MEASURES = {"pue": "pue", "wue": "litres_per_kwh"}
"""Measure -> column of ``case.pue``."""
WORDS = {"pue": "PUE", "wue": "water, litres per kWh of IT"}
Cap = tuple[float, int, str]
"""Most of a measure, number in ``limits.efficiency`` or -1, law."""
NOISE = 1e-7
"""A level above its cap by no more than this is at the cap."""


def cap_name(measure: str, host: str, year: int) -> str:
    """Name of the row of a measure, a host and a calendar year."""
    return f"{measure}-{host}-{year}"


def cap_table(context: Context) -> pd.DataFrame:
    """(h, measure, t) of every cap in force."""
    rows = []
    for host in [h for h in context.scenario.hosts if h.mode == "build"]:
        for measure in MEASURES:
            rows += [(host.id, measure, t, *cap) for t, cap in _in_force(context, host, measure).items()]
    return TABLES["efficiency_caps"].frame(rows)


def _in_force(context: Context, host: Host, measure: str) -> dict[int, Cap]:
    """t -> the loosest of the caps of its calendar year, where each of the year's periods has one.

    A mean is one of whole years. Over the rest of the year in which a cap begins it would be one of warm months or cold
    ones; and over all of that year it would hold what stands to the cap before its day.
    """
    key = ("efficiency caps", host.id, measure)
    if key not in context.memo:
        caps, held = _strictest(context, host, measure), dict[int, Cap]()
        for year in context.calendar.calendar_years():
            if all(t in caps for t in year):
                held |= dict.fromkeys(year, max(caps[t] for t in year))
        context.memo[key] = held
    found: dict[int, Cap] = context.memo[key]
    return found


def _strictest(context: Context, host: Host, measure: str) -> dict[int, Cap]:
    """t -> the strictest cap that is in force on any day of the period."""
    calendar, caps = context.calendar, dict[int, list[Cap]]()
    steps = _steps(context, host, measure)
    ends = [*(calendar.first_from(day) for day, *_ in steps[1:]), calendar.n]
    for (day, most, stated, law), end in zip(steps, ends, strict=False):
        if most is not None:
            for t in range(calendar.holds_from(day), min(end, calendar.n)):
                caps.setdefault(t, []).append((most, stated, law))
    return {t: min(found) for t, found in caps.items()}


def _steps(context: Context, host: Host, measure: str) -> list[tuple[date, float | None, int, str]]:
    """(day, most, number in the scenario, law) of one measure at a host, the earliest first.

    Of several of one day the strictest; each takes the place of those before it.
    """
    steps = sorted(
        _dated(context, host, measure),
        key=lambda step: (step[0], step[1] is None, step[1] or 0.0),
    )
    return [next(same) for _, same in groupby(steps, key=lambda step: step[0])]


def _dated(context: Context, host: Host, measure: str) -> list[tuple[date, float | None, int, str]]:
    own = list(_stated(context, host, measure))
    if own:
        begins = context.scenario.horizon.start
        return [(cap.from_ or begins, cap.most, n, "") for n, cap in own]
    rules = context.catalog.table("efficiency_rules")
    whom = "standing" if is_existing(context, host) else "new"
    wanted = context.host_country(host), measure, whom
    return [
        (date.fromisoformat(str(row.from_date)), float(row.most), -1, str(law))
        for law, row in zip(rules.index, records(rules), strict=True)
        if (row.iso3, row.measure, row.applies_to) == wanted
    ]


def _stated(context: Context, host: Host, measure: str) -> Iterator[tuple[int, EfficiencyCap]]:
    for n, cap in enumerate(context.scenario.limits.efficiency):
        if cap.measure == measure and (cap.sites is None or host.site in cap.sites):
            yield n, cap


@dataclass(frozen=True)
class Gap:
    """A measure in which no cooling of a host keeps any of the caps in force, where one is in every period.

    ``reached``: the least that its cooling comes to in the mean of a year, by ``technology``: PUE or litres per kWh of IT,
    rounded up to three decimals. ``most``: the loosest of those caps, ``stated`` its number in ``limits.efficiency`` or -1,
    ``law`` its row of the catalog or empty.
    """

    measure: str
    technology: str
    reached: float
    most: float
    stated: int
    law: str

    def __str__(self) -> str:
        law = f" ({self.law})" if self.law else ""
        return (
            f"{WORDS[self.measure]} {self.reached:g} with {self.technology} at its temperatures, "
            f"{self.most:g} is allowed{law}"
        )


def efficiency_gaps(context: Context, host: Host) -> list[Gap]:
    """What no cooling of the host can keep in a measure that has a cap in every period; empty where there is none.

    Only places that build have caps: what is leased or rented is its owner's to keep within the law.
    """
    if host.mode != "build":
        return []
    key = ("efficiency gaps", host.id)
    if key not in context.memo:
        context.memo[key] = [gap for measure in MEASURES for gap in _gap(context, host, measure)]
    gaps: list[Gap] = context.memo[key]
    return gaps


def _gap(context: Context, host: Host, measure: str) -> Iterator[Gap]:
    table, caps = context.catalog.table("cooling"), _in_force(context, host, measure)
    if len(caps) < context.calendar.n:
        return
    months = np.array(context.place(context.site(host.site)).temperatures_c)
    reached = {}
    for c in technologies(context, host):
        a, b, litres = table.loc[c, ["pue_a", "pue_b_per_k", "wue_l_per_kwh"]].astype(float)
        reached[c] = litres if measure == "wue" else float(pue_at(months, a, b).mean())
    best = min(reached, key=lambda c: reached[c])
    most, n, law = max(caps.values(), key=lambda cap: cap[0])
    if reached[best] > most + NOISE:
        yield Gap(measure, best, rounded_up(reached[best], 3), most, n, law)
