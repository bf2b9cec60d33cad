"""Hosts and stacks, and whole halls, by branch and bound on one live linear programme.

    tree = engine.searchable()
    tree.policy(Bounds(max_delay_months_by_workload=caps))
    tree.minimise("cost")
    found = search(tree, SolveOptions(gap=0.001, time_limit_s=600))

Which host opens when and which stack is adopted are a few dozen binaries before thousands of continuous columns.
A general solver spends its time on cuts and strong branching there; here a node costs a few hundred pivots of
the dual simplex, from the basis of its parent, on the reduced programme. The questions are those of the problem:
is a stack adopted, is a host opened at all, is it opened by a date, is there one hall more. The first answer tried is
the nearer one, so that each dive rounds; after a dive the open node of least bound is next. A new best plan is
tried with one host or stack less, or one host earlier or later, as long as that helps. Only time limits make two
searches differ.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import highspy
import numpy as np

from planner.solver.arrays import Floats
from planner.solver.engine import HALLS, ONCE, PATTERN, Engine
from planner.solver.progress import Progress, SolveOptions
from planner.solver.solution import Solution, Status, relative_gap

WHOLE = 1e-6
STALL_AT_COLD_SOLVES = 2.0
"""A node that takes longer than this many cold solves (mostly: it is infeasible) is left to the interior point."""
LEAST_STALL_S = 2.0
REPORT_EVERY_S = 0.25

Key = tuple[str, int, int]


@dataclass(frozen=True)
class _Question:
    """A choice to branch on: ``share`` is how far the linear programme answers yes."""

    key: Key
    share: float


@dataclass(order=True)
class _Node:
    bound: float
    number: int
    low: Floats = field(compare=False)
    high: Floats = field(compare=False)
    must: frozenset[int] = field(compare=False)
    basis: Any = field(compare=False)
    asked: _Question | None = field(compare=False, default=None)
    yes: bool = field(compare=False, default=False)


def search(
    tree: Engine,
    options: SolveOptions,
    absolute_gap: float = 1e-6,
    late: tuple[float, float] | None = None,
    good_enough: float = -np.inf,
    start: Floats | None = None,
) -> Solution:
    """Least value of the tree's objective with all that is searched whole, to a relative or an absolute gap.

    ``tree`` is an engine made by ``searchable``, with policy and objective set. ``start`` holds values of all
    columns; its hosts and stacks are the first tried. ``late`` is (seconds, gap): past those seconds that gap will
    do. A plan whose objective is at most ``good_enough`` ends the search. The solution has values of all columns
    and no duals.
    """
    return _Search(tree, options, absolute_gap, late, good_enough, start).run()


class _Search:
    def __init__(
        self,
        tree: Engine,
        options: SolveOptions,
        absolute_gap: float,
        late: tuple[float, float] | None,
        good_enough: float,
        start: Floats | None,
    ) -> None:
        self.tree, self.live = tree, tree.live
        self.gap, self.absolute, self.good_enough, self.start = options.gap, absolute_gap, good_enough, start
        self.on_progress, self.should_stop = options.on_progress, options.should_stop
        self.began = time.perf_counter()
        self.end = self.began + (np.inf if options.time_limit_s is None else options.time_limit_s)
        self.patience = late or (np.inf, options.gap)
        blocks, solved = tree.arrays.columns, tree.live.arrays
        families = [f for f in (*PATTERN, *HALLS) if f in solved.columns]
        self.full = np.concatenate([np.arange(blocks[f].start, blocks[f].stop) for f in families])
        self.own = np.concatenate([self.live.columns(f) for f in families])
        index = blocks["open"].index
        hosts = list(dict.fromkeys(h for h, _ in index))
        self.dates = [
            np.array(sorted((i for i, (g, _) in enumerate(index) if g == h), key=lambda i: index[i][1]))
            for h in hosts
        ]
        self.stacks = range(len(index), len(index) + blocks["use"].size)
        self.halls = range(self.stacks.stop, len(self.full))
        once = [i[0] if isinstance(i, tuple) else i for i in self.tree.arrays.rows[ONCE].index]
        number = dict(zip(once, self.live.rows(ONCE), strict=True))
        self.once = np.array([number[h] for h in hosts], np.int32)
        lower, upper = solved.col_lower[self.own], solved.col_upper[self.own]
        self.numbered = 0
        self.root = self.node(-np.inf, lower, upper, frozenset(), None)
        self.best: Solution | None = None
        self.best_basis: Any = None
        self.tried: set[bytes] = set()
        self.open: list[_Node] = []
        self.pruned = np.inf
        self.nodes = self.iterations = 0
        self.cold_s = 0.0
        self.stopped = False
        self.lowest = -np.inf
        self.reported = -np.inf
        self.gains: dict[tuple[Key, bool], list[float]] = {}

    # ---- the search

    def run(self) -> Solution:
        with self.live.lock:
            try:
                verdict = self.climb()
            finally:
                self.live.set_option("objective_bound", np.inf)
                self.hold(self.root)
        return self.outcome(verdict)

    def climb(self) -> Status:
        found = self.solve(self.root, cold=True)
        if found.x is None:
            return found.status
        following = self.follow(self.root, found)
        self.lowest = found.objective or -np.inf
        self.try_start()
        while following is not None or self.open:
            node = following or heapq.heappop(self.open)
            following = None
            if node.bound >= self.cutoff():
                self.pruned = min(self.pruned, node.bound)
                continue
            self.lowest = self.bound(node.bound)
            self.report()
            if self.stopped or self.late() or self.enough():
                heapq.heappush(self.open, node)
                break
            found = self.solve(node)
            if found.x is not None:
                following = self.follow(node, found)
            elif found.status is not Status.INFEASIBLE:
                if self.cut():
                    self.pruned = min(self.pruned, self.cutoff())
                elif self.stopped or self.late():
                    heapq.heappush(self.open, node)
                    break
                else:  # undecided: its parent's bound holds
                    self.pruned = min(self.pruned, node.bound)
        undecided = bool(self.open) or np.isfinite(self.pruned)
        return Status.NO_SOLUTION if self.stopped or undecided else Status.INFEASIBLE

    def follow(self, node: _Node, found: Solution) -> _Node | None:
        """What a solved node leads to: a better plan, nothing, or two nodes, of which the nearer is returned."""
        assert found.x is not None and found.objective is not None
        self.learn(node, found.objective)
        if found.objective >= self.cutoff():
            self.pruned = min(self.pruned, found.objective)
            return None
        questions = self.questions(found.x[self.full])
        if not questions:
            self.keep(found)
            self.improve()
            return None
        asked = max(questions, key=self.promise)
        basis = self.live.basis()
        yes, no = (self.child(node, asked, answer, found.objective, basis) for answer in (True, False))
        nearer, other = (yes, no) if asked.share >= 0.5 else (no, yes)
        heapq.heappush(self.open, other)
        return nearer

    def try_start(self) -> None:
        """The hosts and stacks of the start, as the first plan."""
        if self.start is None:
            return
        values = np.clip(np.round(self.start[self.full]), self.root.low, self.root.high)
        self.tried.add(values.tobytes())
        found = self.solve(self.node(-np.inf, values, values, frozenset(), self.live.basis()))
        if found.x is not None:
            self.keep(found)
            self.improve()

    def keep(self, found: Solution) -> bool:
        """Take a plan if it is the best so far."""
        if self.best is not None and (found.objective or 0.0) >= (self.best.objective or 0.0):
            return False
        self.best, self.best_basis = found, self.live.basis()
        return True

    def improve(self) -> None:
        """Plans one step from the best one, as long as one of them is better."""
        better = True
        while better:
            better = False
            assert self.best is not None and self.best.x is not None
            for values in self.neighbours(np.round(self.best.x[self.full])):
                if self.late() or self.stopped:
                    return
                self.tried.add(values.tobytes())
                self.report()
                found = self.solve(self.node(-np.inf, values, values, frozenset(), self.best_basis))
                if found.x is not None and self.keep(found):
                    better = True
                    break

    def neighbours(self, values: Floats) -> Iterator[Floats]:
        """Hosts and stacks with one less, or one host at the next date, that have not been tried."""
        for change in (*self.drops(values), *self.shifts(values)):
            near = values.copy()
            for at, value in change.items():
                near[at] = value
            allowed = (near >= self.root.low) & (near <= self.root.high)
            if allowed.all() and near.tobytes() not in self.tried:
                yield near

    def drops(self, values: Floats) -> Iterator[dict[int, float]]:
        for at in np.flatnonzero(values):
            yield {int(at): 0.0}

    def shifts(self, values: Floats) -> Iterator[dict[int, float]]:
        for dates in self.dates:
            for k in np.flatnonzero(values[dates]):
                for other in (k + 1, k - 1):
                    if 0 <= other < len(dates):
                        yield {int(dates[k]): 0.0, int(dates[other]): 1.0}

    # ---- questions

    def questions(self, values: Floats) -> list[_Question]:
        """Everything the linear programme has not answered with yes or no."""
        found = [_Question(("use", i, 0), float(values[i])) for i in self.stacks]
        for h, dates in enumerate(self.dates):
            by = np.cumsum(values[dates])
            found.append(_Question(("open", h, 0), float(by[-1])))
            if by[-1] > 1 - WHOLE:  # by which date, asked at the middle
                k = int(np.searchsorted(by, 0.5))
                k -= k > 0 and by[k] > 1 - WHOLE
                found.append(_Question(("by", h, k), float(by[k])))
        for i in self.halls:
            fewer = int(np.floor(values[i] + WHOLE))
            found.append(_Question(("more", i, fewer), float(values[i]) - fewer))
        return [q for q in found if WHOLE < q.share < 1 - WHOLE]

    def child(self, node: _Node, asked: _Question, yes: bool, bound: float, basis: Any) -> _Node:
        """The node with one question answered."""
        low, high, must = node.low.copy(), node.high.copy(), node.must
        kind, i, k = asked.key
        if kind == "use":
            low[i], high[i] = (1.0, high[i]) if yes else (low[i], 0.0)
        elif kind == "open":
            must = must | {i} if yes else must
            high[self.dates[i]] = high[self.dates[i]] if yes else 0.0
        elif kind == "more":
            low[i], high[i] = (k + 1.0, high[i]) if yes else (low[i], float(k))
        else:
            dates = self.dates[i]
            high[dates[k + 1 :] if yes else dates[: k + 1]] = 0.0
        return self.node(bound, low, high, must, basis, asked, yes)

    def promise(self, asked: _Question) -> float:
        """Product of what both answers are expected to add to the bound, by what they have added before."""
        up = (1 - asked.share) * self.expected(asked.key, True)
        return max(up, WHOLE) * max(asked.share * self.expected(asked.key, False), WHOLE)

    def expected(self, key: Key, yes: bool) -> float:
        own = self.gains.get((key, yes))
        if own:
            return sum(own) / len(own)
        others = [sum(v) / len(v) for (_, answer), v in self.gains.items() if answer == yes]
        return sum(others) / len(others) if others else 1.0

    def learn(self, node: _Node, objective: float) -> None:
        if node.asked is None:
            return
        moved = 1 - node.asked.share if node.yes else node.asked.share
        gain = max(0.0, objective - node.bound) / moved
        self.gains.setdefault((node.asked.key, node.yes), []).append(gain)

    def node(self, bound: float, low: Floats, high: Floats, must: frozenset[int], *rest: Any) -> _Node:
        self.numbered += 1
        return _Node(bound, self.numbered, low, high, must, *rest)

    # ---- linear programmes

    def hold(self, node: _Node) -> None:
        self.live.set_col_bounds(self.own, node.low, node.high)
        once = np.full(len(self.once), -np.inf)
        once[list(node.must)] = 1.0
        self.live.set_row_bounds(self.once, once, 1.0)

    def solve(self, node: _Node, cold: bool = False) -> Solution:
        """The linear programme of a node; without values where it cannot beat the best plan."""
        self.hold(node)
        self.nodes += 1
        left = max(0.1, self.end - time.perf_counter())
        if not cold:
            self.live.set_basis(node.basis)
            self.live.set_option("objective_bound", self.cutoff())
            stall_s = max(LEAST_STALL_S, STALL_AT_COLD_SOLVES * self.cold_s)
            found = self.watched(min(left, stall_s))
            if found.status is not Status.NO_SOLUTION or self.cut() or self.stopped:
                return found
        self.live.clear()
        self.live.set_option("objective_bound", np.inf)
        self.live.set_option("solver", "ipm")
        try:
            found = self.watched(left)
        finally:
            self.live.set_option("solver", "choose")
        self.cold_s = max(self.cold_s, found.seconds)
        return found

    def watched(self, time_limit_s: float) -> Solution:
        found = self.tree.whole(self.live.solve(time_limit_s=time_limit_s, should_stop=self.should_stop))
        self.iterations += found.iterations
        self.stopped |= found.stopped
        return found

    def cut(self) -> bool:
        """Whether the last linear programme ended because it cannot beat the best plan."""
        return bool(self.live.highs.getModelStatus() == highspy.HighsModelStatus.kObjectiveBound)

    def cutoff(self) -> float:
        """What a node must stay below to be of use."""
        if self.best is None or self.best.objective is None:
            return np.inf
        return self.best.objective - self.slack(self.best.objective)

    def slack(self, objective: float) -> float:
        """How far above the bound a plan may be."""
        seconds, late_gap = self.patience
        gap = late_gap if time.perf_counter() - self.began > seconds else self.gap
        return max(self.absolute, gap * abs(objective))

    # ---- what is known

    def enough(self) -> bool:
        return self.best is not None and (self.best.objective or 0.0) <= self.good_enough

    def late(self) -> bool:
        return time.perf_counter() > self.end

    def bound(self, *more: float) -> float:
        incumbent = np.inf if self.best is None or self.best.objective is None else self.best.objective
        return min(incumbent, self.pruned, *(node.bound for node in self.open[:1]), *more)

    def report(self) -> None:
        now = time.perf_counter()
        if self.on_progress is None or now - self.reported < REPORT_EVERY_S:
            return
        self.reported = now
        bound, objective = self.lowest, None if self.best is None else self.best.objective
        gap = None if objective is None else relative_gap(objective, bound)
        seconds = now - self.began
        self.on_progress(Progress(seconds, objective, bound, gap, self.nodes, self.iterations))

    def outcome(self, verdict: Status) -> Solution:
        seconds, bound = time.perf_counter() - self.began, self.bound()
        known = bound if np.isfinite(bound) else None
        counts = (seconds, self.nodes, self.iterations, self.stopped)
        if self.best is None or self.best.objective is None:
            return Solution(verdict, None, known, None, None, None, None, *counts)
        objective = self.best.objective
        proven = objective - bound <= self.slack(objective) * (1 + 1e-9)
        status = Status.OPTIMAL if proven else Status.FEASIBLE
        return Solution(
            status, objective, bound, relative_gap(objective, bound), self.best.x, None, None, *counts
        )
