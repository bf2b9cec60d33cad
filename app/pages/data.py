"""The catalog: every table with units, sources, vintage, confidence and the marks of what is assumed.

Nothing is changed here: a value is overridden in a scenario.
"""

from __future__ import annotations

import re
from typing import Any

import dash
import dash_mantine_components as dmc
import pandas as pd
from dash import ClientsideFunction, Input, Output, State, dcc, html, no_update

from planner.app.components import download, kpi, layout, table, toolbar
from planner.app.components import format as fmt
from planner.app.components.attrs import attrs
from planner.app.components.icon import icon
from planner.app.pages import add_page
from planner.app.services import Services
from planner.app.state import url
from planner.facts.numbers import fixed
from planner.report.strings import t

DEFAULTS = {"table": "systems", "search": ""}
TABLE, SEARCH, GRID, BODY, DETAIL, QUERY, CSV, FILE = (
    "da-table", "da-search", "da-grid", "da-body", "da-detail", "da-query", "da-csv", "da-file",
)  # fmt: skip
PROVENANCE = ("source_url", "source_date", "confidence", "assumed", "assumed_fields", "note")
LINK = re.compile(r"https?://[^\s;,)]+")


def register(app: dash.Dash, services: Services) -> None:
    add_page("data", lambda **query: _page(services, url.parse(query, DEFAULTS)))

    @app.callback(
        Output(BODY, "children"), Input(TABLE, "value"), State(SEARCH, "value"), prevent_initial_call=True
    )
    def show(name: str, text: str | None) -> Any:
        return _table(services, name, text or "")

    @app.callback(
        Output(GRID, "dashGridOptions"),
        Output(QUERY, "data"),
        Input(SEARCH, "value"),
        Input(TABLE, "value"),
        State(GRID, "dashGridOptions"),
        prevent_initial_call=True,
    )
    def search(text: str | None, name: str, options: dict[str, Any]) -> Any:
        return options | {"quickFilterText": text or ""}, url.query(
            {"table": name, "search": text or ""}, DEFAULTS
        )

    app.clientside_callback(
        ClientsideFunction("planner", "replaceQuery"), Input(QUERY, "data"), prevent_initial_call=True
    )

    @app.callback(
        Output(DETAIL, "children"),
        Input(GRID, "selectedRows"),
        State(TABLE, "value"),
        prevent_initial_call=True,
    )
    def detail(rows: list[dict[str, Any]] | None, name: str) -> Any:
        return _detail(services, name, int(rows[0]["_n"])) if rows else no_update

    @app.callback(
        Output(FILE, "data"), Input(CSV, "n_clicks"), State(TABLE, "value"), prevent_initial_call=True
    )
    def save(clicks: int | None, name: str) -> Any:
        if not clicks:
            return no_update
        return download.send(services, f"{name}.csv", download.csv_text(services.catalog.table(name)))


def _page(services: Services, state: dict[str, Any]) -> html.Div:
    facts = services.catalog
    name = state["table"] if state["table"] in facts.tables else DEFAULTS["table"]
    choices = [{"value": n, "label": f"{facts.title(n)} ({len(facts.table(n))})"} for n in facts.tables]
    bar = html.Div(
        [
            dmc.Select(
                id=TABLE,
                label=t("data.table"),
                data=choices,
                value=name,
                searchable=True,
                allowDeselect=False,
                w=380,
            ),
            dmc.TextInput(
                id=SEARCH,
                label=t("data.search"),
                value=state["search"],
                leftSection=icon("search"),
                debounce=200,
                w=300,
            ),
        ],
        className="filter-bar",
    )
    return layout.page(
        t("data.title"),
        dcc.Store(id=QUERY),
        dcc.Download(id=FILE),
        bar,
        html.Div(_table(services, name, state["search"]), id=BODY, className="stack"),
        lead=t("data.lead"),
        actions=[toolbar.toolbar(download.button(CSV, t("data.csv")))],
    )


def _table(services: Services, name: str, text: str) -> list[Any]:
    frame = services.catalog.table(name).reset_index(drop=True)
    specs = {field["name"]: field for field in services.catalog.fields(name)}
    own = [c for c in frame.columns if c not in PROVENANCE]
    rows = fmt.records(frame)
    for n, row in enumerate(rows):
        row["_n"] = n
        row["_assumed"] = own if row.get("assumed") else (row.get("assumed_fields") or "").split(";")
    columns = [
        _column(frame, c, specs.get(c, {})) for c in (*own, *(p for p in PROVENANCE if p in frame.columns))
    ]
    columns[0] |= {"pinned": "left"}
    shown = table.grid(
        GRID,
        rows,
        columns,
        label=services.catalog.title(name),
        height=520,
        options={
            "quickFilterText": text,
            "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
            "suppressFieldDotNotation": True,
            "tooltipShowDelay": 300,
        },
        columnSize="autoSize",
    )
    marked = int(frame["assumed"].sum()) if "assumed" in frame else 0
    line = t("data.line", rows=fixed(len(frame)), assumed=fixed(marked))
    return [
        html.P([services.catalog.title(name), ". ", line], className="muted small"),
        shown,
        html.Div(html.P(t("data.choose"), className="muted"), id=DETAIL, role="status"),
    ]


def _column(frame: pd.DataFrame, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    unit = spec.get("unit")
    digits = fmt.digits(frame[name])
    column = table.column(
        name,
        fmt.plain_heading(name) + (f" ({unit})" if unit and name.endswith(("share", "factor")) else ""),
        headerTooltip=" · ".join(x for x in (spec.get("description", ""), unit or "") if x),
        cellClassRules={"cell-assumed": f"params.data._assumed.indexOf('{name}') >= 0"},
        maxWidth=320,
    )
    if digits is not None:
        column |= {
            "type": "rightAligned",
            "filter": "agNumberColumnFilter",
            "valueFormatter": {"function": f"plannerPlain(params.value, '{name}')"},
        }
    if name == "assumed":
        column |= {"cellDataType": "boolean"}
    return column


def _detail(services: Services, name: str, n: int) -> Any:
    """One row in full: every value with unit, meaning and its own source."""
    facts = services.catalog
    frame = facts.table(name)
    key, row = frame.index[n], frame.iloc[n]
    specs = {field["name"]: field for field in facts.fields(name)}
    estimated = set(str(row.get("assumed_fields") or "").split(";"))
    lines = []
    for column in frame.columns:
        if column in PROVENANCE or (not isinstance(row[column], list) and pd.isna(row[column])):
            continue
        spec = specs.get(column, {})
        mark = kpi.assumed_badge() if bool(row.get("assumed")) or column in estimated else None
        lines.append(
            html.Tr(
                [
                    html.Th(fmt.plain_heading(column), scope="row"),
                    html.Td(
                        html.Span(
                            [fmt.cell(row[column], fmt.digits(frame[column])), " ", spec.get("unit") or ""]
                        )
                    ),
                    html.Td(spec.get("description", "")),
                    html.Td([mark, *_linked(str(facts.source(name, key, column) or ""))]),
                ]
            )
        )
    label = " · ".join(map(str, key)) if isinstance(key, tuple) else str(key)
    head = html.Thead(
        html.Tr([html.Th(t(f"data.head.{h}"), scope="col") for h in ("field", "value", "meaning", "source")])
    )
    body = html.Table([html.Caption(label, className="sr-only"), head, html.Tbody(lines)], className="plain")
    about = [
        f"{t('data.confidence')}: {row['confidence']}",
        f"{t('data.vintage')}: {fmt.cell(row['source_date'])}",
    ]
    note = [] if pd.isna(row["note"]) else [html.P(row["note"], className="muted small")]
    return layout.section(
        label,
        *note,
        html.Div(body, className="plain-scroll", tabIndex=0, role="region", **attrs({"aria-label": label})),
        lead=" · ".join(about),
    )


def _linked(text: str) -> list[Any]:
    """Text with its addresses as links; they open only when clicked."""
    parts: list[Any] = []
    at = 0
    for match in LINK.finditer(text):
        parts.append(text[at : match.start()])
        host = match[0].split("/")[2]
        parts.append(html.A(host, href=match[0], target="_blank", rel="noopener noreferrer", title=match[0]))
        at = match.end()
    return [*parts, text[at:]]
