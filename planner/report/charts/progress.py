"""How a run closes in: the best plan found and the proven bound, over the seconds of the solve."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from planner.report.charts.style import ACCENT, MUTED, WARN, finish
from planner.report.strings import t

MONEY_STAGES = ("screening", "hosts and stacks", "halls", "direct")
"""Stages whose incumbent and bound are the cost; others measure months or points."""
UNIT = {"least delay": "months"} | dict.fromkeys(MONEY_STAGES, "MUSD")
NEAR = 0.8
"""Bounds below this share of the best plan say nothing yet and are not drawn; the table has them."""
COLUMNS = ["seconds", "stage", "incumbent", "bound"]


def progress_table(events: list[dict[str, object]]) -> pd.DataFrame:
    """The reports that say something of the cost: seconds, stage, incumbent and bound in MUSD."""
    frame = pd.DataFrame(events, columns=COLUMNS)
    said = frame["incumbent"].notna() | frame["bound"].notna()
    return frame[frame["stage"].isin(MONEY_STAGES) & said].reset_index(drop=True)


def progress(table: pd.DataFrame) -> go.Figure:
    """Two stepped lines, one colour and dash each; a break in them where a new stage begins."""
    fig = go.Figure()
    best = table["incumbent"].dropna()
    if len(best):  # each stage begins with a bound far below, which would press both lines together
        table = table.assign(bound=table["bound"].where(table["bound"] > NEAR * best.min()))
    lines = (("incumbent", "run.best", ACCENT, "solid"), ("bound", "run.bound", WARN, "dash"))
    for column, label, colour, dash in lines:
        xs: list[float | None] = []
        ys: list[float | None] = []
        for _stage, part in table.groupby("stage", sort=False):
            xs += [*part["seconds"], None]
            ys += [*part[column], None]
        fig.add_trace(
            go.Scatter(
                x=xs, y=ys, name=t(label), mode="lines+markers", connectgaps=False,
                line={"shape": "hv", "color": colour, "dash": dash, "width": 2}, marker={"size": 5},
                hovertemplate="%{y:,.0f} MUSD · %{x:.0f} s<extra>%{fullData.name}</extra>",
            )
        )  # fmt: skip
    for stage, part in table.groupby("stage", sort=False):
        began = float(part["seconds"].min())
        fig.add_vline(x=began, line={"color": MUTED, "width": 1, "dash": "dot"})
        fig.add_annotation(
            x=began, y=1.0, yref="paper", yanchor="bottom", xanchor="left", showarrow=False,
            text=t(f"run.stage.{stage}"), font={"size": 11},
        )  # fmt: skip
    return finish(
        fig,
        t("run.axis-seconds"),
        t("run.axis-cost"),
        height=320,
        yaxis={"tickformat": ",.0f"},
        legend=True,
        margin={"t": 76},
    ).update_layout(legend_y=1.12)
