"""The only place that makes a chart component: offline, in the reader's colours, with caption and table.

plotly.js would offer a button that uploads the data, and fetch map outlines from a CDN; both are off here.
Colours follow the cookie of ``state.scheme``; switching recolours the charts in the browser (functions.js).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import dash
import dash_mantine_components as dmc
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
from dash import dcc, html

from planner.app.components.attrs import attrs
from planner.app.components.table import plain_table
from planner.app.state import scheme
from planner.report.charts.style import PALETTE
from planner.report.strings import t

LIBRARY = "plotly/plotly-planner.min.js"
"""plotly.js with the chart types that this app draws (assets/plotly/README.md)."""
HEIGHT = 340


def register_templates() -> None:
    """Registers ``planner_light`` and ``planner_dark`` with plotly; safe to call again."""
    if "planner_dark" in pio.templates:
        return
    dmc.add_figure_templates()
    pio.templates.default = None  # a figure gets its template when it is shown
    for name in ("light", "dark"):
        pio.templates[f"planner_{name}"] = go.layout.Template(pio.templates[f"mantine_{name}"])
        ink, grid = ("#212529", "#e3e7eb") if name == "light" else ("#dee2e6", "#3b4148")
        land, lake = ("#eef1f4", "#d5e5f0") if name == "light" else ("#2c3138", "#1d2b38")
        axis = {"gridcolor": grid, "linecolor": grid, "zerolinecolor": grid, "automargin": True}
        pio.templates[f"planner_{name}"].layout.update(
            colorway=list(PALETTE),
            font={
                "family": "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif",
                "size": 13,
                "color": ink,
            },
            paper_bgcolor="rgba(0,0,0,0)",
            plot_bgcolor="rgba(0,0,0,0)",
            margin={"l": 64, "r": 20, "t": 36, "b": 48},
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": {"size": 12}},
            hoverlabel={"font": {"size": 12}},
            xaxis=axis,
            yaxis=axis,
            separators=". ",
            geo={
                "bgcolor": "rgba(0,0,0,0)",
                "landcolor": land,
                "lakecolor": lake,
                "oceancolor": lake,
                "countrycolor": grid,
                "coastlinecolor": grid,
                "showframe": False,
            },
        )


@cache
def templates() -> dict[str, Any]:
    """Both templates as plain data, for the browser's switch of colours."""
    register_templates()
    return {name: pio.templates[f"planner_{name}"].to_plotly_json() for name in ("light", "dark")}


def themed(figure: go.Figure) -> dict[str, Any]:
    """The figure, as plain data, in the reader's colour scheme; use it when a callback returns a figure.

    The template goes in as it is: plotly would check it anew for every chart.
    """
    drawn: dict[str, Any] = figure.to_plotly_json()
    drawn["layout"]["template"] = templates()[scheme.current()]
    return drawn


def graph(
    id: str | dict[str, str],
    figure: go.Figure,
    alt: str,
    *,
    title: str | None = None,
    table: pd.DataFrame | None = None,
    table_id: str | dict[str, str] | None = None,
    height: int = HEIGHT,
    note: str | None = None,
    wide: bool = False,
    **config: Any,
) -> html.Figure:
    """A chart with heading, caption and, folded away, its table.

    ``alt`` is one sentence saying what the chart shows (read to those who cannot see it); ``note`` is the visible
    caption (unit, price year, source). ``table`` holds the plotted figures with units in its column names; with
    ``table_id`` an (emptiable) container is made that a callback fills with ``plain_table(frame)``. A ``wide`` chart is
    not squeezed onto a small screen but scrolled there. ``config`` overrides plotly's configuration.
    """
    base: Any = {
        "displaylogo": False,
        "responsive": True,
        "showSendToCloud": False,
        "plotlyServerURL": "",
        "topojsonURL": dash.get_asset_url("topojson/"),
        "displayModeBar": False,  # pictures have buttons of their own; a double click undoes a zoom
    }
    parts: list[Any] = []
    if title:
        parts.append(dmc.Title(title, order=3, className="figure-title"))
    drawn = dcc.Graph(
        id=id,
        figure=themed(figure),
        config=base | config,
        style={"height": f"{height}px"},
        className="chart",
    )
    scrolled = attrs({"aria-label": title or alt})
    parts.append(
        html.Div(drawn, className="chart-scroll", tabIndex=0, role="region", **scrolled) if wide else drawn
    )
    parts.append(html.Figcaption([html.Span(alt, className="sr-only"), note or ""], className="figure-note"))
    if table is not None or table_id is not None:
        content = plain_table(table, caption=title or alt) if table is not None else []
        holder: dict[str, Any] = {"id": table_id} if table_id is not None else {}
        parts.append(
            html.Details(
                [html.Summary(t("app.table")), html.Div(content, **holder, className="figure-table")],
                className="figure-details",
            )
        )
    return html.Figure(parts, role="group", className="figure", **attrs({"aria-label": title or alt}))
