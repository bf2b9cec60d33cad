"""Sheets of the scenario's lists as files to fill in: XLSX with lists to choose from and notes, or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from planner.facts.catalog import Catalog
from planner.intake.fields import Field
from planner.intake.sheet_file import FORMULA_STARTS
from planner.intake.sheets import Column, Entries, Sheet, table
from planner.report.field_labels import label

NAMED = {
    "owner_class": "owner_classes", "model_class": "model_classes", "profile": "use_profiles",
    "preset": "finance_presets",
}  # fmt: skip
"""Fields that name a row of a short table of the catalog, and which."""
MOST_CHOSEN = 255
"""Characters of a list in a cell that a spreadsheet takes."""
EXTRA_ROWS = 200
"""Rows below the last that have the same lists to choose from."""


def safe_text(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it; anything else is as it is."""
    return "'" + value if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def choices(field: Field, catalog: Catalog) -> list[str]:
    """The values a field may take, where these are few."""
    if field.choices:
        return list(field.choices)
    source = NAMED.get(field.leaf)
    return sorted(set(map(str, catalog.table(source).index.get_level_values(0)))) if source else []


def years_of(doc: Mapping[str, Any]) -> list[int]:
    """Calendar years of the horizon of a scenario's text, sound or not."""
    horizon: Any = doc.get("horizon")
    try:
        first = date.fromisoformat(str(horizon["start"]))
        return [first.year + n for n in range(max(0, min(30, int(horizon["years"]))))]
    except (KeyError, TypeError, ValueError):
        return []


def sheet_csv(entries: Entries, sheet: Sheet, years: Iterable[int] = ()) -> str:
    """The list as CSV; the byte-order mark lets spreadsheets read it as UTF-8."""
    out = io.StringIO()
    _, rows = table(entries, sheet, label, years)
    csv.writer(out, lineterminator="\n").writerows([[safe_text(cell) for cell in row] for row in rows])
    return "\ufeff" + out.getvalue()


def sheet_xlsx(entries: Entries, sheet: Sheet, catalog: Catalog, years: Iterable[int] = ()) -> bytes:
    """The list as a workbook of one sheet: header with notes, lists to choose from; no cell is a formula or a link."""
    import xlsxwriter

    shown, rows = table(entries, sheet, label, years)
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(
        buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    head = book.add_format(
        {"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#e3eef0", "border": 1}
    )
    page = book.add_worksheet(sheet.key)
    for j, column in enumerate(shown):
        page.write_string(0, j, rows[0][j], head)
        page.set_column(j, j, _width(column, rows, j))
        _help(page, j, column, catalog, len(rows))
    for i, row in enumerate(rows[1:], 1):
        for j, cell in enumerate(row):
            _write(page, i, j, cell)
    page.freeze_panes(1, 2)
    page.set_row(0, 32)
    book.close()
    return buffer.getvalue()


def _write(page: Any, i: int, j: int, cell: Any) -> None:
    if isinstance(cell, bool):
        page.write_boolean(i, j, cell)
    elif isinstance(cell, int | float):
        page.write_number(i, j, cell)
    elif cell is not None:
        page.write_string(i, j, str(cell))


def _width(column: Column, rows: Sequence[Sequence[Any]], j: int) -> float:
    if column.field is None:
        return 11
    longest = max((len(str(row[j])) for row in rows[1:] if row[j] is not None), default=0)
    return min(44, max(11, 0.62 * len(rows[0][j]) + 3, longest + 2))


def _help(page: Any, j: int, column: Column, catalog: Catalog, rows: int) -> None:
    """What the column means as a note of its header, and its values as a list in its cells."""
    if column.field is None:
        return
    if column.field.meaning:
        page.write_comment(0, j, f"{column.name}: {column.field.meaning}", {"x_scale": 2})
    named = choices(column.field, catalog)
    if named and len(",".join(named)) <= MOST_CHOSEN:
        rule = {"validate": "list", "source": named, "error_type": "warning"}
        page.data_validation(1, j, rows + EXTRA_ROWS, j, rule)
