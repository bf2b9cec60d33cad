"""Power purchase agreements: contracts, what is used and sold of them, and what that saves and fetches."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.audit.book import Book
from planner.audit.bought import contract, dated, priced
from planner.audit.findings import Findings
from planner.audit.firm import flexible_mw, grid_mw
from planner.audit.halls import space_mw
from planner.audit.view import View, each_period, labelled, over, total
from planner.case.columns import joined, records

HGT, HTS = ["h", "g", "t"], ["h", "t", "s"]
KEYS = [*HGT, "s"]

COVERS = {"ppa_output": "ppa-output", "ppa_matched": "ppa-matched", "ppa_meter": "ppa-meter",
          "site_ppa": "site-ppa"}  # fmt: skip
"""Rules of the model that are recomputed here, and the rule of the audit that does."""


def check(view: View, found: Findings) -> None:
    """Contracts as the case has them; no more is used than they deliver and firm lines import."""
    _signed(view, found)
    table = view.table("matched")
    if not len(table) and not len(view.table("ppas")):
        return
    found.known("ppa-known", table[KEYS], view.case.deliveries.index, "no such contract can deliver then")
    for name in ("matched_mw", "surplus_mw"):
        found.at_least("ppa-output", total(table, KEYS, table[name]), 0.0, f"negative {name}")
    rows, stands = view.facts(table, view.case.deliveries, KEYS, ["share"]), _standing(view)
    alive = over(labelled(rows, HGT), total(stands, HGT, stands["added_mw"])).to_numpy(float)
    index = labelled(rows, KEYS)
    used = pd.Series((rows["matched_mw"] + rows["surplus_mw"]).to_numpy(float), index=index)
    most = pd.Series(alive * rows["case_share"].to_numpy(float), index=index)
    found.at_most("ppa-output", used, most, "more energy than contracts deliver")
    dispatch = view.table("dispatch")
    firm = total(dispatch, HTS, dispatch["import_mw"] - dispatch["flexible_mw"])
    matched = total(table, HTS, table["matched_mw"])
    found.at_most(
        "ppa-matched", matched, over(matched.index, firm), "more energy of contracts than firm import"
    )
    hours = view.facts(table, view.case.slices, ["t", "s"], ["hours"])
    found.equal(
        "matched-table",
        total(hours, KEYS, hours["hours"]),
        total(hours, KEYS, hours["case_hours"]),
        "hours",
        100.0,
    )
    rows = view.facts(stands, view.case.ppa_terms, ["h", "g"], ["p", "max_mw"])
    mw = total(rows.assign(p=rows["case_p"]), ["p", "g", "t"], rows["added_mw"])
    limits = {(x.p, x.g): float(x.max_mw) for x in records(view.case.ppa_terms)}
    limit = pd.Series([limits[key[:2]] for key in mw.index], index=mw.index, dtype=float)
    found.at_most("site-ppa", mw, limit, "more of a contract than the site may have")
    _metered(view, found, stands)


def _metered(view: View, found: Findings, stands: pd.DataFrame) -> None:
    """Energy of contracts in a period beyond what the lines of their place, or all that it leases, could draw."""
    slices = view.case.slices.reset_index(drop=True)[["t", "s", "hours"]]
    shares = joined(view.case.deliveries.reset_index(drop=True), slices, ["t", "s"])
    rows = joined(stands, shares, HGT)
    mwh = total(rows, ["h", "t"], rows["added_mw"] * rows["share"] * rows["hours"])
    modes = {h.id: h.mode for h in view.scenario.hosts}
    leased = np.array([modes[h] == "colocation" for h, _ in mwh.index], dtype=bool)
    space = view.case.physics["colocation_pue"] * over(mwh.index, space_mw(view)).to_numpy(float)
    lines = over(mwh.index, grid_mw(view)) + over(mwh.index, flexible_mw(view)) + np.where(leased, space, 0.0)
    hours = slices.groupby("t")["hours"].sum().reindex([t for _, t in mwh.index]).to_numpy(float)
    found.at_most(
        "ppa-meter", mwh / hours, lines, "more energy of contracts than the lines of the place could draw"
    )


def _signed(view: View, found: Findings) -> None:
    table = view.table("ppas")
    if not len(table):
        return
    found.known("ppa-allowed", table[HGT], view.case.ppas.index, "no such contract can start then")
    found.at_least("ppa-negative", total(table, HGT, table["added_mw"]), 0.0, "negative contract")
    rows = view.facts(table, view.case.ppas, HGT, ["lead", "periods", "musd_per_mw_step"])
    when, steps = contract(view, rows)
    dated(view, found, "ppa-dates", rows, HGT, when)
    paid = rows["added_mw"] * rows["case_musd_per_mw_step"] * steps
    priced(found, "ppa-price", rows, HGT, paid, "musd_total")


def _standing(view: View) -> pd.DataFrame:
    """A row a contract and period of its term: h, g, t, added_mw."""
    rows = view.facts(view.table("ppas"), view.case.ppas, HGT, ["periods"])
    return each_period(rows, rows["t"], rows["case_periods"], view)[[*HGT, "added_mw"]]


def booked(book: Book) -> None:
    """The tariff saved by what is used, and what surplus fetches."""
    view = book.view
    rows = view.facts(view.table("matched"), view.case.tariffs, HTS, ["musd_per_mwh"])
    rows = view.facts(rows, view.case.slices, ["t", "s"], ["hours"])
    rows = view.facts(rows, view.case.ppa_terms, ["h", "g"], ["surplus_musd_per_mwh"])
    hours, here = rows["case_hours"].astype(float), book.local(rows["h"])
    for name, price, account in (("matched_mw", "case_musd_per_mwh", "ppa-matched"),
                                 ("surplus_mw", "case_surplus_musd_per_mwh", "ppa-surplus")):  # fmt: skip
        mwh = rows[name] * hours
        book.add(rows, -mwh * rows[price], mwh, kind="energy", account=account, unit="MWh", **here)
