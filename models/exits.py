"""Leaving a stack: work under it ends on a date, and its platform is paid no more some time after.

Variables: leave[a,t] binary: no work runs under stack a from the start of t on.

    sum over t of leave[a,t] <= 1                                                         (a)       leave_once
    sum over t of leave[a,t] <= use[a]                                                    (a)       leave_used
    sum over its offers of rate x serve <= most x (use[a] - sum over u <= t of leave[a,u])   (w,a,t)   left_work
    the same with reserve, as often as there are hosts                                    (w,a,t)   left_work

Only stacks for which the scenario gives an ``exit`` have these; in place of a date of adoption there is one of leaving.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyomo.environ as pe

from planner.case.case import Case
from planner.case.resilience import reserves
from planner.models.common import add_set, tuples
from planner.models.ledger import book
from planner.models.sums import bounded_sums, weights_of

ROWS = ("leave_once", "leave_used", "left_work")


def declare(m: Any, case: Case) -> None:
    """Variables of leaving, and their rows where a stack may be left."""
    add_set(m, "LEAVE", tuples(case.exits), 2)
    m.leave = pe.Var(m.LEAVE, domain=pe.Binary, dense=False)
    if not len(case.exits):
        return
    exits = case.exits
    stacks = list(dict.fromkeys(exits["a"]))
    once = weights_of(exits["a"].to_numpy(), "leave", exits.index, 1.0, 1.0)
    used = [
        weights_of(exits["a"].to_numpy(), "leave", exits.index, 1.0),
        weights_of(stacks, "use", stacks, -1.0),
    ]
    for name, parts in (("leave_once", [once]), ("leave_used", used), ("left_work", _work(case))):
        weights = pd.concat([part for part in parts if len(part)], ignore_index=True)
        bounded_sums(m, name, weights, weights.groupby("i", sort=False)["most"].max().to_dict())


def _work(case: Case) -> list[pd.DataFrame]:
    demand, parts = case.demand["most_kref"], []
    first = case.exits.groupby("a")["t"].min()
    for family, table, times in (
        ("serve", case.serve, 1.0),
        ("reserve", reserves(case), float(len(case.hosts))),
    ):
        own = table[table["a"].isin(first.index)]
        own = own[own["t"] >= own["a"].map(first)]
        for (w, a, t), rows in own.groupby(["w", "a", "t"], sort=False):
            most, i = times * float(demand[w, t]), f"{family} {w} {a} {t}"
            gone = case.exits[(case.exits["a"] == a) & (case.exits["t"] <= t)]
            parts.append(weights_of(i, family, rows.index, rows["rate"]))
            parts.append(weights_of(i, "use", [a], -most))
            parts.append(weights_of(i, "leave", gone.index, most))
    return parts


def entries(case: Case) -> list[pd.DataFrame]:
    """The cost of leaving, and the yearly cost of every layer that is saved from the end of the overlap on."""
    exits = case.exits
    out: list[pd.DataFrame] = []
    if not len(exits):
        return out
    stack = exits["a"].astype(object)
    origin = exits["a"].map(case.stacks["origin_iso3"]).astype(object)
    paid = exits["musd"] > 0
    if paid.any():
        out.append(book("leave", list(exits.index[paid]), exits["t"][paid], exits["musd"][paid], account="stack-exit",
                        a=stack[paid], supplier=stack[paid], origin_iso3=origin[paid]))  # fmt: skip
    for layer in case.layers.itertuples():
        saved = [
            (row.Index, t)
            for row in exits[exits["a"] == layer.a].itertuples()
            for t in range(int(row.paid_t), case.calendar.n)
        ]
        if saved and layer.musd_per_period:
            out.append(book("leave", [i for i, _ in saved], [t for _, t in saved], -float(layer.musd_per_period),
                            account="platform", a=str(layer.a), supplier=str(layer.layer),
                            origin_iso3=str(layer.origin_iso3)))  # fmt: skip
    return out
