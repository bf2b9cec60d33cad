"""The path of a sweep through all its points, near to near, and two workers who walk it from its ends till they meet."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

WORKERS = 2
WHOLE_LINES = 2
"""Levels of control, the highest, of which a sweep walks all limits on delay at once."""
Level = float | None
"""A floor on control in points; None where there is none."""
Line = tuple[Level, Sequence[float]]
"""A level of control and limits on delay (months), the loosest first."""
Worker = TypeVar("Worker")


def lines(loose_first: Sequence[float], rising: Sequence[Level], due: Sequence[float]) -> deque[Line]:
    """Lines of one path through all points: limits on delay, the loosest first, at each level of control.

    ``due`` is the work of training that may not be left undone, by limit. A limit at which more of it becomes due is many
    pivots away from the one before, at every level. So the limits are cut in two where most does, in the middle where none
    does: up the levels on one side and down on the other, which also starts both ends of the path at the lowest level. The
    two highest levels, many pivots from those below and fewest where delay is loosest, are walked without a cut.
    """
    steps = np.diff(due)
    cut = int(steps.argmax()) + 1 if steps.any() else (len(loose_first) + 1) // 2
    low, top = rising[:-WHOLE_LINES], rising[-WHOLE_LINES:]
    up, down = loose_first[:cut], loose_first[cut:]
    return deque([
        *((level, up) for level in low),
        *((level, loose_first) for level in top),
        *((level, down) for level in reversed(low)),
    ])  # fmt: skip


def walk(
    path: deque[Line],
    team: Sequence[Worker],
    ask: Callable[[Worker, float, Level], bool],
    hopeless: Callable[[float, Level], bool],
    should_stop: Callable[[], bool] | None,
) -> set[Level]:
    """Asks all points of a path, two workers in threads from either end; the levels of which all lines were walked.

    ``ask`` solves a point (worker, months, points) and says whether it can be reached; what is ``hopeless`` by then is not
    asked. A stop ends both before their next line.
    """
    left = Counter(level for level, _ in path)

    def go(worker: Worker, take: Callable[[], Line], spare: int) -> None:
        last = None
        while len(path) > spare and not (should_stop is not None and should_stop()):
            try:
                level, block = take()
            except IndexError:  # taken by the other
                return
            months = [m for m in block if not hopeless(m, level)]
            if months and months[-1] == last:
                months.reverse()
            for asked in months:
                # a looser one may have failed by now
                if not hopeless(asked, level) and ask(worker, asked, level):
                    last = asked
            left[level] -= 1

    with ThreadPoolExecutor(len(team)) as pool:  # HiGHS lets other threads run
        # the last line is nearest to who comes up from the end
        list(pool.map(go, team, (path.popleft, path.pop), (1, 0)))
    return {level for level, lines_left in left.items() if not lines_left}
