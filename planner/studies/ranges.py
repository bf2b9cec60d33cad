"""Near-optimal ranges: the least and the most of each headline choice at a cost a little above the best.

A range that is narrow is a forced choice; a wide one is free: taste, risk or politics may decide it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pandas as pd

from planner.case.bounds import Bounds
from planner.plans.kpis import service_months
from planner.solver.arrays import Floats
from planner.studies.next_step import OnStep, untold
from planner.studies.screening import LiveFrontier, Point

EXTRA_COST_SHARES = (0.01, 0.03)
COLUMNS = ["choice", "unit", "extra_cost_share", "best", "least", "most"]


def near_optimal_ranges(
    live: LiveFrontier,
    max_delay_months: float | None,
    min_control_points: float | None = None,
    extra: Iterable[float] = EXTRA_COST_SHARES,
    should_stop: Callable[[], bool] | None = None,
    on_step: OnStep = untold,
) -> pd.DataFrame:
    """choice, unit, extra_cost_share, best, least, most: on the cheapest pattern at the given limits.

    Choices: share of the served work by host and by vendor, accelerators owned and rented at the end, control. A stop
    leaves out those that are not worked out; ``on_step`` is told how many are, of how many.
    """
    shares, rows = tuple(extra), list[tuple[str, str, float, float, float, float]]()
    point = live.solve(max_delay_months, min_control_points)
    of = 0 if point is None else len(shares) * len(choices(live))
    for row in () if point is None else near_optimal_rows(live, point, shares):
        rows.append(row)
        on_step(len(rows), of)
        if should_stop is not None and should_stop():
            break
    return pd.DataFrame(rows, columns=COLUMNS)


def near_optimal_rows(
    live: LiveFrontier, point: Point, extra: Iterable[float] = EXTRA_COST_SHARES
) -> Iterator[tuple[str, str, float, float, float, float]]:
    """The rows of ``near_optimal_ranges`` around a point, one by one: between two, others may ask the programme."""
    engine = point.engine
    for share in extra:
        bounds = Bounds(
            max_delay_months_by_workload=live.caps(point.max_delay_months),
            min_control_points=point.min_control_points,
            max_cost_musd=point.figures["cost_npv_musd"] * (1 + share),
        )
        for name, unit, weights in choices(live):
            ends = []
            with engine.live.lock:
                engine.policy(bounds)
                for sign in (1.0, -1.0):
                    engine.minimise_sum(sign * weights)
                    found = engine.lp()
                    ends.append(np.nan if found.x is None else float(weights @ found.x))
            yield name, unit, share, float(weights @ point.x), ends[0], ends[1]


def service_by_workload(live: LiveFrontier, point: Point) -> pd.DataFrame:
    """w, first_, half_, full_service_months of each workload at a point, from the start; NaN where that is never."""
    unserved = point.engine.family(point.x, "unserved")
    rows = [
        {"w": w, **service_months(1.0 - part.droplevel(0), live.case.calendar)}
        for w, part in unserved.groupby(level=0, sort=False)
    ]
    return pd.DataFrame(rows)


def choices(live: LiveFrontier) -> list[tuple[str, str, Floats]]:
    """Headline choices as weights over the model's columns."""
    case, arrays = live.case, live.base.arrays
    block, fleet = arrays.columns["serve"], arrays.columns["fleet"]
    rate = case.serve["rate"]
    months = case.periods["months"].to_numpy(float)
    total = float(case.demand["demand_kref"] @ months[case.demand["t"].to_numpy(int)])
    width, last = arrays.shape[1], case.calendar.n - 1
    by: dict[tuple[str, str], Floats] = {}
    for i, index in enumerate(block.index):
        _, h, _, k, t = index
        for name in (f"work at {h}", f"work on {case.systems.loc[k, 'vendor']} chips"):
            by.setdefault((name, "share of demand"), np.zeros(width))[block.start + i] = (
                float(rate[index]) * months[t] / total
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
