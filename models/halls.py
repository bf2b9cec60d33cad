"""Halls: MW of space for systems, in halls built and in leased halls.

Variables: halls[h,b,t] integer while the order date lies in the window, halls_late[h,b,t] continuous beyond;
lease[h,t] MW starting; space_mw[h,t] MW of IT that may stand.

    space_mw = existing + sum of hall MW x halls alive + leases alive               (h,t)   space_stock
    space_mw <= maximum of the host x (exists + opened by t)                        (h,t)   space_max
    sum over a,k of peak MW x (fleet - stored - emptied) + refits at work <= space_mw   (h,t)   space
    sum over build hosts at the site of space_mw <= its land                        (p,t)   site_land
    sum over halls alive in standing shells <= what the site's shells hold          (p,t)   site_shell

Clouds have none of these rows: their price includes them.
"""

from __future__ import annotations

from typing import Any

import pyomo.environ as pe

from planner.case.case import Case
from planner.case.commitments import leases_paid
from planner.case.refits import emptied_rows
from planner.case.registry import PURCHASE
from planner.models.common import add_family, add_param, add_set, add_var, alive_map, grouped, tuples
from planner.models.ledger import CONSTANT, Booked, asset, book, local
from planner.models.rules import Rule


def declare(m: Any, case: Case) -> None:
    """What can be added to a host's space, what stands in it, and its limits."""
    _declare_stock(m, case)
    _declare_space(m, case)
    _declare_land(m, case)
    _declare_shell(m, case)


def _declare_stock(m: Any, case: Case) -> None:
    whole = case.halls["integer"].astype(bool)
    add_set(m, "HALL", tuples(case.halls[whole]), 3)
    add_set(m, "HALL_LATE", tuples(case.halls[~whole]), 3)
    add_set(m, "LEASE", tuples(case.leases), 2)
    m.halls = pe.Var(m.HALL, domain=pe.NonNegativeIntegers, dense=False)
    add_var(m, "halls_late", m.HALL_LATE)
    add_var(m, "lease", m.LEASE)
    add_param(m, "hall_mw", m.HALL, case.halls[whole]["it_mw"])
    add_param(m, "hall_late_mw", m.HALL_LATE, case.halls[~whole]["it_mw"])
    add_family(
        m, "halls_alive", m.PLACE, alive_map(case.halls[whole], ["h"], ["b", "t"], "life", case.calendar), 2
    )
    add_family(
        m, "late_alive", m.PLACE, alive_map(case.halls[~whole], ["h"], ["b", "t"], "life", case.calendar), 2
    )
    add_family(m, "leases_alive", m.PLACE, alive_map(case.leases, ["h"], ["t"], "periods", case.calendar), 1)
    add_var(m, "space_mw", m.PLACE)
    for name in ("exists", "existing_mw", "max_mw"):
        add_param(m, name, m.PLACE, case.host_period[name])

    def stock_rule(m: Any, h: Any, t: Any) -> Any:
        built = built_mw(m, h, m.halls_alive[h, t], m.late_alive[h, t])
        return m.space_mw[h, t] == m.existing_mw[h, t] + built + sum(
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


def built_mw(m: Any, h: Any, whole: Any, late: Any) -> Any:
    """MW of IT of halls of a host, of (hall type, live period) in whole numbers and in parts."""
    return sum(m.hall_mw[h, b, u] * m.halls[h, b, u] for b, u in whole) + sum(
        m.hall_late_mw[h, b, u] * m.halls_late[h, b, u] for b, u in late
    )


def _declare_space(m: Any, case: Case) -> None:
    add_set(m, "SYSTEM", tuples(case.systems), 1)
    for name in ("peak_mw_per_k", "idle_mw_per_k", "working_mw_per_k"):
        add_param(m, name, m.SYSTEM, case.systems[name])
    fleet = case.fleet[case.fleet["h"].map(case.hosts["mode"]) != "cloud"]
    add_family(m, "systems_at", m.PLACE, grouped(fleet, ["h", "t"], ["a", "k"]), 2)
    stored = grouped(case.stored, ["h", "t"], ["a", "k"])
    add_family(m, "stored_at", m.PLACE, stored, 2)
    add_family(m, "emptied_at", m.PLACE, grouped(emptied_rows(case), ["h", "t"], ["a", "k"]), 2)
    m.space = Rule(
        m.PLACE,
        rule=lambda m, h, t: (
            sum(m.peak_mw_per_k[k] * m.fleet[h, a, k, t] for a, k in m.systems_at[h, t])
            - sum(m.peak_mw_per_k[k] * m.stored[h, a, k, t] for a, k in m.stored_at[h, t])
            - sum(m.peak_mw_per_k[k] * m.emptied[h, a, k, t] for a, k in m.emptied_at[h, t])
            + sum(m.refit[h, c, u] for c, u in m.refits_at_work[h, t])
            <= m.space_mw[h, t]
        ),
    )


def _declare_land(m: Any, case: Case) -> None:
    land = case.site_period["max_it_mw"]
    limited = {key: land[key] for key in m.SITE if land[key] < float("inf")}
    add_set(m, "SITE_LAND", limited, 2)
    add_param(m, "site_land_mw", m.SITE_LAND, limited)
    add_family(m, "land_hosts", m.SITE_LAND, {key: list(m.hosts_at[key]) for key in m.SITE_LAND}, 1)
    m.site_land = Rule(
        m.SITE_LAND,
        rule=lambda m, p, t: sum(m.space_mw[h, t] for h in m.land_hosts[p, t]) <= m.site_land_mw[p, t],
    )


def _declare_shell(m: Any, case: Case) -> None:
    """Only where a hall may stand in a shell."""
    rows = case.halls[case.halls["in_shell"]]
    rows = rows.assign(p=rows["h"].map(case.hosts["p"]))
    whole = rows["integer"].astype(bool)
    early, late = (
        alive_map(part, ["p"], ["h", "b", "t"], "life", case.calendar) for part in (rows[whole], rows[~whole])
    )
    shell = case.site_period["shell_it_mw"]
    add_set(m, "SITE_SHELL", [key for key in m.SITE if key in early or key in late], 2)
    add_param(m, "site_shell_mw", m.SITE_SHELL, {key: shell[key] for key in m.SITE_SHELL})
    for name, alive in (("shell_halls", early), ("shell_late", late)):
        add_family(m, name, m.SITE_SHELL, {key: alive.get(key, []) for key in m.SITE_SHELL}, 3)
    m.site_shell = Rule(
        m.SITE_SHELL,
        rule=lambda m, p, t: (
            sum(m.hall_mw[h, b, u] * m.halls[h, b, u] for h, b, u in m.shell_halls[p, t])
            + sum(m.hall_late_mw[h, b, u] * m.halls_late[h, b, u] for h, b, u in m.shell_late[p, t])
            <= m.site_shell_mw[p, t]
        ),
    )


def entries(case: Case) -> list[Booked]:
    """Halls built, leases that are there; upkeep of halls and rent of new leases are charges of the registry."""
    rents, late = leases_paid(case), case.existing_leases[case.existing_leases["tail_musd"] > 0]
    account = "colocation-rent"
    out = [
        book(CONSTANT, [()] * len(rents), rents["t"], rents["musd"], account=account, **local(case, rents["h"])),
        book(CONSTANT, [()] * len(late), case.calendar.n, late["tail_musd"], account=account, kind="commitment",
             **local(case, late["h"])),
    ]  # fmt: skip
    for family, part in PURCHASE["halls"].parts(case.halls):
        where = local(case, part["h"])
        out += asset(case, family, part, part["musd"], part["it_mw"], "halls", **where)
        risky = part[part["risk_musd"] > 0].assign(life=1)
        out += asset(case, family, risky, risky["risk_musd"], 0.0, "order-risk", **local(case, risky["h"]))
    return out
