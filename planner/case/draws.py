"""Sources whose draws the plan chooses (``optional``): when they may be drawn, what a draw costs, what it may pay for.

A draw is in real MUSD, premium included; it is lent and repaid in nominal money of the source's currency. The project
ends with the horizon, as in its statements: what is then owed is repaid in its last quarter, so that no loan is worth more
for ending later. Arithmetic of loans: ``planner.case.loans``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.case.content import PLACE, content_of
from planner.case.finance import (
    country_premium,
    exchange_rate,
    filled,
    inflation_of,
    lives_of,
    price_level,
    risk_class_of,
)
from planner.case.loans import QUARTERS_PER_YEAR, Array, Fees, instalments, service_of
from planner.case.periods import STEP_MONTHS, Calendar, add_months, quarter_of
from planner.case.registry import CLASSES, HARDWARE, PURCHASE
from planner.facts.catalog import Catalog
from planner.scenario.finance import Source
from planner.scenario.schema import Scenario

GRANT, EXPORT_CREDIT = "grant", "export-credit"
UNPLANNED = ("equity",)
MOST_GIVEN = 0.99
"""Share of what a thing costs over the horizon that sources may give for it: were it all, what is not needed would be free,
and plans would buy it.
"""
EVERY_CHOICE_OF = 4
"""Sources of which every choice is looked at where purchases of a class cost unlike shares of their price; of more of them
each alone, every two and all.
"""
MONTHS = STEP_MONTHS["quarter"]
DRAWN, GRANT_DRAWN, COST, REPAID = "draw", "grant-drawn", "debt-cost", "debt-repaid"
"""Accounts of the ledger."""


@dataclass(frozen=True, kw_only=True)
class OptionalSource:
    """A source the plan may draw: quarters from the horizon's start, rates a quarter, paths by quarter."""

    id: str
    terms: Source
    """with every field filled in"""
    opens: int
    closes: int
    """first quarter in which it may no longer be drawn"""
    rate: float
    fees: Fees
    instalments: Array
    """share of the debt due in each quarter from ``closes`` on; none for a grant"""
    exchange: Array
    level: Array
    calendar: Calendar
    tenor_cap: str = ""
    """what a tenor that is not written is the length of; empty where it is written"""

    @property
    def is_grant(self) -> bool:
        return self.terms.kind == GRANT

    @property
    def periods(self) -> list[int]:
        """Periods that lie within its availability."""
        quarters = ((t, self.quarters_of(t)) for t in range(self.calendar.n))
        return [t for t, (first, after) in quarters if self.opens <= first and after <= self.closes]

    def quarters_of(self, t: int) -> tuple[int, int]:
        """First quarter of a period, and the first after it; of a month the quarter that holds it."""
        first = self.calendar.step_of(t) * self.calendar.step_months // MONTHS
        return first, max(first + 1, self.calendar.step_of(t + 1) * self.calendar.step_months // MONTHS)

    def repaid_by(self) -> int:
        """First quarter after the last instalment."""
        due = np.flatnonzero(self.instalments)
        return self.closes + int(due[-1]) + 1 if len(due) else 0

    def share_of_price(self, t: int, life_years: float) -> float:
        """Most that it may pay of what falls due for a thing in period t; an agency covers a share of all goods of a period.

        A grant is repaid in proportion where a thing does not serve for ``kept_years``: what it would take back is not
        drawn. A thing serves for its life, and no longer than to the end of the horizon, with which the project ends. What
        falls due in a longer period does so evenly over its quarters.
        """
        if self.terms.kind == EXPORT_CREDIT:
            return 1.0
        share = 1.0 if self.terms.share is None else self.terms.share
        kept = (self.terms.kept_years or 0.0) * QUARTERS_PER_YEAR
        if not kept:
            return share
        served = np.minimum(len(self.level) - np.arange(*self.quarters_of(t)), life_years * QUARTERS_PER_YEAR)
        return share * float(np.minimum(1.0, served / kept).mean())

    def lent(self, t: int) -> Array:
        """A real dollar drawn in period t, by quarter in nominal units of the source's currency."""
        first, after = self.quarters_of(t)
        units = np.zeros(len(self.level))
        units[first:after] = self.level[first:after] / self.exchange[first:after] / (after - first)
        return units

    def lines(self, t: int) -> pd.DataFrame:
        """account, t, musd: what a real dollar drawn in period t books, by period, real."""
        if self.is_grant:
            return pd.DataFrame([(GRANT_DRAWN, t, -1.0)], columns=["account", "t", "musd"])
        cost, repaid = np.zeros(len(self.level)), np.zeros(len(self.level))
        for q, units in enumerate(self.lent(t)):
            if units:
                due = service_of(
                    q, self.opens, self.closes, self.rate, self.fees, self.instalments, len(self.level)
                )
                cost += units * due.cost
                repaid += units * due.principal
        rows = [(DRAWN, t, -1.0), (COST, t, self.fees.premium)]
        for account, paid in ((COST, cost), (REPAID, repaid)):
            real = paid * self.exchange / self.level
            rows += [(account, self._period_of(q), musd) for q, musd in enumerate(real)]
        table = pd.DataFrame(rows, columns=["account", "t", "musd"])
        table = table.groupby(["account", "t"], as_index=False, sort=False)["musd"].sum()
        return table[table["musd"] != 0]

    def _period_of(self, q: int) -> int:
        """The period in which a quarter ends."""
        return self.calendar.period_of(((q + 1) * MONTHS - 1) // self.calendar.step_months)

    def may_finance(self, asset: str, payer: str, country: str, t: int, life_years: float) -> bool:
        """Whether it may pay for an asset in period t; life, from the next period on, must last until the debt is repaid."""
        lives_until = self.quarters_of(t)[1] + life_years * QUARTERS_PER_YEAR
        return self.terms.may_finance(asset, payer, country) and self.repaid_by() <= lives_until


def optional_sources(scenario: Scenario, catalog: Catalog) -> tuple[OptionalSource, ...]:
    """The sources of a scenario whose draws the plan chooses."""
    return tuple(_source(s, scenario, catalog) for s in scenario.finance.sources if s.optional)


def _source(given: Source, scenario: Scenario, catalog: Catalog) -> OptionalSource:
    terms, calendar = filled(given, catalog)[0], Calendar.of(scenario.horizon, scenario.existing)
    quarters = calendar.n_steps * calendar.step_months // MONTHS
    opens = max(0, quarter_of(terms.from_, calendar.start)) if terms.from_ else 0
    closes = min(quarters, quarter_of(terms.until, calendar.start) + 1) if terms.until else quarters
    tenor, cap = tenor_of(terms, quarters - closes, lives_of(scenario.finance.life_years, catalog))
    premium = terms.premium_share
    if premium is None and terms.kind == EXPORT_CREDIT:
        years = tenor + (closes - opens) / QUARTERS_PER_YEAR / 2.0
        premium = country_premium(risk_class_of(scenario.country, catalog), years, catalog)
    rate = ((terms.base_rate_per_year or 0.0) + (terms.margin_per_year or 0.0)) / QUARTERS_PER_YEAR
    days = [add_months(calendar.start, MONTHS * (q + 1)) for q in range(quarters)]
    return OptionalSource(
        id=given.id, terms=terms.model_copy(update={"tenor_years": tenor}), opens=opens, closes=closes, rate=rate,
        fees=fees_of(terms, premium or 0.0),
        instalments=np.zeros(0) if terms.kind == GRANT else instalments(
            str(terms.profile), rate, round((terms.grace_years or 0.0) * QUARTERS_PER_YEAR),
            round(tenor * QUARTERS_PER_YEAR), terms.balloon_share or 0.0, quarters - closes,
        ),
        exchange=np.array([exchange_rate(scenario.finance, str(terms.currency), day, catalog) for day in days]),
        level=price_level(inflation_of(scenario.finance, catalog), quarters), calendar=calendar, tenor_cap=cap,
    )  # fmt: skip


def tenor_of(terms: Source, left: int, lives: Mapping[str, float]) -> tuple[float, str]:
    """Tenor of an optional source, years, and the cap it is; the cap is empty where the tenor is written.

    ``left``: quarters of the horizon once the source has closed. ``lives``: useful life of every asset class, years.
    """
    if terms.tenor_years is not None:
        return terms.tenor_years, ""
    caps = {"what is left of the horizon": left / QUARTERS_PER_YEAR}
    for name in sorted(x for x in CLASSES & set(lives) if terms.may_finance(x)):
        caps[f"the useful life of {name}"] = lives[name]
    if terms.longest_tenor_years is not None:
        caps["the longest that is given"] = terms.longest_tenor_years
    return least_tenor(caps)


def least_tenor(caps: Mapping[str, float]) -> tuple[float, str]:
    """The least of the caps of a tenor, in whole quarters and one at least, years; and which it is.

    >>> least_tenor({"life": 4.6, "horizon": 8.0})
    (4.5, 'life')
    """
    why = min(caps, key=lambda name: caps[name])
    return int(max(1.0, caps[why] * QUARTERS_PER_YEAR)) / QUARTERS_PER_YEAR, why


def fees_of(terms: Source, premium: float) -> Fees:
    """Fees of a filled source."""
    return Fees(
        upfront=terms.upfront_fee_share or 0.0, commitment=terms.commitment_fee_per_year or 0.0,
        guarantee=terms.guarantee_fee_per_year or 0.0, premium=premium, withholding=terms.withholding_share or 0.0,
    )  # fmt: skip


def serves_years(scenario: Scenario, catalog: Catalog, asset: str, k: str) -> float:
    """Years that a thing of an asset class serves: the useful life of the class, of a system no more than its own."""
    years = lives_of(scenario.finance.life_years, catalog)[asset]
    systems = catalog.table("systems")["economic_life_years"]
    return min(years, float(systems[k])) if k in systems.index else years


def most_given(offers: Iterable[tuple[float, float, float]], free: float) -> float:
    """The most that sources give away of a dollar of capital, at their shares of it and ``free`` of it in all.

    offers: by source what a dollar drawn is worth less its debt service, what of it pays for things, its share at most.

    >>> round(most_given([(1.0, 1.0, 0.3), (0.08, 0.9, 0.8)], 1.0), 4)  # a grant of 30 %, then a loan for the rest
    0.3622
    """
    given, left = 0.0, free
    for gain, net, share in sorted(offers, key=lambda offer: -offer[0] / offer[1]):
        part = min(left, share)
        given, left = given + part * gain / net, left - part
    return given


def taken_share(scenario: Scenario, catalog: Catalog, asset: str, payer: str, country: str) -> float:
    """Share of an asset that sources drawn in full may pay, whatever their caps: no other source may pay it too."""
    total = 0.0
    for given in scenario.finance.sources:
        s = filled(given, catalog)[0]
        if not s.optional and s.kind not in UNPLANNED and s.may_finance(asset, payer, country):
            total += (s.share or 0.0) * (s.financed_share or 0.0 if s.kind == EXPORT_CREDIT else 1.0)
    return min(1.0, total)


def content_share(
    catalog: Catalog, hardware: pd.DataFrame, account: str, h: str, k: str, here: str, countries: list[str]
) -> float:
    """Share of what is booked on an account that is made in some countries; 1 where none is named.

    ``hardware``: share of the price of a system by account, of which the model books the whole on one.
    """
    if not countries:
        return 1.0
    parts = {account: 1.0}
    if account == PURCHASE["orders"].account:
        parts = {name: float(hardware.at[(h, k), name]) for name in HARDWARE}
    total = 0.0
    for name, part in parts.items():
        made = content_of(catalog, name, k)
        where = made["country"].replace(PLACE, here)
        total += part * float(made.loc[where.isin(countries), "share"].sum())
    return total
