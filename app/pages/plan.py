"""Plan: key figures against a baseline, capacity, timeline, sites, control, materials, gaps. One view a tab."""

from __future__ import annotations

from typing import Any

import dash
import dash_mantine_components as dmc
import flask
from dash import ClientsideFunction, Input, Output, State, dcc, html

from planner.app.components import layout, result
from planner.app.components.chart import deliverables, register_downloads
from planner.app.components.toolbar import toolbar
from planner.app.pages import add_page
from planner.app.pages.plan_views import ESTIMATE, ESTIMATED, MAP_YEAR, PAGE, TABLES, TABS, content, estimated
from planner.app.services import Services
from planner.app.state import url
from planner.app.state.kept import kept
from planner.app.state.result import Result, baseline, load, load_plan
from planner.report.brief import brief_page
from planner.report.strings import t

STATE, REF, DEFAULTS_ID = "plan-state", "plan-ref", "plan-defaults"
RUN, BASE, TAB, CONTENT = "plan-run", "plan-base", "plan-tab", "plan-content"
DEFAULTS: dict[str, Any] = {"tab": "overview", "base": ""}


def register(app: dash.Dash, services: Services) -> None:
    def page(id: str | None, **query: Any) -> Any:
        return result.shown(services, PAGE, id, lambda one: draw(one, services, query))

    add_page(PAGE, page)

    @app.callback(
        *(Output(f"{CONTENT}-{name}", "children") for name in TABS),
        Output(STATE, "data"),
        Input(TAB, "value"),
        Input(BASE, "value"),
        State(REF, "data"),
        prevent_initial_call=True,
    )
    def change(tab: str, base: str | None, ref: str) -> tuple[Any, ...]:
        one, other = load(services, ref), baseline(services, base)
        return *panels(tab, one, other, services), {"tab": tab, "base": base or ""}

    @app.callback(Output(ESTIMATED, "children"), Input(ESTIMATE, "data"))
    def estimate_terms(ref: str) -> Any:
        one = load(services, ref)
        return kept((PAGE, "estimated", one.key), lambda: estimated(one))

    app.clientside_callback(
        ClientsideFunction("charts", "keepState"),
        Output(DEFAULTS_ID, "data"),
        Input(STATE, "data"),
        State(DEFAULTS_ID, "data"),
        prevent_initial_call=True,
    )

    app.clientside_callback(
        ClientsideFunction("charts", "showYear"), Input(MAP_YEAR, "value"), prevent_initial_call=True
    )

    @app.server.get(f"{services.settings.prefix}brief/<ref>")
    def brief(ref: str) -> flask.Response:
        one = load_plan(services, ref)
        services.log_access("export", f"brief of {ref}")
        return flask.Response(
            kept(("brief", one.key), lambda: brief_page(one.run, dash.get_asset_url("print.js"))),
            mimetype="text/html",
        )

    result.register_picker(app, RUN, REF)
    register_downloads(app, services, PAGE, REF, TABLES)


def draw(one: Result, services: Services, query: dict[str, Any]) -> html.Div:
    """The page of one plan, in the state the address names."""
    state = url.parse(query, DEFAULTS)
    base = baseline(services, state["base"])
    tab = state["tab"] if state["tab"] in TABS else "overview"
    others = [row for row in result.choices(services) if row["id"] != one.ref]
    choices = [{"value": row["id"], "label": result.run_label(row)} for row in others]
    if base is not None and base.ref not in {c["value"] for c in choices}:
        choices.insert(0, {"value": base.ref, "label": base.title})
    return layout.page(
        f"{t('plan.title')}: {one.title}",
        result.other_facts(services, one.run),
        dcc.Store(id=REF, data=one.ref),
        dcc.Store(id=STATE, data={"tab": tab, "base": state["base"]}),
        dcc.Store(id=DEFAULTS_ID, data=DEFAULTS),
        dmc.Group(
            [
                result.picker(RUN, services, one.ref),
                dmc.Select(
                    id=BASE, data=choices, value=base.ref if base else None, clearable=True,
                    placeholder=t("result.baseline-none"), **{"aria-label": t("plan.baseline")}, **result.CHOICE,
                ),
                toolbar(*result.links(one, PAGE, base=state["base"] or None), deliverables(PAGE, one.ref)),
            ],
            justify="space-between",
        ),
        dmc.Tabs(
            [
                dmc.TabsList([dmc.TabsTab(t(f"plan.tab.{name}"), value=name) for name in TABS]),
                *(
                    dmc.TabsPanel(html.Div(drawn, id=f"{CONTENT}-{name}"), value=name, pt="lg")
                    for name, drawn in zip(TABS, panels(tab, one, base, services), strict=True)
                ),
            ],
            id=TAB,
            value=tab,
        ),
        lead=result.subtitle(one),
        actions=result.badges(services, one),
    )  # fmt: skip


def panels(tab: str, one: Result, base: Result | None, services: Services) -> list[Any]:
    """Content of the panels of all tabs: only the open one is drawn."""
    key = (PAGE, tab, one.key, None if base is None else base.key, services.catalog.hash)
    return [kept(key, lambda: content(tab, one, base, services)) if name == tab else [] for name in TABS]
