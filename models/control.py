"""Control: score of what is served, floors on it, and caps on the share of one vendor, operator, host, ...

    served  = sum of omega rate serve / D                                           0..1
    control = the same weighted by sigma, with what levels add (``models/levels.py``)  0..1
    floor:    control >= min_control_share x served        (control of what is served; limits.min_control / 100)
    floor of workload w in year y, i of limits.control_floors:
              sum over t of y of months x rate x serve x (sigma - least) + what levels add >= 0
    share cap i in t:  sum over its offers of rate x serve <= share x sum over all offers

omega is the weight of a workload in a period, by work or by priority (``planner.case.measures``). National control is
``control``; control of what is served is control / served. What is not served stands on neither side of a floor.
"""

from __future__ import annotations

from typing import Any

import pyomo.environ as pe

from planner.case.case import Case
from planner.case.columns import joined
from planner.case.measures import serving_weights
from planner.models.common import add_family, add_param, add_set, grouped, tuples
from planner.models.levels import year_name
from planner.models.rules import Rule


def declare(m: Any, case: Case) -> None:
    weight = serving_weights(case, case.scenario.limits.min_control_by)
    add_param(m, "served_weight", m.SERVE, weight)
    add_param(m, "control_weight", m.SERVE, weight * case.serve["sigma"].to_numpy(float))
    m.served = pe.Var(bounds=(0, 1))
    m.control = pe.Var(bounds=(0, 1.1))
    m.served_sum = Rule(
        rule=lambda m: (
            m.served
            == sum(m.served_weight[w, h, a, k, t] * m.serve[w, h, a, k, t] for w, h, a, k, t in m.SERVE)
        )
    )
    m.control_sum = Rule(
        rule=lambda m: (
            m.control
            == sum(m.control_weight[w, h, a, k, t] * m.serve[w, h, a, k, t] for w, h, a, k, t in m.SERVE)
            + sum(m.gained[i, h, v] for i, h, v in m.GAINED_ALL)
        )
    )
    m.min_control_share = pe.Param(initialize=(case.scenario.limits.min_control or 0.0) / 100.0, mutable=True)
    m.control_floor = Rule(rule=lambda m: m.control - m.min_control_share * m.served >= 0)
    _declare_floors(m, case)
    _declare_shares(m, case)


def _declare_floors(m: Any, case: Case) -> None:
    if not len(case.control_floors):
        return
    serve = case.serve.reset_index(drop=True)
    work = serve["t"].map(case.periods["months"]).astype(float) * serve["rate"]
    add_param(m, "work_months", m.SERVE, work)
    add_param(m, "controlled_months", m.SERVE, work * serve["sigma"])
    index = add_set(m, "CONTROL_FLOOR", tuples(case.control_floors), 3)
    add_param(m, "least_control", index, case.control_floors["min_share"])
    members = joined(case.floor_periods, serve[["w", "h", "a", "k", "t"]], ["w", "t"])
    add_family(m, "floor_serves", index, grouped(members, ["i", "w", "y"], ["h", "a", "k", "t"]), 4)
    gained: dict[str, list[Any]] = {}
    for key in m.GAINED:
        gained.setdefault(key[0], []).append(key)
    add_family(m, "floor_gained", index, {i: gained.get(year_name(i[1], i[2]), []) for i in index}, 3)
    m.class_floor = Rule(
        index,
        rule=lambda m, i, w, y: (
            sum(
                m.controlled_months[w, h, a, k, t] * m.serve[w, h, a, k, t]
                for h, a, k, t in m.floor_serves[i, w, y]
            )
            + sum(m.gained[j, h, v] for j, h, v in m.floor_gained[i, w, y])
            - m.least_control[i, w, y]
            * sum(
                m.work_months[w, h, a, k, t] * m.serve[w, h, a, k, t]
                for h, a, k, t in m.floor_serves[i, w, y]
            )
            >= 0
        ),
    )


def _declare_shares(m: Any, case: Case) -> None:
    if not len(case.share_caps):
        return
    index = add_set(m, "SHARE_CAP", tuples(case.share_caps), 2)
    add_param(m, "max_share", index, case.share_caps["max_share"])
    serve = case.serve.reset_index(drop=True)
    capped = joined(case.share_members, serve[["w", "h", "a", "k", "t"]], ["h", "a", "k"])
    add_family(m, "share_counts", index, grouped(capped, ["i", "t"], ["w", "h", "a", "k"]), 4)
    add_family(m, "serves_at", m.PERIOD, grouped(serve, ["t"], ["w", "h", "a", "k"]), 4)
    m.share_cap = Rule(
        index,
        rule=lambda m, i, t: (
            sum(m.rate[w, h, a, k, t] * m.serve[w, h, a, k, t] for w, h, a, k in m.share_counts[i, t])
            <= m.max_share[i, t]
            * sum(m.rate[w, h, a, k, t] * m.serve[w, h, a, k, t] for w, h, a, k in m.serves_at[t])
        ),
    )
