"""Tables without rows: each keeps the kinds of its columns, and a case with one is solved or refused with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from planner.case.build import build_case
from planner.case.case import Case
from planner.case.columns import MIXED, kind_of, looked_up
from planner.case.context import keyed
from planner.explain.diagnosis import explain_infeasible
from planner.intake.scenario_file import load_scenario
from planner.planning.pipeline import solve
from planner.scenario.schema import Scenario

pytestmark = pytest.mark.untraced

CLOUD = {"mode": "cloud", "owner_class": "us-operator", "operator": "us-operator", "stacks": ["us-cloud"]}
HELD = {"host": "champion", "stack": "champion-us-chips", "system": "hgx-b300", "accelerators": 800}
NO_DEMAND = {"size": {"by": "accelerators", "points": [{"at": "2027-01-01", "value": 0}]}}
FEW = {"size": {"by": "accelerators", "points": [{"at": "2027-01-01", "value": 100}]}}

VARIANTS: dict[str, tuple[dict[str, Any], list[str], str]] = {
    "nothing can be delivered": ({"systems": {"delivery_months": 60}},
        ["orders", "fleet", "serve", "rents"], "infeasible"),
    "nothing is asked": ({"demand": NO_DEMAND}, ["demand", "serve"], "infeasible"),
    "no place in time": ({"hosts": {"open_lead_months": 60}}, ["opens", "halls"], "infeasible"),
    "no grid line in time": ({"sites": {"grid_lead_months": 60}}, ["connections"], "infeasible"),
    "leases alone": ({"hosts": {"mode": "colocation"}},
        ["halls", "cooling", "heat", "pue", "connections", "backups"], ""),
    "no lease in time": ({"hosts": {"mode": "colocation", "open_lead_months": 60}}, ["leases", "opens"], "infeasible"),
    "rents alone": (
        {"hosts": CLOUD, "stacks": {"id": "us-cloud"}}, ["orders", "opens", "halls", "leases", "host_period"], ""),
    "no rent in time": (
        {"hosts": {**CLOUD, "open_lead_months": 60}, "stacks": {"id": "us-cloud"}}, ["rents", "fleet"], "infeasible"),
    "stack after the horizon": ({"stacks": {"lead_months": 60}}, ["serve"], "infeasible"),
    "all cut off": ({"cuts": [{"id": "all", "from": "2027-01-01", "vendors": ["nvidia"]}]},
        ["orders", "serve"], "infeasible"),
    "existing fleet alone": (
        {"systems": {"delivery_months": 60}, "demand": FEW,
         "existing": {"halls": [{"id": "hall", "host": "champion", "it_mw": 4, "grid_mw": 8, "backup_mw": 8}],
                      "fleets": [{"id": "old", "since": "2026-01-01", "retire": "2031-01-01", **HELD}]}},
        ["orders", "opens"], ""),
    "optional work that nothing serves": (
        {"demand": {"optional": True}, "systems": {"delivery_months": 60}}, ["orders", "serve"], ""),
}  # fmt: skip


def frames(case: Case) -> dict[str, pd.DataFrame]:
    held = {f.name: getattr(case, f.name) for f in fields(case)}
    return {name: table for name, table in held.items() if isinstance(table, pd.DataFrame)}


def wrong_kinds(tables: Iterable[tuple[str, pd.DataFrame]]) -> set[str]:
    return {
        f"{name}.{column}: {table[column].dtype}, declared {kind_of(column)}"
        for name, table in tables
        for column in table.columns
        if column not in MIXED and str(table[column].dtype) != kind_of(column)
    }


def test_kinds_are_those_of_tables_with_rows(root: Path) -> None:
    examples = [
        root / "data" / "scenarios" / f"{name}.yaml" for name in ("korea", "regional-hub", "two-hosts")
    ]
    tables = [item for path in examples for item in frames(build_case(load_scenario(path))).items()]
    assert not wrong_kinds((name, table) for name, table in tables if len(table))


@pytest.mark.parametrize("name", VARIANTS)
def test_a_table_without_rows(name: str, tiny: Callable[..., Scenario]) -> None:
    changes, without, status = VARIANTS[name]
    case = build_case(tiny(**changes))
    assert {n: len(frames(case)[n]) for n in without} == dict.fromkeys(without, 0)
    assert not wrong_kinds((n, table) for n, table in frames(case).items() if not len(table))
    outcome = solve(case, quality="quick")
    assert outcome.status == (status or "optimal")
    assert bool(outcome.troubles) == bool(status)
    if status:
        assert explain_infeasible(case, time_limit_s=10, alternatives=False).causes


def test_every_table_may_be_asked_while_empty(tiny: Callable[..., Scenario]) -> None:
    for table in frames(build_case(tiny())).values():
        keys = [c for c in ("h", "t") if c in table] or [table.columns[0]]
        assert keyed(table.iloc[:0], keys, []).dtypes.map(str).to_dict() == {c: kind_of(c) for c in table}


def test_looking_up_nothing_keeps_the_kind() -> None:
    duties = pd.Series([4, 5], index=["a", "b"])
    assert (looked_up(pd.Series(dtype="str"), duties) >= 3).tolist() == []
    assert looked_up(pd.Series(["b", "a"]), duties).tolist() == [5, 4]
