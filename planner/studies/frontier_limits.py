"""At which limits the plans of a frontier are made: anchors first, then wherever two plans are furthest apart.

A plan that was asked for ``f`` points and has ``c`` is the plan of every floor from ``f`` to ``c`` at its delay, and one
that may be ``m`` months late and is ``d`` that of every delay from ``d`` to ``m`` at its floor. What no plan covers is
open, and the middle of the widest stretch that is open is asked next. Where none is left, no other plan is to be had.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from planner.case.case import Case
from planner.facts.rounding import rounded_down, rounded_up
from planner.planning.solve_run import DELAY_SLACK_MONTHS
from planner.scenario.schema import Scenario
from planner.studies.frontier_plans import Made, Task
from planner.studies.frontier_tables import OBJECTIVES, SHORT_OF_MOST, beaten
from planner.studies.screening import LiveFrontier

HIGH_SHARE = 0.9
"""High control asked of a plan, as a share of the way from what costs nothing to the attainable most."""
FAST = 0.1
"""Months a plan gets beyond the least delay at its fastest: whole racks need a little room."""
SLOW = 12.0
"""Months a plan gets beyond the least delay at its slowest."""
DIGITS = 3
"""Of figures by which plans are told apart."""
LEAST_STRETCH_POINTS, LEAST_STRETCH_MONTHS = 0.1, 0.1
"""Shorter stretches of control and of delay between two plans are not divided."""


@dataclass(frozen=True)
class Limit:
    """Limits of a plan: months beyond the least delay and points of control; None of both for the scenario's own.

    ``most``: the plan of most control at that delay instead of least cost.
    """

    longer: float | None
    floor: float | None
    most: bool = False


@dataclass(frozen=True)
class Reached:
    """What came of limits: months beyond the least delay (of the workload nearest to its cap), points; None for no plan."""

    asked: Limit
    longer: float | None
    control: float | None


OWN, MOST = Limit(None, None), Limit(None, None, most=True)


class Limits:
    """Limits of the plans of one case; ``free`` is its relaxation, by which it is known what control can be reached."""

    def __init__(self, case: Case, free: LiveFrontier, quality: str) -> None:
        self.case, self.free, self.quality = case, free, quality
        limits = case.scenario.limits
        self.stated = limits.max_delay_months is not None
        tolerance = limits.delay_tolerance_months
        self.tolerance = case.catalog.param("delay_tolerance_months") if tolerance is None else tolerance
        self._spans: dict[float, tuple[float, float]] = {}

    def span(self, longer: float) -> tuple[float, float]:
        """Points at least cost and at most, at months beyond the least delay, by the relaxation."""
        if longer not in self._spans:
            months = self.free.least_delay_months + longer
            low = self.free.at(months)["control_score"]
            self._spans[longer] = (
                low,
                max(low, rounded_down(self.free.most_control(months) - SHORT_OF_MOST, 2)),
            )
        return self._spans[longer]

    def anchors(self, points: int) -> list[Limit]:
        """The scenario's own limits, the most control at its own delay, then the corners, most telling first."""
        own, fast = max(self.tolerance, FAST), FAST
        shares = (
            (fast, 0.0), (SLOW, 0.0), (own, 0.5), (SLOW, HIGH_SHARE), (fast, 0.5), (SLOW, 0.5),
            (2 * own, 0.0), (2 * own, HIGH_SHARE), (own / 3, 0.0), (fast, HIGH_SHARE),
        )  # fmt: skip
        low, high = self.span(own)
        found = [OWN, *([MOST] if high - low >= LEAST_STRETCH_POINTS else [])]
        found += [Limit(own, None)] if self._own_differs else []
        for longer, share in shares:
            low, high = self.span(longer) if share else (0.0, 0.0)
            if share and high - low < LEAST_STRETCH_POINTS:
                continue
            limit = Limit(longer, rounded_down(low + share * (high - low), 2) if share else None)
            if limit not in found:
                found.append(limit)
        return found[:points]

    @property
    def _own_differs(self) -> bool:
        """Whether the scenario's own limits are others than the usual tolerance and no floor."""
        return self.stated or bool(self.case.scenario.limits.min_control)

    def task(self, point: int, limit: Limit) -> Task:
        """A plan to make; the scenario as it stands for its own limits."""
        scenario = self.case.scenario
        if limit == MOST:
            floor = scenario.limits.min_control
            if self.stated:  # a floor that is out of reach must not leave it without a plan
                limits = scenario.limits.model_copy(update={"min_control": None})
                scenario = scenario.model_copy(update={"limits": limits})
            elif floor is None or floor > self.free.most_control(None):
                # the least delay that the tolerance is measured from is known; that under a floor is not
                own = self.free.least_delay_months + max(self.tolerance, DELAY_SLACK_MONTHS)
                scenario = limited(scenario, self.free.caps(own), None)
            return Task(point, scenario, self.case.catalog, self.quality, "control")
        if limit.longer is not None:
            caps = self.free.caps(self.free.least_delay_months + limit.longer)
            scenario = limited(scenario, caps, limit.floor)
        return Task(point, scenario, self.case.catalog, self.quality)

    def between(self, reached: Sequence[Reached], missing: int) -> list[Limit]:
        """As many limits as plans are missing, in the widest stretches that no plan covers; none where there are none."""
        known = {one.asked for one in reached}
        stretches = sorted(
            ((width, limit) for width, limit in self._open(reached) if limit not in known),
            key=lambda one: -one[0],
        )
        return [limit for _, limit in stretches[:missing]]

    def _open(self, reached: Sequence[Reached]) -> Iterable[tuple[float, Limit]]:
        """Middles of what is open: its share of the whole stretch, and the limits."""
        own = max(self.tolerance, FAST)
        plans = [self._placed(one) for one in reached]
        for longer in sorted({one.asked.longer for one in plans if one.asked.longer is not None} | {own}):
            low, high = self.span(longer)
            if high - low < LEAST_STRETCH_POINTS:
                continue
            covered = [(low, low), (high, high)]
            for one in plans:
                if one.asked.longer != longer:
                    continue
                if one.asked.most:  # none has noticeably more
                    covered += [(min(one.control, high), high)] if one.control is not None else []
                else:
                    floor = one.asked.floor if one.asked.floor is not None else low
                    covered.append(
                        (floor, high if one.control is None else min(max(floor, one.control), high))
                    )
            for start, end in _gaps(covered, LEAST_STRETCH_POINTS):
                middle = rounded_down((start + end) / 2, 2)
                yield (end - start) / (high - low), Limit(longer, middle)
        covered = [(FAST, FAST), (SLOW, SLOW)]
        for one in plans:
            if one.asked.floor is None and one.asked.longer is not None and not one.asked.most:
                fastest = 0.0 if one.longer is None else min(one.longer, one.asked.longer)
                covered.append((fastest, one.asked.longer))
        for start, end in _gaps(covered, LEAST_STRETCH_MONTHS):
            yield (end - start) / (SLOW - FAST), Limit(round((start + end) / 2, 2), None)

    def _placed(self, one: Reached) -> Reached:
        """The plans at the scenario's own limits as ones at the usual tolerance, where that is what they are."""
        if one.asked in (OWN, MOST) and not self._own_differs:
            asked = Limit(max(self.tolerance, FAST), None, one.asked.most)
            return Reached(asked, one.longer, one.control)
        return one

    def reached(self, limit: Limit, made: Made | None) -> Reached:
        """What a plan made of its limits."""
        if made is None:
            return Reached(limit, None, None)
        demand = made.tables["demand"]
        months = demand["t"].map(self.case.periods["months"]) * demand["unserved_share"]
        beyond = months.groupby(demand["w"]).sum() - pd.Series(self.free.least)
        return Reached(limit, float(beyond.max()), made.kpis["control_score"])


def _gaps(covered: Iterable[tuple[float, float]], shortest: float) -> Iterable[tuple[float, float]]:
    """Stretches between intervals that none of them covers."""
    merged: list[tuple[float, float]] = []
    for low, high in sorted(covered):
        if merged and low <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], high)
        else:
            merged.append((low, high))
    for (_, end), (start, _) in pairwise(merged):
        if start - end >= shortest:
            yield end, start


def limited(scenario: Scenario, caps: Mapping[str, float], floor: float | None) -> Scenario:
    """The scenario with limits on the months of each workload and on control, rounded to what is surely allowed."""
    months = {w: rounded_up(m, 4) for w, m in caps.items()}
    least = None if floor is None else rounded_down(floor, 2)
    limits = scenario.limits.model_copy(update={"max_delay_months": months, "min_control": least})
    return scenario.model_copy(update={"limits": limits})


def distinct(plans: Iterable[Made]) -> int:
    """How many plans no other beats, those alike counted once."""
    table = pd.DataFrame([{name: one.kpis[name] for name in OBJECTIVES} for one in plans])
    return len(table[~beaten(table, table)].round(DIGITS).drop_duplicates())
