"""One list of runs: jobs of the store, and run directories that the command line wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from planner.app.state.stale import changed_draft
from planner.jobs.store import WITH_PLAN, Job
from planner.runs.disk import RunError
from planner.runs.files import read_json

STATES = {
    "optimal": "done",
    "feasible": "done",
    "done": "done",
    "infeasible": "infeasible",
    "no-solution": "no-solution",
    "unbounded": "unbounded",
    "running": "running",
    "lost": "lost",
}
"""Status of a run directory's outcome to the state shown."""


def list_all(services: Any, with_plan: bool = False) -> list[dict[str, Any]]:
    """Rows newest first: id, name, title, state, kind, created (epoch s), seconds, gap, owner, mine, shared, live,
    stage, stale, audit (state of the plan's check).

    ``stale`` is the id of the scenario that a job ran, where that has changed since.
    """
    user = services.user()
    owner = None if services.settings.auth == "none" or user is None else user.name
    jobs = services.store.jobs(owner=owner, folders=services.folders())
    rows = [_from_job(services, job, user.name if user else None) for job in jobs]
    hidden = (
        {job.id for job in services.store.jobs(limit=100_000)}
        if owner is not None
        else {job.id for job in jobs}
    )
    if services.role_on(None) is not None:
        rows += [row for row in _from_disk(services) if row["id"] not in hidden]
    if with_plan:
        rows = [row for row in rows if row["state"] in WITH_PLAN and row["kind"] == "plan"]
    return sorted(rows, key=lambda row: -row["created"])


def _from_job(services: Any, job: Job, asker: str | None) -> dict[str, Any]:
    draft = changed_draft(services, job)
    return {
        "id": job.id,
        "name": job.name,
        "title": job.title or job.name,
        "state": job.state,
        "kind": "plan",
        "created": job.created,
        "seconds": job.seconds,
        "gap": job.gap,
        "audit": job.audit,
        "owner": job.owner,
        "mine": job.owner == asker,
        "shared": job.shared,
        "live": job.live,
        "stage": job.stage,
        "stale": draft.id if draft is not None else None,
    }


def _from_disk(services: Any) -> list[dict[str, Any]]:
    """Runs of the command line: every run directory under the root that is no job's."""
    from planner.runs.run import list_runs

    return [_from_directory(row) for row in list_runs(services.runs_root).to_dict("records")]


def _from_directory(row: dict[str, Any]) -> dict[str, Any]:
    started = pd.to_datetime(row["started"], utc=True, errors="coerce")
    state = STATES.get(str(row["status"]), "failed")
    return {
        "id": row["name"],
        "name": row["name"],
        "title": _title(row),
        "state": state,
        "kind": row["kind"],
        "created": 0.0 if pd.isna(started) else started.timestamp(),
        "seconds": row["seconds"],
        "gap": row["gap"],
        "audit": row["audit"] if isinstance(row["audit"], str) else None,
        "owner": None,
        "mine": True,
        "shared": True,
        "live": False,
        "stage": None,
        "stale": None,
    }


def _title(row: dict[str, Any]) -> str:
    """The title of the scenario that was run, as frozen in the run; its name where the run is damaged."""
    try:
        return str(read_json(Path(row["path"]) / "manifest.json").get("title") or row["name"])
    except RunError:
        return str(row["name"])
