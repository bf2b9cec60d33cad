"""What a workload must say of its requests, and what is said where it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from planner.intake.scenario_file import ScenarioError, load_scenario, with_overrides


@pytest.fixture(scope="module")
def small(root: Path) -> Any:
    return load_scenario(root / "tests" / "scenarios" / "small.yaml")


def problems(scenario: Any, changes: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ScenarioError) as raised:
        with_overrides(scenario, {f"demand[{scenario.demand[0].id}].{k}": v for k, v in changes.items()})
    return {p.path.split(".", 1)[1]: p.message for p in raised.value.problems}


USERS = {"by": "users", "points": [{"at": "2027-01-01", "value": 1000}]}


def test_users_need_requests_and_answers_or_a_profile(small: Any) -> None:
    found = problems(small, {"size": USERS})
    assert set(found) == {"size.requests_per_user_day", "size.output_tokens_per_request"}
    assert all("name a profile" in message and "coding-agent" in message for message in found.values())
    named = with_overrides(
        small, {"demand[0].profile": "assistant", "demand[0].size": USERS, "demand[0].ttft_s": 2}
    )
    assert named.demand[0].profile == "assistant"


def test_all_faults_of_demand_are_told_at_once(small: Any) -> None:
    found = problems(
        small,
        {
            "profile": "coding-agents",
            "load_by_hour": [0.0] * 24,
            "size": USERS | {"points": [{"at": "2027-01-01", "value": -5}], "cached_share": 40},
        },
    )
    assert "did you mean 'coding-agent'" in found["profile"] and "'assistant'" in found["profile"]
    assert "all hours are 0" in found["load_by_hour"]
    assert found["size.points[0].value"] == "must be at least 0 (got -5)"
    assert found["size.cached_share"] == "must be at most 1 (got 40)"


def test_a_day_has_24_hours(small: Any) -> None:
    assert (
        problems(small, {"load_by_hour": [1.0] * 23})["load_by_hour"]
        == "needs at least 24 entries, and the list has 23"
    )
