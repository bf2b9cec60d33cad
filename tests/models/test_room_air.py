"""Halls without room air: what an air-cooled fleet pays is the same, a liquid one is spared what it does not use.

Construction is 8 MUSD per MW of IT, a twentieth of it room air; cooling has a margin of a tenth.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.facts.catalog import Catalog
from planner.planning.pipeline import solve

pytestmark = pytest.mark.untraced

AIR, LIQUID = "air-chilled-water", "direct-to-chip"
WITH_HALL = {"cooling": [AIR, LIQUID]}
APART = {**WITH_HALL, "room_air": "as-needed"}
PER_MW, MARGIN = 8 * 0.05, 1.1


@pytest.fixture(scope="module")
def facts(plain_catalog: Callable[..., Catalog]) -> Catalog:
    return plain_catalog({
        ("parameters", "room_air_cost_share", "value_mid"): 0.05, ("parameters", "cooling_margin", "value_mid"): 0.1,
        ("cooling", "immersion", "capex_musd_per_mw_mid"): 0.3,
    })  # fmt: skip


def paid(answer: Any, *accounts: str) -> float:
    """MUSD spent on accounts, without what is left in the end."""
    rows = answer.entries[answer.entries["account"].isin(accounts) & (answer.entries["kind"] != "residual")]
    amount = {family: answer.values(family).to_dict() for family in rows["family"].unique()}
    return float(sum(r.musd * amount[r.family].get(r.index, 0.0) for r in rows.itertuples()))


def test_room_air_for_all_of_a_hall_costs_what_the_hall_costs_less(tiny, facts):
    """The margin is in the price, as it is in that of a hall with room air; upkeep stays that of the whole hall."""
    whole, apart = (build_case(tiny(hosts=change), facts) for change in (WITH_HALL, APART))
    assert AIR not in set(whole.cooling.index.get_level_values(1))
    spared = (whole.halls["musd"] - apart.halls["musd"]) / whole.halls["it_mw"]
    assert spared.to_numpy() == pytest.approx(PER_MW)
    price = apart.cooling[apart.cooling.index.get_level_values(1) == AIR]["musd_per_mw"]
    assert len(price) and price.to_numpy() * MARGIN == pytest.approx(PER_MW)
    assert whole.halls["upkeep_musd_per_step"].equals(apart.halls["upkeep_musd_per_step"])


@pytest.mark.parametrize(("system", "air"), [("hgx-b300", 1.0), ("mi355x-8", 0.15)])
def test_only_the_air_that_is_used_is_bought(tiny, facts, optimise, system, air):
    """Room air for the air's share of the nameplate heat and its margin; the rest of the space is spared it."""
    with_hall, apart = (
        optimise(tiny(systems={"id": system}, hosts=change), facts) for change in (WITH_HALL, APART)
    )
    space = with_hall.values("space_mw").max()
    assert apart.values("space_mw").max() == pytest.approx(space)
    heat = apart.values("heat").to_dict()
    load = sum(mw for (_, _, t, _), mw in apart.values("it_peak").items() if t == 11)
    needed = max(mw for (_, c, _, _, s), mw in heat.items() if c == AIR and s == "design")
    assert needed == pytest.approx(air * load)
    bought = sum(mw for (_, c, _), mw in apart.used("cool").items() if c == AIR)
    assert bought == pytest.approx(MARGIN * needed)
    spared = paid(with_hall, "halls", "cooling") - paid(apart, "halls", "cooling")
    assert spared == pytest.approx(PER_MW * (space - needed)) and apart.objective < with_hall.objective


def test_halls_that_stand_have_their_room_air(tiny, facts):
    hall = {"id": "old", "host": "champion", "it_mw": 3, "grid_mw": 4, "cooling": {LIQUID: 1}}
    case = build_case(tiny(existing={"halls": [hall]}, hosts=APART), facts)
    assert case.existing_cooling["mw"].to_dict() == {
        ("champion", c, t): pytest.approx(mw) for c, mw in ((AIR, 3 * MARGIN), (LIQUID, 1.0)) for t in range(case.calendar.n)
    }  # fmt: skip


def test_a_place_without_room_air_at_all_buys_none(tiny, facts):
    case = build_case(tiny(hosts={**APART, "cooling": [LIQUID]}), facts)
    assert set(case.cooling.index.get_level_values(1)) == {LIQUID}


def test_the_audit_recomputes_what_is_bought_apart(tiny, facts):
    plan = solve(build_case(tiny(systems={"id": "mi355x-8"}, hosts=APART), facts), quality="quick").plan
    bought = plan.tables["cooling"].query("c == @AIR")
    assert bought["added_mw"].sum() > 0 and audit(plan).empty


def test_cooling_that_stands_has_a_row_without_heat(tiny, facts):
    """The loop of a hall that stands, whose fleet air alone cools, and its room air before there is any fleet."""
    hall = {"id": "old", "host": "champion", "it_mw": 3, "grid_mw": 4, "cooling": {LIQUID: 1}}
    plan = solve(build_case(tiny(existing={"halls": [hall]}, hosts=WITH_HALL), facts), quality="quick").plan
    table = plan.tables["cooling"]
    for c in (AIR, LIQUID):
        stands = table[(table["c"] == c) & (table["capacity_mw"] > 0)]
        assert stands["t"].tolist() == list(plan.case.periods.index) and (stands["heat_peak_mw"] == 0).any()
    assert audit(plan).empty


def test_immersion_is_had_only_where_it_is_named(tiny, facts, optimise):
    """It carries the heat of air alone; here it costs less than room air bought apart and draws less."""
    left_out = build_case(tiny(hosts={"cooling": None}), facts)
    assert "immersion" not in set(left_out.heat.index.get_level_values(1))
    named = {"cooling": [AIR, "immersion"], "room_air": "as-needed"}
    answer = optimise(tiny(hosts=named), facts)
    assert {c for _, c, _ in answer.used("cool")} == {"immersion"}
    racks = build_case(tiny(systems={"id": "gb300-nvl72"}, hosts={"cooling": ["immersion"]}), facts)
    assert not len(racks.offers) and "liquid" in " ".join(racks.why_not["detail"])
