"""One worker of a batch at a time: who holds it is written in its folder and survives a crash of the holder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from planner.runs.alive import is_alive
from planner.runs.disk import OWNER_FILE, RunError, replace_bytes, writing
from planner.runs.files import json_text, lock_content, read_json

LOCK, GUARD = "lock.json", ".lock"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Holds a batch while its cases are solved; ``RunError`` says who holds it already.

    A holder is known by process number, start in ticks since boot, and boot, so a dead one is passed over whatever
    the clock says; one on another machine is believed to live.
    """
    path = folder / LOCK
    with _guarded(folder):
        if worker := at_work(folder):
            raise RunError(f"{worker}: wait for it, or end it; if that machine is gone, remove {path}")
        replace_bytes(path, json_text(lock_content()).encode())
    try:
        yield
    finally:
        with suppress(OSError):  # on a disk that takes no change any more the holder is dead soon enough
            path.unlink(missing_ok=True)


def at_work(folder: Path) -> str:
    """Who works on a batch, in words; empty where nobody does. ``RunError`` for a lock that cannot be read."""
    path = folder / LOCK
    if not (path.is_file() and is_alive(holder := _holder(path))):
        return ""
    who = f"process {holder.get('pid')} on {holder.get('host')} (since {holder.get('started')})"
    return f"{folder} is worked on by {who}"


def _holder(path: Path) -> dict[str, Any]:
    """Who holds a batch. A lock is written whole or not at all, so one that cannot be read is nobody's we can name."""
    try:
        return read_json(path)
    except RunError as error:
        raise RunError(f"{error}: if no process works on this batch, remove the file") from error


@contextmanager
def _guarded(folder: Path) -> Iterator[None]:
    """Looking and taking are one step: the system's lock is held between them, and ends with the process."""
    with writing(folder):
        handle = os.open(folder / GUARD, os.O_RDWR | os.O_CREAT, OWNER_FILE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
