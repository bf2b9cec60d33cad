"""What a plan buys by the country in which its value is made, beside the seat of the vendor."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from planner.case.case import Case
from planner.case.content import PLACE, content_of
from planner.facts.catalog import Catalog
from planner.plans.schema import SCHEMA

KEYS = ["t", "label", "year", "payer", "account", "asset_class", "origin_iso3"]
LICENSOR = "USA"


def content_table(case: Case, ledger: pd.DataFrame) -> pd.DataFrame:
    """Capital, undiscounted, by period, payer, account, seat of the vendor, stage and country of content."""
    lines = content_lines(ledger, case.hosts["country"].to_dict(), case.scenario.country, case.catalog)
    columns = list(SCHEMA["content"])
    return lines.groupby([*KEYS, "stage", "content_iso3"], as_index=False)["musd"].sum()[columns]


def content_lines(
    ledger: pd.DataFrame, country: Mapping[str, str], home: str, catalog: Catalog
) -> pd.DataFrame:
    """Capital by ``KEYS``, system and place, with the share of it that is made at a stage in a country.

    ``country``: host -> ISO3; what has no host stands at ``home``. Columns ``KEYS``, k, at, stage, content_iso3, share,
    musd (the share's).
    """
    capex = ledger[ledger["kind"] == "capex"]
    capex = capex.assign(at=capex["h"].map(country).fillna(home).astype(object))
    spent = capex.groupby([*KEYS, "k", "at"], as_index=False, sort=True)["musd"].sum()
    pairs = spent[["account", "k"]].drop_duplicates().itertuples(index=False)
    made = [content_of(catalog, p.account, p.k).assign(account=p.account, k=p.k) for p in pairs]
    if not made:
        return pd.DataFrame(columns=[*KEYS, "k", "at", "stage", "content_iso3", "share", "musd"])
    table = spent.merge(pd.concat(made, ignore_index=True), on=["account", "k"])
    table["content_iso3"] = table["country"].where(table["country"] != PLACE, table["at"])
    table["musd"] = table["musd"] * table["share"]
    return table[[*KEYS, "k", "at", "stage", "content_iso3", "share", "musd"]]


def shares(content: pd.DataFrame, by: str, iso3: str) -> float:
    """Share of capital from a country: ``content_iso3`` by where it is made, ``origin_iso3`` by the vendor's seat."""
    whole = float(content["musd"].sum())
    return float(content.loc[content[by] == iso3, "musd"].sum()) / whole if whole else float("nan")
