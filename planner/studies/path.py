"""The path of a sweep through all its points, near to near, and two workers who walk it from its ends till they meet."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

WORKERS = 2
WHOLE_LINES = 2
"""Levels of control, the highest, of which a sweep walks all limits on delay at once."""
Level = float | None
"""A floor on control in points; None where there is none."""
Spot = tuple[float, Level]
"""Limits of a point: months of delay, and a level of control."""
Line = Sequence[Spot]
"""Points that one worker asks one after another."""
Worker = TypeVar("Worker")


def lines(
    loose_first: Sequence[float], rising: Sequence[Level], due: Sequence[float], along_delay: bool = False
) -> deque[Line]:
    """Lines of one path through all points, each from its loosest limits on.

    ``due`` is the work of training that may not be left undone, by limit. A limit at which more of it becomes due is many
    pivots away from the one before, at every level. So the limits are cut in two where most does, in the middle where none
    does: up the levels on one side and down on the other, which also starts both ends of the path at the lowest level. The
    two highest levels, many pivots from those below and fewest where delay is loosest, are walked without a cut.

    Where levels are as many as limits, a level is few pivots in their lower half: on a side these are one line at every
    limit. Those above are a line each, along the limits: an even number of them, so that the highest, which costs most
    where delay is tightest, is come to where it is loosest. For that the lines before must end at the highest of their
    levels where delay is tightest: a side of an even number of limits has all lines along these, and so has a path that
    is to go ``along_delay``.
    """
    steps = np.diff(due)
    cut = int(steps.argmax()) + 1 if steps.any() else (len(loose_first) + 1) // 2
    low, top = rising[:-WHOLE_LINES], rising[-WHOLE_LINES:]
    along_delay = along_delay or len(rising) < len(loose_first)
    lower_half = 0 if along_delay else max(0, len(low) - 2 * math.ceil(len(low) / 4))

    def along(limits: Sequence[float], levels: Sequence[Level]) -> list[Line]:
        return [[(months, level) for months in limits] for level in levels]

    def climb(side: Sequence[float]) -> list[Line]:
        half = lower_half * (len(side) % 2)
        at_each = [[(months, level) for level in low[:half]] for months in side] if half else []
        return [*at_each, *along(side, low[half:])]

    return deque([*climb(loose_first[:cut]), *along(loose_first, top), *reversed(climb(loose_first[cut:]))])


def walk(
    path: deque[Line],
    team: Sequence[Worker],
    ask: Callable[[Worker, float, Level], bool],
    hopeless: Callable[[float, Level], bool],
    should_stop: Callable[[], bool] | None,
) -> set[Level]:
    """Asks all points of a path, two workers in threads from either end; the levels of which all points were walked.

    ``ask`` solves a point (worker, months, points) and says whether it can be reached; what is ``hopeless`` by then is not
    asked. A stop ends both before their next line, an interrupt before their next point.
    """
    left, ended = [*path], threading.Event()
    every = {level for line in left for _, level in line}

    def go(worker: Worker, take: Callable[[], Line], spare: int) -> None:
        last: Spot | None = None
        while len(path) > spare and not (should_stop is not None and should_stop()):
            try:
                line = take()
            except IndexError:  # taken by the other
                return
            spots = [spot for spot in line if not hopeless(*spot)]
            if last and spots and _apart(last, spots[-1]) < _apart(last, spots[0]):
                spots.reverse()
            for spot in spots:
                if ended.is_set():
                    return
                # a looser one may have failed by now
                if not hopeless(*spot) and ask(worker, *spot):
                    last = spot
            left.remove(line)

    with ThreadPoolExecutor(len(team)) as pool:  # HiGHS lets other threads run
        try:  # the last line is nearest to who comes up from the end
            list(pool.map(go, team, (path.popleft, path.pop), (1, 0)))
        except BaseException:  # nobody waits for the lines that are left
            ended.set()
            path.clear()
            raise
    return every - {level for line in left for _, level in line}


def _apart(one: Spot, other: Spot) -> float:
    """Months of delay and points of control between limits."""
    return abs(one[0] - other[0]) + abs((one[1] or 0.0) - (other[1] or 0.0))
