"""The timeline: milestones as bars over dates, host by host, the critical path outlined and named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from planner.case.registry import PURCHASE
from planner.facts.numbers import number
from planner.plans.milestones import KINDS
from planner.plans.openings import DAYS_PER_MONTH
from planner.report.charts.style import MUTED, PALETTE, PATTERNS, WARN, clip, clipped, empty, finish, hatched
from planner.report.names import labels
from planner.report.steps import SIZED_KINDS, step, waits
from planner.report.strings import t
from planner.report.terms import term

DAY_MS = 86_400_000.0
LABEL, PLACE, ROW_PX = 48, 26, 34
HARDWARE, SHORT_OF = PURCHASE["orders"].milestone, ", "
"""A system's name says more after its first comma (how many accelerators, how cooled): the hover has it."""
THICK = 0.4
"""Part of its row that a bar fills; the label stands in the rest."""
NOTCH, NOTCHED = 0.003, "rgba(255,255,255,0.9)"
"""Width of a notch as a share of all the dates shown, and its colour, which shows on all bars in light and in dark."""
LEAST_DAYS = 12.0
"""A milestone without a length is drawn this wide, so that it can be seen and pointed at."""


def rows(milestones: pd.DataFrame) -> pd.DataFrame:
    """Milestones in drawing order with ``line`` (the row they are drawn in, shared by all of one thing) and ``shown``,
    what that row is called: the title of host or workload where the table has one, else the id."""
    table = milestones.copy()
    for column in ("start_date", "end_date"):
        table[column] = pd.to_datetime(table[column])
    table = table.dropna(subset=["start_date", "end_date"])
    table["critical"] = table["critical"].astype(bool)
    table["place"] = [str(r.h) if r.h == r.h and r.h else str(r.w or "") for r in table.itertuples()]
    first = table.groupby("place")["start_date"].transform("min")
    table = table.assign(first=first, of_host=table["place"] == table["h"])
    order = ["of_host", "first", "place", "start_date", "end_date"]
    table = table.sort_values(order, ascending=[False, True, True, True, True], kind="stable")
    name_of = {key: labels(table, key) for key in ("h", "w")}
    names = [name_of["h"].get(r.h) if r.of_host else name_of["w"].get(r.w) for r in table.itertuples()]
    table["line"] = [_line(r, r.place) for r in table.itertuples()]
    table["shown"] = [
        _line(r, name or r.place, SHORT_OF) for r, name in zip(table.itertuples(), names, strict=True)
    ]
    return table.drop(columns=["first", "of_host"]).reset_index(drop=True)


def told(milestones: pd.DataFrame) -> pd.DataFrame:
    """Milestones as a table for reading: in drawing order, with what each waits for in words."""
    table = rows(milestones).drop(columns=["place", "line", "shown"])
    if "after" in table:
        table["after"] = [waits(str(after or "")) for after in table["after"]]
    return table


def gantt(milestones: pd.DataFrame) -> go.Figure:
    """Bars from start to end date; critical ones carry an outline and a mark in their label.

    Each label stands above its bar: beside it, a small screen would have no room for the bars. It names the kind of its
    bar, so there is no legend, which would take that room too.
    """
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
            x=length.clip(lower=LEAST_DAYS * DAY_MS), name=term("milestone", kind), offset=-THICK - 0.05, width=THICK,
            marker=hatched(PALETTE[i % len(PALETTE)], PATTERNS[i % len(PATTERNS)]) | {
                "line": {"color": [WARN if c else "rgba(0,0,0,0)" for c in part["critical"]], "width": 3},
            },
            customdata=[
                [row.start_date.strftime("%d %b %Y"), row.end_date.strftime("%d %b %Y"), _told(row), row.shown]
                for row in part.itertuples()
            ],
            hovertemplate="%{customdata[3]}<br>%{customdata[0]} – %{customdata[1]}%{customdata[2]}<extra></extra>",
        )  # fmt: skip
    _ends(fig, table)
    _floats(fig, table)
    lines = list(dict.fromkeys(table["line"]))
    critical = set(table.loc[table["critical"], "line"])
    shown = dict(zip(table["line"], _labels(table["shown"]), strict=True))
    names = [
        {
            "text": f"<b>◆ {shown[line]}</b>" if line in critical else shown[line],
            "xref": "paper", "x": 0, "xanchor": "left", "y": line, "yshift": ROW_PX / 4, "showarrow": False,
            "font": {"size": 11},
        }
        for line in lines
    ]  # fmt: skip
    finish(
        fig, t("charts.date"), "", height=max(220, 90 + ROW_PX * len(lines)), legend=False, annotations=names,
        barmode="overlay", margin={"l": 16}, xaxis={"type": "date", "showgrid": True},
    )  # fmt: skip
    # names are no labels of the axis: where those stand inside, plotly drops the dates and the grid below them
    return fig.update_yaxes(
        categoryorder="array", categoryarray=lines[::-1], title_text="", showticklabels=False, showgrid=False
    )


def _told(row: Any) -> str:
    """What a bar says beside its dates: its size where it may be a part, whether it is critical, its float, its waits."""
    slack, after = getattr(row, "float_months", np.nan), getattr(row, "after", "")
    parts = [str(row.item)] if row.kind in SIZED_KINDS or row.kind == HARDWARE else []
    parts += [t("charts.critical")] if row.critical else []
    if slack > 0:
        parts.append(t("charts.float", months=number(slack)))
    if after:
        parts.append(t("charts.waits", after=waits(after)))
    return "".join("<br>" + part for part in parts)


def _ends(fig: go.Figure, table: pd.DataFrame) -> None:
    """A notch at the end of each bar but the last of its row: what is bought quarter by quarter would else be one bar."""
    parts = table[table["end_date"] < table.groupby("line")["end_date"].transform("max")]
    if not len(parts):
        return
    notch = (table["end_date"].max() - table["start_date"].min()) * NOTCH
    fig.add_bar(
        orientation="h", y=parts["line"], base=(parts["end_date"] - notch).dt.strftime("%Y-%m-%d"),
        x=[notch.total_seconds() * 1000.0] * len(parts), offset=-THICK - 0.05, width=THICK,
        marker={"color": NOTCHED, "line": {"width": 0}}, hoverinfo="skip",
    )  # fmt: skip


def _floats(fig: go.Figure, table: pd.DataFrame) -> None:
    """A thin bar beside each step that has a float: before it, as it may begin sooner, or after it where it begins first."""
    if "float_months" not in table or not (table["float_months"] > 0).any():
        return
    loose = table[table["float_months"] > 0]
    length = pd.to_timedelta((loose["float_months"] * DAYS_PER_MONTH).round(), unit="D")
    sooner = loose["start_date"] - length
    base = sooner.where(sooner >= table["start_date"].min() - pd.Timedelta(days=3), loose["end_date"])
    fig.add_bar(
        orientation="h", y=loose["line"], base=base.dt.strftime("%Y-%m-%d"), x=length.dt.total_seconds() * 1000.0,
        name=t("charts.float-name"), offset=-THICK / 2 - 0.1, width=0.1, marker={"color": MUTED}, hoverinfo="skip",
    )  # fmt: skip


def _labels(shown: pd.Series) -> list[str]:
    """Labels with long places cut, apart where they differ, so that what is done there can still be read."""
    parts = [text.partition(" · ") for text in shown]
    places = list(dict.fromkeys(place for place, *_ in parts))
    short = dict(zip(places, clipped(places, PLACE), strict=True))
    return [short[place] + between + clip(what, LABEL) for place, between, what in parts]


def _line(row: Any, place: str, end: str = "") -> str:
    """What a bar is called: place, kind, and the thing where there may be several of a kind; hardware up to ``end``."""
    item = str(row.item or "")
    return f"{place} · {step(row.kind, item.partition(end)[0] if end and row.kind == HARDWARE else item)}"
