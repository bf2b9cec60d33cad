"""A scenario's text under edit: read into rows and values, changed in place, checked, compared with its base.

Pure functions from text to text and tables; comments and layout of the text stay.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import pandas as pd

from planner.app.state import wide
from planner.app.state.sections import Table
from planner.app.state.taken import taken
from planner.facts.catalog import Catalog
from planner.intake import fields as schema
from planner.intake.scenario_file import parse_with_warnings, set_in_file
from planner.scenario.paths import PathError, flatten, split
from planner.scenario.problems import InputError, Problem
from planner.scenario.reading import parse_yaml
from planner.scenario.schema import Scenario

__all__ = [
    "Checked",
    "InputError",
    "PathError",
    "apply",
    "changes",
    "check",
    "document",
    "duplicate",
    "path_now",
    "rows",
    "value_at",
]
COMPARED = ["path", "base", "now"]


@dataclass(frozen=True)
class Checked:
    """A text that was read: the scenario and what looks wrong in it if it is sound, else every problem by its path."""

    scenario: Scenario | None
    problems: list[Problem]
    warnings: list[Problem] = dataclasses.field(default_factory=list)

    def of(self, path: str) -> str | None:
        """The message for a field, or of what stands inside it: a problem, else a warning."""
        return self._messages.get(path)

    @cached_property
    def _messages(self) -> dict[str, str]:
        """The first message at a path, and at the fields and lists on the way to it: a mapping has one cell or control."""
        found: dict[str, str] = {}
        for problem in [*self.problems, *self.warnings]:
            ends = [end.start() for end in re.finditer(r"[\[.]", problem.path)]
            for path in (problem.path, *(problem.path[:end] for end in ends)):
                found.setdefault(path, problem.message)
        return found


def check(text: str, catalog: Catalog) -> Checked:
    """Reads a text as a run would; may extend packaged examples, never a file of the server."""
    try:
        scenario, warnings = parse_with_warnings(text, file="scenario.yaml", catalog=catalog)
        return Checked(scenario, [], warnings)
    except InputError as error:
        return Checked(None, error.problems)


def document(text: str) -> dict[str, Any]:
    """The text as plain values, sound or not; ``InputError`` if it is not YAML or no mapping."""
    root, _ = parse_yaml(text, "scenario.yaml")
    plain = root.plain()
    if not isinstance(plain, dict):
        raise InputError.single("scenario.yaml", "must be a mapping of fields")
    return plain


def value_at(doc: Any, path: str) -> Any:
    """The value at a path of a document, or ``None``."""
    here = doc
    for part in split(path):
        if part.startswith("["):
            here = _entry(here, part[1:-1]) if isinstance(here, list) else None
        else:
            here = here.get(part) if isinstance(here, dict) else None
        if here is None:
            return None
    return here


def rows(
    doc: Mapping[str, Any], table: Table, checked: Checked | None = None, catalog: Catalog | None = None
) -> list[dict[str, Any]]:
    """The rows of a table: its fields, ``_path`` of the entry, ``of`` its outer entry, ``_problems`` by column.

    With a catalog, ``_taken`` has what is used for blank fields (``planner.app.state.taken``).
    """
    if table.wide:
        return wide.rows(doc, table, checked)
    found = []
    used = taken(doc, table.key, catalog) if catalog is not None else {}
    columns = schema.fields(table.pattern)
    for number, (path, outer, entry) in enumerate(_entries(doc, table.pattern)):
        row: dict[str, Any] = {"_path": path, "_row": f"{table.key}-{number}", "of": outer}
        for column in columns:
            value = value_at(entry, column.name)
            row[column.name] = schema.text_of(value)
        if catalog is not None:
            row["_taken"] = used.get(str(entry.get("id")), {})
        if checked is not None:
            messages = {c.name: checked.of(f"{path}.{c.name}") for c in columns}
            row["_problems"] = {name: message for name, message in messages.items() if message}
        found.append(row)
    return found


def path_now(doc: Mapping[str, Any], table: Table, row: Mapping[str, Any]) -> str:
    """The path of a row as a page shows it; by its number where its id was changed since the page was told its path."""
    path = str(row["_path"])
    if "_row" not in row or value_at(doc, path) is not None:
        return path
    now = next((one for one in rows(doc, table, catalog=None) if one["_row"] == row["_row"]), None)
    return str(now["_path"]) if now is not None and now.get("id") == row.get("id") else path


def apply(text: str, wanted: Mapping[str, Any]) -> str:
    """The text with values set at paths; what already stands there is left as it is written, blanks around it too."""
    doc = document(text)
    changed = {
        path: value for path, value in wanted.items() if not _same(_bare(value_at(doc, path)), _bare(value))
    }
    return set_in_file(text, changed) if changed else text


def add(text: str, table: Table, outer: str | None = None, values: Mapping[str, Any] | None = None) -> str:
    """The text with one more entry in a table, blank or of ``values``; of a nested one in the list of ``outer``."""
    if table.nested and not outer:
        raise PathError(table.pattern, "say to which entry the row belongs")
    where = table.pattern.removesuffix("[]").replace("[]", f"[{outer}]")
    there = value_at(document(text), where) or []
    alone = (
        [] if isinstance(there, list) else [{where.rpartition(".")[2]: there}]
    )  # "step: quarter" becomes an entry
    entries = alone or list(there)
    given = {name: value for name, value in (values or {}).items() if value is not None}
    named = "id" in {field.name for field in schema.fields(table.pattern)}
    id_ = _free_id(str(given.pop("id", "new")), {str(e.get("id")) for e in entries})
    filled = {"id": id_} if named else {}
    for name, value in given.items():
        _put(filled, name.split("."), value)
    if named and entries:
        return set_in_file(text, {f"{where}[{id_}]": {k: v for k, v in filled.items() if k != "id"}})
    return set_in_file(text, {where: [*entries, filled]})


def _put(entry: dict[str, Any], name: list[str], value: Any) -> None:
    """Sets a dotted field of an entry."""
    for part in name[:-1]:
        entry = entry.setdefault(part, {})
    entry[name[-1]] = value


def duplicate(text: str, table: Table, path: str) -> str:
    """The text with a copy of the entry at ``path`` after the last, marked as one in its note."""
    doc = document(text)
    entry = value_at(doc, path)
    if entry is None:
        raise PathError(table.pattern, "select a row to copy")
    where = path[: path.rindex("[")]
    entries = list(value_at(doc, where) or [])
    if "id" in entry:
        entry = entry | {"note": f"Copy of {entry['id']}"}
        new = _free_id(str(entry["id"]), {str(e.get("id")) for e in entries})
        return set_in_file(text, {f"{where}[{new}]": {k: v for k, v in entry.items() if k != "id"}})
    return set_in_file(text, {where: [*entries, _later(entry, entries)]})


def remove(text: str, paths: list[str]) -> str:
    """The text without the entries at these paths."""
    # later numbers first, so that earlier ones still name the same entry
    return set_in_file(text, dict.fromkeys(sorted(paths, key=_order, reverse=True)))


def changes(text: str, base: str | None) -> pd.DataFrame:
    """Every plain value that differs from the base: path, base, now."""
    if base is None:
        return pd.DataFrame(columns=COMPARED)
    try:
        before, now = dict(flatten(document(base))), dict(flatten(document(text)))
    except InputError:
        return pd.DataFrame(columns=COMPARED)
    paths = [*now, *(path for path in before if path not in now)]
    differing = [path for path in paths if not _same(before.get(path), now.get(path))]
    return pd.DataFrame([{"path": p, "base": _shown(before.get(p)), "now": _shown(now.get(p))} for p in differing],
                        columns=COMPARED)  # fmt: skip


def _entries(doc: Any, pattern: str) -> list[tuple[str, str | None, dict[str, Any]]]:
    found: list[tuple[str, str | None, Any]] = [("", None, doc)]
    for part in pattern.replace("[]", ".[]").split("."):
        below: list[tuple[str, str | None, Any]] = []
        for path, _outer, value in found:
            outer = _outer
            if part == "[]" and isinstance(value, list):
                ids = [e.get("id") if isinstance(e, dict) else None for e in value]
                for n, entry in enumerate(value):
                    name = ids[n] if isinstance(ids[n], str) and ids.count(ids[n]) == 1 else str(n)
                    below.append((f"{path}[{name}]", _last_id(path) or outer, entry))
            elif part != "[]" and isinstance(value, dict) and (part in value or _optional(pattern, part)):
                below.append(
                    (f"{path}.{part}" if path else part, _last_id(path) or outer, value.get(part) or {})
                )
        found = below
    return [(path, outer, entry) for path, outer, entry in found if isinstance(entry, dict)]


def _optional(pattern: str, part: str) -> bool:
    """Whether a part of a pattern is a record of an entry that the entry may do without: it is shown to be filled in."""
    outer, _, records = pattern.rpartition("[].")
    return bool(outer) and not pattern.endswith("[]") and part in records.split(".")


def _last_id(path: str) -> str | None:
    match = re.search(r"\[([^\[\]]+)\][^\[\]]*$", path)
    return match[1] if match else None


def _entry(entries: list[Any], name: str) -> Any:
    for entry in entries:
        if isinstance(entry, dict) and entry.get("id") == name:
            return entry
    return entries[int(name)] if name.isdigit() and int(name) < len(entries) else None


def _order(path: str) -> tuple[str, int]:
    match = re.search(r"\[(\d+)\]$", path)
    return (path[: match.start()], int(match[1])) if match else (path, 0)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, bool) != isinstance(b, bool):
        return a in (None, False) and b in (None, False)  # an unset mark is no mark
    return bool(a == b)


def _bare(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _free_id(id: str, taken: set[str]) -> str:
    if id not in taken:
        return id
    stem = re.sub(r"-\d+$", "", id)
    return next(f"{stem}-{n}" for n in range(2, len(taken) + 3) if f"{stem}-{n}" not in taken)


def _later(entry: dict[str, Any], entries: list[Any]) -> dict[str, Any]:
    """A copy that stands after the last: its date a year on, since dates of a path must rise."""
    new = dict(entry)
    for name in ("at", "from"):
        if name in new and entries:
            last = max(str(e.get(name)) for e in entries)
            try:
                on = date.fromisoformat(last)
                new[name] = on.replace(year=on.year + 1, day=min(on.day, 28)).isoformat()
            except ValueError:
                continue
    if "year" in new and entries:
        new["year"] = max(int(e.get("year", 0)) for e in entries) + 1
    return new


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    return str(schema.text_of(value))
