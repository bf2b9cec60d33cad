"""What a running solve tells, and what may be asked of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

DEFAULT_GAP = 1e-4
"""Relative gap at which a mixed-integer programme ends where none is asked for."""


@dataclass(frozen=True)
class Progress:
    """The state of a running solve. Objective, bound and gap are None until known, and always for an LP."""

    seconds: float
    objective: float | None
    bound: float | None
    gap: float | None
    nodes: int
    iterations: int


@dataclass(frozen=True)
class SolveOptions:
    """How far a programme is solved: relative gap, seconds, who is told, who may stop it."""

    gap: float = DEFAULT_GAP
    time_limit_s: float | None = None
    on_progress: Callable[[Progress], None] | None = None
    should_stop: Callable[[], bool] | None = None
