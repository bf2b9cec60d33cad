"""Quarters and years after them, with each feature that counts time: what is bought there serves on quarters as well.

One host, five years, demand that rises each January: a year then asks for what each of its quarters asks for, and a plan on
quarters and years must cost on quarters what it costs there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.case.build import build_case
from planner.case.case import Case
from planner.case.commitments import committed_musd
from planner.scenario.schema import Scenario

pytestmark = pytest.mark.untraced

SEAM = [{"step": "quarter", "years": 2}, {"step": "year"}]
EQUAL = [{"step": "half-year", "years": 2}, {"step": "half-year"}]
FREE = {"owner_allocations": False, "licence": {"mode": "not-required"}}
DEAL = {"id": "deal", "kind": "technology-deal", "partner": "USA", "lead_months": 3, "sign_musd": 1, "musd_per_year": 0.5,
        "licence_months": 3, "until": "2029-06-30", "duties": {"investment_share": 0.1},
        "quota": {"accelerators": 1200, "per": "year"}}  # fmt: skip
CLOUD = {"id": "cloud", "site": "south", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
         "stacks": ["us-cloud"], "open_lead_months": 3, "rent_terms": ["one-year"], "rent_factor": 3}  # fmt: skip
RENTED = {"id": "us-cloud", "adoption_musd": 4, "platform_musd_per_year": 8, "licence_usd_per_accelerator_year": 0,
          "support_usd_per_user_year": 0, "lead_months": 3,
          "exit": {"overlap_months": 4, "moving_months": 2, "musd": 1.0}}  # fmt: skip


def quota(*path: tuple[str, float], **more: Any) -> dict[str, Any]:
    steps = [{"from": day, "accelerators": n} for day, n in path]
    return {"supply": {**FREE, "quotas": [{"id": "q", "unit": "accelerators", "path": steps, **more}]}}


OLD = {"stack": "champion-us-chips", "system": "hgx-b300"}
HALL = {"id": "hall", "host": "champion", "it_mw": 2.5, "grid_mw": 4, "backup_mw": 4}
CONTRACT = {"id": "rented", "host": "cloud", "stack": "us-cloud", "system": "hgx-b300", "accelerators": 800,
            "usd_per_accelerator_hour": 3}  # fmt: skip


def fleet(retire: str, host: str = "champion", since: str = "2026-01-01") -> dict[str, Any]:
    return {**OLD, "id": "owned", "host": host, "accelerators": 800, "since": since, "retire": retire}


EXISTING: dict[str, dict[str, Any]] = {
    "contract": {"contracts": [{**CONTRACT, "until": "2030-09-30"}]},
    "contract to the first month": {"contracts": [{**CONTRACT, "until": "2030-01-31"}]},
    "contract to the last month": {"contracts": [{**CONTRACT, "until": "2030-11-30"}]},
    "contract beyond the horizon": {"contracts": [{**CONTRACT, "until": "2032-09-30"}]},
    "contracts one after the other": {"contracts": [
        {**CONTRACT, "accelerators": 400, "until": "2029-06-30"},
        {**CONTRACT, "id": "second", "accelerators": 400, "until": "2030-08-15", "usd_per_accelerator_hour": 6}]},
    "fleet": {"fleets": [fleet("2030-10-01")], "halls": [HALL]},
    "fleet on its way": {"fleets": [fleet("2032-04-01", since="2029-05-20")], "halls": [HALL]},
    "fleet and hall": {"fleets": [fleet("2030-07-01")], "halls": [{**HALL, "until": "2030-06-30"}]},
    "leased hall": {"fleets": [fleet("2030-10-01", "leased")], "halls": [{**HALL, "host": "leased", "until": "2030-09-30"}]},
}  # fmt: skip
"""What stands when the plan begins and comes or goes within a year of it."""
FEATURES: dict[str, dict[str, Any]] = {
    "cumulative quota": quota(("2027-01-01", 140), ("2029-07-01", 170), cumulative=True),
    "quota of the year": quota(("2027-01-01", 560), per="year"),
    "quota in total": quota(("2027-01-01", 1200), ("2029-06-01", 2400), per="total"),
    "staff that is hired": {"supply": {**FREE, "operators": [
        {"id": "team", "people": 8, "hires_per_quarter": 1.5, "training_months": 6, "accelerators_per_person": 100}]}},
    "licence": {"supply": {**FREE, "licence": {"mode": "required", "lead_months": 13}}},
    "agreement that ends within a year": {
        "supply": {"owner_allocations": False, "licence": {"mode": "required", "lead_months": 36}}, "agreements": [DEAL]},
    "stack that is left": {"more": True, "limits": {"max_delay_months": 36}},
    "contracts for energy": {"sites": {"power": {"ppas": [
        {"id": "short", "max_mw": 5, "usd_per_mwh": 60, "term_months": 24, "lead_months": 6},
        {"id": "long", "max_mw": 2, "usd_per_mwh": 55, "term_months": 60, "lead_months": 6}]}}},
}  # fmt: skip
BY_LENGTH: dict[str, dict[str, Any]] = {
    "crew": {"supply": {**FREE, "crews": [{"id": "q", "racks_per_quarter": 18}]}},
    "quota of the quarter": quota(("2027-01-01", 140)),
}


@pytest.fixture(scope="module")
def case_of(tiny: Callable[..., Scenario], plain_catalog: Any) -> Callable[[dict[str, Any], Any], Case]:
    points = [{"at": f"{2027 + i}-01-01", "value": 600 + 500 * i} for i in range(5)]
    asked = {
        "must_serve_by": None,
        "optional": True,
        "size": {"by": "accelerators", "shape": "step", "points": points},
    }

    def make(feature: dict[str, Any], step: Any) -> Case:
        own = {name: value for name, value in feature.items() if name != "more"}
        if "more" in feature:
            plain = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)
            own |= {"hosts": [plain["hosts"][0], CLOUD], "stacks": [plain["stacks"][0], RENTED]}
        horizon = {"start": "2027-01-01", "years": 5, "step": step}
        return build_case(tiny(horizon=horizon, demand=asked, **own), plain_catalog())

    return make


@pytest.mark.slow
@pytest.mark.parametrize("name", [*FEATURES, *BY_LENGTH])
def test_a_list_of_equal_steps_costs_what_equal_steps_cost(name, case_of, optimise):
    feature = (FEATURES | BY_LENGTH)[name]
    least = [optimise(case_of(feature, step), integer=(), objective="delay") for step in ("half-year", EQUAL)]
    assert least[1].objective == pytest.approx(least[0].objective, rel=1e-9)
    most = {"delay": (0.0, least[0].objective + 3.0)}
    costs = [optimise(each.case, integer=(), bounds=most).objective for each in least]
    assert costs[1] == pytest.approx(costs[0], rel=1e-9) and costs[0] > 1.0


@pytest.mark.parametrize("name", FEATURES)
def test_what_quarters_and_years_buy_serves_on_quarters_at_the_same_cost(name, case_of, optimise):
    coarse, fine = (case_of(FEATURES[name], step) for step in (SEAM, "quarter"))
    least = optimise(coarse, integer=(), objective="delay").objective
    most = {"delay": (0.0, least + 0.01)}
    best = optimise(coarse, integer=(), bounds=most)
    fleet = best.values("fleet")
    held: dict[Any, Any] = {("use", (a,)): (v, v) for a, v in best.values("use").items()}
    for i in fine.fleet.index:
        held["fleet", i] = (v := fleet.get((*i[:-1], coarse.calendar.period_of(i[-1])), 0.0), v)
    again = optimise(fine, integer=(), bounds=most | held)
    assert again.objective == pytest.approx(best.objective, rel=0.01)


@pytest.fixture(scope="module")
def standing(tiny: Callable[..., Scenario], plain_catalog: Any) -> Callable[[str, Any], Case]:
    """Cases of an even demand that is all served from the third year on, with something that stands when the plan begins."""
    plain = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)["hosts"][0]
    leased = {**plain, "id": "leased", "mode": "colocation", "operator": "landlord", "lease_months": 36}
    cloud = {**CLOUD, "rent_factor": 1, "rent_terms": ["one-year", "three-year"]}
    size = {"by": "accelerators", "points": [{"at": "2027-01-01", "value": 1000}]}
    stacks = [*tiny().model_dump(mode="json", exclude_none=True, by_alias=True)["stacks"], RENTED]

    def make(name: str, step: Any) -> Case:
        horizon = {"start": "2027-01-01", "years": 5, "step": step}
        demand = {"must_serve_by": "2029-01-01", "size": size}
        own = {"hosts": [plain, cloud, leased], "stacks": stacks, "existing": EXISTING[name]}
        return build_case(tiny(horizon=horizon, demand=demand, **own), plain_catalog())

    return make


def by_quarter(case: Case, table: str, column: str) -> pd.DataFrame:
    """What exists of each thing, a column a quarter."""
    wide = (
        getattr(case, table)[column]
        .astype(float)
        .unstack()
        .reindex(columns=range(case.calendar.n))
        .fillna(0.0)
    )
    wide = wide[(wide > 0).any(axis=1)].sort_index()
    return pd.DataFrame(np.repeat(wide.to_numpy(), case.calendar.steps, axis=1), wide.index)


@pytest.mark.parametrize("name", EXISTING)
def test_what_exists_stands_in_longer_periods_as_in_each_of_their_quarters(name, standing):
    """So that nothing is served by what has gone, and nothing is paid for that serves nothing."""
    coarse, fine = (standing(name, step) for step in (SEAM, "quarter"))
    for table, column in (
        ("fleet", "existing_k"),
        ("host_period", "existing_mw"),
        ("host_period", "existing_grid_mw"),
    ):
        assert by_quarter(coarse, table, column).equals(by_quarter(fine, table, column))
    assert len(by_quarter(fine, "fleet", "existing_k"))
    assert committed_musd(coarse).sum() == pytest.approx(committed_musd(fine).sum(), rel=1e-9)


@pytest.mark.parametrize(
    "name", ["contract", "contracts one after the other", "fleet", "fleet and hall", "leased hall"]
)
def test_what_exists_and_ends_within_a_year_costs_what_it_does_on_quarters(name, standing, optimise):
    """And no plan on years gains by their length: the means of prices over a period apart, it costs as much or more."""
    coarse, fine = (optimise(standing(name, step), integer=()).objective for step in (SEAM, "quarter"))
    assert fine * (1 - 0.0003) < coarse < fine * 1.006


@pytest.mark.parametrize("name", BY_LENGTH)
def test_what_a_quarter_allows_a_year_allows_four_times(name, case_of):
    """All within the year: at its start, where what it replaces falls due."""
    case = case_of(BY_LENGTH[name], SEAM)
    table, column = (case.crews, "racks_k") if name == "crew" else (case.quotas, "amount_k")
    quarter = 0.018 if name == "crew" else 0.14
    assert table[column].to_list() == pytest.approx([quarter] * 8 + [4 * quarter] * 3)
