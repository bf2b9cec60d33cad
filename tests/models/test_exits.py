"""Leaving a stack by hand: a cloud bridges until the country's own halls stand, and is left where that pays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

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

pytestmark = pytest.mark.untraced


def discount(t: float) -> float:
    return 1.08 ** -((t + 0.5) / 4)


def bridged(tiny: Any, **leaving: Any) -> Scenario:
    """All is to be served from 2027-07 on, at a dear rent until halls stand in 2028, as soon as the grid is there."""
    plain = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)
    cloud = {"id": "cloud", "site": "south", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
             "stacks": ["us-cloud"], "open_lead_months": 3, "rent_terms": ["on-demand"], "rent_factor": 3}  # fmt: skip
    away = {"id": "us-cloud", "adoption_musd": 4, "platform_musd_per_year": 8, "licence_usd_per_accelerator_year": 0,
            "support_usd_per_user_year": 0, "lead_months": 3, "exit": {"overlap_months": 0, **leaving}}  # fmt: skip
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
    ],
)
def test_a_tampered_plan_is_found_out(plan, rule, name, change):
    found = Findings()
    topic.check(View(replace(plan, tables={**plan.tables, name: change(plan.tables[name])})), found)
    assert rule in set(found.table()["rule"])
