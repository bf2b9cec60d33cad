"""Plant that must carry its load with a unit lost: what a unit of each kind is, where N+1 is asked for."""

from __future__ import annotations

from typing import Any

import pandas as pd

from planner.case.context import Context
from planner.case.plant_offers import offered, steady_supplies
from planner.case.table import Table
from planner.facts.errors import MissingFact
from planner.scenario.schema import Site

TABLES = {
    "redundant": Table(("h", "g"), {
        "unit_mw": "MW of a unit that may be lost", "most_mw": "MW of it beyond which no plan has a use for more",
    }),
}  # fmt: skip


def asks_spare(site: Site) -> bool:
    """Whether plant at a site must carry its load with its largest unit lost (N+1)."""
    return site.power is not None and site.power.redundancy == "N+1"


def redundancy_table(context: Context, supplies: pd.DataFrame) -> pd.DataFrame:
    """(h, g) of firm plant but storage, whose modules are small, at hosts of sites that ask for N+1."""
    asked = {key: site for key, (site, _) in offered(context).items() if asks_spare(site)}
    firm = steady_supplies(supplies)
    rows: list[tuple[Any, ...]] = []
    for (h, g), kind in firm[[key in asked for key in firm.index]].iterrows():
        unit = float(kind["unit_mw"])
        if unit <= 0:
            raise MissingFact(
                f"sites[{asked[h, g].id}].power.options[{g}]: N+1 needs the size of a unit: give unit_mw"
            )
        rows.append((h, g, unit, float(kind["useful_mw"])))
    return TABLES["redundant"].frame(rows)
