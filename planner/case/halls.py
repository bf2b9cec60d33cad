"""Halls: what may be built or leased, from when, and what it costs."""

from __future__ import annotations

from typing import Any

import pandas as pd

from planner.case import costs
from planner.case.context import Context, keyed
from planner.case.sites import is_existing, open_lead


def hall_table(context: Context) -> pd.DataFrame:
    """(h, b, t) a hall may go live: it_mw, lead, order_t, musd of one hall, life, opex share, integer window."""
    rows: list[tuple[Any, ...]] = []
    solve = context.scenario.solve
    for h in context.scenario.hosts:
        if h.mode != "build":
            continue
        first_open = open_lead(context, h)
        for b in h.hall_types or list(context.catalog.table("halls").index):
            row = context.catalog.table("halls").loc[b]
            lead = context.calendar.periods(float(row[f"lead_months_{context.level}"]))
            life = context.life_periods("halls", b)
            mw, opex = float(row["it_mw"]), float(row["opex_share_per_year"])
            for t in range(max(lead, 0 if is_existing(context, h) else first_open), context.calendar.n):
                musd = costs.hall_musd_per_mw(context, context.site(h.site), b, t - lead) * mw
                whole = solve.integers == "all" or (
                    solve.integers == "window" and t - lead < solve.integer_window_periods
                )
                rows.append((h.id, b, t, mw, lead, t - lead, musd, life, opex, whole))
    columns = ["it_mw", "lead", "order_t", "musd", "life", "opex_share_per_year", "integer"]
    return keyed(rows, ["h", "b", "t"], columns)


def lease_table(context: Context) -> pd.DataFrame:
    """(h, t) a colocation contract may start: periods of its term, MUSD per MW and period."""
    rows: list[tuple[Any, ...]] = []
    for h in context.scenario.hosts:
        if h.mode != "colocation":
            continue
        price = costs.colocation_musd_per_mw_period(context, h)
        n = context.calendar.periods(h.lease_months)
        rows += [(h.id, t, n, price) for t in range(open_lead(context, h), context.calendar.n)]
    return keyed(rows, ["h", "t"], ["periods", "musd_per_mw_period"])
