"""Interest and fees while a project is built, in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from planner.finance.kernel import Array


@dataclass(frozen=True)
class Construction:
    """What it takes to build: money in the unit of the capex; ``draws`` by period."""

    debt: float
    equity: float
    interest: float
    commitment_fee: float
    draws: Array


def construction_loan(
    capex: ArrayLike, debt_share: float, rate: float, commitment_fee: float = 0.0
) -> Construction:
    """A loan that pays ``debt_share`` of capex, of its own interest and of its own fee, in every period.

    ``rate`` and ``commitment_fee`` are shares per period, on the opening balance and on the opening undrawn
    commitment. The commitment is what is drawn in the end: with s the share, a = 1 + s (rate - fee),
    D = sum over q of s capex[q] a^(Q-1-q) / (1 - s fee sum over k < Q of a^k).

    >>> loan = construction_loan([100.0, 100.0], 0.5, 0.10)
    >>> loan.debt, loan.interest, loan.draws.tolist()
    (102.5, 5.0, [50.0, 52.5])
    """
    uses = np.asarray(capex, dtype=float)
    growth = 1.0 + debt_share * (rate - commitment_fee)
    powers = growth ** np.arange(len(uses))
    debt = float(debt_share * uses @ powers[::-1] / (1.0 - debt_share * commitment_fee * powers.sum()))
    balance, draws = 0.0, np.zeros(len(uses))
    for q, spent in enumerate(uses):
        draws[q] = debt_share * (spent + rate * balance + commitment_fee * (debt - balance))
        balance += draws[q]
    before = np.concatenate([[0.0], np.cumsum(draws)[:-1]])
    interest, fee = float(rate * before.sum()), float(commitment_fee * (debt - before).sum())
    return Construction(debt, float(uses.sum()) + interest + fee - debt, interest, fee, draws)


def simple_financing_cost(
    capex: float, debt_share: float, rate: float, months: float, fee_share: float = 0.0
) -> float:
    """Interest on a construction loan of which half is drawn on average, and its fee: SAM's convention.

    >>> round(simple_financing_cost(1000.0, 0.5, 0.08, 18, 0.01), 6)
    35.0
    """
    return debt_share * capex * (rate * months / 12.0 / 2.0 + fee_share)
