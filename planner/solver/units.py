"""Whole servers and racks at the places of a plan: rounded, chosen there, or chosen together with the places."""

from __future__ import annotations

from planner.solver.arrays import Floats
from planner.solver.climb import Climb, Stop
from planner.solver.engine import HALLS, PATTERN, UNITS
from planner.solver.repair import whole_units
from planner.solver.solution import Solution

UNITS_S = 15.0
"""Seconds for whole units at the places held."""
REFINE_S = 60.0
"""Seconds for whole units together with the places."""


def round_units(climb: Climb, x: Floats) -> Solution:
    """Whole units and the last linear programme; control and delay keep what ties have won."""
    engine = climb.engine
    engine.minimise("cost")
    if climb.case.scenario.solve.integers in ("none", "all"):  # nothing is left to round
        return climb.timed("last LP", lambda: engine.live.solve(**climb.options("last LP")))
    climb.say("units", "whole servers and racks")
    asked = [climb.kept(x), climb.bounds]
    for policy in asked if asked[0] != asked[1] else asked[:1]:
        engine.policy(**policy)
        climb.divisible = climb.timed("prices", lambda: engine.live.solve(time_limit_s=climb.left("units")))
        found = climb.timed("units", lambda: whole_units(engine, x, 1e-3, climb.left("units")))
        if found.x is not None:
            met = climb.stopped or not climb.misses(found.objective, 1.0)
            return found if met else _refined(climb, found)
    return _refined(climb, found)


def _units_at_places(climb: Climb, rounded: Solution) -> Solution:
    """Whole units as an integer programme at the halls, hosts and stacks of ``rounded``: seconds, and
    better than rounding every running total up.
    """
    engine = climb.engine
    engine.policy(**climb.bounds)
    engine.fix(UNITS, None)
    engine.integers(UNITS)
    options = climb.options("units", gap=0.15 * climb.target)
    options["time_limit_s"] = min(UNITS_S, options["time_limit_s"])
    found = climb.timed("units", lambda: engine.live.solve(start=rounded.x, **options))
    engine.integers()
    if found.x is None:
        return rounded
    engine.fix(UNITS, engine.family(found.x, UNITS).round().to_numpy(float))
    last = engine.live.solve(time_limit_s=climb.left("units"))
    worse = rounded.objective is not None and (last.objective or 0.0) >= rounded.objective
    return rounded if last.x is None or worse else last


def _units_of_reference(climb: Climb, x: Floats) -> Solution:
    """Whole units at the places of the least-delay plan, for a budget that just suffices: dear, but a plan.

    The cheapest places fill such a budget to the brim. Least delay keeps the caps, which whole units would break.
    """
    engine = climb.engine
    engine.policy(**climb.bounds)
    climb.hold(x, *PATTERN, *HALLS)
    engine.fix(UNITS, None)
    engine.minimise("delay")
    climb.options("units", absolute=1e-3)
    found = climb.timed("units", lambda: whole_units(engine, x, 0.02, min(UNITS_S, climb.left("units"))))
    engine.minimise("cost")
    climb.options("units")
    if found.x is None:
        return found
    return climb.timed("units", lambda: engine.live.solve(time_limit_s=climb.left("units")))


def _refined(climb: Climb, rounded: Solution) -> Solution:
    """Where rounding fails or costs more than the gap (small cases): whole units chosen with the places.

    The bound of that programme is one of the plan, which is made of whole units too.
    """
    rounded = _units_at_places(climb, rounded)
    if not climb.misses(rounded.objective, 1.0):
        return rounded
    if rounded.x is None and climb.reference is not None:
        rounded = _units_of_reference(climb, climb.reference)
    engine = climb.engine
    climb.say("refine", "whole units, halls, hosts and stacks together")
    engine.policy(**climb.bounds)
    for family in (*PATTERN, *HALLS, UNITS):
        engine.fix(family, None)
    engine.integers(*PATTERN, *HALLS, UNITS)
    options = climb.options("refine", gap=0.9 * climb.target)
    options["time_limit_s"] = min(REFINE_S, options["time_limit_s"])
    found = climb.timed("refine", lambda: engine.live.solve(start=rounded.x, **options))
    better = rounded.objective is None or (found.objective or 0.0) < rounded.objective
    # where nothing was rounded, this programme decides: it holds nothing, so the others prove nothing
    best = climb.values(found if rounded.x is None or (found.x is not None and better) else rounded)
    if found.bound is not None and climb.bound is not None:
        climb.bound = max(climb.bound, found.bound)
    engine.integers()
    for family in (*PATTERN, *HALLS, UNITS):
        whole = engine.family(best, family).to_numpy(float).round()
        engine.live.set_col_bounds(family, whole, whole)
    last = engine.live.solve(time_limit_s=climb.left("refine"))
    if last.x is None and rounded.x is None:
        raise Stop("no-solution")
    return last if last.x is not None else rounded
