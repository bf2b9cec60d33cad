"""What protects the supplier-loss test: the past is held, what is cut stops, and the loss is counted against the plan."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.facts.errors import BadValue, NotOffered
from planner.intake.scenario_file import example_path, load_scenario
from planner.planning.pipeline import solve
from planner.plans.plan import Plan
from planner.scenario.schema import Cut, Scenario
from planner.studies.supplier_loss import SupplierLoss, sever
from planner.studies.supplier_loss_tables import why_never

START = date(2028, 1, 1)


def tiny(**changes: object) -> Scenario:
    scenario = load_scenario(example_path("two-hosts"))
    return Scenario.model_validate(scenario.model_dump(by_alias=True, exclude_none=True) | changes)


@pytest.fixture(scope="module")
def base(untraced: Callable[[], AbstractContextManager[None]]) -> Plan:
    with untraced():
        plan = solve(build_case(tiny(solve={"quality": "quick", "slices": 1}))).plan
    assert plan is not None and set(plan.tables["serving"]["h"]) == {"cloud"}
    return plan


@pytest.fixture(scope="module")
def operator_lost(base: Plan) -> SupplierLoss:
    return sever(base, Cut.model_validate({"id": "us", "from": START, "operators": ["us-operator"]}))


def plan_of(test: SupplierLoss) -> Plan:
    assert test.outcome.plan is not None, test.outcome.status
    return test.outcome.plan


def before(plan: Plan, name: str, keys: list[str], column: str, day: str) -> pd.Series:
    table = plan.tables[name]
    rows = table[pd.to_datetime(table[day]) < pd.Timestamp(START)]
    return rows.set_index(keys)[column].sort_index()


@pytest.mark.untraced
def test_what_was_decided_before_the_date_is_held(base: Plan, operator_lost: SupplierLoss) -> None:
    after = plan_of(operator_lost)
    keys = ["h", "a", "k", "r", "t"]
    old = before(base, "rents", keys, "accelerators", "start_date")
    assert len(old)
    pd.testing.assert_series_equal(old, before(after, "rents", keys, "accelerators", "start_date"), rtol=1e-6)
    orders = after.tables["orders"]
    assert len(orders) and (pd.to_datetime(orders["order_date"]) >= pd.Timestamp(START)).all()


def test_a_lost_operator_serves_nothing_and_rents_nothing_from_the_date_on(
    operator_lost: SupplierLoss,
) -> None:
    after = plan_of(operator_lost)
    serving = after.tables["serving"]
    first = after.case.calendar.first_from(START)
    assert set(serving[serving["t"] >= first]["h"]) == {"champion"}
    assert not len(after.case.rents[after.case.rents["t"] >= first])
    assert "us: no more from 2028-01-01" in set(after.case.why_not["detail"])
    assert not len(audit(after)), audit(after).to_string()


def test_the_loss_is_counted_against_the_plan(base: Plan, operator_lost: SupplierLoss) -> None:
    after = plan_of(operator_lost)
    row = operator_lost.service.iloc[0]
    first = after.case.calendar.first_from(START)
    short = (
        after.tables["demand"].set_index("t")["unserved_share"]
        - base.tables["demand"].set_index("t")["unserved_share"]
    )
    assert row["lost_months"] == pytest.approx((3 * short).sum())
    assert short[short.index < first].abs().max() < 2e-4  # service before the date is history
    assert not operator_lost.notes  # nothing had to give for it
    assert (after.tables["demand"].set_index("t")["unserved_share"][first]) == pytest.approx(
        1
    )  # nothing else stands
    assert row["worst_share"] == pytest.approx(short[short.index >= first].max())
    assert row["back_date"] > pd.Timestamp(START)
    summary = operator_lost.summary.set_index("kpi")
    assert summary.loc["delay_months", "change"] == pytest.approx(row["lost_months"])
    assert summary.loc["cost_npv_musd", "change"] == pytest.approx(
        after.kpi("cost_npv_musd") - base.kpi("cost_npv_musd")
    )
    capital = after.kpi("capex_musd") - base.kpi("capex_musd")
    assert operator_lost.buys["musd"].sum() == pytest.approx(capital, abs=0.05) and capital > 1
    assert row["why"] == ""  # it is served again
    stops = operator_lost.stops.set_index(["h", "k"])
    stood = base.tables["fleet"].query("t == @first")["accelerators"].sum()
    assert stops["accelerators"].sum() == pytest.approx(stood)
    assert set(stops["runs_until"]) == {"2028-Q1"}


def test_what_is_never_served_again_has_the_rules_against_it_as_its_reason(
    operator_lost: SupplierLoss,
) -> None:
    after = plan_of(operator_lost)
    rows = pd.DataFrame(
        [("secret", "cloud", "no keys"), ("secret", "champion", "no keys"), ("secret", "champion", "no site"),
         ("chat", "cloud", "abroad")],
        columns=["workload", "host", "detail"],
    )  # fmt: skip
    ruled = replace(after, case=replace(after.case, why_not=rows))
    assert why_never(ruled, "secret") == "no offer that is left may serve it: no keys; no site"
    assert (
        why_never(after, after.case.scenario.demand[0].id)
        == "what may still serve it is too little or too late"
    )


def test_history_that_cannot_be_repeated_is_told_with_the_rule_that_forbids_it(base: Plan) -> None:
    """A plan whose contracts are a twentieth smaller than those that served: the note says what moved and why."""
    rents = base.tables["rents"].assign(accelerators=lambda d: 0.95 * d["accelerators"])
    wrong = replace(base, tables={**base.tables, "rents": rents})
    test = sever(wrong, Cut.model_validate({"id": "us", "from": START, "operators": ["us-operator"]}))
    assert len(test.notes) == 2, test.notes
    assert "cannot be held as in the plan: rule fleet_" in test.notes[0] and "cloud" in test.notes[0]
    moved = float(test.notes[1].removeprefix("it moves by up to ").split("%")[0])
    assert 4 < moved <= 5.01, test.notes[1]


def test_a_lost_supply_lets_what_stands_run_on(base: Plan) -> None:
    cut = Cut.model_validate({"id": "chips", "from": START, "what": "supply", "chip_origins": ["USA"]})
    test = sever(base, cut)
    after = plan_of(test)
    first = after.case.calendar.first_from(START)
    serving = after.tables["serving"]
    assert len(serving[serving["t"] == first])  # three-year contracts run on
    assert not len(after.tables["orders"])
    last = serving["t"].max() + 1  # the last contract ends, and nothing follows it
    running = test.stops.loc[test.stops["accelerators"] > 0, "runs_until"]
    assert after.case.calendar.label(int(last)) in set(running) and last < after.case.calendar.n
    assert test.service.iloc[0]["lost_months"] > 0  # growth and renewals are missing
    assert test.service.iloc[0]["lost_months"] < 36


@pytest.mark.untraced
def test_a_law_and_a_site_can_be_cut(base: Plan) -> None:
    law = sever(base, Cut.model_validate({"id": "law", "from": START, "parents": ["USA"]}))
    site = sever(base, Cut.model_validate({"id": "site", "from": START, "sites": ["seoul"]}))
    lost = [test.service.iloc[0]["lost_months"] for test in (law, site)]
    assert lost[0] == pytest.approx(lost[1]) and lost[0] > 0  # the same offers in this case


def test_a_cut_of_nothing_is_an_error(base: Plan) -> None:
    with pytest.raises(NotOffered, match="names nothing that this case offers"):
        sever(base, Cut.model_validate({"id": "none", "from": START, "vendors": ["huawei"]}))
    with pytest.raises(BadValue, match="outside the horizon"):
        sever(base, Cut.model_validate({"id": "late", "from": "2040-01-01", "sites": ["seoul"]}))
    with pytest.raises(ValueError, match="must say what is lost"):
        Cut.model_validate({"id": "empty", "from": START})


@pytest.fixture(scope="module")
def korea() -> Plan:
    plan = solve(build_case(load_scenario(example_path("korea"))), "quick").plan
    assert plan is not None
    return plan


@pytest.mark.slow
@pytest.mark.parametrize("name", ["operator", "licences", "largest-site"])
def test_korea_loses_its_cloud_operator_its_licences_or_its_largest_site(korea: Plan, name: str) -> None:
    """The loss is answered at a cost, told by workload and by what stops; the past is as it was, to the digit."""
    largest = str(korea.tables["power"].groupby("p")["it_peak_mw"].max().idxmax())
    cuts: dict[str, dict[str, object]] = {
        "operator": {"from": "2030-01-01", "operators": ["us-operator"]},
        "licences": {"from": "2029-01-01", "what": "supply", "chip_origins": ["USA"]},
        "largest-site": {"from": "2030-01-01", "sites": [largest]},
    }
    cut = Cut.model_validate({"id": name, **cuts[name]})
    test = sever(korea, cut)
    after = plan_of(test)
    assert not len(audit(after)), audit(after).to_string()
    assert not test.notes, test.notes
    first = after.case.calendar.first_from(cut.from_)
    short = [p.tables["demand"].set_index(["w", "t"])["unserved_share"] for p in (after, korea)]
    moved = (short[0] - short[1]).abs()
    assert moved[moved.index.get_level_values("t") < first].max() < 2e-4
    assert (test.stops[["accelerators", "planned_later"]].sum(axis=1) > 0).all() and len(test.stops)
    assert test.service["lost_months"].sum() > 1 and test.service["worst_share"].max() > 0.1
    change = test.summary.set_index("kpi")["change"]
    assert change["served_share"] < 0 < change["delay_months"]
    serving = after.tables["serving"].query("t >= @first")
    if name == "operator":
        assert not serving["h"].isin(after.case.hosts.query("operator == 'us-operator'").index).any()
        assert change["cost_npv_musd"] > 0  # own halls are dearer than the cloud of the plan
    elif name == "largest-site":
        assert largest not in set(serving["p"]) and change["cost_npv_musd"] > 0
    else:
        orders = after.tables["orders"]
        bought = orders[pd.to_datetime(orders["order_date"]) >= pd.Timestamp(cut.from_)]
        origin = after.case.offers.reset_index(drop=True).groupby("k")["chip_origin"].first()
        assert len(bought) and not bought["k"].map(origin).eq("USA").any()  # chips designed at home are left
        assert test.service["back"].eq("never within the horizon").any()
