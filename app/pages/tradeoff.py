"""Trade-off: the frontier of cost, delay and control; limits that are solved live; brushing across all views."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, dcc, html

from planner.app.components import layout, result
from planner.app.components.chart import deliverables, register_downloads
from planner.app.components.toolbar import toolbar
from planner.app.pages import add_page
from planner.app.pages.tradeoff_around import ask_button, holder, register_around
from planner.app.pages.tradeoff_make import bar, make_button, register_make
from planner.app.pages.tradeoff_views import (
    PAGE,
    TABLES,
    answer_cards,
    built,
    lower,
    pages_of,
    picked,
    points_of,
    price_cards,
    sliders,
    upper,
)
from planner.app.services import Services
from planner.app.state import url
from planner.app.state.kept import kept
from planner.app.state.live import LiveCache
from planner.app.state.result import Result, load
from planner.facts.numbers import number
from planner.report import front
from planner.report.names import spoken
from planner.report.strings import t
from planner.runs.run import FRONTIER

REF, STATE, DEFAULTS_ID, POINTS, LIVE, SETTLED, DRAWN, PLANS, VISIT, BELOW = (
    f"{PAGE}-{x}"
    for x in ("ref", "state", "defaults", "points", "live", "settled", "drawn", "plans", "visit", "below")
)
RUN, DELAY, CONTROL, TICK = (f"{PAGE}-{x}" for x in ("run", "delay", "control", "tick"))
ANSWER, PRICES, MESSAGE, PICKED, PAGES = (
    f"{PAGE}-{x}" for x in ("answer", "prices", "message", "picked", "pages")
)
SCATTER, PARALLEL, GRID, LOWER, UPPER, LOOK = (
    f"{PAGE}-{x}" for x in ("scatter", "parallel", "grid", "lower", "upper", "look")
)


def register(app: dash.Dash, services: Services) -> None:
    cache = LiveCache()

    def page(id: str | None, **query: Any) -> Any:
        return result.shown(services, PAGE, id, lambda one: draw(one, services, query))

    add_page(PAGE, page)

    @app.callback(
        Output(LOWER, "children"), Input(BELOW, "data"), State(STATE, "data"), prevent_initial_call=True
    )
    def below(ref: str, state: dict[str, Any]) -> list[Any]:
        one = load(services, ref)
        key = (PAGE, "lower", one.key, one.screened is not None, json.dumps(state, sort_keys=True))
        return list(kept(key, lambda: lower(one, points_of(one), state)))

    @app.callback(
        Output(UPPER, "children"),
        Output(POINTS, "data"),
        Output(LOWER, "children", allow_duplicate=True),
        Output(LOOK, "disabled"),
        Input(LOOK, "n_intervals"),
        State(REF, "data"),
        State(STATE, "data"),
        prevent_initial_call=True,
    )
    def screen(_tick: int, ref: str, state: dict[str, Any]) -> tuple[Any, Any, Any, bool]:
        one = load(services, ref)
        if one.screened is None:
            entry = cache.get(one.run_id, one.run)
            one.screened = front.with_plan(entry.screened(), one.run, entry.at, entry.program)
        if one.screened is None and entry.state == "failed":
            told = t("tradeoff.failed", error=entry.error[:200])
            return [layout.alert(t("tradeoff.one-plan"), [told], kind="error")], dash.no_update, [], True
        if one.screened is None:
            return dash.no_update, dash.no_update, dash.no_update, False
        return above(one, state), result.records(one.screened), below(ref, state), True

    @app.callback(
        Output(LIVE, "data"),
        Output(ANSWER, "children"),
        Output(MESSAGE, "children"),
        Output(TICK, "disabled"),
        Input(DELAY, "value"),
        Input(CONTROL, "value"),
        Input(TICK, "n_intervals"),
        State(REF, "data"),
        State(VISIT, "data"),
    )
    def solve(delay: float, control: float, _tick: int, ref: str, visit: str) -> tuple[Any, Any, Any, bool]:
        one = load(services, ref)
        entry = cache.get(one.run_id, one.run)
        if entry.state == "building":
            return dash.no_update, dash.no_update, t("tradeoff.preparing"), False
        if entry.state == "failed":
            return None, None, t("tradeoff.failed", error=entry.error[:200]), True
        began = time.perf_counter()
        answer = entry.at(delay, control, visit)
        if answer is None:  # this reader has moved on while others were served
            raise dash.exceptions.PreventUpdate
        took = number(1000 * (time.perf_counter() - began))
        if not answer["feasible"]:
            return None, None, front.out_of_reach(one.run.scenario), True
        caps = {"caps": entry.program.caps(answer["max_delay_months"])}
        return (
            result.finite(answer) | caps,
            [answer_cards(answer, min_width=150), html.P(built(answer, spoken(one.run.scenario, "h")))],
            t("tradeoff.ready", ms=took),
            True,
        )

    @app.callback(
        Output(PRICES, "children"), Input(SETTLED, "data"), State(REF, "data"), State(VISIT, "data")
    )
    def price(answer: dict[str, Any] | None, ref: str, visit: str) -> Any:
        if not answer:
            return []
        one = load(services, ref)
        entry = cache.get(one.run_id, one.run)
        found = entry.prices(answer, visit) if entry.state == "ready" else None
        return (
            dash.no_update if found is None else price_cards(found, front.priced_near(points_of(one), answer))
        )

    @app.callback(
        Output(PICKED, "children"), Output(PAGES, "children"), Input(PLANS, "data"), State(REF, "data")
    )
    def show_pick(plans: dict[str, Any], ref: str) -> tuple[Any, list[Any]]:
        one = load(services, ref)
        return picked(one, plans), pages_of(one, plans)

    in_browser(app)
    register_make(app, services, REF, LIVE, POINTS, STATE)
    register_around(app, services, cache, REF, POINTS, STATE, (DELAY, CONTROL))
    result.register_picker(app, RUN, REF)
    register_downloads(app, services, PAGE, REF, TABLES)


def in_browser(app: dash.Dash) -> None:
    """What never asks the server (assets/tradeoff.js): brush and pick, marks in charts and table, the address."""
    view = (State(STATE, "data"), State(LIVE, "data"), State(POINTS, "data"))
    brushes: dict[str, tuple[Input, ...]] = {
        "fromScatter": (
            Input(SCATTER, "selectedData"),
            Input(SCATTER, "clickData"),
            Input(f"{PAGE}-clear", "n_clicks"),
            Input(f"{PAGE}-set-base", "n_clicks"),
        ),
        "fromParallel": (Input(PARALLEL, "selectedData"), Input(PARALLEL, "clickData")),
        "fromTable": (Input(GRID, "cellClicked"),),
    }
    for name, inputs in brushes.items():
        app.clientside_callback(
            ClientsideFunction(PAGE, name),
            Output(STATE, "data", allow_duplicate=True),
            *inputs,
            *view,
            prevent_initial_call=True,
        )
    app.clientside_callback(
        ClientsideFunction(PAGE, "draw"),
        Output(DRAWN, "data"),
        Input(STATE, "data"),
        Input(LIVE, "data"),
        Input(LOWER, "children"),
        State(POINTS, "data"),
    )
    app.clientside_callback(
        ClientsideFunction(PAGE, "settle"), Output(DRAWN, "data", allow_duplicate=True), Input(LIVE, "data"),
        prevent_initial_call=True,
    )  # fmt: skip
    app.clientside_callback(
        ClientsideFunction(PAGE, "below"), Output(DRAWN, "data", allow_duplicate=True), Input(REF, "data"),
        prevent_initial_call="initial_duplicate",
    )  # fmt: skip
    app.clientside_callback(
        ClientsideFunction(PAGE, "table"),
        Output(GRID, "rowData"),
        Output(GRID, "selectedRows"),
        Input(STATE, "data"),
        State(POINTS, "data"),
    )
    app.clientside_callback(
        ClientsideFunction(PAGE, "plans"),
        Output(PLANS, "data"),
        Input(STATE, "data"),
        State(PLANS, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(PAGE, "keep"),
        Output(DEFAULTS_ID, "data"),
        Input(STATE, "data"),
        Input(DELAY, "value"),
        Input(CONTROL, "value"),
        State(DEFAULTS_ID, "data"),
        prevent_initial_call=True,
    )


def draw(one: Result, services: Services, query: dict[str, Any]) -> html.Div:
    """The page of one run, in the state the address names."""
    points = points_of(one)
    limits = front.limits(front.points_of(one.run), one.kpis)
    defaults: dict[str, Any] = {
        "delay": front.start(one.run, limits), "control": limits.control_low, "sel": [], "pick": "", "base": "",
    }  # fmt: skip
    state = url.parse(query, defaults)
    state["delay"] = min(max(float(state["delay"]), limits.delay_low), limits.delay_high)
    state["control"] = min(max(float(state["control"]), limits.control_low), limits.control_high)
    known = set(points["point"])
    view = {
        "sel": [p for p in state["sel"] if p in known],
        "pick": state["pick"] if state["pick"] in known else "",
        "base": state["base"] if state["base"] in known else "",
    }
    return layout.page(
        f"{t('tradeoff.title')}: {one.title}",
        result.other_facts(services, one.run),
        dcc.Store(id=REF, data=one.ref),
        dcc.Store(id=STATE, data=view),
        dcc.Store(id=DEFAULTS_ID, data=defaults),
        dcc.Store(id=POINTS, data=result.records(points)),
        dcc.Store(id=LIVE),
        dcc.Store(id=DRAWN),
        dcc.Store(id=SETTLED),
        dcc.Store(id=BELOW),
        dcc.Store(id=PLANS, data={"pick": view["pick"], "base": view["base"]}),
        dcc.Store(id=VISIT, data=secrets.token_hex(8)),
        dcc.Interval(id=TICK, interval=700, disabled=False),
        dcc.Interval(id=LOOK, interval=1000, disabled=bool(len(points))),
        dmc.Group(
            [
                result.picker(RUN, services, one.run_id),
                toolbar(
                    dmc.Group(pages_of(one, view), id=PAGES, gap="xs"),
                    hidden_buttons(one) if one.run.kind == FRONTIER else deliverables(PAGE, one.ref),
                ),
            ],
            justify="space-between",
        ),
        layout.section(
            t("tradeoff.limits-title"),
            sliders(limits, state["delay"], state["control"], DELAY, CONTROL),
            html.Div(id=ANSWER, className="live-answer"),
            html.Div(id=PRICES, className="live-prices", role="status"),
            html.P(t("tradeoff.preparing"), id=MESSAGE, className="muted live-message", role="status"),
            lead=t("tradeoff.limits-lead"),
            actions=[ask_button("limits"), make_button("limits")],
        ),
        holder(),
        html.Div(
            [
                html.P(t("tradeoff.ask-lead"), className="muted small"),
                bar(str(one.run.outcome.get("quality"))),
            ],
            className="ask-front",
        ),
        html.Div(above(one, view), id=UPPER, className="stack"),
        html.Div(id=LOWER, className="stack"),  # comes by itself: what is in sight first is drawn first
        lead=f"{t('tradeoff.lead')} {result.subtitle(one)}",
        actions=result.badges(services, one),
    )


def above(one: Result, view: dict[str, Any]) -> list[Any]:
    """The scatter and the picked plan."""
    key = (PAGE, "upper", one.key, one.screened is not None, json.dumps(view, sort_keys=True))
    return list(kept(key, lambda: upper(one, points_of(one), view, html.Div(id=PICKED))))


def hidden_buttons(one: Result) -> html.Div:
    """Stands where a run has no plan of its own, and so no brief, report or workbook."""
    return html.Div(deliverables(PAGE, one.ref), hidden=True)
