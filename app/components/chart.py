"""A chart as a reader gets it: heading, chart, caption, its table, and downloads of picture and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import dash
import dash_mantine_components as dmc
import pandas as pd
import plotly.graph_objects as go
from dash import ALL, Input, Output, State, html

from planner.app import ids
from planner.app.components import download, figure, layout
from planner.app.components.icon import icon
from planner.app.components.table import plain_table
from planner.app.services import Services
from planner.app.state.result import Result, load
from planner.report.names import titled
from planner.report.strings import t
from planner.report.terms import readable, relabel
from planner.runs.run import Run


def _workbook(run: Run) -> bytes:
    from planner.report.workbook import workbook_bytes

    return workbook_bytes(run)


def _report(run: Run) -> str:
    from planner.report.charts.report import charts_of
    from planner.report.page import html_page

    return html_page(run, charts_of(run))


def _paper(run: Run) -> bytes:
    from planner.report.charts.report import charts_of
    from planner.report.pdf import pdf_bytes

    return pdf_bytes(run, charts_of(run))


DELIVERED: dict[str, tuple[str, Callable[[Run], bytes | str]]] = {
    "report": ("html", _report),
    "pdf": ("pdf", _paper),
    "workbook": ("xlsx", _workbook),
}
"""What is saved of a whole plan: its ending, and what makes it."""


def chart(
    page: str,
    name: str,
    fig: go.Figure,
    table: pd.DataFrame | None,
    *,
    note: str | None = None,
    actions: Sequence[Any] = (),
    table_downloads: bool = True,
    wide: bool = False,
    below: Any = None,
    **config: Any,
) -> dmc.Paper:
    """The section of the chart ``name`` of a page; ids ``<page>-<name>``, texts ``<page>.<name>-title`` and ``-alt``.

    ``table`` is what the chart draws: shown folded away, and what CSV and XLSX hold (the page's ``tables``
    must know it under the same name). The caption ``note`` carries unit and price year; ``below`` stands under the chart.
    """
    title = t(f"{page}.{name}-title")
    drawn = figure.graph(
        f"{page}-{name}",
        fig,
        t(f"{page}.{name}-alt"),
        table=None if table is None else readable(table),
        note=note,
        height=int(fig.layout.height or figure.HEIGHT),
        wide=wide,
        **config,
    )
    saved = downloads(page, name, title, picture=bool(fig.data), table=table_downloads)
    return layout.section(title, html.Div([drawn, below, saved], className="chart-block"), actions=actions)


def table_section(
    page: str,
    name: str,
    frame: pd.DataFrame,
    *,
    lead: str | None = None,
    title: str | None = None,
    none: str | None = None,
) -> dmc.Paper:
    """The section of the table ``name`` of a page with its downloads; ``none`` is what an empty one says."""
    title = title or t(f"{page}.{name}-title")
    if not len(frame):
        return layout.section(title, html.P(none or t("charts.no-rows"), className="muted"), lead=lead)
    return layout.section(
        title,
        *plain_table(readable(frame), caption=title),
        lead=lead,
        actions=[downloads(page, name, title, picture=False)],
    )


def _data(**names: str) -> dict[str, Any]:
    """Attributes with dashes for the browser's functions: ``data_chart`` is ``data-chart``."""
    return {name.replace("_", "-"): value for name, value in names.items()}


def downloads(page: str, name: str, title: str, picture: bool = True, table: bool = True) -> dmc.Group:
    """Buttons: PNG and SVG (made in the browser), CSV and XLSX (made by the page's download callback)."""
    buttons: list[Any] = []
    if picture:
        buttons += [
            html.Button(
                kind.upper(),
                type="button",
                className="chart-picture tiny-button",
                title=t("charts.save-picture", kind=kind.upper()),
                **_data(
                    data_chart=f"{page}-{name}",
                    data_format=kind,
                    data_title=title,
                    data_name=f"{page}-{name}",
                    aria_label=t("charts.save-as", title=title, kind=kind.upper()),
                ),
            )
            for kind in ("png", "svg")
        ]
    if table:
        buttons += [
            html.Button(
                kind.upper(),
                type="button",
                id={"type": f"{page}-table", "name": name, "kind": kind},
                className="tiny-button",
                title=t("charts.save-table", kind=kind.upper()),
                **_data(aria_label=t("charts.save-as", title=title, kind=kind.upper())),
            )
            for kind in ("csv", "xlsx")
        ]
    return dmc.Group([icon("download", 14), *buttons], gap=6, className="chart-downloads")


def deliverables(page: str, ref: str) -> dmc.Group:
    """The whole plan on paper: the brief of one page, which opens, and report and workbook, which are saved."""
    brief = html.A(
        [icon("file-text"), html.Span(t("brief.open"))],
        href=dash.get_relative_path(f"/brief/{quote(ref, safe='~')}"), target="_blank", title=t("brief.open-help"),
        className="link-button quiet size-xs",
    )  # fmt: skip
    saved = [download.button(f"{page}-{kind}", t(f"result.{kind}")) for kind in DELIVERED]
    return dmc.Group([brief, *saved], gap="xs")


def register_downloads(
    app: dash.Dash,
    services: Services,
    page: str,
    ref: str,
    tables: Mapping[str, Callable[[Result, Any], pd.DataFrame]],
    state: str | None = None,
) -> None:
    """Serves the buttons of ``downloads`` and ``deliverables``.

    ``ref`` is the id of the store with the run shown. A table gets the plan and the services, or the content of
    the store ``state`` where one is named.
    """

    @app.callback(
        Output(ids.DOWNLOAD, "data", allow_duplicate=True),
        Input({"type": f"{page}-table", "name": ALL, "kind": ALL}, "n_clicks"),
        *(Input(f"{page}-{kind}", "n_clicks") for kind in DELIVERED),
        State(ref, "data"),
        State(state or ref, "data"),
        prevent_initial_call=True,
    )
    def send(*given: Any) -> Any:
        run, shown = given[-2:]
        asked = dash.ctx.triggered_id
        if asked is None or not any(entry["value"] for entry in dash.ctx.triggered):
            return dash.no_update  # buttons that have just been drawn report no click
        one = load(services, run)
        stem = run.replace("~", "-point-")
        if isinstance(asked, str):
            ending, content = DELIVERED[asked.removeprefix(f"{page}-")]
            return download.send(services, f"{stem}.{ending}", content(one.run))
        frame = titled(tables[asked["name"]](one, services if state is None else shown), one.run.scenario)
        name = f"{stem}-{asked['name']}.{asked['kind']}"
        if asked["kind"] == "csv":
            return download.send(services, name, download.csv_text(frame))
        return download.send(services, name, download.xlsx_bytes({asked["name"]: relabel(frame)}))
