"""Resilience to the loss of a site.

For every workload with a survival share, from its ``survive_from`` date, and every site p that serves it:

    sum over offers not at p of rate x (serve + reserve) >= survival share x demand x (1 - unserved)
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from planner.case.case import Case
from planner.case.columns import looked_up
from planner.models.common import add_family, add_param, add_set, columns, grouped
from planner.models.rules import Rule


def declare(m: Any, case: Case) -> None:
    serve = case.serve[
        case.serve["t"] >= looked_up(case.serve["w"], case.workloads["survive_t"])
    ].reset_index(drop=True)
    sites = serve[["w", "t", "p"]].drop_duplicates()
    add_set(m, "SURVIVE", columns(sites, ["w", "p", "t"]), 3)
    other = sites.merge(serve, on=["w", "t"], suffixes=("", "_serving"))
    other = other[other["p"] != other["p_serving"]]
    add_family(m, "elsewhere", m.SURVIVE, grouped(other, ["w", "p", "t"], ["h", "a", "k"]), 3)
    add_param(m, "survival_share", m.SURVIVE, _shares(case, sites))

    def rule(m: Any, w: Any, p: Any, t: Any) -> Any:
        return sum(
            m.rate[w, h, a, k, t] * m.serve[w, h, a, k, t] + m.rate[w, h, a, k, t] * m.reserve[w, h, a, k, t]
            for h, a, k in m.elsewhere[w, p, t]
        ) >= m.survival_share[w, p, t] * m.demand_k[w, t] * (1 - m.unserved[w, t])

    m.survive = Rule(m.SURVIVE, rule=rule)


def _shares(case: Case, sites: pd.DataFrame) -> pd.Series:
    return sites["w"].map(case.workloads["survival_share"])
