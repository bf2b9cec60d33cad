"""Icons: a packaged SVG as a CSS mask, in the colour of the text, hidden from screen readers."""

from __future__ import annotations

from dash import html

from planner.app.components.attrs import attrs


def icon(name: str, size: int | None = None) -> html.Span:
    """The icon of a file in ``assets/icons``; ``size`` in pixels, by default that of the text."""
    style = {"width": f"{size}px", "height": f"{size}px"} if size else None
    return html.Span(className=f"icon icon-{name}", style=style, **attrs({"aria-hidden": "true"}))
