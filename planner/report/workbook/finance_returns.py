"""Rates of return by halving, as formulas: a bracket that holds the rate, halved until it is told to every digit shown.

A spreadsheet's own IRR begins from one guess, and finds nothing where the flows have moved far from it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from xlsxwriter.utility import xl_rowcol_to_cell

from planner.finance.kernel import HIGHEST_LOG, LOWEST_LOG, Array
from planner.report.workbook.book import TOP, Book, Row
from planner.report.workbook.live import resolved

SHEET = "Returns"
STEPS = 48
"""Halvings of the bracket: the logarithm of a rate a quarter to 1e-13."""
COLUMNS = ("From", "To", "Middle", "Worth at From", "Worth at middle")
BOUNDS = (
    ("lowest_log_rate", "Least logarithm of 1 + rate a quarter that is searched", LOWEST_LOG),
    ("highest_log_rate", "Largest logarithm of 1 + rate a quarter that is searched", HIGHEST_LOG),
)
"""Name of an input, its words, its value."""


def worth(flows: Array, x: float) -> float:
    """Flows over the largest factor, at a logarithm of 1 + rate: its sign is that of their value."""
    index = np.arange(len(flows), dtype=float)
    return float(np.exp(-x * (index - (len(flows) - 1 if x < 0 else 0))) @ flows)


def write_returns(book: Book, rows: dict[str, Row], flows: dict[str, tuple[str, str]]) -> dict[str, str]:
    """A block for each rate; ``flows``: rate -> its words and the line of its flows. Returns rate -> formula.

    The rate is above 0 where the sum of the flows and their value at the highest rate differ in sign, else below.
    """
    note = "Logarithm of 1 + rate a quarter, halved step by step towards the rate at which the flows are worth nothing"
    sheet = book.sheet(SHEET, "Rates of return", note)
    return {
        name: _block(book, sheet, rows, words, line, k * (len(COLUMNS) + 1))
        for k, (name, (words, line)) in enumerate(flows.items())
    }


def _block(book: Book, sheet: Any, rows: dict[str, Row], words: str, line: str, left: int) -> str:
    flows, first = rows[line].values, TOP + 1
    sheet.write_string(TOP - 1, left, words, book.head)
    for j, text in enumerate(COLUMNS):
        sheet.write_string(TOP, left + j, text, book.head)

    def cell(step: int, column: int) -> str:
        return str(xl_rowcol_to_cell(first + step, left + column, row_abs=True, col_abs=True))

    def worth_at(place: str) -> str:
        return resolved(f"SUMPRODUCT([{line}:]*EXP(-({place})*([q:]-IF({place}<0,quarters-1,0))))", rows)

    above = f"{resolved(f'SUM([{line}:])', rows)}*{worth_at('highest_log_rate')}<0"
    bounds = [f"IF({above},0,lowest_log_rate)", f"IF({above},highest_log_rate,0)"]
    up = float(flows.sum()) * worth(flows, HIGHEST_LOG) < 0
    low, high = (0.0, HIGHEST_LOG) if up else (LOWEST_LOG, 0.0)
    for step in range(STEPS):
        middle = (low + high) / 2.0
        ends, there = worth(flows, low), worth(flows, middle)
        formulas = [*bounds, f"AVERAGE({cell(step, 0)},{cell(step, 1)})"]
        formulas += [worth_at(cell(step, k)) for k in (0, 2)]
        for j, (formula, value) in enumerate(zip(formulas, (low, high, middle, ends, there), strict=True)):
            book.formula(sheet, first + step, left + j, f"={formula}", value, book.exact)
        beyond = f"{cell(step, 3)}*{cell(step, 4)}>0"  # the rate lies between the middle and the upper end
        bounds = [
            f"IF({beyond},{cell(step, 2)},{cell(step, 0)})",
            f"IF({beyond},{cell(step, 1)},{cell(step, 2)})",
        ]
        low, high = (middle, high) if ends * there > 0 else (low, middle)
    sheet.set_column(left, left + len(COLUMNS) - 1, 16)
    place = f"'{SHEET}'!"
    found = f"EXP({place}{cell(STEPS - 1, 2)}*year_quarters)-1"
    opposite = f"{place}{cell(0, 3)}*{worth_at(place + cell(0, 1))}<=0"
    return f'IF({opposite},{found},"")'
