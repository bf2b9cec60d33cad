"""What protects export licensing: who needs one, what it delays, costs and caps, and whom it keeps apart."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from planner.audit import audit
from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.case.context import Context
from planner.case.costs import hardware_musd_per_k
from planner.case.export_rules import package_gap, routed_duty
from planner.case.licensing import control_class, lead_level, licence_need
from planner.case.registry import HARDWARE
from planner.facts.catalog import Catalog, load_catalog
from planner.planning.pipeline import solve
from planner.plans.plan import Plan
from planner.plans.prices import price_table
from planner.scenario.schema import Scenario
from planner.solver.engine import Engine

pytestmark = pytest.mark.untraced


def host(**changes: Any) -> dict[str, Any]:
    return {
        "id": "h", "site": "here", "mode": "build", "owner_class": "national-champion", "operator": "o",
        "stacks": ["champion-us-chips"], "max_it_mw": 20, "open_cost_musd": 1, "team_musd_per_year": 1,
    } | changes  # fmt: skip


def scenario(metro: str = "AE-AUH", country: str = "ARE", **changes: Any) -> Scenario:
    """One workload and one host with a hall that stands: only orders and licences take time."""
    base: dict[str, Any] = {
        "planner": 1, "name": "tiny", "country": country, "horizon": {"start": "2027-01-01", "years": 3},
        "demand": [{
            "id": "w", "kind": "inference", "sector": "x", "body": "private", "data_class": "public",
            "latency_class": "standard", "model_class": "large", "locality": {"where": "anywhere"},
            "size": {"by": "accelerators", "shape": "step", "points": [{"at": "2027-01-01", "value": 400}]},
        }],
        "sites": [{"id": "here", "metro": metro, "grid_mw": [{"from": "2027-01-01", "mw": 40}]}],
        "hosts": [host()],
        "stacks": [{"id": "champion-us-chips", "lead_months": 0}],
        "systems": [{"id": "hgx-b300", "available_from": "2026-06-01", "delivery_months": 5}],
        "existing": {"halls": [{"id": "old", "host": "h", "it_mw": 8, "grid_mw": 16, "backup_mw": 16,
                                "cooling": {"air-chilled-water": 16}}]},
        "supply": licence(),
        "limits": {"delay_tolerance_months": 0},
        "solve": {"quality": "quick", "slices": 1},
    }  # fmt: skip
    return Scenario.model_validate(base | changes)


def licence(**fields: Any) -> dict[str, Any]:
    """The rules with no party excepted, unless ``exceptions`` says otherwise."""
    return {"owner_allocations": False, "licence": {"exceptions": "none"} | fields}


def plan_of(s: Scenario) -> Plan:
    outcome = solve(build_case(s))
    assert outcome.plan is not None, (outcome.status, [str(t) for t in outcome.troubles])
    assert not len(audit(outcome.plan)), audit(outcome.plan).to_string()
    return outcome.plan


def first_service(plan: Plan) -> int:
    return int(plan.tables["serving"].query("accelerators > 1e-6")["t"].min())


def need(s: Scenario, chip: str = "b300", stack: str | None = None) -> Any:
    return licence_need(Context.of(s, load_catalog()), s.hosts[0], chip, stack)


# ---- class and need


@pytest.mark.parametrize(
    ("chip", "expected"),
    [("b300", "3a090a"), ("h20", "none"), ("l4", "3a090a"), ("rtx-pro-6000", "3a090a"), ("a100", "3a090a")],
)
def test_control_class_follows_performance_and_density(chip: str, expected: str) -> None:
    """L4 is small but dense; H20 has performance above 1,600 but is not dense enough."""
    assert control_class(Context.of(scenario(), load_catalog()), chip) == expected


def test_a_chip_of_unknown_density_takes_the_strictest_class_and_says_so() -> None:
    context = Context.of(scenario(), load_catalog())
    assert control_class(context, "rngd") == "3a090a"  # 4,096, density not in the catalog
    assert [a["item"] for a in context.assumed] == ["export control class of rngd"]


def test_zero_lead_without_need() -> None:
    assert not need(scenario("KR-SEO", "KOR")).required
    assert need(scenario("KR-SEO", "KOR")).lead_months == 0
    assert not need(scenario(), "ascend-910c").required
    assert not need(scenario(), "h20").required
    found = need(scenario())
    assert found.required and not found.refused and found.lead_months == 5


@pytest.mark.parametrize("field", ["owner_parent", "operator_parent"])
def test_a_parent_in_an_embargoed_country_is_refused_anywhere(field: str) -> None:
    s = scenario("KR-SEO", "KOR", hosts=[host(**{field: "CHN"})])
    assert need(s).refused
    case = build_case(s)
    assert not len(case.offers)
    reasons = case.why_not[case.why_not["reason"] == "licence"]
    assert "parent in CHN" in reasons["detail"].iloc[0]


def test_a_parent_in_a_listed_country_needs_none_elsewhere() -> None:
    assert not need(scenario("KR-SEO", "KOR", hosts=[host(owner_parent="SAU")])).required


# ---- lead


@pytest.mark.parametrize(
    ("supply", "quarters"),
    [
        (licence(mode="not-required"), 0),
        (licence(case="fast"), 1),
        (licence(case="base"), 2),
        (licence(case="stress"), 3),
        (licence(lead_months=12), 4),
    ],
)
def test_licence_lead_moves_the_first_order_that_can_be_live(supply: dict[str, Any], quarters: int) -> None:
    orders = build_case(scenario(supply=supply)).orders
    assert orders["t"].min() == 2 + quarters  # delivery of five months: two quarters
    assert orders["order_t"].min() == quarters and (orders["lead"] == 2).all()


def test_licence_lead_moves_first_service_by_its_quarters() -> None:
    """3, 5 and 9 months on top of a delivery of two quarters: one, two and three quarters later, and so the wait."""
    free = plan_of(scenario(supply=licence(mode="not-required")))
    assert first_service(free) == 2
    for case, quarters in (("fast", 1), ("base", 2), ("stress", 3)):
        plan = plan_of(scenario(supply=licence(case=case)))
        assert first_service(plan) == 2 + quarters, case
        later = plan.kpi("delay_months") - free.kpi("delay_months")
        assert later == pytest.approx(3 * quarters, abs=0.05), case


def test_a_designated_package_goes_the_fast_way() -> None:
    s = scenario(
        stacks=[{"id": "american-package"}],
        hosts=[host(owner_class="us-operator", stacks=["american-package"])],
    )
    assert need(s, stack="american-package").lead_months == 3
    slow = s.model_copy(update={"supply": Scenario.model_validate(s.model_dump(by_alias=True) | {
        "supply": licence(fast_path=False)}).supply})  # fmt: skip
    assert need(slow, stack="american-package").lead_months == 5


def test_withdrawn_draft_tiers_as_a_stress_case_anywhere() -> None:
    """400 accelerators fall under simple review, 300,000 under government assurances with investment."""
    small = need(scenario("KR-SEO", "KOR", supply=licence(regime="draft-tiers")))
    assert small.required and small.lead_months == 2 and small.reciprocal_share == 0
    demand = scenario().model_dump(by_alias=True)["demand"]
    demand[0]["size"]["points"][0]["value"] = 300000
    large = need(scenario("KR-SEO", "KOR", supply=licence(regime="draft-tiers"), demand=demand))
    assert large.lead_months == 9 and large.reciprocal_share == 1
    assert not need(scenario("KR-SEO", "KOR")).required


# ---- quotas


def test_a_quota_binds_and_its_shadow_price_is_what_relaxing_it_saves() -> None:
    """Two hosts, one paying twice for its hardware: what the cheap one may not ship, the dear one must."""
    sites = [
        {"id": p, "metro": "KR-SEO", "grid_mw": [{"from": "2027-01-01", "mw": 40}]} for p in ("here", "there")
    ]
    halls = [{"id": f"hall-{h}", "host": h, "it_mw": 8, "grid_mw": 16, "backup_mw": 16,
              "cooling": {"air-chilled-water": 16}} for h in ("h", "dear")]  # fmt: skip

    def limited(accelerators: float) -> tuple[float, float, float]:
        """Cost, orders of the cheap host and the quota's price in MUSD per accelerator; units divisible."""
        quota = {"id": "q", "hosts": ["h"], "unit": "accelerators", "per": "total",
                 "path": [{"from": "2027-01-01", "accelerators": accelerators}]}  # fmt: skip
        case = build_case(
            scenario(
                "KR-SEO", "KOR", sites=sites, existing={"halls": halls},
                hosts=[host(), host(id="dear", site="there", hardware_price_factor=2.4)],
                supply={"owner_allocations": False, "quotas": [quota]},
            )
        )  # fmt: skip
        engine = Engine(case)
        engine.policy(Bounds(max_delay_months=8))
        engine.integers()
        engine.minimise("cost")
        found = engine.lp()
        assert found.x is not None
        prices = price_table(case, engine, found)
        dual = prices[prices["rule"] == "quota_cumulative"]["dual"].sum()
        return engine.value(found.x, "cost"), 1000 * engine.family(found.x, "order").loc["h"].sum(), dual

    cost, shipped, dual = limited(160)
    looser = limited(161)
    assert shipped == pytest.approx(160) and looser[1] == pytest.approx(161)
    assert cost - looser[0] > 0.03 and -dual == pytest.approx(cost - looser[0], rel=1e-6)


def test_a_plan_reports_the_price_of_a_quota_that_binds() -> None:
    """The dear host makes up for what the cheap one may not ship; one accelerator more would save the difference."""
    sites = [
        {"id": p, "metro": "KR-SEO", "grid_mw": [{"from": "2027-01-01", "mw": 40}]} for p in ("here", "there")
    ]
    halls = [{"id": f"hall-{h}", "host": h, "it_mw": 8, "grid_mw": 16, "backup_mw": 16,
              "cooling": {"air-chilled-water": 16}} for h in ("h", "dear")]  # fmt: skip
    quota = {"id": "q", "hosts": ["h"], "unit": "accelerators", "per": "total",
             "path": [{"from": "2027-01-01", "accelerators": 160}]}  # fmt: skip
    plan = plan_of(
        scenario(
            "KR-SEO", "KOR", sites=sites, existing={"halls": halls}, limits={"max_delay_months": 8},
            hosts=[host(), host(id="dear", site="there", hardware_price_factor=2.4)],
            supply={"owner_allocations": False, "quotas": [quota]},
        )
    )  # fmt: skip
    assert plan.tables["orders"].groupby("h")["accelerators"].sum()["h"] == pytest.approx(160)
    prices = plan.tables["prices"]
    price = prices.loc[prices["rule"] == "quota_cumulative", "dual"].sum()
    assert -price > 0.02  # MUSD an accelerator: most of what the dear host pays more


def test_a_yearly_quota_lapses_with_the_year() -> None:
    quota = {"id": "q", "hosts": ["h"], "unit": "accelerators", "per": "year",
             "path": [{"from": "2027-01-01", "accelerators": 80}]}  # fmt: skip
    demand = scenario().model_dump(by_alias=True)["demand"]
    s = scenario("KR-SEO", "KOR", supply={"owner_allocations": False, "quotas": [quota]},
                 demand=[demand[0] | {"optional": True}])  # fmt: skip
    orders = plan_of(s).tables["orders"]
    by_year = orders.groupby(orders["live_date"].dt.year)["accelerators"].sum()
    assert by_year.to_dict() == pytest.approx({2027: 80, 2028: 80, 2029: 80})


def test_country_quotas_come_from_the_catalog() -> None:
    """One fifth of 500,000 a year for national owners; only what was granted, in equivalents, where asked."""
    framework = build_case(scenario()).quotas
    assert set(framework["q"]) == {"are-framework-national"}
    assert framework["amount_k"].max() == 100
    grant = build_case(scenario(supply=licence(quotas="grant"))).quotas
    tpp = load_catalog().table("accelerators")["tpp"]
    assert grant["amount_k"].max() == pytest.approx(35 * tpp["gb300"] / tpp["b300"])
    assert not len(build_case(scenario(supply=licence(quotas="none"))).quotas)
    assert not len(build_case(scenario("KR-SEO", "KOR")).quotas)


def test_a_rival_ecosystem_exports_little() -> None:
    quotas = build_case(rivals("KR-SEO", "KOR")).quotas
    amount = load_catalog().param("rival_accelerators_per_year") / 1000
    assert set(quotas.loc[quotas["q"] == "rival-supply", "amount_k"]) == {amount}
    assert not len(build_case(rivals("KR-SEO", "KOR", quotas="none")).quotas)


# ---- conditions


def test_conditions_cost_and_show_as_a_capital_need() -> None:
    with_, without = plan_of(scenario()), plan_of(scenario(supply=licence(conditions=False)))
    ledger = with_.tables["ledger"]
    accelerators = with_.tables["orders"]["accelerators"].sum()
    paid = ledger.groupby("account")["musd"].sum()
    assert paid["licence-security"] == pytest.approx(accelerators * 1000 / 1e6)
    hardware = ledger[ledger["account"].isin(HARDWARE) & (ledger["kind"] == "capex")]["musd"].sum()
    outlay = ledger[(ledger["account"] == "reciprocal-investment") & (ledger["kind"] == "fee")]
    assert outlay["musd"].sum() == pytest.approx(hardware)  # a dollar abroad for a dollar of hardware
    capital = with_.tables["capital"]
    assert capital[capital["account"] == "reciprocal-investment"]["musd"].sum() == pytest.approx(hardware)
    own = ledger[ledger["account"] == "reciprocal-investment"]["musd_discounted"].sum()
    assert 0 < own < 0.15 * hardware  # the return forgone, not the investment
    added = ledger[ledger["account"].str.startswith(("licence-", "reciprocal"))]["musd_discounted"].sum()
    difference = with_.kpi("cost_npv_musd") - without.kpi("cost_npv_musd")
    assert difference == pytest.approx(added, rel=1e-3)


# ---- rivals


def rivals(metro: str, country: str, **supply: Any) -> Scenario:
    second = host(id="r", stacks=["rival"], cooling=["hybrid-liquid"], owner_class="public-agency")
    cooling = load_catalog().table("cooling")
    second["cooling"] = list(cooling.index)
    decisions = [{"id": f"both-{a}", "do": "fix", "what": "stack", "stacks": [a], "value": 1}
                 for a in ("champion-us-chips", "rival")]  # fmt: skip
    return scenario(
        metro, country, hosts=[host(), second],
        stacks=[{"id": "champion-us-chips", "lead_months": 0}, {"id": "rival", "lead_months": 0}],
        systems=[{"id": "hgx-b300", "available_from": "2026-06-01"}, {"id": "cloudmatrix-384"}],
        supply=licence(**supply), decisions=decisions,
    )  # fmt: skip


def test_rival_chips_exclude_licensed_ones() -> None:
    assert solve(build_case(rivals("AE-AUH", "ARE"))).status == "infeasible"
    assert solve(build_case(rivals("AE-AUH", "ARE", rival_excludes="none"))).plan is not None
    assert solve(build_case(rivals("KR-SEO", "KOR"))).plan is not None  # no licence, so nothing to lose
    assert solve(build_case(rivals("KR-SEO", "KOR", rival_excludes="us-chips"))).status == "infeasible"


# ---- exceptions, reviews, duty, packages, end of sale


def ordered_from(s: Scenario) -> list[int]:
    return sorted(set(build_case(s).orders["order_t"]))


def test_a_listed_party_needs_no_licence_and_no_quota() -> None:
    """The government and the listed US firms have no end; a joint venture is on no list."""
    us = host(owner_class="us-operator", stacks=["american-package"])
    free = scenario(
        stacks=[{"id": "american-package"}], hosts=[us], supply=licence(exceptions="as-published")
    )
    found = need(free, stack="american-package")
    assert not found.required and "are-us-firms" in found.why
    assert not len(build_case(free).quotas)
    other = us | {"owner_class": "joint-venture"}
    assert need(scenario(hosts=[other], supply=licence(exceptions="as-published"))).required
    foreign = us | {"operator_parent": "SAU"}
    assert need(scenario(hosts=[foreign], supply=licence(exceptions="as-published"))).required


def test_an_exception_that_ends_lets_orders_be_placed_until_then() -> None:
    """April 2027 is free, later orders wait for the licence; extended, it is free throughout."""
    published = scenario(supply=licence(exceptions="as-published", lead_months=12))
    assert need(published).free_until == date(2027, 4, 6)
    assert ordered_from(published)[:3] == [0, 1, 4]
    assert ordered_from(scenario(supply=licence(lead_months=12)))[0] == 4
    assert not need(scenario(supply=licence(exceptions="extended"))).required
    caps = build_case(published).quotas.reset_index().set_index("t")["amount_k"]
    assert caps[0] > 1000 and caps[4] == 100


def closed_to(plain_catalog: Callable[..., Catalog]) -> Catalog:
    """Korea put in the place of China: in the refused group, with its review."""
    catalog = plain_catalog({("licensing", "KOR", "country_group"): "d5"})
    reviews = catalog.table("licence_reviews").copy()
    reviews.loc["KOR"] = reviews.loc["CHN"]
    return Catalog(
        {n: catalog.table(n) for n in catalog.tables} | {"licence_reviews": reviews}, catalog._resources
    )


def test_weaker_chips_are_reviewed_case_by_case_and_pay_the_duty(
    plain_catalog: Callable[..., Catalog],
) -> None:
    """Below 21,000 and 6.5 TB/s; anything stronger, and any destination abroad, stays refused."""
    catalog = closed_to(plain_catalog)
    s = scenario("KR-SEO", "KOR", systems=[{"id": "hgx-h200"}])
    context = Context.of(s, catalog)
    found = licence_need(context, s.hosts[0], "h200")
    assert found.required and not found.refused and found.lead_months == 6
    assert found.security_usd_per_accelerator == 1000 + 500
    assert licence_need(context, s.hosts[0], "b300").refused
    share = float(catalog.value("systems", "hgx-h200", "chips_share"))
    assert routed_duty(context, s.hosts[0], s.systems[0]) == pytest.approx(0.25 * share)
    abroad = scenario("JP-TYO", "JPN", hosts=[host(owner_parent="KOR")])
    assert licence_need(Context.of(abroad, catalog), abroad.hosts[0], "h200").refused


def test_chips_through_the_united_states_cost_a_quarter_of_their_value_more() -> None:
    """Only on the chips' part of the price, only of US chips, and not where they stay."""

    def price(metro: str, country: str, **fields: Any) -> float:
        s = scenario(metro, country, supply=licence(**fields))
        return hardware_musd_per_k(Context.of(s, load_catalog()), s.systems[0], s.hosts[0], 0)

    catalog = load_catalog()
    goods = float(catalog.value("systems", "hgx-b300", "price_usd_mid")) / 8e3
    factor = float(catalog.value("owner_classes", "national-champion", "hardware_price_factor_mid"))
    path = (1 + catalog.param("hardware_price_change_per_year")) ** 0.5
    more = 0.25 * float(catalog.value("systems", "hgx-b300", "chips_share")) * goods * factor * path
    assert price("KR-SEO", "KOR", route="via-us") - price("KR-SEO", "KOR") == pytest.approx(more)
    assert price("US-NVA", "USA", route="via-us") == price("US-NVA", "USA")


PACKAGE = {"stacks": [{"id": "american-package"}],
           "hosts": [host(owner_class="us-operator", stacks=["american-package"])]}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "gap"),
    [
        ({("stacks", "american-package", "layers"): "hardware-us;models-us-closed;security-provider;data-cloud"},
         "no layer applications"),
        ({("stacks", "american-package", "anchor"): None}, "no anchor member"),
        ({("layers", "hardware-us", "origin_iso3"): "CHN"}, "hardware-us comes from CHN"),
        ({("layers", "data-cloud", "origin_iso3"): "RUS"}, "data-cloud comes from RUS"),
        ({("systems", "hgx-b300", "chips_share"): 0.2}, "44% US content of hgx-b300, 51% needed"),
        ({("accelerators", "b300", "origin_iso3"): "KOR"}, "1% US content"),
    ],
)  # fmt: skip
def test_a_package_that_lacks_something_takes_the_ordinary_way(
    plain_catalog: Callable[..., Catalog], changes: dict[tuple[str, str, str], Any], gap: str
) -> None:
    s = scenario("SA-RUH", "SAU", **PACKAGE)
    whole, lacking = Context.of(s, plain_catalog()), Context.of(s, plain_catalog(changes))
    assert package_gap(whole, "american-package", "hgx-b300") == ""
    assert gap in package_gap(lacking, "american-package", "hgx-b300")
    assert lead_level(whole, "american-package", "hgx-b300") == "low"
    assert lead_level(lacking, "american-package", "hgx-b300") == "mid"


def test_an_order_after_the_end_of_sale_is_not_possible() -> None:
    here = {"metro": "KR-SEO", "country": "KOR"}
    sold = scenario(**here, systems=[{"id": "hgx-b300", "end_of_sale": "2027-08-31"}])
    assert ordered_from(sold) == [0, 1, 2]
    case = build_case(scenario(**here, systems=[{"id": "hgx-b300"}, {"id": "hgx-h100"}]))
    ended = case.why_not[case.why_not["reason"] == "ended"]
    assert set(ended["system"]) == {"hgx-h100"} and "2026-12-31" in ended["detail"].iloc[0]
    assert set(case.orders["k"]) == {"hgx-b300"}
