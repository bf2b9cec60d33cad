"""Halls: those built and leased, the space they make, and the limits of hosts and of a site's land."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.audit.book import Book
from planner.audit.bought import dated, priced
from planner.audit.findings import Findings
from planner.audit.refits import at_work_mw
from planner.audit.view import (
    View,
    at_sites,
    each_period,
    labelled,
    lookup,
    once,
    over,
    share_of_period,
    site_limit,
    total,
)
from planner.case.periods import day_after
from planner.scenario.schema import ExistingHall

COVERS = {"space_stock": "space-stock", "space_max": "space-max", "space": "space", "site_land": "site-land",
          "site_shell": "site-shell"}  # fmt: skip
"""Rules of the model that are recomputed here, and the rule of the audit that does."""
WHOLE = ("hall-whole",)
"""Rules of the audit that speak of wholes, which screening takes parts of."""


def check(view: View, found: Findings) -> None:
    """Rules of halls, leases and the space they make."""
    _halls(view, found)
    _leases(view, found)
    _space(view, found)


@once
def space_mw(view: View) -> pd.Series:
    """(h, t) -> MW of IT that existing halls, halls and leases alive may hold."""
    halls = view.facts(view.table("halls"), view.case.halls, ["h", "b", "t"], ["it_mw", "life"])
    halls = halls.assign(mw=halls["halls"] * halls["case_it_mw"])
    halls = each_period(halls, halls["t"], halls["case_life"], view)
    leases = view.facts(view.table("leases"), view.case.leases, ["h", "t"], ["periods"])
    leases = each_period(leases, leases["t"], leases["case_periods"], view)
    before = view.case.host_period.reset_index(drop=True)
    parts = [
        halls[["h", "t", "mw"]],
        leases[["h", "t"]].assign(mw=leases["it_mw"]),
        before[["h", "t"]].assign(mw=before["existing_mw"]),
    ]
    table = pd.concat([p for p in parts if len(p)] or parts[-1:], ignore_index=True)
    return total(table, ["h", "t"], table["mw"])


def _halls(view: View, found: Findings) -> None:
    table, keys = view.table("halls"), ["h", "b", "t"]
    if not len(table):
        return
    found.known("hall-allowed", table[keys], view.case.halls.index, "no such hall can go live then")
    rows = view.facts(table, view.case.halls, keys, ["it_mw", "lead", "musd", "integer"])
    index = labelled(rows, keys)
    found.at_least("hall-negative", total(rows, keys, rows["halls"]), 0.0, "a negative hall")
    dated(
        view,
        found,
        "hall-dates",
        rows,
        keys,
        {"order_date": view.begins(rows["t"]) - rows["case_lead"], "live_date": view.begins(rows["t"])},
    )
    got = pd.Series(rows["it_mw"].to_numpy(float), index=index)
    found.equal(
        "hall-size",
        got,
        pd.Series((rows["halls"] * rows["case_it_mw"]).to_numpy(float), index=index),
        "MW of halls",
    )
    priced(found, "hall-price", rows, keys, rows["halls"] * rows["case_musd"])
    whole = rows[rows["case_integer"].astype(bool)]
    found.whole("hall-whole", total(whole, keys, whole["halls"]), "part of a hall")


def _leases(view: View, found: Findings) -> None:
    table, keys = view.table("leases"), ["h", "t"]
    if not len(table):
        return
    found.known("lease-allowed", table[keys], view.case.leases.index, "no lease can start there then")
    found.at_least("lease-negative", total(table, keys, table["it_mw"]), 0.0, "a negative lease")
    rows = view.facts(table, view.case.leases, keys, ["periods", "musd_per_mw_step"])
    when = {"start_date": view.begins(rows["t"]), "end_date": view.begins(rows["t"]) + rows["case_periods"]}
    dated(view, found, "lease-dates", rows, keys, when)
    yearly = rows["it_mw"] * rows["case_musd_per_mw_step"] / view.step_years
    priced(found, "lease-price", rows, keys, yearly, "musd_per_year")
    paid = np.minimum(view.n_steps, view.begins(rows["t"]) + rows["case_periods"]) - view.begins(rows["t"])
    total_musd = rows["it_mw"] * rows["case_musd_per_mw_step"] * paid
    priced(found, "lease-price", rows, keys, total_musd, "musd_total")


def _space(view: View, found: Findings) -> None:
    """Fleet in space, space within the host's maximum once open, halls of a site within its land."""
    space, own = space_mw(view), view.powered[view.powered["h"].isin(view.own)]
    in_use = own["ready_k"] * view.system(own, "peak_mw_per_k").astype(float)
    load = total(own, ["h", "t"], in_use).add(at_work_mw(view), fill_value=0.0)
    found.at_most("space", load, over(load.index, space), "the fleet's peak exceeds the space that is in use")
    power = view.table("power")
    power = power[power["h"].isin(view.own)]
    found.equal(
        "space-stock",
        total(power, ["h", "t"], power["space_mw"]),
        space,
        "space is not what halls and leases make",
    )
    host = view.case.host_period
    keys = pd.MultiIndex.from_tuples(list(host.index)) if len(host) else pd.MultiIndex.from_arrays([[], []])
    since = np.asarray(lookup(keys.get_level_values(0), view.since("opens")), dtype=float)
    opened = keys.get_level_values(1).to_numpy(float) >= since
    limit = host["max_mw"].to_numpy(float) * (host["exists"].to_numpy(float) + opened)
    limit = np.where(host["exists"].to_numpy(bool) | (limit > 0), limit, 0.0)
    found.at_most(
        "space-max",
        over(keys, space),
        pd.Series(limit, index=keys),
        "more space than the host may have, or not open",
    )
    built = space[space.index.get_level_values(0).isin(view.built)]
    land = site_limit(view, "max_it_mw")
    found.at_most("site-land", at_sites(view, built), land, "halls exceed the site's land")
    halls = view.facts(view.table("halls"), view.case.halls, ["h", "b", "t"], ["it_mw", "life"])
    halls = halls[halls["b"].map(view.case.catalog.table("halls")["in_shell"]).astype(bool)]
    alive = each_period(halls, halls["t"], halls["case_life"], view)
    inside = total(alive, ["h", "t"], alive["halls"] * alive["case_it_mw"])
    found.at_most("site-shell", at_sites(view, inside), site_limit(view, "shell_it_mw"),
                  "halls exceed the buildings that stand at the site")  # fmt: skip


def lease_rent(view: View, hall: ExistingHall) -> float:
    """Rent of a leased hall that is there, MUSD a step."""
    host = view.context.host(hall.host)
    usd = hall.usd_per_kw_month or host.colocation_usd_per_kw_month
    if usd is None:
        usd = view.context.param("colocation_usd_per_kw_month")
    return usd * hall.it_mw * 12 * view.step_years / 1000.0


def booked(book: Book) -> None:
    """Halls built, and rent of leased halls that are there, to their last day."""
    view = book.view
    modes = view.case.hosts["mode"]
    for hall in view.scenario.existing.halls:
        if modes.get(hall.host) != "colocation":
            continue
        end = day_after(hall.until) if hall.until else view.case.calendar.end
        shares = np.array([share_of_period(view, t, view.case.calendar.start, end) for t in range(view.n)])
        rows = pd.DataFrame({"t": np.flatnonzero(shares > 0), "h": hall.host})
        rent = lease_rent(view, hall) * shares[rows["t"]] * view.steps(rows["t"])
        book.add(rows, rent, kind="rent", account="colocation-rent", **book.local(rows["h"]))
    halls = view.facts(
        view.table("halls"), view.case.halls, ["h", "b", "t"], ["it_mw", "lead", "life", "musd", "risk_musd"]
    )
    mw = halls["halls"] * halls["case_it_mw"]
    book.asset(halls, halls["halls"] * halls["case_musd"], "halls", mw, account="halls", unit="MW IT",
               **book.local(halls["h"]))  # fmt: skip
    risky = halls[halls["case_risk_musd"] > 0].assign(case_life=1)
    book.asset(
        risky,
        risky["halls"] * risky["case_risk_musd"],
        "site",
        account="order-risk",
        **book.local(risky["h"]),
    )
