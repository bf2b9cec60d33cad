"""Halls: what may be built or leased, from when, and what it costs."""

from __future__ import annotations

from typing import Any

import pandas as pd

from planner.case import costs
from planner.case.commitments import TAIL, leases_with_tails, signed_leases, steps_until
from planner.case.context import Context, keyed
from planner.case.cooling import bought_apart
from planner.case.permits import hall_lead_months, hall_types, hall_works, opens_from, permit_from
from planner.case.table import Table

TABLES = {
    "halls": Table(("h", "b", "t"), {
        "it_mw": "MW of IT of one hall", "lead": "steps from the order to the live date",
        "order_t": "period of the order", "works": "steps of the lead that follow the permit",
        "musd": "price of one hall with land and site works, MUSD",
        "risk_musd": "paid on top where it is ordered before the permit, MUSD", "life": "steps it stands",
        "upkeep_musd_per_step": "upkeep of one hall, MUSD per step",
        "integer": "whether halls are whole: ordered within the integer window",
        "in_shell": "whether it stands in a building that was there",
    }),
    "leases": Table(("h", "t"), {
        "periods": "steps of the term", "musd_per_mw_step": "rent, MUSD per MW of IT and step", **TAIL,
    }),
    "existing_leases": Table(("id",), {
        "h": "host", "it_mw": "MW of IT", "musd_per_step": "rent, MUSD per step",
        "rent_periods": "steps from the start in which rent is paid, the last in part", **TAIL,
    }),
}  # fmt: skip


def hall_table(context: Context) -> pd.DataFrame:
    """Halls that may go live, each ordered no earlier than the plan's start and built no earlier than its permit."""
    rows: list[tuple[Any, ...]] = []
    solve, calendar = context.scenario.solve, context.calendar
    for h in context.scenario.hosts:
        if h.mode != "build":
            continue
        permit = permit_from(context, h)
        for b in hall_types(context, h):
            row = context.catalog.table("halls").loc[b]
            lead = calendar.whole_steps(hall_lead_months(context, h, b))
            life = context.life_steps("halls", b)
            mw, upkeep = float(row["it_mw"]), float(row["opex_share_per_year"]) * calendar.step_years
            works, inside = hall_works(context, h, b), bool(row["in_shell"])
            for t in range(max(calendar.after(0, lead), calendar.after(permit, works)), calendar.n):
                order_t, ordered = calendar.before(t, lead), calendar.step_of(t) - lead
                built = costs.hall_musd_per_mw(context, context.site(h.site), b, ordered) * mw
                risk = (
                    float(row["risk_cost_factor"])
                    * costs.construction(context, context.site(h.site), ordered)
                    * mw
                )
                musd = built + context.param("land_musd_per_mw_it") * mw
                if bought_apart(h):
                    musd -= costs.room_air_musd_per_mw(context, context.site(h.site), ordered) * mw
                whole = solve.integers == "all" or (
                    solve.integers == "window" and ordered < solve.integer_window_periods
                )
                each = (mw, lead, order_t, works, musd, risk, life, built * upkeep, whole, inside)
                rows.append((h.id, b, t, *each))
    return TABLES["halls"].frame(rows)


def lease_table(context: Context) -> pd.DataFrame:
    """Contracts on leased halls that may start."""
    rows: list[tuple[Any, ...]] = []
    for h in context.scenario.hosts:
        if h.mode != "colocation":
            continue
        price = costs.colocation_musd_per_mw_step(context, h)
        calendar, steps = context.calendar, context.calendar.whole_steps(h.lease_months)
        rows += [(h.id, t, calendar.term(t, steps), price) for t in range(opens_from(context, h), calendar.n)]
    return leases_with_tails(context, keyed(rows, ["h", "t"], ["periods", "musd_per_mw_step"]))


def existing_lease_table(context: Context) -> pd.DataFrame:
    """Leased halls that are there: rent to the last day, or to the horizon's end where none is stated."""
    hosts = {h.id: h for h in context.scenario.hosts}
    rows: list[tuple[Any, ...]] = []
    for hall in context.scenario.existing.halls:
        host = hosts.get(hall.host)
        if host is None or host.mode != "colocation":
            continue
        price = costs.colocation_musd_per_mw_step(context, host, hall.usd_per_kw_month)
        rows.append((hall.id, host.id, hall.it_mw, price * hall.it_mw, steps_until(context, hall.until)))
    return signed_leases(context, keyed(rows, ["id"], ["h", "it_mw", "musd_per_step", "rent_periods"]))
