"""Binaries that can only help: where raising one loosens every row it stands in, it may be held at one.

Least delay is then one linear programme where a search would ask of every host and every stack. Nothing is assumed of a
family: the matrix says it. A row does not count where a free column of no other row takes up any change (the definition of
a cost that nothing bounds), and of the dates of a host only the first is held, where no later one loosens a row more.
What may hurt (rival stacks, a budget, a decision that forbids) is left free.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array, csr_array

from planner.solver.alike import Mask
from planner.solver.arrays import Arrays, Floats
from planner.solver.members import Ints


def held_helpful(
    arrays: Arrays, upper: Floats, choices: str, once: str, others: tuple[str, ...], goal: str
) -> tuple[Floats, Mask]:
    """Values of all columns of binaries that can only help, and which columns those are.

    ``choices`` is the family of which each row of ``once`` allows one; ``others`` are families without such rows.
    ``upper`` are the bounds in force, ``goal`` is the column that is minimised.
    """
    matrix = csc_array(arrays.matrix)
    counting = ~_absorbed(arrays, upper, goal)
    counting[arrays.rows[once].slice] = False
    hurts = _hurting(arrays, matrix, counting)
    value, held = np.zeros(arrays.shape[1]), np.zeros(arrays.shape[1], bool)
    for family in others:
        block = arrays.columns[family]
        columns = np.arange(block.start, block.stop)
        columns = columns[~hurts[columns] & (upper[columns] > 0)]
        value[columns], held[columns] = upper[columns], True
    block = arrays.columns[choices]
    by_row = csr_array(arrays.matrix)[arrays.rows[once].slice]
    for row in range(by_row.shape[0]):
        columns = by_row.indices[by_row.indptr[row] : by_row.indptr[row + 1]]
        best = _best(matrix, columns[upper[columns] > 0], counting)
        if best is not None and not hurts[columns].any():
            value[best], held[columns] = 1.0, True
    return value, held


def _absorbed(arrays: Arrays, upper: Floats, goal: str) -> Mask:
    """Rows that a free column, of no other row and no interest, makes void."""
    matrix = csc_array(arrays.matrix)
    lone = np.diff(matrix.indptr) == 1
    lone &= np.isinf(upper) & np.isneginf(arrays.col_lower)
    lone[arrays.columns[goal].slice] = False
    void = np.zeros(arrays.shape[0], bool)
    void[matrix.indices[matrix.indptr[:-1][lone]]] = True
    return void


def _hurting(arrays: Arrays, matrix: csc_array, counting: Mask) -> Mask:
    """Columns that tighten some row when they rise."""
    entry = matrix.tocoo()
    row, column = entry.coords
    tightens = np.where(
        entry.data > 0, np.isfinite(arrays.row_upper[row]), np.isfinite(arrays.row_lower[row])
    )
    hurts = np.zeros(matrix.shape[1], bool)
    hurts[column[tightens & counting[row]]] = True
    return hurts


def _best(matrix: csc_array, columns: Ints, counting: Mask) -> int | None:
    """The column that loosens every row at least as much as each of the others; None where there is none."""
    if not len(columns):
        return None
    part = abs(csr_array(matrix[:, columns])[np.flatnonzero(counting)])
    reach = np.asarray(part.sum(axis=0)).ravel()
    best = int(np.argmax(reach))
    most = part.max(axis=1).toarray().ravel()
    own = part[:, [best]].toarray().ravel()
    return int(columns[best]) if (own >= most).all() else None
