"""Storage of energy: power, energy and level of every slice, and the day of the design hour."""

from __future__ import annotations

import pandas as pd

from planner.audit.findings import Findings
from planner.audit.firm import built_load, flexible_mw, grid_mw, held_mw
from planner.audit.plant import ratings, standing, stored_ratings
from planner.audit.view import View, labelled, lookup, over, total
from planner.case.case import DESIGN, STRESS

HGT, HT = ["h", "g", "t"], ["h", "t"]
KEYS = [*HGT, "s"]
AMOUNTS = ("charge_mw", "discharge_mw", "level_mwh")

COVERS = {"storage_power": "storage-power", "storage_energy": "storage-energy", "storage_level": "storage-level",
          "storage_event": "storage-event", "storage_cycles": "storage-cycles", "recharge": "recharge",
          "eased_heat": "recharge", "eased_load": "recharge"}  # fmt: skip
"""Rules of the model that are recomputed here, and the rule of the audit that does."""


def check(view: View, found: Findings) -> None:
    """What storage takes, gives and holds; no more is counted on in the design hour than the day gives back."""
    if len(view.table("storage")):
        _moved(view, found)
    _recharge(view, found)


def _moved(view: View, found: Findings) -> None:
    """Every slice in which storage takes, gives or holds something."""
    table = view.table("storage")
    found.known("storage-known", table[KEYS], view.case.stores.index, "no such storage can be there then")
    for name in AMOUNTS:
        found.at_least("storage-power", total(table, KEYS, table[name]), 0.0, f"negative {name}")
    rows = view.facts(
        table, view.case.storages, ["h", "g"], ["hours", "efficiency", "event_hours", "available"]
    )
    rows = view.facts(rows, view.case.stores, KEYS, ["day_hours", "previous"])
    index, stands = labelled(rows, KEYS), standing(view)
    alive = over(labelled(rows, HGT), total(stands, HGT, stands["mw"])).to_numpy(float)
    left = total(stands, HGT, stands["mw"] * stands["holds"])

    def at(value: pd.Series) -> pd.Series:
        return pd.Series(value.to_numpy(float), index=index)

    hours = lookup(labelled(rows, ["t", "s"]), view.case.slices["hours"])
    found.equal(
        "storage-table", at(rows["hours"]), pd.Series(hours.astype(float), index=index), "hours", 100.0
    )
    most = at(rows["case_available"] * alive)
    found.at_most(
        "storage-power", at(rows["charge_mw"] + rows["discharge_mw"]), most, "more than storage can move"
    )
    held = rows["case_hours"] * over(labelled(rows, HGT), left).to_numpy(float)
    found.at_most("storage-energy", at(rows["level_mwh"]), at(held), "more than it holds at its age")
    found.equal("storage-table", at(rows["holds_mwh"]), at(held), "energy held at its age")
    _cycles(view, found, rows, left)
    stressed = rows[rows["s"] == STRESS]
    found.at_most(
        "storage-power", total(stressed, KEYS, stressed["charge_mw"]), 0.0, "charged in stressed hours"
    )
    _level(view, found, rows)


def _cycles(view: View, found: Findings, rows: pd.DataFrame, left: pd.Series) -> None:
    """What is given in a period, stressed hours with it, against the full cycles of what is held that are warranted."""
    hours = lookup(labelled(rows, ["t", "s"]), view.case.slices["hours"]).astype(float)
    given = total(rows, HGT, rows["discharge_mw"] * hours)
    cells = rows.drop_duplicates(HGT)
    index, t = labelled(cells, HGT), cells["t"].to_numpy(int)
    cycles = lookup(labelled(cells, ["h", "g"]), view.case.storages["cycles_per_year"]).astype(float)
    years = (view.begins(t + 1) - view.begins(t)) * view.step_years
    most = over(index, left) * cells["case_hours"].to_numpy(float) * cycles * years
    found.at_most("storage-cycles", over(index, given), most, "more cycles than are warranted")


def _level(view: View, found: Findings, rows: pd.DataFrame) -> None:
    """The whole day of every storage in use, slices in which it rests among them."""
    used = list(dict.fromkeys(labelled(rows, HGT)))
    cells = view.case.stores[view.case.stores["s"] != STRESS].reset_index(drop=True)
    cells = cells[pd.Index(labelled(cells, HGT)).isin(used)] if used else cells.iloc[:0]
    index = labelled(cells, KEYS)
    charge, gives, level = (over(index, total(rows, KEYS, rows[name])) for name in AMOUNTS)
    before = over(
        labelled(cells.assign(s=cells["previous"]), KEYS), total(rows, KEYS, rows["level_mwh"])
    ).set_axis(index)
    stress = rows[rows["s"] == STRESS]
    event = over(labelled(cells, HGT), total(stress, HGT, stress["discharge_mw"])).set_axis(index)
    back = lookup(labelled(cells, ["h", "g"]), view.case.storages["efficiency"]).astype(float)
    lasts = lookup(labelled(cells, ["h", "g"]), view.case.storages["event_hours"]).astype(float)
    found.at_most("storage-event", event * lasts, level, "more in an event than is left of the day")
    every = view.typical.assign(stress=view.typical["s"] == STRESS)
    hours = total(every, ["t"], every["hours"] * every["stress"])
    days = total(every, ["t"], every["hours"] * ~every["stress"]) / 24.0
    daily = (hours / days).reindex(cells["t"].astype(int)).to_numpy(float)
    taken = event * daily * (cells["s"] == cells["s"].iloc[0]).to_numpy(float) if len(cells) else event
    want = before + cells["day_hours"].to_numpy(float) * (back * charge - gives) - taken
    found.equal("storage-level", level, want, "level at the end of a slice")


def _recharge(view: View, found: Findings) -> None:
    index = built_load(view).index
    short = recharge_short_mw(
        view, over(index, grid_mw(view)) + over(index, flexible_mw(view)), held_mw(view)
    )
    found.at_most("recharge", short, 0.0, "storage that the design day does not charge again")


def recharge_short_mw(view: View, lines: pd.Series, idle: pd.Series) -> pd.Series:
    """(h, t) -> MW that ``lines`` and steady plant, but for what of it is ``idle``, lack to charge storage again all day.

    Storage gives what they leave of the design hour, the kinds that stand with the least loss first; none where they leave
    nothing. Machines do their usual work in the rest of that day, at the least PUE that could cool them.
    """
    rows = stored_ratings(view)
    if not len(rows):
        return pd.Series(dtype=float)
    carried = lines + over(lines.index, ratings(view)["steady_mw"]) - over(lines.index, idle)
    dispatch = view.table("dispatch")
    usual = dispatch[dispatch["s"] != STRESS]
    mean = total(usual, HT, usual["it_mw"] * usual["hours"]) / total(usual, HT, usual["hours"])
    pue = view.case.pue[view.case.pue["s"] == DESIGN].reset_index(drop=True)
    least = pue.groupby(HT)["pue"].min()
    left = (over(lines.index, built_load(view)) - carried).clip(lower=0.0)
    rows = rows.join(view.case.storages[["efficiency", "event_hours"]], on=["h", "g"])
    rows = rows.sort_values("efficiency", ascending=False, kind="stable")
    before = rows.groupby(HT)["mw"].cumsum() - rows["mw"]
    gives = (over(labelled(rows, HT), left).to_numpy(float) - before).clip(lower=0.0)
    gives = gives.where(gives < rows["mw"], rows["mw"])
    event = rows["event_hours"]
    taken = total(rows, HT, gives * event / rows["efficiency"] / (24.0 - event))
    taken = taken[taken > 0.0]
    at = taken.index.intersection(carried.index)
    return over(at, mean) * over(at, least) + over(at, taken) - over(at, carried)
