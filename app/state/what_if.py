"""What has been asked of a plan, and what is asked at once: its case, built anew and kept for the next question."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from planner.app.state.result import Result
from planner.case.build import build_case
from planner.case.case import Case
from planner.explain import next_point, why_not
from planner.explain.next_point import NextPoint
from planner.explain.waits import TABLES as OF_WAITS
from planner.explain.waits import waits
from planner.jobs.store import Job
from planner.report.names import spoken_ids, spoken_text, spoken_texts
from planner.runs.run import WHAT_IF, Run

if TYPE_CHECKING:
    from planner.app.services import Services

KEPT = 3
"""Cases in memory: that of a country takes seconds to build and holds some tens of MB."""
OF_WHY = ("opens", "stacks", "halls", "fleet", "serving")
OF_CONTROL = ("opens", "stacks", "halls", "control")


@lru_cache(KEPT)
def _case(key: tuple[str, float]) -> Case:
    run = Run(key[0])
    return build_case(run.resolved, run.catalog)


def case_of(one: Result) -> Case:
    """The case of a plan, with the bounds that were in force."""
    return _case(one.key)


def asked(one: Result, study: str, **wanted: Any) -> tuple[str, dict[str, Any]]:
    """Scenario and options of the job that works out a question (``planner.runs.what_if``) to a plan."""
    options = {"study": study, "of": str(one.run.path), "ref": one.ref, "quality": "quick", **wanted}
    return (one.run.path / "scenario.yaml").read_text("utf-8"), options


def questions(services: Services, one: Result) -> list[tuple[Job, dict[str, Any]]]:
    """Jobs with questions to this plan that the user may see, newest first, and their options."""
    user = services.user()
    owner = None if services.open or user is None else user.name
    jobs = services.store.jobs(owner=owner, folders=services.folders(), brief=True)
    found = ((job, json.loads(job.options)) for job in jobs)
    return [(j, o) for j, o in found if o.get("study") in WHAT_IF and o.get("ref") == one.ref]


def why(one: Result, workload: str | None, host: str | None, stack: str | None, system: str | None) -> str:
    """Why no capacity of a kind is in the plan; those left out mean any."""
    tables = {name: one.table(name) for name in OF_WHY}
    found = why_not(case_of(one), tables, workload=workload, host=host, stack=stack, system=system)
    return spoken_text(found.text, one.run.scenario)


def next_control(one: Result) -> NextPoint:
    """Control by decision, and what the cheapest next point costs and moves."""
    tables = {name: one.table(name) for name in OF_CONTROL}
    found = next_point(case_of(one), tables, one.run.kpi("control_score"))
    return replace(found, moves=spoken_ids(found.moves, one.run.scenario))


def waiting(one: Result) -> list[str]:
    """What each place waits for before it opens, and what would be there sooner."""
    told = waits(case_of(one), {name: one.table(name) for name in OF_WAITS if name in one.run.tables})
    return spoken_texts(told, one.run.scenario)
