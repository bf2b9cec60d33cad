"""One list of runs: jobs of the store, and run directories that the command line wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from planner.jobs import WITH_PLAN, Job

STATES = {"optimal": "done", "feasible": "done", "infeasible": "infeasible", "lost": "lost"}
"""Status of a run directory's outcome to the state shown."""


def list_all(services: Any, with_plan: bool = False) -> list[dict[str, Any]]:
    """Rows newest first: id, name, title, state, created (epoch s), seconds, gap, owner, mine, shared, live, stage."""
    user = services.user()
    owner = None if services.settings.auth == "none" or user is None else user.name
    jobs = services.store.jobs(owner=owner)
    rows = [_from_job(job, user.name if user else None) for job in jobs]
    hidden = (
        {job.id for job in services.store.jobs(limit=100_000)}
        if owner is not None
        else {job.id for job in jobs}
    )
    rows += [row for row in _from_disk(services) if row["id"] not in hidden]
    if with_plan:
        rows = [row for row in rows if row["state"] in WITH_PLAN]
    return sorted(rows, key=lambda row: -row["created"])


def _from_job(job: Job, asker: str | None) -> dict[str, Any]:
    return {
        "id": job.id,
        "name": job.name,
        "title": job.title or job.name,
        "state": job.state,
        "created": job.created,
        "seconds": job.seconds,
        "gap": job.gap,
        "owner": job.owner,
        "mine": job.owner == asker,
        "shared": job.shared,
        "live": job.live,
        "stage": job.stage,
    }


def _from_disk(services: Any) -> list[dict[str, Any]]:
    """Runs of the command line: every run directory under the root that is no job's."""
    rows = []
    for manifest in services.runs_root.glob("*/manifest.json"):
        directory = manifest.parent
        facts, outcome = _json(manifest), _json(directory / "outcome.json")
        status = str(outcome.get("status", "lost"))
        rows.append(
            {
                "id": directory.name,
                "name": str(facts.get("name", directory.name)),
                "title": str(facts.get("title") or facts.get("name") or directory.name),
                "state": STATES.get(status, "failed"),
                "created": manifest.stat().st_mtime,
                "seconds": None,
                "gap": outcome.get("gap"),
                "owner": None,
                "mine": True,
                "shared": True,
                "live": False,
                "stage": None,
            }
        )
    return rows


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
