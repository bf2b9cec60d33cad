"""What protects policy bounds: scenario, engine and runs speak of the same four numbers in the same units."""

import pytest

from planner.case.bounds import UNBOUNDED, Bounds
from planner.scenario.schema import Limits


@pytest.mark.parametrize("months", [None, 4.0, {"chat": 3.0, "batch": 9.0}])
def test_the_limits_of_a_scenario_come_back(months: float | dict[str, float] | None) -> None:
    limits = Limits(max_delay_months=months, min_control=60.0, max_cost_musd=900.0)
    bounds = Bounds.of_limits(limits)
    assert bounds.min_control_points == 60.0 and bounds.min_control_share == pytest.approx(0.6)
    assert bounds.in_limits(limits) == limits
    assert UNBOUNDED.in_limits(limits) == Limits(max_cost_musd=900.0)


def test_a_run_from_before_the_names_had_units_is_read() -> None:
    old = {"max_delay_by_workload": None, "max_delay_months": 4.0, "min_control": 50.0, "max_cost_musd": None}
    assert Bounds.of_record(old) == Bounds(max_delay_months=4.0, min_control_points=50.0)
    assert Bounds.of_record({}) == UNBOUNDED
