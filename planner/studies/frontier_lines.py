"""Where a grid of limits on delay and control is made finer: where most of what lies behind the front is not known yet.

Within limits between two neighbours of the grid only the cost at the stricter is known to suffice. So of the volume behind
the front that stretch may miss the step in cost times its length, and half of it where cost is a straight line; in n equal
parts it misses an n-th of that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from planner.facts.rounding import rounded_down
from planner.solver.arrays import Floats
from planner.studies.frontier_tables import Grid, rows_of
from planner.studies.screening import LiveFrontier

MORE_LIMITS = 3
"""Limits on delay and floors on control, in all, by which the grid is made finer."""
BEYOND = 0.1
"""Share of the range of months or points that the loosest limit counts for beside the stretches: else a grid of one floor,
or one delay, would have none."""
DIGITS = 2
"""Of months and points that are asked for."""


def finer_rows(
    live: LiveFrontier, known: Grid, should_stop: Callable[[], bool] | None
) -> list[dict[str, Any]]:
    """Points at a few limits more, at all levels and delays of a grid, where those behind the front leave most open."""
    if not known.rows:
        return []
    at = {(row["max_delay_months"], row["min_control"]): row["cost_npv_musd"] for row in known.rows}
    floors = [None, *known.levels[1:]]
    costs = np.array([[at.get((m, floor), np.nan) for floor in floors] for m in known.months])
    if np.isnan(costs).all():  # stopped
        return []
    later, higher = finer(known.months, known.levels, costs, MORE_LIMITS)
    found = live.sweep(later, [*floors, *higher], should_stop) if later else []
    return rows_of([*found, *(live.sweep(known.months, higher, should_stop) if higher else [])])


def finer(
    months: Sequence[float], levels: Sequence[float], costs: Floats, lines: int
) -> tuple[list[float], list[float]]:
    """Limits on delay (months) and floors (points) to add, ``lines`` together, fewer where cost does not change.

    ``costs`` (MUSD) are those of months x levels, both rising, NaN where nothing reaches a point: it counts as the dearest.
    The first level is the control at least cost.
    """
    known = np.where(np.isnan(costs), np.nanmax(costs), costs)
    slower, more = _stretches(months), _stretches(levels)
    missed = np.maximum(
        np.concatenate(
            [
                slower * (-np.diff(known, axis=0) @ np.append(BEYOND, more)),
                more * (np.append(slower, BEYOND) @ np.diff(known, axis=1)),
            ]
        ),
        0.0,
    )
    parts = np.ones(len(missed), int)
    for _ in range(lines):
        gained = missed / parts - missed / (parts + 1)
        if not gained.any():
            break
        parts[gained.argmax()] += 1
    return _inside(months, parts[: len(slower)]), _inside(levels, parts[len(slower) :])


def _stretches(limits: Sequence[float]) -> Floats:
    """Lengths between neighbours as shares of the whole range."""
    lengths = np.diff(np.asarray(limits, float))
    return lengths / lengths.sum() if len(lengths) else lengths


def _inside(limits: Sequence[float], parts: np.ndarray) -> list[float]:
    """The ends of equal parts within each stretch; none of one shorter than what is told apart."""
    return [
        shown
        for low, high, n in zip(limits[:-1], limits[1:], parts, strict=True)
        for at in np.linspace(low, high, n + 1)[1:-1]
        if low < (shown := rounded_down(float(at), DIGITS)) < high
    ]
