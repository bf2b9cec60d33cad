"""What the next step outward costs from a point: one definition for table, charts, sliders and command line.

The price of control is the cost of one whole point more at the same bound on delay, the price of speed that of one
whole month less at the same floor on control, each with everything else free to follow.

Both costs are known up to a gap: the least cost lies between what the known hosts and stacks make of the limits and a
proven bound. So a price lies between two ends, and it is known where they are at most half of it apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from planner.facts.rounding import rounded_down

CONTROL, SPEED = "price_of_control_musd_per_point", "price_of_speed_musd_per_month"
KNOWN_WITHIN = 0.5
"""Share of a price that its ends may be apart for it to be known."""
NOISE = 1e-6
"""Share of a cost by which its proven bound may be above it, as two linear programmes differ in their last digits."""
CLOSER = 0.2
"""Share of a price to which the cost at either limit is solved closer."""


OnStep = Callable[[int, int], None]
"""Told how many steps are done, of how many."""


class Live(Protocol):
    """A live trade-off, such as ``planner.studies.screening.LiveFrontier``."""

    def at(self, max_delay_months: float, min_control_points: float) -> dict[str, Any]:
        """What is known to be possible at limits."""

    def at_least(self, max_delay_months: float, min_control_points: float) -> float:
        """MUSD that nothing at these limits can cost less than, halls and servers in parts too."""

    def closer(
        self,
        max_delay_months: float,
        min_control_points: float,
        within_musd: float,
        should_stop: Callable[[], bool] | None = None,
    ) -> tuple[float, int]:
        """Proves more at these limits, as far as ``within_musd``: what the plan found there costs, infinity for none, and
        the pivots that took."""


@dataclass(frozen=True)
class Price:
    """MUSD a whole step: as the known hosts and stacks make it, and the two ends between which it surely lies.

    NaN in all three where nothing reaches the tighter limit.
    """

    musd: float
    least: float
    most: float

    @property
    def known(self) -> bool:
        """Whether it lies between its ends, and these are near enough for it to be said."""
        between = self.least <= self.musd <= self.most
        return between and self.most - self.least <= KNOWN_WITHIN * self.musd

    @property
    def shown(self) -> float:
        """The price where it is known, else NaN."""
        return self.musd if self.known else math.nan


NONE = Price(math.nan, math.nan, math.nan)


def tighter(answer: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """The limits (months, points) whose cost, less that of ``answer``, is the price of the name."""
    months, points = limits(answer)
    return {CONTROL: (months, max(points, answer["control_score"]) + 1.0), SPEED: (months - 1.0, points)}


def limits(answer: Mapping[str, Any]) -> tuple[float, float]:
    """Months and points that were asked of an answer."""
    floor = answer["min_control"]
    return float(answer["max_delay_months"]), 0.0 if floor is None or floor != floor else float(floor)


def price(live: Live, answer: Mapping[str, Any], stricter: tuple[float, float]) -> Price:
    """What it costs to go from an answer to stricter limits (months, points)."""
    more = live.at(*stricter)
    if not more["feasible"]:
        return NONE
    return _between(live, limits(answer), float(answer["cost_npv_musd"]), stricter, more["cost_npv_musd"])


def _between(
    live: Live, here: tuple[float, float], cost: float, stricter: tuple[float, float], more: float
) -> Price:
    least = max(0.0, _bound(live, stricter, more) - cost)  # stricter limits cost no less
    return Price(max(0.0, more - cost), least, max(0.0, more - _bound(live, here, cost)))


def _bound(live: Live, limits: tuple[float, float], cost: float) -> float:
    """What is proven of limits at which something costs so much (MUSD): no more than that, but for a fault."""
    bound = live.at_least(*limits)
    return min(bound, cost) if bound <= cost + NOISE * max(1.0, abs(cost)) else bound


def untold(done: int, of: int) -> None:
    """Tells nobody how many steps are done."""


def solve_closer(
    points: pd.DataFrame,
    live: Live,
    most_pivots: int,
    should_stop: Callable[[], bool] | None = None,
    on_look: OnStep = untold,
    on_step: OnStep = untold,
) -> None:
    """For so many pivots, proves more of the costs behind prices that are not known; ``live`` keeps what it learns.

    Not seconds: what is known is then the same on a busy machine, and where a run goes on. ``on_look`` is told how many
    prices were looked at as they are, of how many; ``on_step`` how many of those that are not known were solved closer.
    """
    pivots = 0

    def late() -> bool:
        return pivots > most_pivots or (should_stop is not None and should_stop())

    steps: list[tuple[float, int, dict[str, Any], tuple[float, float], float]] = []
    rows = _priced(points, live).values()
    asked = {(limits(row), stricter): row for row in rows for stricter in tighter(row).values()}
    for done, ((_, stricter), row) in enumerate(asked.items()):
        if late():
            return
        on_look(done, len(asked))
        found = price(live, row, stricter)
        if found.musd > 0 and not found.known:
            steps.append(((found.most - found.least) / found.musd, len(steps), row, stricter, found.musd))
    # those that lack least first: they are known soonest
    for done, (_, _, row, stricter, musd) in enumerate(sorted(steps)):
        on_step(done, len(steps))
        here, cost = limits(row), float(row["cost_npv_musd"])
        more = cost + musd
        for _ in range(2):  # what is found at first may make the step smaller
            within = CLOSER * (more - cost)
            if late() or within <= 0 or _between(live, here, cost, stricter, more).known:
                break
            there, took_there = live.closer(*stricter, within, should_stop)
            at_here, took_here = live.closer(*here, within, should_stop)
            more, cost, pivots = min(more, there), min(cost, at_here), pivots + took_there + took_here


def _priced(points: pd.DataFrame, live: Live) -> dict[Any, dict[str, Any]]:
    """What prices are counted from, by the label of the point: of screening points on the front they themselves.

    Of a plan on it the answer of screening at its delay and the control it has: a step is the difference of two costs on
    one footing, with halls and servers divisible.
    """
    rows = points[points["on_front"]]
    found: dict[Any, dict[str, Any]] = dict(zip(rows.index, rows.to_dict("records"), strict=True))
    for i, row in found.items():
        if row["quality"] != "screening":
            months = float(row["max_delay_months"])
            floor = rounded_down(float(row["control_score"]), 2)
            found[i] = live.at(months, floor) if math.isfinite(months) else {"feasible": False}
    return {i: row for i, row in found.items() if row.get("feasible", True)}


def with_prices(
    points: pd.DataFrame,
    live: Live,
    should_stop: Callable[[], bool] | None = None,
    on_step: OnStep = untold,
) -> pd.DataFrame:
    """The points with both prices and their ends, and the gap of screening points.

    A price is NaN where it is not known, its ends as well where there is none: for points that another beats, and after a
    stop. ``on_step`` is told how many points have theirs, of how many.
    """
    prices: dict[tuple[Any, str], Price] = {}
    priced = _priced(points, live)

    def stop() -> bool:
        return should_stop is not None and should_stop()

    for done, (i, row) in enumerate(priced.items()):
        on_step(done, len(priced))
        for name, stricter in tighter(row).items():
            if stop():
                break
            prices[i, name] = price(live, row, stricter)
    for name in (CONTROL, SPEED):
        found = [prices.get((i, name), NONE) for i in points.index]
        ends = {least(name): [p.least for p in found], most(name): [p.most for p in found]}
        points = points.assign(**{name: [p.shown for p in found], **ends})
    return _with_gaps(points, live, stop)


def proven(points: pd.DataFrame) -> Iterator[tuple[float, float, float]]:
    """Limits (months, points) and MUSD that no plan within them costs less than, as points with prices tell.

    Of each point at its own limits, and at the tighter ones of its prices.
    """
    for row in points[points["quality"] == "screening"].to_dict("records"):
        cost = float(row["cost_npv_musd"])
        if math.isfinite(row["gap"]):
            yield *limits(row), cost - row["gap"] * abs(cost)
        for name, stricter in tighter(row).items():
            if 0 < row[least(name)] < math.inf:
                yield *stricter, cost + row[least(name)]


def least(name: str) -> str:
    """Name of the lower end of a price."""
    return name.replace("_musd", "_least_musd")


def most(name: str) -> str:
    """Name of the upper end of a price."""
    return name.replace("_musd", "_most_musd")


def _with_gaps(points: pd.DataFrame, live: Live, stop: Callable[[], bool]) -> pd.DataFrame:
    """Screening points with the share of their cost by which better hosts and stacks could beat them at most."""
    gaps = points["gap"].to_numpy(float, copy=True)
    for at, row in enumerate(points.to_dict("records")):
        if row["quality"] == "screening" and not stop():
            cost = row["cost_npv_musd"]
            gaps[at] = max(0.0, cost - live.at_least(*limits(row))) / max(abs(cost), 1e-9)
    return points.assign(gap=np.where(np.isfinite(gaps), gaps, np.nan))
