"""The audit of a screening answer, which opens, adopts and signs in parts: clean, and what holds of parts is looked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from planner.audit import TOPICS, WHOLE, audit
from planner.case.build import build_case
from planner.planning.pipeline import solve
from planner.plans.plan import Plan
from planner.scenario.schema import Scenario
from tests.audit.test_audit import rich, rules_of


def screened(scenario: Scenario) -> Plan:
    outcome = solve(build_case(scenario), quality="quick")
    assert outcome.plan is not None and outcome.quality == "screening", outcome.troubles
    return outcome.plan


@pytest.fixture(scope="module")
def plan(tiny, untraced) -> Plan:
    """Three hosts of which each may serve two fifths at most: each is opened for the part that it serves."""
    host = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)["hosts"][0]
    names = ("champion", "second", "third")
    shares = [{"by": "host", "id": name, "max_share": 0.4} for name in names]
    with untraced():
        return screened(
            tiny(
                solve={"integers": "none"},
                hosts=[{**host, "id": name} for name in names],
                limits={"max_delay_months": 12, "shares": shares},
            )
        )


def test_screening_in_parts_is_clean(plan):
    assert not len(plan.tables["opens"]) and len(plan.tables["halls"]), "less than half of each host is open"
    found = audit(plan)
    assert not len(found), found.to_string()


def test_screening_of_every_rule_is_clean(tiny):
    scenario = rich(tiny)
    found = audit(
        screened(
            scenario.model_copy(update={"solve": scenario.solve.model_copy(update={"integers": "none"})})
        )
    )
    assert not len(found), found.to_string()


def scaled(name: str, column: str, factor: float, **where: str) -> Callable[[dict[str, pd.DataFrame]], None]:
    def change(tables: dict[str, pd.DataFrame]) -> None:
        table = tables[name]
        rows = table.index[[all(table.at[i, k] == v for k, v in where.items()) for i in table.index]]
        assert len(rows), f"no row of {name} to change"
        table.loc[rows, column] = factor * table.loc[rows, column]

    return change


def sooner(tables: dict[str, pd.DataFrame]) -> None:
    tables["halls"]["t"] = 0


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("ledger-entry", scaled("ledger", "musd", 0.5, account="halls")),
        ("hall-price", scaled("halls", "musd", 0.5)),
        ("space", scaled("halls", "halls", 0.5)),
        ("space-max", scaled("halls", "halls", 1000)),
        ("permit-first", sooner),
    ],
)
def test_what_holds_of_parts_is_found(plan, rule, change):
    tables = {name: table.copy() for name, table in plan.tables.items()}
    change(tables)
    assert rule in set(audit(replace(plan, tables=tables))["rule"])


def test_work_before_any_opening_is_found(plan):
    tables = {name: table.copy() for name, table in plan.tables.items()}
    tables["serving"]["t"] -= tables["serving"]["t"].min()
    assert "open-link" in set(audit(replace(plan, tables=tables))["rule"])


def test_rules_of_wholes_are_rules_of_their_topics():
    assert WHOLE
    for topic in TOPICS:
        assert set(getattr(topic, "WHOLE", ())) <= rules_of(topic), topic.__name__
