"""What of a thing bought in whole numbers stands at each date: rows of a search, which asks whether there is one more then.

A hall less at one date is mostly a hall more at the next, so that to forbid it at one date says next to nothing, while to
forbid it until then, or for good, says much. What is bought stands from its date on: a running total. What is rented stands
for its term: whole numbers of that at every date are whole contracts, and to forbid them at a date says that none serves
then, where a running total would leave open which of many short ones is not signed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from planner.case.case import Case
from planner.case.registry import PURCHASE, PURCHASES
from planner.solver.arrays import Arrays, Floats, Index
from planner.solver.members import Ints

TOTALS = "totals"
"""Rows of totals, in the order of ``dated``; they bound nothing until a search asks."""
HIRED = "hire_units"
DATED = (
    *(p.families for p in PURCHASES if p.domain == "integer"),
    ("plant_units",),
    ("bridge_units",),
    (HIRED,),
)
"""Families in whole numbers by date (the last part of the index); those of one entry count together."""
Ends = Mapping[Index, int]
"""Member of ``hire_units`` -> period in which its contract has ended."""


@dataclass(frozen=True)
class Dated:
    """A thing that is bought in whole numbers: its columns, the earliest date first, and what of each stands at each date.

    ``stands``: (dates, columns), 1 where what starts with the column stands at the date, else 0.
    """

    columns: Ints
    stands: Floats

    def whole(self, amounts: Floats, up_from: float, more: int = 0) -> Floats:
        """Whole amounts by date, of which as many stand as of ``amounts``, rounded up from a part on, and ``more`` wherever
        any does: what has ended is had anew at once.

        >>> lasting, short = np.tri(4), np.eye(4)
        >>> Dated(np.arange(4), lasting).whole(np.array([0.4, 0.4, 0.4, 0.0]), 0.5).tolist()
        [0.0, 1.0, 0.0, 0.0]
        >>> Dated(np.arange(4), short).whole(np.array([0.4, 0.6, 0.6, 0.0]), 0.5).tolist()
        [0.0, 1.0, 1.0, 0.0]
        """
        needed = np.floor(self.stands @ np.maximum(amounts, 0.0) + 1.0 - up_from)
        needed += more * (needed > 0)
        found = np.zeros(len(amounts))
        for date, amount in enumerate(needed):
            found[date] = max(0.0, amount - self.stands[date] @ found)
        return found


def ends(case: Case) -> Ends:
    """Of rented plant."""
    terms = case.hires[PURCHASE["hires"].life]
    return {(h, g, t): case.calendar.ends(t, int(steps)) for (h, g, t), steps in terms.items()}


def dated(arrays: Arrays, searched: Collection[str], ended: Ends) -> list[Dated]:
    """Each thing that is bought in whole numbers."""
    found: dict[Index, list[tuple[int, int, float]]] = {}
    for entry, families in enumerate(DATED):
        for family in families:
            if family in searched and family in arrays.columns:
                block = arrays.columns[family]
                for i, index in enumerate(block.index):
                    gone = ended[index] if family == HIRED else np.inf
                    found.setdefault((entry, *index[:-1]), []).append((index[-1], block.start + i, gone))
    return [_dated(sorted(members)) for members in found.values()]


def _dated(members: list[tuple[int, int, float]]) -> Dated:
    """From date, column and end of each, in the order of dates."""
    date, columns, gone = (np.array(part) for part in zip(*members, strict=True))
    at = date[:, None]
    return Dated(columns.astype(np.int32), ((date <= at) & (at < gone)).astype(float))


def with_totals(arrays: Arrays, searched: Collection[str], ended: Ends) -> Arrays:
    """The arrays with a row for every total of the families that are searched."""
    rows, columns, height = [], [], 0
    for thing in dated(arrays, searched, ended):
        row, column = np.nonzero(thing.stands)
        rows.append(row + height)
        columns.append(thing.columns[column])
        height += len(thing.columns)
    if not height:
        return arrays
    at = np.concatenate(rows), np.concatenate(columns)
    totals = csr_array((np.ones(len(at[0])), at), shape=(height, arrays.shape[1]))
    free = np.full(height, np.inf)
    return arrays.with_rows(TOTALS, range(height), totals, -free, free)
