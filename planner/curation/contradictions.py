"""Rules of ``planner catalog --check`` for figures that a neighbour or the calendar contradicts.

A range without width, a price whose source is old, two versions of a chip in one row, a system that would
draw less than one with weaker accelerators, and a planning figure copied from a single project. What is true
all the same is accepted by row and column in the descriptor (``x-accepted``), with a reason.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from planner.curation.plausibility import Accepted
from planner.facts.sheets import Sheet

NAMED_GB = re.compile(r"(?<![\w.])(\d+) ?GB\b")
DATE = re.compile(r"\d{4}(-\d{2}){0,2}")
NAME_TOLERANCE = 0.12
"""Usable memory is up to a tenth below what the label says."""
SAME = 0.001
"""Relative distance within which two figures are one."""


def contradictions(sheet: Sheet, sheets: dict[str, Sheet], accepted: Accepted, created: str) -> list[str]:
    """All faults of this module in one table; ``created`` is the day of the catalog (ISO date)."""
    return [
        *_zero_width(sheet, accepted),
        *_stale_dates(sheet, accepted, created),
        *_mixed_versions(sheet, accepted),
        *_weaker_peaks(sheet, sheets, accepted),
        *_single_projects(sheet, sheets, accepted),
    ]


def _zero_width(sheet: Sheet, accepted: Accepted) -> Iterator[str]:
    """Both ends of a range are stated and equal: the range claims a certainty nobody has."""
    for name in sheet.fields:
        stem = name.removesuffix("high")
        low = f"{stem}low"
        if stem == name or low not in sheet.fields or (stem and not stem.endswith("_")):
            continue
        for row in range(len(sheet.lines)):
            ends = sheet.values[low][row], sheet.values[name][row]
            if ends[0] and ends[0] == ends[1] and not accepted.has(row, name):
                yield sheet.at(row, name, f"{ends[1]:g} is {low} as well: a range needs a width")


def _stale_dates(sheet: Sheet, accepted: Accepted, created: str) -> Iterator[str]:
    """``x-current``: months after which a source of the rows named by ``where`` is too old."""
    for rule in sheet.resource.get("x-current", []):
        for row in _rows(sheet, rule.get("where", {})):
            text = sheet.cells["source_date"][row]
            age = _months_old(text, created) if DATE.fullmatch(text) else 0
            if age > rule["months"] and not accepted.has(row, "source_date"):
                yield sheet.at(row, "source_date", f"{text} is {age} months before the catalog: "
                               f"at most {rule['months']} for figures that move as these do")  # fmt: skip


def _months_old(text: str, created: str) -> int:
    """Whole months from the last day a date may mean to the day of the catalog.

    >>> _months_old("2025", "2026-11-24"), _months_old("2026-03-19", "2026-11-24"), _months_old("2027", "2026")
    (10, 8, 0)
    """
    last, now = _last_day(text), _last_day(created[:10])
    months = 12 * (now.year - last.year) + now.month - last.month - (now.day < last.day)
    return max(0, months)


def _last_day(text: str) -> date:
    parts = [int(p) for p in text.split("-")]
    year, month = parts[0], parts[1] if len(parts) > 1 else 12
    days = calendar.monthrange(year, month)[1] if 1 <= month <= 12 else 0
    return date(year, month, min(parts[2], days) if len(parts) > 2 else days) if days else date(year, 12, 31)


def _rows(sheet: Sheet, where: dict[str, list[str]]) -> list[int]:
    return [
        r for r in range(len(sheet.lines)) if all(sheet.cells[c][r] in wanted for c, wanted in where.items())
    ]


def _mixed_versions(sheet: Sheet, accepted: Accepted) -> Iterator[str]:
    """Within a generation more memory is not slower, and memory is what the name says."""
    if not {"generation", "usable_mem_gb", "hbm_tb_s"} <= set(sheet.fields):
        return
    memory, speed = ([v or 0.0 for v in sheet.values[c]] for c in ("usable_mem_gb", "hbm_tb_s"))
    for row in range(len(sheet.lines)):
        named = NAMED_GB.search(sheet.cells["name"][row])
        if named and abs(memory[row] / float(named[1]) - 1.0) > NAME_TOLERANCE:
            yield sheet.at(row, "usable_mem_gb", f"{memory[row]:g} GB, but its name says {named[1]}")
        for other in _siblings(sheet, row):
            if (
                memory[row] < memory[other]
                and speed[row] > speed[other]
                and not accepted.has(row, "hbm_tb_s")
            ):
                yield sheet.at(row, "hbm_tb_s", f"{speed[row]:g} TB/s with {memory[row]:g} GB, but "
                               f"{sheet.cells['name'][other]} has {speed[other]:g} with {memory[other]:g}: "
                               "two versions of a chip mixed?")  # fmt: skip
                break


def _siblings(sheet: Sheet, row: int) -> list[int]:
    same = sheet.cells["vendor"][row], sheet.cells["generation"][row]
    rows = range(len(sheet.lines))
    return [r for r in rows if r != row and (sheet.cells["vendor"][r], sheet.cells["generation"][r]) == same]


def _weaker_peaks(sheet: Sheet, sheets: dict[str, Sheet], accepted: Accepted) -> Iterator[str]:
    """A system of the same form with hotter accelerators does not draw less."""
    if not {"peak_kw", "accelerator_id", "n_accelerators", "liquid_share"} <= set(sheet.fields):
        return
    chips = sheets.get("accelerators")
    if chips is None:
        return
    watts = dict(zip(chips.cells["accelerator_id"], chips.values["tdp_w"], strict=True))
    form = [(sheet.cells["kind"][r], sheet.cells["n_accelerators"][r], sheet.cells["liquid_share"][r])
            for r in range(len(sheet.lines))]  # fmt: skip
    tdp = [watts.get(chip) or 0.0 for chip in sheet.cells["accelerator_id"]]
    peak = [v or 0.0 for v in sheet.values["peak_kw"]]
    for row in range(len(sheet.lines)):
        cooler = [r for r in range(len(sheet.lines)) if form[r] == form[row] and 0 < tdp[r] < tdp[row]]
        other = max(cooler, key=lambda r: peak[r], default=row)
        if 0 < peak[row] < peak[other] and not accepted.has(row, "peak_kw"):
            yield sheet.at(row, "peak_kw", f"{peak[row]:g} kW lies below the {peak[other]:g} of "
                           f"{sheet.cells[sheet.key[0]][other]}, whose accelerators draw less")  # fmt: skip


def _single_projects(sheet: Sheet, sheets: dict[str, Sheet], accepted: Accepted) -> Iterator[str]:
    """``x-averaged``: planning figures that must not be the figure of one project: a column, or one per another."""
    for rule in sheet.resource.get("x-averaged", []):
        source = sheets.get(rule["of"]["resource"])
        if source is None:
            continue
        column = " per ".join(rule["of"][part] for part in ("column", "per") if part in rule["of"])
        single = _figures(source, rule["of"]["column"], rule["of"].get("per"))
        for row in _rows(sheet, rule.get("where", {})):
            for name in rule["columns"]:
                value = sheet.values[name][row]
                twin = next((k for k, v in single.items() if value and _same(value, v)), "")
                if twin and not accepted.has(row, name):
                    yield sheet.at(row, name, f"{value:g} is the {column} of {twin} alone: average several "
                                   "projects or cite a range")  # fmt: skip


def _figures(source: Sheet, column: str, per: str | None) -> dict[str, float]:
    """Figure of each project, by another of its figures where ``per`` names one; those without are left out."""
    below = source.values[per] if per else [1.0] * len(source.lines)
    pairs = zip(source.cells[source.key[0]], source.values[column], below, strict=True)
    return {key: value / other for key, value, other in pairs if value and other}


def _same(a: Any, b: Any) -> bool:
    return abs(float(a) / float(b) - 1.0) <= SAME
