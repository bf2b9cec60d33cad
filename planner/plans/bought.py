"""The tables of what a plan buys, one for each purchase of the registry, all made the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.periods import HOURS_PER_YEAR
from planner.case.registry import CONTRACTS, Purchase
from planner.plans.reader import NOISE, Reader, made_of

BOUGHT = "bought"
"""Working column: the amount in the unit of the variable."""
Derived = Callable[[Case, pd.DataFrame], pd.Series]


RENT = {p.name: p.rent for p in CONTRACTS}


def _rent_in(name: str, unit: Callable[[Case, pd.DataFrame], Any]) -> tuple[str, Derived]:
    """The rent of a contract times a factor."""
    return RENT[name], lambda case, rows: rows[RENT[name]].astype(float) * unit(case, rows)


def _within(case: Case, rows: pd.DataFrame) -> pd.Series:
    """Amount x steps of its term within the horizon."""
    return rows[BOUGHT] * np.minimum(
        rows["periods"].astype(int), case.calendar.n_steps - case.calendar.steps_of(rows["t"])
    )


def _days(case: Case, steps: pd.Series) -> pd.Series:
    """First days of steps, by the rows they come from."""
    return pd.Series(
        [pd.Timestamp(case.calendar.day_of(int(s))) for s in steps], steps.index, "datetime64[ns]"
    )


def _dates(case: Case, periods: pd.Series) -> pd.Series:
    return pd.Series(
        [pd.Timestamp(case.calendar.date_of(int(t))) for t in periods], periods.index, "datetime64[ns]"
    )


EXTRAS: Mapping[str, Mapping[str, tuple[str, Derived]]] = {
    "opens": {"permit_date": ("permit_t", lambda case, rows: _dates(case, rows["permit_t"]))},
    "orders": {"units": ("unit_k", lambda case, rows: rows[BOUGHT] / rows["unit_k"].astype(float))},
    "rents": {
        "usd_per_accelerator_hour": _rent_in(
            "rents", lambda case, _: 1000 / (HOURS_PER_YEAR * case.calendar.step_years)
        ),
        "musd_total": _rent_in("rents", _within),
    },
    "halls": {"it_mw": ("it_mw", lambda case, rows: rows[BOUGHT] * rows["it_mw"].astype(float))},
    "refits": {
        "outage_date": (
            "outage",
            lambda case, rows: _days(case, case.calendar.steps_of(rows["t"]) - rows["outage"]),
        ),
    },
    "leases": {
        "musd_per_year": _rent_in("leases", lambda case, rows: rows[BOUGHT] / case.calendar.step_years),
        "musd_total": _rent_in("leases", _within),
    },
    "ppas": {"musd_total": _rent_in("ppas", _within)},
    "hires": {
        "usd_per_kw_month": _rent_in("hires", lambda case, _: 1000 / (12.0 * case.calendar.step_years)),
        "musd_total": _rent_in("hires", _within),
    },
}
"""Columns that only some purchases have: the column of the case's table they need, and how they are computed."""


def columns_of(purchase: Purchase) -> tuple[str, ...]:
    """Columns of a purchase's table of the plan, in their order."""
    p, extras = purchase, list(EXTRAS.get(purchase.name, ()))
    dates = [p.decided_date, p.live_date, p.end_date]
    money = [p.money] if p.price else []
    first = ["h", "p"] if p.index[0] == "h" else [p.index[0]]
    names = [*first, *p.index[1:], "label", p.amount, *extras, *dates, *money]
    return tuple(dict.fromkeys(name for name in names if name))


def bought(reader: Reader, purchase: Purchase) -> pd.DataFrame:
    """What is bought, a row an index with an amount: when it was decided, is live and ends, and for how much."""
    p = purchase
    source: pd.DataFrame = getattr(reader.case, p.table)
    keep = 0.5 if p.domain == "binary" else NOISE
    parts = [reader.values(family, list(p.index), BOUGHT, keep) for family in p.families]
    rows = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return made_of(rows, source, f"bought {p.name}", lambda: _told(reader, p, rows, source))


def _told(reader: Reader, p: Purchase, rows: pd.DataFrame, source: pd.DataFrame) -> pd.DataFrame:
    case, extras = reader.case, EXTRAS.get(p.name, {})
    wanted = [c for c in ("lead", p.life, p.price) if c in source]
    wanted += [column for column, _ in extras.values()]
    rows = reader.dated(reader.facts(rows, source, list(p.index), list(dict.fromkeys(wanted))))
    rows = reader.site(rows) if "h" in rows else rows
    rows[BOUGHT] = rows[BOUGHT].astype(float)
    new = {p.amount: rows[BOUGHT] * p.per} if p.amount else {}
    if p.end_date:
        new[p.end_date] = reader.day(case.calendar.steps_of(rows["t"]) + rows[p.life].to_numpy(int))
    new[p.decided_date] = reader.day(p.decided_step(rows, case.calendar))
    new[p.live_date] = reader.date(rows["t"])
    if p.price:
        new[p.money] = rows[BOUGHT] * rows[p.price].astype(float)
    new |= {name: derive(case, rows) for name, (_, derive) in extras.items()}
    return rows.assign(**new)[list(columns_of(p))]
