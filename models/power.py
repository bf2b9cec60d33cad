"""Power: what the fleet draws, the grid and backup that must stand, the energy and water it takes.

Variables: it_load[h,m,t,s], it_peak[h,m,t,design] MW of IT by medium of heat; connect[h,n,t], backup[h,g,t] MW going
live; grid_import[h,t,s] MW drawn from the grid.

    it_load = medium's share of (idle MW x (fleet - stored) + (working - idle) MW x what works)    (h,m,t,s)  it_load_balance
    it_peak = medium's share of nameplate MW x (fleet - stored)                                    design     it_peak_balance
    grid_import + own generation + discharge = sum over c,m of PUE_c(T) x heat + charge   build  (h,t,s)    energy_balance
    grid_import = PUE of the building x IT load                        leased halls     (h,t,s)    energy_colocation
    sum over c,m of PUE x heat <= existing grid + connect alive + plant_firm            design     firm_power
    critical share x the same  <= existing backup + backup alive + plant_standby        design     backup_power
    sum over build hosts of grid <= grid of the site                                    (p,t)      site_grid
    sum of litres per kWh x hours x heat <= water of the site                           (p,t)      site_water

Plant of a site's own (``models/plant.py``) gives ``gen``, ``plant_firm`` and ``plant_standby``, where it is offered;
``models/lines.py`` holds import against the lines. The grid of a site binds firm connections.
Clouds have none of these rows: their price includes them.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from planner.case.case import DESIGN, MEDIA, Case
from planner.case.columns import joined
from planner.models.common import (
    add_family,
    add_param,
    add_set,
    add_var,
    alive_map,
    columns,
    distinct,
    grouped,
    tuples,
)
from planner.models.ledger import Booked, asset, book, local
from planner.models.rules import Rule


def declare(m: Any, case: Case) -> None:
    """Energy, grid, backup and water, from the heat that cooling carries; ``declare_load`` comes before it."""
    carry = pd.DataFrame([*m.HEAT], columns=["h", "c", "m", "t", "s"])
    _declare_energy(m, case, carry[carry["s"] != DESIGN])
    _declare_firm(m, case, carry[carry["s"] == DESIGN])
    _declare_site_grid(m, case)
    _declare_water(m, case)


def declare_load(m: Any, case: Case) -> None:
    """IT load by host, medium, period and slice, as an expression of what the fleet does."""
    slices = case.slices.reset_index(drop=True)[["t", "s", "design"]]
    own = case.fleet[case.fleet["h"].map(case.hosts["mode"]) != "cloud"]
    keys = joined(own.reset_index(drop=True)[["h", "t"]].drop_duplicates(), slices, ["t"])
    keys = keys.merge(pd.DataFrame({"m": MEDIA}), how="cross")
    typical = keys[~keys["design"]]
    add_set(m, "LOAD", distinct(typical, ["h", "m", "t", "s"]), 4)
    add_set(m, "LOAD_DESIGN", distinct(keys[keys["design"]], ["h", "m", "t", "s"]), 4)
    shares = case.systems[list(MEDIA)].stack()
    add_set(m, "MEDIUM_SHARE", [(str(k), str(x)) for k, x in shares.index], 2)
    add_param(m, "medium_share", m.MEDIUM_SHARE, shares)
    parts = own.reset_index(drop=True)[["h", "a", "k", "t"]]
    heavy = joined(parts, shares[shares > 0].rename_axis(["k", "m"]).reset_index(name="x"), ["k"])
    by_load = grouped(heavy, ["h", "m", "t"], ["a", "k"])
    spread = {key: by_load.get(key[:3], []) for key in [*m.LOAD, *m.LOAD_DESIGN]}
    add_family(m, "load_systems", m.LOAD, spread, 2)
    add_family(m, "design_systems", m.LOAD_DESIGN, spread, 2)
    dark = joined(heavy, case.stored.reset_index(drop=True)[["h", "a", "k", "t"]], ["h", "a", "k", "t"])
    off = grouped(dark, ["h", "m", "t"], ["a", "k"])
    for name, index in (("load_stored", m.LOAD), ("design_stored", m.LOAD_DESIGN)):
        add_family(m, name, index, {key: off.get(key[:3], []) for key in index}, 2)
    work = joined(case.serve.reset_index(drop=True)[["w", "h", "a", "k", "t"]], heavy, ["h", "a", "k", "t"])
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
        ) - sum(
            m.medium_share[k, x] * m.idle_mw_per_k[k] * m.stored[h, a, k, t]
            for a, k in m.load_stored[h, x, t, s]
        )

    def peak_rule(m: Any, h: Any, x: Any, t: Any, s: Any) -> Any:
        return m.it_peak[h, x, t, s] == sum(
            m.medium_share[k, x] * m.peak_mw_per_k[k] * m.fleet[h, a, k, t]
            for a, k in m.design_systems[h, x, t, s]
        ) - sum(
            m.medium_share[k, x] * m.peak_mw_per_k[k] * m.stored[h, a, k, t]
            for a, k in m.design_stored[h, x, t, s]
        )

    m.it_load_balance = Rule(m.LOAD, rule=load_rule)
    m.it_peak_balance = Rule(m.LOAD_DESIGN, rule=peak_rule)


def _declare_energy(m: Any, case: Case, typical: pd.DataFrame) -> None:
    add_set(m, "PUE", tuples(case.pue), 4)
    add_param(m, "pue", m.PUE, case.pue["pue"])
    add_set(m, "IMPORT_BUILD", distinct(typical, ["h", "t", "s"]), 3)
    colo = [(h, t, s) for h, x, t, s in m.LOAD if x == MEDIA[0] and case.hosts.loc[h, "mode"] == "colocation"]
    add_set(m, "IMPORT_COLO", colo, 3)
    add_set(m, "IMPORT", [*m.IMPORT_BUILD, *m.IMPORT_COLO], 3)
    add_set(m, "MEDIA", MEDIA, 1)
    add_var(m, "grid_import", m.IMPORT)
    add_family(m, "import_heat", m.IMPORT_BUILD, grouped(typical, ["h", "t", "s"], ["c", "m"]), 2)
    giving = grouped(pd.DataFrame([*m.OUTPUT], columns=["h", "g", "t", "s"]), ["h", "t", "s"], ["g"])
    add_family(m, "import_plant", m.IMPORT_BUILD, giving, 1)
    stores = pd.DataFrame([*m.STORE], columns=["h", "g", "t", "s"])
    charged = pd.DataFrame([*m.STORE_DAY], columns=["h", "g", "t", "s"])
    for name, table in (("import_discharge", stores), ("import_charge", charged)):
        add_family(m, name, m.IMPORT_BUILD, grouped(table, ["h", "t", "s"], ["g"]), 1)
    building = case.physics["colocation_pue"]
    m.energy_balance = Rule(
        m.IMPORT_BUILD,
        rule=lambda m, h, t, s: (
            m.grid_import[h, t, s]
            + sum(m.gen[h, g, t, s] for g in m.import_plant[h, t, s])
            + sum(m.discharge[h, g, t, s] for g in m.import_discharge[h, t, s])
            == sum(m.pue[h, c, t, s] * m.heat[h, c, x, t, s] for c, x in m.import_heat[h, t, s])
            + sum(m.charge[h, g, t, s] for g in m.import_charge[h, t, s])
        ),
    )
    m.energy_colocation = Rule(
        m.IMPORT_COLO,
        rule=lambda m, h, t, s: (
            m.grid_import[h, t, s] == building * sum(m.it_load[h, x, t, s] for x in m.MEDIA)
        ),
    )


def _declare_firm(m: Any, case: Case, design: pd.DataFrame) -> None:
    add_set(m, "CONNECT", tuples(case.connections), 3)
    add_set(m, "BACKUP", tuples(case.backups), 3)
    add_var(m, "connect", m.CONNECT)
    add_var(m, "backup", m.BACKUP)
    add_set(m, "FIRM", distinct(design, ["h", "t", "s"]), 3)
    add_family(m, "firm_heat", m.FIRM, grouped(design, ["h", "t", "s"], ["c", "m"]), 2)
    lines = alive_map(case.connections, ["h"], ["n", "t"], "life", case.calendar)
    sets = alive_map(case.backups, ["h"], ["g", "t"], "life", case.calendar)
    add_family(m, "lines_alive", m.FIRM, {key: lines.get(key[:2], []) for key in m.FIRM}, 2)
    add_family(m, "sets_alive", m.FIRM, {key: sets.get(key[:2], []) for key in m.FIRM}, 2)
    add_param(m, "existing_grid_mw", m.PLACE, case.host_period["existing_grid_mw"])
    add_param(m, "existing_backup_mw", m.PLACE, case.host_period["existing_backup_mw"])
    critical = case.physics["backup_critical_share"]
    own = {key: [key[:2]] if key[:2] in m.ONSITE else [] for key in m.FIRM}
    add_family(m, "firm_onsite", m.FIRM, own, 2)

    def firm_rule(m: Any, h: Any, t: Any, s: Any) -> Any:
        return sum(
            m.pue[h, c, t, s] * m.heat[h, c, x, t, s] for c, x in m.firm_heat[h, t, s]
        ) <= m.existing_grid_mw[h, t] + sum(m.connect[h, i, u] for i, u in m.lines_alive[h, t, s]) + sum(
            m.plant_firm[i, u] for i, u in m.firm_onsite[h, t, s]
        )

    def backup_rule(m: Any, h: Any, t: Any, s: Any) -> Any:
        return critical * sum(
            m.pue[h, c, t, s] * m.heat[h, c, x, t, s] for c, x in m.firm_heat[h, t, s]
        ) <= m.existing_backup_mw[h, t] + sum(m.backup[h, g, u] for g, u in m.sets_alive[h, t, s]) + sum(
            m.plant_standby[i, u] for i, u in m.firm_onsite[h, t, s]
        )

    m.firm_power = Rule(m.FIRM, rule=firm_rule)
    m.backup_power = Rule(m.FIRM, rule=backup_rule)


def _declare_site_grid(m: Any, case: Case) -> None:
    grid = case.site_period["grid_mw"]
    add_param(m, "site_grid_mw", m.SITE, {key: grid[key] for key in m.SITE})
    firm = case.connections[~case.connections["flexible"]]
    lines = alive_map(
        firm.assign(p=firm["h"].map(case.hosts["p"])),
        ["p"],
        ["h", "n", "t"],
        "life",
        case.calendar,
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


def _declare_water(m: Any, case: Case) -> None:
    water = case.site_period["water_m3"]
    limited = {key: water[key] / 1000.0 for key in m.SITE if water[key] < float("inf")}
    add_set(m, "SITE_WATER", limited, 2)
    add_param(m, "site_water_k_m3", m.SITE_WATER, limited)
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


def entries(case: Case) -> list[Booked]:
    """Grid, backup, electricity, emissions and water; capacity charge and upkeep are charges of the registry."""
    lines, sets = case.connections, case.backups
    return [
        *asset(case, "connect", lines, lines["musd_per_mw"], 1.0, "grid", **local(case, lines["h"])),
        *asset(case, "backup", sets, sets["musd_per_mw"], 1.0, "backup", **local(case, sets["h"])),
        *_energy_entries(case),
    ]


def _energy_entries(case: Case) -> list[Booked]:
    own = case.host_period.reset_index(drop=True)[["h", "t", "tco2_per_mwh"]]
    typical = case.slices[~case.slices["design"]].reset_index(drop=True)
    table = joined(joined(own, typical, ["t"]), case.tariffs, ["h", "t", "s"])
    index = columns(table, ["h", "t", "s"])
    mwh = table["hours"].to_numpy(float)
    carried = table[table["network_musd_per_mwh"] > 0]
    fee = carried["network_musd_per_mwh"] * carried["hours"]
    tonnes = table["tco2_per_mwh"].to_numpy(float) * mwh
    out = [
        book(
            "grid_import",
            index,
            table["t"],
            table["musd_per_mwh"].to_numpy(float) * mwh,
            mwh,
            account="electricity",
            **local(case, table["h"]),
        ),
        book(
            "grid_import",
            columns(carried, ["h", "t", "s"]),
            carried["t"],
            fee,
            account="network-fee",
            **local(case, carried["h"]),
        ),
        book("grid_import", index, table["t"], 0.0, tonnes, account="emissions", h=table["h"]),
    ]
    heat = joined(
        joined(case.heat, case.pue, ["h", "c"]),
        typical,
        ["t", "s"],
    )
    litres = heat["litres_per_kwh"].to_numpy(float) * heat["hours"].to_numpy(float)
    index = columns(heat, ["h", "c", "m", "t", "s"])
    out.append(book("heat", index, heat["t"], 0.0, litres, account="water", h=heat["h"]))
    return out
