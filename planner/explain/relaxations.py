"""What may give in an infeasible case: every limit the scenario states, as one elastic column of the model.

A relaxation is one number a user wrote (a cap, a quota step, a floor). Its column is the change of that number in
its own unit, so that the answer of the elastic model is the new value itself. Rows of physics (fleet, space,
heat, power) never give: their lead times show up as must-serve dates that cannot be met.

Some values multiply variables (control floors, share caps, survival shares, the largest size of a host); their
columns are exact where all demand is served, and ``exact`` writes the true rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from planner.facts.rounding import rounded_down, rounded_up
from planner.solver.arrays import Arrays, Floats
from planner.solver.highs import LiveHighs

TIERS = {
    "cost": 0.0, "capital": 0.0, "carbon": 0.0, "renewable": 0.0, "quota": 0.0, "crew": 0.0, "grid": 0.0, "land": 0.0,
    "water": 0.0, "heat": 0.0, "decision": 0.0,
    "delay": 0.5, "control": 0.5, "class floor": 0.5, "share": 0.5, "survival": 0.5, "lapse": 0.5, "efficiency": 0.5,
    "heat share": 0.5, "host size": 1.0, "allocation": 1.0, "must serve": 2.0,
}  # fmt: skip
"""Who gives first: resource limits, then service limits (waiting, control, shares, survival, kept service), dates last."""
TIER_FACTOR = 100.0
POINT_DECIMALS = 2
"""Decimals with which points of control are written."""

Exact = Callable[[LiveHighs, float], None]


@dataclass(frozen=True)
class Relaxation:
    """One value of the scenario that may give.

    ``rows``, ``coefficients``: the column of a change by one unit, signed so that a positive change relaxes.
    ``direction`` is +1 where the value itself grows, -1 where it falls; ``most`` is the largest change that
    makes sense; ``scale`` is what a change is measured by where the value is smaller. ``changed`` gives what to
    write where that is no number, ``exact`` writes rows the column only approximates. ``decimals`` are those the value is
    written with, where it is not four digits of the change.
    """

    kind: str
    path: str
    value: float
    unit: str
    what: str
    rows: Any
    coefficients: Floats
    direction: int = 1
    most: float = np.inf
    scale: float = 0.0
    changed: Callable[[float], Any] | None = None
    exact: Exact | None = None
    decimals: int | None = None
    where: dict[str, Any] = field(default_factory=dict)

    def price(self, tiers: Mapping[str, float]) -> float:
        """Cost of one unit of change: its share of the value (at least ``scale``), times the factor of its tier."""
        base = max(abs(self.value), self.scale)
        return float(TIER_FACTOR ** tiers.get(self.kind, 0.0) / (base or 1.0))

    def new_value(self, change: float) -> Any:
        """What to write at ``path``."""
        if self.changed is not None:
            return self.changed(change)
        return rounded(self.value, self.direction * change, self.decimals)

    def write(self, live: LiveHighs, change: float) -> None:
        """Write the changed value into the true rows."""
        if self.exact is not None:
            return self.exact(live, change)
        arrays = live.arrays
        lower, upper = arrays.row_lower[self.rows].copy(), arrays.row_upper[self.rows].copy()
        down = self.coefficients < 0  # a cap: the column stands on the left of <=
        upper[down] -= self.coefficients[down] * change
        lower[~down] -= self.coefficients[~down] * change
        live.set_row_bounds(self.rows, lower, upper)
        return None


def rounded(value: float, change: float, decimals: int | None = None) -> float:
    """``value + change`` with the change to four digits, rounded to the side that keeps the cure; or to so many decimals.

    >>> rounded(20.0, 32.50967), rounded(69.0, -1.401751), rounded(2.0, 1.0000000002), rounded(69.0, -1.401751, 2)
    (52.51, 67.598, 3.0, 67.59)
    """
    if change == 0 or not np.isfinite(change):
        return float(value + change)
    places = 3 - int(np.floor(np.log10(abs(change)))) if decimals is None else decimals
    return (rounded_up if change > 0 else rounded_down)(float(value + change), places)


def rows_of(arrays: Arrays, rule: str, first: str | None = None, periods: range | None = None) -> Any:
    """Rows of a rule whose index begins with ``first`` and ends within ``periods``; None means any."""
    block = arrays.rows.get(rule)
    if block is None:
        return np.zeros(0, int)
    return np.array(
        [
            block.start + i
            for i, index in enumerate(block.index)
            if (first is None or index[0] == first) and (periods is None or index[-1] in periods)
        ],
        int,
    )


def periods_of(arrays: Arrays, rule: str, rows: Any) -> np.ndarray:
    """The period, last of its index, of each of some rows of a rule."""
    block = arrays.rows.get(rule)
    return np.array([] if block is None else [block.index[i - block.start][-1] for i in rows], int)


def scaled_rows(rows: Any, per_unit: float, families: tuple[str, ...]) -> Exact:
    """Rows whose coefficients of these families, and right-hand side, are proportional to the value."""

    def exact(live: LiveHighs, change: float) -> None:
        a = live.arrays
        factor = 1.0 + per_unit * change
        inside = np.zeros(a.shape[1], bool)
        for family in families:
            inside[a.columns[family].slice] = True
        for row in rows:
            for at in range(a.matrix.indptr[row], a.matrix.indptr[row + 1]):
                column = int(a.matrix.indices[at])
                if inside[column]:
                    live.change_coefficient(int(row), column, float(a.matrix.data[at]) * factor)
        lower, upper = a.row_lower[rows].copy(), a.row_upper[rows].copy()
        for side in (lower, upper):
            side[np.isfinite(side)] *= factor
        live.set_row_bounds(rows, lower, upper)

    return exact
