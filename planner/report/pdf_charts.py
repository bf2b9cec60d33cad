"""Charts of the report drawn for paper: bars and lines of a figure, as the page has them.

Only what stands on two plain axes is drawn (bars and lines over dates, periods or names); a chart of another kind has no
drawing, and its table stands in the page.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from reportlab.graphics.shapes import Circle, Drawing, Line, PolyLine, Rect, String
from reportlab.lib import colors

from planner.facts.numbers import number
from planner.report.charts.style import MUTED, PALETTE, clip

HEIGHT, LEFT, BOTTOM, TOP = 160.0, 44.0, 16.0, 10.0
KEY, SIZE, TICKS, MOST_LABELS, LONGEST_KEY = 9.0, 6.0, 4, 14, 34
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def drawing(figure: go.Figure, width: float, font: str) -> Drawing | None:
    """A figure as a drawing of a width in points; None where it is no chart of upright bars and lines."""
    traces = [t for t in figure.data if t.type in ("bar", "scatter") and t.x is not None and len(t.x)]
    if (
        not traces
        or len(traces) != len(figure.data)
        or any(t.type == "bar" and t.orientation == "h" for t in traces)
    ):
        return None
    names = [str(x) for x in dict.fromkeys(x for t in traces for x in _categories(t))]
    order = [str(x) for x in figure.layout.xaxis.categoryarray or ()]
    names = [x for x in order if x in names] + sorted(set(names) - set(order)) if order else _sorted(names)
    return _Chart(figure, traces, names, width, font).draw()


def _categories(trace: Any) -> Any:
    """What the values of a trace stand at; a line over whole bars (``style.step``) names it beside its numbers."""
    return trace.x if trace.xaxis != "x2" else trace.customdata


def _sorted(names: list[str]) -> list[str]:
    """As they come, but by date where all are dates."""
    return sorted(names) if all(len(x) >= 7 and x[:4].isdigit() for x in names) else names


class _Chart:
    def __init__(
        self, figure: go.Figure, traces: list[Any], names: list[str], width: float, font: str
    ) -> None:
        self.figure, self.traces, self.names, self.font = figure, traces, names, font
        self.stacked = figure.layout.barmode in ("stack", "relative")
        self.keys = [
            (str(t.name), self._colour(t, i))
            for i, t in enumerate(traces)
            if t.name and t.showlegend is not False
        ]
        columns = max(1, int(width // 150))
        self.columns, self.rows = columns, -(-len(self.keys) // columns)
        self.width, self.height = width, HEIGHT + KEY * self.rows
        self.out = Drawing(width, self.height)
        self.low, self.high = self._range()

    def draw(self) -> Drawing:
        self._axes()
        up, down = np.zeros(len(self.names)), np.zeros(len(self.names))
        bars = [t for t in self.traces if t.type == "bar"]
        for i, trace in enumerate(self.traces):
            values, colour = self._values(trace), self._colour(trace, i)
            if trace.type == "bar":
                self._bars(values, colour, up, down, bars.index(trace), len(bars))
            elif "lines" in str(trace.mode or "lines"):
                self._line(
                    values, colour, str(trace.line.dash or "solid"), 0.5 if trace.xaxis == "x2" else 0.0
                )
            else:
                self._points(values, colour)
        self._legend()
        return self.out

    def _values(self, trace: Any) -> np.ndarray:
        """Value at every name; nothing where the trace has none."""
        found = dict.fromkeys(self.names, np.nan)
        for x, y in zip(_categories(trace), trace.y, strict=True):
            found[str(x)] = np.nan if y is None else float(y)
        return np.array(list(found.values()))

    def _range(self) -> tuple[float, float]:
        stated = self.figure.layout.yaxis.range
        if stated is not None:
            return float(stated[0]), float(stated[1])
        up, down, lines = np.zeros(len(self.names)), np.zeros(len(self.names)), [0.0]
        for trace in self.traces:
            values = np.nan_to_num(self._values(trace))
            if trace.type == "bar" and self.stacked:
                up, down = up + np.maximum(values, 0.0), down + np.minimum(values, 0.0)
            else:
                lines += [float(values.max()), float(values.min())]
        return min(float(down.min()), *lines), 1.05 * max(float(up.max()), *lines, 1e-9)

    def _y(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return BOTTOM + KEY * self.rows + share * (HEIGHT - BOTTOM - TOP)

    @property
    def _step(self) -> float:
        return (self.width - LEFT) / len(self.names)

    def _axes(self) -> None:
        rough = (self.high - self.low) / TICKS
        scale = 10.0 ** np.floor(np.log10(rough))
        step = next(s * scale for s in STEPS if s * scale >= rough)
        for tick in np.arange(np.ceil(self.low / step), np.floor(self.high / step) + 1) * step:
            y = self._y(float(tick))
            shade = colors.HexColor(MUTED if abs(tick) < step / 2 else "#e3e7eb")
            self.out.add(Line(LEFT, y, self.width, y, strokeColor=shade, strokeWidth=0.5))
            self._text(LEFT - 4, y - 2, number(float(tick)), "end")
        every = -(-len(self.names) // MOST_LABELS)
        for i, name in enumerate(self.names[::every]):
            x = LEFT + (i * every + 0.5) * self._step
            self._text(x, BOTTOM + KEY * self.rows - 9, clip(name, 12), "middle")
        title = self.figure.layout.yaxis.title.text
        self._text(0, self.height - 5, str(title or ""), "start")

    def _bars(
        self, values: np.ndarray, colour: Any, up: np.ndarray, down: np.ndarray, at: int, count: int
    ) -> None:
        wide = 0.8 * self._step / (1 if self.stacked else count)
        for i, value in enumerate(np.nan_to_num(values)):
            base = (up[i] if value >= 0 else down[i]) if self.stacked else 0.0
            x = LEFT + (i + 0.1) * self._step + (0 if self.stacked else at * wide)
            low, high = sorted((self._y(base), self._y(base + value)))
            if high > low:
                self.out.add(
                    Rect(
                        x, low, wide, high - low, fillColor=colour, strokeColor=colors.white, strokeWidth=0.3
                    )
                )
            if self.stacked:
                (up if value >= 0 else down)[i] += value

    def _line(self, values: np.ndarray, colour: Any, dash: str, side: float) -> None:
        """A line through the values; ``side``: half the width over which it keeps each, in bars."""
        points: list[float] = []
        for i, value in [*enumerate(values), (0, np.nan)]:
            if np.isfinite(value):
                for at in dict.fromkeys((i + 0.5 - side, i + 0.5 + side)):
                    points += [LEFT + at * self._step, self._y(float(value))]
            elif len(points) > 2:
                strokes = None if dash == "solid" else [3, 2]
                self.out.add(PolyLine(points, strokeColor=colour, strokeWidth=1.1, strokeDashArray=strokes))
                points = []
            else:
                points = []

    def _points(self, values: np.ndarray, colour: Any) -> None:
        for i in np.flatnonzero(np.isfinite(values)):
            self.out.add(
                Circle(
                    LEFT + (i + 0.5) * self._step,
                    self._y(float(values[i])),
                    2,
                    fillColor=colour,
                    strokeColor=None,
                )
            )

    def _legend(self) -> None:
        for i, (name, colour) in enumerate(self.keys):
            x = (i % self.columns) * self.width / self.columns
            y = KEY * (self.rows - 1 - i // self.columns)
            self.out.add(Rect(x, y + 1, 5, 5, fillColor=colour, strokeColor=None))
            self._text(x + 8, y + 1, clip(name, LONGEST_KEY), "start")

    def _text(self, x: float, y: float, text: str, anchor: str) -> None:
        self.out.add(String(x, y, text, fontName=self.font, fontSize=SIZE, fillColor=colors.HexColor("#556069"),
                            textAnchor=anchor))  # fmt: skip

    def _colour(self, trace: Any, i: int) -> Any:
        found = trace.marker.color if trace.type == "bar" else (trace.line.color or trace.marker.color)
        if not isinstance(found, str):  # a colour a bar: the first stands for all
            found = next(iter(found), None) if found is not None else None
        return colors.HexColor(
            found if isinstance(found, str) and found.startswith("#") else PALETTE[i % len(PALETTE)]
        )
