"""The row of actions of a view: copy its link, downloads, more."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from planner.app.components.attrs import attrs
from planner.app.components.icon import icon
from planner.report.strings import t


def toolbar(*children: Any, link: bool = True) -> dmc.Group:
    """Actions in a row; with ``link``, the last copies the address of the view as it stands."""
    parts = [child for child in children if child is not None]
    if link:
        parts.append(copy_link())
    return dmc.Group(parts, gap="xs", className="toolbar")


def copy_link() -> html.Button:
    """Copies the address in the address bar (functions.js does the copying)."""
    return html.Button(
        [icon("link"), html.Span(t("app.copy-link"), className="copy-label")],
        className="plain-button copy-link",
        type="button",
        **attrs({"data-copied": t("app.copied")}),
    )


def button(id: str | dict[str, str], label: str, mark: str | None = None, **more: Any) -> dmc.Button:
    """A button with an icon."""
    return dmc.Button(label, id=id, leftSection=icon(mark) if mark else None, **more)
