"""Starts one worker process per claimed job, ends cancelled ones, finds those that were lost.

A supervisor holds no state of its own but the children it must wait for: another one, after a restart or in
another process of the server, goes on from the store.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

from planner.jobs.store import STALE_S, START_S, Job, Store

TERM_AFTER_S = 5.0  # a cancelled worker may end by itself for so long
KILL_AFTER_S = 10.0
TICK_S = 0.5


class Supervisor:
    """Works the queue of a store in a thread of its own; ``tick`` does one round."""

    def __init__(self, store: Store, running_limit: int = 1, catalog: Path | None = None):
        self.store = store
        self.running_limit = running_limit
        self.catalog = catalog
        self._children: dict[int, subprocess.Popen[bytes]] = {}
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
        for pid, child in list(self._children.items()):
            if child.poll() is not None:
                del self._children[pid]
        for job in self.store.jobs(states=["running"]):
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
        now = time.time()
        if job.host != socket.gethostname():
            if now - (job.beat or 0) > STALE_S:
                self.store.finish(job.id, "lost", f"no sign of life from {job.host} for {STALE_S:.0f} s")
        elif job.pid is None:
            if now - (job.started or 0) > START_S:
                self.store.requeue(job.id)
        elif not alive(job.pid, job.pid_start):
            self._gone(job.id)
        elif job.want_cancel is not None:
            waited = now - job.want_cancel
            if waited > KILL_AFTER_S:
                end_group(job.pid, signal.SIGKILL)
            elif waited > TERM_AFTER_S:
                end_group(job.pid, signal.SIGTERM)

    def _gone(self, id: str) -> None:
        job = self.store.job(id)  # again: the worker may have written its end just before it went
        if job is None or not job.live:
            return
        if job.want_cancel is not None:
            self.store.finish(id, "cancelled")
        else:
            self.store.finish(id, "lost", "the process ended without a result\n" + last_words(job))

    def _spawn(self, job: Job) -> None:
        log = log_path(job)
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "planner.jobs.worker", job.id, "--store", self.store.url]
        command += [] if self.catalog is None else ["--catalog", str(self.catalog)]
        try:
            with log.open("ab") as output:
                child = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
                )
        except OSError as error:
            self.store.finish(job.id, "failed", f"the worker could not be started: {error}")
            return
        self._children[child.pid] = child
        with contextlib.suppress(psutil.Error):
            self.store.set_process(job.id, child.pid, psutil.Process(child.pid).create_time())


def log_path(job: Job) -> Path:
    """Where the worker's output goes: beside the runs, so that it is there even if the run never is."""
    return Path(job.directory).parent / ".jobs" / f"{job.id}.log"


def last_words(job: Job) -> str:
    """The end of what a lost worker wrote: of its unfinished run directory, and of its own output."""
    target = Path(job.directory)
    parts = sorted(target.parent.glob(f".{target.name}.*.part/log.txt"))
    return "\n".join(text for path in [*parts, log_path(job)] if (text := tail(path).strip()))


def tail(path: Path, size: int = 2000) -> str:
    """The end of a text file; empty if there is none."""
    try:
        return path.read_bytes()[-size:].decode("utf-8", "replace")
    except OSError:
        return ""


def alive(pid: int, pid_start: float | None) -> bool:
    """Whether the very process still runs: same id, same start (ids are used again), not a zombie."""
    try:
        process = psutil.Process(pid)
        same = pid_start is None or abs(process.create_time() - pid_start) < 2.0
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def end_group(pid: int, how: signal.Signals) -> None:
    """Signals the worker and everything it started (it leads its own session)."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, how)
