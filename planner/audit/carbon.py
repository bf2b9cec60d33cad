"""Carbon: caps on tonnes against the ledger; the price of tonnes is booked from the audit's own emissions."""

from __future__ import annotations

from datetime import date, timedelta

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
    """What emissions cost: every line of tonnes so far, at the mean price of the days of each period."""
    view = book.view
    money = view.scenario.money
    steps = sorted((step.from_, step.usd_per_t) for step in money.carbon)
    lines = book.table()
    rows = lines[lines["unit"] == CARBON]
    rows = rows[rows["account"].isin(OF_PLANT)] if money.carbon_covers == "plant" else rows
    mean = {t: np.mean([([0.0] + [usd for since, usd in steps if since <= day])[-1] for day in _days(view, t)])
            for t in rows["t"].unique()}  # fmt: skip
    usd = lookup(rows["t"], pd.Series(mean, dtype=float))
    country = lookup(rows["h"], view.case.hosts["country"])
    book.add(rows, rows["quantity"] * usd / 1e6, kind="fee", account="carbon", payer=PARTNER, h=rows["h"],
             a=rows["a"], k=rows["k"], w=rows["w"], origin_iso3=country)  # fmt: skip


def _days(view: View, t: int) -> list[date]:
    first, end = view.date(t).date(), view.date(t + 1).date()
    return [first + timedelta(days=n) for n in range((end - first).days)]
