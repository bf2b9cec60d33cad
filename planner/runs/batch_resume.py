"""What of a batch is there already, what is to be solved and why, and what no longer belongs.

A result is known by what was asked (``content_hash``), not by its name: a case that was renamed, or that was put
aside by another manifest, is found again. Nothing here writes but ``carry_out``.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planner.facts.errors import PlannerError
from planner.intake.scenario_file import plain_scenario
from planner.runs.batch_file import BatchCase
from planner.runs.disk import make_folder, move, writing
from planner.runs.files import LABELS, content_hash, versions
from planner.runs.run import SHOWN_HASH, Run, clean_runs, list_runs
from planner.scenario.paths import flatten

CASES, ASIDE, FAILURES = "cases", "aside", "failures"
FINISHED = ("optimal", "feasible", "infeasible", "unbounded", "no-solution")
SHOWN_CHANGES = 3
MOVERS = ("planner", "highspy")
"""Packages whose versions move results; the catalog is the third."""


@dataclass(frozen=True)
class Step:
    """One case: the run that answers it already, or none and why it is to be solved; ``twin`` asks the same."""

    case: BatchCase
    run: Path | None
    why: str = ""
    twin: str = ""


@dataclass(frozen=True)
class BatchPlan:
    """What a batch will do in its folder: a step a case, and the runs that are put aside, each with its reason."""

    folder: Path
    steps: list[Step]
    aside: list[tuple[Path, str]]
    earlier: list[Path]
    """What earlier resumes put aside and no case asks for."""
    at_work: str = ""
    """Who works on the batch at this moment, in words."""

    def leaving(self, discard: bool) -> list[tuple[Path, str]]:
        """What no case asks for, with its reason: put aside, or with ``discard`` deleted, earlier ones too."""
        past = [(path, "put aside by an earlier resume") for path in self.earlier] if discard else []
        return [*self.aside, *past]

    @property
    def to_solve(self) -> list[Step]:
        return [step for step in self.steps if step.run is None and not step.twin]

    @property
    def kept(self) -> list[Step]:
        return [step for step in self.steps if step.run is not None]


def plan_of(folder: Path, cases: Sequence[BatchCase], refresh: bool = False) -> BatchPlan:
    """What is there for each case; with ``refresh``, results of other versions are to be solved again."""
    found = [_Found.read(path) for part in (CASES, ASIDE) for path in _folders(folder / part)]
    free: dict[str, list[_Found]] = {}
    for each in found:
        if not each.fault:
            free.setdefault(each.hash, []).append(each)
    by_name = {each.path.name: each for each in found if each.path.parent.name == CASES}
    lost = {
        str(row["name"]) for row in list_runs(folder / CASES).to_dict("records") if row["status"] == "lost"
    }
    chosen: dict[str, _Found] = {}
    for case in cases:  # a run under its own name first, so that a twin does not take it
        own = by_name.get(case.name)
        if own is not None and own.answers(case, refresh):
            chosen[case.name] = own
            free[own.hash].remove(own)
    for case in cases:
        fit = [each for each in free.get(case.hash, []) if each.answers(case, refresh)]
        if case.name not in chosen and fit:
            chosen[case.name] = fit[0]
            free[case.hash].remove(fit[0])
    first = {case.hash: case.name for case in reversed(cases)}
    first |= {each.hash: name for name, each in chosen.items()}
    steps, reasons = [], {}
    for case in cases:
        if case.name in chosen:
            steps.append(Step(case, chosen[case.name].path))
            continue
        why = _why(folder, case, by_name.get(case.name), case.name in lost, refresh)
        twin = "" if first[case.hash] == case.name else first[case.hash]
        reasons[case.name] = why
        steps.append(Step(case, None, f"asks the same as {twin}" if twin else why, twin))
    used = {each.path for each in chosen.values()}
    aside = [
        (each.path, reasons.get(name) or "no case of the manifest asks for it")
        for name, each in by_name.items()
        if each.path not in used
    ]
    earlier = [each.path for each in found if each.path.parent.name == ASIDE and each.path not in used]
    return BatchPlan(folder, steps, aside, earlier)


def carry_out(plan: BatchPlan, discard: bool = False) -> list[Path]:
    """Puts every result where it belongs; returns where those are that no longer do.

    With ``discard`` they are deleted, those of earlier resumes too, and named as they were called before.
    """
    make_folder(plan.folder / CASES, exist_ok=True)
    cases = plan.folder / CASES
    clean_runs(cases)  # half runs of processes that are gone
    moving = {step.run: cases / step.case.name for step in plan.steps if step.run is not None}
    moving = {source: target for source, target in moving.items() if source != target}
    out, waiting = [], []
    for path in [*(path for path, _ in plan.aside), *moving]:
        place = path if path.parent.name == ASIDE else _put_aside(plan.folder, path)
        if path in moving:
            waiting.append((place, moving[path]))
        else:
            out.append(place)
    for place, target in waiting:
        move(place, target)
    if discard:
        _remove(plan.folder / ASIDE)
        return [path for path, _ in plan.leaving(discard)]
    return out


def made_with(run: Run, now: Mapping[str, str]) -> str:
    """Versions of planner, solver and catalog of a run where they differ from ``now``; empty where they do not."""
    noted = run.manifest.get("versions")
    then = dict(noted) if isinstance(noted, dict) else {}
    then["catalog"] = str(run.manifest.get("catalog_hash", "unknown"))[:SHOWN_HASH]
    differ = [name for name in (*MOVERS, "catalog") if then.get(name, "unknown") != now.get(name)]
    return ", ".join(f"{name} {then.get(name, 'unknown')}" for name in differ)


def versions_now(catalog_hash: str) -> dict[str, str]:
    """Versions of planner, solver and catalog in use here."""
    return {**{name: versions()[name] for name in MOVERS}, "catalog": catalog_hash[:SHOWN_HASH]}


@dataclass(frozen=True)
class _Found:
    """A run directory of a batch: what it answers, or why it answers nothing."""

    path: Path
    hash: str = ""
    fault: str = ""
    run: Run | None = None

    @classmethod
    def read(cls, path: Path) -> _Found:
        try:
            run = Run(path)
            status = run.status
            if status not in FINISHED:
                return cls(path, fault=f"it ended as {status}")
            run.verify()
            return cls(path, _asked(run), run=run)
        except PlannerError as error:
            return cls(path, fault=str(error))

    def answers(self, case: BatchCase, refresh: bool) -> bool:
        if self.run is None or self.hash != case.hash or _cut_short(self.run, case):
            return False
        return not (refresh and made_with(self.run, versions_now(case.catalog.hash)))


def _asked(run: Run) -> str:
    """What a run answers, as this version would hash it: fields that came with a newer one have their defaults."""
    noted = run.manifest.get("versions")
    if isinstance(noted, dict) and noted.get("planner") == versions()["planner"]:
        return str(run.manifest.get("hash", ""))
    return content_hash(run.scenario, run.manifest.get("options", {}))


def _cut_short(run: Run, case: BatchCase) -> str:
    """Says so where the run was ended by a limit of seconds that is not the case's."""
    then, now = (each.get("case_limit_s") for each in (run.manifest.get("options", {}), case.options))
    ended = bool(run.outcome.get("stopped")) and then is not None and then != now
    return f"it was ended at its limit of {then:g} s" if ended else ""


def _why(folder: Path, case: BatchCase, own: _Found | None, was_lost: bool, refresh: bool) -> str:
    """Why a case is solved, in words for whoever asked to go on."""
    failure = folder / FAILURES / f"{case.name}.txt"
    if own is not None and own.fault:
        return f"its result cannot be used: {own.fault}"
    if own is not None and own.run is not None:
        if own.hash != case.hash:
            return _changes(own.run, case)
        if short := _cut_short(own.run, case):
            return short
        if refresh:
            return f"made with {made_with(own.run, versions_now(case.catalog.hash))}"
    if failure.is_file():
        return f"it failed: {last_line(failure)}"
    return "it was in work when the batch ended" if was_lost else "new"


def _changes(run: Run, case: BatchCase) -> str:
    """Which inputs differ from those of the run that has the name of the case."""
    try:
        before = dict(flatten(plain_scenario(run.scenario))) | _options(run.manifest.get("options", {}))
    except PlannerError:
        return "its inputs changed; those of the result cannot be read any more"
    after = dict(flatten(plain_scenario(case.scenario))) | _options(case.options)
    paths = [
        path
        for path in {**before, **after}
        if before.get(path) != after.get(path) and path.rpartition(".")[2] not in ("name", *LABELS)
    ]
    shown = [f"{p} {before.get(p, 'absent')} -> {after.get(p, 'absent')}" for p in paths[:SHOWN_CHANGES]]
    more = len(paths) - len(shown)
    return "changed: " + ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def last_line(path: Path) -> str:
    """The last line of a text: of a failure, what went wrong."""
    return path.read_text("utf-8", errors="replace").strip().rsplit("\n", 1)[-1]


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _put_aside(folder: Path, path: Path) -> Path:
    make_folder(folder / ASIDE, exist_ok=True)
    n, place = 1, folder / ASIDE / path.name
    while place.exists():
        n += 1
        place = folder / ASIDE / f"{path.name}-{n}"
    move(path, place)
    return place


def _remove(path: Path) -> None:
    with writing(path):
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            return
