"""Control: score of what is served, and caps on the share of one vendor, operator, host, ...

    served  = sum pi x months x rate x serve / demand / sum pi x months             0..1
    control = the same weighted by sigma                                            0..1
    floor:    control >= min_control_share x served        (control of what is served; limits.min_control / 100)
    share cap i in t:  sum over its offers of rate x serve <= share x sum over all offers

National control is ``control``; control of what is served is control / served.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyomo.environ as pe

from planner.case.case import Case
from planner.models.common import add_family, add_param, add_set, grouped, tuples
from planner.models.rules import Rule


def priority_weights(case: Case) -> pd.Series:
    """(w, t) -> pi_w x months_t / sum: the weight of serving a workload in a period; sums to 1."""
    weight = case.demand["w"].map(case.workloads["priority"]) * case.demand["t"].map(case.periods["months"])
    return weight / weight.sum()


def declare(m: Any, case: Case) -> None:
    weights = priority_weights(case)
    key = pd.MultiIndex.from_frame(case.serve[["w", "t"]])
    value = weights.reindex(key).to_numpy() / case.demand["demand_kref"].reindex(key).to_numpy()
    value = value * case.serve["rate"].to_numpy(float)
    add_param(m, "served_weight", m.SERVE, pd.Series(value))
    add_param(m, "control_weight", m.SERVE, pd.Series(value * case.serve["sigma"].to_numpy(float)))
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
        )
    )
    m.min_control_share = pe.Param(initialize=(case.scenario.limits.min_control or 0.0) / 100.0, mutable=True)
    m.control_floor = Rule(rule=lambda m: m.control - m.min_control_share * m.served >= 0)
    _declare_shares(m, case)


def _declare_shares(m: Any, case: Case) -> None:
    if not len(case.share_caps):
        return
    index = add_set(m, "SHARE_CAP", tuples(case.share_caps), 2)
    add_param(m, "max_share", index, case.share_caps["max_share"])
    serve = case.serve.reset_index(drop=True)
    capped = case.share_members.reset_index(drop=True).merge(
        serve[["w", "h", "a", "k", "t"]], on=["h", "a", "k"]
    )
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
