"""The tables of what a plan buys, one for each purchase of the registry, all made the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.registry import Purchase
from planner.plans.reader import NOISE, Reader

BOUGHT = "bought"
"""Working column: the amount in the unit of the variable."""
Derived = Callable[[Case, pd.DataFrame], pd.Series]


def _paid(price: str) -> Derived:
    """What a contract pays within the horizon, MUSD."""

    def musd(case: Case, rows: pd.DataFrame) -> pd.Series:
        within = np.minimum(rows["periods"].astype(int), case.calendar.n - rows["t"])
        return rows[BOUGHT] * rows[price].astype(float) * within

    return musd


EXTRAS: Mapping[str, Mapping[str, tuple[str, Derived]]] = {
    "orders": {"units": ("unit_k", lambda case, rows: rows[BOUGHT] / rows["unit_k"].astype(float))},
    "rents": {
        "usd_per_accelerator_hour": (
            "musd_per_k_period",
            lambda case, rows: (
                rows["musd_per_k_period"].astype(float) * 1000 / float(case.periods["hours"].iloc[0])
            ),
        ),
        "musd_total": ("musd_per_k_period", _paid("musd_per_k_period")),
    },
    "halls": {"it_mw": ("it_mw", lambda case, rows: rows[BOUGHT] * rows["it_mw"].astype(float))},
    "leases": {
        "musd_per_year": (
            "musd_per_mw_period",
            lambda case, rows: rows[BOUGHT] * rows["musd_per_mw_period"].astype(float) / case.calendar.years,
        ),
        "musd_total": ("musd_per_mw_period", _paid("musd_per_mw_period")),
    },
}
"""Columns that only some purchases have: the column of the case's table they need, and how they are computed."""


def columns_of(purchase: Purchase) -> tuple[str, ...]:
    """Columns of a purchase's table of the plan, in their order."""
    p, extras = purchase, list(EXTRAS.get(purchase.name, ()))
    dates = [p.decided_date, p.live_date, p.end_date]
    money = [p.money] if p.price else []
    names = ["h", "p", *p.index[1:], "label", p.amount, *extras, *dates, *money]
    return tuple(dict.fromkeys(name for name in names if name))


def bought(reader: Reader, purchase: Purchase) -> pd.DataFrame:
    """What is bought, a row an index with an amount: when it was decided, is live and ends, and for how much."""
    p, case = purchase, reader.case
    source: pd.DataFrame = getattr(case, p.table)
    keep = 0.5 if p.domain == "binary" else NOISE
    parts = [reader.values(family, list(p.index), BOUGHT, keep) for family in p.families]
    rows = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    extras = EXTRAS.get(p.name, {})
    wanted = [c for c in ("lead", p.life, p.price) if c in source]
    wanted += [column for column, _ in extras.values()]
    rows = reader.site(reader.dated(reader.facts(rows, source, list(p.index), list(dict.fromkeys(wanted)))))
    rows[BOUGHT] = rows[BOUGHT].astype(float)
    new = {p.amount: rows[BOUGHT] * p.per} if p.amount else {}
    if p.end_date:
        new[p.end_date] = reader.date(rows["t"] + rows[p.life].astype(int))
    new[p.decided_date] = reader.date(p.decided_t(rows).astype(int))
    new[p.live_date] = reader.date(rows["t"])
    if p.price:
        new[p.money] = rows[BOUGHT] * rows[p.price].astype(float)
    new |= {name: derive(case, rows) for name, (_, derive) in extras.items()}
    return rows.assign(**new)[list(columns_of(p))]
