"""At which limits plans are made: none where nothing is to be had, and the widest open stretch first."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from planner.case.build import build_case
from planner.case.case import Case
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.studies.frontier_limits import MOST, OWN, Limit, Limits, Reached, distinct
from planner.studies.screening import LiveFrontier


@pytest.fixture(scope="module")
def case() -> Case:
    return build_case(load_scenario(example_path("two-hosts")))


def limits(case: Case, low: float, high: float) -> Limits:
    """With a relaxation whose control is between these at any delay, and whose least delay is three months."""
    free = SimpleNamespace(
        least_delay_months=3.0, least={"assistant": 3.0}, at=lambda months: {"control_score": low},
        most_control=lambda months: high, caps=lambda months: {"assistant": months},
    )  # fmt: skip
    return Limits(case, cast(LiveFrontier, free), "quick")


def test_the_first_plans_are_at_the_scenarios_own_limits_and_at_the_most_control(case: Case) -> None:
    first, second = limits(case, 30.0, 60.0).anchors(2)
    assert first == OWN and second == MOST
    task = limits(case, 30.0, 60.0).task(0, first)
    assert task.scenario == case.scenario, "so that it is the plan that a solve of the scenario makes"
    most = limits(case, 30.0, 60.0).task(1, second)
    assert most.objective == "control" and most.scenario.limits.min_control is None
    assert most.scenario.limits.max_delay_months == {"assistant": 6.0}, "the least delay is not sought again"


@pytest.mark.parametrize("months", [None, 9.0])
def test_the_most_control_is_asked_without_a_floor_that_may_be_out_of_reach(
    case: Case, months: float | None
) -> None:
    own = {"limits.min_control": 99.0} | ({} if months is None else {"limits.max_delay_months": months})
    strict = build_case(with_overrides(case.scenario, own))
    first, second = (limits(strict, 30.0, 60.0).task(n, limit) for n, limit in enumerate((OWN, MOST)))
    assert first.scenario == strict.scenario and second.scenario.limits.min_control is None
    assert second.scenario.limits.max_delay_months == (months or {"assistant": 6.0})


def test_under_a_floor_the_most_control_is_at_the_delay_that_the_floor_makes_least(case: Case) -> None:
    strict = build_case(with_overrides(case.scenario, {"limits.min_control": 55.0}))
    most = limits(strict, 30.0, 60.0).task(1, MOST)
    assert most.objective == "control" and most.scenario == strict.scenario


def test_where_control_is_no_choice_plans_are_spread_along_the_delay(case: Case) -> None:
    one = limits(case, 67.6, 67.6)
    asked = one.anchors(5)
    assert all(limit.floor is None for limit in asked) and len(set(asked)) == len(asked)
    reached = [Reached(limit, 3.0 if limit == OWN else limit.longer, 67.6) for limit in asked]
    more = one.between(reached, 2)
    assert len(more) == 2 and all(limit.floor is None for limit in more)
    assert not set(more) & set(asked)


def test_the_widest_stretch_that_no_plan_covers_is_asked_first(case: Case) -> None:
    one = limits(case, 30.0, 60.0)
    made = [Reached(OWN, 0.05, 38.0), Reached(MOST, 3.0, 60.0), Reached(Limit(0.1, None), 0.05, 30.0),
            Reached(Limit(12.0, None), 0.05, 59.99), Reached(Limit(0.1, 50.0), 0.1, 60.0)]  # fmt: skip
    widest, next_one = one.between(made, 2)
    assert widest == Limit(3.0, 48.99) and next_one == Limit(0.1, 40.0), (
        "the plan at twelve months covers all delays"
    )


def test_where_every_stretch_is_covered_nothing_is_asked(case: Case) -> None:
    one = limits(case, 30.0, 60.0)
    made = [Reached(OWN, 0.0, 60.0), Reached(Limit(12.0, None), 0.0, 60.0)]
    assert not one.between(made, 5)
    none = [
        Reached(OWN, 0.0, 60.0),
        Reached(Limit(12.0, None), 0.0, 35.0),
        Reached(Limit(12.0, 35.05), None, None),
    ]
    assert not one.between(none, 5), "where a floor has no plan, a higher one has none"


def test_nothing_is_asked_above_the_plan_of_most_control(case: Case) -> None:
    one = limits(case, 30.0, 60.0)
    made = [Reached(OWN, 0.0, 30.0), Reached(Limit(12.0, None), 0.0, 30.0), Reached(MOST, 3.0, 40.0)]
    asked = [limit for limit in one.between(made, 5) if limit.longer == 3.0]
    assert asked == [Limit(3.0, 35.0)], "whole halls reach no more than that plan has"


def test_plans_alike_and_plans_beaten_are_not_counted() -> None:
    def plan(cost: float, delay: float, control: float) -> Any:
        kpis = {"cost_npv_musd": cost, "delay_months": delay, "control_score": control}
        return SimpleNamespace(kpis=kpis)

    assert distinct([plan(100, 3, 60), plan(100, 3, 60), plan(101, 3, 60), plan(90, 4, 60)]) == 2
