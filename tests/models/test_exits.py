"""Leaving a stack by hand: a cloud bridges until the country's own halls stand, and is left where that pays."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.audit import audit
from planner.audit import exits as topic
from planner.audit.findings import Findings
from planner.audit.view import View
from planner.case.build import build_case
from planner.planning.pipeline import solve
from planner.plans.plan import Plan
from planner.scenario.schema import Scenario
from planner.solver.branch_and_bound import Search
from planner.solver.engine import Engine
from planner.solver.progress import SolveOptions
from planner.solver.solution import Status

pytestmark = pytest.mark.untraced

pytestmark = pytest.mark.untraced


def discount(t: float) -> float:
    return 1.08 ** -((t + 0.5) / 4)


def bridged(tiny: Any, **leaving: Any) -> Scenario:
    """All is to be served from 2027-07 on, at a dear rent until halls stand in 2028, as soon as the grid is there."""
    plain = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)
    cloud = {"id": "cloud", "site": "south", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
             "stacks": ["us-cloud"], "open_lead_months": 3, "rent_terms": ["on-demand"], "rent_factor": 3}  # fmt: skip
    away = {"id": "us-cloud", "adoption_musd": 4, "platform_musd_per_year": 8, "licence_usd_per_accelerator_year": 0,
            "support_usd_per_user_year": 0, "lead_months": 3,
            "exit": {"overlap_months": 0, "moving_months": 0} | leaving}  # fmt: skip
    scenario: Scenario = tiny(
        hosts=[plain["hosts"][0], cloud],
        stacks=[plain["stacks"][0], away],
        demand={"must_serve_by": "2027-07-01"},
        limits={"max_delay_months": 36},
    )
    return scenario


SAVED = sum(2.0 * discount(t) for t in range(4, 12)) / discount(4)
"""What the platform costs from 2028 on, 8 MUSD a year, in money of the quarter in which it is left."""


@pytest.mark.parametrize(("above", "left"), [(-0.01, True), (0.01, False)])
def test_a_stack_is_left_where_that_saves_more_than_it_costs(tiny, plain_catalog, optimise, above, left):
    found = optimise(
        bridged(tiny, musd=SAVED + above), plain_catalog(), integer=("open", "use", "halls", "leave")
    )
    assert found.used("leave") == ({("us-cloud", 4): 1.0} if left else {})


def test_it_is_left_when_its_last_work_ends_and_no_sooner(tiny, plain_catalog, optimise):
    """At no cost: at the start of the quarter from which all work runs at home."""
    found = optimise(bridged(tiny, musd=0.0), plain_catalog(), integer=("open", "use", "halls", "leave"))
    assert found.used("leave") == {("us-cloud", 4): 1.0}
    stays = optimise(bridged(tiny, musd=0.0, **{"from": "2029-01-01"}), plain_catalog(),
                     integer=("open", "use", "halls", "leave"))  # fmt: skip
    assert stays.used("leave") == {("us-cloud", 8): 1.0}
    assert stays.objective - found.objective == pytest.approx(
        sum(2.0 * discount(t) for t in range(4, 8)), rel=1e-6
    )


def test_notice_is_paid_on(tiny, plain_catalog):
    """Two quarters of overlap: the platform is paid until the end of the sixth quarter."""
    table = build_case(bridged(tiny, musd=1.0, overlap_months=6), plain_catalog()).exits
    assert table["paid_t"].tolist() == [min(t + 2, 12) for t in table["t"]]


def test_the_cost_follows_from_how_open_the_platform_is(tiny, plain_catalog):
    case = build_case(bridged(tiny), plain_catalog())
    assert set(case.exits["musd"]) == {4.0}  # managed from abroad: as much as adopting it
    assert "cost of leaving us-cloud" in set(case.assumptions["item"])


def test_what_is_not_offered_adds_nothing(tiny, plain_catalog):
    assert not len(build_case(tiny(), plain_catalog()).exits)


@pytest.fixture(scope="module")
def plan(tiny, plain_catalog) -> Plan:
    outcome = solve(build_case(bridged(tiny, musd=1.0), plain_catalog()), quality="quick")
    assert outcome.plan is not None
    return outcome.plan


def test_a_plan_that_leaves_is_clean(plan):
    found = audit(plan)
    assert not len(found), found.to_string()
    assert plan.tables["exits"][["a", "t"]].to_numpy().tolist() == [["us-cloud", 4]]
    assert "exit" in set(plan.tables["milestones"]["kind"]) and "stack-exit" in set(
        plan.tables["ledger"]["account"]
    )


@pytest.fixture(scope="module")
def choice(tiny) -> Scenario:
    """As ``bridged``, with half a year in which moved work runs twice; the home stack is adopted when it is needed."""
    plain = bridged(tiny, musd=1.0, moving_months=6)
    home, away = plain.stacks
    home = home.model_copy(update={"adopt_until": date(2029, 1, 1), "platform_musd_per_year": 4.0})
    return plain.model_copy(update={"stacks": [home, away]})


@pytest.fixture(scope="module")
def moved(choice, plain_catalog) -> Plan:
    outcome = solve(build_case(choice, plain_catalog()), quality="quick")
    assert outcome.plan is not None
    return outcome.plan


def test_a_plan_starts_on_a_cloud_and_moves_home(moved):
    """The home stack is adopted for the quarter its halls stand, the cloud left then, and its work moved at a price."""
    found = audit(moved)
    assert not len(found), found.to_string()
    assert moved.tables["adoptions"][["a", "t"]].to_numpy().tolist() == [["champion-us-chips", 4]]
    assert moved.tables["exits"][["a", "t"]].to_numpy().tolist() == [["us-cloud", 4]]
    ledger = moved.tables["ledger"]
    first = (
        ledger[(ledger["account"] == "platform") & (ledger["a"] == "champion-us-chips")]
        .groupby("t")["musd"]
        .sum()
    )
    assert first[first.abs() > 1e-9].index.min() == 4
    at = moved.case.moves.loc[("work", "us-cloud", 4)]
    before = moved.tables["serving"].query("a == 'us-cloud' and t == 3")["served_kref"].sum()
    paid = ledger.loc[ledger["account"] == "moving", "musd"].sum()
    assert before > 0 and paid == pytest.approx(before * at["musd_per_kref"])


def test_what_moving_costs_is_rent_for_the_months_in_which_work_runs_twice(choice, plain_catalog):
    case = build_case(choice, plain_catalog())
    rent = case.rents["musd_per_k_step"].min() / 3.0 * 6.0
    rate = case.serve.loc[case.serve["a"] == "us-cloud", "rate"]
    assert case.moves["musd_per_kref"].to_numpy() == pytest.approx(rent / rate.iloc[0])
    assert set(case.moves["a"]) == {"us-cloud"} and (case.moves["share"] == 1).all()


def test_brute_force_over_agreements_and_dates_of_stacks_equals_the_search(choice, plain_catalog):
    """Two dates a year; cover for a loan without interest may be signed in the first."""
    plain = choice.model_dump(mode="json", exclude_none=True, by_alias=True)
    bank = {"id": "bank", "optional": True, "kind": "export-credit", "assets": ["servers"], "until": "2028-12-31",
            "tenor_years": 1, "base_rate_per_year": 0.0, "margin_per_year": 0, "premium_share": 0.0}  # fmt: skip
    cover = {"id": "cover", "kind": "export-credit", "lead_months": 0, "sign_musd": 0.2, "musd_per_year": 0,
             "amount_musd": 20, "until": "2027-12-31", "covers": {"sources": ["bank"]}}  # fmt: skip
    plain["stacks"][0]["adopt_until"], plain["stacks"][1]["exit"]["from"] = "2028-01-01", "2028-01-01"
    plain["solve"] = {**plain.get("solve", {}), "open_every_periods": 2}
    scenario = Scenario.model_validate({**plain, "finance": {"sources": [bank]}, "agreements": [cover]})
    engine = Engine(build_case(scenario, plain_catalog()))
    tree = engine.searchable(whole=False)
    for one in (engine, tree):
        one.policy(engine.asked.of_limits(scenario.limits))
        one.minimise("cost")
    engine.integers()
    found = Search(tree, SolveOptions(1e-9)).run()
    families = ("open", "adopt", "leave", "sign")
    index = {f: engine.arrays.columns[f].index for f in families}
    dates = [
        [(f, None), *((f, j) for j, i in enumerate(index[f]) if i[0] == thing)]
        for f in families
        for thing in dict.fromkeys(i[0] for i in index[f])
    ]
    best = np.inf
    engine.fix("use", np.ones(2))
    for chosen in itertools.product(*dates):
        for f in families:
            engine.fix(f, np.array([float((f, j) in chosen) for j in range(len(index[f]))]))
        best = min(best, engine.lp().objective or np.inf)
    assert np.isfinite(best) and found.objective == pytest.approx(best, rel=1e-7)
    assert [engine.family(found.x, f).sum() for f in families] == pytest.approx([1.0] * len(families))


@pytest.mark.parametrize(("late", "status"), [(5, Status.OPTIMAL), (4, Status.INFEASIBLE)])
def test_a_stack_is_left_after_its_adoption(choice, plain_catalog, optimise, late, status):
    """Leaving the cloud in the quarter in which it is adopted has no plan."""
    home, away = choice.stacks
    work = choice.demand[0].model_copy(update={"must_serve_by": None})
    scenario = choice.model_copy(update={
        "stacks": [home, away.model_copy(update={"adopt_until": date(2029, 1, 1)})], "demand": [work],
        "limits": choice.limits.model_copy(update={"max_delay_months": 48.0}),
    })  # fmt: skip
    held = dict.fromkeys(
        (("adopt", ("us-cloud", 4)), ("leave", ("us-cloud", late)), ("use", ("us-cloud",))), (1.0, 1.0)
    )
    found = optimise(
        scenario, plain_catalog(), integer=("open", "use", "halls", "leave", "adopt"), bounds=held
    )
    assert found.status is status


def twice(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, table], ignore_index=True)


@pytest.mark.parametrize(
    ("rule", "name", "change"),
    [
        ("leave-allowed", "exits", lambda t: t.assign(t=0)),
        ("leave-dates", "exits", lambda t: t.assign(live_date=pd.Timestamp("2031-01-01"))),
        ("leave-price", "exits", lambda t: t.assign(musd=9.0)),
        ("leave-once", "exits", twice),
        ("leave-used", "stacks", lambda t: t.assign(adopted=False)),
        ("left-work", "exits", lambda t: t.assign(t=2)),
        ("leave-after", "adoptions", lambda t: t.assign(a="us-cloud", t=5)),
        ("adopt-allowed", "adoptions", lambda t: t.assign(t=0)),
        ("adopt-dates", "adoptions", lambda t: t.assign(decide_date=pd.Timestamp("2031-01-01"))),
        ("adopt-once", "adoptions", twice),
        ("adopt-used", "stacks", lambda t: t.assign(adopted=False)),
        ("left-work", "adoptions", lambda t: t.assign(t=6)),
        ("moved-work", "ledger", lambda t: t.assign(musd=2 * t["musd"])),
    ],
)
def test_a_tampered_plan_is_found_out(moved, rule, name, change):
    found = Findings()
    topic.check(View(replace(moved, tables={**moved.tables, name: change(moved.tables[name])})), found)
    assert rule in set(found.table()["rule"])
