"""What the demand under edit comes to, drawn anew at every change: accelerators by year and workload, a rough figure."""

from __future__ import annotations

from typing import Any

import dash
from dash import Input, Output, State, html

from planner.app.components import figure
from planner.app.pages.editor_parts import DRAFT, SECTION
from planner.app.pages.scenarios import visible
from planner.app.services import Services
from planner.app.state import editing
from planner.app.state.kept import kept
from planner.facts.catalog import Catalog
from planner.facts.errors import PlannerError
from planner.report.charts.estimate import by_workload
from planner.report.names import titles
from planner.report.strings import t
from planner.scenario.schema import Scenario
from planner.sizing.size import size

CHART = "ed-demand-chart"
PART = "demand"
COLUMNS = ["w", "year", "accelerators_low", "accelerators_mid", "accelerators_high"]


def holder() -> html.Div:
    """Where the chart comes and stays while a change is worked out."""
    return html.Div(html.P(t("scenario.demand-wait"), className="muted"), id=CHART, role="status")


def register_demand(app: dash.Dash, services: Services) -> None:
    @app.callback(Output(CHART, "children"), Input(DRAFT, "data"), State(SECTION, "data"))
    def drawn(held: dict[str, Any], section: str) -> Any:
        if section != PART:
            return dash.no_update
        draft = visible(services, held["id"])
        scenario = editing.check(draft.text, services.catalog).scenario
        if scenario is None:  # the last sound one stays in sight
            return dash.no_update
        return kept((CHART, draft.text, services.catalog.hash), lambda: chart(scenario, services.catalog))


def chart(scenario: Scenario, catalog: Catalog) -> Any:
    """The chart of a scenario; why there is none where its demand cannot be sized."""
    try:
        rows = size(scenario, catalog).workloads
    except PlannerError as error:
        return html.P(str(error), className="muted")
    return figure.graph(
        f"{CHART}-graph",
        by_workload(rows, titles(scenario, "w")),
        t("scenario.demand-alt"),
        title=t("scenario.demand-title"),
        table=rows[COLUMNS],
        height=320,
        note=t("scenario.demand-note"),
    )
