"""Whether the process that holds a run, a batch or a job still lives, whatever the clock on the wall says.

A process is known by its number, its start in ticks since the machine came up, and the boot it belongs to:
numbers are used again and clocks are set, but no two processes of one boot share number and tick.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import psutil

PROC = Path("/proc")
STATE, TICKS = 0, 19  # fields of /proc/PID/stat behind the name of the command


def identity(pid: int | None = None) -> dict[str, Any]:
    """Number, start, boot and machine of a process, by default of this one; ``start`` is null where it is gone."""
    number = os.getpid() if pid is None else pid
    return {"pid": number, "start": started(number), "boot": boot(), "host": platform.node()}


def is_alive(holder: Mapping[str, Any]) -> bool:
    """Whether the process that ``identity`` was taken of still runs; one of another machine is believed to."""
    if holder.get("host") != platform.node():
        return True
    start, pid = holder.get("start"), holder.get("pid")
    if holder.get("boot") != boot() or start is None or not isinstance(pid, int):
        return False
    return bool(started(pid) == start)


def started(pid: int) -> float | None:
    """When a process started: ticks since boot on Linux, else the moment its kernel wrote down; none for a dead one."""
    if (PROC / "self" / "stat").is_file():
        try:
            fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[STATE] in "ZX" else float(fields[TICKS])
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None


@cache
def boot() -> str:
    """A name of the time since this machine came up; empty where the system has none."""
    try:
        return (PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()
    except OSError:
        return ""
