"""The map: sites as bubbles on a packaged base map (no tiles, no network, no WebGL)."""

from __future__ import annotations

import math

import pandas as pd
import plotly.graph_objects as go

from planner.facts.numbers import number
from planner.report.charts.style import MUTED, PALETTE, SYMBOLS, empty, finish
from planner.report.strings import t
from planner.report.terms import term

PAD_DEG = 3.5
SHAPE = 1.45
"""Width over height of the map."""


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
    for year, there in table.groupby("year"):
        look = {"meta": year, "visible": year == shown}
        for i, mode in enumerate(modes):
            part = there[(there["it_mw"] > 1e-6) & (there["modes"] == mode)]
            fig.add_scattergeo(
                lat=part["lat"], lon=part["lon"], name=_words(mode), mode="markers+text",
                text=[f"{_short(n)}<br>{number(mw)} MW" for n, mw in zip(part["name"], part["it_mw"], strict=True)],
                textposition=_positions(part, held[held["year"] == year]),
                marker={
                    "symbol": SYMBOLS[i % len(SYMBOLS)], "color": PALETTE[i % len(PALETTE)], "opacity": 0.85,
                    "size": (10 + 26 * (part["it_mw"] / largest) ** 0.5).tolist(), "line": {"width": 1, "color": "#ffffff"},
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
    lon, lat = _window(table)
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


def _positions(part: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    """Labels away from the nearest other site, so that neighbours do not write over each other."""
    sides = []
    for row in part.itertuples():
        others = table[table["p"] != row.p]
        gap = (others["lon"] - row.lon) ** 2 + (others["lat"] - row.lat) ** 2
        eastward = bool(len(others)) and float(others.loc[gap.idxmin(), "lon"]) > row.lon
        sides.append("middle left" if eastward else "middle right")
    return sides


def _window(table: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Ranges of longitude and latitude: room for labels on both sides, in the shape of the chart."""
    west, east = float(table["lon"].min()), float(table["lon"].max())
    south, north = float(table["lat"].min()), float(table["lat"].max())
    pad = max(PAD_DEG, 0.4 * (east - west))
    width = east - west + 2 * pad
    middle = (south + north) / 2
    height = max(north - south + PAD_DEG, width / SHAPE * math.cos(math.radians(middle)))
    return [west - pad, east + pad], [middle - height / 2, middle + height / 2]


def _short(name: str) -> str:
    """ "Haenam (Solaseado)" is Haenam: the hover has the whole name."""
    return name.split(" (")[0].split(" / ")[0]
