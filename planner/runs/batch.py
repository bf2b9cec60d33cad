"""Many cases: on the processes of this machine or of a cluster, one results table whatever the executor.

    result = batch("manifest.yaml", "sweep", workers=4)
    result.table          # one row a case: status, audit, changes, gap, KPIs

    sweep/results.csv, results.parquet   the table      sweep/cases/<name>/      a run each
    sweep/batch.yaml                     the manifest   sweep/failures/<name>.txt
    sweep/aside/<name>/                  results no case of the manifest asks for

A finished case is known by the hash of what was asked and never solved twice; ``resume`` goes on where a batch was
ended. A case whose process is killed is done again, alone, so that a case that kills its process is found.
"""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from planner.facts.catalog import Catalog, load_catalog
from planner.runs.alive import is_alive
from planner.runs.batch_cluster import connect, on_cluster
from planner.runs.batch_file import BatchCase, load_batch
from planner.runs.batch_lock import at_work, held
from planner.runs.batch_resume import CASES, FAILURES, BatchPlan, Step, carry_out, plan_of
from planner.runs.batch_table import SOUND, mixed, results_table, without_plan, worst_audit, write_table
from planner.runs.batch_workers import Done, on_this_machine
from planner.runs.disk import (
    PART,
    RunError,
    WriteError,
    make_folder,
    move,
    remove_file,
    replace_bytes,
    sync_tree,
    write_bytes,
    write_text,
    writing,
)
from planner.runs.files import json_text, now, read_json, versions
from planner.runs.run import Run, clean_runs
from planner.scenario.reading import read_text

OnCase = Callable[[str, str, int, int], None]
SETTLE_S, SETTLE_EVERY_S = 15.0, 0.1
OWN = ("batch.yaml", CASES)


class BatchStopped(RunError):
    """A batch ended before all cases had an answer; the message says why and how to go on."""


@dataclass(frozen=True)
class BatchResult:
    """Where a batch is, its table, names of cases without a plan to use, runs put aside, a note on mixed versions."""

    path: Path
    table: pd.DataFrame
    failed: list[str]
    aside: list[Path]
    mixed: str


@dataclass(frozen=True)
class BatchOptions:
    """How a batch is worked: see ``batch``."""

    workers: int | None = None
    scheduler: str | None = None
    refresh: bool = False
    discard: bool = False
    fail_fast: bool = False


def batch(
    manifest: Path | str,
    directory: Path | str | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    resume: bool = False,
    on_case: OnCase | None = None,
    root: Path | str = "runs",
    catalog: Catalog | None = None,
    *,
    refresh: bool = False,
    discard: bool = False,
    fail_fast: bool = False,
    case_limit_s: float | None = None,
    on_plan: Callable[[BatchPlan], None] | None = None,
) -> BatchResult:
    """Solves every case of a manifest; see the module's page for what is written.

    ``workers`` is the number of processes here (default: cores), ``scheduler`` the address of a Dask cluster
    instead. ``on_plan`` is told what will be done, ``on_case(name, status, done, total)`` of each case. ``catalog``
    are the facts, by default the packaged ones. Of a batch that is resumed, ``refresh`` solves again what another
    planner, solver or catalog made, ``discard`` deletes what no case asks for any more. ``fail_fast`` ends at the
    first case that fails (one without a plan is an answer), ``case_limit_s`` ends the search of each case with
    the best plan found. ``BatchError`` for a manifest that cannot be used, ``RunError`` for a folder that cannot be
    written or is worked on; nothing is written then. ``BatchStopped`` where the disk is full or the cluster is lost.
    """
    cases = load_batch(Path(manifest), catalog or load_catalog(), case_limit_s)
    if workers is not None and workers < 1:
        raise RunError("a batch needs at least one worker")
    folder = _folder(Path(manifest), directory, resume, Path(root))
    options = BatchOptions(workers, scheduler, refresh, discard, fail_fast)
    with ExitStack() as stack:
        client = stack.enter_context(connect(scheduler)) if scheduler is not None else None
        _make_parents(folder)
        make_folder(folder, exist_ok=True)
        stack.enter_context(held(folder))
        _settle(folder / CASES)
        plan = plan_of(folder, cases, refresh)
        if on_plan is not None:
            on_plan(plan)
        return _Work(folder, cases, plan, options, on_case).run(Path(manifest), client)


def look_ahead(
    manifest: Path | str,
    directory: Path | str | None = None,
    resume: bool = False,
    root: Path | str = "runs",
    catalog: Catalog | None = None,
    refresh: bool = False,
    case_limit_s: float | None = None,
) -> BatchPlan:
    """What ``batch`` would do: every case and whether and why it would be solved; nothing is written."""
    cases = load_batch(Path(manifest), catalog or load_catalog(), case_limit_s)
    folder = _folder(Path(manifest), directory, resume, Path(root))
    return replace(plan_of(folder, cases, refresh), at_work=at_work(folder))


def _folder(manifest: Path, directory: Path | str | None, resume: bool, root: Path) -> Path:
    """The folder of the batch, checked before anything is solved."""
    if directory is None:
        if resume:
            raise RunError("to resume a batch, name its folder with -o")
        return root / f"{manifest.stem}-{datetime.now():%Y%m%d-%H%M%S}"
    folder = Path(directory)
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file: a batch needs a folder of its own")
    if not folder.parent.is_dir():
        raise RunError(f"the folder {folder.parent} does not exist: make it first")
    with writing(folder):
        used = folder.is_dir() and any(not path.name.startswith(".") for path in folder.iterdir())
    if used and not resume:
        raise RunError(f"{folder} is not empty: name a new folder, or resume the batch in it with --resume")
    if used and not all((folder / name).exists() for name in OWN):
        raise RunError(f"{folder} does not hold a batch")
    return folder


def _make_parents(folder: Path) -> None:
    for parent in reversed(folder.parents):
        if not parent.exists():
            make_folder(parent, exist_ok=True)


def _settle(cases: Path) -> None:
    """Waits for processes of a batch that was killed: each ends by itself when it sees that it is alone."""
    end = time.monotonic() + SETTLE_S
    while busy := [lock for lock in _locks(cases) if lock.get("host") == platform.node() and is_alive(lock)]:
        if time.monotonic() > end:
            raise RunError(f"process {busy[0].get('pid')} still works on a case in {cases}: end it first")
        time.sleep(SETTLE_EVERY_S)


def _locks(cases: Path) -> list[dict[str, Any]]:
    found = []
    for path in cases.glob(f".*{PART}/lock.json"):
        with suppress(RunError):
            found.append(read_json(path))
    return found


class _Work:
    """One go at a batch whose folder is held."""

    def __init__(
        self,
        folder: Path,
        cases: Sequence[BatchCase],
        plan: BatchPlan,
        options: BatchOptions,
        on_case: OnCase | None,
    ):
        self.folder, self.cases, self.plan, self.options = folder, cases, plan, options
        self.on_case = on_case
        self.told: dict[str, str] = {}

    def run(self, manifest: Path, client: object | None) -> BatchResult:
        aside = self._open(manifest)
        for step in self.plan.kept:
            run = Run(self.folder / CASES / step.case.name)
            self._tell(step.case.name, run.status, " (done before)")
        todo = [step.case for step in self.plan.to_solve]
        try:
            if client is not None:
                on_cluster(todo, client, self._note)
            else:
                workers = self.options.workers or os.cpu_count() or 1
                on_this_machine(todo, self.folder / CASES, workers, self._note)
            for step in self.plan.steps:
                if step.twin:
                    self._copy(step)
        except _FailFast:
            return self._close(aside, "stopped at the first case that failed")
        except RunError as error:
            self._interrupted(str(error))
            raise BatchStopped(self._how_to_go_on(str(error))) from error
        except BaseException:
            self._interrupted("interrupted")
            raise
        return self._close(aside)

    def _open(self, manifest: Path) -> list[Path]:
        """Notes what is worked on and puts every result of an earlier go where it belongs."""
        remove_file(self.folder / "outcome.json")  # the table stays until there is a new one
        out = carry_out(self.plan, self.options.discard)
        replace_bytes(self.folder / "batch.yaml", read_text(manifest).encode())
        facts: dict[str, Any] = {"kind": "batch", "scenario": self.cases[0].scenario.name, "started": now()}
        facts |= {"catalog_hash": self.cases[0].catalog.hash, "versions": versions()}
        facts |= {"cases": {case.name: case.hash for case in self.cases}}
        replace_bytes(self.folder / "manifest.json", json_text(facts).encode())
        with writing(self.folder / FAILURES), suppress(FileNotFoundError):
            shutil.rmtree(self.folder / FAILURES)
        return out

    def _tell(self, name: str, status: str, more: str = "") -> None:
        self.told[name] = status
        if self.on_case is not None:
            self.on_case(name, status + more, len(self.told), len(self.cases))

    def _note(self, done: Done) -> None:
        if done.unwritable:
            raise WriteError(done.error or "the disk takes no more")
        _keep(self.folder, done)
        self._tell(done.name, done.status)
        if self.options.fail_fast and (done.status == "failed" or self._unsound(done.name)):
            raise _FailFast

    def _unsound(self, name: str) -> bool:
        return Run(self.folder / CASES / name).audit not in SOUND

    def _copy(self, step: Step) -> None:
        """A case that asks the same as another has the same answer."""
        source, name = self.folder / CASES / step.twin, step.case.name
        failure = self.folder / FAILURES / f"{step.twin}.txt"
        if source.is_dir():
            files = {
                p.relative_to(source).as_posix(): p.read_bytes() for p in source.rglob("*") if p.is_file()
            }
            _keep(self.folder, Done(name, Run(source).status, None, files))
        elif failure.is_file():
            _keep(self.folder, Done(name, "failed", failure.read_text("utf-8")))
        self._tell(name, self.told.get(step.twin, "failed"))

    def _close(self, aside: list[Path], stopped: str = "") -> BatchResult:
        """Writes the table and the outcome; a case without a plan is an answer, one that failed has none."""
        clean_runs(self.folder / CASES)
        table, note = self._table()
        counts = {str(k): int(v) for k, v in table["status"].value_counts().items()}
        status = "unfinished" if stopped else "failed" if "failed" in counts else "done"
        facts: dict[str, Any] = {"status": status, "cases": counts, "mixed": note or None}
        facts |= {"reason": stopped or None, "audit": {"state": worst_audit(table)}}
        replace_bytes(self.folder / "outcome.json", json_text(facts | {"finished": now()}).encode())
        return BatchResult(self.folder, table, without_plan(table), aside, note)

    def _table(self) -> tuple[pd.DataFrame, str]:
        """The table of what is there, written, and its note on mixed versions."""
        table = results_table(self.folder, self.cases)
        note = mixed(table, self.cases[0].catalog.hash)
        write_table(self.folder, table, note)
        return table, note

    def _interrupted(self, reason: str) -> None:
        """Leaves word that the batch did not end and a table of what is there, if the disk takes them."""
        facts = {"status": "unfinished", "cases": _counts(list(self.told.values())), "reason": reason}
        with suppress(RunError):
            replace_bytes(self.folder / "outcome.json", json_text(facts | {"finished": now()}).encode())
            self._table()

    def _how_to_go_on(self, reason: str) -> str:
        return (
            f"{reason}\nthe batch stopped with {len(self.told)} of {len(self.cases)} cases done, all of them kept; "
            f"mend this, then go on with --resume -o {self.folder}"
        )


class _FailFast(Exception):
    """A case failed and the batch was asked to end then."""


def _counts(values: list[str]) -> dict[str, int]:
    return {value: values.count(value) for value in dict.fromkeys(values)}


def _keep(folder: Path, done: Done) -> None:
    """Puts the files of a case that was solved elsewhere in place, or the reason of its failure."""
    if done.error is not None:
        make_folder(folder / FAILURES, exist_ok=True)
        write_text(folder / FAILURES / f"{done.name}.txt", done.error)
    if done.files is None:
        return
    part = folder / CASES / f".{done.name}.{os.getpid()}{PART}"
    try:
        shutil.rmtree(part, ignore_errors=True)
        make_folder(part)
        for name, content in done.files.items():
            for parent in reversed(Path(name).parents[:-1]):
                make_folder(part / parent, exist_ok=True)
            write_bytes(part / name, content)
        sync_tree(part)
        move(part, folder / CASES / done.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)
