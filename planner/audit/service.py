"""Who serves what: allowed offers, balance of demand, duties, links to hosts and stacks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.audit.book import Book
from planner.audit.findings import Findings
from planner.audit.levels import scores
from planner.audit.view import View, labelled, lookup, once, over, total
from planner.case.columns import joined
from planner.case.demand import TRAINING_KINDS
from planner.case.levels import WHAK, rescored
from planner.case.stacks import stacks_in_use

WHAKT = ["w", "h", "a", "k", "t"]
NEVER_MONTHS = 1e4
"""Months in place of never."""

COVERS = {
    "demand_balance": "demand-balance",
    "host_link": "open-link",
    "stack_link": "adopt-link",
    "stack_held": "adopt-link",
}
"""Rules of the model that are recomputed here, and the rule of the audit that does."""
WHOLE = ("adopt-link",)
"""Rules of the audit that speak of wholes, which screening takes parts of."""


def check(view: View, found: Findings) -> None:
    """Rules of serving, being unserved, and holding reserve."""
    _offers(view, found)
    _layers_ready(view, found)
    _balance(view, found)
    _links(view, found)


@once
def served_k(view: View) -> pd.DataFrame:
    """Serving rows with thousand reference-accelerator equivalents served and held, at the case's own rates.

    Scores are those at the levels that their hosts come to.
    """
    rows = view.facts(view.work, view.case.serve, WHAKT, ["rate", "sigma", "seal", "p"])
    known = scores(view)
    if len(known):
        own = rescored(rows[WHAK].assign(sigma=rows["case_sigma"], seal=rows["case_seal"]), known)
        rows = rows.assign(case_sigma=own["sigma"], case_seal=own["seal"])
    return rows.assign(served=rows["serve_k"] * rows["case_rate"], held=rows["held_k"] * rows["case_rate"])


def _offers(view: View, found: Findings) -> None:
    table = view.table("serving")
    found.known(
        "offer-allowed", table[WHAKT], view.case.serve.index, "this offer may not serve this work then"
    )
    for name in ("accelerators", "reserve"):
        found.at_least("serving-negative", total(table, WHAKT, table[name]), 0.0, f"negative {name}")
    rows = served_k(view)
    index = labelled(rows, WHAKT)
    for name in ("rate", "sigma", "seal"):
        got, want = (pd.Series(rows[c].to_numpy(float), index=index) for c in (name, f"case_{name}"))
        found.equal("offer-facts", got, want, f"{name} of an offer")
    found.same(
        "offer-facts",
        rows[WHAKT],
        rows["p"].astype(object),
        rows["case_p"].astype(object),
        "site of an offer",
    )
    got = pd.Series(rows["served_kref"].to_numpy(float), index=index)
    found.equal(
        "serving-rate",
        got,
        pd.Series(rows["served"].to_numpy(float), index=index),
        "work is not rate times fleet",
    )
    wanted = view.facts(rows, view.case.demand, ["w", "t"], ["demand_kref"])
    index = labelled(wanted, WHAKT)
    share = pd.Series((wanted["served"] / wanted["case_demand_kref"]).to_numpy(float), index=index)
    found.equal(
        "serving-share", pd.Series(wanted["share"].to_numpy(float), index=index), share, "share of demand"
    )
    floor = view.scenario.control.floors
    classes = pd.Series({w.id: float(floor.get(w.data_class, 0)) for w in view.scenario.demand})
    seal = total(rows[rows["serve_k"] > 0], WHAKT, rows.loc[rows["serve_k"] > 0, "case_seal"])
    least = pd.Series(lookup(seal.index.get_level_values(0), classes), index=seal.index, dtype=float)
    found.at_least("seal-floor", seal, least, "SEAL below the floor of the data class")


def _layers_ready(view: View, found: Findings) -> None:
    """No work before the layers of its stack are ready for it: months of the catalog, laid on the leads of layers."""
    if not view.scenario.control.layers_gate:
        return
    context, table, layers = (
        view.context,
        view.table("serving"),
        view.case.layers,
    )
    started = stacks_in_use(context)
    facts = view.case.catalog.table("layer_gates").reset_index(drop=True)
    facts = facts.assign(months=facts[context.column("layer_gates", "months")].fillna(NEVER_MONTHS))
    work = {w.id: w for w in view.scenario.demand}
    served, first = {}, {}
    for (w, a), t in table[table["accelerators"] > 0].groupby(["w", "a"])["t"].min().items():
        own = facts.merge(
            layers.loc[layers["a"] == a, ["layer", "lead_months"]], left_on="layer_id", right_on="layer"
        )
        training = work[w].kind in TRAINING_KINDS
        own = own[own["by"] == "data_class"] if training else own
        asked = own["by"].map(
            {"data_class": work[w].data_class, "sector": work[w].sector, "language": work[w].language}
        )
        exact = own["value"] == asked
        named = own[exact].set_index(["layer_id", "by"]).index
        other = (
            (own["value"] == "*")
            & asked.notna()
            & ~pd.MultiIndex.from_frame(own[["layer_id", "by"]]).isin(named)
        )
        own = own[exact | other]
        months = (
            own["months"].where((own["months"] >= NEVER_MONTHS) | (a not in started), 0.0)
            + own["lead_months"]
        )
        served[w, a] = float(12.0 * view.step_years * view.begins(t))
        first[w, a] = float(months.max()) if len(months) else 0.0
    if served:
        found.at_least(
            "layer-ready",
            pd.Series(served),
            pd.Series(first),
            "a layer of the stack is not ready for the work",
        )


def _balance(view: View, found: Findings) -> None:
    table = view.table("demand")
    keys = ["w", "t"]
    found.known("demand-known", table[keys], view.case.demand.index, "no demand there")
    wanted = view.case.demand["demand_kref"].astype(float)
    wanted = wanted.set_axis(pd.MultiIndex.from_tuples(list(wanted.index)))
    found.equal("demand-table", total(table, keys, table["demand_kref"]), wanted, "demand")
    found.equal(
        "demand-table",
        total(table, keys, table["months"]),
        0 * wanted + 12.0 * view.years([t for _, t in wanted.index]),
        "months",
    )
    found.equal(
        "demand-table",
        total(table, keys, table["served_kref"]),
        total(table, keys, table["demand_kref"] * (1 - table["unserved_share"])),
        "served is not demand less what is unserved",
    )
    per_ref = lookup(table["w"], view.case.workloads["tokens_per_s_per_ref"]).astype(float)
    tokens = pd.Series((table["demand_kref"] * 1000 * per_ref).to_numpy(float)).fillna(0.0)
    found.equal("demand-table", table["tokens_per_s"].fillna(0.0), tokens, "tokens per second")
    mean = lookup(table["w"], mean_load(view)).astype(float)
    found.equal("demand-table", table["mean_load"], pd.Series(np.asarray(mean)), "mean load")
    rows, runs = served_k(view), training_workloads(view)
    now, asked = rows[~rows["w"].isin(runs)], table[~table["w"].isin(runs)]  # runs: planner.audit.training
    done = total(now, keys, now["served"]).add(
        total(asked, keys, asked["demand_kref"] * asked["unserved_share"]), fill_value=0
    )
    at_once = wanted[~wanted.index.get_level_values(0).isin(runs)]
    found.equal("demand-balance", done, at_once, "served and unserved do not add up to demand")
    unserved = total(table, keys, table["unserved_share"])
    found.at_least("unserved-range", unserved, 0.0, "unserved share")
    found.at_most("unserved-range", unserved, 1.0, "unserved share")
    duty = lookup(table["w"], view.case.workloads["must_t"]).astype(float)
    due = table[table["t"] >= duty]
    found.at_most(
        "must-serve",
        total(due, keys, due["unserved_share"]),
        0.0,
        "unserved after the date from which all is served",
    )


@once
def training_workloads(view: View) -> set[str]:
    """Workloads whose demand is training runs: done by a deadline, in any period before it."""
    return {w.id for w in view.scenario.demand if w.size.by == "training"}


def _most(view: View) -> pd.Series:
    """(w, t) -> the most that may be done: what is asked for; of training all work of the runs in course."""
    pace = view.case.training_periods.reset_index(drop=True)
    runs = total(pace, ["w", "j"], pace["kref"])
    whole = total(pace, ["w", "t"], over(labelled(pace, ["w", "j"]), runs).to_numpy(float))
    return whole.combine_first(view.case.demand["demand_kref"].astype(float))


def _links(view: View, found: Findings) -> None:
    """Work and reserve only at open hosts, at most the demand each; and only under adopted stacks."""
    rows = served_k(view)
    wanted = _most(view)
    exists = view.case.hosts["exists"].astype(bool)
    opened = view.since("opens")
    need_open = rows[~lookup(rows["h"], exists).astype(bool) & (lookup(rows["h"], view.mode) != "cloud")]
    load = total(need_open, ["w", "h", "t"], need_open["served"] + need_open["held"])
    limit = [float(wanted.get((w, t), 0.0)) * float(t >= opened.get(h, np.inf)) for w, h, t in load.index]
    found.at_most("open-link", load, pd.Series(limit, index=load.index, dtype=float),
                  "work or reserve at a host not open, or above the demand")  # fmt: skip
    stacks = view.table("stacks")
    adopted = stacks.groupby("a")["adopted"].max().astype(float)
    under = total(rows, ["w", "a", "t"], rows["served"] + rows["held"])
    limit = [
        len(view.mode) * 2 * float(wanted.get((w, t), 0.0)) * float(adopted.get(a, 0.0))
        for w, a, t in under.index
    ]
    found.at_most(
        "adopt-link",
        under,
        pd.Series(limit, index=under.index, dtype=float),
        "work under a stack not adopted",
    )
    early = rows[rows["t"] < lookup(rows["a"], view.case.stacks["earliest_t"]).astype(float)]
    found.at_most("adopt-date", total(early, ["w", "a", "t"], early["serve_k"] + early["held_k"]), 0.0,
                  "work under a stack before its earliest date")  # fmt: skip
    found.same("stack-table", stacks[["a"]], pd.to_datetime(stacks["earliest_date"]),
               view.dates(lookup(stacks["a"], view.case.stacks["earliest_t"])), "earliest date of a stack")  # fmt: skip
    cost = view.case.stacks["adoption_musd"].astype(float)
    found.equal(
        "stack-table", stacks.set_index("a")["adoption_musd"].astype(float), cost, "price of adoption"
    )


def by_period(view: View, rows: pd.DataFrame, index: pd.Index) -> pd.Series:
    """Thousand reference-accelerator equivalents served by period."""
    return over(index, total(rows, ["t"], rows["served"]))


def booked(book: Book) -> None:
    """Copies at home of work done abroad, and support of the users served."""
    view = book.view
    serve = view.facts(view.table("serving"), view.case.serve, WHAKT, ["home_copy_musd_per_k_year"])
    copies = serve["accelerators"] / 1000.0 * serve["case_home_copy_musd_per_k_year"] * view.years(serve["t"])
    book.add(serve, copies, kind="opex", account="home-copy", h=serve["h"], a=serve["a"], w=serve["w"])
    _support_booked(book)


def _support_booked(book: Book) -> None:
    """Users are served in the proportion in which the demand they make is met."""
    view = book.view
    rows = served_k(view)
    asked = labelled(rows, ["w", "t"])
    share = rows["served"] / view.case.demand["demand_kref"].reindex(asked).to_numpy(float)
    users = share * view.case.demand["users"].reindex(asked).to_numpy(float)
    usd = (
        users
        * lookup(rows["a"], view.case.stacks["support_usd_per_user_year"]).astype(float)
        * view.years(rows["t"])
    )
    book.add(rows, usd / 1e6, kind="opex", account="user-support", h=rows["h"], a=rows["a"], w=rows["w"])


@once
def mean_load(view: View) -> pd.Series:
    """w -> mean over the day of the share of the peak; work that may wait is stated as a mean already."""
    day = view.typical[view.typical["t"] == 0]
    rows = joined(view.case.profile, day[["s", "hours"]], ["s"])
    mean = total(rows, ["w"], rows["value"] * rows["hours"]) / day["hours"].sum()
    soft = view.case.workloads["preemptible"].astype(bool).reindex(mean.index)
    return mean.where(~soft, 1.0)
