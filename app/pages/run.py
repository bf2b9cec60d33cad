"""One run: its place in the queue, its stages, bound and best plan as they move; stop, cancel, what came of it.

Everything shown is read from the store or from the run directory, so a reload, a closed tab or a restarted
server changes nothing.
"""

from __future__ import annotations

import json
from typing import Any

import dash
import dash_mantine_components as dmc
import pandas as pd
import plotly.graph_objects as go
from dash import ALL, Input, Output, State, ctx, dcc, html, no_update

from planner.app import ids
from planner.app.components import download, figure, layout
from planner.app.components.table import plain_table
from planner.app.pages import add_page, what_if_views
from planner.app.pages import run_views as views
from planner.app.pages.editor_check import submit
from planner.app.pages.home import recent
from planner.app.services import NotFound, Services
from planner.app.state import editing, url
from planner.app.state.stale import changed_draft
from planner.jobs import drafts
from planner.jobs.store import Job
from planner.report.charts.progress import progress, progress_table
from planner.report.strings import t
from planner.report.terms import relabel
from planner.report.what_if_page import page_of_run

TICK_MS = 1000


def register(app: dash.Dash, services: Services) -> None:
    add_page("run", lambda id=None, **_query: _page(services, id), title=t("run.title"))

    @app.callback(
        Output(views.FACTS, "children"),
        Output(views.ACTIONS, "children"),
        Output(views.RESULT, "children"),
        Output(views.CHART_BOX, "hidden"),
        Output(views.CHART, "figure"),
        Output(views.CHART_TABLE, "children"),
        Output(views.SEEN, "data"),
        Output(views.TICK, "disabled"),
        Input(views.TICK, "n_intervals"),
        State(views.SEEN, "data"),
        prevent_initial_call=True,
    )
    def tick(_n: int, seen: dict[str, Any]) -> Any:
        job = services.job(seen["id"])
        if job is None:
            return [no_update] * 7 + [True]
        events = services.store.events(job.id)
        now = _seen(job, events)
        made = views.plans_made(events)
        table = _progress(job, events)
        now["expected"] = seen.get("expected")
        facts = views.facts(job, services.store.position(job.id), table, made, now["expected"])
        changed = now["state"] != seen["state"]
        actions = views.actions(job, services) if changed else no_update
        news = changed or (made and now["events"] != seen["events"])
        result = views.result(job, services, made) if news else no_update
        if now["events"] == seen["events"]:
            return facts, actions, result, no_update, no_update, no_update, now, not job.live
        drawn = figure.themed(progress(table))
        return facts, actions, result, table.empty, drawn, plain_table(table), now, not job.live

    @app.callback(
        Output(views.TICK, "n_intervals"),
        Input({"type": views.ASK, "do": ALL}, "n_clicks"),
        State(views.SEEN, "data"),
        State(views.TICK, "n_intervals"),
        prevent_initial_call=True,
    )
    def ask(_clicks: list[int | None], seen: dict[str, Any], ticks: int | None) -> Any:
        if not ctx.triggered_id or not ctx.triggered[0]["value"]:
            return no_update
        job, do = _own(services, seen["id"]), ctx.triggered_id["do"]
        services.log_access(do, job.id)
        if do == "stop":
            services.store.want_stop(job.id)
        elif do == "cancel":
            services.store.want_cancel(job.id)
        return (ticks or 0) + 1  # shows the new state at once

    @app.callback(
        Output(views.GOTO, "href"),
        Input({"type": views.AGAIN, "do": ALL}, "n_clicks"),
        State(views.SEEN, "data"),
        prevent_initial_call=True,
    )
    def again(_clicks: list[int | None], seen: dict[str, Any]) -> Any:
        if not ctx.triggered_id or not ctx.triggered[0]["value"]:
            return no_update
        job = services.job(seen["id"])
        if job is None:
            raise NotFound(t("run.no-inputs"))
        options = json.loads(job.options)
        if ctx.triggered_id["do"] == "resume":
            options["resume"] = job.id
        new, _ = services.submit(
            job.name, job.scenario, options, title=job.title, draft=job.draft, folder=job.folder
        )
        return url.href("run", new.id)

    @app.callback(
        Output(views.GOTO, "href", allow_duplicate=True),
        Input({"type": views.CURE, "change": ALL}, "n_clicks"),
        State(views.SEEN, "data"),
        prevent_initial_call=True,
    )
    def cure(_clicks: list[int | None], seen: dict[str, Any]) -> Any:
        if not ctx.triggered_id or not ctx.triggered[0]["value"]:
            return no_update
        services.check_run(seen["id"])
        change = json.loads(ctx.triggered_id["change"])
        draft, options = _copy(services, seen["id"], change)
        scenario = editing.check(draft.text, services.catalog).scenario
        if scenario is None:  # what the cure leaves wrong is told by the editor
            return url.href("scenario", draft.id, section="check")
        job, _ = submit(services, scenario, draft.id, options)
        return url.href("run", job.id)

    @app.callback(
        Output(ids.DOWNLOAD, "data", allow_duplicate=True),
        Input(what_if_views.SAVE, "n_clicks"),
        Input(what_if_views.PAGE, "n_clicks"),
        State(ids.LOCATION, "pathname"),
        prevent_initial_call=True,
    )
    def send(tables: int | None, page: int | None, path: str) -> Any:
        if not (tables or page):
            return no_update
        run_id = path.rstrip("/").rpartition("/")[2]
        run = services.run(run_id)
        if ctx.triggered_id == what_if_views.PAGE:
            return download.send(services, f"{run_id}.html", page_of_run(run))
        sheets = {name: relabel(run.table(name)) for name in run.tables}
        return download.send(services, f"{run_id}.xlsx", download.xlsx_bytes(sheets))

    @app.callback(
        Output(views.SHARE, "checked"),
        Input(views.SHARE, "checked"),
        State(views.SEEN, "data"),
        prevent_initial_call=True,
    )
    def share(shared: bool, seen: dict[str, Any]) -> Any:
        job = _own(services, seen["id"])
        services.store.share(job.id, bool(shared))
        services.log_access("share", f"run {job.id}: {bool(shared)}")
        return no_update


def _page(services: Services, id: str | None) -> Any:
    if id is None:
        return layout.page(
            t("run.all"), layout.section(t("home.recent"), recent(services.runs(), None)), lead=t("run.lead")
        )
    job = services.job(id)
    if job is None:
        return views.directory(services, services.run_or_left(id), id)
    events = services.store.events(job.id)
    table, made = _progress(job, events), views.plans_made(events)
    expected = _expected(services, job)
    chart = figure.graph(
        views.CHART,
        progress(table) if len(table) else go.Figure(),
        t("run.chart-alt"),
        table_id=views.CHART_TABLE,
        height=300,
        note=t("run.chart-note"),
    )
    return layout.page(
        job.title or job.name,
        dcc.Interval(id=views.TICK, interval=TICK_MS, disabled=not job.live),
        dcc.Store(id=views.SEEN, data=_seen(job, events) | {"expected": expected}),
        dcc.Location(id=views.GOTO, refresh="callback-nav"),
        html.Div(
            views.facts(job, services.store.position(job.id), table, made, expected),
            id=views.FACTS,
            role="status",
            className="stack",
        ),
        html.Div(views.result(job, services, made), id=views.RESULT, className="stack"),
        html.Div(layout.section(t("run.progress"), chart), id=views.CHART_BOX, hidden=table.empty),
        lead=job.id,
        actions=[
            _share(services, job),
            html.Div(views.actions(job, services), id=views.ACTIONS, className="toolbar-slot"),
        ],
    )


def _expected(services: Services, job: Job) -> float | None:
    """Seconds that the last run of this scenario took at the same quality and options; None for the first."""
    before = services.store.jobs(states=["done"], owner=job.owner, brief=True)
    same = [one for one in before if (one.name, one.options) == (job.name, job.options) and one.id != job.id]
    return same[0].seconds if same else None


def _progress(job: Job, events: list[dict[str, Any]]) -> pd.DataFrame:
    """How a run closes in on its plan; no rows for a study, which makes several."""
    return progress_table([] if json.loads(job.options).get("study") else events)


def _share(services: Services, job: Job) -> Any:
    mine = services.role_on(job) == "planner"
    switch = dmc.Switch(id=views.SHARE, label=t("scenario.share"), checked=job.shared, disabled=not mine)
    return html.Div(switch, hidden=services.settings.auth == "none")


def _seen(job: Job, events: list[dict[str, Any]]) -> dict[str, Any]:
    asked = [job.want_stop is not None, job.want_cancel is not None]
    return {"id": job.id, "state": [job.state, *asked], "events": events[-1]["id"] if events else 0}


def _own(services: Services, run_id: str) -> Job:
    """A job the user may stop or share. Raises ``Refused``."""
    job = services.job(run_id)
    if job is None:
        raise NotFound(t("run.no-inputs"))
    services.require_change(job, f"run {job.id} of {job.owner}", t("run.not-yours", owner=job.owner))
    return job


def _copy(services: Services, run_id: str, change: dict[str, Any]) -> tuple[drafts.Draft, dict[str, Any]]:
    """A new scenario from the inputs of a run with a change applied, and the options of the run."""
    user = services.require_planner()
    job = services.store.job(run_id)
    path = services.run_path(run_id)
    if job is not None:
        text, options = job.scenario, json.loads(job.options)
    else:
        text = (path / "scenario.yaml").read_text("utf-8")
        options = dict(services.run(run_id).manifest.get("options", {}))
    held = drafts.get(services.store, job.draft) if job is not None and job.draft else None
    if held is not None and services.role_on(held) is not None and changed_draft(services, job) is None:
        text = held.text  # with its comments: it says what was run
    doc = editing.document(text)
    title = t("run.cured-title", title=doc.get("title") or doc.get("name") or run_id)
    text = editing.apply(text, change | {"title": title})
    kept = {name: options[name] for name in ("quality", "objective") if options.get(name)}
    return drafts.create(
        services.store, str(doc.get("name", run_id)), text, user.name, title, run_id, text
    ), kept
