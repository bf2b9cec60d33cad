"""Resilience to the loss of one member of a class: a site, an operator, a vendor, a law, ...

For every duty of class i, workload w, member f and period t (``case.survival``), with R = reserved[w,t], all that is
held in reserve for w:

    sum over offers of f of rate x (serve + reserve - outlast) - R <= (1 - share) x (demand x (1 - unserved) + ahead)

so that what is served or held elsewhere is at least the share of what is served. ``outlast`` is what runs on
after a loss of supply, on systems ordered or contracts begun before it:

    outlast <= serve + reserve                              (i,w,h,a,k,t)
    sum over w of outlast <= availability x fleet from before the loss            (i,h,a,k,t)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from planner.case.case import Case
from planner.case.columns import joined
from planner.case.resilience import lost_offers, reserves
from planner.models.common import add_family, add_param, add_set, add_var, distinct, grouped, tuples
from planner.models.rules import Rule

HAKT = ["h", "a", "k", "t"]


def declare(m: Any, case: Case) -> None:
    held = reserves(case)
    add_set(m, "RESERVED", distinct(held, ["w", "t"]), 2)
    add_var(m, "reserved", m.RESERVED)
    add_family(m, "holds", m.RESERVED, grouped(held, ["w", "t"], ["h", "a", "k"]), 3)

    def sum_rule(m: Any, w: Any, t: Any) -> Any:
        return m.reserved[w, t] == sum(
            m.rate[w, h, a, k, t] * m.reserve[w, h, a, k, t] for h, a, k in m.holds[w, t]
        )

    m.reserve_sum = Rule(m.RESERVED, rule=sum_rule)
    lost = lost_offers(case, case.serve)
    late = lost[lost["supply"].astype(bool)].reset_index(drop=True)
    _declare_outlasting(m, case, late)
    add_set(m, "SURVIVE", tuples(case.survival), 4)
    add_param(m, "may_be_lost", m.SURVIVE, 1.0 - case.survival["share"].astype(float))
    iwft = ["i", "w", "f", "t"]
    add_family(m, "lost", m.SURVIVE, grouped(lost, iwft, ["h", "a", "k"]), 3)
    add_family(m, "outlasts", m.SURVIVE, grouped(late, iwft, ["h", "a", "k"]), 3)

    def rule(m: Any, i: Any, w: Any, f: Any, t: Any) -> Any:
        return sum(
            m.rate[w, h, a, k, t] * m.serve[w, h, a, k, t] + m.rate[w, h, a, k, t] * m.reserve[w, h, a, k, t]
            for h, a, k in m.lost[i, w, f, t]
        ) - sum(
            m.rate[w, h, a, k, t] * m.outlast[i, w, h, a, k, t] for h, a, k in m.outlasts[i, w, f, t]
        ) - m.reserved[w, t] <= m.may_be_lost[i, w, f, t] * (
            m.demand_k[w, t] * (1 - m.unserved[w, t]) + sum(m.ahead[w, u] for u in m.ahead_in[w, t])
        )

    m.survive = Rule(m.SURVIVE, rule=rule)


def _declare_outlasting(m: Any, case: Case, late: pd.DataFrame) -> None:
    """Work on systems ordered, or contracts begun, before the period of the loss."""
    availability = case.physics["availability"]
    work = late.drop_duplicates(["i", "w", *HAKT]).reset_index(drop=True)
    fleet = work.drop_duplicates(["i", *HAKT]).reset_index(drop=True)
    add_set(m, "OUTLAST", distinct(work, ["i", "w", *HAKT]), 6)
    add_var(m, "outlast", m.OUTLAST)
    add_set(m, "OLD_FLEET", distinct(fleet, ["i", *HAKT]), 5)
    add_family(m, "outlasting", m.OLD_FLEET, grouped(work, ["i", *HAKT], ["w"]), 1)
    add_family(m, "old_orders", m.OLD_FLEET, _before(case, fleet, case.orders, "life", []), 1)
    add_family(m, "old_rents", m.OLD_FLEET, _before(case, fleet, case.rents, "periods", ["r"]), 2)

    def work_rule(m: Any, i: Any, w: Any, h: Any, a: Any, k: Any, t: Any) -> Any:
        return m.outlast[i, w, h, a, k, t] <= m.serve[w, h, a, k, t] + m.reserve[w, h, a, k, t]

    def fleet_rule(m: Any, i: Any, h: Any, a: Any, k: Any, t: Any) -> Any:
        return sum(m.outlast[i, w, h, a, k, t] for w in m.outlasting[i, h, a, k, t]) <= availability * (
            m.existing_k[h, a, k, t]
            + sum(m.order[h, a, k, u] for u in m.old_orders[i, h, a, k, t])
            + sum(m.rent[h, a, k, r, u] for r, u in m.old_rents[i, h, a, k, t])
        )

    m.outlast_work = Rule(m.OUTLAST, rule=work_rule)
    m.outlast_fleet = Rule(m.OLD_FLEET, rule=fleet_rule)


def _before(
    case: Case, fleet: pd.DataFrame, bought: pd.DataFrame, life: str, term: list[str]
) -> dict[Any, Sequence[Any]]:
    """(i, h, a, k, t) -> (term, live date) of what was bought before the loss and is alive in t."""
    if not len(fleet):
        return {}
    facts = bought.reset_index(drop=True)
    begins = case.calendar.steps_of(facts["t"])
    decided = begins - facts["lead"] if "lead" in facts else begins
    facts = facts.assign(u=facts["t"], decided=decided)[["h", "a", "k", "u", "decided", life, *term]]
    rows = joined(fleet, facts, ["h", "a", "k"])
    ends = case.calendar.periods_of(case.calendar.steps_of(rows["u"]) + rows[life])
    alive = (rows["u"] <= rows["t"]) & (rows["t"] < ends) & (rows["decided"] < rows["lost_step"])
    return grouped(rows[alive], ["i", *HAKT], [*term, "u"])
