"""The live programme of a case: from one goal to another, and what is asked for a while."""

from __future__ import annotations

from contextlib import AbstractContextManager

import numpy as np
import pytest

from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.case.case import Case
from planner.intake.scenario_file import example_path, load_scenario
from planner.solver.engine import Engine

GOALS = ("control", "delay", "served", "cost")


@pytest.fixture(scope="module")
def case() -> Case:
    return build_case(load_scenario(example_path("two-hosts")))


def from_goal_to_goal(case: Case, *, dual: bool) -> tuple[list[float], int]:
    """Objectives of one goal after the other at a hundredth more than the least cost, and the pivots of all."""
    engine = Engine(case)
    engine.integers()
    if dual:
        engine.live.primal = engine.live.unperturbed  # type: ignore[method-assign]
    engine.minimise("cost")
    cost = engine.lp().objective
    assert cost is not None
    engine.policy(Bounds(max_cost_musd=1.01 * cost))
    found, pivots = [cost], 0
    for goal in GOALS:
        engine.minimise(goal)
        solution = engine.lp()
        found.append(solution.objective or 0.0)
        pivots += solution.iterations
    return found, pivots


def test_from_one_goal_to_another_it_is_fewer_pivots_for_a_primal_simplex(case: Case) -> None:
    near, far = from_goal_to_goal(case, dual=False), from_goal_to_goal(case, dual=True)
    assert near[0] == pytest.approx(far[0], abs=1e-7) and near[0][-1] == pytest.approx(near[0][0])
    assert near[1] < 0.8 * far[1]


def test_what_is_asked_for_a_while_leaves_bounds_and_basis_as_they_were(case: Case) -> None:
    engine = Engine(case)
    engine.integers()
    asked = Bounds(min_control_points=20.0)
    engine.policy(asked)
    engine.minimise("cost")
    first = engine.lp()
    with engine.aside():
        engine.policy(Bounds())
        engine.minimise("delay")
        assert engine.lp().iterations
    assert engine.asked == asked
    engine.minimise("cost")
    again = engine.lp()
    assert again.iterations == 0 and again.objective == pytest.approx(first.objective)


def test_every_sum_is_a_goal_of_its_own(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """From one sum to another nothing but the goal changes, so that a primal simplex is near there too."""
    engine = Engine(case)
    engine.integers()
    engine.minimise("cost")
    cost = engine.lp().objective
    assert cost is not None
    engine.policy(Bounds(max_cost_musd=1.01 * cost))
    primal, asked = engine.live.primal, 0

    def counted() -> AbstractContextManager[None]:
        nonlocal asked
        asked += 1
        return primal()

    monkeypatch.setattr(engine.live, "primal", counted)
    for sign in (1.0, -1.0):
        weights = np.zeros(engine.arrays.shape[1])
        weights[engine.arrays.columns["serve"].slice] = sign
        engine.minimise_sum(weights)
        engine.lp()
    assert asked == 2
