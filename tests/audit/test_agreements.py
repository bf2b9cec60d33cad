"""The audit of agreements: clean plans are clean, and every rule finds what was tampered with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from planner.audit import agreements as topic
from planner.audit import audit
from planner.audit.findings import Findings
from planner.audit.view import View
from planner.case.build import build_case
from planner.planning.pipeline import solve
from planner.plans.plan import Plan

Tables = dict[str, pd.DataFrame]
SLOW = {"owner_allocations": False, "licence": {"mode": "required", "lead_months": 12}}
DEAL = {
    "id": "deal",
    "kind": "technology-deal",
    "partner": "USA",
    "lead_months": 3,
    "sign_musd": 1,
    "licence_months": 3,
}
BANK = {"id": "bank", "optional": True, "share": 0.6, "until": "2028-06-30", "tenor_years": 1, "assets": ["servers"],
        "base_rate_per_year": 0.0, "margin_per_year": 0}  # fmt: skip


def plan_of(tiny: Any, catalog: Any, **changes: Any) -> Plan:
    outcome = solve(build_case(tiny(**changes), catalog), quality="quick")
    assert outcome.plan is not None, (outcome.status, outcome.troubles)
    return outcome.plan


@pytest.fixture(scope="module")
def orders(tiny, plain_catalog) -> Plan:
    """Orders under a quota with all duties, and under an agreement without one that ends service."""
    host = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)["hosts"][0]
    return plan_of(
        tiny, plain_catalog(), supply=SLOW,
        hosts=[host, {**host, "id": "second"}],
        stacks=[tiny().model_dump(mode="json", exclude_none=True)["stacks"][0], {"id": "rival"}],
        limits={"max_delay_months": 12},
        finance={"residual": "straight-line", "sources": [BANK]},
        agreements=[
            {**DEAL, "covers": {"hosts": ["champion"]}, "quota": {"accelerators": 500},
             "duties": {"content": [{"from": ["USA"], "share": 0.4}], "least_accelerators": 80,
                        "excludes_stacks": ["rival"], "investment_share": 0.1}},
            {**DEAL, "id": "other", "optional": False, "until": "2029-06-30", "end": "service",
             "covers": {"hosts": ["second"]}},
            {"id": "cover", "kind": "export-credit", "lead_months": 0, "sign_musd": 0, "musd_per_year": 0,
             "amount_musd": 10, "covers": {"sources": ["bank"]}},
        ],
        decisions=[
            {"id": "both", "do": "require", "what": "agreement", "agreements": ["deal"]},
            {"id": "few", "do": "fix", "what": "orders", "value": 400, "hosts": ["second"], "to": "2028-01-01"},
        ],
    )  # fmt: skip


@pytest.fixture(scope="module")
def work(tiny, plain_catalog) -> Plan:
    """Work at a hub and at a data embassy whose orders end."""
    plain = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)
    site, host, asked = plain["sites"][0], plain["hosts"][0], plain["demand"][0]
    return plan_of(
        tiny, plain_catalog(),
        sites=[site, {**site, "id": "tokyo", "metro": "JP-TYO", "elec_price_usd_per_mwh": 20}],
        hosts=[host, {**host, "id": "embassy", "site": "tokyo", "open_cost_musd": 1, "team_musd_per_year": 0.1},
               {**host, "id": "hub", "site": "tokyo", "open_cost_musd": 1, "team_musd_per_year": 0.1}],
        demand=[asked, {**asked, "id": "free", "locality": {"where": "anywhere"}}],
        limits={"max_delay_months": 12},
        agreements=[
            {"id": "host-law", "kind": "data-embassy", "partner": "JPN", "lead_months": 3, "sign_musd": 0.1,
             "musd_per_year": 0, "until": "2028-12-31", "end": "orders",
             "covers": {"classes": ["public"], "hosts": ["embassy"]}},
            {"id": "region", "kind": "regional-hub", "partner": "JPN", "lead_months": 3, "sign_musd": 0.1,
             "musd_per_year": 0, "capacity_accelerators": 500, "covers": {"hosts": ["hub"]}},
        ],
        decisions=[{"id": "at-the-hub", "do": "require", "what": "orders", "value": 80, "hosts": ["hub"],
                    "from": "2028-01-01"},
                   {"id": "sign", "do": "require", "what": "agreement", "agreements": ["region"]}],
    )  # fmt: skip


def test_plans_under_agreements_are_clean(orders, work):
    for plan in (orders, work):
        found = audit(plan)
        assert not len(found), found.to_string()
    assert set(orders.tables["agreements"]["e"]) == {"deal", "other", "cover"}
    assert set(orders.tables["ordered_under"]["e"]) == {"deal", "other"}
    assert {"agreement", "agreement-upkeep", "reciprocal-investment", "draw"} <= set(
        orders.tables["ledger"]["account"]
    )
    assert {"host-law", "region"} == set(work.tables["agreements"]["e"])
    served = work.tables["serving"]
    assert {"embassy", "hub"} <= set(served.loc[served["accelerators"] > 1, "h"])
    assert "agreement" in set(orders.tables["milestones"]["kind"])


def scaled(name: str, column: str, factor: float, **where: str) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        table = tables[name]
        rows = table.index[[all(row[k] == v for k, v in where.items()) for _, row in table.iterrows()]]
        assert len(rows), f"no row of {name} to change"
        table.loc[rows, column] = table.loc[rows, column].astype(float) * factor

    return change


def moved(name: str, column: str, value: Any, **where: str) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        table = tables[name]
        rows = [all(row[k] == v for k, v in where.items()) for _, row in table.iterrows()]
        assert any(rows), f"no row of {name} to change"
        tables[name] = table.assign(
            **{column: table[column].where(~pd.Series(rows, index=table.index), value)}
        )

    return change


def unsigned(e: str) -> Callable[[Tables], None]:
    return lambda tables: tables.update(agreements=tables["agreements"][tables["agreements"]["e"] != e])


def signed_twice(tables: Tables) -> None:
    tables["agreements"] = pd.concat([tables["agreements"], tables["agreements"]], ignore_index=True)


def adopted(tables: Tables) -> None:
    tables["stacks"] = tables["stacks"].assign(adopted=True)


MUTATIONS = [
    ("orders", "sign-allowed", moved("agreements", "t", 0, e="deal")),
    ("orders", "sign-dates", moved("agreements", "live_date", pd.Timestamp("2031-01-01"), e="deal")),
    ("orders", "sign-price", scaled("agreements", "musd", 2, e="deal")),
    ("orders", "sign-once", signed_twice),
    ("orders", "sign-agreed", unsigned("other")),
    ("orders", "agreed-stacks", adopted),
    ("orders", "under-allowed", moved("ordered_under", "t", 0, e="deal")),
    ("orders", "under-order", scaled("ordered_under", "accelerators", 1.1, e="deal")),
    ("orders", "under-early", scaled("ordered_under", "accelerators", 0.9, e="deal")),
    ("orders", "under-signed", unsigned("other")),
    ("orders", "under-quota", unsigned("deal")),
    ("orders", "under-quota", scaled("ordered_under", "accelerators", 3, e="deal")),
    ("orders", "under-least", scaled("ordered_under", "accelerators", 0.01, e="deal")),
    ("orders", "agreed-after", moved("serving", "t", 11, h="second")),
    ("orders", "agreed-draws", unsigned("cover")),
    ("orders", "agreed-draws", scaled("ledger", "musd", 9, account="draw")),
    ("work", "agreed-work", unsigned("region")),
    ("work", "agreed-work", unsigned("host-law")),
    ("work", "agreed-capacity", scaled("serving", "accelerators", 99, h="hub")),
    ("work", "agreed-before", scaled("serving", "accelerators", 9, h="embassy")),
]  # fmt: skip


def found_in(plan: Plan) -> set[str]:
    found = Findings()
    topic.check(View(plan), found)
    return set(found.table()["rule"])


@pytest.mark.parametrize(
    ("name", "rule", "change"), MUTATIONS, ids=[f"{i}-{m[1]}" for i, m in enumerate(MUTATIONS)]
)
def test_a_tampered_plan_is_found_out(request, name, rule, change):
    plan = request.getfixturevalue(name)
    tables = {key: table.copy() for key, table in plan.tables.items()}
    change(tables)
    assert rule not in found_in(plan)
    assert rule in found_in(replace(plan, tables=tables))


def test_content_below_the_share_is_found(orders):
    stricter = replace(orders.case, contents_under=orders.case.contents_under.assign(margin=-0.1))
    assert found_in(replace(orders, case=stricter)) == {"under-content"}


def test_what_agreements_take_with_them_adds_up(orders):
    """Half of the second host was ordered under each of two agreements that ended: a tenth of it may not work on."""

    def twin(table: pd.DataFrame) -> pd.DataFrame:
        again = table[table["e"] == "other"].assign(e="again")
        again.index = [("again", *i[1:]) if isinstance(i, tuple) else "again" for i in again.index]
        index = [*table.index, *again.index]
        both = pd.concat([table, again])
        both.index = pd.MultiIndex.from_tuples(index) if isinstance(index[0], tuple) else pd.Index(index)
        return both

    case = replace(orders.case, terms=twin(orders.case.terms), unders=twin(orders.case.unders),
                   agreements=twin(orders.case.agreements))  # fmt: skip
    tables = {name: table.copy() for name, table in orders.tables.items()}
    tables["agreements"], under = twin(tables["agreements"]), tables["ordered_under"]
    halved = under.assign(
        accelerators=under["accelerators"].where(under["e"] != "other", under["accelerators"] / 2)
    )
    tables["ordered_under"] = pd.concat(
        [halved, halved[halved["e"] == "other"].assign(e="again")], ignore_index=True
    )
    split = replace(orders, case=case, tables=tables)
    assert "agreed-after" not in found_in(split)
    served = tables["serving"]
    late = served[(served["h"] == "second")].iloc[:1].assign(t=11)
    tables["serving"] = pd.concat(
        [served, late.assign(accelerators=late["accelerators"] * 0.1)], ignore_index=True
    )
    assert "agreed-after" in found_in(split)


def test_every_rule_is_broken_somewhere_above():
    assert {rule for _, rule, _ in MUTATIONS} | {"under-content"} >= set(topic.COVERS.values())
