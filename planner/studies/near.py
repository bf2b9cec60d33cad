"""Points of one pattern that were solved, with their bases: a point far from the last is solved from the nearest.

A hot simplex takes some hundred pivots a month or a point of control, a thousand where training runs become due, and gives
up after some thousands. To go on from another basis costs factors and edge weights, once.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from planner.solver.engine import DEVEX, Basis, Engine

RUN_MONTHS = 1.5
"""Months of delay that are as many pivots as another training run that may, or may not, be left undone."""
FRESH_MONTHS, FRESH_MONTHS_BY_DEVEX = 2.0, 0.5
"""Months of delay that are as many pivots as new factors cost, with new edge weights and without."""
KEPT = 600
"""Bases kept: one of Korea with all options of power is 30 kB."""


@dataclass(frozen=True)
class Place:
    """Limits of a point: months of delay, points of control, and how many training runs may be left undone.

    A point that is solved has ``reached`` some points of control: it is as good for every floor up to these.
    """

    months: float
    control: float
    may_be_left: int
    reached: float = -math.inf

    def months_to(self, other: Place) -> float:
        """How far a solved one is, in months of delay that are as many pivots; a point of control is as many as a month."""
        far = 0.0 if self.months == other.months else abs(self.months - other.months)
        runs = abs(self.may_be_left - other.may_be_left)
        short = max(other.control - self.control, self.control - max(other.control, other.reached), 0.0)
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
