"""Whether the scenario of a run has changed since: its figures are then those of an earlier scenario."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from planner.app.state import editing
from planner.facts.catalog import Catalog
from planner.intake.scenario_file import dump_scenario
from planner.jobs import drafts
from planner.jobs.store import Job

if TYPE_CHECKING:
    from planner.app.services import Services

NAMES = ("name:", "title:")
"""What a scenario is called changes no figure."""


def changed_draft(services: Services, job: Job | None) -> drafts.Draft | None:
    """The scenario of a run if it says something else by now; None for a run of the command line.

    What the user may not see counts as unchanged: nobody learns that another's scenario exists.
    """
    if job is None or not job.draft:
        return None
    draft = drafts.get(services.store, job.draft)
    if draft is None or draft.updated <= job.created:
        return None
    if services.role_on(draft) is None:
        return None
    return draft if _inputs(draft.text, services.catalog) != _unnamed(job.scenario) else None


@lru_cache(maxsize=64)
def _inputs(text: str, catalog: Catalog) -> str | None:
    """What a run of a text would freeze, but for what it is called; None for a text that is not sound."""
    scenario = editing.check(text, catalog).scenario
    return None if scenario is None else _unnamed(dump_scenario(scenario))


def _unnamed(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith(NAMES))
