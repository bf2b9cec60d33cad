"""Bounds on cost, delay, control, shares and capital: those of the scenario and those the planner froze."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from planner.audit.book import Book
from planner.audit.findings import Findings
from planner.audit.service import by_period, served_k, training_workloads
from planner.audit.view import PARTNER, View, labelled, lookup, once, over, total
from planner.case.bounds import Bounds
from planner.case.columns import joined
from planner.case.registry import NO_OUTLAY
from planner.scenario.schema import ControlFloor

COVERS = {
    "control_floor": "control-floor",
    "class_floor": "class-floor",
    "share_cap": "share-cap",
    "money_cap": "money-cap",
}
"""Rules of the model that are recomputed here, and the rule of the audit that does."""


def check(view: View, found: Findings) -> None:
    """Policy rows of the plan."""
    _delay(view, found)
    _control(view, found)
    _shares(view, found)
    _money(view, found)
    _caps(view, found)


@once
def delays(view: View) -> pd.Series:
    """w -> months of delay: sum over periods of months x unserved share."""
    table = view.table("demand")
    return total(table, ["w"], 12.0 * view.years(table["t"]) * table["unserved_share"])


@once
def weights(view: View) -> pd.DataFrame:
    """Serving rows at the case's rates with ``by_work`` and ``by_priority``: shares of all demand that they serve."""
    demand = view.case.demand.reset_index(drop=True)
    priority = {w.id: w.priority for w in view.scenario.demand}
    steps = view.steps(demand["t"])
    whole = (demand["w"].map(priority).astype(float) * steps).sum()
    rows = view.facts(served_k(view), view.case.demand, ["w", "t"], ["demand_kref"])
    share = rows["served"] / rows["case_demand_kref"]
    asked = total(demand, ["w"], demand["demand_kref"] * steps)
    per_step = (asked / total(demand, ["w"], steps)).reindex(rows["w"]).to_numpy(float)
    runs = rows["w"].isin(training_workloads(view)).to_numpy()  # whenever it is done, it counts the same
    share = share.where(~runs, rows["served"] / per_step)
    lasts = view.steps(rows["t"])
    by_priority = rows["w"].map(priority).astype(float) * share * lasts / whole
    rows = rows.assign(by_work=rows["served"] * lasts / asked.sum(), by_priority=by_priority)
    return rows.assign(weight=rows[f"by_{view.scenario.limits.min_control_by}"])


@once
def priorities(view: View) -> pd.Series:
    """w -> priority, summing to 1 over all workloads that ask for something."""
    asking = set(view.case.demand["w"])
    own = pd.Series({w.id: w.priority for w in view.scenario.demand if w.id in asking}, dtype=float)
    return own / own.sum()


def _delay(view: View, found: Findings) -> None:
    months = delays(view)
    weighted = pd.Series([float((months * priorities(view).reindex(months.index)).sum())], index=["all"])
    for bounds in _bounds(view):
        if bounds.max_delay_months_by_workload:
            caps = pd.Series(dict(bounds.max_delay_months_by_workload), dtype=float)
            known = caps.reindex(months.index).fillna(np.inf)
            found.at_most("delay-cap", months, known, "this workload waits longer than it may")
        if bounds.max_delay_months is not None:
            found.at_most(
                "delay-cap", weighted, bounds.max_delay_months, "the weighted delay is above its bound"
            )


def _control(view: View, found: Findings) -> None:
    rows = weights(view)
    for floor in _stated(b.min_control_points for b in _bounds(view)):
        surplus = float((rows["weight"] * (rows["case_sigma"] - floor / 100.0)).sum())
        found.at_least("control-floor", pd.Series([surplus], index=[f"{floor:g}"]), 0.0,
                       "control of what is served is below its floor (points x share / 100)")  # fmt: skip
    for own in view.scenario.limits.control_floors:
        _class_floor(view, found, rows, own)


def _class_floor(view: View, found: Findings, rows: pd.DataFrame, floor: ControlFloor) -> None:
    """Every workload that the floor names, in every calendar year from its date: points x months of work / 100."""
    named = {w.id for w in view.scenario.demand if floor.workload == w.id or floor.data_class == w.data_class}
    first = view.case.calendar.containing(floor.from_) if floor.from_ else 0
    mine = rows[rows["w"].isin(named) & (rows["t"] >= first)]
    mine = mine.assign(y=[view.date(t).year for t in mine["t"]])
    surplus = mine["served"] * 12.0 * view.years(mine["t"]) * (mine["case_sigma"] - floor.min / 100.0)
    found.at_least("class-floor", total(mine, ["w", "y"], surplus), 0.0,
                   "control of a workload in a year is below its floor (points x work / 100)")  # fmt: skip


def _shares(view: View, found: Findings) -> None:
    caps = view.case.share_caps
    if not len(caps):
        return
    limit = pd.Series(caps["max_share"].to_numpy(float), index=labelled(caps, ["i", "t"]))
    rows = served_k(view)
    part = joined(view.case.share_members, rows[["h", "a", "k", "t", "served"]], ["h", "a", "k"])
    own = over(limit.index, total(part, ["i", "t"], part["served"]))
    everything = by_period(view, rows, pd.RangeIndex(view.n))
    allowed = limit * everything.reindex(limit.index.get_level_values(1)).to_numpy()
    found.at_most("share-cap", own, allowed, "served above the share allowed")


def _money(view: View, found: Findings) -> None:
    ledger = view.table("ledger")
    own = ledger[ledger["payer"] == PARTNER]
    factor = discount(view)
    cost = pd.Series([float((own["musd"] * lookup(own["t"], factor).astype(float)).sum())], index=["cost"])
    for cap in _stated(b.max_cost_musd for b in _bounds(view)):
        found.at_most("cost-cap", cost, cap, "cost above its bound")


def _caps(view: View, found: Findings) -> None:
    """Caps on capex, outlay and commitments, each against the ledger and the contracts signed."""
    ledger, contracts = borne(view, view.table("ledger")), view.table("commitments")
    paid = ledger[~ledger["kind"].isin(NO_OUTLAY)].assign(due=ledger["t"])
    contracts = borne(view, contracts.assign(payer=PARTNER, due=view.n))
    new = contracts[contracts["what"] != "existing"]
    signed = new.assign(y=pd.to_datetime(new["start_date"]).dt.year, musd=new["signed_musd"])
    money = {
        ("capex", False): paid[paid["kind"] == "capex"], ("capex", True): paid[paid["kind"] == "capex"],
        ("outlay", False): paid,
        ("outlay", True): pd.concat([paid, contracts.assign(musd=contracts["due_after_musd"])], ignore_index=True),
        ("commitments", False): signed, ("commitments", True): signed,
    }  # fmt: skip
    limits = view.scenario.limits
    caps = [(c.what, c.year, c.payer, c.musd) for c in limits.money]
    caps += [("outlay", c.year, PARTNER, c.musd) for c in limits.capital_musd_by_year]
    if limits.capital_musd_total is not None:
        caps.append(("outlay", None, PARTNER, limits.capital_musd_total))
    for what, year, payer, musd in caps:
        rows = money[what, year is None]
        rows = rows if year is None else rows[rows["y"] == year]
        if payer != "all":
            rows = rows[(rows["payer"] == payer) | (rows["bearer"] == payer)]
        spent = float(rows["musd"].sum())
        if what == "outlay":  # a grant pays for nothing that falls due before it comes
            running = rows.groupby("due")["musd"].sum().sort_index().cumsum()
            given = [view.case.calendar.containing(g.date) for g in view.scenario.finance.grants]
            spent = max([spent, *(float(running[running.index < t].iloc[-1:].sum()) for t in given if t > 0)])
        index = pd.Index([f"{what} {year or 'total'} {payer}"])
        found.at_most("money-cap", pd.Series([spent], index=index), musd, "money above its cap")


def borne(view: View, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with the year they fall in, and who bears them: the payer of the host, the state what has none or is rented."""
    bearer = {}
    for host in view.scenario.hosts:
        said = [str(r.payer) for r in view.scenario.finance.payers if host.id in (r.hosts or ())]
        said += [r.payer for r in view.scenario.finance.payers if host.owner_class in (r.owner_classes or ())]
        said.append(str(view.case.catalog.table("owner_classes").at[host.owner_class, "payer"]))
        rented = said[0] == "provider" and host.mode == "cloud"
        bearer[host.id] = "state" if rented else said[0]
    who = [
        bearer.get(h, "state") if payer == PARTNER else "provider"
        for h, payer in zip(rows["h"], rows["payer"], strict=True)
    ]
    years = [view.date(t).year for t in rows["t"]] if "t" in rows else 0
    return rows.assign(bearer=pd.Series(who, index=rows.index, dtype=object), y=years)


@once
def discount(view: View) -> pd.Series:
    """t -> present value of 1 paid over period t, in the middle of each of its steps; of the horizon's end for t = n."""
    rate = view.scenario.money.discount_rate_real
    rate = view.case.rate if rate is None else rate
    middle = np.array([(1.0 + rate) ** -((step + 0.5) * view.step_years) for step in range(view.n_steps)])
    over = [middle[a:b].mean() for a, b in zip(view.edges[:-1], view.edges[1:], strict=True)]
    return pd.Series([*over, (1.0 + rate) ** -(view.n_steps * view.step_years)])


def _bounds(view: View) -> tuple[Bounds, Bounds]:
    """Those the scenario states, and those in force when the plan was made."""
    return Bounds.of_limits(view.scenario.limits), view.plan.bounds


def _stated(values: Iterable[float | None]) -> set[float]:
    """Values that are set, each once."""
    return {float(value) for value in values if value is not None}


def booked(book: Book) -> None:
    """Grants, in the period of their date."""
    view = book.view
    for grant in view.scenario.finance.grants:
        t = view.case.calendar.containing(grant.date)
        if 0 <= t < view.n:
            book.add(pd.DataFrame({"t": [t]}), -grant.musd, kind="grant", account="grant")
