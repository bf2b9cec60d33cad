"""Periods of one step that are too long for what they hold are warned of; longer ones are cut there."""

from __future__ import annotations

from typing import Any

import pytest

from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario, warnings_of, with_overrides
from planner.scenario.problems import ScenarioError
from planner.scenario.schema import Scenario

CONTRACT = {"id": "old", "host": "cloud", "stack": "us-cloud", "system": "hgx-b300", "accelerators": 800,
            "usd_per_accelerator_hour": 3.0}  # fmt: skip
FLEET = {"id": "owned", "host": "champion", "stack": "champion-us-chips", "system": "hgx-b300", "accelerators": 80,
         "since": "2026-01-01"}  # fmt: skip
HALL = {"id": "hall", "host": "champion", "it_mw": 2, "grid_mw": 3}
YEARS = [{"step": "quarter", "years": 1}, {"step": "year"}]


def with_old(step: Any, what: str, entry: dict[str, Any]) -> Scenario:
    return with_overrides(
        load_scenario(example_path("two-hosts")), {"horizon.step": step, f"existing.{what}": [entry]}
    )


@pytest.mark.parametrize(
    ("step", "what", "entry", "said"),
    [
        ("year", "contracts", {**CONTRACT, "until": "2029-09-30"}, "2029, though it lasts 9 months of it and 15.8 MUSD"),
        ("half-year", "contracts", {**CONTRACT, "until": "2029-09-30"}, "2029-H2, though it lasts 3 months of it and 5.26"),
        ("year", "fleets", {**FLEET, "retire": "2029-07-01"}, "2029, though it lasts 6 months of it: put quarters first"),
        ("year", "halls", {**HALL, "until": "2028-06-30"}, "2028, though it lasts 6 months of it: put quarters first"),
        ("half-year", "contracts", {**CONTRACT, "until": "2029-08-31"}, ""),
        ("year", "fleets", {**FLEET, "retire": "2029-01-01"}, ""),
        ("year", "contracts", {**CONTRACT, "until": "2028-12-31"}, ""),
        ("year", "contracts", {**CONTRACT, "until": "2031-09-30"}, ""),
        (YEARS, "contracts", {**CONTRACT, "until": "2029-09-30"}, ""),
    ],
)  # fmt: skip
def test_last_months_that_count_for_nothing_are_told(
    step: Any, what: str, entry: dict[str, Any], said: str
) -> None:
    found = [p for p in warnings_of(with_old(step, what, entry)) if p.path.startswith("existing.")]
    assert len(found) == bool(said)
    for problem in found:
        assert said in problem.message
        assert problem.path == f"existing.{what}[{entry['id']}].{'retire' if what == 'fleets' else 'until'}"


def test_what_never_ends_may_be_said_to(root: Any) -> None:
    """By the last day that a calendar has."""
    case = build_case(with_old(YEARS, "contracts", {**CONTRACT, "until": "9999-12-31"}))
    assert case.existing.loc["old", "end_t"] > case.calendar.n


def from_day(start: str, step: Any) -> Scenario:
    """Two-hosts from another day on."""
    grid = {
        f"sites[{site}].grid_mw": [{"from": start, "mw": mw}] for site, mw in (("haenam", 40), ("seoul", 10))
    }
    demand = {
        "demand[assistant].size.points": [{"at": start, "value": 500}, {"at": "2030-12-31", "value": 2000}]
    }
    horizon = {"horizon.start": start, "horizon.step": step}
    return with_overrides(load_scenario(example_path("two-hosts")), {**horizon, **grid, **demand})


@pytest.mark.parametrize(
    ("start", "step", "said"),
    [
        ("2027-08-01", "year", "7 months of 2028 count to 2027"),
        ("2027-10-01", "half-year", "3 months of 2028 count to 2027"),
        ("2027-08-01", "half-year", ""),
        ("2027-08-01", "quarter", ""),
        ("2027-08-01", YEARS, ""),
        ("2027-01-01", "year", ""),
    ],
)
def test_months_that_count_to_another_calendar_year_are_told(start: str, step: Any, said: str) -> None:
    found = [p for p in warnings_of(from_day(start, step)) if p.path == "horizon.start"]
    assert len(found) == bool(said)
    assert all(said in p.message for p in found)


def test_the_last_calendar_year_of_a_list_may_be_capped() -> None:
    """As on quarters: it begins a period."""
    scenario = from_day("2027-08-01", YEARS)
    last = 2027 + scenario.horizon.years
    cap = {"what": "outlay", "year": last, "musd": 20}
    with_overrides(scenario, {"limits.money": [cap]})
    with pytest.raises(ScenarioError, match=f"{last + 1} lies outside the horizon, 2027 to {last}"):
        with_overrides(scenario, {"limits.money": [{**cap, "year": last + 1}]})


@pytest.mark.parametrize(("start", "told"), [("2027-03-01", True), ("2027-04-01", False)])
def test_years_after_months_that_are_cut_in_three_are_told(start: str, told: bool) -> None:
    months = [{"step": "month", "years": 1}, {"step": "year"}]
    first = (
        "demand[assistant].size.points[0].at",
        "sites[haenam].grid_mw[0].from",
        "sites[seoul].grid_mw[0].from",
    )
    changes = {
        "horizon.start": start,
        "horizon.years": 6,
        "horizon.step": months,
        **dict.fromkeys(first, start),
    }
    own = with_overrides(load_scenario(example_path("two-hosts")), changes)
    found = [p.message for p in warnings_of(own) if p.path == "horizon.step"]
    assert len(found) == told
    assert all("makes 27 periods where 17 are asked for" in message for message in found)
