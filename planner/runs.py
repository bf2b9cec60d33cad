"""A run is a directory: frozen inputs, events, outcome, tables.

    run = run_solve(load_scenario("korea.yaml"), {"quality": "plan"})
    run.outcome["status"], run.table("orders"), run.kpis

    scenario.yaml   inputs with every default, frozen      outcome.json    status, bound, gap, seconds, KPIs
    resolved.yaml   the same with the bounds in force      tables/*.parquet
    manifest.json   versions, hash, seed, options          events.jsonl, log.txt

It is written in a hidden folder beside its place and renamed into it at the end: what has a name is whole.
A hidden folder whose process is gone is a lost run; ``list_runs`` shows it and ``clean_runs`` removes it.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from planner.catalog_rules import hint
from planner.run_files import (
    RunError,
    captured_output,
    content_hash,
    is_alive,
    read_json,
)
from planner.run_writer import NAME, PART, RunWriter, start_run
from planner.scenario import Scenario
from planner.scenario_file import load_scenario

if TYPE_CHECKING:
    from planner.plan import Plan

__all__ = [
    "Run",
    "RunError",
    "RunWriter",
    "clean_runs",
    "content_hash",
    "find_run",
    "list_runs",
    "run_solve",
    "start_run",
]

Event = dict[str, Any]
DIAGNOSIS_S = 60.0
"""Seconds for the least change of an infeasible case."""
KPI_COLUMNS = ["kpi", "value", "unit", "low", "high", "inside", "note"]


class Run:
    """A run directory, read as needed. ``RunError`` where it is not one or is damaged."""

    def __init__(self, path: Path | str):
        self.path = Path(path)
        if not self.path.is_dir():
            raise RunError(f"there is no run {str(path)!r}{hint(self.path.name, _names(self.path.parent))}")
        self.manifest = read_json(self.path / "manifest.json")

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def kind(self) -> str:
        """``plan``, or what else was run: ``frontier``, ``stress`` ..."""
        return str(self.manifest.get("kind", "plan"))

    @property
    def status(self) -> str:
        """Status of the outcome; ``running`` or ``lost`` while there is none, ``damaged`` if it is gone."""
        if (self.path / "outcome.json").is_file():
            return str(self.outcome.get("status", "damaged"))
        lock = self.path / "lock.json"
        if lock.is_file():
            return "running" if is_alive(read_json(lock)) else "lost"
        return "damaged"

    @cached_property
    def outcome(self) -> dict[str, Any]:
        return read_json(self.path / "outcome.json")

    @cached_property
    def scenario(self) -> Scenario:
        """The frozen inputs."""
        return load_scenario(self.path / "scenario.yaml")

    @cached_property
    def resolved(self) -> Scenario:
        """The inputs with the bounds that were in force; the inputs themselves where none were set."""
        path = self.path / "resolved.yaml"
        return load_scenario(path) if path.is_file() else self.scenario

    @property
    def tables(self) -> list[str]:
        """Names of the tables."""
        return sorted(path.stem for path in (self.path / "tables").glob("*.parquet"))

    def table(self, name: str) -> pd.DataFrame:
        """One table of the run; ``RunError`` with the known names."""
        if name not in self.tables:
            raise RunError(f"run {self.name} has no table {name!r}{hint(name, self.tables)}")
        try:
            return pd.read_parquet(self.path / "tables" / f"{name}.parquet")
        except (OSError, ValueError) as error:
            raise RunError(f"table {name!r} of run {self.name} is damaged: {error}") from error

    @property
    def has_plan(self) -> bool:
        return self.status in ("optimal", "feasible")

    @cached_property
    def kpis(self) -> pd.DataFrame:
        """One row a KPI: kpi, value, unit, published range, inside, note; empty without a plan."""
        rows = [{"kpi": name, **facts} for name, facts in self.outcome.get("kpis", {}).items()]
        return pd.DataFrame(rows, columns=KPI_COLUMNS)

    def kpi(self, name: str) -> float:
        """Value of one KPI; ``RunError`` with the known names."""
        known = self.outcome.get("kpis", {})
        if name not in known:
            raise RunError(f"run {self.name} has no KPI {name!r}{hint(name, list(known))}")
        value = known[name]["value"]
        return float("nan") if value is None else float(value)

    @cached_property
    def events(self) -> list[Event]:
        """What was reported while it ran, in order; a line cut off by a crash is passed over."""
        out = []
        path = self.path / "events.jsonl"
        for line in path.read_text("utf-8").splitlines() if path.is_file() else []:
            with contextlib.suppress(ValueError):
                out.append(json.loads(line))
        return out

    def plan(self) -> Plan:
        """The plan as an object again, its case built anew from the frozen inputs."""
        from planner.case.build import build_case
        from planner.plan import Plan

        tables = {name: self.table(name) for name in self.tables}
        return Plan(build_case(self.scenario), tables, self.kpis, self.outcome.get("bounds", {}))


def run_solve(
    scenario: Scenario,
    options: Mapping[str, Any] | None = None,
    directory: Path | str | None = None,
    on_event: Callable[[Event], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    *,
    root: Path | str = "runs",
    capture: bool = False,
) -> Run:
    """Builds the case, solves, audits, writes the run. Options: ``quality`` and ``objective``.

    ``capture`` sends all output of this process to the run's log while it works (see ``captured_output``).
    An infeasible case is a whole run too: its status and reasons are in the outcome.
    """
    from planner.case.build import build_case
    from planner.solver.ladder import solve

    options = dict(options or {})
    with start_run(directory, scenario, options, root) as writer:

        def report(event: Event) -> None:
            writer.event(event)
            if on_event is not None:
                on_event(event)

        with captured_output(writer.log) if capture else contextlib.nullcontext():
            case = build_case(scenario)
            outcome = solve(
                case,
                quality=options.get("quality"),
                objective=options.get("objective") or "cost",
                on_event=report,
                should_stop=should_stop,
            )
            if outcome.plan is not None:
                writer.table("audit", _audit(outcome.plan))
            elif outcome.status == "infeasible" and not outcome.troubles:
                outcome = replace(outcome, troubles=_diagnosed(case, report))
        return writer.finish(outcome)


def _diagnosed(case: Any, on_event: Callable[[Event], None]) -> list[Any]:
    """The causes of an infeasible case as troubles; the first carries the cure of all together."""
    from planner.explain import explain_infeasible, written
    from planner.prechecks import Trouble

    found = explain_infeasible(case, time_limit_s=DIAGNOSIS_S, alternatives=False, on_event=on_event)
    together = "; ".join(f"{path}={written(value)}" for path, value in found.cure.items())
    return [
        Trouble(
            "",
            cause.kind,
            cause.text,
            f"least change: {together}" if i == 0 else "",
            found.cure if i == 0 else {},
        )
        for i, cause in enumerate(found.causes)
    ]


def _audit(plan: Plan) -> pd.DataFrame:
    """Violations found without the model; an empty table is a clean plan."""
    from planner.audit import audit

    found: pd.DataFrame = audit(plan)
    return found


# ---- finding runs


def _names(root: Path) -> list[str]:
    try:
        return sorted(
            p.name for p in root.iterdir() if (p / "manifest.json").is_file() and not p.name.startswith(".")
        )
    except OSError:
        return []


def find_run(reference: Path | str, root: Path | str = "runs") -> Run:
    """A run by its path, by its name below ``root``, or ``latest``."""
    if str(reference) == "latest":
        unfit = ("running", "lost", "damaged")
        rows = list_runs(root).to_dict("records")
        finished = [row for row in rows if row["status"] not in unfit and row["kind"] != "batch"]
        if not finished:
            raise RunError(f"there is no finished run in {root}")
        return Run(finished[0]["path"])
    path = Path(reference)
    below = Path(root) / path
    if not path.is_dir() and NAME.fullmatch(str(reference)) and below.is_dir():
        return Run(below)
    if not path.exists() and path.parent == Path():
        raise RunError(f"there is no run {str(reference)!r}{hint(path.name, _names(Path(root)))}")
    return Run(path)


RUN_COLUMNS = [
    "name", "status", "kind", "objective", "quality", "gap", "cost_npv_musd", "delay_months", "control_score",
    "started", "seconds", "path",
]  # fmt: skip


def list_runs(root: Path | str = "runs") -> pd.DataFrame:
    """Every run below ``root``, newest first; unfinished ones are ``running`` or ``lost``."""
    root = Path(root)
    rows = []
    for path in sorted(root.iterdir()) if root.is_dir() else []:
        hidden = path.name.startswith(".")
        if path.is_dir() and (path.name.endswith(PART) if hidden else (path / "manifest.json").is_file()):
            rows.append(_row(path))
    frame = pd.DataFrame(rows, columns=RUN_COLUMNS)
    return frame.sort_values("started", ascending=False, kind="stable").reset_index(drop=True)


def _row(path: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"name": path.name, "path": str(path), "status": "lost", "started": ""}
    try:
        run = Run(path)
        row |= {"status": run.status, "kind": run.kind, "started": str(run.manifest.get("started", ""))}
        row |= {k: run.manifest.get("options", {}).get(k) for k in ("objective", "quality")}
        if path.name.startswith("."):
            row["name"] = str(read_json(path / "lock.json").get("name", path.name))
        if (path / "outcome.json").is_file():
            row |= {k: run.outcome.get(k) for k in ("objective", "quality", "gap")}
            row |= {
                k: run.outcome["kpis"][k]["value"] for k in RUN_COLUMNS if k in run.outcome.get("kpis", {})
            }
            row["seconds"] = (run.outcome.get("seconds") or {}).get("total")
    except RunError:
        row["status"] = "lost" if path.name.startswith(".") else "damaged"
    return row


def clean_runs(root: Path | str = "runs") -> list[str]:
    """Removes what lost runs left behind; returns their names."""
    lost = list_runs(root)
    lost = lost[(lost["status"] == "lost") & lost["path"].map(lambda path: Path(path).name.endswith(PART))]
    for path in lost["path"]:
        shutil.rmtree(path, ignore_errors=True)
    return [str(name) for name in lost["name"]]
