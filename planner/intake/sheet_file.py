"""Rows of plain cells from a spreadsheet, a CSV file or what was pasted: read-only, capped, never run.

A cell is None, a number, a truth value, a text, or a mapping of one key: ``date``, ``formula`` or ``error``.
"""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from typing import Any

from planner.intake.sheet_worker import CHARACTERS, COLUMNS, PACKED_BYTES, ROWS
from planner.scenario.problems import InputError

Rows = list[list[Any]]
WAIT_S = 15.0
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet may run; text that begins so is written with an apostrophe before it."""


def read_sheet(content: bytes, name: str, sheet: str = "") -> Rows:
    """Rows of a file by its ending, of a workbook those of the sheet with this name, else of the first.

    ``InputError`` where the file is refused.
    """
    if name.lower().endswith(".csv"):
        return read_text(content, name)
    if not name.lower().endswith(".xlsx"):
        raise InputError.single(name, "only .xlsx and .csv files are read")
    sheets = _workbook(content, name)
    if not sheets:
        raise InputError.single(name, "the workbook has no sheet")
    return sheets.get(sheet, next(iter(sheets.values())))


def read_text(content: bytes | str, name: str = "pasted") -> Rows:
    """Rows of text with tabs, semicolons or commas between its cells; ``InputError`` beyond the caps."""
    if len(content) > PACKED_BYTES:
        raise InputError.single(name, f"more than {PACKED_BYTES / 1e6:g} MB")
    try:
        text = content if isinstance(content, str) else content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError.single(name, "is not UTF-8 text: save it as CSV UTF-8") from error
    text = text.removeprefix("\ufeff")
    first = text.lstrip().split("\n", 1)[0]
    between = max("\t;,", key=first.count)
    rows: Rows = []
    try:
        for n, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=between, strict=True), 1):
            if n > ROWS:
                raise InputError.single(name, f"has more than {ROWS} rows")
            if len(row) > COLUMNS:
                raise InputError.single(name, f"row {n} has more than {COLUMNS} columns")
            if any(len(cell) > CHARACTERS for cell in row):
                raise InputError.single(name, f"a cell of row {n} has more than {CHARACTERS} characters")
            rows.append([_typed(cell) for cell in row])
    except csv.Error as error:
        raise InputError.single(name, f"is not a table: {error}") from error
    while rows and not any(cell is not None for cell in rows[-1]):
        rows.pop()
    return rows


def _typed(text: str) -> Any:
    """A cell of a text file: a number if it is one, a formula if a spreadsheet would run it as one."""
    text = text.strip()
    if text[:1] == "'" and text[1:2] in FORMULA_STARTS:
        return text[1:]
    if text.startswith("="):
        return {"formula": text[:80]}
    return text or None


def _workbook(content: bytes, name: str) -> dict[str, Rows]:
    command = [sys.executable, "-m", "planner.intake.sheet_worker"]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=WAIT_S)
    except subprocess.TimeoutExpired as error:
        raise InputError.single(name, "takes longer to read than a list of a scenario needs") from error
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        raise InputError.single(name, "takes more time or memory than a list of a scenario needs") from error
    if "refused" in answer:
        raise InputError.single(name, answer["refused"])
    sheets: dict[str, Rows] = answer["sheets"]
    return sheets
