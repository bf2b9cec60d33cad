"""Running totals of what is bought in whole numbers by date: rows of a search, which asks whether there is one more by then.

A hall less at one date is mostly a hall more at the next, so that to forbid it at one date says next to nothing, while to
forbid it until then, or for good, says much.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from scipy.sparse import csr_array

from planner.case.registry import PURCHASES
from planner.solver.arrays import Arrays
from planner.solver.members import Ints

TOTALS = "totals"
"""Rows of running totals, in the order of ``dated``; they bound nothing until a search asks."""
DATED = (
    *(p.families for p in PURCHASES if p.domain == "integer"),
    ("plant_units",),
    ("bridge_units",),
    ("hire_units",),
)
"""Families in whole numbers by date (the last part of the index); those of one entry count together."""


def dated(arrays: Arrays, searched: Collection[str]) -> list[Ints]:
    """Columns of each thing that is bought in whole numbers, the earliest date first."""
    found: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for entry, families in enumerate(DATED):
        for family in families:
            if family in searched and family in arrays.columns:
                block = arrays.columns[family]
                for i, (*thing, date) in enumerate(block.index):
                    found.setdefault((entry, *thing), []).append((date, block.start + i))
    return [np.array([at for _, at in sorted(dates)], np.int32) for dates in found.values()]


def with_totals(arrays: Arrays, searched: Collection[str]) -> Arrays:
    """The arrays with a row for every running total of the families that are searched."""
    rows, columns, height = [], [], 0
    for dates in dated(arrays, searched):
        row, column = np.tril_indices(len(dates))
        rows.append(row + height)
        columns.append(dates[column])
        height += len(dates)
    if not height:
        return arrays
    at = np.concatenate(rows), np.concatenate(columns)
    totals = csr_array((np.ones(len(at[0])), at), shape=(height, arrays.shape[1]))
    free = np.full(height, np.inf)
    return arrays.with_rows(TOTALS, range(height), totals, -free, free)
