"""Addresses of pages, and view state in the query: a link reproduces the view.

A view state is a flat dict of strings, numbers, booleans or lists of strings. Values equal to the default are
left out, so that addresses stay short and an old link keeps its meaning when a view gains a setting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import dash


@dataclass(frozen=True)
class Page:
    """A page of the application: its key and address, the module that makes it, its place in the navigation."""

    key: str
    path: str
    module: str
    """Module of ``planner.app.pages`` with ``register(app, services)``."""
    group: str = ""
    """Group of the navigation; empty for pages that are reached from others."""
    icon: str = ""
    charts: bool = False
    """Whether it draws charts at once."""


PAGES = (
    Page("home", "/", "home", "work", "home"),
    Page("new", "/new", "new_country", "work", "map-pin"),
    Page("scenarios", "/scenarios", "scenarios", "work", "files"),
    Page("scenario", "/scenarios/{id}", "editor"),
    Page("run", "/runs/{id}", "run", "work", "player-play", charts=True),
    Page("tradeoff", "/tradeoff/{id}", "tradeoff", "results", "chart-dots-3", charts=True),
    Page("plan", "/plan/{id}", "plan", "results", "calendar-stats", charts=True),
    Page("capital", "/capital/{id}", "capital", "results", "coins", charts=True),
    Page("whatif", "/whatif/{id}", "what_if", "results", "search"),
    Page("compare", "/compare", "compare", "results", "columns-3"),
    Page("data", "/data", "data", "reference", "database"),
    Page("estimate", "/estimate", "estimate", "reference", "calculator", charts=True),
    Page("help", "/help", "help", "reference", "info-circle"),
)
"""Every page, in the order of the navigation; its words are ``app.nav.<key>`` and the texts of its own file."""
PATHS = {page.key: page.path for page in PAGES}
WITH_CHARTS = tuple(page.path.split("/")[1] for page in PAGES if page.charts)
"""First parts of the addresses of pages that draw charts at once."""


def draws_charts(path: str) -> bool:
    """Whether the page at a path (without the prefix the app is served at) draws charts at once."""
    return path.strip("/").partition("/")[0] in WITH_CHARTS


def href(page: str, id: str | None = None, **state: Any) -> str:
    """The address of a page (a key of ``PATHS``), under the prefix the app is served at.

    A page of one run or scenario without ``id`` is its chooser: ``/plan``.
    """
    path = PATHS[page]
    path = path.format(id=quote(id, safe="")) if id else path.replace("/{id}", "")
    return f"{dash.get_relative_path(path)}{query(state)}"


def query(state: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> str:
    """``?key=value`` for what differs from the defaults; empty if nothing does."""
    pairs = [
        (key, _text(value))
        for key, value in state.items()
        if value is not None and value != [] and value != (defaults or {}).get(key)
    ]
    return "?" + urlencode(pairs, safe=",:") if pairs else ""


def parse(search: str | Mapping[str, Any] | None, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The view state of an address: each value in the type of its default, bad values and strangers dropped.

    ``search`` is the query as text or the keyword arguments Dash gives to a layout function. A default of
    ``None`` means text, a float default accepts numbers, a list default is separated by commas.
    """
    given = dict(parse_qsl((search or "").lstrip("?"))) if not isinstance(search, Mapping) else search
    state = dict(defaults)
    for key, default in defaults.items():
        if given.get(key) in (None, ""):
            continue
        try:
            state[key] = _typed(str(given[key]), default)
        except ValueError:
            continue  # a hand-edited address falls back to the default
    return state


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return f"{value:g}"
    return ",".join(str(v) for v in value) if isinstance(value, (list, tuple)) else str(value)


def _typed(text: str, default: Any) -> Any:
    if isinstance(default, bool):
        return text == "1"
    if isinstance(default, int | float):
        number = float(text)
        if number != number or abs(number) == float("inf"):
            raise ValueError(text)
        return int(number) if isinstance(default, int) and number == int(number) else number
    return [part for part in text.split(",") if part] if isinstance(default, list | tuple) else text
