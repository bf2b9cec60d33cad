"""The frontier of cost, delay and control: a few plans, a grid of screening points between them, and prices.

    result = frontier(scenario, points=5)
    result.points, result.payoff, result.plans[0].plan

1. Plans in worker processes: at the scenario's own limits, at the corners, then wherever two plans are furthest apart,
   until as many as asked differ and none beats another, or no limits are left that could give one
   (``frontier_limits``). Each chain starts a plan from its neighbour's. They give the patterns of hosts and stacks.
2. A grid of limits on delay and control, on live linear programmes with those patterns (``screening``), finer where most
   is open between two of them (``frontier_lines``).
3. Repeats and what a plan beats are left out; along the front, the price of control (MUSD per point, at equal
   delay) and of speed (MUSD per month, at equal control), where it is known (``next_step``).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from planner.case.build import build_case
from planner.facts.catalog import Catalog
from planner.facts.errors import NoPlan
from planner.facts.rounding import rounded_down, rounded_up
from planner.planning.events import Event, OnEvent, Steps
from planner.planning.pipeline import least_delays
from planner.planning.solve_run import Outcome
from planner.scenario.schema import Scenario
from planner.solver.engine import Engine
from planner.studies.frontier_limits import FAST, HIGH_SHARE, OWN, Limit, Limits, Reached, distinct
from planner.studies.frontier_lines import finer_rows
from planner.studies.frontier_plans import OWN_POINT, Made, Task, limits_of, solve_all, unbound
from planner.studies.frontier_tables import (
    SHORT_OF_MOST,
    Months,
    grid,
    keeps_limits,
    on_front,
    payoff,
    plan_rows,
)
from planner.studies.hopeless import refuse_hopeless
from planner.studies.next_step import OnStep, solve_closer, untold, with_prices
from planner.studies.patterns import cheapest_pattern, everything_early, pattern_of_tables, table_of_patterns
from planner.studies.ranges import near_optimal_ranges
from planner.studies.screening import LiveFrontier, Pattern

SOUGHT = ((FAST, 0.0), (FAST, HIGH_SHARE), (FAST, 1.0), (3.0, 1.0))
"""The same, of limits at which hosts and stacks are sought beside those of a single plan."""
SOUGHT_GAP, SOUGHT_S = 0.005, 5.0
MOST_TRIED = 2
"""Plans tried at most, for each that is asked for: some are like others, or beaten by them."""
USUAL_POINTS = 5
"""Plans of a frontier that is asked for no number."""
AT_NONE = "no plan exists at any delay or control"
CLOSER_PIVOTS = 150_000
"""Pivots in which the costs behind prices that are not known are solved closer: half a minute to a minute."""
DEAR = 0.05
"""Share of cost by which all hosts open at once may cost more than those of a plan."""


@dataclass(frozen=True)
class Frontier:
    """Points (screening and plans), payoff table, patterns, least delays, near-optimal ranges, the plans made, and the
    fingerprint of the programme that was asked.

    ``points``: point, quality, status, max_delay_months, min_control, the figures, gap, control_bound, pattern, on_front,
    price_of_control_musd_per_point, price_of_speed_musd_per_month, keeps_limits (the scenario's own on
    delay and control; None where it states none, or where it cannot be told).
    """

    points: pd.DataFrame
    payoff: pd.DataFrame
    patterns: list[Pattern]
    least: dict[str, float]
    ranges: pd.DataFrame
    plans: dict[int, Outcome]
    programme: str


def frontier(
    scenario: Scenario,
    points: int = USUAL_POINTS,
    quality: str = "plan",
    workers: int = 2,
    on_event: OnEvent | None = None,
    should_stop: Callable[[], bool] | None = None,
    catalog: Catalog | None = None,
    made: Mapping[int, Made] | None = None,
    on_plan: Callable[[int, Outcome], None] | None = None,
) -> Frontier:
    """The trade-off of a scenario with ``points`` plans of the given quality, more where some are alike, and a grid.

    Facts are those the scenario carries where no others are given. ``made`` are plans by point of an earlier call with
    the same scenario, facts and quality: they are not made again. ``on_plan`` is told of each new one, with the values that
    the next plan of its chain starts from. Raises NoPlan
    where the case is infeasible at its loosest (with the reasons that its tables show; ``planner explain`` says the others).
    """
    say = on_event or (lambda event: None)
    case = build_case(scenario, catalog)
    refuse_hopeless(replace(case, scenario=unbound(scenario)), AT_NONE)
    engine = Engine(case)
    say(Event("least delay", "how soon every workload can be served"))
    try:
        least = least_delays(case, engine)
    except NoPlan as error:
        raise NoPlan(AT_NONE) from error
    free = LiveFrontier(case, engine=engine, least=least)
    limits, known = Limits(case, free, quality), dict(made or {})
    tasks: list[Task] = []
    plans: dict[int, Outcome] = {}
    solved: dict[int, Made] = {}
    reached: list[Reached] = []
    asked = limits.anchors(points)
    while asked:
        new = _numbered(limits, asked, known, tasks)
        todo = sum(task.point not in known for task in new)
        tasks += new
        if todo:
            say(Event("plans", f"{_many(todo, 'plan')} in {_many(min(todo, workers), 'process', 'es')}"))
        plans |= solve_all(new, known, workers, say, should_stop, on_plan, len(tasks) - todo)
        solved = {task.point: known[task.point] for task in tasks if task.point in known}
        solved |= {i: Made.of(o) for i, o in plans.items() if o.plan is not None}
        if not solved or (should_stop is not None and should_stop()):
            break
        reached += [limits.reached(at, solved.get(t.point)) for t, at in zip(new, asked, strict=True)]
        missing = points - distinct(solved.values())
        asked = limits.between(reached, missing) if missing > 0 and len(tasks) < MOST_TRIED * points else []
    found = {i: o for i, o in plans.items() if o.plan is not None}
    solved = dict(sorted(solved.items()))  # whoever was first
    if not solved and should_stop is not None and should_stop():
        raise NoPlan("stopped before the first plan was found")
    if not solved:
        raise NoPlan("no plan was found at any of the limits")
    live = LiveFrontier(
        case, [pattern_of_tables(engine, one.tables) for one in solved.values()], free.least, engine
    )
    for one in solved.values():
        stated = one.scenario.limits
        # plans of other objectives are within more than these limits
        own = one.relaxed_bound if one.objective == "cost" else None
        if own is not None and isinstance(stated.max_delay_months, dict):
            live.prove(stated.max_delay_months, stated.min_control, own)
    say(Event("screening", f"a grid of limits; patterns of hosts and stacks: {len(live.patterns)}"))
    solved_points, told = itertools.count(1), Steps(say, "screening", "points solved")
    live.between = lambda: told(next(solved_points))
    made_rows = plan_rows(tasks, solved, case)
    rows = [*made_rows, *_screened_rows(live, should_stop)]
    say(Event("prices", "what the next step from each point costs"))
    looks = Steps(say, "prices", "prices looked at")
    closer = Steps(say, "prices", "prices that are not known solved closer")
    solve_closer(on_front(pd.DataFrame(rows)), live, CLOSER_PIVOTS, should_stop, looks, closer)
    if live.add_found():
        rows = [*made_rows, *_screened_rows(live, should_stop)]
    table = _points(rows, live, should_stop, Steps(say, "prices", "points priced"))
    own_plan = solved.get(OWN_POINT)

    def within(plan: int, months: float) -> Months:
        made = solved[plan].scenario.limits.max_delay_months if plan in solved else None
        return made if isinstance(made, dict) else live.caps(months)

    in_force = own_plan.scenario.limits.max_delay_months if own_plan is not None else None
    kept = keeps_limits(table, scenario.limits, in_force, case.workloads["priority"], within)
    table = table.assign(keeps_limits=kept)
    say(Event("ranges", "which choices are forced, which are free"))
    ranges = near_optimal_ranges(
        live, _own_months(scenario, limits, solved), scenario.limits.min_control,
        should_stop=should_stop, on_step=Steps(say, "ranges", "choices compared"),
    )  # fmt: skip
    return Frontier(
        table, payoff(live), live.patterns, free.least, ranges, found, engine.arrays.fingerprint()
    )


def _many(n: int, what: str, plural: str = "s") -> str:
    return f"{n} {what}{plural if n != 1 else ''}"


def _own_months(scenario: Scenario, limits: Limits, solved: Mapping[int, Made]) -> float:
    """Weighted months within which choices are compared: the scenario's own, else the usual tolerance, and what the plan at
    the scenario's own limits waits, where that is longer (as under a floor on control).
    """
    stated = scenario.limits.max_delay_months
    if isinstance(stated, int | float):
        return float(stated)
    usual = limits.free.least_delay_months + limits.tolerance
    own = solved.get(OWN_POINT)
    return usual if own is None else max(usual, rounded_up(own.kpis["delay_months"], 4))


def _numbered(
    limits: Limits, asked: Sequence[Limit], known: Mapping[int, Made], before: Sequence[Task]
) -> list[Task]:
    """Tasks at limits; those that were made have the number of their plan, others the next that is free."""
    numbers = {one.limits: n for n, one in known.items() if n != OWN_POINT}
    taken = {OWN_POINT, *known, *(task.point for task in before)}
    free = (n for n in itertools.count(1) if n not in taken)
    tasks = []
    for limit in asked:
        task = limits.task(OWN_POINT, limit)
        same = numbers.get(limits_of(task.scenario, task.objective))
        number = OWN_POINT if limit == OWN else same
        tasks.append(replace(task, point=next(free) if number is None else number))
    return tasks


def _screened_rows(
    live: LiveFrontier, should_stop: Callable[[], bool] | None, for_sliders: bool = False
) -> list[dict[str, Any]]:
    known = grid(live, should_stop, for_sliders)
    return [*known.rows, *finer_rows(live, known, should_stop)]


def screened(live: LiveFrontier, should_stop: Callable[[], bool] | None = None) -> pd.DataFrame:
    """The screening points of a live trade-off, as in ``Frontier.points``; no rows where no limits can be met.

    Sliders of it then go on from points that are near.
    """
    rows = _screened_rows(live, should_stop, for_sliders=True)
    return _points(rows, live, should_stop) if rows else pd.DataFrame()


def _points(
    rows: list[dict[str, Any]],
    live: LiveFrontier,
    should_stop: Callable[[], bool] | None,
    on_step: OnStep = untold,
) -> pd.DataFrame:
    """Rows of plans and of the grid: who is on the front, what the next step from there costs, and a number each."""
    table = with_prices(on_front(pd.DataFrame(rows)), live, should_stop, on_step)
    table.insert(0, "point", np.arange(len(table)))
    return table


def live_frontier(
    scenario: Scenario,
    catalog: Catalog,
    tables: dict[str, pd.DataFrame] | None = None,
    patterns: list[Pattern] | None = None,
    least: dict[str, float] | None = None,
) -> LiveFrontier:
    """A live trade-off of a run: with its frontier's patterns, else its plan's own, the widest choice, and cheaper ones.

    Where hosts cost much to open, the widest choice costs a multiple of what is needed: then hosts and stacks are sought
    at the limits that a plan's own cannot meet.
    """
    case = build_case(unbound(scenario), catalog)
    engine = Engine(case)
    known = list(patterns or [])
    alone = tables is not None and not known
    if tables is not None and alone:
        known = [pattern_of_tables(engine, tables), everything_early(engine)]
    live = LiveFrontier(case, known, least if least is not None else least_delays(case, engine), engine)
    if alone and _dear(live):
        live.add(sought(live))
    return live


def _dear(live: LiveFrontier) -> bool:
    """Whether the widest choice of hosts costs much more than the plan's own where no limit but the scenario's on cost is
    set: more than that limit at the worst.
    """
    own, *others = (live.solve_on(held, None, None) for held in live.engines)
    if own.objective is None or not others:
        return False
    widest = others[-1].objective
    return widest is None or widest > (1 + DEAR) * own.objective


def sought(live: LiveFrontier) -> list[Pattern]:
    """Cheapest hosts and stacks at the tight limits, as far as they are found in a few seconds each."""
    found: list[Pattern] = []
    for longer, share in SOUGHT:
        months = live.least_delay_months + longer
        floor = None
        if share:
            low, high = live.at(months)["control_score"], live.most_control(months)
            if not math.isfinite(low):  # a limit on cost lets none of the patterns there
                continue
            floor = rounded_down(low + share * (high - low) - SHORT_OF_MOST, 2)
        pattern = cheapest_pattern(live.base, live.bounds(months, floor), SOUGHT_GAP, SOUGHT_S)
        if pattern is None:  # the others would take as long
            break
        found.append(pattern)
    return found


def frontier_tables(result: Frontier) -> dict[str, pd.DataFrame]:
    """Tables of a frontier's run directory: points, payoff, patterns, least_delays, ranges."""
    return {
        "points": result.points,
        "payoff": result.payoff,
        "patterns": table_of_patterns(result.patterns),
        "least_delays": pd.DataFrame({"w": list(result.least), "months": list(result.least.values())}),
        "ranges": result.ranges,
    }
