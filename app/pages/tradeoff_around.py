"""Around a point of the trade-off: who is served when, and what is forced or free among plans as good."""

from __future__ import annotations

from typing import Any

import dash
import pandas as pd
from dash import ALL, Input, Output, State, ctx, dcc, html

from planner.app.components import layout, toolbar
from planner.app.components.table import plain_table
from planner.app.services import Services
from planner.app.state.live import NEAR, Around, LiveCache
from planner.app.state.result import load
from planner.facts.numbers import MISSING, fixed, number, percent
from planner.report.front import out_of_reach
from planner.report.names import titled
from planner.report.strings import t
from planner.report.terms import readable

PAGE = "tradeoff"
ASK, OUT, OF, TICK = (f"{PAGE}-around-{x}" for x in ("ask", "out", "of", "tick"))
TICK_MS = 1000
FORCED = {"share of demand": 0.05, "points": 1.0, "accelerators": 100.0}
"""A choice whose range is narrower than this, in its unit, is forced."""


def ask_button(what: str) -> Any:
    """Asks what surrounds the limits set (``limits``) or the picked point (``pick``)."""
    return toolbar.button(
        {"type": ASK, "what": what}, t("tradeoff.around"), "search", size="xs", variant="default"
    )


def holder() -> html.Div:
    """Where the answer comes, once somebody asks."""
    return html.Div(
        [
            dcc.Store(id=OF),
            dcc.Interval(id=TICK, interval=TICK_MS, disabled=True),
            html.Div(id=OUT, role="status"),
        ]
    )


def register_around(
    app: dash.Dash,
    services: Services,
    cache: LiveCache,
    ref: str,
    points: str,
    state: str,
    sliders: tuple[str, str],
) -> None:
    """``ref``, ``points``, ``state``, ``sliders``: ids of the stores with run, points and view, and of the limits."""

    @app.callback(
        Output(OUT, "children"),
        Output(OF, "data"),
        Output(TICK, "disabled"),
        Input({"type": ASK, "what": ALL}, "n_clicks"),
        Input(TICK, "n_intervals"),
        State(OF, "data"),
        State(sliders[0], "value"),
        State(sliders[1], "value"),
        State(ref, "data"),
        State(points, "data"),
        State(state, "data"),
        prevent_initial_call=True,
    )
    def look_around(
        _clicks: list[int | None],
        _tick: int | None,
        of: list[float] | None,
        delay: float,
        control: float,
        shown: str,
        rows: list[dict[str, Any]],
        view: dict[str, Any],
    ) -> tuple[Any, Any, bool]:
        asked = ctx.triggered_id
        if isinstance(asked, dict):
            if not ctx.triggered[0]["value"]:
                raise dash.exceptions.PreventUpdate
            row = next((row for row in rows if row["point"] == view["pick"]), None)
            of = [delay, control]
            if asked["what"] == "pick" and row is not None:
                of = [row["max_delay_months"], row["min_control"] or 0.0]
        if of is None:
            raise dash.exceptions.PreventUpdate
        one = load(services, shown)
        entry = cache.get(one.run_id, one.run)
        if entry.state == "building":
            return html.P(t("tradeoff.preparing"), className="muted"), of, False
        if entry.state == "failed":
            return html.P(t("tradeoff.failed", error=entry.error[:200]), className="muted"), of, True
        found = entry.around(*of)
        return content(found, of, one.run.scenario), of, found.done


def content(found: Around, of: list[float], scenario: Any) -> Any:
    """Both tables as far as they are worked out."""
    title = t("tradeoff.around-title", months=number(of[0]), points=number(of[1]))
    told = t("tradeoff.around-lead", share=percent(NEAR))
    if not found.done:
        told = f"{told} {t('tradeoff.around-working', n=len(found.rows), of=found.asked or MISSING)}"
    elif not len(found.service):
        return layout.section(title, html.P(out_of_reach(scenario), className="muted"))
    served, forced = t("tradeoff.around-served"), t("tradeoff.around-forced")
    return layout.section(
        title,
        html.Div(
            [
                html.Div([html.H3(forced), *plain_table(choices_of(found), forced)]),
                html.Div([html.H3(served), *plain_table(readable(service_of(found, scenario)), served)]),
            ],
            className="two-up",
        ),
        lead=told,
    )


def service_of(found: Around, scenario: Any) -> pd.DataFrame:
    """Workloads by their titles and the months after which each is served first, by half and in full."""
    table, dates = titled(found.service, scenario), found.service.select_dtypes("number").columns
    told = {
        name: [t("tradeoff.never") if months != months else fixed(months) for months in table[name]]
        for name in dates
    }
    return table.assign(**told)


def choices_of(found: Around) -> pd.DataFrame:
    """Choice, its value here, the least and the most, and whether it is forced or free."""

    def told(value: float, unit: str) -> str:
        return (
            percent(value)
            if unit == "share of demand"
            else f"{fixed(value)} {unit}"
            if value == value
            else MISSING
        )

    rows = [
        {
            t("tradeoff.choice"): name,
            t("tradeoff.here"): told(best, unit),
            t("tradeoff.least"): told(least, unit),
            t("tradeoff.most"): told(most, unit),
            t("tradeoff.verdict"): t("tradeoff.forced" if most - least < FORCED[unit] else "tradeoff.free"),
        }
        for name, unit, _, best, least, most in found.rows
    ]
    return pd.DataFrame(rows)
