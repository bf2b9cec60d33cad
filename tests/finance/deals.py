"""The packaged deals with their plans, solved once for all tests: finance is no part of what is solved."""

from __future__ import annotations

from functools import cache

import pandas as pd

from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.planning.pipeline import solve
from planner.scenario.finance import Finance
from planner.scenario.schema import Scenario

NAMES = ("shell-loan", "accelerator-vehicle", "delayed-draw", "long-notes", "exim-package")
FAST = {"solve.integer_window_periods": 0, "solve.slices": 1, "solve.open_every_periods": 12}
"""Fractional servers and racks: what is financed is the same, the solve takes a second."""


@cache
def deal(name: str) -> Scenario:
    return load_scenario(example_path("two-hosts").parent / "finance" / f"{name}.yaml")


def tables_of_deal(name: str) -> dict[str, pd.DataFrame]:
    scenario = with_overrides(deal(name), FAST)
    bare = {"finance": Finance(), "name": "deal", "title": None, "note": None}
    return _solved(scenario.model_copy(update=bare).model_dump_json(by_alias=True))


@cache
def _solved(text: str) -> dict[str, pd.DataFrame]:
    outcome = solve(build_case(Scenario.model_validate_json(text)), quality="quick")
    assert outcome.plan is not None
    return outcome.plan.tables
