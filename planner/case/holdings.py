"""What stands already needs a roof as long as it stands: space, grid and backup for fleets that exist.

A fleet of its own draws its nameplate power whether it works or not, and no later hall can house it before it is live.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from planner.case.case import Case
from planner.case.commitments import ONE_DAY
from planner.case.readiness import EXISTING, host_first

TOLERANCE_MW = 1e-9
Short = dict[str, tuple[str, float, float]]
"""Field of an existing hall -> what is short, MW needed, MW there."""


def unhoused(case: Case) -> Iterator[tuple[str, str]]:
    """Words and cure for each host whose existing fleets have too little space, grid or backup in some period.

    The first such period is named, with the halls that end before it.
    """
    told = set()
    for row in _standing(case).itertuples():
        h, t, mw = str(row.h), int(row.t), float(row.mw)
        if h not in told and (short := _short(case, h, t, mw)):
            told.add(h)
            yield _words(case, h, t, mw, short)


def _short(case: Case, h: str, t: int, fleet_mw: float) -> Short:
    """What the fleets of a host lack in a period in which nothing new can be live yet."""
    there, first = case.host_period.loc[(h, t)], host_first(case, h)
    needs = {"space": ("it_mw", fleet_mw)}
    if case.hosts.loc[h, "mode"] == "build":  # a leased hall brings its own
        needs["grid"] = ("grid_mw", fleet_mw)
        needs["backup"] = ("backup_mw", fleet_mw * case.physics["backup_critical_share"])
    return {
        field: (what, least, float(there[EXISTING[what]]))
        for what, (field, least) in needs.items()
        if first[what] > t and there[EXISTING[what]] + TOLERANCE_MW < least
    }


def _words(case: Case, h: str, t: int, fleet_mw: float, short: Short) -> tuple[str, str]:
    has = ", ".join(
        f"{mw:.3g} MW of {what} where {least:.3g} are needed" for what, least, mw in short.values()
    )
    fields = ", ".join(f"{field} of at least {least:.3g}" for field, (_, least, _) in short.items())
    ended = [
        f"hall {x.id} ends on {x.until}"
        for x in case.scenario.existing.halls
        if x.host == h and x.until and case.calendar.containing(x.until + ONE_DAY) <= t
    ]
    since = f"in {case.calendar.label(t)}" if t else "from the first period"
    why = f" ({', '.join(ended)})" if ended else ""
    longer = (
        f"let the hall stand until something new is live (existing.halls, host: {h}, until), or "
        if ended
        else ""
    )
    return (
        f"existing fleets at {h} draw {fleet_mw:.3g} MW of IT {since}, but the host has {has} "
        f"until something new is live{why}",
        f"{longer}describe the hall they stand in under existing.halls (host: {h}; {fields}, more by the PUE of its "
        "cooling), or take the fleets out",
    )


def _standing(case: Case) -> pd.DataFrame:
    """h, t, mw: nameplate of the fleets that exist when the plan starts, at hosts with halls or leases; by period."""
    held = case.fleet[case.fleet["existing_k"] > 0].reset_index(drop=True)
    held = held[held["h"].map(case.hosts["mode"]) != "cloud"]
    held["mw"] = (held["existing_k"] * held["k"].map(case.systems["peak_mw_per_k"])).astype(float)
    return held.groupby(["t", "h"], sort=True, as_index=False)["mw"].sum()
