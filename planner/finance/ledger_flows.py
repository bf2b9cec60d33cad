"""From a plan's ledger to the flows of a project: what is bought, what it costs to run, what is left at the end.

The ledger is real; flows are nominal: every amount is raised by the price level of its quarter's end. Costs before
operation, such as teams and licences of a stack, are capital: asset class ``development``. What contracts still cost
after the horizon is due in the last quarter, with what assets are then worth; what is sold again before is received by then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from planner.case.content import PLACE, content_of
from planner.case.draws import DRAWN, GRANT_DRAWN
from planner.case.finance import borne_by, price_level
from planner.case.limits import PARTNER
from planner.case.periods import Calendar
from planner.case.registry import NO_OUTLAY, SETTLED
from planner.facts.catalog import Catalog
from planner.facts.errors import BadValue
from planner.finance.kernel import Array
from planner.finance.sources import MONTHS_PER_QUARTER, Sale, Spend

DEVELOPMENT = "development"
CAPEX, PHYSICAL, GRANT, SOLD = "capex", "physical", "grant", "sold"
THING = ["account", "h", "asset_class"]
"""Columns of the ledger that say what is sold again, as far as they do."""


@dataclass(frozen=True)
class PlanFlows:
    """Nominal MUSD by quarter, for the fields of a ``Project`` of the same names."""

    start: date
    operation_from: int
    spending: tuple[Spend, ...]
    opex_musd: Array
    residual_musd: float
    sales: tuple[Sale, ...]
    grants_musd: Array
    chosen: Mapping[str, Mapping[tuple[str, str, str, str], Array]]
    """optional source -> what the plan draws of it for each line of spending (``Spend.key``), premiums included"""
    price_level: Array


def borne(ledger: pd.DataFrame, payers: Mapping[str, str]) -> pd.DataFrame:
    """The partner's lines of the ledger with their payer in the words of finance; ``payers``: host -> payer.

    What operators invest for a contract is no part of the project: its rent pays for it.
    """
    own = ledger[ledger["payer"] == PARTNER]
    return own.assign(payer=borne_by(own["payer"], own["h"], payers))


@dataclass(frozen=True)
class Quarters:
    """Periods of a plan as quarters of nominal money."""

    calendar: Calendar
    inflation: float

    @property
    def count(self) -> int:
        return self.calendar.n_steps * self.calendar.step_months // MONTHS_PER_QUARTER

    @property
    def level(self) -> Array:
        """Price level of each quarter's end, 1 at the start."""
        return price_level(self.inflation, self.count)

    def of_period(self, t: int) -> int:
        """The quarter in which a period begins."""
        return self.calendar.step_of(t) * self.calendar.step_months // MONTHS_PER_QUARTER

    def real(self, rows: pd.DataFrame, column: str = "musd") -> Array:
        """A column by quarter: months added up, longer periods spread evenly."""
        by_period = rows.groupby("t")[column].sum().reindex(range(self.calendar.n), fill_value=0.0)
        months = np.repeat(by_period.to_numpy(float) / self.calendar.months, self.calendar.months)
        return np.asarray(months.reshape(self.count, MONTHS_PER_QUARTER).sum(axis=1))

    def level_of(self, rows: pd.DataFrame, column: str) -> Array:
        """Sum over the steps of each quarter of what a column is in them."""
        return self.real(
            rows.assign(**{column: rows[column] * self.calendar.steps[rows["t"].to_numpy(int)]}), column
        )

    def nominal(self, rows: pd.DataFrame) -> Array:
        return self.real(rows) * self.level


def flows_of(
    ledger: pd.DataFrame,
    quarters: Quarters,
    operation_from: int,
    country: Mapping[str, str],
    home: str,
    catalog: Catalog,
) -> PlanFlows:
    """Flows of all payers of a project.

    ``ledger``: t, kind, account, asset_class, k, supplier, payer (as ``borne`` gives it), p, musd. ``country``: site ->
    ISO3; what has no site stands at ``home``. Content is that of the accounts of a thing, by value (table ``content``).
    Raises BadValue where nothing lies before operation.
    """
    if not 1 <= operation_from < quarters.count:
        raise BadValue("finance needs operation to start after the first quarter and before the last")
    own = ledger[ledger["kind"] != PHYSICAL]
    asset = own["asset_class"].where(own["asset_class"] != "", DEVELOPMENT)
    own = own.assign(asset=asset, country=own["p"].map(country).fillna(home))
    running, bought = own[~own["kind"].isin([CAPEX, GRANT, *NO_OUTLAY])], own[own["kind"] == CAPEX]
    before = np.arange(quarters.count) < operation_from
    spending = [
        Spend(asset=asset, musd=quarters.nominal(rows), payer=payer, country=country, system=system,
              content=_content(rows, country, catalog))
        for (asset, payer, country, system), rows in bought.groupby(["asset", "payer", "country", "k"])
    ]  # fmt: skip
    spending += [
        Spend(asset=DEVELOPMENT, musd=np.where(before, quarters.nominal(rows), 0.0), payer=payer, country=country)
        for (payer, country), rows in running.groupby(["payer", "country"])
    ]  # fmt: skip
    settled = own[own["kind"].isin(SETTLED)]
    at_end = settled["t"] == quarters.calendar.n
    return PlanFlows(
        start=quarters.calendar.start,
        operation_from=operation_from,
        spending=tuple(_positive(spending)),
        opex_musd=np.where(before, 0.0, quarters.nominal(running)),
        residual_musd=-float(settled.loc[at_end, "musd"].sum()) * float(quarters.level[-1]),
        sales=tuple(_sales(settled[~at_end], bought, quarters)),
        grants_musd=-quarters.nominal(own[own["kind"] == GRANT]),
        chosen=_chosen(own, quarters),
        price_level=quarters.level,
    )


def _sales(sold: pd.DataFrame, bought: pd.DataFrame, quarters: Quarters) -> Iterator[Sale]:
    """What is sold again by place and quarter, with what was paid for it: lines of capital of the same kind before.

    The ledger does not say which line is sold when: where a place sells on several days, each takes of a line before
    it what its price is of all prices still to come.
    """
    for key, rows in sold.groupby(THING):
        lines = bought[(bought[THING] == list(key)).all(axis=1)]
        price = -rows.groupby("t")["musd"].sum()
        to_come = np.array([price[price.index > t].sum() for t in lines["t"]])
        for t, musd in price.items():
            part = np.where(lines["t"] < t, lines["musd"] * musd / to_come, 0.0)
            paid = quarters.nominal(lines.assign(musd=part))
            got = quarters.nominal(pd.DataFrame({"t": [t], "musd": [musd]}))
            for q in np.flatnonzero(got):
                share = got[q] / quarters.level[q] / musd
                yield Sale(asset=str(key[-1]), quarter=int(q), musd=float(got[q]), bought=share * paid)


def _chosen(own: pd.DataFrame, quarters: Quarters) -> dict[str, dict[tuple[str, str, str, str], Array]]:
    """Draws by source and line of spending; a draw's line of the ledger names the class of asset that it pays for."""
    drawn = own[own["account"].isin([DRAWN, GRANT_DRAWN])]
    found: dict[str, dict[tuple[str, str, str, str], Array]] = {}
    for (source, *key), rows in drawn.groupby(["supplier", "asset_class", "payer", "country", "k"]):
        found.setdefault(source, {})[tuple(key)] = -quarters.nominal(rows)
    return found


def _content(rows: pd.DataFrame, here: str, catalog: Catalog) -> dict[str, float]:
    """Country -> share of the value of these rows that is made there."""
    found: dict[str, float] = {}
    total = float(rows["musd"].sum())
    for (account, system), musd in rows.groupby(["account", "k"])["musd"].sum().items():
        for row in content_of(catalog, account, system).itertuples():
            country = here if row.country == PLACE else str(row.country)
            found[country] = found.get(country, 0.0) + float(row.share) * float(musd) / total
    return found


def _positive(spending: list[Spend]) -> list[Spend]:
    return [spend for spend in spending if (spend.musd > 0).any()]
