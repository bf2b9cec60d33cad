"""Plant of a site's own: what stands, what it may give, what it burns and costs; ``firm`` reads its rating."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.audit.book import Book
from planner.audit.bought import contract, dated, priced
from planner.audit.findings import Findings
from planner.audit.view import View, each_period, labelled, lookup, once, over, total
from planner.case.columns import records
from planner.case.plant_offers import STORED
from planner.case.registry import PURCHASE

OWNED = {"plants": "plant", "bridges": "bridge"}
"""Tables of plant bought, to stay and to be sold again: their accounts, which name the rules too."""
HGT, HTS = ["h", "g", "t"], ["h", "t", "s"]

COVERS = {"plant_output": "plant-output", "site_plant": "site-plant", "plant_whole": "plant-units",
          "bridge_whole": "bridge-units", "hire_whole": "hire-units"}  # fmt: skip
"""Rules of the model that are recomputed here, and the rule of the audit that does."""
WHOLE = ("plant-units", "bridge-units", "hire-units")
"""Rules of the audit that speak of wholes, which screening takes parts of."""


def check(view: View, found: Findings) -> None:
    """Rules of plant bought and rented, its output and the most a site may have."""
    for name in OWNED:
        _bought(view, found, name)
    _hired(view, found)
    _output(view, found)
    found.whole("plant-units", _units(view, "plants"), "part of a unit")
    found.whole("bridge-units", _units(view, "bridges"), "part of a unit")
    found.whole("hire-units", _units(view, "hires"), "part of a unit")
    stands, kinds = standing(view), view.case.supplies
    most = {(x.p, x.g): float(x.max_mw) for x in records(kinds)}
    mw = total(stands.assign(p=stands["case_p"]), ["p", "g", "t"], stands["mw"])
    limit = pd.Series([most[key[:2]] for key in mw.index], index=mw.index, dtype=float)
    found.at_most("site-plant", mw, limit, "more plant of a kind than the site may have")


def _bought(view: View, found: Findings, name: str) -> None:
    """Plant bought, to stay or to be sold again on a day on which it may be; what is sold stands no longer."""
    bought, table, case = PURCHASE[name], view.table(name), getattr(view.case, name)
    what, keys = OWNED[name], list(bought.index)
    if not len(table):
        return
    found.known(f"{what}-allowed", table[keys], case.index, "no such plant can go live, or be sold, then")
    found.at_least(f"{what}-negative", total(table, keys, table["added_mw"]), 0.0, "negative plant")
    rows = view.facts(table, case, keys, ["lead", "musd_per_mw"])
    when = {"order_date": view.begins(rows["t"]) - rows["case_lead"], "live_date": view.begins(rows["t"])}
    if bought.end_date:
        when[bought.end_date] = view.begins(rows["u"])
    dated(view, found, f"{what}-dates", rows, keys, when)
    priced(found, f"{what}-price", rows, keys, rows["added_mw"] * rows["case_musd_per_mw"])


def _hired(view: View, found: Findings) -> None:
    table = view.table("hires")
    if not len(table):
        return
    found.known("hire-allowed", table[HGT], view.case.hires.index, "no such contract can start then")
    found.at_least("hire-negative", total(table, HGT, table["added_mw"]), 0.0, "negative contract")
    rows = view.facts(table, view.case.hires, HGT, ["lead", "periods", "musd_per_mw_step"])
    when, steps = contract(view, rows)
    dated(view, found, "hire-dates", rows, HGT, when)
    rent = rows["added_mw"] * rows["case_musd_per_mw_step"]
    priced(found, "hire-price", rows, HGT, rent * steps, "musd_total")
    monthly = rows["case_musd_per_mw_step"] * 1000.0 / (12.0 * view.step_years)
    priced(found, "hire-price", rows, HGT, monthly, "usd_per_kw_month")


def _units(view: View, name: str) -> pd.Series:
    """Index of a purchase -> units of what comes in whole ones: of the scenario's size, else the catalog's where large."""
    rows = view.table(name)
    if not len(rows):
        return pd.Series(dtype=float)
    context = view.context
    own = {(s.id, o.id): o.unit_mw for s in view.scenario.sites for o in (s.power.options if s.power else [])}
    units, least = context.catalog.table("power_options")["unit_mw"], context.param("whole_units_from_mw")
    asked = [own.get((p, g)) for p, g in zip(rows["p"], rows["g"], strict=True)]
    large = lookup(rows["g"], units.where(units >= least)).astype(float)
    unit = np.array([big if x is None else x for x, big in zip(asked, large, strict=True)], dtype=float)
    rows = rows.assign(units=rows["added_mw"] / np.where(unit > 0, unit, np.nan)).dropna(subset=["units"])
    return total(rows, list(PURCHASE[name].index), rows["units"])


@once
def standing(view: View) -> pd.DataFrame:
    """A row a purchase or contract and period alive: h, g, t, mw; its case_fuel, case_firm_share, case_starts, case_p.

    ``holds``: share of its energy as new that storage bought still holds at the period's end; 1 of all else.
    """
    parts = []
    for name in ("plants", "bridges", "hires"):
        life, keys = PURCHASE[name].life, list(PURCHASE[name].index)
        rows = view.facts(view.table(name), getattr(view.case, name), keys, [life])
        rows = view.facts(rows, view.case.supplies, ["h", "g"], ["p", "fuel", "firm_share", "starts"])
        fades = [] if name == "hires" else ["fade_per_year"]
        rows = view.facts(rows, getattr(view.case, name), keys, fades).assign(live=view.begins(rows["t"]))
        alive = each_period(rows, rows["t"], rows[f"case_{life}"], view)
        years = (view.begins(alive["t"] + 1) - alive["live"]) * view.step_years
        left = (1.0 - years * alive["case_fade_per_year"]).clip(lower=0.0) if fades else 1.0
        parts.append(
            alive[[*HGT, "case_p", "case_fuel", "case_firm_share", "case_starts"]].assign(
                mw=alive["added_mw"], holds=left
            )
        )
    return pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True)


@once
def generated(view: View) -> pd.DataFrame:
    """Rows of the table of generation with MWh by the hours of the case, and figures of their kind of plant."""
    columns = ["mmbtu_per_mwh", "musd_per_mmbtu", "running_musd_per_mwh", "tco2_per_mwh"]
    rows = view.facts(view.table("generation"), view.case.supplies, ["h", "g"], columns)
    rows = view.facts(rows, view.case.slices, ["t", "s"], ["hours"])
    return rows.assign(mwh=rows["generation_mw"] * rows["case_hours"].astype(float))


def _output(view: View, found: Findings) -> None:
    """No more in a slice than what stands gives; derived columns by the hours and the kind of plant."""
    keys = [*HGT, "s"]
    table, stands = view.table("generation"), standing(view)
    if not len(table):
        return
    found.known("plant-output", table[keys], view.case.outputs.index, "no such plant can give power then")
    found.at_least("plant-output", total(table, keys, table["generation_mw"]), 0.0, "negative generation")
    rows = view.facts(table, view.case.outputs, keys, ["share"])
    alive = over(labelled(rows, HGT), total(stands, HGT, stands["mw"])).to_numpy(float)
    most = total(rows, keys, alive * rows["case_share"].to_numpy(float))
    found.at_most(
        "plant-output", total(rows, keys, rows["generation_mw"]), most, "more power than plant can give"
    )
    rows = generated(view)
    fuel, tonnes = (rows["mwh"] * rows[f"case_{c}"] for c in ("mmbtu_per_mwh", "tco2_per_mwh"))
    for column, want in (
        ("generation_mwh", rows["mwh"]),
        ("fuel_mmbtu", fuel),
        ("emissions_t", tonnes),
        ("hours", rows["case_hours"]),
    ):
        found.equal(
            "generation-table", total(rows, keys, rows[column]), total(rows, keys, want), column, 100.0
        )


@once
def ratings(view: View) -> pd.DataFrame:
    """(h, t) -> plant_mw that stand, rating_mw of them that are firm; of that rating starting_mw, and steady_mw
    without storage."""
    rows = standing(view)
    rating = rows["mw"] * _counts(view, rows)
    starting = rating * rows["case_starts"].astype(float)
    steady = rating * (rows["case_fuel"] != STORED)
    parts = {"plant_mw": rows["mw"], "rating_mw": rating, "starting_mw": starting, "steady_mw": steady}
    return pd.DataFrame({name: total(rows, ["h", "t"], mw) for name, mw in parts.items()})


@once
def stored_ratings(view: View) -> pd.DataFrame:
    """h, g, t and mw of storage of a kind that are firm, where some stands."""
    rows = standing(view)
    rows = rows.assign(mw=rows["mw"] * _counts(view, rows))[rows["case_fuel"] == STORED]
    return total(rows, HGT, rows["mw"]).rename_axis(HGT).reset_index(name="mw")


def _counts(view: View, rows: pd.DataFrame) -> np.ndarray:
    """Share of a MW that is firm; of storage no more than what it still holds carries through an event."""
    share = rows["case_firm_share"].to_numpy(float)
    kind = view.case.storages.reindex(pd.MultiIndex.from_frame(rows[["h", "g"]]))
    lasts = (kind["available"] * kind["hours"] / kind["event_hours"]).to_numpy(float) * rows[
        "holds"
    ].to_numpy(float)
    return np.asarray(np.where(np.isnan(lasts), share, np.minimum(share, lasts)))


def booked(book: Book) -> None:
    """Plant bought; running, fuel and emissions of what is generated."""
    view = book.view
    for name, account in OWNED.items():
        columns, keys = (
            ["lead", "musd_per_mw", "life", "resale_share", "fade_per_year"],
            list(PURCHASE[name].index),
        )
        rows = view.facts(view.table(name), getattr(view.case, name), keys, columns)
        stores = view.case.catalog.table("power_options")["fuel"].reindex(rows["g"]).eq(STORED).to_numpy()
        for what, part in (("plant", rows[~stores]), ("batteries", rows[stores])):
            price, here = part["added_mw"] * part["case_musd_per_mw"], book.local(part["h"])
            book.asset(part, price, what, part["added_mw"], account=account, unit="MW plant", **here)
    rows, mwh = generated(view), generated(view)["mwh"]
    burnt = mwh * rows["case_mmbtu_per_mwh"]
    here = book.local(rows["h"])
    book.add(
        rows,
        mwh * rows["case_running_musd_per_mwh"],
        mwh,
        kind="energy",
        account="generation",
        unit="MWh",
        **here,
    )
    book.add(
        rows, burnt * rows["case_musd_per_mmbtu"], burnt, kind="energy", account="fuel", unit="MMBtu", **here
    )
    book.add(rows, 0.0, mwh * rows["case_tco2_per_mwh"], kind="physical", account="plant-emissions", unit="tCO2",
             h=rows["h"])  # fmt: skip
