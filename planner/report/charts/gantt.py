"""The timeline: milestones as bars over dates, host by host, the critical path outlined and named."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from planner.case.registry import PURCHASES
from planner.plans.milestones import KINDS
from planner.report.charts.style import PALETTE, PATTERNS, WARN, empty, finish
from planner.report.strings import t
from planner.report.terms import term

DAY_MS = 86_400_000.0
LEAST_DAYS = 12.0
"""A milestone without a length is drawn this wide, so that it can be seen and pointed at."""


def rows(milestones: pd.DataFrame, top: int = 60) -> pd.DataFrame:
    """Milestones in drawing order with ``line`` (the row's label); critical ones first if too many."""
    table = milestones.copy()
    for column in ("start_date", "end_date"):
        table[column] = pd.to_datetime(table[column])
    table = table.dropna(subset=["start_date", "end_date"])
    table["critical"] = table["critical"].astype(bool)
    if len(table) > top:
        table = table.sort_values(["critical", "start_date"], ascending=[False, True], kind="stable").head(
            top
        )
    table["place"] = [str(r.h) if r.h == r.h and r.h else str(r.w or "") for r in table.itertuples()]
    first = table.groupby("place")["start_date"].transform("min")
    table = table.assign(first=first, of_host=table["place"] == table["h"])
    order = ["of_host", "first", "place", "start_date", "end_date"]
    table = table.sort_values(order, ascending=[False, True, True, True, True], kind="stable")
    table["line"] = [_line(r) for r in table.itertuples()]
    return table.drop(columns=["first", "of_host"]).reset_index(drop=True)


def gantt(milestones: pd.DataFrame) -> go.Figure:
    """Bars from start to end date; critical ones carry an outline and the word in their label."""
    if not len(milestones):
        return empty(t("charts.no-timeline"))
    table = rows(milestones)
    fig = go.Figure()
    kinds = [k for k in KINDS if k in set(table["kind"])] + sorted(set(table["kind"]) - set(KINDS))
    for i, kind in enumerate(kinds):
        part = table[table["kind"] == kind]
        length = (part["end_date"] - part["start_date"]).dt.total_seconds() * 1000.0
        fig.add_bar(
            orientation="h", y=part["line"], base=part["start_date"].dt.strftime("%Y-%m-%d"),
            x=length.clip(lower=LEAST_DAYS * DAY_MS), name=term("milestone", kind),
            marker={
                "color": PALETTE[i % len(PALETTE)],
                "pattern": {"shape": PATTERNS[i % len(PATTERNS)], "size": 6, "solidity": 0.25},
                "line": {"color": [WARN if c else "rgba(0,0,0,0)" for c in part["critical"]], "width": 3},
            },
            customdata=[
                [s.strftime("%d %b %Y"), e.strftime("%d %b %Y"), "<br>" + t("charts.critical") if c else ""]
                for s, e, c in zip(part["start_date"], part["end_date"], part["critical"], strict=True)
            ],
            hovertemplate="%{y}<br>%{customdata[0]} – %{customdata[1]}%{customdata[2]}<extra></extra>",
        )  # fmt: skip
    lines = list(dict.fromkeys(table["line"]))
    critical = set(table.loc[table["critical"], "line"])
    finish(fig, t("charts.date"), "", height=max(260, 130 + 24 * len(lines)), legend=True)
    fig.update_layout(barmode="overlay", bargap=0.3, margin={"l": 16})
    fig.update_xaxes(type="date", showgrid=True)
    return fig.update_yaxes(
        categoryorder="array", categoryarray=lines[::-1], automargin=True, title_text="", tickmode="array",
        tickvals=lines, ticktext=[f"<b>{_clip(x)} ◆</b>" if x in critical else _clip(x) for x in lines],
    )  # fmt: skip


NAMED_KINDS = {p.milestone for p in PURCHASES if p.unit} | {"licence", "stack"}
"""Kinds of which a place may have several: the thing is named too."""


def _line(row: Any) -> str:
    """What a bar is called: place, kind, and the thing where there may be several of a kind."""
    words = f"{row.place} · {term('milestone', row.kind)}"
    if row.kind not in NAMED_KINDS or not str(row.item or ""):
        return words
    return f"{words}: {str(row.item).removeprefix('export licence for ')}"


def _clip(text: str, width: int = 48) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
