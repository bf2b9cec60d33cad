"""A site's tariff against arithmetic by hand: hours of the day, years, what carries energy, the year's highest import.

800 accelerators draw 1.92 MW in the design hour and 1.44 MW at work; all is live from period 4 of 12 on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from planner.audit import audit
from planner.case.build import build_case
from planner.facts.catalog import Catalog
from planner.planning.pipeline import solve
from planner.scenario.schema import Scenario

pytestmark = pytest.mark.untraced

DESIGN_MW, MEAN_MW, HOURS = 1.92, 1.44, 2190.0
RATE = 1.08
ALIVE = range(4, 12)
ENGINE = "gas-engine-dc-2026"


def pv(t: float) -> float:
    return RATE ** -((t + 0.5) / 4)


@pytest.fixture(scope="module")
def facts(plain_catalog: Callable[..., Catalog]) -> Catalog:
    return plain_catalog()


@pytest.fixture(scope="module")
def place(tiny: Callable[..., Scenario]) -> Callable[..., Scenario]:
    def make(site: dict[str, Any] | None = None, **tariff: Any) -> Scenario:
        price = {"elec_price_usd_per_mwh": None} if "energy_usd_per_mwh_by_hour" in tariff else {}
        return tiny(sites={"tariff": tariff or None, **price, **(site or {})})

    return make


def test_a_tariff_that_says_nothing_changes_nothing(place, facts, optimise):
    without, empty = optimise(place(), facts), optimise(place(network_usd_per_mwh=0), facts)
    assert not without.arrays.columns["billed_peak"].size
    assert without.arrays.shape == empty.arrays.shape
    assert (without.arrays.matrix != empty.arrays.matrix).nnz == 0
    assert without.objective == empty.objective


def test_the_network_and_a_rising_price_by_hand(place, facts, optimise):
    """Prices rise 4 % a year from the middle of 2026, half a year before period 0; the network keeps its fee."""
    flat = optimise(place(), facts)
    answer = optimise(place(network_usd_per_mwh=15, energy_change_pct_per_year=4), facts)
    energy = sum(pv(t) * 100 * (1.04 ** (0.5 + t / 4) - 1) for t in ALIVE)
    carried = sum(pv(t) * 15 for t in ALIVE)
    more = MEAN_MW * HOURS * (energy + carried) / 1e6
    assert answer.objective - flat.objective == pytest.approx(more, rel=1e-9)


def test_the_charge_on_the_highest_import_by_hand(place, facts, optimise):
    """60 USD/kW and year on 1.92 MW, the design hour, though no slice draws more than 1.44."""
    flat, answer = optimise(place(), facts), optimise(place(capacity_usd_per_kw_year=60), facts)
    assert answer.used("billed_peak") == {("champion", t): pytest.approx(DESIGN_MW) for t in ALIVE}
    charge = DESIGN_MW * 60 / 1000 / 4 * sum(map(pv, ALIVE))
    assert answer.objective - flat.objective == pytest.approx(charge, rel=1e-9)


def test_a_peak_holds_for_the_rest_of_its_calendar_year(place, facts, optimise):
    """A plan made to draw 3 MW in the second quarter of 2028 is billed for it until the year ends, and not before."""
    case = build_case(place(capacity_usd_per_kw_year=60), facts)
    answer = optimise(case, bounds={("billed_peak", ("champion", 5)): (3, 3)})
    billed = answer.values("billed_peak")["champion"]
    assert billed[4] == pytest.approx(DESIGN_MW)
    assert billed.loc[5:7].to_numpy() == pytest.approx(3)
    assert billed.loc[8:].to_numpy() == pytest.approx(DESIGN_MW)


def test_plant_that_carries_the_design_hour_lowers_the_peak_and_backup_does_not(place, facts, optimise):
    """1 MW of engines that fail a tenth of the time: 0.9 MW less where a peak costs, unless it stands by."""
    engines = {"power": {"options": [
        {"id": ENGINE, "capex_usd_per_kw": 1, "lead_months": 6, "permit_months": 3, "fuel_usd_per_mmbtu": 30,
         "forced_outage_pct": 10, "max_mw": 1, "unit_mw": 0.5}]}}  # fmt: skip
    site = place(engines, capacity_usd_per_kw_year=600)
    case = build_case(site, facts)
    fixed = {"plant": (0, 0), ("plant", ("champion", ENGINE, 4)): (1, 1)}
    answer = optimise(case, bounds=fixed)
    assert answer.values("billed_peak")["champion", 6] == pytest.approx(max(DESIGN_MW - 0.9, MEAN_MW))
    held = optimise(case, bounds=fixed | {"plant_standby": (0.9, 0.9), "backup": (0, 5)})
    assert held.values("billed_peak")["champion", 6] == pytest.approx(DESIGN_MW)


def test_leased_halls_pay_for_their_peak_too(tiny, facts, optimise):
    leased = tiny(
        sites={"tariff": {"capacity_usd_per_kw_year": 60}},
        hosts={"mode": "colocation", "hall_types": None, "cooling": None},
    )
    answer = optimise(leased, facts)
    assert answer.values("billed_peak")["champion", 6] == pytest.approx(1.6 * 1.5)


# ---- hours of the day


DAY = [50.0] * 7 + [250.0] * 3 + [100.0] * 14


def test_the_day_is_cut_where_prices_change(place, facts):
    case = build_case(place(energy_usd_per_mwh_by_hour=DAY), facts)
    rows = case.tariffs.loc["champion", 6]
    hours = case.slices.loc[6]["hours"].drop("design")
    assert sorted(set(np.round(rows["musd_per_mwh"] * 1e6, 6))) == [50, 100, 250]
    mean = float((rows["musd_per_mwh"] * hours).sum() / hours.sum() * 1e6)
    assert mean == pytest.approx(np.mean(DAY))
    dear = hours[rows["musd_per_mwh"] * 1e6 > 200]
    assert dear.sum() == pytest.approx(HOURS * 3 / 24)


@pytest.mark.parametrize("truth", [False, True])
def test_work_that_may_wait_leaves_the_dear_hours(tiny, facts, optimise, truth):
    """Servers for 24 hours' work in 21: idle through the three dear hours, 4 kW of 12, and dearer hours cost no more."""
    site = {"elec_price_usd_per_mwh": None, "tariff": {"energy_usd_per_mwh_by_hour": DAY}}
    soft = tiny(sites=site, demand={"kind": "batch", "preemptible": True})
    case = build_case(soft, facts, truth)
    more = 0.8 * 24 / 21
    answer = optimise(
        case, bounds={("order", ("champion", "champion-us-chips", "hgx-b300", 4)): (more, more)}
    )
    prices = case.tariffs.loc["champion", 6]["musd_per_mwh"] * 1e6
    drawn = answer.values("grid_import")["champion", 6]
    working, idle = more / 0.8 * 1.44, more / 0.8 * 0.48
    assert set(np.round(drawn[prices > 200], 6)) == {round(idle, 6)}
    assert set(np.round(drawn[prices < 200], 6)) == {round(working, 6)}


def test_energy_is_priced_once():
    with pytest.raises(ValidationError, match="both price energy"):
        Scenario.model_fields["sites"].annotation.__args__[0].model_validate({
            "id": "x", "metro": "KR-HNM", "grid_mw": [{"from": "2027-01-01", "mw": 1}], "elec_price_usd_per_mwh": 90,
            "tariff": {"energy_usd_per_mwh_by_hour": DAY},
        })  # fmt: skip


def test_an_hour_without_price_is_allowed_a_day_is_not(place):
    assert place(energy_usd_per_mwh_by_hour=[0.0] * 12 + [80.0] * 12)
    with pytest.raises(ValidationError, match="an hour with a price"):
        place(energy_usd_per_mwh_by_hour=[0.0] * 24)


# ---- never cheaper, and clean


def test_dearer_power_never_lowers_cost(place, facts, optimise):
    last = optimise(place(), facts).objective
    for dearer in (
        {"network_usd_per_mwh": 5}, {"network_usd_per_mwh": 5, "energy_change_pct_per_year": 2},
        {"network_usd_per_mwh": 5, "energy_change_pct_per_year": 2, "capacity_usd_per_kw_year": 20},
        {"network_usd_per_mwh": 5, "energy_change_pct_per_year": 2, "capacity_usd_per_kw_year": 40},
    ):  # fmt: skip
        now = optimise(place(**dearer), facts).objective
        assert now > last
        last = now


def test_a_plan_under_a_tariff_is_clean(place, facts):
    tariff = {"energy_usd_per_mwh_by_hour": DAY, "network_usd_per_mwh": 9, "capacity_usd_per_kw_year": 60}
    plan = solve(build_case(place(**tariff), facts), quality="quick").plan
    assert plan is not None and not len(audit(plan))
    charge = plan.tables["ledger"].query("account == 'peak-charge'")["musd"].sum()
    assert charge == pytest.approx(8 * DESIGN_MW * 60 / 1000 / 4)
    assert plan.tables["power"].set_index("t")["billed_peak_mw"][6] == pytest.approx(DESIGN_MW)
