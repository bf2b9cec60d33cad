"""Writes a run directory: in a hidden folder beside its place, renamed into it at the end."""

from __future__ import annotations

import contextlib
import io
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
from planner.runs.disk import (
    OWNER_FOLDER,
    PART,
    RunError,
    WriteError,
    make_folder,
    move,
    remove_file,
    sync_tree,
    write_bytes,
    write_text,
    writing,
)
from planner.runs.files import CATALOG, NAME, checksum, lock_content, manifest, now, plain, write_json
from planner.runs.run import Run
from planner.scenario.schema import Scenario


class RunWriter:
    """Writes one run. Use as a context manager: left without ``finish`` it leaves nothing behind."""

    def __init__(
        self, target: Path, scenario: Scenario, catalog: Catalog, options: Mapping[str, Any], kind: str
    ):
        self.target, self.scenario = target, scenario
        self.path = target.parent / f".{target.name}.{os.getpid()}-{secrets.token_hex(3)}{PART}"
        self._manifest = manifest(scenario, catalog, options, kind)
        self._checksums: dict[str, str] = {}
        self._done = False
        try:
            make_folder(self.path)
            make_folder(self.path / "tables")
            write_json(self.path / "lock.json", lock_content() | {"name": target.name})
            write_json(self.path / "manifest.json", self._manifest)
            for name, text in catalog.own_files.items():
                make_folder(self.path / CATALOG, exist_ok=True)
                write_text(self.path / CATALOG / name, text)
            write_text(self.path / "scenario.yaml", dump_scenario(scenario))
            write_text(self.path / "events.jsonl", "")
            write_text(self.path / "log.txt", "")
        except BaseException:
            self.abandon()
            raise

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    def event(self, event: Event) -> None:
        """Appends one report (stage, message, seconds, incumbent, bound, gap), as well as can be.

        A report that cannot be written is passed over: a full disk for a minute must not cost the plan.
        """
        line = json.dumps({"at": now(), **plain(event)}, ensure_ascii=False) + "\n"
        with contextlib.suppress(WriteError):
            write_text(self.path / "events.jsonl", line, append=True)
            if event.message:
                text = f"{event.seconds:8.1f} s  {event.stage}: {event.message}\n"
                write_text(self.log, text, append=True)

    def table(self, name: str, frame: pd.DataFrame) -> None:
        """Writes one table and notes its checksum; ``RunError`` names the column that no file can hold."""
        if not NAME.fullmatch(name):
            raise RunError(f"{name!r} cannot be the name of a table")
        content = io.BytesIO()
        try:
            frame.to_parquet(content, index=False)
        except (ValueError, TypeError) as error:  # what pyarrow raises for mixed columns
            raise RunError(f"table {name!r} cannot be written: {error}") from error
        write_bytes(self.path / "tables" / f"{name}.parquet", content.getvalue())
        self._checksums[name] = checksum(content.getvalue())

    def finish(self, outcome: Any, audit: Mapping[str, Any] | None = None) -> Run:
        """Writes tables and outcome (an ``Outcome`` or a mapping), then moves the run to its place.

        ``audit`` is the state of the check of a plan; see ``planner.runs.solve.audited``.
        """
        facts = dict(outcome) if isinstance(outcome, Mapping) else outcome_facts(outcome)
        facts |= {} if audit is None else {"audit": dict(audit)}
        plan = None if isinstance(outcome, Mapping) else outcome.plan
        for name, table in plan.tables.items() if plan is not None else ():
            self.table(name, table)
        resolved = getattr(outcome, "resolved", None)
        if resolved is not None:
            write_text(self.path / "resolved.yaml", dump_scenario(resolved))
        write_json(self.path / "manifest.json", self._manifest | {"checksums": self._checksums})
        write_json(self.path / "outcome.json", facts | {"finished": now()})
        remove_file(self.path / "lock.json")
        sync_tree(self.path)
        place = self._move()
        self._done = True
        return Run(place)

    def _move(self) -> Path:
        """Renames into place; a place taken in the meantime is not overwritten, the next free name is used."""
        for place in (self.target, *(_numbered(self.target, n) for n in range(2, 100))):
            if place.exists() and any(place.iterdir()):
                continue
            with writing(place), contextlib.suppress(FileNotFoundError, NotADirectoryError):
                place.rmdir()
            move(self.path, place)
            return place
        raise RunError(f"no free name beside {self.target}")

    def leave(self) -> None:
        """Leaves what was written in its hidden folder, for a run that goes on from it."""
        self._done = True

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
        "control_bound",
        "relaxed_bound",
        "delay_open_months",
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
            root.mkdir(OWNER_FOLDER, parents=True, exist_ok=True)
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
        if target.parent == Path(root):
            target.parent.mkdir(OWNER_FOLDER, parents=True, exist_ok=True)
        if not target.parent.is_dir():
            raise RunError(f"the folder {target.parent} does not exist: make it first")
    return RunWriter(target, scenario, catalog, options, kind)


def _numbered(path: Path, n: int) -> Path:
    return path.with_name(f"{path.name}-{n}")
