"""Parts of pages that do not change: drawn once in each colour scheme, kept as text, shared by all readers.

A finished run is never written again, so that what is drawn from it alone is the same for everyone who may see it.
Whether somebody may is asked before, by whoever loads the run.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import dash
from plotly.io.json import to_json_plotly

from planner.app.state import scheme

MOST_BYTES = 64_000_000

_parts: OrderedDict[tuple[Hashable, ...], str] = OrderedDict()
_making: dict[tuple[Hashable, ...], threading.Lock] = {}
_guard = threading.Lock()


def kept(key: tuple[Hashable, ...], make: Callable[[], Any]) -> Any:
    """The part of a key as plain data, as the browser gets it; ``make`` draws it where it is not at hand.

    ``key`` holds everything the part depends on but the colour scheme and the address the app is served at.
    """
    full = (scheme.current(), dash.get_relative_path("/"), *key)
    with _guard:
        lock = _making.setdefault(full, threading.Lock())
    with lock:  # readers who ask at the same moment wait for the first
        text = _parts.get(full)
        try:
            text = to_json_plotly(make()) if text is None else text
        finally:
            with _guard:
                _making.pop(full, None)
        _keep(full, text)
    return json.loads(text)


def _keep(key: tuple[Hashable, ...], text: str) -> None:
    with _guard:
        _parts[key] = text
        _parts.move_to_end(key)
        while len(_parts) > 1 and sum(map(len, _parts.values())) > MOST_BYTES:
            _parts.popitem(last=False)
