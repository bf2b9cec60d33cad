"""Places: when a host may open, what halls, leases, cooling, grid and backup may be added, site limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from planner.case import costs
from planner.case.context import Context, keyed
from planner.case.offers import technologies
from planner.scenario.schema import Host, Step

INCLUDED_COOLING = "air-chilled-water"


def life_periods(context: Context, table: str, key: str) -> int:
    return context.calendar.periods(12.0 * float(context.catalog.value(table, key, "life_years")))


def open_lead(context: Context, host: Host) -> int:
    """Periods from the decision to open a host to its first usable period."""
    return context.calendar.periods(host.open_lead_months)


def is_existing(context: Context, host: Host) -> bool:
    """A host that already has halls is open from the start."""
    return any(hall.host == host.id for hall in context.scenario.existing.halls)


def open_table(context: Context) -> pd.DataFrame:
    """(h, t) candidate dates of opening: lead, cost, team per period; not for clouds or hosts already open."""
    rows: list[tuple[Any, ...]] = []
    calendar, every = context.calendar, context.scenario.solve.open_every_periods
    for h in context.scenario.hosts:
        if h.mode == "cloud" or is_existing(context, h):
            continue
        lead = open_lead(context, h)
        first = max(lead, calendar.first_from(h.open_from) if h.open_from else 0)
        cost = h.open_cost_musd if h.open_cost_musd is not None else context.param(f"open_cost_musd_{h.mode}")
        rows += [(h.id, t, lead, float(cost)) for t in range(first, calendar.n, every)]
    return keyed(rows, ["h", "t"], ["lead", "musd"])


def team_musd_per_period(context: Context, host: Host) -> float:
    """Fixed operations team of an open host."""
    own = context.pick(host.team_musd_per_year, "owner_classes", host.owner_class, "team_musd_per_year")
    return float(own) * context.calendar.years


def hall_table(context: Context) -> pd.DataFrame:
    """(h, b, t) a hall may go live: it_mw, lead, order_t, musd of one hall, life, opex share, integer window."""
    rows: list[tuple[Any, ...]] = []
    solve = context.scenario.solve
    for h in context.scenario.hosts:
        if h.mode != "build":
            continue
        first_open = open_lead(context, h)
        for b in h.hall_types or list(context.catalog.table("halls").index):
            row = context.catalog.table("halls").loc[b]
            lead = context.calendar.periods(float(row[f"lead_months_{context.level}"]))
            life = life_periods(context, "halls", b)
            mw, opex = float(row["it_mw"]), float(row["opex_share_per_year"])
            for t in range(max(lead, 0 if is_existing(context, h) else first_open), context.calendar.n):
                musd = costs.hall_musd_per_mw(context, context.site(h.site), b, t - lead) * mw
                whole = solve.integers == "all" or (
                    solve.integers == "window" and t - lead < solve.integer_window_periods
                )
                rows.append((h.id, b, t, mw, lead, t - lead, musd, life, opex, whole))
    columns = ["it_mw", "lead", "order_t", "musd", "life", "opex_share_per_year", "integer"]
    return keyed(rows, ["h", "b", "t"], columns)


def lease_table(context: Context) -> pd.DataFrame:
    """(h, t) a colocation contract may start: periods of its term, MUSD per MW and period."""
    rows: list[tuple[Any, ...]] = []
    for h in context.scenario.hosts:
        if h.mode != "colocation":
            continue
        price = costs.colocation_musd_per_mw_period(context, h)
        n = context.calendar.periods(h.lease_months)
        rows += [(h.id, t, n, price) for t in range(open_lead(context, h), context.calendar.n)]
    return keyed(rows, ["h", "t"], ["periods", "musd_per_mw_period"])


def _plant(context: Context, host: Host, table: str, key: str) -> tuple[int, float, int]:
    """Lead in periods, MUSD per MW, life in periods of a plant bought by the megawatt."""
    row = context.catalog.table(table).loc[key]
    lead = context.calendar.periods(float(row[f"lead_months_{context.level}"]))
    return lead, float(row[f"capex_musd_per_mw_{context.level}"]), life_periods(context, table, key)


def cooling_table(context: Context) -> pd.DataFrame:
    """(h, c, t) cooling bought on top of what the hall includes."""
    rows: list[tuple[Any, ...]] = []
    for h in [h for h in context.scenario.hosts if h.mode == "build"]:
        for c in technologies(context, h):
            lead, musd, life = _plant(context, h, "cooling", c)
            if c == INCLUDED_COOLING:
                continue
            rows += [(h.id, c, t, lead, musd, life) for t in range(lead, context.calendar.n)]
    return keyed(rows, ["h", "c", "t"], ["lead", "musd_per_mw", "life"])


def heat_table(context: Context) -> pd.DataFrame:
    """(h, c, m): technology c at host h carries medium m; ``included`` where the hall's price contains it."""
    cooling = context.catalog.table("cooling")
    rows = [
        (h.id, c, m, 1.0 if c == INCLUDED_COOLING else 0.0)
        for h in context.scenario.hosts
        if h.mode == "build"
        for c in technologies(context, h)
        for m in str(cooling.loc[c, "media"]).split(";")
    ]
    return keyed(rows, ["h", "c", "m"], ["included"])


def connection_table(context: Context) -> pd.DataFrame:
    """(h, n, t) grid capacity going live; the site's own lead time wins over the country's."""
    rows: list[tuple[Any, ...]] = []
    for h in [h for h in context.scenario.hosts if h.mode == "build"]:
        site = context.site(h.site)
        for n in context.catalog.table("connections").index:
            row = context.catalog.table("connections").loc[n]
            _, musd, life = _plant(context, h, "connections", n)
            months = context.grid_connect_months(site)
            lead = context.calendar.periods(months)
            charge = float(row["capacity_charge_musd_per_mw_year"]) * context.calendar.years
            rows += [(h.id, n, t, lead, musd, life, charge) for t in range(lead, context.calendar.n)]
    return keyed(rows, ["h", "n", "t"], ["lead", "musd_per_mw", "life", "charge_musd_per_mw_period"])


def backup_table(context: Context) -> pd.DataFrame:
    """(h, g, t) backup plant going live."""
    rows: list[tuple[Any, ...]] = []
    for h in [h for h in context.scenario.hosts if h.mode == "build"]:
        for g in context.catalog.table("backup").index:
            lead, musd, life = _plant(context, h, "backup", g)
            om = float(context.catalog.value("backup", g, "om_share_per_year"))
            rows += [(h.id, g, t, lead, musd, life, om) for t in range(lead, context.calendar.n)]
    return keyed(rows, ["h", "g", "t"], ["lead", "musd_per_mw", "life", "om_share_per_year"])


def host_period_table(context: Context) -> pd.DataFrame:
    """(h, t) of every host with halls or leases: what exists, the host's own maximum, energy price."""
    rows: list[tuple[Any, ...]] = []
    halls = context.scenario.existing.halls
    for h in [h for h in context.scenario.hosts if h.mode != "cloud"]:
        site = context.site(h.site)
        price = context.elec_price_usd_per_mwh(site) / 1e6
        carbon = context.carbon_kg_per_mwh(site) / 1000.0
        own = [hall for hall in halls if hall.host == h.id]
        maximum = (
            h.max_it_mw if h.max_it_mw is not None else (site.max_it_mw or max(s.mw for s in site.grid_mw))
        )
        for t in range(context.calendar.n):
            rows.append(
                (
                    h.id,
                    t,
                    h.mode,
                    site.id,
                    float(maximum),
                    bool(own),
                    float(sum(x.it_mw for x in own)),
                    float(sum(x.grid_mw for x in own)),
                    float(sum(x.backup_mw for x in own)),
                    price,
                    carbon,
                )
            )
    columns = [
        "mode",
        "p",
        "max_mw",
        "exists",
        "existing_mw",
        "existing_grid_mw",
        "existing_backup_mw",
        "musd_per_mwh",
        "tco2_per_mwh",
    ]
    return keyed(rows, ["h", "t"], columns)


def existing_cooling_table(context: Context) -> pd.DataFrame:
    """(h, c) -> MW of cooling that exists beyond what existing halls include."""
    totals: dict[tuple[str, str], float] = {}
    for hall in context.scenario.existing.halls:
        for c, mw in hall.cooling.items():
            totals[hall.host, c] = totals.get((hall.host, c), 0.0) + mw
    return keyed([(h, c, mw) for (h, c), mw in totals.items()], ["h", "c"], ["mw"])


def step_mw(context: Context, path: list[Step]) -> np.ndarray:
    """Megawatts available from each period's start; zero before the first step."""
    out = np.zeros(context.calendar.n)
    for step in sorted(path, key=lambda s: s.from_):
        out[max(0, context.calendar.first_from(step.from_)) :] = step.mw
    return out


def site_period_table(context: Context) -> pd.DataFrame:
    """(p, t) -> grid_mw, max_it_mw, water_m3 of the period (infinite where not limited)."""
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
                    float(water) * context.calendar.years if water is not None else np.inf,
                )
            )
    return keyed(rows, ["p", "t"], ["grid_mw", "max_it_mw", "water_m3"])
