"""What all commands share: consoles, JSON, arguments, progress."""

from __future__ import annotations

import json
import math
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from planner.facts.catalog import Catalog
from planner.facts.errors import NoPlan
from planner.facts.numbers import number, percent
from planner.planning.events import HOLDS_FOR_ALL, Event
from planner.scenario.schema import Scenario

if TYPE_CHECKING:
    import pandas as pd

    from planner.runs.run import Run

UNSOUND = 3
"""Exit code of a plan whose audit fails or finds rules broken."""
PLAIN_WIDTH = 120
QUIET_S = 10.0
"""Without a terminal, figures of a long stage are printed this often."""


def console(stderr: bool = False) -> Console:
    """A console of the current output; files and pipes get a fixed width and no colours."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        file=stream, highlight=False, width=None if stream.isatty() else PLAIN_WIDTH, soft_wrap=False
    )


def print_json(value: Any) -> None:
    """A JSON document on standard output."""
    from planner.runs.files import plain

    print(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def records(frame: Any) -> list[dict[str, Any]]:
    """Rows of a table as JSON-ready mappings, with missing values as null."""
    rows: list[dict[str, Any]] = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return rows


def scenario_path(reference: str) -> Path:
    """The file a user means: a path, or the name of a packaged example where no such file exists.

    ``RunError`` where it is the place of a run that is not whole.
    """
    from planner.intake.scenario_file import example_path, examples
    from planner.runs.run import refuse_unfinished

    path = Path(reference)
    if not path.exists() and reference in examples():
        return example_path(reference)
    refuse_unfinished(path)
    return path


def parsed_changes(settings: Sequence[str]) -> dict[str, Any]:
    """``path=value`` options as a mapping; values are YAML, so ``null`` and lists work."""
    from planner.scenario.problems import InputError, Problem
    from planner.scenario.reading import parse_yaml

    changes: dict[str, Any] = {}
    problems = []
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals:
            problems.append(Problem("--set", 1, 1, setting, "write it as path=value"))
            continue
        item, faults = parse_yaml(text if text.strip() else "null", "--set")
        problems += faults
        changes[path.strip()] = item.plain()
    if problems:
        raise InputError(problems)
    return changes


def scenario_of(
    reference: str,
    catalog: Catalog,
    settings: Sequence[str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Scenario:
    """The scenario of a file or example, with the changes of ``--set`` and ``more`` applied."""
    from planner.intake.scenario_file import load_scenario

    changes = parsed_changes(settings or []) | dict(more or {})
    return changed(load_scenario(scenario_path(reference), catalog), changes, catalog)


def changed(scenario: Scenario, changes: Mapping[str, Any], catalog: Catalog) -> Scenario:
    """The scenario with options of the command line applied."""
    from planner.intake.scenario_file import with_overrides

    return with_overrides(scenario, changes, "--set", catalog)


def ask_explain(reference: str | Path, settings: Sequence[str] | None) -> str:
    """Where a scenario has no plan: the command that says what would have to give, with the same changes."""
    command = ["planner", "explain", str(reference), *(f"--set={each}" for each in settings or [])]
    return f"for the least change of all ask: {shlex.join(command)}"


@contextmanager
def telling_what_would_give(reference: str | Path, settings: Sequence[str] | None) -> Iterator[None]:
    """Adds ``ask_explain`` to the ``NoPlan`` of a study."""
    try:
        yield
    except NoPlan as error:
        raise NoPlan(f"{error}\n{ask_explain(reference, settings)}") from error


def tell_catalog(run: Run, catalog: Catalog) -> None:
    """Says on standard error where a run was made with other facts than those at hand."""
    for note in run.catalog_notes(catalog):
        console(stderr=True).print(Text(f"note: {note}"), soft_wrap=True)


def tell_audit(*runs: Run) -> int:
    """Says on standard error which of the runs have a plan that is not sound; the exit code of that, else 0."""
    unsound = [run for run in runs if run.audit_fault]
    for run in unsound:
        console(stderr=True).print(Text(f"run {run.name}: {run.audit_line}"), soft_wrap=True)
    return UNSOUND if unsound else 0


def write_answer(
    path: Path,
    kind: str,
    tables: Mapping[str, pd.DataFrame],
    scenario: Scenario,
    quality: str,
    told: Sequence[str],
) -> None:
    """The first table of an answer as CSV; as a page with its picture where the name ends in .html."""
    from planner.runs.disk import writing

    with writing(path):
        if path.suffix.lower() != ".html":
            next(iter(tables.values())).to_csv(path, index=False)
            return
        from planner.report.strings import t
        from planner.report.terms import term
        from planner.report.what_if_page import page_of

        facts = t("whatif.page-facts", quality=term("quality", quality), year=scenario.money.price_year)
        path.write_text(page_of(kind, tables, scenario.title or scenario.name, facts, told), encoding="utf-8")


class Progress:
    """Shows the events of a solve on standard error: a live line on a terminal, plain lines elsewhere."""

    def __init__(self, quiet: bool = False):
        self.console = console(stderr=True)
        self.quiet = quiet
        self.live: Live | None = None
        self._printed = 0.0

    def __enter__(self) -> Progress:
        if self.console.is_terminal and not self.quiet:
            self.live = Live(console=self.console, refresh_per_second=8, transient=True)
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live is not None:
            self.live.stop()

    def __call__(self, event: Event) -> None:
        if self.quiet:
            return
        line = event_line(event)
        if self.live is not None:
            self.live.update(Spinner("dots", text=Text(line)))
            return
        due = time.monotonic() - self._printed >= QUIET_S
        if event.message or due:
            self._printed = time.monotonic()
            self.console.print(Text(line))


def event_line(event: Event) -> str:
    """One report as text: seconds, stage, message, best plan, bound and gap as far as they are known.

    A gap to a bound that does not hold for every plan is that of its step, and may be smaller than the plan's at the end.
    """
    parts = [f"{event.seconds:6.1f} s  {event.stage}", event.message]
    for value, words in ((event.incumbent, "best"), (event.bound, "bound")):
        parts.append(f"{words} {number(value, 4)}" if value is not None and math.isfinite(value) else "")
    known = event.gap is not None and math.isfinite(event.gap)
    whose = "gap" if event.stage in HOLDS_FOR_ALL else "gap of this step"
    parts.append(f"{whose} {percent(event.gap, 2)}" if known else "")
    return " · ".join(filter(None, parts))
