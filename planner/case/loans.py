"""What a loan costs: interest and fees on its balance, and how it is repaid. Rates are per period, arrays a period each.

Principal is returned, since interest follows from the balance: ``interest[t] = rate x balance[t-1]``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
QUARTERS_PER_YEAR = 4
LEVEL, EQUAL_PRINCIPAL = "level", "equal-principal"


@dataclass(frozen=True, kw_only=True)
class Fees:
    """Price of a source beside its interest."""

    upfront: float = 0.0
    """of the commitment, when the source opens"""
    commitment: float = 0.0
    """yearly, on what is committed and not yet drawn"""
    guarantee: float = 0.0
    """yearly, on the balance"""
    premium: float = 0.0
    """of each draw, drawn with it: an export credit's exposure premium"""
    withholding: float = 0.0
    """tax that the borrower's state keeps from interest and the borrower makes good, as a share of what is then paid"""

    @property
    def gross_up(self) -> float:
        """Tax on interest that the borrower makes good, per unit of interest."""
        return self.withholding / (1.0 - self.withholding)


def interest_and_fees(
    rate_per_quarter: float, fees: Fees, opening: float, undrawn: float
) -> tuple[float, float]:
    """Interest of a quarter, and its fees: on what is not yet drawn, on the balance, and tax made good on interest.

    >>> interest_and_fees(0.02, Fees(commitment=0.01, guarantee=0.02), 100.0, 40.0)
    (2.0, 0.6)
    """
    interest = rate_per_quarter * opening
    yearly = fees.commitment * undrawn + fees.guarantee * opening
    return interest, yearly / QUARTERS_PER_YEAR + fees.gross_up * interest


def sinking_fund(rate: float, periods: int) -> float:
    """Constant payment at the end of each period that grows to a unit: the first principal of an annuity.

    >>> round(sinking_fund(0.10, 2), 9)
    0.476190476
    """
    return 1.0 / periods if rate == 0 else float(rate / np.expm1(periods * np.log1p(rate)))


def level(debt: float, rate: float, periods: int, balloon: float = 0.0) -> Array:
    """Principal of a constant payment; ``balloon`` is the share of the debt left for the last period.

    >>> (level(100.0, 0.10, 2) + 0.10 * np.array([100.0, 52.38095238])).round(6).tolist()
    [57.619048, 57.619048]
    >>> level(100.0, 0.0, 4, balloon=0.2).tolist()
    [20.0, 20.0, 20.0, 40.0]
    """
    first = debt * (1.0 - balloon) * sinking_fund(rate, periods)
    principal: Array = np.multiply(first, (1.0 + rate) ** np.arange(periods))
    principal[-1] += debt * balloon
    return principal


def equal_principal(debt: float, periods: int, balloon: float = 0.0) -> Array:
    """The same principal every period.

    >>> equal_principal(90.0, 3).tolist()
    [30.0, 30.0, 30.0]
    """
    principal = np.full(periods, debt * (1.0 - balloon) / periods)
    principal[-1] += debt * balloon
    return principal


def planned(profile: str, debt: float, rate: float, periods: int, balloon: float = 0.0) -> Array:
    """Principal of a profile that follows no cash flow: level, or the same in every period."""
    if profile == LEVEL:
        return level(debt, rate, periods, balloon)
    return equal_principal(debt, periods, balloon)


@dataclass(frozen=True)
class Service:
    """What a draw costs in the quarters after it, and what of it is paid back when; quarters of one project."""

    cost: Array
    """interest and fees"""
    principal: Array


def service_of(
    drawn: int, opens: int, closes: int, rate: float, fees: Fees, shares: ArrayLike, quarters: int
) -> Service:
    """Debt service of a unit drawn in one quarter of a source that is open from ``opens`` until before ``closes``.

    ``shares``: of the debt, due in the quarters from ``closes`` on. The project ends with its last quarter: what is owed
    then must be among them. The premium, drawn with the unit, is none of its service.

    >>> loan = service_of(1, 0, 2, 0.02, Fees(upfront=0.01), [0.5, 0.5], 4)
    >>> loan.cost.tolist(), loan.principal.tolist()
    ([0.01, 0.0, 0.02, 0.01], [0.0, 0.0, 0.5, 0.5])
    """
    principal, cost = np.zeros(quarters), np.zeros(quarters)
    principal[closes:] = shares
    cost[opens] = fees.upfront
    balance = 0.0
    for q in range(quarters):
        undrawn = 1.0 if opens <= q <= drawn else 0.0
        cost[q] += sum(interest_and_fees(rate, fees, balance, undrawn))
        balance += float(q == drawn) - principal[q]
    return Service(cost, principal)


def instalments(profile: str, rate: float, grace: int, tenor: int, balloon: float, left: int) -> Array:
    """Share of a debt that falls due in each of the ``left`` quarters that a project has once its source has closed.

    Grace and tenor in quarters, grace within tenor. What would fall due after the project is due in its last quarter: its
    assets are valued then, and its debts paid.

    >>> instalments("equal-principal", 0.02, 1, 5, 0.0, 6).tolist()
    [0.0, 0.25, 0.25, 0.25, 0.25, 0.0]
    >>> instalments("equal-principal", 0.02, 0, 4, 0.0, 2).tolist()
    [0.25, 0.75]
    """
    due = np.zeros(max(tenor, left))
    due[grace:tenor] = planned(profile, 1.0, rate, tenor - grace, balloon)
    return np.append(due[: left - 1], due[left - 1 :].sum())
