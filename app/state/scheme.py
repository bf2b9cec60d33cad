"""Light or dark: cookies written by the browser, read by whatever draws on the server."""

from __future__ import annotations

from typing import Literal

import flask

Scheme = Literal["light", "dark"]
COOKIE, SYSTEM = "scheme", "scheme-system"
"""What the reader has chosen, and what the system prefers (assets/scheme.js)."""


def chosen() -> Scheme | None:
    """The colour scheme that the reader has chosen; nothing outside a request and before a choice."""
    return _read(COOKIE)


def current() -> Scheme:
    """The reader's colour scheme: the one chosen, else the system's; light outside a request."""
    return chosen() or _read(SYSTEM) or "light"


def _read(cookie: str) -> Scheme | None:
    told = flask.request.cookies.get(cookie) if flask.has_request_context() else None
    return "dark" if told == "dark" else "light" if told == "light" else None
