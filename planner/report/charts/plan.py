"""Charts of one plan: capacity against demand, power, cooling, control, and what binds."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from planner.facts.numbers import number
from planner.report.charts.style import (
    ACCENT,
    DASHES,
    GOOD,
    MUTED,
    WARN,
    across,
    clipped,
    colours,
    empty,
    finish,
    hatched,
    patterns,
    quarters,
    step,
)
from planner.report.names import labels
from planner.report.strings import t
from planner.report.terms import term

LABEL = 52
COMPARED = 18
MOST_SERIES = 8
"""Series that colours tell apart; where there are more, the smaller ones are one."""


def capacity_against_demand(table: pd.DataFrame) -> go.Figure:
    """Served work stacked by workload, the demand of all as a line (thousand reference-accelerator equivalents).

    Of more than eight workloads the smaller ones are stacked as one.
    """
    if not len(table):
        return empty(t("charts.no-demand"))
    order = table[["t", "label"]].drop_duplicates().sort_values("t")["label"].tolist()
    whole = table.groupby(["t", "label"], as_index=False)["demand_kref"].sum().sort_values("t")
    parts, name_of = _largest(table)
    names = list(dict.fromkeys(parts["w"]))
    colour, pattern = colours(names), patterns(names)
    fig = go.Figure()
    for w in names:
        part = parts[parts["w"] == w]
        fig.add_bar(
            x=part["label"], y=part["served_kref"], name=name_of[w],
            marker=hatched(colour[w], pattern[w]),
            customdata=part[["demand_kref", "unserved_kref"]].to_numpy(),
            hovertemplate=f"{name_of[w]}, {t('charts.served-hover')}<extra></extra>",
        )  # fmt: skip
    fig.add_scatter(
        x=whole["label"], y=whole["demand_kref"], mode="lines+markers",
        name=t("charts.demand"), line={"color": WARN, "width": 2.5},
        marker={"symbol": "diamond", "size": 7}, hovertemplate=t("charts.demand-hover") + "<extra></extra>",
    )  # fmt: skip
    return finish(fig, t("charts.quarter"), t("charts.kref"), height=400, legend=True,
                  xaxis=quarters(order), barmode="stack", bargap=0.15)  # fmt: skip


def _largest(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """The rows of the largest workloads with all others added up as one, and what each is called."""
    peak = table.groupby("w")["demand_kref"].max().sort_values(ascending=False, kind="stable")
    name_of = labels(table, "w")
    if len(peak) <= MOST_SERIES:
        return table, name_of
    own = list(peak.index[: MOST_SERIES - 1])
    keys, values = ["w", "t", "label"], ["demand_kref", "served_kref", "unserved_kref"]
    rest = table[~table["w"].isin(own)].assign(w="")
    parts = pd.concat(
        [table[table["w"].isin(own)][keys + values], rest.groupby(keys, as_index=False)[values].sum()]
    )
    short = dict(zip(own, clipped([name_of[w] for w in own], LABEL), strict=True))
    return parts, name_of | short | {"": t("charts.more-workloads", n=len(peak) - len(own))}


def power(table: pd.DataFrame) -> go.Figure:
    """Facility peak of every site as bars, and what may carry it as a dashed line (MW): the grid, with flexible lines, plant
    and storage of the site's own where there are any.
    """
    if not len(table):
        return empty(t("charts.no-power"))
    order = table[["t", "label"]].drop_duplicates().sort_values("t")["label"].tolist()
    names, name_of = list(dict.fromkeys(table["p"])), labels(table, "p")
    colour, pattern = colours(names), patterns(names)
    fig = go.Figure()
    for p in names:
        part = table[table["p"] == p]
        fig.add_bar(
            x=part["label"], y=part["facility_peak_mw"], name=name_of[p], offsetgroup=p,
            marker=hatched(colour[p], pattern[p]),
            hovertemplate=f"{name_of[p]}, {t('charts.facility-hover')}<extra></extra>",
        )  # fmt: skip
    own = [
        p
        for p, part in table.groupby("p")
        if "design_hour_mw" in part and (part["design_hour_mw"] > part["grid_mw"]).any()
    ]
    for i, p in enumerate(names):
        part = table[table["p"] == p]
        told = "charts.design-hour-hover" if p in own else "charts.grid-hover"
        fig.add_scatter(
            **step(order, part["label"], part["design_hour_mw" if p in own else "grid_mw"]),
            name=t("charts.design-hour" if own else "charts.grid"), legendgroup="firm", showlegend=i == 0,
            line={"color": colour[p], "dash": DASHES[1 + i % 5], "width": 2},
            hovertemplate=f"{name_of[p]}, {t(told)}<extra></extra>",
        )  # fmt: skip
    return finish(fig, t("charts.quarter"), t("charts.power"), height=380, legend=True,
                  xaxis=quarters(order), barmode="group", bargap=0.2, **across(order))  # fmt: skip


def sources(table: pd.DataFrame) -> go.Figure:
    """Energy of each source, the grid and plant of a site's own, stacked by quarter (GWh)."""
    if not len(table):
        return empty(t("charts.no-power"))
    order = table[["t", "label"]].drop_duplicates().sort_values("t")["label"].tolist()
    names = list(dict.fromkeys(table["source"]))
    colour, pattern = colours(names), patterns(names)
    gwh = table.groupby(["source", "t", "label"], as_index=False)["mwh"].sum().sort_values("t")
    fig = go.Figure()
    for source in names:
        part = gwh[gwh["source"] == source]
        fig.add_bar(
            x=part["label"], y=part["mwh"] / 1000.0, name=source,
            marker=hatched(colour[source], pattern[source]),
            hovertemplate=f"{source}, %{{x}}: %{{y:,.5~r}} GWh<extra></extra>",
        )  # fmt: skip
    return finish(fig, t("charts.quarter"), t("charts.energy"), height=360, legend=True,
                  xaxis=quarters(order), barmode="stack", bargap=0.2)  # fmt: skip


def cooling(table: pd.DataFrame) -> go.Figure:
    """Capacity of each cooling technology (line) against the heat it carries at the peak (bars), MW.

    A technology has a scale of its own: what a small one carries could not be seen beside a large one.
    """
    if not len(table):
        return empty(t("charts.no-cooling"))
    order = table[["t", "label"]].drop_duplicates().sort_values("t")["label"].tolist()
    names = list(dict.fromkeys(table["c"]))
    fig = go.Figure()
    for i, c in enumerate(names):
        part = table[table["c"] == c]
        axis, top = f"y{i + 1 if i else ''}", 1 - i / len(names)
        fig.add_bar(
            x=part["label"], y=part["heat_peak_mw"], name=t("charts.heat"), yaxis=axis, showlegend=i == 0,
            legendgroup="heat", marker=hatched(WARN, "/"), hovertemplate=f"{c}, {t('charts.heat-hover')}<extra></extra>",
        )  # fmt: skip
        fig.add_scatter(
            **step(order, part["label"], part["capacity_mw"]), name=t("charts.capacity"), yaxis=axis,
            showlegend=i == 0, legendgroup="capacity", line={"color": ACCENT, "width": 2},
            hovertemplate=f"{c}, {t('charts.capacity-hover')}<extra></extra>",
        )  # fmt: skip
        fig.layout[f"yaxis{axis[1:]}"] = {"domain": [top - 0.7 / len(names), top - 0.08 / len(names)], "nticks": 4,
                                          "rangemode": "tozero"}  # fmt: skip
        fig.add_annotation(text=f"{c}, MW", x=0, y=top - 0.08 / len(names), xref="paper", yref="paper",
                           xanchor="left", yanchor="bottom", showarrow=False)  # fmt: skip
    return finish(fig, t("charts.quarter"), None, height=120 + 150 * len(names), legend=True,
                  xaxis=quarters(order) | {"anchor": f"y{len(names) if len(names) > 1 else ''}"},
                  bargap=0.2, **across(order))  # fmt: skip


def control_waterfall(table: pd.DataFrame, by: str = "decision", top: int = 9) -> go.Figure:
    """What each decision adds to the control of what is served, up to the score (points of 100)."""
    if not len(table):
        return empty(t("charts.no-control"))
    rows = table.sort_values("points", ascending=False)
    rest = rows.iloc[top:]["points"].sum()
    rows = rows.iloc[:top]
    names, points = [str(n) or "not stated" for n in rows[by]], [float(v) for v in rows["points"]]
    if abs(rest) > 1e-9:
        names, points = [*names, t("charts.others")], [*points, float(rest)]
    total = float(table["points"].sum())
    fig = go.Figure(
        go.Waterfall(
            orientation="v", x=[*names, t("charts.control")], y=[*points, total],
            measure=["relative"] * len(names) + ["total"],
            text=[*(("+" if v >= 0 else "") + number(v) for v in points), number(total)],
            textposition="outside", cliponaxis=False, increasing={"marker": {"color": GOOD}},
            decreasing={"marker": {"color": WARN}}, totals={"marker": {"color": ACCENT}},
            connector={"line": {"color": MUTED, "width": 1}},
            hovertemplate=t("charts.control-hover") + "<extra></extra>", name=t("charts.control"),
        )
    )  # fmt: skip
    return finish(fig, "", t("charts.control-axis"), height=400, legend=False,
                  xaxis={"tickangle": -30}, yaxis={"range": [0, max(105.0, total * 1.1)]})  # fmt: skip


def what_binds(table: pd.DataFrame) -> go.Figure:
    """The worth of a step more of each binding limit (MUSD of present value), largest at the top.

    Each name stands above its bar: beside it, a small screen would have no room for the bar.
    """
    if not len(table):
        return empty(t("charts.no-binding"))
    rows = table.iloc[::-1].reset_index(drop=True)
    worth = rows["worth_musd"].abs()
    fig = go.Figure(
        go.Bar(
            orientation="h", y=rows.index, x=worth, width=0.36,
            marker={"color": [GOOD if v > 0 else WARN for v in rows["worth_musd"]]},
            text=[f"{number(v)} {t('charts.per', unit=u)}" for v, u in zip(worth, rows["unit"], strict=True)],
            textposition="outside", cliponaxis=False, customdata=rows[["name", "from", "to"]].to_numpy(),
            hovertemplate="%{customdata[0]}<br>%{text}<br>%{customdata[1]} – %{customdata[2]}<extra></extra>",
            name=t("charts.worth"),
        )
    )  # fmt: skip
    fig.add_scatter(
        x=[0.0] * len(rows), y=rows.index + 0.4, mode="text", text=clipped([str(n) for n in rows["name"]], LABEL),
        textposition="middle right", cliponaxis=False, hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    # the values stand beside the bars: leave them room
    room = {"range": [0, 2.6 * float(worth.max())], "nticks": 5}
    return finish(fig, t("charts.worth-axis"), "", height=96 + 44 * len(rows), legend=False,
                  xaxis=room, margin={"l": 16, "r": 16}, yaxis={
                      "range": [-0.5, len(rows) - 0.2], "showticklabels": False, "showgrid": False})  # fmt: skip


def ledger_bars(
    table: pd.DataFrame, by: str, unit: str = "MUSD", called: Mapping[str, str] | None = None
) -> go.Figure:
    """Needs by quarter, stacked by one column of the ledger (account, origin, payer, host ...); ``called``: id -> name."""
    if not len(table):
        return empty(t("charts.no-payment"))
    order = table[["t", "label"]].drop_duplicates().sort_values("t")["label"].tolist()
    totals = table.groupby(by)["musd"].sum().abs().sort_values(ascending=False)
    names = [n for n in totals.index if n != "other"] + [n for n in totals.index if n == "other"]
    colour, pattern = colours(names), patterns(names)
    fig = go.Figure()
    for name in names:
        part = table[table[by] == name]
        words = (called or {}).get(name) or term(by, name)
        fig.add_bar(
            x=part["label"], y=part["musd"], name=words,
            marker=hatched(colour[name] if name != "other" else MUTED, pattern[name]),
            hovertemplate=f"{words}, %{{x}}<br>%{{y:,.5~r}} {unit}<extra></extra>",
        )  # fmt: skip
    return finish(fig, t("charts.quarter"), t("charts.per-quarter", unit=unit), height=400, legend=True,
                  xaxis=quarters(order), barmode="relative", bargap=0.15)  # fmt: skip


def cumulative_funding(table: pd.DataFrame, peak_label: str, peak_musd: float) -> go.Figure:
    """Need of each quarter as bars, its running sum as a line, the peak marked (MUSD)."""
    if not len(table):
        return empty(t("charts.no-payment"))
    fig = go.Figure()
    fig.add_bar(
        x=table["label"], y=table["need_musd"], name=t("charts.in-quarter"), marker={"color": ACCENT},
        hovertemplate=t("charts.in-quarter-hover") + "<extra></extra>",
    )  # fmt: skip
    fig.add_scatter(
        x=table["label"], y=table["cumulative_musd"], name=t("charts.cumulative"), mode="lines",
        line={"color": WARN, "width": 2.5},
        hovertemplate=t("charts.cumulative-hover") + "<extra></extra>",
    )  # fmt: skip
    late = (
        table["label"].tolist().index(peak_label) > len(table) / 2
        if peak_label in set(table["label"])
        else False
    )
    fig.add_scatter(
        x=[peak_label], y=[peak_musd], name=t("charts.peak"), mode="markers+text",
        text=[t("charts.peak-text", musd=number(peak_musd), quarter=peak_label)],
        textposition="top left" if late else "top right",
        marker={"symbol": "diamond", "size": 12, "color": WARN},
        hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip
    top = max(float(table["cumulative_musd"].max()), 0.0)
    span = [min(0.0, float(table["outlay_musd"].min())) * 1.1, top * 1.15 or 1.0]
    return finish(fig, t("charts.quarter"), t("charts.musd"), height=380, legend=True,
                  xaxis=quarters(table["label"].tolist()), yaxis={"range": span, "tickformat": ",.0f"})  # fmt: skip


def compare_bars(table: pd.DataFrame, runs: list[str], names: list[str], title: str) -> go.Figure:
    """One measure over several runs: a bar each, its value written beside it, the baseline on top in grey.

    ``runs`` are the columns of the runs, ``names`` what each is called; bars are keyed by the run.
    """
    values = [float(table.iloc[0][run]) for run in runs]
    fig = go.Figure(
        go.Bar(
            orientation="h", y=runs, x=values, customdata=names, text=[number(value) for value in values],
            textposition="outside", cliponaxis=False,
            marker={"color": [ACCENT if i else MUTED for i in range(len(runs))]},
            hovertemplate="%{customdata}: %{text}<extra></extra>", name=title,
        )
    )  # fmt: skip
    return finish(
        fig, title, "", height=110 + 44 * len(runs), legend=False,
        xaxis={"rangemode": "tozero", "nticks": 5, "tickformat": ","},
        yaxis={"type": "category", "autorange": "reversed", "ticksuffix": " ", "tickmode": "array", "tickvals": runs,
               "ticktext": clipped(names, COMPARED)},
        margin={"l": 16, "r": 56, "t": 8, "b": 48},
    )  # fmt: skip
