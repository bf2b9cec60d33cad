"""Refits: of space that stands, once; and cooling that comes with a hall alone where halls keep theirs."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from planner.audit.book import Book
from planner.audit.bought import dated, priced
from planner.audit.findings import Findings
from planner.audit.view import HAKT, View, each_period, once, over, total
from planner.case.context import Context
from planner.case.cooling import INCLUDED_COOLING, RECOVERY
from planner.case.periods import day_after
from planner.scenario.schema import ExistingHall, Host, Refit

HCT = ["h", "c", "t"]
FACTS = ["lead", "outage", "musd_per_mw", "life"]

COVERS = {
    "refit_emptied": "refit-emptied",
    "refit_standing": "refit-standing",
    "cool_with_hall": "cooling-with-hall",
}
"""Rules of the model that are recomputed here, and the rule of the audit that does."""


def check(view: View, found: Findings) -> None:
    """Refits that were offered, at their dates and price, of halls that stand."""
    table = view.table("refits")
    known = found.known("refit-allowed", table[HCT], view.case.refits.index, "no such refit can be done then")
    rows = view.facts(table[known], view.case.refits, HCT, FACTS)
    found.at_least("refit-negative", total(rows, HCT, rows["added_mw"]), 0.0, "a negative refit")
    live = view.begins(rows["t"])
    when = {
        "order_date": live - rows["case_lead"],
        "outage_date": live - rows["case_outage"],
        "live_date": live,
    }
    dated(view, found, "refit-dates", rows, HCT, when)
    priced(found, "refit-price", rows, HCT, rows["added_mw"] * rows["case_musd_per_mw"])
    _emptied(view, found)
    _standing(view, found, rows)
    _with_hall(view, found)
    _terms(view, found)
    _told(view, found)


@once
def at_work_mw(view: View) -> pd.Series:
    """(h, t) -> MW of IT out of use in some part of t while they are refitted."""
    works = _works(view, view.table("refits"), 0)
    return total(works, ["h", "t"], works["added_mw"])


@once
def existing_mw(view: View) -> pd.Series:
    """(h, c, t) -> MW of heat of cooling that existing halls have beyond their price, in the periods they stand through."""
    apart = {h.id for h in view.scenario.hosts if h.mode == "build" and h.room_air == "as-needed"}
    margin = 1.0 + view.case.physics["cooling_margin"]
    rows = [
        (hall.host, c, t, mw)
        for hall in view.scenario.existing.halls
        for t in range(view.n)
        if _lasts(view, hall, t)
        for c, mw in (
            *hall.cooling.items(),
            *([(INCLUDED_COOLING, hall.it_mw * margin)] if hall.host in apart else []),
        )
    ]
    table = pd.DataFrame(rows, columns=[*HCT, "mw"])
    return total(table, HCT, table["mw"])


def _lasts(view: View, hall: ExistingHall, t: int) -> bool:
    return hall.until is None or view.case.calendar.containing(day_after(hall.until)) > t


def _emptied(view: View, found: Findings) -> None:
    """What is out of use for a refit is there, has power, and is no more than is refitted in that period."""
    table = view.powered
    out = table["emptied"] / 1000.0
    found.at_least("refit-emptied", total(table, HAKT, out), 0.0, "fewer than none out of use for a refit")
    found.at_most("refit-emptied", total(table, HAKT, out), total(table, HAKT, table["on_k"]),
                  "more is out of use for a refit than has power")  # fmt: skip
    mw = total(table, ["h", "t"], out * view.system(table, "peak_mw_per_k").astype(float))
    found.at_most("refit-emptied", mw, over(mw.index, at_work_mw(view)),
                  "more is out of use than is refitted in that period")  # fmt: skip


@once
def fitted_mw(view: View) -> pd.Series:
    """(h, c, t) -> MW of IT refitted to a technology."""
    rows = view.facts(view.table("refits"), view.case.refits, HCT, ["life"])
    alive = each_period(rows, rows["t"], rows["case_life"], view)
    return total(alive, HCT, alive["added_mw"])


def _works(view: View, table: pd.DataFrame, after: int) -> pd.DataFrame:
    """Each period from that in which the work of a refit begins to that in which it ends, or its life (``after``: 1)."""
    rows = view.facts(table, view.case.refits, HCT, ["outage", "life"])
    first = view.holds(view.begins(rows["t"]) - rows["case_outage"].to_numpy(int))
    end = view.begins(rows["t"]) + after * rows["case_life"].to_numpy(int)
    return each_period(rows, first, end - view.begins(first), view)


def _standing(view: View, found: Findings, rows: pd.DataFrame) -> None:
    if not len(rows):
        return
    used = _works(view, rows[[*HCT, "added_mw"]], 1)
    margin = 1.0 + view.case.physics["cooling_margin"]
    taken = total(used, HCT, used["added_mw"])
    cool = view.facts(view.table("cooling").query("added_mw != 0"), view.case.cooling, HCT, ["life"])
    cool = each_period(cool, cool["t"], cool["case_life"], view)
    taken = taken + over(taken.index, total(cool, HCT, cool["added_mw"])) / margin
    halls = view.facts(view.table("halls"), view.case.halls, ["h", "b", "t"], ["it_mw", "life"])
    halls = each_period(halls, halls["t"], halls["case_life"], view)
    built = total(halls, ["h", "t"], halls["halls"] * halls["case_it_mw"])
    lasting: dict[str, float] = {}
    for hall in view.scenario.existing.halls:
        if _lasts(view, hall, view.n - 1):
            lasting[hall.host] = lasting.get(hall.host, 0.0) + hall.it_mw
    at_end = pd.MultiIndex.from_tuples([(h, c, view.n - 1) for h, c, _ in taken.index])
    has = over(at_end, existing_mw(view)).to_numpy(float) / margin
    room = [max(0.0, lasting.get(h, 0.0) - mw) for (h, _, _), mw in zip(taken.index, has, strict=True)]
    at = pd.MultiIndex.from_tuples([(h, t) for h, _, t in taken.index])
    limit = pd.Series(np.array(room) + over(at, built).to_numpy(float), index=taken.index)
    found.at_most("refit-standing", taken, limit, "more space is refitted than stands")


def _with_hall(view: View, found: Findings) -> None:
    kept = {h.id for h in view.scenario.hosts if h.mode == "build" and h.standing_halls != "as-needed"}
    table = view.table("cooling")
    table = table[(table["added_mw"] != 0) & table["h"].isin(kept) & (table["c"] != RECOVERY)]
    if not len(table):
        return
    halls = view.table("halls")
    live = total(halls, ["h", "t"], halls["it_mw"])
    got = total(table, HCT, table["added_mw"]) / (1.0 + view.case.physics["cooling_margin"])
    limit = over(pd.MultiIndex.from_tuples([(h, t) for h, _, t in got.index]), live)
    found.at_most("cooling-with-hall", got, pd.Series(limit.to_numpy(float), index=got.index),
                  "cooling is added to halls that stand")  # fmt: skip


def _terms(view: View, found: Findings) -> None:
    """Every refit that the case offers: lead, outage, price and life, from scenario and catalog."""
    table = view.case.refits
    context = view.context
    hosts = {h.id: h for h in view.scenario.hosts}
    ends = {h: _ends(view, context, hosts[h]) for h in dict.fromkeys(table["h"])} if len(table) else {}
    want: dict[str, list[float]] = {name: [] for name in (*FACTS, "outage_t")}
    for h, c, t in table.index:
        own = hosts[h].refit or Refit()
        wait, outage, price = (
            float(context.pick(given, "cooling", c, column))
            for given, column in (
                (own.lead_months, "lead_months"),
                (own.outage_months, "refit_outage_months"),
                (own.musd_per_mw, "refit_musd_per_mw"),
            )
        )
        life = _steps(view, 12.0 * float(context.catalog.value("cooling", c, "life_years")))
        work = _steps(view, outage)
        live = int(view.begins(t))
        empty = int(view.holds(live - work))
        row = (_steps(view, wait + outage), work, price, min(life, ends[h] - live), empty)
        for values, value in zip(want.values(), row, strict=True):
            values.append(value)
    for name, values in want.items():
        got = pd.Series(table[name].to_numpy(float), index=table.index)
        found.equal("refit-facts", got, pd.Series(values, index=table.index, dtype=float), name)


def _steps(view: View, months: float) -> int:
    return math.ceil(months / view.case.calendar.step_months - 1e-9)


def _ends(view: View, context: Context, host: Host) -> int:
    """Step from the start in which the first of the halls may end that a refit at a host may be in.

    One that stands ends with the day stated where that lies after the horizon, else with the life of the longest-lived
    kind of the host, counted from the start; one of the plan with its own life.
    """
    standing = [hall.until for hall in view.scenario.existing.halls if hall.host == host.id]
    lives = context.catalog.table("halls")["life_years"]
    found = []
    for until in standing:
        if until is not None:
            gone = day_after(until)
            if view.case.calendar.containing(gone) >= view.n:
                months = view.case.calendar.months_from_start(gone)
                found.append(math.floor(months / view.case.calendar.step_months))
    if None in standing:
        shell = context.site(host.site).shell_it_mw is not None
        kinds = context.catalog.table("halls")
        may = host.hall_types or list(kinds.index if shell else kinds.index[~kinds["in_shell"].astype(bool)])
        found.append(max(_steps(view, 12.0 * float(lives[b])) for b in may))
    built = view.case.halls
    for b, rows in built[built["h"] == host.id].groupby("b") if len(built) else ():
        found.append(int(view.begins([rows["t"].min()])[0]) + _steps(view, 12.0 * float(lives[b])))
    return min(found, default=0)


def _told(view: View, found: Findings) -> None:
    """The timeline says of every host and technology from when to when space is out of use for refits."""
    works = view.table("refits")
    works = works[works["outage_date"] < works["live_date"]]
    rows = view.table("milestones")
    rows = rows[rows["kind"] == "outage"]
    if not len(works) and not len(rows):
        return
    names = sorted(view.case.catalog.table("cooling").index, key=len, reverse=True)
    named = [next((c for c in names if c in item), "") for item in rows["item"].astype(str)]
    spans = [
        table.groupby(["h", "c"]).agg(first=(first, "min"), last=(last, "max"))
        for table, first, last in (
            (works, "outage_date", "live_date"),
            (rows.assign(c=named), "start_date", "end_date"),
        )
    ]
    want, got = ({key: tuple(row) for key, row in zip(x.index, x.to_numpy(), strict=True)} for x in spans)
    for key in sorted(want.keys() | got.keys()):
        if want.get(key) != got.get(key):
            message = f"out of use {want.get(key, 'never')}, in the timeline {got.get(key, 'never')}"
            found.add("refit-told", key, math.nan, math.nan, message)


def booked(book: Book) -> None:
    """Cooling fitted into halls that stand."""
    view = book.view
    rows = view.facts(view.table("refits"), view.case.refits, HCT, ["lead", "musd_per_mw", "life"])
    price = rows["added_mw"] * rows["case_musd_per_mw"]
    book.asset(
        rows, price, "cooling", rows["added_mw"], account="refit", unit="MW IT", **book.local(rows["h"])
    )
