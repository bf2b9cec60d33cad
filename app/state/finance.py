"""The finance of a plan as the pages read it: worked out once for each plan and downside case, shared by all readers."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd

from planner.app.state.result import Result
from planner.facts.errors import PlannerError
from planner.finance.tables import fault_table
from planner.finance.views import case_names, downside_tables, tables_under
from planner.runs.finance import finance_of_run, plan_tables
from planner.runs.run import Run

KEPT = 64


def finance(one: Result, case: str = "") -> dict[str, pd.DataFrame]:
    """Tables of a plan's finance as signed, or under a downside case; ``finance_faults`` alone where there are none."""
    return _finance(_Key(one.key, one.run), case)


def downsides(one: Result) -> dict[str, pd.DataFrame]:
    """Every downside case and the tornado."""
    return _downsides(_Key(one.key, one.run))


def cases(one: Result) -> list[str]:
    return case_names(one.run.scenario)


class _Key:
    """A run under the key of its outcome, so that what is worked out from it can be kept."""

    def __init__(self, key: tuple[str, float], run: Run) -> None:
        self.key, self.run = key, run

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.key == other.key


@lru_cache(KEPT)
def _finance(found: _Key, case: str) -> dict[str, pd.DataFrame]:
    try:
        return (
            finance_of_run(found.run)
            if not case
            else tables_under(found.run.scenario, plan_tables(found.run), case)
        )
    except PlannerError as error:
        return fault_table(error)


@lru_cache(KEPT)
def _downsides(found: _Key) -> dict[str, pd.DataFrame]:
    return downside_tables(found.run.scenario, plan_tables(found.run))
