"""Storage against arithmetic by hand: two prices of a day, the design hour, stressed hours, and what it may not do.

800 accelerators draw 1.92 MW in the design hour and 1.44 MW at work; all is live from period 4 of 12 on. Storage is for
sale at 100 USD/kW, three in twenty MWh lost on the way, never out of order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.facts.catalog import Catalog
from planner.facts.errors import MissingFact
from planner.planning.pipeline import solve
from planner.report.views import power_by_site
from planner.scenario.schema import Scenario
from planner.solver.solution import Status

pytestmark = pytest.mark.untraced

DESIGN_MW, MEAN_MW, HOURS = 1.92, 1.44, 2190.0
RATE = 1.08
ALIVE = range(4, 12)
CELLS, ENGINE = "battery-4h-2026", "gas-engine-dc-2026"
CHEAP, DEAR = 50.0, 200.0
DAY = [CHEAP] * 12 + [DEAR] * 12
FAMILIES = ("charge", "discharge", "level", "storage_firm", "eased")


def pv(t: float) -> float:
    return RATE ** -((t + 0.5) / 4)


def storage(**more: Any) -> dict[str, Any]:
    return {"id": CELLS, "capex_usd_per_kw": 100, "lead_months": 6, "permit_months": 3, "forced_outage_pct": 0,
            "round_trip_pct": 85, **more}  # fmt: skip


@pytest.fixture(scope="module")
def facts(plain_catalog: Callable[..., Catalog]) -> Catalog:
    return plain_catalog()


@pytest.fixture(scope="module")
def place(tiny: Callable[..., Scenario]) -> Callable[..., Scenario]:
    """place(option, ..., day=prices, site={...}) -> the tiny scenario with these options."""

    def make(
        *options: dict[str, Any], day: list[float] | None = DAY, site: Any = None, **changes: Any
    ) -> Scenario:
        price = {"elec_price_usd_per_mwh": None, "tariff": {"energy_usd_per_mwh_by_hour": day}} if day else {}
        own = site or {}
        power = {"options": list(options), **own.pop("power", {})} if options else None
        return tiny(sites={**price, "power": power, **own}, **changes)

    return make


def bought(mw: float) -> dict[Any, Any]:
    return {"plant": (0, 0), "bridge": (0, 0), ("plant", ("champion", CELLS, 4)): (mw, mw)}


def test_what_is_not_offered_adds_no_row_and_no_column(place, facts, optimise):
    answer = optimise(place(), facts)
    assert not any(answer.arrays.columns[name].size for name in FAMILIES)
    rules = ("storage_power", "storage_energy", "storage_level", "storage_event", "storage_rating", "recharge",
             "eased_heat", "eased_load")  # fmt: skip
    assert not any(answer.arrays.rows[name].size for name in rules if name in answer.arrays.rows)


@pytest.mark.parametrize(("hours", "by_power"), [(4.0, False), (24.0, True)])
def test_arbitrage_on_two_prices_by_hand(place, facts, optimise, hours, by_power):
    """0.1 MW: energy binds at 4 hours, power at 24: 12 hours at full power, one filling a day, 85 % of it given back."""
    case = build_case(place(storage(storage_hours=hours)), facts)
    answer = optimise(case, bounds=bought(0.1))
    none = optimise(case, bounds={"plant": (0, 0), "bridge": (0, 0)})
    given = 0.1 * 12 * 0.85 if by_power else 0.1 * hours
    day = HOURS / 24
    saved = sum(given * day * (DEAR - CHEAP / 0.85) / 1e6 * pv(t) for t in ALIVE)
    assert _energy(none) - _energy(answer) == pytest.approx(saved)
    gives, takes = (
        answer.values("discharge")["champion", CELLS, 6],
        answer.values("charge")["champion", CELLS, 6],
    )
    length = case.stores.loc[("champion", CELLS, 6)]["day_hours"]
    assert float(gives @ length) == pytest.approx(given) == pytest.approx(0.85 * float(takes @ length))


def _energy(answer: Any) -> float:
    """Discounted MUSD paid for energy."""
    rows = answer.entries[answer.entries["account"] == "electricity"]
    drawn = rows["index"].map(answer.values("grid_import").to_dict())
    return float((rows["musd"] * drawn * rows["t"].map(pv)).sum())


def test_the_day_ends_as_full_as_it_began_and_no_price_no_use(place, facts, optimise):
    case = build_case(place(storage(), day=[100.0] * 24), facts)
    answer = optimise(case, bounds=bought(1.0))
    assert not any(answer.used(name) for name in ("charge", "discharge"))


def test_storage_is_bought_where_the_day_pays_for_it(place, facts, optimise):
    """150 USD/MWh of spread a day on 4 MWh a MW pays 0.15 MUSD a year and MW: at 0.1 MUSD it is bought, at 4 it is not.

    The most that saves money is what the dear hours can take: 1.44 MW over 12 hours.
    """
    cheap = optimise(place(storage()), facts)
    assert sum(cheap.used("plant").values()) >= MEAN_MW * 12 / 4 - 1e-6
    assert not optimise(place(storage(capex_usd_per_kw=4000)), facts).used("plant")


# ---- firm power


def test_storage_counts_in_the_design_hour_by_the_hours_it_lasts(place, facts, optimise):
    """0.2 MW of one hour are 0.05 MW for the four hours of an event; of four hours they are 0.2."""
    for hours, counts in ((1.0, 0.05), (4.0, 0.2), (8.0, 0.2)):
        case = build_case(place(storage(storage_hours=hours), day=[100.0] * 24), facts)
        answer = optimise(case, bounds=bought(0.2))
        assert answer.used("connect") == {("champion", "grid-firm", 4): pytest.approx(DESIGN_MW - counts)}
        assert sum(answer.used("backup").values()) == pytest.approx(DESIGN_MW)  # it is no backup


def test_what_carries_the_design_hour_is_charged_again_that_day(place, facts, optimise):
    """However much storage there is, lines carry the day's mean: 4 hours at 1.92 and, at 85 %, 17 hours' worth at 1.44."""
    case = build_case(place(storage(), day=[100.0] * 24), facts)
    answer = optimise(case, bounds=bought(50.0))
    w = 4 / (4 + 0.85 * 20)
    mean = w * DESIGN_MW + (1 - w) * MEAN_MW
    assert answer.used("connect") == {("champion", "grid-firm", 4): pytest.approx(mean)}


WASTEFUL = "bess-10h-us-2025"


def test_a_kind_that_nobody_buys_changes_nothing(place, facts, optimise):
    """Beside it one of 10 hours that gives 40 % back, at 90,000 USD/kW: the plan costs and holds what it does without."""
    site = {"tariff": {"capacity_usd_per_kw_year": 600}}
    other = storage(id=WASTEFUL, round_trip_pct=40, capex_usd_per_kw=90000)
    alone, beside = (
        optimise(build_case(place(*kinds, day=None, site=dict(site)), facts))
        for kinds in ([storage()], [storage(), other])
    )
    assert alone.used("storage_firm") and {g for _, g, _ in beside.used("plant")} == {CELLS}
    assert beside.objective == pytest.approx(alone.objective, rel=1e-9)
    for name in ("connect", "plant", "billed_peak"):
        assert beside.used(name) == pytest.approx(alone.used(name)), name


def test_storage_that_nobody_buys_changes_no_more_than_the_cut_of_the_day(place, facts, optimise):
    """At 90,000 USD/kW and with hours that are priced, so that the day is cut by the clock with it and without."""
    alone, beside = (
        optimise(build_case(place(*kinds), facts)) for kinds in ([], [storage(capex_usd_per_kw=90000)])
    )
    assert not beside.used("plant")
    assert beside.objective == pytest.approx(alone.objective, rel=1e-9)
    cuts = [len(build_case(place(*kinds, day=None), facts).slices.loc[4]) for kinds in ([], [storage()])]
    assert cuts[0] < cuts[1], "without prices by hour storage on offer cuts the day anew"


def test_each_kind_is_charged_again_with_its_own_round_trip(place, facts, optimise):
    """0.1 MW at 85 %, however much at 40 %: the day has 20 hours of 1.92 - 1.44 MW less what storage gives.

    0.1 MW ask for 20 + 4 / 0.85 hours of it, each MW of the other for 20 + 4 / 0.4.
    """
    site = {"tariff": {"capacity_usd_per_kw_year": 600}}
    other = storage(id=WASTEFUL, round_trip_pct=40, capex_usd_per_kw=100)
    case = build_case(place(storage(), other, day=None, site=site), facts)
    answer = optimise(case, bounds={**bought(0.1), ("plant", ("champion", WASTEFUL, 4)): (5, 5)})
    rest = 20 * (DESIGN_MW - MEAN_MW) - 0.1 * (20 + 4 / 0.85)
    gives = 0.1 + rest / (20 + 4 / 0.4)
    assert answer.used("connect") == {("champion", "grid-firm", 4): pytest.approx(DESIGN_MW - gives)}
    assert answer.values("billed_peak")["champion", 6] == pytest.approx(DESIGN_MW - gives)


def test_a_battery_that_its_day_does_not_charge_again_is_found(place, facts):
    """Another of the kinds on offer, which gives a tenth back, in the place of the one that was bought."""
    good, poor = storage(capex_usd_per_kw=1), storage(id=WASTEFUL, round_trip_pct=10, capex_usd_per_kw=90000)
    site = {"tariff": {"capacity_usd_per_kw_year": 2000}}
    plan = solve(build_case(place(good, poor, day=None, site=site), facts), quality="quick").plan
    assert plan is not None and not len(audit(plan))
    plants = plan.tables["plants"]
    assert set(plants["g"]) == {CELLS}
    found = audit(replace(plan, tables={**plan.tables, "plants": plants.assign(g=WASTEFUL)}))
    assert {"recharge", "billed-peak"} <= set(found["rule"])


def test_sun_and_storage_alone_carry_nothing_firm(place, facts, optimise):
    sun = {
        "id": "pv-utility-2026",
        "max_mw": 50,
        "capex_usd_per_kw": 100,
        "lead_months": 6,
        "capacity_factor_pct": 20,
    }
    late = {"grid_lead_months": 60}
    assert optimise(place(sun, storage(), site=late), facts).status is Status.INFEASIBLE


def test_a_peak_that_costs_is_shaved(place, facts, optimise):
    """The charge on the year's peak counts what storage carries of the design hour, and what it charges elsewhere."""
    site = {"tariff": {"capacity_usd_per_kw_year": 600}}
    case = build_case(place(storage(), day=None, site=site), facts)
    answer = optimise(case, bounds=bought(0.2))
    assert answer.values("billed_peak")["champion", 6] == pytest.approx(DESIGN_MW - 0.2)
    most = optimise(case, bounds=bought(50.0))
    w = 4 / (4 + 0.85 * 20)
    assert most.values("billed_peak")["champion", 6] == pytest.approx(w * DESIGN_MW + (1 - w) * MEAN_MW)


@pytest.mark.parametrize("charge_usd", [0, 30000])
def test_the_design_hour_has_of_storage_what_the_bill_counts(place, facts, charge_usd):
    """Bought for two prices of the day, most of its rating is no power of the design hour, charge on the peak or none."""
    site = {"tariff": {"energy_usd_per_mwh_by_hour": DAY, "capacity_usd_per_kw_year": charge_usd}}
    plan = solve(build_case(place(storage(max_mw=10), site=site), facts), quality="quick").plan
    assert plan is not None and not len(audit(plan))
    power = plan.tables["power"].query("t >= 6").reset_index(drop=True)
    drawn = power["grid_mw"].clip(upper=power["billed_peak_mw"] if charge_usd else np.inf)
    gives = power["storage_firm_mw"]
    assert gives.tolist() == pytest.approx((power["facility_peak_mw"] - drawn).clip(lower=0.0).tolist())
    assert (gives > 0.1).all() == (charge_usd > 0) and (gives < power["plant_mw"]).all()
    assert (power["plant_rating_mw"] == 0).all()
    shown = power_by_site(power)["design_hour_mw"]
    assert shown.tolist() == pytest.approx((power["grid_mw"] + gives).tolist())
    assert (shown >= power["facility_peak_mw"] - 1e-6).all()


@pytest.mark.parametrize(("sun", "engines"), [(50.0, 0.0), (50.0, 0.5), (0.0, 0.5)])
def test_no_sun_shaves_the_day_on_which_storage_is_charged_again(place, facts, optimise, sun, engines):
    """Sun carries every slice, storage the design hour: the mean of its day is billed, less what engines carry."""
    solar = {"id": "pv-utility-2026", "max_mw": 50, "capex_usd_per_kw": 100, "lead_months": 6,
             "permit_months": 3, "capacity_factor_pct": 20}  # fmt: skip
    engine = {"id": ENGINE, "capex_usd_per_kw": 1, "lead_months": 6, "permit_months": 3, "fuel_usd_per_mmbtu": 1,
              "forced_outage_pct": 0, "max_mw": 5, "unit_mw": 0.5}  # fmt: skip
    site = {"tariff": {"capacity_usd_per_kw_year": 600}}
    case = build_case(place(storage(), solar, engine, day=None, site=site), facts)
    alive = {("plant", ("champion", g, 4)): (mw, mw) for g, mw in ((solar["id"], sun), (ENGINE, engines))}
    answer = optimise(case, bounds={**bought(50.0), **alive, "plant_standby": (0, 0)})
    w = 4 / (4 + 0.85 * 20)
    mean = w * DESIGN_MW + (1 - w) * MEAN_MW
    assert answer.values("billed_peak")["champion", 6] == pytest.approx(mean - engines)


def test_a_bill_that_forgets_the_day_on_which_storage_is_charged_again_is_found(place, facts):
    """Sun and storage leave no import in any slice, nor in the design hour: the audit asks for the mean of its day."""
    solar = {"id": "pv-utility-2026", "max_mw": 50, "capex_usd_per_kw": 1, "lead_months": 6,
             "permit_months": 3, "capacity_factor_pct": 20}  # fmt: skip
    site = {"tariff": {"capacity_usd_per_kw_year": 2000}}
    cheap = storage(capex_usd_per_kw=1)
    plan = solve(build_case(place(cheap, solar, day=None, site=site), facts), quality="quick").plan
    assert plan is not None and not len(audit(plan))
    drawn = plan.tables["dispatch"].groupby("t")["import_mw"].max()
    power = plan.tables["power"]
    kept = power["billed_peak_mw"] > 0
    assert kept.any() and (drawn.reindex(power["t"][kept]) < 1.0).all()
    forgets = power.assign(billed_peak_mw=power["billed_peak_mw"].where(~kept, 1.0))
    found = audit(replace(plan, tables={**plan.tables, "power": forgets}))
    assert "billed-peak" in set(found["rule"])
    assert "the design day" in " ".join(found.loc[found["rule"] == "billed-peak", "message"])


def test_bought_for_the_last_quarter_it_is_not_free(place, facts, optimise):
    """What is left of it is what a buyer pays, 40 %, not the straight line of one quarter of twenty years."""
    scenario = place(storage(), finance={"residual": "market"})
    case = build_case(scenario, facts)
    answer = optimise(case, bounds={"plant": (0, 0), ("plant", ("champion", CELLS, 11)): (1, 1)})
    entries = answer.entries[answer.entries["index"] == ("champion", CELLS, 11)]
    left = -float(entries.loc[entries["kind"] == "residual", "musd"].iloc[0])
    assert left < 0.45 * float(entries.loc[entries["kind"] == "capex", "musd"].sum())


# ---- stressed hours


def test_in_stressed_hours_it_gives_what_an_event_leaves_and_takes_it_back_later(place, facts, optimise):
    """Beside a flexible line, 1.44 MW for events of four hours: 5.76 MWh in every slice, though prices would have it
    emptied each day; 50 hours of a quarter at 1.44 MW are charged again on its other days.
    """
    flexible = {"max_mw": 5, "lead_months": 12, "curtailed_hours_per_year": 200, "energy_discount_pct": 0}
    site = {"grid_lead_months": 60, "power": {"flexible": flexible}}
    case = build_case(place(storage(), day=[100.0] * 24, site=site), facts)
    answer = optimise(case, bounds={("connect", ("champion", "grid-flexible", 4)): (3, 3)})
    assert sum(answer.used("plant").values()) == pytest.approx(MEAN_MW)
    gives = answer.values("discharge")["champion", CELLS, 6]
    assert gives["stress"] == pytest.approx(MEAN_MW) and gives.drop("stress").abs().max() < 1e-9
    assert answer.values("level")["champion", CELLS, 6].min() >= MEAN_MW * 4 - 1e-9
    takes, hours = answer.values("charge")["champion", CELLS, 6], case.slices.loc[6]["hours"]
    assert float((takes * hours.reindex(takes.index)).sum()) == pytest.approx(MEAN_MW * 50 / 0.85)


# ---- what it lacks, what it must keep


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"id": "bess-eu-2025", "lead_months": 6, "forced_outage_pct": 1}, "no storage_hours"),
        ({"id": "pv-storage-build"}, "no price"),
        ({"id": "bess-4h-us-2025", "lead_months": 6}, "no forced_outage_pct"),
    ],
)
def test_storage_that_lacks_a_figure_is_refused_with_the_field(place, facts, asked, words):
    with pytest.raises(MissingFact, match=words):
        build_case(place(asked), facts)


def test_other_hours_need_a_price_of_their_own():
    with pytest.raises(ValueError, match="storage_hours changes what a kW costs"):
        Scenario.model_fields["sites"].annotation.__args__[0].model_validate({
            "id": "x", "metro": "KR-HNM", "grid_mw": [{"from": "2027-01-01", "mw": 1}],
            "power": {"options": [{"id": CELLS, "storage_hours": 8}]},
        })  # fmt: skip


def test_a_plan_with_storage_is_clean_and_its_table_adds_up(place, facts):
    flexible = {"max_mw": 0.3, "lead_months": 12, "curtailed_hours_per_year": 200}
    plan = solve(
        build_case(place(storage(), site={"power": {"flexible": flexible}}), facts), quality="quick"
    ).plan
    assert plan is not None
    found = audit(plan)
    assert not len(found), found.to_string()
    table = plan.tables["storage"]
    assert len(table) and (table["discharge_mw"] > 0).any()
    given, taken = (float((table[c] * table["hours"]).sum()) for c in ("discharge_mw", "charge_mw"))
    assert given == pytest.approx(0.85 * taken)
    power, dispatch = plan.tables["power"], plan.tables["dispatch"]
    assert power["energy_mwh"].sum() == pytest.approx(float(np.dot(dispatch["import_mw"], dispatch["hours"])))
    assert power["generation_mwh"].sum() == 0
