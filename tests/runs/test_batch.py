"""Batches: every case once, one table whatever the executor, and no case lost to a killed process."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import psutil
import pytest

from planner.facts.catalog import load_catalog
from planner.intake.scenario_file import ScenarioError
from planner.runs.batch import BatchResult, batch
from planner.runs.batch_file import BatchError, grid_name, load_batch
from planner.runs.batch_workers import Done, connect, on_this_machine, solve_case_elsewhere
from planner.runs.files import RunError
from planner.runs.run import Run

MANIFEST = """
batch: 1
scenario: two-hosts
quality: quick
grid:
  limits.min_control: [null, 40]
cases:
  - id: impossible
    set: {limits.min_control: 99}
  - id: same
    set: {limits.min_control: 40}
"""
CASES = ["min_control-null", "min_control-40", "impossible", "same"]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("batch") / "sweep.yaml"
    path.write_text(MANIFEST)
    return path


@pytest.fixture(scope="module")
def told() -> list[tuple[str, str, int, int]]:
    return []


@pytest.fixture(scope="module")
def done(manifest: Path, told: list[tuple[str, str, int, int]]) -> BatchResult:
    """The batch on two processes."""
    return batch(manifest, manifest.parent / "out", workers=2, on_case=lambda *a: told.append(a))


def problems(text: str, folder: Path) -> list[str]:
    path = folder / "bad.yaml"
    path.write_text(text)
    with pytest.raises(BatchError) as caught:
        load_batch(path, load_catalog())
    return [f"{p.line}: {p.path}: {p.message}" for p in caught.value.problems]


# ---- the manifest


def test_names_are_readable() -> None:
    assert grid_name({"limits.min_control": 60, "money.level": "low"}) == "min_control-60_level-low"
    assert grid_name({"hosts[jv-ulsan]": None}) == "hosts-jv-ulsan-null"


def test_every_problem_of_every_case_is_named(tmp_path: Path) -> None:
    found = problems(
        "batch: 1\nscenario: two-hosts\ngrid:\n  money.level: [low, hihg]\ncases:\n"
        "  - {id: a, set: {demand[x].priority: 3}}\n  - {id: b, objective: speed}\n".replace(
            "demand[x]", "'demand[x]'"
        ).replace("'demand[x]'.priority", "'demand[x].priority'"),
        tmp_path,
    )
    assert len(found) == 1 and "speed" in found[0]  # the manifest itself comes first
    found = problems(
        "batch: 1\nscenario: two-hosts\ngrid:\n  money.level: [low, hihg]\ncases:\n"
        "  - {id: a, set: {'demand[x].priority': 3}}\n",
        tmp_path,
    )
    assert [line.split(": ")[0] for line in found] == ["3", "6"]
    assert "did you mean 'high'" in found[0] and "(case level-hihg)" in found[0] and "(case a)" in found[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("batch: 1\nscenario: two-hosts\n", "names no case"),
        ("batch: 1\nscenario: two-hots\ngrid: {a: [1]}\n", "did you mean 'two-hosts'"),
        ("batch: 1\nscenario: two-hosts\ngrid: {money.level: []}\n", "empty"),
        ("batch: 2\nscenario: two-hosts\n", "must be 1"),
        ("batch: 1\nscenario: two-hosts\ngrd: {}\n", "did you mean 'grid'"),
        ("batch: 1\nscenario: two-hosts\ncases: [{id: a}, {id: a}]\n", "two cases are called 'a'"),
        (
            f"batch: 1\nscenario: two-hosts\ngrid: {{a: &n [{','.join('1' * 60)}], b: *n, c: *n}}\n",
            "216\u202f000 comb",
        ),
    ],
)
def test_manifests_that_cannot_be_used(text: str, words: str, tmp_path: Path) -> None:
    assert any(words in line for line in problems(text, tmp_path))


def test_scenario_is_found_beside_the_manifest_and_its_problems_are_its_own(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: two-hosts\nnam: x\n")
    (tmp_path / "sweep.yaml").write_text("batch: 1\nscenario: mine.yaml\ncases: [{id: a}]\n")
    with pytest.raises(ScenarioError, match="nam: unknown field"):
        load_batch(tmp_path / "sweep.yaml", load_catalog())
    (tmp_path / "mine.yaml").write_text("extends: two-hosts\nname: mine\n")
    assert load_batch(tmp_path / "sweep.yaml", load_catalog())[0].scenario.name == "mine"


# ---- solving


def test_one_row_a_case_in_the_order_of_the_manifest(done: BatchResult, told: list[Any]) -> None:
    table = done.table.set_index("case")
    assert list(table.index) == CASES and done.failed == ["impossible"]
    assert table["status"].tolist() == ["optimal", "optimal", "infeasible", "optimal"]
    assert "control of at least 99" in table.loc["impossible", "reason"]
    assert table.loc["min_control-40", "control_score"] >= 40 - 1e-6
    assert table.loc["min_control-40", "cost_npv_musd"] > table.loc["min_control-null", "cost_npv_musd"]
    assert sorted(name for name, *_ in told) == sorted(CASES) and told[-1][2:] == (4, 4)
    read = pd.read_parquet(done.path / "results.parquet")
    pd.testing.assert_frame_equal(read, done.table, check_dtype=False)
    assert Run(done.path).kind == "batch" and Run(done.path).status == "failed"


def test_equal_cases_are_solved_once(done: BatchResult) -> None:
    runs = [Run(done.path / "cases" / name) for name in ("min_control-40", "same")]
    assert runs[0].manifest == runs[1].manifest  # a copy: even the time it was started


def test_a_finished_case_is_never_solved_again(done: BatchResult, manifest: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(done.path, folder)
    before = {name: Run(folder / "cases" / name).manifest["started"] for name in CASES}
    shutil.rmtree(folder / "cases" / "min_control-null")
    (folder / "cases" / "stranger").mkdir()
    again: list[tuple[Any, ...]] = []
    batch(manifest, folder, workers=1, resume=True, on_case=lambda *a: again.append(a))
    assert [(a[0], "before" in a[1]) for a in again] == [
        ("min_control-40", True), ("impossible", True), ("same", True), ("min_control-null", False),
    ]  # fmt: skip
    after = {name: Run(folder / "cases" / name).manifest["started"] for name in CASES}
    assert {n for n in CASES if before[n] != after[n]} == {"min_control-null"}
    assert (folder / "results.csv").read_bytes() == (done.path / "results.csv").read_bytes()
    assert sorted(p.name for p in (folder / "cases").iterdir()) == sorted(CASES)


def test_places_that_are_refused(manifest: Path, done: BatchResult, tmp_path: Path) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "mine").touch()
    for folder, resume, words in (
        (done.path, False, "--resume"),
        (tmp_path / "used", True, "does not hold a batch"),
        (tmp_path / "used" / "mine", False, "is a file"),
        (tmp_path / "no" / "where", False, "does not exist"),
        (None, True, "name its folder"),
    ):
        with pytest.raises(RunError, match=words):
            batch(manifest, folder, resume=resume)
    assert [p.name for p in (tmp_path / "used").iterdir()] == ["mine"]


class Killer(threading.Thread):
    """Kills one process of the pool as soon as a case is in work."""

    def __init__(self, folder: Path):
        super().__init__(daemon=True)
        self.folder = folder
        self.killed = 0

    def run(self) -> None:
        end = time.monotonic() + 120
        while not self.killed and time.monotonic() < end:
            for part in self.folder.glob("cases/.*.part"):
                pid = int(part.name.rsplit(".", 2)[1].split("-")[0])
                if pid != os.getpid() and psutil.pid_exists(pid):
                    psutil.Process(pid).kill()
                    self.killed = pid
                    return
            time.sleep(0.005)


@pytest.mark.slow
def test_cases_of_a_killed_process_are_done_again(manifest: Path, done: BatchResult, tmp_path: Path) -> None:
    killer = Killer(tmp_path / "out")
    killer.start()
    result = batch(manifest, tmp_path / "out", workers=1)
    assert killer.killed
    assert not (result.path / "failures").exists(), [
        p.read_text() for p in (result.path / "failures").iterdir()
    ]
    assert (result.path / "results.csv").read_bytes() == (done.path / "results.csv").read_bytes()


class Poison:
    """Ends the process that receives it."""

    name = "poison"

    def __reduce__(self) -> Any:
        return os._exit, (9,)


@pytest.mark.slow
def test_a_case_that_kills_its_process_is_found_and_the_others_are_solved(
    manifest: Path, tmp_path: Path
) -> None:
    cases: list[Any] = [Poison(), load_batch(manifest, load_catalog())[2]]
    results: list[Done] = []
    on_this_machine(cases, tmp_path, 2, results.append)
    assert {r.name: r.status for r in results} == {"poison": "failed", "impossible": "infeasible"}
    assert "killed 3 times" in str(next(r.error for r in results if r.name == "poison"))


# ---- a cluster


class FakeCluster(ModuleType):
    """What the batch uses of Dask, on a thread: the batch's own code is what is tested."""

    def __init__(self) -> None:
        super().__init__("distributed")
        self.pool = ThreadPoolExecutor(1)

        class Client:
            def __init__(client, address: str, timeout: float) -> None:
                if address != "tcp://here:8786":
                    raise OSError("no answer")

            def submit(client, work: Any, case: Any, key: str, retries: int) -> Any:
                assert case.hash in key and retries > 0
                return self.pool.submit(work, case)

            def close(client) -> None:
                self.pool.shutdown()

        self.Client = Client
        self.as_completed = list


def test_table_is_the_same_on_a_cluster(
    manifest: Path, done: BatchResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", FakeCluster())
    with pytest.raises(RunError, match="no Dask scheduler answers at tcp://there:8786"):
        batch(manifest, tmp_path / "nothing", scheduler="tcp://there:8786")
    assert not (tmp_path / "nothing").exists()
    result = batch(manifest, tmp_path / "out", scheduler="tcp://here:8786")
    assert (result.path / "results.csv").read_bytes() == (done.path / "results.csv").read_bytes()
    assert Run(result.path / "cases" / "min_control-40").has_plan


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(RunError, match=r"planner\[cluster\]"):
        connect("tcp://here:8786")


def test_a_case_that_raises_is_a_failure_with_its_reason(
    manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise ArithmeticError("unheard of")

    monkeypatch.setattr("planner.runs.batch_workers.run_solve", fail)
    result = solve_case_elsewhere(load_batch(manifest, load_catalog())[0])
    assert result.status == "failed" and "unheard of" in str(result.error)
