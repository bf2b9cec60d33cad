"""Objectives: each is one variable, so a bound on it is a column bound and a change of objective one number.

cost    = discounted ledger of the partner, residual values included            MUSD
delay_w = sum over t of months x unserved                                          months, by workload
delay   = sum over w of pi x delay_w, pi summing to 1                            months
outlay caps: the partner's undiscounted payments of a year, or of all years     MUSD
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyomo.environ as pe

from planner.case.case import Case
from planner.case.registry import SETTLED
from planner.models.common import add_family, add_param, add_set, grouped, tuples
from planner.models.ledger import CONSTANT, PARTNER, partner_cost
from planner.models.rules import Rule


def declare(m: Any, case: Case, entries: pd.DataFrame) -> None:
    _declare_delay(m, case)
    _declare_cost(m, case, entries)
    _declare_capital(m, case, entries)


def _declare_delay(m: Any, case: Case) -> None:
    add_set(m, "WORKLOAD", dict.fromkeys(case.demand["w"]), 1)
    add_family(m, "periods_of", m.WORKLOAD, grouped(case.demand, ["w"], ["t"]), 1)
    months = float(case.periods["months"].iloc[0])
    add_param(m, "priority", m.WORKLOAD, {w: case.workloads.loc[w, "priority"] for w in m.WORKLOAD})
    m.delay_w = pe.Var(m.WORKLOAD, domain=pe.NonNegativeReals, dense=False)
    m.delay = pe.Var(domain=pe.NonNegativeReals)
    m.delay_by_workload = Rule(
        m.WORKLOAD, rule=lambda m, w: m.delay_w[w] == sum(months * m.unserved[w, t] for t in m.periods_of[w])
    )
    m.delay_sum = Rule(rule=lambda m: m.delay == sum(m.priority[w] * m.delay_w[w] for w in m.WORKLOAD))


def _declare_cost(m: Any, case: Case, entries: pd.DataFrame) -> None:
    values = partner_cost(case, entries)
    families = []
    constant = 0.0
    for family, part in values.groupby(level=0, sort=False):
        if family == CONSTANT:
            constant = float(part.sum())
            continue
        part = part[part != 0].droplevel(0)
        if not len(part):
            continue
        dimen = len(part.index[0]) if isinstance(part.index[0], tuple) else 1
        index = add_set(m, f"COST_{family}".upper(), list(part.index), dimen)
        add_param(m, f"cost_{family}", index, part)
        families.append((str(family), dimen))
    m.cost = pe.Var(domain=pe.Reals)
    m.cost_sum = Rule(
        rule=lambda m: (
            m.cost
            == constant
            + sum(
                _SUMS[dimen](getattr(m, f"cost_{f}"), getattr(m, f), getattr(m, f"COST_{f}".upper()))
                for f, dimen in families
            )
        )
    )


_SUMS: dict[int, Any] = {  # a template names every part of an index
    1: lambda c, v, S: sum(c[a] * v[a] for a in S),
    2: lambda c, v, S: sum(c[a, b] * v[a, b] for a, b in S),
    3: lambda c, v, S: sum(c[a, b, d] * v[a, b, d] for a, b, d in S),
    4: lambda c, v, S: sum(c[a, b, d, e] * v[a, b, d, e] for a, b, d, e in S),
    5: lambda c, v, S: sum(c[a, b, d, e, f] * v[a, b, d, e, f] for a, b, d, e, f in S),
}
_YEAR_SUMS: dict[int, Any] = {
    1: lambda y, c, v, S: sum(c[y, a] * v[a] for a in S[y]),
    2: lambda y, c, v, S: sum(c[y, a, b] * v[a, b] for a, b in S[y]),
    3: lambda y, c, v, S: sum(c[y, a, b, d] * v[a, b, d] for a, b, d in S[y]),
    4: lambda y, c, v, S: sum(c[y, a, b, d, e] * v[a, b, d, e] for a, b, d, e in S[y]),
    5: lambda y, c, v, S: sum(c[y, a, b, d, e, f] * v[a, b, d, e, f] for a, b, d, e, f in S[y]),
}


def outlays(case: Case, entries: pd.DataFrame) -> pd.DataFrame:
    """The partner's payments by calendar year: family, index, year, musd (residual values are no payment)."""
    own = entries[(entries["payer"] == PARTNER) & ~entries["kind"].isin(SETTLED) & (entries["musd"] != 0)]
    years = case.periods["year"].to_numpy()[own["t"].to_numpy(int)]
    return own.assign(year=years.astype(str))[["family", "index", "year", "musd"]]


def _declare_capital(m: Any, case: Case, entries: pd.DataFrame) -> None:
    if not len(case.capital_caps):
        return
    index = add_set(m, "CAPITAL_CAP", tuples(case.capital_caps), 1)
    paid = outlays(case, entries)
    paid = pd.concat([paid, paid.assign(year="total")])
    paid = paid[paid["year"].isin(list(index))]
    fixed = paid[paid["family"] == CONSTANT].groupby("year")["musd"].sum()
    caps = case.capital_caps["musd"]
    add_param(m, "capital_max", index, {y: caps[y] - float(fixed.get(y, 0.0)) for y in index})
    families = []
    for family, part in paid[paid["family"] != CONSTANT].groupby("family", sort=False):
        total = part.groupby(["year", "index"], sort=False)["musd"].sum()
        keys = [(y, *(i if isinstance(i, tuple) else (i,))) for y, i in total.index]
        dimen = len(keys[0]) - 1
        paid_set = add_set(m, f"PAID_{family}".upper(), keys, dimen + 1)
        add_param(m, f"paid_{family}", paid_set, dict(zip(keys, total, strict=True)))
        by: dict[Any, list[Any]] = {}
        for y, *rest in keys:
            by.setdefault(y, []).append(tuple(rest) if dimen > 1 else rest[0])
        add_family(m, f"paid_in_{family}", index, by, dimen)
        families.append((str(family), dimen))
    m.capital_cap = Rule(
        index,
        rule=lambda m, y: (
            sum(
                _YEAR_SUMS[dimen](y, getattr(m, f"paid_{f}"), getattr(m, f), getattr(m, f"paid_in_{f}"))
                for f, dimen in families
            )
            <= m.capital_max[y]
        ),
    )
