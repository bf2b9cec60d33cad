"""Renewable energy: what dispatch, generation and contracts show of it in a year, against what is drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.audit.findings import Findings
from planner.audit.view import View

COVERS = {"energy_drawn": "renewable-share", "renewable_floor": "renewable-share"}
"""Rules of the model that are recomputed here, and the rule of the audit that does."""
CLOUDS, PLACED = "cloud-energy", ("solar", "wind", "geothermal")


def check(view: View, found: Findings) -> None:
    """The share of every year that begins in the period its day falls in, or later."""
    floors = view.scenario.limits.renewable
    if not floors:
        return
    imported, made, bought, ledger = (
        view.table(name) for name in ("dispatch", "generation", "matched", "ledger")
    )
    fuels = view.case.catalog.table("power_options")["fuel"]
    counted = {
        (host.id, ppa.id)
        for host in view.scenario.hosts
        for site in view.scenario.sites
        if site.id == host.site and site.power
        for ppa in site.power.ppas
        if ppa.counts_as_renewable
    }
    clouds = ledger[ledger["account"] == CLOUDS]
    ours = bought[
        np.array([key in counted for key in zip(bought["h"], bought["g"], strict=True)], dtype=bool)
    ]
    drawn = [
        _mwh(imported["t"], imported["import_mw"] * imported["hours"]),
        _mwh(made["t"], made["generation_mwh"]),
        _mwh(clouds["t"], clouds["quantity"]),
    ]
    own = made[made["g"].map(fuels).isin(PLACED)]
    clean = [_mwh(own["t"], own["generation_mwh"]), _mwh(ours["t"], ours["matched_mw"] * ours["hours"])]
    sold = _mwh(ours["t"], ours["surplus_mw"] * ours["hours"])
    n = view.case.calendar.n
    begun = {
        view.date(t).year: view.date(t + 1) for t in reversed(range(n))
    }  # ends of the first periods of years
    for floor in floors:
        counts = [*clean, sold] if floor.match == "year" else clean
        short = pd.concat([-floor.share * part for part in drawn] + counts)
        by_year = short.groupby([view.date(t).year for t in short.index]).sum()
        if floor.from_ is not None:
            by_year = by_year[[begun[year] > pd.Timestamp(floor.from_) for year in by_year.index]]
        found.at_least("renewable-share", by_year, 0.0, "MWh of renewable energy short", 100.0)


def _mwh(t: pd.Series, mwh: pd.Series) -> pd.Series:
    return mwh.astype(float).groupby(t.astype(int).to_numpy()).sum()
