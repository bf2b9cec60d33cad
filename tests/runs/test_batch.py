"""Batches: every case once, one table whatever the executor, and no case lost to a killed process."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import psutil
import pytest

from planner.facts.catalog import load_catalog
from planner.intake.scenario_file import ScenarioError
from planner.runs.alive import identity
from planner.runs.batch import BatchResult, BatchStopped, batch, look_ahead
from planner.runs.batch_cluster import connect, solve_case_elsewhere
from planner.runs.batch_design import grid_name
from planner.runs.batch_file import BatchError, load_batch
from planner.runs.batch_lock import held
from planner.runs.batch_resume import plan_of
from planner.runs.batch_workers import Done, on_this_machine
from planner.runs.disk import RunError
from planner.runs.files import versions, write_json
from planner.runs.run import Run, list_runs

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
    assert grid_name({"a.b": -5}) != grid_name({"a.b": 5})


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
    assert [line.split(": ")[0] for line in found] == ["4", "6"]
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


@pytest.mark.untraced
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
    run = Run(done.path)
    assert (run.kind, run.status, run.audit) == ("batch", "done", "clean"), (
        "a case without a plan is an answer"
    )
    assert run.outcome["cases"] == {"optimal": 3, "infeasible": 1}
    assert run.manifest["catalog_hash"] == load_catalog().hash and run.catalog_notes(load_catalog()) == []
    (row,) = list_runs(done.path.parent).query("name == @done.path.name").to_dict("records")
    assert (row["status"], row["audit"]) == ("done", "clean")


def test_equal_cases_are_solved_once(done: BatchResult) -> None:
    runs = [Run(done.path / "cases" / name) for name in ("min_control-40", "same")]
    assert runs[0].manifest == runs[1].manifest  # a copy: even the time it was started


@pytest.fixture
def copy(done: BatchResult, tmp_path: Path) -> Path:
    """A folder of its own with everything the batch wrote."""
    return Path(shutil.copytree(done.path, tmp_path / "out"))


def started(folder: Path) -> dict[str, str]:
    return {p.name: Run(p).manifest["started"] for p in (folder / "cases").iterdir()}


def changed(manifest: Path, old: str, new: str, folder: Path) -> Path:
    path = folder / "changed.yaml"
    path.write_text(manifest.read_text().replace(old, new))
    return path


def test_a_finished_case_is_never_solved_again(done: BatchResult, manifest: Path, copy: Path) -> None:
    before = started(copy)
    shutil.rmtree(copy / "cases" / "min_control-null")
    again: list[tuple[Any, ...]] = []
    batch(manifest, copy, workers=1, resume=True, on_case=lambda *a: again.append(a))
    assert [(a[0], "before" in a[1]) for a in again] == [
        ("min_control-40", True), ("impossible", True), ("same", True), ("min_control-null", False),
    ]  # fmt: skip
    after = started(copy)
    assert {n for n in CASES if before[n] != after[n]} == {"min_control-null"}
    assert (copy / "results.csv").read_bytes() == (done.path / "results.csv").read_bytes()
    assert sorted(p.name for p in (copy / "cases").iterdir()) == sorted(CASES)


def test_what_no_case_asks_for_is_put_aside_and_found_again(
    manifest: Path, copy: Path, tmp_path: Path
) -> None:
    fewer = changed(manifest, "[null, 40]", "[40]", tmp_path)
    before = started(copy)
    result = batch(fewer, copy, resume=True)
    assert [p.name for p in result.aside] == ["min_control-null"] and result.aside[0].is_dir()
    assert len(result.table) == 3
    result = batch(manifest, copy, resume=True)  # asked for again: taken from where it lies
    assert started(copy) == before and not result.aside and not list((copy / "aside").iterdir())
    batch(fewer, copy, resume=True)
    earlier = copy / "aside" / "min_control-null"  # put aside before: deleted by name, not without a word
    assert [p for p, _ in look_ahead(fewer, copy, resume=True).leaving(discard=True)] == [earlier]
    assert batch(fewer, copy, resume=True, discard=True).aside == [earlier]
    assert not (copy / "aside").exists()


def test_titles_notes_and_names_move_no_result(manifest: Path, copy: Path, tmp_path: Path) -> None:
    before = started(copy)
    words = "scenario: two-hosts\nset: {title: Another, 'hosts[cloud].note': checked}"
    plan = look_ahead(changed(manifest, "scenario: two-hosts", words, tmp_path), copy, resume=True)
    assert not plan.to_solve and not plan.aside
    renamed = changed(manifest, "impossible", "too-much", tmp_path)
    plan = look_ahead(renamed, copy, resume=True)
    assert not plan.to_solve and not plan.aside, "a result is known by what was asked"
    batch(renamed, copy, resume=True)
    after = started(copy)
    assert after["too-much"] == before["impossible"] and "impossible" not in after


def test_two_cases_may_change_their_names_with_one_another(
    manifest: Path, copy: Path, tmp_path: Path
) -> None:
    swapped = tmp_path / "swapped.yaml"
    swapped.write_text(
        "batch: 1\nscenario: two-hosts\nquality: quick\ncases:\n"
        "  - {id: same, set: {limits.min_control: 99}}\n  - {id: impossible, set: {limits.min_control: 40}}\n"
    )
    before = started(copy)
    batch(swapped, copy, resume=True)
    after = started(copy)
    assert (after["same"], after["impossible"]) == (before["impossible"], before["same"])
    assert {p.name for p in (copy / "aside").iterdir()} == {"min_control-null", "same"}


def test_why_a_case_is_solved_is_said_before_anything_is_written(
    manifest: Path, copy: Path, tmp_path: Path
) -> None:
    (copy / "cases" / "impossible" / "outcome.json").write_text('{"status": 3}')
    (copy / "cases" / "same" / "tables" / "orders.parquet").write_bytes(b"")
    (copy / "failures").mkdir()
    (copy / "failures" / "extra.txt").write_text("Traceback\nValueError: odd")
    other = changed(manifest, "[null, 40]", "[null, 45]", tmp_path)
    other.write_text(other.read_text() + "  - {id: extra, set: {limits.min_control: 20}}\n")
    seen = sorted(p.stat().st_mtime_ns for p in copy.rglob("*"))
    why = {s.case.name: s.why for s in look_ahead(other, copy, resume=True).steps}
    assert why["min_control-null"] == "" and why["min_control-45"] == "new"
    assert "damaged" in why["impossible"] and "'status'" in why["impossible"]
    assert why["same"] == "", "the answer of the equal case is there"
    assert why["extra"] == "it failed: ValueError: odd"
    assert sorted(p.stat().st_mtime_ns for p in copy.rglob("*")) == seen
    moved = changed(manifest, "limits.min_control: 99", "limits.min_control: 98", tmp_path)
    plan = look_ahead(moved, copy, resume=True)
    assert {s.why for s in plan.to_solve} == {f"its result cannot be used: {copy}/cases/impossible/outcome.json is "
                                              "damaged: 'status' is not of its kind"}  # fmt: skip


def test_inputs_that_changed_are_named(manifest: Path, copy: Path, tmp_path: Path) -> None:
    moved = changed(manifest, "limits.min_control: 99", "limits.min_control: 98", tmp_path)
    plan = look_ahead(moved, copy, resume=True)
    assert [(s.case.name, s.why) for s in plan.to_solve] == [
        ("impossible", "changed: limits.min_control 99.0 -> 98.0")
    ]
    assert [(p.name, why) for p, why in plan.aside] == [
        ("impossible", "changed: limits.min_control 99.0 -> 98.0")
    ]


def test_results_of_other_versions_are_kept_marked_and_solved_again_on_request(
    manifest: Path, copy: Path, tmp_path: Path
) -> None:
    path = copy / "cases" / "impossible"
    noted = Run(path).manifest
    write_json(path / "manifest.json", noted | {"versions": noted["versions"] | {"highspy": "1.9.9"}})
    result = batch(manifest, copy, resume=True)
    marks = result.table.set_index("case")["made_with"]
    assert marks.to_dict() == dict.fromkeys(CASES, "") | {"impossible": "highspy 1.9.9"}
    assert (
        result.mixed.startswith("mixed versions: 1 of 4 results") and "1 with highspy 1.9.9" in result.mixed
    )
    assert (copy / "results.csv").read_text().splitlines()[0] == f"# {result.mixed}"
    assert len(pd.read_csv(copy / "results.csv", comment="#")) == 4
    assert Run(copy).outcome["mixed"] == result.mixed
    plan = look_ahead(manifest, copy, resume=True, refresh=True)
    assert [(s.case.name, s.why) for s in plan.to_solve] == [("impossible", "made with highspy 1.9.9")]


def test_an_older_planner_had_fewer_fields(manifest: Path, copy: Path) -> None:
    """Its results are known by their inputs as read today, not by the hash it wrote."""
    for name in CASES:
        path = copy / "cases" / name
        noted = Run(path).manifest
        write_json(
            path / "manifest.json",
            noted | {"hash": "of-old", "versions": noted["versions"] | {"planner": "0.0.1"}},
        )
    plan = look_ahead(manifest, copy, resume=True)
    assert not plan.to_solve and not plan.aside


def test_two_at_once_are_told_who_holds_the_batch(manifest: Path, copy: Path) -> None:
    with held(copy), pytest.raises(RunError, match=rf"worked on by process {os.getpid()} on .* \(since"):
        batch(manifest, copy, resume=True)
    with held(copy):
        assert f"worked on by process {os.getpid()} on " in look_ahead(manifest, copy, resume=True).at_work
    assert not look_ahead(manifest, copy, resume=True).at_work
    assert batch(manifest, copy, resume=True).failed == ["impossible"]
    lock = identity() | {"started": "2020-01-01"}
    for dead in ({"start": lock["start"] - 1}, {"boot": "another"}, {"pid": 2**30}):
        write_json(copy / "lock.json", lock | dead)
        assert batch(manifest, copy, resume=True).failed == ["impossible"]
    write_json(copy / "lock.json", lock | {"host": "elsewhere", "boot": "another"})
    with pytest.raises(RunError, match="on elsewhere"):
        batch(manifest, copy, resume=True)
    (copy / "lock.json").write_text("")
    with pytest.raises(RunError, match="if no process works on this batch, remove the file"):
        batch(manifest, copy, resume=True)


def test_a_full_disk_stops_the_batch_and_it_goes_on(
    manifest: Path, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(cases: Any, folder: Path, workers: int, note: Any) -> None:
        assert [case.name for case in cases] == ["min_control-null", "more"]
        note(
            Done("min_control-null", "failed", "cannot write to x: no space left on device", unwritable=True)
        )

    more = tmp_path / "more.yaml"
    more.write_text(manifest.read_text() + "  - {id: more, set: {limits.min_control: 98}}\n")
    shutil.rmtree(copy / "cases" / "min_control-null")
    monkeypatch.setattr("planner.runs.batch.on_this_machine", full)
    with pytest.raises(BatchStopped, match=r"no space left(.|\n)*3 of 5 cases done(.|\n)*--resume -o"):
        batch(more, copy, resume=True)
    assert not (copy / "failures").exists() and not (copy / "lock.json").exists()
    table = pd.read_csv(copy / "results.csv", keep_default_na=False).set_index("case")["status"]
    assert table["min_control-40"] == "optimal" and table["min_control-null"] == "not solved"
    assert Run(copy).status == "unfinished" and "no space" in Run(copy).outcome["reason"]
    (copy / "outcome.json").unlink()  # the disk took not even that
    assert Run(copy).status == "unfinished"
    monkeypatch.undo()
    assert [s.case.name for s in look_ahead(more, copy, resume=True).to_solve] == ["min_control-null", "more"]


def test_fail_fast_ends_at_the_first_failure_and_says_what_was_not_solved(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(cases: Any, folder: Path, workers: int, note: Any) -> None:
        for case in cases:
            note(Done(case.name, "failed", "ValueError: odd"))

    monkeypatch.setattr("planner.runs.batch.on_this_machine", fail)
    result = batch(manifest, tmp_path / "out", fail_fast=True)
    assert result.table["status"].tolist() == ["failed", "not solved", "not solved", "not solved"]
    assert Run(result.path).status == "unfinished" and len(result.failed) == 4


def test_a_plan_whose_audit_is_not_clean_is_no_plan_to_use(manifest: Path, copy: Path) -> None:
    for name, state in (("min_control-null", "broken"), ("min_control-40", "failed")):
        outcome = Run(copy / "cases" / name).outcome
        write_json(copy / "cases" / name / "outcome.json", outcome | {"audit": {"state": state}})
    result = batch(manifest, copy, resume=True)
    assert result.table["audit"].tolist() == ["broken", "failed", "", "clean"]
    run = Run(result.path)
    assert (run.status, run.audit) == ("done", "failed") and "do not use its plan" in run.audit_line
    assert result.failed == ["min_control-null", "min_control-40", "impossible"]


def test_a_limit_of_seconds_ends_a_case_and_another_limit_solves_it_again(manifest: Path, copy: Path) -> None:
    limited = load_batch(manifest, load_catalog(), case_limit_s=60)
    assert not plan_of(copy, limited).to_solve, "what ended by itself is an answer under any limit"
    path = copy / "cases" / "impossible"
    noted, outcome = Run(path).manifest, Run(path).outcome
    write_json(path / "manifest.json", noted | {"options": noted["options"] | {"case_limit_s": 5.0}})
    write_json(path / "outcome.json", outcome | {"stopped": True})
    (step,) = plan_of(copy, limited).to_solve
    assert (step.case.name, step.why) == ("impossible", "it was ended at its limit of 5 s")
    assert not plan_of(copy, load_batch(manifest, load_catalog(), case_limit_s=5)).to_solve


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
    """What the batch uses of Dask, on a thread: the batch's own code is what is tested; tests/runs/test_dask.py has
    the real one."""

    def __init__(self, theirs: dict[str, Any] | None = None, gone_after: int = 99) -> None:
        super().__init__("distributed")
        self.pool = ThreadPoolExecutor(1)
        self.theirs = {"tcp://w1": versions()} | (theirs or {})
        self.submitted = 0

        class Client:
            def __init__(client, address: str, timeout: float) -> None:
                if address != "tcp://here:8786":
                    raise OSError("no answer")

            def __enter__(client) -> Any:
                return client

            def __exit__(client, *error: object) -> None: ...

            def wait_for_workers(client, n: int, timeout: float) -> None: ...

            def run(client, work: Any, on_error: str) -> dict[str, Any]:
                return self.theirs

            def nthreads(client) -> dict[str, int]:
                return {"tcp://w1": 1}

            def submit(client, work: Any, case: Any, key: str, retries: int) -> Any:
                assert case.hash in key and retries > 0
                self.submitted += 1
                future: Any = self.pool.submit(work, case) if self.submitted <= gone_after else Future()
                if self.submitted > gone_after:
                    future.cancel()
                future.key = key
                return future

            def close(client) -> None: ...

            status = "running"

        class AsCompleted(deque):
            def __iter__(futures) -> Any:
                while futures:
                    yield futures.popleft()

            update = deque.extend

        self.Client, self.as_completed = Client, AsCompleted


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


def test_workers_of_other_versions_are_refused_before_anything_is_solved(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = {
        "tcp://w2": versions() | {"highspy": "1.9", "python": "3.99.1"},
        "tcp://w3": ModuleNotFoundError("No module named 'planner'"),
    }
    monkeypatch.setitem(sys.modules, "distributed", FakeCluster(theirs))
    with pytest.raises(RunError) as caught:
        batch(manifest, tmp_path / "out", scheduler="tcp://here:8786")
    said = str(caught.value)
    assert "tcp://w2: highspy 1.9, here" in said and "tcp://w2: python 3.99.1, here" in said
    assert "tcp://w3: the planner does not load there" in said and "w1" not in said
    assert not (tmp_path / "out").exists()


def test_a_lost_scheduler_stops_the_batch_and_calls_no_case_failed(
    manifest: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(copy / "cases" / "min_control-null")
    monkeypatch.setitem(sys.modules, "distributed", FakeCluster(gone_after=0))
    with pytest.raises(BatchStopped, match=r"the scheduler is gone(.|\n)*3 of 4 cases done"):
        batch(manifest, copy, scheduler="tcp://here:8786", resume=True)
    assert not (copy / "failures").exists()
    assert [s.case.name for s in look_ahead(manifest, copy, resume=True).to_solve] == ["min_control-null"]


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
