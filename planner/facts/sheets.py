"""Reading and checking of catalog tables: every rule yields ``file:line: column: message``.

A table is described in Frictionless style (fields with type, unit, constraints; keys). Rules beyond that
standard: every row names its source or is marked assumed with a note; low <= mid <= high; prices that are
added together (``x-sums`` of the descriptor) must not contain the same item twice.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.resources.abc import Traversable
from itertools import combinations
from typing import Any

from planner.facts.suggest import hint

PROVENANCE = ("source_url", "source_date", "confidence", "assumed", "note")
LEVELS = ("low", "mid", "high")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass
class Sheet:
    """One table: cells as text, parsed values (None where blank or faulty), file and line of each row.

    ``own``: row -> columns whose value a folder of one's own has put in without saying where it is from.
    """

    file: str
    resource: dict[str, Any]
    fields: dict[str, dict[str, Any]]
    files: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    cells: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, list[Any]] = field(default_factory=dict)
    own: dict[int, list[str]] = field(default_factory=dict)

    @property
    def key(self) -> list[str]:
        return list(self.resource["schema"]["primaryKey"])

    @property
    def keys(self) -> list[tuple[str, ...]]:
        """The primary key of each row, as text."""
        return list(zip(*(self.cells[k] for k in self.key), strict=True))

    def where(self, row: int) -> str:
        return f"{self.files[row]}:{self.lines[row]}"

    def at(self, row: int, column: str, message: str) -> str:
        return f"{self.where(row)}: {column}: {message}"

    def items(self, row: int, column: str) -> list[str]:
        """Entries of a list cell, or the cell itself; empty where blank."""
        text = self.cells[column][row]
        spec = self.fields[column]
        return [] if not text else text.split(spec["delimiter"]) if spec["type"] == "list" else [text]


def read_sheet(
    path: Traversable, resource: dict[str, Any], file: str | None = None, needed: Sequence[str] | None = None
) -> tuple[Sheet | None, list[str]]:
    """A table with its cells as text, or None where the file cannot be used; and the faults of its shape.

    ``file`` is what faults call it; ``needed`` are the columns it must have, by default all.
    """
    sheet = Sheet(file or resource["path"], resource, {f["name"]: f for f in resource["schema"]["fields"]})
    try:
        raw = path.read_bytes()
    except OSError:
        return None, [f"{sheet.file}:1: : file is missing"]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return None, [f"{sheet.file}:{line}: : not UTF-8 (byte {raw[error.start]:#04x})"]
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        problems = [*_header_faults(sheet, header, sheet.fields if needed is None else needed)]
        if problems:
            return None, problems
        sheet.cells = {name: [] for name in header}
        for cells in reader:
            if len(cells) != len(header):
                message = f"{len(cells)} cells where the header has {len(header)}"
                problems.append(f"{sheet.file}:{reader.line_num}: : {message}")
                continue
            sheet.files.append(sheet.file)
            sheet.lines.append(reader.line_num)
            for name, cell in zip(header, cells, strict=True):
                sheet.cells[name].append(cell.strip())
    except csv.Error as error:
        return None, [f"{sheet.file}:{reader.line_num}: : not CSV: {error}"]
    return sheet, problems


def _header_faults(sheet: Sheet, header: list[str], needed: Iterable[str]) -> Iterator[str]:
    known = list(sheet.fields)
    for name in header:
        if name not in known:
            yield f"{sheet.file}:1: {name}: unknown column{hint(name, [k for k in known if k not in header])}"
        elif header.count(name) > 1:
            yield f"{sheet.file}:1: {name}: column appears twice"
    for name in needed:
        if name not in header:
            yield f"{sheet.file}:1: {name}: missing column{hint(name, [h for h in header if h not in known])}"


def check_sheet(sheet: Sheet) -> list[str]:
    """Parse all cells, then apply the rules that need one table only."""
    problems = []
    for name in sheet.fields:
        sheet.values[name] = []
        read: dict[str, tuple[Any, list[str]]] = {}  # most cells of a column say what another one says
        for row, text in enumerate(sheet.cells[name]):
            if text not in read:
                read[text] = _cell(sheet, row, name)
            value, faults = read[text]
            sheet.values[name].append(value)
            problems += [sheet.at(row, name, fault) for fault in faults]
    for rule in (unique_keys, _ordered_ranges, _sourced_rows):
        problems += rule(sheet)
    return problems


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text]


PARSERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "string": (str, "text"),
    "number": (_number, "a number"),
    "integer": (int, "a whole number"),
    "boolean": (_boolean, "true or false"),
    "date": (date.fromisoformat, "a date YYYY-MM-DD"),
}


def _cell(sheet: Sheet, row: int, name: str) -> tuple[Any, list[str]]:
    spec, text = sheet.fields[name], sheet.cells[name][row]
    limits = spec.get("constraints", {})
    if not text:
        return None, ["value required"] if limits.get("required") else []
    kind = spec.get("itemType", "string") if spec["type"] == "list" else spec["type"]
    parse, what = PARSERS[kind]
    if kind == "string" and text.startswith(FORMULA):
        return None, [f"{text!r} would run as a formula in a spreadsheet"]
    values: list[Any] = []
    faults: list[str] = []
    for item in sheet.items(row, name):
        try:
            values.append(parse(item))
            faults += _limit_faults(item, values[-1], limits)
        except (ValueError, KeyError):
            faults.append(f"{item!r} is not {what}")
    if faults:
        return None, faults
    return (values if spec["type"] == "list" else values[0]), []


def _limit_faults(text: str, value: Any, limits: dict[str, Any]) -> Iterator[str]:
    if "minimum" in limits and value < limits["minimum"]:
        yield f"{text} is below the minimum; allowed from {limits['minimum']}"
    if "maximum" in limits and value > limits["maximum"]:
        yield f"{text} is above the maximum; allowed to {limits['maximum']:g}"
    if "enum" in limits and value not in limits["enum"]:
        yield f"{text!r} is not a known value{hint(text, limits['enum'])}"
    if "pattern" in limits and not re.fullmatch(limits["pattern"], text):
        yield f"{text!r} does not match; allowed {limits['pattern']}"


def unique_keys(sheet: Sheet) -> Iterator[str]:
    """A fault for every row whose key an earlier one has."""
    first: dict[tuple[str, ...], int] = {}
    for row, key in enumerate(sheet.keys):
        if key in first:
            message = f"duplicate key {', '.join(key)!r}, first on line {sheet.lines[first[key]]}"
            yield sheet.at(row, "+".join(sheet.key), message)
        first.setdefault(key, row)


def _ordered_ranges(sheet: Sheet) -> Iterator[str]:
    stems = [name[:-3] for name in sheet.fields if name.endswith("mid")]
    for names in [[stem + level for level in LEVELS] for stem in stems] + [["low", "high"]]:
        if not set(names) <= set(sheet.fields):
            continue
        for row, values in enumerate(zip(*(sheet.values[n] for n in names), strict=True)):
            known = [v for v in values if v is not None]
            if known != sorted(known):
                numbers = " > ".join(sheet.cells[n][row] or "blank" for n in names)
                yield sheet.at(row, names[-1], f"range is not in order: {' <= '.join(names)} but {numbers}")


def _sourced_rows(sheet: Sheet) -> Iterator[str]:
    absent = [name for name in PROVENANCE if name not in sheet.fields]
    if absent:
        yield f"{sheet.file}:1: {absent[0]}: every table needs the columns {', '.join(PROVENANCE)}"
        return
    for row in range(len(sheet.lines)):
        assumed = sheet.values["assumed"][row]
        if not sheet.cells["source_url"][row] and not assumed:
            yield sheet.at(row, "source_url", "row has no source and is not marked assumed")
        if assumed and not sheet.cells["note"][row]:
            yield sheet.at(row, "note", "an assumed row must say on what it rests")
        if "assumed_fields" in sheet.fields:
            for name in sheet.items(row, "assumed_fields"):
                if name not in sheet.fields:
                    fault = f"no column {name!r}{hint(name, list(sheet.fields))}"
                    yield sheet.at(row, "assumed_fields", fault)


def check_between(sheets: dict[str, Sheet], descriptor: dict[str, Any]) -> list[str]:
    """Rules that need several tables: references, and items priced twice."""
    problems = [fault for sheet in sheets.values() for fault in _dangling(sheet, sheets)]
    for total in descriptor.get("x-sums", []):
        problems += _priced_twice(total, sheets)
    return problems


def _dangling(sheet: Sheet, sheets: dict[str, Sheet]) -> Iterator[str]:
    for link in sheet.resource["schema"].get("foreignKeys", []):
        target = sheets.get(link["reference"]["resource"])
        if target is None:
            continue  # its own fault is reported already
        known = dict.fromkeys(target.cells[link["reference"]["fields"]])
        for row in range(len(sheet.lines)):
            for item in sheet.items(row, link["fields"]):
                if item not in known:
                    fault = f"no row {item!r} in {target.file}{hint(item, list(known))}"
                    yield sheet.at(row, link["fields"], fault)


def _priced_twice(total: dict[str, Any], sheets: dict[str, Sheet]) -> Iterator[str]:
    """Rows of different members are added together; rows of one member only where it says ``rows: all``."""
    rows = [
        (sheets[m["resource"]], row, m["rows"] == "all")
        for m in total["members"]
        if m["resource"] in sheets
        for row in range(len(sheets[m["resource"]].lines))
    ]
    for (sheet, row, every), (other, other_row, _) in combinations(rows, 2):
        if sheet is other and not every:
            continue
        twice = set(sheet.items(row, "price_scope")) & set(other.items(other_row, "price_scope"))
        for item in sorted(twice):
            fault = f"{item!r} is priced twice, also in {sheet.where(row)}: {total['why']}"
            yield other.at(other_row, "price_scope", fault)
