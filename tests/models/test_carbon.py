"""Carbon against arithmetic by hand: what tonnes cost, the price at which gas leaves, caps by year, no way round them.

800 accelerators draw 1.44 MW at work from period 4 of 12 on; a place in Korea, fuel cells of 0.345 t/MWh beside its grid.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.facts.catalog import Catalog
from planner.planning.pipeline import solve
from planner.scenario.problems import ScenarioError
from planner.scenario.schema import Scenario
from planner.solver.solution import Status

pytestmark = pytest.mark.untraced

MEAN_MW, HOURS, RATE = 1.44, 2190.0, 1.08
CELL, SETS = "fuelcell-2026", "diesel-genset-2026"


def pv(t: float) -> float:
    return RATE ** -((t + 0.5) / 4)


def price(*steps: tuple[str, float], covers: str = "all") -> dict[str, Any]:
    return {"carbon": [{"from": day, "usd_per_t": usd} for day, usd in steps], "carbon_covers": covers}


@pytest.fixture(scope="module")
def facts(plain_catalog: Callable[..., Catalog]) -> Catalog:
    return plain_catalog()


@pytest.fixture(scope="module")
def place(tiny: Callable[..., Scenario]) -> Callable[..., Scenario]:
    """place(option, fuel price, money={...}, limits={...}) -> 1 MW of this plant may stand beside the grid."""

    def make(kind: str = CELL, fuel: float = 10, **changes: Any) -> Scenario:
        own = {"id": kind, "max_mw": 1, "capex_usd_per_kw": 1000, "lead_months": 6, "permit_months": 3,
               "fuel_usd_per_mmbtu": fuel, "forced_outage_pct": 10}  # fmt: skip
        return tiny(sites={"power": {"options": [own]}}, **changes)

    return make


ONE = {
    "plant": (0, 0),
    ("plant", ("champion", CELL, 4)): (1, 1),
    ("connect", ("champion", "grid-firm", 4)): (2, 2),
}


def test_without_a_price_nothing_is_booked_and_no_row_is_there(place, facts, optimise):
    answer = optimise(place(money={"carbon": [{"from": "2027-01-01", "usd_per_t": 0}]}), facts)
    assert "carbon" not in set(answer.entries["account"])
    assert "carbon_cap" not in answer.arrays.rows


def test_every_tonne_pays_the_price_of_its_day(tiny, facts, optimise):
    """50 USD/t from 2028, 80 from mid-2029: periods 4 to 9, then 10 and 11, on the grid's tonnes."""
    free = optimise(tiny(), facts)
    answer = optimise(tiny(money=price(("2028-01-01", 50), ("2029-07-01", 80))), facts)
    tonnes = MEAN_MW * HOURS * free.case.host_period["tco2_per_mwh"].iloc[0]
    by_hand = tonnes / 1e6 * (50 * sum(map(pv, range(4, 10))) + 80 * sum(map(pv, range(10, 12))))
    assert answer.objective - free.objective == pytest.approx(by_hand)


def test_a_price_counts_in_its_first_period_by_the_days_that_are_left(tiny, facts):
    """Quarters: 50 USD/t for 60 of 91 days of period 4 and 15 of 92 of period 10, where 80 begins on the 16th."""
    case = build_case(tiny(money=price(("2028-02-01", 50), ("2029-07-16", 80))), facts)
    by_hand = {4: 50 * 60 / 91, **dict.fromkeys(range(5, 10), 50), 10: (50 * 15 + 80 * 77) / 92, 11: 80}
    assert case.carbon_prices["usd_per_t"].to_dict() == pytest.approx(by_hand)
    plan = solve(case, quality="quick").plan
    assert plan is not None and not len(audit(plan))


@pytest.mark.parametrize(("above", "gives"), [(-0.1, 0.9), (0.1, 0.0)])
def test_the_price_at_which_gas_leaves_where_plant_alone_pays(place, facts, optimise, above, gives):
    """A MWh costs 6.5 x 10 + 15 = 80 USD and 0.345 t, the grid 100 USD: 20 / 0.345 = 57.97 USD/t."""
    money = price(("2027-01-01", 20 / 0.345 + above), covers="plant")
    answer = optimise(place(money=money), facts, bounds=ONE)
    assert answer.values("gen")["champion", CELL, 6, "b0"] == pytest.approx(gives)


@pytest.mark.parametrize(("above", "gives"), [(-0.1, 0.9), (0.1, 0.0)])
def test_the_price_at_which_diesel_leaves_where_the_grid_pays_too(place, facts, optimise, above, gives):
    """8.53 MMBtu at 8 USD and 9.1 USD a MWh against 100; 0.7 t against the grid's."""
    grid = float(build_case(place(), facts).host_period["tco2_per_mwh"].iloc[0])
    leaves = (100 - (8.53 * 8 + 9.1)) / (0.7 - grid)
    scenario = place(SETS, 8, money=price(("2027-01-01", leaves + above)))
    answer = optimise(scenario, facts, bounds={"plant": (0, 0), ("plant", ("champion", SETS, 4)): (1, 1)})
    assert answer.values("gen")["champion", SETS, 6, "b0"] == pytest.approx(gives)


def test_a_cap_is_kept_by_the_cleaner_source_and_priced(place, facts, optimise):
    """Gas at 4 USD runs all it can in 2028; a cap of half its tonnes above the grid's least leaves half of it running."""
    dirty = optimise(
        place(SETS, 2), facts, bounds={"plant": (0, 0), ("plant", ("champion", SETS, 4)): (1, 1)}
    )
    grid = float(dirty.case.host_period["tco2_per_mwh"].iloc[0])
    year = 4 * HOURS
    least, most = MEAN_MW * year * grid, MEAN_MW * year * grid + 0.9 * year * (0.7 - grid)
    caps = {"carbon_t": [{"year": 2028, "tonnes": (least + most) / 2}]}
    held = {"plant": (0, 0), ("plant", ("champion", SETS, 4)): (1, 1)}
    answer = optimise(place(SETS, 2, limits=caps), facts, bounds=held)
    gen = answer.values("gen")["champion", SETS]
    assert gen.loc[4:7].mean() == pytest.approx(0.45)
    assert gen.loc[8:].to_numpy() == pytest.approx(0.9)
    assert optimise(place(SETS, 2, limits={"carbon_t": [{"year": 2028, "tonnes": least * 0.99}]}), facts,
                    bounds=held).status is Status.INFEASIBLE  # fmt: skip


def test_a_cloud_saves_no_tonne(tiny, facts):
    """Rent pays for the energy of a cloud, not for its carbon: the price is booked on its tonnes, the cap counts them."""
    cloud = {"id": "cloud", "site": "south", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
             "stacks": ["us-cloud"], "open_lead_months": 3}  # fmt: skip
    scenario = tiny(hosts=[cloud], stacks=[{"id": "us-cloud"}], money=price(("2027-01-01", 100)))
    plan = solve(build_case(scenario, facts), quality="quick").plan
    assert plan is not None and not len(audit(plan))
    ledger = plan.tables["ledger"]
    tonnes = ledger.loc[ledger["account"] == "cloud-emissions", "quantity"].sum()
    carbon = ledger[ledger["account"] == "carbon"]
    assert carbon["musd"].sum() == pytest.approx(tonnes * 100 / 1e6)
    assert set(carbon["payer"]) == {"partner"}


def test_a_plan_under_price_and_caps_is_clean_and_tells_of_the_cap(place, facts):
    free = solve(build_case(place(SETS, 2), facts), quality="quick").plan
    tonnes = free.tables["power"]["emissions_t"].sum()
    limits = {"carbon_t": [{"tonnes": 0.95 * tonnes}]}
    plan = solve(
        build_case(place(SETS, 2, money=price(("2028-01-01", 5)), limits=limits), facts), quality="quick"
    ).plan
    found = audit(plan)
    assert not len(found), found.to_string()
    assert plan.tables["power"]["emissions_t"].sum() == pytest.approx(0.95 * tonnes, rel=1e-4)
    binding = plan.tables["prices"].query("rule == 'carbon_cap'")
    assert len(binding) and binding["dual"].iloc[0] != 0 and "emissions-total" in binding["meaning"].iloc[0]


def test_stricter_carbon_never_lowers_cost(place, facts, optimise):
    last = 0.0
    for usd in (0, 20, 60, 150):
        now = optimise(place(SETS, 4, money=price(("2027-01-01", usd))), facts).objective
        assert now >= last - 1e-9
        last = now


def test_a_year_outside_the_horizon_is_refused(tiny, tmp_path):
    from planner.intake.scenario_file import check_scenario

    with pytest.raises(ScenarioError, match="2040 lies outside the horizon"):
        check_scenario(tiny(limits={"carbon_t": [{"year": 2040, "tonnes": 1}]}))


@pytest.mark.parametrize("share", [1.0, 0.95])
def test_whole_units_of_a_small_fleet_wait_longer_than_divisible_ones(place, facts, share):
    """A megawatt of diesel carries 62.5 of 100 servers early: half of one would wait for nothing but the tolerance."""

    def limits(**more: Any) -> dict[str, Any]:
        return {"delay_tolerance_months": 0, **more}

    said: list[str] = []
    told = build_case(place(SETS, 2, limits=limits()), facts)
    free = solve(told, quality="quick", on_event=lambda e: said.append(e.message))
    assert free.plan is not None and not len(audit(free.plan))
    assert "how soon whole units can serve" in said
    assert "whole units, halls, hosts and stacks together" not in said, "under caps that no whole units keep"
    (note,) = (each for each in free.notes if "whole units cannot serve" in each)
    ((w, cap),) = free.bounds.max_delay_months_by_workload.items()
    named, longer = re.fullmatch(
        r".* as divisible ones: (\w+) may wait [\d.]+ months, ([\d.]+) more than first allowed", note
    ).groups()
    assert named == w and 0 < float(longer) < cap
    waits = free.plan.tables["demand"].assign(months=lambda d: d["t"].map(told.periods["months"]))
    months = float((waits["months"] * waits["unserved_share"]).sum())
    assert cap - float(longer) < months <= cap + 1e-4, "longer than first allowed, and no longer than now"
    soonest = [
        solve(build_case(place(SETS, 2, limits=limits(max_delay_months=most)), facts), "quick", "delay").plan
        for most in (None, 60)
    ]
    waits = [None if plan is None else plan.kpi("delay_months") for plan in (*soonest, free.plan)]
    assert waits == pytest.approx([waits[-1]] * 3, abs=0.05), "whole units are what has to be soon"
    tonnes = share * free.plan.tables["power"]["emissions_t"].sum()
    capped = limits(carbon_t=[{"tonnes": tonnes}])
    outcome = solve(build_case(place(SETS, 2, limits=capped), facts), quality="quick")
    assert outcome.status == "optimal" and not len(audit(outcome.plan))
    assert outcome.plan.tables["power"]["emissions_t"].sum() <= tonnes * (1 + 1e-6)
