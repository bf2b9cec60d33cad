"""Light or dark: one cookie, written by the browser, read by whatever draws on the server."""

from __future__ import annotations

from typing import Literal

import flask

Scheme = Literal["light", "dark"]
COOKIE = "scheme"


def current() -> Scheme:
    """The reader's colour scheme; light outside a request and for a first visit."""
    if flask.has_request_context() and flask.request.cookies.get(COOKIE) == "dark":
        return "dark"
    return "light"
