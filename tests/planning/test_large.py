"""What protects plans from the root: the promise of the ordinary path, kept on cases small enough to check."""

from __future__ import annotations

import numpy as np
import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.planning import large
from planner.planning.pipeline import solve
from planner.planning.solve_run import Outcome
from planner.solver import engine as engine_module
from planner.solver.engine import Engine
from planner.solver.solution import Solution, Status

pytestmark = pytest.mark.untraced


@pytest.fixture
def everything_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "LARGE_NONZEROS", 0)


def planned(name: str, quality: str, **changes: object) -> Outcome:
    scenario = load_scenario(example_path(name))
    return solve(build_case(with_overrides(scenario, changes) if changes else scenario), quality=quality)


EXAMPLES = ["korea", "kenya", "poland", "uae", "india", "saudi-arabia", "kazakhstan"]


@pytest.mark.parametrize(
    ("name", "quality"),
    [
        ("two-hosts", "quick"),
        ("two-hosts", "plan"),
        *(pytest.param(n, "quick", marks=pytest.mark.slow) for n in EXAMPLES),
    ],
)
def test_the_same_answer_within_the_gap(monkeypatch: pytest.MonkeyPatch, name: str, quality: str) -> None:
    usual = planned(name, quality)
    monkeypatch.setattr(engine_module, "LARGE_NONZEROS", 0)
    found = planned(name, quality)
    assert found.status == usual.status == "optimal"
    assert (
        found.plan is not None
        and usual.plan is not None
        and found.bound is not None
        and usual.bound is not None
    )
    assert not len(audit(found.plan))
    for one, other in ((found, usual), (usual, found)):  # no plan below the bound of the other
        assert one.plan is not None and other.bound is not None
        assert one.plan.kpi("cost_npv_musd") >= other.bound * (1 - 1e-6)
    assert found.gap is not None and found.gap <= {"quick": 0.02, "plan": 0.01}[quality] + 1e-6


def test_the_relaxation_bounds_what_is_divisible_too(everything_large: None) -> None:
    found = planned("two-hosts", "quick")
    assert found.relaxed_bound is not None and found.bound is not None and found.relaxed_bound <= found.bound
    divisible = Engine(build_case(found.resolved)).held({})
    divisible.policy(found.bounds)
    divisible.minimise("cost")
    cost = divisible.lp().objective
    assert cost is not None and cost * (1 - 1e-5) <= found.relaxed_bound <= cost


def test_a_root_by_sifting_gives_the_same_bound(
    monkeypatch: pytest.MonkeyPatch, everything_large: None
) -> None:
    whole = planned("two-hosts", "quick")
    monkeypatch.setattr(large, "SIFT_NONZEROS", 0)
    sifted = planned("two-hosts", "quick")
    assert sifted.bound is not None and whole.bound is not None and sifted.status == "optimal"
    assert sifted.bound == pytest.approx(whole.bound, rel=3e-4)


def test_no_plan_of_the_trials_leads_to_the_search(
    monkeypatch: pytest.MonkeyPatch, everything_large: None
) -> None:
    nothing = Solution(Status.NO_SOLUTION, None, None, None, None, None, None, 0.0, 0, 0, False)
    monkeypatch.setattr(large, "trials", lambda *_: nothing)
    found = planned("two-hosts", "quick")
    assert found.status == "optimal" and found.gap is not None and found.gap <= 0.02


def test_a_case_without_a_plan_is_infeasible(everything_large: None) -> None:
    found = planned("two-hosts", "quick", **{"limits.max_cost_musd": 20})
    assert found.status == "infeasible" and found.plan is None


def test_a_stop_keeps_a_plan(everything_large: None) -> None:
    case = build_case(load_scenario(example_path("two-hosts")))
    seen: list[str] = []
    found = solve(case, "quick", on_event=lambda e: seen.append(e.stage), should_stop=lambda: "halls" in seen)
    assert found.stopped and found.plan is not None and found.bound is not None
    assert np.isfinite(found.bound)
