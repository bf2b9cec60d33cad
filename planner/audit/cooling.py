"""Cooling: heat of what stands in built halls is carried, within the cooling that stands."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from planner.audit.book import Book
from planner.audit.bought import dated, priced
from planner.audit.findings import Findings
from planner.audit.halls import space_mw
from planner.audit.refits import existing_mw, fitted_mw
from planner.audit.view import View, each_period, labelled, over, total
from planner.case.case import MEDIA

HT = ["h", "t"]

COVERS = {"heat_peak": "cooling-heat", "cooling_capacity": "cooling-capacity"}
"""Rules of the model that are recomputed here, and the rule of the audit that does."""


def check(view: View, found: Findings) -> None:
    """Rules of heat by medium, and of cooling bought, standing and used."""
    table = view.table("cooling")
    fleet = view.powered[view.powered["h"].isin(view.built)]
    peak = fleet["peak_mw"]
    by_medium = {m: total(fleet, HT, peak * view.system(fleet, m).astype(float)) for m in MEDIA}
    heat = view.case.heat.reset_index(drop=True)
    stands = [(hall.host, c) for hall in view.scenario.existing.halls for c in hall.cooling]
    offered = view.case.cooling.index.droplevel(2).unique()
    carries: dict[tuple[str, str], frozenset[str]] = dict.fromkeys([*stands, *offered], frozenset())
    carries |= {key: frozenset(part["m"]) for key, part in heat.groupby(["h", "c"])}
    pairs = list(zip(table["h"], table["c"], strict=True))
    for i in [i for i, pair in enumerate(pairs) if pair not in carries]:
        found.add(
            "cooling-allowed",
            (*pairs[i], table["t"].iloc[i]),
            np.nan,
            np.nan,
            "no such technology at the host",
        )
    index = total(fleet, HT, peak).index.union(total(table, HT, table["heat_peak_mw"]).index)
    for size in range(1, len(MEDIA) + 1):
        for group in combinations(MEDIA, size):
            only = np.array([carries.get(pair, frozenset()) <= set(group) for pair in pairs], dtype=bool)
            confined = total(table[only], HT, table.loc[only, "heat_peak_mw"])
            need = sum((over(index, by_medium[m]) for m in group), pd.Series(0.0, index=index))
            what = f"technologies for {', '.join(group)} carry more than there is"
            found.at_most("cooling-heat", over(index, confined), need, what)
    everything = total(table, HT, table["heat_peak_mw"])
    found.equal(
        "cooling-heat",
        over(index, everything),
        over(index, total(fleet, HT, peak)),
        "peak heat carried is not the peak load",
    )
    _cooling_capacity(view, found, table)


def _cooling_capacity(view: View, found: Findings, table: pd.DataFrame) -> None:
    keys = ["h", "c", "t"]
    added = table[table["added_mw"] != 0]
    found.known("cooling-date", added[keys], view.case.cooling.index, "no such cooling can go live then")
    rows = view.facts(added, view.case.cooling, keys, ["lead", "life", "musd_per_mw"])
    when = {"order_date": view.begins(rows["t"]) - rows["case_lead"], "live_date": view.begins(rows["t"])}
    dated(view, found, "cooling-dates", rows, keys, when)
    priced(found, "cooling-price", rows, keys, rows["added_mw"] * rows["case_musd_per_mw"])
    free = table[table["added_mw"] == 0]
    found.equal(
        "cooling-price", total(free, keys, free["musd"]), total(free, keys, 0.0 * free["musd"]), "musd"
    )
    alive = each_period(rows, rows["t"], rows["case_life"], view)
    index = labelled(table, keys)
    bought = over(index, total(alive, keys, alive["added_mw"])).to_numpy(float)
    pair = list(zip(table["h"], table["c"], strict=True))
    before = over(index, existing_mw(view)).to_numpy(float)
    included = view.case.heat.reset_index(drop=True).groupby(["h", "c"])["included"].max()
    part = np.array([float(included.get(i, 0.0)) for i in pair])
    space = over(labelled(table, HT), space_mw(view)).to_numpy(float)
    fitted = over(index, fitted_mw(view)).to_numpy(float)
    want = pd.Series(bought + fitted + before + part * space, index=index)
    found.equal(
        "cooling-stock",
        pd.Series(table["capacity_mw"].to_numpy(float), index=index),
        want,
        "cooling that stands",
    )
    limit = part * space + fitted + (bought + before) / (1.0 + view.case.physics["cooling_margin"])
    heat = pd.Series(table["heat_peak_mw"].to_numpy(float), index=index)
    found.at_most(
        "cooling-capacity", heat, pd.Series(limit, index=index), "heat above cooling less its margin"
    )


def booked(book: Book) -> None:
    """Cooling bought on top of what halls include."""
    view = book.view
    columns = ["lead", "musd_per_mw", "life"]
    cool = view.facts(view.table("cooling"), view.case.cooling, ["h", "c", "t"], columns)
    price = cool["added_mw"] * cool["case_musd_per_mw"]
    book.asset(cool, price, "cooling", cool["added_mw"], account="cooling", unit="MW heat",
               **book.local(cool["h"]))  # fmt: skip
