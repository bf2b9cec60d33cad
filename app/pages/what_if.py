"""What if: what a plan loses with a supplier, what surviving that costs, each stack in turn, why not another choice.

What takes plans of its own goes to the queue; what takes seconds is answered here.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import dash
from dash import ALL, MATCH, Input, Output, State, ctx, dcc, html, no_update

from planner.app.components import layout, notify, result
from planner.app.components.toolbar import toolbar
from planner.app.pages import add_page
from planner.app.pages import what_if_views as views
from planner.app.services import Services
from planner.app.state import url
from planner.app.state.result import Result, load_plan
from planner.app.state.what_if import asked, next_control, waiting, why
from planner.case.limits import SHARE_COLUMN
from planner.facts.errors import PlannerError
from planner.report.strings import t
from planner.runs.run import HUB, LOSS, STACKS, SURVIVAL
from planner.studies.hub import MOST

PAGE = "whatif"
REF, RUN, FORMS, GOTO, STATE = (f"{PAGE}-{x}" for x in ("ref", "run", "forms", "goto", "state"))
DEFAULTS: dict[str, Any] = {"by": ["site", "operator"], "workloads": [], "from": "", "what": "service"}
"""What an address may fill the question of survival with."""


def register(app: dash.Dash, services: Services) -> None:
    def page(id: str | None, **query: Any) -> Any:
        return result.shown(services, PAGE, id, lambda one: draw(one, services, query))

    add_page(PAGE, page)

    @app.callback(Output(FORMS, "children"), Input(REF, "data"), State(STATE, "data"))
    def forms(ref: str, state: dict[str, Any]) -> list[Any]:
        return views.sections(services, load_plan(services, ref), state)

    @app.callback(
        Output(GOTO, "href"),
        Input({"type": views.ASK, "study": ALL}, "n_clicks"),
        State({"type": views.FIELD, "study": ALL, "name": ALL}, "value"),
        State({"type": views.FIELD, "study": ALL, "name": ALL}, "id"),
        State(REF, "data"),
        prevent_initial_call=True,
    )
    def work_out(_clicks: list[int | None], values: list[Any], fields: list[dict[str, str]], ref: str) -> Any:
        if not ctx.triggered_id or not ctx.triggered[0]["value"]:
            return no_update
        study = str(ctx.triggered_id["study"])
        given = {f["name"]: v for f, v in zip(fields, values, strict=True) if f["study"] == study}
        if study in (LOSS, SURVIVAL, STACKS) and not given.get("of"):
            notify.show(t(f"whatif.say-{study}"), kind="warning")
            return no_update
        if study == HUB and not 2 <= len(given.get("of") or []) <= MOST:
            notify.show(t("whatif.hub-many", least=2, most=MOST), kind="warning")
            return no_update
        one = load_plan(services, ref)
        text, options = asked(one, study, **wanted(study, given))
        title = f"{one.title}: {views.named(options, one.run.scenario)}"
        return result.queued(services, one.run_id, one.run.scenario.name, text, options, title)

    @app.callback(
        Output({"type": views.ANSWER, "what": MATCH}, "children"),
        Input({"type": views.NOW, "what": MATCH}, "n_clicks"),
        State({"type": views.FIELD, "study": ALL, "name": ALL}, "value"),
        State({"type": views.FIELD, "study": ALL, "name": ALL}, "id"),
        State(REF, "data"),
        prevent_initial_call=True,
    )
    def tell(clicks: int | None, values: list[Any], fields: list[dict[str, str]], ref: str) -> Any:
        if not clicks or not ctx.triggered_id:
            return no_update
        one, what = load_plan(services, ref), ctx.triggered_id["what"]
        chosen = {f["name"]: v for f, v in zip(fields, values, strict=True) if f["study"] == views.WHY}
        try:
            return answered(one, what, chosen)
        except PlannerError as error:
            return layout.alert(t("whatif.refused"), [str(error)], kind="error")

    result.register_picker(app, RUN, REF)


def draw(one: Result, services: Services, query: dict[str, Any]) -> html.Div:
    """The page of one plan, its question of survival as the address fills it."""
    return layout.page(
        f"{t('whatif.title')}: {one.title}",
        result.other_facts(services, one.run),
        dcc.Store(id=REF, data=one.ref),
        dcc.Store(id=STATE, data=_checked(url.parse(query, DEFAULTS))),
        dcc.Location(id=GOTO, refresh="callback-nav"),
        html.Div(
            [result.picker(RUN, services, one.ref), toolbar(*result.links(one, PAGE))],
            className="record-head spread",
        ),
        dcc.Loading(
            html.Div(
                layout.section(t("whatif.title"), html.P(t("whatif.wait"), className="muted")),
                id=FORMS,
                className="stack",
            ),
            delay_show=400,
            color="var(--mantine-primary-color-filled)",
        ),
        lead=t("whatif.lead"),
        actions=result.badges(services, one),
    )


def _checked(state: dict[str, Any]) -> dict[str, Any]:
    """The state with values that are none put back to their defaults."""
    known = [by for by in state["by"] if by in SHARE_COLUMN]
    what = state["what"] if state["what"] in ("service", "supply") else DEFAULTS["what"]
    return {**state, "by": known or DEFAULTS["by"], "what": what, "from": _a_day(state["from"])}


def _a_day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def wanted(study: str, given: dict[str, Any]) -> dict[str, Any]:
    """Options of a question from the fields of its form; of a loss, a ``Cut``: what is lost is ``field:name``."""
    if study == LOSS:
        named: dict[str, list[str]] = {}
        for field, _, name in (str(one).partition(":") for one in given["of"]):
            named.setdefault(field, []).append(name)
        return {"cut": {"id": "cut", "from": given["from"], "what": given["what"], **named}}
    if study == SURVIVAL:
        of_all = {"by": given["of"], "from": given["from"], "what": given["what"]}
        return of_all | ({"workloads": given["workloads"]} if given.get("workloads") else {})
    if study == HUB:
        return {"countries": sorted(given["of"])}
    return {"stacks": given["of"]} if study == STACKS else {}


def answered(one: Result, what: str, chosen: dict[str, str | None]) -> list[Any]:
    """The answer to a question which takes seconds."""
    if what == views.CONTROL:
        return views.next_point_told(next_control(one))
    if what == views.WAITS:
        return views.sentences(waiting(one))
    if not any(chosen.values()):
        return views.sentences([t("whatif.say-why")])
    return views.sentences([why(one, **{name: value or None for name, value in chosen.items()})])
