"""Values of the catalog that are used where a cell of the editor is left blank, each with where it is from.

Of what is blank the same is looked up as when a case is built: systems by their row, stacks by their layers, hosts by
the class of their owner, sites by their metro and country.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd

from planner.facts.catalog import Catalog
from planner.facts.fallbacks import lookup
from planner.report.strings import t

Taken = dict[str, dict[str, str | float]]
"""Field -> ``value`` and ``why``."""
Entry = Mapping[str, Any]
SYSTEM = ("price_usd", "rent_usd_per_accelerator_hour", "available_from", "end_of_sale", "delivery_months")
STACK = {
    "adoption_musd": "adoption_musd", "platform_musd_per_year": "musd_per_year",
    "licence_usd_per_accelerator_year": "usd_per_accelerator_year", "support_usd_per_user_year": "usd_per_user_year",
}  # fmt: skip
"""Field of a stack, and the column of its layers that adds up to it."""
HOST = ("hardware_price_factor", "effectiveness", "operator_fee_share_per_year", "team_musd_per_year")
METRO = {"latitude": "lat_deg", "longitude": "lon_deg", "country": "iso3", "elevation_m": "elevation_m"}
LOCAL = {
    "grid_lead_months": "grid_connect_months", "elec_price_usd_per_mwh": "elec_price_usd_per_mwh",
    "construction_musd_per_mw_it": "construction_musd_per_mw_it",
}  # fmt: skip
"""Field of a site, and the item of the chain of fallbacks that stands in for it."""


def taken(doc: Mapping[str, Any], table: str, catalog: Catalog) -> dict[str, Taken]:
    """Id of an entry -> what is taken for its blank fields; nothing for a table whose defaults are plain."""
    look = LOOKED_UP.get(table)
    level = (
        str((doc.get("money") or {}).get("level") or "mid") if isinstance(doc.get("money"), dict) else "mid"
    )
    entries = doc.get(table) if look is not None else None
    found: dict[str, Taken] = {}
    for entry in entries if isinstance(entries, list) else []:
        if look is not None and isinstance(entry, dict) and isinstance(entry.get("id"), str):
            values = look(entry, catalog, level)
            found[entry["id"]] = {
                name: {"value": _plain(value), "why": why}
                for name, value, why in values
                if entry.get(name) is None and value is not None and value == value
            }
    return found


def _plain(value: Any) -> str | float:
    if isinstance(value, pd.Timestamp):
        return str(value.strftime("%Y-%m-%d"))
    return value if isinstance(value, str) else round(float(value), 6)


def _rows_of(catalog: Catalog, table: str, key: Any) -> Iterator[tuple[pd.Series, str]]:
    """The row of a key and where it is from; nothing for a key the catalog does not know."""
    rows = catalog.table(table)
    if key in rows.index:
        row = rows.loc[key]
        yield row, t("scenario.taken", table=table, row=key, confidence=row.get("confidence"))


def _cell(row: pd.Series, name: str, level: str) -> Any:
    return row.get(name, row.get(f"{name}_{level}"))


def _system(entry: Entry, catalog: Catalog, level: str) -> Iterator[tuple[str, Any, str]]:
    for row, why in _rows_of(catalog, "systems", entry["id"]):
        yield from ((name, _cell(row, name, level), why) for name in SYSTEM)


def _stack(entry: Entry, catalog: Catalog, level: str) -> Iterator[tuple[str, Any, str]]:
    for row, why in _rows_of(catalog, "stacks", entry["id"]):
        layers = catalog.table("layers").loc[str(row["layers"]).split(";")]
        for name, column in STACK.items():
            yield name, float(layers[f"{column}_{level}"].sum()), why
        yield "lead_months", float(layers["lead_months"].max()), why


def _host(entry: Entry, catalog: Catalog, level: str) -> Iterator[tuple[str, Any, str]]:
    for row, why in _rows_of(catalog, "owner_classes", entry.get("owner_class")):
        yield from ((name, _cell(row, name, level), why) for name in HOST)


def _site(entry: Entry, catalog: Catalog, level: str) -> Iterator[tuple[str, Any, str]]:
    for row, why in _rows_of(catalog, "metros", entry.get("metro")):
        yield from ((name, row[column], why) for name, column in METRO.items())
        for name, item in LOCAL.items():
            found = lookup(catalog, str(row["iso3"]), item, level, metro=str(entry["metro"]))
            yield name, found.value, found.said


LOOKED_UP: dict[str, Callable[[Entry, Catalog, str], Iterator[tuple[str, Any, str]]]] = {
    "systems": _system,
    "stacks": _stack,
    "hosts": _host,
    "sites": _site,
}
"""Tables whose blank cells stand for values of the catalog, and what finds them."""
