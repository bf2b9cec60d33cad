"""Bounds in few digits, rounded to the side that is safe: a cap up, a floor down, so that what was reached still is."""

from __future__ import annotations

import math

NOISE = 1e-5
"""Of the last digit: less than this is noise of the arithmetic and not worth a step."""


def rounded_up(value: float, digits: int) -> float:
    """The least number of so many decimals that is not below the value.

    >>> rounded_up(4.52341, 4), rounded_up(3.0000000000000004, 4), rounded_up(-1.26, 1)
    (4.5235, 3.0, -1.2)
    """
    return round(math.ceil(value * 10.0**digits - NOISE) / 10.0**digits, max(digits, 0))


def rounded_down(value: float, digits: int) -> float:
    """The greatest number of so many decimals that is not above the value.

    >>> rounded_down(71.239, 1), rounded_down(2.9999999999999996, 2)
    (71.2, 3.0)
    """
    return round(math.floor(value * 10.0**digits + NOISE) / 10.0**digits, max(digits, 0))
