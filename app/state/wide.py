"""A path by date as a row an entry and a column a date: users by ministry and year, megawatts by site and date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import pairwise
from typing import Any

from planner.app.state.sections import Table
from planner.intake.fields import number_or_text
from planner.intake.sheets import as_date
from planner.report.sheet_files import years_of


def rows(doc: Mapping[str, Any], table: Table, checked: Any = None) -> list[dict[str, Any]]:
    """A row an entry: ``_path`` of its path, ``of`` its id, ``title``, ``by`` what is counted, a value by ISO date."""
    found = []
    for number, (path, entry) in enumerate(_entries(doc, table)):
        points = _points(entry, table)
        row: dict[str, Any] = {
            "_path": path, "_row": f"{table.key}-{number}", "of": entry.get("id"), "title": entry.get("title"),
            "by": (entry.get("size") or {}).get("by") if isinstance(entry.get("size"), dict) else None,
            **{on.isoformat(): point.get(table.value) for on, point in points.items()},
        }  # fmt: skip
        if checked is not None:
            told = {on.isoformat(): checked.of(f"{path}[{n}].{table.value}") or checked.of(f"{path}[{n}].{table.at}")
                    for n, on in enumerate(points)}  # fmt: skip
            row["_problems"] = {name: message for name, message in told.items() if message}
        found.append(row)
    return found


def dates(doc: Mapping[str, Any], table: Table) -> list[date]:
    """The dates of all paths, and the first day of every year of the horizon."""
    found = {date(year, 1, 1) for year in years_of(doc)}
    for _, entry in _entries(doc, table):
        found |= set(_points(entry, table))
    return sorted(found)


def changed(doc: Mapping[str, Any], table: Table, edits: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Path -> its new points by date; a blank cell takes a point away, other fields of a point stay."""
    known = dict(_entries(doc, table))
    out: dict[str, dict[date, dict[str, Any]]] = {}
    for edit in edits:
        path, on = edit["data"].get("_path"), as_date(edit["colId"])
        if path not in known or on is None:
            continue
        points = out.setdefault(path, _points(known[path], table))
        value = number_or_text(edit.get("value"))
        if value is None or value == "":
            points.pop(on, None)
        else:
            points[on] = {table.at: on.isoformat()} | points.get(on, {}) | {table.value: value}
    return {path: [points[on] for on in sorted(points)] for path, points in out.items()}


def with_date(doc: Mapping[str, Any], table: Table, on: date) -> dict[str, Any]:
    """Path -> points with one more at a date, of the value that holds there: nothing else changes."""
    edits = []
    for path, entry in _entries(doc, table):
        size = entry.get("size")
        step = table.stepped or (isinstance(size, dict) and size.get("shape") == "step")
        value = _value_at(
            {day: point.get(table.value) for day, point in _points(entry, table).items()}, on, step
        )
        if value is not None:
            edits.append({"data": {"_path": path}, "colId": on.isoformat(), "value": value})
    return changed(doc, table, edits)


def _value_at(points: dict[date, Any], on: date, step: bool) -> float | None:
    """The value of a path at a date; ``None`` where it has no point, or has one at that date."""
    days = sorted(points)
    if not days or on in points or not all(isinstance(v, int | float) for v in points.values()):
        return None
    if on < days[0]:  # a zero there would turn the step to the first point into a slope
        return None
    for before, after in pairwise(days):
        if before < on < after and not step:
            share = (on - before).days / (after - before).days
            return round(float(points[before] + share * (points[after] - points[before])), 6)
    return float(points[max(day for day in days if day < on)])


def _entries(doc: Mapping[str, Any], table: Table) -> list[tuple[str, dict[str, Any]]]:
    """Path of the points and the outer entry, of every entry that may have such a path."""
    outer, _, inner = table.pattern.removesuffix("[]").partition("[].")
    entries = doc.get(outer)
    ids = [entry.get("id") if isinstance(entry, dict) else None for entry in entries or []]
    found = []
    for n, entry in enumerate(entries or []):
        if isinstance(entry, dict):
            name = ids[n] if isinstance(ids[n], str) and ids.count(ids[n]) == 1 else n
            found.append((f"{outer}[{name}].{inner}", entry))
    return [(path, entry) for path, entry in found if not _trains(entry)]


def _trains(entry: Mapping[str, Any]) -> bool:
    size = entry.get("size")
    return isinstance(size, dict) and size.get("by") == "training"


def _points(entry: Mapping[str, Any], table: Table) -> dict[date, dict[str, Any]]:
    here: Any = entry
    for part in table.pattern.removesuffix("[]").partition("[].")[2].split("."):
        here = here.get(part) if isinstance(here, dict) else None
    found = {}
    for point in here if isinstance(here, list) else []:
        on = as_date(point.get(table.at)) if isinstance(point, dict) else None
        if on is not None:
            found[on] = dict(point)
    return found
