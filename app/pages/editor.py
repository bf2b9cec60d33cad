"""The editor of a scenario: every change is checked and saved; nothing is lost, nothing is overwritten unseen."""

from __future__ import annotations

import json
from typing import Any

import dash
from dash import ALL, MATCH, ClientsideFunction, Input, Output, State, ctx, dcc, no_update

from planner.app import ids
from planner.app.components import forms, notify
from planner.app.pages import add_page
from planner.app.pages import editor_grid as grid
from planner.app.pages import editor_views as views
from planner.app.pages.editor_check import register_check
from planner.app.pages.editor_demand import register_demand
from planner.app.pages.editor_parts import (
    DRAFT,
    REFRESH,
    SECTION,
    STATUS,
    TAKEN,
    change,
    may_change,
    save,
    seen,
    status,
)
from planner.app.pages.editor_sheets import register_sheets
from planner.app.pages.scenarios import visible
from planner.app.services import Refused, Services
from planner.app.state import editing, url, wide
from planner.app.state.sections import TABLES
from planner.intake import fields as schema
from planner.intake.sheets import as_date
from planner.jobs import drafts
from planner.report.strings import t


def register(app: dash.Dash, services: Services) -> None:
    add_page("scenario", lambda id=None, **query: _page(services, id, query), title=t("scenario.list-title"))
    register_check(app, services)
    register_sheets(app, services)
    register_demand(app, services)

    @app.callback(
        Output(views.BODY, "children"),
        Output(DRAFT, "data"),
        Output(STATUS, "children"),
        Output(views.HEAD, "children"),
        Input(REFRESH, "data"),
        State(SECTION, "data"),
        State(DRAFT, "data"),
        prevent_initial_call=True,
    )
    def show(_refresh: int, section: str, held: dict[str, Any]) -> Any:
        draft = visible(services, held["id"])
        checked = editing.check(draft.text, services.catalog)
        return (
            views.body(services, draft, section, checked),
            seen(draft),
            status(checked, draft, checking=section == "check"),
            views.heading(draft),
        )

    @app.callback(
        Output({"type": forms.FIELD, "path": ALL}, "error"),
        Output({"type": grid.GRID, "table": ALL}, "rowData"),
        Output(STATUS, "children", allow_duplicate=True),
        Output(DRAFT, "data", allow_duplicate=True),
        Input({"type": forms.FIELD, "path": ALL}, "value"),
        Input({"type": forms.FIELD, "path": ALL}, "checked"),
        Input({"type": grid.GRID, "table": ALL}, "cellValueChanged"),
        Input({"type": grid.ADD, "table": ALL}, "n_clicks"),
        Input({"type": grid.COPY, "table": ALL}, "n_clicks"),
        Input({"type": grid.REMOVE, "table": ALL}, "n_clicks"),
        Input(grid.PASTED, "data"),
        State({"type": grid.OUTER, "table": ALL}, "value"),
        State({"type": grid.OUTER, "table": ALL}, "id"),
        State({"type": grid.GRID, "table": ALL}, "selectedRows"),
        State({"type": grid.GRID, "table": ALL}, "id"),
        State(DRAFT, "data"),
        State(ids.PAGE, "data"),
        prevent_initial_call=True,
    )
    def edit(
        _values: Any,
        _checks: Any,
        _cells: Any,
        _adds: Any,
        _copies: Any,
        _removes: Any,
        _pasted: Any,
        outers: Any,
        outer_ids: Any,
        selected: Any,
        grids: Any,
        held: dict[str, Any],
        page: str,
    ) -> Any:
        fields, tables = ctx.outputs_list[0], ctx.outputs_list[1]
        nothing = [no_update] * len(fields), [no_update] * len(tables), no_update, no_update
        marked = {one["table"]: rows or [] for one, rows in zip(grids, selected, strict=True)}
        chosen = {one["table"]: value for one, value in zip(outer_ids, outers, strict=True)}
        before = visible(services, held["id"]).text
        try:
            draft = change(services, held, page, lambda text: _changed(text, ctx.triggered, marked, chosen))
        except (editing.InputError, editing.PathError) as error:
            notify.show(str(error), t("scenario.not-changed"), "error")
            return nothing
        except Refused as error:
            notify.show(str(error), t("scenario.not-saved"), "error")
            return *nothing[:2], views.not_saved(str(error)), no_update
        if draft.text == before:
            return nothing
        checked = editing.check(draft.text, services.catalog)
        doc = editing.document(draft.text)
        return (
            [checked.of(field["id"]["path"]) for field in fields],
            [editing.rows(doc, TABLES[one["id"]["table"]], checked, services.catalog) for one in tables],
            status(checked, draft),
            seen(draft),
        )

    app.clientside_callback(
        ClientsideFunction("editor", "blankRow"),
        Output({"type": grid.GRID, "table": MATCH}, "rowTransaction"),
        Input({"type": grid.ADD, "table": MATCH}, "n_clicks"),
        State({"type": grid.GRID, "table": MATCH}, "rowData"),
        State({"type": grid.GRID, "table": MATCH}, "columnDefs"),
        State({"type": grid.GRID, "table": MATCH}, "id"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(REFRESH, "data", allow_duplicate=True),
        Input({"type": grid.NEW_DATE, "table": ALL}, "value"),
        State(DRAFT, "data"),
        State(ids.PAGE, "data"),
        State(REFRESH, "data"),
        prevent_initial_call=True,
    )
    def add_date(_days: list[str | None], held: dict[str, Any], page: str, refresh: int) -> Any:
        on = as_date(ctx.triggered[0]["value"]) if ctx.triggered_id and ctx.triggered else None
        if on is None:
            return no_update
        spec = TABLES[ctx.triggered_id["table"]]

        def how(text: str) -> tuple[str, str]:
            return editing.apply(text, wide.with_date(editing.document(text), spec, on)), t(
                "scenario.add-date"
            )

        change(services, held, page, how)
        return (refresh or 0) + 1

    @app.callback(
        Output(REFRESH, "data"),
        Output(views.YAML_MESSAGE, "children"),
        Input(views.YAML_SAVE, "n_clicks"),
        State(views.YAML_TEXT, "value"),
        State(views.YAML_OF, "data"),
        State(DRAFT, "data"),
        State(REFRESH, "data"),
        prevent_initial_call=True,
    )
    def save_text(
        clicks: int | None, text: str | None, revision: int, held: dict[str, Any], refresh: int
    ) -> Any:
        if not clicks:
            return no_update, no_update
        draft = visible(services, held["id"])
        try:
            editing.document(text or "")
        except editing.InputError as error:
            services.log_access("refused", f"text of {draft.id}: {str(error)[:200]}")
            return no_update, views.broken(error)
        save(services, draft, text or "", t("scenario.section.yaml"), revision)
        return (refresh or 0) + 1, None

    @app.callback(
        Output(REFRESH, "data", allow_duplicate=True),
        Output(TAKEN, "children", allow_duplicate=True),
        Input(views.UNDO, "n_clicks"),
        State(DRAFT, "data"),
        State(REFRESH, "data"),
        prevent_initial_call=True,
    )
    def undo(clicks: int | None, held: dict[str, Any], refresh: int) -> Any:
        if not clicks:
            return no_update, no_update
        draft = visible(services, held["id"])
        may_change(services, draft)
        what = drafts.undo(services.store, draft.id)
        if what is None:
            notify.show(t("scenario.nothing-to-undo"))
            return no_update, no_update
        notify.show(t("scenario.undone", what=what), kind="success")
        return (refresh or 0) + 1, None

    @app.callback(
        Output(views.FILE, "data"),
        Input(views.EXPORT, "n_clicks"),
        State(DRAFT, "data"),
        prevent_initial_call=True,
    )
    def export(clicks: int | None, held: dict[str, Any]) -> Any:
        if not clicks:
            return no_update
        draft = visible(services, held["id"])
        services.log_access("export", f"scenario {draft.id}")
        return dcc.send_string(draft.text, f"{draft.name}.yaml")

    @app.callback(
        Output(views.SHARE, "checked"),
        Input(views.SHARE, "checked"),
        State(DRAFT, "data"),
        prevent_initial_call=True,
    )
    def share(shared: bool, held: dict[str, Any]) -> Any:
        draft = visible(services, held["id"])
        may_change(services, draft)
        drafts.share(services.store, draft.id, bool(shared))
        services.log_access("share", f"scenario {draft.id}: {bool(shared)}")
        return no_update

    @app.callback(
        Output(views.FOLDER, "value"),
        Input(views.FOLDER, "value"),
        State(DRAFT, "data"),
        prevent_initial_call=True,
    )
    def move(folder: str | None, held: dict[str, Any]) -> Any:
        draft = visible(services, held["id"])
        may_change(services, draft)
        if folder and not services.open and folder not in services.folders("planner"):
            services.log_access("refused", f"scenario {draft.id} to folder {folder[:60]!r}")
            raise Refused(t("scenario.folder-refused", folder=folder[:60]))
        drafts.move(services.store, draft.id, folder or None)
        services.log_access("move", f"scenario {draft.id}: {folder}")
        return no_update


def _page(services: Services, id: str | None, query: dict[str, Any]) -> Any:
    draft = visible(services, id or "")
    asked = url.parse(query, {"section": "basics", "at": ""})
    checked = editing.check(draft.text, services.catalog)
    return views.page(services, draft, asked["section"], checked, seen(draft), asked["at"])


def _changed(
    text: str,
    triggered: list[dict[str, Any]],
    marked: dict[str, Any],
    outers: dict[str, str | None] | None = None,
) -> tuple[str, str]:
    """The text after what the user did, and a line saying what that was.

    ``marked``: rows that are selected by table; ``outers``: the entry that a new row of a nested table belongs to.
    """
    wanted: dict[str, Any] = {}
    for trigger in triggered:
        id_, _, prop = trigger["prop_id"].rpartition(".")
        if id_ == grid.PASTED and trigger["value"]:
            table, edits = trigger["value"]["table"], trigger["value"]["edits"]
            text = _with_rows(text, table, edits, (outers or {}).get(table))
            wanted |= _cells(text, table, [edit for edit in edits if "_path" in edit["data"]])
        if not id_.startswith("{") or (trigger["value"] is None and prop == "n_clicks"):
            continue
        key = json.loads(id_)
        if key["type"] == forms.FIELD:
            field = schema.field(key["path"])
            # fields that come into the page speak too, with both properties: the one that is not theirs says nothing
            if prop == ("checked" if field.kind == "boolean" else "value"):
                wanted[key["path"]] = schema.typed(field, trigger["value"])
        elif prop == "cellValueChanged":
            wanted |= _cells(text, key["table"], trigger["value"])
        elif key["type"] == grid.ADD:
            outer = (outers or {}).get(key["table"])
            return editing.add(text, TABLES[key["table"]], outer), t("scenario.add")
        elif key["type"] == grid.COPY:
            for row in marked.get(key["table"], []):
                text = editing.duplicate(text, TABLES[key["table"]], row["_path"])
            return text, t("scenario.copy")
        elif key["type"] == grid.REMOVE:
            paths = [row["_path"] for row in marked.get(key["table"], [])]
            return (editing.remove(text, paths) if paths else text), t("scenario.remove")
    return editing.apply(text, wanted), ", ".join(wanted)


def _cells(text: str, table: str, edits: list[dict[str, Any]] | None) -> dict[str, Any]:
    """Dotted path -> value of what was changed in the cells of a table."""
    spec = TABLES[table]
    if spec.wide:
        return wide.changed(editing.document(text), spec, edits or [])
    known = {field.name: field for field in schema.fields(spec.pattern)}
    doc = editing.document(text)
    kept = [edit for edit in edits or [] if edit["colId"] in known and edit["colId"] not in spec.fixed]
    kept.sort(key=lambda edit: edit["colId"] == "id")  # last: until then the entry goes by the id that it had
    return {
        f"{editing.path_now(doc, spec, edit['data'])}.{edit['colId']}": schema.typed(
            known[edit["colId"]], edit.get("value")
        )
        for edit in kept
    }


def _with_rows(text: str, table: str, edits: list[dict[str, Any]], outer: str | None) -> str:
    """The text with an entry for every row that was pasted below the last of a table; a path by date takes none."""
    spec = TABLES[table]
    known = {field.name: field for field in schema.fields(spec.pattern)}
    rows: dict[int, dict[str, Any]] = {}
    for edit in edits:
        name = edit["colId"]
        if "_new" in edit["data"] and not spec.wide and name in known and name not in spec.fixed:
            rows.setdefault(edit["data"]["_new"], {})[name] = schema.typed(known[name], edit.get("value"))
    for number in sorted(rows):
        text = editing.add(text, spec, outer, rows[number])
    return text
