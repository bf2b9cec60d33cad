"""Where the value of what is bought is made: shares by stage and country, from the catalog's table ``content``.

The vendor's seat says whose law applies; content says where value is made, which is what lenders ask for. A system's
price is made of its chips and the rest of it; every other item is an account of the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import pandas as pd

from planner.facts.catalog import Catalog

PLACE = "place"
"""Country of what is made where it stands."""
UNKNOWN = "unknown"
"""Country of what is made nobody says where: it counts for no lender."""
OF_SYSTEM = ("goods", "spares", "owner-premium", "provider-hardware")
"""Accounts whose content is that of the system."""
COLUMNS = ["stage", "country", "share"]
SPAN = ("share_low", "share", "share_high")


def content_rows(catalog: Catalog, item: str, vendor: str = "") -> pd.DataFrame:
    """stage, country, share of an item; the vendor's own rows, else those of any vendor; none for an unknown item."""
    table = catalog.table("content").reset_index(drop=True)
    rows = table[table["item"] == item]
    owner = rows["vendor"].fillna("").astype(str)
    own = rows[owner == vendor] if vendor and (owner == vendor).any() else rows[owner == ""]
    return own[COLUMNS].reset_index(drop=True)


def content_shares(catalog: Catalog, item: str, vendor: str = "") -> dict[str, float]:
    """Country -> share of an item's value."""
    shares = content_rows(catalog, item, vendor).groupby("country")["share"].sum()
    return {str(country): float(share) for country, share in shares.items()}


def content_of_system(catalog: Catalog, system: str) -> pd.DataFrame:
    """stage, country (ISO3), share of a system's price: its chips by designer and fab, and the rest of it."""
    row = catalog.table("systems").loc[system]
    chip, chips = catalog.table("accelerators").loc[row["accelerator_id"]], float(row["chips_share"])
    fab = UNKNOWN if pd.isna(chip["fab_iso3"]) else str(chip["fab_iso3"])
    named = {"designer": str(chip["origin_iso3"]), "fab": fab}
    made = content_rows(catalog, "chips", str(chip["vendor"]))
    made = made.assign(country=made["country"].replace(named), share=made["share"] * chips)
    rest = content_rows(catalog, "rest")
    return pd.concat([made, rest.assign(share=rest["share"] * (1.0 - chips))], ignore_index=True)


@lru_cache(maxsize=512)
def content_of(catalog: Catalog, account: str, system: str = "") -> pd.DataFrame:
    """stage, country, share of a thing booked on an account; made at its place where the catalog says nothing.

    Worked out once for each: nobody changes what is handed out.
    """
    if account in OF_SYSTEM and system:
        return content_of_system(catalog, system)
    rows = content_rows(catalog, account)
    return rows if len(rows) else pd.DataFrame([("works", PLACE, 1.0)], columns=COLUMNS)


def content_span(catalog: Catalog, system: str, countries: Iterable[str]) -> tuple[float, float, float]:
    """Least, middle and largest share of a system's price that is made in some countries, over all assumed shares.

    Shares of an item add up to 1, each within its span, so what these countries have is at least their least shares,
    and at least what the largest of the others leave.
    """
    row, wanted = catalog.table("systems").loc[system], set(countries)
    chip, chips = catalog.table("accelerators").loc[row["accelerator_id"]], float(row["chips_share"])
    named = {
        "designer": str(chip["origin_iso3"]),
        "fab": UNKNOWN if pd.isna(chip["fab_iso3"]) else str(chip["fab_iso3"]),
    }
    table = catalog.table("content").reset_index(drop=True)
    table = table.assign(
        vendor=table["vendor"].fillna("").astype(str), country=table["country"].replace(named)
    )
    table = table.fillna({"share_low": table["share"], "share_high": table["share"]})
    made = table[(table["item"] == "chips") & (table["vendor"] == str(chip["vendor"]))]
    made = made if len(made) else table[(table["item"] == "chips") & (table["vendor"] == "")]
    out = [0.0, 0.0, 0.0]
    for rows, weight in ((made, chips), (table[table["item"] == "rest"], 1.0 - chips)):
        mine = rows["country"].isin(wanted)
        sums = {c: (float(rows.loc[mine, c].sum()), float(rows.loc[~mine, c].sum())) for c in SPAN}
        out[0] += weight * max(sums["share_low"][0], 1.0 - sums["share_high"][1])
        out[1] += weight * sums["share"][0]
        out[2] += weight * min(sums["share_high"][0], 1.0 - sums["share_low"][1])
    return out[0], out[1], out[2]
