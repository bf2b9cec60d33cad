"""What a project is told beside its sources: time, flows, tax, reserves, currencies. Money is nominal MUSD."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from math import isclose

import numpy as np

from planner.case.finance import HOME_CURRENCY, price_level
from planner.case.loans import QUARTERS_PER_YEAR
from planner.finance.faults import Fault
from planner.finance.kernel import Array
from planner.finance.sources import (
    EQUITY,
    EXPORT_CREDIT,
    KINDS,
    PROFILES,
    Sale,
    Spend,
    Tranche,
    paid_by,
    repayment_window,
    window,
)

FINANCING = "financing"
"""Asset class of interest, fees and premiums paid while building."""
ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class TaxTerms:
    """Tax on income and VAT; shares."""

    rate: float = 0.0
    losses_last_years: float | None = None
    """None: for ever"""
    losses_usable: float = 1.0
    """of a later income"""
    vat_on_capex: float = 0.0
    vat_on_opex: float = 0.0
    vat_on_revenue: float = 0.0
    vat_settled_after: int = 1
    """quarters"""


@dataclass(frozen=True, kw_only=True)
class Covenants:
    """Reserves and tests of a lender."""

    dsra_months: float = 0.0
    refresh_months: float = 0.0
    """over which cash is saved for spending after operation starts that no source pays"""
    interest_on_cash: float = 0.0
    """yearly"""
    lock_up_dscr: float = 0.0
    """trailing four quarters; below it nothing is distributed"""
    default_dscr: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Project:
    """Flows of a project, one entry a quarter; it ends with its last quarter."""

    start: date
    operation_from: int
    """first quarter of operation"""
    live_from: int | None = None
    """first quarter in which what is bought serves, where that is before operation: lives count from there"""
    spending: tuple[Spend, ...]
    revenue_musd: Array
    opex_musd: Array
    sources: tuple[Tranche, ...]
    life_years: Mapping[str, float]
    """asset class -> years of straight-line depreciation; ``financing`` for the costs of finance while building"""
    residual_musd: float = 0.0
    """for what is left of the assets, in the last quarter"""
    sales: tuple[Sale, ...] = ()
    """of assets before that"""
    tax: TaxTerms = field(default_factory=TaxTerms)
    covenants: Covenants = field(default_factory=Covenants)
    exchange: Mapping[str, Array] = field(default_factory=dict)
    """currency -> USD per unit, by quarter"""
    inflation: float = 0.0
    """yearly, of the price level of real figures"""

    @property
    def quarters(self) -> int:
        return len(self.revenue_musd)

    @property
    def received_musd(self) -> Array:
        """For assets, by quarter of operation: what is sold, before it with the first, and in the last what is left."""
        got = np.zeros(self.quarters)
        for sale in self.sales:
            got[self.settled_in(sale)] += sale.musd
        got[-1] += self.residual_musd
        return got

    def settled_in(self, sale: Sale) -> int:
        """Quarter in which a sale is received and its book value written off."""
        return max(sale.quarter, self.operation_from)

    def rate_of_exchange(self, currency: str) -> Array:
        return np.ones(self.quarters) if currency == HOME_CURRENCY else np.asarray(self.exchange[currency])

    @property
    def price_level(self) -> Array:
        """Of each quarter's end, 1 at the start."""
        return price_level(self.inflation, self.quarters)


def faults(project: Project) -> Iterator[Fault]:
    """Everything in a project that cannot be financed as it stands."""
    yield from _flow_faults(project)
    names = [tranche.id for tranche in project.sources]
    yield from (Fault(f"sources.{name}", "named twice") for name in set(names) if names.count(name) > 1)
    equity = sum(t.share for t in project.sources if t.kind == EQUITY)
    if abs(equity - 1.0) > ROUNDING:
        yield Fault("sources", f"shares of equity add up to {100 * equity:g} %, not 100 %")
    for tranche in project.sources:
        yield from (
            Fault(f"sources.{tranche.id}{'.' if path else ''}{path}", message)
            for path, message in (*_terms(project, tranche), *_dates(project, tranche))
        )


def _flow_faults(project: Project) -> Iterator[Fault]:
    n = project.quarters
    if not 1 <= project.operation_from < n:
        yield Fault(
            "operation_from", f"{project.operation_from} lies outside the {n} quarters after the first"
        )
    flows = {"revenue_musd": project.revenue_musd, "opex_musd": project.opex_musd}
    flows |= {f"spending.{i}": spend.musd for i, spend in enumerate(project.spending)}
    for path, values in flows.items():
        if len(values) != n or not np.isfinite(values).all() or (values < 0).any():
            yield Fault(path, f"must hold {n} amounts, none negative")
    for i, spend in enumerate(project.spending):
        if sum(spend.content.values()) > 1.0 + ROUNDING:
            yield Fault(f"spending.{i}.content", "shares of content add up to more than 100 %")
    for asset in sorted({FINANCING, *(spend.asset for spend in project.spending)} - set(project.life_years)):
        yield Fault(f"life_years.{asset}", "missing")
    yield from (Fault(f"life_years.{a}", "must be above 0") for a, y in project.life_years.items() if y <= 0)


def _terms(project: Project, tranche: Tranche) -> Iterator[tuple[str, str]]:
    if tranche.kind not in KINDS:
        yield "kind", f"{tranche.kind!r} is none of {', '.join(KINDS)}"
        return
    if not 0.0 <= tranche.share <= 1.0:
        what = "debt above 100 %" if tranche.is_debt and tranche.share > 1 else "a share"
        yield "share", f"{tranche.share:g} must lie within 0 and 1: {what}"
    for name in ("upfront", "commitment", "guarantee", "premium", "withholding"):
        if not 0.0 <= getattr(tranche.fees, name) <= 1.0 - ROUNDING:
            yield f"fees.{name}", f"{getattr(tranche.fees, name):g} must lie within 0 and 1"
    if not 0.0 <= tranche.guaranteed_share <= 1.0:
        yield "guaranteed_share", f"{tranche.guaranteed_share:g} must lie within 0 and 1"
    if tranche.amount is not None and tranche.amount < 0:
        yield "amount", f"{tranche.amount:g} must not be negative"
    if (tranche.kind == EXPORT_CREDIT) != (tranche.export is not None):
        yield "export", "rules of an agency are for an export credit, and it needs them"
    if tranche.currency != HOME_CURRENCY:
        path = project.exchange.get(tranche.currency)
        if path is None:
            yield "currency", f"no exchange path for {tranche.currency}"
        elif len(path) != project.quarters or not (np.asarray(path) > 0).all():
            yield (
                "currency",
                f"the exchange path of {tranche.currency} must hold {project.quarters} rates above 0",
            )
    if tranche.is_debt != (tranche.repayment is not None):
        yield "repayment", "missing" if tranche.is_debt else "is for debt"
    if tranche.repayment is not None:
        if tranche.repayment.profile not in PROFILES:
            yield "repayment.profile", f"{tranche.repayment.profile!r} is none of {', '.join(PROFILES)}"
        if (tranche.repayment.profile == "sculpted") != (tranche.repayment.dscr is not None):
            yield "repayment.dscr", "a cover is for sculpted debt, and it needs one"
    every = (0, project.quarters)
    if (
        tranche.kind != EQUITY
        and tranche.chosen is None
        and not any(paid.any() for paid in paid_by(tranche, project.spending, *every))
    ):
        yield "eligibility", "no spending of the project may use this source"


def _dates(project: Project, tranche: Tranche) -> Iterator[tuple[str, str]]:
    """Availability and tenor: within the project, the agency's rules, the life of every asset financed."""
    if tranche.kind == EQUITY or tranche.kind not in KINDS:
        return
    opens, closes = window(tranche, project.start, project.operation_from)
    if not 0 <= opens < closes <= project.quarters:
        yield "available_from", "the source opens outside the project or closes before it opens"
    export, terms = tranche.export, tranche.repayment
    signed = tranche.available_from or project.start
    if export is not None and export.authority_ends is not None and signed > export.authority_ends:
        yield "available_from", f"{signed} lies after the agency's authority ends, {export.authority_ends}"
    if terms is None:
        return
    if (
        export is not None
        and export.longest_tenor_years is not None
        and terms.tenor_years > export.longest_tenor_years
    ):
        yield (
            "repayment.tenor_years",
            f"{terms.tenor_years:g} exceeds the agency's {export.longest_tenor_years:g}",
        )
    first, after = repayment_window(tranche, project.start, project.operation_from)
    if first < project.operation_from or first >= after:
        yield (
            "repayment.tenor_years",
            "principal must fall due after operation starts and grace be shorter than tenor",
        )
    if terms.profile == "agreed" and (
        len(terms.instalments) != after - first or not isclose(sum(terms.instalments), 1)
    ):
        yield "repayment.instalments", f"must hold {after - first} shares that add up to 1"
    if after > project.quarters:
        yield "repayment.tenor_years", "the last instalment lies after the last quarter of the project"
    if tranche.chosen is not None:
        return  # the plan draws for nothing that lives shorter than the debt
    live = project.operation_from if project.live_from is None else project.live_from
    for asset, ends in asset_ends(tranche, project.spending, live, project.life_years):
        if after > ends + ROUNDING:
            yield (
                "repayment.tenor_years",
                f"tenor beyond the useful life of {asset}, {project.life_years[asset]:g} years",
            )


def asset_ends(
    tranche: Tranche, spending: tuple[Spend, ...], live_from: int, life_years: Mapping[str, float]
) -> Iterator[tuple[str, float]]:
    """Class and last quarter of life of what a source finances: from its first use, or from when things go live."""
    every = (0, len(spending[0].musd) if spending else 0)
    for paid, spend in zip(paid_by(tranche, spending, *every), spending, strict=True):
        if paid.any() and spend.asset in life_years:
            begins = max(live_from, int(np.flatnonzero(paid)[0]) + 1)
            yield spend.asset, begins + life_years[spend.asset] * QUARTERS_PER_YEAR
