"""Changes made in the editor: in the order they were made, none lost, none made up."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from planner.app import create_app
from planner.app.components import forms
from planner.app.pages.editor import _changed
from planner.app.pages.editor_parts import change, seen
from planner.app.services import Refused, Services, Settings
from planner.app.state import editing
from planner.intake import fields as schema
from planner.intake.scenario_file import example_path
from planner.jobs import drafts

TEXT = example_path("two-hosts").read_text("utf-8").replace("title:", "title: |\n  Two hosts\n\n#", 1)


@pytest.fixture
def opened(tmp_path: Path) -> tuple[Any, Services, drafts.Draft]:
    app = create_app(Settings(runs_root=tmp_path))
    services: Services = app.server.extensions["planner"]
    return app, services, drafts.create(services.store, "two-hosts", TEXT, "local")


def setting(path: str, value: Any) -> Any:
    return lambda text: (editing.apply(text, {path: value}), path)


def test_a_later_change_never_waits_for_or_overtakes_an_earlier_one_of_its_page(
    opened: tuple[Any, Services, drafts.Draft],
) -> None:
    app, services, draft = opened
    held, started, go_on = seen(draft), threading.Event(), threading.Event()

    def slow(text: str) -> tuple[str, str]:
        started.set()
        assert go_on.wait(20)
        return setting("limits.min_control", 61)(text)

    def edit(how: Any) -> None:
        with app.server.test_request_context("/"):
            change(services, held, "page", how)

    first = threading.Thread(target=edit, args=(slow,))
    first.start()
    assert started.wait(20)
    second = threading.Thread(target=edit, args=(setting("limits.min_control", 62),))
    second.start()
    go_on.set()
    first.join(20)
    second.join(20)
    now = drafts.get(services.store, draft.id)
    assert now is not None and now.revision == 2
    assert editing.value_at(editing.document(now.text), "limits.min_control") == 62
    with app.server.test_request_context("/"), pytest.raises(Refused, match="another window"):
        change(services, held, "another page", setting("limits.min_control", 63))


def test_fields_that_come_into_the_page_change_nothing() -> None:
    """Dash reports every field of a section that is drawn anew, with each of its properties."""
    doc = editing.document(TEXT)
    paths = [
        "name",
        "title",
        "limits.min_control",
        "horizon.years",
        "horizon.step",
        "money.discount_rate_real",
    ]
    triggered = []
    for path in paths:
        shown: Any = editing.value_at(doc, path)
        for prop, value in (("value", "" if shown is None else shown), ("checked", None)):
            key = json.dumps({"path": path, "type": forms.FIELD})
            triggered.append({"prop_id": f"{key}.{prop}", "value": value})
    assert all(schema.field(path) for path in paths)
    assert _changed(TEXT, triggered, {})[0] == TEXT
    triggered[4]["value"] = 71
    assert editing.value_at(editing.document(_changed(TEXT, triggered, {})[0]), "limits.min_control") == 71
