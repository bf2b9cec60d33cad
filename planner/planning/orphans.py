"""Processes that work for another end with it, however it ended: a pool does not see to that where its owner is killed."""

from __future__ import annotations

import os
import threading
import time

LOOK_S = 1.0


def end_with(parent: int) -> None:
    """In a process of a pool: an end within a second of that of the process with this number, which started it."""
    threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os._exit(1)
