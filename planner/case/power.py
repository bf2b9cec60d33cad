"""Power: grid and backup that may be bought, and the PUE of every cooling technology over the hours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from planner.case.case import DESIGN
from planner.case.climate import design_temperature_c, hourly, months_of_period, pue_at
from planner.case.context import Context
from planner.case.cooling import technologies
from planner.case.permits import permit_from
from planner.case.table import Table

PLANT = {
    "lead": "periods from the order to the live date", "musd_per_mw": "price, MUSD per MW", "life": "periods it stands",
}  # fmt: skip
TABLES = {
    "connections": Table(("h", "n", "t"), {
        **PLANT, "works": "periods of the lead that follow the permit",
        "charge_musd_per_mw_period": "capacity charge, MUSD per MW and period",
    }),
    "backups": Table(("h", "g", "t"), {**PLANT, "upkeep_musd_per_mw_period": "upkeep, MUSD per MW and period"}),
    "pue": Table(("h", "c", "t", "s"), {
        "pue": "facility power over IT power, mean of the slice's hours; at the peak in the design slice",
        "litres_per_kwh": "water per kWh of IT energy",
    }),
}  # fmt: skip


def connection_table(context: Context) -> pd.DataFrame:
    """(h, n, t) grid capacity going live; the site's own lead time wins over the country's, works follow the permit."""
    rows: list[tuple[Any, ...]] = []
    for h in [h for h in context.scenario.hosts if h.mode == "build"]:
        site = context.site(h.site)
        for n in context.catalog.table("connections").index:
            row = context.catalog.table("connections").loc[n]
            _, musd, life = context.plant("connections", n)
            months = context.grid_connect_months(site)
            lead = context.calendar.periods(months)
            works = context.calendar.periods(months * context.param("grid_works_share"))
            first = max(lead, permit_from(context, h) + works)
            charge = float(row["capacity_charge_musd_per_mw_year"]) * context.calendar.years
            rows += [(h.id, n, t, lead, musd, life, works, charge) for t in range(first, context.calendar.n)]
    return TABLES["connections"].frame(rows)


def backup_table(context: Context) -> pd.DataFrame:
    """(h, g, t) backup plant going live."""
    rows: list[tuple[Any, ...]] = []
    for h in [h for h in context.scenario.hosts if h.mode == "build"]:
        for g in context.catalog.table("backup").index:
            lead, musd, life = context.plant("backup", g)
            om = float(context.catalog.value("backup", g, "om_share_per_year")) * context.calendar.years
            rows += [(h.id, g, t, lead, musd, life, musd * om) for t in range(lead, context.calendar.n)]
    return TABLES["backups"].frame(rows)


def pue_table(context: Context, blocks: Sequence[np.ndarray]) -> pd.DataFrame:
    """(h, c, t, s) -> pue, litres_per_kwh (of IT energy)."""
    cooling = context.catalog.table("cooling")
    offset = hourly(context, "temperature")
    rows = []
    for host in [h for h in context.scenario.hosts if h.mode == "build"]:
        place = context.place(context.site(host.site))
        temps, hot = np.array(place.temperatures_c), design_temperature_c(context, place)
        for c in technologies(context, host):
            a, b = float(cooling.loc[c, "pue_a"]), float(cooling.loc[c, "pue_b_per_k"])
            litres = float(cooling.loc[c, "wue_l_per_kwh"])
            for t in range(context.calendar.n):
                grid = temps[months_of_period(context, t)][:, None] + offset[None, :]
                hourly_pue = pue_at(grid, a, b).mean(axis=0)
                rows += [
                    (host.id, c, t, f"b{i}", float(hourly_pue[block].mean()), litres)
                    for i, block in enumerate(blocks)
                ]
                rows.append((host.id, c, t, DESIGN, float(pue_at(hot, a, b)), litres))
    return TABLES["pue"].frame(rows)
