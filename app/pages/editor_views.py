"""What the editor shows: heading, tabs, forms and tables of a section, differences from the base."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from planner.app.components import forms, layout, table, toolbar
from planner.app.components.attrs import attrs
from planner.app.components.icon import icon
from planner.app.pages import editor_demand, editor_sheets
from planner.app.pages import editor_grid as grid
from planner.app.pages.editor_check import panel
from planner.app.pages.editor_parts import (
    DRAFT,
    MORE_PROBLEMS,
    REFRESH,
    SECTION,
    STATUS,
    TAKEN,
    problems,
    status,
    warnings,
)
from planner.app.services import Services
from planner.app.state import editing, url
from planner.app.state.sections import BY_KEY, Section
from planner.case.requests import lengths_taken
from planner.facts.errors import UnknownName
from planner.intake import fields as schema
from planner.intake.old_names import unwritten
from planner.intake.sheets import SHEETS
from planner.jobs import drafts
from planner.report.field_labels import path_words
from planner.report.strings import t
from planner.scenario.schema import Scenario
from planner.sizing.size import Rough, chains_of
from planner.sizing.words import sentences

BODY, HEAD = "ed-body", "ed-head"
UNDO, EXPORT, FILE, SHARE, FOLDER = "ed-undo", "ed-export", "ed-file", "ed-share", "ed-folder"
YAML_TEXT, YAML_OF, YAML_SAVE, YAML_MESSAGE = "ed-yaml", "ed-yaml-of", "ed-yaml-save", "ed-yaml-message"
VIEWS = ("yaml", "changes", "check")
CHARTED = 2
"""Tables above the chart of a section that has one: the list and its path over time."""


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
            dcc.Store(id=grid.PASTED),
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
                        [
                            html.Div(
                                status(checked, draft, checking=section == "check"), id=STATUS, role="status"
                            ),
                            actions,
                        ],
                        className="editor-actions",
                    ),
                ],
                className="page-head",
            ),
            None if mine else layout.alert(t("scenario.read-only", owner=draft.owner), kind="info"),
            tabs,
            html.Div(
                id=TAKEN, role="status"
            ),  # what an upload did, until it is taken back or another tab opens
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
    lists = [spec.pattern.removesuffix("[]").partition(".")[2] for spec in section.tables]
    hidden = unwritten(section.key, lists, lambda path: editing.value_at(doc, path))
    tables = [
        grid.of_table(services, spec, doc, checked, mine, at)
        for spec, name in zip(section.tables, lists, strict=True)
        if name not in hidden
    ]
    beside = [editor_demand.holder()] if section.key == editor_demand.PART else []
    parts += [*tables[:CHARTED], *beside, *tables[CHARTED:]]
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
    frame = frame.rename(columns={"base": t("scenario.changes-before", base=base)})
    frame.insert(0, t("scenario.changes-what"), frame["path"].map(path_words))
    return layout.section(
        t("scenario.section.changes"), *table.plain_table(frame, t("scenario.section.changes")),
        lead=t("scenario.changes-lead", base=base),
    )  # fmt: skip
