"""Frames of a page: heading row, section, empty state, alert of problems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from planner.app.components.icon import icon


def page(title: str, *children: Any, lead: str | None = None, actions: Sequence[Any] = ()) -> html.Div:
    """A page: its heading, one line saying what it is for, actions on the right, then the content."""
    heading = html.Div(
        [
            html.Div([dmc.Title(title, order=1), html.P(lead, className="lead") if lead else None]),
            dmc.Group(list(actions), gap="xs", className="page-actions"),
        ],
        className="page-head",
    )
    return html.Div([heading, *children], className="page")


def section(title: str, *children: Any, lead: str | None = None, actions: Sequence[Any] = ()) -> dmc.Paper:
    """A bordered block with a heading."""
    head = html.Div(
        [
            html.Div([dmc.Title(title, order=2), html.P(lead, className="lead") if lead else None]),
            dmc.Group(list(actions), gap="xs"),
        ],
        className="section-head",
    )
    return dmc.Paper([head, *children], withBorder=True, className="section")


def empty(title: str, text: str, *actions: Any, mark: str = "info-circle") -> html.Div:
    """What stands where there is nothing yet, and what to do about it."""
    return html.Div(
        [icon(mark, 40), dmc.Title(title, order=2), html.P(text), dmc.Group(list(actions), justify="center")],
        className="empty",
    )


def alert(title: str, lines: Sequence[Any] = (), *, kind: str = "warning", **more: Any) -> dmc.Alert:
    """A message: kind is ``error``, ``warning``, ``success`` or ``info``; several lines become a list."""
    colour = {"error": "red", "warning": "yellow", "success": "teal", "info": "blue"}[kind]
    mark = {
        "error": "circle-x",
        "warning": "alert-triangle",
        "success": "circle-check",
        "info": "info-circle",
    }[kind]
    body = html.Ul([html.Li(line) for line in lines]) if len(lines) > 1 else list(lines)
    return dmc.Alert(body, title=title, color=colour, icon=icon(mark), variant="light", **more)


def link_button(
    label: str, href: str, mark: str | None = None, *, variant: str = "filled", size: str = "md"
) -> dcc.Link:
    """A link inside the app that looks like a button; variant ``filled`` or ``default``, size ``md`` or ``xs``."""
    return dcc.Link(
        [icon(mark) if mark else None, html.Span(label)],
        href=href,
        className=" ".join(["link-button", *(["quiet"] if variant == "default" else []), f"size-{size}"]),
    )
