"""Works on one job in a process of its own: ``python -m planner.jobs.worker JOB_ID --store URL``.

A thread reports that the process lives and reads what is wanted of it; the solver asks between its steps
whether to stop. The run directory is written by ``planner.runs.run``, so a killed worker leaves a run marked lost,
never half a run that looks whole.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import psutil

from planner.jobs.store import WITHOUT_PLAN, Job, State, Store
from planner.planning.events import Event

BEAT_S = 1.0
REPORT_S = 0.25
ERROR_LENGTH = 4000


class Cancelled(BaseException):
    """The user gave the run up. Not an ``Exception``: nothing on the way may take it for a failed step."""


class Pulse:
    """Reports life and reads wishes in a thread; wishes once seen stay."""

    def __init__(self, store: Store, id: str):
        self.store, self.id = store, id
        self.stop, self.cancel = threading.Event(), threading.Event()
        self._stage: str | None = None
        self._found = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="pulse", daemon=True)

    def __enter__(self) -> Pulse:
        self._read()
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._end.set()
        self._thread.join(timeout=5)

    def heard(self, event: Event) -> None:
        """Remembers whether the step at work has found anything yet."""
        if event.stage != self._stage:
            self._stage, self._found = event.stage, False
        self._found = self._found or event.incumbent is not None

    def should_stop(self) -> bool:
        """Cancel ends a step at once; stop ends each remaining step with the first solution it finds.

        A plan takes several steps, each from what the one before found: ended with nothing, a step would leave
        nothing to keep.
        """
        return self.cancel.is_set() or (self.stop.is_set() and self._found)

    def _loop(self) -> None:
        while not self._end.wait(BEAT_S):
            with contextlib.suppress(
                Exception
            ):  # a busy store must not end the run; the next beat tries again
                self._read()

    def _read(self) -> None:
        job = self.store.beat(self.id)
        if job is None or not job.live or job.want_cancel is not None:
            self.cancel.set()
        elif job.want_stop is not None:
            self.stop.set()


def work(store: Store, id: str, catalog: Path | None = None) -> int:
    """Solves a claimed job with the facts of a folder and writes its end; 0 if it has a result, 1 if not."""
    job = store.job(id)
    if job is None or job.state != "running":
        print(f"no running job {id!r}", file=sys.stderr)
        return 1
    own = psutil.Process()
    store.set_process(id, own.pid, own.create_time())
    with Pulse(store, id) as pulse:
        try:
            return _solve(store, job, catalog, pulse)
        except Cancelled:
            store.finish(id, "cancelled")
        except Exception as error:
            traceback.print_exc()
            store.finish(id, "failed", f"{type(error).__name__}: {error}"[:ERROR_LENGTH])
    return 1


def _solve(store: Store, job: Job, folder: Path | None, pulse: Pulse) -> int:
    store.report(job.id, Event("read", "reading the scenario"))
    from planner.facts.catalog import load_catalog
    from planner.intake.scenario_file import parse_scenario

    # pandas, pyomo and the solver take a second: they come after the first sign of life
    from planner.runs.solve import run_solve

    last = 0.0

    def report(event: Event) -> None:
        nonlocal last
        pulse.heard(event)
        if pulse.cancel.is_set():
            raise Cancelled
        now = time.monotonic()
        if event.message or now - last > REPORT_S:  # a solver may speak a hundred times a second
            store.report(job.id, event)
            last = now

    catalog = load_catalog(folder)
    scenario = parse_scenario(job.scenario, file=f"{job.name}.yaml", catalog=catalog)
    run = run_solve(
        scenario,
        json.loads(job.options),
        job.directory,
        on_event=report,
        should_stop=pulse.should_stop,
        capture=True,
        catalog=catalog,
    )
    if pulse.cancel.is_set():
        shutil.rmtree(run.path, ignore_errors=True)
        raise Cancelled
    state, error = _end(run, pulse.stop.is_set())
    store.finish(
        job.id,
        state,
        error,
        directory=str(Path(run.path).resolve()),
        gap=run.outcome.get("gap"),
        stage="done",
    )
    return 0 if state in ("done", "stopped") else 1


def _end(run: Any, asked_to_stop: bool) -> tuple[State, str | None]:
    if run.has_plan:
        return ("stopped" if asked_to_stop else "done"), None
    if run.status in WITHOUT_PLAN:
        return run.status, "stopped before any plan was found" if asked_to_stop else None
    return "failed", f"the run ended as {run.status}"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m planner.jobs.worker", description="Works on one job of the queue."
    )
    parser.add_argument("job")
    parser.add_argument("--store", required=True, help="SQLAlchemy URL of the job store")
    parser.add_argument("--catalog", type=Path, help="folder of facts over the packaged catalog")
    arguments = parser.parse_args()
    with contextlib.suppress(OSError):
        os.nice(5)  # the server, which shows the progress, goes first
    return work(Store(arguments.store), arguments.job, arguments.catalog)


if __name__ == "__main__":
    sys.exit(main())
