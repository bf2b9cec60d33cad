"""Quotas of vendors and clouds, crews, and what the user requires, forbids or fixes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.audit.book import Book
from planner.audit.findings import Findings
from planner.audit.view import HAKT, View, labelled, lookup, over, total
from planner.case.columns import joined, records
from planner.case.registry import DECIDED

COVERS = {
    "quota_per_period": "quota-orders", "quota_cumulative": "quota-cumulative", "quota_window": "quota-window",
    "quota_capacity": "quota-capacity", "exclusive": "exclusive-stacks", "crew": "crew",
    **{f"decide_{what}": "decision" for what in ("stack", *DECIDED)},
}  # fmt: skip
"""Rules of the model that are recomputed here, and the rule of the audit that does."""
YES_OR_NO = {"stack", *(what for what, p in DECIDED.items() if p.domain == "binary")}
"""Decisions on what screening takes parts of, which no table of a plan counts."""


def check(view: View, found: Findings) -> None:
    """Rules of supply and decisions."""
    _quotas(view, found)
    _crews(view, found)
    _exclusive(view, found)
    _decisions(view, found)


def _quotas(view: View, found: Findings) -> None:
    members = view.case.quota_members
    orders, fleet = view.table("orders"), view.table("fleet")
    for kind, table in (("orders", orders), ("cumulative", orders), ("window", orders), ("capacity", fleet)):
        caps = view.case.quotas[view.case.quotas["kind"] == kind]
        if not len(caps):
            continue
        limit = pd.Series(caps["amount_k"].to_numpy(float), index=labelled(caps, ["q", "t"]))
        rows = joined(members, table[[*HAKT, "accelerators"]], ["h", "a", "k"])
        used = over(limit.index, total(rows, ["q", "t"], rows["weight"] * rows["accelerators"] / 1000.0))
        if kind != "capacity":
            used = used - over(limit.index, _lifted(view))
        if kind == "cumulative":
            used = used.sort_index().groupby(level=0).cumsum().reindex(limit.index)
        if kind == "window":
            since = caps.set_index(limit.index)["window_t"]
            used = pd.Series(
                [used.loc[q].loc[since[q, t] : t].sum() for q, t in limit.index], index=limit.index
            )
        found.at_most(f"quota-{kind}", used, limit, "more than the quota allows")


def _lifted(view: View) -> pd.Series:
    """(q, t) -> thousands, in the quota's unit, that are ordered under agreements which lift the quota."""
    under = view.table("ordered_under")[["e", *HAKT, "accelerators"]]
    rows = joined(view.case.lifted, under, ["e"])
    rows = joined(rows, view.case.quota_members, ["q", "h", "a", "k"])
    return total(rows, ["q", "t"], rows["weight"] * rows["accelerators"] / 1000.0)


def _exclusive(view: View, found: Findings) -> None:
    """Stacks that rule one another out are not both adopted."""
    adopted = view.table("stacks").set_index("a")["adopted"].astype(float)
    pairs = view.case.exclusive[["a", "b"]].itertuples(index=False)
    both = {(a, b): float(adopted.get(a, 0.0) + adopted.get(b, 0.0)) for a, b in pairs}
    if both:
        found.at_most("exclusive-stacks", pd.Series(both), 1.0, "stacks that licences keep apart")


def _crews(view: View, found: Findings) -> None:
    if not len(view.case.crews):
        return
    crews = view.case.crews
    limit = pd.Series(crews["racks_k"].to_numpy(float), index=labelled(crews, ["q", "t"]))
    orders = view.table("orders")[[*HAKT, "accelerators"]]
    rows = joined(view.case.crew_members, orders, ["h", "a", "k"])
    racks = total(rows, ["q", "t"], rows["accelerators"] / 1000.0 * rows["racks_per_accelerator"])
    found.at_most("crew", over(limit.index, racks), limit, "more racks than the crew installs")


def _decisions(view: View, found: Findings) -> None:
    """Amounts are accelerators in thousands, MW of IT, or numbers of hosts and stacks."""
    amounts = {"stack": view.table("stacks").set_index("a")["adopted"].astype(float)}
    for what, p in DECIDED.items():
        table = view.table(p.name)
        amounts[what] = total(table, list(p.index), table[p.amount] / p.per if p.amount else 1.0)
    halls = view.case.halls["it_mw"]
    amounts["halls"] = amounts["halls"] * halls.reindex(amounts["halls"].index)
    members = view.case.decision_members
    for row in records(view.case.decisions):
        if not view.whole and row.what in YES_OR_NO:
            continue
        own = members.loc[(members["d"] == row.d) & (members["t"] == row.t), "index"]
        value = float(np.sum([float(amounts[str(row.what)].get(i, 0.0)) for i in own]))
        index = pd.MultiIndex.from_tuples([(row.d, row.t)])
        found.at_least(
            "decision", pd.Series([value], index=index), float(row.lower), f"{row.what}: less than decided"
        )
        found.at_most(
            "decision", pd.Series([value], index=index), float(row.upper), f"{row.what}: more than decided"
        )


def booked(book: Book) -> None:
    """Adoption of every layer over its stack's lead, then its yearly cost; what licences ask of orders."""
    view, case = book.view, book.view.case
    table = view.table("stacks")
    adopted = set(table.loc[table["adopted"].astype(bool), "a"])
    put_off = view.table("adoptions").set_index("a")["t"]
    for row in records(case.layers):
        if row.a not in adopted:
            continue
        ready = int(case.stacks.loc[row.a, "earliest_t"])
        used = int(put_off.get(row.a, ready))
        wait, later = int(view.begins(max(ready, 1))), int(view.begins(used) - view.begins(ready))
        paid = np.arange(later, min(later + wait, view.n_steps))
        before = pd.DataFrame({"t": view.holds(paid)})
        after = pd.DataFrame({"t": np.arange(min(used, view.n), view.n)})
        who = {"kind": "fee", "a": str(row.a), "origin_iso3": str(row.origin_iso3)}
        book.add(before, float(row.adoption_musd) / wait, account="stack-adoption", **who)
        book.add(after, float(row.musd_per_step) * view.steps(after["t"]), account="platform", **who)
    _licences_booked(book)


def _licences_booked(book: Book) -> None:
    """Security, monitoring and investment that licences ask."""
    view, case = book.view, book.view.case
    orders = view.facts(view.table("orders"), case.orders, HAKT, ["order_t", "life", "musd_per_k"])
    offer = labelled(orders, ["h", "a", "k"])
    place, count = {"h": orders["h"], "a": orders["a"]}, orders["accelerators"].astype(float) / 1000.0
    once, yearly, share = (
        count * lookup(offer, case.offers[name]).astype(float)
        for name in ("security_musd_per_k", "monitoring_musd_per_k_year", "reciprocal_share")
    )
    book.add(orders, once, kind="fee", account="licence-security", **place)
    book.every(
        orders,
        yearly * view.step_years,
        orders["case_life"],
        kind="opex",
        account="licence-monitoring",
        **place,
    )
    invested = share * orders["case_musd_per_k"]
    growth = 1.0 + case.rate - case.physics["reciprocal_spread_per_year"]
    until_end = view.until_end(orders["case_order_t"])
    abroad = {"account": "reciprocal-investment", "origin_iso3": "USA", **place}
    book.add(orders.assign(t=orders["case_order_t"]), invested, kind="fee", **abroad)
    book.add(orders.assign(t=view.n), -invested * growth**until_end, kind="residual", **abroad)
