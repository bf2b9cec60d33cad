"""The rough figure by year: the middle as a bar, the central 80 % as a whisker."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from planner.report.charts.style import ACCENT, finish


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
