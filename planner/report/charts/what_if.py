"""Pictures of answers to questions: what concessions are worth beside their price, what countries pay in a hub and alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from planner.facts.numbers import number
from planner.report.charts.style import ACCENT, GOOD, MUTED, WARN, clipped, empty, finish, hatched
from planner.report.page import Chart
from planner.report.strings import t
from planner.report.what_if import VIEWS
from planner.runs.run import HUB, NEGOTIATION, Run
from planner.studies.concessions import AGREEMENT, TERMS

LABEL = 34
"""Characters of a name above its line, as far as a small screen has room."""
ROW_PX = 46


def worth(rows: pd.DataFrame) -> go.Figure:
    """A line a concession, from the least to the most it can be worth; a mark where it was found, one at the price asked.

    Each name stands above its line. Those without limit, or without an answer, are left to the table.
    """
    rows = rows[np.isfinite(rows["worth_musd"].astype(float))].iloc[::-1].reset_index(drop=True)
    if not len(rows):
        return empty(t("charts.no-rows"))
    names = [
        str(r.item) if r.what in (AGREEMENT, TERMS) else f"{t(f'whatif.concession.{r.what}')}: {r.item}"
        for r in rows.itertuples()
    ]
    apart = rows["told_apart"].astype(bool)
    fig = go.Figure()
    for name, kept, colour, symbol in (
        ("apart", apart, ACCENT, "circle"),
        ("same", ~apart, MUTED, "circle-open"),
    ):
        part = rows[kept]
        if not len(part):
            continue
        fig.add_scatter(
            x=part["worth_musd"], y=part.index, mode="markers", name=t(f"whatif.mark.{name}"),
            marker={"color": colour, "symbol": symbol, "size": 11, "line": {"width": 2, "color": colour}},
            error_x={"type": "data", "symmetric": False, "array": part["high_musd"] - part["worth_musd"],
                     "arrayminus": part["worth_musd"] - part["low_musd"], "color": colour, "thickness": 2, "width": 5},
            customdata=[[names[i], number(rows.at[i, "low_musd"]), number(rows.at[i, "high_musd"])] for i in part.index],
            hovertemplate="%{customdata[0]}<br>%{x:,.4~r} MUSD<br>%{customdata[1]} – %{customdata[2]}<extra></extra>",
        )  # fmt: skip
    for name, column, colour, symbol in (
        ("price", "price_musd", WARN, "diamond"),
        ("plans", "plans_musd", GOOD, "x"),
    ):
        part = rows[rows[column].notna()]
        if len(part):
            fig.add_scatter(
                x=part[column], y=part.index, mode="markers", name=t(f"whatif.mark.{name}"),
                marker={"color": colour, "symbol": symbol, "size": 10},
                hovertemplate=f"{t(f'whatif.mark.{name}')}<br>%{{x:,.4~r}} MUSD<extra></extra>",
            )  # fmt: skip
    fig.add_scatter(
        x=[0.0] * len(rows), y=rows.index + 0.38, mode="text", text=clipped(names, LABEL), textposition="middle right",
        cliponaxis=False, hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    fig.add_vline(x=0, line={"color": MUTED, "width": 1})
    ends = rows[["low_musd", "high_musd", "price_musd", "plans_musd"]].astype(float)
    least, most = min(0.0, float(ends.min(axis=None))), max(0.0, float(ends.max(axis=None)))
    room = 0.05 * max(most - least, 1e-9)
    return finish(fig, t("whatif.axis-worth"), "", height=120 + ROW_PX * len(rows), legend=True,
                  xaxis={"range": [least - room, most + room], "nticks": 6}, margin={"l": 16, "r": 16},
                  yaxis={"range": [-0.5, len(rows) - 0.3], "showticklabels": False, "showgrid": False,
                         "zeroline": False})  # fmt: skip


def hub_costs(countries: pd.DataFrame) -> go.Figure:
    """For each country what it is asked for in the hub, its Shapley value, and what it pays alone down to its bound."""
    if not len(countries):
        return empty(t("charts.no-rows"))
    fig = go.Figure()
    for name, colour, pattern in (("asked", ACCENT, ""), ("shapley", GOOD, "x"), ("alone", MUTED, "/")):
        values = countries[f"{name}_musd"].astype(float)
        known = np.isfinite(values)
        bars = {} if name != "alone" else {"error_y": {
            "type": "data", "symmetric": False, "array": [0.0] * int(known.sum()), "color": WARN,
            "arrayminus": (values - countries["alone_bound_musd"].astype(float))[known]}}  # fmt: skip
        fig.add_bar(
            x=countries["country"][known], y=values[known], name=t(f"whatif.mark.{name}"), marker=hatched(colour, pattern),
            hovertemplate="%{x}<br>%{y:,.4~r} MUSD<extra>%{fullData.name}</extra>", **bars,
        )  # fmt: skip
    return finish(fig, "", t("whatif.axis-worth"), legend=True, xaxis={"type": "category"}, barmode="group")


PICTURES: dict[str, tuple[str, str, Callable[[pd.DataFrame], go.Figure]]] = {
    NEGOTIATION: ("worth", "negotiation", worth),
    HUB: ("hub", "hub_countries", hub_costs),
}
"""Kind of a run -> its picture, the table it draws, and what draws it."""


def pictures(kind: str, tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """The picture of an answer, with the table it stands for; none for kinds whose tables say all."""
    if kind not in PICTURES:
        return []
    name, of, draw = PICTURES[kind]
    title, alt, note = (t(f"whatif.picture.{name}{end}") for end in ("", "-alt", "-note"))
    return [Chart(title, alt, draw(tables[of]), note, VIEWS[kind](tables)[of])]


def pictures_of(run: Run) -> list[Chart]:
    """The pictures of a run."""
    return pictures(run.kind, {name: run.table(name) for name in run.tables})
