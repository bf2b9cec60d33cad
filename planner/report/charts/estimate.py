"""The rough figure by year: the middle as a bar, the central 80 % as a whisker."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from planner.report.charts.plan import LABEL, MOST_SERIES
from planner.report.charts.style import ACCENT, clipped, colours, finish, hatched, patterns
from planner.report.strings import t

REST = ""
"""Key of the workloads that share a series."""


def ranges(years: pd.DataFrame, measure: str, label: str, unit: str) -> go.Figure:
    """Bars of ``<measure>_mid`` with whiskers from ``_low`` to ``_high``; one a year."""
    mid, low, high = (years[f"{measure}_{level}"] for level in ("mid", "low", "high"))
    fig = go.Figure(
        go.Bar(
            x=years["year"].astype(int).astype(str), y=mid, marker={"color": ACCENT}, name=label,
            error_y={"type": "data", "symmetric": False, "array": high - mid, "arrayminus": mid - low, "thickness": 1.5},
            customdata=list(zip(low, high, strict=True)),
            hovertemplate="%{x}: %{y:,.0f} (%{customdata[0]:,.0f} to %{customdata[1]:,.0f}) " + unit + "<extra></extra>",
        )
    )  # fmt: skip
    return finish(fig, y=f"{label}, {unit}", height=300, legend=False,
                  xaxis={"type": "category"}, yaxis={"tickformat": ","})  # fmt: skip


def by_workload(workloads: pd.DataFrame, words: Mapping[str, str]) -> go.Figure:
    """Accelerators a year stacked by workload (w, year, accelerators_mid), the smaller ones beyond eight as one.

    ``words``: what each workload is called; series are keyed by id.
    """
    peak = workloads.groupby("w")["accelerators_mid"].max().sort_values(ascending=False, kind="stable")
    own = list(peak.index if len(peak) <= MOST_SERIES else peak.index[: MOST_SERIES - 1])
    named = dict(zip(own, clipped([words.get(w, w) for w in own], LABEL), strict=True))
    rows = workloads.assign(w=workloads["w"].where(workloads["w"].isin(own), REST))
    totals = rows.groupby(["w", "year"], as_index=False)["accelerators_mid"].sum()
    keys = [*own, *([REST] if len(own) < len(peak) else [])]
    colour, pattern = colours(keys), patterns(keys)
    named |= {REST: t("charts.more-workloads", n=len(peak) - len(own))}
    fig = go.Figure()
    for w in keys:
        part = totals[totals["w"] == w]
        fig.add_bar(
            x=part["year"].astype(int).astype(str), y=part["accelerators_mid"], name=named[w], meta=w,
            marker=hatched(colour[w], pattern[w]), hovertemplate="%{x}: %{y:,.0f}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    return finish(fig, y=t("charts.accelerators"), height=320, legend=True, barmode="stack",
                  xaxis={"type": "category"}, yaxis={"tickformat": ","})  # fmt: skip
