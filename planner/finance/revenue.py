"""What a project is paid: contracts as data, MUSD by quarter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.case.loans import QUARTERS_PER_YEAR
from planner.finance.faults import Fault, raise_all
from planner.finance.kernel import Array

AVAILABILITY, TAKE_OR_PAY, USAGE, TOKENS, BUDGET = "availability", "take-or-pay", "usage", "tokens", "budget"
KINDS = (AVAILABILITY, TAKE_OR_PAY, USAGE, TOKENS, BUDGET)


@dataclass(frozen=True, kw_only=True)
class Contract:
    """One payer's contract.

    ``price_usd`` is per unit in prices of the start: an accelerator-hour, a million tokens. Units are millions a
    quarter: ``used`` of what is sold, ``contracted`` of what is promised. A budget line is ``musd_per_year``.
    """

    id: str
    kind: str
    price_usd: float = 0.0
    used: Array | None = None
    contracted: Array | None = None
    musd_per_year: Array | None = None
    floor_share: float = 1.0
    """take-or-pay: share of what is contracted that is paid for in any case"""
    target_availability: float = 1.0
    availability: float = 1.0
    """achieved"""
    deduction: float = 1.0
    """share of the payment lost for each share of availability that is missing"""
    indexed_share: float = 0.0
    """of the price, that follows the price level"""


def revenue(contract: Contract, price_level: Array) -> Array:
    """MUSD by quarter, nominal; raises FinanceError where a contract lacks what its kind is paid for.

    >>> hours = np.array([0.0, 60.0, 100.0])
    >>> capacity = np.array([0.0, 100.0, 100.0])
    >>> flat = np.ones(3)
    >>> revenue(Contract(id="a", kind="usage", price_usd=2.0, used=hours), flat).tolist()
    [0.0, 120.0, 200.0]
    >>> contract = Contract(id="b", kind="take-or-pay", price_usd=2.0, used=hours, contracted=capacity, floor_share=0.8)
    >>> revenue(contract, flat).tolist()
    [0.0, 160.0, 200.0]
    >>> late = Contract(id="c", kind="availability", price_usd=2.0, contracted=capacity,
    ...                 target_availability=0.99, availability=0.94, deduction=2.0)
    >>> revenue(late, flat).round(9).tolist()
    [0.0, 180.0, 180.0]
    """
    raise_all(_faults(contract, len(price_level)))
    index = 1.0 + contract.indexed_share * (price_level - 1.0)
    if contract.musd_per_year is not None and contract.kind == BUDGET:
        return contract.musd_per_year / QUARTERS_PER_YEAR * index
    return contract.price_usd * index * _paid_units(contract, len(price_level))


def _paid_units(contract: Contract, quarters: int) -> Array:
    used = np.zeros(quarters) if contract.used is None else contract.used
    promised = np.zeros(quarters) if contract.contracted is None else contract.contracted
    if contract.kind in (USAGE, TOKENS):
        return used
    if contract.kind == TAKE_OR_PAY:
        return np.maximum(used, contract.floor_share * promised)
    missing = max(0.0, contract.target_availability - contract.availability)
    return promised * max(0.0, 1.0 - contract.deduction * missing)


def _faults(contract: Contract, quarters: int) -> list[Fault]:
    needs = {AVAILABILITY: ("contracted",), TAKE_OR_PAY: ("used", "contracted"), USAGE: ("used",), TOKENS: ("used",),
             BUDGET: ("musd_per_year",)}  # fmt: skip
    path = f"revenue.{contract.id}"
    if contract.kind not in needs:
        return [Fault(f"{path}.kind", f"{contract.kind!r} is none of {', '.join(KINDS)}")]
    wrong = []
    for name in needs[contract.kind]:
        amounts = getattr(contract, name)
        if amounts is None or len(amounts) != quarters or (np.asarray(amounts) < 0).any():
            wrong.append(Fault(f"{path}.{name}", f"must hold {quarters} amounts, none negative"))
    return wrong
