"""Shares of renewable energy that a scenario asks for, and what counts as such."""

from __future__ import annotations

from typing import Any

import pandas as pd

from planner.case.context import Context
from planner.case.plant_offers import PLACED, offered
from planner.case.table import Table

TABLES = {
    "renewable_floors": Table(("i",), {
        "n": "place among limits.renewable", "year": "calendar year",
        "share": "least share of the energy drawn", "surplus": "whether what contracts deliver unused counts",
    }),
    "renewables": Table(("h", "g"), {"contract": "a power purchase agreement, not plant"}),
}  # fmt: skip


def floor_table(context: Context) -> pd.DataFrame:
    """(i) a row for every share asked for and calendar year in all of whose periods it is in force.

    Over the rest of the year of its day a share would be one of sunny months or dark ones, and dearer than one from January.
    """
    calendar, rows = context.calendar, []
    for n, floor in enumerate(context.scenario.limits.renewable):
        first = calendar.holds_from(floor.from_)
        years = [calendar.date_of(year[0]).year for year in calendar.calendar_years() if year[0] >= first]
        rows += [
            (f"{floor.match}-{n + 1}-{year}", n, str(year), floor.share, floor.match == "year")
            for year in years
        ]
    return TABLES["renewable_floors"].frame(rows)


def source_table(context: Context) -> pd.DataFrame:
    """(h, g) of plant that sun, wind or heat of the ground drive, and of contracts whose energy counts."""
    fuels = context.catalog.table("power_options")["fuel"]
    rows: list[tuple[Any, ...]] = [(h, g, False) for h, g in offered(context) if fuels[g] in PLACED]
    for host in context.scenario.hosts:
        power = context.site(host.site).power if host.mode != "cloud" else None
        rows += [(host.id, ppa.id, True) for ppa in (power.ppas if power else ()) if ppa.counts_as_renewable]
    return TABLES["renewables"].frame(rows)
