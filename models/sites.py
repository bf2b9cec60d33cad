"""Sites: where hosts may stand and when they open, and the team each open host needs.

Variables: open[h,t] binary: the host opens at the start of t.

    sum over t of open[h,t] <= 1                                                    (h)     open_once

Clouds and hosts that exist already have no opening. What stands at a site is limited by its land (``halls``), its
grid and its water (``power``).
"""

from __future__ import annotations

from typing import Any

import pyomo.environ as pe

from planner.case.case import Case
from planner.case.columns import records
from planner.models.common import add_family, add_set, distinct, grouped, tuples
from planner.models.ledger import CONSTANT, Booked, asset, book, local, yearly
from planner.models.rules import Rule


def declare(m: Any, case: Case) -> None:
    """Opening dates and the sites of what is built: needed by the demand links, so declared before them."""
    add_set(m, "OPEN", tuples(case.opens), 2)
    m.open = pe.Var(m.OPEN, domain=pe.Binary, dense=False)
    add_set(m, "HOST", dict.fromkeys(case.opens["h"]), 1)
    by = grouped(case.opens, ["h"], ["t"])
    add_family(m, "open_dates", m.HOST, by, 1)
    places = tuples(case.host_period)
    add_set(m, "PLACE", places, 2)
    add_family(m, "opens_by", m.PLACE, {(h, t): [u for u in by.get(h, []) if u <= t] for h, t in places}, 1)
    m.open_once = Rule(m.HOST, rule=lambda m, h: sum(m.open[h, t] for t in m.open_dates[h]) <= 1)
    built = case.host_period[case.host_period["mode"] == "build"]
    add_set(m, "SITE", distinct(built, ["p", "t"]), 2)
    add_family(m, "hosts_at", m.SITE, grouped(built, ["p", "t"], ["h"]), 1)


def entries(case: Case) -> list[Booked]:
    """Opening and teams. Permits and mobilisation are sunk: a life of one period leaves no residual value."""
    opens, hosts, n = case.opens, case.hosts, case.calendar.n
    team = opens["h"].map(hosts["team_musd_per_step"]).to_numpy(float)
    where = local(case, opens["h"])
    out = [
        *asset(case, "open", opens.assign(life=1), opens["musd"], 0.0, "site", **where),
        *yearly(case, "open", opens, team, case.calendar.n_steps, account="team", **where),
    ]
    for host in records(hosts[hosts["exists"] & (hosts["mode"] != "cloud")]):
        team_musd, where = (
            float(host.team_musd_per_step),
            {"h": str(host.h), "origin_iso3": str(host.country)},
        )
        out.append(
            book(CONSTANT, [()] * n, list(range(n)), team_musd * case.calendar.steps, account="team", **where)
        )
    return out
