"""What of a place's power and cooling its first workload has to wait for.

Not heat recovery, unless a share of heat is owed; nor what carries nothing firm: contracts for energy, sun, wind, and
storage that gives nothing where lines and other plant fall short. These make energy cheaper or cleaner, and the place
could serve without them. A share of renewable energy in force is the exception: in a calendar year in which no source of
it gives any energy, nothing may be drawn. A cap on carbon is none: less work keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping

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
    return 0 if _carries(case, tables, h, begins, g) else _renewable_ahead(case, tables, h, g)


def _heat_owed(case: Case, h: str, t: int) -> bool:
    """Whether a least share of reused energy binds a host in a period."""
    floors = case.reuse_floors.reset_index(drop=True)
    return bool(((floors["h"] == h) & (floors["t"] == t)).any())


def _carries(case: Case, tables: Tables, h: str, t: int, g: str) -> bool:
    """Whether plant carries load: all that is firm, and storage that gives in the design hour, in stressed hours beside a
    flexible line, or may have to while a unit of N+1 is lost.
    """
    if (h, g) not in case.supplies.index:
        return False  # a contract
    fuel, firm = case.supplies.loc[(h, g), ["fuel", "firm_share"]]
    power = tables.get("power")
    if fuel != STORED or power is None:
        return bool(firm > 0)
    (own,) = power[(power["h"] == h) & (power["t"] == t)].to_dict("records")
    if own["storage_firm_mw"] > LEAST_MW:
        return True
    if own["flexible_mw"] > LEAST_MW and "dispatch" in tables:
        given = tables["dispatch"]
        given = given[(given["h"] == h) & (given["t"] == t) & (given["s"] == STRESS)]
        if (given["discharge_mw"] > LEAST_MW).any():
            return True
    beyond_lines = own["facility_peak_mw"] - own["grid_mw"] - own["flexible_mw"]
    return h in {host for host, _ in case.redundant.index} and bool(beyond_lines > LEAST_MW)


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
