"""The list of scenarios: search, copy an example, import, duplicate, archive and bring back."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import dash
import dash_mantine_components as dmc
import pandas as pd
from dash import ALL, Input, Output, State, ctx, dcc, html, no_update

from planner.app.components import format as fmt
from planner.app.components import layout, notify
from planner.app.components.attrs import attrs
from planner.app.components.icon import icon
from planner.app.pages import add_page
from planner.app.services import Refused, Services
from planner.app.state import editing, url
from planner.app.state.kept import kept
from planner.facts.numbers import MISSING
from planner.intake.scenario_file import example_path, examples
from planner.jobs import drafts
from planner.report.strings import t
from planner.scenario.reading import decode

SEARCH, ARCHIVED, LIST, UPLOAD, MESSAGES = "sc-search", "sc-archived", "sc-list", "sc-upload", "sc-messages"
ACTION = "sc-action"


def register(app: dash.Dash, services: Services) -> None:
    add_page("scenarios", lambda **_query: page(services))

    @app.callback(
        Output(LIST, "children"),
        Input(SEARCH, "value"),
        Input(ARCHIVED, "checked"),
        prevent_initial_call=True,
    )
    def search(text: str | None, archived: bool) -> Any:
        return table(services, text or "", bool(archived))

    @app.callback(
        Output(LIST, "children", allow_duplicate=True),
        Output(url_target := "sc-goto", "href"),
        Input({"type": ACTION, "do": ALL, "id": ALL}, "n_clicks"),
        State(SEARCH, "value"),
        State(ARCHIVED, "checked"),
        prevent_initial_call=True,
    )
    def act(_clicks: list[int | None], text: str | None, archived: bool) -> tuple[Any, Any]:
        asked = ctx.triggered_id
        if not asked or not ctx.triggered[0]["value"]:
            return no_update, no_update
        if asked["do"] == "example":
            draft = copy_example(services, asked["id"], services.require_planner().name)
            return no_update, url.href("scenario", draft.id)
        draft = visible(services, asked["id"])
        if asked["do"] == "duplicate":
            user = services.require_planner()
            new = drafts.create(
                services.store, draft.name, draft.text, user.name, draft.title, draft.name, draft.text
            )
            return no_update, url.href("scenario", new.id)
        services.require_change(draft, f"scenario {draft.id}", t("scenario.read-only", owner=draft.owner))
        drafts.archive(services.store, draft.id, asked["do"] == "archive")
        if asked["do"] == "archive":
            notify.show(t("scenario.archived", name=draft.title or draft.name))
        return table(services, text or "", bool(archived)), no_update

    @app.callback(
        Output(MESSAGES, "children"),
        Output(url_target, "href", allow_duplicate=True),
        Input(UPLOAD, "contents"),
        State(UPLOAD, "filename"),
        prevent_initial_call=True,
    )
    def upload(contents: str | None, name: str | None) -> tuple[Any, Any]:
        if not contents:
            return no_update, no_update
        user = services.require_planner()
        try:
            text = read_upload(contents, name or "", services.settings.max_upload_bytes)
            doc = editing.document(text)
        except editing.InputError as error:
            services.log_access("refused", f"import of {str(name)[:80]!r}: {str(error)[:200]}")
            lines = [p.message for p in error.problems]
            return layout.alert(t("scenario.import-failed"), lines, kind="error"), no_update
        services.log_access("import", str(name)[:200])
        draft = drafts.create(
            services.store, _name(doc, name), text, user.name, _title(doc), str(name)[:160], text
        )
        return no_update, url.href("scenario", draft.id)


def page(services: Services) -> html.Div:
    upload = dcc.Upload(
        html.Span([icon("upload"), html.Span(t("scenario.import"))], className="link-button quiet"),
        id=UPLOAD,
        accept=".yaml,.yml",
        max_size=services.settings.max_upload_bytes,
        className="upload",
        className_active="upload active",
    )
    return layout.page(
        t("scenario.list-title"),
        dcc.Location(id="sc-goto", refresh="callback-nav"),
        html.Div(id=MESSAGES, role="status"),
        layout.section(
            t("scenario.mine"),
            html.Div(table(services, "", False), id=LIST),
            actions=[
                dmc.TextInput(
                    id=SEARCH,
                    leftSection=icon("search"),
                    placeholder=t("scenario.search"),
                    debounce=200,
                    **attrs({"aria-label": t("scenario.search")}),
                ),
                dmc.Switch(id=ARCHIVED, label=t("scenario.show-archived"), checked=False),
            ],
        ),
        layout.section(
            t("scenario.examples"),
            html.Div(kept(("examples",), _examples), className="two-up"),
            lead=t("scenario.examples-lead"),
        ),
        lead=t("scenario.list-lead"),
        actions=[html.Div(upload, **attrs({"data-upload": t("scenario.import")}))],
    )


def visible(services: Services, id: str) -> drafts.Draft:
    """A draft the user may look at; raises ``Refused`` or ``NotFound``."""
    from planner.app.services import NotFound

    draft = drafts.get(services.store, id)
    if draft is None:
        raise NotFound(f"There is no scenario {id[:80]!r}.")
    if services.role_on(draft) is None:
        services.log_access("refused", f"scenario {id} of {draft.owner}")
        raise Refused(f"The scenario belongs to {draft.owner}, who has not shared it.")
    return draft


def listed(services: Services, archived: bool = False) -> list[drafts.Draft]:
    """The drafts the user may look at, last changed first."""
    user = services.user()
    owner = None if services.open or user is None else user.name
    return drafts.find(services.store, owner, archived, services.folders())


def copy_example(services: Services, name: str, owner: str) -> drafts.Draft:
    """A draft that begins as a packaged example."""
    if name not in examples():
        raise Refused(f"There is no example {name[:60]!r}.")
    text = example_path(name).read_text("utf-8")
    doc = editing.document(text)
    return drafts.create(services.store, _name(doc, name), text, owner, _title(doc), name, text)


def read_upload(contents: str, name: str, limit: int) -> str:
    """The text of an uploaded file; ``InputError`` with what is wrong with it."""
    if not name.lower().endswith((".yaml", ".yml")):
        raise editing.InputError.single(name[:80], t("scenario.import-type", name=name[:80]))
    try:
        raw = base64.b64decode(contents.partition(",")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise editing.InputError.single(name[:80], t("scenario.import-binary", name=name[:80])) from error
    if len(raw) > limit:
        message = t("scenario.import-large", name=name[:80], limit=f"{limit / 1e6:g}")
        raise editing.InputError.single(name[:80], message)
    return decode(raw, name[:80])


def table(services: Services, text: str, archived: bool) -> Any:
    """Scenarios whose name, title or owner holds the text."""
    found = listed(services, archived)
    if not found and not text:
        return layout.empty(t("scenario.none-title"), t("scenario.none-text"), mark="files")
    shown = [d for d in found if text.lower() in f"{d.name} {d.title} {d.owner} {d.base_name}".lower()]
    if not shown:
        return html.P(t("scenario.none-found"), className="muted")
    with_owner = services.settings.auth != "none"
    head = ["name", "base", "changed", *(["owner"] if with_owner else []), "actions"]
    return html.Div(
        html.Table(
            [
                html.Caption(t("scenario.mine"), className="sr-only"),
                html.Thead(html.Tr([html.Th(t(f"scenario.head.{name}"), scope="col") for name in head])),
                html.Tbody([_row(draft, with_owner, archived) for draft in shown]),
            ],
            className="plain",
        ),
        className="plain-scroll free",
    )


def _row(draft: drafts.Draft, with_owner: bool, archived: bool) -> html.Tr:
    actions = [
        _action("duplicate", draft, "copy"),
        _action("restore", draft, "arrow-back-up") if archived else _action("archive", draft, "archive"),
    ]
    link = dcc.Link(draft.title or draft.name, href=url.href("scenario", draft.id))
    return html.Tr(
        [
            html.Td([link, html.Div(draft.id, className="run-id")]),
            html.Td(draft.base_name or MISSING),
            html.Td(fmt.moment(pd.Timestamp(draft.updated, unit="s"))),
            html.Td(draft.owner) if with_owner else None,
            html.Td(html.Div(actions, className="row-links")),
        ]
    )


def _action(do: str, draft: drafts.Draft, mark: str) -> dmc.Button:
    return dmc.Button(
        t(f"scenario.{do}"),
        id={"type": ACTION, "do": do, "id": draft.id},
        leftSection=icon(mark),
        variant="default",
        size="xs",
        **attrs({"aria-label": f"{t(f'scenario.{do}')}: {draft.title or draft.name}"}),
    )


def _examples() -> list[Any]:
    cards = []
    for name in examples():
        doc = editing.document(example_path(name).read_text("utf-8"))
        text = str(doc.get("note") or _facts(doc))
        cards.append(
            dmc.Paper(
                [
                    dmc.Title(_title(doc) or name, order=3),
                    html.P(
                        text if len(text) < 260 else text[:255].rsplit(" ", 1)[0] + " …",
                        className="muted small",
                    ),
                    dmc.Button(
                        t("scenario.copy-example"),
                        id={"type": ACTION, "do": "example", "id": name},
                        leftSection=icon("copy"),
                        variant="light",
                        **attrs({"aria-label": f"{t('scenario.copy-example')}: {_title(doc) or name}"}),
                    ),
                ],
                withBorder=True,
                className="example",
            )
        )
    return cards


def _facts(doc: dict[str, Any]) -> str:
    named = {"demand": "workloads", "sites": "sites", "hosts": "hosts", "systems": "systems"}
    sizes = {words: len(doc[name]) for name, words in named.items() if isinstance(doc.get(name), list)}
    return (
        ", ".join(f"{n} {words if n != 1 else words.removesuffix('s')}" for words, n in sizes.items()) + "."
    )


def _name(doc: dict[str, Any], fallback: str | None) -> str:
    name = doc.get("name")
    return str(name if isinstance(name, str) and name else (fallback or "scenario").rsplit(".", 1)[0])[:80]


def _title(doc: dict[str, Any]) -> str | None:
    title = doc.get("title")
    return title[:300] if isinstance(title, str) else None
