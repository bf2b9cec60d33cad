"""The terms of finance that a scenario has by now, read on the plan as it stands: nothing is planned anew."""

from __future__ import annotations

from typing import Any

import dash
from dash import Input, Output, State, dcc, html, no_update

from planner.app.components import layout
from planner.app.components.table import plain_table
from planner.app.components.toolbar import button
from planner.app.services import Services
from planner.app.state import editing
from planner.app.state.result import Result, load
from planner.app.state.stale import changed_draft
from planner.finance.faults import FinanceError
from planner.finance.tables import CAUTIONS, FAULTS, fault_table, finance_tables
from planner.report import finance as views
from planner.report.strings import t
from planner.report.terms import readable
from planner.runs.finance import plan_tables, with_terms
from planner.scenario.finance import Finance

ASK, ANSWER = "capital-terms", "capital-terms-answer"


def register(app: dash.Dash, services: Services, ref: str) -> None:
    """``ref`` is the id of the store with the plan shown."""

    @app.callback(
        Output(ANSWER, "children"), Input(ASK, "n_clicks"), State(ref, "data"), prevent_initial_call=True
    )
    def tell_terms(clicks: int | None, shown: str) -> Any:
        if not clicks:
            return no_update
        one = load(services, shown)
        terms = present(services, one)
        return no_update if terms is None else answered(one, terms)


def present(services: Services, one: Result) -> Finance | None:
    """The section ``finance`` of the scenario of a run, where the reader may see it and it has changed since."""
    draft = changed_draft(services, services.store.job(one.run_id))
    scenario = None if draft is None else editing.check(draft.text, services.catalog).scenario
    return None if scenario is None or scenario.finance == one.run.scenario.finance else scenario.finance


def block(services: Services, one: Result) -> Any:
    """The offer to read them; nothing where they are those of the run."""
    if present(services, one) is None:
        return None
    return layout.section(
        t("capital.terms-title"),
        button(ASK, t("capital.terms-ask"), "refresh", size="xs"),
        dcc.Loading(html.Div(id=ANSWER, role="status", className="answer")),
        lead=t("capital.terms-lead"),
    )


def answered(one: Result, terms: Finance) -> list[Any]:
    """Key figures under these terms and what is to be said of them, or why they cannot be had."""
    try:
        tables = finance_tables(with_terms(one.run.scenario, terms), plan_tables(one.run))
    except FinanceError as error:
        tables = fault_table(error)
    told = tables.get(FAULTS, tables.get(CAUTIONS))
    lines = [] if told is None else [f"{row.path}: {row.message}" for row in told.itertuples()]
    if FAULTS in tables:
        return [layout.alert(t("capital.finance-faults"), lines, kind="error")]
    notes = [layout.alert(t("capital.finance-cautions"), lines)] if lines else []
    return [*notes, *plain_table(readable(views.figures(tables)), t("capital.terms-title"))]
