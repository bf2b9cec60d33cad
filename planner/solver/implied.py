"""Rows that one other row implies: a programme without them has the same points, whatever its objective.

Every side of a row is written ``a x <= b`` over columns counted from their lower bounds, so ``x >= 0``. A row ``i`` implies
a row ``j`` if some ``l > 0`` has ``l a_i >= a_j`` in every column and ``l b_i <= b_j``: then
``a_j x <= l a_i x <= l b_i <= b_j``. An optimum of the duals of what is left, with 0 for each row left out, is one of the
whole: these add nothing to its reduced costs or its value, and both have the same optimum.

Raising a lower bound or lowering an upper one keeps that true. A row with entries in a column that may get any bounds, or
that has no lower bound, neither implies nor is implied.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array, vstack

from planner.solver.alike import Mask
from planner.solver.arrays import Floats
from planner.solver.members import Ints

ROUNDING = 1e-12
"""Relative error of the entries and bounds of rows that are the same."""
ENTRIES_AT_ONCE = 1_000_000
"""Pairs of rows that are looked at, and entries of pairs that are compared, at once, for memory's sake: rows that share a
column may be many, and their pairs many more."""


def implied(
    matrix: csr_array, row_lower: Floats, row_upper: Floats, lower: Floats, free: Mask, kept: Mask
) -> Mask:
    """Which rows another row implies that is not among them.

    ``lower`` are the lower bounds of columns, ``free`` the columns that may get any bounds; rows ``kept`` will change: they
    neither imply nor are implied. Units are those of the rows.
    """
    sides = _Sides(matrix, row_lower, row_upper, lower, free, kept)
    gone = np.zeros(matrix.shape[0], bool)
    for weaker, stronger in sides.pairs():
        gone[sides.row[weaker[(stronger < weaker) | ~sides.imply_each_other(weaker, stronger)]]] = True
    return gone


class _Sides:
    """Sides of rows as ``a x <= b``: the row of each, entries, bound, and whether it may be left out."""

    def __init__(
        self,
        matrix: csr_array,
        row_lower: Floats,
        row_upper: Floats,
        lower: Floats,
        free: Mask,
        kept: Mask,
    ) -> None:
        free = free | ~np.isfinite(lower)
        open_to = ~kept & (np.asarray(abs(matrix) @ free.astype(float)) == 0)
        above, below = (np.flatnonzero(open_to & np.isfinite(side)) for side in (row_upper, row_lower))
        self.row = np.concatenate([above, below])
        self.entries = csr_array(vstack([matrix[above], -matrix[below]]))
        self.entries.sort_indices()
        shift = self.entries @ np.where(free, 0.0, lower)
        self.bound = np.concatenate([row_upper[above], -row_lower[below]]) - shift
        one_sided = ~(np.isfinite(row_lower) & np.isfinite(row_upper))
        self.may_go = one_sided[self.row]
        self.of_entry = np.repeat(np.arange(len(self.row)), np.diff(self.entries.indptr))
        self.at = self.of_entry * matrix.shape[1] + self.entries.indices
        self.above = self._count(self.entries.data > 0)
        self.below = self._count(self.entries.data < 0)

    def _count(self, chosen: Mask) -> Ints:
        return np.bincount(self.of_entry[chosen], minlength=len(self.row))

    def pairs(self) -> Iterator[tuple[Ints, Ints]]:
        """Sides that may be left out, and for each one that implies it."""
        for weaker, stronger in self._candidates():
            for part in _parts(np.diff(self.entries.indptr)[weaker]):
                j, i = weaker[part], stronger[part]
                true = self._implies(j, i)
                yield j[true], i[true]

    def imply_each_other(self, weaker: Ints, stronger: Ints) -> Mask:
        """For pairs of ``pairs``, whether the first implies the second too and that may be left out; asked of those only in
        which the first comes first: of rows that imply each other it stays.
        """
        found: Mask = self.may_go[stronger] & (weaker < stronger)
        found &= (self.above[weaker] == self.above[stronger]) & (self.below[weaker] == self.below[stronger])
        found[found] = self._implies(stronger[found], weaker[found])
        return found

    def _candidates(self) -> Iterator[tuple[Ints, Ints]]:
        """Pairs that share the column above 0 of the first that fewest sides have above 0, by counts that may fit."""
        over = self.entries.data > 0
        column, side = self.entries.indices[over], self.of_entry[over]
        by_column = np.argsort(column, kind="stable")
        many = np.bincount(column, minlength=self.entries.shape[1])
        start = np.concatenate([[0], np.cumsum(many)])
        rarest = np.lexsort((column, many[column], side))
        first = rarest[np.diff(side[rarest], prepend=-1) > 0]
        first = first[self.may_go[side[first]]]
        for part in _parts(many[column[first]]):
            own = first[part]
            wanted = many[column[own]]
            weaker = np.repeat(side[own], wanted)
            ranks = np.arange(wanted.sum()) - np.repeat(np.cumsum(wanted) - wanted, wanted)
            stronger = side[by_column[np.repeat(start[column[own]], wanted) + ranks]]
            fits = (self.row[weaker] != self.row[stronger]) & (self.above[weaker] <= self.above[stronger])
            fits &= self.below[weaker] >= self.below[stronger]
            yield weaker[fits], stronger[fits]

    def _implies(self, weaker: Ints, stronger: Ints) -> Mask:
        """For pairs of sides, whether the second implies the first."""
        count = np.diff(self.entries.indptr)[weaker]
        pair = np.repeat(np.arange(len(weaker)), count)
        own = np.arange(count.sum()) + np.repeat(
            self.entries.indptr[weaker] - np.cumsum(count) + count, count
        )
        wanted = stronger[pair] * self.entries.shape[1] + self.entries.indices[own]
        place = np.minimum(np.searchsorted(self.at, wanted), len(self.at) - 1)
        x, y = self.entries.data[own], np.where(self.at[place] == wanted, self.entries.data[place], 0.0)
        least, most = np.zeros(len(weaker)), np.full(len(weaker), np.inf)
        over, under = (x > 0) & (y > 0), (x < 0) & (y < 0)
        np.maximum.at(least, pair[over], x[over] / y[over])
        np.minimum.at(most, pair[under], x[under] / y[under])
        covered = np.bincount(pair[over], minlength=len(weaker)) == self.above[weaker]
        covered &= np.bincount(pair[under], minlength=len(weaker)) == self.below[stronger]
        bound = self.bound[stronger]
        factor = np.where((bound >= 0) | np.isinf(most), least, most)
        room = ROUNDING * (1.0 + np.abs(self.bound[weaker]))
        return np.asarray(
            covered & (least <= most * (1 + ROUNDING)) & (factor * bound <= self.bound[weaker] + room)
        )


def _parts(sizes: Ints) -> Iterator[slice]:
    """Stretches whose sizes together are about ``ENTRIES_AT_ONCE``, and no more but for the size of the last in each."""
    total = np.cumsum(sizes)
    at = 0
    while at < len(sizes):
        end = int(np.searchsorted(total, (total[at - 1] if at else 0) + ENTRIES_AT_ONCE)) + 1
        yield slice(at, end)
        at = end
