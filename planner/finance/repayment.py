"""How much debt a cash flow carries, and how it is repaid from it: see ``planner.case.loans`` for what follows none.

Arrays have one entry a period of repayment.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from planner.finance.kernel import Array, discount_factors


def principal_of_service(debt: float, rates: ArrayLike, service: ArrayLike) -> Array:
    """Principal of a given debt service, interest first.

    >>> principal_of_service(100.0, [0.10, 0.10], [60.0, 55.0]).tolist()
    [50.0, 50.0]
    """
    principal = np.zeros(np.shape(service))
    balance = debt
    for t, (rate, due) in enumerate(zip(np.asarray(rates), np.asarray(service), strict=True)):
        principal[t] = due - rate * balance
        balance -= principal[t]
    return principal


def sculpted_debt(cfads: ArrayLike, rates: ArrayLike, dscr: float) -> float:
    """Debt that a cash flow carries at a constant cover: the present value of ``cfads / dscr``.

    >>> round(sculpted_debt([120000.0] * 15, [0.06] * 15, 1.30), 6)  # SAM, Single Owner: 896,515.291176
    896515.291176
    """
    return float(np.asarray(cfads, dtype=float) @ discount_factors(rates)) / dscr


def sculpted(debt: float, cfads: ArrayLike, rates: ArrayLike) -> Array:
    """Debt service in proportion to the cash flow that repays ``debt`` exactly: constant cover.

    >>> sculpted(100.0, [110.0, 121.0], [0.10, 0.10]).tolist()
    [55.0, 60.5]
    """
    flows = np.asarray(cfads, dtype=float)
    return flows * debt / float(flows @ discount_factors(rates))


def least_cap(caps: dict[str, float]) -> tuple[str, float]:
    """The cap that binds, by name, and the debt it leaves; the first of equals.

    >>> least_cap({"share of cost": 700.0, "cover": 896.5})
    ('share of cost', 700.0)
    """
    name = min(caps, key=lambda cap: caps[cap])
    return name, max(0.0, caps[name])
