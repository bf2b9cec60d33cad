"""The queue of runs, shared by the application and the command line: what was asked, how far it is, who asked.

    store = Store(default_url(Path("runs")))
    job = store.submit("korea", text, owner="local", directory=...)
    store.want_cancel(job.id)

One process works on one job (``planner.jobs.worker``); ``planner.jobs.supervisor`` starts and ends them. Everything a
reader sees comes from here, so a restart of server or machine loses nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from planner.facts.errors import PlannerError
from planner.jobs import tables
from planner.jobs.tables import job_events, jobs
from planner.planning.events import Event
from planner.runs.disk import OWNER_FOLDER, writing

State = Literal[
    "queued",
    "running",
    "done",
    "stopped",
    "cancelled",
    "failed",
    "infeasible",
    "no-solution",
    "unbounded",
    "lost",
]
LIVE: tuple[State, ...] = ("queued", "running")
WITH_PLAN: tuple[State, ...] = ("done", "stopped")
WITHOUT_PLAN: tuple[State, ...] = ("infeasible", "no-solution", "unbounded")
"""Ended as it should, with a run that says why there is no plan."""
STALE_S = 120.0  # a worker on another machine that has not reported for so long is lost
START_S = 30.0  # so long a worker may take to report its process


@dataclass(frozen=True)
class Job:
    """One asked-for run. Times in seconds since the epoch; ``gap`` is a share; money as the solver reports it."""

    id: str
    name: str
    title: str | None
    scenario: str
    draft: str | None
    options: str
    input_hash: str
    owner: str
    shared: bool
    state: State
    stage: str | None
    message: str | None
    incumbent: float | None
    bound: float | None
    gap: float | None
    created: float
    started: float | None
    ended: float | None
    host: str | None
    pid: int | None
    pid_start: float | None
    boot: str | None
    beat: float | None
    want_stop: float | None
    want_cancel: float | None
    directory: str
    error: str | None
    audit: str | None
    folder: str | None

    @property
    def live(self) -> bool:
        return self.state in LIVE

    @property
    def seconds(self) -> float | None:
        """How long it has been at work, or was."""
        return None if self.started is None else (self.ended or time.time()) - self.started


FIELDS = [jobs.c[f.name] for f in fields(Job)]
BRIEF = [sa.literal("").label(c.name) if c.name == "scenario" else c for c in FIELDS]


class QueueFull(PlannerError):
    """An owner has as many runs in the queue as they may; nothing was added."""


def default_url(runs_root: Path) -> str:
    """The store that lives beside the runs: ``<runs_root>/.planner.sqlite``; the folder is made."""
    with writing(runs_root):
        runs_root.mkdir(OWNER_FOLDER, parents=True, exist_ok=True)
    return f"sqlite:///{runs_root.resolve() / '.planner.sqlite'}"


def input_hash(scenario_text: str, options: Mapping[str, Any], catalog_hash: str, version: str) -> str:
    """One hash for one answer: same resolved inputs, options, facts and version of the planner."""
    payload = json.dumps([scenario_text, dict(options), catalog_hash, version], sort_keys=True)
    return hashlib.sha256(payload.encode()).hexdigest()


def new_id(name: str) -> str:
    """A run's id and directory name: ``korea-20270104-093012-4f1a``."""
    stem = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-") or "run"
    return f"{stem[:80]}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


class Store:
    """Jobs. Safe to use from several threads and processes at once."""

    def __init__(self, url: str, wait_s: float = tables.WAIT_S):
        self.url = url
        self.engine = tables.connect(url, wait_s)

    def reading(self) -> AbstractContextManager[sa.Connection]:
        return self.engine.connect()

    def writing(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that holds the write lock from its first statement (SQLite: BEGIN IMMEDIATE)."""
        return self.engine.execution_options(writes=True).begin()

    # -- asking ------------------------------------------------------------------------------------------------

    def submit(
        self,
        name: str,
        scenario: str,
        *,
        owner: str,
        runs_root: Path,
        hash: str,
        title: str | None = None,
        draft: str | None = None,
        options: Mapping[str, Any] | None = None,
        reuse: bool = True,
        most: int | None = None,
        folder: str | None = None,
    ) -> tuple[Job, bool]:
        """Puts a run in the queue; returns it and whether it is an earlier one with the same inputs.

        With ``reuse``, a live or finished run of the same owner and hash is returned instead of a new one. An owner
        may have ``most`` runs waiting or running; raises ``QueueFull`` beyond.
        """
        with self.writing() as connection:
            tables.locked(connection, jobs)
            if reuse:
                same = (
                    sa.select(*FIELDS)
                    .where(
                        jobs.c.input_hash == hash, jobs.c.owner == owner, jobs.c.state.in_([*LIVE, "done"])
                    )
                    .where(jobs.c.want_cancel.is_(None), jobs.c.want_stop.is_(None))
                    .order_by(jobs.c.created.desc())
                )
                for row in connection.execute(same):
                    found = _job(row)
                    if found.live or Path(found.directory).is_dir():
                        return found, True
            own = sa.select(sa.func.count()).where(jobs.c.owner == owner, jobs.c.state.in_(LIVE))
            if most is not None and connection.execute(own).scalar_one() >= most:
                raise QueueFull(
                    f"you have {most} runs waiting or running: wait for one to end, or cancel one"
                )
            id_ = new_id(name)
            connection.execute(
                jobs.insert().values(
                    id=id_, name=name, title=title, scenario=scenario, draft=draft, owner=owner, input_hash=hash,
                    options=json.dumps(dict(options or {}), sort_keys=True), shared=False, state="queued",
                    created=time.time(), directory=str(Path(runs_root).resolve() / id_), folder=folder,
                )
            )  # fmt: skip
            return _job(connection.execute(sa.select(*FIELDS).where(jobs.c.id == id_)).one()), False

    def job(self, id: str) -> Job | None:
        with self.reading() as connection:
            row = connection.execute(sa.select(*FIELDS).where(jobs.c.id == id)).one_or_none()
        return None if row is None else _job(row)

    def jobs(
        self,
        states: Sequence[State] | None = None,
        owner: str | None = None,
        limit: int = 500,
        folders: Sequence[str] = (),
        brief: bool = False,
        hash: str | None = None,
    ) -> list[Job]:
        """Newest first; with ``owner``, that user's, what others have shared and what lies in these folders.

        ``hash``: those with these inputs only.

        ``brief`` leaves the text of the scenario empty: a list of hundreds is then read in milliseconds.
        """
        query = sa.select(*(BRIEF if brief else FIELDS)).order_by(jobs.c.created.desc()).limit(limit)
        if states is not None:
            query = query.where(jobs.c.state.in_(states))
        if hash is not None:
            query = query.where(jobs.c.input_hash == hash)
        if owner is not None:
            query = query.where(sa.or_(jobs.c.owner == owner, jobs.c.shared, jobs.c.folder.in_(folders)))
        with self.reading() as connection:
            return [_job(row) for row in connection.execute(query)]

    def ids(self) -> set[str]:
        """Ids of all jobs."""
        with self.reading() as connection:
            return set(connection.execute(sa.select(jobs.c.id)).scalars())

    def position(self, id: str) -> int | None:
        """Place in the queue, 1 is next; ``None`` if the job does not wait."""
        with self.reading() as connection:
            waiting = list(
                connection.execute(
                    sa.select(jobs.c.id).where(jobs.c.state == "queued").order_by(jobs.c.created)
                ).scalars()
            )
        return waiting.index(id) + 1 if id in waiting else None

    def events(self, id: str, limit: int = 2000) -> list[dict[str, Any]]:
        """The last reports of a run in order: at, seconds, stage, message, incumbent, bound, gap."""
        query = (
            sa.select(job_events).where(job_events.c.job == id).order_by(job_events.c.id.desc()).limit(limit)
        )
        with self.reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()][::-1]

    def share(self, id: str, shared: bool) -> None:
        self._update(id, shared=shared)

    def want_stop(self, id: str) -> None:
        """Asks a running job to stop and keep the best plan found; a waiting one is cancelled."""
        with self.writing() as connection:
            _cancel_waiting(connection, id)
            connection.execute(
                jobs.update().where(jobs.c.id == id, jobs.c.state == "running", jobs.c.want_stop.is_(None))
                .values(want_stop=time.time())
            )  # fmt: skip

    def want_cancel(self, id: str) -> None:
        """Asks a job to end without a result; the supervisor ends its processes if it does not."""
        with self.writing() as connection:
            _cancel_waiting(connection, id)
            connection.execute(
                jobs.update().where(jobs.c.id == id, jobs.c.state == "running", jobs.c.want_cancel.is_(None))
                .values(want_cancel=time.time())
            )  # fmt: skip

    # -- working -----------------------------------------------------------------------------------------------

    def claim(self, running_limit: int) -> Job | None:
        """Takes a waiting job if fewer than the limit are running; one taker gets it.

        The owner with the fewest runs at work comes first, the oldest of their jobs before the others.
        """
        with self.writing() as connection:
            tables.locked(connection, jobs)
            running = connection.execute(
                sa.select(sa.func.count()).where(jobs.c.state == "running")
            ).scalar_one()
            if running >= running_limit:
                return None
            other = jobs.alias()
            at_work = (
                sa.select(sa.func.count())
                .where(other.c.state == "running", other.c.owner == jobs.c.owner)
                .scalar_subquery()
            )
            waiting = sa.select(jobs.c.id).where(jobs.c.state == "queued").order_by(at_work, jobs.c.created)
            id_ = connection.execute(waiting.limit(1)).scalar_one_or_none()
            if id_ is None:
                return None
            now = time.time()
            connection.execute(
                jobs.update().where(jobs.c.id == id_, jobs.c.state == "queued")
                .values(state="running", started=now, beat=now, host=socket.gethostname(), stage="start")
            )  # fmt: skip
            return _job(connection.execute(sa.select(*FIELDS).where(jobs.c.id == id_)).one())

    def set_process(self, id: str, holder: Mapping[str, Any]) -> None:
        """Notes which process works on a job, as ``planner.runs.alive.identity`` tells it."""
        self._update(id, pid=holder["pid"], pid_start=holder["start"], boot=holder["boot"], beat=time.time())

    def beat(self, id: str, holder: Mapping[str, Any]) -> Job | None:
        """Reports that the worker lives, and tells it what is wanted of it."""
        self.set_process(id, holder)
        return self.job(id)

    def report(self, id: str, event: Event, at: float | None = None) -> None:
        """Keeps one event of the solver, of a moment in seconds since the epoch (default: now).

        What an event does not say stays as it was within a stage; a new stage measures something else, and
        begins without values.
        """
        now = time.time() if at is None else at
        names = ("stage", "message", "incumbent", "bound", "gap")
        known = {name: None if (value := getattr(event, name)) == "" else _plain(value) for name in names}
        with self.writing() as connection:
            connection.execute(
                job_events.insert().values(job=id, at=now, seconds=_plain(event.seconds), **known)
            )
            changed = {name: value for name, value in known.items() if value is not None}
            same_stage = jobs.c.stage == known["stage"]
            blanks = {
                name: sa.case((same_stage, jobs.c[name]), else_=None)
                for name in ("incumbent", "bound", "gap")
                if name not in changed and known["stage"] is not None
            }
            connection.execute(jobs.update().where(jobs.c.id == id).values(beat=now, **blanks, **changed))

    def finish(self, id: str, state: State, error: str | None = None, **values: Any) -> bool:
        """Ends a running job, once; False if it had ended already."""
        with self.writing() as connection:
            done = connection.execute(
                jobs.update()
                .where(jobs.c.id == id, jobs.c.state.in_(LIVE))
                .values(state=state, ended=time.time(), error=error, **values)
            )
            return bool(done.rowcount)

    def requeue(self, id: str) -> None:
        """Back into the queue: for a job that was taken but whose process never came to be."""
        with self.writing() as connection:
            connection.execute(
                jobs.update().where(jobs.c.id == id, jobs.c.state == "running", jobs.c.pid.is_(None))
                .values(state="queued", started=None, beat=None, host=None, stage=None)
            )  # fmt: skip

    def _update(self, id: str, **values: Any) -> None:
        with self.writing() as connection:
            connection.execute(jobs.update().where(jobs.c.id == id).values(**values))


def _cancel_waiting(connection: sa.Connection, id: str) -> None:
    connection.execute(
        jobs.update()
        .where(jobs.c.id == id, jobs.c.state == "queued")
        .values(state="cancelled", ended=time.time())
    )


def _job(row: Any) -> Job:
    return Job(**row._mapping)


def _plain(value: Any) -> Any:
    """Numbers as floats, infinities and NaN as missing, anything else as text."""
    if value is None or isinstance(value, str):
        return value
    number = float(value)
    return number if abs(number) < 1e300 else None
