"""What a solve or a study tells while it works."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

HOLDS_FOR_ALL = ("screening", "hosts and stacks", "direct", "plan", "proof")
"""Stages whose bound holds for every plan; that of another holds for what was chosen before it only."""
EVERY_S = 2.0
"""Seconds between two reports of how many steps of a stage are done."""


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


class Steps:
    """Tells how many steps of a stage are done, every ``EVERY_S`` seconds at most: what is over sooner tells nothing.

    Steps(say, "prices", "steps priced")(3, 40)  # "3 of 40 steps priced"
    """

    def __init__(self, say: OnEvent, stage: str, words: str) -> None:
        self._say, self._stage, self._words, self._told = say, stage, words, time.monotonic()

    def __call__(self, done: int, of: int | None = None) -> None:
        """``of`` is the number of all, where it is known."""
        now = time.monotonic()
        if now - self._told >= EVERY_S:
            self._told = now
            many = f"{done}" if of is None else f"{done} of {of}"
            self._say(Event(self._stage, f"{many} {self._words}"))
