"""Preemptible work by slice, summed over workloads: ``run`` is one column for a fleet where its workloads are alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy.sparse import csc_array, csr_array, diags_array, vstack

from planner.solver.alike import any_amount, codes, entries, equal, firsts, parts, quotient, with_columns
from planner.solver.arrays import Arrays, Block, Floats
from planner.solver.members import Ints

SOFT_ROWS, SOFT, SERVE = "preemptible_mean", "run", "serve"
"""Rows that make preemptible work of work by slice, the columns by slice, and the columns of the mean."""
H, A, K, T, S = 1, 2, 3, 4, 5
"""Parts of the index of ``SOFT`` after the workload."""


class SoftSums:
    """``run`` summed over the preemptible workloads of a fleet, which then have one row of the mean together."""

    def __init__(self, arrays: Arrays) -> None:
        self.old = self.arrays = arrays
        self.merged = SOFT in arrays.columns and arrays.columns[SOFT].size > 0
        if self.merged:
            self._merge(csc_array(arrays.matrix), arrays.columns[SOFT], arrays.rows[SOFT_ROWS])

    def _merge(self, matrix: csc_array, run: Block, mean: Block) -> None:
        fleet = codes(*parts(mean, H, A, K, T))
        by_row = csc_array(csr_array(matrix)[mean.slice].T)
        serving = self.old.columns[SERVE].slice
        served = csc_array(by_row[serving])
        one = (entries(served) == 1) & (np.asarray(served.sum(axis=0)).ravel() == 1.0)
        slices = csc_array(by_row[run.slice])
        one &= entries(by_row) == 1 + entries(slices)
        one &= (self.old.row_lower[mean.slice] == 0) & (self.old.row_upper[mean.slice] == 0)
        if not one.all():  # rows of another kind than is known here: all stay as they are
            self.merged = False
            return
        self.serve = served.indices + serving.start
        """The column of work of every row."""
        self.row = np.repeat(np.arange(mean.size), entries(slices))[np.argsort(slices.indices)]
        """The row of every column of run."""
        columns = np.arange(run.start, run.stop)
        apart = np.ones(self.old.shape[0])
        apart[mean.slice] = 0.0
        by_fleet = csc_array(
            vstack([diags_array(apart) @ matrix, _summing(fleet) @ csr_array(matrix)[mean.slice]])
        )
        like = firsts(codes(fleet[self.row], *parts(run, S)))
        same = equal(by_fleet, columns, columns[like]) & any_amount(self.old)[columns]
        same &= entries(slices)[self.row] == entries(slices)[self.row[like]]
        sound = np.ones(fleet.max() + 1, bool)
        sound[fleet[self.row[~same]]] = False
        # a fleet that is not sound keeps a row and columns for each of its workloads
        self.row_of = codes(fleet, np.where(sound[fleet], -1, np.arange(mean.size)))
        self.column_of = codes(self.row_of[self.row], *parts(run, S))
        self._assemble(matrix, run, mean)

    def _assemble(self, matrix: csc_array, run: Block, mean: Block) -> None:
        old = self.old
        rows, self.columns = (
            _Pieces(old.shape[0], mean, self.row_of),
            _Pieces(old.shape[1], run, self.column_of),
        )
        new = csr_array(matrix[:, self.columns.order])
        summed = csr_array(_summing(self.row_of) @ new[mean.slice])
        self.arrays = replace(
            with_columns(old, self.columns.order, self.columns.blocks(old.columns, SOFT)),
            matrix=csr_array(vstack([new[rows.kept], summed])), rows=rows.blocks(old.rows, SOFT_ROWS),
            row_lower=old.row_lower[rows.order], row_upper=old.row_upper[rows.order],
        )  # fmt: skip

    def picked(self, weights: Floats) -> Floats:
        """Weights of the columns that are left, from weights of all."""
        return weights[self.columns.order] if self.merged else weights

    def full(self, x: Floats) -> Floats:
        if not self.merged:
            return x
        full, kept = np.zeros(self.old.shape[1]), self.columns.kept
        full[kept] = x[: len(kept)]
        served = full[self.serve]
        share = quotient(served, np.bincount(self.row_of, served).astype(float)[self.row_of])
        full[self.old.columns[SOFT].slice] = x[len(kept) :][self.column_of] * share[self.row]
        return full


class _Pieces:
    """Numbers of all rows or columns but those of a block, then one of the block for each of ``codes``."""

    def __init__(self, count: int, block: Block, code: Ints) -> None:
        numbers = np.arange(count)
        self.block = block
        self.kept: Ints = np.concatenate([numbers[: block.start], numbers[block.stop :]])
        self.picked: Ints = np.unique(code, return_index=True)[1]
        self.order: Ints = np.concatenate([self.kept, block.start + self.picked])

    def blocks(self, old: Mapping[str, Block], name: str) -> dict[str, Block]:
        moved = {n: replace(b, start=int(np.searchsorted(self.kept, b.start))) for n, b in old.items()}
        index = self.block.index
        return {**moved, name: Block.of(len(self.kept), [index[i] for i in self.picked])}


def _summing(code: Ints) -> csr_array:
    """The matrix that adds up all members of the same code."""
    return csr_array((np.ones(len(code)), (code, np.arange(len(code)))))
