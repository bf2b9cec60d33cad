"""Key figures as cards, and badges of status."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from planner.app.components.icon import icon
from planner.app.state import url
from planner.report.strings import t

STATUS_COLOUR = {
    "queued": "gray",
    "running": "blue",
    "done": "teal",
    "stopped": "cyan",
    "cancelled": "gray",
    "failed": "red",
    "infeasible": "orange",
    "no-solution": "orange",
    "unbounded": "orange",
    "lost": "red",
    "resumable": "cyan",
}
STATUS_ICON = {
    "queued": "clock",
    "running": "player-play",
    "done": "circle-check",
    "stopped": "player-stop",
    "cancelled": "x",
    "failed": "circle-x",
    "infeasible": "alert-triangle",
    "no-solution": "clock",
    "unbounded": "alert-triangle",
    "lost": "alert-triangle",
    "resumable": "player-stop",
}


def card(
    label: str,
    value: str,
    unit: str = "",
    *,
    delta: str | None = None,
    good: bool | None = None,
    note: str | None = None,
    id: str | dict[str, str] | None = None,
) -> dmc.Paper:
    """A key figure: label, value with unit, difference to the baseline (``good`` colours it), a note below."""
    parts: list[Any] = [
        html.Div(label, className="kpi-label"),
        html.Div(
            [html.Span(value, className="kpi-value"), html.Span(unit, className="kpi-unit")],
            className="kpi-figure",
        ),
    ]
    if delta:
        mood = {True: " better", False: " worse", None: ""}[good]
        parts.append(html.Div(delta, className="kpi-delta" + mood))
    if note:
        parts.append(html.Div(note, className="kpi-note"))
    return dmc.Paper(parts, withBorder=True, className="kpi", **({"id": id} if id is not None else {}))


def cards(children: list[Any], min_width: int = 190) -> html.Div:
    """Cards in as many columns as fit."""
    return html.Div(children, className="kpi-row", style={"--kpi-min": f"{min_width}px"})


def status_badge(state: str) -> dmc.Badge:
    """The state of a run as a badge: word, icon and colour."""
    return dmc.Badge(
        t(f"app.status.{state}"),
        color=STATUS_COLOUR[state],
        variant="light",
        leftSection=icon(STATUS_ICON[state]),
        className=f"status status-{state}",
    )


def audit_badge(state: str | None) -> dmc.Badge | None:
    """Says that a plan's audit is not clean; nothing where it is, or where there is no plan."""
    if state in (None, "", "clean"):
        return None
    word = t(f"app.audit.{state}")
    return dmc.Badge(
        word, color="red", variant="filled", leftSection=icon("alert-triangle"), className="status"
    )


def stale_badge(scenario: str) -> dcc.Link:
    """Says that the scenario (its id) has changed since the run, and leads to what has changed."""
    badge = dmc.Badge(
        t("result.stale"), color="yellow", variant="light", leftSection=icon("refresh"), className="status"
    )
    return dcc.Link(
        badge, href=url.href("scenario", scenario), title=t("result.stale-text"), className="stale"
    )


def assumed_badge() -> dmc.Badge:
    """Marks an estimate: a value with no published source."""
    return dmc.Badge(t("column.assumed"), color="yellow", variant="light", size="sm", className="assumed")
