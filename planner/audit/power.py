"""Power: what the fleet draws in every slice, its energy and water, and the grid and backup that must stand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.audit.book import Book
from planner.audit.bought import dated, priced
from planner.audit.findings import Findings
from planner.audit.firm import facility_peak, flexible_mw, grid_mw
from planner.audit.fleet import firm_by_slice, spare
from planner.audit.view import (
    HAKT,
    View,
    at_sites,
    labelled,
    lookup,
    over,
    site_limit,
    total,
)
from planner.case.case import MEDIA, STRESS
from planner.case.columns import joined

HT, HTS = ["h", "t"], ["h", "t", "s"]

COVERS = {
    "it_load_balance": "it-load",
    "it_peak_balance": "power-table",
    "heat_balance": "energy",
    "energy_balance": "energy",
    "energy_colocation": "energy-colocation",
    "import_limit": "import-limit",
    "flexible_limit": "flexible-limit",
    "flexible_part": "flexible-limit",
    "flexible_paused": "flexible-paused",
    "site_water": "site-water",
}
"""Rules of the model that are recomputed here, and the rule of the audit that does."""


def check(view: View, found: Findings) -> None:
    """Rules of IT load, energy, grid, backup, and the site's grid and water."""
    for name, source, key in (
        ("connections", view.case.connections, "n"),
        ("backups", view.case.backups, "g"),
    ):
        _plant(view, found, name, source, key)
    loads = _it_load(view, found)
    _energy(view, found, loads)
    _power_table(view, found)


def _plant(view: View, found: Findings, name: str, source: pd.DataFrame, key: str) -> None:
    rule, table, keys = name.removesuffix("s"), view.table(name), ["h", key, "t"]
    if not len(table):
        return
    found.known(f"{rule}-allowed", table[keys], source.index, "no such plant can go live then")
    found.at_least(f"{rule}-negative", total(table, keys, table["added_mw"]), 0.0, "negative plant")
    rows = view.facts(table, source, keys, ["lead", "musd_per_mw"])
    when = {"order_date": view.begins(rows["t"]) - rows["case_lead"], "live_date": view.begins(rows["t"])}
    dated(view, found, f"{rule}-dates", rows, keys, when)
    priced(found, f"{rule}-price", rows, keys, rows["added_mw"] * rows["case_musd_per_mw"])


def _it_load(view: View, found: Findings) -> pd.DataFrame:
    """Idle power of the fleet plus the swing of what works; returns the known part by system.

    Work that may wait is known by its mean over the day: it must fit between none and all room left.
    """
    fleet, work = view.powered, view.work
    fleet, soft = fleet[fleet["h"].isin(view.own)], work[work["soft"] & work["h"].isin(view.own)]
    idle = fleet["on_k"] * view.system(fleet, "idle_mw_per_k").astype(float)
    cells = joined(fleet[HAKT].assign(mw=idle), view.typical[["t", "s", "hours"]], ["t"])
    busy = _own(view, firm_by_slice(view))
    parts = [cells[[*HAKT, "s", "mw"]], busy[[*HAKT, "s"]].assign(mw=busy["load_k"] * _swing(view, busy))]
    known = pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True)
    left = _own(view, spare(view))
    waits = total(soft, HAKT, soft["serve_k"])
    may = over(labelled(left, HAKT), waits) > 0
    most = left["spare_k"] * _swing(view, left) * may.to_numpy()
    dispatch = view.table("dispatch")
    got = total(dispatch, HTS, dispatch["it_mw"])
    low = total(known, HTS, known["mw"])
    high = low.add(total(left, HTS, most), fill_value=0.0)
    found.at_least("it-load", over(low.index, got), low, "IT load below idle power and firm work")
    found.at_most("it-load", got, over(got.index, high), "IT load above all that could run")
    mean = soft["serve_k"] * _swing(view, soft)
    slice_hours = view.typical.set_index(["t", "s"])["hours"]
    hours = lookup(labelled(known, ["t", "s"]), slice_hours)
    want = total(known, HT, known["mw"] * hours.astype(float)).add(
        total(soft, HT, mean * view.hours(soft["t"])), fill_value=0.0
    )
    found.equal(
        "it-energy",
        total(dispatch, HT, dispatch["it_mw"] * dispatch["hours"]),
        want,
        "IT energy of a period",
        100.0,
    )
    want_hours = lookup(labelled(dispatch, ["t", "s"]), slice_hours)
    found.equal("slice-hours", total(dispatch, HTS, dispatch["hours"]),
                total(dispatch, HTS, want_hours.astype(float)), "hours of a slice")  # fmt: skip
    return known


def liquid_energy(view: View) -> pd.Series:
    """(h, t) -> MWh of heat in liquid loops: idle power, firm work and work that may wait, by each system's share of it."""
    fleet, work = view.powered, view.work
    fleet, soft = _own(view, fleet), _own(view, work[work["soft"]])
    idle = fleet["on_k"] * view.system(fleet, "idle_mw_per_k").astype(float) * view.hours(fleet["t"])
    busy = _own(view, firm_by_slice(view))
    hours = lookup(labelled(busy, ["t", "s"]), view.typical.set_index(["t", "s"])["hours"]).astype(float)
    parts = [(fleet, idle), (busy, busy["load_k"] * _swing(view, busy) * hours),
             (soft, soft["serve_k"] * _swing(view, soft) * view.hours(soft["t"]))]  # fmt: skip
    energy = pd.Series(dtype=float)
    for rows, mwh in parts:
        energy = energy.add(total(rows, HT, mwh * view.system(rows, "liquid").astype(float)), fill_value=0.0)
    return energy


def _own(view: View, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of places whose power is drawn here."""
    return rows[rows["h"].isin(view.own)].reset_index(drop=True)


def _swing(view: View, rows: pd.DataFrame) -> np.ndarray:
    working, idle = (view.system(rows, f"{state}_mw_per_k").astype(float) for state in ("working", "idle"))
    return np.asarray(working - idle)


def _factors(view: View, column: str) -> pd.DataFrame:
    """(h, k, t, s): least and most of a cooling figure per MW of a system's load, by the carriers of its heat."""
    heat = view.case.heat.reset_index(drop=True)[["h", "c", "m"]]
    pue = view.case.pue.reset_index(drop=True)[["h", "c", "t", "s", column]]
    by = joined(heat, pue, ["h", "c"]).groupby(["h", "m", "t", "s"])[column].agg(["min", "max"]).reset_index()
    shares = view.case.systems[list(MEDIA)].stack()
    shares.index.names, shares.name = ["k", "m"], "share"
    parts = joined(shares[shares > 0].reset_index(), by, ["m"])
    for name in ("min", "max"):
        parts[name] *= parts["share"]
    return parts.groupby(["h", "k", "t", "s"], as_index=False)[["min", "max"]].sum()


def _energy(view: View, found: Findings, known: pd.DataFrame) -> None:
    """Import, own generation and what storage gives are IT load times PUE and what storage takes: exact with one
    technology a medium, else between the best and the worst.
    """
    dispatch, made = view.table("dispatch"), view.table("generation")
    imported = total(dispatch, HTS, dispatch["import_mw"])
    found.at_least("import-limit", imported, 0.0, "power given to the grid")
    made_mw = total(made, HTS, made["generation_mw"])
    stated = total(dispatch, HTS, dispatch["generation_mw"])
    found.equal("dispatch-table", stated, over(stated.index, made_mw), "own generation of a slice")
    loose = total(dispatch, HTS, dispatch["flexible_mw"])
    _import_limit(view, found, imported, loose)
    _paused(view, found, imported, loose)
    kept = view.table("storage")
    moved = {name: total(kept, HTS, kept[name]) for name in ("charge_mw", "discharge_mw")}
    for name, want in moved.items():
        stated = total(dispatch, HTS, dispatch[name])
        found.equal("dispatch-table", stated, over(stated.index, want), f"{name} of a slice")
    net = over(imported.index, moved["discharge_mw"]) - over(imported.index, moved["charge_mw"])
    got = imported + over(imported.index, made_mw) + net
    loads = total(dispatch, HTS, dispatch["it_mw"])
    rented = [h for h in view.own if h not in view.built]
    colo = loads[loads.index.get_level_values(0).isin(rented)]
    mine = got[got.index.get_level_values(0).isin(rented)]
    found.equal(
        "energy-colocation", mine, colo * view.case.physics["colocation_pue"], "import of leased space"
    )
    low, high = _bounds(view, known, loads, "pue")
    built = got[got.index.get_level_values(0).isin(view.built)]
    found.at_least("energy", over(low.index, built), low, "import below IT load times the best PUE")
    found.at_most("energy", built, over(built.index, high), "import above IT load times the worst PUE")
    water = view.table("power")
    used = total(water, HT, water["water_m3"])
    low, high = (_over_hours(view, x) for x in _bounds(view, known, loads, "litres_per_kwh"))
    found.at_least("water", over(low.index, used), low, "less water than the best technology uses", 100.0)
    found.at_most("water", used, over(used.index, high), "more water than the worst technology uses", 100.0)
    found.at_most(
        "site-water",
        at_sites(view, used),
        site_limit(view, "water_m3"),
        "water of a site above its limit",
        100.0,
    )


def _import_limit(view: View, found: Findings, imported: pd.Series, loose: pd.Series) -> None:
    """What firm lines carry, and what flexible ones do: a part of the import, nothing in stressed hours."""
    built = imported.index[imported.index.get_level_values(0).isin(view.built)]
    firm, flexible = (over(built.droplevel(2), f(view)).set_axis(built) for f in (grid_mw, flexible_mw))
    through = over(built, loose)
    flexible = flexible.where(built.get_level_values(2) != STRESS, 0.0)
    found.at_least("flexible-limit", loose, 0.0, "power given to the grid")
    found.at_most(
        "flexible-limit", through, flexible, "import above the flexible connection, or in stressed hours"
    )
    found.at_most(
        "flexible-limit", through, over(built, imported), "more than all import through one connection"
    )
    found.at_most("import-limit", over(built, imported) - through, firm, "import above the grid connection")


def _paused(view: View, found: Findings, imported: pd.Series, loose: pd.Series) -> None:
    """What is drawn at a discount is given up in stressed hours: both together are no more than the design hour draws."""
    drawn = loose[loose > 0]
    places = drawn.index.droplevel(2)
    stress = over(
        pd.MultiIndex.from_tuples([(*key, STRESS) for key in places]) if len(drawn) else drawn.index, imported
    )
    table = view.table("storage")
    charge = over(drawn.index, total(table, HTS, table["charge_mw"])).to_numpy(float)
    most = over(places, facility_peak(view)).to_numpy(float) + charge
    both = pd.Series(drawn.to_numpy(float) + stress.to_numpy(float), index=drawn.index)
    found.at_most(
        "flexible-paused", both, pd.Series(most, index=drawn.index), "discount on what is not given up"
    )


def _bounds(view: View, known: pd.DataFrame, loads: pd.Series, column: str) -> tuple[pd.Series, pd.Series]:
    """(h, t, s) -> least and most of PUE (or litres per kWh) times load at build hosts."""
    rows = known[known["h"].isin(view.built)]
    rows = joined(rows, _factors(view, column), ["h", "k", "t", "s"]) if len(rows) else rows
    if not len(rows):
        empty = pd.Series(dtype=float)
        return empty, empty
    keys = [rows[c] for c in HTS]
    best, worst = (rows[c].groupby(keys).agg(how) for c, how in (("min", "min"), ("max", "max")))
    out = []
    for name, edge in (("min", best), ("max", worst)):
        part = total(rows, HTS, rows["mw"] * rows[name])
        rest = (over(part.index, loads) - total(rows, HTS, rows["mw"])).clip(lower=0.0)
        out.append(part + rest * edge.reindex(part.index))
    return out[0], out[1]


def _over_hours(view: View, series: pd.Series) -> pd.Series:
    if not len(series):
        return series
    rows = series.rename("x").rename_axis(HTS).reset_index()
    table = joined(rows, view.typical[["t", "s", "hours"]], ["t", "s"])
    return total(table, HT, table["x"] * table["hours"])


def _power_table(view: View, found: Findings) -> None:
    """Derived columns of the power table from dispatch, generation and fleet."""
    power, fleet, dispatch = view.table("power"), view.powered, view.table("dispatch")
    own, cloud = fleet[fleet["h"].isin(view.own)], fleet[~fleet["h"].isin(view.own)]
    peak = total(own, HT, own["peak_mw"])
    drawn = dispatch["import_mw"] + dispatch["generation_mw"]
    bought = total(dispatch, HT, drawn * dispatch["hours"])
    made = view.table("generation")
    own_mwh = total(made, HT, made["generation_mwh"])
    it = total(dispatch, HT, dispatch["it_mw"] * dispatch["hours"])
    remote = total(
        cloud,
        HT,
        cloud["accelerators"]
        * view.case.physics["cloud_kwh_per_accelerator_hour"]
        / 1000
        * view.hours(cloud["t"]),
    )
    carbon = view.case.hosts["tco2_per_mwh"].astype(float)
    energy = bought.add(remote, fill_value=0.0)
    zone = lookup(energy.index.get_level_values(0), carbon).astype(float)
    direct = over(energy.index, total(made, HT, made["emissions_t"]))
    tonnes = (energy - over(energy.index, own_mwh)) * zone + direct
    for name, want, scale in (
        ("it_peak_mw", peak, 1.0),
        ("it_mean_mw", it / view.hours(it.index.get_level_values(1)), 1.0),
        ("facility_peak_mw", facility_peak(view), 1.0),
        ("energy_mwh", energy, 100.0),
        ("emissions_t", tonnes, 100.0),
        ("generation_mwh", own_mwh, 100.0),
        ("pue", (bought / it.reindex(bought.index)).replace([np.inf, -np.inf], np.nan).dropna(), 1.0),
    ):
        got = total(power.dropna(subset=[name]), HT, power[name].dropna())
        found.equal("power-table", got, want, name, scale)


def booked(book: Book) -> None:
    """Grid, backup, electricity, emissions and water."""
    view = book.view
    for name, source, key, what in (
        ("connections", view.case.connections, "n", "grid"), ("backups", view.case.backups, "g", "backup"),
    ):  # fmt: skip
        rows = view.facts(view.table(name), source, ["h", key, "t"], ["lead", "musd_per_mw", "life"])
        price = rows["added_mw"] * rows["case_musd_per_mw"]
        book.asset(
            rows, price, what, rows["added_mw"], account=what, unit=f"MW {what}", **book.local(rows["h"])
        )
    _energy_booked(book)


def _energy_booked(book: Book) -> None:
    view = book.view
    dispatch = view.table("dispatch")[["h", "t", "s", "import_mw"]]
    rows = view.facts(dispatch, view.case.host_period, HT, ["tco2_per_mwh"])
    rows = view.facts(rows, view.case.tariffs, HTS, ["musd_per_mwh", "network_musd_per_mwh"])
    rows = joined(rows, view.typical, ["t", "s"])
    mwh = rows["import_mw"] * rows["hours"]
    here = book.local(rows["h"])
    book.add(
        rows, mwh * rows["case_musd_per_mwh"], mwh, kind="energy", account="electricity", unit="MWh", **here
    )
    book.add(rows, mwh * rows["case_network_musd_per_mwh"], kind="energy", account="network-fee", **here)
    dispatch = view.table("dispatch")[[*HTS, "flexible_mw"]]
    loose = view.facts(dispatch, view.case.flexibles, ["h"], ["discount_share"])
    loose = joined(view.facts(loose, view.case.tariffs, HTS, ["musd_per_mwh"]), view.typical, ["t", "s"])
    off = loose["flexible_mw"] * loose["hours"] * loose["case_musd_per_mwh"]
    book.add(loose, -off * loose["case_discount_share"], kind="energy", account="flexible-discount",
             **book.local(loose["h"]))  # fmt: skip
    book.add(rows, 0.0, mwh * rows["case_tco2_per_mwh"], kind="physical", account="emissions", unit="tCO2",
             h=rows["h"])  # fmt: skip
    water = view.table("power")
    book.add(water, 0.0, water["water_m3"], kind="physical", account="water", unit="m3", h=water["h"])
