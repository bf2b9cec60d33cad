"""A list of the scenario as a sheet: a row an entry, a column a field of the schema, a column a date of its path.

    rows = table(entries, SHEETS["demand"], label)              # header first; what is exported
    taken = take(text, SHEETS["demand"], rows, label, catalog)  # the scenario's text with the rows in it

A sheet has the same form whichever way it goes, so that what was exported is taken back as it was. A header is the
reader's word for a field with its unit, or the field's own name; a date is ``2027`` for its first day, or ``2027-07-01``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from planner.intake import fields
from planner.intake.fields import Field

Label = Callable[[Field], str]
Entries = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Sheet:
    """Which list, which records of an entry have their fields as columns, which path has its dates as columns."""

    key: str
    records: tuple[str, ...] = ("",)
    series: str = ""
    at: str = ""
    value: str = ""
    first: tuple[str, ...] = ("id", "title")
    kind: str = ""
    """Field that chooses among the shapes of its record: where it changes, the record begins anew."""

    @property
    def record(self) -> str:
        """The record that ``kind`` chooses the shape of."""
        return self.kind.rpartition(".")[0]


SHEETS = {
    sheet.key: sheet
    for sheet in (
        Sheet(
            "demand", ("", "size"), "size.points", "at", "value", kind="size.by",
            first=("id", "title", "sector", "kind", "data_class", "latency_class", "model_class", "profile", "priority",
                   "size.by"),
        ),
        Sheet("sites", series="grid_mw", at="from", value="mw", first=("id", "title", "metro")),
        Sheet("hosts", first=("id", "title", "site", "mode", "owner_class", "operator", "stacks")),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """A field of an entry, named as in the scenario (``size.by``), or a date of its path."""

    name: str
    field: Field | None = None
    on: date | None = None

    def header(self, label: Label) -> str:
        """The reader's word with the unit; of a date its year where it is the first day of one."""
        if self.field is None:
            return self.name
        unit = f" ({self.field.unit})" if self.field.unit else ""
        return label(self.field) + unit


@cache
def columns(sheet: Sheet) -> tuple[Column, ...]:
    """The columns of fields, the sheet's first ones first, where they come from last."""
    found: dict[str, Column] = {}
    for record in sheet.records:
        prefix = f"{record}." if record else ""
        for field in fields.fields(f"{sheet.key}[]{'.' + record if record else ''}"):
            if not record or field.name not in fields.PROVENANCE:
                found[prefix + field.name] = Column(prefix + field.name, field)
    last = [name for name in found if name in fields.PROVENANCE]
    order = [*sheet.first, *(n for n in found if n not in (*sheet.first, *last)), *last]
    return tuple(found[name] for name in order)


def dated(on: date) -> Column:
    """The column of a date."""
    return Column(str(on.year) if (on.month, on.day) == (1, 1) else on.isoformat(), on=on)


def ordered(sheet: Sheet, dates: Iterable[date]) -> list[Column]:
    """All columns: the first fields, the dates, the other fields."""
    own, n = list(columns(sheet)), len(sheet.first)
    return [*own[:n], *(dated(on) for on in sorted(set(dates)) if sheet.series), *own[n:]]


def table(
    entries: Entries, sheet: Sheet, label: Label, years: Iterable[int] = ()
) -> tuple[list[Column], list[list[Any]]]:
    """Columns of a list and its rows, header first; ``years`` have a column whether or not a path has a point there."""
    dates = {date(year, 1, 1) for year in years}
    dates |= {on for entry in entries for on in series(entry, sheet)}
    shown = ordered(sheet, dates)
    rows: list[list[Any]] = [[column.header(label) for column in shown]]
    for entry in entries:
        points = series(entry, sheet)
        rows.append([points.get(c.on) if c.on else _cell(value_at(entry, c.name)) for c in shown])
    return shown, rows


def series(entry: Mapping[str, Any], sheet: Sheet) -> dict[date, Any]:
    """Date -> value of the path of an entry; a point whose date is none is left out."""
    found: dict[date, Any] = {}
    for point in value_at(entry, sheet.series) or [] if sheet.series else []:
        on = as_date(point.get(sheet.at)) if isinstance(point, Mapping) else None
        if on is not None:
            found[on] = point.get(sheet.value)
    return found


def value_at(entry: Any, name: str) -> Any:
    """The value of a dotted field of an entry, or ``None``."""
    for part in name.split("."):
        entry = entry.get(part) if isinstance(entry, Mapping) else None
    return entry


def as_date(value: Any) -> date | None:
    """The date of an ISO text or of a year; ``None`` for anything else."""
    if isinstance(value, date):
        return value
    text = str(value).strip().removesuffix(".0")
    try:
        return date(int(text), 1, 1) if len(text) == 4 and text.isdigit() else date.fromisoformat(text)
    except ValueError:
        return None


def _cell(value: Any) -> Any:
    """A value as one cell: lists with commas, mappings as ``name: value``, dates as ISO text."""
    return value.isoformat() if isinstance(value, date) else fields.text_of(value)
