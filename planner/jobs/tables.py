"""The tables of the job store, and its engine: SQLite (WAL) by default, any SQLAlchemy URL for a team server.

Times are seconds since the epoch (UTC). Nothing here is pickled; texts are YAML or JSON.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from planner.facts.errors import PlannerError

WAIT_S = 30.0

metadata = sa.MetaData()

jobs = sa.Table(
    "job",
    metadata,
    sa.Column("id", sa.String(160), primary_key=True),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("title", sa.String(300)),
    sa.Column("scenario", sa.Text, nullable=False),
    sa.Column("draft", sa.String(160)),
    sa.Column("options", sa.Text, nullable=False, default="{}"),
    sa.Column("input_hash", sa.String(64), nullable=False, index=True),
    sa.Column("owner", sa.String(80), nullable=False, index=True),
    sa.Column("shared", sa.Boolean, nullable=False, default=False),
    sa.Column("state", sa.String(12), nullable=False, index=True),
    sa.Column("stage", sa.String(80)),
    sa.Column("message", sa.Text),
    sa.Column("incumbent", sa.Float),
    sa.Column("bound", sa.Float),
    sa.Column("gap", sa.Float),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("started", sa.Float),
    sa.Column("ended", sa.Float),
    sa.Column("host", sa.String(120)),
    sa.Column("pid", sa.Integer),
    sa.Column("pid_start", sa.Float),
    sa.Column("boot", sa.String(64)),
    sa.Column("beat", sa.Float),
    sa.Column("want_stop", sa.Float),
    sa.Column("want_cancel", sa.Float),
    sa.Column("directory", sa.Text, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("audit", sa.String(12)),
    sa.Column("folder", sa.String(80), index=True),
)

job_events = sa.Table(
    "job_event",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("job", sa.String(160), nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("seconds", sa.Float),
    sa.Column("stage", sa.String(80)),
    sa.Column("message", sa.Text),
    sa.Column("incumbent", sa.Float),
    sa.Column("bound", sa.Float),
    sa.Column("gap", sa.Float),
)

drafts = sa.Table(
    "draft",
    metadata,
    sa.Column("id", sa.String(160), primary_key=True),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("title", sa.String(300)),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("base_name", sa.String(160)),
    sa.Column("base_text", sa.Text),
    sa.Column("owner", sa.String(80), nullable=False, index=True),
    sa.Column("shared", sa.Boolean, nullable=False, default=False),
    sa.Column("archived", sa.Boolean, nullable=False, default=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("updated", sa.Float, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False, default=0),
    sa.Column("folder", sa.String(80), index=True),
)

draft_history = sa.Table(
    "draft_history",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("draft", sa.String(160), nullable=False, index=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("what", sa.String(300)),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("page", sa.String(32)),
)

access_log = sa.Table(
    "access_log",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Float, nullable=False, index=True),
    sa.Column("user", sa.String(80)),
    sa.Column("address", sa.String(80)),
    sa.Column("action", sa.String(40), nullable=False),
    sa.Column("what", sa.Text),
    sa.Column("count", sa.Integer),
    sa.Column("last_at", sa.Float),
)

sessions = sa.Table(
    "session",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("user", sa.String(80), nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)

tries = sa.Table(
    "sign_in_try",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Float, nullable=False, index=True),
    sa.Column("name", sa.String(80), nullable=False, index=True),
    sa.Column("address", sa.String(80), nullable=False, index=True),
)


class StoreError(PlannerError):
    """The job store cannot be opened; the message says why and what to do."""


def connect(url: str, wait_s: float = WAIT_S) -> sa.Engine:
    """The engine of a store with its tables made; ``StoreError`` for one that cannot be used.

    ``wait_s`` is how long a call waits for another writer of SQLite before it gives up.
    """
    try:
        shown = sa.make_url(url).render_as_string(hide_password=True)
    except sa.exc.ArgumentError as error:
        raise StoreError(
            f"{url!r} is not the address of a database, such as sqlite:////srv/runs.sqlite"
        ) from error
    try:
        engine = sa.create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
        if engine.dialect.name == "sqlite":
            _for_its_owner_only(engine.url.database)
            event.listen(engine, "connect", _sqlite_connect(wait_s))
            event.listen(engine, "begin", _sqlite_begin)
        try:
            metadata.create_all(engine)
        except sa.exc.DatabaseError:  # another process of the same server made them at the same moment
            metadata.create_all(engine)
        _add_new_columns(engine)
    except ImportError as error:
        raise StoreError(
            f"the job store {shown} needs a driver that is not installed: pip install {error.name}"
        ) from error
    except sa.exc.NoSuchModuleError as error:
        raise StoreError(f"the job store {shown} is of a kind that is not known here: {error}") from error
    except (sa.exc.DBAPIError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error)
        raise StoreError(f"the job store {shown} cannot be used: {reason}") from error
    return engine


def _for_its_owner_only(path: str | None) -> None:
    """Makes SQLite's file before SQLite does: what it writes beside the file gets the same rights."""
    if path and path != ":memory:":
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        Path(path).chmod(0o600)


def _add_new_columns(engine: sa.Engine) -> None:
    """A store of an earlier version gets the columns that came since; all of them may be empty."""
    known = sa.inspect(engine)
    for table in metadata.tables.values():
        there = {column["name"] for column in known.get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                kind = column.type.compile(engine.dialect)
                with engine.begin() as connection:
                    connection.exec_driver_sql(
                        f'ALTER TABLE "{table.name}" ADD COLUMN "{column.name}" {kind}'
                    )


def locked(connection: sa.Connection, table: sa.Table) -> None:
    """Keeps other writers of a table out until the transaction ends; SQLite's own lock does so anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f'LOCK TABLE "{table.name}" IN SHARE ROW EXCLUSIVE MODE')


def _sqlite_connect(wait_s: float) -> Callable[[Any, Any], None]:
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not open transactions by itself
        cursor = connection.cursor()
        cursor.execute(
            f"PRAGMA busy_timeout={wait_s * 1000:.0f}"
        )  # first: the switch to WAL may wait as well
        cursor.execute("PRAGMA journal_mode=WAL")
        # A run that was accepted or ended must be so after a power cut too. NORMAL would be quicker and could lose
        # the last of them; there are a few a second at most.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    return prepare


def _sqlite_begin(connection: sa.Connection) -> None:
    # A transaction that reads and then writes must hold the write lock from the start, or it can fail half way.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
