"""The section ``finance``: who pays, with whose money, for what return, in which prices and currencies.

Shares and rates are fractions (0.08 = 8 %), rates and fees yearly. What is left out of a source is filled from its
preset and then from the defaults of its kind (catalog table ``finance_presets``); every filled value is listed.
"""

# ruff: noqa: RUF012 (pydantic copies the defaults of fields)

from __future__ import annotations

import itertools
from datetime import date
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from planner.scenario.record import Id, Iso3, NonNegative, Positive, Record, Share

Payer = Literal["state", "champion", "venture", "provider"]
PAYERS: tuple[str, ...] = get_args(Payer)
SourceKind = Literal["grant", "equity", "loan", "export-credit", "lease"]
Profile = Literal["level", "equal-principal", "sculpted"]
ContractKind = Literal["availability", "take-or-pay", "usage", "tokens", "budget"]
EventKind = Literal[
    "capex", "opex", "price", "utilisation", "rate", "currency", "residual", "off-taker", "export-credit-lapsed",
    "grid-late", "licence-late", "licence-lost",
]  # fmt: skip
Currency3 = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Rate = Annotated[float, Field(gt=-1, le=1)]
Inflation = Annotated[float, Field(ge=-0.2, le=1)]
"""A year: from the worst deflation on record of a whole economy, with room, to where a plan in money says little."""
Years = Annotated[float, Field(gt=0, le=60)]


class Grant(Record):
    id: Id
    payer: str
    date: date
    musd: Positive


class PayerRule(Record):
    """Hosts whose costs a payer bears. A host named here comes before its owner class."""

    payer: Payer
    hosts: list[Id] | None = None
    owner_classes: list[Id] | None = None


class Source(Record):
    """A tranche of capital: what it may finance, up to what share or amount, at what price, repaid how.

    ``optional``: the plan decides what is drawn of it, up to its limits; else it is drawn in full.
    """

    id: Id
    optional: bool = False
    preset: Id | None = None
    kind: SourceKind | None = None
    share: NonNegative | None = None
    amount_m: NonNegative | None = None
    kept_years: Annotated[float, Field(ge=0, le=60)] | None = None
    currency: Currency3 | None = None
    from_: Annotated[date | None, Field(alias="from")] = None
    until: date | None = None
    assets: list[Id] | None = None
    payers: list[Payer] | None = None
    countries: list[Iso3] | None = None
    content_from: list[Iso3] | None = None
    least_content_share: Share | None = None
    costs_of_finance: bool | None = None
    base_rate_per_year: Rate | None = None
    margin_per_year: Rate | None = None
    upfront_fee_share: Annotated[float, Field(ge=0, lt=1)] | None = None
    commitment_fee_per_year: Share | None = None
    guarantee_fee_per_year: Share | None = None
    premium_share: Annotated[float, Field(ge=0, lt=1)] | None = None
    withholding_share: Annotated[float, Field(ge=0, lt=1)] | None = None
    tenor_years: Years | None = None
    grace_years: NonNegative | None = None
    profile: Profile | None = None
    balloon_share: Annotated[float, Field(ge=0, lt=1)] | None = None
    dscr: Annotated[float, Field(ge=1, le=10)] | None = None
    sweep_share: Share | None = None
    financed_share: Share | None = None
    full_content_share: Share | None = None
    local_assets: list[Id] | None = None
    local_cost_share: Share | None = None
    longest_tenor_years: Years | None = None
    authority_ends: date | None = None
    guaranteed_share: Share | None = None

    def may_finance(self, asset: str, payer: str | None = None, country: str | None = None) -> bool:
        """Whether it is open to an asset class, and to a payer and a country where they are named; none listed is all."""
        named = ((self.assets, asset), (self.payers, payer), (self.countries, country))
        return all(not listed or value is None or value in listed for listed, value in named)


class Revenue(Record):
    """A contract that pays the project: for capacity, for use, or a line of the state's budget."""

    id: Id
    kind: ContractKind
    price_usd: Positive | None = None
    musd_per_year: Positive | None = None
    workloads: list[Id] | None = None
    from_: Annotated[date | None, Field(alias="from")] = None
    until: date | None = None
    floor_share: Share = 1.0
    target_availability: Share = 1.0
    availability: Share = 1.0
    deduction: NonNegative = 1.0
    indexed_share: Share = 0.0

    @model_validator(mode="after")
    def _paid_for(self) -> Revenue:
        wanted, other = (
            ("musd_per_year", "price_usd") if self.kind == "budget" else ("price_usd", "musd_per_year")
        )
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            raise ValueError(f"a contract of kind {self.kind} states {wanted}, and no {other}")
        return self


class Tax(Record):
    rate: Annotated[float, Field(ge=0, lt=1)] | None = None
    losses_last_years: Positive | None = None
    losses_usable_share: Share = 1.0
    vat_on_capex: Annotated[float, Field(ge=0, lt=1)] | None = None
    vat_on_opex: Annotated[float, Field(ge=0, lt=1)] | None = None
    vat_on_revenue: Annotated[float, Field(ge=0, lt=1)] | None = None
    vat_settled_after_quarters: Annotated[int, Field(ge=0, le=8)] = 1


class ExchangePoint(Record):
    at: date
    usd_per_unit: Positive


class ExchangePath(Record):
    """Dollars per unit of a currency: straight lines between points, constant before and after."""

    currency: Currency3
    points: Annotated[list[ExchangePoint], Field(min_length=1)]

    @model_validator(mode="after")
    def _dates_rise(self) -> ExchangePath:
        if any(b.at <= a.at for a, b in itertools.pairwise(self.points)):
            raise ValueError("dates of a path must rise")
        return self


class Currency(Record):
    shown: Currency3 = "USD"
    paths: list[ExchangePath] = []


class Covenants(Record):
    """What lenders ask for beside repayment."""

    dsra_months: Annotated[float, Field(ge=0, le=24)] | None = None
    refresh_months: Annotated[float, Field(ge=0, le=60)] | None = None
    interest_on_cash_per_year: Share | None = None
    lock_up_dscr: NonNegative | None = None
    default_dscr: NonNegative | None = None


class Downside(Record):
    """An event that a plan is tested against; a share of what it changes, a rate, or months of delay."""

    id: Id
    what: EventKind
    size: Positive
    from_: Annotated[date | None, Field(alias="from")] = None


class Finance(Record):
    """Money from others, and what is left on the horizon's end.

    ``residual``: ``market`` values servers and movable plant as used goods and the rest by straight line,
    ``straight-line`` all by straight line, ``none`` nothing. ``relet_share_...``: rent that contracts still running
    then fetch when they are let on.
    """

    grants: list[Grant] = []
    residual: Literal["market", "straight-line", "none"] = "market"
    relet_share_accelerators: Share | None = None
    relet_share_halls: Share | None = None
    payers: list[PayerRule] = []
    sources: list[Source] = []
    revenue: list[Revenue] = []
    target_dscr: Annotated[float, Field(ge=1, le=10)] | None = None
    target_equity_irr: Annotated[float, Field(gt=0, le=1)] | None = None
    operation_from: date | None = None
    life_years: dict[Id, Positive] = {}
    tax: Tax = Tax()
    inflation_per_year: Inflation | None = None
    currency: Currency = Currency()
    covenants: Covenants = Covenants()
    downsides: list[Downside] = []

    @model_validator(mode="after")
    def _one_target(self) -> Finance:
        if self.target_dscr is not None and self.target_equity_irr is not None:
            raise ValueError("a price meets one target: target_dscr or target_equity_irr")
        return self
