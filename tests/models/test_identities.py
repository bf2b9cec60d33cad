"""What must not change the optimum, and what may only make it better: names, money unit, options, limits."""

from __future__ import annotations

import copy
import json

import pytest

from planner.case.build import build_case
from planner.facts.catalog import Catalog, load_catalog
from planner.scenario.schema import Scenario
from planner.solver.solution import Status

pytestmark = pytest.mark.untraced

CLOUD_HOST = {
    "id": "cloud", "site": "south", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
    "stacks": ["us-cloud"], "open_lead_months": 3,
}  # fmt: skip
CLOUD_STACK = {
    "id": "us-cloud", "adoption_musd": 1, "platform_musd_per_year": 1, "lead_months": 3,
    "licence_usd_per_accelerator_year": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def two(tiny) -> dict:
    """Two build hosts at two sites, a cloud, two workloads of which one must survive the loss of a site."""
    plain = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)
    host, site, work = plain["hosts"][0], plain["sites"][0], plain["demand"][0]
    plain["sites"] = [site, {**site, "id": "north", "metro": "KR-SEO", "elec_price_usd_per_mwh": 140}]
    plain["hosts"] = [host, {**host, "id": "second", "site": "north"}, copy.deepcopy(CLOUD_HOST)]
    plain["stacks"] = [*plain["stacks"], copy.deepcopy(CLOUD_STACK)]
    state = {**work, "id": "state", "survival_share": 0.5, "survive_from": "2028-01-01", "priority": 2}
    batch = {**work, "id": "nightly", "kind": "batch", "preemptible": True}
    plain["demand"] = [work, state, batch]
    plain["limits"] = {"min_control": 30}
    return plain


def scenario(plain: dict, **changes) -> Scenario:
    return Scenario.model_validate({**copy.deepcopy(plain), **changes})


@pytest.fixture(scope="module")
def base(two, plain_catalog, optimise):
    answer = optimise(scenario(two), plain_catalog())
    assert answer.status is Status.OPTIMAL
    return answer.objective


def test_names_change_nothing(two, base, plain_catalog, optimise):
    """New ids, in another order of the alphabet, and lists turned round."""
    new = {"south": "z-site", "north": "a-site", "champion": "zz", "second": "aa", "work": "w9",
           "state": "w1", "nightly": "w5"}  # fmt: skip
    text = json.dumps(two)
    for old, name in new.items():
        text = text.replace(f'"{old}"', f'"{name}"')
    renamed = json.loads(text)
    renamed["hosts"][-1]["id"] = "mm"
    for key in ("sites", "hosts", "demand", "stacks", "systems"):
        renamed[key].reverse()
    assert optimise(scenario(renamed), plain_catalog()).objective == pytest.approx(base, rel=1e-7)


def test_money_in_halves_doubles_the_cost(two, base, plain_catalog, optimise):
    """All prices of the catalog and of the scenario doubled: every column whose unit holds USD."""
    catalog = plain_catalog()
    frames = {name: catalog.table(name).copy() for name in catalog.tables}
    doubled = 0
    for name, frame in frames.items():
        for field in catalog.fields(name):
            if "USD" in str(field.get("unit", "")) and field["name"] in frame:
                frame[field["name"]] = frame[field["name"]] * 2
                doubled += 1
    dear = frames["parameters"]["unit"].astype(str).str.contains("USD")
    for column in ("value_low", "value_mid", "value_high"):
        frames["parameters"].loc[dear, column] *= 2

    def twice(record):
        if isinstance(record, list):
            return [twice(r) for r in record]
        if not isinstance(record, dict):
            return record
        return {
            key: 2 * value if ("usd" in key and isinstance(value, (int, float))) else twice(value)
            for key, value in record.items()
        }

    assert doubled > 10
    answer = optimise(Scenario.model_validate(twice(two)), Catalog(frames, load_catalog()._resources))
    assert answer.objective == pytest.approx(2 * base, rel=1e-7)


def test_an_unattractive_option_more_changes_nothing(two, base, plain_catalog, optimise):
    dear = {**CLOUD_HOST, "id": "dear-cloud", "rent_factor": 50}
    answer = optimise(scenario(two, hosts=[*two["hosts"], dear]), plain_catalog())
    assert answer.objective == pytest.approx(base, rel=1e-7)


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("another system", lambda p: p["systems"].append({"id": "gb300-nvl72"})),
        ("a cheaper cloud", lambda p: p["hosts"].append({**CLOUD_HOST, "id": "cheap", "rent_factor": 0.2})),
        ("no control floor", lambda p: p["limits"].pop("min_control")),
        ("a later duty", lambda p: p["demand"][0].update(must_serve_by="2029-01-01")),
        ("no survival", lambda p: p["demand"][1].update(survival_share=0)),
        ("a sooner grid", lambda p: p["sites"][0].update(grid_lead_months=3)),
        ("a choice of halls", lambda p: p["hosts"][0].update(hall_types=["modular", "conventional"])),
        ("opening in every quarter", lambda p: p.update(solve={"open_every_periods": 1})),
    ],
)
def test_a_looser_limit_or_a_new_option_never_costs_more(two, base, plain_catalog, optimise, what, change):
    loose = copy.deepcopy(two)
    change(loose)
    assert optimise(Scenario.model_validate(loose), plain_catalog()).objective <= base * (1 + 1e-7), what


def test_every_objective_is_best_for_itself(two, plain_catalog, optimise):
    """Least cost is cheapest, least delay fastest, most control highest; all keep the same duties."""
    catalog = plain_catalog()
    cost, delay = (optimise(scenario(two), catalog, goal) for goal in ("cost", "delay"))
    control = optimise(scenario(two), catalog, "control", maximise=True)
    kpis = [(a.values("cost").iloc[0], a.values("delay").iloc[0], a.values("control").iloc[0])
            for a in (cost, delay, control)]  # fmt: skip
    assert min(k[0] for k in kpis) == pytest.approx(kpis[0][0], rel=1e-7)
    assert min(k[1] for k in kpis) == pytest.approx(kpis[1][1], abs=1e-7)
    assert max(k[2] for k in kpis) == pytest.approx(kpis[2][2], abs=1e-7)


@pytest.mark.parametrize("step", [pytest.param("month", marks=pytest.mark.slow), "half-year", "year"])
def test_other_steps_give_nearly_the_same_cost(tiny, plain_catalog, optimise, step):
    """Steps only move payments within the step; leads here are whole years so that rounding changes none."""
    leads = {
        "hosts": {"open_lead_months": 0}, "stacks": {"lead_months": 12},
        "systems": {"delivery_months": 12}, "sites": {"grid_lead_months": 12},
    }  # fmt: skip
    catalog = plain_catalog(
        {("halls", "modular", "lead_months_mid"): 12, ("backup", "diesel", "lead_months_mid"): 12}
    )
    quarter = optimise(tiny(**leads), catalog)
    other = optimise(tiny(**leads, horizon={"step": step}), catalog)
    assert other.objective == pytest.approx(quarter.objective, rel=0.02)
    assert other.values("delay").iloc[0] == pytest.approx(12.0)


@pytest.mark.parametrize(("step", "per_year"), [("month", 12), ("quarter", 4), ("half-year", 2), ("year", 1)])
def test_cumulative_quotas_allow_the_same_in_a_year_on_every_step(tiny, plain_catalog, step, per_year):
    quotas = [
        {"id": "q", "cumulative": True, "path": [{"from": "2027-01-01", "accelerators": 400}]},
        {"id": "held", "basis": "capacity", "path": [{"from": "2028-01-01", "accelerators": 500}]},
    ]
    case = build_case(
        tiny(horizon={"step": step}, supply={"quotas": quotas, "reference": "b300"}), plain_catalog()
    )
    assert case.quotas.loc[("q", per_year - 1), "amount_k"] == pytest.approx(4 * 0.4)
    assert case.quotas.loc[("q", 3 * per_year - 1), "amount_k"] == pytest.approx(12 * 0.4)
    assert case.quotas.loc["held"]["amount_k"].tolist() == [0.0] * per_year + [0.5] * (2 * per_year)


def test_steps_of_a_quota_may_stand_in_any_order(tiny, plain_catalog):
    path = [{"from": "2028-01-01", "accelerators": 500}, {"from": "2027-01-01", "accelerators": 100}]
    case = build_case(
        tiny(supply={"quotas": [{"id": "q", "basis": "capacity", "path": path}]}), plain_catalog()
    )
    assert case.quotas.loc["q"]["amount_k"].tolist() == [0.1] * 4 + [0.5] * 8


def test_preemptible_users_are_counted_on_average(tiny, plain_catalog):
    size = {"by": "users", "requests_per_user_day": 10, "output_tokens_per_request": 864, "peak_factor": 3,
            "points": [{"at": "2027-01-01", "value": 10000}]}  # fmt: skip
    firm = build_case(tiny(demand={"size": size}), plain_catalog())
    soft = build_case(tiny(demand={"size": size, "preemptible": True}), plain_catalog())
    tokens = soft.demand["demand_kref"] * 1000 * soft.workloads.loc["work", "tokens_per_s_per_ref"]
    assert tokens.tolist() == pytest.approx([1000.0] * 12)
    assert firm.demand["demand_kref"].tolist() == pytest.approx((3 * soft.demand["demand_kref"]).tolist())


def test_a_stack_waits_for_its_adoption(tiny, plain_catalog, optimise):
    answer = optimise(tiny(stacks={"lead_months": 15}, demand={"must_serve_by": "2028-04-01"}), plain_catalog(),
                      "delay")  # fmt: skip
    assert answer.values("delay").iloc[0] == pytest.approx(15.0)
    assert answer.case.serve["t"].min() == 5


EXISTING = {
    "halls": [{"id": "hall", "host": "champion", "it_mw": 2, "grid_mw": 3, "backup_mw": 3}],
    "fleets": [{"id": "old", "host": "champion", "stack": "champion-us-chips", "system": "hgx-b300",
                "accelerators": 800, "since": "2026-01-01", "retire": "2029-01-01"}],
}  # fmt: skip


def test_an_existing_fleet_serves_at_once_under_an_adopted_stack_until_it_retires(
    tiny, plain_catalog, optimise
):
    scenario = tiny(existing=EXISTING, stacks={"adoption_musd": None, "lead_months": None})
    answer = optimise(scenario, plain_catalog(), bounds={"delay": (0, 0)})
    assert answer.case.stacks.loc["champion-us-chips", ["adoption_musd", "earliest_t"]].tolist() == [0, 0]
    assert answer.used("order") == {("champion", "champion-us-chips", "hgx-b300", 8): pytest.approx(0.8)}
    assert not answer.used("halls") and not answer.used("connect")


def test_an_existing_fleet_that_serves_nothing_still_fills_its_hall(tiny, plain_catalog, optimise):
    """An old fleet of a chip that no workload may use leaves no room for 100 servers of 16 kW in 2 MW."""
    fleet = {
        **EXISTING["fleets"][0],
        "system": "rngd-nxt",
        "stack": "champion-national-npu",
        "accelerators": 4000,
    }
    changes = {
        "existing": {**EXISTING, "fleets": [{**fleet, "retire": "2030-01-01"}]},
        "demand": {"kind": "training", "model_class": "frontier"},
        "hosts": {"stacks": ["champion-us-chips", "champion-national-npu"]},
        "stacks": [tiny().stacks[0].model_dump(exclude_none=True), {"id": "champion-national-npu"}],
    }
    answer = optimise(tiny(**changes), plain_catalog({("systems", "rngd-nxt", "peak_kw"): 3}))
    assert answer.status is Status.OPTIMAL
    assert answer.case.fleet["existing_k"].max() == pytest.approx(4)
    assert sum(answer.used("halls").values()) == pytest.approx(1)
