"""Supply: quotas of vendors and licences, crews that install racks, and decisions of the user.

sum weight x order <= amount            (q,t)   per period; cumulative quotas sum all orders up to t,
                                                windows those of the year up to t; less what is ordered under
                                                an agreement that lifts the quota
sum weight x fleet <= amount            (q,t)   capacity quotas
sum racks x order  <= racks_k           (q,t)   crews
use + use <= 1                          (a,b)   rival stacks that licences of the other do not suffer
lower <= sum weight x decision <= upper (d,t)   require: what stands in t, from the first possible period on;
                                                forbid, fix: what goes live in the window that begins with t
order = unit x units                    (h,a,k,t) whole servers or racks; the solve decides when they are integer
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyomo.environ as pe

from planner.case.case import Case
from planner.case.columns import joined, records
from planner.case.registry import ADOPTION, DECIDED
from planner.models.common import add_family, add_param, add_set, grouped, tuples
from planner.models.rules import Rule

DECISION_FAMILIES = {"stack": (ADOPTION, 1)} | {
    what: (p.families[0], len(p.index)) for what, p in DECIDED.items() if len(p.families) == 1
}
"""What a decision calls a thing -> its variable and the parts of the index; halls are two variables."""


def declare(m: Any, case: Case) -> None:
    _declare_quotas(m, case)
    _declare_crews(m, case)
    _declare_exclusive(m, case)
    _declare_decisions(m, case)
    add_param(m, "unit_k", m.ORDER, case.orders["unit_k"])
    m.units = pe.Var(m.ORDER, domain=pe.NonNegativeIntegers, dense=False)
    m.whole_units = Rule(
        m.ORDER, rule=lambda m, h, a, k, t: m.order[h, a, k, t] == m.unit_k[h, a, k, t] * m.units[h, a, k, t]
    )


def _declare_quotas(m: Any, case: Case) -> None:
    members = case.quota_members
    add_set(m, "QUOTA_MEMBER", tuples(members), 4)
    add_param(m, "quota_weight", m.QUOTA_MEMBER, members["weight"])
    for kind, name, table in (
        ("orders", "quota_orders", case.orders),
        ("cumulative", "quota_cumulative", case.orders),
        ("window", "quota_window", case.orders),
        ("capacity", "quota_capacity", case.fleet),
    ):
        caps = case.quotas[case.quotas["kind"] == kind]
        index = add_set(m, f"{name}_QT".upper(), tuples(caps), 2)
        add_param(m, f"{name}_amount", index, caps["amount_k"])
        by: Mapping[Any, Sequence[Any]] = {}
        free: Mapping[Any, Sequence[Any]] = {}
        if len(caps):
            part = joined(members, table.reset_index(drop=True)[["h", "a", "k", "t"]], ["h", "a", "k"])
            by = grouped(part, ["q", "t"], ["h", "a", "k", "t"])
            free = grouped(_lifted(case, members), ["q", "t"], ["e", "h", "a", "k", "t"])
        if kind in ("cumulative", "window"):
            by, free = _up_to(by, caps), _up_to(free, caps)
        add_family(m, f"{name}_members", index, by, 4)
        if kind != "capacity":
            add_family(m, f"{name}_lifted", index, free, 5)
    m.quota_per_period = Rule(
        m.QUOTA_ORDERS_QT,
        rule=lambda m, q, t: (
            sum(
                m.quota_weight[q, h, a, k] * m.order[h, a, k, u]
                for h, a, k, u in m.quota_orders_members[q, t]
            )
            - sum(
                m.quota_weight[q, h, a, k] * m.under[e, h, a, k, u]
                for e, h, a, k, u in m.quota_orders_lifted[q, t]
            )
            <= m.quota_orders_amount[q, t]
        ),
    )
    m.quota_cumulative = Rule(
        m.QUOTA_CUMULATIVE_QT,
        rule=lambda m, q, t: (
            sum(
                m.quota_weight[q, h, a, k] * m.order[h, a, k, u]
                for h, a, k, u in m.quota_cumulative_members[q, t]
            )
            - sum(
                m.quota_weight[q, h, a, k] * m.under[e, h, a, k, u]
                for e, h, a, k, u in m.quota_cumulative_lifted[q, t]
            )
            <= m.quota_cumulative_amount[q, t]
        ),
    )
    m.quota_window = Rule(
        m.QUOTA_WINDOW_QT,
        rule=lambda m, q, t: (
            sum(
                m.quota_weight[q, h, a, k] * m.order[h, a, k, u]
                for h, a, k, u in m.quota_window_members[q, t]
            )
            - sum(
                m.quota_weight[q, h, a, k] * m.under[e, h, a, k, u]
                for e, h, a, k, u in m.quota_window_lifted[q, t]
            )
            <= m.quota_window_amount[q, t]
        ),
    )
    m.quota_capacity = Rule(
        m.QUOTA_CAPACITY_QT,
        rule=lambda m, q, t: (
            sum(
                m.quota_weight[q, h, a, k] * m.fleet[h, a, k, u]
                for h, a, k, u in m.quota_capacity_members[q, t]
            )
            <= m.quota_capacity_amount[q, t]
        ),
    )


def _lifted(case: Case, members: pd.DataFrame) -> pd.DataFrame:
    """(q, e, h, a, k, t): orders under an agreement that a quota would count."""
    own = case.unders.reset_index(drop=True)[["e", "h", "a", "k", "t"]]
    rows = joined(case.lifted, own, ["e"])
    return joined(rows, members.reset_index(drop=True)[["q", "h", "a", "k"]], ["q", "h", "a", "k"])


def _up_to(by: Mapping[Any, Sequence[Any]], caps: pd.DataFrame) -> dict[Any, Sequence[Any]]:
    """(q, t) -> orders from the first period of the quota's window up to t."""
    return {
        (row.q, int(row.t)): [
            i for u in range(int(row.window_t), int(row.t) + 1) for i in by.get((row.q, u), [])
        ]
        for row in records(caps)
    }


def _declare_exclusive(m: Any, case: Case) -> None:
    if not len(case.exclusive):
        return
    add_set(m, "EXCLUSIVE", tuples(case.exclusive), 2)
    m.exclusive = Rule(m.EXCLUSIVE, rule=lambda m, a, b: m.use[a] + m.use[b] <= 1)


def _declare_crews(m: Any, case: Case) -> None:
    add_set(m, "CREW_MEMBER", tuples(case.crew_members), 4)
    add_param(m, "crew_racks", m.CREW_MEMBER, case.crew_members["racks_per_accelerator"])
    add_set(m, "CREW", tuples(case.crews), 2)
    add_param(m, "crew_max", m.CREW, case.crews["racks_k"])
    part = joined(
        case.crew_members,
        case.orders.reset_index(drop=True)[["h", "a", "k", "t"]],
        ["h", "a", "k"],
    )
    add_family(m, "crew_orders", m.CREW, grouped(part, ["q", "t"], ["h", "a", "k"]), 3)
    m.crew = Rule(
        m.CREW,
        rule=lambda m, q, t: (
            sum(m.crew_racks[q, h, a, k] * m.order[h, a, k, t] for h, a, k in m.crew_orders[q, t])
            <= m.crew_max[q, t]
        ),
    )


def _declare_decisions(m: Any, case: Case) -> None:
    """One family of rows a kind of decision; halls count in MW over both hall families."""
    if not len(case.decisions):
        return
    for what, (family, dimen) in DECISION_FAMILIES.items():
        picked = case.decisions[case.decisions["what"] == what]
        if not len(picked):
            continue
        index = add_set(m, f"DECIDE_{what}".upper(), tuples(picked), 2)
        _bounds(m, what, index, picked)
        rows = case.decision_members[case.decision_members["what"] == what]
        by = {key: list(part["index"]) for key, part in rows.groupby(["d", "t"], sort=False)}
        add_family(m, f"decided_{what}", index, by, dimen)
        setattr(m, f"decide_{what}", Rule(index, rule=_decision_rule(what, family, dimen)))
    halls = case.decisions[case.decisions["what"] == "halls"]
    if len(halls):
        _declare_hall_decisions(m, case, halls)


def _bounds(m: Any, what: str, index: Any, table: pd.DataFrame) -> None:
    add_param(m, f"decide_{what}_lower", index, table["lower"])
    add_param(m, f"decide_{what}_upper", index, table["upper"])


_SUMS: dict[int, Any] = {  # a template names every part of an index
    1: lambda v, members: sum(v[a] for a in members),
    2: lambda v, members: sum(v[a, b] for a, b in members),
    3: lambda v, members: sum(v[a, b, c] for a, b, c in members),
    4: lambda v, members: sum(v[a, b, c, d] for a, b, c, d in members),
    5: lambda v, members: sum(v[a, b, c, d, e] for a, b, c, d, e in members),
}


def _decision_rule(what: str, family: str, dimen: int) -> Any:
    def rule(m: Any, d: Any, t: Any) -> Any:
        variable, members = getattr(m, family), getattr(m, f"decided_{what}")
        lower, upper = getattr(m, f"decide_{what}_lower"), getattr(m, f"decide_{what}_upper")
        total = _SUMS[dimen](variable, members[d, t])
        return pe.inequality(lower[d, t], total, upper[d, t])

    return rule


def _declare_hall_decisions(m: Any, case: Case, picked: pd.DataFrame) -> None:
    index = add_set(m, "DECIDE_HALLS", tuples(picked), 2)
    _bounds(m, "halls", index, picked)
    rows = case.decision_members[case.decision_members["what"] == "halls"]
    whole = set(m.HALL)
    parts = {key: list(part["index"]) for key, part in rows.groupby(["d", "t"], sort=False)}
    early = {key: [i for i in part if i in whole] for key, part in parts.items()}
    late = {key: [i for i in part if i not in whole] for key, part in parts.items()}
    add_family(m, "decided_halls", index, early, 3)
    add_family(m, "decided_late", index, late, 3)
    m.decide_halls = Rule(
        index,
        rule=lambda m, d, u: pe.inequality(
            m.decide_halls_lower[d, u],
            sum(m.hall_mw[h, b, t] * m.halls[h, b, t] for h, b, t in m.decided_halls[d, u])
            + sum(m.hall_late_mw[h, b, t] * m.halls_late[h, b, t] for h, b, t in m.decided_late[d, u]),
            m.decide_halls_upper[d, u],
        ),
    )
