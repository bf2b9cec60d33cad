"""Periods of unequal length: what a list of steps says, and what holds across the seam between fine and coarse ones."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.case.build import build_case
from planner.case.commitments import less_the_rest
from planner.case.periods import Calendar
from planner.intake.scenario_file import load_scenario
from planner.scenario.horizon import Horizon
from planner.scenario.schema import Existing

SEAM = [{"step": "quarter", "years": 2}, {"step": "year"}]


def horizon(step, years: int = 6) -> Horizon:
    return Horizon.model_validate({"start": "2027-01-01", "years": years, "step": step})


def calendar(step=SEAM, years: int = 6, **existing) -> Calendar:
    return Calendar.of(horizon(step, years), Existing.model_validate(existing))


def contract(until: str) -> dict[str, Any]:
    names = {"id": f"to-{until}", "host": "cloud", "stack": "us-cloud", "system": "hgx-b300"}
    return names | {"accelerators": 800, "until": until, "usd_per_accelerator_hour": 3}


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
    ("until", "cuts", "named"),
    [
        ("2029-09-30", {11}, ["2029-Q1-Q3", "2029-Q4"]),
        ("2029-08-15", {10}, ["2029-H1", "2029-H2"]),  # gone from the quarter its day falls in
        ("2029-03-31", {9}, ["2029-Q1", "2029-Q2-Q4"]),
        ("2029-01-31", set(), ["2029"]),  # and from its year, where that is its first
        ("2029-12-31", set(), ["2029"]),
        ("2028-05-31", set(), ["2029"]),
        ("2099-12-31", set(), ["2029"]),
        ("9999-12-31", set(), ["2029"]),
    ],
)
def test_a_year_is_cut_where_a_contract_in_force_ends(until, cuts, named):
    c = calendar(contracts=[contract(until)])
    assert set(c.edges) == {*calendar().edges, *cuts}
    assert [c.label(t) for t in range(c.n) if c.date_of(t).year == 2029] == named
    assert c.table(0.07)["hours"].sum() == pytest.approx(calendar().table(0.07)["hours"].sum())


def test_a_year_is_cut_where_fleets_come_and_go_and_halls_end():
    fleet = {"id": "old", "host": "h", "stack": "a", "system": "k", "accelerators": 8}
    hall = {"id": "hall", "host": "h", "it_mw": 2, "grid_mw": 3}
    fleet |= {
        "since": "2029-05-20",
        "retire": "2031-12-31",
    }  # there from the next quarter, gone from the one it retires in
    c = calendar(fleets=[fleet], halls=[{**hall, "until": "2030-06-30"}, {**hall, "id": "stays"}])
    assert set(c.edges) == {*calendar().edges, 10, 14, 19}
    assert c.step_of(c.first_from(date(2029, 5, 20))) == 10
    assert c.step_of(c.containing(date(2031, 12, 31))) == 19


def test_of_months_the_quarter_of_an_end_is_cut_off():
    """A longer period is whole quarters, which statements and draws of finance count in."""
    months = [{"step": "month", "years": 1}, {"step": "year"}]
    c = calendar(months, 3, contracts=[contract("2028-08-31")])
    assert c.edges[12:] == (12, 18, 20, 21, 24, 36)
    assert [c.label(t) for t in range(12, c.n)] == ["2028-H1", "2028-M07-M08", "2028-M09", "2028-Q4", "2029"]
    late = Horizon.model_validate({"start": "2027-07-01", "years": 3, "step": SEAM})
    cut = Calendar.of(late, Existing.model_validate({"contracts": [contract("2030-03-31")]}))
    assert [cut.label(t) for t in range(8, cut.n)] == ["2029-H2", "2030-Q1", "2030-Q2"]
    assert calendar("year", 3, contracts=[contract("2028-08-31")]).edges == (0, 1, 2, 3), "a step is not cut"


FINE_FIRST = [
    SEAM,
    [{"step": "month", "years": 1}, {"step": "quarter", "years": 1}, {"step": "half-year"}],
    [{"step": "quarter", "years": 1}, {"step": "half-year", "years": 1}, {"step": "year"}],
    [{"step": "half-year", "years": 2}, {"step": "year"}],
]


@pytest.mark.parametrize("step", FINE_FIRST)
@pytest.mark.parametrize("month", range(1, 13))
def test_a_longer_period_lies_within_a_calendar_year(month, step):
    """Each step counts to the year that it counts to by itself, so that what is summed by year is that of short periods."""
    c = Calendar.of(
        Horizon.model_validate({"start": date(2027, month, 1), "years": 5, "step": step}), Existing()
    )
    years = [{c.day_of(s).year for s in range(c.step_of(t), c.step_of(t + 1))} for t in range(c.n)]
    assert all(len(own) == 1 for own in years)
    assert c.n_steps * c.step_months == 60
    assert len({c.label(t) for t in range(c.n)}) == c.n
    fine = Calendar(c.start, c.step_months, c.n_steps)
    by_year = [x.table(0.07).groupby("year")["hours"].sum() for x in (c, fine)]
    assert by_year[0].to_dict() == pytest.approx(by_year[1].to_dict())


def test_years_of_a_plan_from_august_run_from_february():
    c = Calendar.of(Horizon.model_validate({"start": "2027-08-01", "years": 5, "step": SEAM}), Existing())
    assert [str(c.date_of(t)) for t in range(7, c.n)] == [
        "2029-05-01", "2029-08-01", "2030-02-01", "2031-02-01", "2032-02-01",
    ]  # fmt: skip
    assert [c.label(t) for t in range(8, c.n)] == ["2029-H2", "2030", "2031", "2032-H1"]


MONTHS = [{"step": "month", "years": 1}, {"step": "year"}]


@pytest.mark.parametrize(
    ("month", "step", "named"),
    [
        (3, MONTHS, ["2028-M02", "2028-M03-M11", "2028-M12", "2029-M01-M02", "2029-M03-M11", "2029-M12", "2030-M01-M02"]),
        (5, MONTHS, ["2028-M04", "2028-M05-M10", "2028-M11-M12", "2029-M01", "2029-M02-M10", "2029-M11-M12", "2030-M01",
                     "2030-M02-M04"]),
        (4, MONTHS, ["2028-M03", "2028-Q2-Q4", "2029", "2030-Q1"]),
        (7, MONTHS, ["2028-M06", "2028-H2", "2029", "2030-H1"]),
        (4, SEAM, ["2029-Q1", "2029-Q2-Q4", "2030-Q1"]),
    ],
)  # fmt: skip
def test_after_months_longer_periods_are_named_by_the_calendar(month, step, named):
    """By months where their quarters are none of the calendar year."""
    c = Calendar.of(
        Horizon.model_validate({"start": date(2027, month, 1), "years": 3, "step": step}), Existing()
    )
    assert [c.label(t) for t in range(c.n)][-len(named) :] == named


def test_half_a_year_from_april_is_named_by_its_quarters():
    years = Horizon.model_validate({"start": "2027-04-01", "years": 4, "step": SEAM})
    cut = Calendar.of(years, Existing.model_validate({"contracts": [contract("2029-09-30")]}))
    assert [cut.label(t) for t in range(8, 10)] == ["2029-Q2-Q3", "2029-Q4"]


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


def test_what_runs_out_within_a_coarse_period_is_let_on_to_its_end(cases):
    """Three years from the second quarter end a quarter into the fourth year, which counts them in none of it."""
    key = ("cloud", "us-cloud", "hgx-b300", "three-year")
    fine, mixed = (case.rents.sort_index().loc[key] for case in cases)
    worth = [(1 + cases[0].rate) ** -((i + 0.5) / 4) for i in range(12)]
    for t, rest in ((1, 1), (2, 2), (3, 3), (4, 0), (5, 1)):
        paid, then = (float(fine.at[i, "musd_per_k_step"]) for i in (t, t + 12 - rest))
        fetched = 0.5 * then * sum(worth[12 - rest :]) / sum(worth)
        assert mixed.at[t, "periods"] == 12, "signed for its term and paid to its end"
        assert mixed.at[t, "musd_per_k_step"] == pytest.approx(paid - fetched, rel=1e-9)


def test_letting_on_never_earns():
    """However much it fetches, no more is taken off than is paid for the same steps."""
    context: Any = SimpleNamespace(calendar=calendar(), discount_rate_real=0.0)
    table = pd.DataFrame({"t": [3, 4], "periods": [12, 12], "rent": [8.0, 8.0]})
    for fetched, rent in ((2.0, 7.5), (8.0, 6.0), (80.0, 6.0)):
        found = less_the_rest(context, table, "rent", np.array([fetched, fetched]))
        assert found["rent"].to_list() == pytest.approx([rent, 8.0])


def test_what_is_ordered_within_a_coarse_period_has_the_price_of_its_own_date(cases):
    fine, mixed = cases
    for table, price in (("orders", "musd_per_k"), ("halls", "musd")):
        found, there = getattr(mixed, table)[price], getattr(fine, table)[price]
        same = [there[(*i[:-1], mixed.calendar.step_of(i[-1]))] for i in found.index]
        assert found.to_numpy(float) == pytest.approx(np.array(same, float), rel=1e-12)
        assert sum(i[-1] >= 9 for i in found.index) > 0  # ordered within the year before
