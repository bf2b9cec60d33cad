"""Points of one pattern that were solved, with their bases: another point is solved from the one that is nearest by cost.

What the limits of a solved point are worth says what any other limits cost at least: from the basis of the most of these, a
dual simplex has least to climb.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from planner.case.bounds import Bounds
from planner.solver.arrays import Floats
from planner.solver.engine import DEVEX, Basis, Engine

FRESH, FRESH_BY_DEVEX = 1e-3, 1e-4
"""Share of cost that is as many pivots as new factors cost, with new edge weights and without."""
NO_PRICE = 1e-6
"""MUSD by unit of a limit that are within the tolerance of a solver."""
KEPT = 600
"""Bases kept: one of Korea with all options of power is 30 kB."""


@dataclass(frozen=True)
class Known:
    """A solved point: its limits, its cost (MUSD), what a unit more of each limit adds to that, and its basis.

    A floor on control is a share of what is served: its price is for each unit served.
    """

    asked: Bounds
    limits: Floats
    cost: float
    prices: Floats
    served: float
    basis: Basis

    def at_least(self, limits: Floats, served: float) -> float:
        """MUSD that a plan within other limits costs at least, by the prices here, if it serves so much."""
        priced = np.abs(self.prices) > NO_PRICE
        more = limits[priced] - self.limits[priced]
        if priced[-1]:
            more[-1] *= served
        return self.cost + float(self.prices[priced] @ more)

    def open_to(self, other: Known) -> float:
        """MUSD that the prices of two points leave open at most somewhere between them, where a mix of both is a plan."""
        pairs = (self, other), (other, self)
        above, below = (max(0.0, b.cost - a.at_least(b.limits, b.served)) for a, b in pairs)
        return above * below / (above + below) if above and below else 0.0


@dataclass
class Near:
    """The points of one pattern, the oldest first, and where its own programme stands; None where it is not known."""

    points: deque[Known] = field(default_factory=lambda: deque(maxlen=KEPT))
    last: Known | None = None
    fresh: float = FRESH

    def by_devex(self, engine: Engine) -> None:
        """The pattern's own programme is priced by Devex from now on: another basis has no edge weights to work out."""
        engine.live.set_option(*DEVEX)
        self.fresh = FRESH_BY_DEVEX

    def keep(self, engine: Engine, cost: float) -> Known:
        """Keep the basis of a point that an engine of this pattern has just solved for least cost (MUSD)."""
        asked = engine.asked
        known = Known(asked, engine.limits(asked), cost, *engine.limit_prices(), engine.basis())
        self.points.append(known)
        return known

    def ended(self, engine: Engine, cost: float | None) -> None:
        """The pattern's own programme stands at a point of least cost (MUSD); None where it has found none."""
        self.last = None if cost is None else self.keep(engine, cost)

    def go(self, engine: Engine, asked: Bounds) -> None:
        """Take the pattern's own programme to the nearest point, if that is worth new factors."""
        points = [*self.points]  # a sweep may be adding some
        if not points:
            return
        limits = engine.limits(asked)
        served = served_within(limits, points)
        nearest = max(points, key=lambda known: known.at_least(limits, served))
        if self.last is not None:
            # another floor is a change of the matrix, after which the factors are new anyway
            same = asked.min_control_share == self.last.asked.min_control_share
            fresh = self.fresh * abs(nearest.cost) if same else 0.0
            if self.last.at_least(limits, served) >= nearest.at_least(limits, served) - fresh:
                return
        engine.go_on_from(nearest.basis)


def served_within(limits: Floats, points: Sequence[Known]) -> float:
    """What is served within limits, about: as much as within those that are nearest, months of delay before all else."""
    apart = np.array([known.limits for known in points])
    same = apart == limits  # infinite ones too
    np.subtract(apart, limits, out=apart, where=~same)
    return points[int(np.abs(np.where(same, 0.0, apart)).sum(axis=1).argmin())].served
