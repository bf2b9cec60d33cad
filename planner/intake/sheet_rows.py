"""Rows of a sheet into the text of a scenario: every fault at its cell, nothing taken until there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planner.facts.catalog import Catalog
from planner.facts.errors import PlannerError
from planner.facts.suggest import hint
from planner.intake.fields import Field, typed
from planner.intake.scenario_file import parse_with_warnings, plain_scenario, set_in_file
from planner.intake.sheet_file import Rows
from planner.intake.sheets import Column, Entries, Label, Sheet, as_date, columns, dated, series, value_at
from planner.scenario.problems import InputError, Problem, ScenarioError
from planner.scenario.reading import parse_yaml

YES, NO = ("yes", "true", "x", "1"), ("no", "false", "0")
SHOWN = 12


@dataclass(frozen=True, order=True)
class Fault:
    """What is wrong with one cell; row and column count from 1."""

    row: int
    column: int
    message: str

    @property
    def cell(self) -> str:
        """The cell as a spreadsheet names it: ``F12``."""
        name, n = "", self.column
        while n:
            n, rest = divmod(n - 1, 26)
            name = chr(ord("A") + rest) + name
        return f"{name}{self.row}"

    def __str__(self) -> str:
        return f"{self.cell}: {self.message}"


class SheetError(PlannerError):
    """A sheet cannot be taken; ``faults`` names every cell."""

    def __init__(self, faults: list[Fault]):
        self.faults = sorted(set(faults))
        more = len(self.faults) - SHOWN
        lines = [str(fault) for fault in self.faults[:SHOWN]] + ([f"and {more} more"] if more > 0 else [])
        super().__init__("\n".join(lines))


@dataclass(frozen=True)
class Taken:
    """The scenario's text with the rows in it, and the ids of the entries that this adds, changes and removes."""

    text: str
    added: list[str]
    changed: list[str]
    removed: list[str]


@dataclass
class _Read:
    """Values by entry and column name, in the order of the rows, and where each entry and column stands."""

    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    columns: list[tuple[int, Column]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @property
    def dates(self) -> list[Column]:
        return [column for _, column in self.columns if column.on]


def take(
    text: str,
    sheet: Sheet,
    rows: Rows,
    label: Label,
    catalog: Catalog,
    *,
    whole: bool = True,
    base: Path | None = None,
) -> Taken:
    """The text of a scenario with the rows of a sheet in it; comments and fields that are no columns stay.

    ``whole``: entries that the sheet does not name go. A column that the sheet leaves out changes nothing, a blank cell
    takes its value away. ``base`` is the folder that the text may extend files of. Raises ``SheetError`` with every
    fault of a cell; what the change leaves wrong elsewhere in the scenario is told by its own check.
    """
    read = _read(sheet, rows, label)
    before = entries_of(text, sheet, catalog, base)
    changes = _changes(text, sheet, read, before, whole)
    new = set_in_file(text, changes) if changes else text
    faults = [*read.faults, *_faults(new, sheet, read, label, catalog, base)]
    if faults:
        raise SheetError(faults)
    known = {str(entry.get("id")) for entry in before}
    touched = {id for id in read.values if any(p.startswith(f"{sheet.key}[{id}]") for p in changes)}
    return Taken(
        new,
        added=[id for id in read.values if id not in known],
        changed=[id for id in read.values if id in known and (id in touched or sheet.key in changes)],
        removed=[str(e["id"]) for e in before if whole and str(e.get("id")) not in read.values],
    )  # fmt: skip


def entries_of(text: str, sheet: Sheet, catalog: Catalog, base: Path | None = None) -> Entries:
    """The entries of the list as a text has them, else as the scenario it extends has them."""
    doc = parse_yaml(text, "scenario.yaml")[0].plain()
    own = doc.get(sheet.key) if isinstance(doc, dict) else None
    if own is None and isinstance(doc, dict) and "extends" in doc:
        scenario, _ = parse_with_warnings(text, "scenario.yaml", base, catalog)
        own = plain_scenario(scenario, complete=False).get(sheet.key)
    return [entry for entry in own or [] if isinstance(entry, dict)]


def _read(sheet: Sheet, rows: Rows, label: Label) -> _Read:
    out = _Read()
    top = next((n for n, row in enumerate(rows, 1) if any(cell is not None for cell in row)), 0)
    if not top:
        raise SheetError([Fault(1, 1, "the sheet is empty")])
    _header(sheet, rows[top - 1], top, label, out)
    if "id" not in out.places and "title" not in out.places:
        names = ", ".join(column.header(label) for column in columns(sheet)[:4])
        raise SheetError(
            [*out.faults, Fault(top, 1, f"no column Id: the first row names the columns, such as {names}")]
        )
    for n, row in enumerate(rows[top:], top + 1):
        if any(cell is not None for cell in row):
            _row(sheet, row, n, out)
    return out


def _header(sheet: Sheet, cells: list[Any], n: int, label: Label, out: _Read) -> None:
    known = {column.header(label).casefold(): column for column in columns(sheet)}
    known |= {column.name.casefold(): column for column in columns(sheet)}
    for at, cell in enumerate(cells, 1):
        if cell is None:
            continue
        said = cell.get("date") if isinstance(cell, Mapping) else cell
        text = " ".join(str(said).split())
        on = as_date(said) if sheet.series else None
        column = dated(on) if on else known.get(text.casefold())
        if column is None:
            dates = "; a date is a year or 2027-07-01" if sheet.series else ""
            near = hint(text, [c.header(label) for c in columns(sheet)])
            out.faults.append(Fault(n, at, f"no column of this name: {text[:40]!r}{near}{dates}"))
        elif column.name in out.places:
            out.faults.append(Fault(n, at, f"the column {text[:40]!r} stands twice"))
        else:
            out.places[column.name] = at
            out.columns.append((at, column))


def _row(sheet: Sheet, cells: list[Any], n: int, out: _Read) -> None:
    values: dict[str, Any] = {}
    for at, column in out.columns:
        cell = cells[at - 1] if at <= len(cells) else None
        try:
            values[column.name] = _value(cell, column.field)
        except ValueError as fault:
            out.faults.append(Fault(n, at, str(fault)))
    id = str(values.get("id") or _id_from(str(values.get("title") or ""), sheet, out.values))
    if id in out.values:
        message = f"{id!r} stands in row {out.rows[id]} already"
        out.faults.append(Fault(n, out.places.get("id", 1), message))
        return
    out.rows[id] = n
    out.values[id] = values


def _value(cell: Any, field: Field | None) -> Any:
    """A cell as the scenario wants it; what is no number stays as it is written, for the schema to say so."""
    if isinstance(cell, Mapping):
        if "date" not in cell:
            what = "a formula" if "formula" in cell else f"the error {cell['error']}"
            raise ValueError(f"{what}: only values are read, paste the value")
        cell = cell["date"]
    if field is None or field.kind in ("number", "integer"):
        text = re.sub(r"(?<=\d)[\s'](?=\d{3}\b)", "", cell) if isinstance(cell, str) else cell
        return typed(Field("", "number"), text)
    if field.kind == "boolean" and cell is not None:
        word = str(cell).strip().casefold()
        if word in YES or word in NO:
            return word in YES
        raise ValueError(f"{str(cell)[:40]!r} is neither yes nor no")
    value = typed(field, cell)
    if field.kind == "choice" and value is not None:
        return next((choice for choice in field.choices if choice.casefold() == value.casefold()), value)
    return value


def _id_from(title: str, sheet: Sheet, taken: Mapping[str, Any]) -> str:
    """An id for a row without one, from the Latin letters of its title."""
    stem = re.sub(r"[^a-z0-9]+", "-", title.casefold()).strip("-")[:50].strip("-") or f"{sheet.key}-1"
    numbered = (f"{stem}-{n}" for n in range(2, len(taken) + 3))
    return stem if stem not in taken else next(id for id in numbered if id not in taken)


def _changes(text: str, sheet: Sheet, read: _Read, before: Entries, whole: bool) -> dict[str, Any]:
    """Dotted path -> value: what the rows change in the list."""
    held = {str(entry.get("id")): entry for entry in before}
    own = parse_yaml(text, "scenario.yaml")[0].plain().get(sheet.key)
    if (
        not own
    ):  # no list in this text: it gets one, with what the scenario it extends has for columns left out
        kept = [dict(entry) for entry in before if not whole and str(entry.get("id")) not in read.values]
        new = [_entry(sheet, read, id, held.get(id, {})) for id in read.values]
        return {sheet.key: [*kept, *new]}
    changes: dict[str, Any] = {}
    for id, values in read.values.items():
        entry = held.get(id)
        where = f"{sheet.key}[{id}]"
        if entry is None:
            new_entry = _entry(sheet, read, id, {})
            changes[where] = {name: value for name, value in new_entry.items() if name != "id"}
        elif sheet.kind in values and values[sheet.kind] != value_at(entry, sheet.kind):
            changes[f"{where}.{sheet.record}"] = _entry(sheet, read, id, {}).get(sheet.record)
            changes |= _fields(sheet, read, id, entry, skip=f"{sheet.record}.")
        else:
            changes |= _fields(sheet, read, id, entry)
            points = _points(sheet, read, id, entry)
            if read.dates and points != _plain_points(value_at(entry, sheet.series)):
                changes[f"{where}.{sheet.series}"] = points or None
    if whole:
        changes |= {f"{sheet.key}[{id}]": None for id in held if id not in read.values}
    return changes


def _fields(
    sheet: Sheet, read: _Read, id: str, entry: Mapping[str, Any], skip: str | None = None
) -> dict[str, Any]:
    found = {}
    for _, column in read.columns:
        if column.field is None or column.name not in read.values[id] or column.name == "id":
            continue
        value, now = read.values[id][column.name], value_at(entry, column.name)
        same = value == now or str(value) == str(now) or (value is False and now is None)
        if not same and not (skip and column.name.startswith(skip)):
            found[f"{sheet.key}[{id}].{column.name}"] = value
    return found


def _entry(sheet: Sheet, read: _Read, id: str, base: Mapping[str, Any]) -> dict[str, Any]:
    """A whole entry: what it was, with the values of its row over it."""
    entry: dict[str, Any] = {"id": id, **base}
    for name, value in read.values[id].items():
        parts = name.split(".")
        if name == "id" or name in {column.name for column in read.dates}:
            continue
        here = entry
        for part in parts[:-1]:
            here[part] = dict(here.get(part) or {})
            here = here[part]
        here.pop(parts[-1], None)
        if value is not None and value is not False:
            here[parts[-1]] = value
    if points := _points(sheet, read, id, base) if read.dates else None:
        *outer, last = sheet.series.split(".")
        here = entry
        for part in outer:
            here = here.setdefault(part, {})
        here[last] = points
    return {name: value for name, value in entry.items() if value != {}}


def _points(sheet: Sheet, read: _Read, id: str, entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The path of a row by date; a point that was there keeps where it comes from."""
    held = dict(zip(series(entry, sheet), _plain_points(value_at(entry, sheet.series)), strict=False))
    found = []
    for column in sorted(read.dates, key=lambda c: str(c.on)):
        value = read.values[id].get(column.name)
        if value is not None and column.on is not None:
            at = {sheet.at: column.on.isoformat(), sheet.value: value}
            found.append({**held.get(column.on, {}), **at})
    return found


def _plain_points(points: Any) -> list[dict[str, Any]]:
    """Points of a document with dates as text, as those of a sheet."""
    return [
        {name: str(value) if name in ("at", "from") else value for name, value in point.items()}
        for point in points or []
        if isinstance(point, Mapping)
    ]


def _faults(
    text: str, sheet: Sheet, read: _Read, label: Label, catalog: Catalog, base: Path | None
) -> list[Fault]:
    """Problems of the new text that lie in the rows, one a cell; none where the cell has a fault of its own."""
    try:
        parse_with_warnings(text, "scenario.yaml", base, catalog)
    except (ScenarioError, InputError) as error:
        known = {(fault.row, fault.column) for fault in read.faults}
        found: dict[tuple[int, int], list[str]] = {}
        for fault in filter(None, (_placed(problem, sheet, read, label) for problem in error.problems)):
            found.setdefault((fault.row, fault.column), []).append(fault.message)
        return [Fault(*place, "; ".join(said)) for place, said in found.items() if place not in known]
    return []


def _placed(problem: Problem, sheet: Sheet, read: _Read, label: Label) -> Fault | None:
    match = re.fullmatch(rf"{sheet.key}\[([^\]]+)\](?:\.(.*))?", problem.path)
    if match is None:
        return None
    id = match[1]
    if id not in read.rows and id.isdigit() and int(id) < len(read.rows):
        id = list(read.rows)[int(id)]
    if id not in read.rows:
        return None
    name = match[2] or "id"
    point = re.match(rf"{re.escape(sheet.series)}\[(\d+)\]", name) if sheet.series else None
    message = problem.message
    if point:
        filled = [
            c for c in sorted(read.dates, key=lambda c: str(c.on)) if read.values[id].get(c.name) is not None
        ]
        name = filled[int(point[1])].name if int(point[1]) < len(filled) else "id"
    elif sheet.series and name == sheet.series:
        name = read.dates[0].name if read.dates else sheet.kind
    if name not in read.places:
        words = next((column.header(label) for column in columns(sheet) if column.name == name), name)
        message = f"{words}: {message}"
        inner = [
            known for known in read.places if known.startswith(f"{name}.") or name.startswith(f"{known}.")
        ]
        name = (inner or [sheet.kind if name.startswith(f"{sheet.record}.") else "id"])[0]
    return Fault(read.rows[id], read.places.get(name, 1), message)
