"""From a point of the trade-off to a scenario: its limits, and what a point says of itself."""

from __future__ import annotations

import pytest

from planner.app.pages.tradeoff_make import at_point
from planner.app.pages.tradeoff_views import built
from planner.intake.scenario_file import dump_scenario, example_path, load_scenario, parse_scenario


def test_a_point_becomes_the_limits_of_a_scenario() -> None:
    scenario = load_scenario(example_path("two-hosts"))
    answer = {"max_delay_months": 9.0, "min_control": 40.0, "caps": {"assistant": 8.00001}}
    same = at_point(scenario, answer, answer)
    assert same.limits.max_delay_months == {"assistant": 8.0001}
    assert same.limits.min_control == 40 and "9 months, 40 points" in (same.title or "")
    picked = at_point(scenario, answer, {"max_delay_months": 12.0, "min_control": None})
    assert picked.limits.max_delay_months == pytest.approx({"assistant": 11.0001})
    assert picked.limits.min_control is None
    assert parse_scenario(dump_scenario(same)).limits == same.limits


def test_a_point_says_what_is_built_and_when_it_serves() -> None:
    point = {"hosts": "champion", "accelerators": 800.0, "accelerators_rented": 0.0, "it_mw": 1.5,
             "first_service_months": 6.0, "half_service_months": float("nan")}  # fmt: skip
    assert built(point, {"champion": "Champion halls"}).endswith(
        "Champion halls; 800 accelerators, 0 of them rented, 1.5 MW of IT. Service: first (5 % of demand) after 6 months."
    )
    cloud = built({"hosts": "cloud", "accelerators": 1492.0, "accelerators_rented": 1492.0, "it_mw": 0.0}, {})
    assert cloud.endswith("of them rented.")
