"""Whole units one period after the other: where supply is short, rounding all orders at once finds nothing.

Where quotas, crews and caps on delay bind in most quarters, no rounding of every order up or down fits, and the
programme over all units at once may search for an hour. In turn it is easy: the units of a period are rounded
one by one, the nearest to a whole number first, and after each the linear programme moves what is left to later
periods. Only the end may not come out; then the last periods are solved together as a small integer programme.
"""

from __future__ import annotations

import time

import numpy as np

from planner.solver.arrays import Floats
from planner.solver.engine import UNITS, Engine
from planner.solver.solution import Solution, Status

WHOLE = 1e-6
STEPS_BACK = (6, 12)
"""Periods before a dead end that are solved together with all later ones, fewest first."""
LP_PIVOTS = 40_000
"""Of a linear programme with one number more held, which mostly takes a few dozen: what needs more counts as a dead end."""
TAIL_NODES = 300
"""Of an integer programme of last periods."""


def in_turn(engine: Engine, gap: float, time_limit_s: float, good_enough: float = -np.inf) -> Solution:
    """Whole units period by period; they are held in the end. Without values where none were found.

    Objective, policy bounds and what else is held are the engine's own; ``gap`` is that of the small programme, which also
    ends at an objective that is ``good_enough``.
    """
    return _Dive(engine, gap, time.perf_counter() + time_limit_s, good_enough).run()


class _Dive:
    """Bounds of the units while they are rounded, and the last linear programme."""

    def __init__(self, engine: Engine, gap: float, deadline: float, good_enough: float) -> None:
        self.engine, self.gap, self.deadline, self.good_enough = engine, gap, deadline, good_enough
        self.columns = engine.live.columns(UNITS)
        self.periods = np.array([int(i[3]) for i in engine.arrays.columns[UNITS].index])
        solved = engine.live.arrays
        self.free = solved.col_lower[self.columns], solved.col_upper[self.columns]
        self.lower, self.upper = self.free[0].copy(), self.free[1].copy()
        self.last = self.solve()

    def run(self) -> Solution:
        for t in sorted(set(self.periods.tolist())):
            if self.last.x is None:
                break
            if not self.rounded(np.flatnonzero(self.periods == t)):
                self.last = self.tail(t)
                break
        if self.last.x is None:
            self.engine.fix(UNITS, None)
        return self.last

    def rounded(self, at: np.ndarray) -> bool:
        """Round the units of one period, nearest first; False at a dead end, with the bounds as before it."""
        held = self.lower.copy(), self.upper.copy()
        while True:
            values = self.values()[at]
            away = np.abs(values - np.round(values))
            if away.max() < WHOLE:
                break
            j = int(np.argmin(np.where(away < WHOLE, 1.0, away)))
            near = float(np.round(values[j]))
            other = near + (1.0 if near < values[j] else -1.0)
            if not any(self.holds(at[j : j + 1], whole) for whole in (near, other)):
                self.lower, self.upper = held
                return False
        if self.holds(at, np.round(values)):
            return True
        self.lower, self.upper = held
        return False

    def holds(self, at: np.ndarray, whole: float | Floats) -> bool:
        """Hold units at whole numbers; False (and freed again) where nothing else fits them."""
        before = self.lower[at].copy(), self.upper[at].copy()
        self.lower[at] = self.upper[at] = whole
        found = self.solve()
        if found.x is not None:
            self.last = found
            return True
        self.lower[at], self.upper[at] = before
        return False

    def tail(self, t: int) -> Solution:
        """The units from a few periods before ``t`` on, as one integer programme."""
        live, found = self.engine.live, self.last
        for back in STEPS_BACK:
            late = self.periods >= t - back
            self.lower[late], self.upper[late] = self.free[0][late], self.free[1][late]
            live.set_col_bounds(self.columns, self.lower, self.upper)
            live.set_integrality(self.columns[late], True)
            with live.at_most_nodes(TAIL_NODES), live.by_tree():
                found = self.engine.solve(
                    gap=self.gap, time_limit_s=self.left(), good_enough=self.good_enough
                )
            live.set_integrality(self.columns[late], False)
            if found.x is not None:
                whole = np.round(self.units(found.x))
                live.set_col_bounds(self.columns, whole, whole)
                return self.engine.solve(time_limit_s=self.left())
            if found.status is not Status.INFEASIBLE and time.perf_counter() > self.deadline:
                break
        return found

    def values(self) -> Floats:
        assert self.last.x is not None
        return self.units(self.last.x)

    def units(self, x: Floats) -> Floats:
        return x[self.engine.arrays.columns[UNITS].slice]

    def solve(self) -> Solution:
        live = self.engine.live
        live.set_col_bounds(self.columns, self.lower, self.upper)
        with live.at_most(LP_PIVOTS):
            return self.engine.solve(time_limit_s=self.left())

    def left(self) -> float:
        """Seconds till the time limit; a programme that has begun gets one in any case."""
        return max(self.deadline - time.perf_counter(), 1.0)
