"""The trade-off: cost against delay with control as colour, and every measure as parallel lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from planner.facts.numbers import number
from planner.report.charts.style import ACCENT, GOOD, MUTED, WARN, empty, finish
from planner.report.strings import t
from planner.report.terms import heading, kpi_label

CONTROL_SCALE = [[0.0, "#c04a7c"], [0.5, "#8f84c4"], [1.0, "#1f9fa8"]]
"""Low control to high, from darker to lighter; each keeps 3:1 with white and with dark."""

PICK = GOOD
MEASURES = (
    "cost_npv_musd",
    "delay_months",
    "control_score",
    "national_control",
    "capex_musd",
    "served_share",
    "first_service_months",
    "half_service_months",
    "full_service_months",
)
UNITS = {
    "cost_npv_musd": "MUSD", "capex_musd": "MUSD", "delay_months": "months", "control_score": "points",
    "national_control": "points", "served_share": "%",
    "first_service_months": "months", "half_service_months": "months", "full_service_months": "months",
}  # fmt: skip


SAME = 1e-6
"""Share of a value below which two values are the same."""
DIGITS_NEEDED = ",~f"
"""As many decimals on an axis as tell its ticks apart."""
LEAST_HALF = 0.5
"""Points of control to either side of the middle of the colour scale, at least."""


def frontier(
    points: pd.DataFrame,
    here: dict[str, Any] | None = None,
    baseline: dict[str, Any] | None = None,
    pick: dict[str, Any] | None = None,
    selected: Sequence[int] | None = None,
    none: str | None = None,
) -> go.Figure:
    """Scatter of delay (months) and cost (MUSD); colour is control; points off the front are hollow, those that break the
    scenario's own limits diamonds.

    ``here`` is the live answer to the sliders, ``baseline`` the plan compared with, ``pick`` the one looked at:
    marks with that name in ``meta``, empty where there is none, so that the browser can move them. They need
    cost_npv_musd and delay_months. ``selected``: row positions brushed, None for all. ``none``: what stands where
    there are no points.
    """
    if not len(points):
        return empty(none or t("charts.no-points"))
    front = points["on_front"].astype(bool) if "on_front" in points else pd.Series(True, index=points.index)
    kept = points["keeps_limits"] if "keeps_limits" in points else pd.Series(True, index=points.index)
    broken = kept.eq(False)  # where it cannot be told it is missing
    low, high = _control_range(points)
    fig = go.Figure(
        go.Scatter(
            x=points["delay_months"],
            y=points["cost_npv_musd"],
            mode="markers",
            name=t("charts.plans"),
            customdata=points[["point", "control_score"]].to_numpy(),
            hovertemplate=t("charts.point-hover"),
            marker={
                "size": 13,
                "symbol": [
                    f"{'diamond' if b else 'circle'}{'' if f else '-open'}"
                    for f, b in zip(front, broken, strict=True)
                ],
                "color": points["control_score"],
                "colorscale": CONTROL_SCALE,
                "cmin": low,
                "cmax": high,
                "colorbar": {
                    "title": {"text": t("charts.control-bar"), "font": {"size": 13}},
                    "thickness": 12,
                    "len": 0.9,
                },
                "line": {"width": 1.5, "color": MUTED},
            },
            selectedpoints=None if selected is None else list(selected),
            selected={"marker": {"opacity": 1.0}},
            unselected={"marker": {"opacity": 0.18}},
        )
    )
    for meta, plan, name, symbol, colour, side in (
        ("baseline", baseline, t("charts.baseline"), "x-thin", MUTED, "middle right"),
        ("pick", pick, t("charts.pick"), "circle-open", PICK, "top center"),
        ("here", here, t("charts.here"), "star-diamond-open", WARN, "bottom center"),
    ):
        there = plan is not None and plan.get("cost_npv_musd") is not None
        fig.add_scatter(
            x=[plan["delay_months"]] if plan and there else [],
            y=[plan["cost_npv_musd"]] if plan and there else [],
            mode="markers+text",
            text=[name],
            textposition=side,
            name=name,
            meta=meta,
            marker={"symbol": symbol, "size": 19, "color": colour, "line": {"width": 3, "color": colour}},
            hovertemplate=f"{name}<br>{t('charts.cost-delay-hover')}<extra></extra>",
        )
    return finish(fig, t("charts.delay"), t("charts.cost"), height=420, legend=False, dragmode="select",
                  xaxis={"rangemode": "tozero"}, yaxis={"tickformat": DIGITS_NEEDED})  # fmt: skip


def parallel(
    points: pd.DataFrame,
    measures: Sequence[str] = MEASURES,
    selected: Sequence[int] | None = None,
    none: str | None = None,
) -> go.Figure:
    """Every point as a line over its measures, each scaled from its least to its most (no WebGL).

    One trace a point, named by it, in the row order of ``points``: a browser function can dim by position.
    """
    shown = [m for m in measures if m in points and points[m].notna().any()]
    if not len(points) or not shown:
        return empty(none or t("charts.no-points"))
    low, high = points[shown].min(), points[shown].max()
    high = high.where(
        high - low > SAME * high.abs().clip(lower=1.0), low
    )  # noise of the solver is no difference
    span = (high - low).where(high > low, 1.0)
    chosen = set(range(len(points)) if selected is None else selected)
    scale = _control_range(points) if "control_score" in points else None
    fig = go.Figure()
    for i, row in enumerate(points[[*shown, "point"]].to_dict("records")):
        fig.add_scatter(
            x=list(range(len(shown))),
            y=[float((row[m] - low[m]) / span[m]) if high[m] > low[m] else 0.5 for m in shown],
            mode="lines+markers",
            name=f"{t('charts.point')} {row['point']}",
            opacity=0.9 if i in chosen else 0.12,
            line={"width": 1.8, "color": _control_colour(row, scale)},
            marker={"size": 5},
            unselected={"marker": {"opacity": 1.0}},  # a brush dims whole lines, not marks (tradeoff.js)
            customdata=[
                [f"{t('charts.point')} {row['point']}", f"{kpi_label(m)}: {_shown(m, row[m])}"] for m in shown
            ],
            hovertemplate="%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
        )
    titles = [f"{_wrap(_title(m))}<br>({UNITS.get(m, '')})" for m in shown]
    across = {
        "tickmode": "array", "tickvals": list(range(len(shown))), "ticktext": titles,
        "range": [-0.35, len(shown) - 0.65], "showgrid": True, "zeroline": False, "tickangle": 0,
    }  # fmt: skip
    finish(
        fig, height=380, legend=False, hovermode="closest", dragmode="select",
        xaxis=across, yaxis={"visible": False, "range": [-0.16, 1.16], "fixedrange": True},
        margin={"l": 56, "r": 56, "t": 44, "b": 84},
    )  # fmt: skip
    for i, m in enumerate(shown):
        for y, value, place in ((1.02, high[m], "bottom"), (-0.02, low[m], "top")):
            fig.add_annotation(x=i, y=y, text=_shown(m, value, unit=False), showarrow=False, yanchor=place)
    return fig


def price_curve(points: pd.DataFrame, price: str, x: str) -> go.Figure:
    """A price of the frontier (control per point, or speed per month) along the limit that it prices."""
    table = (
        points[[x, price, "point"]].dropna().sort_values(x) if price in points and x in points else points[:0]
    )
    if not len(table):
        return empty(t("charts.no-price"))
    fig = go.Figure(
        go.Scatter(
            x=table[x], y=table[price], mode="markers", name=heading(price), marker={"size": 9, "color": ACCENT},
            customdata=table[["point"]].to_numpy(),
            hovertemplate=t("charts.price-hover"),
        )
    )  # fmt: skip
    return finish(fig, heading(x), heading(price), height=300, legend=False,
                  yaxis={"tickformat": DIGITS_NEEDED, "rangemode": "tozero"})  # fmt: skip


def _shown(measure: str, value: float, unit: bool = True) -> str:
    scaled = 100 * value if UNITS.get(measure) == "%" else value
    return f"{number(scaled)} {UNITS.get(measure, '')}".strip() if unit else number(scaled)


def _title(measure: str) -> str:
    """What a measure is called without its unit, which stands below it."""
    words = kpi_label(measure) if kpi_label(measure) != measure.replace("_", " ") else heading(measure)
    return words.partition(",")[0] if UNITS.get(measure) == "months" else words


def _wrap(text: str, width: int = 14) -> str:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) + 1 > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(lines)


def _control_range(points: pd.DataFrame) -> tuple[float, float]:
    """Control at the two ends of the colour scale, the same in every chart."""
    least, most = float(points["control_score"].min()), float(points["control_score"].max())
    middle, half = (least + most) / 2, max((most - least) / 2, LEAST_HALF)
    return middle - half, middle + half


def _control_colour(row: dict[str, Any], scale: tuple[float, float] | None) -> str:
    if scale is None:
        return ACCENT
    low, high = scale
    place = min(1.0, max(0.0, (float(row["control_score"]) - low) / (high - low)))
    a, b, c = (str(colour) for _, colour in CONTROL_SCALE)
    left, right, share = (a, b, place * 2) if place < 0.5 else (b, c, place * 2 - 1)
    mixed = [
        round(int(left[i : i + 2], 16) * (1 - share) + int(right[i : i + 2], 16) * share) for i in (1, 3, 5)
    ]
    return "#" + "".join(f"{v:02x}" for v in mixed)
