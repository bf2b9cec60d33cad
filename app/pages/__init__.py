"""The pages. Each module has ``register(app, services)``, which adds its page and its callbacks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import dash
from dash import html

from planner.app.components import layout
from planner.app.services import NotFound, Refused
from planner.app.state import url
from planner.report.strings import t

log = logging.getLogger("planner.app")


def add_page(key: str, make: Callable[..., Any], title: str | None = None) -> None:
    """Registers the page of a key of ``url.PATHS``; ``make(**query)`` builds it for each visit.

    A page of one run or scenario is registered with and without ``id`` (``make`` gets ``id=None`` for its
    chooser). Query parameters come as text keyword arguments. What the user may not see or does not exist
    becomes a page that says so; any other failure is logged and shown as an error.
    """
    heading = f"{title or t(f'app.nav.{key}')} · {t('app.name')}"
    path = url.PATHS[key]

    def visit(id: str | None = None, **query: Any) -> Any:
        try:
            if "{id}" in path:
                query["id"] = id
            return make(**query)
        except NotFound as error:
            return _message(t("app.missing.title"), str(error))
        except Refused as error:
            return _message(t("app.refused.title"), str(error))
        except Exception as error:
            log.exception("page %s failed", key)
            of_run = id is not None and key != "scenario"
            if of_run and isinstance(error, KeyError):  # a column that its tables do not have
                return _message(t("app.error.title"), t("app.error.older", name=error.args[0]))
            return _message(t("app.error.title"), t("app.error.text", error=str(error)[:300]))

    if "{id}" not in path:
        dash.register_page(key, path=path, title=heading, layout=visit)
        return
    chooser = path.replace("/{id}", "")
    if chooser not in url.PATHS.values():  # the list of scenarios is a page of its own
        dash.register_page(key, path=chooser, title=heading, layout=visit)
    dash.register_page(f"{key}-one", path_template=path.replace("{id}", "<id>"), title=heading, layout=visit)


def add_missing_page() -> None:
    """What an address that leads nowhere shows."""
    dash.register_page(
        "not_found_404",
        path="/not-found",
        title=t("app.missing.title"),
        layout=lambda **_query: _message(t("app.missing.title"), t("app.missing.text")),
    )


def _message(title: str, text: str) -> html.Div:
    home = layout.link_button(t("app.missing.home"), url.href("home"), "home")
    return layout.page(title, layout.empty(title, text, home, mark="alert-triangle"))
