"""How a run closes in: the cost of the plan and the proven bound, over the seconds of the solve."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from planner.facts.numbers import number
from planner.planning.events import HOLDS_FOR_ALL
from planner.report.charts.style import ACCENT, MUTED, WARN, finish
from planner.report.strings import t

SEARCHES = ("screening", "hosts and stacks", "halls", "direct")
"""Stages that minimise the cost; their best stands on the way to a plan, as servers are still divisible in it."""
PLAN = "plan"
"""Stage that reports the plan in whole units, and the bound of the run."""
NEAR = 0.8
"""Bounds below this share of the best plan say nothing yet and are not drawn; the table has them."""
LETTER = 0.015
"""Width of a letter above the chart, as a share of the width of a narrow one: a label that would meet another moves up."""
ROW_PX = 14
COLUMNS = ["seconds", "stage", "plan_musd", "searched_musd", "bound_musd"]


def progress_table(events: list[dict[str, object]]) -> pd.DataFrame:
    """The reports that say something of the cost, in MUSD: seconds, stage, ``plan_musd`` (whole), ``searched_musd`` (best
    of a search), ``bound_musd`` (the largest proven so far of what any plan costs: it never falls).
    """
    frame = pd.DataFrame(events, columns=["seconds", "stage", "incumbent", "bound"])
    said = frame["incumbent"].notna() | frame["bound"].notna()
    frame = frame[frame["stage"].isin((*SEARCHES, PLAN)) & said].reset_index(drop=True)
    whole, numbers = frame["stage"] == PLAN, frame[["incumbent", "bound"]].astype(float)
    proven = numbers["bound"].where(whole | frame["stage"].isin(HOLDS_FOR_ALL))
    final = numbers.loc[whole, "bound"].min()  # NaN, which limits nothing, until there is a plan
    frame["plan_musd"] = numbers["incumbent"].where(whole).cummin().ffill()
    frame["searched_musd"] = numbers["incumbent"].mask(whole)
    frame["bound_musd"] = proven.clip(upper=final).cummax().ffill()
    return frame[COLUMNS]


def progress(table: pd.DataFrame) -> go.Figure:
    """The bound as one stepped line, the bests of the searches with a break where a stage begins, the plan at its end."""
    fig = go.Figure()
    best = table[["plan_musd", "searched_musd"]].min(axis=None) if len(table) else float("nan")
    if best == best:  # the first bounds lie far below, which would press all lines together
        table = table.assign(bound_musd=table["bound_musd"].where(table["bound_musd"] > NEAR * best))
    lines = (("searched_musd", "run.searched", MUTED, "dot"), ("bound_musd", "run.bound", WARN, "dash"),
             ("plan_musd", "run.plan", ACCENT, "solid"))  # fmt: skip
    for column, label, colour, dash in lines:
        xs: list[float | None] = []
        ys: list[float | None] = []
        for _stage, part in table.groupby("stage" if column == "searched_musd" else lambda _: 0, sort=False):
            xs += [*part["seconds"], None]
            ys += [*part[column], None]
        fig.add_trace(
            go.Scatter(
                x=xs, y=ys, name=t(label), mode="lines+markers", connectgaps=False,
                line={"shape": "hv", "color": colour, "dash": dash, "width": 2},
                marker={"size": 9 if column == "plan_musd" else 5},
                hovertemplate="%{y:,.5~r} MUSD · %{x:.0f} s<extra>%{fullData.name}</extra>",
            )
        )  # fmt: skip
    found = table.dropna(subset=["plan_musd"])
    if len(found):
        cost, at = float(found["plan_musd"].iloc[-1]), float(found["seconds"].iloc[-1])
        fig.add_annotation(x=at, y=cost, text=f"{number(cost, 5)} MUSD", xanchor="right", yanchor="bottom", yshift=6,
                           showarrow=False, font={"size": 12, "color": ACCENT})  # fmt: skip
    span, ends = float(table["seconds"].max()) if len(table) else 0.0, list[float]()
    for stage, part in table.groupby("stage", sort=False):
        began, words = float(part["seconds"].min()), t(f"run.stage.{stage}")
        row = next((i for i, end in enumerate(ends) if began >= end), len(ends))
        ends[row : row + 1] = [began + LETTER * span * len(words)]
        fig.add_vline(x=began, line={"color": MUTED, "width": 1, "dash": "dot"})
        fig.add_annotation(
            x=began, y=1.0, yref="paper", yanchor="bottom", xanchor="left", showarrow=False,
            text=words, font={"size": 11}, yshift=ROW_PX * row,
        )  # fmt: skip
    return finish(
        fig,
        t("run.axis-seconds"),
        t("run.axis-cost"),
        height=320,
        yaxis={"tickformat": ",.4~r"},
        legend=True,
        margin={"t": 96 + ROW_PX * max(0, len(ends) - 1)},
    ).update_layout(legend_y=1.2 + 0.07 * max(0, len(ends) - 1))
