"""What can go wrong, by flows alone: debt stays as it was signed, the rest of the project changes.

A plan that is optimised again under the same event answers a different question, and is not made here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.case.finance import HOME_CURRENCY
from planner.finance.faults import FinanceError
from planner.finance.project import Project
from planner.finance.settle import Settled
from planner.finance.sources import Repayment, Tranche, repayment_window

CAPEX, PRICE, OPEX, RATE, CURRENCY, RESIDUAL, OFF_TAKER = (
    "capex", "price", "opex", "rate", "currency", "residual", "off-taker"
)  # fmt: skip
KINDS = (CAPEX, PRICE, OPEX, RATE, CURRENCY, RESIDUAL, OFF_TAKER)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One change. ``size``: a share of what it changes (0.2 = 20 % more); added to yearly rates for ``rate``.

    Prices, costs and exchange rates change from ``quarter`` on. ``currency`` moves every foreign currency against
    the dollar; ``off-taker`` is revenue lost with a payer (-1: all of it).
    """

    id: str
    kind: str
    size: float
    quarter: int = 0


def as_signed(found: Settled) -> Project:
    """The project with its debt as committed: draws and instalments, in each loan's currency, that follow nothing more."""
    setup, project = found.setup, found.setup.project
    fixed: dict[str, Tranche] = {}
    for j, tranche in enumerate(setup.tranches):
        debt = float(found.given.commitment[j])
        terms = tranche.repayment
        if terms is not None and debt > 0:
            first, after = repayment_window(tranche, project.start, project.operation_from)
            shares = tuple((found.given.instalments[j, first:after] / debt).tolist())
            agreed = Repayment(
                tenor_years=terms.tenor_years, profile="agreed", grace_years=terms.grace_years, instalments=shares,
                sweep=terms.sweep,
            )  # fmt: skip
            fixed[tranche.id] = replace(
                tranche, amount=debt, repayment=agreed, draws=found.run.draws[j].copy()
            )
    return replace(project, sources=tuple(fixed.get(t.id, t) for t in project.sources))


def changed(project: Project, event: Event) -> Project:
    """The project after an event; raises FinanceError for an unknown kind."""
    grown = 1.0 + event.size
    since = np.where(np.arange(project.quarters) >= event.quarter, grown, 1.0)
    if event.kind == CAPEX:
        spending = tuple(replace(s, musd=grown * s.musd) for s in project.spending)
        sales = tuple(replace(s, bought=grown * s.bought) for s in project.sales)
        return replace(project, spending=spending, sales=sales)
    if event.kind in (PRICE, OFF_TAKER):
        return replace(project, revenue_musd=since * project.revenue_musd)
    if event.kind == OPEX:
        return replace(project, opex_musd=since * project.opex_musd)
    if event.kind == RESIDUAL:
        sales = tuple(replace(s, musd=grown * s.musd) for s in project.sales)
        return replace(project, residual_musd=grown * project.residual_musd, sales=sales)
    if event.kind == CURRENCY:
        paths = {name: since * path for name, path in project.exchange.items() if name != HOME_CURRENCY}
        return replace(project, exchange=paths)
    if event.kind == RATE:
        dearer = tuple(
            replace(t, base_rate=t.base_rate + event.size) if t.is_debt else t for t in project.sources
        )
        return replace(project, sources=dearer)
    raise FinanceError.single(f"events.{event.id}.kind", f"{event.kind!r} is none of {', '.join(KINDS)}")
