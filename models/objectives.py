"""Objectives: each is one variable, so a bound on it is a column bound and a change of objective one number.

cost    = discounted ledger of the partner, residual values included            MUSD
delay_w = sum over t of months x unserved                                          months, by workload
delay   = sum over w of pi x delay_w, pi summing to 1                            months
money caps: capex, outlay or commitments of a payer, undiscounted, by year or in total MUSD
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyomo.environ as pe

from planner.case.case import Case
from planner.case.columns import joined
from planner.case.finance import borne_by, payer_of_hosts
from planner.case.limits import EVERYONE, PARTNER, TOTAL
from planner.case.registry import CONTRACTS, NO_OUTLAY
from planner.models.common import add_family, add_param, add_set, grouped
from planner.models.ledger import CONSTANT, in_words, partner_cost
from planner.models.rules import Rule
from planner.models.sums import bounded_sums


def declare(m: Any, case: Case, entries: pd.DataFrame) -> None:
    _declare_delay(m, case)
    declare_cost(m, partner_cost(case, entries))
    _declare_caps(m, case, entries)


def _declare_delay(m: Any, case: Case) -> None:
    add_set(m, "WORKLOAD", dict.fromkeys(case.demand["w"]), 1)
    add_family(m, "periods_of", m.WORKLOAD, grouped(case.demand, ["w"], ["t"]), 1)
    add_param(m, "months", m.PERIOD, case.periods["months"])
    add_param(m, "priority", m.WORKLOAD, {w: case.workloads.loc[w, "priority"] for w in m.WORKLOAD})
    m.delay_w = pe.Var(m.WORKLOAD, domain=pe.NonNegativeReals, dense=False)
    m.delay = pe.Var(domain=pe.NonNegativeReals)
    m.delay_by_workload = Rule(
        m.WORKLOAD,
        rule=lambda m, w: m.delay_w[w] == sum(m.months[t] * m.unserved[w, t] for t in m.periods_of[w]),
    )
    m.delay_sum = Rule(rule=lambda m: m.delay == sum(m.priority[w] * m.delay_w[w] for w in m.WORKLOAD))


def declare_cost(m: Any, values: pd.Series) -> None:
    """The cost of what stands in the model; ``values``: (family, index) -> discounted MUSD of a unit."""
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


def spending(case: Case, entries: pd.DataFrame) -> pd.DataFrame:
    """Money by what, calendar year (and "total"), payer, host and period, undiscounted MUSD per unit of (family, index).

    Columns what, year, payer, h, t, family, index, musd; what contracts owe after the horizon has t = n.
    """
    years = case.periods["year"].astype(str).to_numpy()
    paid = in_words(entries[~entries["kind"].isin(NO_OUTLAY) & (entries["musd"] != 0)])
    paid = paid.assign(year=years[paid["t"].to_numpy(int)])
    parts = [paid.assign(what="outlay"), paid[paid["kind"] == "capex"].assign(what="capex")]
    columns = ["what", "year", "payer", "h", "t", "family", "index", "musd"]
    signed, owed = _contracts(case, years)
    dated = pd.concat([*parts, signed], ignore_index=True)[columns]
    return pd.concat([dated, dated.assign(year=TOTAL), owed[columns]], ignore_index=True)


def _contracts(case: Case, years: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Whole sums of contracts by the year they are signed in; and what they owe after the horizon, in total."""
    signed, owed = [], []
    for p in CONTRACTS:
        table, family = getattr(case, p.table), p.families[0]
        rows = pd.DataFrame(
            {"family": family, "index": list(table.index), "payer": PARTNER, "h": list(table["h"])}
        )
        whole = (table[p.rent] * table["periods"]).to_numpy(float)
        t = table["t"].to_numpy(int)
        signed.append(rows.assign(what="commitments", t=t, year=years[t], musd=whole))
        owed.append(rows.assign(musd=table["due_after_musd"].to_numpy(float)))
    for table in (case.existing, case.existing_leases):
        late = pd.DataFrame({"h": list(table["h"]), "musd": table["due_after_musd"].to_numpy(float)})
        owed.append(late.assign(family=CONSTANT, index=[()] * len(late), payer=PARTNER))
    owed = [rows.assign(what="outlay", year=TOTAL, t=case.calendar.n) for rows in owed]
    return pd.concat(signed, ignore_index=True), pd.concat(owed, ignore_index=True)


def _declare_caps(m: Any, case: Case, entries: pd.DataFrame) -> None:
    if not len(case.money_caps):
        return
    paid = _capped(case, spending(case, entries)).rename(columns={"musd": "weight"})
    bounded_sums(m, "money_cap", paid, case.money_caps["musd"].to_dict())


def _capped(case: Case, money: pd.DataFrame) -> pd.DataFrame:
    """Rows of money that each cap counts, with the cap ``i``."""
    caps = case.money_caps.reset_index(drop=True).rename(columns={"payer": "who"})
    rows = joined(money, caps[["i", "what", "year", "who", "until"]], ["what", "year"])
    hosts = payer_of_hosts(case.scenario.hosts, case.scenario.finance.payers, case.catalog)
    bears = borne_by(rows["payer"], rows["h"], hosts)
    named = (rows["who"] == EVERYONE) | (rows["who"] == rows["payer"]) | (rows["who"] == bears)
    return rows[named & (rows["t"] <= rows["until"])]
