"""What a batch manifest may say, and the cases it stands for.

batch: 1
scenario: korea            # a file beside the manifest, or a packaged example
quality: quick
grid:                      # every combination
  limits.min_control: [50, 60, 70]
  money.level: [low, mid]
cases:                     # and these one by one
  - id: no-venture
    set: {"hosts[jv-ulsan]": null}
    objective: delay
"""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from planner.facts.catalog import Catalog
from planner.facts.numbers import fixed
from planner.facts.suggest import hint
from planner.intake.scenario_file import ScenarioError, example_path, examples, load_scenario, with_overrides
from planner.runs.files import content_hash
from planner.scenario.messages import validated
from planner.scenario.problems import InputError, Place, Problem
from planner.scenario.reading import Item, parse_yaml, read_text
from planner.scenario.schema import Id, Objective, Quality, Record, Scenario

MAX_CASES = 100_000
Changes = dict[str, Any]


class BatchError(InputError):
    """A manifest, or a case of it, cannot be used."""


class ListedCase(Record):
    """One case of its own: its changes and, where it differs, its objective and quality."""

    id: Id
    set: Changes = Field(default_factory=dict)
    objective: Objective | None = None
    quality: Quality | None = None


class Manifest(Record):
    """Many cases of one scenario: a grid of values, a list of changes, or both."""

    batch: Literal[1]
    scenario: Annotated[str, Field(min_length=1)]
    objective: Objective = "cost"
    quality: Quality = "plan"
    set: Changes = Field(default_factory=dict)
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default_factory=dict)
    cases: list[ListedCase] = Field(default_factory=list)


@dataclass(frozen=True)
class BatchCase:
    """One case: its name, what it changes, the scenario that results, the facts, options and content hash."""

    name: str
    changes: Changes
    scenario: Scenario
    catalog: Catalog
    options: dict[str, str]
    hash: str


def load_batch(path: Path | str, catalog: Catalog) -> list[BatchCase]:
    """All cases of a manifest in order; ``BatchError`` with every problem of every case."""
    path = Path(path)
    root, faults = parse_yaml(read_text(path), str(path))
    manifest, found = validated(Manifest, root)
    problems = faults + found
    if manifest is None or problems:
        raise BatchError(problems)
    if not manifest.grid and not manifest.cases:
        raise BatchError([Problem.at(root.place, "", "names no case: give a grid, or a list of cases")])
    base = _base(manifest.scenario, path, root, catalog)
    cases: list[BatchCase] = []
    for name, changes, objective, quality, item in _wanted(manifest, root):
        options = {"objective": objective, "quality": quality}
        try:
            scenario = with_overrides(base, manifest.set | changes, str(path), catalog)
        except ScenarioError as error:
            problems += [_placed(problem, item, name) for problem in error.problems]
            continue
        digest = content_hash(scenario, catalog, options)
        cases.append(BatchCase(name, changes, scenario, catalog, options, digest))
    problems += _repeated(cases, root)
    if problems:
        raise BatchError(problems)
    return cases


def _base(reference: str, manifest: Path, root: Item, catalog: Catalog) -> Scenario:
    path = manifest.parent / reference
    if not path.exists():
        if reference not in examples():
            item = root.value["scenario"]
            message = f"no file {str(path)!r} and no example of this name{hint(reference, examples())}"
            raise BatchError([Problem.at(item.shown, "scenario", message)])
        path = example_path(reference)
    return load_scenario(path, catalog)


def _wanted(manifest: Manifest, root: Item) -> list[tuple[str, Changes, str, str, Item]]:
    """Name, changes, objective, quality and place of every case: the grid first, in the order written."""
    size = 1
    for values in manifest.grid.values():
        size *= len(values)
    if size + len(manifest.cases) > MAX_CASES:
        item = root.get("grid") or root
        message = f"{fixed(size)} combinations; a batch may have {fixed(MAX_CASES)} cases"
        raise BatchError([Problem.at(item.shown, "grid", message)])
    out: list[tuple[str, Changes, str, str, Item]] = []
    if manifest.grid:
        place = root.value["grid"]
        for combination in itertools.product(*manifest.grid.values()):
            changes = dict(zip(manifest.grid, combination, strict=True))
            out.append((grid_name(changes), changes, manifest.objective, manifest.quality, place))
    for case, item in zip(manifest.cases, root.value["cases"].value if manifest.cases else (), strict=True):
        objective, quality = case.objective or manifest.objective, case.quality or manifest.quality
        out.append((case.id, case.set, objective, quality, item))
    return out


def grid_name(changes: Changes) -> str:
    """A readable name of one combination: the last part of each path with its value.

    >>> grid_name({"limits.min_control": 60, "money.level": "low"})
    'min_control-60_level-low'
    """
    parts = []
    for path, value in changes.items():
        stem = re.sub(r"[^a-zA-Z0-9_]+", "-", path.rsplit(".", 1)[-1]).strip("-")
        text = value if isinstance(value, str) else json.dumps(value)
        parts.append(f"{stem}-{re.sub(r'[^a-zA-Z0-9.]+', '-', text).strip('-')}")
    return "_".join(parts)[:80].rstrip("-._")


def _placed(problem: Problem, item: Item, name: str) -> Problem:
    place: Place = item.shown
    return Problem(place.file, place.line, place.col, problem.path, f"{problem.message} (case {name})")


def _repeated(cases: list[BatchCase], root: Item) -> list[Problem]:
    """Two cases of one name would share a folder."""
    seen: set[str] = set()
    problems = []
    for case in cases:
        if case.name in seen:
            item = root.get("cases") or root
            problems.append(
                Problem.at(item.shown, "", f"two cases are called {case.name!r}: give ids that differ")
            )
        seen.add(case.name)
    return problems
