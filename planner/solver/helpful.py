"""Binaries whose best value for a goal is known: where raising one loosens every row it stands in, or none.

Least delay is then one linear programme where a search would ask of every host and every stack. Nothing is assumed of a
family: the matrix says it. A row does not count where a free column of no other row takes up any change (the definition of
a cost that nothing bounds), or where the bounds of its columns meet it anyway. A binary that loosens no row is held at its
lower bound (leaving a stack); one that tightens none at its upper one (adopting a stack); and of the dates of a host only
the first is held, where no later one loosens a row more. What may both help and hurt (rival stacks, a budget, a duty that
comes with a signature) is left free.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.sparse import csc_array, csr_array

from planner.solver.alike import Mask
from planner.solver.arrays import Arrays, Floats
from planner.solver.members import Ints
from planner.solver.reduce import FIT, reach

ROUNDS = 3
"""What is held at zero meets rows, and then more may be held."""


def held_helpful(
    arrays: Arrays, upper: Floats, once: Mapping[str, str], others: tuple[str, ...], goal: str
) -> tuple[Floats, Mask]:
    """Values of all columns of binaries whose best value is known, and which columns those are.

    ``once`` are families of which each row of a rule allows one member; ``others`` are families without such rows.
    ``upper`` are the bounds in force, ``goal`` is the column that is minimised.
    """
    matrix = csc_array(arrays.matrix)
    upper = upper.copy()
    value, held = np.zeros(arrays.shape[1]), np.zeros(arrays.shape[1], bool)
    for _ in range(ROUNDS):
        counting = ~(_absorbed(arrays, upper, goal) | _met(arrays, upper))
        for rule in once.values():
            if rule in arrays.rows:
                counting[arrays.rows[rule].slice] = False
        hurts, helps = _moved(arrays, matrix, counting)
        for family in (*once, *others):
            at = np.arange(arrays.columns[family].start, arrays.columns[family].stop)
            idle = at[~helps[at]]
            value[idle], held[idle], upper[idle] = arrays.col_lower[idle], True, arrays.col_lower[idle]
    for family in others:
        at = np.arange(arrays.columns[family].start, arrays.columns[family].stop)
        at = at[~hurts[at] & ~held[at]]
        value[at], held[at] = upper[at], True
    for family, rule in once.items():
        if not arrays.columns[family].size:
            continue
        by_row = csr_array(arrays.matrix)[arrays.rows[rule].slice]
        for row in range(by_row.shape[0]):
            columns = by_row.indices[by_row.indptr[row] : by_row.indptr[row + 1]]
            columns = columns[~held[columns]]
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


def _met(arrays: Arrays, upper: Floats) -> Mask:
    """Rows that the bounds of their columns meet anyway."""
    least, most = reach(arrays.matrix, arrays.col_lower, upper)
    return np.asarray((least >= arrays.row_lower - FIT) & (most <= arrays.row_upper + FIT))


def _moved(arrays: Arrays, matrix: csc_array, counting: Mask) -> tuple[Mask, Mask]:
    """Columns that tighten some row when they rise, and columns that loosen some."""
    entry = matrix.tocoo()
    row, column = entry.coords
    capped, floored = np.isfinite(arrays.row_upper[row]), np.isfinite(arrays.row_lower[row])
    tightens = np.where(entry.data > 0, capped, floored) & counting[row]
    loosens = np.where(entry.data > 0, floored, capped) & counting[row]
    hurts, helps = np.zeros(matrix.shape[1], bool), np.zeros(matrix.shape[1], bool)
    hurts[column[tightens]] = True
    helps[column[loosens]] = True
    return hurts, helps


def _best(matrix: csc_array, columns: Ints, counting: Mask) -> int | None:
    """The column that loosens every row at least as much as each of the others; None where there is none."""
    if not len(columns):
        return None
    part = abs(csr_array(matrix[:, columns])[np.flatnonzero(counting)])
    best = int(np.argmax(np.asarray(part.sum(axis=0)).ravel()))
    most = part.max(axis=1).toarray().ravel()
    own = part[:, [best]].toarray().ravel()
    return int(columns[best]) if (own >= most).all() else None
