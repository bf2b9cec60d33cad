"""Progress and stop of a running HiGHS."""

import time
from collections.abc import Callable
from typing import Any

import highspy
import numpy as np

from planner.solver.interrupt import interrupted
from planner.solver.progress import Progress

# Simplex and interior point poll thousands of times a second.
_LP_REPORT_EVERY_S = 0.25


class Watch:
    """Listens to a HiGHS object while it runs: `with watch: highs.run()`.

    An exception of a callback cannot pass through HiGHS: it interrupts the run and is raised on leaving.
    """

    def __init__(
        self,
        highs: highspy.Highs,
        on_progress: Callable[[Progress], None] | None,
        should_stop: Callable[[], bool] | None,
        seconds: float | None = None,
        cpu_end: float = np.inf,
    ) -> None:
        self.highs = highs
        self.on_progress = on_progress
        self.should_stop = should_stop
        # HiGHS looks at its own limit only now and then, at the root of a MIP after seconds.
        self._deadline = None if seconds is None else time.perf_counter() + seconds
        self._cpu_end = cpu_end
        """Processor time of the thread (``time.thread_time``) at which the run ends; HiGHS with one thread has no other."""
        self.stopped = False
        self._error: BaseException | None = None
        self._began = time.perf_counter()
        self._last_report = -np.inf

    def __enter__(self) -> None:
        for event, listener in self._listeners():
            event.subscribe(listener)

    def __exit__(self, *_: Any) -> None:
        for event, listener in self._listeners():
            event.unsubscribe(listener)
        if self._error is not None:
            raise self._error
        if interrupted.is_set():
            interrupted.clear()
            raise KeyboardInterrupt

    def _listeners(self) -> list[tuple[Any, Callable[[Any], None]]]:
        listeners: list[tuple[Any, Callable[[Any], None]]] = []
        if self.on_progress is not None:
            listeners.append((self.highs.cbMipLogging, self._on_mip))
        limited = self._deadline is not None or self._cpu_end < np.inf
        if limited or self.on_progress is not None or self.should_stop is not None:
            polls = (self.highs.cbMipInterrupt, self.highs.cbSimplexInterrupt, self.highs.cbIpmInterrupt)
            listeners += [(poll, self._on_poll) for poll in polls]
        return listeners

    def _on_mip(self, event: Any) -> None:
        out = event.data_out
        self._report(_known(out.mip_primal_bound), _known(out.mip_dual_bound), _known(out.mip_gap), out)

    def _on_poll(self, event: Any) -> None:
        try:
            if self._error is None and self.should_stop is not None and self.should_stop():
                self.stopped = True
        except BaseException as error:
            self._error = error
        is_lp = event.callback_type != highspy.cb.HighsCallbackType.kCallbackMipInterrupt
        if is_lp and time.perf_counter() - self._last_report >= _LP_REPORT_EVERY_S:
            self._report(None, None, None, event.data_out)
        late = self._deadline is not None and time.perf_counter() > self._deadline
        late |= self._cpu_end < np.inf and time.thread_time() > self._cpu_end
        # Said either way: HiGHS keeps the wish of an earlier run, and would end the next one at once.
        event.interrupt(late or self.stopped or self._error is not None or interrupted.is_set())

    def _report(self, objective: float | None, bound: float | None, gap: float | None, out: Any) -> None:
        self._last_report = time.perf_counter()
        if self.on_progress is None or self._error is not None:
            return
        iterations = max(0, int(out.simplex_iteration_count)) + max(0, int(out.ipm_iteration_count))
        seconds = self._last_report - self._began
        try:
            self.on_progress(
                Progress(seconds, objective, bound, gap, max(0, int(out.mip_node_count)), iterations)
            )
        except BaseException as error:
            self._error = error


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
