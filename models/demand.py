"""Demand: what is served, what is left unserved, and which hosts and stacks may serve it.

Variables: unserved[w,t] in 0..1, the share of demand not met (0 from the must-serve date on).

    sum rate x serve + demand x unserved = demand + ahead                          (w,t), thousands of reference
    sum over (a,k) rate x (serve + reserve) <= most x opened[h,t]               (w,h,t)  facility-location link
    sum over (h,k) rate x serve <= most x active[a,t]                           (w,a,t)  share link, no big-M
    sum over (h,k) rate x reserve <= hosts x most x active[a,t]                 (w,a,t)
    active[a,t] = use[a] - sum over u > t of adopt[a,u] - sum over u <= t of leave[a,u]

``most`` is demand; for training, which may be done ahead of an even pace or after it (``models/training.py``), all the
work of the runs in course.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import gt, le
from typing import Any

import pandas as pd
import pyomo.environ as pe

from planner.case.case import Case
from planner.case.columns import looked_up, records
from planner.case.resilience import reserves
from planner.models.common import add_family, add_param, add_set, add_var, distinct, grouped, tuples
from planner.models.ledger import Booked, book
from planner.models.rules import Rule


def declare(m: Any, case: Case) -> None:
    add_set(m, "DEMAND", tuples(case.demand), 2)
    add_param(m, "demand_k", m.DEMAND, case.demand["demand_kref"])
    must = looked_up(case.demand["w"], case.workloads["must_t"])
    add_param(m, "unserved_max", m.DEMAND, (case.demand["t"] < must).astype(float))
    add_var(m, "unserved", m.DEMAND, bounds=lambda m, w, t: (0, m.unserved_max[w, t]))
    add_param(m, "rate", m.SERVE, case.serve["rate"])
    serve = case.serve
    held = reserves(case)
    hak = ["h", "a", "k"]
    add_family(m, "serves", m.DEMAND, grouped(serve, ["w", "t"], hak), 3)
    add_param(m, "most_k", m.DEMAND, case.demand["most_kref"])
    runs = set(case.trainings["w"])
    add_set(m, "AHEAD", [(w, t) for w, t in m.DEMAND if w in runs], 2)
    add_var(m, "ahead", m.AHEAD, domain=pe.Reals)
    add_family(m, "ahead_in", m.DEMAND, {(w, t): [t] for w, t in m.AHEAD}, 1)

    def demand_rule(m: Any, w: Any, t: Any) -> Any:
        return (
            sum(m.rate[w, h, a, k, t] * m.serve[w, h, a, k, t] for h, a, k in m.serves[w, t])
            + m.demand_k[w, t] * m.unserved[w, t]
            - sum(m.ahead[w, u] for u in m.ahead_in[w, t])
            == m.demand_k[w, t]
        )

    m.demand_balance = Rule(m.DEMAND, rule=demand_rule)

    add_set(m, "STACK", tuples(case.stacks), 1)
    m.use = pe.Var(m.STACK, domain=pe.Binary, dense=False)
    _links(m, case, serve, held)


def _links(m: Any, case: Case, serve: pd.DataFrame, held: pd.DataFrame) -> None:
    openable = set(case.opens["h"]) if len(case.opens) else set()
    at_host = serve[serve["h"].isin(openable)]
    add_set(m, "HOST_LINK", distinct(at_host, ["w", "h", "t"]), 3)
    add_set(m, "STACK_LINK", distinct(serve, ["w", "a", "t"]), 3)
    add_family(m, "host_serves", m.HOST_LINK, grouped(serve, ["w", "h", "t"], ["a", "k"]), 2)
    add_family(m, "host_holds", m.HOST_LINK, grouped(held, ["w", "h", "t"], ["a", "k"]), 2)
    add_family(m, "stack_serves", m.STACK_LINK, grouped(serve, ["w", "a", "t"], ["h", "k"]), 2)
    add_set(m, "STACK_HELD", distinct(held, ["w", "a", "t"]), 3)
    hosts = len(case.hosts)  # every host may hold up to the whole demand in reserve
    add_family(m, "stack_holds", m.STACK_HELD, grouped(held, ["w", "a", "t"], ["h", "k"]), 2)
    add_set(m, "STACK_TIME", distinct(serve, ["a", "t"]), 2)
    add_family(m, "adopts_after", m.STACK_TIME, _dates(m.STACK_TIME, m.ADOPT, gt), 1)
    add_family(m, "leaves_by", m.STACK_TIME, _dates(m.STACK_TIME, m.LEAVE, le), 1)

    def host_rule(m: Any, w: Any, h: Any, t: Any) -> Any:
        return sum(m.rate[w, h, a, k, t] * m.serve[w, h, a, k, t] for a, k in m.host_serves[w, h, t]) + sum(
            m.rate[w, h, a, k, t] * m.reserve[w, h, a, k, t] for a, k in m.host_holds[w, h, t]
        ) <= m.most_k[w, t] * sum(m.open[h, u] for u in m.opens_by[h, t])

    def active(m: Any, a: Any, t: Any) -> Any:
        put_off = sum(m.adopt[a, u] for u in m.adopts_after[a, t])
        return m.use[a] - put_off - sum(m.leave[a, u] for u in m.leaves_by[a, t])

    def stack_rule(m: Any, w: Any, a: Any, t: Any) -> Any:
        return sum(
            m.rate[w, h, a, k, t] * m.serve[w, h, a, k, t] for h, k in m.stack_serves[w, a, t]
        ) <= m.most_k[w, t] * active(m, a, t)

    def held_rule(m: Any, w: Any, a: Any, t: Any) -> Any:
        return sum(
            m.rate[w, h, a, k, t] * m.reserve[w, h, a, k, t] for h, k in m.stack_holds[w, a, t]
        ) <= hosts * m.most_k[w, t] * active(m, a, t)

    m.host_link = Rule(m.HOST_LINK, rule=host_rule)
    m.stack_link = Rule(m.STACK_LINK, rule=stack_rule)
    m.stack_held = Rule(m.STACK_HELD, rule=held_rule)


def _dates(
    times: Iterable[Any], dates: Iterable[Any], keep: Callable[[int, int], bool]
) -> dict[Any, list[int]]:
    """Of each stack and period the dates of that stack before or after it."""
    own: dict[Any, list[int]] = {}
    for a, u in dates:
        own.setdefault(a, []).append(u)
    return {(a, t): [u for u in own[a] if keep(u, t)] for a, t in times if a in own}


def entries(case: Case) -> list[Booked]:
    """The fixed part of a stack, adopted over its lead time and then paid every period, and the part by user.

    What of a lead time lies after the horizon is not paid within it; such a stack serves nothing.
    """
    out = []
    n, steps = case.calendar.n, case.calendar.steps
    for row in records(case.layers):
        first = int(case.stacks.loc[row.a, "earliest_t"])
        lead = max(1, first)
        fields: dict[str, Any] = {
            "a": str(row.a),
            "supplier": str(row.layer),
            "origin_iso3": str(row.origin_iso3),
        }
        for account, musd, when in (
            (
                "stack-adoption",
                float(row.adoption_musd) / case.calendar.step_of(lead),
                list(range(min(lead, n))),
            ),
            ("platform", float(row.musd_per_step), list(range(first, n))),
        ):
            if musd:
                out.append(
                    book("use", [row.a] * len(when), when, musd * steps[when], account=account, **fields)
                )
    return [*out, *_user_entries(case)]


def _user_entries(case: Case) -> list[Booked]:
    """Support of the users served: the share of demand that a unit of serve meets, times its users."""
    if not (case.stacks["support_usd_per_user_year"] > 0).any():
        return []
    asked = pd.MultiIndex.from_frame(case.serve[["w", "t"]])
    users, demand = (case.demand[c].reindex(asked).to_numpy(float) for c in ("users", "demand_kref"))
    years = case.serve["t"].map(case.periods["years"]).to_numpy(float)
    usd = case.serve["a"].map(case.stacks["support_usd_per_user_year"]).to_numpy(float)
    serve = case.serve.assign(musd=case.serve["rate"] / demand * users * usd * years / 1e6)
    serve = serve[serve["musd"] > 0]
    return [book("serve", list(serve.index), serve["t"], serve["musd"], account="user-support", w=serve["w"],
                 h=serve["h"], a=serve["a"], supplier=serve["a"])]  # fmt: skip
