"""What a workload must say of its requests, and what is said where it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from planner.case.throughput import Throughput
from planner.facts.errors import BadValue
from planner.facts.numbers import number
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


OWN = {"id": "nation-9t", "params_total_b": 9000, "params_active_b": 100}


def test_a_prompt_longer_than_the_context_is_refused_with_what_can_be_read(small: Any) -> None:
    size = USERS | {"input_tokens_per_request": 200_000, "points": [{"at": "2027-01-01", "value": -1}]}
    found = problems(small, {"profile": "coding-agent", "size": size})
    assert found["size.points[0].value"] == "must be at least 0 (got -1)"
    message = found["size.input_tokens_per_request"]
    assert f"at most {number(131_072 - 500)} tokens can be read" in message and "model: " in message
    own = with_overrides(
        small,
        {
            "models": [OWN | {"params_total_b": 200, "context_tokens": 1_000_000}],
            "demand[assistant].model": "nation-9t",
            "demand[assistant].profile": "coding-agent",
            "demand[assistant].size": size | {"points": USERS["points"]},
        },
    )
    assert own.models[0].context_tokens == 1_000_000


def test_a_model_too_large_for_every_system_names_some_that_hold_it(small: Any) -> None:
    changes = {"systems": [{"id": "hgx-b300"}], "models": [OWN], "demand[assistant].model": "nation-9t"}
    with pytest.raises(ScenarioError) as raised:
        with_overrides(small, changes)
    (told,) = [p for p in raised.value.problems if p.path == "demand[assistant].model"]
    assert "none of the systems (hgx-b300)" in told.message and "gb300-nvl72" in told.message
    with_overrides(small, changes | {"systems": [{"id": "hgx-b300"}, {"id": "gb300-nvl72"}]})


def test_an_unknown_model_is_told_with_what_to_state(small: Any) -> None:
    message = problems(small, {"model": "gpt-oss-12b"})["model"]
    assert "did you mean 'gpt-oss-" in message and "params_total_b" in message


def test_a_model_of_ones_own_may_not_be_read_as_one_of_the_catalog(small: Any) -> None:
    with pytest.raises(ScenarioError, match="read as the catalog's model 'gpt-oss-120b'"):
        with_overrides(small, {"models": [OWN | {"id": "gpt-oss"}]})


def test_requests_the_estimate_refuses_on_every_system_are_told_with_its_words(
    small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(_: Any, model: str, scenario: str, chip: str, conditions: Any) -> None:
        if dict(conditions)["tokens_per_s_per_user"] > 300:
            raise BadValue(
                "no accelerator serves it at 4000 tokens/s a user; the best reached is 300 on b300"
            )

    monkeypatch.setattr(Throughput, "serving", refuses)
    wish = {"demand[assistant].profile": "assistant"}
    with_overrides(small, wish | {"demand[assistant].tokens_per_s_per_user": 250})
    with pytest.raises(ScenarioError) as raised:
        with_overrides(small, wish | {"demand[assistant].tokens_per_s_per_user": 4000})
    (told,) = raised.value.problems
    assert told.path == "demand[assistant].tokens_per_s_per_user"
    assert "the best reached is 300 on b300: ask for less" in told.message
