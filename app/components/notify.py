"""Short messages in the corner."""

from __future__ import annotations

import secrets

import dash

from planner.app import ids
from planner.report.strings import t

COLOURS = {"info": "blue", "success": "teal", "error": "red", "warning": "yellow"}


def show(message: str, title: str | None = None, kind: str = "info") -> None:
    """Shows a message from within a callback; errors stay longer."""
    note = {
        "action": "show",
        "id": f"note-{secrets.token_hex(4)}",
        "title": title,
        "message": message,
        "closeButtonProps": {"aria-label": t("app.close")},
        "color": COLOURS[kind],
        "autoClose": 12000 if kind == "error" else 5000,
    }
    dash.set_props(ids.NOTIFICATIONS, {"sendNotifications": [note]})
