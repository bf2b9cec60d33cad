"""What the editor shows: heading, tabs, forms and tables of a section, differences from the base."""

from __future__ import annotations

import json
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from planner.app.components import forms, layout, table, toolbar
from planner.app.components.attrs import attrs
from planner.app.components.icon import icon
from planner.app.pages import editor_sheets
from planner.app.pages.editor_check import panel
from planner.app.pages.editor_parts import (
    DRAFT,
    MORE_PROBLEMS,
    REFRESH,
    SECTION,
    STATUS,
    problems,
    status,
    warnings,
)
from planner.app.services import Services
from planner.app.state import editing, url, wide
from planner.app.state.sections import BY_KEY, Section, Table, place_of
from planner.case.requests import lengths_taken
from planner.facts.errors import UnknownName
from planner.intake import fields as schema
from planner.intake.sheets import SHEETS, dated
from planner.jobs import drafts
from planner.report.field_labels import label
from planner.report.sheet_files import choices as known_values
from planner.report.strings import t
from planner.scenario.schema import Scenario
from planner.sizing.size import Rough, chains_of
from planner.sizing.words import sentences

BODY, HEAD = "ed-body", "ed-head"
UNDO, EXPORT, FILE, SHARE, FOLDER = "ed-undo", "ed-export", "ed-file", "ed-share", "ed-folder"
YAML_TEXT, YAML_OF, YAML_SAVE, YAML_MESSAGE = "ed-yaml", "ed-yaml-of", "ed-yaml-save", "ed-yaml-message"
GRID, ADD, COPY, REMOVE, OUTER = (
    "scenario-grid", "scenario-add", "scenario-copy", "scenario-remove", "scenario-outer",
)  # fmt: skip
NEW_DATE, PASTED = "scenario-new-date", "ed-pasted"
VIEWS = ("yaml", "changes", "check")

NAMED = {"metro": ("metros", ("name", "iso3")), "country": ("countries", ("name",))}
"""Fields that name a row of a table of hundreds: found by typing, not by scrolling."""


def page(
    services: Services,
    draft: drafts.Draft,
    section: str,
    checked: editing.Checked,
    held: dict[str, Any],
    at: str = "",
) -> Any:
    """The page with one section open; ``at`` is the path of what is to be seen in it."""
    section = section if section in BY_KEY or section in VIEWS else "basics"
    with_share = not services.open
    mine = _mine(services, draft)
    tabs = html.Nav(
        [
            dcc.Link(
                [
                    t(f"scenario.section.{key}"),
                    html.Span(t("scenario.here"), className="sr-only") if key == section else None,
                ],
                href=url.href("scenario", draft.id, section=key),
                className=f"sec-tab sec-tab-{key}" + (" here" if key == section else ""),
            )
            for key in (*BY_KEY, *VIEWS)
            if key != "check"  # has a button of its own
        ],
        className="section-tabs",
        **attrs({"aria-label": t("scenario.sections")}),
    )
    places = list(dict.fromkeys([*services.folders("planner"), *([draft.folder] if draft.folder else [])]))
    actions = toolbar.toolbar(
        html.Div(
            dmc.Select(id=FOLDER, data=places, value=draft.folder, clearable=True, disabled=not mine, size="xs", w=170,
                       placeholder=t("scenario.no-folder"), **{"aria-label": t("scenario.folder")}),
            hidden=not places,
        ),
        dmc.Switch(id=SHARE, label=t("scenario.share"), checked=draft.shared, disabled=not mine) if with_share
        else html.Div(dmc.Switch(id=SHARE, checked=False, **attrs({"aria-label": t("scenario.share")})), hidden=True),
        toolbar.button(UNDO, t("scenario.undo"), "arrow-back-up", variant="default", size="xs", disabled=not mine),
        toolbar.button(EXPORT, t("scenario.export"), "download", variant="default", size="xs"),
        layout.link_button(
            t("scenario.section.check"), url.href("scenario", draft.id, section="check"), "player-play", size="xs"
        ),
    )  # fmt: skip
    return html.Div(
        [
            dcc.Store(id=DRAFT, data=held),
            dcc.Store(id=SECTION, data=section),
            dcc.Store(id=REFRESH, data=0),
            dcc.Store(id=PASTED),
            dcc.Download(id=FILE),
            html.Div(
                [
                    html.Div(
                        [
                            dcc.Link(t("scenario.list-title"), href=url.href("scenarios"), className="crumb"),
                            html.Div(heading(draft), id=HEAD),
                        ]
                    ),
                    html.Div(
                        [html.Div(status(checked, draft.revision), id=STATUS, role="status"), actions],
                        className="editor-actions",
                    ),
                ],
                className="page-head",
            ),
            None if mine else layout.alert(t("scenario.read-only", owner=draft.owner), kind="info"),
            tabs,
            html.Div(body(services, draft, section, checked, at), id=BODY),
        ],
        className="page",
    )


def heading(draft: drafts.Draft) -> list[Any]:
    return [
        dmc.Title(draft.title or draft.name, order=1),
        html.P(t("scenario.editor-lead"), className="lead"),
    ]


def not_saved(why: str) -> Any:
    """That the last change is not kept, and why; stays until a change is."""
    badge = dmc.Badge(
        t("scenario.not-saved"), color="red", variant="light", leftSection=icon("alert-triangle")
    )
    return html.Div(dmc.Group([badge, html.Span(why, className="small")], gap="xs"), role="alert")


def body(
    services: Services, draft: drafts.Draft, section: str, checked: editing.Checked, at: str = ""
) -> Any:
    """The content of one tab."""
    if section == "yaml":
        return _yaml(draft, checked, _mine(services, draft))
    try:
        doc = editing.document(draft.text)
    except editing.InputError as error:
        return broken(error, t("scenario.yaml-only"))
    if section == "changes":
        return _changes(draft)
    if section == "check":
        return panel(services, draft, checked)
    return _section(services, BY_KEY[section], doc, checked, _mine(services, draft), at)


def broken(error: editing.InputError, title: str | None = None) -> Any:
    return layout.alert(
        title or t("scenario.yaml-broken"), [str(p) for p in error.problems[:MORE_PROBLEMS]], kind="error"
    )


def _mine(services: Services, draft: drafts.Draft) -> bool:
    return services.role_on(draft) == "planner"


def _section(
    services: Services, section: Section, doc: Any, checked: editing.Checked, mine: bool, at: str
) -> Any:
    lead = html.P(t(f"scenario.section-lead.{section.key}"), className="lead")
    parts: list[Any] = [lead]
    singles = [path for path in section.forms if not _is_record(path)]
    records = [path for path in section.forms if path not in singles]
    if section.key == "basics":
        parts.append(_singles(services, "scenario.record.top", singles, doc, checked, mine))
    for path in records:
        parts.append(forms.record(path, doc, checked, editing.value_at, services.catalog, not mine))
    if singles and section.key != "basics":
        parts.append(_singles(services, "scenario.floors", singles, doc, checked, mine))
    if section.key in SHEETS:
        parts.append(editor_sheets.bar(section.key, services, mine))
    parts += [_table(services, spec, doc, checked, mine, at) for spec in section.tables]
    if section.key == "demand" and checked.scenario is not None:
        parts += _taken(services, checked.scenario)
    return dmc.Paper(parts, withBorder=True, className="section editor-section")


def _taken(services: Services, scenario: Scenario) -> list[Any]:
    """Folds below the tables: from what each workload asks for to chips, and lengths of requests taken for it."""
    lengths = [f"{w}: {lengths}; {why}" for w, lengths, why in lengths_taken(scenario, services.catalog)]
    chains = sentences(chains_of(Rough.of(scenario, services.catalog)))
    return [
        html.Details(
            [html.Summary(f"{t(title)} ({len(lines)})"), html.Ul([html.Li(line) for line in lines])],
            className="figure-details",
        )
        for title, lines in (("scenario.lengths-taken", lengths), ("scenario.chains", chains))
        if lines
    ]


def _singles(services: Services, title: str, paths: list[str], doc: Any, checked: Any, mine: bool) -> Any:
    controls = [
        forms.control(p, editing.value_at(doc, p), checked.of(p), services.catalog, not mine) for p in paths
    ]
    return html.Section(
        [dmc.Title(t(title), order=2, size="h3"), html.Div(controls, className="form-grid")],
        className="record",
    )


def _is_record(path: str) -> bool:
    try:
        return bool(schema.fields(path))
    except UnknownName:
        return False


def _table(services: Services, spec: Table, doc: Any, checked: editing.Checked, mine: bool, at: str) -> Any:
    rows = editing.rows(doc, spec, checked)
    title = t(f"scenario.table.{spec.key}")
    columns = _dated(doc, spec, mine) if spec.wide else _columns(services, spec, mine)
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
    return {"scrollTo": {"rowIndex": found[0], "rowPosition": "middle"}} if found else {}


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


def _columns(services: Services, spec: Table, mine: bool) -> list[dict[str, Any]]:
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
            columns.append(_column(services, fields[name], spec, mine))
    if columns and not spec.nested:
        columns[0]["pinned"] = "left"
    return columns


def _column(services: Services, field: schema.Field, spec: Table, mine: bool) -> dict[str, Any]:
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
        "tooltipValueGetter": {"function": f"plannerProblem(params.data, '{field.name}')"},
        "sortable": not spec.nested,
        "filter": False,
    }
    if field.kind in ("date", "text", "list", "choice"):
        column["cellDataType"] = "text"  # AG Grid would guess
    taken = field.default if isinstance(field.default, str | int | float) else ""
    if field.kind in ("text", "choice") and taken != "":
        column["valueFormatter"] = {"function": f"plannerText(params.value, {json.dumps(str(taken))})"}
    if field.kind == "date":
        column["cellEditor"] = "agDateStringCellEditor"
    choices = known_values(field, services.catalog)
    named = NAMED.get(field.leaf)
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
                "function": f"plannerAmount(params.value, '{field.leaf}', {json.dumps(str(taken))})"
            },
        }
    elif named:
        column |= {
            "cellEditor": {"function": "PlannerPicker"},
            "cellEditorParams": {"options": _options(services, *named)},
        }
    elif choices:
        column |= {
            "cellEditor": "agSelectCellEditor",
            "cellEditorParams": {"values": choices if field.required else ["", *choices]},
        }
    if field.name == "note":
        column |= {"maxWidth": 420}
    return column


def _options(services: Services, source: str, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Rows of a long table of the catalog, to be found by id or by the words of ``columns``."""
    table = services.catalog.table(source)
    words = table[list(columns)].astype(str).agg(", ".join, axis=1)
    return [{"value": str(key), "label": f"{words[key]} ({key})"} for key in sorted(table.index)]


def _yaml(draft: drafts.Draft, checked: editing.Checked, mine: bool) -> Any:
    return dmc.Paper(
        [
            html.Div(id=YAML_MESSAGE, role="status"),
            dcc.Store(
                id=YAML_OF, data=draft.revision
            ),  # of the text shown: an older one must not be saved over
            problems(checked, draft.id) if checked.problems else warnings(checked, draft.id),
            dmc.Textarea(
                id=YAML_TEXT,
                label=t("scenario.yaml-label"),
                value=draft.text,
                autosize=True,
                minRows=18,
                maxRows=34,
                disabled=not mine,
                className="yaml",
            ),
            toolbar.button(YAML_SAVE, t("scenario.yaml-save"), "circle-check", disabled=not mine),
        ],
        withBorder=True,
        className="section stack",
    )


def _changes(draft: drafts.Draft) -> Any:
    if draft.base_text is None:
        return layout.empty(t("scenario.section.changes"), t("scenario.changes-nobase"))
    frame = editing.changes(draft.text, draft.base_text)
    base = draft.base_name or ""
    if frame.empty:
        return layout.empty(t("scenario.section.changes"), t("scenario.changes-none", base=base))
    return layout.section(
        t("scenario.section.changes"), *table.plain_table(frame, t("scenario.section.changes")),
        lead=t("scenario.changes-lead", base=base),
    )  # fmt: skip
