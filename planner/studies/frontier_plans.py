"""The plans of a frontier: tasks dealt to processes in chains of neighbours, each from the last one's values."""

from __future__ import annotations

import multiprocessing
import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
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
    gap: float | None
    kpis: Mapping[str, float]
    tables: dict[str, pd.DataFrame]
    objective: str = "cost"
    control_bound: float | None = None
    """Points that no plan within the same limits on delay and cost exceeds, of the plan of most control."""
    relaxed_bound: float | None = None
    """MUSD that nothing within the same limits costs less than, halls and servers in parts too; of large cases."""
    values: Floats | None = field(default=None, repr=False)
    """Values of all columns, from which the next plan of its chain starts, where an earlier call left them."""

    @property
    def limits(self) -> str:
        """What a frontier varies, to tell plans by: see ``limits_of``."""
        return limits_of(self.scenario, self.objective)

    @classmethod
    def of(cls, outcome: Outcome) -> Made:
        """From a solve that found a plan."""
        assert outcome.plan is not None
        values = dict(zip(outcome.plan.kpis["kpi"], outcome.plan.kpis["value"], strict=True))
        return cls(
            outcome.resolved,
            outcome.quality,
            outcome.status,
            outcome.gap,
            values,
            outcome.plan.tables,
            outcome.objective,
            outcome.control_bound,
            outcome.relaxed_bound,
        )


def limits_of(scenario: Scenario, objective: str) -> str:
    """What a frontier varies, to tell plans by: the objective, and limits for that of least cost."""
    months, floor = scenario.limits.max_delay_months, scenario.limits.min_control
    asked = repr((sorted(months.items()) if isinstance(months, dict) else months, floor))
    return asked if objective == "cost" else objective


def unbound(scenario: Scenario) -> Scenario:
    """The scenario without bounds on delay and control: these are what the frontier varies."""
    limits = scenario.limits.model_copy(update={"max_delay_months": None, "min_control": None})
    return scenario.model_copy(update={"limits": limits})


def solve_all(
    tasks: Sequence[Task],
    known: Mapping[int, Made],
    workers: int,
    say: OnEvent,
    should_stop: Callable[[], bool] | None,
    on_plan: Callable[[int, Outcome], None] | None = None,
    before: int = 0,
) -> dict[int, Outcome]:
    """Outcome by point, of those not ``known``. Every chain has one plan under way; the next of it starts from its values.

    What is known stays in its chain, so that those after it start as if all were made in one go. A stop reaches the plans
    under way, in other processes by an event: each keeps its best and ends. ``on_plan`` is told of each plan as it is
    made, with its values; ``before`` were made already, and are counted in what is said.
    """
    chains = [
        chain
        for chain in (_Chain(part, known) for part in _parts(tasks, max(1, workers)))
        if chain.next is not None
    ]
    of = before + sum(task.point not in known for task in tasks)
    out: dict[int, Outcome] = {}

    def keep(task: Task, outcome: Outcome) -> None:
        out[task.point] = outcome.without_values()
        if on_plan is not None and outcome.plan is not None:
            on_plan(task.point, outcome)
        say(Event("plans", _told(outcome, before + len(out), of)))

    if not chains:
        return out
    if len(chains) == 1:
        (chain,) = chains
        while (task := chain.next) is not None:
            if should_stop is not None and should_stop() and out:
                break
            outcome = _one(task, chain.start, say, should_stop)
            chain.go_on(outcome.values)
            keep(task, outcome)
        return out
    context = multiprocessing.get_context("spawn")
    stopping = context.Event()
    with ProcessPoolExecutor(
        len(chains), context, initializer=_listen, initargs=(stopping, os.getpid())
    ) as pool:
        try:
            ahead: dict[Future[Outcome], tuple[_Chain, Task]] = {}
            free = chains
            while free or ahead:
                for chain in free:
                    if (task := chain.next) is not None:
                        ahead[pool.submit(_one, task, chain.start)] = chain, task
                free = []
                done, _ = wait(ahead, timeout=0.5, return_when=FIRST_COMPLETED)
                stop = should_stop is not None and should_stop()
                if stop:
                    stopping.set()
                for future in done:
                    chain, task = ahead.pop(future)
                    outcome = future.result()
                    chain.go_on(outcome.values)
                    keep(task, outcome)
                    free += [] if stop else [chain]
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


class _Chain:
    """Plans to make one after the other: ``next`` is the first that is not known, ``start`` the values it starts from."""

    def __init__(self, tasks: Sequence[Task], known: Mapping[int, Made]) -> None:
        self._left, self._known = list(tasks), known
        self.start: Floats | None = None
        self._pass_known()

    @property
    def next(self) -> Task | None:
        return self._left[0] if self._left else None

    def go_on(self, values: Floats | None) -> None:
        """The next was made, with these values; None where it has no plan."""
        del self._left[0]
        self.start = self.start if values is None else values
        self._pass_known()

    def _pass_known(self) -> None:
        while self._left and (one := self._known.get(self._left[0].point)) is not None:
            del self._left[0]
            self.start = self.start if one.values is None else one.values


def _parts(tasks: Sequence[Task], workers: int) -> list[list[Task]]:
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
    if start is not None and start.shape != (engine.arrays.shape[1],):  # left on a disk by another model
        start = None
    return solve(case, task.quality, task.objective, say, stop, engine, start)
