"""The access log: who did what, when, from where. Refusals that repeat are one row; old rows move to a file."""

from __future__ import annotations

import json
import os
import time
from itertools import groupby
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from planner.jobs.store import Store
from planner.jobs.tables import access_log as log
from planner.jobs.tables import locked

KEPT_S = 90 * 86400.0
WHAT = 2000
"""Characters kept of what a row is about."""
HOUR_S = 3600.0


def record(
    store: Store, action: str, what: str = "", user: str | None = None, address: str | None = None
) -> None:
    """One row. Actions: login, run, stop, cancel, export, import, share, refused..."""
    if action == "refused":
        _refused(store, what, user, address)
        return
    with store.writing() as connection:
        connection.execute(_row(action, what, user, address))


def _refused(store: Store, what: str, user: str | None, address: str | None) -> None:
    """Counts a refusal in the row of its name, address and hour, which holds what was refused, the last first."""
    now = time.time()
    same = sa.select(log.c.id, log.c.what).where(
        log.c.action == "refused",
        log.c.user.is_not_distinct_from(user),
        log.c.address.is_not_distinct_from(address),
        log.c.at >= now - now % HOUR_S,
    )
    with store.writing() as connection:
        locked(connection, log)
        row = connection.execute(same.order_by(log.c.id.desc()).limit(1)).one_or_none()
        if row is None:
            connection.execute(_row("refused", what, user, address))
            return
        said = [what, *(line for line in (row.what or "").splitlines() if line != what)]
        connection.execute(
            log.update()
            .where(log.c.id == row.id)
            .values(what="\n".join(said)[:WHAT], count=sa.func.coalesce(log.c.count, 1) + 1, last_at=now)
        )


def _row(action: str, what: str, user: str | None, address: str | None) -> sa.Insert:
    now = time.time()
    return log.insert().values(
        at=now,
        last_at=now,
        count=1,
        action=action,
        what=what[:WHAT],
        user=user[:80] if user else user,
        address=address,
    )


def trail(store: Store, limit: int = 1000) -> list[dict[str, Any]]:
    """The last rows, those of the last moment first."""
    query = (
        sa.select(log)
        .order_by(sa.func.coalesce(log.c.last_at, log.c.at).desc(), log.c.id.desc())
        .limit(limit)
    )
    with store.reading() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def rotate(store: Store, folder: Path, kept_s: float = KEPT_S) -> int:
    """Moves rows older than ``kept_s`` to ``access-<year>-<month>.jsonl`` in a folder; returns how many.

    A row leaves the table once its line is on the disk: a crash between leaves it in both places, never in none.
    """
    old = log.c.at < time.time() - kept_s
    with store.writing() as connection:
        rows = [
            dict(row) for row in connection.execute(sa.select(log).where(old).order_by(log.c.at)).mappings()
        ]
        for month, part in groupby(rows, lambda row: time.strftime("%Y-%m", time.gmtime(row["at"]))):
            _append(folder / f"access-{month}.jsonl", [json.dumps(row, ensure_ascii=False) for row in part])
        connection.execute(log.delete().where(log.c.id.in_([row["id"] for row in rows])))
    return len(rows)


def _append(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
