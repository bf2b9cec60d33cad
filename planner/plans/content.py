"""What a plan buys by the country in which its value is made, beside the seat of the vendor."""

from __future__ import annotations

import pandas as pd

from planner.case.case import Case
from planner.case.content import PLACE, content_of
from planner.plans.schema import SCHEMA

KEYS = ["t", "label", "year", "payer", "account", "asset_class", "origin_iso3"]
LICENSOR = "USA"


def content_table(case: Case, ledger: pd.DataFrame) -> pd.DataFrame:
    """Capital, undiscounted, by period, payer, account, seat of the vendor, stage and country of content."""
    capex = ledger[ledger["kind"] == "capex"]
    capex = capex.assign(
        at=capex["h"].map(case.hosts["country"]).fillna(case.scenario.country).astype(object)
    )
    spent = capex.groupby([*KEYS, "k", "at"], as_index=False, sort=True)["musd"].sum()
    pairs = spent[["account", "k"]].drop_duplicates().itertuples(index=False)
    made = [content_of(case.catalog, p.account, p.k).assign(account=p.account, k=p.k) for p in pairs]
    if not made:
        return pd.DataFrame(columns=list(SCHEMA["content"]))
    table = spent.merge(pd.concat(made, ignore_index=True), on=["account", "k"])
    here = table["country"] == PLACE
    table = table.assign(
        content_iso3=table["country"].where(~here, table["at"]), musd=table["musd"] * table["share"]
    )
    return table.groupby([*KEYS, "stage", "content_iso3"], as_index=False)["musd"].sum()[
        list(SCHEMA["content"])
    ]


def shares(content: pd.DataFrame, by: str, iso3: str) -> float:
    """Share of capital from a country: ``content_iso3`` by where it is made, ``origin_iso3`` by the vendor's seat."""
    whole = float(content["musd"].sum())
    return float(content.loc[content[by] == iso3, "musd"].sum()) / whole if whole else float("nan")
