"""Carbon: caps on tonnes against the ledger; the price of tonnes is booked from the audit's own emissions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.audit.book import Book
from planner.audit.findings import Findings
from planner.audit.view import PARTNER, View, lookup
from planner.case.carbon import CARBON, OF_PLANT

COVERS = {"carbon_cap": "carbon-cap"}
"""Rules of the model that are recomputed here, and the rule of the audit that does."""


def check(view: View, found: Findings) -> None:
    """Tonnes of each year and of the horizon within their caps."""
    ledger = view.table("ledger")
    tonnes = ledger[ledger["unit"] == CARBON]
    for cap in view.scenario.limits.carbon_t:
        rows = tonnes if cap.year is None else tonnes[tonnes["year"].astype(int) == cap.year]
        emitted = pd.Series([float(rows["quantity"].sum())], index=[str(cap.year or "total")])
        found.at_most("carbon-cap", emitted, cap.tonnes, "tonnes of CO2 above the cap", 100.0)


def priced(book: Book) -> None:
    """What emissions cost: every line of tonnes so far, at the mean price of the months of each period, days as 1/31."""
    view = book.view
    money = view.scenario.money
    steps = sorted((step.from_.timetuple()[:3], step.usd_per_t) for step in money.carbon)
    lines = book.table()
    rows = lines[lines["unit"] == CARBON]
    rows = rows[rows["account"].isin(OF_PLANT)] if money.carbon_covers == "plant" else rows
    begins = view.date(0)
    days = [(begins.year + m // 12, m % 12 + 1, day)
            for m in range(begins.month - 1, begins.month - 1 + round(12 * view.step_years * view.n_steps))
            for day in range(1, 32)]  # fmt: skip
    each = [([0.0] + [price for since, price in steps if since <= day])[-1] for day in days]
    of_step = np.reshape(each, (view.n_steps, -1)).mean(axis=1)
    usd = [of_step[view.edges[t] : view.edges[t + 1]].mean() for t in rows["t"]]
    country = lookup(rows["h"], view.case.hosts["country"])
    book.add(rows, rows["quantity"] * usd / 1e6, kind="fee", account="carbon", payer=PARTNER, h=rows["h"],
             a=rows["a"], k=rows["k"], w=rows["w"], origin_iso3=country)  # fmt: skip
