"""What control is averaged by: work done, or priority and months.

Work is counted in reference accelerators times months: how many accelerators of the reference a workload keeps busy,
whatever its own unit (users, tokens, training runs) and whatever chip does it. Work that must answer at once counts
with the accelerators its peak hour takes, for they are held for it all day; work that may wait with those that it keeps
busy on average. A chip that is slow, or a fleet that stands idle, adds nothing.
"""

from __future__ import annotations

from typing import Literal

import pandas as pd

from planner.case.case import Case

MEASURES: tuple[Literal["work", "priority"], ...] = ("work", "priority")


def demand_weights(case: Case, by: str) -> pd.Series:
    """(w, t) -> weight of serving all that a workload asks for in a period; they sum to 1.

    work: D x months / sum of the same      priority: pi x months / sum of the same
    """
    months = case.demand["t"].map(case.periods["months"]).astype(float)
    each = case.demand["demand_kref"] if by == "work" else case.demand["w"].map(case.workloads["priority"])
    weight = each.astype(float) * months
    return weight / weight.sum()


def serving_weights(case: Case, by: str) -> pd.Series:
    """(w, h, a, k, t) -> weight of a thousand accelerators that serve: of all their demand x rate / D."""
    key = pd.MultiIndex.from_frame(case.serve[["w", "t"]])
    of_all = (
        demand_weights(case, by).reindex(key).to_numpy() / case.demand["demand_kref"].reindex(key).to_numpy()
    )
    return pd.Series(of_all * case.serve["rate"].to_numpy(float), index=case.serve.index)
