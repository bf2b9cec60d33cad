"""Periods of unequal length: what a list of steps says, and what holds across the seam between fine and coarse ones."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.case.alive import ended, ending, ending_at, share_alive, shares_of_existing
from planner.case.build import build_case
from planner.case.commitments import leases_with_tails
from planner.case.periods import Calendar
from planner.intake.scenario_file import load_scenario
from planner.scenario.horizon import Horizon

SEAM = [{"step": "quarter", "years": 2}, {"step": "year"}]


def horizon(step, years: int = 6) -> Horizon:
    return Horizon.model_validate({"start": "2027-01-01", "years": years, "step": step})


def calendar(step=SEAM, years: int = 6) -> Calendar:
    return Calendar.of(horizon(step, years))


def test_a_list_of_equal_steps_is_the_uniform_calendar():
    once, listed = calendar("quarter"), calendar([{"step": "quarter", "years": 2}, {"step": "quarter"}])
    assert (listed.n, listed.edges) == (once.n, once.edges)
    assert listed.table(0.07).equals(once.table(0.07))


def test_coarse_periods_sum_and_average_the_fine_ones():
    fine, mixed = calendar("quarter").table(0.07), calendar().table(0.07)
    assert mixed["hours"].sum() == pytest.approx(fine["hours"].sum())
    assert mixed["discount"].iloc[8] == pytest.approx(fine["discount"].iloc[8:12].mean(), rel=1e-12)
    assert list(mixed["label"][7:10]) == ["2028-Q4", "2029", "2030"]
    assert calendar().end == date(2033, 1, 1)


@pytest.mark.parametrize(
    ("t", "steps", "before", "after", "ends"),
    [
        (
            8,
            2,
            6,
            9,
            8,
        ),  # live with the first year: ordered two quarters before; a wait from then ends with the next
        (9, 3, 8, 10, 9),  # orders for a year fall in the year before, never later
        (9, 5, 7, 11, 10),
        (6, 6, 0, 9, 9),  # what lasts to the end of a year is alive in all of it ...
        (5, 6, -1, 9, 8),  # ... and what ends within one is gone from it
        (11, 8, 9, 16, 16),  # after the horizon every period is a step
    ],
)
def test_leads_round_up_and_lives_down_across_the_seam(t, steps, before, after, ends):
    c = calendar()
    assert (c.before(t, steps), c.after(t, steps), c.ends(t, steps)) == (before, after, ends)
    assert c.step_of(c.before(t, steps)) <= c.step_of(t) - steps
    assert c.step_of(c.after(t, steps)) >= c.step_of(t) + steps
    assert c.periods_of(c.steps_of(np.array([t])) + steps)[0] == ends


def test_months_and_years_in_one_plan_nest():
    c = calendar([{"step": "month", "years": 1}, {"step": "quarter", "years": 1}, {"step": "year"}], 4)
    assert c.edges == (*range(13), 15, 18, 21, 24, 36, 48)
    assert c.containing(date(2028, 5, 17)) == 13 and c.first_from(date(2028, 5, 17)) == 14
    assert c.containing(date(2029, 5, 17)) == 16 and c.first_from(date(2029, 5, 17)) == 17


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            [{"step": "year", "years": 2}, {"step": "quarter"}],
            r"step\[1\]: a quarter within a year .* finer step first",
        ),
        (
            [{"step": "quarter", "years": 2}],
            "make 2 years, horizon.years is 6: leave out the years of the last",
        ),
        ([{"step": "quarter", "years": 9}], "make 9 years, horizon.years is 6"),
        ([{"step": "quarter"}, {"step": "year"}], r"step\[0\].years is missing: only the last"),
        (
            [{"step": "quarter", "years": 6}, {"step": "year"}],
            r"step\[1\]: the entries before fill all 6 years",
        ),
    ],
)
def test_a_list_that_does_not_fill_the_horizon_is_refused(step, said):
    with pytest.raises(ValueError, match=said):
        horizon(step)


@pytest.fixture(scope="module")
def cases(root):
    """Two-hosts over six years in quarters, and in quarters and years."""
    plain = load_scenario(root / "data/scenarios/two-hosts.yaml")
    return [build_case(plain.model_copy(update={"horizon": horizon(step)})) for step in ("quarter", SEAM)]


def test_a_coarse_period_asks_for_the_most_of_its_steps(cases):
    fine, mixed = (case.demand.droplevel(0)["demand_kref"].to_numpy(float) for case in cases)
    assert np.allclose(mixed[:8], fine[:8], rtol=1e-12)
    assert np.allclose(mixed[8:], fine[8:].reshape(-1, 4).max(axis=1), rtol=1e-12)


def test_a_short_contract_is_renewed_to_the_end_of_its_period_and_tails_count_steps(cases):
    fine, mixed = cases
    key = ("cloud", "us-cloud", "hgx-b300")
    for term in mixed.rents["r"].unique():
        short = int(fine.rents.loc[(*key, term, 8), "periods"])
        assert mixed.rents.loc[(*key, term, 8), "periods"] == max(short, 4)
        last = mixed.rents.loc[(*key, term, 11)]  # begins with the last year, quarter 20 of 24
        same = fine.rents.loc[(*key, term, 20)]
        if short >= 4:
            assert last["due_after_musd"] == pytest.approx(same["due_after_musd"], rel=1e-12)
            assert last["tail_musd"] == pytest.approx(same["tail_musd"], rel=1e-9)


@pytest.mark.parametrize("steps", [1, 3, 4, 5, 12, 13])
def test_a_fleet_counts_for_as_many_steps_as_it_lasts(steps):
    """But in the last period, where what ends within counts in none of it."""
    c = calendar()
    every = np.arange(c.n)
    for first in range(c.n):
        shares = share_alive(c, every, first, steps)
        end = c.step_of(first) + steps
        within = min(end, c.n_steps if end >= c.n_steps else c.n_steps - 4) - c.step_of(first)
        assert float(shares @ c.steps) == max(0, within)
        ends, share = ending(c, pd.DataFrame({"t": [first], "life": [steps]}), "life")
        assert not len(shares[int(ends[0]) + 1 :].nonzero()[0])
        assert share[0] == (shares[int(ends[0])] if ends[0] < c.n else 0.0)


def test_what_ends_within_a_period_is_lost_in_two_parts():
    rows = ended(calendar(), pd.DataFrame({"t": [0, 2, 9], "life": [8, 9, 12]}), "life").sort_values(
        ["live", "t"]
    )
    assert rows[["live", "t", "share"]].to_numpy().tolist() == [
        [0, 8, 1.0],
        [2, 8, 0.25],
        [2, 9, 0.75],
        [9, 12, 1.0],
    ]


@pytest.mark.parametrize(
    ("day", "end", "share"),
    [("2028-11-15", 7, 0.0), ("2029-01-01", 8, 0.0), ("2029-08-20", 8, 0.5), ("2032-08-01", 11, 0.0)],
)
def test_what_exists_counts_in_whole_steps_until_its_last_day(day, end, share):
    c = calendar()
    assert ending_at(c, date.fromisoformat(day)) == (end, share)
    shares = shares_of_existing(c, 2, end, share)
    assert list(shares) == [float(2 <= t < end) + share * (t == end) for t in range(c.n)]


def test_a_lease_that_runs_out_within_a_coarse_period_is_let_on_to_its_end():
    """Three years from the fourth quarter end three quarters into a year, which counts them in none of it."""
    context: Any = SimpleNamespace(
        calendar=calendar(),
        discount_rate_real=0.0,
        scenario=SimpleNamespace(finance=SimpleNamespace(relet_share_halls=0.5)),
    )
    table = pd.DataFrame({"t": [3, 4], "periods": [12, 12], "musd_per_mw_step": [8.0, 8.0]})
    found = leases_with_tails(context, table)
    assert found["musd_per_mw_step"].to_list() == pytest.approx([8.0 * (1 - 0.5 * 3 / 12), 8.0])


def test_what_is_ordered_within_a_coarse_period_has_the_price_of_its_own_date(cases):
    fine, mixed = cases
    for table, price in (("orders", "musd_per_k"), ("halls", "musd")):
        found, there = getattr(mixed, table)[price], getattr(fine, table)[price]
        same = [there[(*i[:-1], mixed.calendar.step_of(i[-1]))] for i in found.index]
        assert found.to_numpy(float) == pytest.approx(np.array(same, float), rel=1e-12)
        assert sum(i[-1] >= 9 for i in found.index) > 0  # ordered within the year before
