"""One list of runs: jobs of the store, and run directories that the command line wrote."""

from __future__ import annotations

import json
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from planner.app.state.stale import changed_draft
from planner.jobs import drafts
from planner.jobs.store import WITH_PLAN, Job
from planner.runs.disk import PART, RunError
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
    "stopped": "resumable",
    "unfinished": "lost",
}
"""Status of a run directory's outcome to the state shown."""
WATCHED = ("manifest.json", "outcome.json")
LOOK_S = 2.0


def list_all(services: Any, with_plan: bool = False) -> list[dict[str, Any]]:
    """Rows newest first: id, name, title, state, kind, created (epoch s), seconds, gap, owner, mine, shared, live,
    stage, stale, audit (state of the plan's check), directory.

    ``stale`` is the id of the scenario that a job ran, where that has changed since.
    """
    user = services.user()
    owner = None if services.open or user is None else user.name
    jobs = services.store.jobs(owner=owner, folders=services.folders(), brief=True)
    changed = drafts.updated(services.store)
    rows = [_from_job(services, job, user.name if user else None, changed) for job in jobs]
    hidden = services.store.ids()
    root = services.runs_root
    rows += [
        row
        for row in _from_disk(services)
        if row["id"] not in hidden and services.sees_directory(root / row["id"])
    ]
    if with_plan:
        rows = [row for row in rows if row["state"] in WITH_PLAN and row["kind"] == "plan"]
    return sorted(rows, key=lambda row: -row["created"])


def figures(directory: Path) -> dict[str, float]:
    """The key figures of a plan in a run directory by name; none where it has no plan."""
    changed = _changed(directory / "outcome.json")
    return _figures(directory, changed) if changed else {}


@lru_cache(maxsize=2000)
def _figures(directory: Path, _changed: int) -> dict[str, float]:
    try:
        outcome = read_json(directory / "outcome.json")
    except RunError:
        return {}
    kpis = outcome.get("kpis") if isinstance(outcome, dict) else None
    if not isinstance(kpis, dict):
        return {}
    return {
        name: facts["value"] for name, facts in kpis.items() if isinstance(facts, dict) and "value" in facts
    }


def _from_job(services: Any, job: Job, asker: str | None, changed: dict[str, float]) -> dict[str, Any]:
    later = job.draft is not None and changed.get(job.draft, 0.0) > job.created
    draft = changed_draft(services, services.store.job(job.id)) if later else None
    return {
        "id": job.id,
        "name": job.name,
        "title": job.title or job.name,
        "state": job.state,
        "kind": json.loads(job.options).get("study", "plan"),
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
        "directory": job.directory,
    }


def _from_disk(services: Any) -> list[dict[str, Any]]:
    """Runs of the command line: every run directory under the root that is no job's; read again when one changes."""
    from planner.runs.run import list_runs

    root, stamp = services.runs_root, _stamp(services.runs_root)
    held = _listed.get(root)
    if held is None or held[0] != stamp:
        held = _listed[root] = stamp, [_from_directory(row) for row in list_runs(root).to_dict("records")]
    return held[1]


_listed: dict[Path, tuple[Any, list[dict[str, Any]]]] = {}


def _stamp(root: Path) -> tuple[Any, ...]:
    """What tells that a list of run directories has changed; one at work, or lost, is looked at every few seconds."""
    found = []
    at_work = False
    for path in root.iterdir():
        at_work |= path.name.endswith(PART)
        found.append((path.name, _changed(path), *(_changed(path / name) for name in WATCHED)))
    return (*sorted(found), int(time.monotonic() / LOOK_S) if at_work else 0)


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


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
        "directory": str(row["path"]),
    }


def _title(row: dict[str, Any]) -> str:
    """The title of the scenario that was run, as frozen in the run; its name where the run is damaged."""
    try:
        return str(read_json(Path(row["path"]) / "manifest.json").get("title") or row["name"])
    except RunError:
        return str(row["name"])
