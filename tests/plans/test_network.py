"""The network of a place: float and critical path by hand, what shortening does, how likely the planned date is."""

from __future__ import annotations

import re

import numpy as np
import pytest

from planner.case.build import build_case
from planner.explain.bridges import bridge_words
from planner.explain.waits import waits
from planner.facts.numbers import number
from planner.planning.pipeline import solve
from planner.plans.network import SERVICE, Activity, Network, host_network
from planner.plans.openings import DRAWS, late_months


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


MONTHS = re.compile(r"(\d+) (?:months )?for |(\d+) months after|the other (\d+) are")


def adds_up(line: str) -> bool:
    """Months of the legs and of what is a choice are those of the whole."""
    parts = [[int(x) if x else 0 for x in found] for found in MONTHS.findall(line)]
    legs, whole, rest = (sum(column) for column in zip(*parts, strict=True))
    return legs + rest == whole


@pytest.mark.untraced
def test_the_months_of_the_legs_add_up_and_a_bridge_is_named(tiny, plain_catalog):
    """The offer of the grid, 12 of 45 months, runs before the place is decided; turbines would be there in 12."""
    grid = plain_catalog({("parameters", "grid_works_share", "value_mid"): 0.73})
    late = tiny(
        hosts={"open_lead_months": 6}, sites={"grid_lead_months": 45}, demand={"must_serve_by": "2030-10-01"},
        horizon={"years": 5},
    )  # fmt: skip
    found = solve(build_case(late, grid), quality="quick").plan
    (line,) = waits(found.case, found.tables)
    assert adds_up(line), line
    assert "12 months for the offer of the grid at south, then 33 for the works of the grid at south" in line
    mw = found.tables["power"].set_index("t").at[15, "facility_peak_mw"]
    musd = number(mw * 47.5 * 24 / 1000)
    told = (
        f"turbine-mobile-2026 rented (47.5 USD/kW a month for 24 months at a time, 162 USD/MWh; {musd} MUSD"
    )
    assert (
        "Nothing that would carry it until then is offered there; of the catalog" in line and told in line
    ), line
    assert "24 months sooner" in line and "sites[south].power.options" in line


def test_a_bridge_on_offer_is_not_named_again(tiny, plain_catalog):
    case = build_case(tiny(sites={"power": {"options": [{"id": "turbine-mobile-2026"}]}}), plain_catalog())
    service = Activity(SERVICE, SERVICE, "", 0, 0, (("grid", 0),))
    waits_long = Network("champion", (Activity("grid", "grid", "grid-firm", 20), service))
    line = bridge_words(case, waits_long, None)
    assert line.startswith("Beside the plant offered there, of the catalog,"), line
    assert "fuelcell-2026 bought" in line and "turbine-mobile-2026" not in line


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
    told = f"The flexible line offered there, of 5 MW at most, would let it serve {(20 - live) * 3} months sooner"
    assert told in line and "nothing in 150 stressed hours a year" in line, line
    both = Network(
        "champion", (*firm.activities[:1], Activity("grid f", "grid", "grid-flexible", 20), service)
    )
    assert "would let it serve" in bridge_words(offered, both, None), (
        "the firm line alone is what it waits for"
    )
    soon = Network("champion", (Activity("grid", "grid", "grid-firm", live), service))
    assert "flexible line" not in bridge_words(offered, soon, None)


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
