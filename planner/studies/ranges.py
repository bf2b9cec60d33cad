"""Near-optimal ranges: the least and the most of each headline choice at a cost a little above the best.

A range that is narrow is a forced choice; a wide one is free: taste, risk or politics may decide it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from planner.case.bounds import Bounds
from planner.solver.arrays import Floats
from planner.studies.screening import LiveFrontier

EXTRA_COST_SHARES = (0.01, 0.03)
COLUMNS = ["choice", "unit", "extra_cost_share", "best", "least", "most"]


def near_optimal_ranges(
    live: LiveFrontier,
    max_delay_months: float | None,
    min_control_points: float | None = None,
    extra: Iterable[float] = EXTRA_COST_SHARES,
) -> pd.DataFrame:
    """choice, unit, extra_cost_share, best, least, most: on the cheapest pattern at the given limits.

    Choices: share of the served work by host and by vendor, accelerators owned and rented at the end, control.
    """
    point = live.solve(max_delay_months, min_control_points)
    if point is None:
        return pd.DataFrame(columns=COLUMNS)
    engine = point.engine
    rows = []
    with engine.live.lock:
        for share in extra:
            engine.policy(
                Bounds(
                    max_delay_months_by_workload=live.caps(max_delay_months),
                    min_control_points=min_control_points,
                    max_cost_musd=point.figures["cost_npv_musd"] * (1 + share),
                )
            )
            for name, unit, weights in _choices(live):
                ends = []
                for sign in (1.0, -1.0):
                    engine.minimise_sum(sign * weights)
                    found = engine.lp()
                    ends.append(np.nan if found.x is None else float(weights @ found.x))
                rows.append((name, unit, share, float(weights @ point.x), *ends))
    return pd.DataFrame(rows, columns=COLUMNS)


def _choices(live: LiveFrontier) -> list[tuple[str, str, Floats]]:
    """Headline choices as weights over the model's columns."""
    case, arrays = live.case, live.base.arrays
    block, fleet = arrays.columns["serve"], arrays.columns["fleet"]
    rate = case.serve["rate"]
    total = float(case.demand["demand_kref"].sum())
    width, last = arrays.shape[1], case.calendar.n - 1
    by: dict[tuple[str, str], Floats] = {}
    for i, index in enumerate(block.index):
        _, h, _, k, _ = index
        for name in (f"work at {h}", f"work on {case.systems.loc[k, 'vendor']} chips"):
            by.setdefault((name, "share of demand"), np.zeros(width))[block.start + i] = (
                float(rate[index]) / total
            )
    for i, (h, _, _, t) in enumerate(fleet.index):
        if t == last:
            kind = "rented" if case.hosts.loc[h, "mode"] == "cloud" else "in own or leased places"
            by.setdefault((f"accelerators {kind}", "accelerators"), np.zeros(width))[fleet.start + i] = 1000.0
    control = np.zeros(width)
    control[arrays.columns["control"].start] = 100.0
    return [
        *((name, unit, weights) for (name, unit), weights in by.items()),
        ("national control", "points", control),
    ]
