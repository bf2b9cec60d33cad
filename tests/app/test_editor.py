"""Changes made in the editor: in the order they were made, none lost, none made up."""

from __future__ import annotations

import base64
import io
import json
import threading
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from planner.app import create_app
from planner.app.components import forms
from planner.app.pages import editor_sheets
from planner.app.pages.editor import _changed
from planner.app.pages.editor_parts import change, seen
from planner.app.services import Refused, Services, Settings
from planner.app.state import editing
from planner.intake import fields as schema
from planner.intake.scenario_file import example_path
from planner.intake.sheet_rows import SheetError
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


NAMES = (
    "Ministry of Health and Population: triage of out-patients",
    "وزارة التعليم العالي والبحث العلمي: مساعد الطلاب والأساتذة",
    "国土交通省・都市計画と交通流の予測および住民向け相談窓口の支援を行う業務用アシスタント",
)
COLUMNS = {
    "Id": "", "Title": "", "Sector": "government", "Kind": "inference", "Data class": "official",
    "Latency class": "standard", "Model class": "large", "Use profile": "assistant", "Counted in": "users",
}  # fmt: skip


def forty(mistakes: dict[str, Any]) -> str:
    """An uploaded workbook of forty workloads of ministries, with names of sixty characters in three scripts."""
    book = openpyxl.Workbook()
    page = book.active
    page.append([*COLUMNS, "2027", "2029"])
    for n in range(40):
        row = {**COLUMNS, "Id": f"w{n}", "Title": f"{NAMES[n % 3]} {n}".ljust(60, ".")}
        page.append([*row.values(), 1000 + n, 2000 + n])
    for cell, value in mistakes.items():
        page[cell] = value
    out = io.BytesIO()
    book.save(out)
    return "data:application/xlsx;base64," + base64.b64encode(out.getvalue()).decode()


def test_forty_workloads_are_uploaded_with_three_mistakes_and_mended(
    opened: tuple[Any, Services, drafts.Draft],
) -> None:
    app, services, draft = opened
    held = seen(draft)

    def upload(mistakes: dict[str, Any]) -> Any:
        rows = editor_sheets._uploaded(forty(mistakes), "demand.xlsx", "demand")
        with app.server.test_request_context("/"):
            return editor_sheets._put(services, held, "page", "demand", rows, True)

    with pytest.raises(SheetError) as found:
        upload({"D5": "inferense", "J9": "=J8*2", "K12": "many"})
    assert [fault.cell for fault in found.value.faults] == ["D5", "J9", "K12"]
    assert "3 cells to fix" in str(editor_sheets.refused(found.value))
    assert drafts.get(services.store, draft.id).text == TEXT
    taken = upload({})
    assert len(taken.added) == 40 and taken.removed == ["assistant"]
    assert "40 added: w0, w1" in editor_sheets.told(taken) and "1 removed: assistant." in editor_sheets.told(
        taken
    )
    scenario = editing.check(drafts.get(services.store, draft.id).text, services.catalog).scenario
    assert scenario is not None and len({w.title for w in scenario.demand}) == 40
    assert all(len(w.title) >= 60 for w in scenario.demand)
