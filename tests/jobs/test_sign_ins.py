"""Sign-ins: tries are counted before they are made, however many come at once; sessions end when they are ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from planner.jobs import sign_ins
from planner.jobs.sign_ins import TRIES, TRIES_OF_ADDRESS, TRIES_OF_NAME
from planner.jobs.store import Store, default_url
from planner.jobs.tables import tries


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(default_url(tmp_path / "runs"))


def taken(count: int, take: Callable[[int], bool]) -> int:
    return sum(take(i) for i in range(count))


def test_parallel_tries_are_no_more_than_one_after_another(store: Store) -> None:
    answers: list[bool] = []
    start = threading.Barrier(20)

    def ask() -> None:
        start.wait()
        answers.extend(sign_ins.take_try(store, "ann", "10.0.0.1") for _ in range(10))

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 200 and sum(answers) == TRIES


def test_a_name_and_an_address_have_limits_of_their_own(store: Store) -> None:
    assert taken(200, lambda i: sign_ins.take_try(store, "ann", f"10.0.0.{i}")) == TRIES_OF_NAME
    assert taken(200, lambda i: sign_ins.take_try(store, f"name-{i}", "10.1.0.1")) == TRIES_OF_ADDRESS


def test_a_browser_that_has_signed_in_is_not_locked_out_by_others(store: Store) -> None:
    taken(200, lambda i: sign_ins.take_try(store, "ann", "10.0.0.1"))
    taken(200, lambda i: sign_ins.take_try(store, f"name-{i}", "10.0.0.1"))
    assert not sign_ins.take_try(store, "ann", "10.0.0.1")
    assert taken(20, lambda i: sign_ins.take_try(store, "ann", "10.0.0.1", "device-1")) == TRIES
    sign_ins.succeeded(store, "ann", "10.0.0.1", "device-1")
    assert sign_ins.take_try(store, "ann", "10.0.0.1", "device-1")


def test_failed_names_are_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    taken(50, lambda i: sign_ins.take_try(store, f"name-{i}", "10.0.0.1"))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + sign_ins.WINDOW_S + 1)
    assert sign_ins.take_try(store, "ann", "10.0.0.1")
    with store.reading() as connection:
        assert list(connection.execute(sa.select(tries.c.name)).scalars()) == ["ann"]


def test_a_clock_that_is_set_back_does_not_lengthen_the_pause(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(sign_ins.TRIES):
        assert sign_ins.take_try(store, "ann", "1.2.3.4")
    assert not sign_ins.take_try(store, "ann", "1.2.3.4")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600.0)
    assert sign_ins.take_try(store, "ann", "1.2.3.4")


def test_a_session_ends_when_closed_and_in_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = sign_ins.open_session(store, "ann"), sign_ins.open_session(store, "ann")
    assert sign_ins.is_open(store, first, "ann") and not sign_ins.is_open(store, first, "bob")
    sign_ins.close_session(store, first)
    assert not sign_ins.is_open(store, first, "ann") and sign_ins.is_open(store, second, "ann")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + sign_ins.SESSION_S + 1)
    assert not sign_ins.is_open(store, second, "ann")
