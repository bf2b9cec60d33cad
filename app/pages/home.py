"""Home: recent runs and what to do next. No chart: it must appear in about a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dash
import dash_mantine_components as dmc
import pandas as pd
from dash import Input, Output, dcc, html

from planner.app.components import format as fmt
from planner.app.components import kpi, layout
from planner.app.components.icon import icon
from planner.app.pages import add_page
from planner.app.services import Services
from planner.app.state import url
from planner.app.state.runs import figures
from planner.facts.numbers import MISSING, number, percent
from planner.jobs.store import WITH_PLAN
from planner.report.strings import t
from planner.report.terms import term
from planner.runs.run import FRONTIER, WHAT_IF

RECENT = 8
FIGURES = ("cost_npv_musd", "delay_months", "control_score", "national_control")
TICK = "home-tick"
LIST = "home-runs"


def register(app: dash.Dash, services: Services) -> None:
    add_page("home", lambda **_query: page(services))

    @app.callback(
        Output(LIST, "children"),
        Output(TICK, "disabled"),
        Input(TICK, "n_intervals"),
        prevent_initial_call=True,
    )
    def refresh(_n: int) -> tuple[Any, bool]:
        rows = services.runs()
        return recent(rows), not any(row["live"] for row in rows)


def page(services: Services) -> html.Div:
    """The page for the user who asks."""
    rows = services.runs()
    return layout.page(
        t("home.title"),
        html.Div([_step(*step) for step in _steps()], className="steps"),
        layout.section(
            t("home.recent"),
            html.Div(recent(rows), id=LIST),
            dcc.Interval(id=TICK, interval=2000, disabled=not any(row["live"] for row in rows)),
            actions=[dcc.Link(t("home.all-runs"), href=url.href("run"))],
        ),
        lead=t("home.lead"),
    )


def recent(rows: list[dict[str, Any]], limit: int | None = RECENT) -> Any:
    """The newest runs as a table with links to what can be opened."""
    if not rows:
        return layout.empty(
            t("home.none-title"),
            t("home.none-text"),
            layout.link_button(t("home.start"), url.href("scenarios"), "player-play"),
            mark="player-play",
        )
    names = ("run", "state", "when", "took", "gap", *FIGURES, "open")
    head = [
        html.Th(t(f"home.head.{name}"), scope="col", className="num" if name in FIGURES else None)
        for name in names
    ]
    return html.Div(
        html.Table(
            [
                html.Caption(t("home.recent"), className="sr-only"),
                html.Thead(html.Tr(head)),
                html.Tbody([_row(row) for row in rows[:limit]]),
            ],
            className="plain runs",
        ),
        className="plain-scroll free",
    )


def _row(row: dict[str, Any]) -> html.Tr:
    answered = row["kind"] in WHAT_IF and row["state"] in WITH_PLAN
    links = [dcc.Link(t(f"home.open.{'answer' if answered else 'run'}"), href=url.href("run", row["id"]))]
    planned = row["state"] in WITH_PLAN and row["kind"] in ("plan", FRONTIER)
    found = figures(Path(row["directory"])) if planned else {}
    # a trade-off whose plans all stand at other limits than its own
    others = row["kind"] == FRONTIER and not found
    if planned:
        links = [
            dcc.Link(t(f"app.nav.{page}"), href=url.href(page, row["id"]))
            for page in (("tradeoff",) if others else ("plan", "capital", "tradeoff"))
        ]
    return html.Tr(
        [
            html.Td(
                [
                    dcc.Link(row["title"], href=url.href("run", row["id"])),
                    None
                    if row["kind"] == "plan"
                    else html.Div(term("study", row["kind"]), className="muted small"),
                    html.Div(row["id"], className="run-id"),
                ]
            ),
            html.Td(
                [
                    kpi.status_badge(row["state"]),
                    kpi.audit_badge(row["audit"]),
                    kpi.stale_badge(row["stale"]) if row["stale"] else None,
                ]
            ),
            html.Td(fmt.moment(pd.Timestamp(row["created"], unit="s"))),
            html.Td(fmt.duration(row["seconds"])),
            html.Td(MISSING if others else percent(row["gap"], 1)),
            *(
                html.Td(number(found[name]) if name in found else MISSING, className="num")
                for name in FIGURES
            ),
            html.Td(html.Div(links, className="row-links")),
        ]
    )


def _steps() -> list[tuple[str, str, str]]:
    return [
        ("map-pin", "new", url.href("new")),
        ("files", "scenario", url.href("scenarios")),
        ("calculator", "estimate", url.href("estimate")),
        ("database", "data", url.href("data")),
    ]


def _step(mark: str, key: str, href: str) -> dcc.Link:
    return dcc.Link(
        dmc.Paper(
            [
                icon(mark, 22),
                html.Div([html.Strong(t(f"home.step.{key}")), html.P(t(f"home.step.{key}-text"))]),
            ],
            withBorder=True,
            className="step",
        ),
        href=href,
        className="step-link",
    )
