"""Points of one pattern that were solved, with their bases: a point far from the last is solved from the nearest.

A hot simplex takes some hundred pivots a month or a point of control, a thousand where training runs become due, and gives
up after some thousands. To go on from another basis costs factors and edge weights, once.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from planner.solver.engine import DEVEX, Basis, Engine

RUN_MONTHS = 1.5
"""Months of delay that are as many pivots as another training run that may, or may not, be left undone."""
FRESH_MONTHS, FRESH_MONTHS_BY_DEVEX = 2.0, 0.5
"""Months of delay that are as many pivots as new factors cost, with new edge weights and without."""
BELOW_MOST = (0.0, 0.1, 0.3, 0.6, 1.2, 3.0)
"""Points of control below the most at a delay."""
MONTHS_BELOW_MOST = (0.0, 4.0, 10.0, 20.0, 31.0, 38.0)
"""Months of delay that are as many pivots as these points; below them a point is as many as a month."""
KEPT = 600
"""Bases kept: one of Korea with all options of power is 30 kB."""


@dataclass(frozen=True)
class Place:
    """Limits of a point: months of delay, points of control, and how many training runs may be left undone.

    A point that is solved has ``reached`` some points of control: it is as good for every floor up to these. ``most`` is
    the most control at this delay, about; infinite where it is not known.
    """

    months: float
    control: float
    may_be_left: int
    reached: float = -math.inf
    most: float = math.inf

    def depth(self, control: float) -> float:
        """How far a floor is below the most control, in months of delay that are as many pivots."""
        below = self.most - control
        return float(np.interp(below, BELOW_MOST, MONTHS_BELOW_MOST)) + max(0.0, below - BELOW_MOST[-1])

    def months_to(self, other: Place) -> float:
        """How far a solved one is, in months of delay that are as many pivots.

        A point of control is as many as a month, and close to the most control as some tens.
        """
        far = 0.0 if self.months == other.months else abs(self.months - other.months)
        runs = abs(self.may_be_left - other.may_be_left)
        asked, low, high = self.control, other.control, max(other.control, other.reached)
        if math.isfinite(self.most + other.most):
            asked, low, high = -self.depth(asked), -other.depth(low), -other.depth(high)
        short = max(low - asked, asked - high, 0.0)
        return far + short + RUN_MONTHS * runs


@dataclass
class Near:
    """The points of one pattern, the oldest first, and where its own programme stands; None where it is not known."""

    points: deque[tuple[Place, Basis]] = field(default_factory=lambda: deque(maxlen=KEPT))
    last: Place | None = None
    fresh_months: float = FRESH_MONTHS

    def by_devex(self, engine: Engine) -> None:
        """The pattern's own programme is priced by Devex from now on: another basis has no edge weights to work out."""
        engine.live.set_option(*DEVEX)
        self.fresh_months = FRESH_MONTHS_BY_DEVEX

    def keep(self, engine: Engine, place: Place) -> None:
        """Keep the basis of a point that an engine of this pattern has just solved."""
        self.points.append((place, engine.basis()))

    def ended(self, engine: Engine, place: Place | None) -> None:
        """The pattern's own programme stands at a point; None where it has found none."""
        self.last = place
        if place is not None:
            self.keep(engine, place)

    def go(self, engine: Engine, place: Place) -> None:
        """Take the pattern's own programme to the nearest point, if that is worth new edge weights."""
        points = [*self.points]  # a sweep may be adding some
        if not points:
            return
        nearest, basis = min(points, key=lambda known: place.months_to(known[0]))
        if self.last is not None:
            # another floor is a change of the matrix, after which the weights are new anyway
            fresh = self.fresh_months if place.control == self.last.control else 0.0
            if place.months_to(self.last) <= place.months_to(nearest) + fresh:
                return
        engine.go_on_from(basis)
