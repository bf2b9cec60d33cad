"""Sources and uses of capital: who pays, for what, to which country."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from planner.facts.numbers import number
from planner.report.charts.style import MUTED, PALETTE, empty, finish
from planner.report.strings import t
from planner.report.terms import term


def told(links: pd.DataFrame, countries: Mapping[str, str]) -> pd.DataFrame:
    """source, target, musd: the links in words, those of who pays for what before those of what comes from where.

    ``countries``: id -> name.
    """
    at = [("payer", "account") if stage == "source" else ("account", "origin") for stage in links["stage"]]
    ends = zip(at, links["source"], links["target"], strict=True)
    words = [(_words(left, a, countries), _words(right, b, countries)) for (left, right), a, b in ends]
    return pd.DataFrame(words, columns=["source", "target"]).assign(musd=links["musd"].to_numpy())


def _words(level: str, name: str, countries: Mapping[str, str]) -> str:
    return countries.get(name, name) if level == "origin" else term(level, name)


def sources_and_uses(links: pd.DataFrame, countries: Mapping[str, str]) -> go.Figure:
    """``links``: source, target, musd, stage ("source": payer to account, "use": account to origin).

    ``countries``: id -> name.
    """
    if not len(links):
        return empty(t("charts.no-capital"))
    payers = list(dict.fromkeys(links.loc[links["stage"] == "source", "source"]))
    accounts = list(dict.fromkeys(links.loc[links["stage"] == "source", "target"]))
    origins = list(dict.fromkeys(links.loc[links["stage"] == "use", "target"]))
    nodes = (
        [("payer", n) for n in payers] + [("account", n) for n in accounts] + [("origin", n) for n in origins]
    )
    place = {node: i for i, node in enumerate(nodes)}
    amount = dict.fromkeys(nodes, 0.0)
    source, target, value, colour = [], [], [], []
    for row in links.itertuples(index=False):
        left, right = ("payer", "account") if row.stage == "source" else ("account", "origin")
        a, b = (left, row.source), (right, row.target)
        source.append(place[a])
        target.append(place[b])
        value.append(float(row.musd))
        amount[b] += float(row.musd)
        if row.stage == "source":
            amount[a] += float(row.musd)
        index = accounts.index(row.target if row.stage == "source" else row.source)
        colour.append(_faded(PALETTE[index % len(PALETTE)]))
    labels = [f"{_words(kind, name, countries)} · {number(amount[(kind, name)])}" for kind, name in nodes]
    fig = go.Figure(
        go.Sankey(
            arrangement="snap", valueformat=",.0f", valuesuffix=" MUSD",
            node={"label": labels, "pad": 24, "thickness": 14, "color": MUTED, "line": {"width": 0}},
            link={"source": source, "target": target, "value": value, "color": colour},
        )
    )  # fmt: skip
    tall = max(400, 140 + 40 * max(len(accounts), len(origins)))
    finish(fig, height=tall, margin={"l": 8, "r": 8, "t": 64, "b": 24})
    for x, text in ((0.0, t("charts.who")), (0.5, t("charts.what")), (1.0, t("charts.where"))):
        anchor = "left" if x == 0 else "right" if x == 1 else "center"
        fig.add_annotation(
            x=x,
            y=1.0,
            yshift=22,
            xref="paper",
            yref="paper",
            yanchor="bottom",
            xanchor=anchor,
            text=f"<b>{text}</b>",
            showarrow=False,
        )
    return fig


def _faded(colour: str, opacity: float = 0.4) -> str:
    return f"rgba({int(colour[1:3], 16)},{int(colour[3:5], 16)},{int(colour[5:7], 16)},{opacity})"
