"""Downside cases on the page of capital: by flows alone, and planned again where somebody has asked for it."""

from __future__ import annotations

from typing import Any

import dash
import dash_mantine_components as dmc
import pandas as pd
from dash import Input, Output, State, dcc, html, no_update

from planner.app.components import kpi, result
from planner.app.components.chart import table_section
from planner.app.components.toolbar import button
from planner.app.services import Services
from planner.app.state import url
from planner.app.state.finance import asked, downsides, finance, replanned, replanning
from planner.app.state.result import Result, load
from planner.facts.numbers import percent, quantity
from planner.finance.tables import FAULTS
from planner.jobs.store import Job
from planner.report import finance as views
from planner.report.strings import t

PAGE, NAME = "capital", "downsides"
BOX, ASK, TICK, GOTO = "capital-cases", "capital-replan", "capital-tick", "capital-goto"
TICK_MS = 2000


def register(app: dash.Dash, services: Services, ref: str) -> None:
    """``ref`` is the id of the store with the plan shown."""

    @app.callback(Output(GOTO, "href"), Input(ASK, "n_clicks"), State(ref, "data"), prevent_initial_call=True)
    def replan(clicks: int | None, shown: str) -> Any:
        if not clicks:
            return no_update
        one = load(services, shown)
        text, options = asked(one)
        title = t("capital.replan-title", title=one.title)
        name, there = one.run.scenario.name, "capital.replan-there"
        return result.queued(services, one.run_id, name, text, options, title, there)

    @app.callback(
        Output(BOX, "children"),
        Output(TICK, "disabled"),
        Input(TICK, "n_intervals"),
        State(ref, "data"),
        prevent_initial_call=True,
    )
    def watch(_n: int, shown: str) -> tuple[Any, bool]:
        one = load(services, shown)
        job = replanning(services, one)
        return (no_update, False) if job is not None and job.live else (content(services, one, job), True)


def cases(one: Result, job: Job | None) -> pd.DataFrame:
    """Every case by flows alone, and planned again as far as a job has done that; empty without finance."""
    if FAULTS in finance(one):
        return pd.DataFrame()
    return views.both(downsides(one)["finance_downsides"], replanned(job))


def block(services: Services, one: Result) -> html.Div:
    """The section with what refreshes it while the plan is being made again."""
    job = replanning(services, one)
    return html.Div(
        [
            dcc.Location(id=GOTO, refresh="callback-nav"),
            dcc.Interval(id=TICK, interval=TICK_MS, disabled=job is None or not job.live),
            html.Div(content(services, one, job), id=BOX, className="stack"),
        ]
    )


def content(services: Services, one: Result, job: Job | None) -> list[Any]:
    """The table, and where the job stands that makes the plan again; nothing where the plan cannot be financed."""
    table = cases(one, job)
    if table.empty:
        return []
    told = table.assign(
        equity_irr=[percent(rate, 1) for rate in table["equity_irr"]], size=_sizes(one, table)
    )
    shown = table_section(PAGE, NAME, told, lead=t("capital.downsides-lead"))
    return [shown] if len(replanned(job)) else [shown, dmc.Group(_asking(services, job), gap="xs")]


def _sizes(one: Result, table: pd.DataFrame) -> list[str]:
    """How much worse each case is, in the unit of what changes."""
    known = one.run.catalog.table("downside_cases")
    units = dict(zip(known["what"], known["unit"].astype(str), strict=True))

    def told(size: float, unit: str) -> str:
        share = unit in ("1", "1/year")
        return quantity(size, "1" if share else unit) + (
            f" {t('capital.a-year')}" if unit == "1/year" else ""
        )

    return [told(size, units.get(what, "")) for size, what in zip(table["size"], table["what"], strict=True)]


def _asking(services: Services, job: Job | None) -> list[Any]:
    """The button for those who may plan; where a job is at work or has failed, that and the way to its page."""
    user = services.user()
    ask = button(ASK, t("capital.replan"), "refresh", disabled=user is None or not user.may_plan)
    if job is None or job.state == "cancelled":
        return [ask, html.Span(t("capital.replan-help"), className="muted")]
    said, link = ("live", "open") if job.live else ("ended", "why")
    parts = [kpi.status_badge(job.state), html.Span(t(f"capital.replan-{said}"), className="muted")]
    if services.role_on(job) is not None:
        parts.append(dcc.Link(t(f"capital.replan-{link}"), href=url.href("run", job.id)))
    return parts if job.live else [ask, *parts]
