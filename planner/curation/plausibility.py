"""Rules of ``planner catalog --check`` that look at one row at a time, or at strays of one column.

Dates that lie ahead, addresses that are none, codes no country has, amounts below zero, months that do not
follow each other, and figures several times as far out as any other of their column. What is true all the
same is accepted by row and column in the descriptor (``x-accepted``), with a reason.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator
from datetime import date
from typing import Any

from planner.facts.country_codes import ISO3
from planner.facts.sheets import PARSERS, Sheet
from planner.facts.suggest import hint

CHANGE = "1/year"
"""Unit of yearly changes, the only figures of mixed tables that may be below zero."""
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MOST_BEND_K = 6.0
"""Distance of a month's mean from the middle of its neighbours: 3.5 K at most over all metros."""
NOT_SCALED = ("degree", "degrees", "degC", "m")
"""Units whose zero is arbitrary or usual, so that ratios say nothing: place, temperature, height."""
STRAY_FACTOR, STRAY_GAP, STRAY_SIGMAS, LEAST_PEERS = 4.0, 2.5, 4.0, 5
MAD_TO_SD = 1.4826
MAX_STEP = 4.0
"""High over mid, mid over low: sources that differ by more do not mean the same thing."""


class Accepted:
    """Oddities a table accepts by row and column; tells which of them are not odd any more."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.known = {(a["row"], a["column"]) for a in sheet.resource.get("x-accepted", [])}
        self.used: set[tuple[str, str]] = set()

    def has(self, row: int, column: str) -> bool:
        """Whether this cell is accepted; remembers that it was needed."""
        key = ("+".join(self.sheet.cells[k][row] for k in self.sheet.key), column)
        self.used |= {key} & self.known
        return key in self.known

    def stale(self) -> Iterator[str]:
        for key, column in sorted(self.known - self.used):
            yield f"{self.sheet.file}:1: {column}: the accepted oddity {key!r} is not there any more"


def row_faults(sheet: Sheet, accepted: Accepted, created: str, today: date | None = None) -> list[str]:
    """All faults of this module in one table; ``created`` is the day of the catalog (ISO date)."""
    newest = max(str(today or date.today()), created[:10])
    return [
        *_dates(sheet, newest),
        *_addresses(sheet),
        *_countries(sheet),
        *_negatives(sheet),
        *_months(sheet),
        *_steps(sheet, accepted),
        *_strays(sheet, accepted),
    ]


def _dates(sheet: Sheet, newest: str) -> Iterator[str]:
    """No source is of tomorrow; a sourced row says of when it is."""
    for row in range(len(sheet.lines)):
        text = sheet.cells["source_date"][row]
        if text > newest[: len(text)]:
            yield sheet.at(row, "source_date", f"{text} lies ahead: a source cannot be newer than {newest}")
        if text and not _is_date(text):
            yield sheet.at(row, "source_date", f"{text} is no day of the calendar")
        if not text and sheet.cells["source_url"][row]:
            yield sheet.at(row, "source_date", "a sourced row has no date")


def _is_date(text: str) -> bool:
    """Whether YYYY, YYYY-MM or YYYY-MM-DD exists.

    >>> _is_date("2026-02"), _is_date("2026-02-30")
    (True, False)
    """
    try:
        PARSERS["date"][0](text + "-01-01"[(len(text) - 4) :])
    except ValueError:
        return False
    return True


def _addresses(sheet: Sheet) -> Iterator[str]:
    for row, text in enumerate(sheet.cells["source_url"]):
        for part in text.split(" ; ") if text else []:
            if "://" not in part:
                yield sheet.at(row, "source_url", f"{part!r} is no address; several are separated by ' ; '")


def _countries(sheet: Sheet) -> Iterator[str]:
    for name in sheet.fields:
        if name.rsplit("_", 1)[-1] != "iso3":
            continue
        for row in range(len(sheet.lines)):
            for item in sheet.items(row, name):
                if item not in ISO3 and item != "*":
                    yield sheet.at(row, name, f"no country has the code {item!r}{hint(item, sorted(ISO3))}")


def _negatives(sheet: Sheet) -> Iterator[str]:
    """In tables of mixed quantities a column has no limit of its own: only yearly changes fall below zero."""
    if "unit" not in sheet.fields:
        return
    for name, spec in sheet.fields.items():
        for row, value in enumerate(sheet.values[name] if spec["type"] == "number" else []):
            if value is not None and value < 0 and sheet.cells["unit"][row] != CHANGE:
                yield sheet.at(row, name, f"{value:g} is below zero, which {sheet.cells['unit'][row]} is not")


def _months(sheet: Sheet) -> Iterator[str]:
    names = [f"t_{m}_c" for m in MONTHS]
    if not set(names) <= set(sheet.fields):
        return
    for row in range(len(sheet.lines)):
        values = [sheet.values[n][row] for n in names]
        if any(v is None for v in values):
            continue
        bends = [abs(v - (values[i - 1] + values[(i + 1) % 12]) / 2.0) for i, v in enumerate(values)]
        worst = max(range(12), key=bends.__getitem__)
        if bends[worst] > MOST_BEND_K:
            yield sheet.at(row, names[worst], f"{values[worst]:g} is {bends[worst]:.0f} K off its neighbours")


def _steps(sheet: Sheet, accepted: Accepted) -> Iterator[str]:
    """Low, mid and high of one figure that lie further apart than sources do."""
    levels = ("low", "mid", "high")
    stems = sorted(
        {n[: len(n) - len(e)] for n in sheet.fields for e in levels if n == e or n.endswith("_" + e)}
    )
    for stem in stems:
        names = [stem + e for e in levels if stem + e in sheet.fields]
        for row in range(len(sheet.lines)):
            known = [(n, sheet.values[n][row]) for n in names if (sheet.values[n][row] or 0) > 0]
            for (below, low), (above, high) in itertools.pairwise(known):
                if high / low > MAX_STEP and not accepted.has(row, above):
                    yield sheet.at(row, above, f"{high:g} is {high / low:.1f} times {below} ({low:g})")


def _strays(sheet: Sheet, accepted: Accepted) -> Iterator[str]:
    """Figures far out of their column and alone there; columns compared with peers have rules of their own."""
    if "unit" in sheet.fields:
        return
    compared = {c for rule in sheet.resource.get("x-outliers", []) for c in rule["columns"]}
    for name, spec in sheet.fields.items():
        if spec["type"] != "number" or name in compared or spec.get("unit") in NOT_SCALED:
            continue
        logs = {r: math.log(v) for r, v in enumerate(sheet.values[name]) if _positive(v)}
        if len(logs) < LEAST_PEERS:
            continue
        ends = {min(logs, key=logs.__getitem__), max(logs, key=logs.__getitem__)}  # no other row lies outside
        for row in sorted(ends):
            value = logs[row]
            others = sorted(v for r, v in logs.items() if r != row)
            middle = statistics.median(others)
            scatter = MAD_TO_SD * statistics.median(abs(v - middle) for v in others)
            outside = value > others[-1] or value < others[0]
            gap = min(abs(value - others[0]), abs(value - others[-1]))
            far = abs(value - middle) > max(math.log(STRAY_FACTOR), STRAY_SIGMAS * scatter)
            if outside and far and gap > math.log(STRAY_GAP) and not accepted.has(row, name):
                yield sheet.at(row, name, f"{sheet.cells[name][row]} is {math.exp(value - middle):.2g} times the "
                               f"median of {len(others)} rows and alone there: wrong unit or digit?")  # fmt: skip


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and value > 0
