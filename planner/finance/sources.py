"""Who pays: sources of capital as data, and how much of which spending each of them may finance.

Shares and rates are fractions, rates and fees yearly. Amounts of a source are in millions of its own currency.
Every number is the user's or the catalog's (table finance_terms); the defaults here mean "not asked for".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from planner.case.finance import HOME_CURRENCY
from planner.case.loans import QUARTERS_PER_YEAR, Fees
from planner.case.periods import STEP_MONTHS, quarter_of
from planner.finance.export_credit import contract_cover
from planner.finance.faults import FinanceError
from planner.finance.kernel import Array

MONTHS_PER_QUARTER = STEP_MONTHS["quarter"]
GRANT, EQUITY, LOAN, EXPORT_CREDIT, LEASE = "grant", "equity", "loan", "export-credit", "lease"
KINDS = (GRANT, EQUITY, LOAN, EXPORT_CREDIT, LEASE)
PROFILES = ("level", "equal-principal", "sculpted", "agreed")


@dataclass(frozen=True, kw_only=True)
class Spend:
    """What is bought: nominal MUSD by quarter, by asset class, payer, place and origin of its content."""

    asset: str
    musd: Array
    payer: str = ""
    country: str = ""
    """where it stands"""
    content: Mapping[str, float] = field(default_factory=dict)
    """country -> share of the value made there"""
    system: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.asset, self.payer, self.country, self.system


@dataclass(frozen=True, kw_only=True)
class Sale:
    """Assets sold before the project ends: what they fetch in a quarter, and what was paid for them, nominal MUSD."""

    asset: str
    quarter: int
    musd: float
    bought: Array
    """by quarter, a part of the spending of the asset class"""


@dataclass(frozen=True, kw_only=True)
class Eligibility:
    """What a source may finance; an empty tuple allows all."""

    assets: tuple[str, ...] = ()
    payers: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    content_from: tuple[str, ...] = ()
    least_content: float = 0.0
    """share of value from ``content_from`` that a thing must have"""
    costs_of_finance: bool = True
    """also interest and fees while building, VAT and the first reserve, in the share it pays of all spending by then"""

    def allows(self, spend: Spend) -> bool:
        """Whether a source may finance a thing at all."""
        pairs = ((self.assets, spend.asset), (self.payers, spend.payer), (self.countries, spend.country))
        if any(allowed and value not in allowed for allowed, value in pairs):
            return False
        return self.content_of(spend) >= self.least_content

    def content_of(self, spend: Spend) -> float:
        """Share of a thing's value from the countries named; all of it where none is."""
        if not self.content_from:
            return 1.0
        return sum(spend.content.get(country, 0.0) for country in self.content_from)


@dataclass(frozen=True, kw_only=True)
class Repayment:
    """How a loan is repaid once its availability ends."""

    tenor_years: float
    """from the end of availability to the last instalment"""
    profile: str = "level"
    grace_years: float = 0.0
    """of interest only, within the tenor"""
    balloon: float = 0.0
    """share left for the last instalment: a refinancing, or a lease's purchase option"""
    dscr: float | None = None
    """cover that sculpted debt leaves together with all debt before it"""
    instalments: tuple[float, ...] = ()
    """of an agreed profile: share of the debt that falls due in each quarter after grace"""
    sweep: float = 0.0
    """share of the cash left after debt service and reserves that prepays this loan"""


@dataclass(frozen=True, kw_only=True)
class ExportTerms:
    """An agency's rules, beside those of the loan."""

    financed_share: float
    full_content_share: float | None = None
    """content from which the whole financed share is covered; below it, and where None, content counts"""
    local_assets: tuple[str, ...] = ()
    local_cost_cap: float = 0.0
    """of the export contract"""
    longest_tenor_years: float | None = None
    authority_ends: date | None = None
    """last day on which the agency may commit"""


@dataclass(frozen=True, kw_only=True)
class Tranche:
    """One source of capital.

    ``share`` is of the cost of what it may finance (of an export contract's cover, for an export credit; of what
    the other sources leave, for equity). ``amount`` caps it. Debt is the least of its caps.
    """

    id: str
    kind: str
    share: float = 1.0
    amount: float | None = None
    currency: str = HOME_CURRENCY
    base_rate: float = 0.0
    margin: float = 0.0
    available_from: date | None = None
    """None: from the start"""
    available_until: date | None = None
    """None: until operation starts"""
    eligibility: Eligibility = field(default_factory=Eligibility)
    fees: Fees = field(default_factory=Fees)
    repayment: Repayment | None = None
    export: ExportTerms | None = None
    guaranteed_share: float = 0.0
    """of the balance, that the state owes should the borrower not pay"""
    chosen: Mapping[tuple[str, str, str, str], Array] | None = None
    """``Spend.key`` -> MUSD that the plan chose to draw for it by quarter, less the premium; None: what its share allows"""

    draws: Array | None = None
    """amounts by quarter that were signed for, in the source's currency; None: what it may pay, to the least cap"""

    @property
    def is_debt(self) -> bool:
        return self.kind not in (GRANT, EQUITY)

    @property
    def rate_per_quarter(self) -> float:
        return (self.base_rate + self.margin) / QUARTERS_PER_YEAR

    @property
    def cost_per_quarter(self) -> float:
        """Interest, tax made good on it and guarantee fee, on the balance."""
        return self.rate_per_quarter * (1.0 + self.fees.gross_up) + self.fees.guarantee / QUARTERS_PER_YEAR


def premium_of(country: str, categories: Mapping[str, int], by_category: Mapping[int, float]) -> float:
    """An agency's premium for a country by its risk category.

    Raises FinanceError where the country has no category or the category no premium.

    >>> premium_of("KAZ", {"KAZ": 5}, {5: 0.0176})
    0.0176
    """
    if country not in categories:
        raise FinanceError.single("country", f"{country} has no country risk category")
    if categories[country] not in by_category:
        raise FinanceError.single("premium", f"no premium for country risk category {categories[country]}")
    return by_category[categories[country]]


def financed_shares(tranche: Tranche, spending: tuple[Spend, ...]) -> list[float]:
    """Share of each line of spending that the source pays when none of its caps binds."""
    allowed = [tranche.eligibility.allows(spend) for spend in spending]
    if tranche.export is None:
        return [tranche.share * ok for ok in allowed]
    return _covered_shares(tranche, tranche.export, spending, allowed)


def paid_by(tranche: Tranche, spending: tuple[Spend, ...], first: int, after: int) -> list[Array]:
    """MUSD of each line of spending, by quarter, that a source open between two quarters pays when no cap binds."""
    if tranche.chosen is not None:
        none = np.zeros(len(spending[0].musd) if spending else 0)
        return [np.minimum(tranche.chosen.get(s.key, none), s.musd) for s in spending]
    paid = []
    for share, spend in zip(financed_shares(tranche, spending), spending, strict=True):
        part = np.zeros(len(spend.musd))
        part[first:after] = share * spend.musd[first:after]
        paid.append(part)
    return paid


def _covered_shares(
    tranche: Tranche, terms: ExportTerms, spending: tuple[Spend, ...], allowed: list[bool]
) -> list[float]:
    """An export credit's share of each line: of goods by the content of the whole contract, of local cost by its cap."""
    local = [ok and s.asset in terms.local_assets for ok, s in zip(allowed, spending, strict=True)]
    goods = [ok and not at_home for ok, at_home in zip(allowed, local, strict=True)]
    totals = [float(s.musd.sum()) for s in spending]
    contract = sum(x for x, ok in zip(totals, goods, strict=True) if ok)
    local_cost = sum(x for x, ok in zip(totals, local, strict=True) if ok)
    content = sum(
        tranche.eligibility.content_of(s) * x for s, x, ok in zip(spending, totals, goods, strict=True) if ok
    )
    of_goods = (
        contract_cover(1.0, content / contract, terms.financed_share, terms.full_content_share)
        if contract
        else 0
    )
    of_local = min(1.0, terms.local_cost_cap * contract / local_cost) if local_cost else 0.0
    return [
        tranche.share * (of_goods if is_good else of_local if at_home else 0.0)
        for is_good, at_home in zip(goods, local, strict=True)
    ]


def window(tranche: Tranche, start: date, operation_from: int) -> tuple[int, int]:
    """First quarter in which the source may be drawn, and the first in which it may no longer."""
    first = 0 if tranche.available_from is None else quarter_of(tranche.available_from, start)
    last = (
        operation_from - 1 if tranche.available_until is None else quarter_of(tranche.available_until, start)
    )
    return first, last + 1


def repayment_window(tranche: Tranche, start: date, operation_from: int) -> tuple[int, int]:
    """Quarter of the first instalment of principal, and the first quarter after the last."""
    if tranche.repayment is None:
        return 0, 0
    closes = window(tranche, start, operation_from)[1]
    grace = round(tranche.repayment.grace_years * QUARTERS_PER_YEAR)
    return closes + grace, closes + round(tranche.repayment.tenor_years * QUARTERS_PER_YEAR)


def by_quarter(spending: tuple[Spend, ...], quarters: int) -> Array:
    """All spending, MUSD by quarter."""
    return np.sum([s.musd for s in spending], axis=0) if spending else np.zeros(quarters)
