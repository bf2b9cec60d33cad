"""The trade-off in milliseconds: cost against delay and control, on live linear programmes.

    live = LiveFrontier(case, patterns)
    live.at(max_delay_months=4, min_control_points=65)["cost_npv_musd"]

With hosts and stacks held at a pattern (which opens when, which is adopted) the linear programme is exact up
to whole halls. A point takes the cheapest of a few patterns, each on a live HiGHS of its own that goes on
from its last basis: with other hosts it may cost less.

A bound on the weighted delay alone lets cost starve one workload for ever, so "at most N
months" is a bound per workload: each may wait as much longer than in the fastest plan as N exceeds the
weighted delay of that plan. The weighted delay is then N at most.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from planner.case.bounds import Bounds
from planner.case.case import Case
from planner.facts.errors import NoPlan
from planner.solver.arrays import Floats
from planner.solver.branch_and_bound import Search
from planner.solver.engine import PATTERN, Engine
from planner.solver.progress import SolveOptions
from planner.solver.solution import Solution, Status
from planner.studies.figures import Figures
from planner.studies.near import Near
from planner.studies.path import WORKERS, lines, walk

SEARCH_PIVOTS, SEARCH_S = 40_000, 60.0
"""Pivots (about ten seconds) after which a search for hosts and stacks whose cost is to be known closer is content with what
it has, and seconds after which it ends with nothing.
"""
CHEAPER, MOST_FOUND = 1e-4, 6
"""Share of cost by which hosts and stacks are worth another programme to ask, and how many are at once."""
SAME = 1e-6
"""Months, and points of control, by which limits are the same: those of a plan vary by less with the order of threads."""
SAME_COST = 1e-9
"""Share of cost by which points of two patterns differ if they only differ in how they were come to."""
OUT_OF_REACH = 1e-3
"""Points of control above the most that a pattern reaches from which on no limit is tried."""
STEP_MONTHS = 1.0
"""Months of delay between points that are solved before a reader asks."""
Pattern = dict[str, list[float]]
"""Values of each pattern family, in the order of its index."""


def _content(_objective: float, pivots: int) -> float:
    """How far above its bound a search may leave what it has."""
    return math.inf if pivots > SEARCH_PIVOTS else 0.0


def least_delays(engine: Engine) -> dict[str, float]:
    """Months of delay by workload in the plan of least weighted delay (linear programme, all places free)."""
    engine.integers()
    engine.policy()
    engine.minimise("delay")
    found = engine.lp()
    if found.x is None:
        raise NoPlan(f"least delay: {found.status.value}")
    return engine.delays(found.x)


@dataclass
class Point:
    """One screening point: what was asked, the figures, the hosts with accelerators at the end, pattern and values."""

    max_delay_months: float | None
    min_control_points: float | None
    figures: dict[str, float]
    hosts: str
    pattern: int
    x: Floats
    engine: Engine = field(repr=False)

    @property
    def cost(self) -> float:
        """MUSD."""
        return self.figures["cost_npv_musd"]


class LiveFrontier:
    """Answers ``at(months, points)`` from live models. Thread-safe by one lock per live HiGHS.

    ``least`` are the months of delay by workload of the fastest plan; without patterns the free relaxation is
    used, which is too cheap by some per cent and says so in ``kind``.
    """

    def __init__(
        self,
        case: Case,
        patterns: list[Pattern] | None = None,
        least: Mapping[str, float] | None = None,
        engine: Engine | None = None,
    ) -> None:
        self.case = case
        self.base = engine or Engine(case)
        self.least = dict(least) if least is not None else least_delays(self.base)
        self.patterns = _distinct(patterns or [])
        share = case.workloads["priority"].reindex(list(self.least)).to_numpy(float)
        self.least_delay_months = float(share @ np.array(list(self.least.values())))
        self.kind = "hosts and stacks of solved plans" if self.patterns else "relaxation"
        self.engines = [self.base.held(pattern) for pattern in self.patterns or [{}]]
        self._near = [Near() for _ in self.engines]
        self._most: dict[int, tuple[Engine, float]] = {}
        """By pattern, a programme that stands at its most control under the limits asked last, and the points of that."""
        self._tops: dict[tuple[int, float], float] = {}
        """Most control that is known, by pattern and limit on delay."""
        self._figures = Figures(self.base)
        self._out_of_reach: list[tuple[int, float, float]] = []
        self._relaxed: Engine | None = None if self.patterns else self.engines[0]
        self._bounds: dict[tuple[float, float], float] = {}
        self._found: list[Pattern] = []
        self._proven: list[tuple[dict[str, float], float, float]] = []
        self.between: Callable[[], object] = lambda: None

    def figures(self, x: Floats) -> dict[str, float]:
        """Headline figures of values of all columns: no tables are built."""
        return self._figures.of(self.base, x)

    def caps(self, max_delay_months: float | None) -> dict[str, float]:
        """Months by workload; none where nothing is asked. Negative where nothing can be that fast."""
        if max_delay_months is None:
            return {}
        longer = max_delay_months - self.least_delay_months
        return {w: months + longer + 1e-6 for w, months in self.least.items()}

    def solve(
        self, max_delay_months: float | None = None, min_control_points: float | None = None
    ) -> Point | None:
        """The cheapest pattern at this point, or None where no pattern reaches it."""
        if max_delay_months is not None and max_delay_months < self.least_delay_months - 1e-6:
            return None
        open_to = [
            i for i in range(len(self.engines)) if not self._hopeless(i, max_delay_months, min_control_points)
        ]
        # HiGHS lets other threads run: patterns are solved side by side
        with ThreadPoolExecutor(max(1, len(open_to))) as pool:
            answers = list(
                pool.map(lambda i: self._from_near(i, max_delay_months, min_control_points), open_to)
            )
        best: Point | None = None
        for point in answers:
            best = _cheaper(best, point)
        return best

    def _from_near(self, i: int, months: float | None, control: float | None) -> Point | None:
        """``_point`` on the pattern's own programme, from the nearest point that is known."""
        engine, near = self.engines[i], self._near[i]
        with engine.live.lock:
            near.go(engine, self.bounds(months, control))
            found = self._point(i, engine, months, control)
            near.ended(engine, None if found is None else found.cost)
        return found

    def due_months(self) -> list[float]:
        """Limits on delay (months) from which on another training run may be left undone."""
        runs = self.case.trainings
        longer = runs["months"].to_numpy(float) - runs["w"].map(self.least).to_numpy(float)
        return sorted({self.least_delay_months + float(x) for x in longer})

    def _point(self, i: int, engine: Engine, months: float | None, control: float | None) -> Point | None:
        """The cheapest plan of pattern ``i``, on a live HiGHS that holds it; None where it does not reach."""
        found = self.solve_on(engine, months, control)
        if found.x is None:
            if found.status is Status.INFEASIBLE:  # one without an answer in time says nothing of others
                self._out_of_reach.append((i, _loose(months), control or 0.0))
            return None
        hosts = self._figures.hosts(found.x)
        return Point(months, control, self.figures(found.x), hosts, i, found.x, engine)

    def solve_on(self, engine: Engine, months: float | None, control: float | None) -> Solution:
        """Least cost of the pattern an engine holds, under limits on delay (months) and control (points)."""
        with engine.live.lock:
            engine.policy(self.bounds(months, control))
            engine.minimise("cost")
            return engine.lp()

    def bounds(self, months: float | None, control: float | None = None) -> Bounds:
        """Limits on delay (months) and control (points) as bounds of a plan, with the limit on cost of the scenario."""
        return Bounds(
            max_delay_months_by_workload=self.caps(months),
            min_control_points=control,
            max_cost_musd=self.case.scenario.limits.max_cost_musd,
        )

    def add(self, patterns: Sequence[Pattern]) -> None:
        """Hosts and stacks to choose from besides those there are."""
        for pattern in _distinct([*self.patterns, *patterns])[len(self.patterns) :]:
            self.patterns.append(pattern)
            self.engines.append(self.base.held(pattern))
            self._near.append(Near())

    def at_least(self, max_delay_months: float, min_control_points: float | None = None) -> float:
        """MUSD that nothing within the limits costs less than, halls and servers in parts too; infinity where none exists.

        By what was proven at limits that ask for no more and, but for large cases, by the relaxation.
        """
        floor = min_control_points or 0.0
        key = (max_delay_months, floor)
        if key not in self._bounds:
            self._bounds[key] = self._relaxation(max_delay_months, floor)
        caps = self.caps(max_delay_months)
        proven = [
            bound
            for known, points, bound in self._proven
            if points <= floor + SAME and all(caps[w] <= months + SAME for w, months in known.items())
        ]
        return max([self._bounds[key], *proven])

    def _relaxation(self, months: float, floor: float) -> float:
        """Least cost with hosts and stacks divisible; minus infinity where it is not known: a large case takes minutes."""
        if self.base.large:
            return -math.inf
        if self._relaxed is None:
            self._relaxed = self.base.held({})
        found = self.solve_on(self._relaxed, months, floor)
        if found.status is Status.INFEASIBLE:
            return math.inf
        return -math.inf if found.x is None or found.objective is None else found.objective

    def prove(self, caps: Mapping[str, float], min_control_points: float | None, bound: float) -> None:
        """Takes in a bound on the cost (MUSD) within caps on months by workload and a floor on control.

        It has to hold of halls and servers in parts, as points have them: one of plans, whole, may be above what these cost.
        """
        self._proven.append((dict(caps), min_control_points or 0.0, bound))

    def closer(
        self,
        max_delay_months: float,
        min_control_points: float,
        within_musd: float,
        should_stop: Callable[[], bool] | None = None,
    ) -> tuple[float, int]:
        """Searches hosts and stacks at the limits till their cost is known to ``within_musd``: what it found costs, and its
        pivots.

        What it proves is known from then on. Infinity where it finds nothing in ``SEARCH_S`` seconds; large cases are not
        searched, which would take longer.
        """
        if self.base.large:
            return math.inf, 0
        known = self.solve(max_delay_months, min_control_points)
        tree = self.base.searchable(whole=False)  # here halls and training runs may be in parts
        tree.policy(self.bounds(max_delay_months, min_control_points))
        tree.minimise("cost")
        options = SolveOptions(0.0, SEARCH_S, None, should_stop)
        start = None if known is None else known.x
        found = Search(tree, options, within_musd, start=start, enough=_content).run()
        if found.bound is not None:
            self.prove(self.caps(max_delay_months), min_control_points, found.bound)
        if found.x is None or found.objective is None:
            return math.inf, found.iterations
        cost = math.inf if known is None else known.cost
        if found.objective < cost - CHEAPER * abs(found.objective):
            x, columns = found.x, self.base.arrays.columns
            self._found.append({f: x[columns[f].slice].round().tolist() for f in PATTERN})
        return found.objective, found.iterations

    def add_found(self) -> bool:
        """Adds the hosts and stacks by which ``closer`` found limits to cost less; whether there are any."""
        before = len(self.patterns)
        self.add(self._found[:MOST_FOUND])
        self._found = []
        return len(self.patterns) > before

    def at(
        self, max_delay_months: float | None = None, min_control_points: float | None = None
    ) -> dict[str, Any]:
        """Figures of a point, with ``feasible``, ``pattern`` and what was asked; NaN where none reaches it."""
        return _row(max_delay_months, min_control_points, self.solve(max_delay_months, min_control_points))

    def prepare(self, delay_high: float, delay_low: float, control_low: float) -> None:
        """Solves the loosest limits of a reader's sliders, which takes seconds, and a step of the delay after another.

        No later step of the delay is then far from a point that is known, and none works out edge weights.
        """
        for engine, near in zip(self.engines, self._near, strict=True):
            near.by_devex(engine)
        steps = math.ceil((delay_high - delay_low) / STEP_MONTHS) + 1
        for months in np.linspace(delay_high, delay_low, steps):
            self.at(float(months), control_low)

    def sweep(
        self,
        months: Sequence[float],
        levels: Sequence[float | None],
        should_stop: Callable[[], bool] | None = None,
        wanted: Callable[[float, float | None], bool] = lambda months, level: True,
        along_delay: bool = False,
    ) -> list[dict[str, Any]]:
        """``at`` of every point of months x levels that is wanted and can be reached, in the order that is quickest.

        Two threads walk the points of one pattern after another, from either end of one path, till they meet. A stop
        keeps the levels that are done of a pattern; ``between`` is called between two points. ``solve`` and ``at`` go on
        from these points where they are nearer than the last. ``along_delay``: every line of their path is.
        """
        loose_first = sorted(set(months), reverse=True)
        rising = sorted(set(levels), key=lambda level: level or 0.0)
        best: dict[tuple[float, float | None], Point] = {}
        for i in range(len(self.engines)):
            if should_stop is not None and should_stop():
                break
            floors = {(m, level): level for m in loose_first for level in rising if wanted(m, level)}
            for at, point in self._answers(i, loose_first, rising, floors, should_stop, along_delay).items():
                best[at] = _cheaper(best.get(at), point) or point
        order = [(m, level) for level in rising for m in loose_first if (m, level) in best]
        return [_row(*at, best[at]) for at in order]

    def approach(
        self,
        months: Sequence[float],
        below_most: Sequence[float],
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        """Solves, of each pattern, points so far below the most control that it reaches at each limit on delay.

        Close to the most a tenth of a point is as many pivots as several below: sliders go on from these.
        """
        loose_first = sorted(set(months), reverse=True)
        rising = sorted({-below for below in below_most})
        for i in range(len(self.engines)):
            if should_stop is not None and should_stop():
                break
            most = {m: self._most_of(i, m) for m in loose_first}
            floors: dict[tuple[float, float | None], float | None] = {
                (m, level): most[m] + level for m in loose_first for level in rising if most[m] + level > 0.0
            }
            if floors:
                self._answers(i, loose_first, rising, floors, should_stop, along_delay=True)

    def left_open(self, months: Sequence[float], low: float | None, high: float | None) -> float:
        """MUSD open between two floors on control (``Known.open_to``): the median of limits where both were solved."""
        found = []
        for engine, near in zip(self.engines, self._near, strict=True):
            known = {point.limits.tobytes(): point for point in [*near.points]}
            for m in months:
                one, other = (
                    known.get(engine.limits(self.bounds(m, floor)).tobytes()) for floor in (low, high)
                )
                if one and other:
                    found.append(one.open_to(other))
        return float(np.median(found)) if found else 0.0

    def _answers(
        self,
        i: int,
        loose_first: Sequence[float],
        rising: Sequence[float | None],
        floors: Mapping[tuple[float, float | None], float | None],
        should_stop: Callable[[], bool] | None,
        along_delay: bool,
    ) -> dict[tuple[float, float | None], Point]:
        """Points of one pattern, on programmes of their own in which only bounds change.

        ``floors`` are the points of control that are asked at a limit on delay and a level.
        """
        out: dict[tuple[float, float | None], Point] = {}
        shares = sorted({self.bounds(None, floor).min_control_share for floor in floors.values()})
        self._from_near(
            i, loose_first[0], floors.get((loose_first[0], rising[0]))
        )  # both ends start from here
        team = [self.engines[i].with_floors(shares) for _ in range(WORKERS)]

        def ask(engine: Engine, months: float, level: float | None) -> bool:
            self.between()
            floor = floors[months, level]
            found = self._point(i, engine, months, floor)
            if found is None:
                return False
            out[months, level] = found
            self._near[i].keep(engine, found.cost)
            return True

        def hopeless(months: float, level: float | None) -> bool:
            return (months, level) not in floors or self._hopeless(i, months, floors[months, level])

        path = lines(loose_first, rising, self._due(loose_first), along_delay)
        done = walk(path, team, ask, hopeless, should_stop)
        return {(months, level): point for (months, level), point in out.items() if level in done}

    def _due(self, loose_first: Sequence[float]) -> list[float]:
        """Work of training (thousand accelerators times periods) that may not be left undone, by limit on delay."""
        work = self.case.trainings["kref"].to_numpy(float)
        return [float(work @ (1.0 - self.base.may_be_left(self.bounds(m)))) for m in loose_first]

    def _hopeless(self, i: int, asked_months: float | None, control: float | None) -> bool:
        """Whether a pattern has failed at a point that asked no more of it than this one."""
        months, points = _loose(asked_months), control or 0.0
        return any(i == j and months <= m and points >= p for j, m, p in self._out_of_reach)

    def most_control(self, max_delay_months: float | None = None) -> float:
        """Highest control of what is served that any pattern reaches (0-100); -inf where none is feasible."""
        return max(
            (self._most_of(i, max_delay_months) for i in range(len(self.engines))), default=float("-inf")
        )

    def _most_of(self, i: int, max_delay_months: float | None) -> float:
        """Highest control that a pattern reaches, on a programme that only this is asked of: from delay to delay it takes
        some hundred pivots, from the least cost an interior point."""
        at = i, _loose(max_delay_months)
        if at in self._tops:
            return self._tops[at]
        if i not in self._most:
            pattern = self.patterns[i] if self.patterns else {}
            self._most[i] = self.base.held(pattern), 0.0
        with self._most[i][0].live.lock:
            engine, near = self._most[i]
            engine.policy(self.bounds(max_delay_months))
            found = engine.most_control(near=near)
            if found.x is None:
                return float("-inf")
            most = engine.control(found.x)
            self._most[i] = engine, most
        if found.status is Status.OPTIMAL:
            self._tops[at] = most
            self._out_of_reach.append((*at, most + OUT_OF_REACH))
        return most


def _row(months: float | None, control: float | None, point: Point | None) -> dict[str, Any]:
    asked = {"max_delay_months": months, "min_control": control}
    if point is None:
        return {
            **asked,
            "feasible": False,
            "pattern": -1,
            "hosts": "",
            **dict.fromkeys(Figures.NAMES, float("nan")),
        }
    return {**asked, "feasible": True, "pattern": point.pattern, "hosts": point.hosts, **point.figures}


def _cheaper(known: Point | None, other: Point | None) -> Point | None:
    """The cheaper of two points; the first where they cost the same, whichever way of pivots led there."""
    if known is None or other is None:
        return known or other
    return other if other.cost < known.cost - SAME_COST * abs(known.cost) else known


def _loose(months: float | None) -> float:
    return float("inf") if months is None else months


def _distinct(patterns: list[Pattern]) -> list[Pattern]:
    seen: dict[str, Pattern] = {}
    for pattern in patterns:
        seen.setdefault(repr(sorted(pattern.items())), pattern)
    return list(seen.values())
