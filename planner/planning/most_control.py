"""The most control of what is served by a plan of whole hosts, stacks, halls and units, and what no plan exceeds.

Control is a ratio of what is served well to all that is served. With ``control - share x served`` as the objective, no plan
has a ratio above ``share`` where the best value is not above 0; else that plan's ratio is the next share (Dinkelbach). Each
step is a search, and its bound says how much more any plan could have:

 1. hosts and stacks, with divisible halls;
 2. whole halls there, and where these lose control all of it together;
 3. no more halls than keep it, and whole units there; where these lose control all integers together, but for large models.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from planner.planning.repair import rounded_up, whole_units
from planner.planning.rolling import in_turn
from planner.planning.solve_run import SolveRun, Stop
from planner.solver.arrays import Floats
from planner.solver.branch_and_bound import Search
from planner.solver.branching import PseudoCosts
from planner.solver.engine import HALLS, PATTERN, PLACED, UNITS, YES_OR_NO, Engine
from planner.solver.solution import Solution, Status

STAGE = "control"
NEAR_POINTS = 0.02
"""Points of control left open by a search."""
OPEN_POINTS, UNITS_POINTS = 0.1, 0.05
"""Points left open from which on more is searched together, and those that whole units may lose."""
STEPS, LEAST_S = 8, 0.1
"""Shares tried at most, and seconds that every programme may have."""
TIME_SHARE = 0.25
"""Share of the time limit that all of it may take."""
TOGETHER_S = 60.0
"""Seconds for all integers together."""
CERTAIN_POINTS = 1e-4
"""Added to the bound: a linear programme is solved to a tolerance."""
SPARE_HALLS = (0.0, 1.0, 2.0, 4.0, np.inf)
"""Halls of each kind and date beyond those needed, as far as the plan of most control has them, one try after the other."""
NOISE_HALLS, UNITS_GAP = 1e-6, 0.01
"""Parts of a hall that are noise of the linear programme; gap of the last periods where units are rounded one by one."""
SOUGHT_NONZEROS = 80_000
"""Non-zeros of a model up to which halls and units of less cost are sought that keep the most control."""
Step = Callable[[float, Floats | None], Solution]
"""Share, values to start from -> the least value of ``share x served - control`` found, and its bound."""


def most_control(run: SolveRun) -> Floats:
    """Values of the plan of most control under the bounds in force; sets ``control_bound`` of the run.

    The search starts from ``run.start``. Where it finds no whole units in time, the plan of least delay stands for it; where
    there is none either, it raises ``Stop``. A plan whose cost is not to be bettered is the ``whole`` of the run.
    """
    try:
        return _MostControl(run).found()
    except Stop:
        if run.reference is None:
            raise
        return run.reference


def fewer_halls(run: SolveRun, x: Floats, limit_s: float) -> Floats | None:
    """A plan of little cost under the bounds in force with some of the halls of ``x``, and whole units; None where none fit.

    At the most control the halls of least cost leave no whole units that keep it, and a search finds that out at length.
    What is needed of the halls of ``x`` is rounded up, and has ever more to spare.
    """
    engine, amounts = run.engine, [f for f in run.engine.whole_halls if f not in (PLACED, YES_OR_NO)]
    end = time.perf_counter() + limit_s
    engine.integers()
    engine.minimise("cost")
    engine.fix(UNITS, None)
    run.hold(x, *PATTERN, *HALLS)
    most = {family: engine.family(x, family).round().to_numpy(float) for family in amounts}
    for family in amounts:
        engine.live.set_col_bounds(family, np.zeros(len(most[family])), most[family])
    found = engine.lp(limit_s, cold=True)
    if found.x is None:
        return None
    needed = {
        family: np.ceil(engine.family(found.x, family).to_numpy(float) - NOISE_HALLS) for family in amounts
    }
    for spare in SPARE_HALLS:
        for family in amounts:
            held = np.minimum(needed[family] + spare, most[family])
            engine.live.set_col_bounds(family, held, held)
        whole = in_whole_units(run, end - time.perf_counter())
        if whole.x is not None:
            return whole.x
    return None


def in_whole_units(run: SolveRun, limit_s: float) -> Solution:
    """Least cost at what is held, and its units rounded up or else period by period; units are free afterwards."""
    engine = run.engine
    limit_s = max(LEAST_S, limit_s)
    found = engine.lp(limit_s)
    if found.x is None:
        return found
    engine.fix(UNITS, rounded_up(engine.family(found.x, UNITS)))
    whole = engine.lp(limit_s)
    if whole.x is None:
        whole = in_turn(engine, UNITS_GAP, limit_s)
    engine.fix(UNITS, None)
    return whole


def cheaper_is_sought(engine: Engine) -> bool:
    """Whether halls and units of less cost are sought at the most control: a long search that mostly finds none."""
    return int(engine.arrays.matrix.nnz) < SOUGHT_NONZEROS


class _MostControl:
    def __init__(self, run: SolveRun) -> None:
        self.run, self.engine = run, run.engine
        self.end = time.perf_counter() + TIME_SHARE * run.case.scenario.solve.time_limit_s
        self.least_served = 0.0
        """Of any plan: what the bound of a step is divided by."""

    def found(self) -> Floats:
        run, engine = self.run, self.engine
        run.say(STAGE, "raising control of what is served")
        places = run.values(self.places())
        points = engine.control(places)
        halls = self.raised(self.searching(run.at_places(places)), points, places)
        if halls.x is None or self.open(halls.x):
            better = self.raised(self.searching(engine.searchable({})), points, halls.x, proves=True)
            halls = halls if better.x is None else better
        return self.with_whole_units(run.values(halls))

    def places(self) -> Solution:
        """Hosts and stacks, from the ratio of the relaxation on."""
        run, tree = self.run, self.engine.searchable()
        tree.policy(run.bounds)
        relaxed = run.timed(STAGE, lambda: tree.most_control(run.options(STAGE)))
        points = tree.control(run.values(relaxed))
        if relaxed.status is Status.OPTIMAL:
            run.control_bound = points + CERTAIN_POINTS
        tree.minimise("served")
        least = run.timed(STAGE, lambda: tree.lp(self.left()))
        if least.status is Status.OPTIMAL and least.objective is not None:
            self.least_served = max(0.0, least.objective)
        return self.raised(self.searching(tree), points, run.start, proves=True)

    def with_whole_units(self, x: Floats) -> Floats:
        """Units at the places of ``x``; all integers together where these lose control and the model is small."""
        run, engine = self.run, self.engine
        points = engine.control(x)
        floor = max(run.bounds.min_control_points or 0.0, points - UNITS_POINTS)
        engine.policy(replace(run.bounds, min_control_points=floor))
        best = run.timed(STAGE, lambda: fewer_halls(run, x, self.left()))
        engine.policy(run.bounds)
        if best is None:
            run.hold(x, *PATTERN, *HALLS)
            engine.minimise("control", points / 100.0)
            best = run.timed(STAGE, lambda: whole_units(engine, x, 1e-3, run.left(STAGE))).x
        if best is None or (self.open(best) and not engine.middle):
            run.free(*PATTERN, *HALLS, UNITS)
            better = self.raised(self.all_together, points, best, proves=True)
            best = best if better.x is None else better.x
        run.free()
        if best is None:
            raise Stop("no-solution")
        if not cheaper_is_sought(engine):
            run.whole = best
        return best

    def searching(self, tree: Engine) -> Step:
        """Steps by branch and bound on a tree."""
        tree.policy(self.run.bounds)
        learned = PseudoCosts()

        def step(share: float, start: Floats | None) -> Solution:
            tree.minimise("control", share)
            options = self.run.options(STAGE, 0.0, most_s=self.left())
            return Search(tree, options, NEAR_POINTS / 100.0, start=start, learned=learned).run()

        return step

    def all_together(self, share: float, start: Floats | None) -> Solution:
        """A step by HiGHS, on the model as it stands."""
        self.engine.minimise("control", share)
        options = self.run.options(STAGE, 0.0, NEAR_POINTS / 100.0, min(TOGETHER_S, self.left()))
        return self.engine.live.solve_to(options, start)

    def raised(self, step: Step, points: float, start: Floats | None, proves: bool = False) -> Solution:
        """The best of the steps from a ratio in points on; where they search all plans, they lower the bound."""
        best: Solution | None = None
        for _ in range(STEPS):
            share, asked = points / 100.0, start if best is None else best.x
            found = self.run.timed(STAGE, lambda: step(share, asked))  # noqa: B023
            if proves and found.bound is not None and self.least_served > 0:
                more = 100.0 * max(0.0, -found.bound) / self.least_served
                self.run.control_bound = min(self.run.control_bound or 100.0, points + more + CERTAIN_POINTS)
            if found.x is None:
                return best or found
            reached = self.engine.control(found.x)
            if best is None or best.x is None or reached > self.engine.control(best.x):
                best = found
            self.run.report(STAGE, reached, self.run.control_bound, None)
            if found.stopped or abs(reached - points) <= NEAR_POINTS or self.left() <= LEAST_S:
                break
            points = reached
        assert best is not None
        return best

    def open(self, x: Floats) -> bool:
        """Whether a plan may have noticeably more control than this one."""
        bound = self.run.control_bound
        return bound is None or bound - self.engine.control(x) > OPEN_POINTS

    def left(self) -> float:
        return max(LEAST_S, self.end - time.perf_counter())
