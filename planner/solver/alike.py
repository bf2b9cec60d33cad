"""Columns and rows of a programme that are alike: found by random sums, then compared entry by entry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, diags_array

from planner.solver.arrays import Arrays, Block, Floats
from planner.solver.members import Ints

ALIKE = 1e-11
"""Largest difference of two entries that are taken for equal, as a share of the largest of their column."""
BITS = 33
"""Of a random sum that are compared, about ten digits."""
SEED = 20261128
Mask = NDArray[np.bool_]


def sums(matrix: csc_array) -> Floats:
    """One random sum of every column: equal columns have equal sums, others do not, almost surely."""
    return np.asarray(np.random.default_rng(SEED).uniform(1.0, 2.0, matrix.shape[0]) @ matrix)


def codes(*parts: NDArray[np.generic]) -> Ints:
    """A number for every distinct combination; floats are equal where their first ten digits are."""
    columns: list[NDArray[np.int64]] = []
    for part in parts:
        if part.dtype.kind == "f":
            mantissa, exponent = np.frexp(part)
            columns += [np.round(mantissa * 2.0**BITS).astype(np.int64), exponent.astype(np.int64)]
        else:
            columns.append(part.astype(np.int64))
    code: Ints = np.zeros(len(parts[0]), np.intp)
    for column in columns:
        own = np.unique(column, return_inverse=True)[1]
        code = np.unique(code * (own.max(initial=0) + 1) + own, return_inverse=True)[1]
    return code


def firsts(code: Ints) -> Ints:
    """Position of the first member of every code, for every member."""
    return np.unique(code, return_index=True)[1][code]


def equal(matrix: csc_array, these: Ints, others: Ints, factor: Floats | float = 1.0) -> Mask:
    """Whether columns ``these`` are ``factor`` times columns ``others``, one by one."""
    own = csc_array(matrix[:, these])
    scaled = matrix[:, others] @ diags_array(np.broadcast_to(np.asarray(factor, float), len(others)))
    return most(csc_array(own - scaled)) <= ALIKE * most(own)


def most(matrix: csc_array) -> Floats:
    """Largest absolute entry of every column."""
    return abs(matrix).max(axis=0).toarray().ravel() if matrix.shape[1] else np.zeros(0)


def entries(matrix: csc_array) -> Ints:
    """Entries of every column."""
    return np.asarray(np.diff(matrix.indptr), np.intp)


def size(matrix: csc_array) -> Floats:
    """Sum of the absolute entries of every column."""
    return np.asarray(abs(matrix).sum(axis=0)).ravel()


def parts(block: Block, *dims: int) -> list[Ints]:
    """Parts of the index of a block, as small numbers."""
    return [block.labels.codes[dim].astype(np.intp) for dim in dims]


def any_amount(arrays: Arrays) -> Mask:
    """Columns of any amount from 0 on, without a cost of their own."""
    endless = (arrays.col_lower == 0) & np.isinf(arrays.col_upper)
    return np.asarray(endless & (arrays.cost == 0) & (arrays.integrality == 0))


def quotient(above: Floats, below: Floats) -> Floats:
    """Quotient, 0 where nothing is divided."""
    return np.divide(above, below, out=np.zeros(len(above)), where=below > 0)


def with_columns(arrays: Arrays, order: Ints, blocks: dict[str, Block]) -> Arrays:
    """Columns picked by number; the matrix is the caller's."""
    return replace(
        arrays, cost=arrays.cost[order], col_lower=arrays.col_lower[order], col_upper=arrays.col_upper[order],
        integrality=arrays.integrality[order], columns=blocks, params={},
    )  # fmt: skip
