"""Where the value of capital is made, read from the catalog: a system by its chips and the rest, all else by its account."""

from __future__ import annotations

from functools import lru_cache

from planner.case.columns import records
from planner.facts.catalog import Catalog


@lru_cache(maxsize=512)
def made(catalog: Catalog, account: str, k: str) -> tuple[tuple[str, str, float], ...]:
    """(stage, country, share) of what is booked on an account; ``place`` for where it stands."""
    facts = catalog.table("content").reset_index(drop=True)
    facts = facts.assign(vendor=facts["vendor"].fillna(""))
    if not k:
        own = facts[facts["item"] == account][["stage", "country", "share"]]
        return tuple(own.itertuples(index=False, name=None)) or (("works", "place", 1.0),)
    if account not in ("goods", "spares", "owner-premium", "provider-hardware"):
        return made(catalog, account, "")
    system = catalog.table("systems").loc[k]
    chip = catalog.table("accelerators").loc[system["accelerator_id"]]
    chips = facts[(facts["item"] == "chips") & (facts["vendor"] == chip["vendor"])]
    chips = chips if len(chips) else facts[(facts["item"] == "chips") & (facts["vendor"] == "")]
    fab = chip["fab_iso3"] if isinstance(chip["fab_iso3"], str) else "unknown"
    named = {"designer": chip["origin_iso3"], "fab": fab}
    share = float(system["chips_share"])
    parts = [(r.stage, named.get(r.country, r.country), r.share * share) for r in records(chips)]
    rest = facts[facts["item"] == "rest"]
    return (*parts, *((r.stage, r.country, r.share * (1.0 - share)) for r in records(rest)))
