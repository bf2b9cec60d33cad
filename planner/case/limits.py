"""Policy tables: share caps, capital caps and the decisions a user requires, forbids or fixes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from planner.case.columns import empty_table, records
from planner.case.context import Context, keyed, selected
from planner.case.registry import DECIDED
from planner.scenario.schema import ControlFloor, Decision, ShareCap

PARTNER, EVERYONE, TOTAL = "partner", "all", "total"
"""Who pays most, whoever pays, and all years together, among payers and years."""
SHARE_COLUMN = {
    "vendor": "vendor", "operator": "operator", "owner-class": "owner_class",
    "host": "h", "site": "p", "stack": "a", "system": "k", "country": "country", "chip-origin": "chip_origin",
    "parent": "operator_parent",
}  # fmt: skip


def share_tables(context: Context, systems: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(i, t) -> max_share; (i, h, a, k): offers that count towards cap i. Of one class each cap holds from its day on."""
    caps: list[tuple[Any, ...]] = []
    members: list[tuple[Any, ...]] = []
    for cap in context.scenario.limits.shares:
        i = share_name(cap)
        caps += [
            (i, t, cap.max_share) for t in range(context.calendar.holds_from(cap.from_), context.calendar.n)
        ]
        match = systems[systems[SHARE_COLUMN[cap.by]] == cap.id]
        members += [(i, r.h, r.a, r.k) for r in records(match)]
    return keyed(caps, ["i", "t"], ["max_share"]), keyed(members, ["i", "h", "a", "k"], [])


def share_name(cap: ShareCap) -> str:
    """vendor nvidia, vendor nvidia from 2029-01-01."""
    return _from(f"{cap.by} {cap.id}", cap.from_)


def control_floors(context: Context, demand: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(i, w, y) -> min_share: floors of one workload in one calendar year; (i, w, y, t): the periods they speak of.

    A floor on a class of data is one of each of its workloads: no large job keeps it for the others, and no good
    year for the years before.
    """
    calendar = context.calendar
    asked = list(zip(demand["w"], demand["t"], strict=True))
    classes = {w.id: w.data_class for w in context.scenario.demand}
    rows = [
        (floor_name(floor), w, str(calendar.date_of(int(t)).year), int(t), floor.min / 100.0)
        for floor in context.scenario.limits.control_floors
        for w, t in asked
        if floor.data_class in (None, classes[w])
        and floor.workload in (None, w)
        and t >= calendar.holds_from(floor.from_)
    ]
    table = pd.DataFrame(rows, columns=["i", "w", "y", "t", "min_share"])
    floors = table.drop_duplicates(["i", "w", "y"])[["i", "w", "y", "min_share"]]
    return (
        keyed(list(floors.itertuples(index=False, name=None)), ["i", "w", "y"], ["min_share"]),
        keyed([row[:4] for row in rows], ["i", "w", "y", "t"], []),
    )


def floor_name(floor: ControlFloor) -> str:
    """official, chat, official from 2029-01-01."""
    return _from(floor.workload or f"{floor.data_class} data", floor.from_)


def _from(name: str, day: date | None) -> str:
    return f"{name} from {day}" if day else name


def money_caps(context: Context) -> pd.DataFrame:
    """(i) -> what, year (text, or "total"), payer, musd, path in the scenario, until (last period it counts).

    A cap has a row for all of it, and a row for what falls due before each grant (``_before_grants``).
    """
    limits = context.scenario.limits
    caps = [
        (c.what, str(c.year or TOTAL), c.payer, c.musd, f"limits.money[{n}].musd")
        for n, c in enumerate(limits.money)
    ]
    if limits.capital_musd_total is not None:
        caps.append(("outlay", TOTAL, PARTNER, limits.capital_musd_total, "limits.capital_musd_total"))
    caps += [("outlay", str(c.year), PARTNER, c.musd, f"limits.capital_musd_by_year[{n}].musd")
             for n, c in enumerate(limits.capital_musd_by_year)]  # fmt: skip
    rows = []
    for what, year, payer, musd, path in caps:
        name = "-".join([what, year, *([payer] if payer != PARTNER else [])])
        for until in _before_grants(context, what, year):
            label = f"{name} to {context.calendar.label(until)}"
            rows.append((label, what, year, payer, musd, path, until))
        rows.append((name, what, year, payer, musd, path, context.calendar.n))
    return keyed(rows, ["i"], ["what", "year", "payer", "musd", "path", "until"])


def _before_grants(context: Context, what: str, year: str) -> list[int]:
    """Last periods before the days of grants, within the year or years of a cap on outlay.

    By each of them a cap must hold too: a grant pays for nothing that falls due before it comes.
    """
    calendar = context.calendar
    given = {calendar.containing(g.date) for g in context.scenario.finance.grants}
    pairs = [(t - 1, t) for t in sorted(given) if 0 < t < calendar.n and what == "outlay"]
    return [
        a
        for a, b in pairs
        if year in (TOTAL, str(calendar.date_of(a).year)) and year in (TOTAL, str(calendar.date_of(b).year))
    ]


def budget_words(cap: Any) -> str:
    """A cap (row of ``money_caps``) as a reader would call it: the 2028 budget, cap on commitments of all in total."""
    if cap.what == "outlay" and cap.payer == PARTNER:
        return "the budget in total" if cap.year == TOTAL else f"the {cap.year} budget"
    whose = "" if cap.payer == PARTNER else f" of {'all payers' if cap.payer == EVERYONE else cap.payer}"
    return f"the cap on {cap.what}{whose} {'in total' if cap.year == TOTAL else f'in {cap.year}'}"


def decision_tables(context: Context, families: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(d, t) -> bounds of a decision in the model's unit; and the index tuples that each row sums.

    What is required of things that last must stand in every period of its window, from the first in which any of it can;
    all else is one sum over what goes live within the window, with the window's first period as ``t``.
    ``families`` maps open, stack, agreement, orders, rent, halls, lease to tables with columns h, a, k, t as they have
    them (plus owner_class and vendor where they apply) and ``weight``: model unit per unit of the decision.
    """
    rows: list[tuple[Any, ...]] = []
    members: list[tuple[Any, ...]] = []
    for d in context.scenario.decisions:
        value = d.value if d.value is not None else 1.0
        value /= DECIDED[d.what].per if d.what in DECIDED else 1.0
        lower, upper = {"require": (value, np.inf), "forbid": (0.0, 0.0), "fix": (value, value)}[d.do]
        offered = _selected(families[d.what], d)
        first = int(offered["t"].min()) if "t" in offered and len(offered) else context.calendar.n
        for t, chosen in _sums(context, offered, d):
            rows.append((d.id, t, d.what, float(lower), float(upper), len(chosen), first))
            members += [
                (d.id, t, d.what, i, float(w)) for i, w in zip(chosen.index, chosen["weight"], strict=True)
            ]
    columns = ["d", "t", "what", "index", "weight"]
    frame = pd.DataFrame(members, columns=columns) if members else empty_table(columns)
    return keyed(rows, ["d", "t"], ["what", "lower", "upper", "n_members", "first_t"]), frame


def _selected(table: pd.DataFrame, decision: Decision) -> pd.DataFrame:
    """What a decision speaks of, whatever its dates."""
    if decision.agreements is not None and "e" in table:
        table = table[table["e"].isin(decision.agreements)]
    return selected(
        table.assign(**{c: "" for c in ("owner_class", "vendor", "a", "k", "h") if c not in table}), decision
    )


def _sums(context: Context, chosen: pd.DataFrame, decision: Decision) -> Iterator[tuple[int, pd.DataFrame]]:
    """What each row of a decision adds up, by its period: what stands then, or what goes live within the window."""
    calendar, life = context.calendar, DECIDED[decision.what].life if decision.what in DECIDED else ""
    first = max(0, calendar.first_from(decision.from_)) if decision.from_ else 0
    last = min(calendar.containing(decision.to) if decision.to else calendar.n - 1, calendar.n - 1)
    if decision.do != "require" or not life:
        yield first, chosen[(chosen["t"] >= first) & (chosen["t"] <= last)] if "t" in chosen else chosen
        return
    possible = max(first, int(chosen["t"].min())) if len(chosen) else first
    if possible > last:
        yield first, chosen.iloc[:0]
    for t in range(possible, last + 1):
        ends = calendar.periods_of(calendar.steps_of(chosen["t"]) + chosen[life])
        yield t, chosen[(chosen["t"] <= t) & (t < ends)]
