"""Depreciation and tax on income."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import ArrayLike

from planner.finance.kernel import Array


def straight_line(cost: float, life: float, periods: int, half_first: bool = False) -> Array:
    """The same share of cost in every period of the life; ``half_first``: half a share in the first and one after.

    >>> straight_line(100.0, 4, 6).tolist()
    [25.0, 25.0, 25.0, 25.0, 0.0, 0.0]
    >>> straight_line(100.0, 5, 6, half_first=True).tolist()
    [10.0, 20.0, 20.0, 20.0, 20.0, 10.0]
    >>> straight_line(100.0, 2.5, 3).tolist()
    [40.0, 40.0, 20.0]
    """
    start = np.arange(periods) - (0.5 if half_first else 0.0)
    used = np.clip(start + 1.0, 0.0, life) - np.clip(start, 0.0, life)
    shares: Array = used / life
    return cost * shares


def depreciated(spending: ArrayLike, life: float, from_period: int) -> Array:
    """Depreciation of money spent over time: each outlay over its own life, from the period after it or later.

    ``from_period`` is the first period of operation: what is built before that waits for it.

    >>> depreciated([100.0, 0.0, 50.0, 0.0, 0.0], 2, 1).tolist()
    [0.0, 50.0, 50.0, 25.0, 25.0]
    """
    outlays = np.asarray(spending, dtype=float)
    total = np.zeros(len(outlays))
    for t in np.flatnonzero(outlays):
        start = max(int(t) + 1, from_period)
        total[start:] += straight_line(outlays[t], life, max(0, len(outlays) - start))
    return total


def tax_with_losses(
    income: ArrayLike, rate: float, expiry: int | None = None, usable: float = 1.0
) -> tuple[Array, Array]:
    """Tax of each period and the losses carried forward at its end.

    A loss lasts ``expiry`` periods (None: for ever) and offsets at most the share ``usable`` of a later income;
    the oldest goes first.

    >>> [x.tolist() for x in tax_with_losses([-100.0, 60.0, 60.0], 0.25)]
    [[0.0, 0.0, 5.0], [100.0, 40.0, 0.0]]
    >>> [x.tolist() for x in tax_with_losses([-100.0, 60.0, 60.0], 0.25, expiry=1, usable=0.5)]
    [[0.0, 7.5, 15.0], [100.0, 0.0, 0.0]]
    """
    values = np.asarray(income, dtype=float)
    tax, carried = np.zeros(len(values)), np.zeros(len(values))
    losses: deque[list[float]] = deque()
    for t, earned in enumerate(values):
        while losses and expiry is not None and t - losses[0][0] > expiry:
            losses.popleft()
        room = usable * max(0.0, earned)
        taxable = max(0.0, earned)
        while losses and room > 0:
            used = min(room, losses[0][1])
            losses[0][1] -= used
            room, taxable = room - used, taxable - used
            if losses[0][1] <= 0:
                losses.popleft()
        if earned < 0:
            losses.append([t, -earned])
        tax[t] = rate * taxable
        # what would lapse before the next period is no longer carried
        carried[t] = sum(left for at, left in losses if expiry is None or t + 1 - at <= expiry)
    return tax, carried
