"""An export credit: how much of a contract an agency covers, its premium, its instalments.

Terms follow the OECD Arrangement and EXIM's practice; the figures are inputs (catalog table finance_terms).
"""

from __future__ import annotations

from dataclasses import dataclass

HALF_YEARS = 2


@dataclass(frozen=True)
class Cover:
    """What an agency may finance of a contract, in the contract's unit."""

    contract: float
    local_cost: float
    cash_payment: float

    @property
    def total(self) -> float:
        return self.contract + self.local_cost


@dataclass(frozen=True)
class ExportLoan:
    """A loan in equal half-yearly instalments of principal, its premium drawn from it."""

    loan: float
    premium: float
    first_service: float
    last_service: float
    total_service: float


def contract_cover(
    contract: float, content_share: float, financed_share: float, full_content_share: float | None = None
) -> float:
    """The lesser of the financed share of a contract and its eligible content.

    ``full_content_share``: content from which the whole financed share is covered (EXIM's transformational
    exports: 51 %); below it the content counts, as in the standard rule.

    >>> contract_cover(100.0, 0.47, 0.85), contract_cover(100.0, 0.78, 0.85)
    (47.0, 78.0)
    >>> contract_cover(100.0, 0.78, 0.85, full_content_share=0.51)
    85.0
    """
    if full_content_share is not None and content_share >= full_content_share:
        return financed_share * contract
    return min(financed_share, content_share) * contract


def cover(
    contract: float,
    content_share: float,
    local_cost: float,
    local_cost_cap: float,
    financed_share: float,
    full_content_share: float | None = None,
) -> Cover:
    """Cover of a contract and of local costs, these up to ``local_cost_cap`` of the contract.

    >>> cover(100.0, 0.60, 70.0, 0.5, 0.85)
    Cover(contract=60.0, local_cost=50.0, cash_payment=40.0)
    """
    covered = contract_cover(contract, content_share, financed_share, full_content_share)
    return Cover(covered, min(local_cost, local_cost_cap * contract), contract - covered)


def with_premium(covered: float, premium_share: float) -> float:
    """Loan that pays the cover and its own premium, a share of the loan.

    >>> with_premium(90.0, 0.10)
    100.0
    """
    return covered / (1.0 - premium_share)


def export_loan(covered: float, premium_share: float, rate_per_year: float, instalments: int) -> ExportLoan:
    """Equal principal every half-year, interest on the opening balance at half the yearly rate.

    >>> export_loan(90.0, 0.10, 0.08, 2)
    ExportLoan(loan=100.0, premium=10.0, first_service=54.0, last_service=52.0, total_service=106.0)
    """
    loan = with_premium(covered, premium_share)
    principal, rate = loan / instalments, rate_per_year / HALF_YEARS
    total = loan * (1.0 + rate * (instalments + 1) / 2.0)
    return ExportLoan(loan, loan * premium_share, principal + rate * loan, principal * (1.0 + rate), total)
