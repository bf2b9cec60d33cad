"""The picture beside the answer: what stands where by year, and which workload is served when."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from planner.plans.kpis import HALF, NEARLY_ALL, NOISE_SHARE
from planner.report.charts.style import GOOD, WARN, clipped, colours, empty, finish, hatched, patterns
from planner.report.names import labels
from planner.report.strings import t

LEVELS = (
    ("fell", "#b3261e", "x"),
    ("none", "rgba(134,142,150,0.18)", ""),
    ("part", WARN, "/"),
    ("most", "#7fb8a0", "."),
    ("full", GOOD, ""),
)
"""How much of a workload's demand is served: name, colour, pattern; service that falls back before all others."""
LABEL = 32


def capacity(table: pd.DataFrame) -> go.Figure:
    """Accelerators at the end of each year, stacked by place. ``table``: year, p, place, accelerators, it_mw."""
    if not len(table):
        return empty(t("charts.no-capacity"))
    order = list(dict.fromkeys(table["p"]))
    colour, pattern = colours(order), patterns(order)
    fig = go.Figure()
    for p in order:
        part = table[table["p"] == p]
        fig.add_bar(
            x=part["year"], y=part["accelerators"], name=str(part["place"].iloc[0]),
            marker=hatched(colour[p], pattern[p]),
            customdata=part[["it_mw"]].to_numpy(),
            hovertemplate="%{fullData.name}, %{x}: %{y:,.0f}, %{customdata[0]:,.5~r} MW<extra></extra>",
        )  # fmt: skip
    return finish(fig, t("charts.year"), t("charts.accelerators"), height=360, legend=True, barmode="stack",
                  bargap=0.2, xaxis={"type": "category"}, yaxis={"tickformat": ",.0f"})  # fmt: skip


def service(table: pd.DataFrame) -> go.Figure:
    """A line a workload over time, by the share of its demand that is served; falls are red and crossed.

    ``table``: w, start_date, end_date, served_share, fell. Keyed by the workload's id, so that no two lines merge.
    """
    if not len(table):
        return empty(t("charts.no-demand"))
    order = list(dict.fromkeys(table["w"]))
    name_of = labels(table, "w")
    level = table.apply(_level, axis=1)
    fig = go.Figure()
    for name, colour, pattern in LEVELS:
        part = table[level == name]
        if not len(part):
            continue
        length = (part["end_date"] - part["start_date"]).dt.total_seconds() * 1000.0
        fig.add_bar(
            orientation="h", y=part["w"], base=part["start_date"].dt.strftime("%Y-%m-%d"), x=length,
            name=t(f"charts.service.{name}"),
            marker=hatched(colour, pattern, 0.3) | {"line": {"width": 0}},
            customdata=part[["label", "served_share"]].assign(name=part["w"].map(name_of)).to_numpy(),
            hovertemplate="%{customdata[2]}, %{customdata[0]}: %{customdata[1]:.0%}<extra></extra>",
        )  # fmt: skip
    return finish(
        fig, height=120 + 24 * len(order), legend=True, barmode="overlay", bargap=0.25, margin={"l": 16},
        xaxis={"type": "date", "showgrid": True},
        yaxis={
            "type": "category", "categoryorder": "array", "categoryarray": order[::-1], "automargin": True,
            "tickmode": "array", "tickvals": order, "ticktext": clipped([name_of[w] for w in order], LABEL),
            "ticksuffix": " ",
        },
    )  # fmt: skip


def _level(row: pd.Series) -> str:
    share = row["served_share"]
    if row["fell"]:
        return "fell"
    if share >= NEARLY_ALL - NOISE_SHARE:
        return "full"
    if share >= HALF:
        return "most"
    return "part" if share > 1e-3 else "none"
