"""Cooling: which technology carries the heat of what stands in built halls, and how much of it there must be.

Variables: cool[h,c,t] MW of heat going live; heat[h,c,m,t,s] MW of IT heat of medium m carried by technology c.

    sum over c of heat[h,c,m,t,s] = IT load of medium m in the slice         (h,m,t,s)   heat_balance, heat_peak
    sum over m of heat <= included x space_mw + (existing + cool alive) / (1 + margin) + refit alive
                                                                             (h,c,t,s)   cooling_capacity

In the design slice the IT load is the nameplate peak. ``included`` is 1 where the hall's price contains the
technology, else 0. Leased halls and clouds have none of these rows: their price includes them.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from planner.case.case import DESIGN, Case
from planner.case.columns import joined, records
from planner.case.cooling import existing_cooling_mw
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
from planner.models.ledger import Booked, asset, local
from planner.models.rules import Rule


def declare(m: Any, case: Case) -> None:
    """Heat of the load and the capacity that carries it; the load comes first."""
    _declare_heat(m, case)
    _declare_capacity(m, case)


def _declare_heat(m: Any, case: Case) -> None:
    mode = case.hosts["mode"]
    loads = pd.DataFrame([*m.LOAD, *m.LOAD_DESIGN], columns=["h", "m", "t", "s"])
    built = loads[loads["h"].map(mode) == "build"]
    carry = joined(built, case.heat, ["h", "m"])
    add_set(m, "HEAT", distinct(carry, ["h", "c", "m", "t", "s"]), 5)
    add_var(m, "heat", m.HEAT)
    add_set(m, "CARRIED", distinct(built[built["s"] != DESIGN], ["h", "m", "t", "s"]), 4)
    add_set(m, "CARRIED_DESIGN", distinct(built[built["s"] == DESIGN], ["h", "m", "t", "s"]), 4)
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


def _declare_capacity(m: Any, case: Case) -> None:
    margin = 1.0 + case.physics["cooling_margin"]
    carry = pd.DataFrame([*m.HEAT], columns=["h", "c", "m", "t", "s"])
    add_set(m, "COOL", tuples(case.cooling), 3)
    add_var(m, "cool", m.COOL)
    capacity = dict.fromkeys(columns(carry, ["h", "c", "t", "s"]))
    add_set(m, "COOLED", capacity, 4)
    add_family(m, "cooled_media", m.COOLED, grouped(carry, ["h", "c", "t", "s"], ["m"]), 1)
    living = alive_map(case.cooling, ["h", "c"], ["t"], "life", case.calendar)
    add_family(m, "cool_alive", m.COOLED, {key: living.get(key[:3], []) for key in capacity}, 1)
    fitted = alive_map(case.refits, ["h", "c"], ["t"], "life", case.calendar)
    add_family(m, "refit_alive", m.COOLED, {key: fitted.get(key[:3], []) for key in capacity}, 1)
    included = {(r.h, r.c): float(r.included) for r in records(case.heat)}
    add_param(m, "cool_included", m.COOLED, {key: included[key[:2]] for key in capacity})
    held = existing_cooling_mw(case)
    add_param(m, "cool_existing", m.COOLED, {key: held.get(key[:3], 0.0) for key in capacity})

    def rule(m: Any, h: Any, c: Any, t: Any, s: Any) -> Any:
        return sum(m.heat[h, c, x, t, s] for x in m.cooled_media[h, c, t, s]) <= m.cool_included[
            h, c, t, s
        ] * m.space_mw[h, t] + (1 / margin) * (
            m.cool_existing[h, c, t, s] + sum(m.cool[h, c, u] for u in m.cool_alive[h, c, t, s])
        ) + sum(m.refit[h, c, u] for u in m.refit_alive[h, c, t, s])

    m.cooling_capacity = Rule(m.COOLED, rule=rule)


def entries(case: Case) -> list[Booked]:
    """Cooling bought on top of what halls include."""
    cool = case.cooling
    return asset(case, "cool", cool, cool["musd_per_mw"], 1.0, "cooling", **local(case, cool["h"]))
