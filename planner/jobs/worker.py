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
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from planner.jobs.askers import note_asker
from planner.jobs.store import Job, State, Store
from planner.jobs.tables import StoreError
from planner.planning.events import Event, OnEvent
from planner.runs.alive import identity

if TYPE_CHECKING:
    from planner.facts.catalog import Catalog
    from planner.runs.run import Run
    from planner.scenario.schema import Scenario

Result = TypeVar("Result")
BEAT_S = 1.0
REPORT_S = 0.25
WAIT_S = 2.0
OPEN_S, FINISH_S = 120.0, 24 * 3600.0
"""So long a worker tries to reach the store at its start; a result waits for a day."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0
MOST_WAITING = 500
"""Reports kept for a store that is away; the oldest go first."""
ERROR_LENGTH = 4000


class Cancelled(BaseException):
    """The user gave the run up. Not an ``Exception``: nothing on the way may take it for a failed step."""


class Pulse:
    """Reports life and progress and reads wishes, in a thread; wishes once seen stay.

    A store that is busy or away costs reports at the worst, never the run: the solver does not wait for it.
    """

    def __init__(self, store: Store, id: str):
        self.store, self.id = store, id
        self.stop, self.cancel = threading.Event(), threading.Event()
        self._holder = identity()
        self._stage: str | None = None
        self._found = False
        self._waiting: deque[tuple[float, Event]] = deque(maxlen=MOST_WAITING)
        self._last = 0.0
        self._held: tuple[float, Event] | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="pulse", daemon=True)

    def __enter__(self) -> Pulse:
        with contextlib.suppress(Exception):
            self._read()
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the reports; those that wait are tried once more."""
        if not self._end.is_set():
            self._end.set()
            self._thread.join()
            self._send()

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

    def say(self, event: Event) -> None:
        """Puts a report on its way; a solver may speak a hundred times a second and is heard a few times.

        The last that a stage said is heard in any case, when the next begins.
        """
        self.heard(event)
        now = time.monotonic()
        if self._held is not None and self._held[1].stage != event.stage:
            self._waiting.append(self._held)
        self._held = None
        if event.message or now - self._last > REPORT_S:
            self._waiting.append((time.time(), event))
            self._last = now
        else:
            self._held = (time.time(), event)

    def _loop(self) -> None:
        beat = time.monotonic()
        while not self._end.wait(REPORT_S):
            self._send()
            if time.monotonic() - beat > BEAT_S:
                with contextlib.suppress(Exception):  # the next beat tries again
                    self._read()
                beat = time.monotonic()

    def _send(self) -> None:
        with contextlib.suppress(Exception):  # what was not taken goes with the next
            while self._waiting:
                at, event = self._waiting[0]
                self.store.report(self.id, event, at)
                self._waiting.popleft()

    def _read(self) -> None:
        job = self.store.beat(self.id, self._holder)
        if job is None or not job.live or job.want_cancel is not None:
            self.cancel.set()
        elif job.want_stop is not None:
            self.stop.set()


def work(store: Store, id: str, catalog: Path | None = None) -> int:
    """Solves a claimed job with the facts of a folder and writes its end; 0 if it has a result, 1 if not."""
    job = patiently(lambda: store.job(id), OPEN_S)
    if job is None or job.state != "running":
        print(f"no running job {id!r}", file=sys.stderr)
        return 1
    with Pulse(store, id) as pulse:
        try:
            return _solve(store, job, catalog, pulse)
        except Cancelled:
            _finish(store, pulse, "cancelled")
        except Exception as error:
            traceback.print_exc()
            _finish(store, pulse, "failed", f"{type(error).__name__}: {error}"[:ERROR_LENGTH])
    return 1


def patiently(call: Callable[[], Result], seconds: float) -> Result:
    """What the call gives, tried again for so long while the store is locked or away."""
    end, pause = time.monotonic() + seconds, FIRST_PAUSE_S
    while True:
        try:
            return call()
        except (sa.exc.DBAPIError, StoreError, OSError) as error:
            if time.monotonic() > end:
                raise
            print(f"the job store does not answer, trying again: {error}", file=sys.stderr)
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


def _finish(store: Store, pulse: Pulse, state: State, error: str | None = None, **values: Any) -> None:
    """Writes the end after the last report; the result waits for a store that is locked or away."""
    pulse.close()
    patiently(lambda: store.finish(pulse.id, state, error, **values), FINISH_S)


def _solve(store: Store, job: Job, folder: Path | None, pulse: Pulse) -> int:
    pulse.say(Event("read", "reading the scenario"))
    # pandas, pyomo and the solver take a second: they come after the first sign of life
    from planner.runs.downsides import run_downsides
    from planner.runs.run import DOWNSIDES, FRONTIER, WHAT_IF
    from planner.runs.what_if import run_what_if

    def report(event: Event) -> None:
        pulse.say(event)
        if pulse.cancel.is_set():
            raise Cancelled

    options = json.loads(job.options)
    if options.get("study") == DOWNSIDES:
        run = run_downsides(options, job.directory, report, pulse.should_stop)
    elif options.get("study") == FRONTIER:
        run = _traded(store, job, options, folder, report, pulse)
    elif options.get("study") in WHAT_IF:
        run = run_what_if(options, job.directory, *_inputs(job, folder), report, pulse.should_stop)
    else:
        run = _planned(job, options, folder, report, pulse.should_stop)
    if pulse.cancel.is_set():
        shutil.rmtree(run.path, ignore_errors=True)
        raise Cancelled
    note_asker(run.path, job.owner, job.folder)
    state, error = end_of(run, pulse.stop.is_set())
    _finish(store, pulse, state, error, **ended(run))
    return 0 if state in ("done", "stopped") else 1


def _planned(
    job: Job,
    options: dict[str, Any],
    folder: Path | None,
    on_event: OnEvent,
    should_stop: Callable[[], bool],
) -> Run:
    from planner.runs.solve import run_solve

    scenario, catalog = _inputs(job, folder)
    return run_solve(scenario, options, job.directory, on_event, should_stop, capture=True, catalog=catalog)


def _traded(
    store: Store, job: Job, options: dict[str, Any], folder: Path | None, on_event: OnEvent, pulse: Pulse
) -> Run:
    """The trade-off of a job; ``options["resume"]`` is the run whose plans it goes on from.

    A stop ends it with the plans that are made; before the first is, with what that finds.
    """
    from planner.runs.frontier import points_left, run_frontier
    from planner.studies.frontier_plans import MADE

    made = 0

    def report(event: Event) -> None:
        nonlocal made
        made += MADE.match(event.message) is not None
        on_event(event)

    def should_stop() -> bool:
        return pulse.should_stop() or (pulse.stop.is_set() and made > 0)

    scenario, catalog = _inputs(job, folder)
    earlier: list[Path] = []
    goes_on_from = options.get("resume")
    while goes_on_from is not None:  # and what that one went on from, had it not come to take it over
        before = store.job(goes_on_from)
        place = Path(job.directory).parent / goes_on_from if before is None else Path(before.directory)
        earlier += points_left(place)
        goes_on_from = None if before is None else json.loads(before.options).get("resume")
    return run_frontier(
        scenario, options, job.directory, report, should_stop, catalog=catalog, earlier=earlier
    )


def _inputs(job: Job, folder: Path | None) -> tuple[Scenario, Catalog]:
    from planner.facts.catalog import load_catalog
    from planner.intake.scenario_file import parse_scenario

    catalog = load_catalog(folder)
    return parse_scenario(job.scenario, file=f"{job.name}.yaml", catalog=catalog), catalog


def end_of(run: Run, asked_to_stop: bool) -> tuple[State, str | None]:
    """The state of a job by its run, and what went wrong where there is no result."""
    from planner.runs.run import DOWNSIDES, WHAT_IF

    if run.has_plan or run.kind in (DOWNSIDES, *WHAT_IF):
        return ("stopped" if asked_to_stop else "done"), None
    if run.status == "infeasible":
        return "infeasible", None
    return "failed", "stopped before any plan was found" if asked_to_stop else "no plan within the time limit"


def ended(run: Run) -> dict[str, Any]:
    """What a finished job says of its run."""
    return {
        "directory": str(Path(run.path).resolve()),
        "gap": run.outcome.get("gap"),
        "audit": run.audit,
        "stage": "done",
    }


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
    # a short wait for a locked store: what must not be lost is tried again
    store = patiently(lambda: Store(arguments.store, WAIT_S), OPEN_S)
    return work(store, arguments.job, arguments.catalog)


if __name__ == "__main__":
    sys.exit(main())
