"""Whole units: what ties have won is given up where keeping it costs more than the gap; what follows where units miss it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.planning import units
from planner.planning.pipeline import THOROUGH, solve
from planner.planning.solve_run import PATIENT_PIVOTS, Outcome, SolveRun, Stop
from planner.planning.units import round_units
from planner.solver.engine import Engine
from planner.solver.solution import Solution, Status

ASKED, KEPT = Bounds(), Bounds(min_control_points=60.0)


def solved(cost: float) -> Solution:
    return Solution(Status.OPTIMAL, cost, cost, 0.0, [], None, None, 0.0, 0, 0, False)  # type: ignore[arg-type]


class FakeEngine:
    """Units that cost so much while ties are kept, and less without."""

    def __init__(self, without: float) -> None:
        self.without = without

    def minimise(self, goal: str) -> None:
        assert goal == "cost"

    def policy(self, bounds: Bounds) -> None:
        self.asked = bounds

    def lp(self, *_: Any, **__: Any) -> Solution:
        return solved(102.0 if self.asked == KEPT else self.without)


def run_with(engine: FakeEngine, quality: str, target: float, pivots: float) -> SolveRun:
    run = object.__new__(SolveRun)
    run.engine = engine  # type: ignore[assignment]
    run.case = SimpleNamespace(  # type: ignore[assignment]
        scenario=SimpleNamespace(solve=SimpleNamespace(integers="halls", time_limit_s=1e9))
    )
    run.bounds, run.bound, run.target, run.quality = ASKED, 100.0, target, quality
    run.began, run.seconds, run.stopped, run.pivots = 0.0, {}, False, pivots
    run.on_event = run.whole = run.large = run.neighbour = None
    return run


@pytest.mark.parametrize(("without", "paid"), [(100.9, 100.9), (101.5, 99.0)])
def test_units_within_the_gap_without_ties_are_not_sought_again(monkeypatch, without, paid):
    run = run_with(FakeEngine(without), "plan", 0.01, 0.0)
    monkeypatch.setattr(run, "kept", lambda _: KEPT)
    monkeypatch.setattr(units, "_whole_units", lambda run, _: run.engine.lp())
    monkeypatch.setattr(units, "_refined", lambda *_: solved(99.0))
    assert round_units(run, None).objective == paid


@pytest.mark.parametrize(
    ("pivots", "picked", "steps"),
    [
        (PATIENT_PIVOTS + 1, True, ["hosts"]),
        (PATIENT_PIVOTS + 1, False, ["refined", "hosts"]),
        (PATIENT_PIVOTS - 1, True, ["refined", "hosts"]),
    ],
)
def test_once_patience_has_ended_hosts_come_before_another_programme_of_units(
    monkeypatch, pivots, picked, steps
):
    run = run_with(FakeEngine(102.5), "quick", 0.02, pivots)
    taken = []

    def step(name: str, cost: float) -> Solution:
        taken.append(name)
        return solved(cost)

    monkeypatch.setattr(units, "_whole_units", lambda run, _: run.engine.lp())
    monkeypatch.setattr(units, "_picked", lambda *_: picked)
    monkeypatch.setattr(units, "_refined", lambda *_: step("refined", 102.2))
    monkeypatch.setattr(units, "hosts_in_turn", lambda *_: step("hosts", 101.9))
    assert round_units(run, None).objective == 101.9
    assert taken == steps


def bought(outcome: Outcome) -> list[tuple[Any, ...]]:
    """Whole units by host, system and date."""
    orders = outcome.plan.tables["orders"][["h", "k", "t", "units"]].round(6)
    return list(orders.itertuples(index=False, name=None))


def test_a_neighbours_plan_is_taken_where_it_keeps_the_limits_and_none_cheaper_is_found(monkeypatch):
    owned = {
        "horizon.years": 2,
        "demand[assistant].size.points": [
            {"at": "2027-01-01", "value": 40},
            {"at": "2028-12-31", "value": 120},
        ],
        "hosts[cloud].mode": "colocation",
        "hosts[cloud].owner_class": "national-champion",
        "hosts[cloud].operator": "champion",
        "hosts[cloud].stacks": ["champion-us-chips"],
    }
    stated = with_overrides(load_scenario(example_path("two-hosts")), owned)
    usual, looser, tighter = (
        build_case(with_overrides(stated, {"limits.delay_tolerance_months": months}))
        for months in (3.0, 9.0, 0.5)
    )
    first, alone = solve(usual, "quick"), solve(looser, "quick")
    assert bought(alone) != bought(first)
    rounded, dear = units._rounded, first.plan.kpi("cost_npv_musd") + 1.0
    for later in ("_refined", "_bettered"):
        monkeypatch.setattr(units, later, lambda run, found: found)
    monkeypatch.setattr(units, "_rounded", lambda *args: replace(rounded(*args), objective=dear))
    taken, other = (solve(case, "quick", start=first.values) for case in (looser, tighter))
    assert bought(taken) == bought(first) != bought(other)


SHORT = Solution(Status.NO_SOLUTION, None, None, None, None, None, None, 0.0, 0, 0, False)


def alone_together(changes: dict[str, Any], bounds: Bounds) -> tuple[SolveRun, Solution]:
    """All whole numbers of two-hosts chosen together under ``bounds``, without a plan in hand."""
    case = build_case(with_overrides(load_scenario(example_path("two-hosts")), changes))
    run = SolveRun(case, "quick", "cost", None, None, THOROUGH)
    run.engine, run.bounds = Engine(case), bounds
    run.engine.minimise("cost")
    nothing = Solution(Status.INFEASIBLE, None, None, None, None, None, None, 0.0, 0, 0, False)
    return run, units._together(run, nothing)


def test_caps_that_nobody_stated_are_raised_before_a_case_has_no_plan() -> None:
    """As under a budget that halls for parts of servers use up: no whole servers fit the places of least delay."""
    own = {w.id: 0.01 for w in load_scenario(example_path("two-hosts")).demand}
    run, found = alone_together({}, Bounds(max_delay_months_by_workload=own))
    assert found.x is not None and run.engine.value(found.x, "delay") > 0.01
    raised = run.bounds.max_delay_months_by_workload
    waits = run.engine.delays(found.x)
    assert raised is not None and all(waits[w] <= cap + 1e-6 for w, cap in raised.items())
    assert "whole units cannot serve as soon as divisible ones" in run.notes[0]
    with pytest.raises(Stop, match="infeasible"):
        alone_together({"limits.max_delay_months": 0.01}, Bounds(max_delay_months=0.01))


def test_caps_that_nobody_stated_leave_a_case_without_a_plan_undecided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = {w.id: 0.01 for w in load_scenario(example_path("two-hosts")).demand}
    monkeypatch.setattr(SolveRun, "solve", lambda *_, **__: SHORT)  # the search without them runs out of time
    with pytest.raises(Stop, match="no-solution"):
        alone_together({}, Bounds(max_delay_months_by_workload=own))
