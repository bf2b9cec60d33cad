"""What protects bettering a plan host by host: waste is found, whole numbers stay whole, bounds and pivots are kept."""

import numpy as np
import pytest

from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario
from planner.planning import hosts_in_turn as module
from planner.planning.hosts_in_turn import hosts_in_turn
from planner.planning.pipeline import THOROUGH, solve
from planner.planning.solve_run import SolveRun
from planner.solver.engine import HALLS, PATTERN, UNITS, Engine
from planner.solver.solution import Solution

pytestmark = pytest.mark.untraced


@pytest.fixture(scope="module")
def wasteful() -> tuple[SolveRun, Solution, float]:
    """A run with the bound of a good plan, a plan with two servers too many and one hall more than it needs, and the cost
    of the good one.
    """
    case = build_case(load_scenario(example_path("grid-late")))
    good = solve(case, "plan")
    assert good.values is not None and good.plan is not None
    run = SolveRun(case, "plan", "cost", None, None, THOROUGH)
    run.engine, run.bound, run.bounds = Engine(case), good.bound, good.bounds
    run.engine.policy(good.bounds)
    run.engine.minimise("cost")
    run.engine.integers()
    run.hold(good.values, *PATTERN, *HALLS)
    units = run.engine.family(good.values, UNITS).to_numpy(float).round()
    units[np.flatnonzero(units)[0]] += 2
    halls = run.engine.family(good.values, "halls").to_numpy(float).round()
    halls[np.flatnonzero(halls)[0]] += 1
    run.engine.fix(UNITS, units)
    run.engine.fix("halls", halls)
    worse = run.engine.live.solve()
    assert worse.objective is not None
    return run, worse, good.plan.kpi("cost_npv_musd")


def test_waste_at_a_host_is_found_and_units_stay_whole(wasteful: tuple[SolveRun, Solution, float]) -> None:
    run, worse, cost = wasteful
    assert worse.objective is not None and worse.objective > 1.005 * cost
    found = hosts_in_turn(run, worse)
    assert found.x is not None and found.objective is not None and run.bound is not None
    assert run.bound <= found.objective <= worse.objective - 0.5 * (worse.objective - cost)
    for family in (*PATTERN, *HALLS, UNITS):
        values = run.engine.family(found.x, family)
        assert np.abs(values - values.round()).max() < 1e-6 if len(values) else True
    waits = run.engine.delays(found.x)
    caps = run.bounds.max_delay_months_by_workload
    assert caps and all(waits[w] <= cap + 1e-6 for w, cap in caps.items())
    divisible = run.divisible
    assert divisible is not None and divisible.objective is not None and divisible.row_dual is not None
    assert divisible.objective <= found.objective + 1e-6, "prices are of the places of the plan"


def test_after_its_pivots_it_leaves_the_plan_as_it_is(
    wasteful: tuple[SolveRun, Solution, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, worse, _ = wasteful
    monkeypatch.setattr(module, "MOST_PIVOTS", -1)
    monkeypatch.setattr(module, "FAR", 1.0)
    found = hosts_in_turn(run, worse)
    assert found.objective == pytest.approx(worse.objective, rel=1e-9)


def test_a_plan_far_from_its_bound_is_bettered_even_then(
    wasteful: tuple[SolveRun, Solution, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, worse, _ = wasteful
    monkeypatch.setattr(module, "MOST_PIVOTS", -1)
    monkeypatch.setattr(module, "FAR", 1.1 * run.target)
    found = hosts_in_turn(run, worse)
    assert found.objective is not None and worse.objective is not None
    assert found.objective < 0.995 * worse.objective


def test_a_plan_within_the_gap_will_do(
    wasteful: tuple[SolveRun, Solution, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, worse, _ = wasteful
    enough: list[object] = []

    def nothing(*args: object) -> Solution:
        enough.append(args[3])
        return worse

    monkeypatch.setattr(run, "solve", nothing)
    hosts_in_turn(run, worse)
    assert enough == [run.within_gap(1.0)] and run.gap(run.good_enough) == pytest.approx(run.target)
