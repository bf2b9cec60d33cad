"""What a page would send to the browser: its text, its ids, its charts."""

from __future__ import annotations

import json
from typing import Any


def text_of(part: Any) -> str:
    """Everything a page would send to the browser."""
    return json.dumps(part, default=lambda c: c.to_plotly_json() if hasattr(c, "to_plotly_json") else str(c))


def ids_of(part: Any) -> list[str]:
    """Ids of everything in a page; what is kept for all readers is plain data already."""
    if hasattr(part, "to_plotly_json"):
        part = part.to_plotly_json()
    if isinstance(part, list | tuple):
        return [found for child in part for found in ids_of(child)]
    if not isinstance(part, dict) or "props" not in part:
        return []
    own = [str(part["props"]["id"])] if part["props"].get("id") else []
    return own + ids_of(part["props"].get("children"))


def graphs(part: Any) -> int:
    return text_of(part).count('"type": "Graph"')
