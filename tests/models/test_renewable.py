"""Shares of renewable energy against arithmetic by hand: what a share costs by year and by hour, and what counts.

800 accelerators draw 1.44 MW at work from period 4 of 12 on; the grid takes 100 USD/MWh.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.explain.resource_limits import _renewable
from planner.facts.catalog import Catalog
from planner.planning.pipeline import solve
from planner.scenario.schema import Scenario
from planner.solver.arrays import Arrays
from planner.solver.solution import Status

pytestmark = pytest.mark.untraced

MEAN_MW, HOURS, RATE = 1.44, 2190.0, 1.08
ALIVE = range(4, 12)


def pv(t: float) -> float:
    return RATE ** -((t + 0.5) / 4)


@pytest.fixture(scope="module")
def facts(plain_catalog: Callable[..., Catalog]) -> Catalog:
    """Where the sun shines for eight hours."""
    return plain_catalog({("profiles", ("sun", hour), "value"): 3.0 * (8 <= hour < 16) for hour in range(24)})


@pytest.fixture(scope="module")
def asked(tiny: Callable[..., Scenario]) -> Callable[..., Scenario]:
    """asked({"share": 0.5}, profile="solar") -> floors, and one contract that costs half as much again as the grid."""

    def make(*floors: dict[str, Any], **contract: Any) -> Scenario:
        own = {
            "id": "farm",
            "max_mw": 50,
            "usd_per_mwh": 150,
            "term_months": 24,
            "lead_months": 6,
            **contract,
        }
        return tiny(sites={"power": {"ppas": [own]}}, limits={"renewable": list(floors)})

    return make


def dearer(mw: float) -> float:
    """MUSD that so many MW of the contract cost above the grid while machines run."""
    return HOURS * mw * 50 / 1e6 * sum(map(pv, ALIVE))


@pytest.mark.parametrize("match", ["year", "hour"])
def test_a_share_of_even_energy_costs_what_its_contract_costs_more(asked, facts, optimise, match):
    free = optimise(asked(renewable=True), facts)
    answer = optimise(asked({"share": 0.5, "match": match}, renewable=True), facts)
    assert answer.objective - free.objective == pytest.approx(dearer(0.5 * MEAN_MW))
    assert answer.values("drawn").tail(2).to_numpy() == pytest.approx(MEAN_MW * 8.76)


@pytest.mark.parametrize("day", ["2029-01-01", "2029-02-15"])
def test_a_share_holds_from_the_period_its_day_falls_in(asked, facts, optimise, day):
    """Asked for from early 2029: contracts of a year begin in period 8."""
    free = optimise(asked(renewable=True, term_months=12), facts)
    late = asked({"share": 0.5, "from": day}, renewable=True, term_months=12)
    by_hand = HOURS * 0.5 * MEAN_MW * 50 / 1e6 * sum(map(pv, range(8, 12)))
    assert optimise(late, facts).objective - free.objective == pytest.approx(by_hand)


def test_a_later_share_is_never_dearer(asked, facts, optimise):
    """It is one of whole years: from within 2028 it is held from 2029 on, and from within the last year not at all."""
    days = ("2028-01-01", "2028-04-01", "2028-10-01", "2029-01-01", "2029-10-01")
    even = {"renewable": True, "term_months": 12}
    cost = {day: optimise(asked({"share": 0.5, "from": day}, **even), facts).objective for day in days}
    assert cost["2028-04-01"] == pytest.approx(cost["2028-10-01"]) == pytest.approx(cost["2029-01-01"])
    assert cost["2029-10-01"] == pytest.approx(optimise(asked(**even), facts).objective)
    assert cost["2028-01-01"] > cost["2029-01-01"] > cost["2029-10-01"]


def test_a_share_of_no_whole_year_is_no_value_to_change(asked, facts):
    late = asked({"share": 1.0, "from": "2029-04-01"}, {"share": 0.5, "from": "2030-01-01"})
    case = build_case(late, facts)
    assert not len(case.renewable_floors) and not list(_renewable(case, Arrays.__new__(Arrays)))


def test_even_energy_counts_where_it_is_said_to(asked, facts, optimise):
    assert optimise(asked({"share": 0.5}), facts).status is Status.INFEASIBLE


def test_sun_sold_at_noon_counts_by_year_and_not_by_hour(asked, facts, optimise):
    """All energy of a year from the sun: what the day has too much of is sold. By hour a third is the most."""
    sun = {"profile": "solar", "capacity_factor_pct": 15}
    answer = optimise(asked({"share": 1.0}, **sun), facts)
    assert answer.used("surplus")
    assert answer.values("ppa").sum() == pytest.approx(MEAN_MW / 0.15)
    assert optimise(asked({"share": 1.0, "match": "hour"}, **sun), facts).status is Status.INFEASIBLE
    third = optimise(asked({"share": 1 / 3 - 1e-6, "match": "hour"}, **sun), facts)
    assert third.values("ppa").sum() == pytest.approx(MEAN_MW / 0.45, rel=1e-4) and not third.used("surplus")


def test_a_cloud_has_to_be_matched(tiny, facts):
    cloud = {"id": "cloud", "site": "south", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
             "stacks": ["us-cloud"], "open_lead_months": 3}  # fmt: skip
    scenario = tiny(hosts=[cloud], stacks=[{"id": "us-cloud"}], limits={"renewable": [{"share": 0.1}]})
    assert solve(build_case(scenario, facts), quality="quick").status == "infeasible"


def test_a_stricter_share_never_costs_less_and_plans_are_clean(asked, facts, optimise):
    costs = [optimise(asked({"share": s, "match": m}, renewable=True), facts).objective
             for s, m in ((0.0, "year"), (0.4, "year"), (0.4, "hour"), (0.8, "hour"))]  # fmt: skip
    assert costs == sorted(costs)
    plan = solve(
        build_case(asked({"share": 0.6, "match": "hour"}, profile="wind"), facts), quality="quick"
    ).plan
    assert plan is not None and not len(audit(plan))
    plan.tables["matched"]["matched_mw"] *= 0.5
    assert "renewable-share" in set(audit(plan)["rule"])


def test_the_audit_holds_a_share_from_the_period_its_day_falls_in(asked, facts):
    plan = solve(
        build_case(asked({"share": 0.5, "from": "2029-02-15"}, renewable=True), facts), quality="quick"
    ).plan
    assert plan is not None and not len(audit(plan))
    plan.tables["matched"]["matched_mw"] *= 0.5
    assert "renewable-share" in set(audit(plan)["rule"])


def test_a_share_met_by_plant_of_the_sites_own_is_audited_without_any_contract(tiny, facts):
    sun = {
        "options": [
            {"id": "pv-utility-2026", "ways": ["buy"], "max_mw": 50, "lead_months": 3, "permit_months": 0}
        ]
    }
    scenario = tiny(sites={"power": sun}, limits={"renewable": [{"share": 0.1, "match": "year"}]})
    plan = solve(build_case(scenario, facts), quality="quick").plan
    assert plan is not None and plan.tables["generation"]["generation_mwh"].sum() > 0
    assert not len(found := audit(plan)), found.to_string()
