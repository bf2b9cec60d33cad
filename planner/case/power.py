"""Power: grid and backup that may be bought, and the PUE of every cooling technology over the hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from planner.case.blocks import hourly, stressed_hours
from planner.case.case import DESIGN, STRESS
from planner.case.climate import design_temperature_c, months_of_period, pue_at
from planner.case.context import Context
from planner.case.cooling import technologies
from planner.case.permits import grid_works_months, permit_from
from planner.case.table import Table
from planner.scenario.schema import Host

PLANT = {
    "lead": "steps from the order to the live date", "musd_per_mw": "price, MUSD per MW", "life": "steps it stands",
}  # fmt: skip
TABLES = {
    "connections": Table(("h", "n", "t"), {
        **PLANT, "works": "steps of the lead that follow the permit",
        "charge_musd_per_mw_step": "capacity charge, MUSD per MW and step",
        "flexible": "whether it carries nothing in stressed hours",
    }),
    "flexibles": Table(("h",), {
        "p": "site", "max_mw": "most MW at the site", "discount_share": "discount on energy drawn through it, as share",
    }),
    "backups": Table(("h", "g", "t"), {**PLANT, "upkeep_musd_per_mw_step": "upkeep, MUSD per MW and step"}),
    "pue": Table(("h", "c", "t", "s"), {
        "pue": "facility power over IT power, mean of the slice's hours; at the peak in the design slice",
        "litres_per_kwh": "water per kWh of IT energy",
    }),
}  # fmt: skip


FIRM = "grid-firm"
"""The connection every site may have."""


def connection_table(context: Context) -> pd.DataFrame:
    """(h, n, t) grid capacity going live; the site's own lead time wins over the country's, works follow the permit.

    A flexible connection is there where the site offers one, with a lead time of its own.
    """
    rows: list[tuple[Any, ...]] = []
    for h in [h for h in context.scenario.hosts if h.mode == "build"]:
        site = context.site(h.site)
        flexible = site.power.flexible if site.power else None
        waits = {FIRM: context.grid_connect_months(site)}
        if flexible:
            waits[flexible.id] = context.pick(flexible.lead_months, "connections", flexible.id, "lead_months")
        for n, months in waits.items():
            row = context.catalog.table("connections").loc[n]
            _, musd, life = context.plant("connections", n)
            works, lead, first = line_wait(
                context, h, float(months), site.grid_applied if n == FIRM else None
            )
            charge = float(row["capacity_charge_musd_per_mw_year"]) * context.calendar.step_years
            rows += [
                (h.id, n, t, lead, musd, life, works, charge, n != FIRM)
                for t in range(first, context.calendar.n)
            ]
    return TABLES["connections"].frame(rows)


def line_wait(
    context: Context, host: Host, months: float, applied: date | None = None
) -> tuple[int, int, int]:
    """Steps of the works of a line of so many months in all, steps of its whole lead, and the first period with it."""
    works = context.calendar.whole_steps(grid_works_months(context, host, months, applied))
    left, first = context.wait(months, applied)
    lead = max(left, works)
    ready = context.calendar.after(permit_from(context, host), works)
    return works, lead, max(first, context.calendar.after(0, lead), ready)


def flexible_table(context: Context) -> pd.DataFrame:
    """(h) of hosts that build where a flexible connection is offered."""
    rows: list[tuple[Any, ...]] = []
    for h in [h for h in context.scenario.hosts if h.mode == "build"]:
        site = context.site(h.site)
        offer = site.power.flexible if site.power else None
        if offer:
            discount = context.pick(offer.energy_discount_pct, "connections", offer.id, "energy_discount_pct")
            rows.append((h.id, site.id, offer.max_mw, float(discount) / 100.0))
    return TABLES["flexibles"].frame(rows)


def backup_table(context: Context) -> pd.DataFrame:
    """(h, g, t) backup plant going live."""
    rows: list[tuple[Any, ...]] = []
    for h in [h for h in context.scenario.hosts if h.mode == "build"]:
        for g in context.catalog.table("backup").index:
            lead, musd, life = context.plant("backup", g)
            om = float(context.catalog.value("backup", g, "om_share_per_year")) * context.calendar.step_years
            first = context.calendar.after(0, lead)
            rows += [(h.id, g, t, lead, musd, life, musd * om) for t in range(first, context.calendar.n)]
    return TABLES["backups"].frame(rows)


def pue_table(context: Context, blocks: Sequence[np.ndarray]) -> pd.DataFrame:
    """(h, c, t, s) -> pue, litres_per_kwh (of IT energy)."""
    cooling = context.catalog.table("cooling")
    offset = hourly(context, "temperature")
    rows = []
    for host in [h for h in context.scenario.hosts if h.mode == "build"]:
        place = context.place(context.site(host.site))
        temps = np.array(place.temperatures_c)
        for c in technologies(context, host):
            a, b = float(cooling.loc[c, "pue_a"]), float(cooling.loc[c, "pue_b_per_k"])
            litres, design = float(cooling.loc[c, "wue_l_per_kwh"]), design_pue(context, host, c)
            for t in range(context.calendar.n):
                grid = temps[months_of_period(context, t)][:, None] + offset[None, :]
                hourly_pue = pue_at(grid, a, b).mean(axis=0)
                rows += [
                    (host.id, c, t, f"b{i}", float(hourly_pue[block].mean()), litres)
                    for i, block in enumerate(blocks)
                ]
                peak = [STRESS, DESIGN] if stressed_hours(context) else [DESIGN]
                rows += [(host.id, c, t, s, design, litres) for s in peak]
    return TABLES["pue"].frame(rows)


def design_pue(context: Context, host: Host, technology: str) -> float:
    """PUE of a host's cooling in the design hour."""
    row = context.catalog.table("cooling").loc[technology]
    hot = design_temperature_c(context, context.place(context.site(host.site)))
    return float(pue_at(hot, float(row["pue_a"]), float(row["pue_b_per_k"])))
