"""What protects the search of hosts, stacks and halls together: where whole units miss the gap it goes on."""

from types import SimpleNamespace

import pytest

from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.planning import pipeline, solve_run, units
from planner.planning.pipeline import solve
from planner.planning.solve_run import SolveRun
from planner.planning.together import together
from planner.solver.arrays import Floats
from planner.solver.solution import Solution, Status

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


def test_a_search_that_brings_no_bound_and_no_other_halls_is_not_gone_on_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def forgotten(run: SolveRun, stage: str, gap: float, start: Floats | None) -> Solution:
        found = together(run, stage, gap, start)
        run.together = None  # as where the halls of the first hosts are near enough
        return found

    def no_use(run: SolveRun, stage: str, gap: float, start: Floats | None) -> Solution:
        asked.append(stage)
        found = Solution(Status.FEASIBLE, 0.0, None, None, start, None, None, 0.0, 0, 0, False)
        run.together = SimpleNamespace(best=found)  # type: ignore[assignment]
        return found

    monkeypatch.setitem(solve_run.GAPS, "plan", 0.002)
    monkeypatch.setattr(pipeline, "together", forgotten)
    monkeypatch.setattr(units, "together", no_use)
    found = solve(build_case(with_overrides(load_scenario(example_path("two-hosts")), SHORT)))
    assert asked == ["refine"] and found.plan is not None
