"""What a batch manifest may say, and the cases it stands for.

batch: 1
scenario: korea            # a file beside the manifest, or a packaged example
quality: quick
grid:                      # every combination
  limits.min_control: {from: 50, to: 70, step: 10}
  money.level: [low, mid]
sample:                    # a Latin hypercube
  count: 40
  ranges: {money.discount_rate_real: {from: 0.03, to: 0.1}}
table: cases.csv           # a row a case, a column a path
cases:                     # and these one by one
  - id: no-venture
    set: {"hosts[jv-ulsan]": null}
    objective: delay
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from planner.facts.catalog import Catalog
from planner.facts.numbers import fixed
from planner.facts.suggest import hint
from planner.intake.scenario_file import ScenarioError, example_path, examples, load_scenario, with_overrides
from planner.runs.batch_design import MAX_CASES, Changes, Range, Sample, names_of, read_rows
from planner.runs.files import content_hash
from planner.scenario.messages import validated
from planner.scenario.problems import InputError, Place, Problem
from planner.scenario.reading import Item, from_plain, parse_yaml, read_text
from planner.scenario.record import Id, Record
from planner.scenario.schema import Objective, Quality, Scenario

SHOWN_CASES = 3


class BatchError(InputError):
    """A manifest, or a case of it, cannot be used."""


class ListedCase(Record):
    """One case of its own: its changes and, where it differs, its objective and quality."""

    id: Id
    set: Changes = Field(default_factory=dict)
    objective: Objective | None = None
    quality: Quality | None = None


class Manifest(Record):
    """Many cases of one scenario: a grid of values, a sample, a table, a list of changes, or several of them."""

    batch: Literal[1]
    scenario: Annotated[str, Field(min_length=1)]
    objective: Objective = "cost"
    quality: Quality = "plan"
    case_limit_s: Annotated[float, Field(gt=0)] | None = None
    set: Changes = Field(default_factory=dict)
    grid: dict[str, Annotated[list[Any], Field(min_length=1)] | Range] = Field(default_factory=dict)
    sample: Sample | None = None
    table: Annotated[str, Field(min_length=1)] | None = None
    cases: list[ListedCase] = Field(default_factory=list)


@dataclass(frozen=True)
class BatchCase:
    """One case: its name, what it changes, the scenario that results, the facts, options and content hash."""

    name: str
    changes: Changes
    scenario: Scenario
    catalog: Catalog
    options: dict[str, Any]
    hash: str


@dataclass(frozen=True)
class _Wanted:
    """One case as the manifest asks for it."""

    name: str
    changes: Changes
    objective: str
    quality: str
    place: Place


def load_batch(path: Path | str, catalog: Catalog, case_limit_s: float | None = None) -> list[BatchCase]:
    """All cases of a manifest in order; ``BatchError`` with every problem, one of many cases told once.

    ``case_limit_s`` goes before what the manifest says.
    """
    path = Path(path)
    root, faults = parse_yaml(read_text(path), str(path))
    manifest, found = validated(Manifest, root)
    problems = faults + found
    if manifest is None or problems:
        raise BatchError(problems)
    if not (manifest.grid or manifest.cases or manifest.sample or manifest.table):
        message = "names no case: give a grid, a sample, a table, or a list of cases"
        raise BatchError([Problem.at(root.place, "", message)])
    base = _base(manifest.scenario, path, root, catalog)
    limit = case_limit_s if case_limit_s is not None else manifest.case_limit_s
    cases: list[BatchCase] = []
    wrong: dict[tuple[str, str], list[tuple[Place, str]]] = {}
    wanted = list(_wanted(manifest, root, path))
    for one in wanted:
        options: dict[str, Any] = {"objective": one.objective, "quality": one.quality}
        options |= {} if limit is None else {"case_limit_s": limit}
        try:
            scenario = with_overrides(base, manifest.set | one.changes, str(path), catalog)
        except ScenarioError as error:
            for problem in error.problems:
                place = _written(root, problem.path) or one.place
                wrong.setdefault((problem.path, problem.message), []).append((place, one.name))
            continue
        digest = content_hash(scenario, options)
        cases.append(BatchCase(one.name, one.changes, scenario, catalog, options, digest))
    problems += [_told_once(path, message, where) for (path, message), where in wrong.items()]
    problems += _repeated(wanted)
    if problems:
        raise BatchError(problems)
    return cases


def _written(root: Item, path: str) -> Place | None:
    """Where the manifest sets a path for all cases or lays it into the grid."""
    for part in ("set", "grid"):
        for name, item in root.value[part].value.items() if part in root.value else ():
            if path == name or path.startswith((f"{name}.", f"{name}[")):
                place: Place = item.shown
                return place
    return None


def _base(reference: str, manifest: Path, root: Item, catalog: Catalog) -> Scenario:
    path = manifest.parent / reference
    if not path.exists():
        if reference not in examples():
            item = root.value["scenario"]
            message = f"no file {str(path)!r} and no example of this name{hint(reference, examples())}"
            raise BatchError([Problem.at(item.shown, "scenario", message)])
        path = example_path(reference)
    return load_scenario(path, catalog)


def _wanted(manifest: Manifest, root: Item, path: Path) -> Iterator[_Wanted]:
    """Every case: grid, sample and table first, in the order written, then those listed."""
    grid = {
        name: values.values() if isinstance(values, Range) else values
        for name, values in manifest.grid.items()
    }
    size = math.prod(len(values) for values in grid.values()) if grid else 0
    if size > MAX_CASES:
        message = f"{fixed(size)} combinations; a batch may have {fixed(MAX_CASES)} cases"
        raise BatchError([Problem.at(root.value["grid"].shown, "grid", message)])
    plain = _Wanted("", {}, manifest.objective, manifest.quality, root.place)
    several = [dict(zip(grid, combination, strict=True)) for combination in itertools.product(*grid.values())]
    for made, part in (
        (several if grid else [], "grid"),
        (manifest.sample.changes() if manifest.sample else [], "sample"),
    ):
        for name, changes in zip(names_of(made), made, strict=True):
            yield replace(plain, name=name, changes=changes, place=root.value[part].shown)
    yield from _of_table(manifest, root, path, plain)
    for case, item in zip(manifest.cases, root.value["cases"].value if manifest.cases else (), strict=True):
        yield _Wanted(
            case.id,
            case.set,
            case.objective or manifest.objective,
            case.quality or manifest.quality,
            item.shown,
        )


def _of_table(manifest: Manifest, root: Item, path: Path, plain: _Wanted) -> Iterator[_Wanted]:
    """Cases of a CSV file beside the manifest; ``BatchError`` with every row that cannot be used."""
    if manifest.table is None:
        return
    file = path.parent / manifest.table
    if not file.is_file():
        raise BatchError([Problem.at(root.value["table"].shown, "table", f"no file {str(file)!r}")])
    rows = list(itertools.islice(read_rows(file), MAX_CASES))
    names = names_of([row.changes for row in rows])
    problems: list[Problem] = []
    out = []
    for row, name in zip(rows, names, strict=True):
        _, faults = validated(ListedCase, from_plain({"id": "row", **row.own}, row.place))
        problems += faults
        objective = row.own.get("objective", plain.objective)
        quality = row.own.get("quality", plain.quality)
        out.append(_Wanted(row.own.get("id", name), row.changes, objective, quality, row.place))
    if problems:
        raise BatchError(problems)
    yield from out


def _told_once(path: str, message: str, where: list[tuple[Place, str]]) -> Problem:
    """One problem of one or many cases, at the place of the first."""
    place, name = where[0]
    if len(where) == 1:
        return Problem.at(place, path, f"{message} (case {name})")
    names = ", ".join(name for _, name in where[:SHOWN_CASES]) + (", ..." if len(where) > SHOWN_CASES else "")
    return Problem.at(place, path, f"{message} ({len(where)} cases: {names})")


def _repeated(wanted: list[_Wanted]) -> list[Problem]:
    """Two cases of one name would share a folder; a disk may not tell capitals apart."""
    seen: dict[str, _Wanted] = {}
    problems = []
    for case in wanted:
        if case.name.lower() in seen:
            same = case.changes == seen[case.name.lower()].changes
            cure = "they change the same, leave one out" if same else "give ids that differ"
            problems.append(Problem.at(case.place, "", f"two cases are called {case.name!r}: {cure}"))
        seen[case.name.lower()] = case
    return problems
