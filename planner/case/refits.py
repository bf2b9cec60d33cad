"""Refits: other cooling fitted into halls that stand, so that they take denser racks.

Its equipment is ordered first; then the space refitted stands empty for the months of the work. Megawatts of the hall, its
power and its room air stay. A host has them where its halls keep their cooling (``standing_halls: refit``).
"""

from __future__ import annotations

from math import isnan
from typing import Any

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.columns import unindexed
from planner.case.context import Context
from planner.case.cooling import INCLUDED_COOLING, existing_cooling_mw, technologies
from planner.case.periods import day_after
from planner.case.permits import hall_types
from planner.case.table import Table
from planner.scenario.schema import Host, Refit

TABLES = {
    "refits": Table(("h", "c", "t"), {
        "lead": "steps from the order to the end of the work", "outage": "steps of the work, the last of them",
        "outage_t": "first period in which the space refitted is out of use; the live period where none is",
        "musd_per_mw": "price, MUSD per MW of IT", "life": "steps it stands, no longer than any hall it may be in",
    }),
}  # fmt: skip


def refit_table(context: Context, halls: pd.DataFrame) -> pd.DataFrame:
    """(h, c, t) in which the refit of a hall to technology c may be done; the work begins when one stands, or later."""
    rows: list[tuple[Any, ...]] = []
    calendar = context.calendar
    for h in [h for h in context.scenario.hosts if h.mode == "build" and h.standing_halls == "refit"]:
        stands, ends = _standing(context, h, halls[halls["h"] == h.id] if len(halls) else halls)
        for c, (wait, musd, months) in offered(context, h).items():
            outage, life = calendar.whole_steps(months), context.life_steps("cooling", c)
            lead = calendar.whole_steps(wait + months)
            for t in range(calendar.after(0, lead), calendar.n):
                begins, left = calendar.before(t, outage), ends - calendar.step_of(t)
                if begins >= stands and left > 0:
                    rows.append((h.id, c, t, lead, outage, begins, musd, min(life, left)))
    return TABLES["refits"].frame(rows)


def offered(context: Context, host: Host) -> dict[str, tuple[float, float, float]]:
    """Technology -> months until the work, MUSD per MW, months of the work: those of which all three are known."""
    own = host.refit or Refit()
    each = (("lead_months", own.lead_months), ("refit_musd_per_mw", own.musd_per_mw),
            ("refit_outage_months", own.outage_months))  # fmt: skip
    terms = {
        c: tuple(float(context.pick(given, "cooling", c, column)) for column, given in each)
        for c in technologies(context, host)
        if c != INCLUDED_COOLING
    }
    return {c: (wait, musd, outage) for c, (wait, musd, outage) in terms.items() if not isnan(musd + outage)}


def _standing(context: Context, host: Host, halls: pd.DataFrame) -> tuple[int, int]:
    """First period in which a hall stands at a host, and the step in which the first of its halls may end.

    A hall that ends within the horizon is not refitted. One whose end is not stated lasts, from the start, as long as the
    longest-lived kind of hall that the host may build: nobody says how old it is.
    """
    calendar = context.calendar
    kinds = [context.life_steps("halls", b) for b in hall_types(context, host)]
    stated = [hall.until for hall in context.scenario.existing.halls if hall.host == host.id]
    last = [day_after(day) for day in stated if day is not None]
    lasting = [day for day in last if calendar.containing(day) >= calendar.n]
    ends = [int(calendar.months_from_start(day) // calendar.step_months) for day in lasting]
    ends += [max(kinds)] if None in stated else []
    first = 0 if ends else calendar.n
    if len(halls):
        first = min(first, int(halls["t"].min()))
        built = halls.groupby("b")[["t", "life"]].min()
        ends += [
            calendar.step_of(int(t)) + int(life) for t, life in zip(built["t"], built["life"], strict=True)
        ]
    return first, min(ends, default=0)


def works(case: Case) -> dict[tuple[str, int], list[tuple[str, int]]]:
    """(h, t) -> refits (c, live period) that are at work in some part of t."""
    out: dict[tuple[str, int], list[tuple[str, int]]] = {}
    refits = unindexed(case.refits)
    for h, c, t, begins in zip(*(refits[name] for name in ("h", "c", "t", "outage_t")), strict=True):
        for u in range(int(begins), int(t)):
            out.setdefault((str(h), u), []).append((str(c), int(t)))
    return out


def emptied_rows(case: Case) -> pd.DataFrame:
    """Rows of ``case.fleet`` at hosts and in periods in which a refit may be at work."""
    at_work = works(case)
    fleet = case.fleet
    if not at_work:
        return fleet[:0]
    return fleet[np.array([key in at_work for key in zip(fleet["h"], fleet["t"], strict=True)], dtype=bool)]


def room_mw(case: Case) -> dict[tuple[str, str], float]:
    """(h, c) with refits -> MW of IT in halls that exist throughout and have no cooling of technology c."""
    end = case.calendar.n - 1
    margin = 1.0 + case.physics["cooling_margin"]
    held = existing_cooling_mw(case)
    last = case.host_period["existing_mw"]
    pairs = zip(case.refits["h"], case.refits["c"], strict=True)
    return {(h, c): max(0.0, float(last[h, end]) - held.get((h, c, end), 0.0) / margin) for h, c in pairs}
