"""A run of a scenario that has changed since says so, wherever its figures are shown."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from planner.app import create_app
from planner.app.pages.editor_check import submit
from planner.app.pages.home import recent
from planner.app.services import Services, Settings
from planner.app.state import editing
from planner.app.state.stale import changed_draft
from planner.intake.scenario_file import example_path
from planner.jobs import drafts

TEXT = example_path("two-hosts").read_text("utf-8")


@pytest.fixture
def made(tmp_path: Path) -> tuple[Any, Services, drafts.Draft]:
    """An application with a scenario that has been put in the queue."""
    app = create_app(Settings(runs_root=tmp_path))
    services: Services = app.server.extensions["planner"]
    draft = drafts.create(services.store, "two-hosts", TEXT, "local")
    scenario = editing.check(TEXT, services.catalog).scenario
    assert scenario is not None
    with app.server.test_request_context("/"):
        submit(services, scenario, draft.id, {"quality": "quick", "objective": "cost"})
    time.sleep(0.01)  # a change within the clock's grain would not count as later
    return app, services, draft


def save(services: Services, draft: drafts.Draft, change: dict[str, Any]) -> None:
    drafts.save(services.store, draft.id, editing.apply(draft.text, change), draft.revision, "limits")


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        ({"limits.min_control": 61}, True),
        ({"title": "Another name"}, False),
        ({"limits.min_control": "x"}, True),
    ],
)
def test_only_a_change_of_inputs_makes_a_run_stale(
    made: tuple[Any, Services, drafts.Draft], change: dict[str, Any], stale: bool
) -> None:
    app, services, draft = made
    (job,) = services.store.jobs()
    with app.server.test_request_context("/"):
        assert changed_draft(services, job) is None
        save(services, draft, change)
        found = changed_draft(services, job)
        assert (found is not None) == stale
        (row,) = services.runs()
        assert row["stale"] == (draft.id if stale else None)
        shown = json.dumps(recent([row]), default=lambda c: c.to_plotly_json())
        assert ("Scenario changed since" in shown) == stale
