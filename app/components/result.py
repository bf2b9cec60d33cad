"""What the pages of results share: choosing a run, the head with status and links, KPI cards, messages."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import dash
import dash_mantine_components as dmc
import pandas as pd
from dash import Input, Output, html

from planner.app import ids
from planner.app.components import kpi, layout
from planner.app.services import Services
from planner.app.state import url
from planner.app.state.result import Result, load, load_plan
from planner.app.strings import t
from planner.report.numbers import number, quantity, signed

MOOD = {"better": True, "worse": False}


def shown(services: Services, page: str, ref: str | None, draw: Callable[[Result], Any]) -> Any:
    """The page of a run, or of the newest plan where the address names none; without any, what to do first."""
    ref = ref or services.latest_plan()
    if ref is None:
        start = layout.link_button(t("result.none-start"), url.href("scenarios"), "player-play")
        return layout.page(
            t(f"app.nav.{page}"), layout.empty(t("result.none-title"), t("result.none-text"), start)
        )
    return draw(load(services, ref) if page == "tradeoff" else load_plan(services, ref))


def subtitle(result: Result) -> str:
    """Quality and gap of the result, with its price year: no figure without them."""
    outcome = result.run.outcome
    gap = outcome.get("gap")
    parts = [t("result.quality", quality=outcome.get("quality") or "–")]
    if gap is not None:
        parts.append(t("result.gap", gap=number(100 * gap, 2)))
    parts.append(t("result.money", year=result.price_year))
    return " · ".join(parts)


def links(result: Result, here: str, **state: Any) -> list[Any]:
    """The other pages of the same plan."""
    pages = [("tradeoff", "chart-dots-3"), ("plan", "calendar-stats"), ("capital", "coins")]
    return [
        layout.link_button(
            t(f"app.nav.{page}"),
            url.href(page, result.run_id if page == "tradeoff" else result.ref, **state),
            mark,
            variant="default",
            size="xs",
        )
        for page, mark in pages
        if page != here
    ]


def kpi_cards(cards: pd.DataFrame, names: Sequence[str] | None = None) -> html.Div:
    """Cards of ``planner.report.kpis.kpi_cards``: value, unit, difference to the baseline, published range."""
    rows = cards if names is None else cards[cards["kpi"].isin(names)]
    return kpi.cards([_card(row) for row in rows.to_dict("records")])


def _card(row: dict[str, Any]) -> Any:
    value, unit = quantity(row["value"], str(row["unit"])), ""
    if value.endswith(f" {row['unit']}") and row["unit"]:
        value, unit = value.removesuffix(f" {row['unit']}"), str(row["unit"])
    delta = None
    if row["delta"] == row["delta"]:
        delta = t("result.delta", delta=signed(row["delta"], str(row["unit"])))
    return kpi.card(
        row["words"], value, unit, delta=delta, good=MOOD.get(row["verdict"]), note=range_note(row)
    )


def range_note(row: dict[str, Any]) -> str | None:
    """The published range and whether the value lies in it."""
    low, high = row["low"], row["high"]
    if low is None or high is None or low != low or high != high:
        return None
    key = "result.inside" if row["inside"] is True or row["inside"] == 1 else "result.outside"
    return t(key, low=number(low), high=number(high), unit=row["unit"])


def picker(id: str, services: Services, current: str) -> dmc.Select:
    """A choice of the runs whose plans can be opened."""
    options = [
        {"value": row["id"], "label": f"{row['title']} ({row['id']})"}
        for row in services.runs(with_plan=True)
    ]
    if current not in {o["value"] for o in options}:
        options.insert(0, {"value": current, "label": current})
    return dmc.Select(
        id=id, data=options, value=current, searchable=True, size="xs", w=300, allowDeselect=False,
        **{"aria-label": t("result.choose")},
    )  # fmt: skip


def register_picker(app: dash.Dash, id: str, page: str) -> None:
    """Choosing another run opens its page."""

    @app.callback(
        Output(ids.LOCATION, "href", allow_duplicate=True), Input(id, "value"), prevent_initial_call=True
    )
    def open_run(run: str | None) -> Any:
        return url.href(page, run) if run else dash.no_update


def records(points: pd.DataFrame) -> list[dict[str, Any]]:
    """Points for the browser: what is missing is null."""
    plain = points.astype(object).where(points.notna(), None)
    return [{str(k): v for k, v in row.items()} for row in plain.to_dict("records")]


def finite(answer: dict[str, Any]) -> dict[str, Any]:
    """A live answer for the browser: what is no number is null."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in answer.items()}
