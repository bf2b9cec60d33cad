"""Refits: other cooling fitted into halls that stand. Their space is out of use while the work lasts.

Variables: refit[h,c,t] MW of IT whose refit to technology c is done at the start of t; the work begins O steps before.
emptied[h,a,k,t] thousands of accelerators out of use for it: they do no work and leave their space to it, no more. Their
idle power is paid, and cooling, grid and backup are held for them, so that nothing is saved by the months of a work.

    sum over a,k of peak MW x emptied <= refits at work                             (h,t)      refit_emptied
    sum over a,k of peak MW x (fleet - stored - emptied) <= space_mw - refits at work   (h,t)  space
    heat of c <= ... + refits to c alive                                            (h,c,t,s)  cooling_capacity
    refits to c at work or alive + cool alive / (1 + margin)
        <= halls that last, less c they have / (1 + margin) + halls alive           (h,c,t)    refit_standing
    cool <= (1 + margin) x MW of halls that go live with it                         (h,c,t)    cool_with_hall

The last holds where halls keep their cooling, refits offered or not: what is added to a hall that stands is a refit. So
no space is refitted twice, none that does not stand, and none that ends within the horizon.
"""

from __future__ import annotations

from typing import Any

from planner.case.case import Case
from planner.case.cooling import RECOVERY
from planner.case.refits import emptied_rows, room_mw, works
from planner.models.common import (
    add_family,
    add_param,
    add_set,
    add_var,
    alive_map,
    columns,
    distinct,
    grouped,
    tuples,
)
from planner.models.halls import built_mw
from planner.models.ledger import Booked, asset, local
from planner.models.rules import Rule

WORK = "work"
"""Column with the steps from the start of a refit's work to its end of life."""


def declare_works(m: Any, case: Case) -> None:
    """What may be refitted, what of it is at work, and what is emptied for it; fleets, halls and cooling come after it."""
    add_set(m, "REFIT", tuples(case.refits), 3)
    add_var(m, "refit", m.REFIT)
    add_family(m, "refits_at_work", m.PLACE, works(case), 2)
    add_set(m, "EMPTIED", tuples(emptied_rows(case)), 4)
    add_var(m, "emptied", m.EMPTIED)


def declare(m: Any, case: Case) -> None:
    """What is emptied for works, what stands to be refitted, and cooling that comes with a hall alone."""
    margin = 1.0 + case.physics["cooling_margin"]
    add_set(m, "EMPTIED_AT", distinct(emptied_rows(case), ["h", "t"]), 2)
    m.refit_emptied = Rule(
        m.EMPTIED_AT,
        rule=lambda m, h, t: (
            sum(m.peak_mw_per_k[k] * m.emptied[h, a, k, t] for a, k in m.emptied_at[h, t])
            <= sum(m.refit[h, c, u] for c, u in m.refits_at_work[h, t])
        ),
    )
    _declare_standing(m, case, margin)
    _declare_with_hall(m, case, margin)


def _declare_standing(m: Any, case: Case, margin: float) -> None:
    refits, calendar = case.refits, case.calendar
    begun = refits.assign(t=refits["outage_t"], u=refits["t"])
    begun[WORK] = calendar.steps_of(refits["t"]) + refits["life"] - calendar.steps_of(refits["outage_t"])
    living = alive_map(begun, ["h", "c"], ["u"], WORK, calendar)
    add_set(m, "REFITTED", list(living), 3)
    add_family(m, "refits_begun", m.REFITTED, living, 1)
    cool = alive_map(case.cooling, ["h", "c"], ["t"], "life", calendar)
    add_family(m, "refit_cooled", m.REFITTED, {key: cool.get(key, []) for key in living}, 1)
    room = room_mw(case)
    add_param(m, "refit_room_mw", m.REFITTED, {key: room[key[:2]] for key in living})

    def rule(m: Any, h: Any, c: Any, t: Any) -> Any:
        return sum(m.refit[h, c, u] for u in m.refits_begun[h, c, t]) + (1 / margin) * sum(
            m.cool[h, c, u] for u in m.refit_cooled[h, c, t]
        ) <= m.refit_room_mw[h, c, t] + built_mw(m, h, m.halls_alive[h, t], m.late_alive[h, t])

    m.refit_standing = Rule(m.REFITTED, rule=rule)


def _declare_with_hall(m: Any, case: Case, margin: float) -> None:
    cool = case.cooling.reset_index(drop=True)
    kept = cool[cool["h"].map(case.hosts["as_built"]).astype(bool) & (cool["c"] != RECOVERY)]
    add_set(m, "COOL_WITH_HALL", columns(kept, ["h", "c", "t"]), 3)
    whole = case.halls["integer"].astype(bool)
    for name, part in (("halls_with", case.halls[whole]), ("late_with", case.halls[~whole])):
        live = grouped(part, ["h", "t"], ["b", "t"])
        there = {key: live.get((key[0], key[2]), []) for key in m.COOL_WITH_HALL}
        add_family(m, name, m.COOL_WITH_HALL, there, 2)
    m.cool_with_hall = Rule(
        m.COOL_WITH_HALL,
        rule=lambda m, h, c, t: (
            (1 / margin) * m.cool[h, c, t] <= built_mw(m, h, m.halls_with[h, c, t], m.late_with[h, c, t])
        ),
    )


def entries(case: Case) -> list[Booked]:
    """What refits cost."""
    refits = case.refits
    return asset(case, "refit", refits, refits["musd_per_mw"], 1.0, "refit", **local(case, refits["h"]))
