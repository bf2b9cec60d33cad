"""Plant of a site's own against arithmetic by hand: dispatch, bridge, backup, contracts that outlive the horizon.

800 accelerators draw 1.92 MW in the design hour and 1.44 MW at work; the duty to serve begins in period 4 of 12.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.case.prechecks import precheck
from planner.case.residual import left_share
from planner.facts.catalog import Catalog
from planner.facts.errors import MissingFact
from planner.planning.pipeline import solve
from planner.scenario.schema import Scenario
from planner.solver.solution import Status

pytestmark = pytest.mark.untraced

DESIGN_MW, MEAN_MW, HOURS = 1.92, 1.44, 2190.0
RATE = 1.08
ENGINE, CELL, RENTED = "gas-engine-dc-2026", "fuelcell-2026", "turbine-mobile-2026"
FAMILIES = ("plant", "hire", "gen", "plant_firm", "plant_standby", "plant_units", "hire_units")
RULES = (
    "plant_whole",
    "hire_whole",
    "plant_output",
    "plant_rating",
    "standby_rating",
    "site_plant",
    "import_limit",
)


def pv(t: float) -> float:
    return RATE ** -((t + 0.5) / 4)


def option(name: str, **more: Any) -> dict[str, Any]:
    """Plant at 1,000 USD/kW or 40 USD/kW-month, ready in 9 months, a tenth of the time out of order."""
    price = {"rent_usd_per_kw_month": 40, "term_months": 24} if name == RENTED else {"capex_usd_per_kw": 1000}
    return {"id": name, "lead_months": 6, "permit_months": 3, "fuel_usd_per_mmbtu": 5, "forced_outage_pct": 10,
            "unit_mw": 0, **price, **more}  # fmt: skip


@pytest.fixture(scope="module")
def facts(plain_catalog: Callable[..., Catalog]) -> Catalog:
    return plain_catalog()


@pytest.fixture(scope="module")
def place(tiny: Callable[..., Scenario]) -> Callable[..., Scenario]:
    """place(option, ..., grid=months) -> the tiny scenario with these options and this wait for the line."""

    def make(*options: dict[str, Any], grid: float = 12, **changes: Any) -> Scenario:
        site = {"grid_lead_months": grid, "power": {"options": list(options)}}
        return tiny(sites=site, **changes)

    return make


# ---- what is not offered, and what cannot be


def test_what_is_not_offered_adds_no_row_and_no_column(place, tiny, facts, optimise):
    without, empty = optimise(tiny(), facts), optimise(place(), facts)
    for answer in (without, empty):
        assert not any(answer.arrays.columns[name].size for name in FAMILIES)
        assert not any(answer.arrays.rows[name].size for name in RULES if name in answer.arrays.rows)
    assert without.arrays.shape == empty.arrays.shape
    assert (without.arrays.matrix != empty.arrays.matrix).nnz == 0
    assert without.case.slices.equals(empty.case.slices)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"id": "pv-utility-2026"}, r"sites\[south\].power.options\[pv-utility-2026\]: .* max_mw"),
        ({"id": "gas-turbine-queue-2026"}, "has no price: give capex_usd_per_kw"),
        ({"id": ENGINE, "ways": ["rent"]}, "no rent_usd_per_kw_month"),
        ({"id": ENGINE, "rent_usd_per_kw_month": 30, "ways": ["rent"]}, "give term_months"),
        ({"id": "gas-ccgt-eu-2025"}, "no lead_months"),
        ({"id": "gas-ccgt-eu-2025", "lead_months": 6}, "no forced_outage_pct"),
        ({"id": "nuclear-smr-2026", "max_mw": 50}, "50 MW are less than one unit of 300 MW"),
    ],
)
def test_an_option_that_lacks_a_figure_is_refused_with_the_field(place, facts, asked, words):
    with pytest.raises(MissingFact, match=words):
        build_case(place(asked), facts)


def test_fuel_is_priced_by_the_country_and_says_so(place, facts):
    asked = option(ENGINE) | {"fuel_usd_per_mmbtu": None}
    case = build_case(place(asked, option("diesel-genset-2026", fuel_usd_per_mmbtu=None)), facts)
    price = case.supplies["musd_per_mmbtu"] * 1e6
    assert price["champion", ENGINE] == pytest.approx(13.5 + 3)  # East Asia, and delivery
    assert price["champion", "diesel-genset-2026"] == pytest.approx(1.6 / 0.034)
    items = set(case.assumptions["item"])
    assert {"natural gas at south", "diesel at south", "gas at south"} <= items


# ---- dispatch


@pytest.mark.parametrize(("fuel", "gives"), [(10.0, 0.9), (15.0, 0.0)])
def test_gas_runs_where_it_costs_less_than_the_grid(place, facts, optimise, fuel, gives):
    """6.5 MMBtu and 15 USD a MWh: 80 USD at a price of 10, 112.5 at 15; the grid takes 100. Bought to be 1 MW."""
    asked = option(CELL, max_mw=1, fuel_usd_per_mmbtu=fuel)
    case = build_case(place(asked), facts)
    answer = optimise(case, bounds={"plant": (0, 0), ("plant", ("champion", CELL, 4)): (1, 1)})
    assert answer.status is Status.OPTIMAL
    for t in range(4, 12):
        assert answer.values("gen")["champion", CELL, t, "b0"] == pytest.approx(gives)
        assert answer.values("grid_import")["champion", t, "b0"] == pytest.approx(MEAN_MW - gives)
    cells = ("champion", "grid-firm", 4), ("champion", "diesel", 4)
    assert answer.used("connect")[cells[0]] == pytest.approx(max(DESIGN_MW - 0.9, MEAN_MW - gives))
    assert answer.used("backup")[cells[1]] == pytest.approx(DESIGN_MW)  # a fuel cell does not start
    entries = answer.entries[answer.entries["family"] == "gen"]
    entries = entries.assign(mw=entries["index"].map(answer.values("gen").to_dict()))
    for account, usd, quantity in (
        ("fuel", 6.5 * fuel, 6.5), ("generation", 15, 1), ("plant-emissions", 0, 0.345),
    ):  # fmt: skip
        rows = entries[entries["account"] == account]
        assert (rows["musd"] * rows["mw"]).sum() == pytest.approx(8 * gives * HOURS * usd / 1e6)
        assert (rows["quantity"] * rows["mw"]).sum() == pytest.approx(8 * gives * HOURS * quantity)


def test_dispatch_is_that_of_rising_cost(place, plain_catalog, optimise):
    """Every order of merit of two plants and the grid, by enumeration of what a slice costs."""
    changes = {("profiles", ("batch", hour), "value"): 0.25 for hour in range(12)}
    changes |= {("profiles", ("interactive", hour), "value"): 0.25 for hour in range(12)}
    for engine, cell in ((4, 8), (14, 2), (9, 14)):
        asked = [option(ENGINE, fuel_usd_per_mmbtu=engine), option(CELL, fuel_usd_per_mmbtu=cell)]
        case = build_case(place(*asked), plain_catalog(changes))
        fixed = {"plant": (0, 0), ("plant", ("champion", ENGINE, 4)): (0.8, 0.8),
                 ("plant", ("champion", CELL, 4)): (0.4, 0.4),
                 ("connect", ("champion", "grid-firm", 4)): (2, 2)}  # fmt: skip
        answer = optimise(case, bounds=fixed)
        dear = sorted([(7.8 * engine + 10, 0.72), (6.5 * cell + 15, 0.36), (100.0, 2.0)])
        for s in ("b0", "b1"):
            load = answer.values("grid_import")["champion", 6, s] + sum(
                answer.values("gen")["champion", g, 6, s] for g in (ENGINE, CELL)
            )
            left, by_hand = load, 0.0
            for usd, most in dear:
                by_hand, left = by_hand + usd * min(left, most), max(0.0, left - most)
            paid = 100 * answer.values("grid_import")["champion", 6, s] + sum(
                usd * answer.values("gen")["champion", g, 6, s]
                for g, usd in ((ENGINE, 7.8 * engine + 10), (CELL, 6.5 * cell + 15))
            )
            assert paid == pytest.approx(by_hand)


# ---- bridge


def test_without_a_bridge_service_waits_for_the_line_and_with_one_it_does_not(place, facts, optimise):
    """The line takes 24 months, rented turbines 3 + 6 as halls and backup do: 24 months of waiting, or 9."""
    free = {"demand": {"must_serve_by": None}}
    waits = optimise(place(grid=24, **free), facts, objective="delay")
    assert waits.objective == pytest.approx(24)
    late = option(RENTED, mobilisation_months=12)
    assert optimise(place(late, grid=24, **free), facts, objective="delay").objective == pytest.approx(15)


def test_the_cost_of_a_bridge_by_hand(place, facts, optimise):
    """A line in period 12 of 16, a duty from period 4: one contract of eight quarters on 1.92 / 0.9 MW."""
    years = {"horizon": {"start": "2027-01-01", "years": 4}}
    answer = optimise(place(option(RENTED), grid=36, **years), facts)
    mw = DESIGN_MW / 0.9
    assert answer.used("hire") == {("champion", RENTED, 4): pytest.approx(mw)}
    assert answer.used("connect") == {("champion", "grid-firm", 12): pytest.approx(DESIGN_MW)}
    by_account: dict[str, float] = {}
    amounts = {name: answer.values(name).to_dict() for name in ("hire", "gen", "grid_import")}
    for row in answer.entries.itertuples():
        if row.family in amounts:
            worth = row.musd * (pv(row.t) if row.t < 16 else RATE**-4.0) * amounts[row.family][row.index]
            by_account[row.account] = by_account.get(row.account, 0.0) + worth
    rent = mw * 40 * 3 / 1000 * sum(map(pv, range(4, 12)))
    fuel = MEAN_MW * HOURS * 9.8 * 5 / 1e6 * sum(map(pv, range(4, 12)))
    power = MEAN_MW * HOURS * 100 / 1e6 * sum(map(pv, range(12, 16)))
    assert by_account["plant-rent"] == pytest.approx(rent)
    assert by_account["fuel"] == pytest.approx(fuel)
    assert by_account["electricity"] == pytest.approx(power)


def test_a_contract_for_the_last_quarter_costs_its_whole_term(place, facts, optimise):
    case = build_case(place(option(RENTED)), facts)
    rent = 40 * 3 / 1000
    after = sum(rent * RATE ** -((j + 0.5) / 4) for j in range(7))
    assert case.hires.at[("champion", RENTED, 11), "due_after_musd"] == pytest.approx(7 * rent)
    assert case.hires.at[("champion", RENTED, 11), "tail_musd"] == pytest.approx(after)
    answer = optimise(case, bounds={("hire", ("champion", RENTED, 11)): (1, 1)})
    idle = optimise(case, bounds={("hire", ("champion", RENTED, 11)): (0, 0)})
    saved = 0.9 * HOURS * (100 - 49) / 1e6 * pv(11)  # it gives 0.9 MW at 49 USD/MWh
    assert answer.objective - idle.objective == pytest.approx(rent * pv(11) + after * RATE**-3.0 - saved)


# ---- whole units


@pytest.mark.parametrize(
    ("kind", "table", "unit", "count"), [(ENGINE, "plants", 1.2, 2), (RENTED, "hires", 0.8, 3)]
)
def test_plant_comes_in_whole_units_and_no_more_than_are_needed(place, facts, kind, table, unit, count):
    """No line ever, sets for backup: 2.13 MW are needed, so two units of 1.2 MW or three of 0.8."""
    plan = solve(build_case(place(option(kind, unit_mw=unit, term_months=240), grid=60), facts)).plan
    assert plan.tables[table]["added_mw"].sum() == pytest.approx(count * unit)
    assert not len(audit(plan))


def test_large_units_of_the_catalog_are_whole_and_small_ones_any_amount(place, facts):
    """A reactor of 300 MW is no plant of 2 MW; gensets of 2.5 MW add up to nearly anything."""
    asked = [option(ENGINE), {**option("diesel-genset-2026"), "unit_mw": None}, {**option(RENTED), "unit_mw": None},
             {"id": "nuclear-smr-2026", "lead_months": 3, "permit_months": 3}]  # fmt: skip
    case = build_case(place(*asked), facts)
    whole = case.supplies["whole"]["champion"].to_dict()
    assert whole == {ENGINE: False, "diesel-genset-2026": False, RENTED: True, "nuclear-smr-2026": True}
    assert case.supplies.at[("champion", "nuclear-smr-2026"), "unit_mw"] == 300


# ---- what is left of it


def test_used_plant_fetches_what_a_buyer_pays_and_what_stays_keeps_its_line(place, facts):
    """Engines 45 % as good as new and a tenth less a year; a wind park cannot be moved; own figures win."""
    wind = {"id": "wind-onshore-2026", "max_mw": 5, "lead_months": 3, "permit_months": 0}
    sold = option(CELL, resale_pct=80)
    case = build_case(place(option(ENGINE), sold, wind, finance={"residual": "market"}), facts)
    left = pd.Series(left_share(case, "plant", case.plants), case.plants.index)["champion"]
    assert left[ENGINE, 8] == pytest.approx(0.45 * 0.9)
    assert left[CELL, 4] == pytest.approx(0.8 * 0.9**2)
    assert left["wind-onshore-2026", 8] == pytest.approx(1 - 1 / 28)
    assert left_share(case, "plant", case.plants, "straight-line") == pytest.approx(
        1 - (12 - case.plants["t"]) / case.plants["life"]
    )


@pytest.mark.parametrize(("rule", "bought"), [("straight-line", True), ("none", False), ("market", False)])
def test_a_bridge_of_two_years_is_rented_unless_it_sells_as_if_new(
    place, plain_catalog, optimise, rule, bought
):
    """1,600 USD/kW bought, 1,080 for two years rented; a straight line gives 88 % of the price back, a buyer 33 %.

    Both are set up at once: what takes months to build needs its place's permit that much sooner.
    """
    at_once = plain_catalog({("power_options", ENGINE, "construction_months"): 0})
    years = {"horizon": {"start": "2027-01-01", "years": 4}, "finance": {"residual": rule}}
    asked = option(
        ENGINE, capex_usd_per_kw=1600, rent_usd_per_kw_month=45, term_months=24, fuel_usd_per_mmbtu=20
    )
    answer = optimise(place(asked, grid=36, **years), at_once)
    assert bool(answer.used("plant")) == bought and bool(answer.used("hire")) == (not bought)


def test_plant_kept_as_backup_is_valued_too(place, plain_catalog):
    sets = plain_catalog({("backup", "diesel", "capex_musd_per_mw_mid"): 6.0})
    case = build_case(place(option(ENGINE, fuel_usd_per_mmbtu=30), finance={"residual": "market"}), sets)
    plan = solve(case).plan
    (bought,) = plan.tables["plants"].itertuples()
    assert plan.tables["power"].set_index("t").loc[11, "plant_standby_mw"] == pytest.approx(DESIGN_MW)
    ledger = plan.tables["ledger"]
    left = ledger.loc[(ledger["account"] == "plant") & (ledger["kind"] == "residual"), "musd"].sum()
    assert -left == pytest.approx(DESIGN_MW / 0.9 * 1.0 * 0.45 * 0.9 ** ((12 - bought.t) / 4))
    assert not len(audit(plan))


# ---- firm or backup, not both


@pytest.mark.parametrize(
    ("kind", "plant_mw", "sets_mw"),
    [(ENGINE, 2 * DESIGN_MW / 0.9, 0.0), (CELL, DESIGN_MW / 0.9, DESIGN_MW)],
)
def test_a_megawatt_carries_load_or_is_backup(place, plain_catalog, optimise, kind, plant_mw, sets_mw):
    """No line ever; sets at 6 MUSD/MW: engines start and back up engines, fuel cells do not."""
    dear = plain_catalog({("backup", "diesel", "capex_musd_per_mw_mid"): 6.0})
    answer = optimise(place(option(kind), grid=60), dear)
    assert sum(answer.used("plant").values()) == pytest.approx(plant_mw)
    assert sum(answer.used("backup").values()) == pytest.approx(sets_mw)


def test_a_bridge_becomes_backup_when_the_line_comes(place, plain_catalog, optimise):
    """Engines carry the load until period 8; from then on the line does, and they replace the rented backup set."""
    sets = plain_catalog(
        {("backup", "diesel", "capex_musd_per_mw_mid"): 6.0, ("backup", "diesel", "lead_months_mid"): 12}
    )
    dear = option(ENGINE, fuel_usd_per_mmbtu=30)  # 244 USD/MWh: the grid is cheaper
    answer = optimise(place(dear, grid=24), sets)
    held, carried = answer.values("plant_standby")["champion"], answer.values("plant_firm")["champion"]
    assert carried[7] == pytest.approx(DESIGN_MW) and held[7] == pytest.approx(DESIGN_MW)
    assert answer.values("gen")["champion", ENGINE, 7, "b0"] == pytest.approx(MEAN_MW)
    assert answer.values("gen")["champion", ENGINE, 9, "b0"] == pytest.approx(0)
    assert answer.values("grid_import")["champion", 9, "b0"] == pytest.approx(MEAN_MW)


def test_the_most_at_a_site_binds_what_is_bought_and_rented_together(place, facts, optimise):
    both = option(ENGINE, max_mw=1, rent_usd_per_kw_month=1, term_months=3, fuel_usd_per_mmbtu=1)
    answer = optimise(place(both), facts)
    alive = answer.values("plant").sum() + answer.values("hire")["champion", ENGINE, 8]
    assert alive == pytest.approx(1)


# ---- sun


def test_the_day_is_cut_by_the_clock_where_the_sun_may_be_used(place, plain_catalog, optimise):
    """At a yield of 15 % one MW gives nothing at night and a mean of 0.15 MW over the day; it is not firm."""
    sun = {
        "id": "pv-utility-2026",
        "max_mw": 1,
        "capex_usd_per_kw": 100,
        "lead_months": 6,
        "capacity_factor_pct": 15,
    }
    hours = {("profiles", ("sun", hour), "value"): 3.0 * (8 <= hour < 16) for hour in range(24)}
    case = build_case(place(sun), plain_catalog(hours))
    share = case.outputs.loc[("champion", "pv-utility-2026", 8)]["share"]
    assert share.to_dict() == pytest.approx({"b0": 0, "b1": 0, "b2": 0.45, "b3": 0.45, "b4": 0, "b5": 0})
    answer = optimise(case)
    assert answer.values("plant").sum() == pytest.approx(1)
    assert answer.values("gen")["champion", "pv-utility-2026", 8, "b2"] == pytest.approx(0.45)
    assert answer.used("connect") == {("champion", "grid-firm", 4): pytest.approx(DESIGN_MW)}


# ---- more of what costs is never cheaper


@pytest.mark.slow
def test_dearer_or_later_plant_never_lowers_cost(place, facts, optimise):
    before = optimise(place(option(RENTED), grid=24), facts)
    for worse in ({"fuel_usd_per_mmbtu": 9}, {"rent_usd_per_kw_month": 60}, {"forced_outage_pct": 25},
                  {"term_months": 36}, {"permit_months": 6}):  # fmt: skip
        after = optimise(place(option(RENTED, **worse), grid=24), facts)
        assert after.status is Status.OPTIMAL and after.objective >= before.objective - 1e-9, worse


def test_precheck_counts_plant_among_what_carries_load(place, facts):
    """Without plant the duty of 2028 cannot be met before the line of 2029."""
    late = precheck(build_case(place(grid=24), facts))
    assert [t.message for t in late] == [
        "must-serve date of work is 4 periods too early: asked from 2028-Q1, first possible 2029-Q1"
    ]
    assert not precheck(build_case(place(option(RENTED), grid=24), facts))


def test_plant_is_ordered_and_paid_once_its_own_permits_are_there(place, facts):
    """Three months of permits, then six of delivery: live in period 3 of quarters at the earliest, ordered in period 1."""
    case = build_case(place(option(ENGINE), option(RENTED), hosts={"open_lead_months": 0}), facts)
    for table in (case.plants, case.hires):
        assert set(table["lead"]) == {2} and set(table["permit_steps"]) == {1}
        assert (table["t"] - table["lead"]).min() >= 1
    assert case.hires["t"].min() == 3


def test_plant_is_built_after_the_earliest_permit_of_its_place(place, facts):
    """Permit after 24 months, 12 of construction by the catalog: period 12, however soon engines are delivered."""
    months = float(facts.table("power_options").at[ENGINE, "construction_months"])
    late = build_case(place(option(ENGINE), horizon={"years": 5}, hosts={"open_lead_months": 24}), facts)
    assert months == 12 and late.plants["t"].min() == 12
    soon = build_case(place(option(ENGINE), horizon={"years": 5}, hosts={"open_lead_months": 0}), facts)
    assert soon.plants["t"].min() == 4
