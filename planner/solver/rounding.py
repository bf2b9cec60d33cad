"""Whole halls, units of plant and places of runs by rounding a linear relaxation: few programmes, where a tree has no time.

    found = rounded(tree, options, good_enough)

Work may be done anywhere, so that half a hall too many here is half a hall too few there, and what rounding costs is
little where it is done for all at once. A training run goes to the host that does most of it. Halls and units of plant are
rounded by what stands at each date, each time to the nearest at first and then ever more of them up, until a plan is good
enough: every rounding is a linear programme by an interior point without a basis.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd

from planner.solver.arrays import Floats
from planner.solver.engine import HALLS, PLACED, YES_OR_NO, Engine
from planner.solver.progress import SolveOptions
from planner.solver.solution import Solution, Status
from planner.solver.totals import dated

UP_FROM = (0.5, 0.3, 0.1, 0.01)
"""Parts of a hall from which on a running total is rounded up, one rounding after the other."""
PLANT_UNITS = ("plant_units", "bridge_units", "hire_units")
NOISE = 1e-6


def rounded(
    tree: Engine, options: SolveOptions, good_enough: float = -np.inf, model: Engine | None = None
) -> Solution:
    """The best rounding of all that is whole at the places held; without values where none has a plan.

    ``tree`` is an engine made by ``within``, with policy and objective set. Ends at an objective of at most ``good_enough``.
    The solution has values of all columns and no duals; of the options, time and stop are used. With ``model``, an engine of
    all rows at the same places, roundings are solved there: it keeps the basis of the last for what comes next.
    """
    return _Rounding(tree, options, good_enough, tree if model is None else model).run()


def roundings(tree: Engine, x: Floats) -> Iterator[Floats]:
    """Values of all columns with halls and units of plant rounded, each time more of them up; nothing is solved.

    A training run goes to the place that does most of it; what may come in parts or is no amount is not known before the
    amounts are whole, and is NaN. Where a unit may be lost, the last has one unit more of every kind.
    """
    amounts = [family for family in tree.whole_halls if family not in (PLACED, YES_OR_NO)]
    spare = YES_OR_NO in tree.whole_halls
    for up_from, more in [*((part, 0) for part in UP_FROM), *[(UP_FROM[-1], 1)] * spare]:
        values = whole_amounts(tree, runs_placed(tree, x), amounts, up_from, more)
        for family in HALLS:
            if family not in (*amounts, PLACED):
                values[tree.arrays.columns[family].slice] = np.nan
        yield values


def made_whole(tree: Engine, x: Floats) -> Iterator[Floats]:
    """Values with all amounts whole, those of late years on top of those before, each time more of them up; what is none
    is raised.
    """
    asked = tree.arrays.columns[YES_OR_NO].slice
    for up_from in UP_FROM:
        values = whole_amounts(tree, x, HALLS, up_from)
        values[asked] = np.ceil(x[asked] - NOISE)
        yield values


class _Rounding:
    def __init__(self, tree: Engine, options: SolveOptions, good_enough: float, model: Engine) -> None:
        self.tree, self.model, self.options, self.good_enough = tree, model, options, good_enough
        self.families = tree.whole_halls
        self.amounts = [f for f in self.families if f not in (PLACED, YES_OR_NO)]
        self.began = time.perf_counter()
        self.solved, self.stopped = 0, False
        self.best: Solution | None = None

    def run(self) -> Solution:
        live = self.tree.live
        live.set_option("run_crossover", "off")
        try:
            found = self.solve(self.tree)
            if found.x is not None and PLACED in self.families:
                part = self.tree.family(found.x, PLACED)
                self.hold(PLACED, at_one_place(part))
                if (np.abs(part - part.round()) > NOISE).any():
                    found = self.solve(self.tree)
            if found.x is not None:
                self.try_amounts(found.x)
        finally:
            live.set_option("run_crossover", "on")
            for family in self.families:
                live.set_col_bounds(family, *self.bounds(family))
                self.model.live.set_col_bounds(family, *self.bounds(family))
        return self.outcome()

    def try_amounts(self, x: Floats) -> None:
        """Roundings of what is bought in whole numbers, until one is good enough."""
        tried = set()
        for up_from in UP_FROM:
            values = whole_amounts(self.tree, x, self.amounts, up_from)
            whole = {f: values[self.tree.arrays.columns[f].slice] for f in self.amounts}
            key = b"".join(own.tobytes() for own in whole.values())
            if key in tried or self.done():
                continue
            tried.add(key)
            for family, own in whole.items():
                self.hold(family, own)
            self.keep(self.decided())

    def decided(self) -> Solution:
        """The programme with amounts held, and then with what is neither yes nor no raised to yes."""
        found = self.solve(self.model)
        if found.x is None or YES_OR_NO not in self.families:
            return found
        part = self.tree.family(found.x, YES_OR_NO).to_numpy(float)
        if (np.abs(part - part.round()) > NOISE).any():
            self.hold(YES_OR_NO, np.ceil(part - NOISE))
            found = self.solve(self.model)
            self.model.live.set_col_bounds(YES_OR_NO, *self.bounds(YES_OR_NO))
        return found

    def solve(self, engine: Engine) -> Solution:
        limit = self.options.time_limit_s
        left = np.inf if limit is None else max(0.1, limit - (time.perf_counter() - self.began))
        found = engine.lp(left, cold=True, should_stop=self.options.should_stop)
        self.solved += 1
        self.stopped |= found.stopped
        return found

    def keep(self, found: Solution) -> None:
        known = np.inf if self.best is None or self.best.objective is None else self.best.objective
        if found.x is not None and found.objective is not None and found.objective < known:
            self.best = found

    def hold(self, family: str, values: Floats) -> None:
        values = np.clip(values, *self.bounds(family))
        for engine in (self.tree, self.model):
            engine.live.set_col_bounds(family, values, values)

    def bounds(self, family: str) -> tuple[Floats, Floats]:
        """Those that the columns of a family have of their own."""
        arrays, columns = self.tree.live.arrays, self.tree.live.columns(family)
        return arrays.col_lower[columns], arrays.col_upper[columns]

    def done(self) -> bool:
        if self.options.should_stop is not None:
            self.stopped |= self.options.should_stop()
        limit, spent = self.options.time_limit_s, time.perf_counter() - self.began
        enough = self.best is not None and (self.best.objective or 0.0) <= self.good_enough
        return enough or self.stopped or (limit is not None and spent >= limit)

    def outcome(self) -> Solution:
        counts = (time.perf_counter() - self.began, self.solved, 0, self.stopped)
        if self.best is None:
            return Solution(Status.NO_SOLUTION, None, None, None, None, None, None, *counts)
        return Solution(Status.FEASIBLE, self.best.objective, None, None, self.best.x, None, None, *counts)


def whole_amounts(
    tree: Engine, x: Floats, families: Collection[str], up_from: float, more: int = 0
) -> Floats:
    """Values with what is bought in whole numbers of some families rounded, up from a part on; ``more`` units of each kind
    of plant stand wherever one does.
    """
    values = x.copy()
    for plant in (False, True):
        own = [family for family in families if (family in PLANT_UNITS) == plant]
        for thing in dated(tree.arrays, own, tree.ends):
            values[thing.columns] = thing.whole(x[thing.columns], up_from, more * plant)
    return values


def runs_placed(tree: Engine, x: Floats) -> Floats:
    """Values of all columns with each training run at the place that does most of it."""
    values = x.copy()
    if PLACED in tree.whole_halls:
        values[tree.arrays.columns[PLACED].slice] = at_one_place(tree.family(x, PLACED))
    return values


def at_one_place(share: pd.Series) -> Floats:
    """1 at the host with the largest share of each run (the first of equals), 0 elsewhere.

    >>> index = pd.MultiIndex.from_tuples([("w", "first", "a"), ("w", "first", "b"), ("w", "second", "a")])
    >>> at_one_place(pd.Series([0.4, 0.6, 0.2], index=index)).tolist()
    [0.0, 1.0, 1.0]
    """
    run = share.groupby(level=[0, 1], sort=False).ngroup().to_numpy()
    order = np.lexsort((-share.to_numpy(float), run))
    found = np.zeros(len(share))
    found[order[np.unique(run[order], return_index=True)[1]]] = 1.0
    return found
