"""Building a case and its model makes millions of objects that all stay: the collector of cycles finds nothing in them."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def without_collection(build: Callable[P, R]) -> Callable[P, R]:
    """A function during which no cycles are collected: walking through its objects took a quarter of the time."""

    @wraps(build)
    def paused(*args: P.args, **kwargs: P.kwargs) -> R:
        was = gc.isenabled()
        gc.disable()
        try:
            return build(*args, **kwargs)
        finally:
            if was:
                gc.enable()

    return paused
