"""A run is a directory: frozen inputs, events, outcome, tables.

    run = find_run("latest")
    run.outcome["status"], run.table("orders"), run.kpis

    scenario.yaml   inputs with every default, frozen      outcome.json    status, bound, gap, seconds, KPIs
    resolved.yaml   the same with the bounds in force      tables/*.parquet
    manifest.json   versions, hash, seed, options          events.jsonl, log.txt

It is written in a hidden folder beside its place and renamed into it at the end: what has a name is whole.
A hidden folder whose process is gone is a lost run; ``list_runs`` shows it and ``clean_runs`` removes it. A frontier
that has left whole plans in it is stopped: it can be resumed (``Run.resume``).
"""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from planner.facts.catalog import Catalog, load_catalog
from planner.facts.suggest import hint
from planner.intake.scenario_file import load_scenario
from planner.runs.alive import is_alive, started
from planner.runs.disk import PART, RunError, folder_of
from planner.runs.files import CATALOG, NAME, checksum, frame_of, read_json
from planner.scenario.schema import Scenario

if TYPE_CHECKING:
    from planner.case.bounds import Bounds
    from planner.plans.plan import Plan

SHOWN_HASH = 12
"""Digits of a hash that people see."""
DOWNSIDES = "downsides"
"""Kind of a run that holds a plan made again under events, of another run."""
FRONTIER, POINTS = "frontier", "points"
"""Kind of a run that holds a trade-off and its plans, and their folder in it."""
LOSS, SURVIVAL, STACKS, VALUATIONS = "loss", "survival", "stacks", "valuations"
NEGOTIATION, HUB = "negotiation", "hub"
WHAT_IF = (LOSS, SURVIVAL, STACKS, VALUATIONS, NEGOTIATION, HUB)
"""Kinds of runs that answer a question to a plan of another run or to its scenario, with tables and no plan."""
OUTCOME_PARTS: dict[str, Callable[[Any], bool]] = {
    "status": lambda v: isinstance(v, str),
    "gap": lambda v: v is None or _number(v),
    "bound": lambda v: v is None or _number(v),
    "control_bound": lambda v: v is None or _number(v),
    "relaxed_bound": lambda v: v is None or _number(v),
    "delay_open_months": lambda v: v is None or _number(v),
    "seconds": lambda v: v is None or (isinstance(v, dict) and all(_number(s) for s in v.values())),
    "kpis": lambda v: isinstance(v, dict) and all(isinstance(k, dict) and _value(k) for k in v.values()),
    "troubles": lambda v: isinstance(v, list) and all(isinstance(t, dict) for t in v),
    "audit": lambda v: isinstance(v, dict) and isinstance(v.get("state"), str),
    "bounds": lambda v: v is None or isinstance(v, dict),
}
"""What each part of ``outcome.json`` must be where it is there."""
MANIFEST_PARTS: dict[str, Callable[[Any], bool]] = {
    "hash": lambda v: isinstance(v, str),
    "options": lambda v: isinstance(v, dict),
    "checksums": lambda v: isinstance(v, dict) and all(isinstance(c, str) for c in v.values()),
}
"""The same of ``manifest.json``."""
PARTS = ("manifest.json", "outcome.json", "tables")
"""What tells a run from another folder; one alone is a damaged run."""
KPI_COLUMNS = ["kpi", "value", "unit", "low", "high", "inside", "note"]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _value(kpi: dict[str, Any]) -> bool:
    return "value" in kpi and (kpi["value"] is None or _number(kpi["value"]))


def _read_parts(path: Path, parts: Mapping[str, Callable[[Any], bool]]) -> dict[str, Any]:
    found = read_json(path)
    wrong = [name for name, fits in parts.items() if name in found and not fits(found[name])]
    if wrong:
        raise RunError(f"{path} is damaged: {wrong[0]!r} is not of its kind")
    return found


class Run:
    """A run directory, read as needed. ``RunError`` where it is not one or is damaged."""

    def __init__(self, path: Path | str):
        self.path = Path(path)
        if not self.path.is_dir():
            raise RunError(f"there is no run {str(path)!r}{hint(self.path.name, _names(self.path.parent))}")
        self.manifest = _read_parts(self.path / "manifest.json", MANIFEST_PARTS)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def title(self) -> str:
        """Title of the scenario that was run, else its name, else the run's own."""
        return str(self.manifest.get("title") or self.manifest.get("scenario") or self.name)

    @property
    def kind(self) -> str:
        """``plan``, or what else was run: ``frontier``, ``stress`` ..."""
        return str(self.manifest.get("kind", "plan"))

    @property
    def status(self) -> str:
        """Status of the outcome; ``running`` or ``lost`` while there is none, ``damaged`` if it is gone.

        A batch that ended before its cases did is ``unfinished``, a frontier that can be resumed ``stopped``.
        """
        if (self.path / "outcome.json").is_file():
            return str(self.outcome.get("status", "damaged"))
        lock = self.path / "lock.json"
        if lock.is_file():
            return "running" if is_alive(read_json(lock)) else "stopped" if self.resume else "lost"
        return "unfinished" if self.kind == "batch" else "damaged"

    @property
    def plans_left(self) -> int:
        """Whole plans of a trade-off so far."""
        return len(plans_in(self.path / POINTS))

    @property
    def resume(self) -> str:
        """The command that goes on from a frontier whose process has ended; empty where there is nothing to go on from.

        It reads the frozen inputs. No plan is left to go on from, or the place of the run was taken in the meantime.
        """
        place = self.path.parent / str(read_json(self.path / "lock.json").get("name", ""))
        if self.kind != FRONTIER or not self.plans_left or place.exists():
            return ""
        own = self.path / CATALOG
        asked = self.manifest.get("options", {})
        options = {
            "catalog": own if own.is_dir() else None,
            **{name: asked.get(name) for name in ("points", "quality", "workers")},
            "resume": place,
            "output": place,
        }
        given = [str(part) for name, v in options.items() if v is not None for part in (f"--{name}", v)]
        return shlex.join(["planner", "frontier", str(self.path / "scenario.yaml"), *given])

    @cached_property
    def outcome(self) -> dict[str, Any]:
        """What came of it; ``RunError`` where a part is not of the kind that was written."""
        return _read_parts(self.path / "outcome.json", OUTCOME_PARTS)

    @property
    def audit(self) -> str:
        """``clean``, ``broken`` rules, ``failed`` where it could not be made; empty for what is not audited.

        Of a batch it is the worst state of its cases.
        """
        ended = self.kind == "batch" and (self.path / "outcome.json").is_file()
        if not (self.has_plan or ended):
            return ""
        noted = str(self.outcome.get("audit", {}).get("state", ""))
        if "audit" not in self.tables:
            return noted
        return noted if noted not in ("", "clean") else "broken" if len(self._read("audit")) else "clean"

    @property
    def audit_fault(self) -> str:
        """What is wrong with a plan by its audit, in one line; empty where the audit is clean or there is no plan."""
        if self.audit in ("clean", ""):
            return ""
        if self.kind == "batch":
            return f"the audit of a case of this batch is {self.audit} (column audit of its table)"
        if self.audit == "failed":
            reason = str(self.outcome["audit"].get("reason") or "").strip() or "no reason noted"
            return f"the audit of the plan failed ({reason.splitlines()[0]})"
        noted = self.outcome.get("audit", {}).get("rules_broken")
        broken = len(self._read("audit")) if noted is None else noted
        return f"the audit finds {broken} rule{'s' * (broken != 1)} broken"

    @property
    def audit_line(self) -> str:
        """What a report says of the audit; empty where nothing was audited."""
        fault = self.audit_fault
        if fault and self.kind == "batch":
            return f"{fault}: do not use its plan"
        return f"{fault}: do not use this plan" if fault else "audit clean" if self.audit else ""

    def verify(self) -> None:
        """``RunError`` where a table or the outcome is not what was written."""
        assert self.outcome is not None
        for name in self.tables:
            self._content(name)

    @cached_property
    def scenario(self) -> Scenario:
        """The frozen inputs."""
        return load_scenario(self.path / "scenario.yaml", self.catalog)

    @cached_property
    def catalog(self) -> Catalog:
        """The facts it was made with: the packaged ones, under the files of a catalog of one's own it keeps."""
        own = self.path / CATALOG
        return load_catalog(own if own.is_dir() else None)

    def catalog_notes(self, given: Catalog) -> list[str]:
        """What to tell who opens it beside the facts of ``given``; nothing where they are those it was made with."""
        if "catalog_hash" not in self.manifest:
            return []
        made_with = str(self.manifest["catalog_hash"])[:SHOWN_HASH]
        if self.kind == "batch":  # its cases keep what is their own
            now = given.hash[:SHOWN_HASH]
            same = made_with == now
            return (
                []
                if same
                else [
                    f"batch {self.name} was made with another catalog ({made_with}) than the one in use ({now})"
                ]
            )
        notes = []
        if made_with != self.catalog.hash[:SHOWN_HASH]:
            notes.append(
                f"run {self.name}: the facts have changed since it was made (catalog {made_with} then, "
                f"{self.catalog.hash[:SHOWN_HASH]} now): what is worked out anew may not fit its tables"
            )
        if self.catalog != given:
            notes.append(
                f"run {self.name} was made with another catalog ({made_with}) than the one in use "
                f"({given.hash[:SHOWN_HASH]}): its own is used for it"
            )
        return notes

    @cached_property
    def resolved(self) -> Scenario:
        """The inputs with the bounds that were in force; the inputs themselves where none were set."""
        path = self.path / "resolved.yaml"
        return load_scenario(path, self.catalog) if path.is_file() else self.scenario

    @property
    def tables(self) -> list[str]:
        """Names of the tables: those in the folder, and those the manifest says were written."""
        found = {path.stem for path in (self.path / "tables").glob("*.parquet")}
        return sorted(found | self._checksums.keys())

    @cached_property
    def _checksums(self) -> dict[str, str]:
        """SHA-256 of each table as it was written; empty for a run that noted none."""
        return dict(self.manifest.get("checksums", {}))

    def table(self, name: str) -> pd.DataFrame:
        """One table of the run; ``RunError`` with the known names, and where its periods are not those of its scenario."""
        self.check_periods()
        return self._read(name)

    def check_periods(self) -> None:
        """``RunError`` where the run has to be solved again: its tables are on other periods than its scenario has today."""
        if not self._periods_fit:
            raise RunError(
                f"run {self.name} was made by an earlier version of the planner, whose long periods could span two calendar "
                f"years: its tables are on other periods than its scenario has, solve {self.path / 'scenario.yaml'} again"
            )

    @cached_property
    def _periods_fit(self) -> bool:
        """Whether periods with demand have the months of the scenario's calendar; of a frontier in its first plan."""
        from planner.case.periods import STEP_MONTHS, Calendar

        if self.kind == FRONTIER:
            return all(
                Run(path)._periods_fit for path in sorted((self.path / POINTS).glob("point-*[0-9]"))[:1]
            )
        if not self.has_plan or "demand" not in self.tables:
            return True
        stored = self._read("demand")
        if "months" not in stored or not (stored["months"] > STEP_MONTHS["quarter"]).any():
            return True
        calendar = Calendar.of(self.scenario.horizon, self.scenario.existing)
        months = pd.Series(calendar.months, dtype=float).reindex(stored["t"])
        return bool((months.to_numpy() == stored["months"].to_numpy()).all())

    def _read(self, name: str) -> pd.DataFrame:
        if name not in self.tables:
            raise RunError(f"run {self.name} has no table {name!r}{hint(name, self.tables)}")
        try:
            return frame_of(self._content(name))
        except (OSError, ValueError) as error:
            raise RunError(f"table {name!r} of run {self.name} is damaged: {error}") from error

    def _content(self, name: str) -> bytes:
        """The bytes of a table, if they are those that were written."""
        try:
            content = (self.path / "tables" / f"{name}.parquet").read_bytes()
        except OSError as error:
            reason = error.strerror or str(error)
            raise RunError(f"table {name!r} of run {self.name} cannot be read: {reason}") from error
        if self._checksums.get(name, written := checksum(content)) != written:
            raise RunError(
                f"table {name!r} of run {self.name} is damaged: it is not what was written (its checksum differs)"
            )
        return content

    @property
    def has_plan(self) -> bool:
        return self.status in ("optimal", "feasible")

    def needs_plan(self, command: str, tables: Collection[str] = ("ledger",)) -> None:
        """``RunError`` where the run holds no plan with these tables for a command, such as ``report``; of a frontier it
        says which plans it has, and the command for one of them."""
        if self.has_plan and not {*tables} - {*self.tables}:
            return
        plans = plans_in(self.path / POINTS) if self.kind == FRONTIER else []
        where = ""
        if plans:
            names = ", ".join(path.name for path in plans)
            one = shlex.join(["planner", command, str(plans[0])])
            where = (
                f"; its plans in {self.path / POINTS} are {names}, and the command for the first is: {one}"
            )
        raise RunError(f"run {self.name} ({self.kind}, {self.status}) holds no plan to {command}{where}")

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
    def events(self) -> list[dict[str, Any]]:
        """What was reported while it ran, in order; a line cut off by a crash is passed over."""
        out = []
        path = self.path / "events.jsonl"
        for line in path.read_text("utf-8").splitlines() if path.is_file() else []:
            with contextlib.suppress(ValueError):
                out.append(json.loads(line))
        return out

    @property
    def bounds(self) -> Bounds:
        """The policy bounds that were in force."""
        from planner.case.bounds import Bounds

        return Bounds.of_record(self.outcome.get("bounds") or {})

    def plan(self) -> Plan:
        """The plan as an object again, its case built anew from the frozen inputs.

        ``RunError`` where its tables lack columns that plans have today: it was made by another version.
        """
        from planner.case.build import build_case
        from planner.plans.plan import Plan
        from planner.plans.schema import SCHEMA

        tables = {name: self.table(name) for name in self.tables}
        lacking = [f"{name}.{c}" for name in tables for c in SCHEMA.get(name, ()) if c not in tables[name]]
        if lacking:
            raise RunError(
                f"run {self.name} was made by another version of the planner, its tables lack {', '.join(lacking)}: "
                f"solve {self.path / 'scenario.yaml'} again"
            )
        return Plan(build_case(self.scenario, self.catalog), tables, self.kpis, self.bounds)


def plans_in(points: Path) -> list[Path]:
    """Folders of the whole plans of a trade-off, by their numbers."""
    found = [path.parent for path in points.glob("point-*[0-9]/outcome.json")]
    return sorted(found, key=lambda path: int(path.name.removeprefix("point-")))


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
        unfit = ("running", "lost", "stopped", "damaged")
        rows = list_runs(root).to_dict("records")
        finished = [
            row
            for row in rows
            if row["status"] not in unfit and row["kind"] not in ("batch", DOWNSIDES, *WHAT_IF)
        ]
        if not finished:
            raise RunError(f"there is no finished run in {root}")
        return Run(finished[0]["path"])
    path = Path(reference)
    below = Path(root) / path
    if not path.is_dir() and NAME.fullmatch(str(reference)) and below.is_dir():
        return Run(below)
    refuse_unfinished(path, root)
    if not path.exists() and path.parent == Path():
        raise RunError(f"there is no run {str(reference)!r}{hint(path.name, _names(Path(root)))}")
    return Run(path)


def refuse_unfinished(path: Path, root: Path | str = "runs") -> None:
    """``RunError`` where nothing is at a path, nor below ``root``, but what a process that works there, or did, has left."""
    if path.exists():
        return
    for place in (path, Path(root) / path):
        if (left := folder_of(place)) != place:
            raise RunError(_no_result(str(path), Run(left)))


def _no_result(name: str, left: Run) -> str:
    """Why a run whose folder is still a hidden one cannot be read."""
    if left.status == "running":
        return f"the run {name!r} has no result yet: it is at work"
    if left.resume:
        return stopped_words(name, left.plans_left, left.resume)
    return f"{name} was stopped and cannot be resumed: no plan of it is left"


def stopped_words(name: str, plans: int, resume: str) -> str:
    """What to say of a frontier that was stopped: so many plans of it are kept, and the command that goes on from them."""
    made = "1 plan" if plans == 1 else f"{plans} plans"
    return f"{name} was stopped and can be resumed, with {made} made: {resume}"


RUN_COLUMNS = [
    "name", "status", "audit", "kind", "objective", "quality", "gap", "cost_npv_musd", "delay_months", "control_score",
    "national_control",
    "started", "seconds", "path", "plans_left", "resume",
]  # fmt: skip


def list_runs(root: Path | str = "runs") -> pd.DataFrame:
    """Every run below ``root``, newest first; unfinished ones are ``running``, ``lost`` or ``stopped``, the last with the
    command that goes on from what is left (``resume``): of one place the one that was stopped last, which takes all over,
    and none while a process is at work there."""
    root = Path(root)
    rows = []
    for path in sorted(root.iterdir()) if root.is_dir() else []:
        if path.is_dir() and _is_run(path):
            rows.append(_row(path))
    frame = pd.DataFrame(rows, columns=RUN_COLUMNS).astype({"plans_left": "Int64"})
    frame = frame.sort_values("started", ascending=False, kind="stable")
    at_work = frame["name"].isin(frame.loc[frame["status"] == "running", "name"])
    again = (frame["status"] == "stopped") & (at_work | frame.duplicated(["name", "status"]))
    return frame[~again].reset_index(drop=True)


def _is_run(path: Path) -> bool:
    """Whether a folder is a run, at work, whole or damaged: another folder holds none of what a run is made of."""
    if path.name.startswith("."):
        return path.name.endswith(PART)
    return any((path / name).exists() for name in PARTS)


def _row(path: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"name": path.name, "path": str(path), "status": "lost", "started": ""}
    try:
        run = Run(path)
        row |= {"status": run.status, "kind": run.kind, "started": str(run.manifest.get("started", ""))}
        row |= {k: run.manifest.get("options", {}).get(k) for k in ("objective", "quality")}
        if path.name.startswith("."):
            row["name"] = str(read_json(path / "lock.json").get("name", path.name))
        if run.status == "stopped":
            row |= {"plans_left": run.plans_left, "resume": run.resume}
        if (path / "outcome.json").is_file():
            row |= {k: run.outcome.get(k) for k in ("objective", "quality", "gap")}
            kpis = run.outcome.get("kpis", {})
            row |= {k: kpis[k]["value"] for k in RUN_COLUMNS if k in kpis}
            row["seconds"] = (run.outcome.get("seconds") or {}).get("total")
            row["audit"] = run.audit
    except RunError:
        row["status"] = _unfinished(path) if path.name.startswith(".") else "damaged"
    return row


def _unfinished(path: Path) -> str:
    """``running`` or ``lost``: by its lock, and in the moment before that is written by the number in its name."""
    try:
        return "running" if is_alive(read_json(path / "lock.json")) else "lost"
    except RunError:
        number = path.name.removesuffix(PART).rpartition(".")[2].partition("-")[0]
        return "running" if number.isdigit() and started(int(number)) is not None else "lost"


def clean_runs(root: Path | str = "runs") -> list[str]:
    """Removes what lost runs left behind; returns their names."""
    lost = list_runs(root)
    lost = lost[(lost["status"] == "lost") & lost["path"].map(lambda path: Path(path).name.endswith(PART))]
    for path in lost["path"]:
        shutil.rmtree(path, ignore_errors=True)
    return [str(name) for name in lost["name"]]
