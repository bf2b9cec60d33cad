"""A workbook to plain cells, in a process of its own: ``python -m planner.intake.sheet_worker < book.xlsx``.

Reads standard input and writes JSON, ``{"sheets": {name: rows}}`` or ``{"refused": why}``. What is hostile is refused
before anything is parsed: macros, links to other files, entities, and more bytes, parts, sheets, rows or columns than
any list of a scenario needs. A formula, a date and an error of the spreadsheet come as mappings of one key.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from datetime import date, datetime
from typing import Any

PARTS, SHEETS, ROWS, COLUMNS, CHARACTERS = 200, 20, 2000, 200, 2000
PACKED_BYTES, UNPACKED_BYTES = 5_000_000, 16_000_000
MEMORY_BYTES, CPU_S = 400_000_000, 5
"""Of address space, of which a Python process without a workbook holds a quarter."""
NOT_A_WORKBOOK = "this is not an XLSX workbook: save it as .xlsx"
MACROS = re.compile(r"vbaproject|macrosheets|activex|\bembeddings/", re.IGNORECASE)
LINKS = re.compile(r"externallinks/|connections\.xml|querytables/", re.IGNORECASE)
DECLARED = re.compile(rb"encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")


class Refused(Exception):
    """The workbook is not read; the message says why."""


def cells(content: bytes) -> dict[str, list[list[Any]]]:
    """Rows of every sheet by its name; raises ``Refused``."""
    checked(content)
    sys.modules.setdefault("numpy", None)  # type: ignore[arg-type]  # openpyxl reads without it, and it is large
    from openpyxl import load_workbook

    try:
        book = load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
        if len(book.worksheets) > SHEETS:
            raise Refused(f"the workbook has {len(book.worksheets)} sheets; at most {SHEETS} are read")
        return {sheet.title: _rows(sheet) for sheet in book.worksheets}
    except (KeyError, ValueError, SyntaxError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise Refused(f"the workbook is damaged: {type(error).__name__}") from error


def checked(content: bytes) -> None:
    """Raises ``Refused`` for what no list of a scenario needs, by the directory of the archive and the raw parts."""
    if len(content) > PACKED_BYTES:
        raise Refused(f"the file has {len(content) / 1e6:.1f} MB; at most {PACKED_BYTES / 1e6:g} MB are read")
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile as error:
        raise Refused(NOT_A_WORKBOOK) from error
    parts = archive.infolist()
    if "[Content_Types].xml" not in archive.namelist():
        raise Refused(NOT_A_WORKBOOK)
    if len(parts) > PARTS:
        raise Refused(f"the workbook has {len(parts)} parts; at most {PARTS} are read")
    unpacked = sum(part.file_size for part in parts)
    if unpacked > UNPACKED_BYTES:
        limit = f"at most {UNPACKED_BYTES / 1e6:g} MB are read"
        raise Refused(f"the workbook unpacks to {unpacked / 1e6:.0f} MB; {limit}")
    for part in parts:
        if MACROS.search(part.filename):
            raise Refused("the workbook holds macros or embedded objects: save it as .xlsx without them")
        if LINKS.search(part.filename):
            raise Refused("the workbook is linked to other files: break the links and save it again")
        if part.filename.lower().endswith((".xml", ".rels")):
            _plain(archive, part)


def _plain(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Raises ``Refused`` for XML with a document type, which alone can declare entities, or in another encoding."""
    try:
        raw = archive.read(part)  # never more than the directory of the archive says
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise Refused("the workbook is damaged or has a password") from error
    declared = DECLARED.search(raw[:200])
    if raw.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00", b"<\x00")) or (
        declared and declared[1].lower() not in (b"utf-8", b"us-ascii", b"ascii")
    ):
        raise Refused("the workbook is written in another encoding than UTF-8")
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise Refused("the workbook declares a document type or entities, as no spreadsheet does")
    if part.filename == "[Content_Types].xml" and b"macroenabled" in raw.lower():
        raise Refused("the workbook holds macros: save it as .xlsx without them")


def _rows(sheet: Any) -> list[list[Any]]:
    """The filled part of a sheet; raises ``Refused`` beyond the caps."""
    sheet.reset_dimensions()  # what the file says of its size may be wrong
    rows: list[list[Any]] = []
    blank = 0
    for n, row in enumerate(sheet.iter_rows(), start=1):
        found = [_cell(cell, n) for cell in row]
        while found and found[-1] is None:
            found.pop()
        if len(found) > COLUMNS:
            raise Refused(f"row {n} of sheet {sheet.title!r} has more than {COLUMNS} columns")
        blank = 0 if found else blank + 1
        if n > ROWS and (found or blank > ROWS):
            raise Refused(f"sheet {sheet.title!r} has more than {ROWS} rows")
        rows.append(found)
    while rows and not rows[-1]:
        rows.pop()
    return rows


def _cell(cell: Any, row: int) -> Any:
    value, kind = cell.value, cell.data_type
    if value is None or value == "":
        return None
    if kind == "f":
        return {"formula": str(getattr(value, "text", value))[:80]}
    if kind == "e":
        return {"error": str(value)}
    if isinstance(value, datetime | date):
        return {"date": value.strftime("%Y-%m-%d")}
    if isinstance(value, bool | int | float):
        return value
    text = str(value)
    if len(text) > CHARACTERS:
        raise Refused(f"a cell of row {row} has more than {CHARACTERS} characters")
    return text


def main() -> None:
    _limit()
    try:
        answer: dict[str, Any] = {"sheets": cells(sys.stdin.buffer.read(PACKED_BYTES + 1))}
    except Refused as refusal:
        answer = {"refused": str(refusal)}
    except MemoryError:
        answer = {"refused": "the workbook takes more memory than a list of a scenario needs"}
    json.dump(answer, sys.stdout)


def _limit() -> None:
    """Bounds memory and processor time of this process, where the system can."""
    try:
        import resource
    except ImportError:  # not a Unix
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))


if __name__ == "__main__":
    main()
