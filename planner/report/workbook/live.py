"""Sheets by period whose rows name one another: lines are placed first, then written, so that any may read any.

In a formula ``[key]`` is another line in the same column, ``[key~]`` in the column before, ``[key>]`` in the one after,
``[key:]`` all its periods. Keys are the lines' own; a line without a formula is a row of inputs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from planner.report.workbook.book import AFTER, BEFORE, HERE, TOP, Book, Row, Timeline, span

NAMED = re.compile(r"\[([^\]~>:]+)([~>:]?)\]")
COLUMNS = {"": HERE, "~": BEFORE, ">": AFTER}


@dataclass(frozen=True)
class Line:
    """A row: what it is called, what other lines call it, its unit, its formula and what that comes to."""

    words: str
    key: str
    unit: str
    formula: str
    values: Any
    total: bool = True
    shown: str = ""
    """what stands in the column Key, for formulas that look it up"""
    form: Any = None


Sheets = Mapping[str, tuple[str, Sequence[Line | str]]]
"""sheet -> its title, and its lines; a text is a heading"""


def write_lines(book: Book, sheets: Sheets, labels: Sequence[str], note: str) -> dict[str, Row]:
    """Writes sheets of lines; key -> row. Raises ``KeyError`` for a line that a formula names and none is."""
    rows: dict[str, Row] = {}
    for name, (_, lines) in sheets.items():
        at = TOP + 2
        for line in lines:
            if isinstance(line, str):
                at += 2
                continue
            rows[line.key] = Row(name, at, np.asarray(line.values, dtype=float) * np.ones(len(labels)))
            at += 1
    for name, (title, lines) in sheets.items():
        sheet = Timeline(book, name, title, note, labels)
        for line in lines:
            if isinstance(line, str):
                sheet.heading(line)
            elif line.formula:
                formula = "=" + resolved(line.formula, rows)
                values = rows[line.key].values
                sheet.add(
                    line.words, line.unit, formula, values, key=line.shown, total=line.total, form=line.form
                )
            else:
                sheet.inputs(line.words, line.unit, rows[line.key].values, total=line.total)
    return rows


def resolved(formula: str, rows: Mapping[str, Row]) -> str:
    """A formula with the places of the lines it names."""

    def place(found: re.Match[str]) -> str:
        row, how = rows[found[1]], found[2]
        last = Timeline.FIRST + len(row.values) - 1
        if how == ":":
            return span(row.sheet, row.line - 1, Timeline.FIRST, row.line - 1, last)
        return f"'{row.sheet}'!{COLUMNS[how]}${row.line}"

    return NAMED.sub(place, formula)
