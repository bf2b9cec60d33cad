"""How fast the builder of a host works: which end of the range of a hall's lead its halls take.

Low is a well-run case, high a bad one. A fast builder takes the end below the one the scenario's ``money.level`` reads, a
slow one the end above; the dates of its first service are drawn from that side of the range.
"""

from __future__ import annotations

from typing import get_args

from planner.facts.errors import BadValue
from planner.facts.suggest import hint
from planner.scenario.schema import Level, Pace

LEVELS: tuple[Level, ...] = get_args(Level)
PACES: tuple[Pace, ...] = get_args(Pace)
DRAWN: dict[str, tuple[Level, Level, Level]] = {
    "fast": ("low", "low", "mid"),
    "usual": ("low", "mid", "high"),
    "slow": ("mid", "high", "high"),
}
"""Shortest, likeliest and longest."""


def end_of(level: str, pace: str) -> str:
    """The end of a range that a builder of this pace takes, where one of the usual pace takes ``level``.

    >>> end_of("mid", "fast"), end_of("low", "fast"), end_of("mid", "slow")
    ('low', 'low', 'high')
    """
    if pace not in PACES:
        raise BadValue(f"no pace {pace!r}{hint(pace, list(PACES))}")
    at = LEVELS.index(level) + PACES.index(pace) - PACES.index("usual")
    return LEVELS[min(max(at, 0), len(LEVELS) - 1)]
