"""The map: sites as bubbles on a packaged base map (no tiles, no network, no WebGL)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from planner.facts.numbers import number
from planner.report.charts.style import MUTED, PALETTE, SYMBOLS, empty, finish
from planner.report.strings import t
from planner.report.terms import term

PAD_DEG, TALLER = 3.5, 1.25
"""Degrees around the sites, and by how much the map is taller than they lie apart: a bubble is not cut by the frame."""
SHAPE = 1.45
"""Width over height of the map."""
WIDTH_PX, GLYPH_PX, LINES_PX = 290.0, 7.0, 32.0
"""About what the map takes on a phone, where labels have least room, and a letter and the two lines of a label."""


def sites(table: pd.DataFrame, home: str = "") -> go.Figure:
    """Bubbles whose area is the IT power held (MW); symbol and colour tell how the capacity is got.

    ``table``: p, name, lat, lon, iso3, hosts, modes, accelerators, it_mw, year. Empty sites are small and hollow. The last
    year is shown; the traces of each have it as ``meta``.
    """
    if not len(table):
        return empty(t("charts.no-sites"))
    fig = go.Figure()
    held = table[table["it_mw"] > 1e-6]
    largest = max(float(table["it_mw"].max()), 1e-9)
    modes = list(dict.fromkeys(held["modes"]))
    shown = table["year"].max()
    lon, lat = _window(table)
    for year, there in table.groupby("year"):
        side = _sides(held[held["year"] == year], largest, lon, lat)
        look = {"meta": year, "visible": year == shown}
        for i, mode in enumerate(modes):
            part = there[(there["it_mw"] > 1e-6) & (there["modes"] == mode)]
            fig.add_scattergeo(
                lat=part["lat"], lon=part["lon"], name=_words(mode), mode="markers+text",
                text=[_label(n, mw) for n, mw in zip(part["name"], part["it_mw"], strict=True)],
                textposition=[side[p] for p in part["p"]],
                marker={
                    "symbol": SYMBOLS[i % len(SYMBOLS)], "color": PALETTE[i % len(PALETTE)], "opacity": 0.85,
                    "size": _size(part["it_mw"], largest).tolist(), "line": {"width": 1, "color": "#ffffff"},
                },
                customdata=_hover(part), hovertemplate=_TEMPLATE, **look,
            )  # fmt: skip
        rest = there[there["it_mw"] <= 1e-6]
        fig.add_scattergeo(
            lat=rest["lat"], lon=rest["lon"], name=t("charts.unused"), mode="markers", customdata=_hover(rest),
            marker={"symbol": "circle-open", "size": 9, "color": MUTED, "line": {"width": 2}}, hovertemplate=_TEMPLATE,
            **look,
        )  # fmt: skip
    finish(fig, height=420, legend=True, margin={"l": 8, "r": 8, "t": 44, "b": 8})
    return fig.update_geos(
        resolution=50, projection_type="mercator", fitbounds=False, lonaxis_range=lon, lataxis_range=lat,
        showlakes=False, showcountries=True, showland=True, landcolor="rgba(134,142,150,0.22)",
        showocean=False, bgcolor="rgba(0,0,0,0)", countrycolor=MUTED, coastlinecolor=MUTED, showframe=True,
        framecolor=MUTED,
    )  # fmt: skip


_TEMPLATE = (
    "<b>%{customdata[0]}</b> (%{customdata[1]})<br>%{customdata[2]}<br>%{customdata[3]}<extra></extra>"
)


def _words(modes: str) -> str:
    return ", ".join(term("mode", mode) for mode in modes.split(", "))


def _hover(table: pd.DataFrame) -> list[list[str]]:
    return [
        [str(r["p"]), f"{r['name']}, {r['iso3']}", str(r["hosts"]),
         t("charts.held", accelerators=number(r["accelerators"]), mw=number(r["it_mw"]))]
        for r in table.to_dict("records")
    ]  # fmt: skip


def _size(it_mw: Any, largest: float) -> Any:
    """Pixels across a bubble, whose area grows with the power."""
    return 10 + 26 * (it_mw / largest) ** 0.5


def _label(name: str, it_mw: float) -> str:
    return f"{_short(name)}<br>{number(it_mw)} MW"


def _sides(held: pd.DataFrame, largest: float, lon: Sequence[float], lat: Sequence[float]) -> dict[str, str]:
    """Where the label of each site stands beside its bubble: where the frame cuts least of it and it covers least of other
    bubbles and labels.

    ``lon`` and ``lat`` are the ranges shown. The largest site chooses first.
    """
    px_per_degree = WIDTH_PX / (lon[1] - lon[0])
    upright = px_per_degree / math.cos(math.radians(sum(lat) / 2))
    frame = (lon[0] * px_per_degree, lat[0] * upright, lon[1] * px_per_degree, lat[1] * upright)
    rows = list(held.sort_values("it_mw", ascending=False, kind="stable").itertuples())
    at = {r.p: (r.lon * px_per_degree, r.lat * upright, float(_size(r.it_mw, largest)) / 2) for r in rows}
    bubbles = {p: (x - r, y - r, x + r, y + r) for p, (x, y, r) in at.items()}
    placed: dict[str, tuple[str, _Box]] = {}
    for row in rows:
        x, y, r = at[row.p]
        wide = GLYPH_PX * max(len(line) for line in _label(row.name, row.it_mw).split("<br>"))
        others = [box for p, box in bubbles.items() if p != row.p] + [box for _, box in placed.values()]
        boxes: dict[str, _Box] = {
            "middle right": (x + r, y - LINES_PX / 2, x + r + wide, y + LINES_PX / 2),
            "middle left": (x - r - wide, y - LINES_PX / 2, x - r, y + LINES_PX / 2),
            "top center": (x - wide / 2, y + r, x + wide / 2, y + r + LINES_PX),
            "bottom center": (x - wide / 2, y - r - LINES_PX, x + wide / 2, y - r),
        }
        area = wide * LINES_PX
        best = min(
            boxes,
            key=lambda side: sum(
                [_shared(boxes[side], box) for box in others], area - _shared(boxes[side], frame)
            ),
        )
        placed[row.p] = (best, boxes[best])
    return {p: side for p, (side, _) in placed.items()}


_Box = tuple[float, float, float, float]


def _shared(a: _Box, b: _Box) -> float:
    """Area that two boxes share."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(wide, 0.0) * max(high, 0.0)


def _window(table: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Ranges of longitude and latitude: room for labels on both sides, in the shape of the chart, which it fills."""
    west, east = float(table["lon"].min()), float(table["lon"].max())
    south, north = float(table["lat"].min()), float(table["lat"].max())
    pad = max(PAD_DEG, 0.4 * (east - west))
    width = east - west + 2 * pad
    middle = (south + north) / 2
    flat = math.cos(math.radians(middle)) / SHAPE
    height = max(TALLER * (north - south) + PAD_DEG, width * flat)
    wider = (height / flat - width) / 2
    return [west - pad - wider, east + pad + wider], [middle - height / 2, middle + height / 2]


def _short(name: str) -> str:
    """ "Haenam (Solaseado)" is Haenam: the hover has the whole name."""
    return name.split(" (")[0].split(" / ")[0]
