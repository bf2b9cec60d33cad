"""Processes of a pool end with the one that started them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from planner.runs.alive import started

POOL = """
import os, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from planner.planning.orphans import end_with

if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=end_with, initargs=(os.getpid(),))
    print(pool.submit(os.getpid).result(), flush=True)
    pool.submit(time.sleep, 60).result()
"""


def test_a_worker_ends_when_its_owner_is_killed(tmp_path) -> None:
    script = tmp_path / "owner.py"
    script.write_text(POOL)
    owner = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    worker = int(owner.stdout.readline())
    assert started(worker) is not None
    owner.send_signal(signal.SIGKILL)
    owner.wait(timeout=10)
    deadline = time.monotonic() + 20
    while started(worker) is not None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert started(worker) is None
