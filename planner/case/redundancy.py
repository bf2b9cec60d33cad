"""Plant that must carry its load with a unit lost: what a unit of each kind is, where N+1 is asked for."""

from __future__ import annotations

from typing import Any

import pandas as pd

from planner.case.context import Context
from planner.case.plant_offers import STORED, offered
from planner.case.power import pue_table
from planner.case.sites import host_period_table
from planner.case.table import Table
from planner.facts.errors import MissingFact

TABLES = {
    "redundant": Table(("h", "g"), {
        "unit_mw": "MW of a unit that may be lost", "most_mw": "MW of it beyond which no plan has a use for more",
    }),
}  # fmt: skip


def redundancy_table(context: Context, supplies: pd.DataFrame) -> pd.DataFrame:
    """(h, g) of firm plant but storage, whose modules are small, at hosts of sites that ask for N+1.

    The most of a kind carries the largest design load twice, as primary power and as backup, with units to spare.
    """
    asked = {
        key: site
        for key, (site, _) in offered(context).items()
        if site.power and site.power.redundancy == "N+1"
    }
    firm = supplies[(supplies["firm_share"] > 0) & (supplies["fuel"] != STORED)]
    rows: list[tuple[Any, ...]] = []
    for (h, g), kind in firm[[key in asked for key in firm.index]].iterrows():
        unit, share, most = (float(kind[c]) for c in ("unit_mw", "firm_share", "max_mw"))
        if unit <= 0:
            raise MissingFact(
                f"sites[{asked[h, g].id}].power.options[{g}]: N+1 needs the size of a unit: give unit_mw"
            )
        rows.append((h, g, unit, min(most, 2.0 * _design_load_mw(context, h) / share + 2.0 * unit)))
    return TABLES["redundant"].frame(rows)


def _design_load_mw(context: Context, host: str) -> float:
    """Facility MW of the largest size of a host, cooled in the worst way."""
    pue, places = pue_table(context, []), host_period_table(context)
    own = places[places["h"] == host]
    return float(own["max_mw"].max() * pue.loc[pue["h"] == host, "pue"].max())
