"""The plans of a frontier: tasks dealt to processes in chains of neighbours, each from the last one's values."""

from __future__ import annotations

import multiprocessing
import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from planner.case.build import build_case
from planner.facts.catalog import Catalog
from planner.facts.numbers import fixed
from planner.planning.events import Event, OnEvent
from planner.planning.orphans import end_with
from planner.planning.pipeline import solve
from planner.planning.solve_run import Outcome
from planner.scenario.schema import Scenario
from planner.solver.arrays import Floats
from planner.solver.engine import Engine

MADE = re.compile(r"(\d+) of (\d+): ")
"""How the report of a plan that was made begins: how many are, of how many."""
OWN_POINT = 0
"""Number of the plan at the scenario's own limits."""
_ENGINE: dict[str, Engine] = {}
"""The compiled model of this process, shared by all plans of a frontier."""
_STOP: list[Callable[[], bool]] = []
"""In a worker process, what tells that the frontier is being stopped."""


@dataclass(frozen=True)
class Task:
    """A plan to make: its number and its scenario, with frozen limits or, for the first, with its own."""

    point: int
    scenario: Scenario
    catalog: Catalog
    quality: str
    objective: str = "cost"


@dataclass(frozen=True)
class Made:
    """What a frontier reads of a plan, whether this call made it or an earlier one.

    Of the tables it reads demand, fleet, opens and stacks. ``scenario`` has the limits that were in force.
    """

    scenario: Scenario
    quality: str
    status: str
    bound: float | None
    gap: float | None
    kpis: Mapping[str, float]
    tables: dict[str, pd.DataFrame]
    objective: str = "cost"
    control_bound: float | None = None
    """Points that no plan within the same limits on delay and cost exceeds, of the plan of most control."""

    @classmethod
    def of(cls, outcome: Outcome) -> Made:
        """From a solve that found a plan."""
        assert outcome.plan is not None
        values = dict(zip(outcome.plan.kpis["kpi"], outcome.plan.kpis["value"], strict=True))
        return cls(
            outcome.resolved,
            outcome.quality,
            outcome.status,
            outcome.bound,
            outcome.gap,
            values,
            outcome.plan.tables,
            outcome.objective,
            outcome.control_bound,
        )


def unbound(scenario: Scenario) -> Scenario:
    """The scenario without bounds on delay and control: these are what the frontier varies."""
    limits = scenario.limits.model_copy(update={"max_delay_months": None, "min_control": None})
    return scenario.model_copy(update={"limits": limits})


def solve_all(
    tasks: Sequence[Task],
    workers: int,
    say: OnEvent,
    should_stop: Callable[[], bool] | None,
    on_plan: Callable[[int, Outcome], None] | None = None,
    before: int = 0,
) -> dict[int, Outcome]:
    """Outcome by point. Every chain has one plan under way; the next of a chain starts from its values.

    A stop reaches the plans under way, in other processes by an event: each keeps its best and ends. ``on_plan`` is
    told of each plan as it is made; ``before`` were made already, and are counted in what is said.
    """
    if not tasks:
        return {}
    chains = _chains(tasks, max(1, workers))
    out: dict[int, Outcome] = {}

    def keep(task: Task, outcome: Outcome) -> None:
        out[task.point] = outcome.without_values()
        if on_plan is not None and outcome.plan is not None:
            on_plan(task.point, out[task.point])
        say(Event("plans", _told(outcome, before + len(out), before + len(tasks))))

    if len(chains) == 1:
        start: Floats | None = None
        for task in chains[0]:
            if should_stop is not None and should_stop() and out:
                break
            outcome = _one(task, start, say, should_stop)
            start = outcome.values if outcome.values is not None else start
            keep(task, outcome)
        return out
    context = multiprocessing.get_context("spawn")
    stopping = context.Event()
    with ProcessPoolExecutor(
        len(chains), context, initializer=_listen, initargs=(stopping, os.getpid())
    ) as pool:
        try:
            ahead = {pool.submit(_one, chain[0], None): (chain, 0) for chain in chains}
            while ahead:
                done, _ = wait(ahead, timeout=0.5, return_when=FIRST_COMPLETED)
                stop = should_stop is not None and should_stop()
                if stop:
                    stopping.set()
                for future in done:
                    chain, i = ahead.pop(future)
                    outcome = future.result()
                    keep(chain[i], outcome)
                    if i + 1 < len(chain) and not stop:
                        ahead[pool.submit(_one, chain[i + 1], outcome.values)] = (chain, i + 1)
        except BaseException:  # no plan is waited for that nobody will read
            stopping.set()
            raise
    return out


def _listen(stopping: Any, parent: int) -> None:
    """In a worker process: plans stop when the event is set, and the process with the one that asked for them."""
    end_with(parent)
    _STOP.append(stopping.is_set)


def _told(outcome: Outcome, made: int, of: int) -> str:
    if outcome.plan is None:
        return f"{made} of {of}: {outcome.status}"
    kpi = outcome.plan.kpi
    return (
        f"{made} of {of}: {fixed(kpi('cost_npv_musd'))} MUSD, {fixed(kpi('delay_months'), 1)} months, "
        f"{fixed(kpi('control_score'), 1)} points, {outcome.seconds['total']:.0f} s"
    )


def _chains(tasks: Sequence[Task], workers: int) -> list[list[Task]]:
    """Tasks from tight to loose, dealt to the workers in runs of neighbours; the scenario's own limits come first.

    So that plan starts from nothing: it is the plan that a solve of the scenario makes.
    """

    def tightness(task: Task) -> tuple[bool, float, float]:
        caps = task.scenario.limits.max_delay_months
        total = sum(caps.values()) if isinstance(caps, dict) else caps or 0.0
        most = task.objective == "control"
        return (
            task.point != OWN_POINT,
            -100.0 if most else -(task.scenario.limits.min_control or 0.0),
            total,
        )

    ordered = sorted(tasks, key=tightness)
    parts = np.array_split(np.arange(len(ordered)), min(workers, len(ordered)))
    return [[ordered[i] for i in part] for part in parts]


def _one(
    task: Task,
    start: Floats | None,
    say: OnEvent | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Outcome:
    """One plan, from a neighbour's values; the model is compiled once a process."""
    case = build_case(task.scenario, task.catalog)
    key = task.catalog.hash + repr(unbound(task.scenario))
    engine = _ENGINE[key].for_case(case) if key in _ENGINE else Engine(case)
    _ENGINE.clear()
    _ENGINE[key] = engine
    stop = should_stop or (_STOP[0] if _STOP else None)
    return solve(case, task.quality, task.objective, say, stop, engine, start)
