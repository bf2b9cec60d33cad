"""The assumptions of a country from nothing as a checklist: what was taken and why, each with the way to change it."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
from dash import dcc, html

from planner.app.components import format as fmt
from planner.app.components.attrs import attrs
from planner.app.state import url
from planner.facts.numbers import number
from planner.report.strings import t

CHANGE = "nc-change"


def checklist(assumed: pd.DataFrame) -> html.Div:
    """Every row of ``assumed_inputs``, with a button that opens the editor where another is written."""
    names = (fmt.heading("item"), fmt.heading("value"), fmt.heading("why"), t("new.change"))
    lines = [html.Tr(_cells(*row)) for row in assumed.itertuples(index=False, name=None)]
    table = html.Table(
        [html.Thead(html.Tr([html.Th(name, scope="col") for name in names])), html.Tbody(lines)],
        className="plain",
    )
    told = attrs({"aria-label": t("new.assumed", n=len(assumed))})
    return html.Div(table, className="plain-scroll", tabIndex=0, role="region", **told)


def _cells(item: str, value: Any, why: str, path: str) -> list[html.Td]:
    shown = value if isinstance(value, str) else number(value)
    way: Any = dcc.Link(t("new.fact"), href=url.href("data"), title=t("new.fact-help"))
    if path:
        told = attrs({"aria-label": t("new.change-of", item=_named(item))})
        id_ = {"type": CHANGE, "at": path}
        way = html.Button(t("new.change"), type="button", className="plain-button", id=id_, **told)
    return [html.Td(_named(item)), html.Td(shown), html.Td(why), html.Td(way)]


def plain(id: str) -> str:
    """An id of the starter as words."""
    return id.replace("-", " ").capitalize()


def _named(item: str) -> str:
    """A path of an assumed input in words: ``sites[campus]`` is "Campus (site)"."""
    found = re.fullmatch(r"(?:\w+\.)?(\w+)\[([\w-]+)\]", item)
    return f"{plain(found[2])} ({t(f'new.kind.{found[1]}')})" if found else item[:1].upper() + item[1:]
