"""Hosting: opening a host, halls, leases, cooling, grid connection, backup and energy.

Variables: open[h,t] binary; halls[h,b,t] integer while the order date lies in the window, halls_late[h,b,t]
continuous beyond; lease[h,t] MW; cool[h,c,t], connect[h,n,t], backup[h,g,t] MW going live;
heat[h,c,m,t,s] MW of IT heat of medium m carried by technology c; grid_import[h,t,s] MW.

    sum of open[h] <= 1
    IT peak of the fleet  <= existing + halls alive + leases alive                (h,t)   space
    halls alive + leases alive + existing  <= host maximum x opened               (h,t)
    sum over c of heat[h,c,m,t,s] = IT load of medium m in the slice              build hosts
    sum over m of heat  <= hall MW (where the hall includes c) + cool alive / (1 + margin)
    grid_import = sum of heat x PUE_c(T)         (design slice: firm power <= connection alive)
    colocation: grid_import = IT load x PUE of the building
    backup alive >= critical share x facility load in the design slice
    connections of a site <= its grid;  halls of a site <= its land;  water of a site <= its limit

The IT load of a slice is idle power of the fleet plus (working - idle) power of what works in it; the
design slice takes the nameplate peak. Clouds have none of these rows: their price includes them.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyomo.environ as pe

from planner.case.case import DESIGN, MEDIA, Case
from planner.models.common import add_family, add_param, add_set, add_var, alive_map, columns, grouped, tuples
from planner.models.ledger import asset, book, yearly
from planner.models.rules import Rule


def declare(m: Any, case: Case) -> None:
    """Everything that depends on the fleet; ``declare_places`` comes first."""
    _declare_space(m, case)
    _declare_load(m, case)
    _declare_cooling_and_power(m, case)
    _declare_sites(m, case)


def declare_places(m: Any, case: Case) -> None:
    """Opening dates: needed by the demand links, so declared before them."""
    n = case.calendar.n
    add_set(m, "OPEN", tuples(case.opens), 2)
    m.open = pe.Var(m.OPEN, domain=pe.Binary, dense=False)
    add_set(m, "HOST", dict.fromkeys(case.opens["h"]), 1)
    add_family(m, "open_dates", m.HOST, grouped(case.opens, ["h"], ["t"]), 1)
    places = tuples(case.host_period)
    add_set(m, "PLACE", places, 2)
    by = grouped(case.opens, ["h"], ["t"])
    m_by = {(h, t): [u for u in by.get(h, []) if u <= t] for h, t in places}
    add_family(m, "opens_by", m.PLACE, m_by, 1)
    m.open_once = Rule(m.HOST, rule=lambda m, h: sum(m.open[h, t] for t in m.open_dates[h]) <= 1)
    whole = case.halls["integer"].astype(bool)
    add_set(m, "HALL", tuples(case.halls[whole]), 3)
    add_set(m, "HALL_LATE", tuples(case.halls[~whole]), 3)
    add_set(m, "LEASE", tuples(case.leases), 2)
    m.halls = pe.Var(m.HALL, domain=pe.NonNegativeIntegers, dense=False)
    add_var(m, "halls_late", m.HALL_LATE)
    add_var(m, "lease", m.LEASE)
    add_param(m, "hall_mw", m.HALL, case.halls[whole]["it_mw"])
    add_param(m, "hall_late_mw", m.HALL_LATE, case.halls[~whole]["it_mw"])
    add_family(m, "halls_alive", m.PLACE, alive_map(case.halls[whole], ["h"], ["b", "t"], "life", n), 2)
    add_family(m, "late_alive", m.PLACE, alive_map(case.halls[~whole], ["h"], ["b", "t"], "life", n), 2)
    add_family(m, "leases_alive", m.PLACE, alive_map(case.leases, ["h"], ["t"], "periods", n), 1)
    add_var(m, "space_mw", m.PLACE)
    for name, column in (("exists", "exists"), ("existing_mw", "existing_mw"), ("max_mw", "max_mw")):
        add_param(m, name, m.PLACE, case.host_period[column])

    def stock_rule(m: Any, h: Any, t: Any) -> Any:
        return m.space_mw[h, t] == m.existing_mw[h, t] + sum(
            m.hall_mw[h, b, u] * m.halls[h, b, u] for b, u in m.halls_alive[h, t]
        ) + sum(m.hall_late_mw[h, b, u] * m.halls_late[h, b, u] for b, u in m.late_alive[h, t]) + sum(
            m.lease[h, u] for u in m.leases_alive[h, t]
        )

    m.space_stock = Rule(m.PLACE, rule=stock_rule)
    m.space_max = Rule(
        m.PLACE,
        rule=lambda m, h, t: (
            m.space_mw[h, t]
            <= m.max_mw[h, t] * (m.exists[h, t] + sum(m.open[h, u] for u in m.opens_by[h, t]))
        ),
    )


def _declare_space(m: Any, case: Case) -> None:
    add_set(m, "SYSTEM", tuples(case.systems), 1)
    for name in ("peak_mw_per_k", "idle_mw_per_k", "working_mw_per_k"):
        add_param(m, name, m.SYSTEM, case.systems[name])
    fleet = case.fleet[case.fleet["h"].map(case.hosts["mode"]) != "cloud"]
    add_family(m, "systems_at", m.PLACE, grouped(fleet, ["h", "t"], ["a", "k"]), 2)
    m.space = Rule(
        m.PLACE,
        rule=lambda m, h, t: (
            sum(m.peak_mw_per_k[k] * m.fleet[h, a, k, t] for a, k in m.systems_at[h, t]) <= m.space_mw[h, t]
        ),
    )


def _declare_load(m: Any, case: Case) -> None:
    """IT load by host, medium, period and slice, as an expression of what the fleet does."""
    slices = case.slices.reset_index(drop=True)[["t", "s", "design"]]
    own = case.fleet[case.fleet["h"].map(case.hosts["mode"]) != "cloud"]
    keys = own.reset_index(drop=True)[["h", "t"]].drop_duplicates().merge(slices, on="t")
    keys = keys.merge(pd.DataFrame({"m": MEDIA}), how="cross")
    typical = keys[~keys["design"]]
    add_set(m, "LOAD", columns(typical, ["h", "m", "t", "s"]), 4)
    add_set(m, "LOAD_DESIGN", columns(keys[keys["design"]], ["h", "m", "t", "s"]), 4)
    shares = case.systems[list(MEDIA)].stack()
    add_set(m, "MEDIUM_SHARE", [(str(k), str(x)) for k, x in shares.index], 2)
    add_param(m, "medium_share", m.MEDIUM_SHARE, shares)
    parts = own.reset_index(drop=True)[["h", "a", "k", "t"]]
    heavy = parts.merge(shares[shares > 0].rename_axis(["k", "m"]).reset_index(name="x"), on="k")
    by_load = grouped(heavy, ["h", "m", "t"], ["a", "k"])
    spread = {key: by_load.get(key[:3], []) for key in [*m.LOAD, *m.LOAD_DESIGN]}
    add_family(m, "load_systems", m.LOAD, spread, 2)
    add_family(m, "design_systems", m.LOAD_DESIGN, spread, 2)
    work = case.serve.reset_index(drop=True)[["w", "h", "a", "k", "t"]].merge(heavy, on=["h", "a", "k", "t"])
    soft = work["w"].map(case.workloads["preemptible"]).astype(bool)
    firm_by = grouped(work[~soft], ["h", "m", "t"], ["w", "a", "k"])
    soft_by = grouped(work[soft], ["h", "m", "t"], ["w", "a", "k"])
    add_family(m, "load_firm", m.LOAD, {key: firm_by.get(key[:3], []) for key in m.LOAD}, 3)
    add_family(m, "load_soft", m.LOAD, {key: soft_by.get(key[:3], []) for key in m.LOAD}, 3)
    add_var(m, "it_load", m.LOAD)
    add_var(m, "it_peak", m.LOAD_DESIGN)
    add_param(m, "swing_mw_per_k", m.SYSTEM, case.systems["working_mw_per_k"] - case.systems["idle_mw_per_k"])

    def load_rule(m: Any, h: Any, x: Any, t: Any, s: Any) -> Any:
        return m.it_load[h, x, t, s] == sum(
            m.medium_share[k, x] * m.idle_mw_per_k[k] * m.fleet[h, a, k, t]
            for a, k in m.load_systems[h, x, t, s]
        ) + sum(
            m.medium_share[k, x] * m.swing_mw_per_k[k] * m.profile[w, s] * m.serve[w, h, a, k, t]
            for w, a, k in m.load_firm[h, x, t, s]
        ) + sum(
            m.medium_share[k, x] * m.swing_mw_per_k[k] * m.run[w, h, a, k, t, s]
            for w, a, k in m.load_soft[h, x, t, s]
        )

    def peak_rule(m: Any, h: Any, x: Any, t: Any, s: Any) -> Any:
        return m.it_peak[h, x, t, s] == sum(
            m.medium_share[k, x] * m.peak_mw_per_k[k] * m.fleet[h, a, k, t]
            for a, k in m.design_systems[h, x, t, s]
        )

    m.it_load_balance = Rule(m.LOAD, rule=load_rule)
    m.it_peak_balance = Rule(m.LOAD_DESIGN, rule=peak_rule)


def _declare_cooling_and_power(m: Any, case: Case) -> None:
    n = case.calendar.n
    mode = case.hosts["mode"]
    margin = 1.0 + case.physics["cooling_margin"]
    loads = pd.DataFrame([*m.LOAD, *m.LOAD_DESIGN], columns=["h", "m", "t", "s"])
    built = loads[loads["h"].map(mode) == "build"]
    carry = built.merge(case.heat.reset_index(drop=True), on=["h", "m"])
    add_set(m, "HEAT", columns(carry, ["h", "c", "m", "t", "s"]), 5)
    add_var(m, "heat", m.HEAT)
    add_set(m, "CARRIED", columns(built[built["s"] != DESIGN], ["h", "m", "t", "s"]), 4)
    add_set(m, "CARRIED_DESIGN", columns(built[built["s"] == DESIGN], ["h", "m", "t", "s"]), 4)
    carriers = grouped(carry, ["h", "m", "t", "s"], ["c"])
    add_family(m, "carriers", m.CARRIED, carriers, 1)
    add_family(m, "design_carriers", m.CARRIED_DESIGN, carriers, 1)
    m.heat_balance = Rule(
        m.CARRIED,
        rule=lambda m, h, x, t, s: (
            sum(m.heat[h, c, x, t, s] for c in m.carriers[h, x, t, s]) == m.it_load[h, x, t, s]
        ),
    )
    m.heat_peak = Rule(
        m.CARRIED_DESIGN,
        rule=lambda m, h, x, t, s: (
            sum(m.heat[h, c, x, t, s] for c in m.design_carriers[h, x, t, s]) == m.it_peak[h, x, t, s]
        ),
    )
    _declare_cooling(m, case, carry, margin, n)
    _declare_power(m, case, carry, n)


def _declare_cooling(m: Any, case: Case, carry: pd.DataFrame, margin: float, n: int) -> None:
    add_set(m, "COOL", tuples(case.cooling), 3)
    add_var(m, "cool", m.COOL)
    capacity = dict.fromkeys(columns(carry, ["h", "c", "t", "s"]))
    add_set(m, "COOLED", capacity, 4)
    add_family(m, "cooled_media", m.COOLED, grouped(carry, ["h", "c", "t", "s"], ["m"]), 1)
    living = alive_map(case.cooling, ["h", "c"], ["t"], "life", n)
    add_family(m, "cool_alive", m.COOLED, {key: living.get(key[:3], []) for key in capacity}, 1)
    included = {(r.h, r.c): float(r.included) for r in case.heat.itertuples()}
    add_param(m, "cool_included", m.COOLED, {key: included[key[:2]] for key in capacity})
    held = {(r.h, r.c): float(r.mw) for r in case.existing_cooling.itertuples()}
    add_param(m, "cool_existing", m.COOLED, {key: held.get(key[:2], 0.0) for key in capacity})

    def rule(m: Any, h: Any, c: Any, t: Any, s: Any) -> Any:
        return sum(m.heat[h, c, x, t, s] for x in m.cooled_media[h, c, t, s]) <= m.cool_included[
            h, c, t, s
        ] * m.space_mw[h, t] + (1 / margin) * (
            m.cool_existing[h, c, t, s] + sum(m.cool[h, c, u] for u in m.cool_alive[h, c, t, s])
        )

    m.cooling_capacity = Rule(m.COOLED, rule=rule)


def _declare_power(m: Any, case: Case, carry: pd.DataFrame, n: int) -> None:
    add_set(m, "CONNECT", tuples(case.connections), 3)
    add_set(m, "BACKUP", tuples(case.backups), 3)
    add_var(m, "connect", m.CONNECT)
    add_var(m, "backup", m.BACKUP)
    add_set(m, "PUE", tuples(case.pue), 4)
    add_param(m, "pue", m.PUE, case.pue["pue"])
    typical, design = carry[carry["s"] != DESIGN], carry[carry["s"] == DESIGN]
    add_set(m, "IMPORT_BUILD", dict.fromkeys(columns(typical, ["h", "t", "s"])), 3)
    colo = [(h, t, s) for h, x, t, s in m.LOAD if x == MEDIA[0] and case.hosts.loc[h, "mode"] == "colocation"]
    add_set(m, "IMPORT_COLO", colo, 3)
    add_set(m, "IMPORT", [*m.IMPORT_BUILD, *m.IMPORT_COLO], 3)
    add_set(m, "MEDIA", MEDIA, 1)
    add_var(m, "grid_import", m.IMPORT)
    add_family(m, "import_heat", m.IMPORT_BUILD, grouped(typical, ["h", "t", "s"], ["c", "m"]), 2)
    building = case.physics["colocation_pue"]
    m.energy_balance = Rule(
        m.IMPORT_BUILD,
        rule=lambda m, h, t, s: (
            m.grid_import[h, t, s]
            == sum(m.pue[h, c, t, s] * m.heat[h, c, x, t, s] for c, x in m.import_heat[h, t, s])
        ),
    )
    m.energy_colocation = Rule(
        m.IMPORT_COLO,
        rule=lambda m, h, t, s: (
            m.grid_import[h, t, s] == building * sum(m.it_load[h, x, t, s] for x in m.MEDIA)
        ),
    )
    add_set(m, "FIRM", dict.fromkeys(columns(design, ["h", "t", "s"])), 3)
    add_family(m, "firm_heat", m.FIRM, grouped(design, ["h", "t", "s"], ["c", "m"]), 2)
    lines = alive_map(case.connections, ["h"], ["n", "t"], "life", n)
    sets = alive_map(case.backups, ["h"], ["g", "t"], "life", n)
    add_family(m, "lines_alive", m.FIRM, {key: lines.get(key[:2], []) for key in m.FIRM}, 2)
    add_family(m, "sets_alive", m.FIRM, {key: sets.get(key[:2], []) for key in m.FIRM}, 2)
    add_param(m, "existing_grid_mw", m.PLACE, case.host_period["existing_grid_mw"])
    add_param(m, "existing_backup_mw", m.PLACE, case.host_period["existing_backup_mw"])
    critical = case.physics["backup_critical_share"]

    def firm_rule(m: Any, h: Any, t: Any, s: Any) -> Any:
        return sum(
            m.pue[h, c, t, s] * m.heat[h, c, x, t, s] for c, x in m.firm_heat[h, t, s]
        ) <= m.existing_grid_mw[h, t] + sum(m.connect[h, i, u] for i, u in m.lines_alive[h, t, s])

    def backup_rule(m: Any, h: Any, t: Any, s: Any) -> Any:
        return critical * sum(
            m.pue[h, c, t, s] * m.heat[h, c, x, t, s] for c, x in m.firm_heat[h, t, s]
        ) <= m.existing_backup_mw[h, t] + sum(m.backup[h, g, u] for g, u in m.sets_alive[h, t, s])

    m.firm_power = Rule(m.FIRM, rule=firm_rule)
    m.backup_power = Rule(m.FIRM, rule=backup_rule)


def _declare_sites(m: Any, case: Case) -> None:
    n = case.calendar.n
    built = case.host_period[case.host_period["mode"] == "build"]
    keys = dict.fromkeys(columns(built, ["p", "t"]))
    add_set(m, "SITE", keys, 2)
    limits = case.site_period.loc[list(m.SITE)] if keys else case.site_period.iloc[:0]
    add_param(m, "site_grid_mw", m.SITE, limits["grid_mw"])
    land = limits[limits["max_it_mw"] < float("inf")]
    add_set(m, "SITE_LAND", tuples(land), 2)
    add_param(m, "site_land_mw", m.SITE_LAND, land["max_it_mw"])
    hosts_at = grouped(built, ["p", "t"], ["h"])
    add_family(m, "hosts_at", m.SITE, hosts_at, 1)
    add_family(m, "land_hosts", m.SITE_LAND, hosts_at, 1)
    lines = alive_map(
        case.connections.assign(p=case.connections["h"].map(case.hosts["p"])),
        ["p"],
        ["h", "n", "t"],
        "life",
        n,
    )
    add_family(m, "site_lines", m.SITE, lines, 3)
    m.site_grid = Rule(
        m.SITE,
        rule=lambda m, p, t: (
            sum(m.connect[h, i, u] for h, i, u in m.site_lines[p, t])
            + sum(m.existing_grid_mw[h, t] for h in m.hosts_at[p, t])
            <= m.site_grid_mw[p, t]
        ),
    )
    m.site_land = Rule(
        m.SITE_LAND,
        rule=lambda m, p, t: sum(m.space_mw[h, t] for h in m.land_hosts[p, t]) <= m.site_land_mw[p, t],
    )
    _declare_water(m, case, limits)


def _declare_water(m: Any, case: Case, limits: pd.DataFrame) -> None:
    dry = limits[limits["water_m3"] < float("inf")]
    add_set(m, "SITE_WATER", tuples(dry), 2)
    add_param(m, "site_water_k_m3", m.SITE_WATER, dry["water_m3"] / 1000.0)
    heat = pd.DataFrame([*m.HEAT], columns=["h", "c", "m", "t", "s"])
    heat = heat[heat["s"] != DESIGN].assign(p=lambda d: d["h"].map(case.hosts["p"]))
    add_family(m, "site_heat", m.SITE_WATER, grouped(heat, ["p", "t"], ["h", "c", "m", "s"]), 4)
    litres = (
        case.pue["litres_per_kwh"]
        * case.slices["hours"].reindex(pd.MultiIndex.from_frame(case.pue[["t", "s"]])).to_numpy()
    )
    add_param(m, "water_k_m3_per_mw", m.PUE, litres / 1000.0)
    m.site_water = Rule(
        m.SITE_WATER,
        rule=lambda m, p, t: (
            sum(m.water_k_m3_per_mw[h, c, t, s] * m.heat[h, c, x, t, s] for h, c, x, s in m.site_heat[p, t])
            <= m.site_water_k_m3[p, t]
        ),
    )


def entries(case: Case) -> list[pd.DataFrame]:
    """Site opening and teams, halls, leases, cooling, grid, backup, energy, water and emissions.

    Permits and mobilisation are sunk: a life of one period leaves no residual value. What is built, leased and
    consumed at a place counts as made in its country: no source splits halls and plant by where parts come from.
    """
    opens, hosts = case.opens, case.hosts
    team = opens["h"].map(hosts["team_musd_per_period"]).to_numpy(float)
    life = case.calendar.n
    out = [
        *asset(
            case,
            "open",
            opens.assign(life=1),
            opens["musd"],
            "site",
            0.0,
            "",
            account="site",
            **_local(case, opens["h"]),
        ),
        *yearly(case, "open", opens, team, life, kind="opex", account="team", **_local(case, opens["h"])),
    ]
    for host in hosts[hosts["exists"] & (hosts["mode"] != "cloud")].itertuples():
        out.append(book("constant", [()] * life, list(range(life)), float(host.team_musd_per_period), kind="opex",
                        account="team", h=str(host.h), origin_iso3=str(host.country)))  # fmt: skip
    for family, whole in (("halls", True), ("halls_late", False)):
        part = case.halls[case.halls["integer"].astype(bool) == whole]
        upkeep = (part["musd"] * part["opex_share_per_year"] * case.calendar.years).to_numpy(float)
        out += asset(
            case,
            family,
            part,
            part["musd"],
            "halls",
            part["it_mw"],
            "MW IT",
            account="halls",
            **_local(case, part["h"]),
        )
        out += yearly(
            case,
            family,
            part,
            upkeep,
            part["life"],
            kind="opex",
            account="hall-upkeep",
            **_local(case, part["h"]),
        )
    leases = case.leases
    if len(leases):
        out += yearly(case, "lease", leases, leases["musd_per_mw_period"], leases["periods"], kind="rent",
                      account="colocation-rent", **_local(case, leases["h"]))  # fmt: skip
    lines, sets, cool = case.connections, case.backups, case.cooling
    out += asset(
        case,
        "cool",
        cool,
        cool["musd_per_mw"],
        "cooling",
        1.0,
        "MW heat",
        account="cooling",
        **_local(case, cool["h"]),
    )
    out += asset(
        case,
        "connect",
        lines,
        lines["musd_per_mw"],
        "grid",
        1.0,
        "MW grid",
        account="grid",
        **_local(case, lines["h"]),
    )
    out += yearly(case, "connect", lines, lines["charge_musd_per_mw_period"], lines["life"], kind="energy",
                  account="capacity-charge", **_local(case, lines["h"]))  # fmt: skip
    out += asset(
        case,
        "backup",
        sets,
        sets["musd_per_mw"],
        "backup",
        1.0,
        "MW backup",
        account="backup",
        **_local(case, sets["h"]),
    )
    om = (sets["musd_per_mw"] * sets["om_share_per_year"] * case.calendar.years).to_numpy(float)
    out += yearly(
        case,
        "backup",
        sets,
        om,
        sets["life"],
        kind="opex",
        account="backup-upkeep",
        **_local(case, sets["h"]),
    )
    return [*out, *_energy_entries(case)]


def _local(case: Case, hosts: pd.Series) -> dict[str, pd.Series]:
    """Host and origin of what is bought where the host stands."""
    return {"h": hosts, "origin_iso3": hosts.map(case.hosts["country"])}


def _energy_entries(case: Case) -> list[pd.DataFrame]:
    own = case.host_period.reset_index(drop=True)
    typical = case.slices[~case.slices["design"]].reset_index(drop=True)
    table = own.merge(typical, on="t")
    index = columns(table, ["h", "t", "s"])
    mwh = table["hours"].to_numpy(float)
    price = table["musd_per_mwh"].to_numpy(float) * table["tariff_factor"].to_numpy(float)
    out = [
        book("grid_import", index, table["t"], price * mwh, mwh, unit="MWh", kind="energy", account="electricity",
             **_local(case, table["h"])),
        book("grid_import", index, table["t"], 0.0, table["tco2_per_mwh"].to_numpy(float) * mwh, unit="tCO2",
             kind="physical", account="emissions", h=table["h"]),
    ]  # fmt: skip
    heat = (
        case.heat.reset_index(drop=True)
        .merge(case.pue.reset_index(drop=True), on=["h", "c"])
        .merge(typical, on=["t", "s"])
    )
    litres = heat["litres_per_kwh"].to_numpy(float) * heat["hours"].to_numpy(float)
    out.append(book("heat", columns(heat, ["h", "c", "m", "t", "s"]), heat["t"], 0.0, litres, unit="m3",
                    kind="physical", account="water", h=heat["h"]))  # fmt: skip
    return out
