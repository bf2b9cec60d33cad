"""Charts of a plan's finance: sources against uses, cover with its lines, the tornado."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from planner.facts.numbers import number, percent
from planner.report.charts.style import (
    ACCENT,
    GOOD,
    MUTED,
    NARROW,
    WARN,
    across,
    colours,
    empty,
    finish,
    hatched,
    patterns,
    quarters,
    step,
)
from planner.report.strings import t
from planner.report.terms import statement_line, term

SOURCES, USES = "sources", "uses"


def sources_and_uses(table: pd.DataFrame, unit: str) -> go.Figure:
    """Sources above the line, uses below it, by quarter. ``table``: statement, line, label, amount."""
    rows = table[table["amount"].abs() > 1e-9]
    if not len(rows):
        return empty(t("charts.no-payment"))
    order = list(dict.fromkeys(table["label"]))
    names = [*dict.fromkeys(zip(rows["statement"], rows["line"], strict=True))]
    keys = ["/".join(name) for name in names]
    colour, pattern = colours(keys), patterns(keys)
    fig = go.Figure()
    for (statement, line), key in zip(names, keys, strict=True):
        part = rows[(rows["statement"] == statement) & (rows["line"] == line)]
        sign = 1.0 if statement == SOURCES else -1.0
        fig.add_bar(
            x=part["label"], y=sign * part["amount"], name=statement_line(line), customdata=part["amount"],
            marker=hatched(colour[key], pattern[key]),
            hovertemplate=f"{statement_line(line)}, %{{x}}<br>%{{customdata:,.5~r}} {unit}<extra></extra>",
        )  # fmt: skip
    return finish(fig, t("charts.quarter"), t("charts.sources-above", unit=unit), height=420, legend=True,
                  xaxis=quarters(order), barmode="relative", bargap=0.15)  # fmt: skip


def cover_strip(table: pd.DataFrame) -> go.Figure:
    """DSCR by quarter with the lock-up and default lines. ``table``: label, dscr, trailing_dscr and the two lines."""
    if not table["dscr"].notna().any():
        return empty(t("charts.no-debt"))
    fig, order = go.Figure(), table["label"].tolist()
    shades = [WARN if low else ACCENT for low in table["in_default"].astype(bool)]
    fig.add_bar(
        x=table["label"], y=table["dscr"], name=term("column", "dscr"), marker={"color": shades},
        hovertemplate="%{x}: %{y:.2f}<extra></extra>",
    )  # fmt: skip
    fig.add_scatter(
        x=table["label"], y=table["trailing_dscr"], name=term("column", "trailing_dscr"), mode="lines",
        line={"color": GOOD, "width": 2.5}, hovertemplate="%{x}: %{y:.2f}<extra></extra>",
    )  # fmt: skip
    for column, dash in (("lock_up_dscr", "dash"), ("default_dscr", "dot")):
        fig.add_scatter(
            **step(order, order, table[column]), name=term("column", column),
            line={"color": WARN if column == "default_dscr" else MUTED, "width": 1.5, "dash": dash},
            hovertemplate=f"{term('column', column)}: %{{y:.2f}}<extra></extra>",
        )  # fmt: skip
    known = table["dscr"].dropna()
    # one rich quarter before much is owed would flatten the rest
    top = max(2.0, float(np.nanquantile(known, 0.8)) * 1.3)
    span = [min(0.0, float(known.min()) * 1.1), top]
    return finish(fig, t("charts.quarter"), t("charts.cover-axis"), height=360, legend=True,
                  xaxis=quarters(order), yaxis={"range": span}, **across(order))  # fmt: skip


def tornado(table: pd.DataFrame, axis: str) -> go.Figure:
    """A figure with each event and its opposite, the widest swing at the top; what takes service says how much.

    Colours say what an event does to the owners' return; where it helps only because less is served, neither.
    """
    rows = table[table["swing"].fillna(0.0) > 1e-9].iloc[::-1]
    if not len(rows):
        return empty(t("charts.no-swing"))
    base = float(rows["base"].iloc[0])
    fig = go.Figure()
    lost = rows["service_lost_share"]
    case = pd.Series([term("downside", name) for name in rows["case"]], index=rows.index)
    names = case.where(
        lost <= 0, case + ["<br>" + t("charts.service-lost", share=percent(share)) for share in lost]
    )
    odd = (rows["reason"] != "") & (lost > 0)
    for column, colour, words, of in (("worse", WARN, "charts.worse", ~odd), ("better", GOOD, "charts.better", ~odd),
                                      ("worse", MUTED, "charts.less-served", odd)):  # fmt: skip
        if not of.any():
            continue
        fig.add_bar(
            orientation="h", y=names[of], x=rows.loc[of, column] - base, base=base, name=t(words),
            marker={"color": colour}, customdata=rows.loc[of, column],
            hovertemplate="%{y}: %{customdata:.3g}<extra></extra>",
        )  # fmt: skip
    fig.add_vline(x=base, line={"color": MUTED, "width": 1.5})
    return finish(
        fig, "<br>".join(textwrap.wrap(f"{axis} ({t('charts.as-signed', value=number(base))})", NARROW // 2)), "",
        height=160 + 30 * len(rows), legend=True,
        yaxis={"ticksuffix": " "}, barmode="overlay", margin={"l": 16, "r": 24},
    )  # fmt: skip
