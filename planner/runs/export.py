"""Runs for other tools: tables as files, the optimisation model as MPS or LP."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Literal

from planner.facts.numbers import fixed
from planner.runs.disk import RunError, writing
from planner.runs.run import Run


def export_tables(run: Run, folder: Path, form: Literal["csv", "parquet"]) -> str:
    """Every table and the KPIs into a new or empty folder, all or nothing; says what was written."""
    _require_free(folder)
    with writing(folder):
        part = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        part.chmod(0o755)
        try:
            for name in [*run.tables, "kpis"]:
                frame = run.kpis if name == "kpis" else run.table(name)
                path = part / f"{name}.{form}"
                if form == "csv":
                    frame.to_csv(path, index=False, lineterminator="\n")
                else:
                    frame.to_parquet(path, index=False)
            part.rename(folder)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    return f"{len(run.tables) + 1} tables"


def export_model(run: Run, path: Path, form: Literal["mps", "lp"]) -> str:
    """The mixed-integer programme of a run with names, cost objective and its policy bounds; says its size."""
    from planner.case.build import build_case
    from planner.solver.engine import HALLS, PATTERN, UNITS, Engine
    from planner.solver.inspection import write_model

    if path.exists():
        raise RunError(f"{path} exists already")
    if not path.parent.is_dir():
        raise RunError(f"the folder {path.parent} does not exist: make it first")
    engine = Engine(build_case(run.scenario, run.catalog))
    engine.policy(run.bounds)
    engine.minimise("cost")
    engine.integers(*PATTERN, *HALLS, UNITS)
    part = path.with_name(f".{path.stem}.part.{form}")
    with writing(path):
        try:
            write_model(engine.live, part)
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)
    rows, columns = engine.arrays.shape
    return f"{fixed(rows)} rows and {fixed(columns)} columns"


def _require_free(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder} exists already and is not empty")
    if not folder.parent.is_dir():
        raise RunError(f"the folder {folder.parent} does not exist: make it first")
