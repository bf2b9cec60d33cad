"""The last tab of the editor: what no plan can cure, the size of the problem, the defaults taken, and Run."""

from __future__ import annotations

import json
from typing import Any

import dash
import dash_mantine_components as dmc
import pandas as pd
from dash import ALL, Input, Output, State, ctx, dcc, html, no_update

from planner.app import ids
from planner.app.components import kpi, layout, notify, table, toolbar
from planner.app.components.icon import icon
from planner.app.pages.editor_parts import DRAFT, REFRESH, STATUS, change, problems, status, warnings
from planner.app.pages.scenarios import visible
from planner.app.pages.tradeoff_make import front_options
from planner.app.services import Services
from planner.app.state import editing, url
from planner.case.problem_size import problem_size
from planner.facts.catalog import Catalog
from planner.facts.errors import InternalError, PlannerError
from planner.facts.numbers import fixed
from planner.intake.scenario_file import dump_scenario
from planner.jobs import drafts
from planner.report.names import catalogued, titled
from planner.report.strings import t
from planner.report.terms import term
from planner.report.views import keyed
from planner.scenario.schema import Scenario

RUN, RUN_FRONT, QUALITY, OBJECTIVE, GOTO = "ed-run", "ed-run-front", "ed-quality", "ed-objective", "ed-goto"
FINDINGS, CHECK = "ed-findings", "ed-check"
CURE = "scenario-cure"
SHOWN = 200
POINTS = 5
"""Plans of a trade-off that is asked for from a scenario."""


def register_check(app: dash.Dash, services: Services) -> None:
    @app.callback(
        Output(GOTO, "href"),
        Input(RUN, "n_clicks"),
        Input(RUN_FRONT, "n_clicks"),
        State(QUALITY, "value"),
        State(OBJECTIVE, "value"),
        State(DRAFT, "data"),
        prevent_initial_call=True,
    )
    def run(clicks: int | None, front: int | None, quality: str, objective: str, held: dict[str, Any]) -> Any:
        if not (front if ctx.triggered_id == RUN_FRONT else clicks):
            return no_update
        draft = visible(services, held["id"])
        checked = editing.check(draft.text, services.catalog)
        if checked.scenario is None:
            notify.show(t("scenario.check-invalid"), kind="error")
            return no_update
        options: dict[str, Any] = {"quality": quality, "objective": objective}
        if ctx.triggered_id == RUN_FRONT:
            options = front_options(POINTS, quality)
        job, reused = submit(services, checked.scenario, draft.id, options)
        if reused:
            notify.show(t("scenario.reused"))
        return url.href("run", job.id)

    @app.callback(
        Output(FINDINGS, "children"),
        Output(STATUS, "children", allow_duplicate=True),
        Input(CHECK, "data"),
        State(DRAFT, "data"),
        prevent_initial_call="initial_duplicate",
    )
    def look(_revision: int, held: dict[str, Any]) -> Any:
        draft = visible(services, held["id"])
        checked = editing.check(draft.text, services.catalog)
        if checked.scenario is None:
            return [], no_update
        found, sound = report(checked.scenario, services.catalog)
        return found, status(checked, draft, doubtful=not sound)

    @app.callback(
        Output(REFRESH, "data", allow_duplicate=True),
        Input({"type": CURE, "change": ALL}, "n_clicks"),
        State(DRAFT, "data"),
        State(ids.PAGE, "data"),
        State(REFRESH, "data"),
        prevent_initial_call=True,
    )
    def cure(_clicks: list[int | None], held: dict[str, Any], page: str, refresh: int) -> Any:
        if not ctx.triggered_id or not ctx.triggered[0]["value"]:
            return no_update
        wanted = json.loads(ctx.triggered_id["change"])
        change(services, held, page, lambda text: (editing.apply(text, wanted), ", ".join(wanted)))
        return (refresh or 0) + 1


def submit(services: Services, scenario: Scenario, draft: str | None, options: dict[str, Any]) -> Any:
    """Puts a scenario in the queue for the user who asks; returns the job and whether it was there before."""
    held = None if draft is None else drafts.get(services.store, draft)
    folder = None if held is None else held.folder
    return services.submit(
        scenario.name, dump_scenario(scenario), options, title=scenario.title, draft=draft, folder=folder
    )


def panel(services: Services, draft: drafts.Draft, checked: editing.Checked) -> html.Div:
    """Findings for the text as it stands, and the button that runs it."""
    location = dcc.Location(id=GOTO, refresh="callback-nav")
    if checked.scenario is None:
        return html.Div(
            [location, problems(checked, draft.id), html.Div(_run_bar(True), hidden=True)], className="stack"
        )
    waiting = dmc.Group([dmc.Loader(size="sm"), html.Span(t("scenario.checking"))])
    return html.Div(
        [
            location,
            html.P(t("scenario.check-lead"), className="lead"),
            warnings(checked, draft.id),
            _run_bar(False, checked.scenario),
            html.Div(waiting, id=FINDINGS, role="status", className="stack"),
            dcc.Store(id=CHECK, data=draft.revision),  # its coming into the page starts the check
        ],
        className="stack",
    )


def report(scenario: Scenario, catalog: Catalog) -> tuple[list[Any], bool]:
    """The findings, the size of the problem, what was taken by default and what was left out; whether it is all well."""
    try:
        troubles, case = findings(scenario, catalog)
    except InternalError:
        raise
    except PlannerError as error:  # a case that cannot be built says why; the run would fail in the same way
        return [layout.alert(t("scenario.check-trouble"), [str(error)], kind="error")], False
    shown = [
        *_verdict(troubles),
        layout.section(t("scenario.check-size"), kpi.cards(_size(case), 150)),
        _details(t("scenario.check-defaults"), case.assumptions),
        _details(t("scenario.check-whynot"), catalogued(titled(keyed(case.why_not), scenario), catalog)),
    ]
    return shown, not troubles


def findings(scenario: Scenario, catalog: Catalog) -> tuple[list[Any], Any]:
    """What the pre-check finds, and the case it looked at."""
    from planner.case.build import build_case
    from planner.case.prechecks import precheck

    case = build_case(scenario, catalog)
    return precheck(case), case


def trouble(found: Any) -> list[Any]:
    """One finding: what, how to mend it, and a button that does where one change is enough."""
    head = f"{found.workload}: " if found.workload else ""
    parts: list[Any] = [html.P(head + found.message)]
    if found.cure:
        parts.append(html.P(t("scenario.check-cure", cure=found.cure)))
    if found.change:
        shown = "; ".join(f"{path} = {value}" for path, value in found.change.items())
        parts.append(
            dmc.Button(
                t("scenario.check-apply", cure=shown),
                id={"type": CURE, "change": json.dumps(found.change, default=str)},
                leftSection=icon("circle-check"),
                size="xs",
            )
        )
    return parts


def _verdict(troubles: list[Any]) -> list[Any]:
    if not troubles:
        return [layout.alert(t("scenario.check-ok"), [t("scenario.check-ok-text")], kind="success")]
    return [
        layout.alert(t("scenario.check-trouble"), [html.Div(trouble(found))], kind="error")
        for found in troubles
    ]


def _run_bar(hidden: bool, scenario: Scenario | None = None) -> dmc.Paper:
    quality = scenario.solve.quality if scenario else "plan"
    return dmc.Paper(
        [
            dmc.Select(
                id=QUALITY,
                label=t("scenario.quality"),
                data=[{"value": q, "label": term("quality", q)} for q in ("quick", "plan", "proof")],
                value=quality,
                allowDeselect=False,
                w=230,
            ),
            dmc.Select(
                id=OBJECTIVE,
                label=t("scenario.objective"),
                data=[
                    {"value": o, "label": t(f"scenario.objective-{o}")} for o in ("cost", "delay", "control")
                ],
                value="cost",
                allowDeselect=False,
                w=230,
            ),
            toolbar.button(RUN, t("scenario.run"), "player-play", disabled=hidden, size="md"),
            toolbar.button(
                RUN_FRONT,
                t("scenario.run-front"),
                "chart-dots-3",
                disabled=hidden,
                size="md",
                variant="default",
            ),
        ],
        withBorder=True,
        className="section run-bar",
    )


def _size(case: Any) -> list[Any]:
    counts = {
        "periods": len(case.periods),
        "slices": len(case.slices) // max(len(case.periods), 1),
        "workloads": len(case.workloads),
        "hosts": len(case.hosts),
        "offers": len(case.offers),
        "orders": len(case.orders),
        "serve": len(case.serve),
    }
    shown = problem_size(case)
    counts |= {"rows": shown.rows, "columns": shown.columns, "integers": shown.integers}
    cards = [kpi.card(t(f"scenario.size.{name}"), fixed(count)) for name, count in counts.items()]
    return [*cards, kpi.card(t("scenario.size.minutes"), shown.time_class)]


def _details(title: str, frame: pd.DataFrame) -> Any:
    if frame.empty:
        return None
    return html.Details(
        [html.Summary(f"{title} ({fixed(len(frame))})"), *table.plain_table(frame, title, SHOWN)],
        className="figure-details",
    )
