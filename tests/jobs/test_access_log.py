"""The access log: refusals that repeat are counted in one row, old rows move to a file and none is lost."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from planner.jobs import access_log, tables
from planner.jobs.store import Store, default_url


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(default_url(tmp_path / "runs"))


def test_what_was_done_is_a_row_each(store: Store) -> None:
    access_log.record(store, "run", "korea-1", user="ann", address="127.0.0.1")
    access_log.record(store, "run", "korea-1", user="ann", address="127.0.0.1")
    access_log.record(store, "refused", "x" * 5000)
    newest, *runs = access_log.trail(store)
    assert [(r["user"], r["action"], r["what"]) for r in runs] == [("ann", "run", "korea-1")] * 2
    assert newest["action"] == "refused" and len(newest["what"]) == 2000


def test_refusals_of_one_name_address_and_hour_are_one_row(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for what in ("run a", "run b", "run a"):
        access_log.record(store, "refused", what, user="vera", address="10.0.0.1")
    access_log.record(store, "refused", "run a", user="vera", address="10.0.0.2")
    access_log.record(store, "refused", "run a", address="10.0.0.1")
    rows = {(r["user"], r["address"]): (r["count"], r["what"]) for r in access_log.trail(store)}
    assert rows == {
        ("vera", "10.0.0.1"): (3, "run a\nrun b"), ("vera", "10.0.0.2"): (1, "run a"), (None, "10.0.0.1"): (1, "run a"),
    }  # fmt: skip
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600)
    access_log.record(store, "refused", "run a", user="vera", address="10.0.0.1")
    assert [r["count"] for r in access_log.trail(store) if r["address"] == "10.0.0.1" and r["user"]] == [1, 3]


def test_refusals_at_the_same_moment_are_all_counted(store: Store) -> None:
    threads = [threading.Thread(target=access_log.record, args=(store, "refused", "x")) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [r["count"] for r in access_log.trail(store)] == [40]


def test_old_rows_move_to_a_file(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    for days in (200, 100, 95, 1):
        monkeypatch.setattr(time, "time", lambda days=days: now - days * 86400)
        access_log.record(store, "run", f"{days} days ago", user="ann")
    monkeypatch.setattr(time, "time", lambda: now)
    monkeypatch.setattr(access_log, "_append", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space"):
        access_log.rotate(store, tmp_path)
    monkeypatch.undo()
    assert len(access_log.trail(store)) == 4, "what could not be written stays"
    assert access_log.rotate(store, tmp_path) == 3
    assert access_log.rotate(store, tmp_path) == 0
    files = sorted(tmp_path.glob("access-*.jsonl"))
    lines = [json.loads(line)["what"] for file in files for line in file.read_text().splitlines()]
    assert lines == ["200 days ago", "100 days ago", "95 days ago"]
    assert [r["what"] for r in access_log.trail(store)] == ["1 days ago"]
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)


def test_a_store_of_an_earlier_version_gets_the_new_columns(tmp_path: Path) -> None:
    url = default_url(tmp_path / "runs")
    old = sa.create_engine(url)
    with old.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE access_log (id INTEGER PRIMARY KEY, at FLOAT, user VARCHAR(80), address VARCHAR(80), "
            "action VARCHAR(40), what TEXT)"
        )
        connection.exec_driver_sql("INSERT INTO access_log (at, action, what) VALUES (1.0, 'run', 'before')")
    store = Store(url)
    access_log.record(store, "run", "after")
    assert [r["what"] for r in access_log.trail(store)] == ["after", "before"]
    assert {c["name"] for c in sa.inspect(store.engine).get_columns("job")} == set(tables.jobs.c.keys())
