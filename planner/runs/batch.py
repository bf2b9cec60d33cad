"""Many cases: on the processes of this machine or of a cluster, one results table whatever the executor.

    result = batch("manifest.yaml", "sweep", workers=4)
    result.table          # one row a case: status, changes, gap, KPIs

    sweep/results.csv, results.parquet   the table      sweep/cases/<name>/      a run each
    sweep/batch.yaml                     the manifest   sweep/failures/<name>.txt

A finished case is known by the hash of its content and never solved twice; ``resume`` goes on where a batch
was ended. A case whose process is killed is done again, alone, so that a case that kills its process is found.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from planner.facts.catalog import Catalog, load_catalog
from planner.runs.batch_file import BatchCase, load_batch
from planner.runs.batch_workers import Done, connect, on_cluster, on_this_machine
from planner.runs.files import PART, RunError, lock_content, now, versions, write_json, writing
from planner.runs.run import Run, list_runs
from planner.scenario.reading import read_text

OnCase = Callable[[str, str, int, int], None]
FINISHED = ("optimal", "feasible", "infeasible", "no-solution")
OWN = ("batch.yaml", "cases")
UNCHANGED = object()


@dataclass(frozen=True)
class BatchResult:
    """Where a batch is, its table, and the names of cases without an answer."""

    path: Path
    table: pd.DataFrame
    failed: list[str]


def batch(
    manifest: Path | str,
    directory: Path | str | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    resume: bool = False,
    on_case: OnCase | None = None,
    root: Path | str = "runs",
    catalog: Catalog | None = None,
) -> BatchResult:
    """Solves every case of a manifest; see the module's page for what is written.

    ``workers`` is the number of processes here (default: cores), ``scheduler`` the address of a Dask cluster
    instead. ``on_case(name, status, done, total)`` is told of each case. ``catalog`` are the facts, by default
    the packaged ones. ``BatchError`` for a manifest that cannot be used, ``RunError`` for a folder that cannot
    be written; nothing is written then.
    """
    manifest = Path(manifest)
    cases = load_batch(manifest, catalog or load_catalog())
    if workers is not None and workers < 1:
        raise RunError("a batch needs at least one worker")
    folder = _folder(manifest, directory, resume, Path(root))
    client = connect(scheduler) if scheduler is not None else None
    with writing(folder):
        _open(folder, manifest, cases)
    told = {case.name: status for case in cases if (status := _status(folder, case)) in FINISHED}
    for n, (name, status) in enumerate(told.items()):
        if on_case is not None:
            on_case(name, f"{status} (done before)", n + 1, len(cases))
    first, again = _unique([case for case in cases if case.name not in told])

    def note(done: Done) -> None:
        told[done.name] = done.status
        with writing(folder):
            _keep(folder, done)
        if on_case is not None:
            on_case(done.name, done.status, len(told), len(cases))

    if client is not None:
        on_cluster(first, client, note)
    else:
        on_this_machine(first, folder / "cases", workers or os.cpu_count() or 1, note)
    with writing(folder):
        for case, twin in again:
            _copy(folder, case, twin)
            if on_case is not None:
                told[case.name] = told.get(twin.name, "failed")
                on_case(case.name, told[case.name], len(told), len(cases))
        return _close(folder, cases)


def _folder(manifest: Path, directory: Path | str | None, resume: bool, root: Path) -> Path:
    """The folder of the batch, checked before anything is solved."""
    if directory is None:
        if resume:
            raise RunError("to resume a batch, name its folder with -o")
        with writing(root):
            root.mkdir(parents=True, exist_ok=True)
        return root / f"{manifest.stem}-{datetime.now():%Y%m%d-%H%M%S}"
    folder = Path(directory)
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file: a batch needs a folder of its own")
    if not folder.parent.is_dir():
        raise RunError(f"the folder {folder.parent} does not exist: make it first")
    used = folder.is_dir() and any(folder.iterdir())
    if used and not resume:
        raise RunError(f"{folder} is not empty: name a new folder, or resume the batch in it with --resume")
    if used and not all((folder / name).exists() for name in OWN):
        raise RunError(f"{folder} does not hold a batch")
    return folder


def _open(folder: Path, manifest: Path, cases: Sequence[BatchCase]) -> None:
    """Makes the folder, notes who works on it, and clears what ended processes and other manifests left."""
    (folder / "cases").mkdir(parents=True, exist_ok=True)
    (folder / "batch.yaml").write_text(read_text(manifest), "utf-8")
    facts = {"kind": "batch", "scenario": cases[0].scenario.name, "started": now(), "versions": versions()}
    write_json(folder / "manifest.json", facts | {"cases": {case.name: case.hash for case in cases}})
    write_json(folder / "lock.json", lock_content())
    for name in ("outcome.json", "results.csv", "results.parquet"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "failures", ignore_errors=True)
    for row in list_runs(folder / "cases").to_dict("records"):
        if row["status"] == "lost":
            shutil.rmtree(row["path"], ignore_errors=True)
    wanted = {case.name: case for case in cases}
    for path in (folder / "cases").iterdir():
        case = wanted.get(path.name)
        if not path.name.endswith(PART) and (case is None or _status(folder, case) not in FINISHED):
            shutil.rmtree(path)


def _status(folder: Path, case: BatchCase) -> str:
    """Status of a case's run; empty if there is none or it is of other content."""
    path = folder / "cases" / case.name
    if not path.is_dir():
        return ""
    try:
        run = Run(path)
        return run.status if run.manifest.get("hash") == case.hash else ""
    except RunError:
        return ""


def _unique(cases: Sequence[BatchCase]) -> tuple[list[BatchCase], list[tuple[BatchCase, BatchCase]]]:
    """Cases to solve, and those of the same content as one of them, with their twin."""
    first: dict[str, BatchCase] = {}
    again = []
    for case in cases:
        if case.hash in first:
            again.append((case, first[case.hash]))
        else:
            first[case.hash] = case
    return list(first.values()), again


def _copy(folder: Path, case: BatchCase, twin: BatchCase) -> None:
    source, failure = folder / "cases" / twin.name, folder / "failures" / f"{twin.name}.txt"
    if source.is_dir():
        shutil.copytree(source, folder / "cases" / case.name)
    elif failure.is_file():
        shutil.copy(failure, failure.with_name(f"{case.name}.txt"))


def _keep(folder: Path, done: Done) -> None:
    """Puts the files of a case that was solved elsewhere in place, or the reason of its failure."""
    if done.error is not None:
        (folder / "failures").mkdir(exist_ok=True)
        (folder / "failures" / f"{done.name}.txt").write_text(done.error, "utf-8")
    if done.files is not None:
        part = folder / "cases" / f".{done.name}.{os.getpid()}{PART}"
        shutil.rmtree(part, ignore_errors=True)
        for name, content in done.files.items():
            path = part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        part.rename(folder / "cases" / done.name)


def _close(folder: Path, cases: Sequence[BatchCase]) -> BatchResult:
    """Writes the table and the outcome."""
    table = results_table(folder, cases)
    for name, write in (("results.csv", _csv), ("results.parquet", _parquet)):
        part = folder / f".{name}{PART}"
        write(table, part)
        part.replace(folder / name)
    failed = [str(name) for name in table.loc[~table["status"].isin(FINISHED[:2]), "case"]]
    status = "failed" if failed else "done"
    counts = {str(k): int(v) for k, v in table["status"].value_counts().items()}
    write_json(folder / "outcome.json", {"status": status, "cases": counts, "finished": now()})
    (folder / "lock.json").unlink(missing_ok=True)
    return BatchResult(folder, table, failed)


def _csv(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, lineterminator="\n")


def _parquet(table: pd.DataFrame, path: Path) -> None:
    table.to_parquet(path, index=False)


def results_table(folder: Path, cases: Sequence[BatchCase]) -> pd.DataFrame:
    """One row a case in the order of the manifest: case, status, objective, quality, changes, gap, KPIs, reason.

    Holds nothing that depends on who solved a case or how fast.
    """
    rows = [_row(folder, case) for case in cases]
    changes = list(dict.fromkeys(path for case in cases for path in case.changes))
    kpis = list(dict.fromkeys(name for row in rows for name in row["kpis"]))
    out = pd.DataFrame(
        {name: [row[name] for row in rows] for name in ("case", "status", "objective", "quality")}
    )
    for path in changes:
        out[path] = _column([case.changes.get(path, UNCHANGED) for case in cases])
    for name in ("gap", "bound"):
        out[name] = pd.Series([row[name] for row in rows], dtype=float)
    for name in kpis:
        out[name] = pd.Series([row["kpis"].get(name, {}).get("value") for row in rows], dtype=float)
    out["reason"] = [row["reason"] for row in rows]
    return out


def _row(folder: Path, case: BatchCase) -> dict[str, Any]:
    row: dict[str, Any] = {"case": case.name, **case.options, "status": "failed", "gap": None, "bound": None}
    row |= {"kpis": {}, "reason": ""}
    failure = folder / "failures" / f"{case.name}.txt"
    if failure.is_file():
        row["reason"] = failure.read_text("utf-8").strip().rsplit("\n", 1)[-1]
    if _status(folder, case) not in FINISHED:
        return row
    outcome = Run(folder / "cases" / case.name).outcome
    row |= {name: outcome.get(name) for name in ("status", "gap", "bound")} | {
        "kpis": outcome.get("kpis", {})
    }
    troubles = outcome.get("troubles") or []
    row["reason"] = "; ".join(str(t.get("message", "")) for t in troubles)
    return row


def _column(values: list[Any]) -> pd.Series:
    """Numbers as numbers, anything else as text, so that a column has one type; blank where nothing changes."""
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if numbers and all(v is None or v is UNCHANGED or v in numbers for v in values):
        return pd.Series([None if v is UNCHANGED else v for v in values], dtype=float)
    texts = ["" if v is UNCHANGED else v if isinstance(v, str) else json.dumps(v) for v in values]
    return pd.Series(texts, dtype=object)
