"""What every chart shares: colours that read on white and on dark, margins, empty states.

The template (fonts, grid lines, light or dark) is the figure factory's: charts set no background and no
text colour. Each colour of the palette keeps a contrast of 3:1 or more with both backgrounds, and a series
never differs by colour alone: points differ by symbol, bars by pattern, lines by dash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import plotly.graph_objects as go

PALETTE = ("#2f7fd1", "#d9622b", "#2e9467", "#a667c2", "#b08415", "#d1487a", "#5b8a99", "#8a7a5c")
PATTERNS = ("", "/", "\\", "x", "-", "|", "+", ".")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star", "hexagon", "triangle-down")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")
ACCENT, WARN, GOOD, MUTED = "#2f7fd1", "#d9622b", "#2e9467", "#868e96"
OTHER = "other"


def colours(names: Iterable[str]) -> dict[str, str]:
    """One colour a name, in the order given; after eight the palette repeats (patterns still differ)."""
    return {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(names)}


def patterns(names: Iterable[str]) -> dict[str, str]:
    """One bar pattern a name: the second difference beside colour."""
    return {name: PATTERNS[(i + i // len(PALETTE)) % len(PATTERNS)] for i, name in enumerate(names)}


def finish(
    fig: go.Figure,
    x: str | None = None,
    y: str | None = None,
    height: int = 360,
    legend: bool | None = None,
) -> go.Figure:
    """Axis titles, margins that leave room for them, a legend above the plot, no background of its own."""
    shown = {} if legend is None else {"showlegend": legend}
    titles = [{} if title is None else {"title_text": title, "automargin": True} for title in (x, y)]
    fig.update_layout(
        height=height,
        margin={"l": 64, "r": 24, "t": 16 if legend is False else 48, "b": 56},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={
            "orientation": "h",
            "yanchor": "bottom",
            "y": 1.02,
            "x": 0,
            "xanchor": "left",
            "title": "",
            "traceorder": "normal",
        },
        hoverlabel={"namelength": -1},
        uirevision="keep",
        **shown,
    )
    fig.update_xaxes(title_font_size=13, **titles[0])  # a call costs milliseconds, whatever it sets
    return fig.update_yaxes(title_font_size=13, **titles[1])


def empty(message: str, height: int = 220) -> go.Figure:
    """A chart with nothing to draw says why instead of showing bare axes."""
    fig = go.Figure()
    fig.add_annotation(text=message, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)
    fig.update_xaxes(visible=False)
    fig.update_yaxes(visible=False)
    return finish(fig, height=height)


def quarters(labels: Sequence[str]) -> dict[str, object]:
    """Category axis in the order given; at most about a dozen ticks, so that they never overlap."""
    step = max(1, -(-len(labels) // 12))
    return {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": list(labels),
        "tickmode": "array",
        "tickvals": list(labels)[::step],
        "tickangle": 0 if len(labels) <= 6 else -45,
    }
