"""Sheets of a scenario's lists: taken back as they were written, every mistake at its cell, what is hostile refused."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest

from planner.facts.catalog import load_catalog
from planner.intake import sheet_worker
from planner.intake.scenario_file import example_path
from planner.intake.sheet_file import read_sheet, read_text
from planner.intake.sheet_rows import SheetError, entries_of, take
from planner.intake.sheet_worker import Refused, cells
from planner.intake.sheets import SHEETS, columns, table
from planner.report.field_labels import label
from planner.report.sheet_files import sheet_csv, sheet_xlsx, years_of
from planner.scenario.problems import InputError
from planner.scenario.reading import parse_yaml

TEXT = example_path("two-hosts").read_text("utf-8")
CATALOG = load_catalog()
DEMAND = SHEETS["demand"]


def rows_of(text: str, key: str = "demand") -> list[list[Any]]:
    doc = parse_yaml(text, "t")[0].plain()
    return table(entries_of(text, SHEETS[key], CATALOG), SHEETS[key], label, years_of(doc))[1]


def taken(rows: list[list[Any]], text: str = TEXT, key: str = "demand", **how: Any) -> Any:
    return take(text, SHEETS[key], rows, label, CATALOG, **how)


def faults(rows: list[list[Any]], text: str = TEXT, key: str = "demand") -> dict[str, str]:
    with pytest.raises(SheetError) as error:
        taken(rows, text, key)
    return {fault.cell: fault.message for fault in error.value.faults}


@pytest.mark.parametrize("key", SHEETS)
def test_a_sheet_comes_back_as_it_was_written(key: str) -> None:
    text, sheet = example_path("kenya").read_text("utf-8"), SHEETS[key]
    entries, years = entries_of(text, sheet, CATALOG), years_of(parse_yaml(text, "t")[0].plain())
    for rows in (
        cells(sheet_xlsx(entries, sheet, CATALOG, years))[key],
        read_text(sheet_csv(entries, sheet, years)),
    ):
        same = taken(rows, text, key)
        assert same.text == text and not (same.added or same.changed or same.removed)


@pytest.mark.parametrize("key", SHEETS)
def test_no_two_columns_have_one_header(key: str) -> None:
    heads = [column.header(label).casefold() for column in columns(SHEETS[key])]
    assert len(set(heads)) == len(heads)
    assert {"Id", "Title", "Source", "Assumed"} <= {column.header(label) for column in columns(SHEETS[key])}


def test_a_workload_is_added_changed_and_removed() -> None:
    rows = rows_of(TEXT)
    head, first = rows[0], rows[1]
    new: list[Any] = [None] * len(head)
    for name, value in {"Title": "保健省 · Health", "Sector": "health", "Kind": "inference", "Data class": "Official",
                        "Latency class": "standard", "Model class": "large", "Counted in": "accelerators",
                        "2027": 100, "2029": "1 200"}.items():  # fmt: skip
        if name not in head:
            head.append(name)
            new.append(None)
        new[head.index(name)] = value
    first[head.index("Priority")] = 7
    done = taken([head, first, new])
    doc = parse_yaml(done.text, "t")[0].plain()["demand"]
    assert (done.added, done.changed) == (["health"], [first[0]])
    assert [w["id"] for w in doc] == [first[0], "health"]
    assert set(done.removed) == {row[0] for row in rows[2:]}
    added = doc[-1]
    assert (added["title"], added["data_class"]) == ("保健省 · Health", "official")
    assert [(str(p["at"]), p["value"]) for p in added["size"]["points"]] == [
        ("2027-01-01", 100),
        ("2029-01-01", 1200),
    ]
    assert doc[0]["priority"] == 7
    kept = taken([head, new], whole=False)
    assert not kept.removed and kept.added == ["health"]


def test_a_column_left_out_changes_nothing_and_a_blank_cell_takes_its_value_away() -> None:
    id = rows_of(TEXT)[1][0]
    some = taken([["id", "Priority"], [id, 3]], whole=False)
    assert some.changed == [id]
    back = taken([["id", "Priority"], [id, None]], some.text, whole=False)
    assert "priority: 3" in some.text and "priority: 3" not in back.text


def test_another_measure_begins_the_size_anew() -> None:
    text = example_path("korea").read_text("utf-8")
    rows = rows_of(text)
    run = next(row for row in rows if row[9] == "training")
    year = rows[0].index("2030")
    run[9], run[year] = "accelerators", 500
    assert faults(rows, text).keys() == {
        openpyxl.utils.get_column_letter(rows[0].index("Experiments factor") + 1) + "7"
    }
    run[rows[0].index("Experiments factor")] = None
    size = next(w for w in parse_yaml(taken(rows, text).text, "t")[0].plain()["demand"] if w["id"] == run[0])[
        "size"
    ]
    assert size["by"] == "accelerators" and "runs" not in size and len(size["points"]) == 1


def test_every_mistake_is_told_at_its_cell() -> None:
    rows = [row + [None] * 2 for row in rows_of(TEXT)]
    head = rows[0]
    head[-2] = "Userz"
    kind, data, year = head.index("Kind"), head.index("Data class"), 10
    rows[1][kind] = "inferense"
    rows[1][year] = "many"
    rows[1][data] = {"formula": "=A1"}
    rows.append(list(rows[1]))
    found = faults(rows)
    assert "no column of this name: 'Userz'" in found[f"{openpyxl.utils.get_column_letter(len(head) - 1)}1"]
    assert "inference" in found["D2"]
    assert found["E2"] == "a formula: only values are read, paste the value"
    assert "number" in found["K2"]
    assert "row 2 already" in found[f"A{len(rows)}"]


def test_a_row_without_what_is_required_is_told() -> None:
    found = faults([["id", "Title", "Counted in", "2027"], ["health", "Health", "users", 100]])
    assert (
        found.keys() == {"A2", "C2"}
        and "Kind: required" in found["A2"]
        and "Data class: required" in found["A2"]
    )
    assert faults([["Notes"], ["x"]]).keys() == {"A1"}
    with pytest.raises(SheetError, match="empty"):
        taken([[None]])


def test_a_file_that_extends_another_gets_a_list_of_its_own() -> None:
    text = "planner: 1\nname: mine\nextends: two-hosts\n"
    rows = rows_of(text)
    assert len(rows) > 1
    rows[1][rows[0].index("Priority")] = 9
    done = taken(rows, text)
    assert done.changed[0] == rows[1][0] and "extends: two-hosts" in done.text and "priority: 9" in done.text


def test_text_that_a_spreadsheet_would_run_stays_text() -> None:
    entries = [{**entries_of(TEXT, DEMAND, CATALOG)[0], "title": "=HYPERLINK(1)", "note": "+1"}]
    written = sheet_csv(entries, DEMAND)
    assert "'=HYPERLINK(1)" in written and "'+1" in written
    assert read_text(written)[1][1] == "=HYPERLINK(1)"
    page = openpyxl.load_workbook(io.BytesIO(sheet_xlsx(entries, DEMAND, CATALOG)))["demand"]
    assert page["B2"].data_type == "s"


# ---- what is hostile


def book(change: Callable[[dict[str, bytes]], None], rows: int = 2) -> bytes:
    plain = openpyxl.Workbook()
    for n in range(rows):
        plain.active.append(["id", n])
    first, out = io.BytesIO(), io.BytesIO()
    plain.save(first)
    with zipfile.ZipFile(first) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def put(name: str, content: bytes) -> Callable[[dict[str, bytes]], None]:
    return lambda parts: parts.update({name: content})


def swap(name: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    return lambda parts: parts.update({name: parts[name].replace(old, new)})


PAGE, TYPES = "xl/worksheets/sheet1.xml", "[Content_Types].xml"
ENTITY = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><worksheet'
HOSTILE = {
    "bomb": (put("xl/media/a.xml", b"0" * 17_000_000), "unpacks to"),
    "entity": (swap(PAGE, b"<worksheet", ENTITY), "entities"),
    "encoding": (put("xl/a.xml", "<?xml version='1.0' encoding='UTF-16'?><a/>".encode("utf-16")), "encoding"),
    "macro": (put("xl/vbaProject.bin", b"x"), "macros"),
    "renamed macro": (swap(TYPES, b"spreadsheetml.sheet.main", b"ms-excel.sheet.macroEnabled.main"), "macros"),
    "link": (put("xl/externalLinks/externalLink1.xml", b"<a/>"), "linked"),
    "parts": (lambda parts: parts.update({f"x{n}": b"" for n in range(300)}), "parts"),
    "damaged": (put(PAGE, b"<worksheet><sheetData><row"), "damaged"),
}  # fmt: skip


@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_workbook_is_refused(how: str) -> None:
    change, why = HOSTILE[how]
    with pytest.raises(Refused, match=why):
        cells(book(change))


def test_size_is_capped_in_every_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_worker, "ROWS", 20)
    with pytest.raises(Refused, match="more than 20 rows"):
        cells(book(lambda _: None, rows=21))
    with pytest.raises(Refused, match="more than 20 rows"):  # one far cell
        cells(book(swap(PAGE, b'<row r="2"', b'<row r="900000"')))
    with pytest.raises(Refused, match="columns"):
        cells(book(swap(PAGE, b'r="B2"', b'r="ZZ2"')))
    for content, why in (
        (b"x" * 6_000_000, "MB"),
        (b"PK", "not an XLSX"),
        (b"\xd0\xcf\x11\xe0", "not an XLSX"),
    ):
        with pytest.raises(Refused, match=why):
            cells(content)
    for text, why in (
        ("a\n" * 3000, "rows"),
        ("a," * 300, "columns"),
        ("a" * 3000, "characters"),
        (b"\xff", "UTF-8"),
    ):
        with pytest.raises(InputError, match=why):
            read_text(text)
    with pytest.raises(InputError, match=r"only \.xlsx and \.csv"):
        read_sheet(b"", "a.xlsm")


def test_a_workbook_is_read_in_a_process_of_its_own() -> None:
    """Also where memory is so bounded that the process cannot live: the reader is told, and goes on."""
    entries = entries_of(TEXT, DEMAND, CATALOG)
    assert read_sheet(sheet_xlsx(entries, DEMAND, CATALOG), "a.xlsx")[1][0] == entries[0]["id"]
    with pytest.raises(InputError, match="macros"):
        read_sheet(book(HOSTILE["macro"][0]), "a.xlsx")
