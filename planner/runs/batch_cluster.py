"""Who solves the cases of a batch on other machines: the workers of a Dask scheduler (docs/dask.md).

A worker shares no disk with who asks: a case travels with its scenario and facts, the files of its run come back.
"""

from __future__ import annotations

import logging
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from planner.runs.batch_file import BatchCase
from planner.runs.batch_workers import TRIES_ALONE, Done, OnDone, solve_case
from planner.runs.disk import RunError
from planner.runs.files import versions

CONNECT_S = 20
GONE = "the scheduler is gone"
NOISY = ("distributed.", "tornado.application", "asyncio")
"""Loggers that tell of a connection that broke, with tracebacks; each has a level of its own."""
AHEAD = 2
"""Cases a thread of the cluster has at hand: one in work, one waiting."""


class ClusterLost(RunError):
    """The scheduler is gone, or all its workers; what was solved is kept."""


def solve_case_elsewhere(case: BatchCase) -> Done:
    """Solves one case on a machine that shares no disk: the files of the run come back as bytes."""
    with TemporaryDirectory() as folder:
        done = solve_case(case, Path(folder))
        place = Path(folder) / case.name
        if done.error is not None:  # its disk is not ours: a full one fails this case alone
            return Done(done.name, done.status, done.error)
        files = {
            p.relative_to(place).as_posix(): p.read_bytes() for p in sorted(place.rglob("*")) if p.is_file()
        }
        return Done(done.name, done.status, None, files)


def connect(address: str) -> Any:
    """A client of a Dask scheduler whose workers have the versions of this process; ``RunError`` where not."""
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        message = "a cluster needs the packages of the extra `cluster`: pip install 'planner[cluster]'"
        raise RunError(message) from error
    for name in ("distributed", *(n for n in logging.root.manager.loggerDict if n.startswith(NOISY))):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what it logs is said in our words
    try:
        client = distributed.Client(address, timeout=CONNECT_S)
    except (OSError, ValueError, TimeoutError) as error:
        raise RunError(f"no Dask scheduler answers at {address}: {error}") from error
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
        _agree(client.run(versions, on_error="return"))
    except TimeoutError as error:
        client.close()
        raise RunError(
            f"the scheduler at {address} has no workers: start some with `dask worker {address}`"
        ) from error
    except RunError:
        client.close()
        raise
    return client


def _agree(theirs: Mapping[str, Any]) -> None:
    """``RunError`` with every worker whose versions differ: results of a batch are comparable, or are not begun."""
    ours = versions()
    wrong = []
    for worker, found in theirs.items():
        if not isinstance(found, Mapping):
            wrong.append(f"{worker}: the planner does not load there ({found})")
            continue
        differ = [name for name in ours if _agreed(name, found.get(name)) != _agreed(name, ours[name])]
        wrong += [f"{worker}: {n} {found.get(n, 'unknown')}, here {ours[n]}" for n in differ]
    if wrong:
        raise RunError("the workers have other versions than this machine:\n" + "\n".join(wrong))


def _agreed(name: str, version: Any) -> Any:
    """What must be equal of a version: of Python the first two numbers, of packages all."""
    return ".".join(str(version).split(".")[:2]) if name == "python" else version


def on_cluster(cases: Sequence[BatchCase], client: Any, note: OnDone) -> None:
    """Solves cases on the workers of a Dask scheduler; one whose worker dies is given to another.

    ``ClusterLost`` where the scheduler goes away: cases that have no answer are not called failed.
    """
    as_completed: Any = import_module("distributed").as_completed
    token = secrets.token_hex(4)  # a scheduler remembers keys: what another batch asked is not asked again
    waiting = deque(cases)
    asked: dict[str, BatchCase] = {}

    def ask() -> list[Any]:
        """As many cases as the workers of the moment can have at hand: workers come and go."""
        futures = []
        while waiting and len(asked) < AHEAD * max(sum(client.nthreads().values()), 1):
            key = f"planner-{waiting[0].hash}-{token}"
            futures.append(client.submit(solve_case_elsewhere, waiting[0], key=key, retries=TRIES_ALONE))
            asked[key] = waiting.popleft()
        return futures

    try:
        pending = as_completed(ask())
        for future in pending:
            case = asked.pop(future.key)
            try:
                done = future.result()
            except CancelledError as error:
                raise ClusterLost(GONE) from error
            except Exception as error:  # KilledWorker and what a broken worker raises
                if client.status != "running":
                    raise ClusterLost(GONE) from error
                done = Done(case.name, "failed", f"{type(error).__name__}: {error}")
            note(done)
            pending.update(ask())
    except OSError as error:
        raise ClusterLost(GONE) from error
    finally:
        client.close()
