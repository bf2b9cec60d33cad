"""The fallback chain: place -> country -> class -> region -> world, for every value a country may lack.

    lookup(catalog, "KEN", "grid_connect_months")  # Found(24.0, origin="world", assumed=True, why="...")

A region's value is the one the table ``regions`` states, else the median of the region's countries that have
a value of their own (at least ``MIN_NEIGHBOURS``). The rung of a class holds for what a public classification
of the country decides (the risk premium, by its OECD class). Everything below the first rung is assumed and says so.
Rules of law are not numbers and have another chain: no rule found is the strictest of the class, never
"anywhere" (``planner.case.locality``); ``locality_gaps`` lists where that applies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from planner.facts.catalog import Catalog
from planner.facts.errors import UnknownName
from planner.facts.suggest import hint

Origin = Literal["scenario", "place", "country", "class", "region", "world"]
MIN_NEIGHBOURS = 2
QUANTILE = {"low": 0.25, "mid": 0.5, "high": 0.75}
CLASSES = ("public", "official", "sensitive", "secret")
BODIES = ("public", "private")


@dataclass(frozen=True)
class Item:
    """One value with a fallback chain: its column in countries (and metros, regions), its world parameter.

    ``by_class``: column of countries that names a row of another table, and that table.
    """

    title: str
    unit: str
    column: str
    parameter: str
    place: bool = False
    by_class: tuple[str, str] | None = None


@dataclass(frozen=True)
class Found:
    """A value, the rung it was found on, whether it is assumed, and in words why."""

    value: float
    origin: Origin
    assumed: bool
    why: str

    @property
    def said(self) -> str:
        """The rung and the reason, in words."""
        return f"{self.why}; rung: {self.origin}"


ITEMS: dict[str, Item] = {
    "elec_price_usd_per_mwh": Item(
        "electricity price", "USD/MWh", "elec_price_usd_per_mwh", "fallback_elec_price_usd_per_mwh"
    ),
    "construction_musd_per_mw_it": Item(
        "construction cost",
        "MUSD/MW",
        "construction_musd_per_mw_it",
        "fallback_construction_musd_per_mw_it",
        place=True,
    ),
    "grid_connect_months": Item(
        "wait for the grid", "months", "grid_connect_months", "fallback_grid_connect_months", place=True
    ),
    "grid_kgco2_per_mwh": Item(
        "grid carbon", "kg/MWh", "grid_kgco2_per_mwh", "fallback_grid_kgco2_per_mwh", place=True
    ),
    "it_import_duty_pct": Item(
        "import duty on servers", "%", "it_import_duty_pct", "fallback_it_import_duty_pct"
    ),
    "country_risk_premium_pct": Item(
        "risk premium on capital",
        "%",
        "country_risk_premium_pct",
        "fallback_country_risk_premium_pct",
        by_class=("oecd_risk_class", "risk_classes"),
    ),
    "wind_capacity_factor_pct": Item(
        "wind capacity factor", "%", "wind_capacity_factor_pct", "fallback_wind_capacity_factor_pct"
    ),
    "pv_capacity_factor_pct": Item(
        "solar capacity factor", "%", "pv_capacity_factor_pct", "fallback_pv_capacity_factor_pct"
    ),
    "gas_usd_per_mmbtu": Item("natural gas", "USD/MMBtu", "gas_usd_per_mmbtu", "fallback_gas_usd_per_mmbtu"),
    "diesel_usd_per_l": Item("diesel", "USD/litre", "diesel_usd_per_l", "fallback_diesel_usd_per_l"),
}


def lookup(
    catalog: Catalog, iso3: str, item: str, level: str = "mid", metro: str | None = None, own: Any = None
) -> Found:
    """Value of ``item`` for a country (and metro) on the first rung that has one; ``own`` wins over all.

    ``level`` picks low, mid or high where the catalog has a range; for a region's median it picks the
    quartile. Raises UnknownName for an unknown item; an unknown country goes straight to the world value.
    """
    if item not in ITEMS:
        raise UnknownName(f"no fallback chain for {item!r}{hint(item, list(ITEMS))}")
    spec = ITEMS[item]
    if own is not None and not pd.isna(own):
        return Found(float(own), "scenario", False, "set in the scenario")
    if metro is not None and spec.place:
        found = _cell(catalog, "metros", metro, spec, level)
        if found is not None:
            return Found(found[0], "place", found[1], f"value of {metro} in metros")
    found = _cell(catalog, "countries", iso3, spec, level)
    if found is not None:
        words = "an estimate in countries" if found[1] else "value of the country"
        return Found(found[0], "country", found[1], words)
    return (
        _class(catalog, iso3, spec, level)
        or _region(catalog, iso3, spec, level)
        or _world(catalog, spec, level)
    )


def cost_of_capital_real(catalog: Catalog, iso3: str, level: str = "mid") -> Found:
    """Real cost of capital as a share: the world's base rate plus the country's risk premium."""
    premium = lookup(catalog, iso3, "country_risk_premium_pct", level)
    base = catalog.param("discount_rate_real", level)
    why = (
        f"{100 * base:g} % (parameter discount_rate_real) + {premium.value:g} % risk premium, {premium.said}"
    )
    return Found(base + premium.value / 100.0, premium.origin, True, why)


def fallback_chain(catalog: Catalog, iso3: str, level: str = "mid") -> pd.DataFrame:
    """Every item for one country: item, title, value, unit, origin, assumed, why."""
    rows = []
    for item, spec in ITEMS.items():
        found = lookup(catalog, iso3, item, level)
        rows.append((item, spec.title, found.value, spec.unit, found.origin, found.assumed, found.why))
    return pd.DataFrame(rows, columns=["item", "title", "value", "unit", "origin", "assumed", "why"])


def locality_gaps(catalog: Catalog, iso3: str) -> list[tuple[str, str]]:
    """(body, data class) without a rule of the country: there the strictest rule of the class holds."""
    rules = catalog.table("locality_rules")
    rules = rules[(rules["iso3"] == iso3) & rules["sector"].isna()]
    return [
        (body, data_class)
        for body in BODIES
        for data_class in CLASSES
        if not len(rules[(rules["data_class"] == data_class) & rules["body"].isin([body, "any"])])
    ]


def _columns(table: pd.DataFrame, spec: Item, level: str) -> Iterator[str]:
    for name in (f"{spec.column}_{level}", spec.column, f"{spec.column}_mid"):
        if name in table.columns:
            yield name


def _cell(catalog: Catalog, table: str, key: Any, spec: Item, level: str) -> tuple[float, bool] | None:
    """Value and whether the row marks it as an estimate; None where the cell or the row is missing."""
    frame = catalog.table(table)
    if key not in frame.index:
        return None
    for column in _columns(frame, spec, level):
        value = frame.at[key, column]
        if not pd.isna(value):
            marked = frame.at[key, "assumed_fields"]
            estimates = str(marked).split(";") if isinstance(marked, str) else []
            return float(value), bool(frame.at[key, "assumed"]) or column in estimates
    return None


def _class(catalog: Catalog, iso3: str, spec: Item, level: str) -> Found | None:
    countries = catalog.table("countries")
    if spec.by_class is None or iso3 not in countries.index:
        return None
    column, table = spec.by_class
    name = countries.at[iso3, column]
    found = None if pd.isna(name) else _cell(catalog, table, name, spec, level)
    if found is None:
        return None
    return Found(found[0], "class", True, f"no value of the country; {column} {name} in {table}")


def _region(catalog: Catalog, iso3: str, spec: Item, level: str) -> Found | None:
    countries = catalog.table("countries")
    if iso3 not in countries.index:
        return None
    region = str(countries.at[iso3, "region"])
    stated = _cell(catalog, "regions", region, spec, level)
    if stated is not None:
        return Found(stated[0], "region", True, f"no value of the country; {region} in regions")
    for column in _columns(countries, spec, "mid"):
        values = countries.loc[(countries["region"] == region) & countries[column].notna(), column]
        if len(values) >= MIN_NEIGHBOURS:
            value = float(values.quantile(QUANTILE[level]))
            word = "median" if level == "mid" else f"{level} quartile"
            return Found(
                value, "region", True, f"no value of the country; {word} of {len(values)} in {region}"
            )
    return None


def _world(catalog: Catalog, spec: Item, level: str) -> Found:
    why = f"no value of country or region; world default {spec.parameter}"
    return Found(catalog.param(spec.parameter, level), "world", True, why)
