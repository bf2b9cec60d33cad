"""Time: the doctests of the calendar, and dates on every step length."""

from __future__ import annotations

import doctest
from datetime import date

import pytest

from planner.case import periods
from planner.case.periods import STEP_MONTHS, Calendar
from planner.scenario.horizon import Horizon
from planner.scenario.schema import Existing


def calendar(step: str, start: str = "2027-01-01", years: int = 3) -> Calendar:
    return Calendar.of(Horizon.model_validate({"start": start, "years": years, "step": step}), Existing())


def test_doctests():
    results = doctest.testmod(periods)
    assert results.attempted >= 5 and results.failed == 0


@pytest.mark.parametrize("step", STEP_MONTHS)
def test_hours_months_and_discounting_do_not_depend_on_the_step(step):
    """All steps share the year of 8760 hours and the horizon's end; a period's middle is its payment date."""
    table = calendar(step).table(0.08)
    assert table["hours"].sum() == pytest.approx(3 * 8760)
    assert table["months"].sum() == 36
    first = 1.08 ** -(STEP_MONTHS[step] / 24)
    assert table["discount"].iloc[0] == pytest.approx(first)
    assert table["discount"].iloc[-1] == pytest.approx(1.08 ** -(3 - STEP_MONTHS[step] / 24))
    assert calendar(step).end == date(2030, 1, 1)
    assert table["label"].is_unique


@pytest.mark.parametrize(
    ("step", "day", "containing", "first_from"),
    [
        ("quarter", "2027-01-01", 0, 0),
        ("quarter", "2027-03-31", 0, 1),
        ("quarter", "2027-04-01", 1, 1),
        ("quarter", "2026-12-31", -1, 0),
        ("month", "2027-12-31", 11, 12),
        ("half-year", "2027-07-02", 1, 2),
        ("year", "2028-01-01", 1, 1),
        ("year", "2028-12-31", 1, 2),
        ("year", "2040-01-01", 13, 13),
    ],
)
def test_dates_to_periods(step, day, containing, first_from):
    c = calendar(step)
    assert c.containing(date.fromisoformat(day)) == containing
    assert c.first_from(date.fromisoformat(day)) == first_from


@pytest.mark.parametrize(
    ("step", "months", "expected"),
    [("quarter", 0, 0), ("quarter", 0.1, 1), ("quarter", 3, 1), ("quarter", 3.1, 2), ("month", 8.1, 9),
     ("half-year", 7, 2), ("year", 12, 1), ("year", 12.5, 2)],
)  # fmt: skip
def test_leads_round_up(step, months, expected):
    assert calendar(step).whole_steps(months) == expected


@pytest.mark.parametrize(
    ("step", "start", "t", "label"),
    [("month", "2027-01-01", 1, "2027-M02"), ("quarter", "2027-01-01", 5, "2028-Q2"),
     ("quarter", "2027-02-01", 1, "2027-Q2"), ("half-year", "2027-07-01", 1, "2028-H1"),
     ("year", "2027-07-01", 2, "2029")],
)  # fmt: skip
def test_labels(step, start, t, label):
    assert calendar(step, start).label(t) == label


def test_a_horizon_starts_on_the_first_of_a_month():
    with pytest.raises(ValueError, match="first day of a month"):
        Horizon.model_validate({"start": "2027-01-02", "years": 1})
