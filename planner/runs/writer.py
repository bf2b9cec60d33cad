"""Writes a run directory: in a hidden folder beside its place, renamed into it at the end."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd

from planner.facts.catalog import Catalog
from planner.intake.scenario_file import dump_scenario
from planner.planning.events import Event
from planner.runs.files import (
    CATALOG,
    NAME,
    PART,
    RunError,
    lock_content,
    manifest,
    now,
    plain,
    sync,
    sync_tree,
    write_json,
    writing,
)
from planner.runs.run import Run
from planner.scenario.schema import Scenario


class RunWriter:
    """Writes one run. Use as a context manager: left without ``finish`` it leaves nothing behind."""

    def __init__(
        self, target: Path, scenario: Scenario, catalog: Catalog, options: Mapping[str, Any], kind: str
    ):
        self.target, self.scenario = target, scenario
        self.path = target.parent / f".{target.name}.{os.getpid()}-{secrets.token_hex(3)}{PART}"
        self._done = False
        try:
            with writing(target.parent):
                self.path.mkdir()
                (self.path / "tables").mkdir()
                write_json(self.path / "lock.json", lock_content() | {"name": target.name})
                write_json(self.path / "manifest.json", manifest(scenario, catalog, options, kind))
                for name, text in catalog.own_files.items():
                    (self.path / CATALOG).mkdir(exist_ok=True)
                    (self.path / CATALOG / name).write_text(text, "utf-8", newline="")
                (self.path / "scenario.yaml").write_text(dump_scenario(scenario), "utf-8")
                (self.path / "events.jsonl").touch()
                (self.path / "log.txt").touch()
        except BaseException:
            self.abandon()
            raise

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    def event(self, event: Event) -> None:
        """Appends one report (stage, message, seconds, incumbent, bound, gap)."""
        with writing(self.path):
            with (self.path / "events.jsonl").open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"at": now(), **plain(event)}, ensure_ascii=False) + "\n")
            if event.message:
                with self.log.open("a", encoding="utf-8") as stream:
                    stream.write(f"{event.seconds:8.1f} s  {event.stage}: {event.message}\n")

    def table(self, name: str, frame: pd.DataFrame) -> None:
        """Writes one table; ``RunError`` names the column that no file can hold."""
        if not NAME.fullmatch(name):
            raise RunError(f"{name!r} cannot be the name of a table")
        with writing(self.path):
            try:
                frame.to_parquet(self.path / "tables" / f"{name}.parquet", index=False)
            except (ValueError, TypeError) as error:  # what pyarrow raises for mixed columns
                raise RunError(f"table {name!r} cannot be written: {error}") from error

    def finish(self, outcome: Any) -> Run:
        """Writes tables and outcome (an ``Outcome`` or a mapping), then moves the run to its place."""
        facts = dict(outcome) if isinstance(outcome, Mapping) else outcome_facts(outcome)
        plan = None if isinstance(outcome, Mapping) else outcome.plan
        with writing(self.target):
            for name, table in plan.tables.items() if plan is not None else ():
                self.table(name, table)
            resolved = getattr(outcome, "resolved", None)
            if resolved is not None:
                (self.path / "resolved.yaml").write_text(dump_scenario(resolved), "utf-8")
            write_json(self.path / "outcome.json", facts | {"finished": now()})
            (self.path / "lock.json").unlink()
            sync_tree(self.path)
            place = self._move()
            sync(place.parent)
        self._done = True
        return Run(place)

    def _move(self) -> Path:
        """Renames into place; a place taken in the meantime is not overwritten, the next free name is used."""
        for place in (self.target, *(_numbered(self.target, n) for n in range(2, 100))):
            if place.exists() and any(place.iterdir()):
                continue
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                place.rmdir()
            self.path.rename(place)
            return place
        raise RunError(f"no free name beside {self.target}")

    def abandon(self) -> None:
        """Removes what was written."""
        self._done = True
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._done:
            self.abandon()


def outcome_facts(outcome: Any) -> dict[str, Any]:
    """The content of ``outcome.json`` of a solve, KPIs as value and unit."""
    names = (
        "status",
        "objective",
        "quality",
        "bound",
        "gap",
        "seconds",
        "bounds",
        "stopped",
        "regret",
        "notes",
    )
    facts = {name: getattr(outcome, name, None) for name in names}
    facts["troubles"] = [plain(trouble) for trouble in outcome.troubles]
    rows = outcome.plan.kpis.to_dict("records") if outcome.plan is not None else []
    facts["kpis"] = {row["kpi"]: {k: plain(v) for k, v in row.items() if k != "kpi"} for row in rows}
    return facts


def start_run(
    directory: Path | str | None,
    scenario: Scenario,
    catalog: Catalog,
    options: Mapping[str, Any],
    root: Path | str = "runs",
    kind: str = "plan",
) -> RunWriter:
    """A writer for a new run at ``directory`` (must not exist or be empty), else at ``root/<name>-<time>``.

    ``RunError`` at once where it cannot be written, before anything is solved.
    """
    if directory is None:
        root = Path(root)
        with writing(root):
            root.mkdir(parents=True, exist_ok=True)
        target = root / f"{scenario.name}-{datetime.now():%Y%m%d-%H%M%S}"
        numbers = iter(range(2, 10_000))
        while target.exists():
            target = _numbered(root / f"{scenario.name}-{datetime.now():%Y%m%d-%H%M%S}", next(numbers))
        return RunWriter(target, scenario, catalog, options, kind)
    target = Path(directory)
    if not target.name or target.name.startswith(".") or "\0" in str(target):
        raise RunError(f"{str(directory)!r} cannot be the place of a run: name a folder that is not hidden")
    with writing(target):
        if target.is_dir():
            if any(target.iterdir()):
                raise RunError(f"{target} is not empty: a run needs a folder of its own")
        elif target.exists():
            raise RunError(f"{target} is a file: a run needs a folder of its own")
        if not target.parent.is_dir():
            raise RunError(f"the folder {target.parent} does not exist: make it first")
    return RunWriter(target, scenario, catalog, options, kind)


def _numbered(path: Path, n: int) -> Path:
    return path.with_name(f"{path.name}-{n}")
