"""Places: hosts opened, halls and leases with their space, and the limits of hosts and sites."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from planner.audit.findings import Findings
from planner.audit.view import View, each_period, lookup, once, over, total


def check(view: View, found: Findings) -> None:
    """Rules of opening, halls, leases, plant bought by the megawatt, and space."""
    _opens(view, found)
    _halls(view, found)
    _leases(view, found)
    for name, source, key in (
        ("connections", view.case.connections, "n"),
        ("backups", view.case.backups, "g"),
    ):
        _plant(view, found, name, source, key)
    _space(view, found)


@once
def space_mw(view: View) -> pd.Series:
    """(h, t) -> MW of IT that existing halls, halls and leases alive may hold."""
    halls = view.facts(view.table("halls"), view.case.halls, ["h", "b", "t"], ["it_mw", "life"])
    halls = halls.assign(mw=halls["halls"] * halls["case_it_mw"])
    halls = each_period(halls, halls["t"], halls["case_life"], view.n)
    leases = view.facts(view.table("leases"), view.case.leases, ["h", "t"], ["periods"])
    leases = each_period(leases, leases["t"], leases["case_periods"], view.n)
    before = view.case.host_period.reset_index(drop=True)
    parts = [
        halls[["h", "t", "mw"]],
        leases[["h", "t"]].assign(mw=leases["it_mw"]),
        before[["h", "t"]].assign(mw=before["existing_mw"]),
    ]
    table = pd.concat([p for p in parts if len(p)] or parts[-1:], ignore_index=True)
    return total(table, ["h", "t"], table["mw"])


def standing(view: View, name: str, source: pd.DataFrame, key: str, before: str) -> pd.Series:
    """(h, t) -> MW of plant alive, with what exists already."""
    rows = view.facts(view.table(name), source, ["h", key, "t"], ["life"])
    alive = each_period(rows, rows["t"], rows["case_life"], view.n)
    held = view.case.host_period.reset_index(drop=True)
    parts = [alive[["h", "t"]].assign(mw=alive["added_mw"]), held[["h", "t"]].assign(mw=held[before])]
    table = pd.concat([p for p in parts if len(p)] or parts[-1:], ignore_index=True)
    return total(table, ["h", "t"], table["mw"])


def _opens(view: View, found: Findings) -> None:
    table = view.table("opens")
    found.known("open-allowed", table[["h", "t"]], view.case.opens.index, "this host cannot open then")
    count = table.groupby("h")["t"].count().astype(float) if len(table) else pd.Series(dtype=float)
    found.at_most("open-once", count, 1.0, "a host opens once")
    rows = view.facts(table, view.case.opens, ["h", "t"], ["lead", "musd"])
    _dated(
        view,
        found,
        "open-dates",
        rows,
        ["h", "t"],
        {"decide_date": rows["t"] - rows["case_lead"], "live_date": rows["t"]},
    )
    _price(found, "open-price", rows, ["h", "t"], rows["case_musd"])


def _halls(view: View, found: Findings) -> None:
    table, keys = view.table("halls"), ["h", "b", "t"]
    found.known("hall-allowed", table[keys], view.case.halls.index, "no such hall can go live then")
    rows = view.facts(table, view.case.halls, keys, ["it_mw", "lead", "musd", "integer"])
    index = pd.MultiIndex.from_frame(rows[keys])
    found.at_least("hall-negative", total(rows, keys, rows["halls"]), 0.0, "a negative hall")
    _dated(
        view,
        found,
        "hall-dates",
        rows,
        keys,
        {"order_date": rows["t"] - rows["case_lead"], "live_date": rows["t"]},
    )
    got = pd.Series(rows["it_mw"].to_numpy(float), index=index)
    found.equal(
        "hall-size",
        got,
        pd.Series((rows["halls"] * rows["case_it_mw"]).to_numpy(float), index=index),
        "MW of halls",
    )
    _price(found, "hall-price", rows, keys, rows["halls"] * rows["case_musd"])
    whole = rows[rows["case_integer"].astype(bool)]
    if view.whole:
        found.whole("hall-whole", total(whole, keys, whole["halls"]), "part of a hall")


def _leases(view: View, found: Findings) -> None:
    table, keys = view.table("leases"), ["h", "t"]
    found.known("lease-allowed", table[keys], view.case.leases.index, "no lease can start there then")
    found.at_least("lease-negative", total(table, keys, table["it_mw"]), 0.0, "a negative lease")
    rows = view.facts(table, view.case.leases, keys, ["periods", "musd_per_mw_period"])
    when = {"start_date": rows["t"], "end_date": rows["t"] + rows["case_periods"]}
    _dated(view, found, "lease-dates", rows, keys, when)
    yearly = rows["it_mw"] * rows["case_musd_per_mw_period"] / view.years
    _price(found, "lease-price", rows, keys, yearly, "musd_per_year")


def _plant(view: View, found: Findings, name: str, source: pd.DataFrame, key: str) -> None:
    rule, table, keys = name.removesuffix("s"), view.table(name), ["h", key, "t"]
    found.known(f"{rule}-allowed", table[keys], source.index, "no such plant can go live then")
    found.at_least(f"{rule}-negative", total(table, keys, table["added_mw"]), 0.0, "negative plant")
    rows = view.facts(table, source, keys, ["lead", "musd_per_mw"])
    when = {"order_date": rows["t"] - rows["case_lead"], "live_date": rows["t"]}
    _dated(view, found, f"{rule}-dates", rows, keys, when)
    _price(found, f"{rule}-price", rows, keys, rows["added_mw"] * rows["case_musd_per_mw"])


def _space(view: View, found: Findings) -> None:
    """Fleet in space, space within the host's maximum once open, halls of a site within its land."""
    space, fleet = space_mw(view), view.table("fleet")
    own = fleet[fleet["h"].isin(view.own)]
    peak = own["accelerators"] / 1000.0 * view.system(own, "peak_mw_per_k").astype(float)
    load = total(own, ["h", "t"], peak)
    found.at_most("space", load, over(load.index, space), "the fleet's peak exceeds the space for it")
    power = view.table("power")
    power = power[power["h"].isin(view.own)]
    found.equal(
        "space-stock",
        total(power, ["h", "t"], power["space_mw"]),
        space,
        "space is not what halls and leases make",
    )
    opened = view.table("opens")
    stands = total(each_period(opened, opened["t"], np.full(len(opened), view.n), view.n), ["h", "t"], 1.0)
    host = view.case.host_period
    keys = pd.MultiIndex.from_tuples(list(host.index)) if len(host) else pd.MultiIndex.from_arrays([[], []])
    limit = host["max_mw"].to_numpy(float) * (
        host["exists"].to_numpy(float) + over(keys, stands).to_numpy(float)
    )
    limit = np.where(host["exists"].to_numpy(bool) | (limit > 0), limit, 0.0)
    found.at_most(
        "space-max",
        over(keys, space),
        pd.Series(limit, index=keys),
        "more space than the host may have, or not open",
    )
    table = (
        space.rename("mw").rename_axis(["h", "t"]).reset_index()
        if len(space)
        else pd.DataFrame(columns=["h", "t", "mw"])
    )
    table = table[table["h"].isin(view.built)]
    table = table.assign(p=lookup(table["h"], view.case.hosts["p"]))
    at_site = total(table, ["p", "t"], table["mw"])
    land = view.case.site_period["max_it_mw"]
    found.at_most(
        "site-land",
        at_site,
        land.set_axis(pd.MultiIndex.from_tuples(list(land.index))),
        "halls exceed the site's land",
    )


def _dated(
    view: View, found: Findings, rule: str, rows: pd.DataFrame, keys: list[str], when: dict[str, Any]
) -> None:
    for name, periods in when.items():
        found.same(rule, rows[keys], pd.to_datetime(rows[name]), view.dates(periods), name)
    first = np.minimum.reduce([np.asarray(p, dtype=float) for p in when.values()])
    index = pd.MultiIndex.from_frame(rows[keys])
    found.at_least(rule, pd.Series(first, index=index), 0.0, "decided before the plan starts")


def _price(
    found: Findings, rule: str, rows: pd.DataFrame, keys: list[str], want: Any, column: str = "musd"
) -> None:
    index = pd.MultiIndex.from_frame(rows[keys])
    got = pd.Series(rows[column].to_numpy(float), index=index)
    found.equal(rule, got, pd.Series(np.asarray(want, dtype=float), index=index), column)
