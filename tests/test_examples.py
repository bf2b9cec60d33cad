"""What protects the packaged examples: each is valid and sourced; each solves and passes the audit."""

from functools import cache

import numpy as np
import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.case.case import Case
from planner.facts.catalog import load_catalog
from planner.finance.from_plan import finance_of
from planner.intake.scenario_file import example_path, examples, load_scenario
from planner.planning.pipeline import solve
from planner.plans.network import host_network
from planner.plans.plan import Plan
from planner.scenario.finance import Finance
from planner.scenario.schema import Scenario
from tests.plans.test_network import check

pytestmark = pytest.mark.untraced

COUNTRIES = ("korea", "uae", "saudi-arabia", "kenya", "poland", "kazakhstan", "india", "regional-hub")
SMALLEST = ("two-hosts", "grid-late", "kenya")
AGREED = ("korea", "uae", "kenya", "poland", "kazakhstan")
"""Those with an example beside them in which agreements may be signed."""
LICENSED = ("uae", "saudi-arabia", "kazakhstan")


@cache
def case_of(name: str) -> Case:
    return build_case(load_scenario(example_path(name)))


@pytest.fixture(scope="module", params=COUNTRIES)
def scenario(request: pytest.FixtureRequest) -> Scenario:
    return load_scenario(example_path(request.param))


def test_the_examples_of_the_manual_are_there() -> None:
    assert {*COUNTRIES, *(f"{name}-agreements" for name in AGREED)} <= set(examples())


@pytest.mark.parametrize("name", AGREED)
def test_an_example_with_agreements_adds_to_the_plain_one_and_each_opens_something(name: str) -> None:
    """What is there stays as it is; each agreement is sourced or assumed, and without it something could not be had."""
    plain, agreed = load_scenario(example_path(name)), load_scenario(example_path(f"{name}-agreements"))
    for field in ("demand", "sites", "hosts", "stacks", "systems"):
        own = getattr(agreed, field)
        assert own[: len(getattr(plain, field))] == getattr(plain, field), field
        assert all(
            record.source or record.assumed
            for record in own[len(getattr(plain, field)) :]
            if field in ("sites", "hosts")
        )
    assert agreed.limits == plain.limits and agreed.supply == plain.supply and not plain.agreements
    case = build_case(agreed)
    for agreement in agreed.agreements:
        assert agreement.source or agreement.assumed, agreement.id
        tables = (case.unders, case.opened, case.sources_under)
        assert any((t.reset_index(drop=True)["e"] == agreement.id).any() for t in tables), agreement.id


def test_every_number_traces_to_a_source_or_an_assumed_mark(scenario: Scenario) -> None:
    for record in (*scenario.demand, *scenario.sites, *scenario.hosts, *scenario.supply.quotas,
                   *scenario.supply.crews, *scenario.existing.halls, *scenario.existing.fleets):  # fmt: skip
        assert record.source or record.assumed, record
    if scenario.money.discount_rate_real is not None:
        assert scenario.money.source or scenario.money.assumed
    assert scenario.note, "an example says what pulls its plan apart"


def test_every_workload_can_be_served_and_survive(scenario: Scenario) -> None:
    case = case_of(scenario.name)
    places = case.serve.groupby("w")["p"].nunique()
    for w in scenario.demand:
        reasons = case.why_not[case.why_not["workload"] == w.id].groupby("reason").size()
        assert places.get(w.id, 0) >= (2 if w.survival_share > 0 else 1), (w.id, reasons)


@pytest.mark.parametrize("name", LICENSED)
def test_a_licence_delays_owned_chips(name: str) -> None:
    scenario = load_scenario(example_path(name))
    offers = case_of(name).offers
    home = offers[(offers["country"] == scenario.country) & (offers["mode"] != "cloud")]
    assert len(home) and (home["licence_months"] >= 3).all()


def test_the_hub_serves_each_country_under_its_own_rule() -> None:
    case = case_of("regional-hub")
    scenario = case.scenario
    where = case.serve.merge(
        case.offers.reset_index(drop=True)[["h", "a", "k", "country"]], on=["h", "a", "k"]
    )
    served = where.groupby("w")["country"].unique()
    assert set(served["indonesia-government"]) == {"IDN"}
    for abroad in ("indonesia-business", "philippines-services", "vietnam-industry"):
        assert {"MYS", "SGP"} <= set(served[abroad]), abroad
    assert len({w.country for w in scenario.demand}) >= 4


def test_national_plans_are_quoted_as_the_catalog_has_them() -> None:
    plans = load_catalog().table("national_plans")
    for name, iso3, url in (
        ("saudi-arabia", "SAU", "ng.investing.com"),
        ("kazakhstan", "KAZ", "astanatimes.com"),
        ("india", "IND", "pibtracker.com"),
        ("uae", "ARE", "gulfnews.com"),
    ):
        text = example_path(name).read_text(encoding="utf-8")
        assert url in text and plans.loc[plans["iso3"] == iso3, "source_url"].str.contains(url).any()


def nothing_before_its_permit(plan: Plan) -> None:
    """By dates alone: no hall is ordered before the permit of its host, unless as one at own risk."""
    permit = plan.tables["opens"].set_index("h")["permit_date"]
    halls = plan.tables["halls"]
    early = halls[halls["order_date"].to_numpy() < permit.reindex(halls["h"]).to_numpy()]
    assert set(early["b"]) <= {"modular-at-risk"}, early.to_string()


def the_calendar_holds(plan: Plan) -> None:
    """Float is nowhere negative and nothing on the path; only what is on it moves the date; nothing is planned too early."""
    found = [host_network(plan.case, plan.tables, str(h)) for h in plan.case.hosts.index]
    networks = [network for network in found if network is not None]
    assert networks
    for network in networks:
        check(network)
        ends = network.early_ends()
        assert all(a.end_t >= ends[a.name] for a in network.activities), network.host
    odds = plan.tables["openings"]
    assert (odds["earliest_date"] <= odds["service_date"]).all() and (
        odds["p50_date"] <= odds["p80_date"]
    ).all()


def the_money_closes(plan: Plan) -> None:
    """With a sculpted loan and a budget line: sources are uses, assets what is owed, debt ends at 0, cover is constant."""
    loan = {"id": "bank", "kind": "loan", "share": 0.5, "profile": "sculpted", "dscr": 1.3}
    sold = {"id": "state", "kind": "budget", "musd_per_year": plan.kpi("total_outlay_musd")}
    terms = plan.case.scenario.finance.model_copy(
        update=dict(Finance.model_validate({"sources": [loan], "revenue": [sold]}))
    )
    made = finance_of(plan.case.scenario.model_copy(update={"finance": terms}), plan.tables).statements
    tiny = 1e-9 * float(made.uses["capex"].sum())
    assert made.sources.sum(axis=1).to_numpy() == pytest.approx(made.uses.sum(axis=1).to_numpy(), abs=tiny)
    assert made.balance_sheet["check"].abs().max() <= 10 * tiny
    assert made.balance_sheet["debt"].max() > 0.1 and abs(made.balance_sheet["debt"].iloc[-1]) < 1e-6
    cover = made.ratios["dscr"][np.isfinite(made.ratios["dscr"])]
    repaid = made.by_source.loc["bank", "principal"].reindex(cover.index) > 1e-6
    assert cover[repaid].to_numpy() == pytest.approx(cover[repaid].iloc[-1], rel=1e-6)


def solved(name: str) -> None:
    outcome = solve(case_of(name), quality="quick")
    assert outcome.plan is not None, (outcome.status, outcome.troubles, outcome.notes)
    found = audit(outcome.plan)
    assert found.empty, found.to_string()
    nothing_before_its_permit(outcome.plan)
    the_calendar_holds(outcome.plan)
    the_money_closes(outcome.plan)


@pytest.mark.parametrize("name", SMALLEST)
def test_the_smallest_examples_solve_and_audit(name: str) -> None:
    solved(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in COUNTRIES if n not in SMALLEST])
def test_every_example_solves_and_audits(name: str) -> None:
    solved(name)
