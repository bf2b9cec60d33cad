"""The finance of a plan as the pages read it: worked out once for each plan and downside case, shared by all readers."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from planner.app.state.result import Result
from planner.facts.errors import PlannerError
from planner.finance.tables import fault_table
from planner.finance.views import break_evens, case_names, downside_tables, tables_under
from planner.jobs.store import WITH_PLAN, Job
from planner.runs.downsides import REPLANNED
from planner.runs.finance import finance_of_run, plan_tables
from planner.runs.run import DOWNSIDES, Run

if TYPE_CHECKING:
    from planner.app.services import Services

KEPT = 64


def finance(one: Result, case: str = "") -> dict[str, pd.DataFrame]:
    """Tables of a plan's finance as signed, or under a downside case; ``finance_faults`` alone where there are none."""
    return _finance(_Key(one.key, one.run), case)


def downsides(one: Result) -> dict[str, pd.DataFrame]:
    """Every downside case, the tornado, and how far revenue may fall."""
    return _downsides(_Key(one.key, one.run))


def cases(one: Result) -> list[str]:
    return case_names(one.run.scenario)


def asked(one: Result) -> tuple[str, dict[str, Any]]:
    """Scenario and options of the job that makes the plan again under its downside cases."""
    options = {"study": DOWNSIDES, "of": str(one.run.path), "ref": one.ref, "quality": "quick"}
    return (one.run.path / "scenario.yaml").read_text("utf-8"), options


def replanning(services: Services, one: Result) -> Job | None:
    """The newest such job of a plan that is at work or has a result, whoever asked for it; else the newest there is.

    Who may look at a plan may look at what is worked out from it alone.
    """
    found = services.store.jobs(hash=services.hash_of(*asked(one)))
    return next((job for job in found if job.live or _kept(job)), found[0] if found else None)


def replanned(job: Job | None) -> pd.DataFrame:
    """``finance_replanned`` of such a job; an empty frame while there is none."""
    return Run(job.directory).table(REPLANNED) if job is not None and _kept(job) else pd.DataFrame()


def _kept(job: Job) -> bool:
    return job.state in WITH_PLAN and Path(job.directory).is_dir()


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
    scenario, tables = found.run.scenario, plan_tables(found.run)
    return {
        **downside_tables(scenario, tables),
        "finance_break_evens": break_evens(scenario, tables),
    }
