"""Tables: AG Grid for what is sorted, filtered or edited; a plain table for what is only read."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
import pandas as pd
from dash import html

from planner.app.components import format as fmt
from planner.app.components.attrs import attrs
from planner.facts.numbers import fixed
from planner.report.strings import t
from planner.report.terms import in_percent

PLAIN_ROWS = 400
THEME = (
    "themeQuartz.withParams({accentColor: '#0b6373'}, 'light').withParams({accentColor: '#45a9b8', "
    "backgroundColor: '#20252b', foregroundColor: '#d5dae0', borderColor: '#434b55', "
    "headerBackgroundColor: '#2a3038', browserColorScheme: 'dark'}, 'dark')"
)


def column(field: str, name: str | None = None, *, digits: int | None = None, **more: Any) -> dict[str, Any]:
    """One AG Grid column. ``digits`` makes it a number: right-aligned, thousands apart, that many decimals."""
    spec: dict[str, Any] = {"field": field, "headerName": name or fmt.heading(field)}
    if digits is not None:
        spec |= {
            "type": "rightAligned",
            "filter": "agNumberColumnFilter",
            "valueFormatter": {"function": f"plannerNumber(params.value, {digits})"},
        }
    return spec | more


def grid(
    id: str | dict[str, str],
    rows: pd.DataFrame | Sequence[dict[str, Any]],
    columns: Sequence[dict[str, Any]] | None = None,
    *,
    label: str,
    height: int | str | None = None,
    editable: bool = False,
    options: dict[str, Any] | None = None,
    **more: Any,
) -> html.Div:
    """A sortable, filterable grid of a frame or of records, as high as its rows unless ``height`` is set.

    ``label`` names the grid to a screen reader; ``options`` go to AG Grid itself; ``more`` to the component
    (``selectedRows``, ``rowClassRules``, ``getRowId``...).
    """
    records = fmt.records(rows) if isinstance(rows, pd.DataFrame) else list(rows)
    if columns is None:
        frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(records)
        columns = [column(name, digits=fmt.digits(frame[name])) for name in frame.columns]
    auto = height is None
    settings: dict[str, Any] = {
        "theme": {"function": THEME},
        "animateRows": False,
        "enableCellTextSelection": not editable,
        "ensureDomOrder": True,
        "suppressColumnVirtualisation": len(columns) < 30,
        "singleClickEdit": editable,
        "stopEditingWhenCellsLoseFocus": True,
        "localeText": {"noRowsToShow": t("app.no-rows")},
    }
    if auto:
        settings["domLayout"] = "autoHeight"
    return html.Div(
        dag.AgGrid(
            id=id,
            rowData=records,
            columnDefs=list(columns),
            defaultColDef={
                "resizable": True,
                "sortable": True,
                "filter": True,
                "editable": editable,
                "minWidth": 90,
            },
            dashGridOptions=settings | (options or {}),
            columnSize=more.pop("columnSize", "responsiveSizeToFit" if len(columns) <= 9 else "autoSize"),
            style={"height": None if auto else (f"{height}px" if isinstance(height, int) else height)},
            **more,
        ),
        role="region",
        className="grid-holder",
        **attrs({"aria-label": label}),
    )


def plain_table(
    frame: pd.DataFrame, caption: str | None = None, rows: int = PLAIN_ROWS, names: Collection[str] = ()
) -> list[Any]:
    """A read-only table with headings, numbers to the right; long frames are cut with a line saying so.

    Columns that are ``names`` (of runs) head their column as they are written.

    It goes as data and is built in the browser (functions.js), one in a closed fold when that opens: as Dash
    components, every cell would watch every change of the page, and a few hundred rows would take seconds.
    """
    digits = fmt.places(frame)
    content = {
        "caption": caption,
        "head": [str(name) if name in names else fmt.heading(str(name)) for name in frame.columns],
        "numeric": [
            places is not None or in_percent(frame[name])
            for name, places in zip(frame.columns, digits, strict=True)
        ],
        "rows": [
            [fmt.cell(value, places) for value, places in zip(row, digits, strict=True)]
            for row in frame.head(rows).itertuples(index=False, name=None)
        ],
    }
    parts: list[Any] = [
        html.Div(
            className="plain-scroll",
            tabIndex=0,
            role="region",
            **attrs(
                {
                    "aria-label": caption or t("app.table"),
                    "data-table": json.dumps(content, ensure_ascii=False),
                }
            ),
        )
    ]
    if len(frame) > rows:
        parts.append(dmc.Text(t("app.rows", shown=fixed(rows), all=fixed(len(frame))), size="xs", c="dimmed"))
    return parts
