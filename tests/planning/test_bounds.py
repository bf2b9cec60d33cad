"""Bounds in few digits are rounded to the side that is safe."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.case.build import build_case
from planner.explain.relaxations import rounded
from planner.facts.rounding import NOISE, rounded_down, rounded_up
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.planning.pipeline import solve


@given(st.floats(-1e5, 1e5), st.integers(0, 6))
def test_a_cap_is_not_below_and_a_floor_not_above(value: float, digits: int) -> None:
    step = 10.0**-digits
    slack = 2 * NOISE * step + 1e-9
    assert value - slack <= rounded_up(value, digits) <= value + step + slack
    assert value - step - slack <= rounded_down(value, digits) <= value + slack


@given(st.floats(0.01, 1e5), st.floats(1e-4, 1e5), st.sampled_from([-1, 1]))
def test_a_cure_suffices(value: float, size: float, sign: int) -> None:
    change = sign * size
    beyond = (rounded(value, change) - (value + change)) * sign
    assert -1e-7 * max(size, 1.0) <= beyond <= 2e-3 * size + 1e-9


@pytest.mark.parametrize("name", ["small", "two-hosts"])
def test_no_tolerance_leaves_the_soonest_plan(root: Path, name: str) -> None:
    file = root / "tests" / "scenarios" / "small.yaml" if name == "small" else example_path(name)
    changes = {"limits.delay_tolerance_months": 0, "solve.quality": "quick"}
    outcome = solve(build_case(with_overrides(load_scenario(file), changes)))
    assert outcome.plan is not None
    service = outcome.plan.tables["demand"]
    waits = (service["unserved_share"] * service["months"]).groupby(service["w"]).sum()
    caps = outcome.bounds.max_delay_months_by_workload
    assert all(waits[w] <= caps[w] + 1e-6 for w in caps)
