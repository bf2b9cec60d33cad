"""Tables of the editor as grids: columns from the schema with help and pickers, rows that are added, copied, removed."""

from __future__ import annotations

import json
import re
from typing import Any

import dash_mantine_components as dmc
from dash import html

from planner.app.components import table, toolbar
from planner.app.components.attrs import attrs
from planner.app.services import Services
from planner.app.state import editing, wide
from planner.app.state.sections import Table, place_of
from planner.intake import fields as schema
from planner.intake.sheets import as_date, dated
from planner.report.field_labels import label
from planner.report.sheet_files import choices as known_values
from planner.report.strings import t

GRID, ADD, COPY, REMOVE, OUTER = (
    "scenario-grid", "scenario-add", "scenario-copy", "scenario-remove", "scenario-outer",
)  # fmt: skip
NEW_DATE, PASTED = "scenario-new-date", "ed-pasted"

NAMED = {
    "metro": ("metros", ("name", "iso3")), "country": ("countries", ("name",)), "model": ("models", ("name",)),
    "accelerator": ("accelerators", ("name", "vendor")), "reference": ("accelerators", ("name", "vendor")),
    "systems[].id": ("systems", ("name", "vendor")), "stacks[].id": ("stacks", ("name",)),
    "sites[].power.options[].id": ("power_options", ("name", "region_basis")),
}  # fmt: skip
"""Fields that name a row of a long table of the catalog: found by typing its id, name or country, not by scrolling."""
OWN = {"site": "sites", "host": "hosts", "workload": "demand"}
"""Fields that name an entry of the scenario itself, and of which list."""


def of_table(services: Services, spec: Table, doc: Any, checked: editing.Checked, mine: bool, at: str) -> Any:
    rows = editing.rows(doc, spec, checked, services.catalog)
    title = t(f"scenario.table.{spec.key}")
    columns = _dated(doc, spec, mine) if spec.wide else _columns(services, spec, doc, mine)
    can_add = mine and spec.pattern.endswith("[]") and not spec.wide
    buttons = _buttons(doc, spec, can_add, mine)
    selection = (
        {"rowSelection": {"mode": "multiRow"}, "selectionColumnDef": {"pinned": "left"}} if can_add else {}
    )
    return html.Section(
        [
            html.Div(
                [dmc.Title(title, order=2, size="h3"), dmc.Group(buttons, gap="xs")],
                className="record-head spread",
            ),
            table.grid(
                {"type": GRID, "table": spec.key},
                rows,
                columns,
                label=title,
                height=None if len(rows) <= 14 else 620,
                editable=mine,
                options=selection | {"suppressFieldDotNotation": True, "tooltipShowDelay": 200},
                getRowId="params.data._row",
                columnSize="autoSize",
                **_seen_at(rows, spec, at),
            ),
        ],
        className="record",
        **attrs({"data-scroll": at} if place_of(at)[1] == spec.key else {}),
    )


def _seen_at(rows: list[dict[str, Any]], spec: Table, at: str) -> dict[str, Any]:
    """What brings the row of a path into sight, if it is one of this table."""
    if place_of(at)[1] != spec.key:
        return {}
    found = [n for n, row in enumerate(rows) if f"{at}.".startswith((f"{row['_path']}.", f"{row['_path']}["))]
    if not found:
        return {}
    place = {"rowIndex": found[0], "rowPosition": "middle"}
    column = _column_of(at.removeprefix(rows[found[0]]["_path"]), rows[found[0]], spec)
    return {"scrollTo": place | ({"column": column, "columnPosition": "middle"} if column else {})}


def _column_of(rest: str, row: dict[str, Any], spec: Table) -> str | None:
    """The column of what stands below the path of a row: a field, or the date of a point of its path."""
    if spec.wide and (number := re.match(r"\[(\d+)\]", rest)):
        days = [name for name in row if as_date(name) is not None]
        return days[int(number[1])] if int(number[1]) < len(days) else None
    names = {field.name for field in schema.fields(spec.pattern)}
    found = re.match(r"\.([\w.]+)", rest)
    return next((n for n in (found[1], found[1].partition(".")[0]) if n in names), None) if found else None


def _buttons(doc: Any, spec: Table, can_add: bool, mine: bool) -> list[Any]:
    """What adds to a table: a blank row, for a nested table to which entry; a date to a path."""
    look: dict[str, Any] = {"variant": "default", "size": "xs"}
    if spec.wide and mine:
        day = dmc.DateInput(id={"type": NEW_DATE, "table": spec.key}, valueFormat="YYYY-MM-DD", size="xs", w=130,
                            placeholder=t("scenario.new-date"), **attrs({"aria-label": t("scenario.new-date")}))  # fmt: skip
        return [day]
    if not can_add:
        return []
    buttons = [
        toolbar.button({"type": name, "table": spec.key}, t(f"scenario.{words}"), mark, **look)
        for name, words, mark in ((ADD, "add", "plus"), (COPY, "copy", "copy"), (REMOVE, "remove", "x"))
    ]
    if spec.nested:
        entries = doc.get(spec.outer) if "." not in spec.outer else editing.value_at(doc, spec.outer)
        found = [str(e["id"]) for e in entries or [] if isinstance(e, dict) and "id" in e]
        of = t(f"scenario.of.{spec.pattern.split('[]')[0].split('.')[0]}")
        outer = dmc.Select(id={"type": OUTER, "table": spec.key}, data=list(dict.fromkeys(found)), size="xs", w=170,
                           value=found[-1] if found else None, searchable=True, allowDeselect=False,
                           **attrs({"aria-label": of}))  # fmt: skip
        buttons.insert(0, outer)
    return buttons


def _dated(doc: Any, spec: Table, mine: bool) -> list[dict[str, Any]]:
    """Columns of a path: whose it is, what is counted, and a value a date."""
    fixed = {"editable": False, "pinned": "left", "cellClass": "cell-fixed", "filter": False}
    columns: list[dict[str, Any]] = [{"field": "of", "headerName": t(f"scenario.of.{spec.outer}"), **fixed}]
    columns.append({"field": "title", "headerName": t("scenario.field.title"), **fixed, "maxWidth": 260})
    if spec.outer == "demand":
        columns.append({"field": "by", "headerName": t("scenario.field.by"), **fixed, "pinned": None})
    unit = "" if spec.outer == "demand" else f" ({schema.Field(spec.value, 'number').unit})"
    for on in wide.dates(doc, spec):
        name = on.isoformat()
        columns.append({
            "field": name, "headerName": dated(on).name + unit, "editable": mine, "sortable": False, "filter": False,
            "cellDataType": "number", "cellEditor": "agNumberCellEditor", "type": "rightAligned", "width": 110,
            "valueFormatter": {"function": f"plannerPlain(params.value, '{spec.value}')"},
            "cellClassRules": {"cell-problem": f"params.data._problems && params.data._problems['{name}']"},
            "tooltipValueGetter": {"function": f"plannerProblem(params.data, '{name}')"},
        })  # fmt: skip
    return columns


def _columns(services: Services, spec: Table, doc: Any, mine: bool) -> list[dict[str, Any]]:
    fields = {f.name: f for f in schema.fields(spec.pattern)}
    hidden = set(spec.hidden) | (set() if spec.sourced else {"source"})
    names = [n for n in spec.first if n in fields] + [n for n in fields if n not in spec.first]
    columns: list[dict[str, Any]] = []
    if spec.nested or not spec.pattern.endswith("[]"):
        outer = t(f"scenario.of.{spec.pattern.split('[]')[0].split('.')[0]}")
        columns.append(
            {
                "field": "of",
                "headerName": outer,
                "editable": False,
                "pinned": "left",
                "cellClass": "cell-fixed",
            }
        )
    for name in names:
        if name not in hidden:
            columns.append(_column(services, fields[name], spec, doc, mine))
    if columns and not spec.nested:
        columns[0]["pinned"] = "left"
    return columns


def _column(services: Services, field: schema.Field, spec: Table, doc: Any, mine: bool) -> dict[str, Any]:
    unit = f" ({field.unit})" if field.unit else ""
    column: dict[str, Any] = {
        "field": field.name,
        "headerName": label(field) + unit,
        "headerTooltip": field.meaning or label(field),
        "editable": mine and field.name not in spec.fixed,
        "cellClassRules": {
            "cell-problem": f"params.data._problems && params.data._problems['{field.name}']",
            "cell-empty": "params.value === null || params.value === undefined",
        },
        "tooltipValueGetter": {"function": f"plannerTold(params.data, '{field.name}')"},
        "sortable": not spec.nested,
        "filter": False,
    }
    if field.kind in ("date", "text", "list", "choice"):
        column["cellDataType"] = "text"  # AG Grid would guess
    default = field.default
    taken = (
        default if isinstance(default, str) else f"{default:g}" if isinstance(default, int | float) else ""
    )
    if field.kind in ("text", "choice", "date"):
        shown = f"plannerText(params.value, {json.dumps(taken)}, params.data, '{field.name}')"
        column["valueFormatter"] = {"function": shown}
    if field.kind == "date":
        column |= {"cellDataType": "dateString", "cellEditor": "agDateStringCellEditor"}
    choices = known_values(field, services.catalog)
    named = NAMED.get(f"{spec.pattern}.{field.name}") or NAMED.get(field.leaf)
    own = _entries_of(doc, OWN[field.leaf]) if field.leaf in OWN else []
    if field.kind == "boolean":
        column |= {"cellDataType": "boolean", "cellEditor": "agCheckboxCellEditor", "valueGetter": {
            "function": f"plannerFlag(params.data['{field.name}'], {str(bool(field.default)).lower()})"},
            "valueSetter": {"function": f"plannerSet(params, '{field.name}')"}, "cellClassRules": {}}  # fmt: skip
    elif field.kind in ("number", "integer"):
        column |= {
            "cellDataType": "number",
            "cellEditor": "agNumberCellEditor",
            "type": "rightAligned",
            "valueFormatter": {
                "function": f"plannerAmount(params.value, '{field.name}', {json.dumps(taken)}, params.data)"
            },
        }
    elif named or own:
        options = own or _options(services, *(named or ("", ())), str(doc.get("country")))
        column |= {"cellEditor": {"function": "PlannerPicker"}, "cellEditorParams": {"options": options}}
    elif choices:
        column |= {
            "cellEditor": "agSelectCellEditor",
            "cellEditorParams": {"values": choices if field.required else ["", *choices]},
        }
    if field.name == "note":
        column |= {"maxWidth": 420}
    return column


def _options(services: Services, source: str, columns: tuple[str, ...], home: str) -> list[dict[str, str]]:
    """Rows of a table of the catalog, to be found by id or by the words of ``columns``; those of the country first."""
    table = services.catalog.table(source)
    words = table[list(columns)].astype(str).agg(", ".join, axis=1)
    keys = sorted(table.index, key=lambda key: (not words[key].endswith(f", {home}"), key))
    return [{"value": str(key), "label": f"{words[key]} ({key})"} for key in keys]


def _entries_of(doc: Any, name: str) -> list[dict[str, str]]:
    """The entries of a list of the scenario, to be found by id or title."""
    found = [entry for entry in doc.get(name) or [] if isinstance(entry, dict) and "id" in entry]
    return [
        {"value": str(e["id"]), "label": f"{e.get('title') or e.get('metro') or e['id']} ({e['id']})"}
        for e in found
    ]
