"""The frontier of cost, delay and control: a few plans, a grid of screening points between them, and prices.

    result = frontier(scenario, points=5)
    result.points, result.payoff, result.plans[0].plan

1. Plans at chosen limits, in worker processes, each chain from the tightest limit to the loosest so that a
   plan starts from its neighbour's. They give the patterns of hosts and stacks.
2. A grid of limits on delay and control, on live linear programmes with those patterns (``screening``).
3. Repeats and dominated points are marked; along the front, the price of control (MUSD per point, at equal
   delay) and of speed (MUSD per month, at equal control).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from planner.case.build import build_case
from planner.case.case import Case
from planner.facts.catalog import Catalog
from planner.facts.errors import NoPlan
from planner.facts.rounding import rounded_down, rounded_up
from planner.planning.events import Event, OnEvent
from planner.planning.solve_run import Outcome
from planner.scenario.schema import Scenario
from planner.solver.engine import HALLS, PATTERN, Engine
from planner.studies.frontier_plans import Made, Task, solve_all, unbound
from planner.studies.frontier_tables import SHORT_OF_MOST, grid_rows, on_front, payoff, plan_rows
from planner.studies.next_step import with_prices
from planner.studies.patterns import cheapest_pattern, everything_early, pattern_of_tables, table_of_patterns
from planner.studies.ranges import near_optimal_ranges
from planner.studies.screening import LiveFrontier, Pattern

HIGH_SHARE = 0.9
"""The tightest control asked of a plan, as a share of the way from what costs nothing to the attainable most."""
FAST = 0.1
"""Months a plan gets beyond the least delay at its fastest: whole racks need a little room."""
ANCHORS: tuple[tuple[float, float], ...] = (
    (3.0, 0.0), (FAST, 0.0), (3.0, HIGH_SHARE), (12.0, 0.0), (3.0, 0.5), (12.0, HIGH_SHARE), (FAST, 0.5),
    (12.0, 0.5), (6.0, 0.0), (6.0, HIGH_SHARE), (1.0, 0.0), (FAST, HIGH_SHARE),
)  # fmt: skip
"""(months beyond the least delay, share of the way to the most control) of the plans, most telling first."""
SOUGHT = ((FAST, 0.0), (FAST, HIGH_SHARE), (FAST, 1.0), (3.0, 1.0))
"""The same, of limits at which hosts and stacks are sought beside those of a single plan."""
SOUGHT_GAP, SOUGHT_S = 0.005, 5.0
DEAR = 0.05
"""Share of cost by which all hosts open at once may cost more than those of a plan."""


@dataclass(frozen=True)
class Frontier:
    """Points (screening and plans), payoff table, patterns, least delays, near-optimal ranges and the plans made.

    ``points``: point, quality, status, max_delay_months, min_control, the figures, gap, pattern, on_front,
    price_of_control_musd_per_point, price_of_speed_musd_per_month.
    """

    points: pd.DataFrame
    payoff: pd.DataFrame
    patterns: list[Pattern]
    least: dict[str, float]
    ranges: pd.DataFrame
    plans: dict[int, Outcome]


def frontier(
    scenario: Scenario,
    points: int = 5,
    quality: str = "plan",
    workers: int = 2,
    on_event: OnEvent | None = None,
    should_stop: Callable[[], bool] | None = None,
    catalog: Catalog | None = None,
    made: Mapping[int, Made] | None = None,
    on_plan: Callable[[int, Outcome], None] | None = None,
) -> Frontier:
    """The trade-off of a scenario with ``points`` plans of the given quality and a screening grid.

    Facts are those the scenario carries where no others are given. ``made`` are plans by point of an earlier call with
    the same scenario, facts and quality: they are not made again. ``on_plan`` is told of each new one. Raises NoPlan
    where the case is infeasible at its loosest (``planner explain`` says why).
    """
    say = on_event or (lambda event: None)
    case = build_case(scenario, catalog)
    engine = Engine(case)
    say(Event("least delay", "how soon every workload can be served"))
    free = LiveFrontier(case, engine=engine, least=_least(engine))
    tasks = _tasks(case, free, points, quality)
    say(Event("plans", f"{len(tasks)} plans in {workers} processes"))
    earlier = {task.point: made[task.point] for task in tasks if made and task.point in made}
    todo = [task for task in tasks if task.point not in earlier]
    plans = solve_all(todo, workers, say, should_stop, on_plan, len(earlier))
    found = {i: o for i, o in plans.items() if o.plan is not None}
    solved = dict(sorted((earlier | {i: Made.of(o) for i, o in found.items()}).items()))  # whoever was first
    if not solved and should_stop is not None and should_stop():
        raise NoPlan("stopped before the first plan was found")
    if not solved:
        raise NoPlan("no plan exists at any of the limits: ask for the reasons with `planner explain`")
    live = LiveFrontier(
        case, [pattern_of_tables(engine, one.tables) for one in solved.values()], free.least, engine
    )
    say(Event("screening", f"a grid of limits on {len(live.patterns)} patterns of hosts and stacks"))
    table = _points([*plan_rows(tasks, solved, case), *grid_rows(live, should_stop)], live, should_stop)
    say(Event("ranges", "which choices are forced, which are free"))
    anchor = tasks[0].scenario.limits
    ranges = near_optimal_ranges(live, free.least_delay_months + ANCHORS[0][0], anchor.min_control)
    return Frontier(table, payoff(live), live.patterns, free.least, ranges, found)


def screened(live: LiveFrontier, should_stop: Callable[[], bool] | None = None) -> pd.DataFrame:
    """The screening points of a live trade-off, as in ``Frontier.points``; no rows where no limits can be met."""
    rows = grid_rows(live, should_stop)
    return _points(rows, live, should_stop) if rows else pd.DataFrame()


def _points(
    rows: list[dict[str, Any]], live: LiveFrontier, should_stop: Callable[[], bool] | None
) -> pd.DataFrame:
    """Rows of plans and of the grid: who is on the front, what the next step from there costs, and a number each."""
    table = with_prices(on_front(pd.DataFrame(rows)), live, should_stop)
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
    live = LiveFrontier(case, known, least if least is not None else _least(engine), engine)
    if alone and _dear(live):
        live.add(sought(live))
    return live


def _dear(live: LiveFrontier) -> bool:
    """Whether the widest choice of hosts costs much more than the plan's own where no limit is set."""
    costs = [
        found.objective for held in live.engines if (found := live.solve_on(held, None, None)).x is not None
    ]
    return len(costs) > 1 and (costs[-1] or 0.0) > (1 + DEAR) * (costs[0] or 0.0)


def sought(live: LiveFrontier) -> list[Pattern]:
    """Cheapest hosts and stacks at the tight limits, as far as they are found in a few seconds each."""
    found: list[Pattern] = []
    for longer, share in SOUGHT:
        months = live.least_delay_months + longer
        floor = None
        if share:
            low, high = live.at(months)["control_score"], live.most_control(months)
            floor = rounded_down(low + share * (high - low) - SHORT_OF_MOST, 2)
        pattern = cheapest_pattern(live.base, live.bounds(months, floor), SOUGHT_GAP, SOUGHT_S)
        if pattern is None:  # the others would take as long
            break
        found.append(pattern)
    return found


def _least(engine: Engine) -> dict[str, float]:
    """Least delay by workload with whole hosts, stacks and halls."""
    engine.policy()
    engine.integers(*PATTERN, *HALLS)
    engine.minimise("delay")
    engine.live.set_option("mip_abs_gap", 1e-3)
    found = engine.live.solve(gap=1e-3, time_limit_s=60.0)
    if found.x is None:
        raise NoPlan("no plan exists at any delay: ask for the reasons with `planner explain`")
    return engine.delays(found.x)


def _tasks(case: Case, free: LiveFrontier, points: int, quality: str) -> list[Task]:
    """Scenarios with frozen limits; levels of control from the free relaxation at each delay."""
    scenario = case.scenario
    span: dict[float, tuple[float, float]] = {}
    tasks: list[Task] = []
    for longer, share in ANCHORS[: max(1, points)]:
        months = free.least_delay_months + longer
        if share and longer not in span:
            natural = free.at(months)["control_score"]
            span[longer] = (natural, max(natural, free.most_control(months)))
        floor = None
        if share:
            low, high = span[longer]
            floor = low + share * (high - low)
        tasks.append(Task(len(tasks), limited(scenario, free.caps(months), floor), case.catalog, quality))
    return tasks


def limited(scenario: Scenario, caps: Mapping[str, float], floor: float | None) -> Scenario:
    """The scenario with limits on the months of each workload and on control, rounded to what is surely allowed."""
    months = {w: rounded_up(m, 4) for w, m in caps.items()}
    least = None if floor is None else rounded_down(floor, 2)
    limits = scenario.limits.model_copy(update={"max_delay_months": months, "min_control": least})
    return scenario.model_copy(update={"limits": limits})


def frontier_tables(result: Frontier) -> dict[str, pd.DataFrame]:
    """Tables of a frontier's run directory: points, payoff, patterns, least_delays, ranges."""
    return {
        "points": result.points,
        "payoff": result.payoff,
        "patterns": table_of_patterns(result.patterns),
        "least_delays": pd.DataFrame({"w": list(result.least), "months": list(result.least.values())}),
        "ranges": result.ranges,
    }
