"""Finance as written, made complete: each source filled from its preset and its kind, each default listed.

The catalog's tables: ``finance_presets`` (field by field, a value or a row of ``finance_terms``), ``minimum_premiums``,
``exchange_rates``, ``downside_cases``, and ``owner_classes`` for who pays for a host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from planner.case.columns import records
from planner.case.limits import PARTNER
from planner.case.loans import QUARTERS_PER_YEAR
from planner.facts.catalog import Catalog
from planner.scenario.finance import Downside, Finance, PayerRule, Source
from planner.scenario.schema import Host

HOME_CURRENCY = "USD"
STATE, PROVIDER = "state", "provider"
CLOUD = "cloud"
LOAN, SCULPTED, SIZING_DSCR = "loan", "sculpted", "project-finance-sizing-dscr"
COUNTRY_PREMIUM = "country-premium"
"""Value of a preset's premium that follows the risk class of the country."""
UNITS = {"%": 0.01, "%/year": 0.01, "bp": 1e-4, "bp/year": 1e-4, "x": 1.0, "years": 1.0, "MUSD": 1.0}
LISTS = ("assets", "payers", "countries", "content_from", "local_assets")
MONTHS_PER_YEAR = 12.0
NEUTRAL: dict[str, Any] = {
    "share": 1.0, "currency": HOME_CURRENCY, "assets": [], "payers": [], "countries": [], "content_from": [],
    "least_content_share": 0.0, "costs_of_finance": True, "base_rate_per_year": 0.0, "margin_per_year": 0.0,
    "upfront_fee_share": 0.0, "commitment_fee_per_year": 0.0, "guarantee_fee_per_year": 0.0, "premium_share": 0.0,
    "withholding_share": 0.0, "grace_years": 0.0, "balloon_share": 0.0, "sweep_share": 0.0, "local_assets": [],
    "local_cost_share": 0.0, "guaranteed_share": 0.0,
}  # fmt: skip
"""What a field means where neither scenario nor preset asks for anything."""


@dataclass(frozen=True)
class Default:
    """A value that was filled in: where, what, why, and by whose word."""

    path: str
    value: Any
    why: str
    source_url: str = ""
    source_date: str = ""
    assumed: bool = False


@dataclass(frozen=True)
class Presets:
    """The presets of a catalog, and the values of their fields."""

    catalog: Catalog

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys(self.catalog.table("finance_presets")["preset_id"].astype(str)))

    def fields(self, preset: str) -> dict[str, tuple[Any, Default]]:
        """Value and listing of each field of a preset; the listing's path is the field's name."""
        rows = self.catalog.table("finance_presets")
        return {str(row.field): self._value(row) for row in records(rows[rows["preset_id"] == preset])}

    def _value(self, row: Any) -> tuple[Any, Default]:
        name = f"preset {row.preset_id}"
        if isinstance(row.term_id, str):
            value, term = self.term(row.term_id, months=row.field == "tenor_years")
            why = f"{name}: {term['instrument']}, {term['parameter']}"
            return value, _listed(str(row.field), value, why, term)
        value = _read(str(row.field), str(row.value))
        why = f"{name}: {row.note}"
        return value, _listed(str(row.field), value, why, row._asdict())

    def term(self, key: str, months: bool = False) -> tuple[Any, Any]:
        """A row of ``finance_terms`` in the unit of a scenario: fractions, years, millions, dates."""
        row = self.catalog.table("finance_terms").loc[key]
        if row["unit"] == "date":
            return row["value_date"].date(), row
        if row["unit"] == "months":
            return float(row["value_mid"]) / (MONTHS_PER_YEAR if months else 1.0), row
        return float(row["value_mid"]) * UNITS[row["unit"]], row


def _listed(path: str, value: Any, why: str, row: Any) -> Default:
    def text(name: str) -> str:
        found = row.get(name)
        return found if isinstance(found, str) else ""

    return Default(path, value, why, text("source_url"), text("source_date"), bool(row.get("assumed", False)))


def _read(field: str, text: str) -> Any:
    """A preset's text as the scenario's field would have it."""
    if field in LISTS:
        return text.split(";")
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text


def filled(source: Source, catalog: Catalog) -> tuple[Source, list[Default]]:
    """A source with preset and defaults of its kind filled in; what follows the country's risk stays a word.

    ``premium_share``, ``tenor_years`` and the dates may still be None: they depend on the plan.
    """
    presets = Presets(catalog)
    given = {name for name in Source.model_fields if getattr(source, name) is not None}
    own = presets.fields(source.preset) if source.preset else {}
    kind = source.kind or (own["kind"][0] if "kind" in own else LOAN)
    usual = presets.fields(str(kind))
    if "base_rate_per_year" in given | set(own):
        usual.pop("margin_per_year", None)  # the margin of a kind goes with the base rate of that kind
    taken = {name: pair for name, pair in {**usual, **own}.items() if name not in given}
    profile = source.profile or (taken["profile"][0] if "profile" in taken else "")
    if not source.optional:
        taken.pop("kept_years", None)  # it limits what a plan draws
    if profile != SCULPTED:
        taken.pop("dscr", None)
    elif "dscr" not in given | set(taken):
        value, term = presets.term(SIZING_DSCR)
        taken["dscr"] = (value, _listed("dscr", value, f"{term['instrument']}, {term['parameter']}", term))
    values = {name: value for name, (value, _) in taken.items() if value != COUNTRY_PREMIUM} | {"kind": kind}
    neutral = {n: v for n, v in NEUTRAL.items() if n not in given | set(taken)}
    if source.optional:
        values["costs_of_finance"] = neutral["costs_of_finance"] = False  # the plan draws for what it buys
    listing = [
        Default(
            f"finance.sources[{source.id}].{d.path}", d.value, d.why, d.source_url, d.source_date, d.assumed
        )
        for value, d in taken.values()
        if value != COUNTRY_PREMIUM
    ]
    return source.model_copy(update={**neutral, **values}), listing


def risk_class_of(country: str, catalog: Catalog) -> int:
    """Country risk class of the OECD Arrangement; 0 where it has none."""
    risk = catalog.table("countries").at[country, "oecd_risk_class"]
    return 0 if pd.isna(risk) else int(risk)


def price_level(inflation: float, quarters: int) -> np.ndarray:
    """Price level of each quarter's end, 1 at the start.

    >>> price_level(0.21, 4)[[1, 3]].round(9).tolist()
    [1.1, 1.21]
    """
    return np.asarray((1.0 + inflation) ** ((np.arange(quarters) + 1.0) / QUARTERS_PER_YEAR))


def inflation_of(finance: Finance, catalog: Catalog) -> float:
    """Yearly inflation: the scenario's, else the catalog's."""
    given = finance.inflation_per_year
    return float(catalog.value("parameters", "inflation_per_year", "value_mid")) if given is None else given


def country_premium(risk_class: int, years_of_risk: float, catalog: Catalog) -> float:
    """Minimum premium of a sovereign buyer as a share of the loan; years: half the drawing, all the repayment."""
    row = catalog.table("minimum_premiums").loc[risk_class]
    return float(row["premium_pct_per_year"] * years_of_risk + row["premium_pct_constant"]) / 100.0


def lives_of(own: Mapping[str, float], catalog: Catalog) -> dict[str, float]:
    """Useful life of every asset class, years: the scenario's own, else the catalog's."""
    rows = catalog.table("asset_classes")["life_years"].astype(float)
    return {str(name): float(years) for name, years in rows.items()} | dict(own)


def payer_of_hosts(hosts: Iterable[Host], rules: Sequence[PayerRule], catalog: Catalog) -> dict[str, str]:
    """host -> payer: named by a rule, else by the rule of its owner class, else the catalog's for that class.

    A provider pays for what it builds and owns; what is rented from it in its own cloud the state pays.
    """
    classes = catalog.table("owner_classes")["payer"].astype(str)
    by_host = {h: r.payer for r in rules for h in r.hosts or ()}
    by_class = {c: r.payer for r in rules for c in r.owner_classes or ()}

    def payer(host: Host) -> str:
        named = by_host.get(host.id, by_class.get(host.owner_class, classes[host.owner_class]))
        return STATE if named == PROVIDER and host.mode == CLOUD else named

    return {host.id: payer(host) for host in hosts}


def borne_by(payer: pd.Series, host: pd.Series, payers: Mapping[str, str]) -> pd.Series:
    """Who bears lines of the ledger, in the words of finance: by host; what has no host, the state.

    ``payers``: ``payer_of_hosts``. Lines of operators are the provider's: rents pay for them.
    """
    own = host.map(payers).fillna(STATE)
    return own.where(payer == PARTNER, PROVIDER).astype(object)


def exchange_rate(finance: Finance, currency: str, day: date, catalog: Catalog) -> float:
    """Dollars per unit on a day: the scenario's path, else the catalog's rate as constant."""
    if currency == HOME_CURRENCY:
        return 1.0
    for path in finance.currency.paths:
        if path.currency == currency:
            days, rates = zip(*((p.at.toordinal(), p.usd_per_unit) for p in path.points), strict=True)
            return float(np.interp(day.toordinal(), days, rates))
    return float(catalog.value("exchange_rates", currency, "usd_per_unit"))


def known_currencies(with_path: Iterable[str], catalog: Catalog) -> list[str]:
    """Currencies with an exchange path or a rate of the catalog."""
    rates = catalog.table("exchange_rates").index.astype(str)
    return list(dict.fromkeys([HOME_CURRENCY, *with_path, *rates]))


def downsides(finance: Finance, catalog: Catalog) -> list[Downside]:
    """The scenario's events, else those of the catalog."""
    if finance.downsides:
        return finance.downsides
    rows = catalog.table("downside_cases")
    return [Downside(id=str(r.case_id), what=r.what, size=float(r.size)) for r in records(rows)]
