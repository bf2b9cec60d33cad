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


def unit_weights(case: Case, by: str) -> pd.Series:
    """(w, t) -> weight of a thousand reference accelerators at work: of all their demand / D.

    Work of a training run, which may be done in any of its periods, weighs the same in each of their steps.
    """
    weight, asked, w = demand_weights(case, by), case.demand["demand_kref"].astype(float), case.demand["w"]
    if not len(case.trainings):
        return weight / asked
    steps = case.demand["t"].map(case.periods["steps"]).astype(float)
    whole = weight.groupby(w).transform("sum") / (asked * steps).groupby(w).transform("sum") * steps
    return (weight / asked).where(~w.isin(set(case.trainings["w"])), whole)


def serving_weights(case: Case, by: str) -> pd.Series:
    """(w, h, a, k, t) -> weight of a thousand accelerators that serve: of a unit of their work x rate."""
    of_one = unit_weights(case, by).reindex(pd.MultiIndex.from_frame(case.serve[["w", "t"]]))
    return pd.Series(of_one.to_numpy() * case.serve["rate"].to_numpy(float), index=case.serve.index)
