"""Every call to the disk that a run makes fails once: the run is whole or is not there, and the message names the file."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from planner.facts.catalog import load_catalog
from planner.intake.scenario_file import example_path, load_scenario
from planner.planning.events import Event
from planner.runs.alive import identity, is_alive
from planner.runs.disk import RunError, WriteError, replace_bytes, write_text
from planner.runs.run import Run
from planner.runs.writer import start_run
from planner.scenario.schema import Scenario

CALLS = ("open", "write", "fsync", "mkdir", "rename", "unlink", "replace")
OUTCOME = {"status": "optimal", "kpis": {"cost_npv_musd": {"value": 3.0, "unit": "MUSD"}}}


class Faults:
    """Counts the calls that change a disk below a folder, and fails one of them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        self.folder, self.count, self.fail_at = folder, 0, 0
        self.failed: tuple[str, str] | None = None
        self.names: dict[int, str] = {}
        for name in CALLS:
            monkeypatch.setattr(os, name, self.wrapped(name, getattr(os, name)))

    def wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(target: Any, *args: Any, **kwargs: Any) -> Any:
            path = self.names.get(target, "") if isinstance(target, int) else os.fspath(target)
            reading = name == "open" and not args[0] & (os.O_WRONLY | os.O_RDWR)
            if str(path).startswith(str(self.folder)) and not reading:
                self.count += 1
                if self.count == self.fail_at:
                    self.failed = name, str(path)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            result = real(target, *args, **kwargs)
            if name == "open":
                self.names[result] = str(path)
            return result

        return call


@pytest.fixture(scope="module")
def toy() -> Scenario:
    return load_scenario(example_path("two-hosts"))


@pytest.fixture
def faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    yield Faults(tmp_path, monkeypatch)


def small_run(folder: Path, toy: Scenario) -> Run:
    with start_run(folder, toy, load_catalog(), {}) as writer:
        writer.event(Event("build", "x"))
        for name in ("orders", "fleet"):
            writer.table(name, pd.DataFrame({"x": [1.0, 2.0]}))
        return writer.finish(OUTCOME, {"state": "clean"})


def test_whichever_write_fails_the_run_is_whole_or_not_there_and_the_file_is_named(
    faults: Faults, toy: Scenario, tmp_path: Path
) -> None:
    small_run(tmp_path / "n0", toy)
    calls, whole, told = faults.count, 0, 0
    assert calls > 30
    for n in range(1, calls + 1):
        faults.count, faults.fail_at, faults.failed = 0, n, None
        place = tmp_path / f"n{n}"
        try:
            small_run(place, toy)
        except WriteError as error:
            assert "no space left on device" in str(error)
            assert faults.failed is not None
            name = Path(faults.failed[1])
            assert name.name in str(error) or place.name in str(error), (faults.failed, str(error))
            told += 1
        else:
            progress = ("events.jsonl", "log.txt")
            assert faults.failed is None or Path(faults.failed[1]).name in progress, faults.failed
        if place.exists():
            run = Run(place)
            run.verify()
            assert run.status == "optimal" and run.table("orders")["x"].tolist() == [1.0, 2.0]
            assert sorted(run.tables) == ["fleet", "orders"] and run.kpi("cost_npv_musd") == 3.0
            whole += 1
        assert not list(tmp_path.glob(f".{place.name}.*")), "half a run is left"
    assert told > 0.8 * calls and 0 < whole < calls / 5


def test_a_file_is_replaced_whole_or_stays(faults: Faults, tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    replace_bytes(path, b"old")
    for n in range(1, faults.count + 1):
        path.write_bytes(b"old")
        faults.count, faults.fail_at = 0, n
        with pytest.raises(RunError, match=re.escape(str(tmp_path))):
            replace_bytes(path, b"new, and longer")
        assert path.read_bytes() in (b"old", b"new, and longer")
        assert [p.name for p in tmp_path.iterdir()] == ["results.csv"]


def test_a_write_cut_short_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, bytes(data[:3])))
    write_text(tmp_path / "x", "0123456789")
    assert (tmp_path / "x").read_text() == "0123456789"


def test_reports_that_cannot_be_written_cost_no_plan(
    toy: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with start_run(tmp_path / "run", toy, load_catalog(), {}) as writer:
        with monkeypatch.context() as patch:
            patch.setattr(
                "planner.runs.writer.write_text", lambda *a, **k: (_ for _ in ()).throw(WriteError("full"))
            )
            writer.event(Event("halls", "lost"))
        writer.event(Event("halls", "kept"))
        run = writer.finish(OUTCOME)
    assert [e["message"] for e in run.events] == ["kept"]


def test_a_process_is_known_by_its_start_and_boot_whatever_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    own = identity()
    for step in (-3600, 3600):
        monkeypatch.setattr("time.time", lambda step=step: 2e9 + step)
        assert is_alive(own)
    assert not is_alive(own | {"start": own["start"] + 1})
    assert not is_alive(own | {"boot": "another"})
    assert not is_alive(own | {"pid": 2**30})
    assert not is_alive({"host": own["host"]}) and is_alive({"host": "elsewhere"})
