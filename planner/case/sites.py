"""Sites and hosts: where they lie, when a host may open, its team, its maximum, and the limits of a site."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from planner.case.context import Context
from planner.case.cooling import keeps_cooling
from planner.case.periods import day_after
from planner.case.permits import first_works, opens_from, permit_wait
from planner.case.table import Table
from planner.scenario.schema import Host, Step

TABLES = {
    "sites": Table(("p",), {"name": "city", "iso3": "country", "lat_deg": "latitude", "lon_deg": "longitude"}),
    "hosts": Table(("h",), {
        "mode": "build, colocation or cloud", "p": "its site", "owner_class": "class of its owner",
        "operator": "who runs it", "country": "country of its site",
        "fee_share_per_year": "operator's fee, share of the hardware price a year",
        "team_musd_per_step": "fixed team while it is open, MUSD per step",
        "exists": "whether it has halls when the horizon starts",
        "tco2_per_mwh": "emissions of the grid at its site, tonnes per MWh",
        "as_built": "whether halls keep the cooling that goes live with them, but for refits",
    }),
    "opens": Table(("h", "t"), {
        "lead": "steps from the decision to the first usable one", "permit_t": "period from which its permit is there",
        "musd": "cost of opening, MUSD",
    }),
    "host_period": Table(("h", "t"), {
        "mode": "build or colocation", "p": "its site", "max_mw": "largest MW of IT of the host",
        "exists": "whether it has halls when the horizon starts", "existing_mw": "MW of IT that exist",
        "existing_grid_mw": "MW of grid that exist", "existing_backup_mw": "MW of backup that exist",
        "tco2_per_mwh": "emissions of the grid, tonnes per MWh",
    }),
    "site_period": Table(("p", "t"), {
        "grid_mw": "MW of grid the site has", "max_it_mw": "MW of IT its land holds; infinite where not limited",
        "shell_it_mw": "MW of IT that fit buildings that stand",
        "water_m3": "water of the period; infinite where not limited",
    }),
}  # fmt: skip


def site_table(context: Context) -> pd.DataFrame:
    rows = []
    for s in context.scenario.sites:
        place = context.place(s)
        rows.append((s.id, place.name, place.iso3, place.lat_deg, place.lon_deg))
    return TABLES["sites"].frame(rows)


def host_table(context: Context) -> pd.DataFrame:
    """h -> mode, site, owner, what each open period costs and what the operator charges."""
    rows = []
    for h in context.scenario.hosts:
        fee = context.pick(
            h.operator_fee_share_per_year, "owner_classes", h.owner_class, "operator_fee_share_per_year"
        )
        rows.append(
            (
                h.id,
                h.mode,
                h.site,
                h.owner_class,
                h.operator,
                context.host_country(h),
                float(fee),
                team_musd_per_step(context, h) if h.mode != "cloud" else 0.0,
                is_existing(context, h),
                context.carbon_kg_per_mwh(context.site(h.site)) / 1000.0,
                keeps_cooling(h),
            )
        )
    return TABLES["hosts"].frame(rows)


def is_existing(context: Context, host: Host) -> bool:
    """A host that already has halls is open from the start."""
    return any(hall.host == host.id for hall in context.scenario.existing.halls)


def open_table(context: Context) -> pd.DataFrame:
    """(h, t) candidate dates of opening: lead, permit, cost; not for clouds or hosts already open.

    A host opens with the first hall it can have: its permit, then the shortest time from a permit to a live hall.
    """
    rows: list[tuple[Any, ...]] = []
    calendar, every = context.calendar, context.scenario.solve.open_every_periods
    for h in context.scenario.hosts:
        if h.mode == "cloud" or is_existing(context, h):
            continue
        works = first_works(context, h)
        wait = permit_wait(context, h)[0]
        cost = h.open_cost_musd if h.open_cost_musd is not None else context.param(f"open_cost_musd_{h.mode}")
        rows += [
            (h.id, t, wait + calendar.step_of(t) - calendar.step_of(granted), granted, float(cost))
            for t in calendar.every(opens_from(context, h), every)
            for granted in [calendar.before(t, works)]
        ]
    return TABLES["opens"].frame(rows)


def team_musd_per_step(context: Context, host: Host) -> float:
    """Fixed operations team of an open host."""
    own = context.pick(host.team_musd_per_year, "owner_classes", host.owner_class, "team_musd_per_year")
    return float(own) * context.calendar.step_years


def largest_it_mw(context: Context, host: Host) -> float:
    """MW of IT of the largest size of a host: its own, else its site's land, else the peak of its site's grid."""
    site = context.site(host.site)
    if host.max_it_mw is not None:
        return host.max_it_mw
    return float(site.max_it_mw or max(s.mw for s in site.grid_mw))


def host_period_table(context: Context) -> pd.DataFrame:
    """(h, t) of every host with halls or leases: what exists, the host's own maximum, emissions of its grid."""
    rows: list[tuple[Any, ...]] = []
    halls = context.scenario.existing.halls
    for h in [h for h in context.scenario.hosts if h.mode != "cloud"]:
        site = context.site(h.site)
        carbon = context.carbon_kg_per_mwh(site) / 1000.0
        own = [hall for hall in halls if hall.host == h.id]
        n = context.calendar.n
        gone = {x.id: context.calendar.containing(day_after(x.until)) if x.until else n for x in own}
        for t in range(n):
            there = [x for x in own if t < gone[x.id]]
            rows.append(
                (
                    h.id,
                    t,
                    h.mode,
                    site.id,
                    largest_it_mw(context, h),
                    bool(own),
                    float(sum(x.it_mw for x in there)),
                    float(sum(x.grid_mw for x in there)),
                    float(sum(x.backup_mw for x in there)),
                    carbon,
                )
            )
    return TABLES["host_period"].frame(rows)


def step_mw(context: Context, path: list[Step]) -> np.ndarray:
    """Megawatts available from each period's start; zero before the first step."""
    out = np.zeros(context.calendar.n)
    steps = sorted(path, key=lambda s: s.from_)
    values = [step.mw for step in steps]
    for t, value in zip(
        context.calendar.first_of_steps([s.from_ for s in steps], values), values, strict=True
    ):
        out[t:] = value
    return out


def site_period_table(context: Context) -> pd.DataFrame:
    """(p, t) -> grid_mw, max_it_mw and water_m3 of the period (infinite where not limited), shell_it_mw (0 where none)."""
    rows: list[tuple[Any, ...]] = []
    for s in context.scenario.sites:
        grid = step_mw(context, s.grid_mw)
        water = s.max_water_m3_per_year
        for t in range(context.calendar.n):
            rows.append(
                (
                    s.id,
                    t,
                    float(grid[t]),
                    float(s.max_it_mw) if s.max_it_mw is not None else np.inf,
                    float(s.shell_it_mw or 0.0),
                    float(water) * float(context.calendar.years[t]) if water is not None else np.inf,
                )
            )
    return TABLES["site_period"].frame(rows)
