"""What protects stacks: layers add up, own models change throughput, adoption costs once, shares and floors bind."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.audit import audit
from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.case.case import Case
from planner.case.control import attribute_values
from planner.facts.catalog import load_catalog
from planner.facts.errors import NotOffered, UnknownName
from planner.intake.scenario_file import example_path, load_scenario
from planner.models.build import build_model
from planner.planning.pipeline import solve
from planner.planning.solve_run import Outcome
from planner.plans.plan import Plan
from planner.scenario.schema import Limits, MoneyCap, Scenario
from planner.solver.engine import Engine
from planner.studies import stacks
from planner.studies.stack_duties import least_waived
from planner.studies.stack_reasons import catalog_rows, differences
from planner.studies.stacks import (
    FIVE,
    Comparison,
    beside_free,
    compare_stacks,
    forced,
    kept_by_free,
    stack_table,
    unlike_free,
)

pytestmark = pytest.mark.untraced

KINDS = {
    "hardware",
    "hosting",
    "platform",
    "models",
    "security",
    "data",
    "applications",
    "staff",
    "standards",
}


def scenario(**changes: Any) -> Scenario:
    """A champion in Haenam and a joint venture in Ulsan, both with a hall that stands; a cloud in Seoul."""

    def host(h: str, site: str, owner: str, stack: str) -> dict[str, Any]:
        return {"id": h, "site": site, "mode": "build", "owner_class": owner, "operator": owner, "stacks": [stack],
                "max_it_mw": 8, "open_cost_musd": 1, "team_musd_per_year": 1}  # fmt: skip

    # Platforms of one's own dear enough that renting is the free choice.
    own = {"adoption_musd": 40, "platform_musd_per_year": 25, "lead_months": 0}
    sites = {"haenam": "KR-HNM", "ulsan": "KR-ULS", "seoul": "KR-SEO"}
    base: dict[str, Any] = {
        "planner": 1, "name": "tiny", "country": "KOR", "horizon": {"start": "2027-01-01", "years": 3},
        "demand": [{
            "id": "w", "kind": "inference", "sector": "x", "body": "private", "data_class": "public",
            "latency_class": "standard", "model_class": "large", "locality": {"where": "in-country"}, "optional": True,
            "size": {"by": "accelerators", "shape": "step", "points": [{"at": "2027-01-01", "value": 600}]},
        }],
        "sites": [{"id": p, "metro": m, "grid_mw": [{"from": "2027-01-01", "mw": 30}]} for p, m in sites.items()],
        "hosts": [
            host("champion", "haenam", "national-champion", "champion-us-chips"),
            host("venture", "ulsan", "joint-venture", "us-platform-local-operator"),
            {"id": "cloud", "site": "seoul", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
             "stacks": ["us-cloud"]},
        ],
        "stacks": [{"id": "champion-us-chips", **own}, {"id": "us-platform-local-operator", **own},
                   {"id": "us-cloud", "lead_months": 0}],
        "systems": [{"id": "hgx-b300", "available_from": "2026-06-01", "delivery_months": 3}],
        "existing": {"halls": [{"id": f"hall-{h}", "host": h, "it_mw": 8, "grid_mw": 16, "backup_mw": 16,
                                "cooling": {"air-chilled-water": 16}} for h in ("champion", "venture")]},
        "supply": {"owner_allocations": False},
        "limits": {"max_delay_months": 4},
        "solve": {"quality": "quick", "slices": 1},
    }  # fmt: skip
    return Scenario.model_validate(base | changes)


def solved(s: Scenario) -> Plan:
    outcome = solve(build_case(s))
    assert outcome.plan is not None, (outcome.status, [str(t) for t in outcome.troubles])
    assert not len(audit(outcome.plan)), audit(outcome.plan).to_string()
    return outcome.plan


# ---- layers


def test_every_stack_has_one_layer_of_every_kind_and_all_control_attributes() -> None:
    catalog = load_catalog()
    layers = catalog.table("layers")
    known = attribute_values(catalog)
    assert set(FIVE) <= set(catalog.table("stacks").index)
    for stack, bundle in catalog.table("stacks")["layers"].items():
        own = layers.loc[str(bundle).split(";")]
        assert sorted(own["kind"]) == sorted(KINDS), stack
        sets = own.dropna(subset=["control_attribute"])
        assert set(sets["control_attribute"]) == {"platform", "model", "keys", "contracts"}, stack
        assert all(
            v in known[a] for a, v in zip(sets["control_attribute"], sets["control_value"], strict=True)
        )


def test_a_stack_costs_the_sum_of_its_layers_and_waits_for_the_slowest() -> None:
    case = build_case(scenario(stacks=[{"id": "champion-us-chips"}]))
    layers = load_catalog().table("layers")
    own = layers.loc[str(load_catalog().value("stacks", "champion-us-chips", "layers")).split(";")]
    row = case.stacks.loc["champion-us-chips"]
    assert row["adoption_musd"] == pytest.approx(own["adoption_musd_mid"].sum())
    assert row["platform_musd_per_step"] == pytest.approx(own["musd_per_year_mid"].sum() / 4)
    assert row["licence_musd_per_k_step"] == pytest.approx(own["usd_per_accelerator_year_mid"].sum() / 4e3)
    assert row["earliest_t"] == 2  # six months, the platform
    given = build_case(scenario(stacks=[{"id": "champion-us-chips", "adoption_musd": 10, "lead_months": 9}]))
    assert (
        given.layers["adoption_musd"].sum() == pytest.approx(10) and given.stacks["earliest_t"].iloc[0] == 3
    )


def test_own_models_change_the_throughput() -> None:
    """Factor 0.6 on the class of large models, and no model of its own for small ones."""
    hosts = scenario().model_dump(by_alias=True, exclude_none=True)["hosts"][:1]
    hosts[0]["stacks"] = ["champion-us-chips", "champion-own-models"]
    stacks = [{"id": s, "lead_months": 0} for s in hosts[0]["stacks"]]

    def ratio(model_class: str) -> float:
        demand = scenario().model_dump(by_alias=True, exclude_none=True)["demand"]
        demand[0]["model_class"] = model_class
        rate = (
            build_case(scenario(hosts=hosts, stacks=stacks, demand=demand)).serve.groupby("a")["rate"].max()
        )
        return float(rate["champion-own-models"] / rate["champion-us-chips"])

    assert ratio("large") == pytest.approx(0.6)
    assert ratio("small") == pytest.approx(1)


def test_adoption_is_paid_once_however_many_workloads_use_it() -> None:
    one = scenario()
    demand = one.model_dump(by_alias=True, exclude_none=True)["demand"]
    demand[0]["size"]["points"][0]["value"] = 300
    two = scenario(demand=[demand[0], demand[0] | {"id": "v"}])
    paid = []
    for s in (one, two):
        hosts = s.model_dump(by_alias=True, exclude_none=True)["hosts"][:1]
        plan = solved(
            Scenario.model_validate(s.model_dump(by_alias=True, exclude_none=True) | {"hosts": hosts})
        )
        ledger = plan.tables["ledger"]
        paid.append(ledger.loc[ledger["account"] == "stack-adoption", "musd"].sum())
        assert set(ledger.loc[ledger["account"] == "stack-adoption", "supplier"]) >= {
            "platform-open",
            "models-open",
        }
    assert paid == pytest.approx([40, 40])


# ---- control


def control_at(case: Case, floor: float | None) -> tuple[float, float]:
    """Cost and control of what is served of the linear programme under a floor."""
    engine = Engine(case)
    engine.integers()
    engine.policy(Bounds(max_delay_months=4, min_control_points=floor))
    engine.minimise("cost")
    found = engine.lp()
    assert found.x is not None
    return engine.value(found.x, "cost"), engine.control(found.x)


def test_a_floor_on_control_binds_exactly_and_costs() -> None:
    case = build_case(scenario())
    free_cost, free = control_at(case, None)
    floor = round(free + 8, 2)
    cost, reached = control_at(case, floor)
    assert reached == pytest.approx(floor, abs=1e-6) and cost > free_cost


def test_all_control_figures_follow_from_the_serving_table() -> None:
    plan = solved(scenario(limits={"max_delay_months": 4, "min_control": 50}))
    serving, demand = plan.tables["serving"], plan.tables["demand"]
    asked = {"work": ("served_kref", demand["demand_kref"].sum()), "priority": ("share", len(demand))}
    for measure, (weight, whole) in asked.items():
        served = 100 * (serving[weight] * serving["sigma"]).sum()
        assert plan.kpi(f"control_by_{measure}") == pytest.approx(served / serving[weight].sum(), rel=1e-6)
        assert plan.kpi(f"national_control_by_{measure}") == pytest.approx(served / whole, rel=1e-6)
    assert plan.kpi("control_score") == plan.kpi("control_by_work") >= 50 - 1e-6
    assert plan.kpi("national_control") == plan.kpi("national_control_by_work")


def test_national_control_is_linear_a_mix_of_two_plans_scores_the_mix() -> None:
    case = build_case(scenario())
    engine = Engine(case)
    engine.integers()
    points = []
    for floor in (None, 55.0):
        engine.policy(Bounds(max_delay_months=4, min_control_points=floor))
        engine.minimise("cost")
        found = engine.lp()
        assert found.x is not None
        points.append(found.x)
    mix = 0.3 * points[0] + 0.7 * points[1]
    weight = case.serve["rate"] * case.serve["sigma"] / case.demand["demand_kref"].sum()
    for x in (*points, mix):
        serve = engine.family(x, "serve").reindex(case.serve.index)
        assert engine.value(x, "control") == pytest.approx((serve * weight).sum(), rel=1e-6)
    parts = [engine.value(x, "control") for x in points]
    assert engine.value(mix, "control") == pytest.approx(0.3 * parts[0] + 0.7 * parts[1])


# ---- concentration


@pytest.mark.parametrize(
    ("by", "name"),
    [("operator", "us"), ("parent", "USA"), ("stack", "us-cloud"), ("site", "seoul"), ("owner-class", "us-operator"),
     ("host", "cloud"), ("country", "JPN")],
)  # fmt: skip
def test_a_share_cap_binds_where_it_is_asked(by: str, name: str) -> None:
    tiny = scenario().model_dump(by_alias=True, exclude_none=True)
    tiny["demand"][0]["locality"]["where"] = "anywhere"
    tiny["sites"][2]["metro"] = "JP-TYO" if by == "country" else "KR-SEO"  # the cloud's

    cap = {"by": by, "id": name, "max_share": 0.25}
    case = build_case(Scenario.model_validate(tiny | {"limits": {"max_delay_months": 4, "shares": [cap]}}))
    engine = Engine(case)
    engine.integers()
    engine.policy(Bounds(max_delay_months=4))
    engine.minimise("cost")
    found = engine.lp()
    assert found.x is not None
    work = engine.family(found.x, "serve") * case.serve["rate"]
    done = work.groupby(level=[4, 1]).sum().unstack()
    done = done[done.sum(axis=1) > 1e-6]
    # the cloud is the free choice (over a half without the cap), so it is used up to the cap
    assert (done["cloud"] / done.sum(axis=1)).max() == pytest.approx(0.25, abs=1e-6)


def test_a_cap_on_a_maker_of_chips_sends_the_rest_to_another() -> None:
    systems = [{"id": k, "available_from": "2026-06-01", "delivery_months": 3, "price_usd": price}
               for k, price in (("hgx-b300", 2e5), ("mi355x-8", 2e6))]  # fmt: skip
    hosts = scenario().model_dump(by_alias=True, exclude_none=True)["hosts"][:2]

    def share(limits: dict[str, Any]) -> float:
        case = build_case(scenario(systems=systems, hosts=hosts, limits=limits))
        engine = Engine(case)
        engine.integers()
        engine.policy(Bounds(max_delay_months=14))  # the other maker's need cooling first
        engine.minimise("cost")
        found = engine.lp()
        assert found.x is not None
        work = (engine.family(found.x, "serve") * case.serve["rate"]).groupby(level=[4, 3]).sum().unstack()
        work = work[work.sum(axis=1) > 1e-6]
        return float((work["hgx-b300"] / work.sum(axis=1)).max())

    assert share({}) == pytest.approx(1)
    assert share({"shares": [{"by": "vendor", "id": "nvidia", "max_share": 0.6}]}) == pytest.approx(
        0.6, abs=1e-6
    )


def test_a_plan_under_a_share_cap_is_audited() -> None:
    cap = {"by": "operator", "id": "us", "max_share": 0.6}
    plan = solved(scenario(limits={"max_delay_months": 4, "shares": [cap]}))
    rows = plan.tables["serving"]
    cloud = rows[rows["h"] == "cloud"].groupby("t")["served_kref"].sum()
    assert (cloud <= 0.6 * rows.groupby("t")["served_kref"].sum().reindex(cloud.index) + 1e-9).all()


def test_chip_origin_and_country_caps_reach_every_offer() -> None:
    case = build_case(scenario(limits={"shares": [{"by": "chip-origin", "id": "USA", "max_share": 0.5},
                                                   {"by": "country", "id": "KOR", "max_share": 0.5}]}))  # fmt: skip
    counted = case.share_members.groupby("i").size()
    assert counted.to_dict() == {"chip-origin USA": 3, "country KOR": 3}


def test_of_dated_caps_on_one_class_each_holds_from_its_day() -> None:
    """The strictest binds: a later cap that is looser does not lift an earlier one."""
    own = {"by": "operator", "id": "us"}
    later = [{"max_share": 0.4, "from": "2028-01-01"}, {"max_share": 0.9, "from": "2028-07-01"}]
    caps = [{**own, "max_share": 0.6}, *({**own, **cap} for cap in later)]
    plan = solved(scenario(limits={"max_delay_months": 4, "shares": caps}))
    assert not len(audit(plan))
    rows = plan.tables["serving"]
    cloud = rows["served_kref"].where(rows["h"] == "cloud", 0.0).groupby(rows["t"]).sum()
    share = cloud / rows.groupby("t")["served_kref"].sum()
    first = plan.case.calendar.holds_from(date(2028, 1, 1))
    assert share[share.index < first].max() <= 0.6 + 1e-6
    assert share[share.index >= first].max() <= 0.4 + 1e-6


# ---- the table


def test_forcing_a_stack_hands_hosts_to_its_usual_owner() -> None:
    s = forced(scenario(), "us-platform-local-operator", load_catalog())
    assert {h.id: h.owner_class for h in s.hosts} == {"champion": "joint-venture", "venture": "joint-venture"}
    rival = forced(scenario(), "rival", load_catalog())
    assert {x.id for x in rival.systems} == {"cloudmatrix-384"}
    with pytest.raises(NotOffered, match="the scenario has no such host"):
        hosts = scenario().model_dump(by_alias=True, exclude_none=True)["hosts"][:2]
        forced(scenario(hosts=hosts), "us-cloud", load_catalog())


@pytest.fixture(scope="module")
def compared() -> Comparison:
    return compare_stacks(scenario(), ("american-package", "champion-us-chips", "us-cloud"))


def test_the_table_of_stacks_orders_control_and_counts_us_content(compared: Comparison) -> None:
    table = compared.table.set_index("stack")
    assert list(table.index) == ["free", "american-package", "champion-us-chips", "us-cloud"]
    assert set(table["status"]) == {"optimal"} and (table["gap"] <= 0.02).all()
    package, champion = table.loc["american-package"], table.loc["champion-us-chips"]
    assert package["control_score"] == pytest.approx(31.05, abs=0.01)
    assert champion["control_score"] == pytest.approx(67.60, abs=0.01)
    assert package["us_seat"] > 0.9 > champion["us_seat"] > 0.2
    assert champion["home_content"] > package["home_content"]
    assert 0.9 < champion["us_seat_hardware"] < 1  # installation is paid where it is done
    assert 0.3 < champion["us_content_hardware"] < 0.8  # fabs, memory and assembly are elsewhere
    assert (
        table["us_content"].between(0, 1).all()
        and (table["us_content"] + table["home_content"] < 1 + 1e-9).all()
    )
    seals = [f"seal_{level}_share" for level in range(5)]
    assert table[seals].sum(axis=1).to_numpy() == pytest.approx(1)
    assert (table["capex_partner_musd"] > 0).drop("us-cloud").drop("free").all()
    assert table["first_service"].str.startswith("2027").all()


def standing() -> Scenario:
    """500 accelerators that the champion owns, 512 rented from the cloud for two years; demand of 600."""
    of = {"system": "hgx-b300"}
    fleets = [{"id": "own", "host": "champion", "stack": "champion-us-chips", "accelerators": 500,
               "since": "2026-07-01", "retire": "2030-01-01", **of},
              {"id": "gone", "host": "venture", "stack": "us-platform-local-operator", "accelerators": 8,
               "since": "2024-01-01", "retire": "2026-12-01", **of}]  # fmt: skip
    contract = {"id": "old", "host": "cloud", "stack": "us-cloud", "accelerators": 512, "until": "2028-12-31",
                "usd_per_accelerator_hour": 3.0, **of}  # fmt: skip
    halls = scenario().existing.model_dump(exclude_none=True)["halls"]
    return scenario(existing={"halls": halls, "fleets": fleets, "contracts": [contract]})


def test_a_stack_keeps_what_stands_of_it_and_the_free_choice_says_what_else_it_keeps() -> None:
    catalog = load_catalog()
    champion, cloud = (
        forced(standing(), name, catalog).existing for name in ("champion-us-chips", "us-cloud")
    )
    assert [x.id for x in champion.fleets] == ["own"] and champion.halls and not champion.contracts
    assert [x.id for x in cloud.contracts] == ["old"] and not cloud.halls and not cloud.fleets
    told = kept_by_free(build_case(standing()))
    owed = 512 * 3.0 * 2 * 8760 / 1e6
    assert told.startswith(
        "keeps what stands and is owed today: 500 accelerators of champion-us-chips at champion until 2030-01-01, "
        f"512 of us-cloud at cloud by contract until 2028-12-31, for which {owed:.1f} MUSD are owed, undiscounted; other"
    ), told
    assert not kept_by_free(build_case(scenario()))


def test_a_row_buys_no_more_than_what_does_not_stand_of_its_stack(compared: Comparison) -> None:
    table = compare_stacks(standing(), ("champion-us-chips",)).table.set_index("stack")
    assert table.loc["free", "note"].startswith("keeps what stands and is owed today: 500 accelerators of")
    bare = compared.table.set_index("stack").loc["champion-us-chips"]
    assert table.loc["champion-us-chips", "capex_partner_musd"] < 0.5 * bare["capex_partner_musd"]


def test_a_stop_ends_the_row_at_work() -> None:
    found = compare_stacks(scenario(), ("us-cloud",), free=False, should_stop=lambda: True).table
    assert found["status"].item() != "optimal"


def test_the_price_of_control_is_that_of_like_service_against_the_next_cheaper_stack(
    compared: Comparison,
) -> None:
    table = compared.table.set_index("stack")
    stacks = table.drop("free")
    unit = stacks["cost_npv_musd"] / stacks["served_mhours"]
    assert table.loc["free", "compared_with"] == ""
    for name, row in stacks.iterrows():
        less = stacks["control_score"] < row["control_score"] - 0.5
        cheaper = stacks[less & (unit < unit[name])]
        if not len(cheaper):
            assert row["compared_with"] == "" and np.isnan(row["musd_per_control_point"])
            continue
        below = cheaper.loc[cheaper["control_score"].idxmax()]
        assert row["compared_with"] == below.name
        rise = row["cost_npv_musd"] - unit[below.name] * row["served_mhours"]
        points = row["control_score"] - below["control_score"]
        assert row["musd_per_control_point"] == pytest.approx(rise / points) and rise > 0
    assert (stacks["compared_with"] != "").any()


def test_what_a_stack_serves_less_than_the_free_choice_is_said_and_priced(compared: Comparison) -> None:
    rows = [("free", 150.0, 30.0, 0.02, ""), ("like", 149.0, 30.01, 0.0, ""), ("less", 140.0, 27.0, 0.0, "not all"),
            ("more", 160.0, 33.0, 0.0, ""), ("cheap", 120.0, 29.0, 0.0, ""), ("none", *[np.nan] * 3, "")]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["stack", "cost_npv_musd", "served_mhours", "gap", "note"])
    frame["usd_per_served_hour"] = frame["cost_npv_musd"] / frame["served_mhours"]
    frame["served_share"] = [0.84, 0.84, 0.8399, 0.6, 0.84, np.nan]
    frame["delay_months"] = [9.0, 9.0, 9.0, 9.0, 12.0, np.nan]
    free, like, less, more, cheap, none = beside_free(frame)
    assert free == like == none == ""
    assert (
        less == "not all; serves 10.0 % less work than the free choice, 15.0 MUSD at what an hour costs there"
    )
    assert more == (
        "serves 10.0 % more work than the free choice, 15.0 MUSD at what an hour costs there; by priority it serves 60.0 % "
        "of the work asked for, the free choice 84.0 %"
    )
    told = "costs less than any plan of the free choice, at least 147.0 MUSD"
    causes = ", also with that work, by one or more of these: what it leaves out is dearer than the mean, it waits longer"
    assert cheap.startswith("serves 3.3 % less work") and cheap.endswith(told + causes)
    frame.loc[frame["stack"] == "cheap", ["served_mhours", "delay_months"]] = 30.0, 9.0
    assert beside_free(frame, {"cheap": ["systems"]})[4] == f"{told}, by one or more of these: systems"
    assert beside_free(frame)[4] == told, "nothing is blamed that is not there"
    frame.loc[frame["stack"] == "cheap", "served_mhours"] = 29.0
    assert beside_free(frame[1:]) == ["", "not all", "", "", ""]
    table = compared.table.set_index("stack")
    hours = table["served_mhours"]
    for name, note in table["note"].drop("free").items():
        apart = abs(1 - hours[name] / hours["free"]) >= 1e-3
        assert ("work than the free choice" in note) == apart


def with_duty(**changes: Any) -> Scenario:
    """All must be served, from ``must_serve_by`` on where it is given."""
    work = scenario().model_dump(by_alias=True, exclude_none=True)["demand"]
    return scenario(demand=[work[0] | {"optional": False} | changes])


def test_a_stack_keeps_the_duty_to_serve_where_a_plan_of_it_can(root: Path) -> None:
    """Of a scenario with that stack alone its row is the free choice: 27.6 MUSD; without the duty it cost 25."""
    asked = load_scenario(root / "tests" / "scenarios" / "short-of-two.yaml")
    own = [h for h in asked.hosts if h.id != "cloud"]
    asked = asked.model_copy(update={"hosts": own, "stacks": asked.stacks[:1]})
    free, row = compare_stacks(asked, ("champion-us-chips",)).table.to_dict("records")
    assert row["cost_npv_musd"] >= free["cost_npv_musd"] * (1 - free["gap"])
    assert row["served_mhours"] == pytest.approx(free["served_mhours"]) and row["note"] == free["note"] == ""
    assert unlike_free(asked, "champion-us-chips", load_catalog()) == []


def test_without_a_plan_of_the_free_choice_all_that_it_keeps_is_named() -> None:
    asked = with_duty().model_copy(update={"limits": Limits(money=[MoneyCap(what="outlay", musd=6.5)])})
    row = compare_stacks(asked, ("champion-us-chips",)).table.set_index("stack").loc["free"]
    assert "all that the scenario states (limits.money, duties to serve)" in row["note"]


def test_the_note_names_the_duty_that_no_plan_of_a_stack_keeps() -> None:
    """The champion's own stack is ready half a year after the day from which all must be served."""
    asked = with_duty(must_serve_by="2027-02-01")
    table = compare_stacks(asked, ("champion-us-chips",), free=False).table.set_index("stack")
    row = table.loc["champion-us-chips"]
    assert "the duty to serve is waived, which no plan of the stack keeps beside the rest: w" in row["note"]
    assert row["status"] == "optimal" and row["served_share"] > 0


def test_a_duty_that_was_waived_in_vain_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of halls keep both, whole ones never what is larger: waived first is what gives first, which is no help."""
    asked = two_duties(priority=2.0)
    monkeypatch.setattr(stacks, "least_waived", lambda *_: [])
    tried: list[list[str]] = []

    def solve_without(case: Case, *_: Any, **__: Any) -> Outcome:
        waived = [w.id for w in case.scenario.demand if w.optional]
        tried.append(waived)
        status, plan = ("optimal", object()) if "big" in waived else ("infeasible", None)
        return SimpleNamespace(status=status, plan=plan, troubles=[], stopped=False)  # type: ignore[return-value]

    monkeypatch.setattr(stacks, "solve", solve_without)
    outcome, waived = stacks._keeping_duties(asked, load_catalog(), "champion-us-chips", "quick", None, None)
    assert waived == ["big"] and outcome.plan is not None
    assert tried == [[], ["small"], ["big", "small"], ["big"]]


def two_duties(**changes: Any) -> Scenario:
    """Two works that must be served in full, each of which fits the champion's hall and both do not."""
    work = with_duty().model_dump(by_alias=True, exclude_none=True)["demand"][0]
    big, small = (work["size"] | {"points": [{"at": "2027-01-01", "value": n}]} for n in (3200, 2400))
    demand = [work | {"id": "big", "size": big}, work | {"id": "small", "size": small}]
    return scenario(demand=[w | changes if w["id"] == "big" else w for w in demand])


@pytest.mark.parametrize(("changes", "waived"), [({}, "big"), ({"priority": 2.0}, "small")])
def test_no_more_duties_are_waived_than_must_be_for_a_plan(changes: dict[str, float], waived: str) -> None:
    """Kept is what is of higher priority, and of the same what asks for less: its demand is served in full."""
    asked, catalog = two_duties(**changes), load_catalog()
    only = forced(asked, "champion-us-chips", catalog)
    only = only.model_copy(update={"hosts": only.hosts[:1]})
    assert least_waived(build_case(only), ["big", "small"]) == [waived]
    assert least_waived(build_case(only), ["big"]) == ["big"]


def test_a_free_choice_without_a_plan_is_told_what_it_keeps_beside_rows_that_have_one() -> None:
    asked = with_duty(must_serve_by="2028-01-01").model_copy(update={"limits": Limits(max_cost_musd=0.5)})
    free, row = compare_stacks(asked, ("champion-us-chips",)).table.to_dict("records")
    assert free["status"] == "infeasible" and row["status"] == "optimal"
    assert free["note"].startswith(
        "no plan keeps all that the scenario states (limits.max_cost_musd, duties to serve); planner explain"
    )


def test_what_a_row_has_unlike_the_free_choice_is_what_the_case_has() -> None:
    catalog = load_catalog()
    bare = scenario(limits={})
    assert unlike_free(bare, "rival", catalog)[-1] == "systems of the stack's vendors alone: cloudmatrix-384"
    assert unlike_free(scenario(), "us-cloud", catalog) == ["the free choice keeps limits.max_delay_months"]
    kept = "the free choice keeps fleets and contracts of other stacks"
    assert unlike_free(standing(), "us-cloud", catalog)[-1] == kept
    assert "of another class of owner: venture" in unlike_free(scenario(), "champion-us-chips", catalog)


def test_costs_by_account_sum_to_each_stacks_cost(compared: Comparison) -> None:
    cost = compared.table.set_index("stack")["cost_npv_musd"]
    pd.testing.assert_series_equal(compared.accounts.sum(), cost, check_names=False, rtol=1e-6)
    assert compared.accounts.loc["operator-fee", "champion-us-chips"] == 0  # owner_classes: no fee
    assert compared.accounts.loc["operator-fee", "american-package"] > 0


def test_every_figure_behind_a_stack_is_a_row_of_the_catalog() -> None:
    catalog = load_catalog()
    rows = catalog_rows(scenario(), ("american-package", "champion-us-chips"))
    adoption = rows[rows["what"].str.endswith("adoption_musd")].groupby("stack")["value"].sum()
    for stack in adoption.index:
        own = catalog.table("layers").loc[str(catalog.value("stacks", stack, "layers")).split(";")]
        assert adoption[stack] == pytest.approx(own["adoption_musd_mid"].sum())
    for table, row in rows.loc[rows["table"].isin(["layers", "owner_classes"]), ["table", "row"]].itertuples(
        index=False
    ):
        assert row in catalog.table(table).index
    apart = differences(scenario(), ("american-package", "champion-us-chips")).set_index("what")
    assert apart.loc["hardware_price_factor", "champion-us-chips"] == "1.2 (national-champion)"
    assert apart.loc["hardware_price_factor", "american-package"] == "1 (us-operator)"
    assert "systems" not in apart.index  # the same for both


def test_a_stack_that_is_not_offered_says_why_and_one_that_may_serve_nothing_too() -> None:
    hosts = scenario().model_dump(by_alias=True, exclude_none=True)["hosts"][:2]
    demand = scenario().model_dump(by_alias=True, exclude_none=True)["demand"]
    demand.append(demand[0] | {"id": "secret", "data_class": "secret", "body": "public", "locality": None})
    table = stack_table(
        scenario(hosts=hosts, demand=demand), ("us-cloud", "american-package"), free=False
    ).set_index("stack")
    assert table.loc["us-cloud", "status"] == "not offered"
    assert "the scenario has no such host" in table.loc["us-cloud", "note"]
    assert table.loc["american-package", "note"].startswith("secret not served (")
    with pytest.raises(UnknownName, match="no stack chimp in the catalog"):
        stack_table(scenario(), ("chimp",))


def test_what_is_bought_at_a_place_is_made_in_its_country_and_no_purchase_lacks_an_origin() -> None:
    sites = scenario().model_dump(by_alias=True, exclude_none=True)["sites"]
    hosts = scenario().model_dump(by_alias=True, exclude_none=True)["hosts"]
    sites[1]["metro"] = "JP-TYO"  # the venture builds abroad
    case = build_case(scenario(sites=sites, hosts=hosts, control={"trusted_region": ["JPN"]}))
    entries = build_model(case)[1]
    bought = entries[entries["kind"].isin(["capex", "residual"])]
    assert (bought["origin_iso3"] != "").all(), bought.loc[bought["origin_iso3"] == "", "account"].unique()
    local = {"halls", "hall-upkeep", "cooling", "grid", "backup", "backup-upkeep", "team", "electricity"}
    placed = entries[entries["account"].isin(local)]
    assert set(placed["account"]) == local
    assert dict(zip(placed["h"], placed["origin_iso3"], strict=True)) == {"champion": "KOR", "venture": "JPN"}
    assert placed.groupby("h")["origin_iso3"].nunique().eq(1).all()
    plan = solved(
        scenario(hosts=hosts[:1], existing={}, limits={})
    )  # halls are built; the audit agrees line by line
    assert {"halls", "grid"} <= set(plan.tables["ledger"]["account"])


# ---- resilience


def test_survival_of_the_loss_of_a_site_binds_from_its_date_and_is_audited() -> None:
    demand = scenario().model_dump(by_alias=True, exclude_none=True)["demand"]
    demand[0] |= {"survival_share": 0.5, "survive_from": "2028-01-01"}
    plan = solved(scenario(demand=demand))
    rows = plan.tables["serving"]
    first = plan.case.calendar.first_from(plan.case.scenario.demand[0].survive_from)
    work = rows.assign(held=(rows["accelerators"] + rows["reserve"]) * rows["rate"] / 1000)
    for t, part in work.groupby("t"):
        by_site = part.groupby("p")["held"].sum()
        without = by_site.sum() - by_site.max()
        served = part["served_kref"].sum()
        if t >= first:
            assert without >= 0.5 * served - 1e-6
    free = solved(scenario()).tables["serving"]
    alone = free[free["t"] == first].groupby("p")["served_kref"].sum()
    assert alone.sum() - alone.max() < 0.5 * alone.sum() - 1e-6  # what nobody asks is not held


@pytest.mark.slow
@pytest.mark.parametrize("name", ["korea", "uae"])
def test_the_five_stacks_of_a_country(name: str) -> None:
    """All rows are complete, with their gap; control, content and licences order the stacks as they must."""
    table = stack_table(load_scenario(example_path(name)), workers=2).set_index("stack")
    assert list(table.index) == ["free", *FIVE]
    assert table["status"].isin(["optimal", "feasible"]).all(), table[["status", "note"]]
    assert table["gap"].between(0, 1).all(), table["gap"]  # how small depends on the time a row may take
    assert table.loc[table["gap"] > 0.05, "note"].str.contains("may cost up to").all()
    figures = [
        "cost_npv_musd",
        "delay_months",
        "control_score",
        "us_content",
        "capex_partner_musd",
        "served_share",
    ]
    assert table[figures].notna().all(axis=None) and (table["first_service"] != "").all()
    score = table["control_score"]
    assert score["american-package"] < score["us-platform-local-operator"] < score["champion-us-chips"]
    content = table["us_content"]
    assert content["american-package"] > content["us-platform-local-operator"] > content["rival"]
    assert table.loc["rival", "us_seat_hardware"] == 0 < table.loc["rival", "us_content_hardware"]
    assert table.loc["champion-us-chips", "musd_per_control_point"] > 0
