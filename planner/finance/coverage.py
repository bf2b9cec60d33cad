"""Cover ratios, the debt service reserve and the lock-up of distributions.

``cfads`` is cash flow available for debt service. Ratios are ``inf`` where no debt is due or left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from planner.finance.kernel import Array

SETTLED = 1e-9  # share of the largest debt service or balance below which nothing is owed


def dscr(cfads: ArrayLike, service: ArrayLike) -> Array:
    """Debt service cover ratio of each period.

    >>> dscr([130.0, 90.0, 50.0], [100.0, 100.0, 0.0]).tolist()
    [1.3, 0.9, inf]
    """
    return _ratio(np.asarray(cfads, dtype=float), np.asarray(service, dtype=float))


def trailing_dscr(cfads: ArrayLike, service: ArrayLike, periods: int) -> Array:
    """Cover over the last ``periods`` periods that had debt service, as a lender tests it.

    >>> trailing_dscr([130.0, 90.0, 110.0], [100.0, 100.0, 100.0], 2).tolist()
    [1.3, 1.1, 1.0]
    """
    due = np.asarray(service, dtype=float)
    cash = np.where(due > 0, np.asarray(cfads, dtype=float), 0.0)
    window = np.ones(periods)
    return _ratio(np.convolve(cash, window)[: len(due)], np.convolve(due, window)[: len(due)])


def life_cover(cfads: ArrayLike, rates: ArrayLike, balance: ArrayLike) -> Array:
    """Present value of the cash flow still to come, over the debt, at the end of each period but the last.

    ``balance[t]`` is owed after period t; entry t values ``cfads[t+1:]`` at ``rates[t+1:]``. With the cash flow
    of the loan's life this is the LLCR, with that of the project's life the PLCR.

    >>> life_cover([0.0, 110.0, 121.0], [0.1, 0.1, 0.1], [100.0, 60.0, 0.0]).round(6).tolist()
    [2.0, 1.833333]
    """
    flows, path = np.asarray(cfads, dtype=float), np.asarray(rates, dtype=float)
    worth = np.zeros(len(flows))
    for t in range(len(flows) - 2, -1, -1):
        worth[t] = (worth[t + 1] + flows[t + 1]) / (1.0 + path[t + 1])
    return _ratio(worth, np.asarray(balance, dtype=float))[:-1]


def reserve_target(service: ArrayLike, periods: float) -> Array:
    """Balance that covers the next ``periods`` periods of debt service; part of a period counts in proportion.

    >>> reserve_target([0.0, 100.0, 80.0, 60.0], 1.5).tolist()
    [140.0, 110.0, 60.0, 0.0]
    """
    due = np.asarray(service, dtype=float)
    weights = np.clip(periods - np.arange(np.ceil(periods)), 0.0, 1.0)
    ahead = np.concatenate([due[1:], np.zeros(len(weights))])
    return np.array([ahead[t : t + len(weights)] @ weights for t in range(len(due))])


def break_even_fall(cover: float) -> float:
    """Share of its cash flow a project may lose before it cannot pay its debt.

    >>> round(break_even_fall(1.25), 12)
    0.2
    """
    return (cover - 1.0) / cover


def _ratio(cash: Array, due: Array) -> Array:
    owed = due > SETTLED * np.abs(due).max(initial=0.0)
    ratio: Array = np.divide(cash, due, out=np.full(len(due), np.inf), where=owed)
    return ratio
