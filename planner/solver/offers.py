"""Which columns of a programme belong to an offer: a system on a stack at a host, with all its periods.

A plan buys few of the hundreds of offers of a large case. Which those are, its linear relaxation says; with all others held
at zero, plans are searched in a programme of a fraction of the size.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from planner.solver.alike import Mask
from planner.solver.arrays import Arrays, Block, Floats
from planner.solver.members import Ints

FLEET = "fleet"
PARTS = 3
"""An offer is three parts of an index, next to one another: host, stack, system."""
IN_USE_K = 1e-5
"""Thousands of accelerators from which an offer counts as bought."""


class Offers:
    """The offers of a programme, by the index of its fleet."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        fleet = arrays.columns[FLEET]
        self.names = list(dict.fromkeys(index[:PARTS] for index in fleet.index))
        """(host, stack, system) of every offer."""

    @cached_property
    def of_column(self) -> Ints:
        """Number of the offer that a column belongs to, -1 for all others.

        A family belongs to offers where all its indices name one; any other is of no offer, and always there.
        """
        found: Ints = np.full(self.arrays.shape[1], -1)
        number = {name: i for i, name in enumerate(self.names)}
        for block in self.arrays.columns.values():
            for first in range(_dimensions(block) - PARTS + 1):
                named = [number.get(index[first : first + PARTS], -1) for index in _start(block)]
                if named and min(named) >= 0:
                    named = [number.get(index[first : first + PARTS], -1) for index in block.index]
                    if min(named) >= 0:
                        found[block.slice] = named
        return found

    def bought(self, fleet: Floats) -> Mask:
        """Offers whose system and stack stand anywhere, from the values of the fleet: hosts may take them over."""
        index = self.arrays.columns[FLEET].index
        standing = {index[i][1:PARTS] for i in np.flatnonzero(fleet > IN_USE_K)}
        return np.array([name[1:] in standing for name in self.names], bool)

    def upper(self, kept: NDArray[np.bool_], upper: Floats) -> Floats:
        """Upper bounds with all but the offers that are kept held at zero."""
        return np.where(np.append(~kept, False)[self.of_column], 0.0, upper)


def _dimensions(block: Block) -> int:
    return sum(leaf.dimen for leaf in block.leaves)


def _start(block: Block) -> list[tuple[object, ...]]:
    return [block.tuple_at(0)] if block.size else []
