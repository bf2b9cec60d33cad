"""What a solve or a study tells while it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """One report: the stage, words or none, seconds since the start, best value, bound and relative gap if known.

    ``incumbent`` and ``bound`` are in the unit of what the stage minimises: MUSD, months or points.
    """

    stage: str
    message: str = ""
    seconds: float = 0.0
    incumbent: float | None = None
    bound: float | None = None
    gap: float | None = None


OnEvent = Callable[[Event], None]
