"""Plant of a site's own: what stands, what of it is firm or held as backup, what it gives, what it burns.

Variables: plant[h,g,t] MW bought, going live; bridge[h,g,u,t] the same, sold again at the start of u; hire[h,g,t] MW of
contracts starting; plant_units, bridge_units, hire_units the same in units, where it comes in whole ones; gen[h,g,t,s] MW
given in a slice; plant_firm[h,t], plant_standby[h,t] MW of the rating that carry the design load, and that are backup;
storage_firm[h,g,t] MW that storage of a kind gives in the design hour.

    gen <= share of the slice x alive                                                  (h,g,t,s)  plant_output
    storage_firm <= firm share x alive - faded                                         (h,g,t)    storage_rating
    plant_firm + plant_standby <= sum over g but storage of firm share x alive + storage_firm
                                                                                       (h,t)      plant_rating
    plant_standby <= the same over what starts within the time the UPS carries         (h,t)      standby_rating
    sum over firm g of gen + plant_standby <= the same over all firm g but storage     (h,t,s)    stress_rating
    sum over hosts of alive <= most MW at the site                                     (p,g,t)    site_plant
    plant = MW of a unit x plant_units;  bridge, hire alike                            (h,g,t)    plant_whole, hire_whole
                                                                                       (h,g,u,t)  bridge_whole

faded is what storage has lost of its firm share by its age, and ``planner.models.storage`` holds what it gives in the
design hour to what that day charges again; alive is plant within its life, bridge before its sale, hire
within its term. A megawatt is firm or backup, never both; nor does it give power in stressed hours, when lines may carry
nothing, and stand by as well. What is given beyond the load is not sold: it is not generated. Where a site offers nothing
there are no variables and no rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyomo.environ as pe

from planner.case.case import STRESS, Case
from planner.case.columns import joined
from planner.case.fading import holds, years_at_end
from planner.case.plant_offers import steady_supplies
from planner.case.registry import PURCHASE
from planner.models.common import add_family, add_param, add_set, add_var, alive_map, columns, tuples
from planner.models.ledger import Booked, asset, book, local
from planner.models.rules import Rule

STANDS = {kind: PURCHASE[kind].life for kind in ("plants", "bridges", "hires")}
"""Tables of what stands at a place, and the column of each that says for how many steps."""


def declare(m: Any, case: Case) -> None:
    """Plant and what it gives, where heat may be carried; cooling comes before it and power after."""
    loaded = {(h, t, s) for h, _, _, t, s in m.HEAT}
    outputs = [key for key in tuples(case.outputs) if (key[0], *key[2:]) in loaded]
    add_set(m, "PLANT", tuples(case.plants), 3)
    add_set(m, "BRIDGE", tuples(case.bridges), 4)
    add_set(m, "HIRE", tuples(case.hires), 3)
    add_set(m, "OUTPUT", outputs, 4)
    stored = dict.fromkeys((h, g, t) for h, g, t, s in tuples(case.stores) if (h, t, s) in loaded)
    add_set(m, "STORE_KIND", stored, 3)
    add_set(m, "ONSITE", dict.fromkeys((h, t) for h, _, t, *_ in (*outputs, *stored)), 2)
    add_var(m, "plant", m.PLANT)
    add_var(m, "bridge", m.BRIDGE)
    add_var(m, "hire", m.HIRE)
    add_var(m, "gen", m.OUTPUT)
    add_var(m, "plant_firm", m.ONSITE)
    add_var(m, "plant_standby", m.ONSITE)
    add_var(m, "storage_firm", m.STORE_KIND)
    add_set(m, "SUPPLY", tuples(case.supplies), 2)
    add_param(m, "firm_share", m.SUPPLY, case.supplies["firm_share"])
    _declare_ages(m, case)
    _declare_output(m, case)
    _declare_rating(m, case)
    _declare_stress(m, case)
    _declare_site(m, case)
    _declare_units(m, case)


def add_standing(
    m: Any,
    case: Case,
    name: str,
    index: Any,
    by: list[str],
    kinds: Any = None,
    tables: Sequence[str] = tuple(STANDS),
) -> None:
    """Families of what is alive over an index that begins with ``by`` and the period: NAME_plants, _bridges and _hires.

    ``kinds`` are the (host, kind) that count; left out, all do. Members: what of a purchase's index is not in ``by``.
    """
    for kind in tables:
        table: pd.DataFrame = getattr(case, kind)
        if kinds is not None:
            table = table[np.array([key in kinds for key in columns(table, ["h", "g"])], dtype=bool)]
        take = [key for key in PURCHASE[kind].index if key not in by]
        living = alive_map(table, by, take, STANDS[kind], case.calendar)
        alive = {key: living.get(key[: len(by) + 1], []) for key in index}
        add_family(m, f"{name}_{kind}", index, alive, len(take))


def standing_mw(m: Any, h: Any, g: Any, bought: Any, bridging: Any, hired: Any) -> Any:
    """MW of a kind that stand, of the members of three families of ``add_standing``."""
    return (
        sum(m.plant[h, g, v] for v in bought)
        + sum(m.bridge[h, g, u, v] for u, v in bridging)
        + sum(m.hire[h, g, v] for v in hired)
    )


def firm_mw(m: Any, h: Any, bought: Any, bridging: Any, hired: Any) -> Any:
    """MW that can be counted on, of the members of three families of ``add_standing``."""
    return (
        sum(m.firm_share[h, g] * m.plant[h, g, v] for g, v in bought)
        + sum(m.firm_share[h, g] * m.bridge[h, g, u, v] for g, u, v in bridging)
        + sum(m.firm_share[h, g] * m.hire[h, g, v] for g, v in hired)
    )


def steady_mw(m: Any, h: Any, t: Any) -> Any:
    """MW of firm plant but storage that stand, by ONSITE."""
    return firm_mw(m, h, m.steady_plants[h, t], m.steady_bridges[h, t], m.steady_hires[h, t])


def rating_mw(m: Any, h: Any, t: Any) -> Any:
    """MW of plant that can be counted on in the design hour, by ONSITE."""
    return steady_mw(m, h, t) + sum(m.storage_firm[h, g, t] for g in m.stored_kinds[h, t])


def faded_mw(m: Any, h: Any, g: Any, t: Any, bought: Any, bridging: Any) -> Any:
    """MW that storage bought of a kind has lost by its age of what can be counted on."""
    return sum(m.firm_faded[h, g, v, t] * m.plant[h, g, v] for v in bought) + sum(
        m.firm_faded[h, g, v, t] * m.bridge[h, g, u, v] for u, v in bridging
    )


def _declare_ages(m: Any, case: Case) -> None:
    """What storage bought still holds, and has lost of its firm share, by the period of its live date and each later one."""
    stored = case.storages.index
    kinds = ["h", "g"]
    storage = np.array([key in stored for key in columns(case.plants, kinds)], dtype=bool)
    bought = case.plants[storage].reset_index(drop=True)
    bought = bought[[*kinds, "t", "fade_per_year"]].rename(columns={"t": "v"})
    ages = bought.merge(pd.DataFrame({"t": range(case.calendar.n)}), how="cross")
    ages = ages[ages["t"] >= ages["v"]].reset_index(drop=True)
    left = holds(ages["fade_per_year"], years_at_end(case.calendar, ages["v"], ages["t"]))
    kind = ages[kinds].join(case.storages[["hours", "event_hours", "available"]], on=kinds)
    lasts, works = kind["hours"] / kind["event_hours"], kind["available"]
    lost = works * (np.minimum(1.0, lasts) - np.minimum(1.0, lasts * left))
    add_set(m, "AGED", columns(ages, [*kinds, "v", "t"]), 4)
    add_param(m, "storage_holds", m.AGED, pd.Series(left))
    add_param(m, "firm_faded", m.AGED, lost)


def _declare_output(m: Any, case: Case) -> None:
    add_param(m, "output_share", m.OUTPUT, {key: case.outputs.at[key, "share"] for key in m.OUTPUT})
    add_standing(m, case, "output", m.OUTPUT, ["h", "g"])
    m.plant_output = Rule(
        m.OUTPUT,
        rule=lambda m, h, g, t, s: (
            m.gen[h, g, t, s]
            <= m.output_share[h, g, t, s]
            * standing_mw(
                m, h, g, m.output_plants[h, g, t, s], m.output_bridges[h, g, t, s], m.output_hires[h, g, t, s]
            )
        ),
    )


def _declare_rating(m: Any, case: Case) -> None:
    steady = steady_supplies(case.supplies)
    starting = steady[steady["starts"]]
    for kind, some in (("steady", steady), ("standby", starting)):
        add_standing(m, case, kind, m.ONSITE, ["h"], some.index)
    add_standing(m, case, "rated", m.STORE_KIND, ["h", "g"])
    kinds: dict[tuple[str, int], list[str]] = {}
    for h, g, t in m.STORE_KIND:
        kinds.setdefault((h, t), []).append(g)
    add_family(m, "stored_kinds", m.ONSITE, kinds, 1)
    m.storage_rating = Rule(
        m.STORE_KIND,
        rule=lambda m, h, g, t: (
            m.storage_firm[h, g, t]
            <= m.firm_share[h, g]
            * standing_mw(m, h, g, m.rated_plants[h, g, t], m.rated_bridges[h, g, t], m.rated_hires[h, g, t])
            - faded_mw(m, h, g, t, m.rated_plants[h, g, t], m.rated_bridges[h, g, t])
        ),
    )
    m.plant_rating = Rule(
        m.ONSITE,
        rule=lambda m, h, t: m.plant_firm[h, t] + m.plant_standby[h, t] <= rating_mw(m, h, t),
    )
    m.standby_rating = Rule(
        m.ONSITE,
        rule=lambda m, h, t: (
            m.plant_standby[h, t]
            <= firm_mw(m, h, m.standby_plants[h, t], m.standby_bridges[h, t], m.standby_hires[h, t])
        ),
    )


def _declare_stress(m: Any, case: Case) -> None:
    """What gives power in stressed hours is no backup then."""
    steady = steady_supplies(case.supplies).index
    kinds: dict[tuple[str, int, str], list[str]] = {}
    for h, g, t, s in m.OUTPUT:
        if s == STRESS and (h, g) in steady:
            kinds.setdefault((h, t, s), []).append(g)
    add_set(m, "STRESSED", kinds, 3)
    add_family(m, "stress_kinds", m.STRESSED, kinds, 1)
    m.stress_rating = Rule(
        m.STRESSED,
        rule=lambda m, h, t, s: (
            sum(m.gen[h, g, t, s] for g in m.stress_kinds[h, t, s]) + m.plant_standby[h, t]
            <= steady_mw(m, h, t)
        ),
    )


def _declare_site(m: Any, case: Case) -> None:
    """Most megawatts of a kind at a site, where something limits it."""
    most = case.supplies[case.supplies["max_mw"] < np.inf].groupby(["p", "g"])["max_mw"].first()
    found: dict[str, dict[Any, list[Any]]] = {}
    for kind, life in STANDS.items():
        table: pd.DataFrame = getattr(case, kind)
        table = table.assign(p=table["h"].map(case.hosts["p"])) if len(table) else table
        take = [key for key in PURCHASE[kind].index if key != "g"]
        living = alive_map(table, ["p", "g"], take, life, case.calendar)
        found[kind] = {key: rows for key, rows in living.items() if key[:2] in most.index}
    keys = dict.fromkeys(key for living in found.values() for key in living)
    add_set(m, "SITE_PLANT", keys, 3)
    add_param(m, "site_plant_mw", m.SITE_PLANT, {key: most[key[:2]] for key in keys})
    for kind, living in found.items():
        add_family(m, f"site_{kind}", m.SITE_PLANT, living, len(PURCHASE[kind].index) - 1)
    m.site_plant = Rule(
        m.SITE_PLANT,
        rule=lambda m, p, g, t: (
            sum(m.plant[h, g, v] for h, v in m.site_plants[p, g, t])
            + sum(m.bridge[h, g, u, v] for h, u, v in m.site_bridges[p, g, t])
            + sum(m.hire[h, g, v] for h, v in m.site_hires[p, g, t])
            <= m.site_plant_mw[p, g, t]
        ),
    )


def _declare_units(m: Any, case: Case) -> None:
    """Whole units of what is not sold in any amount."""
    whole = case.supplies.index[case.supplies["whole"]]
    for name, keys, parts in (("PLANT", m.PLANT, 3), ("BRIDGE", m.BRIDGE, 4), ("HIRE", m.HIRE, 3)):
        add_set(m, f"{name}_WHOLE", [key for key in keys if key[:2] in whole], parts)
    m.plant_units = pe.Var(m.PLANT_WHOLE, domain=pe.NonNegativeIntegers, dense=False)
    m.bridge_units = pe.Var(m.BRIDGE_WHOLE, domain=pe.NonNegativeIntegers, dense=False)
    m.hire_units = pe.Var(m.HIRE_WHOLE, domain=pe.NonNegativeIntegers, dense=False)
    add_param(m, "plant_unit_mw", m.SUPPLY, case.supplies["unit_mw"])
    m.plant_whole = Rule(
        m.PLANT_WHOLE,
        rule=lambda m, h, g, t: m.plant[h, g, t] == m.plant_unit_mw[h, g] * m.plant_units[h, g, t],
    )
    m.bridge_whole = Rule(
        m.BRIDGE_WHOLE,
        rule=lambda m, h, g, u, t: m.bridge[h, g, u, t] == m.plant_unit_mw[h, g] * m.bridge_units[h, g, u, t],
    )
    m.hire_whole = Rule(
        m.HIRE_WHOLE,
        rule=lambda m, h, g, t: m.hire[h, g, t] == m.plant_unit_mw[h, g] * m.hire_units[h, g, t],
    )


def entries(case: Case) -> list[Booked]:
    """Plant bought, and what generation costs, burns and emits; upkeep and rent are charges of the registry."""
    out = [*_bought(case, "plant", case.plants), *_bought(case, "bridge", case.bridges)]
    table = case.outputs.reset_index(drop=True)
    if not len(table):
        return out
    table = joined(table, case.slices.reset_index(drop=True)[["t", "s", "hours"]], ["t", "s"])
    table = joined(table, case.supplies, ["h", "g"])
    index, hours = columns(table, ["h", "g", "t", "s"]), table["hours"].to_numpy(float)
    burnt = table["mmbtu_per_mwh"].to_numpy(float) * hours
    here = local(case, table["h"])
    return [
        *out,
        book("gen", index, table["t"], table["running_musd_per_mwh"] * hours, hours, account="generation", **here),
        book("gen", index, table["t"], table["musd_per_mmbtu"] * burnt, burnt, account="fuel", **here),
        book("gen", index, table["t"], 0.0, table["tco2_per_mwh"] * hours, account="plant-emissions", h=table["h"]),
    ]  # fmt: skip


def _bought(case: Case, family: str, plants: pd.DataFrame) -> list[Booked]:
    """Purchases of a family, whose account is of its name, by asset class."""
    return [
        entry
        for name, rows in plants.groupby("asset_class", sort=False)
        for entry in asset(
            case, family, rows, rows["musd_per_mw"], 1.0, family, str(name), **local(case, rows["h"])
        )
    ]
