"""Scenario files: read with every problem at its place, inherit, override, write.

    scenario = load_scenario("korea.yaml")
    stricter = with_overrides(scenario, {"limits.min_control": 60, "demand[government].priority": 3})

A file may say ``extends: other.yaml`` (or the name of a packaged example) and change the base by its own
fields, which are merged into it, and by ``overrides``, a mapping of dotted paths. All problems of a file are
reported at once as ``file:line:col: path: message``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from importlib import resources
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML

from planner.facts.catalog import Catalog, load_catalog
from planner.facts.suggest import hint
from planner.intake.amounts import amount_warnings
from planner.intake.checks import cross_problems
from planner.intake.document import Document
from planner.intake.finance_checks import grant_warnings
from planner.intake.idle_warnings import idle_warnings
from planner.intake.late_warnings import late_warnings
from planner.intake.old_names import old_names, upgraded
from planner.intake.period_warnings import period_warnings
from planner.scenario.editing import set_in_file
from planner.scenario.messages import validated
from planner.scenario.paths import PathError, nearest, put
from planner.scenario.problems import InputError, Place, Problem, ScenarioError
from planner.scenario.reading import Item, from_plain, parse_yaml, read_text
from planner.scenario.record import Record
from planner.scenario.reference import described
from planner.scenario.schema import SCHEMA_VERSION, Scenario

__all__ = [
    "Problem",
    "ScenarioError",
    "check_scenario",
    "dump_scenario",
    "example_path",
    "examples",
    "json_schema",
    "load_scenario",
    "load_with_warnings",
    "parse_scenario",
    "parse_with_warnings",
    "placed",
    "plain_scenario",
    "set_in_file",
    "warnings_of",
    "with_overrides",
]

MAX_DEPTH = 10


def load_scenario(path: Path | str, catalog: Catalog | None = None) -> Scenario:
    """The scenario of a file; ``ScenarioError`` with every problem of it and of the files it extends."""
    return load_with_warnings(path, catalog)[0]


def load_with_warnings(path: Path | str, catalog: Catalog | None = None) -> tuple[Scenario, list[Problem]]:
    """The same, and what looks wrong: amounts far outside the catalog's range, old names, what changes nothing."""
    return _scenario(lambda faults: _read_document(Path(path), (), faults), catalog)


def warnings_of(scenario: Scenario, catalog: Catalog | None = None) -> list[Problem]:
    """What looks wrong in a scenario that is in order; places are those of the scenario alone, not of a file."""
    return _warnings(Document(from_plain(_plain(scenario), Place("<scenario>")), catalog or scenario.catalog))


def _warnings(doc: Document) -> list[Problem]:
    return [
        *old_names(doc),
        *amount_warnings(doc),
        *grant_warnings(doc),
        *idle_warnings(doc),
        *late_warnings(doc),
        *period_warnings(doc),
    ]


def parse_scenario(
    text: str, file: str = "<text>", base_dir: Path | None = None, catalog: Catalog | None = None
) -> Scenario:
    """The scenario of a text. Without ``base_dir`` it may extend packaged examples only, never a file."""
    return parse_with_warnings(text, file, base_dir, catalog)[0]


def parse_with_warnings(
    text: str, file: str = "<text>", base_dir: Path | None = None, catalog: Catalog | None = None
) -> tuple[Scenario, list[Problem]]:
    """The same, and what is in order but looks wrong."""
    return _scenario(lambda faults: _document(text, file, base_dir, (), faults), catalog)


def placed(path: Path, faults: Iterable[tuple[str, str]]) -> list[Problem]:
    """Faults that were found after reading, dotted path and message, at their places in the file they came from."""
    root = _read_document(path, (), [])
    return [Problem.at(nearest(root, at).shown, at, message) for at, message in faults]


def check_scenario(scenario: Scenario, catalog: Catalog | None = None) -> None:
    """``ScenarioError`` where names, dates or ids of a scenario do not fit together or the catalog."""
    root = from_plain(_plain(scenario), Place("<scenario>"))
    problems = cross_problems(root, catalog or scenario.catalog)
    if problems:
        raise ScenarioError(problems)


def with_overrides(
    scenario: Scenario,
    changes: Mapping[str, Any],
    file: str = "<overrides>",
    catalog: Catalog | None = None,
) -> Scenario:
    """A changed copy, on the same facts where no others are given.

    Keys are dotted paths; None takes a value, or an entry of a list, away.
    """
    if not changes:
        return scenario

    def build(faults: list[Problem]) -> Item:
        root = from_plain(_plain(scenario), Place(file))
        _apply(
            root,
            {path: from_plain(_plain_value(v, True), Place(file)) for path, v in changes.items()},
            faults,
        )
        return root

    return _scenario(build, catalog or scenario.catalog)[0]


def _scenario(
    build: Callable[[list[Problem]], Item], catalog: Catalog | None
) -> tuple[Scenario, list[Problem]]:
    """The scenario of a document and its warnings; ``ScenarioError`` with every problem."""
    problems: list[Problem] = []
    try:
        root = build(problems)
    except InputError as error:
        raise ScenarioError([*error.problems, *problems]) from error
    _require_version(root)
    renamed = upgraded(root)
    scenario, faults = validated(Scenario, root)
    unread = {problem.path for problem in problems}
    problems += [fault for fault in faults if fault.path not in unread]  # not two words on one value
    catalog = catalog or load_catalog()
    problems += cross_problems(root, catalog)
    if scenario is None or problems:
        raise ScenarioError(problems)
    return scenario.with_catalog(catalog), [*renamed, *_warnings(Document(root, catalog))]


def _require_version(root: Item) -> None:
    if not isinstance(root.value, dict):
        kind = "a list" if isinstance(root.value, list) else f"{str(root.value)[:40]!r}"
        place = root.place
        raise ScenarioError.single(
            place.file, f"must be a mapping of fields, not {kind}", place.line, place.col
        )
    version = root.get("planner")
    if version is None or isinstance(version.value, bool) or not isinstance(version.value, int):
        return  # the schema says what is wrong with it
    if version.value != SCHEMA_VERSION:
        message = f"schema version {version.value} is not known; this planner reads version {SCHEMA_VERSION}"
        raise ScenarioError([Problem.at(version.shown, "planner", message)])


# ---- inheritance


def _read_document(path: Path, chain: tuple[str, ...], faults: list[Problem]) -> Item:
    return _document(read_text(path), str(path), path.parent, (*chain, str(path.resolve())), faults)


def _document(
    text: str, file: str, base_dir: Path | None, chain: tuple[str, ...], faults: list[Problem]
) -> Item:
    """The merged tree of a file and everything it extends; what is wrong but can be passed over is a fault."""
    root, found = parse_yaml(text, file)
    faults += found
    if not isinstance(root.value, dict):
        return root
    extends, overrides = root.value.pop("extends", None), root.value.pop("overrides", None)
    if extends is not None:
        root = _merged(_base(extends, base_dir, chain, faults), root)
    if overrides is not None:
        if isinstance(overrides.value, dict):
            _apply(root, overrides.value, faults)
        else:
            message = "must be a mapping of dotted paths to values"
            faults.append(Problem.at(overrides.shown, "overrides", message))
    return root


def _base(extends: Item, base_dir: Path | None, chain: tuple[str, ...], faults: list[Problem]) -> Item:
    def fail(message: str) -> ScenarioError:
        return ScenarioError([Problem.at(extends.shown, "extends", message)])

    name = extends.value
    if not isinstance(name, str) or not name:
        raise fail("must be the path of a file or the name of an example")
    if name in examples():
        path = example_path(name)
    elif base_dir is None:
        raise fail(f"only packaged examples can be extended here{hint(name, examples())}")
    else:
        path = base_dir / name
        if not path.exists():
            raise fail(f"no file {str(path)!r} and no example of this name{hint(name, examples())}")
    resolved = str(path.resolve())
    if resolved in chain:
        raise fail(f"goes round in a circle: {' -> '.join(Path(p).name for p in (*chain, resolved))}")
    if len(chain) >= MAX_DEPTH:
        raise fail(f"more than {MAX_DEPTH} files extend one another")
    try:
        return _read_document(path, chain, faults)
    except InputError as error:
        if all(p.file == str(path) and p.line == 1 and not p.path for p in error.problems):
            raise fail(f"{name}: {error.problems[0].message}") from error
        raise


def _merged(base: Item, own: Item) -> Item:
    """Mappings are merged field by field; lists and plain values replace those of the base."""
    if not isinstance(base.value, dict) or not isinstance(own.value, dict):
        return own
    merged = dict(base.value)
    for name, item in own.value.items():
        merged[name] = _merged(merged[name], item) if name in merged else item
    return Item(merged, own.place, own.key)


def _apply(root: Item, changes: Mapping[str, Item], faults: list[Problem]) -> None:
    for path, item in changes.items():
        try:
            put(root, path, item)
        except PathError as error:
            faults.append(Problem.at(item.shown, error.path, error.message))


# ---- writing


def dump_scenario(scenario: Scenario, complete: bool = True) -> str:
    """YAML of a scenario that loads as an equal one; ``complete`` writes defaults too, so that it is frozen."""
    yaml = YAML()
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    yaml.dump(_dates(_plain(scenario, complete)), out)
    return out.getvalue()


def _plain(model: BaseModel, complete: bool = True) -> dict[str, Any]:
    """Fields by their written names, in the order of the schema; absent values are left out."""
    out: dict[str, Any] = {}
    for name, info in type(model).model_fields.items():
        value = getattr(model, name)
        default = info.get_default(call_default_factory=True)
        provenance = name in Record.model_fields
        if (value is None and default is None) or (
            (provenance or not complete) and not info.is_required() and value == default
        ):
            continue
        out[info.alias or name] = _plain_value(value, complete)
    return out


def _plain_value(value: Any, complete: bool) -> Any:
    if isinstance(value, BaseModel):
        return _plain(value, complete)
    if isinstance(value, list | tuple):
        return [_plain_value(v, complete) for v in value]
    if isinstance(value, dict):
        return {str(k): _plain_value(v, complete) for k, v in value.items()}
    return value.isoformat() if isinstance(value, date) else value


def _dates(value: Any) -> Any:
    """Text that is a date becomes one, so that it is written without quotes."""
    if isinstance(value, dict):
        return {k: _dates(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_dates(v) for v in value]
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else value
    except ValueError:
        return value


def plain_scenario(scenario: Scenario, complete: bool = True) -> dict[str, Any]:
    """The scenario as plain values (dates as text), by default with defaults: for hashes and comparisons."""
    return _plain(scenario, complete)


# ---- examples and schema


def _examples_folder() -> Path:
    return Path(str(resources.files("planner.data") / "scenarios"))


def examples() -> list[str]:
    """Names of the packaged examples."""
    return sorted(path.stem for path in _examples_folder().glob("*.yaml"))


def example_path(name: str) -> Path:
    """File of a packaged example; ``ScenarioError`` if there is none of this name."""
    if name not in examples():
        raise ScenarioError.single(name, f"no packaged example of this name{hint(name, examples())}")
    return _examples_folder() / f"{name}.yaml"


def json_schema() -> dict[str, Any]:
    """JSON Schema of a scenario file, for completion and checks in editors."""
    schema = described(Scenario.model_json_schema(by_alias=True))
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Planner scenario"
    required = schema.pop("required")
    schema["properties"] |= {
        "extends": {
            "type": "string",
            "description": "A base scenario: a relative path or an example's name.",
        },
        "overrides": {
            "type": "object",
            "description": "Changes to the base by dotted path, such as demand[government].priority.",
        },
    }
    schema["anyOf"] = [{"required": required}, {"required": ["extends"]}]
    return schema
