"""``planner catalog --check``: all faults that stop loading, and figures that are probably wrong.

*Peers*: a figure far from those it is compared with (``x-outliers`` of the descriptor), in logarithms, per unit
of what it buys: a rack per accelerator and bandwidth. *Units*: every number has one. ``plausibility`` has the
rules for single rows and columns, ``contradictions`` those for neighbours and dates, ``measured`` those for
measurements. A true but odd figure is
accepted by name, with a reason, in the descriptor; an acceptance of a row that is no longer there, or no
longer odd, is a fault as well.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planner.curation.contradictions import contradictions
from planner.curation.measured import measured_faults
from planner.curation.plausibility import Accepted, row_faults
from planner.facts.catalog import load_catalog, packaged_root, read_sheets
from planner.facts.sheets import Sheet

MIN_PEERS = 5
MAD_TO_SD = 1.4826
SIGMAS, NOTED_SIGMAS = 4.0, 2.5
"""Robust standard deviations that make a figure odd, and odd where no note speaks of it."""
LEAST_FACTOR = 2.0
GAP = 2.0
"""Factors: the least distance from the median that counts, and the gap to the next figure."""


@dataclass
class _Rule:
    """One entry of ``x-outliers``, with what it accepts and which acceptances were needed.

    Rows of one ``group`` are peers. Where a group is small, all rows are, unless the groups are ``strict``: named
    by a list of columns, such as the unit, whose values cannot be compared.
    """

    columns: list[str]
    per: list[str]
    group: list[str]
    strict: bool
    max_factor: float
    accepted: dict[str, str]
    used: set[str] = field(default_factory=set)


def audit_catalog(root: Path | None = None) -> list[str]:
    """Every fault of a catalog folder as ``file:line: column: message``; empty where there is none."""
    descriptor, sheets, problems = read_sheets(root or packaged_root())
    sound = not problems
    accepted = {name: Accepted(sheet) for name, sheet in sheets.items()}
    for name, sheet in sheets.items():
        problems += _unit_faults(sheet)
        problems += odd_figures(sheet, sheets)
        problems += row_faults(sheet, accepted[name], str(descriptor.get("created", "")))
        problems += contradictions(sheet, sheets, accepted[name], str(descriptor.get("created", "")))
    if sound:  # measurements are compared by the code that uses them, which needs a catalog that loads
        problems += measured_faults(load_catalog(root), sheets, accepted)
        problems += [fault for table in accepted.values() for fault in table.stale()]
    return problems


def odd_figures(sheet: Sheet, sheets: dict[str, Sheet]) -> list[str]:
    """Figures of one table that its peers or its own range speak against, and acceptances not needed."""
    problems: list[str] = []
    for rule in [_rule(entry) for entry in sheet.resource.get("x-outliers", [])]:
        problems += _peer_faults(sheet, rule, sheets)
        problems += _stale(sheet, rule)
    return problems


def _rule(entry: dict[str, Any]) -> _Rule:
    accepted = {a["row"]: a["why"] for a in entry.get("accepted", [])}
    group = entry.get("group", [])
    return _Rule(
        entry["columns"], entry.get("per", []), [group] if isinstance(group, str) else group,
        not isinstance(group, str), entry.get("max_factor", 4.0), accepted,
    )  # fmt: skip


def _unit_faults(sheet: Sheet) -> Iterator[str]:
    """A number needs a unit ("1" where it has none), or its table a filled column ``unit``."""
    own = "unit" in sheet.fields
    for name, spec in sheet.fields.items():
        if spec["type"] in ("number", "integer") and not spec.get("unit") and not own:
            step = spec.get("constraints", {}).get("maximum", math.inf) <= 10
            if spec["type"] == "integer" and (step or name.rsplit("_", 1)[-1] == "year"):
                continue  # an answer, a step of a list of conditions or a calendar year, not a quantity
            yield f"{sheet.file}:1: {name}: no unit is declared for this number"
    if own:
        for row in range(len(sheet.lines)):
            if not sheet.cells["unit"][row]:
                yield sheet.at(row, "unit", "the number of this row has no unit")


def _key(sheet: Sheet, row: int) -> str:
    return "+".join(sheet.cells[k][row] for k in sheet.key)


def _linked(sheet: Sheet, row: int, name: str, sheets: dict[str, Sheet]) -> float | None:
    """A column of the row, or ``column.other``: the column of the row that ``column`` refers to."""
    own, _, other = name.partition(".")
    if not other:
        return _positive(sheet.values[own][row])
    for link in sheet.resource["schema"].get("foreignKeys", []):
        target = sheets.get(link["reference"]["resource"])
        if link["fields"] != own or target is None or other not in target.fields:
            continue
        keys = target.cells[link["reference"]["fields"]]
        if sheet.cells[own][row] in keys:
            return _positive(target.values[other][keys.index(sheet.cells[own][row])])
    return None


def _positive(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and value > 0 else None


def _unit_values(sheet: Sheet, rule: _Rule, column: str, sheets: dict[str, Sheet]) -> dict[int, float]:
    """Logarithm of the figure per unit by row; rows without a figure are left out."""
    out = {}
    for row in range(len(sheet.lines)):
        parts = [_linked(sheet, row, name, sheets) for name in [column, *rule.per]]
        if all(parts):
            value, *per = [math.log(p) for p in parts if p is not None]
            out[row] = value - sum(per)
    return out


def _peer_faults(sheet: Sheet, rule: _Rule, sheets: dict[str, Sheet]) -> Iterator[str]:
    for column in rule.columns:
        if column not in sheet.values:
            continue
        values = _unit_values(sheet, rule, column, sheets)
        groups: dict[tuple[str, ...], list[int]] = {}
        for row in values:
            groups.setdefault(tuple(sheet.cells[c][row] for c in rule.group), []).append(row)
        small = [row for rows in groups.values() if len(rows) < MIN_PEERS for row in rows]
        for rows in groups.values():
            peers = rows if len(rows) >= MIN_PEERS or (rule.group and rule.strict) else list(values)
            for row in rows:
                others = [p for p in peers if p != row]
                factor = _oddness(values, row, others, rule.max_factor)
                if not factor and not sheet.cells["note"][row]:
                    factor = _unexplained(values, row, others)
                if factor and not _accept(sheet, rule, row):
                    per = f" per {' and '.join(rule.per)}" if rule.per else ""
                    many = f"{len(peers) - 1} {'rows' if row in small or not rule.group else 'peers'}"
                    yield sheet.at(row, column, f"{sheet.cells[column][row]}{per} is {factor:.1f} times "
                                   f"the median of {many}: wrong unit or digit?")  # fmt: skip


def _beside(values: dict[int, float], row: int, peers: list[int]) -> tuple[list[float], float, float]:
    """Values of the peers in order, their scatter as a standard deviation, and the distance of a row to their median."""
    others = sorted(values[p] for p in peers)
    middle = statistics.median(others)
    return others, MAD_TO_SD * statistics.median(abs(v - middle) for v in others), values[row] - middle


def _unexplained(values: dict[int, float], row: int, peers: list[int]) -> float | None:
    """Factor to the median of the peers where it is two or more, not usual among them, and no note says why."""
    if len(peers) < MIN_PEERS - 1:
        return None
    others, scatter, distance = _beside(values, row, peers)
    usual = others[0] <= values[row] <= others[-1] and abs(distance) <= NOTED_SIGMAS * scatter
    return math.exp(distance) if abs(distance) > math.log(LEAST_FACTOR) and not usual else None


def _oddness(values: dict[int, float], row: int, peers: list[int], max_factor: float) -> float | None:
    """Factor to the median of the peers where it is odd: too far for their scatter, or far and alone."""
    if len(peers) < MIN_PEERS - 1:
        return None
    others, scatter, distance = _beside(values, row, peers)
    limit = min(max(SIGMAS * scatter, math.log(LEAST_FACTOR)), math.log(max_factor))
    alone = min(abs(values[row] - v) for v in others) > math.log(GAP)
    outside = values[row] > others[-1] or values[row] < others[0]
    odd = outside and (abs(distance) > math.log(max_factor) or (abs(distance) > limit and alone))
    return math.exp(distance) if odd else None


def _accept(sheet: Sheet, rule: _Rule, row: int) -> bool:
    key = _key(sheet, row)
    if key in rule.accepted:
        rule.used.add(key)
        return True
    return False


def _stale(sheet: Sheet, rule: _Rule) -> Iterator[str]:
    for key in sorted(set(rule.accepted) - rule.used):
        yield f"{sheet.file}:1: {'+'.join(sheet.key)}: the accepted oddity {key!r} is not there any more"
