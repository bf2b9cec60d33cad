"""Hosts and stacks from a linear relaxation: plans one near another, each a linear programme of its own.

    found = trials(tree, root.x, options, bound, good_enough)

Where a linear programme takes seconds, a tree of thousands has no time. But the links of hosts and stacks make the
relaxation tight: it says which hosts open and about when. Hosts are opened in the order of their share in it, each at the
first date at which it is open by more than a trace; then plans one step away are tried (one host or stack less, one host
earlier or later, one host more) as long as one of them is better. Every trial is solved by an interior point without a
basis: it is never gone on from.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from planner.solver.arrays import Floats
from planner.solver.branching import TRACE, Searched
from planner.solver.engine import Engine
from planner.solver.progress import Progress, SolveOptions
from planner.solver.solution import Solution, Status, relative_gap

WORSE_IN_A_ROW = 2
"""Numbers of hosts that are tried past the best."""


def trials(
    tree: Engine, root: Floats, options: SolveOptions, bound: float, good_enough: float = -np.inf
) -> Solution:
    """The best plan found with whole hosts and stacks; without values where no trial has one.

    ``tree`` is an engine made by ``searchable`` or ``within``, with policy and objective set; ``root`` holds the values of
    all columns in its relaxation, whose proven least value is ``bound``. Ends at a plan within the gap of ``options``, or
    whose objective is at most ``good_enough``. The solution has values of all columns and no duals.
    """
    return _Trials(tree, root, options, bound, good_enough).run()


class _Trials:
    def __init__(
        self, tree: Engine, root: Floats, options: SolveOptions, bound: float, good_enough: float
    ) -> None:
        self.tree, self.options, self.bound = tree, options, bound
        self.enough_at = max(good_enough, bound + options.gap * abs(bound))
        self.searched = Searched(tree)
        self.share = root[self.searched.full]
        self.began = time.perf_counter()
        self.best: Solution | None = None
        self.tried: set[bytes] = set()
        self.iterations = 0
        self.stopped = False
        hosts = [float(self.share[dates].sum()) for dates in self.searched.dates]
        self.ranked = sorted(range(len(hosts)), key=lambda h: -hosts[h])
        self.opened = np.array(hosts)

    def run(self) -> Solution:
        self.tree.live.set_option("run_crossover", "off")
        try:
            self.by_rank()
            self.step_by_step()
        finally:
            self.tree.live.set_option("run_crossover", "on")
            self.hold(self.searched.low, self.searched.high)
        return self.outcome()

    def by_rank(self) -> None:
        """The first n of the relaxation, from as many as it opens in all to all that it opens; else every one, at once."""
        least = max(1, int(np.ceil(self.opened.sum() - 0.5)))
        most = int((self.opened > TRACE).sum())
        worse = 0
        for n in range(min(least, most), most + 1):
            better = self.attempt(self.opening(self.ranked[:n]))
            worse = 0 if better or self.best is None else worse + 1
            if self.done() or worse == WORSE_IN_A_ROW:
                return
        if self.best is None:
            self.attempt(self.everything())

    def step_by_step(self) -> None:
        """Plans one step from the best one, as long as one of them is better."""
        better = self.best is not None
        while better and not self.done():
            better = False
            for values in self.neighbours():
                better = self.attempt(values)
                if better or self.done():
                    break

    def opening(self, hosts: list[int]) -> Floats:
        """These hosts, each at the first date it is open by a trace, and every stack that is used."""
        return self.searched.opening(self.share, hosts)

    def everything(self) -> Floats:
        """All that may be had, at its first date; levels as in the relaxation, for they ask for more."""
        values = np.zeros(len(self.share))
        values[self.searched.levels] = self.share[self.searched.levels] > TRACE
        values[self.searched.stacks] = 1.0
        for dates in self.searched.dates:
            possible = dates[self.searched.high[dates] > 0]
            values[possible[:1]] = 1.0
        return np.clip(values, self.searched.low, self.searched.high)

    def neighbours(self) -> Iterator[Floats]:
        """One less, those of least share first; then what else is a step away; then one more, those of most share first."""
        assert self.best is not None and self.best.x is not None
        at = np.round(self.best.x[self.searched.full])
        for h in reversed(self.ranked):
            fewer = at.copy()
            fewer[self.searched.dates[h]] = self.searched.low[self.searched.dates[h]]
            yield fewer
        yield from self.searched.neighbours(at)
        for h in self.ranked:
            if self.opened[h] > TRACE and not at[self.searched.dates[h]].any():
                yield np.maximum(at, self.opening([h]))

    def attempt(self, values: Floats) -> bool:
        """One linear programme; whether it is the best so far."""
        if values.tobytes() in self.tried:
            return False
        self.tried.add(values.tobytes())
        self.hold(values, values)
        found = self.tree.lp(self.left(), cold=True, should_stop=self.options.should_stop)
        self.iterations += found.iterations
        self.stopped |= found.stopped
        known = None if self.best is None else self.best.objective
        better = found.x is not None and (known is None or (found.objective or 0.0) < known)
        self.best = found if better else self.best
        self.report()
        return better

    def hold(self, lower: Floats, upper: Floats) -> None:
        self.tree.live.set_col_bounds(self.searched.own, lower, upper)

    def left(self) -> float:
        limit = self.options.time_limit_s
        return np.inf if limit is None else max(0.1, limit - (time.perf_counter() - self.began))

    def done(self) -> bool:
        if self.options.should_stop is not None:  # a programme may be solved before it asks
            self.stopped |= self.options.should_stop()
        enough = self.best is not None and (self.best.objective or 0.0) <= self.enough_at
        return enough or self.stopped or self.left() <= 0.1

    def report(self) -> None:
        if self.options.on_progress is not None:
            objective = None if self.best is None else self.best.objective
            gap = None if objective is None else relative_gap(objective, self.bound)
            seconds = time.perf_counter() - self.began
            self.options.on_progress(
                Progress(seconds, objective, self.bound, gap, len(self.tried), self.iterations)
            )

    def outcome(self) -> Solution:
        counts = (time.perf_counter() - self.began, len(self.tried), self.iterations, self.stopped)
        if self.best is None or self.best.objective is None:
            return Solution(Status.NO_SOLUTION, None, self.bound, None, None, None, None, *counts)
        gap = relative_gap(self.best.objective, self.bound)
        return Solution(
            Status.FEASIBLE, self.best.objective, self.bound, gap, self.best.x, None, None, *counts
        )
