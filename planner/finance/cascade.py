"""One pass through the quarters: uses and sources, the cash waterfall, the balances they leave.

The pass takes as given what depends on later quarters or on itself: commitments, instalments, tax, the reserve's
target. ``settle`` repeats it until they agree with what it leaves. Within a pass amounts are plain floats in lists:
a quarter has too few of them for arrays to pay.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from planner.case.loans import QUARTERS_PER_YEAR, interest_and_fees
from planner.finance.kernel import Array
from planner.finance.project import Project
from planner.finance.sources import EQUITY, MONTHS_PER_QUARTER, Tranche, by_quarter, paid_by, window

LINES = (
    "finance_costs", "premium", "vat_paid", "reserve_funded", "cash_added", "vat_refunded", "cash_used",
    "refresh_used", "equity", "grants", "debt", "cfads", "interest", "fees", "principal", "residual", "cash_interest",
    "swept", "distributed", "support", "dsra", "refresh", "cash", "trailing_dscr",
)  # fmt: skip
OWED_MUSD = 1e-6
"""Debt below one dollar is repaid."""

Line = list[float]


@dataclass
class Given:
    """What a pass takes as given; rows are sources other than equity, in their own currencies."""

    commitment: Array
    scale: Array
    """share of its largest draws that each source pays"""
    instalments: Array
    """principal due, source by quarter"""
    tax: Array
    dsra_target: Array

    def values(self) -> Array:
        return np.concatenate(
            [self.commitment, self.scale, self.instalments.ravel(), self.tax, self.dsra_target]
        )


@dataclass(frozen=True)
class Setup:
    """What does not change from pass to pass; rows of arrays are sources other than equity."""

    project: Project
    tranches: tuple[Tranche, ...]
    opens: tuple[tuple[int, int], ...]
    payable: Array
    """MUSD of spending that each source may pay, by quarter"""
    of_finance: Array
    """share of the costs of finance that each source pays: what it pays of all spending while building"""
    exchange: Array
    capex: Array
    vat: Array
    """net VAT paid, less what is refunded"""
    refresh_target: Array

    @classmethod
    def of(cls, project: Project) -> Setup:
        n = project.quarters
        tranches = tuple(t for t in project.sources if t.kind != EQUITY)
        opens = tuple(window(t, project.start, project.operation_from) for t in tranches)
        payable = np.zeros((len(tranches), n))
        for row, tranche, (first, after) in zip(payable, tranches, opens, strict=True):
            for paid in paid_by(tranche, project.spending, first, after):
                row += paid
        exchange = np.array([project.rate_of_exchange(t.currency) for t in tranches]).reshape(
            len(tranches), n
        )
        capex = by_quarter(project.spending, n)
        while_building = slice(0, project.operation_from)
        joins = np.array([t.eligibility.costs_of_finance for t in tranches], dtype=float)
        of_finance = (
            joins * payable[:, while_building].sum(axis=1) / max(capex[while_building].sum(), OWED_MUSD)
        )
        unpaid = np.maximum(0.0, capex - payable.sum(axis=0))
        unpaid[: project.operation_from] = 0.0
        saved = _saved_ahead(unpaid, project.covenants.refresh_months / MONTHS_PER_QUARTER)
        return cls(
            project, tranches, opens, payable, of_finance, exchange, capex, _vat(project, capex), saved
        )


@dataclass(frozen=True)
class Pass:
    """Lines of a pass in MUSD, and by source in its own currency: source by quarter."""

    lines: dict[str, Array]
    full: Array
    """draws if no cap bound"""
    draws: Array
    interest: Array
    fees: Array
    principal: Array
    balance: Array


def run_quarters(setup: Setup, given: Given) -> Pass:
    """Every quarter in turn; the lines are ``LINES``."""
    walk = _Walk(setup, given)
    for q in range(setup.project.quarters):
        walk.debt_service(q)
        walk.funding(q)
        if q >= setup.project.operation_from:
            walk.waterfall(q)
    shape = setup.payable.shape
    rows = (walk.full, walk.draws, walk.interest, walk.fees, walk.principal, walk.balance)
    lines = {name: np.array(line) for name, line in walk.lines.items()}
    return Pass(lines, *(np.array(row).reshape(shape) for row in rows))


class _Walk:
    """The state of a pass; each method writes the amounts of one quarter."""

    def __init__(self, setup: Setup, given: Given) -> None:
        count, n = setup.payable.shape
        self.project, self.tranches, self.opens = setup.project, setup.tranches, setup.opens
        self.payable: list[Line] = setup.payable.tolist()
        self.of_finance: Line = setup.of_finance.tolist()
        self.exchange: list[Line] = setup.exchange.tolist()
        self.capex: Line = setup.capex.tolist()
        self.vat: Line = setup.vat.tolist()
        self.refresh_target: Line = setup.refresh_target.tolist()
        self.commitment: Line = given.commitment.tolist()
        self.scale: Line = given.scale.tolist()
        self.instalments: list[Line] = given.instalments.tolist()
        self.tax: Line = given.tax.tolist()
        self.dsra_target: Line = given.dsra_target.tolist()
        self.revenue: Line = setup.project.revenue_musd.tolist()
        self.opex: Line = setup.project.opex_musd.tolist()
        self.received: Line = setup.project.received_musd.tolist()
        self.lines: dict[str, Line] = {name: [0.0] * n for name in LINES}
        self.full, self.draws, self.interest, self.fees, self.principal, self.balance = (
            [[0.0] * n for _ in range(count)] for _ in range(6)
        )
        self.drawn = [0.0] * count
        self.signed: list[Line | None] = [
            None if t.draws is None else t.draws.tolist() for t in self.tranches
        ]

    def debt_service(self, q: int) -> None:
        """Interest, fees and instalments on opening balances."""
        for j, tranche in enumerate(self.tranches):
            first, after = self.opens[j]
            opening = self.balance[j][q - 1] if q else 0.0
            undrawn = max(0.0, self.commitment[j] - self.drawn[j]) if first <= q < after else 0.0
            self.interest[j][q], self.fees[j][q] = interest_and_fees(
                tranche.rate_per_quarter, tranche.fees, opening, undrawn
            )
            self.principal[j][q] = min(self.instalments[j][q], opening)

    def funding(self, q: int) -> None:
        """Uses of the quarter and who pays them."""
        lines, building = self.lines, q < self.project.operation_from
        extras = lines["finance_costs"][q] = self._costs_of_finance(q, building)
        if building:
            lines["vat_paid"][q], lines["vat_refunded"][q] = max(0.0, self.vat[q]), max(0.0, -self.vat[q])
            first_reserve = self.dsra_target[q] if q == self.project.operation_from - 1 else 0.0
            lines["reserve_funded"][q] = lines["dsra"][q] = first_reserve
            extras += lines["vat_paid"][q] + first_reserve
        for j, tranche in enumerate(self.tranches):
            full, rate = self._full(j, q, extras), self.exchange[j][q]
            musd = self.scale[j] * full
            self.full[j][q], self.draws[j][q] = full / rate, musd / rate
            self.drawn[j] += musd / rate
            opening = self.balance[j][q - 1] if q else 0.0
            self.balance[j][q] = opening + musd / rate - self.principal[j][q]
            lines["premium"][q] += tranche.fees.premium * musd
            lines["debt" if tranche.is_debt else "grants"][q] += musd
        paid = lines["debt"][q] + lines["grants"][q] + lines["vat_refunded"][q]
        self._rest(q, self.capex[q] + extras + lines["premium"][q] - paid, building)

    def _full(self, j: int, q: int, extras: float) -> float:
        """MUSD that a source pays if no cap binds; as signed, whatever it now costs."""
        signed = self.signed[j]
        if signed is not None:
            return signed[q] * self.exchange[j][q]
        first, after = self.opens[j]
        shared = self.of_finance[j] * extras if first <= q < after else 0.0
        return (self.payable[j][q] + shared) / (1.0 - self.tranches[j].fees.premium)

    def _costs_of_finance(self, q: int, building: bool) -> float:
        """Fees of sources that open, and while building interest and other fees, which cash pays later."""
        costs = 0.0
        for j, tranche in enumerate(self.tranches):
            if q == self.opens[j][0]:
                costs += tranche.fees.upfront * self.commitment[j] * self.exchange[j][q]
            if building:
                costs += (self.interest[j][q] + self.fees[j][q]) * self.exchange[j][q]
        return costs

    def _rest(self, q: int, left: float, building: bool) -> None:
        """What no source has paid: cash kept while building, or the refresh reserve, then equity.

        What debt as signed or a refund of VAT pays beyond the uses is cash: kept while building, then to the waterfall.
        """
        lines = self.lines
        held = lines["cash" if building else "refresh"][q - 1] if q else 0.0
        used = min(max(0.0, left), held)
        lines["cash_used" if building else "refresh_used"][q] = used
        lines["cash_added"][q] = max(0.0, -left)
        if building:
            lines["cash"][q] = held - used + lines["cash_added"][q]
        lines["equity"][q] = max(0.0, left) - used

    def waterfall(self, q: int) -> None:
        """Operating cash: debt service, reserves, sweep, distribution unless locked up."""
        lines, terms, last = self.lines, self.project.covenants, q == self.project.quarters - 1
        lines["cfads"][q] = self.revenue[q] - self.opex[q] - self.tax[q] - self.vat[q]
        for name, rows in (("interest", self.interest), ("fees", self.fees), ("principal", self.principal)):
            lines[name][q] = self._in_musd(rows, q)
        held = lines["dsra"][q - 1] + lines["refresh"][q - 1] + lines["cash"][q - 1]
        lines["cash_interest"][q] = terms.interest_on_cash / QUARTERS_PER_YEAR * held
        lines["residual"][q] = self.received[q]
        service = lines["interest"][q] + lines["fees"][q] + lines["principal"][q]
        cash = lines["cfads"][q] - service + lines["cash_interest"][q] + lines["residual"][q]
        cash += held - lines["refresh_used"][q] + lines["cash_added"][q]
        lines["support"][q] = max(0.0, -cash)
        lines["dsra"][q] = min(self.dsra_target[q], max(0.0, cash))
        left = max(0.0, cash) - lines["dsra"][q]
        lines["refresh"][q] = 0.0 if last else min(self.refresh_target[q], left)
        left -= lines["refresh"][q]
        left -= self._sweep(q, left)
        lines["trailing_dscr"][q] = self._trailing(q)
        owed = self._in_musd(self.balance, q, debt_only=True) > OWED_MUSD
        locked = owed and not last and lines["trailing_dscr"][q] < terms.lock_up_dscr
        lines["cash"][q], lines["distributed"][q] = (left, 0.0) if locked else (0.0, left)

    def _in_musd(self, rows: list[Line], q: int, debt_only: bool = False) -> float:
        together = zip(rows, self.exchange, self.tranches, strict=True)
        return sum(row[q] * rate[q] for row, rate, t in together if t.is_debt or not debt_only)

    def _sweep(self, q: int, cash: float) -> float:
        """Prepay loans with a sweep, in their order; returns what was paid in MUSD."""
        paid = 0.0
        for j, tranche in enumerate(self.tranches):
            if tranche.repayment is not None and tranche.repayment.sweep and q >= self.opens[j][1]:
                rate = self.exchange[j][q]
                swept = min(tranche.repayment.sweep * cash, cash - paid, self.balance[j][q] * rate)
                self.balance[j][q] -= swept / rate
                self.principal[j][q] += swept / rate
                paid += swept
        self.lines["swept"][q] = paid
        return paid

    def _trailing(self, q: int) -> float:
        """Cover of the last four quarters that had debt service."""
        lines, cash, due = self.lines, 0.0, 0.0
        for t in range(max(0, q + 1 - QUARTERS_PER_YEAR), q + 1):
            service = lines["interest"][t] + lines["fees"][t] + lines["principal"][t]
            if service > OWED_MUSD:
                cash, due = cash + lines["cfads"][t], due + service
        return cash / due if due else inf


def _vat(project: Project, capex: Array) -> Array:
    """Net VAT paid by quarter: on what is bought, less what is collected, settled some quarters later."""
    tax, delay = project.tax, project.tax.vat_settled_after
    paid = (
        tax.vat_on_capex * capex
        + tax.vat_on_opex * project.opex_musd
        - tax.vat_on_revenue * project.revenue_musd
    )
    if not delay:
        return np.zeros(len(paid))
    net: Array = paid.copy()
    net[delay:] -= paid[:-delay]
    net[-1] -= paid[-delay:].sum()  # the project ends with its last quarter, and settles
    return net


def _saved_ahead(spending: Array, quarters: float) -> Array:
    """Reserve that builds evenly over the quarters before each outlay."""
    target = np.zeros(len(spending))
    span = round(quarters)
    for ahead in range(1, span + 1):
        target[:-ahead] += spending[ahead:] * (span + 1 - ahead) / span
    return target
