"""Agreements: what is signed when, and that nothing was ordered, served or drawn under one that was not in force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from planner.audit.book import Book
from planner.audit.bought import dated, priced
from planner.audit.draws import drawn_by_source
from planner.audit.findings import Findings
from planner.audit.service import served_k
from planner.audit.view import HAKT, View, each_period, labelled, lookup, over, total
from planner.case.agreements import shared_sources, standing_costs
from planner.case.columns import joined, records

COVERS = {
    "sign_once": "sign-once", "sign_agreed": "sign-agreed", "under_order": "under-order", "under_early": "under-early",
    "under_quota": "under-quota", "under_signed": "under-signed", "under_least": "under-least",
    "under_content": "under-content", "agreed_work": "agreed-work", "agreed_capacity": "agreed-capacity",
    "agreed_before": "agreed-before", "agreed_after": "agreed-after", "agreed_draws": "agreed-draws",
    "agreed_stacks": "agreed-stacks",
}  # fmt: skip
"""Rules of the model that are recomputed here, and the rule of the audit that does."""
WHOLE = ("sign-price", "under-least", "agreed-before")
"""Rules of the audit that speak of wholes, which screening takes parts of."""
HAK = ["h", "a", "k"]
NEVER = 10**6


def check(view: View, found: Findings) -> None:
    """Rules of signatures, and of what rides on them."""
    if not len(view.case.terms) and not len(view.table("agreements")):
        return
    signed = _signatures(view, found)
    _orders(view, found, signed)
    _work(view, found, signed)
    _draws(view, found, signed)


def _signatures(view: View, found: Findings) -> dict[str, int]:
    """Agreement -> the period from which it is in force."""
    table, case = view.table("agreements"), view.case
    found.known("sign-allowed", table[["e", "t"]], case.agreements.index, "it cannot be signed then")
    rows = view.facts(table, case.agreements, ["e", "t"], ["lead", "musd"])
    dates = {"decide_date": view.begins(rows["t"]) - rows["case_lead"], "live_date": view.begins(rows["t"])}
    dated(view, found, "sign-dates", rows, ["e", "t"], dates)
    priced(found, "sign-price", rows, ["e", "t"], rows["case_musd"])
    count = over(pd.Index(case.terms["e"]), table.groupby("e")["t"].count().astype(float))
    found.at_most("sign-once", count, 1.0, "an agreement is signed once")
    given = case.terms.loc[case.terms["signed"], "e"]
    found.at_least("sign-agreed", count[list(given)], 1.0, "agreed already, and not in the plan")
    stacks = view.table("stacks").set_index("a")["adopted"].astype(float)
    both = {(r.e, r.a): float(count[r.e] + stacks.get(r.a, 0.0)) for r in records(case.excluded)}
    if both:
        found.at_most("agreed-stacks", pd.Series(both), 1.0, "a stack that the agreement excludes")
    return {str(e): int(t) for e, t in view.since("agreements").items()}


def _orders(view: View, found: Findings, signed: dict[str, int]) -> None:
    case, rows = view.case, view.table("ordered_under")
    keys = ["e", *HAKT]
    found.known("under-allowed", rows[keys], case.unders.index, "no such order can be placed under it")
    rows = view.facts(rows, case.unders, keys, ["order_t", "opens_t", "weight", "musd_per_k", "most_k"])
    k = rows["accelerators"].astype(float) / 1000.0
    orders = view.table("orders")
    bought = total(orders, HAKT, orders["accelerators"] / 1000.0)
    placed = total(rows, HAKT, k)
    found.at_most("under-order", placed, over(placed.index, bought), "more under agreements than is ordered")
    early = bought[bought.index.isin(case.orders.index[case.orders["early"]])]
    found.at_most("under-early", early, over(early.index, placed), "ordered before it may be without one")
    since = np.array([signed.get(str(e), NEVER) for e in rows["e"]])
    open_ = np.where(since <= rows["case_opens_t"], rows["case_most_k"], 0.0)
    quota = lookup(rows["e"], case.terms["quota_k"]).astype(float)
    limit = pd.Series(np.where(np.isfinite(quota), np.inf, open_), index=labelled(rows, keys))
    found.at_most("under-signed", total(rows, keys, k), limit, "ordered under what is not in force")
    late = k.where(since > rows["case_opens_t"], 0.0)
    found.at_most("under-quota", total(rows, ["e"], late), 0.0, "ordered under what is not in force")
    years = [view.date(t).year for t in rows["case_order_t"]]
    by_year = lookup(rows["e"], case.terms["by_year"]).astype(bool)
    used = total(rows.assign(y=np.where(by_year, years, 0)), ["e", "y"], k * rows["case_weight"])
    most = pd.Series(
        [float(case.terms.at[e, "quota_k"]) for e, _ in used.index], index=used.index, dtype=float
    )
    found.at_most("under-quota", used, most, "more than the agreement's quota")
    asked = case.terms.loc[case.terms["e"].isin(list(signed)), "least_k"].astype(float)
    ends = np.where(lookup(rows["e"], case.terms["service_ends"]).astype(bool),
                    lookup(rows["e"], case.terms["end_t"]).astype(float), view.n)  # fmt: skip
    lasts = view.begins(ends) - view.begins(rows["t"])
    runs = np.minimum(lookup(labelled(rows, HAKT), case.orders["life"]), lasts)
    counted = k.where(runs >= round(1.0 / view.step_years), 0.0)
    done = total(rows, ["e"], counted * rows["case_weight"])
    found.at_least("under-least", over(asked.index, done), asked, "less than the agreement asks for")
    made = joined(case.contents_under, rows.assign(n=k * rows["case_musd_per_k"]), ["e", "k"])
    share = total(made, ["i"], made["margin"].astype(float) * made["n"])
    found.at_least("under-content", share, 0.0, "less content than the agreement asks for")


def _in_force(view: View, signed: dict[str, int], e: str, t: Any) -> Any:
    """Whether service goes on under an agreement in a period, or in each of several."""
    terms = view.case.terms.loc[e]
    ends = int(terms["end_t"]) if terms["service_ends"] else NEVER
    return (signed.get(e, NEVER) <= t) & (t < ends)


def _work(view: View, found: Findings, signed: dict[str, int]) -> None:
    case, work = view.case, served_k(view)
    k = work["serve_k"] + work["held_k"]
    opened = case.opened.reset_index(drop=True)
    need: dict[tuple[str, ...], list[str]] = {}
    for row in records(opened):
        need.setdefault((str(row.w), str(row.h), str(row.a), str(row.k)), []).append(str(row.e))
    gated = [need.get(key, []) for key in work[["w", *HAK]].itertuples(index=False, name=None)]
    loose = [not names or any(_in_force(view, signed, e, t) for e in names)
             for names, t in zip(gated, work["t"], strict=True)]  # fmt: skip
    closed = k.where(~np.array(loose, dtype=bool), 0.0)
    found.at_most("agreed-work", total(work, ["w", "h", "t"], closed), 0.0, "work that no agreement allows")
    available = case.physics["availability"]
    for terms in records(case.terms):
        own = work[[terms.e in names for names in gated]]
        load = total(own, ["t"], own["serve_k"] + own["held_k"])
        most = np.where(_in_force(view, signed, terms.e, load.index.to_numpy(int)), terms.capacity_k, 0.0)
        if np.isfinite(terms.capacity_k):
            found.at_most("agreed-capacity", load, pd.Series(available * most, index=load.index),
                          f"more at the hosts of {terms.e} than it holds")  # fmt: skip
    _on_what_was_there(view, found, work.assign(load=k), gated, signed)
    _stopped(view, found)


def _on_what_was_there(
    view: View, found: Findings, work: pd.DataFrame, gated: list[list[str]], signed: dict[str, int]
) -> None:
    """Work opened by signed agreements whose orders have all ended runs on what came before: by each end, all together."""
    last = [_last_orders(view, [e for e in names if signed.get(e, NEVER) <= t], int(t))
            for names, t in zip(gated, work["t"], strict=True)]  # fmt: skip
    own = work.assign(end=last)
    for end in sorted(set(own.loc[own["end"] < NEVER, "end"])):
        late = own[(own["end"] <= end) & (own["t"] >= end)]
        load = total(late, HAKT, late["load"])
        old = [_there_before(view, h, a, k, t, int(end)) for h, a, k, t in load.index]
        limit = view.case.physics["availability"] * pd.Series(old, index=load.index, dtype=float)
        found.at_most("agreed-before", load, limit, "work on what came after the agreement's end")


def _last_orders(view: View, names: list[str], t: int) -> int:
    """The end of the last orders under agreements of which none lasts until a period; ``NEVER`` where one does."""
    terms = view.case.terms.loc[names]
    ended = terms[(terms["end_t"] <= t) & ~terms["service_ends"].astype(bool)]
    return NEVER if (terms["end_t"] > t).any() or not len(ended) else int(ended["end_t"].max())


def _there_before(view: View, h: str, a: str, k: str, t: int, end: int) -> float:
    """Thousands of accelerators alive in a period that existed, or were ordered or rented, before another."""
    case = view.case
    held = float(case.fleet["existing_k"].get((h, a, k, t), 0.0))
    for name, source, when, life, keys in (
        ("orders", case.orders, "order_t", "life", HAKT), ("rents", case.rents, "t", "periods", [*HAK, "r", "t"]),
    ):  # fmt: skip
        rows = view.table(name)
        rows = rows[(rows["h"] == h) & (rows["a"] == a) & (rows["k"] == k)]
        rows = view.facts(rows, source, keys, [when, life])
        alive = (
            (rows["t"] <= t)
            & (view.begins(t + 1) <= view.begins(rows["t"]) + rows[f"case_{life}"])
            & (rows[f"case_{when}"] < end)
        )
        held += float(rows.loc[alive, "accelerators"].sum()) / 1000.0
    return held


def _stopped(view: View, found: Findings) -> None:
    """What was ordered under an agreement that ends service carries no work from its end on."""
    case, work = view.case, view.work
    fleet = view.table("fleet")
    alive_k = total(fleet, HAKT, fleet["accelerators"] / 1000.0)
    rows = view.facts(view.table("ordered_under"), case.unders, ["e", *HAKT], ["order_t"])
    life = lookup(labelled(rows, HAKT), case.orders["life"])
    ends = np.where(lookup(rows["e"], case.terms["service_ends"]).astype(bool),
                    lookup(rows["e"], case.terms["end_t"]).astype(float), NEVER)  # fmt: skip
    gone = each_period(rows.assign(end=ends), rows["t"], life, view)
    gone = gone[gone["t"] >= gone["end"]]
    dead = total(gone, HAKT, gone["accelerators"] / 1000.0)
    load = over(dead.index, total(work, HAKT, work["serve_k"] + work["held_k"]))
    left = case.physics["availability"] * (over(dead.index, alive_k) - dead)
    found.at_most("agreed-after", load, left, "work on what agreements took with them when they ended")


def _draws(view: View, found: Findings, signed: dict[str, int]) -> None:
    """Draws from one date to another are at most the amounts of all agreements that were in force between them."""
    drawn, terms = drawn_by_source(view), view.case.terms
    sums: dict[tuple[str, int, int], float] = {}
    most: dict[tuple[str, int, int], float] = {}
    for sources in shared_sources(view.case.sources_under):
        of = view.case.sources_under[view.case.sources_under["j"].isin(sources)]["e"].unique()
        own = drawn[drawn["supplier"].isin(sources)]
        times = sorted(set(own["t"].astype(int)))
        for key in ((since, until) for since in times for until in times if since <= until):
            i = ("+".join(sources), *key)
            sums[i] = float(own.loc[own["t"].between(*key), "gross"].sum())
            most[i] = sum((float(terms.at[e, "amount_musd"]) for e in of
                           if signed.get(str(e), NEVER) <= key[1] and terms.at[e, "end_t"] > key[0]), 0.0)  # fmt: skip
    limit = pd.Series(most, dtype=float)
    found.at_most(
        "agreed-draws", pd.Series(sums, dtype=float), limit, "more drawn than agreements in force cover"
    )


def booked(book: Book) -> None:
    """Signing, yearly costs, and investment that agreements ask."""
    view, case = book.view, book.view.case
    for _, p, musd in standing_costs(view.context):
        book.add(
            pd.DataFrame({"t": np.arange(view.n)}),
            musd * view.steps(np.arange(view.n)),
            kind="fee",
            account="agreement-upkeep",
            origin_iso3=p,
        )
    rows = view.facts(view.table("agreements"), case.agreements, ["e", "t"], ["musd", "musd_per_step"])
    partner = lookup(rows["e"], case.terms["partner"])
    book.add(rows, rows["case_musd"], kind="fee", account="agreement", origin_iso3=partner)
    steps = view.begins(lookup(rows["e"], case.terms["end_t"])) - view.begins(rows["t"])
    book.every(rows, rows["case_musd_per_step"], steps, kind="fee", account="agreement-upkeep",
               origin_iso3=partner)  # fmt: skip
    under = view.facts(view.table("ordered_under"), case.unders, ["e", *HAKT], ["order_t", "musd_per_k"])
    share = lookup(under["e"], case.terms["investment_share"]).astype(float)
    invested = share * under["accelerators"] / 1000.0 * under["case_musd_per_k"]
    growth = 1.0 + case.rate - case.physics["reciprocal_spread_per_year"]
    until_end = view.until_end(under["case_order_t"])
    abroad = {"account": "reciprocal-investment", "origin_iso3": lookup(under["e"], case.terms["partner"]),
              "h": under["h"], "a": under["a"]}  # fmt: skip
    book.add(under.assign(t=under["case_order_t"]), invested, kind="fee", **abroad)
    book.add(under.assign(t=view.n), -invested * growth**until_end, kind="residual", **abroad)
