"""A list of the scenario as a spreadsheet: saved, filled in elsewhere, uploaded or pasted, every mistake at its cell."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import dash
import dash_mantine_components as dmc
import pandas as pd
from dash import ALL, Input, Output, State, ctx, dcc, html, no_update

from planner.app import ids
from planner.app.components import download, layout, toolbar
from planner.app.components.attrs import attrs
from planner.app.components.icon import icon
from planner.app.components.table import plain_table
from planner.app.pages.editor_parts import DRAFT, REFRESH, SECTION, TAKEN, change
from planner.app.pages.scenarios import visible
from planner.app.services import Services
from planner.app.state import editing
from planner.intake.sheet_file import Rows, read_sheet, read_text
from planner.intake.sheet_rows import Fault, SheetError, Taken, entries_of, take
from planner.intake.sheets import SHEETS
from planner.report.field_labels import label
from planner.report.sheet_files import sheet_csv, sheet_xlsx, years_of
from planner.report.strings import t

SAVE = "sheet-save"
UPLOAD, PASTED, PASTE, WHOLE, TOLD = (
    "sheet-upload", "sheet-pasted", "sheet-paste", "sheet-whole", "sheet-told",
)  # fmt: skip
NAMED = 6
"""Ids that a message names; the others are counted."""


def bar(part: str, services: Services, mine: bool) -> html.Section:
    """Saving, uploading and pasting the list ``part``, and what came of it."""
    saves = [
        toolbar.button({"type": SAVE, "kind": kind}, t(f"sheet.save-{kind}"), "download", variant="default", size="xs")
        for kind in ("xlsx", "csv")
    ]  # fmt: skip
    upload = dcc.Upload(
        html.Span([icon("upload"), html.Span(t("sheet.upload"))], className="link-button quiet size-xs"),
        id=UPLOAD, accept=".xlsx,.csv", max_size=services.settings.max_upload_bytes, disabled=not mine,
        className="upload", className_active="upload active",
    )  # fmt: skip
    paste = html.Details(
        [
            html.Summary(t("sheet.paste")),
            dmc.Textarea(id=PASTED, label=t("sheet.paste-label"), minRows=4, maxRows=12, autosize=True, className="yaml"),
            toolbar.button(PASTE, t("sheet.paste-take"), "circle-check", size="xs", disabled=not mine),
        ],
        className="figure-details",
    )  # fmt: skip
    return html.Section(
        [
            html.Div(
                [
                    dmc.Title(t("sheet.title"), order=2, size="h3"),
                    dmc.Group(
                        [*saves, html.Div(upload, **attrs({"data-upload": t("sheet.upload")}))], gap="xs"
                    ),
                ],
                className="record-head spread",
            ),
            html.P(t("sheet.lead"), className="muted small"),
            dmc.Switch(id=WHOLE, checked=True, label=t(f"sheet.whole-{part}"), disabled=not mine),
            paste,
            html.Div(id=TOLD, role="status"),
        ],
        className="record",
    )


def register_sheets(app: dash.Dash, services: Services) -> None:
    @app.callback(
        Output(ids.DOWNLOAD, "data", allow_duplicate=True),
        Input({"type": SAVE, "kind": ALL}, "n_clicks"),
        State(SECTION, "data"),
        State(DRAFT, "data"),
        prevent_initial_call=True,
    )
    def save(clicks: list[int | None], part: str, held: dict[str, Any]) -> Any:
        if not any(clicks):
            return no_update
        draft = visible(services, held["id"])
        sheet = SHEETS[part]
        entries = entries_of(draft.text, sheet, services.catalog)
        years = years_of(editing.document(draft.text))
        kind = ctx.triggered_id["kind"]
        content = (
            sheet_csv(entries, sheet, years) if kind == "csv" else sheet_xlsx(entries, sheet, services.catalog, years)
        )  # fmt: skip
        return download.send(services, f"{draft.name}-{part}.{kind}", content)

    @app.callback(
        Output(REFRESH, "data", allow_duplicate=True),
        Output(TOLD, "children"),
        Output(TAKEN, "children", allow_duplicate=True),
        Input(UPLOAD, "contents"),
        Input(PASTE, "n_clicks"),
        State(UPLOAD, "filename"),
        State(PASTED, "value"),
        State(WHOLE, "checked"),
        State(SECTION, "data"),
        State(DRAFT, "data"),
        State(ids.PAGE, "data"),
        State(REFRESH, "data"),
        prevent_initial_call=True,
    )
    def put(contents: str | None, clicks: int | None, name: str | None, pasted: str | None, whole: bool, part: str,
            held: dict[str, Any], page: str, refresh: int) -> Any:  # fmt: skip
        uploaded = ctx.triggered_id == UPLOAD
        if not (contents if uploaded else clicks):
            return no_update, no_update, no_update
        name = (name or "")[:80] if uploaded else t("sheet.pasted")
        try:
            rows = _uploaded(contents or "", name, part) if uploaded else read_text(pasted or "", name)
            taken = _put(services, held, page, part, rows, whole)
        except (editing.InputError, SheetError, editing.PathError) as error:
            services.log_access("refused", f"sheet {name!r} into {held['id']}: {str(error)[:200]}")
            return no_update, refused(error), None
        services.log_access("import", f"sheet {name!r} into {held['id']}")
        return (refresh or 0) + 1, None, layout.alert(t("sheet.taken"), [told(taken)], kind="success")


def _uploaded(contents: str, name: str, part: str) -> Rows:
    try:
        raw = base64.b64decode(contents.partition(",")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise editing.InputError.single(name, t("sheet.broken")) from error
    return read_sheet(raw, name, part)


def _put(services: Services, held: dict[str, Any], page: str, part: str, rows: Rows, whole: bool) -> Taken:
    found: list[Taken] = []

    def how(text: str) -> tuple[str, str]:
        found[:] = [take(text, SHEETS[part], rows, label, services.catalog, whole=whole)]
        return found[0].text, f"{t('sheet.title')}: {told(found[0])}"

    change(services, held, page, how)
    return found[0]


def refused(error: Exception) -> Any:
    """Why a sheet was not taken: its faults by cell, or what is wrong with the file."""
    if isinstance(error, SheetError):
        faults = error.faults
        title = t("sheet.fault") if len(faults) == 1 else t("sheet.faults", n=len(faults))
        return html.Div([layout.alert(title, [t("sheet.unchanged")], kind="error"), *_table(faults)])
    lines = [p.message for p in error.problems] if isinstance(error, editing.InputError) else [str(error)]
    return layout.alert(t("sheet.refused"), lines, kind="error")


def _table(faults: Sequence[Fault]) -> list[Any]:
    frame = pd.DataFrame([{"cell": f.cell, "mistake": f.message} for f in faults])
    return plain_table(frame, t("sheet.faults-table"))


def told(taken: Taken) -> str:
    """What a sheet added, changed and removed."""
    parts = []
    for what, found in (("added", taken.added), ("changed", taken.changed), ("removed", taken.removed)):
        if found:
            names = ", ".join(found[:NAMED]) + (" …" if len(found) > NAMED else "")
            parts.append(t(f"sheet.{what}", n=len(found), names=names))
    return " ".join(parts) or t("sheet.same")
