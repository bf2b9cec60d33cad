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
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from planner.case.bounds import Bounds
from planner.case.case import Case
from planner.case.limits import PARTNER
from planner.case.measures import MEASURES, serving_weights
from planner.case.registry import LEVEL, NO_OUTLAY
from planner.facts.errors import NoPlan
from planner.plans.kpis import SERVICE, for_service, service_months
from planner.solver.arrays import Floats
from planner.solver.branch_and_bound import Search
from planner.solver.engine import PATTERN, Engine
from planner.solver.progress import SolveOptions
from planner.solver.solution import Solution, Status
from planner.studies.near import Near, Place

WORKERS = 2
SEARCH_S = 10.0
"""Seconds of one search for hosts and stacks whose cost is to be known closer."""
CHEAPER, MOST_FOUND = 1e-4, 6
"""Share of cost by which hosts and stacks are worth another programme to ask, and how many are at once."""
WHOLE_LINES = 2
"""Levels of control, the highest, of which a sweep walks all limits on delay at once."""
STEP_MONTHS = 1.0
"""Months of delay between points that are solved before a reader asks."""
LEAST_HELD = 0.5
"""Accelerators below which a host holds none."""
NOTHING = 1e-9
"""A share served below this is none: it has no control."""
Pattern = dict[str, list[float]]
"""Values of each pattern family, in the order of its index."""
Line = tuple[float | None, Sequence[float]]
"""A level of control (points) and limits on delay (months), the loosest first."""


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
        self._figures = _Figures(self.base)
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
        reached = [point for point in answers if point is not None]
        return min(reached, key=lambda point: point.figures["cost_npv_musd"], default=None)

    def _from_near(self, i: int, months: float | None, control: float | None) -> Point | None:
        """``_point`` on the pattern's own programme, from the nearest point that is known."""
        engine, near, place = self.engines[i], self._near[i], self._place(months, control)
        with engine.live.lock:
            near.go(engine, place)
            found = self._point(i, engine, months, control)
            near.ended(engine, None if found is None else _reached(place, found))
        return found

    def _place(self, months: float | None, control: float | None) -> Place:
        may_be_left = self.base.may_be_left(self.bounds(months))
        return Place(_loose(months), control or 0.0, int(may_be_left.sum()))

    def _point(self, i: int, engine: Engine, months: float | None, control: float | None) -> Point | None:
        """The cheapest plan of pattern ``i``, on a live HiGHS that holds it; None where it does not reach."""
        found = self.solve_on(engine, months, control)
        if found.x is None:
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
        """MUSD that no plan within the limits can cost less than; infinity where none exists.

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
            if points <= floor and all(caps[w] <= months for w, months in known.items())
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
        """Takes in a bound on the cost (MUSD) of all plans within caps on months by workload and a floor on control."""
        self._proven.append((dict(caps), min_control_points or 0.0, bound))

    def closer(
        self,
        max_delay_months: float,
        min_control_points: float,
        within_musd: float,
        should_stop: Callable[[], bool] | None = None,
    ) -> float:
        """Searches hosts and stacks at the limits till their cost is known to ``within_musd``; what it found costs.

        What it proves is known from then on. Infinity where it finds nothing in ``SEARCH_S`` seconds; large cases are not
        searched, which would take longer.
        """
        if self.base.large:
            return math.inf
        known = self.solve(max_delay_months, min_control_points)
        tree = self.base.searchable()
        tree.policy(self.bounds(max_delay_months, min_control_points))
        tree.minimise("cost")
        options = SolveOptions(0.0, SEARCH_S, None, should_stop)
        found = Search(tree, options, within_musd, start=None if known is None else known.x).run()
        if found.bound is not None:
            self.prove(self.caps(max_delay_months), min_control_points, found.bound)
        if found.x is None or found.objective is None:
            return math.inf
        cost = math.inf if known is None else known.figures["cost_npv_musd"]
        if found.objective < cost - CHEAPER * abs(found.objective):
            x, columns = found.x, self.base.arrays.columns
            self._found.append({f: x[columns[f].slice].round().tolist() for f in PATTERN})
        return found.objective

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

        No later step of the delay is then far from a point that is known.
        """
        steps = math.ceil((delay_high - delay_low) / STEP_MONTHS) + 1
        for months in np.linspace(delay_high, delay_low, steps):
            self.at(float(months), control_low)

    def sweep(
        self,
        months: Sequence[float],
        levels: Sequence[float | None],
        should_stop: Callable[[], bool] | None = None,
    ) -> list[dict[str, Any]]:
        """``at`` of every point of months x levels that can be reached, in the order that is quickest.

        Two threads walk the points of one pattern after another, from either end of one path, till they meet. A stop
        keeps the levels that are done of a pattern; ``between`` is called between two points. ``solve`` and ``at`` go on
        from these points where they are nearer than the last.
        """
        loose_first = sorted(set(months), reverse=True)
        rising = sorted(set(levels), key=lambda level: level or 0.0)
        best: dict[tuple[float, float | None], Point] = {}
        for i in range(len(self.engines)):
            if should_stop is not None and should_stop():
                break
            for at, point in self._answers(i, loose_first, rising, should_stop).items():
                known = best.get(at)
                if known is None or point.figures["cost_npv_musd"] < known.figures["cost_npv_musd"]:
                    best[at] = point
        order = [(m, level) for level in rising for m in loose_first if (m, level) in best]
        return [_row(*at, best[at]) for at in order]

    def _answers(
        self,
        i: int,
        loose_first: Sequence[float],
        rising: Sequence[float | None],
        should_stop: Callable[[], bool] | None,
    ) -> dict[tuple[float, float | None], Point]:
        """Points of one pattern, on programmes of their own in which only bounds change."""
        out: dict[tuple[float, float | None], Point] = {}
        shares = [self.bounds(None, level).min_control_share for level in rising]
        self.solve_on(self.engines[i], loose_first[0], rising[0])  # both ends start from here
        team = [self.engines[i].with_floors(shares) for _ in range(WORKERS)]
        lines = self._path(loose_first, rising)
        left = {level: sum(level == other for other, _ in lines) for level in rising}

        def walk(engine: Engine, take: Callable[[], Line], spare: int) -> None:
            last = None
            while len(lines) > spare and not (should_stop is not None and should_stop()):
                try:
                    level, block = take()
                except IndexError:  # taken by the other
                    return
                months = [m for m in block if not self._hopeless(i, m, level)]
                if months and months[-1] == last:
                    months.reverse()
                for asked in months:
                    if self._hopeless(i, asked, level):  # a looser one has failed by now
                        continue
                    self.between()
                    found = self._point(i, engine, asked, level)
                    if found is not None:
                        out[asked, level] = found
                        self._near[i].keep(engine, _reached(self._place(asked, level), found))
                        last = asked
                left[level] -= 1

        with ThreadPoolExecutor(WORKERS) as pool:  # HiGHS lets other threads run
            # the last line is nearest to who comes up from the end
            list(pool.map(walk, team, (lines.popleft, lines.pop), (1, 0)))
        return {(asked, level): point for (asked, level), point in out.items() if not left[level]}

    def _path(self, loose_first: Sequence[float], rising: Sequence[float | None]) -> deque[Line]:
        """Lines of one path through all points: a level of control and limits on delay, the loosest first.

        A limit from which on a training run may not be left undone is many pivots away from the one before, at every
        level. So the limits are cut in two where most work of training becomes due, in the middle where none does: up the
        levels on one side and down on the other, which also starts both ends of the path at the lowest level. The two
        highest levels, many pivots from those below and fewest where delay is loosest, are walked without a cut.
        """
        work = self.case.trainings["kref"].to_numpy(float)
        steps = np.diff([work @ (1.0 - self.base.may_be_left(self.bounds(m))) for m in loose_first])
        cut = int(steps.argmax()) + 1 if steps.any() else (len(loose_first) + 1) // 2
        low, top = rising[:-WHOLE_LINES], rising[-WHOLE_LINES:]
        up, down = loose_first[:cut], loose_first[cut:]
        lines = (
            [(level, up) for level in low],
            [(level, loose_first) for level in top],
            [(level, down) for level in reversed(low)],
        )
        return deque(line for part in lines for line in part)

    def _hopeless(self, i: int, asked_months: float | None, control: float | None) -> bool:
        """Whether a pattern has failed at a point that asked no more of it than this one."""
        months, points = _loose(asked_months), control or 0.0
        return any(i == j and months <= m and points >= p for j, m, p in self._out_of_reach)

    def most_control(self, max_delay_months: float | None = None) -> float:
        """Highest control of what is served that any pattern reaches (0-100); -inf where none is feasible."""
        best = float("-inf")
        for engine in self.engines:
            with engine.live.lock:
                engine.policy(self.bounds(max_delay_months))
                found = engine.most_control()
                best = best if found.x is None else max(best, engine.control(found.x))
        return best


def _row(months: float | None, control: float | None, point: Point | None) -> dict[str, Any]:
    asked = {"max_delay_months": months, "min_control": control}
    if point is None:
        return {
            **asked,
            "feasible": False,
            "pattern": -1,
            "hosts": "",
            **dict.fromkeys(_Figures.NAMES, float("nan")),
        }
    return {**asked, "feasible": True, "pattern": point.pattern, "hosts": point.hosts, **point.figures}


def _reached(place: Place, point: Point) -> Place:
    return replace(place, reached=point.figures["control_score"])


def _loose(months: float | None) -> float:
    return float("inf") if months is None else months


class _Figures:
    """Headline figures of a solution, by vectors over columns: no tables are built."""

    NAMES = (
        "cost_npv_musd", "delay_months", "control_score", "national_control",
        *(f"{name}_by_{measure}" for measure in MEASURES for name in ("control", "national_control")),
        "served_work_share", "served_share",
        "capex_musd", "capex_partner_musd", "outlay_musd", "accelerators", "accelerators_rented", "it_mw", *SERVICE,
    )  # fmt: skip

    def __init__(self, engine: Engine) -> None:
        entries = engine.entries[engine.entries["payer"] == PARTNER]
        money = [
            self._vector(engine, engine.entries[engine.entries["kind"] == "capex"]),
            self._vector(engine, entries[entries["kind"] == "capex"]),
            self._vector(engine, entries[~entries["kind"].isin([*NO_OUTLAY, "physical"])]),
        ]
        last = engine.case.calendar.n - 1
        mode = engine.case.hosts["mode"]
        power = engine.case.systems["peak_mw_per_k"]
        fleet, rented, it_mw = np.zeros((3, engine.arrays.shape[1]))
        self.held: dict[str, list[int]] = {}
        block = engine.arrays.columns["fleet"]
        for i, (h, _, k, t) in enumerate(block.index):
            if t != last:
                continue
            fleet[block.start + i] = 1000.0
            self.held.setdefault(h, []).append(block.start + i)
            if mode[h] == "cloud":
                rented[block.start + i] = 1000.0
            else:
                it_mw[block.start + i] = float(power[k])
        # sparse: a dense product wakes the threads of BLAS, which costs more than the sum
        self.calendar = engine.case.calendar
        self.periods, served = self._served(engine)
        sums = [*(vector for vector, _ in money), fleet, rented, it_mw, *self._control(engine), *served]
        self.levels = list(self._levels(engine))
        self.weights = csr_array(np.vstack(sums))
        self.constants = np.zeros(len(sums))
        self.constants[: len(money)] = [constant for _, constant in money]

    @staticmethod
    def _control(engine: Engine) -> Iterator[Floats]:
        """By each measure: weights of what is served, and of the control of it."""
        at, sigma = engine.arrays.columns["serve"].slice, engine.case.serve["sigma"].to_numpy(float)
        for measure in MEASURES:
            weight = serving_weights(engine.case, measure).to_numpy(float)
            for values in (weight, 100.0 * weight * sigma):
                out = np.zeros(engine.arrays.shape[1])
                out[at] = values
                yield out

    @staticmethod
    def _levels(engine: Engine) -> Iterator[tuple[int, csr_array]]:
        """The column of each level that a host may be held to, and what it adds to control by each measure."""
        case, serve, hold = engine.case, engine.arrays.columns["serve"], engine.arrays.columns[LEVEL]
        by = [serving_weights(case, measure) for measure in MEASURES]
        own = case.serve.reset_index(drop=True)[["w", "h", "a", "k", "t"]].assign(at=range(len(case.serve)))
        rows = own.merge(case.level_gains.reset_index(drop=True), on=["w", "h", "a", "k"])
        for (h, level), part in rows.groupby(["h", "l"], sort=False):
            out = np.zeros((len(MEASURES), engine.arrays.shape[1]))
            for n, weight in enumerate(by):
                out[n, serve.start + part["at"].to_numpy()] = (
                    100.0 * part["gain"] * weight.to_numpy(float)[part["at"]]
                )
            yield hold.position((h, level)), csr_array(out)

    @staticmethod
    def _served(engine: Engine) -> tuple[list[int], list[Floats]]:
        """The periods with demand for service, and for each the weights of what is unserved in it, as shares of all."""
        case = engine.case
        rows = for_service(case.demand.assign(by_deadline=case.demand["w"].isin(set(case.trainings["w"]))))
        asked = rows.groupby("t")["demand_kref"].sum()
        asked = asked[asked > 0].sort_index()
        weights = {int(t): np.zeros(engine.arrays.shape[1]) for t in asked.index}
        block = engine.arrays.columns["unserved"]
        for (w, t), kref in rows["demand_kref"].items():
            weights[int(t)][block.position((w, t))] = kref / asked[t]
        return [*weights], [*weights.values()]

    @staticmethod
    def _vector(engine: Engine, entries: pd.DataFrame) -> tuple[Floats, float]:
        out, constant = np.zeros(engine.arrays.shape[1]), 0.0
        for family, part in entries.groupby("family", sort=False):
            if family == "constant":
                constant = float(part["musd"].sum())
                continue
            block = engine.arrays.columns[str(family)]
            at = [block.position(i) for i in part["index"]]
            np.add.at(out, at, part["musd"].to_numpy(float))
        return out, constant

    def hosts(self, x: Floats) -> str:
        """Ids of the hosts with accelerators at the horizon's end, with commas."""
        return ", ".join(h for h, at in self.held.items() if 1000.0 * x[at].sum() > LEAST_HELD)

    def of(self, engine: Engine, x: Floats) -> dict[str, float]:
        sums, shares = np.split(self.weights @ x + self.constants, [-len(self.periods)])
        money_and_size, (work, by_work, priority, by_priority) = sums[:-4], sums[-4:]
        for column, gained in self.levels:
            if x[column] > 0.5:
                more = gained @ x
                by_work, by_priority = by_work + more[0], by_priority + more[1]
        score, national = engine.control(x), 100 * engine.value(x, "control")
        if (
            self.levels
        ):  # what a place is held to counts for all its work, whether or not the floor asks for it
            work_first = engine.case.scenario.limits.min_control_by == MEASURES[0]
            national, served = (by_work, work) if work_first else (by_priority, priority)
            score = national / served if served > NOTHING else 0.0
        dates = service_months(pd.Series(1.0 - shares, index=self.periods), self.calendar)
        values = (
            engine.value(x, "cost"), engine.value(x, "delay"), score, national,
            by_work / work if work > NOTHING else 0.0, by_work,
            by_priority / priority if priority > NOTHING else 0.0, by_priority,
            work, priority, *money_and_size, *dates.values(),
        )  # fmt: skip
        return dict(zip(self.NAMES, map(float, values), strict=True))


def _distinct(patterns: list[Pattern]) -> list[Pattern]:
    seen: dict[str, Pattern] = {}
    for pattern in patterns:
        seen.setdefault(repr(sorted(pattern.items())), pattern)
    return list(seen.values())
