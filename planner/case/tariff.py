"""What the grid charges: energy by hour and year, the network, the year's highest import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from planner.case.blocks import price_by_hour, stressed_hours
from planner.case.case import STRESS
from planner.case.context import Context
from planner.case.cost_breakdown import price_path
from planner.case.costs import years_at
from planner.case.table import Table
from planner.scenario.power import Tariff
from planner.scenario.schema import Site

TABLES = {
    "tariffs": Table(("h", "t", "s"), {
        "musd_per_mwh": "price of energy in the slice, MUSD per MWh",
        "network_musd_per_mwh": "what the grid charges to carry it, MUSD per MWh",
    }),
    "peak_charges": Table(("h", "t"), {
        "musd_per_mw_step": "charge on the highest import of the calendar year so far, MUSD per MW and step",
        "same_year": "whether the period before lies in the same calendar year",
    }),
}  # fmt: skip
FLAT = Tariff()


def energy_prices(context: Context, site: Site) -> np.ndarray:
    """USD per MWh by period, mean of the day."""
    change = (site.tariff or FLAT).energy_change_pct_per_year / 100.0
    paths = [price_path(change, years_at(context, step)) for step in range(context.calendar.n_steps)]
    usd = context.elec_price_usd_per_mwh(site)
    return usd * context.calendar.mean(paths)


def tariff_table(context: Context, blocks: Sequence[np.ndarray]) -> pd.DataFrame:
    """(h, t, s) of every host that draws power of its own; stressed hours pay what the dearest hour does."""
    rows: list[tuple[Any, ...]] = []
    for h in [h for h in context.scenario.hosts if h.mode != "cloud"]:
        site = context.site(h.site)
        shape, network = price_by_hour(context, site), (site.tariff or FLAT).network_usd_per_mwh / 1e6
        factors = {f"b{i}": float(shape[block].mean()) for i, block in enumerate(blocks)}
        if stressed_hours(context):
            factors[STRESS] = float(shape.max())
        for t, usd in enumerate(energy_prices(context, site)):
            rows += [(h.id, t, s, float(usd) / 1e6 * factor, network) for s, factor in factors.items()]
    return TABLES["tariffs"].frame(rows)


def peak_charge_table(context: Context) -> pd.DataFrame:
    """(h, t) of hosts whose site charges for the highest import."""
    calendar, rows = context.calendar, []
    years = [calendar.date_of(t).year for t in range(calendar.n)]
    for h in [h for h in context.scenario.hosts if h.mode != "cloud"]:
        usd = (context.site(h.site).tariff or FLAT).capacity_usd_per_kw_year
        musd = usd / 1000.0 * calendar.step_years
        if usd:
            rows += [(h.id, t, musd, t > 0 and years[t] == years[t - 1]) for t in range(calendar.n)]
    return TABLES["peak_charges"].frame(rows)
