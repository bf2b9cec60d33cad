"""Who solves the cases of a batch on this machine: processes of their own, started anew and not forked."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from loky.process_executor import ProcessPoolExecutor

from planner.planning.orphans import end_with
from planner.runs.batch_file import BatchCase
from planner.runs.disk import RunError, WriteError
from planner.runs.neighbours import Neighbours
from planner.runs.solve import run_solve

TRIES_ALONE = 2
IDLE_POOLS = 3
"""So many pools in a row may die before any of their processes has taken a case."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Done:
    """What came of one case. ``files`` are those of its run where it was solved on another machine.

    ``unwritable`` says that the system refused the result: what comes next would fail as well.
    """

    name: str
    status: str
    error: str | None = None
    files: Mapping[str, bytes] | None = None
    unwritable: bool = False


QUIET = "ignore:resource_tracker:UserWarning"
"""For Python's own process that cleans up after those that were ended: it does so, and would warn of it."""
OnDone = Callable[[Done], None]
_NEIGHBOURS = Neighbours()
"""Of this process: what its next case may take over from its last."""


def solve_case(case: BatchCase, folder: Path) -> Done:
    """Solves one case into ``folder/<name>``; an exception becomes a failure with its traceback."""
    limit = case.options.get("case_limit_s")
    end = None if limit is None else time.monotonic() + float(limit)
    try:
        run = run_solve(
            case.scenario,
            case.options,
            folder / case.name,
            should_stop=None if end is None else lambda: time.monotonic() > end,
            catalog=case.catalog,
            neighbours=_NEIGHBOURS,
        )
        return Done(case.name, run.status)
    except WriteError as error:
        return Done(case.name, "failed", str(error), unwritable=True)
    except Exception:
        return Done(case.name, "failed", traceback.format_exc())


def on_this_machine(cases: Sequence[BatchCase], folder: Path, workers: int, note: OnDone) -> None:
    """Solves cases in processes with one thread each; those whose process dies are tried again alone."""
    suspects = _in_pool(deque(cases), folder, min(workers, max(len(cases), 1)), note)
    for case in suspects:
        for _ in range(TRIES_ALONE):
            if not _in_pool(deque([case]), folder, 1, note):
                break
        else:
            message = (
                f"the process was killed {TRIES_ALONE + 1} times while solving this case (out of memory?)"
            )
            note(Done(case.name, "failed", message))


def _in_pool(waiting: deque[BatchCase], folder: Path, workers: int, note: OnDone) -> list[BatchCase]:
    """Works off the queue; returns the cases that were in work when processes died."""
    suspects: list[BatchCase] = []
    idle = 0
    while waiting:
        pool = _pool(workers)
        running: dict[Future[Done], BatchCase] = {}
        before = len(waiting)
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    running[pool.submit(solve_case, waiting[0], folder)] = waiting[0]
                    waiting.popleft()  # only now: a process may die between the queue and the submission
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    done = future.result()
                    del running[future]
                    note(done)
            pool.shutdown(wait=True)
        except BrokenProcessPool:
            for future, case in running.items():
                if future.done() and future.exception() is None:
                    note(future.result())
                else:
                    suspects.append(case)
        finally:
            pool.shutdown(wait=True, kill_workers=True)
        idle = idle + 1 if len(waiting) == before else 0
        if idle == IDLE_POOLS:
            raise RunError("the processes of the batch end before they take a case: see the messages above")
    return suspects


def _pool(workers: int) -> ProcessPoolExecutor:
    """Fresh interpreters that know nothing of the script that asks: it needs no ``__main__`` guard."""
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs", category=UserWarning)
    if QUIET not in sys.warnoptions:
        sys.warnoptions.append(QUIET)
    return ProcessPoolExecutor(
        workers, timeout=None, initializer=_start_worker, initargs=(os.getpid(),), env=ONE_THREAD
    )


def _start_worker(parent: int) -> None:
    """No share in the parent's Ctrl-C, and an end when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(parent)
