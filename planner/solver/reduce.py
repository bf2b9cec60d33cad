"""A smaller programme with the same answers, for any objective and any policy bound: what a live sweep runs on.

A solver's own presolve is thrown away when a bound moves, and the hot simplex then works on the full programme.
What is left out here holds for every objective and for every bound of the columns that are kept by name:

- columns whose bounds are equal, and those that a row forces to their bounds (work at a host that stays closed);
- rows that no column is left in, and rows that the bounds of their columns meet anyway;
- columns that a row defines as a sum, without a bound of their own (a load, a stock): they are put into the
  other rows;
- rows that one other row implies (``implied``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array, eye_array

from planner.solver.arrays import Arrays, Block, Floats
from planner.solver.implied import implied
from planner.solver.totals import Ends, with_totals

ROUNDS = 20
NOISE = 1e-12
FIT = 1e-9


@dataclass(frozen=True)
class Reduction:
    """The smaller programme; ``full(x)`` gives the values of all columns, ``cost(c)`` the smaller cost vector."""

    arrays: Arrays
    spread: csr_array
    shift: Floats

    def full(self, x: Floats) -> Floats:
        """Values of all columns of the full programme from those of the smaller one."""
        return np.asarray(self.spread @ x + self.shift)

    def cost(self, full_cost: Floats) -> tuple[Floats, float]:
        """A cost vector over all columns as one over the columns left, and its constant."""
        return np.asarray(self.spread.T @ full_cost), float(full_cost @ self.shift)

    def with_totals(self, searched: Sequence[str], ended: Ends) -> Reduction:
        """The same with rows for the totals of families that are searched; ``ended``: when contracts are."""
        return replace(self, arrays=with_totals(self.arrays, searched, ended))


def reduce(
    arrays: Arrays,
    lower: Floats,
    upper: Floats,
    keep_columns: Sequence[str],
    keep_rows: Sequence[str],
    defined: Sequence[tuple[str, str]],
    tightened: Sequence[str] = (),
) -> Reduction:
    """Leave out what bounds and definitions settle; all columns become continuous.

    ``lower`` and ``upper`` are the bounds of this use (hosts and stacks held); ``keep_columns`` and ``keep_rows``
    name the components whose bounds or coefficients will change; ``defined`` lists (rows, columns) where a
    row may define a column. ``tightened`` names families that stay too and whose bounds will only be tightened.
    """
    work = _Work(arrays, lower.copy(), upper.copy(), keep_columns, keep_rows, tightened)
    work.tighten()
    for rows, columns in defined:
        work.substitute(rows, columns)
    work.tighten()
    return work.result((*keep_columns, *tightened), keep_rows)


class _Work:
    def __init__(
        self,
        arrays: Arrays,
        lower: Floats,
        upper: Floats,
        columns: Sequence[str],
        rows: Sequence[str],
        tightened: Sequence[str],
    ) -> None:
        self.arrays, self.lower, self.upper = arrays, lower, upper
        self.matrix = csr_array(arrays.matrix)
        height, width = arrays.shape
        self.row_lower, self.row_upper = arrays.row_lower.copy(), arrays.row_upper.copy()
        self.rows, self.columns = np.ones(height, bool), np.ones(width, bool)
        self.spread, self.shift = csr_array(eye_array(width)), np.zeros(width)
        self.named_columns, self.named_rows = np.zeros(width, bool), np.zeros(height, bool)
        for name in columns:
            self.named_columns[arrays.columns[name].slice] = True
        self.staying = self.named_columns.copy()
        for name in tightened:
            self.staying[arrays.columns[name].slice] = True
        for name in rows:
            self.named_rows[arrays.rows[name].slice] = True

    def tighten(self) -> None:
        """Rows against what their columns can reach, until nothing changes."""
        for _ in range(ROUNDS):
            # a named column may get any bounds later
            low = np.where(self.named_columns, -np.inf, self.lower)
            high = np.where(self.named_columns, np.inf, self.upper)
            least, most = reach(self.matrix, low, high)
            free = (least >= self.row_lower - FIT) & (most <= self.row_upper + FIT)
            # a row that cannot be met stays, for the solver to say so
            at_least = np.isfinite(least) & (np.abs(self.row_upper - np.nan_to_num(least)) <= FIT)
            at_most = np.isfinite(most) & (np.abs(np.nan_to_num(most) - self.row_lower) <= FIT)
            asked = self.rows & ~self.named_rows
            free &= asked
            # forced columns are fixed now; their row goes in the next round, if it is met then
            forced = self._force(asked & at_least & ~free, to_least=True)
            forced |= self._force(asked & at_most & ~free, to_least=False)
            self.rows &= ~free
            if not forced and not free.any():
                return
            self.matrix = _clean(csr_array(diags_array(self.rows.astype(float)) @ self.matrix))

    def _force(self, rows: NDArray[np.bool_], *, to_least: bool) -> bool:
        """Columns of these rows to the bounds at which their rows are least, or most; whether any moved."""
        part = self.matrix[np.flatnonzero(rows)].tocoo()
        columns, positive = part.coords[1], part.data > 0
        loose = ~self.named_columns[columns] & (self.lower[columns] < self.upper[columns])
        down = columns[loose & (positive == to_least)]
        up = columns[loose & (positive != to_least)]
        self.upper[down] = self.lower[down]
        self.lower[up] = self.upper[up]
        return len(down) + len(up) > 0

    def substitute(self, rows: str, columns: str) -> None:
        """Put columns that one row each defines, ``x = sum of others + constant``, into all other rows."""
        width = self.matrix.shape[1]
        block = self.arrays.rows[rows]
        numbers = np.arange(block.start, block.stop)[self.rows[block.slice] & ~self.named_rows[block.slice]]
        numbers = numbers[self.row_lower[numbers] == self.row_upper[numbers]]
        own = self.arrays.columns[columns]
        part = self.matrix[numbers][:, own.start : own.stop].tocoo()
        in_row = np.bincount(part.coords[0], minlength=len(numbers))
        in_column = np.bincount(part.coords[1], minlength=own.size)
        one = (in_row[part.coords[0]] == 1) & (in_column[part.coords[1]] == 1)
        row, column, value = numbers[part.coords[0][one]], part.coords[1][one] + own.start, part.data[one]
        if not len(row):
            return
        scaled = csr_array(diags_array(1.0 / value) @ self.matrix[row])
        rest = _clean(csr_array(_picked(column, width) - scaled))
        constant = self.row_lower[row] / value
        least, most = reach(rest, self.lower, self.upper)
        implied = (least + constant >= self.lower[column] - FIT) & (
            most + constant <= self.upper[column] + FIT
        )
        row, column, constant, rest = row[implied], column[implied], constant[implied], rest[implied]
        kept = np.ones(width)
        kept[column] = 0.0
        put = csr_array(diags_array(kept) + _picked(column, width).T @ rest)
        moved = np.zeros(width)
        moved[column] = constant
        self.shift = self.shift + self.spread @ moved
        self.spread = csr_array(self.spread @ put)
        offset = self.matrix @ moved
        self.row_lower, self.row_upper = self.row_lower - offset, self.row_upper - offset
        self.rows[row] = False
        self.columns[column] = False
        self.matrix = _clean(csr_array(diags_array(self.rows.astype(float)) @ self.matrix @ put))

    def result(self, keep_columns: Sequence[str], keep_rows: Sequence[str]) -> Reduction:
        settled = self.columns & ~self.staying & (self.lower == self.upper)
        value = np.where(settled, self.lower, 0.0)
        offset = self.matrix @ value
        columns = np.flatnonzero(self.columns & ~settled)
        left = np.diff(csr_array(self.matrix[:, columns]).indptr) > 0
        broken = (self.row_lower > offset + FIT) | (self.row_upper < offset - FIT)
        rows = np.flatnonzero(self.rows & (left | self.named_rows | broken))
        matrix = csr_array(csr_array(self.matrix[rows])[:, columns])
        row_lower, row_upper = (self.row_lower - offset)[rows], (self.row_upper - offset)[rows]
        free, named = self.named_columns[columns], self.named_rows[rows]
        kept = ~implied(matrix, row_lower, row_upper, self.lower[columns], free, named)
        rows = rows[kept]
        new = replace(
            self.arrays, matrix=csr_array(matrix[kept]), cost=np.zeros(len(columns)), offset=0.0, params={}, maximize=False,
            col_lower=self.lower[columns], col_upper=self.upper[columns],
            integrality=np.zeros(len(columns), np.int32),
            row_lower=row_lower[kept], row_upper=row_upper[kept],
            columns={n: _moved(self.arrays.columns[n], columns) for n in keep_columns},
            rows={n: _moved(self.arrays.rows[n], rows) for n in keep_rows},
        )  # fmt: skip
        return Reduction(new, csr_array(self.spread[:, columns]), self.shift + self.spread @ value)


def _moved(block: Block, kept: NDArray[np.int64]) -> Block:
    return replace(block, start=int(np.searchsorted(kept, block.start)))


def _picked(columns: NDArray[np.int64], width: int) -> csr_array:
    return csr_array((np.ones(len(columns)), (np.arange(len(columns)), columns)), shape=(len(columns), width))


def _clean(matrix: csr_array) -> csr_array:
    matrix.sum_duplicates()
    matrix.data[np.abs(matrix.data) < NOISE] = 0.0
    matrix.eliminate_zeros()
    return matrix


def reach(matrix: csr_array, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """Least and most that each row can be within the bounds of its columns."""
    positive, negative = matrix.maximum(0), matrix.minimum(0)
    return _dot(positive, lower) + _dot(negative, upper), _dot(positive, upper) + _dot(negative, lower)


def _dot(matrix: csr_array, bounds: Floats) -> Floats:
    """Product in which an infinite bound counts only where the row has an entry."""
    finite = np.isfinite(bounds)
    total = np.asarray(matrix @ np.where(finite, bounds, 0.0))
    endless = np.asarray(abs(matrix) @ (~finite).astype(float)) > 0
    if endless.any():
        sign = np.sign(np.asarray(matrix @ np.where(finite, 0.0, np.sign(bounds))))
        total[endless] = sign[endless] * np.inf
    return total
