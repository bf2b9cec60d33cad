"""Who solves the cases of a batch: processes of this machine, or workers of a Dask cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from planner.runs.batch_file import BatchCase
from planner.runs.files import RunError
from planner.runs.solve import run_solve

TRIES_ALONE = 2
CONNECT_S = 20


@dataclass(frozen=True)
class Done:
    """What came of one case; ``files`` are those of its run where it was solved on another machine."""

    name: str
    status: str
    error: str | None = None
    files: Mapping[str, bytes] | None = None


OnDone = Callable[[Done], None]


def solve_case(case: BatchCase, folder: Path) -> Done:
    """Solves one case into ``folder/<name>``; an exception becomes a failure with its traceback."""
    try:
        run = run_solve(case.scenario, case.options, folder / case.name, catalog=case.catalog)
        return Done(case.name, run.status)
    except Exception:
        return Done(case.name, "failed", traceback.format_exc())


def solve_case_elsewhere(case: BatchCase) -> Done:
    """Solves one case on a machine that shares no disk: the files of the run come back as bytes."""
    with TemporaryDirectory() as folder:
        done = solve_case(case, Path(folder))
        place = Path(folder) / case.name
        if done.error is not None:
            return done
        files = {
            p.relative_to(place).as_posix(): p.read_bytes() for p in sorted(place.rglob("*")) if p.is_file()
        }
        return Done(done.name, done.status, None, files)


# ---- this machine


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
    while waiting:
        # a fresh interpreter: forking a process in which a solver has run threads can hang
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(
            workers, mp_context=context, initializer=_start_worker, initargs=(os.getpid(),)
        )
        running: dict[Future[Done], BatchCase] = {}
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    case = waiting.popleft()
                    running[pool.submit(solve_case, case, folder)] = case
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    done = future.result()
                    del running[future]
                    note(done)
            pool.shutdown()
        except BrokenProcessPool:
            for future, case in running.items():
                finished = future.done() and future.exception() is None
                if finished:
                    note(future.result())
                else:
                    suspects.append(case)
        finally:
            _end(pool)
    return suspects


def _start_worker(parent: int) -> None:
    """One thread for every library, no share in the parent's Ctrl-C, and an end when the parent is gone."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _end(pool: ProcessPoolExecutor) -> None:
    """Ends what is left of a pool after an interruption, without waiting for the cases in work."""
    processes: list[Any] = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(5)


# ---- a cluster


def connect(address: str) -> Any:
    """A client of a Dask scheduler; ``RunError`` without the packages, or where none answers."""
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        message = "a cluster needs the packages of the extra `cluster`: pip install 'planner[cluster]'"
        raise RunError(message) from error
    try:
        return distributed.Client(address, timeout=CONNECT_S)
    except (OSError, ValueError, TimeoutError) as error:
        raise RunError(f"no Dask scheduler answers at {address}: {error}") from error


def on_cluster(cases: Sequence[BatchCase], client: Any, note: OnDone) -> None:
    """Solves cases on the workers of a Dask scheduler; one whose worker dies is given to another."""
    as_completed: Any = import_module("distributed").as_completed
    try:
        jobs = {
            client.submit(solve_case_elsewhere, case, key=f"planner-{case.hash}", retries=TRIES_ALONE): case
            for case in cases
        }
        for future in as_completed(list(jobs)):
            try:
                note(future.result())
            except Exception as error:  # KilledWorker and what a broken worker raises
                note(Done(jobs[future].name, "failed", f"{type(error).__name__}: {error}"))
    finally:
        client.close()
