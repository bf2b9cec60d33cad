"""Help: the way through the app, and what its words mean."""

from __future__ import annotations

from typing import Any

import dash
import pandas as pd
from dash import dcc, html

from planner.app.components import layout
from planner.app.components.table import plain_table
from planner.app.pages import add_page
from planner.app.services import Services
from planner.app.state import url
from planner.report.strings import LANGUAGE, t, texts

PAGE = "help"
STEPS = ("new", "scenarios", "run", "plan", "tradeoff", "capital", "whatif", "compare", "data")
WORDS = f"{PAGE}.of."


def register(_app: dash.Dash, _services: Services) -> None:
    add_page(PAGE, lambda **_query: page())


def page() -> html.Div:
    steps = [
        html.Li([dcc.Link(t(f"app.nav.{key}"), href=url.href(key)), ": ", t(f"{PAGE}.step.{key}")])
        for key in STEPS
    ]
    return layout.page(
        t(f"app.nav.{PAGE}"),
        layout.section(t(f"{PAGE}.steps"), html.Ol(steps, className="steps-list")),
        layout.section(t(f"{PAGE}.words"), *plain_table(meanings(), t(f"{PAGE}.words"))),
        lead=t(f"{PAGE}.lead"),
    )


def meanings() -> pd.DataFrame:
    """Every word of the help with its meaning."""
    found: list[dict[str, Any]] = [
        {t(f"{PAGE}.word"): key.removeprefix(WORDS), t(f"{PAGE}.meaning"): text}
        for key, text in texts(LANGUAGE).items()
        if key.startswith(WORDS)
    ]
    return pd.DataFrame(found)
