"""A row for each floor on control that a sweep will ask for: another floor is then a change of bounds.

A floor on control says ``control - share x served >= 0``. As one entry of the matrix, each new share would make HiGHS
forget the factors of the basis and the steepest edge weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array, vstack

from planner.solver.arrays import Arrays

FLOOR = "control_floor"
"""The row whose share changes."""
FLOORS = "control_floors"
"""Rows of given shares, in their order; they bound nothing until one is asked for."""


def with_floors(arrays: Arrays, shares: Sequence[float]) -> Arrays:
    """The arrays with a copy of the floor on control for every share (0-1) of what is served."""
    served, height = arrays.columns["served"].start, len(shares)
    floor = csr_array(arrays.matrix[[arrays.rows[FLOOR].start]])
    change = -np.asarray(shares) - floor[0, served]
    entries = csr_array(
        (change, (np.arange(height), np.full(height, served))), shape=(height, arrays.shape[1])
    )
    copies = csr_array(vstack([floor] * height) + entries) if height else entries
    free = np.full(height, np.inf)
    return arrays.with_rows(FLOORS, range(height), copies, -free, free)
