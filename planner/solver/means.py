"""Preemptible work that no slice makes dearer, as at a cloud: of its fleet only the mean over slices counts.

Work by slice then fills what others leave of a fleet, ``0 <= run[s] <= room[s]``, and only its mean has a use. Such work
exists just where its mean is at most the mean of the room, as long as no room is below 0; the row of the peak says so.
So a fleet's rows by slice become one, and its columns by slice are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array, eye_array

from planner.facts.errors import InternalError
from planner.solver.alike import Mask, any_amount, entries, quotient
from planner.solver.arrays import Arrays, Block, Floats
from planner.solver.members import Ints
from planner.solver.preemptible import SOFT, SOFT_ROWS, SoftSums

SLICES, PEAK = "fleet_slice", "fleet_peak"
FIT = 1e-12


class Means:
    """The smaller arrays of a programme, and the way back to values of all its columns."""

    def __init__(self, arrays: Arrays) -> None:
        self._soft = SoftSums(arrays)
        self.arrays = self._old = self._soft.arrays
        self.run: Ints = np.zeros(0, np.intp)
        """Columns left out."""
        if self._soft.merged:
            self._find()
        if len(self.run):
            self._assemble()

    def _find(self) -> None:
        """Columns of the fleets whose slices are alike; for each its row by slice, its row of the mean and its weight."""
        old = self._old
        mean, slices, run = old.rows[SOFT_ROWS], old.rows[SLICES], old.columns[SOFT]
        by_run = old.matrix[:, run.slice].tocsc()
        in_mean, in_slice = by_run[mean.slice], by_run[slices.slice]
        alone = (entries(by_run) == 2) & (entries(in_mean) == 1) & (entries(in_slice) == 1)
        alone &= any_amount(old)[run.slice]
        at = np.flatnonzero(alone)
        fleet, row = in_mean[:, at].indices.astype(np.intp), in_slice[:, at].indices.astype(np.intp)
        sound = (in_slice[:, at].data == 1.0) & (np.diff(csr_array(in_slice).indptr)[row] == 1)
        sound &= self._at_peak(slices, row)
        members = np.diff(csr_array(in_mean).indptr)
        whole = np.bincount(fleet, sound, mean.size) == members
        taken = whole[fleet]
        self.run = run.start + at[taken]
        self.row, self.fleet = slices.start + row[taken], mean.start + fleet[taken]
        self.weight: Floats = -in_mean[:, at].data[taken]

    def _at_peak(self, slices: Block, row: Ints) -> Mask:
        """Whether the row of the peak says that what is not preemptible leaves room in these rows by slice."""
        old, peak = self._old, self._old.rows[PEAK]
        own = np.array([peak.position(slices.tuple_at(int(i))[:4]) for i in row], np.intp)
        work = old.columns[SOFT]
        more = csr_array(old.matrix[own] - old.matrix[slices.start + row]).tocoo()
        # more of what is at least 0 in the row of the peak, and nothing else: run is what room is for
        wrong = (more.data < -FIT) | ((abs(more.data) > FIT) & (old.col_lower[more.coords[1]] < 0))
        wrong &= (more.coords[1] < work.start) | (more.coords[1] >= work.stop)
        fits = np.bincount(more.coords[0], wrong, len(row)) == 0
        return np.asarray(fits & (old.row_upper[own] <= old.row_upper[slices.start + row] + FIT))

    def _assemble(self) -> None:
        old, (height, width) = self._old, self._old.shape
        fleets, self._of = np.unique(self.fleet, return_inverse=True)
        self._by_slice, self._of_fleet = old.matrix[self.row], old.matrix[fleets]
        summing = csr_array(
            eye_array(height) + csr_array((self.weight, (self.fleet, self.row)), shape=(height, height))
        )
        lower, upper = old.row_lower.copy(), old.row_upper.copy()
        lower[fleets], upper[fleets] = -np.inf, summing[fleets] @ np.where(np.isinf(upper), 0.0, upper)
        self.kept = np.setdiff1d(np.arange(width), self.run)
        rows = np.setdiff1d(np.arange(height), self.row)
        self.arrays = replace(
            old, matrix=csr_array(csr_array(summing @ old.matrix)[rows][:, self.kept]), cost=old.cost[self.kept],
            col_lower=old.col_lower[self.kept], col_upper=old.col_upper[self.kept],
            integrality=old.integrality[self.kept], row_lower=lower[rows], row_upper=upper[rows], params={},
            columns=_left(old.columns, self.kept, SOFT), rows=_left(old.rows, rows, SLICES),
        )  # fmt: skip

    def goal(self, weights: Floats) -> Floats:
        """Weights of the columns that are left, from weights of all columns; work by slice cannot be weighed."""
        run = self._soft.old.columns.get(SOFT)
        if run is not None and weights[run.slice].any():
            raise InternalError("work by slice has a weight, and is not told apart here")
        picked = self._soft.picked(weights)
        return picked[self.kept] if len(self.run) else picked

    def full(self, x: Floats) -> Floats:
        """Values of all columns of the full programme from those of the smaller one."""
        if not len(self.run):
            return self._soft.full(x)
        full = np.zeros(self._old.shape[1])
        full[self.kept] = x
        room = np.maximum(self._old.row_upper[self.row] - self._by_slice @ full, 0.0)
        mean = np.bincount(self._of, self.weight * room).astype(float)
        share = quotient(self._of_fleet @ full, mean)[self._of]
        full[self.run] = room * np.minimum(share, 1.0)
        return self._soft.full(full)


def _left(blocks: Mapping[str, Block], kept: Ints, thinned: str) -> dict[str, Block]:
    """Blocks by the numbers that are left, of which one has lost members."""
    moved = {n: replace(b, start=int(np.searchsorted(kept, b.start))) for n, b in blocks.items()}
    block = blocks[thinned]
    own = kept[(kept >= block.start) & (kept < block.stop)] - block.start
    return {**moved, thinned: Block.of(moved[thinned].start, [block.index[i] for i in own])}
