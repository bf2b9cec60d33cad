"""What protects the search of hosts, stacks and halls together: where whole units miss the gap it goes on."""

import pytest

from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.planning import solve_run
from planner.planning.pipeline import solve

pytestmark = pytest.mark.untraced

SHORT = {"horizon.years": 3, "limits.min_control": 60.0, "demand[assistant].size.points": [
    {"at": "2027-01-01", "value": 600}, {"at": "2029-12-31", "value": 1800}]}  # fmt: skip


def test_a_nearer_bound_ends_a_plan_of_whole_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(solve_run.GAPS, "plan", 0.002)
    case = build_case(with_overrides(load_scenario(example_path("two-hosts")), SHORT))
    said: list[tuple[str, str]] = []
    found = solve(case, on_event=lambda e: said.append((e.stage, e.message)))
    refined = [message for stage, message in said if stage == "refine" and message]
    assert refined == ["a nearer bound of whole halls, hosts and stacks"]
    assert found.status == "optimal" and found.gap is not None and found.gap <= 0.002 + 1e-9
    least = solve(build_case(with_overrides(found.resolved, {"solve.integers": "all"})), quality="quick")
    assert least.plan is not None and found.plan is not None and found.bound is not None
    assert found.bound <= least.plan.kpi("cost_npv_musd") * (1 + 1e-7)
    assert found.plan.kpi("cost_npv_musd") >= least.plan.kpi("cost_npv_musd") * (1 - 1e-5)
