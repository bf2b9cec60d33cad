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

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from planner.case.build import build_case
from planner.case.case import Case
from planner.facts.catalog import Catalog
from planner.facts.errors import NoPlan
from planner.facts.numbers import fixed
from planner.facts.rounding import rounded_down, rounded_up
from planner.planning.events import Event, OnEvent
from planner.planning.pipeline import Outcome, solve
from planner.scenario.schema import Scenario
from planner.solver.arrays import Floats
from planner.solver.engine import HALLS, PATTERN, Engine
from planner.studies.ranges import near_optimal_ranges
from planner.studies.screening import LiveFrontier, Pattern

TOLERANCES_MONTHS = (0.0, 1.0, 2.0, 3.0, 6.0, 9.0, 12.0)
"""Months beyond the weighted delay of the fastest plan."""
CONTROL_LEVELS = 6
HIGH_SHARE = 0.9
"""The tightest control asked of a plan, as a share of the way from what costs nothing to the attainable most."""
FRONT_TOLERANCE = 1e-4
FAST = 0.1
"""Months a plan gets beyond the least delay at its fastest: whole racks need a little room."""
ANCHORS: tuple[tuple[float, float], ...] = (
    (3.0, 0.0), (FAST, 0.0), (3.0, HIGH_SHARE), (12.0, 0.0), (3.0, 0.5), (12.0, HIGH_SHARE), (FAST, 0.5),
    (12.0, 0.5), (6.0, 0.0), (6.0, HIGH_SHARE), (1.0, 0.0), (FAST, HIGH_SHARE),
)  # fmt: skip
"""(months beyond the least delay, share of the way to the most control) of the plans, most telling first."""


@dataclass(frozen=True)
class Frontier:
    """Points (screening and plans), payoff table, patterns, least delays, near-optimal ranges and the plans.

    ``points``: point, quality, status, max_delay_months, min_control, the figures, gap, pattern, on_front,
    price_of_control_musd_per_point, price_of_speed_musd_per_month.
    """

    points: pd.DataFrame
    payoff: pd.DataFrame
    patterns: list[Pattern]
    least: dict[str, float]
    ranges: pd.DataFrame
    plans: dict[int, Outcome]


@dataclass(frozen=True)
class _Task:
    point: int
    scenario: Scenario
    catalog: Catalog
    quality: str


def frontier(
    scenario: Scenario,
    points: int = 5,
    quality: str = "plan",
    workers: int = 2,
    on_event: OnEvent | None = None,
    should_stop: Callable[[], bool] | None = None,
    catalog: Catalog | None = None,
) -> Frontier:
    """The trade-off of a scenario with ``points`` plans of the given quality and a screening grid.

    Facts are those of the packaged catalog where none is given. Raises NoPlan where the case is infeasible
    at its loosest (``planner explain`` says why).
    """
    say = on_event or (lambda event: None)
    case = build_case(scenario, catalog)
    engine = Engine(case)
    say(Event("least delay", "how soon every workload can be served"))
    free = LiveFrontier(case, engine=engine, least=_least(engine))
    tasks = _tasks(case, free, points, quality)
    say(Event("plans", f"{len(tasks)} plans in {workers} processes"))
    plans = _solve_all(tasks, workers, say, should_stop)
    solved = {i: o for i, o in plans.items() if o.plan is not None}
    if not solved and should_stop is not None and should_stop():
        raise NoPlan("stopped before the first plan was found")
    if not solved:
        raise NoPlan("no plan exists at any of the limits: ask for the reasons with `planner explain`")
    live = LiveFrontier(case, [pattern_of_plan(engine, o) for o in solved.values()], free.least, engine)
    say(Event("screening", f"a grid of limits on {len(live.patterns)} patterns of hosts and stacks"))
    rows = [*_plan_rows(tasks, plans), *_grid_rows(live, should_stop)]
    say(Event("ranges", "which choices are forced, which are free"))
    table = _on_front(_with_prices(pd.DataFrame(rows)))
    table.insert(0, "point", np.arange(len(table)))
    anchor = tasks[0].scenario.limits
    ranges = near_optimal_ranges(live, free.least_delay_months + ANCHORS[0][0], anchor.min_control)
    return Frontier(table, payoff(live), live.patterns, free.least, ranges, solved)


def pattern_of_plan(engine: Engine, outcome: Outcome) -> Pattern:
    """Hosts and stacks of a solved plan, in the order of the model's columns."""
    assert outcome.plan is not None
    return pattern_of_tables(engine, outcome.plan.tables)


def pattern_of_tables(engine: Engine, tables: dict[str, pd.DataFrame]) -> Pattern:
    """The same from the tables ``opens`` and ``stacks`` of a run."""
    opened = set(zip(tables["opens"]["h"], tables["opens"]["t"].astype(int), strict=True))
    adopted = set(tables["stacks"].loc[tables["stacks"]["adopted"].astype(bool), "a"])
    chosen = {"open": lambda i: (i[0], i[1]) in opened, "use": lambda i: i[0] in adopted}
    return {f: [float(chosen[f](i)) for i in engine.arrays.columns[f].index] for f in PATTERN}


def everything_early(engine: Engine) -> Pattern:
    """Every host open at its first date, every stack adopted: what the widest choice costs."""
    first: dict[Any, int] = {}
    for h, t in engine.arrays.columns["open"].index:
        first[h] = min(t, first.get(h, t))
    opens = [float(first[h] == t) for h, t in engine.arrays.columns["open"].index]
    return {"open": opens, "use": [1.0] * engine.arrays.columns["use"].size}


def live_frontier(
    scenario: Scenario,
    catalog: Catalog,
    tables: dict[str, pd.DataFrame] | None = None,
    patterns: list[Pattern] | None = None,
    least: dict[str, float] | None = None,
) -> LiveFrontier:
    """A live trade-off of a run: with its frontier's patterns, else its plan's own and the widest choice."""
    case = build_case(_unbound(scenario), catalog)
    engine = Engine(case)
    known = list(patterns or [])
    if tables is not None and not known:
        known = [pattern_of_tables(engine, tables), everything_early(engine)]
    return LiveFrontier(case, known, least if least is not None else _least(engine), engine)


def payoff(live: LiveFrontier) -> pd.DataFrame:
    """Least cost, least delay and most control, each lexicographic: the figures at the three corners."""
    rows: list[dict[str, Any]] = [{"objective": "cost", **live.at()}]
    rows.append({"objective": "delay", **live.at(max_delay_months=live.least_delay_months + 1e-3)})
    most = live.most_control()
    rows.append({"objective": "control", **live.at(min_control_points=most - 1e-3)})
    return pd.DataFrame(rows)


# ---- plans


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


def _unbound(scenario: Scenario) -> Scenario:
    """The scenario without bounds on delay and control: these are what the frontier varies."""
    limits = scenario.limits.model_copy(update={"max_delay_months": None, "min_control": None})
    return scenario.model_copy(update={"limits": limits})


def _tasks(case: Case, free: LiveFrontier, points: int, quality: str) -> list[_Task]:
    """Scenarios with frozen limits; levels of control from the free relaxation at each delay."""
    scenario = case.scenario
    span: dict[float, tuple[float, float]] = {}
    tasks: list[_Task] = []
    for longer, share in ANCHORS[: max(1, points)]:
        months = free.least_delay_months + longer
        if share and longer not in span:
            natural = free.at(months)["control_score"]
            span[longer] = (natural, max(natural, free.most_control(months)))
        floor = None
        if share:
            low, high = span[longer]
            floor = rounded_down(low + share * (high - low), 2)
        caps = {w: rounded_up(m, 4) for w, m in free.caps(months).items()}
        limits = scenario.limits.model_copy(update={"max_delay_months": caps, "min_control": floor})
        bounded = scenario.model_copy(update={"limits": limits})
        tasks.append(_Task(len(tasks), bounded, case.catalog, quality))
    return tasks


def _solve_all(
    tasks: Sequence[_Task], workers: int, say: OnEvent, should_stop: Callable[[], bool] | None
) -> dict[int, Outcome]:
    """Outcome by point. Every chain has one plan under way; the next of a chain starts from its values.

    A stop reaches the plans under way, in other processes by an event: each keeps its best and ends.
    """
    chains = _chains(tasks, max(1, workers))
    out: dict[int, Outcome] = {}
    if len(chains) == 1:
        start: Floats | None = None
        for task in chains[0]:
            if should_stop is not None and should_stop() and out:
                break
            outcome = _one(task, start, say, should_stop)
            start = outcome.values if outcome.values is not None else start
            out[task.point] = outcome.without_values()
            say(Event("plans", _told(outcome, len(out), len(tasks))))
        return out
    context = multiprocessing.get_context("spawn")
    stopping = context.Event()
    with ProcessPoolExecutor(len(chains), context, initializer=_listen, initargs=(stopping,)) as pool:
        ahead = {pool.submit(_one, chain[0], None): (chain, 0) for chain in chains}
        while ahead:
            done, _ = wait(ahead, timeout=0.5, return_when=FIRST_COMPLETED)
            stop = should_stop is not None and should_stop()
            if stop:
                stopping.set()
            for future in done:
                chain, i = ahead.pop(future)
                outcome = future.result()
                out[chain[i].point] = outcome.without_values()
                say(Event("plans", _told(outcome, len(out), len(tasks))))
                if i + 1 < len(chain) and not stop:
                    ahead[pool.submit(_one, chain[i + 1], outcome.values)] = (chain, i + 1)
    return out


def _listen(stopping: Any) -> None:
    """In a worker process: plans stop when the event is set."""
    _STOP.append(stopping.is_set)


def _told(outcome: Outcome, made: int, of: int) -> str:
    if outcome.plan is None:
        return f"{made} of {of}: {outcome.status}"
    kpi = outcome.plan.kpi
    return (
        f"{made} of {of}: {fixed(kpi('cost_npv_musd'))} MUSD, {fixed(kpi('delay_months'), 1)} months, "
        f"{fixed(kpi('control_score'), 1)} points, {outcome.seconds['total']:.0f} s"
    )


def _chains(tasks: Sequence[_Task], workers: int) -> list[list[_Task]]:
    """Tasks from tight to loose, dealt to the workers in runs of neighbours."""

    def tightness(task: _Task) -> tuple[float, float]:
        caps = cast(dict[str, float], task.scenario.limits.max_delay_months)
        return (-(task.scenario.limits.min_control or 0.0), sum(caps.values()))

    ordered = sorted(tasks, key=tightness)
    parts = np.array_split(np.arange(len(ordered)), min(workers, len(ordered)))
    return [[ordered[i] for i in part] for part in parts]


_ENGINE: dict[str, Engine] = {}
"""The compiled model of this process, shared by all plans of a frontier."""
_STOP: list[Callable[[], bool]] = []
"""In a worker process, what tells that the frontier is being stopped."""


def _one(
    task: _Task,
    start: Floats | None,
    say: OnEvent | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Outcome:
    """One plan, from a neighbour's values; the model is compiled once a process."""
    case = build_case(task.scenario, task.catalog)
    key = task.catalog.hash + repr(_unbound(task.scenario))
    engine = _ENGINE[key].for_case(case) if key in _ENGINE else Engine(case)
    _ENGINE.clear()
    _ENGINE[key] = engine
    stop = should_stop or (_STOP[0] if _STOP else None)
    return solve(case, task.quality, on_event=say, should_stop=stop, engine=engine, start=start)


# ---- tables


def _plan_rows(tasks: Sequence[_Task], plans: dict[int, Outcome]) -> list[dict[str, Any]]:
    rows = []
    for task in tasks:
        outcome = plans.get(task.point)
        if outcome is None or outcome.plan is None:
            continue
        names = (
            "cost_npv_musd", "delay_months", "control_score", "national_control", "served_share",
            "capex_partner_musd", "capex_musd", "accelerators", "accelerators_rented", "it_mw",
        )  # fmt: skip
        share = outcome.plan.case.workloads["priority"]
        caps = cast(dict[str, float], task.scenario.limits.max_delay_months)
        rows.append(
            {
                "quality": task.quality,
                "status": outcome.status,
                "max_delay_months": sum(float(share[w]) * m for w, m in caps.items()),
                "min_control": task.scenario.limits.min_control,
                "gap": outcome.gap,
                "pattern": -1,
                "plan": task.point,
                **{n: outcome.plan.kpi(n) for n in names},
            }
        )
    return rows


def _grid_rows(live: LiveFrontier, should_stop: Callable[[], bool] | None) -> list[dict[str, Any]]:
    """Screening points: at each delay no floor, the common levels of control, and the most it can reach."""
    loosest = live.least_delay_months + TOLERANCES_MONTHS[-1]
    free = live.at(loosest)
    most = live.most_control(loosest)
    if not free["feasible"] or not np.isfinite(most):
        return []
    levels = [
        rounded_down(float(x), 1) for x in np.linspace(free["control_score"], most, CONTROL_LEVELS + 1)[1:-1]
    ]
    months = [live.least_delay_months + longer for longer in reversed(TOLERANCES_MONTHS)]
    found = live.sweep(months, [None, *levels], should_stop)
    for asked in months:
        if should_stop is not None and should_stop():
            break
        top = rounded_down(live.most_control(asked) - 0.02, 2)
        found.append(live.at(asked, top))
    return [
        {"quality": "screening", "status": "optimal", "gap": np.nan, "plan": -1, **row}
        for row in found
        if row["feasible"]
    ]


def _on_front(points: pd.DataFrame) -> pd.DataFrame:
    """Drops repeats; marks points that no other of the same kind beats in cost, delay and control at once."""
    points = points.drop(columns=["feasible"], errors="ignore")
    keys = ["cost_npv_musd", "delay_months", "control_score"]
    points = points[~(points[keys].round(3).duplicated() & (points["quality"] == "screening"))].reset_index(
        drop=True
    )
    values = points[keys].to_numpy(float) * np.array([1.0, 1.0, -1.0])
    kinds = points["quality"].to_numpy()
    front = []
    for i, own in enumerate(values):
        slack = FRONT_TOLERANCE * np.maximum(np.abs(own), 1.0)
        others = values[(kinds == kinds[i]) & (np.arange(len(values)) != i)]
        beaten = (others <= own + slack).all(axis=1) & (others < own - slack).any(axis=1)
        front.append(not beaten.any())
    return points.assign(on_front=front)


def _with_prices(points: pd.DataFrame) -> pd.DataFrame:
    """Cost of one point of control more (same delay) and of one month less (same floor on control)."""
    points = points.assign(price_of_control_musd_per_point=np.nan, price_of_speed_musd_per_month=np.nan)
    grid = points[points["quality"] == "screening"]
    for _, row in grid.groupby(grid["max_delay_months"].round(4)):
        row = row.sort_values("control_score")
        step = row["control_score"].diff()
        price = (row["cost_npv_musd"].diff() / step).where(step > 1e-3)
        points.loc[row.index, "price_of_control_musd_per_point"] = price
    for _, row in grid.groupby(grid["min_control"].fillna(0.0)):
        row = row.sort_values("max_delay_months", ascending=False)
        faster = -row["delay_months"].diff()
        price = (row["cost_npv_musd"].diff() / faster).where(faster > 1e-3)
        points.loc[row.index, "price_of_speed_musd_per_month"] = price
    return points


def frontier_tables(result: Frontier) -> dict[str, pd.DataFrame]:
    """Tables of a frontier's run directory: points, payoff, patterns, least_delays, ranges."""
    rows = [
        (i, family, position, value)
        for i, pattern in enumerate(result.patterns)
        for family, values in pattern.items()
        for position, value in enumerate(values)
    ]
    return {
        "points": result.points,
        "payoff": result.payoff,
        "patterns": pd.DataFrame(rows, columns=["pattern", "family", "position", "value"]),
        "least_delays": pd.DataFrame({"w": list(result.least), "months": list(result.least.values())}),
        "ranges": result.ranges,
    }


def patterns_of_table(table: pd.DataFrame) -> list[Pattern]:
    """Patterns as written by ``frontier_tables``."""
    out = []
    for _, part in table.groupby("pattern", sort=True):
        ordered = part.sort_values("position")
        out.append(
            {str(f): g["value"].astype(float).tolist() for f, g in ordered.groupby("family", sort=False)}
        )
    return out


__all__ = ["Frontier", "LiveFrontier", "frontier", "frontier_tables", "live_frontier", "payoff"]
