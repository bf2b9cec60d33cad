"""Whole servers and racks at the places of a plan: rounded, chosen there, or chosen together with the places."""

from __future__ import annotations

from dataclasses import replace

from planner.case.bounds import Bounds
from planner.facts.numbers import decimals_apart, fixed
from planner.facts.rounding import rounded_up
from planner.planning.coarse import SOON_GAP, whole_units_of_least_load
from planner.planning.hosts_in_turn import hosts_in_turn
from planner.planning.repair import rounded_up as totals_up
from planner.planning.repair import whole_units
from planner.planning.solve_run import DELAY_SLACK_MONTHS, SolveRun, Stop
from planner.planning.together import DIRECT_GAP, together
from planner.solver.arrays import Floats
from planner.solver.branching import WHOLE
from planner.solver.engine import HALLS, PATTERN, UNITS
from planner.solver.solution import Solution, Status

UNITS_GAP = 1e-3
"""Gap of whole units that an integer programme picks where rounding fails; where patience has ended, that of the plan."""
UNITS_S = 15.0
"""Processor seconds for whole units at the places held."""
BETTER_HALLS = 0.25
"""Share of the gap left open by places and halls where a nearer bound alone is not enough."""
NEARLY = 0.999
"""Share of the gap at which a nearer bound is near enough."""
REFINE_S = 60.0
"""Processor seconds for whole units together with the places."""


def round_units(run: SolveRun, x: Floats) -> Solution:
    """Whole units and the last linear programme; control and delay keep what ties have won."""
    run.engine.minimise("cost")
    if run.case.scenario.solve.integers in ("none", "all"):  # nothing is left to round
        return run.solve("last LP", run.options("last LP"))
    found = _neighbour_if_cheaper(run, x, _rounded(run, x))
    if run.impatient and found.x is not None and _picked(run, x, found.x):
        found = _bettered(run, found)  # another programme of units at the same places would find little
        if run.done or not run.misses(found.objective, 1.0):
            return found
    if found.x is None or (run.misses(found.objective, 1.0) and not run.done and run.whole is None):
        found = _refined(run, found)
    return _bettered(run, found)


def _picked(run: SolveRun, x: Floats, whole: Floats) -> bool:
    """Whether the whole units of a plan are others than those of ``x`` rounded up."""
    family = run.engine.family
    return bool((family(whole, UNITS).round() != totals_up(family(x, UNITS))).any())


def _bettered(run: SolveRun, plan: Solution) -> Solution:
    """Host by host, where a plan of a smaller case misses the gap."""
    small = run.whole is None and run.large is None
    if not small or run.over or plan.x is None or not run.misses(plan.objective, 1.0):
        return plan
    return hosts_in_turn(run, plan)


def _rounded(run: SolveRun, x: Floats) -> Solution:
    """Whole units at the places of ``x``; without values where none were found."""
    engine = run.engine
    run.say("units", "whole servers and racks")
    asked = [run.kept(x), run.bounds]
    for policy in asked if asked[0] != asked[1] else asked[:1]:
        engine.policy(policy)
        run.divisible = run.timed("prices", lambda: _last(run))
        found = _whole_units(run, x) if run.whole is None else _units_of(run, run.whole)
        if found.x is not None:
            if policy != run.bounds and run.misses(found.objective, 1.0):
                found = _without_ties(run, found)
            break
    return found


def _neighbour_if_cheaper(run: SolveRun, x: Floats, found: Solution) -> Solution:
    """The neighbour's plan that the run began with, where it keeps the bounds in force and costs less than what was found at
    the places of ``x``: a case with looser limits is planned no dearer than the one before it.
    """
    engine, known = run.engine, run.neighbour
    whole = (*PATTERN, *HALLS, UNITS)
    if known is None:
        return found
    parts = [engine.family(known, family) for family in whole]
    if any((abs(part - part.round()) > WHOLE).any() for part in parts):
        return found
    held = _units_of(run, known)
    if held.objective is not None and (found.objective is None or held.objective < found.objective):
        run.hold_places(known)
        run.divisible = run.timed("prices", lambda: _last(run))
        return _units_of(run, known)
    run.hold_places(x)
    if found.x is not None:
        run.hold(found.x, UNITS)
    return found


def _last(run: SolveRun) -> Solution:
    """The linear programme of the model as it stands, with duals."""
    return run.engine.lp(run.left("units"), cold=run.large is not None)


def _whole_units(run: SolveRun, x: Floats) -> Solution:
    """Units by rounding; where the case is large, in its smaller programme, and then the rest of the model for them."""
    engine = run.engine
    if run.fleet is not None:
        least = None if run.tight else whole_units_of_least_load(run, x)
        return least or _units_of(run, run.fleet)
    if run.large is None:
        gap, enough = run.target if run.impatient else UNITS_GAP, run.good_enough
        return run.timed("units", lambda: whole_units(engine, x, gap, run.left("units"), enough))
    found = run.large.whole_units(x)
    if found.x is None:
        return found
    engine.fix(UNITS, engine.family(found.x, UNITS).to_numpy(float))
    return run.timed("units", lambda: _last(run))


def _without_ties(run: SolveRun, kept: Solution) -> Solution:
    """The same units, where keeping what ties have won costs more than the gap: only what was asked is kept."""
    run.engine.policy(run.bounds)
    found = run.timed("units", lambda: _last(run))
    return kept if run.misses(found.objective, 1.0) else found


def _units_of(run: SolveRun, x: Floats) -> Solution:
    """Least cost with the hosts, stacks, halls and whole units of ``x``."""
    run.engine.integers()
    run.hold(x, *PATTERN, *HALLS, UNITS)
    return run.timed("units", lambda: _last(run))


def _units_at_places(run: SolveRun, rounded: Solution) -> Solution:
    """Whole units as an integer programme at the halls, hosts and stacks of ``rounded``: seconds, and
    better than rounding every running total up.
    """
    engine = run.engine
    engine.policy(run.bounds)
    engine.fix(UNITS, None)
    engine.integers(UNITS)
    with engine.live.at_most_cpu_s(UNITS_S):
        found = run.solve("units", run.options("units", 0.15 * run.target), rounded.x)
    engine.integers()
    if found.x is None:
        return rounded
    engine.fix(UNITS, engine.family(found.x, UNITS).round().to_numpy(float))
    last = engine.live.solve(time_limit_s=run.left("units"))
    worse = rounded.objective is not None and (last.objective or 0.0) >= rounded.objective
    return rounded if last.x is None or worse else last


def _units_of_reference(run: SolveRun, x: Floats) -> Solution:
    """Whole units at the places of the least-delay plan, for a budget that just suffices: dear, but a plan.

    The cheapest places fill such a budget to the brim. Least delay keeps the caps, which whole units would break.
    """
    engine = run.engine
    engine.policy(run.bounds)
    run.hold_places(x)
    engine.minimise("delay")
    run.options("units", absolute_gap=1e-3)
    with engine.live.at_most_cpu_s(UNITS_S):
        found = run.timed("units", lambda: whole_units(engine, x, SOON_GAP, run.left("units")))
    engine.minimise("cost")
    run.options("units")
    if found.x is None:
        return found
    return run.timed("units", lambda: engine.live.solve(time_limit_s=run.left("units")))


def _refined(run: SolveRun, rounded: Solution) -> Solution:
    """Where rounding fails or costs more than the gap (small cases): whole units chosen with the places.

    The bound of that programme is one of the plan, which is made of whole units too.
    """
    if rounded.x is None and run.objective == "control" and run.reference is not None:  # it has whole units
        run.engine.policy(run.bounds)
        rounded = _units_of(run, run.reference)
        if rounded.x is not None:
            return rounded
    rounded = _units_at_places(run, rounded)
    if not run.misses(rounded.objective, 1.0) or (run.done and rounded.x is not None):
        return rounded
    if rounded.x is None and run.reference is not None:
        rounded = _units_of_reference(run, run.reference)
        if rounded.x is None:
            rounded = _waiting_longer(run, rounded, run.reference)
    if rounded.x is not None:
        if not run.done or run.bound is None:  # with a bound, hosts in turn save more in less in a hard case
            rounded = _units_nearer(run, rounded)
        if not run.misses(rounded.objective, 1.0) or run.done:
            return rounded
    return _together(run, rounded)


def _units_nearer(run: SolveRun, rounded: Solution) -> Solution:
    """A bound nearer to a plan of whole units, by the search for its places and halls; units at those it finds, if need be.

    What that search left open may be most of the gap, and all integers together are far more work.
    """
    assert rounded.x is not None and rounded.objective is not None
    run.say("refine", "a nearer bound of whole halls, hosts and stacks")
    if run.together is None:
        known = run.bound
        first = together(run, "refine", DIRECT_GAP * run.target, rounded.x)
        if run.bound == known and (first.x is None or run.alike(rounded.x, first.x, *PATTERN, *HALLS)):
            return rounded  # it has not even come up to the bound of divisible halls: to go on is of no use
    best = None if run.together is None else run.together.best
    if run.misses(rounded.objective, 1.0) and best is not None and best.objective is not None:
        needed = rounded.objective - NEARLY * run.target * abs(rounded.objective)
        gap = (best.objective - needed) / max(abs(best.objective), 1e-9)
        if (
            not run.done
        ):  # no such bound can be where units cost too much at these halls: then better halls are sought
            best = together(run, "refine", max(gap, BETTER_HALLS * run.target), None)
    if not run.misses(rounded.objective, 1.0) or best is None or best.x is None:
        return rounded
    if run.alike(rounded.x, best.x, *PATTERN, *HALLS):
        return rounded
    run.hold_places(best.x)
    found = _units_at_places(run, _whole_units(run, best.x))
    better = found.objective is not None and found.objective < rounded.objective
    return found if better else rounded


def _waiting_longer(run: SolveRun, rounded: Solution, x: Floats | None = None) -> Solution:
    """Whole units as soon as they can serve, at the places of the least-delay plan ``x`` or else wherever: the planner's
    caps on delay are raised to what they reach, within the scenario's own. ``rounded`` where there are no caps but those;
    without values where none are found.

    The least-delay plan has divisible units, and whole ones may miss its delay: those of a small fleet, or of crews that
    install few racks a quarter, or under a budget that halls for parts of servers use up. What was proved under the caps
    before holds no more.
    """
    engine, stated = run.engine, Bounds.of_limits(run.case.scenario.limits)
    caps, longest = run.bounds.max_delay_months_by_workload, run.bounds.max_delay_months
    own = caps != stated.max_delay_months_by_workload
    if not own and longest == stated.max_delay_months:
        return rounded
    run.say("units", "how soon whole units can serve")
    engine.integers()
    engine.policy(
        replace(
            run.bounds,
            max_delay_months=stated.max_delay_months,
            max_delay_months_by_workload=stated.max_delay_months_by_workload,
        )
    )
    engine.minimise("delay")
    options = run.options("units", SOON_GAP, absolute_gap=1e-3)
    if x is None:
        run.free(*PATTERN, *HALLS, UNITS)
        with engine.live.at_most_cpu_s(REFINE_S):
            found = run.solve("units", options)
        engine.integers()
    else:
        run.hold_places(x)
        found = run.timed("units", lambda: whole_units(engine, x, SOON_GAP, run.left("units")))
    engine.minimise("cost")
    if found.x is None:
        engine.policy(run.bounds)
        return found
    reached = {w: rounded_up(months + DELAY_SLACK_MONTHS, 4) for w, months in engine.delays(found.x).items()}
    total = rounded_up(engine.value(found.x, "delay") + DELAY_SLACK_MONTHS, 4)
    before = run.bounds
    run.bounds = replace(
        run.bounds,
        max_delay_months_by_workload={w: max(cap, reached[w]) for w, cap in caps.items()} if own else caps,
        max_delay_months=None if longest is None else max(longest, total),
    )
    run.bound = run.relaxed_bound = run.control_bound = run.together = None
    run.notes += _raised(before, run.bounds)
    engine.policy(run.bounds)
    return _units_of(run, found.x)


def _raised(before: Bounds, now: Bounds) -> list[str]:
    """A note that whole units may wait longer than divisible ones were to: who, and how much longer; none where nobody."""
    pairs = [
        (f"{w} may wait", cap, now.max_delay_months_by_workload[w], "months")
        for w, cap in before.max_delay_months_by_workload.items()
    ]
    if before.max_delay_months is not None and now.max_delay_months is not None:
        pairs.append(
            ("all together may wait", before.max_delay_months, now.max_delay_months, "weighted months")
        )
    told = []
    for who, first, then, unit in pairs:
        if then > first:
            digits = decimals_apart((first, then), least=1)
            told.append(
                f"{who} {fixed(then, digits)} {unit}, {fixed(then - first, digits)} more than first allowed"
            )
    return [f"whole units cannot serve as soon as divisible ones: {'; '.join(told)}"] if told else []


def _together(run: SolveRun, rounded: Solution) -> Solution:
    """Whole units, halls, hosts and stacks in one programme, from a plan in hand where there is one."""
    engine = run.engine
    run.say("refine", "whole units, halls, hosts and stacks together")
    engine.policy(run.bounds)
    run.free(*PATTERN, *HALLS, UNITS)
    options = run.options("refine", 0.9 * run.target)
    lumped = engine.of_lumps(*PATTERN, *HALLS, UNITS)
    with lumped.live.at_most_cpu_s(REFINE_S):
        found = run.timed("refine", lambda: lumped.live.solve_to(options, rounded.x))
    if found.status is Status.INFEASIBLE and rounded.x is None:
        found = _waiting_longer(run, found)  # by caps that nobody stated no case is infeasible
        if found.x is not None:
            return _together(run, found)
    better = rounded.objective is None or (found.objective or 0.0) < rounded.objective
    # where nothing was rounded, this programme decides: it holds nothing, so the others prove nothing
    best = run.values(found if rounded.x is None or (found.x is not None and better) else rounded)
    if found.bound is not None:
        run.bound = found.bound if run.bound is None else max(run.bound, found.bound)
    engine.integers()
    for family in (*PATTERN, *HALLS, UNITS):
        whole = engine.family(best, family).to_numpy(float).round()
        engine.live.set_col_bounds(family, whole, whole)
    last = engine.live.solve(time_limit_s=run.left("refine"))
    if last.x is None and rounded.x is None:
        raise Stop("no-solution")
    return last if last.x is not None else rounded
