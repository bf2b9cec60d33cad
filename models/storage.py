"""Storage of energy: what it takes and gives in a slice, and how full it is at the slice's end, over the typical day.

Variables: charge[h,g,t,s], discharge[h,g,t,s] MW; level[h,g,t,s] MWh that it can give at the end of a slice of the day;
eased[h,c,m,t] MW of heat that cooling carries less than in the design hour, mean over the rest of that day.

    charge + discharge <= share that works x storage alive                             (h,g,t,s)  storage_power
    level <= energy that storage alive still holds                                     (h,g,t,s)  storage_energy
    sum over slices of hours x discharge <= cycles warranted x energy still held       (h,g,t)    storage_cycles
    level = level before + hours of the slice x (round trip x charge - discharge)
            - in the first slice, what stressed hours took, by the day                 (h,g,t,s)  storage_level
    hours of an event x discharge in stressed hours <= level                           (h,g,t,s)  storage_event
    sum over kinds of recharge hours x storage_firm
        <= rest hours x PUE of the design hour x eased                                 (h,t)      recharge
    eased <= heat in the design hour                                                   (h,c,m,t)  eased_heat
    sum over c of eased <= design load - mean load of the day, IT of a medium          (h,m,t)    eased_load

The day is a circle: it ends as full as it began. Nothing is charged in stressed hours or in the design hour. What is given
in stressed hours is taken back on other days. What carries the design hour (``storage_firm`` of ``planner.models.plant``,
for e hours of an event) is taken back in the 24 - e rest hours of that day by lines and steady plant, which beside the
usual load have left what they carry of the design load: each kind asks for its own e / round trip of MWh and, since it is
no part of what they carry, for 1 MW less of theirs in every rest hour; recharge hours = 24 - e + e / round trip. So lines
and steady plant carry the mean of the design day, with a unit lost too (``models/redundancy.py``), which is out for longer
than storage lasts. Machines do their usual work in the rest hours, cooled at the PUE of the design hour. Storage counts as
firm less what it has lost by its age (``planner.case.fading``).
"""

from __future__ import annotations

from typing import Any

from planner.case.case import DESIGN, STRESS, Case
from planner.models.common import add_family, add_param, add_set, add_var, tuples
from planner.models.plant import add_standing, standing_mw
from planner.models.rules import Rule


def declare(m: Any, case: Case) -> None:
    """What storage does in every slice, where heat may be carried; plant comes before it and power after."""
    loaded = {(h, t, s) for h, _, _, t, s in m.HEAT}
    keys = [key for key in tuples(case.stores) if (key[0], *key[2:]) in loaded]
    day = [key for key in keys if key[3] != STRESS]
    add_set(m, "STORE", keys, 4)
    add_set(m, "STORE_DAY", day, 4)
    add_var(m, "charge", m.STORE_DAY)
    add_var(m, "discharge", m.STORE)
    add_var(m, "level", m.STORE_DAY)
    kinds = case.storages
    for name in ("hours", "available", "efficiency", "event_hours"):
        add_param(m, f"storage_{name}", m.STORE, {key: kinds.at[key[:2], name] for key in keys})
    add_standing(m, case, "stores", m.STORE, ["h", "g"])
    add_family(m, "charging", m.STORE, {key: [key] if key in m.STORE_DAY else [] for key in keys}, 4)
    m.storage_power = Rule(
        m.STORE,
        rule=lambda m, h, g, t, s: (
            sum(m.charge[i, j, u, v] for i, j, u, v in m.charging[h, g, t, s]) + m.discharge[h, g, t, s]
            <= m.storage_available[h, g, t, s]
            * standing_mw(
                m, h, g, m.stores_plants[h, g, t, s], m.stores_bridges[h, g, t, s], m.stores_hires[h, g, t, s]
            )
        ),
    )
    m.storage_energy = Rule(
        m.STORE_DAY,
        rule=lambda m, h, g, t, s: (
            m.level[h, g, t, s]
            <= m.storage_hours[h, g, t, s]
            * unfaded_mw(
                m,
                h,
                g,
                t,
                m.stores_plants[h, g, t, s],
                m.stores_bridges[h, g, t, s],
                m.stores_hires[h, g, t, s],
            )
        ),
    )
    _declare_cycles(m, case, keys)
    _declare_level(m, case, day)


def unfaded_mw(m: Any, h: Any, g: Any, t: Any, bought: Any, bridging: Any, hired: Any) -> Any:
    """MW of storage as new that hold as much as what stands, by its age; rented storage holds what its contract names."""
    return (
        sum(m.storage_holds[h, g, v, t] * m.plant[h, g, v] for v in bought)
        + sum(m.storage_holds[h, g, v, t] * m.bridge[h, g, u, v] for u, v in bridging)
        + sum(m.hire[h, g, v] for v in hired)
    )


def _declare_cycles(m: Any, case: Case, keys: list[Any]) -> None:
    """Full cycles of what is still held, no more in a period than its part of those warranted a year."""
    slices: dict[Any, list[str]] = {}
    for h, g, t, s in keys:
        slices.setdefault((h, g, t), []).append(s)
    add_set(m, "STORE_CYCLED", slices, 3)
    add_family(m, "cycled", m.STORE_CYCLED, slices, 1)
    add_standing(m, case, "cycled", m.STORE_CYCLED, ["h", "g"])
    hours, years, kinds = case.slices["hours"], case.calendar.years, case.storages
    add_param(m, "store_hours", m.STORE, {key: hours[key[2:]] for key in keys})
    each = kinds["cycles_per_year"] * kinds["hours"]
    add_param(m, "cycled_hours", m.STORE_CYCLED, {key: each[key[:2]] * years[key[2]] for key in slices})
    m.storage_cycles = Rule(
        m.STORE_CYCLED,
        rule=lambda m, h, g, t: (
            sum(m.store_hours[h, g, t, s] * m.discharge[h, g, t, s] for s in m.cycled[h, g, t])
            <= m.cycled_hours[h, g, t]
            * unfaded_mw(
                m,
                h,
                g,
                t,
                m.cycled_plants[h, g, t],
                m.cycled_bridges[h, g, t],
                m.cycled_hires[h, g, t],
            )
        ),
    )


def _declare_level(m: Any, case: Case, day: list[Any]) -> None:
    stressed = {key: (*key[:3], STRESS) for key in day if (*key[:3], STRESS) in m.STORE}
    first = day[0][3] if day else ""
    before = {key: [(*key[:3], case.stores.at[key, "previous"])] for key in day}
    taken = {key: [stressed[key]] for key in day if key in stressed and key[3] == first}
    add_family(m, "level_before", m.STORE_DAY, before, 4)
    add_family(m, "taken_back", m.STORE_DAY, taken, 4)
    add_param(m, "day_hours", m.STORE_DAY, {key: case.stores.at[key, "day_hours"] for key in day})
    hours, each = case.slices["hours"], dict.fromkeys(stressed.values())
    add_set(m, "STORE_STRESS", each, 4)
    by_day = {key: hours[key[2:]] / _ordinary_days(case, key[2]) for key in each}
    add_param(m, "stressed_by_day", m.STORE_STRESS, by_day)
    m.storage_level = Rule(
        m.STORE_DAY,
        rule=lambda m, h, g, t, s: (
            m.level[h, g, t, s]
            == sum(m.level[i, j, u, v] for i, j, u, v in m.level_before[h, g, t, s])
            + m.day_hours[h, g, t, s]
            * (m.storage_efficiency[h, g, t, s] * m.charge[h, g, t, s] - m.discharge[h, g, t, s])
            - sum(
                m.stressed_by_day[i, j, u, v] * m.discharge[i, j, u, v]
                for i, j, u, v in m.taken_back[h, g, t, s]
            )
        ),
    )
    add_set(m, "STORE_EVENT", stressed, 4)
    add_family(m, "event", m.STORE_EVENT, {key: [event] for key, event in stressed.items()}, 4)
    m.storage_event = Rule(
        m.STORE_EVENT,
        rule=lambda m, h, g, t, s: (
            m.storage_event_hours[h, g, t, s]
            * sum(m.discharge[i, j, u, v] for i, j, u, v in m.event[h, g, t, s])
            <= m.level[h, g, t, s]
        ),
    )


def _ordinary_days(case: Case, t: int) -> float:
    """Days of a period without its stressed hours."""
    return float(case.slices.loc[t]["hours"].drop(STRESS, errors="ignore").sum()) / 24.0


def declare_recharge(m: Any, case: Case) -> None:
    """The day of the design hour; power comes before it."""
    stored = {(h, t) for h, _, t in m.STORE_KIND}
    add_set(m, "RECHARGE", [key for key in m.FIRM if key[:2] in stored], 3)
    cooled = [(h, x, t) for h, x, t, _ in m.CARRIED_DESIGN if (h, t) in stored]
    slices: dict[tuple[str, str, int], list[str]] = {}
    for h, x, t, v in m.CARRIED:
        if v != STRESS:
            slices.setdefault((h, x, t), []).append(v)
    add_set(m, "EASED_LOAD", cooled, 3)
    add_family(m, "usual_slices", m.EASED_LOAD, {key: slices.get(key, []) for key in cooled}, 1)
    add_set(m, "USUAL", dict.fromkeys((key[2], v) for key in cooled for v in m.usual_slices[key]), 2)
    hours = case.slices["hours"]
    share = {key: hours[key] / 24.0 / _ordinary_days(case, key[0]) for key in m.USUAL}
    add_param(m, "usual_share", m.USUAL, share)
    add_set(m, "EASED", [(h, c, x, t) for h, x, t in cooled for c in m.design_carriers[h, x, t, DESIGN]], 4)
    add_var(m, "eased", m.EASED)
    m.eased_heat = Rule(m.EASED, rule=lambda m, h, c, x, t: m.eased[h, c, x, t] <= m.heat[h, c, x, t, DESIGN])
    m.eased_load = Rule(
        m.EASED_LOAD,
        rule=lambda m, h, x, t: (
            sum(m.eased[h, c, x, t] for c in m.design_carriers[h, x, t, DESIGN])
            <= m.it_peak[h, x, t, DESIGN]
            - sum(m.usual_share[t, v] * m.it_load[h, x, t, v] for v in m.usual_slices[h, x, t])
        ),
    )
    kinds = case.storages
    rest = (24.0 - kinds["event_hours"]).clip(lower=0.0)
    taken = rest + kinds["event_hours"] / kinds["efficiency"]
    add_param(m, "rest_hours", m.RECHARGE, {key: rest[key[0]].iloc[0] for key in m.RECHARGE})
    add_param(m, "recharge_hours", m.STORE_KIND, {key: taken[key[:2]] for key in m.STORE_KIND})
    m.recharge = Rule(
        m.RECHARGE,
        rule=lambda m, h, t, s: (
            sum(m.recharge_hours[h, g, t] * m.storage_firm[h, g, t] for g in m.stored_kinds[h, t])
            <= m.rest_hours[h, t, s]
            * sum(m.pue[h, c, t, s] * m.eased[h, c, x, t] for c, x in m.firm_heat[h, t, s])
        ),
    )
