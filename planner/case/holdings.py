"""What stands already needs a roof from the first day: space, grid and backup for fleets that exist.

A fleet of its own draws its nameplate power whether it works or not, and no later hall can house it before it is live.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from planner.case.case import Case
from planner.case.readiness import EXISTING, host_first

TOLERANCE_MW = 1e-9


def unhoused(case: Case) -> Iterator[tuple[str, str]]:
    """Words and cure for each host whose existing fleets have too little space, grid or backup when the plan starts."""
    for h, fleet_mw in _standing_mw(case).items():
        now = case.host_period.loc[(h, 0)]
        first = host_first(case, str(h))
        build = case.hosts.loc[h, "mode"] == "build"
        needs = {"space": ("it_mw", fleet_mw)}
        if build:  # a leased hall brings its own
            needs["grid"] = ("grid_mw", fleet_mw)
            needs["backup"] = ("backup_mw", fleet_mw * case.physics["backup_critical_share"])
        short = {
            field: (what, least, float(now[EXISTING[what]]))
            for what, (field, least) in needs.items()
            if first[what] > 0 and now[EXISTING[what]] + TOLERANCE_MW < least
        }
        if short:
            has = ", ".join(
                f"{mw:.3g} MW of {what} where {least:.3g} are needed" for what, least, mw in short.values()
            )
            fields = ", ".join(f"{field} of at least {least:.3g}" for field, (_, least, _) in short.items())
            yield (
                f"existing fleets at {h} draw {fleet_mw:.3g} MW of IT from the first period, but the host has {has} "
                "until something new is live",
                f"describe the hall they stand in under existing.halls (host: {h}; {fields}, more by the PUE of its "
                "cooling), or take the fleets out",
            )


def _standing_mw(case: Case) -> pd.Series:
    """h -> nameplate MW of the fleets that exist in the first period at hosts with halls or leases."""
    held = case.fleet[(case.fleet["t"] == 0) & (case.fleet["existing_k"] > 0)].reset_index(drop=True)
    held = held[held["h"].map(case.hosts["mode"]) != "cloud"]
    mw = held["existing_k"] * held["k"].map(case.systems["peak_mw_per_k"])
    return mw.astype(float).groupby(held["h"], sort=False).sum()
