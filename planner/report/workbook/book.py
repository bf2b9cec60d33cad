"""A workbook being written: formats, sheets, named cells, columns that formulas read, and timelines.

Text is never read as a formula or a link. Formulas carry their value, so that a viewer that does not calculate shows
the same numbers.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from planner.facts.numbers import fixed
from planner.report.terms import heading

OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": False,
    "default_date_format": "yyyy-mm-dd",
}
TEXT_LIMIT = 32_000
"""Excel holds 32,767 characters in a cell."""
HERE, BEFORE, AFTER = "@", "~", "`"
"""Stand in a formula of a row for its own column, the one before it and the one after it."""
GAP = "_)"
"""Ends a format of numbers: as much room as a bracket takes, so that no number touches the unit on its right."""
LINE_PT = 15.0
"""Height of a line of text in a cell."""
TOP = 3
"""Row of a table's headings, counted from 0; the first row below it is 5 in a formula."""


@dataclass(frozen=True)
class Check:
    """A figure worked out by the workbook, beside the planner's own."""

    what: str
    formula: str
    value: float
    unit: str


class Book:
    """Formats, sheets, named cells, and where the columns of tables stand."""

    def __init__(self, target: Any):
        self.book = xlsxwriter.Workbook(target, OPTIONS)
        add = self.book.add_format
        self.title = add({"bold": True, "font_size": 14})
        self.note = add({"italic": True, "font_color": "#555555"})
        head = {"bold": True, "bottom": 1, "bg_color": "#E7F1F3", "text_wrap": True, "valign": "top"}
        self.head, self.head_right = add(head), add(head | {"align": "right"})
        self.bold = add({"bold": True, "top": 1})
        self.total = add({"bold": True, "top": 1, "num_format": f"#,##0.00{GAP}"})
        self.number = add({"num_format": f"#,##0.00{GAP}"})
        self.exact = add({"num_format": f"#,##0.000000{GAP}"})
        self.whole = add({"num_format": "0"})
        self.day = add({"num_format": "yyyy-mm-dd"})
        self.input = add({"num_format": f"#,##0.######{GAP}", "font_color": "#0000C0", "bg_color": "#FFF8DC"})
        self.good = add({"bold": True, "font_color": "#0B6E4F"})
        self.checks: list[Check] = []
        self.spans: dict[str, dict[str, str]] = {}

    def sheet(self, name: str, title: str, note: str = "") -> Any:
        """A sheet with its title and one line of explanation; the table starts in row 4."""
        sheet = self.book.add_worksheet(name[:31])
        sheet.write_string(0, 0, title, self.title)
        if note:
            sheet.write_string(1, 0, note, self.note)
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        return sheet

    def table(self, sheet: Any, frame: pd.DataFrame, row: int = TOP, words: bool = True) -> int:
        """The frame under its headings from ``row``; its columns can be read by formulas. Returns the row below it."""
        lines = 1
        for j, name in enumerate(frame.columns):
            text, wide = heading(str(name)) if words else str(name), width(frame[name], str(name))
            sheet.write_string(row, j, text, self.head_right if _is_numeric(frame[name]) else self.head)
            sheet.set_column(j, j, wide)
            lines = max(lines, len(textwrap.wrap(text, int(wide) - 1)))
        sheet.set_row(row, LINE_PT * lines)  # not every viewer makes room for a heading that wraps
        for i, values in enumerate(frame.itertuples(index=False, name=None), start=row + 1):
            for j, value in enumerate(values):
                self.cell(sheet, i, j, value)
        if len(frame):
            sheet.autofilter(row, 0, row + len(frame), max(len(frame.columns) - 1, 0))
        sheet.freeze_panes(row + 1, 0)
        self.place(sheet.get_name(), frame, row)
        return row + 1 + len(frame)

    def place(self, name: str, frame: pd.DataFrame, row: int = TOP) -> None:
        """Where the columns of a table stand, or will stand, for formulas."""
        last = row + max(len(frame), 1)
        self.spans[name] = {str(c): span(name, row + 1, j, last, j) for j, c in enumerate(frame.columns)}

    def cell(self, sheet: Any, row: int, column: int, value: Any) -> None:
        """One value by its type; what is missing stays blank."""
        if (
            value is None
            or value is pd.NaT
            or value is pd.NA
            or (isinstance(value, float) and value != value)
        ):
            return
        if isinstance(value, pd.Timestamp | date):
            sheet.write_datetime(row, column, pd.Timestamp(value).to_pydatetime(), self.day)
        elif isinstance(value, bool | np.bool_):
            sheet.write_string(row, column, "yes" if value else "no")
        elif hasattr(value, "__float__") and not isinstance(value, str):
            number = float(value)
            if number in (float("inf"), float("-inf")):
                sheet.write_string(row, column, str(number))
            else:
                sheet.write_number(row, column, number, self.whole if _is_whole(value) else self.number)
        else:
            sheet.write_string(row, column, str(value)[:TEXT_LIMIT])

    def formula(self, sheet: Any, row: int, column: int, formula: str, value: Any, form: Any = None) -> None:
        """A formula with the value it has; what has none is empty text."""
        known = "" if value is None or value is pd.NaT or value != value else value
        sheet.write_formula(row, column, formula, form or self.number, known)

    def check(self, what: str, formula: str, value: float, unit: str) -> None:
        """A figure for the sheet Check."""
        self.checks.append(Check(what, formula, value, unit))

    def name(self, name: str, sheet: Any, row: int, column: int) -> None:
        """A name of a cell, for formulas."""
        self.book.define_name(name, f"='{sheet.get_name()}'!${xl_col_to_name(column)}${row + 1}")


@dataclass(frozen=True)
class Row:
    """A row of a timeline: its place, and its values by period."""

    sheet: str
    line: int
    values: np.ndarray

    @property
    def here(self) -> str:
        """Its cell in the column of a formula, on any sheet by period."""
        return f"'{self.sheet}'!{HERE}${self.line}"

    @property
    def span(self) -> str:
        return span(
            self.sheet, self.line - 1, Timeline.FIRST, self.line - 1, Timeline.FIRST + len(self.values) - 1
        )

    @property
    def total(self) -> str:
        return f"'{self.sheet}'!${xl_col_to_name(Timeline.TOTAL)}${self.line}"


class Timeline:
    """A sheet with a column a period and one formula a row; every such sheet has the same columns.

    Label, key (what the formula looks up), unit, total, a blank column before the first period, the periods.
    """

    TOTAL, BEFORE, FIRST = 3, 4, 5

    def __init__(
        self, book: Book, name: str, title: str, note: str, labels: Sequence[str], totals: bool = True
    ):
        self.book, self.labels, self.totals = book, list(labels), totals
        self.sheet, self.name, self.row = book.sheet(name, title, note), name[:31], TOP + 1
        for j, text in enumerate(("Line", "Key", "Unit", "Total", "", *self.labels)):
            self.sheet.write_string(TOP, j, text, book.head if j < self.TOTAL else book.head_right)
        self.sheet.set_column(0, 0, 42)
        self.sheet.set_column(1, 2, 16)
        self.sheet.set_column(self.BEFORE, self.BEFORE, 2)
        self.sheet.set_column(self.FIRST, self.FIRST + len(self.labels), 11)
        self.sheet.freeze_panes(TOP + 1, self.FIRST)

    def heading(self, text: str) -> None:
        """A heading of a group of rows, with a blank row above it."""
        self.sheet.write_string(self.row + 1, 0, text, self.book.head)
        self.row += 2

    def add(
        self, label: str, unit: str, formula: str, values: Any, *, key: str = "",
        total: bool = True, form: Any = None,
    ) -> Row:  # fmt: skip
        """A row: one formula for all columns, with ``HERE`` and ``BEFORE`` in it; ``values`` are what it comes to."""
        values = np.asarray(values, dtype=float) * np.ones(len(self.labels))
        self.sheet.write_string(self.row, 0, label)
        if key:
            self.sheet.write_string(self.row, 1, key)
        self.sheet.write_string(self.row, 2, unit)
        made = Row(self.name, self.row + 1, values)
        for j, value in enumerate(values, start=self.FIRST):
            text = formula.replace(HERE, xl_col_to_name(j)).replace(BEFORE, xl_col_to_name(j - 1))
            text = text.replace(AFTER, xl_col_to_name(j + 1))
            self.book.formula(self.sheet, self.row, j, text, float(value), form)
        self._total(made, total)
        return made

    def inputs(self, label: str, unit: str, values: np.ndarray, total: bool = True) -> Row:
        """A row of inputs, one a period."""
        self.sheet.write_string(self.row, 0, label)
        self.sheet.write_string(self.row, 2, unit)
        for j, value in enumerate(values, start=self.FIRST):
            self.sheet.write_number(self.row, j, float(value), self.book.input)
        made = Row(self.name, self.row + 1, values)
        self._total(made, total)
        return made

    def _total(self, made: Row, total: bool) -> None:
        if total and self.totals:
            sums, worth = f"=SUM({made.span.partition('!')[2]})", float(np.nansum(made.values))
            self.book.formula(self.sheet, self.row, self.TOTAL, sums, worth, self.book.total)
        self.row += 1

    def corkscrew(self, what: str, unit: str, rows: Sequence[tuple[Row, int]]) -> Row:
        """Opening balance, what is added (1) and taken away (-1), closing balance; returns the closing balance."""
        change = np.sum([sign * row.values for row, sign in rows], axis=0)
        closing = np.cumsum(change)
        below = self.row + 2  # the closing balance, in a formula
        self.add(f"{what}: opening", unit, f"={BEFORE}{below}", closing - change, total=False)
        text = f"={HERE}{self.row}" + "".join(("+" if sign > 0 else "-") + row.here for row, sign in rows)
        return self.add(f"{what}: closing", unit, text, closing, total=False)


def span(sheet: str, top: int, left: int, bottom: int, right: int) -> str:
    """An absolute range, rows and columns counted from 0."""
    return f"'{sheet}'!${xl_col_to_name(left)}${top + 1}:${xl_col_to_name(right)}${bottom + 1}"


def width(column: pd.Series, name: str) -> float:
    """Width of a column in characters."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return 12
    decimal = pd.api.types.is_float_dtype(column)
    longest = max((len(fixed(v, 2)) + 1 if decimal else len(str(v)) for v in column.unique()), default=0)
    return float(min(max(10, longest + 1, len(heading(name)) * 0.7), 48))


def _is_numeric(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) or "int" in type(value).__name__
