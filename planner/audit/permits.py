"""Permits: no hall, no works of a grid connection and no plant of a site's own begin before the permit of their place."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pandas as pd

from planner.audit.findings import Findings
from planner.audit.view import View, lookup, total
from planner.case.context import Context
from planner.case.pace import end_of
from planner.scenario.schema import Host

COVERS = {"hall_permit": "permit-first", "grid_permit": "permit-first", "plant_permit": "permit-first"}
"""Rules of the model that are recomputed here, and the rule of the audit that does."""
BUILT = (
    ("halls", "b", "it_mw"),
    ("connections", "n", "added_mw"),
    ("plants", "g", "added_mw"),
    ("bridges", "g", "added_mw"),
)
"""Tables of what is built on site, the part of the index that names it, and the amount."""


def check(view: View, found: Findings) -> None:
    """What was begun before the permit, from dates of the plan and months of scenario and catalog."""
    context = view.context
    opens, hosts = view.table("opens"), view.scenario.hosts
    lead = {h.id: context.calendar.whole_steps(_left(context, h)) for h in hosts}
    decided = _steps(view, opens["decide_date"])
    granted = decided + lookup(opens["h"], pd.Series(lead)).astype(int)
    found.same(
        "permit-date",
        opens[["h"]],
        pd.to_datetime(opens["permit_date"]),
        view.dates(view.holds(granted)),
        "permit",
    )
    filed = {h.id: _filed(context, h.permit_applied) for h in hosts if h.permit_applied}
    first = pd.Series({h: float(filed.get(h, 0)) for h in opens["h"]}, dtype=float)
    found.at_least(
        "permit-date", total(opens, ["h"], decided), first,
        "decided before its permit is applied for",
    )  # fmt: skip
    permit = pd.Series(granted.to_numpy(int), index=opens["h"].to_numpy())
    extended = pd.Series(
        _soonest(context, {hall.host for hall in context.scenario.existing.halls}), dtype=int
    )
    permit = pd.concat([permit, extended]).groupby(level=0).max()
    if not view.whole:
        permit = pd.Series(_soonest(context, {h.id for h in hosts}), dtype=int)
    for name, item, amount in BUILT:
        rows = view.table(name)
        begun = view.begins(rows["t"]) - _works(context, name, rows)
        there = permit.reindex(rows["h"]).fillna(view.n_steps + 1).to_numpy(float)
        early = rows[begun < there] if len(rows) else rows
        keys = ["h", item, "t"]
        found.at_most("permit-first", total(early, keys, early[amount]), 0.0, "works begin before the permit")


def _filed(context: Context, day: date) -> int:
    """Step in which a permit is applied for."""
    return math.floor(context.calendar.months_from_start(day) / context.calendar.step_months)


def _left(context: Context, host: Host) -> float:
    """Months of a permit that have not passed at the plan's start."""
    start = context.calendar.months_from_start
    passed = 0.0 if host.permit_applied is None else max(-start(host.permit_applied), 0.0)
    return max(host.open_lead_months - passed, 0.0)


def _soonest(context: Context, hosts: set[str]) -> dict[str, int]:
    """Host -> steps to the soonest permit: that for what is added where halls stand, or of an opening of which screening may
    take part at any time."""
    start = context.calendar.months_from_start
    filed = {
        h.id: max(start(h.permit_applied), 0.0) if h.permit_applied else 0.0 for h in context.scenario.hosts
    }
    return {
        h.id: context.calendar.whole_steps(filed[h.id] + _left(context, h))
        for h in context.scenario.hosts
        if h.id in hosts
    }


def _steps(view: View, dates: pd.Series) -> pd.Series:
    """Step that begins on each date."""
    day, start = pd.to_datetime(dates), pd.Timestamp(view.scenario.horizon.start)
    months = (day.dt.year - start.year) * 12 + day.dt.month - start.month
    return months // view.case.calendar.step_months


def _works(context: Context, name: str, rows: pd.DataFrame) -> np.ndarray:
    """Steps before the live date in which there is work on site."""
    if name == "connections":
        months = [_grid_works(context, h, n) for h, n in zip(rows["h"], rows["n"], strict=True)]
    elif name != "halls":
        known = context.catalog.table("power_options")["construction_months"].fillna(0.0)
        months = [float(x) for x in lookup(rows["g"], known)]
    else:
        types, pace = context.catalog.table("halls"), {h.id: h.building_pace for h in context.scenario.hosts}
        ends = {p: types[f"lead_months_{end_of(context.level, p)}"] for p in set(pace.values())}
        lead = (float(ends[pace[h]][b]) for h, b in zip(rows["h"], rows["b"], strict=True))
        before = types["before_permit_months"].reindex(rows["b"])
        months = [max(whole - ahead, 0.0) for whole, ahead in zip(lead, before, strict=True)]
    return np.array([context.calendar.whole_steps(x) for x in months], dtype=int)


def _grid_works(context: Context, h: str, n: str) -> float:
    """Months of works of a connection that are left at the start: what was done since both permit and offer were there
    is past. A flexible one has a wait of its own; the firm one may be applied for already.
    """
    host = context.host(h)
    site = context.site(host.site)
    flexible, share = site.power.flexible if site.power else None, context.param("grid_works_share")
    if flexible and n == flexible.id:
        return share * float(context.pick(flexible.lead_months, "connections", n, "lead_months"))
    wait, since_start = context.grid_connect_months(site), context.calendar.months_from_start
    if site.grid_applied is None or host.permit_applied is None:
        return share * wait
    offered = since_start(site.grid_applied) + (1.0 - share) * wait
    permitted = since_start(host.permit_applied) + host.open_lead_months
    return float(share * wait - max(-max(offered, permitted), 0.0))
