"""What every chart shares: colours that read on white and on dark, margins, empty states.

The template (fonts, grid lines, light or dark) is the figure factory's: charts set no background and no
text colour. Each colour of the palette keeps a contrast of 3:1 or more with both backgrounds, and a series
never differs by colour alone: points differ by symbol, bars by pattern, lines by dash.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

PALETTE = ("#2f7fd1", "#d9622b", "#2e9467", "#a667c2", "#b08415", "#d1487a", "#5b8a99", "#8a7a5c")
PATTERNS = ("", "/", "\\", "x", "-", "|", "+", ".")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star", "hexagon", "triangle-down")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")
ACCENT, WARN, GOOD, MUTED = "#2f7fd1", "#d9622b", "#2e9467", "#868e96"
OTHER = "other"
NARROW = 38
"""Characters of a line that a small screen has room for."""


def colours(names: Iterable[str]) -> dict[str, str]:
    """One colour a name, in the order given; after eight the palette repeats (patterns still differ)."""
    return {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(names)}


def patterns(names: Iterable[str]) -> dict[str, str]:
    """One bar pattern a name: the second difference beside colour."""
    return {name: PATTERNS[(i + i // len(PALETTE)) % len(PATTERNS)] for i, name in enumerate(names)}


def hatched(colour: str, pattern: str, solidity: float = 0.25) -> dict[str, Any]:
    """The marker of bars that tell themselves apart by colour and by pattern."""
    return {"color": colour, "pattern": {"shape": pattern, "size": 6, "solidity": solidity}}


def clip(text: str, width: int) -> str:
    """A label no longer than so many characters; what is cut ends in an ellipsis."""
    return text if len(text) <= width else text[: width - 1] + "…"


def clipped(texts: Sequence[str], width: int) -> list[str]:
    """Labels no longer than so many characters; those that would be one without their ends are cut in the middle."""
    cut = [clip(text, width) for text in texts]
    same = {label for label, n in Counter(cut).items() if n > 1}
    head = (width - 1) // 2
    return [
        f"{text[:head]}…{text[head + 1 - width :]}" if label in same and len(text) > width else label
        for text, label in zip(texts, cut, strict=True)
    ]


def step(order: Sequence[str], labels: Iterable[str], values: Iterable[float]) -> dict[str, Any]:
    """A trace's line that holds a value over the whole width of each bar, on the axis of ``across``.

    ``order`` are the categories of the chart; what has no value leaves a gap. ``customdata`` is the category.
    """
    at = dict(zip(labels, values, strict=True))
    twice = [label for label in order for _ in range(2)]
    return {
        "x": [i + side for i in range(len(order)) for side in (-0.5, 0.5)], "y": [at.get(label) for label in twice],
        "customdata": twice, "xaxis": "x2", "mode": "lines",
    }  # fmt: skip


def across(order: Sequence[str]) -> dict[str, Any]:
    """The axis of ``step``: numbers below the categories, from the edge of the first bar to that of the last."""
    return {
        "xaxis2": {"overlaying": "x", "type": "linear", "range": [-0.5, len(order) - 0.5], "visible": False}
    }


def finish(
    fig: go.Figure,
    x: str | None = None,
    y: str | None = None,
    height: int = 360,
    legend: bool | None = None,
    xaxis: Mapping[str, Any] | None = None,
    yaxis: Mapping[str, Any] | None = None,
    **more: Any,
) -> go.Figure:
    """Axis titles, margins that leave room for them, a legend above the plot, no background of its own.

    ``xaxis`` and ``yaxis`` hold further settings of every such axis, ``more`` of the layout.
    """
    layout: dict[str, Any] = {
        "height": height,
        "margin": {"l": 64, "r": 24, "t": 16 if legend is False else 48, "b": 56},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {
            "orientation": "h",
            "yanchor": "bottom",
            "y": 1.02,
            "x": 0,
            "xanchor": "left",
            "title": "",
            "traceorder": "normal",
        },
        "hoverlabel": {"namelength": -1},
        "uirevision": "keep",
    }
    layout |= {} if legend is None else {"showlegend": legend}
    held = fig.layout.to_plotly_json()
    for letter, title, axis in (("x", x, xaxis), ("y", y, yaxis)):
        named = {} if title is None else {"title": {"text": title}, "automargin": True}
        wanted = _merged(_merged({"title": {"font": {"size": 13}}}, named), axis or {})
        layout |= {name: wanted for name in {f"{letter}axis", *held} if name.startswith(f"{letter}axis")}
    # set as a whole: plotly's own update takes several milliseconds a call, whatever it sets
    fig.layout = go.Layout(_merged(_merged(held, layout), more))
    return fig


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two nested settings as one; what ``above`` says holds."""
    return {
        **below,
        **{
            k: _merged(below[k], v) if isinstance(v, Mapping) and isinstance(below.get(k), Mapping) else v
            for k, v in above.items()
        },
    }


def empty(message: str, height: int = 220) -> go.Figure:
    """A chart with nothing to draw says why instead of showing bare axes."""
    fig = go.Figure()
    lines = "<br>".join(textwrap.wrap(message, NARROW))
    fig.add_annotation(text=lines, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)
    return finish(fig, height=height, xaxis={"visible": False}, yaxis={"visible": False})


def quarters(labels: Sequence[str]) -> dict[str, Any]:
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
