"""What of a place's power and cooling its first workload has to wait for.

Not heat recovery, unless a share of heat is owed; nor what carries nothing firm: contracts for energy, sun, wind, and
storage that gives nothing where lines and other plant fall short; nor firm plant beyond what lines leave of the load of the
first period. These make energy cheaper or cleaner, and the place could serve without them. A share of renewable energy in
force is the exception: in a calendar year in which no source of it gives any energy, nothing may be drawn. A cap on carbon
is none: less work keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from planner.case.case import STRESS, Case
from planner.case.cooling import RECOVERY
from planner.case.plant_offers import STORED
from planner.case.registry import PURCHASE

Tables = Mapping[str, pd.DataFrame]
SOURCES = ("plants", "bridges", "hires", "ppas")
"""Tables of what gives energy."""
LEAST_MW = 1e-4
"""Of what carries load: less is the tolerance of the solver."""


def steps_ahead(case: Case, tables: Tables, h: str, begins: int, table: str, row: pd.Series) -> int | None:
    """Steps by which a host may serve before a purchase in a table of the plan is live; None where it need not wait for it.

    ``begins``: the period of its first service.
    """
    if table not in SOURCES:
        owed = "c" not in row or row["c"] != RECOVERY or _heat_owed(case, h, int(row["t"]))
        return 0 if owed else None
    g = str(row["g"])
    if table != "ppas" and (table, g) in _carrying(case, tables, h, begins):
        return 0
    return _renewable_ahead(case, tables, h, g)


def _heat_owed(case: Case, h: str, t: int) -> bool:
    """Whether a least share of reused energy binds a host in a period."""
    floors = case.reuse_floors.reset_index(drop=True)
    return bool(((floors["h"] == h) & (floors["t"] == t)).any())


def _carrying(case: Case, tables: Tables, h: str, t: int) -> set[tuple[str, str]]:
    """(table, g) of the plant without which a host cannot carry its load of a period; all that is firm where the plan does
    not say what its lines carry.

    Of plant that could be there on different days those that are there first and suffice; under N+1 all, as any may be lost.
    """
    steady, stored = list[_Plant](), list[_Plant]()
    for plant in _standing(case, tables, h, t):
        if case.supplies.loc[(h, plant.g), "fuel"] == STORED:
            stored.append(plant)
        elif plant.rating_mw > 0:
            steady.append(plant)
    if "power" not in tables:
        return {(plant.table, plant.g) for plant in (*steady, *stored) if plant.rating_mw > 0}
    power = tables["power"]
    (own,) = power[(power["h"] == h) & (power["t"] == t)].to_dict("records")
    beyond_lines = own["facility_peak_mw"] - own["grid_mw"] - own["flexible_mw"]
    generated, discharged = _in_stress(tables, h, t, own)
    needed = {(plant.table, plant.g) for plant in stored} if (
        own["storage_firm_mw"] > LEAST_MW or discharged > LEAST_MW
    ) else set()  # fmt: skip
    missing = max(beyond_lines - own["storage_firm_mw"], generated, 0.0) + own["plant_standby_mw"]
    if h in {host for host, _ in case.redundant.index} and max(beyond_lines, generated) > LEAST_MW:
        return {(plant.table, plant.g) for plant in (*steady, *stored)}
    for plant in sorted(steady, key=lambda each: (each.soonest, each.live_t)):
        if missing > LEAST_MW:
            needed.add((plant.table, plant.g))
        missing -= plant.rating_mw
    return needed


@dataclass
class _Plant:
    """One kind of plant of a table of the plan: MW that are firm, steps until it could be there, its first period."""

    table: str
    g: str
    rating_mw: float
    soonest: int
    live_t: int


def _standing(case: Case, tables: Tables, h: str, t: int) -> list[_Plant]:
    """Plant of a host that stands in a period."""
    found: dict[tuple[str, str], _Plant] = {}
    for name in ("plants", "bridges", "hires"):
        table, purchase = tables.get(name), PURCHASE[name]
        if table is None or not len(table):
            continue
        for _, row in table[(table["h"] == h) & (table["t"] <= t) & (table["added_mw"] > 0)].iterrows():
            facts, g = getattr(case, name).loc[tuple(row[list(purchase.index)])], str(row["g"])
            live = int(row["t"])
            if case.calendar.ends(live, int(facts[purchase.life])) <= t:
                continue
            plant = found.setdefault(
                (name, g), _Plant(name, g, 0.0, int(facts["lead"]) + int(facts.get("permit_steps", 0)), live)
            )
            plant.rating_mw += float(row["added_mw"]) * float(case.supplies.loc[(h, g), "firm_share"])
            plant.live_t = min(plant.live_t, live)
    return list(found.values())


def _in_stress(tables: Tables, h: str, t: int, own: Mapping[str, float]) -> tuple[float, float]:
    """MW beside a flexible line that plant and storage give in stressed hours, plant no more than the firm line leaves."""
    if own["flexible_mw"] <= LEAST_MW or "dispatch" not in tables:
        return 0.0, 0.0
    given = tables["dispatch"]
    given = given[(given["h"] == h) & (given["t"] == t) & (given["s"] == STRESS)]
    drawn = given["import_mw"] + given["generation_mw"] - own["grid_mw"]
    return float(drawn.clip(lower=0.0).sum()), float(given["discharge_mw"].sum())


def _renewable_ahead(case: Case, tables: Tables, h: str, g: str) -> int | None:
    """Of the first source of a plan that counts as renewable, where a share holds in the year in which it comes: from there
    back to the first period of that year.
    """
    first = _first_renewable(case, tables)
    if first is None or first[:2] != (h, g):
        return None
    t, years, floors = first[2], case.periods["year"], case.renewable_floors
    asked = floors[(floors["year"] == str(years[t])) & (floors["share"] > 0)]
    if not len(asked):
        return None
    return int(case.calendar.step_of(t) - case.calendar.step_of(int(years.index[years == years[t]].min())))


def _first_renewable(case: Case, tables: Tables) -> tuple[str, str, int] | None:
    """Host, name and first period of it; of several that come together the one with the shortest lead."""
    found = []
    for name in SOURCES:
        table = tables.get(name)
        if table is not None and len(table):
            table = table[table["added_mw"] > 0]
            counts = [key in case.renewables.index for key in zip(table["h"], table["g"], strict=True)]
            decided = pd.to_datetime(table[PURCHASE[name].decided_date])
            found.append(table.assign(decided=decided).loc[counts, ["h", "g", "t", "decided"]])
    sources = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
    if not len(sources):
        return None
    row = sources.sort_values(["t", "decided"], ascending=[True, False], kind="stable").iloc[0]
    return str(row["h"]), str(row["g"]), int(row["t"])
