"""What the next step outward costs from a point: one definition for table, charts, sliders and command line.

The price of control is the cost of one whole point more at the same bound on delay, the price of speed that of one
whole month less at the same floor on control, each with everything else free to follow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd

CONTROL, SPEED = "price_of_control_musd_per_point", "price_of_speed_musd_per_month"


class Live(Protocol):
    """A live trade-off, such as ``planner.studies.screening.LiveFrontier``."""

    def at(self, max_delay_months: float | None, min_control_points: float | None) -> dict[str, Any]: ...


def tighter(answer: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """The limits (months, points) whose cost, less that of ``answer``, is the price of the name."""
    months, floor = float(answer["max_delay_months"]), answer["min_control"]
    points = 0.0 if floor is None or floor != floor else float(floor)
    return {CONTROL: (months, max(points, answer["control_score"]) + 1.0), SPEED: (months - 1.0, points)}


def price(answer: Mapping[str, Any], stricter: Mapping[str, Any]) -> float:
    """MUSD for one whole point more, or one whole month less; NaN where nothing reaches the tighter limit."""
    return float(stricter["cost_npv_musd"]) - float(answer["cost_npv_musd"])


def with_prices(
    points: pd.DataFrame, live: Live, should_stop: Callable[[], bool] | None = None
) -> pd.DataFrame:
    """The points with both prices; NaN for plans, for points that another beats, and after a stop."""
    points = points.assign(**{CONTROL: np.nan, SPEED: np.nan})
    for i, row in points[points["on_front"] & (points["quality"] == "screening")].iterrows():
        for name, (months, floor) in tighter(row.to_dict()).items():
            if should_stop is not None and should_stop():
                return points
            points.loc[i, name] = price(row, live.at(months, floor))
    return points
