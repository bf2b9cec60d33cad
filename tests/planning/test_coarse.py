"""What protects whole units under limits that one of them fills: which limits these are, and that units keep them."""

from typing import Any

import numpy as np
import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.explain import explain_infeasible
from planner.intake.scenario_file import load_scenario, with_overrides
from planner.planning import coarse as module
from planner.planning import solve_run
from planner.planning.coarse import Coarse, least_load, whole_units_of_least_load
from planner.planning.pipeline import THOROUGH, _Pipeline, solve
from planner.scenario.schema import Scenario
from planner.solver.arrays import Floats
from planner.solver.engine import HALLS, PATTERN, UNITS, Engine


@pytest.fixture(scope="module")
def small(root: Any) -> Scenario:
    return load_scenario(root / "tests" / "scenarios" / "small.yaml")


def with_crew(scenario: Scenario, racks: float) -> Scenario:
    crew = {"id": "crew", "racks_per_quarter": racks}
    return with_overrides(scenario, {"hosts[cloud]": None, "supply.crews": [crew]})


def run_of(scenario: Scenario) -> _Pipeline:
    case = build_case(scenario)
    run = _Pipeline(case, "quick", "cost", None, None, THOROUGH)
    run.engine, run.start = Engine(case), None
    return run


def check_whole_under_the_crew(engine: Engine, x: Floats) -> None:
    for family in (*PATTERN, *HALLS, UNITS):
        values = engine.family(x, family)
        assert np.abs(values - values.round()).max() < 1e-6 if len(values) else True
    crew = engine.arrays.rows["crew"].slice
    assert (engine.arrays.matrix[crew] @ x <= engine.arrays.row_upper[crew] + 1e-9).all()


def test_a_limit_is_coarse_where_one_unit_fills_much_of_it(small: Scenario) -> None:
    engine = Engine(build_case(with_crew(small, 4.0)))
    found = Coarse.of(engine.arrays)
    assert found is not None
    crew = engine.arrays.rows["crew"]
    assert len(found.rows) and set(found.rows) <= set(range(crew.start, crew.stop))
    assert found.units == pytest.approx([5.0]), (
        "servers of eight accelerators with ten in a rack: five in four racks"
    )
    assert Coarse.of(Engine(build_case(with_crew(small, 400.0))).arrays) is None


@pytest.mark.untraced
def test_waiting_is_measured_from_whole_units_that_keep_the_limit(small: Scenario) -> None:
    run = run_of(with_crew(small, 3.05))
    parts = run.soonest()
    whole = run.soonest_in_whole_units(parts)
    engine = run.engine
    assert run.fleet is whole and whole is not parts
    check_whole_under_the_crew(engine, whole)
    assert engine.value(whole, "delay") >= engine.value(parts, "delay") - 1e-6


def test_where_servers_in_parts_leave_room_nothing_is_searched(
    small: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(with_crew(small, 3.05))
    x = run.soonest()
    monkeypatch.setattr(module, "BUSY", 1.01)
    coarse = Coarse.of(run.engine.arrays)
    assert coarse is not None
    assert least_load(run.engine, coarse, x, 60.0)[0] is None
    assert whole_units_of_least_load(run, x) is None
    assert run.soonest_in_whole_units(x) is x and run.fleet is None


@pytest.mark.untraced
def test_where_the_least_load_is_not_found_units_are_rounded_in_turn(
    small: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(with_crew(small, 3.05))
    x = run.soonest()
    monkeypatch.setattr(module, "ROOM_S", 0.0)
    coarse = Coarse.of(run.engine.arrays)
    assert coarse is not None
    searched = least_load(run.engine, coarse, x, 60.0)[0]
    assert searched is not None and searched.x is None
    whole = run.soonest_in_whole_units(x)
    assert run.fleet is whole and whole is not x
    check_whole_under_the_crew(run.engine, whole)


@pytest.mark.untraced
@pytest.mark.untraced
def test_a_hard_case_with_little_room_is_bettered_from_the_units_in_hand(
    small: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Halls for parts of servers would leave no room for whole ones: none are sought."""
    scarce = build_case(with_crew(small, 3.05))
    usual = solve(scarce, "quick")
    monkeypatch.setattr(module, "ROOM_S", 0.0)
    monkeypatch.setattr(solve_run, "HARD_PIVOTS", 0)
    told: list[str] = []
    found = solve(scarce, "quick", on_event=lambda event: told.append(event.stage))
    assert usual.plan is not None and found.plan is not None
    assert "halls" not in told and not len(audit(found.plan))
    assert found.bound is not None and usual.bound is not None
    assert found.bound - 1e-6 <= usual.plan.kpi("cost_npv_musd")
    assert usual.bound - 1e-6 <= found.plan.kpi("cost_npv_musd")


def test_the_advice_of_explain_leads_to_a_plan(small: Scenario) -> None:
    """The least crew for which whole servers fit: the pipeline finds them from nothing but the file."""
    broken = with_crew(small, 0.5)
    answer = explain_infeasible(build_case(broken), alternatives=False)
    assert [c.kind for c in answer.causes] == ["crew"] and answer.proven
    outcome = solve(build_case(with_overrides(broken, answer.cure)), "quick")
    assert outcome.plan is not None and not len(audit(outcome.plan))
    assert not any(note.startswith("whole units cannot serve as soon") for note in outcome.notes)
