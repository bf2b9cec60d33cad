"""Starts one worker process per claimed job, ends cancelled ones, finds those that were lost.

A supervisor holds no state of its own but the children it must wait for: another one, after a restart or in
another process of the server, goes on from the store.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from planner.jobs.store import STALE_S, START_S, Job, Store
from planner.jobs.worker import end_of, ended
from planner.runs.alive import identity, is_alive
from planner.runs.disk import OWNER_FILE, OWNER_FOLDER, RunError, parts_of
from planner.runs.run import Run

TERM_AFTER_S = 5.0  # a cancelled worker may end by itself for so long
KILL_AFTER_S = 10.0
TICK_S = 0.5


class Supervisor:
    """Works the queue of a store in a thread of its own; ``tick`` does one round."""

    def __init__(self, store: Store, running_limit: int = 1, catalog: Path | None = None):
        self.store = store
        self.running_limit = running_limit
        self.catalog = catalog
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._seen: dict[tuple[str, str], tuple[Any, float]] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to work the queue until ``close``; workers outlive the supervisor."""
        self._thread = threading.Thread(target=self._loop, name="supervisor", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def tick(self) -> None:
        """One round: collect ended children, end cancelled jobs, mark lost ones, start waiting ones."""
        for id, child in list(self._children.items()):
            if child.poll() is not None:
                del self._children[id]
        running = self.store.jobs(states=["running"])
        self._seen = {key: seen for key, seen in self._seen.items() if key[0] in {job.id for job in running}}
        for job in running:
            self._look_after(job)
        while (claimed := self.store.claim(self.running_limit)) is not None:
            self._spawn(claimed)

    def _loop(self) -> None:
        while not self._stop.wait(TICK_S):
            try:
                self.tick()
            except Exception as error:  # the queue must go on when one round fails (disk full, database away)
                print(f"queue: {error!r}", file=sys.stderr)

    def _look_after(self, job: Job) -> None:
        if job.host != platform.node():
            if self._waited(job.id, "beat", job.beat) > STALE_S:
                self.store.finish(job.id, "lost", f"no sign of life from {job.host} for {STALE_S:.0f} s")
        elif job.pid is None:
            child = self._children.get(job.id)
            if child is not None:  # started, but the store would not take its number
                self.store.set_process(job.id, identity(child.pid))
            elif self._waited(job.id, "start") > START_S:
                self.store.requeue(job.id)
        elif not is_alive(holder(job)):
            self._gone(job.id)
        elif job.want_cancel is not None:
            waited = self._waited(job.id, "cancel")
            if waited > KILL_AFTER_S:
                end_group(job.pid, signal.SIGKILL)
            elif waited > TERM_AFTER_S:
                end_group(job.pid, signal.SIGTERM)

    def _waited(self, id: str, what: str, value: Any = None) -> float:
        """Seconds for which this supervisor has seen the same value: no clock that can be set is asked."""
        now = time.monotonic()
        before = self._seen.get((id, what))
        if before is None or before[0] != value:
            self._seen[id, what] = before = (value, now)
        return now - before[1]

    def _gone(self, id: str) -> None:
        job = self.store.job(id)  # again: the worker may have written its end just before it went
        if job is None or not job.live:
            return
        if job.want_cancel is not None:
            for path in parts_of(Path(job.directory)):  # it had to be ended before it could clear up
                shutil.rmtree(path, ignore_errors=True)
            self.store.finish(id, "cancelled")
        elif (run := whole_run(job)) is not None:  # the worker died between its result and the store
            state, error = end_of(run, job.want_stop is not None)
            self.store.finish(id, state, error, **ended(run))
        else:
            self.store.finish(id, "lost", "the process ended without a result\n" + last_words(job))

    def _spawn(self, job: Job) -> None:
        log = log_path(job)
        command = [sys.executable, "-m", "planner.jobs.worker", job.id, "--store", self.store.url]
        command += [] if self.catalog is None else ["--catalog", str(self.catalog)]
        try:
            log.parent.mkdir(OWNER_FOLDER, parents=True, exist_ok=True)
            with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, OWNER_FILE), "ab") as output:
                child = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
                )
        except OSError as error:
            self.store.finish(job.id, "failed", f"the worker could not be started: {error}")
            return
        self._children[job.id] = child
        self.store.set_process(job.id, identity(child.pid))


def log_path(job: Job) -> Path:
    """Where the worker's output goes: beside the runs, so that it is there even if the run never is."""
    return Path(job.directory).parent / ".jobs" / f"{job.id}.log"


def last_words(job: Job) -> str:
    """The end of what a lost worker wrote: of its unfinished run directory, and of its own output."""
    target = Path(job.directory)
    logs = [*(path / "log.txt" for path in parts_of(target)), log_path(job)]
    return "\n".join(text for path in logs if (text := tail(path).strip()))


def tail(path: Path, size: int = 2000) -> str:
    """The end of a text file; empty if there is none."""
    try:
        return path.read_bytes()[-size:].decode("utf-8", "replace")
    except OSError:
        return ""


def holder(job: Job) -> dict[str, Any]:
    """The process that works on a job of this machine, as it was noted."""
    return {"pid": job.pid, "start": job.pid_start, "boot": job.boot, "host": job.host}


def whole_run(job: Job) -> Run | None:
    """The run of a job if it is whole, whoever has told of it."""
    try:
        run = Run(job.directory)
        run.verify()
    except RunError:
        return None
    return run


def end_group(pid: int, how: signal.Signals) -> None:
    """Signals the worker and everything it started (it leads its own session)."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, how)
