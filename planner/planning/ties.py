"""Ties within the gap: near the least cost lies a plateau, and a plan is the best one on it."""

from __future__ import annotations

from dataclasses import replace

from planner.planning.solve_run import SolveRun
from planner.solver.arrays import Floats
from planner.solver.engine import HALLS, PATTERN, Engine


def ties(run: SolveRun, x: Floats) -> Floats:
    """Within the gap, the most control of what is served, then the least delay; places are held."""
    if run.case.scenario.solve.integers == "all" or run.bound is None:
        return x
    run.say("ties", "most control, then least delay, at a cost within the gap")
    engine = run.engine
    if run.large is None and engine.warm:
        with engine.aside():  # its last linear programme has the places of ``x``: a few pivots away
            return run.timed("ties", lambda: _improved(run, x, engine))
    tree = engine.held(_places(run, x)) if run.large is None else run.large.with_all_offers()
    return run.timed("ties", lambda: _improved(run, x, tree))


def _improved(run: SolveRun, x: Floats, tree: Engine) -> Floats:
    """Values of the best of ties in a linear programme that has the places of ``x`` only; ``x`` where there is none."""
    assert run.bound is not None
    # a fifth of the gap is left for rounding to whole units
    budget = max(run.bound * (1 + 0.8 * run.target), run.engine.value(x, "cost") * (1 + 1e-7))
    limit, own = run.bounds.max_cost_musd, run.bounds.min_control_points
    within = replace(run.bounds, max_cost_musd=budget if limit is None else min(budget, limit))
    tree.policy(within)
    best = tree.most_control(run.options("ties"))
    if best.x is None:
        return x
    reached = tree.control(best.x) - 1e-4
    tree.policy(replace(within, min_control_points=reached if own is None else max(own, reached)))
    tree.minimise("delay")
    options = run.options("ties")
    soonest = tree.lp(options.time_limit_s, should_stop=options.should_stop)
    return best.x if soonest.x is None else soonest.x


def _places(run: SolveRun, x: Floats) -> dict[str, Floats]:
    return {family: run.engine.family(x, family).round(6).to_numpy(float) for family in (*PATTERN, *HALLS)}
