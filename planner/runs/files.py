"""The files of a run directory: what is recorded, written so that a crash never leaves half a file in place."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

from planner import __version__
from planner.facts.catalog import Catalog
from planner.intake.scenario_file import plain_scenario
from planner.runs.alive import identity
from planner.runs.disk import OWNER_FILE, RunError, write_text, writing
from planner.scenario.schema import Scenario

PACKAGES = ("pyomo", "highspy", "numpy", "pandas", "scipy", "pyarrow", "pydantic")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
"""What a run and a table may be called."""
CATALOG = "catalog"
"""Folder of a run with the files of the catalog of one's own it was made with."""


def plain(value: Any) -> Any:
    """JSON-ready copy: numpy numbers as numbers, dates as ISO text, what is not finite as null."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        return [plain(v) for v in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, date | datetime):
        return None if value != value else value.isoformat()  # NaT is not equal to itself
    return str(value)


def frame_of(parquet: bytes) -> pd.DataFrame:
    """The table in the bytes of a Parquet file; raises ``OSError`` or ``ValueError`` where they are none.

    Read without Arrow's threads. They may still hold Python's bytes when the interpreter ends, which then aborts the
    process after all was written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq  # 0.2 s, and most commands read no table

    file = pq.ParquetFile(pa.BufferReader(parquet), pre_buffer=False)
    return file.read(use_threads=False).to_pandas(use_threads=False)


def write_json(path: Path, value: Any) -> None:
    """One JSON document, pretty and with keys in the given order."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """A JSON document of anything ``plain`` takes."""
    return json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def checksum(content: bytes) -> str:
    """SHA-256 of what a file holds."""
    return hashlib.sha256(content).hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; ``RunError`` if the file is missing or damaged."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{path.parent} is not a run: it holds no {path.name}") from error
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise RunError(f"{path} is damaged: not an object")
    return value


def now() -> str:
    """Time of day in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


NO_CONTENT = ("case_limit_s",)
"""Options that end a search early where they bite, and change nothing where they do not."""
LABELS = ("title", "source", "note", "assumed")
"""Fields of any record that say something to readers and move no result."""


def content_hash(scenario: Scenario, options: Mapping[str, Any]) -> str:
    """SHA-256 of what is asked: the scenario with its defaults and the options that decide the numbers.

    Names, titles, notes and sources do not count, nor do comments and layout of the file. Facts and versions are not
    what is asked but what answers: the manifest of a run names them beside this hash.
    """
    asked = {key: value for key, value in plain_scenario(scenario).items() if key != "name"}
    content = {
        "scenario": _unlabelled(asked),
        "options": {k: v for k, v in sorted(options.items()) if v is not None and k not in NO_CONTENT},
    }
    text = json.dumps(plain(content), sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _unlabelled(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _unlabelled(v) for k, v in value.items() if k not in LABELS}
    return [_unlabelled(v) for v in value] if isinstance(value, list) else value


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    own = {"planner": __version__, "python": platform.python_version()}
    return own | {name: _version(name) for name in PACKAGES}


@cache
def _version(package: str) -> str:
    """Of what this process has loaded: it stays the same until the process ends."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def manifest(scenario: Scenario, catalog: Catalog, options: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """What is known when a run starts: versions, hash of the inputs, seed, options, machine, time."""
    return {
        "kind": kind,
        "scenario": scenario.name,
        "title": scenario.title,
        "hash": content_hash(scenario, options),
        "catalog_hash": catalog.hash,
        "options": dict(options),
        "seed": scenario.solve.seed,
        "versions": versions(),
        "machine": {
            "system": platform.platform(),
            "processor": platform.machine(),
            "cores": psutil.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        },
        "started": now(),
    }


def lock_content() -> dict[str, Any]:
    """Who writes a run: enough to know later whether that process still lives (see ``alive``)."""
    return identity() | {"started": now()}


@contextmanager
def captured_output(path: Path) -> Iterator[None]:
    """Everything this process writes to its output goes to ``path``, prints of compiled libraries too.

    Works on the file descriptors, so it is for a process that does one thing, such as a worker.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with writing(path):
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, OWNER_FILE)
    saved = [os.dup(1), os.dup(2)]
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for target, source in zip((1, 2), saved, strict=True):
            os.dup2(source, target)
            os.close(source)
        os.close(log)
