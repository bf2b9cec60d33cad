"""The network of a place: float and critical path by hand, what shortening does, how likely the planned date is."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from math import ceil

import numpy as np
import pandas as pd
import pytest

from planner.app.pages.what_if_views import sentences
from planner.case.build import build_case
from planner.case.context import Context
from planner.case.periods import HOURS_PER_MONTH
from planner.case.readiness import soonest_service
from planner.explain.bridges import ITEM, Bridge, Load, bridge_words
from planner.explain.waits import _sentence, waits
from planner.facts.numbers import megawatts, number
from planner.planning.pipeline import solve
from planner.plans.milestones import HELD, _steps, milestone_table
from planner.plans.network import SERVICE, Activity, Network, decided_soonest, host_network
from planner.plans.openings import DRAWS, late_months, openings_table
from planner.scenario.power import PowerOption, SitePower


def network(*rows: tuple[str, int, int, tuple[tuple[str, int], ...]]) -> Network:
    """Activities of (name, periods, gate, after); the last is the first service."""
    return Network("h", tuple(Activity(n, n, n, periods, gate, after) for n, periods, gate, after in rows))


HAND = network(
    ("permit", 4, 0, ()),
    ("hall", 3, 0, (("permit", 0),)),  # 7
    ("offer", 2, 0, ()),
    ("works", 5, 0, (("permit", 0), ("offer", 0))),  # 9
    ("servers", 2, 3, ()),  # released in period 3: 5
    ("at risk", 3, 0, (("permit", 2),)),  # may begin 2 periods before the permit: 5
    (SERVICE, 0, 0, (("hall", 0), ("works", 0), ("servers", 0), ("at risk", 0))),
)


def test_floats_and_the_critical_path_by_hand():
    assert HAND.early_ends() == {
        "permit": 4,
        "hall": 7,
        "offer": 2,
        "works": 9,
        "servers": 5,
        "at risk": 5,
        SERVICE: 9,
    }
    assert HAND.floats() == {
        "permit": 0,
        "hall": 2,
        "offer": 2,
        "works": 0,
        "servers": 4,
        "at risk": 4,
        SERVICE: 0,
    }
    assert [a.name for a in HAND.path()] == ["permit", "works"]


def check(found: Network) -> None:
    """No float is negative, the path has none, and only what is on it moves the date."""
    floats, ends = found.floats(), found.early_ends()
    assert min(floats.values()) >= 0
    assert all(floats[a.name] == 0 for a in found.path())
    for a in found.activities:
        if floats[a.name] > 0:
            assert found.early_ends({a.name: 0})[SERVICE] == ends[SERVICE], f"{a.name} is not critical"
            longer = found.early_ends({a.name: a.steps + floats[a.name]})
            assert longer[SERVICE] == ends[SERVICE], f"{a.name} has a float of {floats[a.name]}"
        one_more = found.early_ends({a.name: a.steps + floats[a.name] + 1})
        assert one_more[SERVICE] == ends[SERVICE] + 1 or a.name == SERVICE


def test_float_is_what_an_activity_may_take_longer():
    check(HAND)


@pytest.fixture(scope="module")
def plan(tiny, plain_catalog):
    """Permit of 6 months; hall 9, works of the grid 9 of 12: both decide."""
    return solve(build_case(tiny(hosts={"open_lead_months": 6}, demand={"must_serve_by": "2028-07-01"}), plain_catalog()),
                 quality="quick").plan  # fmt: skip


@pytest.mark.untraced
def test_a_plan_s_network_is_the_lead_times_by_hand(plan):
    found = host_network(plan.case, plan.tables, "champion")
    check(found)
    length = {a.kind: a.steps for a in found.activities}
    assert length == {"permit": 2, "hall": 3, "grid application": 1, "grid": 3, "cooling": 3, "backup": 3, "hardware": 2,
                      "stack": 2, SERVICE: 0} or "cooling" not in length  # fmt: skip
    decided = found.activities[0].start_t
    assert found.early_ends()[SERVICE] == decided + 5
    rows = plan.tables["milestones"].set_index("kind")
    assert rows.loc[["permit", "hall", "grid"], "float_months"].tolist() == [0.0, 0.0, 0.0]
    assert rows.loc["hardware", "float_months"] == 3.0 * (decided + 5 - 2)
    assert rows.loc["grid", "after"] == "grid application grid-firm, permit"


def test_planned_dates_are_never_before_the_early_ones(plan):
    found = host_network(plan.case, plan.tables, "champion")
    ends = found.early_ends()
    assert all(a.end_t >= ends[a.name] for a in found.activities)


def test_odds_of_the_planned_date(plan):
    """Ranges are skewed to the long side: even odds lie after the planned day, and the day itself has some."""
    (row,) = plan.tables["openings"].itertuples()
    found = host_network(plan.case, plan.tables, "champion")
    late = late_months(plan.case, found)
    assert late.shape == (DRAWS,) and np.array_equal(late, late_months(plan.case, found)), "seeded"
    assert 0.02 < row.on_time_share < 0.5
    assert row.service_date <= row.p50_date < row.p80_date
    assert row.on_time_share == pytest.approx(float((late == 0).mean()))


def test_certain_leads_are_on_time(plan, plain_catalog):
    """A network of dates alone has no odds but one."""
    dates = Network("h", tuple(Activity(a.name, a.kind, a.item, a.steps, a.gate_t, a.after, a.start_t, a.end_t)
                               for a in host_network(plan.case, plan.tables, "champion").activities))  # fmt: skip
    assert not late_months(plan.case, dates).any()


def test_what_a_place_waits_for_is_said(plan):
    """Permit 6 months, then hall and works of the grid, 9 each: neither alone is what decides."""
    (line,) = waits(plan.case, plan.tables)
    assert "champion serves from 2028-Q3, 15 months after it is decided" in line, line
    assert (
        "waits 6 months for its permit, then 9 for halls (modular)" in line
        or "then 9 for the works of the grid at south" in line
    )
    assert "it could be no sooner" in line


def test_odds_order_nothing_before_the_decision_that_the_plan_orders_later(plan):
    """Hardware as long as permit and hall together is late where it is ordered with the decision, and else in time."""
    hardware = next(
        a for a in host_network(plan.case, plan.tables, "champion").activities if a.kind == "hardware"
    )
    permit = Activity("permit", "permit", "", 5, 8, (), 8, 13)
    service = Activity(SERVICE, SERVICE, "", 0, 0, (("permit", 0), (hardware.name, 0)), 13, 13)

    def odds(start: int) -> float:
        own = replace(hardware, steps=5, gate_t=0, after=(), start_t=start, end_t=13)
        return float((late_months(plan.case, Network("h", (permit, own, service))) == 0).mean())

    assert odds(0) == 1.0
    assert odds(8) == odds(9) < 0.8


MONTHS = re.compile(r"(\d+) (?:months )?for |(\d+) months after|the other (\d+) are")


def adds_up(line: str) -> bool:
    """Months of the legs and of what is a choice are those of the whole."""
    parts = [[int(x) if x else 0 for x in found] for found in MONTHS.findall(line)]
    legs, whole, rest = (sum(column) for column in zip(*parts, strict=True))
    return legs + rest == whole


LATE = {
    "hosts": {"open_lead_months": 6}, "sites": {"grid_lead_months": 45}, "demand": {"must_serve_by": "2030-10-01"},
    "horizon": {"years": 5},
}  # fmt: skip
"""A line after 45 months, 12 of them for its offer."""
BRIDGE = re.compile(r"([\w-]+) (bought|rented), (\d+) months sooner for ([\d.]+) MUSD with ([\d.]+) (MW|kW)")


@pytest.fixture(scope="module")
def late(tiny, plain_catalog):
    grid = plain_catalog({("parameters", "grid_works_share", "value_mid"): 0.73})
    return solve(build_case(tiny(**LATE), grid), quality="quick").plan


@pytest.mark.untraced
def test_the_months_of_the_legs_add_up_and_what_would_be_without_the_wait(late):
    """The offer of the grid, 12 of 45 months, runs before the place is decided; halls are there after 15."""
    (line,) = waits(late.case, late.tables)
    assert adds_up(line), line
    assert "12 months for the offer of the grid at south, then 33 for the works of the grid at south" in line
    assert late.tables["openings"]["decided_date"].iloc[0] > pd.Timestamp("2027-01-01"), "it was put off"
    assert "it could be 30 months sooner, 2028-Q2: next come halls (modular)" in line, line


@pytest.mark.untraced
def test_an_application_that_is_filed_later_begins_on_its_day(late):
    """Filed after nine months the offer is there after 21, the line after 54; filed before the start it runs from there."""
    name, tables = "grid application grid-firm", dict(late.tables)
    for day, begun in ((date(2027, 10, 1), 3), (date(2026, 10, 1), 0)):
        sites = [late.case.scenario.sites[0].model_copy(update={"grid_applied": day})]
        case = build_case(late.case.scenario.model_copy(update={"sites": sites}), late.case.catalog)
        tables["connections"] = late.tables["connections"].assign(t=18)
        tables["serving"] = late.tables["serving"].query("t >= 18")
        found = host_network(case, tables, "champion")
        offer = next(a for a in found.activities if a.name == name)
        assert (offer.start_t, offer.end_t) == (begun, found.early_ends()[name])
        ends = found.early_ends()
        assert ends["grid grid-firm"] == max(begun + offer.steps, ends["permit"]) + 11
        assert day.year == 2026 or ends["grid grid-firm"] == case.connections["t"].min() == 18


@pytest.mark.untraced
def test_a_line_that_comes_later_is_applied_for_before_the_permit_and_built_after_it(late):
    """Live two quarters after the first: an application of 12 months, then works of 33."""
    lines, day = late.tables["connections"], lambda step: pd.Timestamp(late.case.calendar.day_of(step))
    more = lines.assign(t=17, order_date=day(2), live_date=day(17))
    tables = late.tables | {"connections": pd.concat([lines, more])}
    shown = milestone_table(late.case, tables, [host_network(late.case, tables, "champion")])
    own = shown[(shown["item"] == "grid-firm") & shown["float_months"].isna()].set_index("kind")
    assert own.loc["grid application", ["start_date", "end_date"]].tolist() == [day(2), day(6)]
    assert own.loc["grid", ["start_date", "end_date"]].tolist() == [day(6), day(17)]
    assert own["after"].to_dict() == {"grid application": "", "grid": "grid application grid-firm, permit"}


@pytest.mark.untraced
def test_bridges_save_what_they_would_where_they_are_offered_alone(late):
    """A place whose decision a late line puts off is decided sooner with plant: its earliest dates count."""
    (line,) = waits(late.case, late.tables)
    told = BRIDGE.findall(line)
    assert len(told) == 3, line
    assert "Nothing that would carry it until then is offered there; of the catalog" in line, line
    assert [BRIDGE.match(part) is not None for part in line.split(ITEM)] == [False, True, True, True], (
        "a line each"
    )
    assert re.search(r"at risk where halls may be ordered so .*, the 3 cheapest of \d+ \(", line), line
    texts = [type(part).__name__ for part in sentences([line])]
    assert texts[:2] == ["P", "Ul"], "a list in the app"
    for name, way, months, *_ in told:
        options = [{"id": name, "ways": ["rent" if way == "rented" else "buy"]}]
        power = SitePower.model_validate({"options": options})
        scenario = late.case.scenario
        sites = [scenario.sites[0].model_copy(update={"power": power})]
        with_it = build_case(scenario.model_copy(update={"sites": sites}), late.case.catalog)
        assert (15 - soonest_service(with_it, "champion")) * 3 == int(months), (name, line)
    assert "sites[south].power.options" in line


@pytest.mark.untraced
def test_bridges_cost_as_many_months_each_and_the_cheapest_comes_first(late):
    """Contracts are renewed, plant is sold again, energy is paid above what a line charges, for the longest of them all."""
    (line,) = waits(late.case, late.tables)
    told = {name: (float(musd), float(mw)) for name, _, _, musd, mw, _ in BRIDGE.findall(line)}
    assert [musd for musd, _ in told.values()] == sorted(musd for musd, _ in told.values()), line
    at = late.tables["power"].set_index("t").loc[15]
    mean = at["energy_mwh"] / (HOURS_PER_MONTH * 3)
    months = max(int(m) for _, _, m, *_ in BRIDGE.findall(line))
    grid = float(re.search(r"energy of the grid at (\d+) USD", line).group(1))
    assert f"each for {months} months of its load ({number(at['facility_peak_mw'])} MW" in line
    mw = at["facility_peak_mw"] / 0.99
    rent = 15 * 6 * ceil(months / 6) * mw / 1000  # every six months anew
    usd = float(re.search(r"15 USD/kW a month for 6 months at a time, (\d+) USD/MWh", line).group(1))
    musd = rent + mean * HOURS_PER_MONTH * months * (usd - grid) / 1e6
    assert told["diesel-rented-2026"] == pytest.approx((musd, mw), rel=0.02)
    usd = float(re.search(r"3\D500 USD/kW, (\d+) USD/MWh", line).group(1))
    price = 3.5 * mw + mean * HOURS_PER_MONTH * months * (usd - grid) / 1e6
    assert 0.7 * price < told["fuelcell-2026"][0] < price + 0.015 * months / 12 * mw, "sold again, kept up"


def test_large_units_are_paid_whole(tiny, plain_catalog):
    """1 MW of turbines is a unit of 16: two contracts of 24 months carry 30 at 47.5 USD/kW a month."""
    context = Context.of(tiny(), plain_catalog())
    bridge = Bridge(context, context.scenario.hosts[0], PowerOption(id="turbine-mobile-2026"), True, 4)
    load = Load(1.0, 0.5)
    assert bridge.mw(load) == 16.0
    energy = 0.5 * HOURS_PER_MONTH * 30 * (bridge.usd_per_mwh - 100.0) / 1e6
    assert bridge.musd(30, load, 100.0) == pytest.approx(47.5 * 48 * 16 / 1000 + energy)


@pytest.mark.parametrize(
    ("name", "mw", "spare", "musd"),
    [("turbine-mobile-2026", 32.0, 16.0, 75.8), ("fuelcell-2026", 7.2385 / 0.99 + 0.3, 0.3, None)],
)
def test_a_bridge_has_a_unit_to_spare_where_the_site_asks_for_it(tiny, plain_catalog, name, mw, spare, musd):
    """7.24 MW, 3.25 on average, for 33 months: two contracts on 32 MW of turbines, where one unit alone would be 16 MW."""
    context = Context.of(tiny(sites={"power": {"redundancy": "N+1"}}), plain_catalog())
    bridge = Bridge(context, context.scenario.hosts[0], PowerOption(id=name), musd is not None, 4)
    plain = Context.of(tiny(), plain_catalog())
    alone = replace(bridge, context=plain)
    load = Load(7.2385, 3.25)
    assert bridge.mw(load) == pytest.approx(mw) == pytest.approx(alone.mw(load) + spare)
    price = bridge.usd_per_mwh - 37.0  # of the line's energy
    assert musd is None or bridge.musd(33, load, price) == pytest.approx(musd, rel=0.01)
    more = bridge.musd(33, load, price) - alone.musd(33, load, price)
    assert more == pytest.approx(spare * 1e3 * bridge._usd_per_kw(33) / 1e6)
    assert f", {megawatts(spare)} of it a unit to spare (" in bridge.words(33, 1.0, load)
    assert "to spare" not in alone.words(33, 1.0, load)


def test_a_kind_whose_unit_nobody_knows_bridges_nothing_under_n_plus_1(tiny, plain_catalog):
    facts = plain_catalog({("power_options", "fuelcell-2026", "unit_mw"): float("nan")})
    service = Activity(SERVICE, SERVICE, "", 0, 0, (("grid", 0),))
    late = Network("champion", (Activity("grid", "grid", "grid-firm", 20), service))
    told = {
        asked: bridge_words(
            build_case(tiny(sites={"power": {"redundancy": asked}}), facts), late, Load(3.0, 2.0)
        )
        for asked in ("N", "N+1")
    }
    assert ["fuelcell-2026" in line for line in told.values()] == [True, False]
    assert ["(plant with a unit to spare)" in line for line in told.values()] == [False, True]


def test_a_bridge_on_offer_is_not_named_again(tiny, plain_catalog):
    case = build_case(tiny(sites={"power": {"options": [{"id": "turbine-mobile-2026"}]}}), plain_catalog())
    service = Activity(SERVICE, SERVICE, "", 0, 0, (("grid", 0),))
    waits_long = Network("champion", (Activity("grid", "grid", "grid-firm", 20), service))
    line = bridge_words(case, waits_long, None)
    assert line.startswith("Beside the plant offered there, of the catalog,"), line
    assert "fuelcell-2026 bought" in line and "turbine-mobile-2026" not in line


def test_a_place_that_opens_later_than_its_line_lets_it_is_sold_no_bridge(tiny, plain_catalog):
    """What it waits for from period 20 on is no power: a crew, demand, money."""
    case = build_case(tiny(), plain_catalog())
    grid = Activity("grid", "grid", "grid-firm", 20)
    for opens, told in ((20, True), (21, False)):
        service = Activity(SERVICE, SERVICE, "", 0, 0, (("grid", 0),), opens, opens)
        assert bool(bridge_words(case, Network("champion", (grid, service)), None)) == told


def test_what_is_there_within_a_long_period_waits_for_the_next_one(tiny, plain_catalog):
    """Two years of quarters, then years: a line after 30 months serves after 36, and no choice held it back."""
    case = build_case(
        tiny(horizon={"years": 5, "step": [{"step": "quarter", "years": 2}, {"step": "year"}]}),
        plain_catalog(),
    )
    grid = Activity("grid", "grid", "grid-firm", 10, end_t=12)
    found = Network("champion", (grid, Activity(SERVICE, SERVICE, "", 0, 0, (("grid", 0),), 12, 12)))
    line = _sentence(case, found, None)
    assert adds_up(line) and "are a choice" not in line, line
    assert "30 months for the works of the grid at south, then 6 for the next period to begin" in line
    assert HELD not in {row[2] for row in _steps(case, found)}
    assert openings_table(case, [found])["earliest_date"].tolist() == [pd.Timestamp("2030-01-01")]


def test_a_flexible_line_that_comes_sooner_is_named(tiny, plain_catalog):
    """Of 12 months against 60 for the firm one: offered or not; nothing is said where it would come no sooner."""
    service = Activity(SERVICE, SERVICE, "", 0, 0, (("grid", 0),))
    firm = Network("champion", (Activity("grid", "grid", "grid-firm", 20), service))
    plain = build_case(tiny(), plain_catalog())
    assert "A flexible line, of the catalog's lead (sites[south].power.flexible)," in bridge_words(
        plain, firm, None
    )
    offer = {"flexible": {"max_mw": 5.0, "lead_months": 12, "curtailed_hours_per_year": 150}}
    offered = build_case(tiny(sites={"power": offer}), plain_catalog())
    line = bridge_words(offered, firm, None)
    live = int(offered.connections.query("flexible").reset_index()["t"].min())
    told = f"offered there, of 5 MW at most, was the plan's to choose and is there {(20 - live) * 3} months sooner"
    assert told in line and "nothing in 150 stressed hours a year" in line, line
    assert "serves sooner only together with plant or storage" in line, line
    assert "only together with 3 MW of plant or storage" in bridge_words(offered, firm, Load(3.0, 2.0))
    both = Network(
        "champion", (*firm.activities[:1], Activity("grid f", "grid", "grid-flexible", 20), service)
    )
    assert "and is there" in bridge_words(offered, both, None), "the firm line alone is what it waits for"
    soon = Network("champion", (Activity("grid", "grid", "grid-firm", live), service))
    assert "flexible line" not in bridge_words(offered, soon, None)


def test_a_flexible_line_is_not_next_where_the_firm_one_is_there(tiny, plain_catalog):
    """Both lines are bought; without the wait for the firm one nothing waits for the other."""
    case = build_case(tiny(sites={"power": {"flexible": {"max_mw": 5.0}}}), plain_catalog())
    hall = Activity("hall modular", "hall", "modular", 4)
    firm, loose = (
        Activity(f"grid {n}", "grid", n, steps) for n, steps in (("grid-firm", 20), ("grid-flexible", 9))
    )
    needs = tuple((a.name, 0) for a in (hall, firm, loose))
    both = Network("champion", (hall, firm, loose, Activity(SERVICE, SERVICE, "", 0, 0, needs, 20, 20)))
    assert "48 months sooner" in (line := _sentence(case, both, None)), line
    assert "next come halls (modular)" in line


@pytest.mark.untraced
def test_what_would_decide_without_the_longest_wait(tiny, plain_catalog):
    """24 months for the grid, 18 of them works after a permit of 6; without them the hall decides, 9 months sooner."""
    late = tiny(
        hosts={"open_lead_months": 6}, sites={"grid_lead_months": 24}, demand={"must_serve_by": "2029-01-01"}
    )
    found = solve(build_case(late, plain_catalog()), quality="quick").plan
    (line,) = waits(found.case, found.tables)
    assert "then 18 for the works of the grid at south" in line, line
    assert "9 months sooner" in line and "next come halls (modular)" in line, line


ENGINES = {
    "id": "gas-engine-dc-2026",
    "capex_usd_per_kw": 1500,
    "lead_months": 15,
    "permit_months": 0,
    "unit_mw": 0,
}
"""Engines delivered after 15 months; by the catalog 12 of construction follow the permit of the place."""


@pytest.fixture(scope="module")
def built(tiny, plain_catalog):
    """Permit of 6 months, halls after 15, a line after 45: engines are there after 18, not 15."""
    engines = {"grid_lead_months": 45, "power": {"options": [ENGINES]}}
    changes = LATE | {"sites": engines, "demand": {"must_serve_by": "2028-07-01"}}
    return solve(build_case(tiny(**changes), plain_catalog()), quality="quick").plan


def opened(plan, t):
    """Its tables with the place open from another period."""
    return plan.tables | {"opens": plan.tables["opens"].assign(t=t)}


@pytest.mark.untraced
def test_plant_is_built_after_the_permit_of_its_place(built):
    """6 months of permit, 12 of construction: both decide, and the plan cannot be sooner."""
    tables = opened(built, 5)
    found = host_network(built.case, tables, "champion")
    check(found)
    kinds = [a.kind for a in found.path()]
    assert kinds == ["permit", "plant"] and built.case.plants["t"].min() == 6
    (line,) = waits(built.case, tables)
    assert (
        "18 months after it is decided: of these it waits 6 months for its permit, then 12 for plant" in line
    ), line
    assert "are a choice" not in line and "3 months sooner, 2028-Q2: next come halls (modular)" in line, line
    by = {a.name: a for a in found.activities}
    shorter = found.early_ends({"permit": 0})
    assert shorter[f"plant {ENGINES['id']}"] == 5, "its own 15 months"
    assert "permit" in dict(by[f"plant {ENGINES['id']}"].after)


@pytest.mark.untraced
def test_plant_follows_the_permit_where_the_place_is_decided_later(built):
    """Decided a quarter later, the engines stand a quarter later; decided as soon as can be, as soon as before."""
    found, name = host_network(built.case, opened(built, 6), "champion"), f"plant {ENGINES['id']}"
    assert found.early_ends()[name] == 7 and found.early_ends()["permit"] == 3
    soonest = decided_soonest(built.case, found)
    assert soonest.early_ends()[name] == 6 and soonest.early_ends()["permit"] == 2


@pytest.mark.untraced
def test_plant_of_halls_that_stand_waits_for_the_permit_of_what_is_added(built):
    hall = {"id": "old", "host": "champion", "it_mw": 1, "grid_mw": 2, "backup_mw": 2}
    scenario = built.case.scenario
    existing = scenario.existing.model_copy(
        update={"halls": [type(scenario.existing).model_validate({"halls": [hall]}).halls[0]]}
    )
    case = build_case(scenario.model_copy(update={"existing": existing}), built.case.catalog)
    none = {"opens": built.tables["opens"].head(0), "halls": built.tables["halls"].head(0)}
    found = host_network(case, built.tables | none, "champion")
    assert found.early_ends()[f"plant {ENGINES['id']}"] == case.plants["t"].min() == 6


def test_a_cloud_waits_for_its_contract(tiny, plain_catalog):
    """Three months from the start; where its day is given, until then and for nothing before."""
    cloud = {"id": "cloud", "site": "south", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
             "stacks": ["us-cloud"], "open_lead_months": 3}  # fmt: skip
    points = [{"at": "2027-01-01", "value": 800}]
    waited = "3 months after the plan begins: of these it waits 3 months for its contract on"
    for given, due, said in (
        ({}, "2027-04-01", f"cloud serves from 2027-Q2, {waited}"),
        (
            {"open_lead_months": 0, "open_from": "2027-07-01"},
            "2027-07-01",
            "from 2027-Q3, as soon as its contract on",
        ),
    ):
        wanted = {"size": {"points": points}, "must_serve_by": due}
        scenario = tiny(hosts=[cloud | given], stacks=[{"id": "us-cloud"}], demand=wanted)
        plan = solve(build_case(scenario, plain_catalog()), quality="quick").plan
        assert plan is not None
        (line,) = waits(plan.case, plan.tables)
        assert said in line, line
