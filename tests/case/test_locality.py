"""What protects locality: where compute may run, whose law counts, what must be kept at home, what protection costs."""

from typing import Any

import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.case.case import Case
from planner.case.context import Context
from planner.case.locality import place_allowed, rule_for
from planner.facts.catalog import load_catalog
from planner.planning.pipeline import solve
from planner.scenario.schema import Scenario

pytestmark = pytest.mark.untraced

SITES = {"seoul": "KR-SEO", "tokyo": "JP-TYO", "abu-dhabi": "AE-AUH"}


def workload(**changes: Any) -> dict[str, Any]:
    return {
        "id": "w", "kind": "inference", "sector": "x", "body": "private", "data_class": "public",
        "latency_class": "batch", "model_class": "large",
        "size": {"by": "accelerators", "points": [{"at": "2027-01-01", "value": 100}]},
    } | changes  # fmt: skip


def scenario(
    *demand: dict[str, Any], country: str = "KOR", sites: tuple[str, ...] = ("seoul", "tokyo"), **changes: Any
) -> Scenario:
    """Cloud hosts at every site, each offering the same: only law tells them apart."""
    return Scenario.model_validate(
        {
            "planner": 1, "name": "tiny", "country": country, "horizon": {"start": "2027-01-01", "years": 1},
            "demand": list(demand) or [workload()],
            "sites": [{"id": s, "metro": SITES[s], "grid_mw": [{"from": "2027-01-01", "mw": 9}]} for s in sites],
            "hosts": [{"id": f"at-{s}", "site": s, "mode": "cloud", "owner_class": "us-operator", "operator": "us",
                       "stacks": ["us-cloud"]} for s in sites],
            "stacks": [{"id": "us-cloud", "lead_months": 0}], "systems": [{"id": "hgx-b300"}],
            "control": {"floors": {"public": 0, "official": 0, "sensitive": 0, "secret": 0}},
            "supply": {"licence": {"mode": "not-required"}}, "solve": {"quality": "quick", "slices": 1},
        } | changes
    )  # fmt: skip


def places(case: Case, w: str = "w") -> set[str]:
    rows = case.serve[case.serve["w"] == w]
    return set(rows["h"])


def test_a_hard_in_country_regime_keeps_a_public_bodys_data_at_home() -> None:
    case = build_case(scenario(workload(body="public", data_class="official")))  # Korea, CSAP
    assert places(case) == {"at-seoul"}
    reason = case.why_not[case.why_not["reason"] == "locality"].iloc[0]
    assert (
        reason["host"] == "at-tokyo"
        and "in-country rule of KOR (CSAP) forbids compute in JPN" in reason["detail"]
    )


def test_a_home_copy_rule_does_not_force_compute_home_but_costs_storage() -> None:
    """Kenya's strategic data: processed anywhere as long as a serving copy stays at home."""
    rule = {"where": "anywhere", "home_copy": True}
    s = scenario(workload(locality=rule), sites=("tokyo",))
    case = build_case(s)
    assert places(case) == {"at-tokyo"}
    with_copy, without = (
        solve(c).plan
        for c in (case, build_case(scenario(workload(locality={"where": "anywhere"}), sites=("tokyo",))))
    )
    assert with_copy is not None and without is not None
    assert not len(audit(with_copy)), audit(with_copy).to_string()
    ledger = with_copy.tables["ledger"]
    copy = ledger[ledger["account"] == "home-copy"]
    serving = with_copy.tables["serving"]["accelerators"].sum() / 4  # accelerator-years, four quarters
    catalog = load_catalog()
    price = catalog.param("home_copy_tb_per_accelerator") * catalog.param("storage_usd_per_tb_year")
    assert copy["musd"].sum() == pytest.approx(serving * price / 1e6)
    difference = with_copy.kpi("cost_npv_musd") - without.kpi("cost_npv_musd")
    assert difference == pytest.approx(copy["musd_discounted"].sum(), rel=1e-3)


def test_the_catalogs_home_copy_rule_reaches_the_workload() -> None:
    w = workload(country="KEN", body="public", data_class="sensitive")
    context = Context.of(scenario(w), load_catalog())
    rule = rule_for(context, context.scenario.demand[0])
    assert rule.where == "anywhere" and rule.local_copy


def test_compute_at_home_needs_no_extra_copy() -> None:
    case = build_case(scenario(workload(locality={"where": "anywhere", "home_copy": True})))
    by_host = case.serve.groupby("h")["home_copy_musd_per_k_year"].max()
    assert by_host["at-seoul"] == 0 < by_host["at-tokyo"]


def test_a_class_with_no_legal_home_fails_with_the_reason() -> None:
    outcome = solve(build_case(scenario(workload(body="public", data_class="secret"), sites=("tokyo",))))
    assert outcome.status == "infeasible" and outcome.plan is None
    (trouble,) = outcome.troubles
    assert (trouble.workload, trouble.reason) == ("w", "locality")
    assert "no offer may serve w" in trouble.message and "of KOR" in trouble.message
    assert "forbids compute in JPN" in trouble.message and "add a host in KOR" in trouble.cure


def test_no_rule_found_means_the_strictest_of_the_class_and_is_marked() -> None:
    case = build_case(scenario(workload(body="private", data_class="secret")))
    assert places(case) <= {"at-seoul"}
    assert any("strictest of the class" in str(why) for why in case.assumptions["why"])


def test_the_trusted_region_opens_what_its_rule_allows() -> None:
    rule = {"where": "trusted-region"}
    closed = build_case(scenario(workload(locality=rule)))
    opened = build_case(scenario(workload(locality=rule), control={"trusted_region": ["JPN"]}))
    assert places(closed) == {"at-seoul"} and places(opened) == {"at-seoul", "at-tokyo"}


def test_a_hub_serves_two_countries_each_under_its_own_law() -> None:
    """A hub in Abu Dhabi: Kenyan personal data may come, Korean public data may not, Emirati data stay."""
    demand = [
        workload(id="kenya", country="KEN", data_class="official"),
        workload(id="korea", country="KOR", body="public", data_class="official", optional=True),
        workload(id="emirates", data_class="official", sector="health"),
    ]
    case = build_case(scenario(*demand, country="ARE", sites=("abu-dhabi", "tokyo")))
    assert places(case, "kenya") == {"at-abu-dhabi", "at-tokyo"}
    assert places(case, "korea") == set()
    assert places(case, "emirates") == {"at-abu-dhabi", "at-tokyo"}
    plan = solve(case).plan
    assert plan is not None and set(plan.tables["serving"]["w"]) == {"kenya", "emirates"}
    forbids = case.why_not[(case.why_not["reason"] == "locality") & (case.why_not["workload"] == "korea")]
    assert set(forbids["host"]) == {"at-abu-dhabi", "at-tokyo"}


def test_what_is_home_for_the_partner_is_abroad_for_the_hubs_guest() -> None:
    demand = [
        workload(id="guest", country="KEN", locality={"where": "anywhere"}),
        workload(id="own", locality={"where": "anywhere"}),
    ]
    host = {"id": "champion", "site": "seoul", "mode": "build", "owner_class": "national-champion", "operator": "o",
            "stacks": ["champion-us-chips"]}  # fmt: skip
    more: dict[str, Any] = {
        "hosts": [host], "stacks": [{"id": "champion-us-chips", "lead_months": 0}],
        "horizon": {"start": "2027-01-01", "years": 5},
    }  # fmt: skip
    case = build_case(scenario(*demand, **more))
    sigma = case.serve.groupby("w")["sigma"].max()
    assert sigma["guest"] < sigma["own"] == pytest.approx(0.676, abs=1e-3)
    allied = scenario(*demand, control={"trusted_by_country": {"KEN": ["KOR"]}}, **more)
    assert sigma["guest"] < build_case(allied).serve.groupby("w")["sigma"].max()["guest"] < sigma["own"]


def test_a_data_embassy_counts_as_home_for_its_classes() -> None:
    rule = {"where": "in-country"}
    w = workload(data_class="official", locality=rule)
    embassy = {"id": "abroad", "kind": "data-embassy", "partner": "JPN", "optional": False}
    s = scenario(w, agreements=[embassy])
    case = build_case(s)
    assert places(case) == {"at-seoul", "at-tokyo"}
    assert "data embassy of KOR in JPN" in set(case.assumptions["item"])  # declared, not in the catalog
    assert places(build_case(scenario(w | {"data_class": "secret"}, agreements=[embassy]))) == {"at-seoul"}
    context = Context.of(
        scenario(w | {"country": "EST"}, agreements=[{**embassy, "partner": "LUX", "guest": "EST"}]),
        load_catalog(),
    )
    own = context.scenario.demand[0]
    assert place_allowed(context, own, rule_for(context, own), "LUX") and not context.assumed
    assert not place_allowed(context, own, rule_for(context, own), "JPN")


def test_protection_in_use_derates_and_costs() -> None:
    def case(protection: str) -> Case:
        return build_case(scenario(workload(locality={"where": "in-country", "protection": protection})))

    plain, guarded = case("none"), case("confidential-computing")
    kept = load_catalog().table("confidential_computing")
    factor = kept[(kept["generation"] == "blackwell") & (kept["use"] == "serving")][
        "throughput_factor_mid"
    ].iloc[0]
    assert (guarded.serve["rate"].to_numpy() / plain.serve["rate"].to_numpy()) == pytest.approx(factor)
    cost = [solve(c).plan.kpi("cost_npv_musd") for c in (plain, guarded)]
    assert cost[1] > cost[0] * 1.05


def test_a_chip_without_protection_is_left_out_with_the_reason() -> None:
    s = scenario(workload(locality={"where": "in-country", "protection": "confidential-computing"}),
                 systems=[{"id": "hgx-b300"}, {"id": "mi355x-8"}])  # fmt: skip
    case = build_case(s)
    assert set(case.serve["k"]) == {"hgx-b300"}
    assert "chip has no confidential computing" in set(case.why_not["detail"])


def test_contributions_in_a_hub_add_up_to_control_as_each_country_sees_it() -> None:
    demand = [
        workload(id="guest", country="KEN", locality={"where": "anywhere"}),
        workload(id="own", locality={"where": "in-country"}),
    ]
    plan = solve(build_case(scenario(*demand, control={"trusted_region": ["JPN"]}))).plan
    assert plan is not None
    assert plan.tables["control"]["points"].sum() == pytest.approx(plan.kpi("control_score"))
    assert not len(audit(plan)), audit(plan).to_string()
