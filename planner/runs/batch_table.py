"""The results table of a batch: one row a case, in the order of the manifest."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from planner.runs.batch_file import BatchCase
from planner.runs.batch_resume import CASES, FAILURES, FINISHED, last_line, made_with, versions_now
from planner.runs.disk import RunError, replace_bytes
from planner.runs.run import Run

UNCHANGED = object()
NOT_SOLVED = "not solved"
SOUND = ("clean", "")
AUDITS = ("failed", "broken", "clean")
"""States of an audit, the worst first."""


def results_table(folder: Path, cases: Sequence[BatchCase]) -> pd.DataFrame:
    """One row a case: case, status, audit, made_with, objective, quality, changes, gap, bound, KPIs, reason.

    ``made_with`` names planner, solver or catalog where they are not those in use. Holds nothing that depends on who
    solved a case or how fast.
    """
    rows = [_row(folder, case) for case in cases]
    changes = list(dict.fromkeys(path for case in cases for path in case.changes))
    kpis = list(dict.fromkeys(name for row in rows for name in row["kpis"]))
    plain = ("case", "status", "audit", "made_with", "objective", "quality")
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in plain}
    for path in changes:
        columns[path] = _column([case.changes.get(path, UNCHANGED) for case in cases])
    for name in ("gap", "bound"):
        columns[name] = pd.Series([row[name] for row in rows], dtype=float)
    for name in kpis:
        columns[name] = pd.Series([row["kpis"].get(name, {}).get("value") for row in rows], dtype=float)
    columns["reason"] = [row["reason"] for row in rows]
    return pd.DataFrame(columns)


def mixed(table: pd.DataFrame, catalog_hash: str) -> str:
    """One sentence where results of other versions stand in a table; empty where all are of those in use."""
    others = table.loc[table["made_with"] != "", "made_with"]
    if not len(others):
        return ""
    counts = "; ".join(f"{n} with {versions}" for versions, n in others.value_counts().items())
    now = ", ".join(f"{name} {version}" for name, version in versions_now(catalog_hash).items())
    return f"mixed versions: {len(others)} of {len(table)} results were made with others than {now}: {counts}"


def without_plan(table: pd.DataFrame) -> list[str]:
    """Names of the cases that have no plan to use: none was made, or its audit is not clean."""
    usable = table["status"].isin(FINISHED[:2]) & table["audit"].isin(SOUND)
    return [str(name) for name in table.loc[~usable, "case"]]


def worst_audit(table: pd.DataFrame) -> str:
    """The worst state of the audits of all cases; empty where no case has a plan."""
    found = set(table["audit"])
    return next((state for state in AUDITS if state in found), "")


def write_table(folder: Path, table: pd.DataFrame, note: str) -> None:
    """``results.csv`` and ``results.parquet``, on the disk; a note on mixed versions is the first line of the CSV."""
    text = table.to_csv(index=False, lineterminator="\n")
    replace_bytes(folder / "results.csv", (f"# {note}\n" * bool(note) + text).encode())
    content = io.BytesIO()
    table.to_parquet(content, index=False)
    replace_bytes(folder / "results.parquet", content.getvalue())


def _row(folder: Path, case: BatchCase) -> dict[str, Any]:
    row: dict[str, Any] = {"case": case.name, "objective": case.options["objective"]}
    row |= {"quality": case.options["quality"], "status": NOT_SOLVED, "audit": "", "made_with": ""}
    row |= {"gap": None, "bound": None, "kpis": {}, "reason": ""}
    failure, place = folder / FAILURES / f"{case.name}.txt", folder / CASES / case.name
    if failure.is_file():
        return row | {"status": "failed", "reason": last_line(failure)}
    if not place.is_dir():
        return row
    try:
        run = Run(place)
        outcome = run.outcome
        row |= {name: outcome.get(name) for name in ("status", "gap", "bound")}
        row |= {"audit": run.audit, "kpis": outcome.get("kpis", {})}
        row["made_with"] = made_with(run, versions_now(case.catalog.hash))
        row["reason"] = "; ".join(str(t.get("message", "")) for t in outcome.get("troubles") or [])
    except RunError as error:
        return row | {"status": "failed", "kpis": {}, "reason": str(error)}
    return row


def _column(values: list[Any]) -> pd.Series:
    """Numbers as numbers, anything else as text, so that a column has one type; blank where nothing changes."""
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if numbers and all(v is None or v is UNCHANGED or v in numbers for v in values):
        return pd.Series([None if v is UNCHANGED else v for v in values], dtype=float)
    texts = ["" if v is UNCHANGED else v if isinstance(v, str) else json.dumps(v) for v in values]
    return pd.Series(texts, dtype=object)
