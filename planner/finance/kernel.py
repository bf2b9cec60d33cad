"""Time value of money: discounting, annuities, internal rates of return.

Rates are shares per period (0.02 = 2 %). Flows are arrays with one entry a period; entry 0 lies at the
valuation date and is not discounted. Nothing here knows of units, dates or contracts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from planner.case.loans import sinking_fund
from planner.finance.faults import FinanceError, NoIrrError, SeveralIrrsError

Array = NDArray[np.float64]

DAYS_PER_YEAR = 365.0  # actual/365, the day count of XIRR
LOWEST_LOG, HIGHEST_LOG = np.log(1e-3), np.log(1e4)
"""Rates searched: -99.9 % to +1,000,000 % a period, as the logarithm of 1 + rate."""
SEARCH_POINTS = 2001
NEGLIGIBLE = 1e-12  # of the largest flow


def discount_factors(rates: ArrayLike) -> Array:
    """Value at the start of a unit paid at the end of each period, for a path of rates.

    >>> discount_factors([0.25, 0.0, 0.25]).tolist()
    [0.8, 0.8, 0.64]
    """
    factors: Array = np.divide(1.0, np.cumprod(1.0 + np.asarray(rates, dtype=float)))
    return factors


def npv(rate: float, flows: ArrayLike) -> float:
    """Net present value; the first flow is not discounted.

    >>> npv(0.25, [-100.0, 50.0, 125.0])
    20.0
    """
    values = np.asarray(flows, dtype=float)
    return float(values @ (1.0 + rate) ** -np.arange(len(values), dtype=float))


def annuity(rate: float, periods: int) -> float:
    """Constant payment at the end of each period that repays a unit of debt.

    >>> annuity(0.0, 4)
    0.25
    >>> round(annuity(0.08 / 12, 60) * 15000, 6)  # the example of numpy-financial's pmt
    304.145914
    """
    return rate + sinking_fund(rate, periods)


def sign_changes(flows: ArrayLike) -> int:
    """How often the flows change sign; flows of nothing do not count.

    >>> sign_changes([-100.0, 0.0, 230.0, -132.0])
    2
    """
    values = np.asarray(flows, dtype=float)
    signs = np.sign(values[np.abs(values) > NEGLIGIBLE * np.abs(values).max(initial=0.0)])
    return int((signs[1:] != signs[:-1]).sum())


def irr(flows: ArrayLike) -> float:
    """The rate per period at which the flows are worth nothing.

    One change of sign has one rate (Descartes). Where there are more, the rate is still the only one that is
    not negative if the running total, negative at first, changes sign once (Norstrom 1972).

    Raises NoIrrError, SeveralIrrsError: with the changes of sign and every rate found; FinanceError for flows that
    are not numbers.

    >>> round(irr([-250000, 100000, 150000, 200000, 250000, 300000]), 12)  # numpy-financial's example
    0.567230334436
    >>> irr([-100.0, 230.0, -132.0])
    Traceback (most recent call last):
    planner.finance.faults.SeveralIrrsError: flows: 2 rates of return fit (10 %, 20 %): the flows change sign 2 times
    """
    values = np.asarray(flows, dtype=float)
    return _rate(values, np.arange(len(values), dtype=float))


def xirr(flows: ArrayLike, dates: Sequence[date]) -> float:
    """Yearly rate at which dated flows are worth nothing (actual/365); errors as in ``irr``.

    >>> round(xirr([-100.0, 110.0], [date(2027, 1, 1), date(2028, 1, 1)]), 12)
    0.1
    """
    years = np.array([(day - dates[0]).days / DAYS_PER_YEAR for day in dates])
    return _rate(np.asarray(flows, dtype=float), years)


def payback(flows: ArrayLike) -> float | None:
    """Periods until the running total is no longer negative for good, linear within a period; None if never.

    >>> payback([-100.0, 40.0, 40.0, 40.0])
    2.5
    >>> payback([-100.0, 40.0]) is None
    True
    """
    values = np.asarray(flows, dtype=float)
    total = np.cumsum(values)
    if total[-1] < 0:
        return None
    short = np.flatnonzero(total < 0)
    if not len(short):
        return 0.0
    last = int(short[-1])
    return last + float(-total[last] / values[last + 1])


def _rate(values: Array, years: Array) -> float:
    if not np.isfinite(values).all():
        raise FinanceError.single("flows", "not all are numbers")
    largest = float(np.abs(values).max(initial=0.0))
    changes = sign_changes(values)
    if not changes:
        raise NoIrrError("no rate of return: the flows never change sign", changes)
    scaled = values / largest

    def worth(log_rates: ArrayLike) -> Array:
        """Value of the flows over the largest factor: its sign is that of the value, and nothing overflows."""
        powers = -np.multiply.outer(np.asarray(log_rates, dtype=float), years)
        return np.asarray(np.exp(powers - powers.max(axis=-1, keepdims=True)) @ scaled)

    # the rate that is not negative is the only one of interest where Norstrom's criterion holds
    running = np.cumsum(scaled)
    norstrom = changes > 1 and running[0] < 0 < running[-1] and sign_changes(running) == 1
    grid = np.linspace(0.0 if norstrom else LOWEST_LOG, HIGHEST_LOG, SEARCH_POINTS)
    signs = np.sign(worth(grid))
    # a root that falls on a point of the grid counts once, in the interval that ends there
    steps = np.flatnonzero((signs[:-1] * signs[1:] < 0) | (signs[1:] == 0))
    roots = [
        float(np.expm1(_root(lambda x: float(worth(x)), float(grid[i]), float(grid[i + 1])))) for i in steps
    ]
    if not roots:
        raise NoIrrError(f"no rate of return: none fits, the flows change sign {changes} times", changes)
    if len(roots) > 1:
        shown = ", ".join(f"{100 * root:.4g} %" for root in roots)
        message = f"{len(roots)} rates of return fit ({shown}): the flows change sign {changes} times"
        raise SeveralIrrsError(message, changes, roots)
    return roots[0]


def _root(worth: Callable[[float], float], low: float, high: float) -> float:
    """Where a value changes sign between two points; an end where rounding hides that it does."""
    if worth(low) * worth(high) >= 0:
        return min(low, high, key=lambda point: abs(worth(point)))
    return float(brentq(worth, low, high, xtol=1e-15, rtol=1e-14))
