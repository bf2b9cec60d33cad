"""Carbon: what a tonne costs in every period, and how many tonnes a year may have."""

from __future__ import annotations

import pandas as pd

from planner.case.context import Context
from planner.case.limits import TOTAL
from planner.case.registry import ACCOUNTS
from planner.case.table import Table

TABLES = {
    "carbon_prices": Table(("t",), {"usd_per_t": "price of a tonne of CO2 on the first day of the period"}),
    "carbon_caps": Table(("i",), {"year": "calendar year, or total", "tonnes": "most tonnes of CO2"}),
}  # fmt: skip
CARBON = "tCO2"
"""Unit of accounts of emissions."""
EMITTED = tuple(a.name for a in ACCOUNTS.values() if a.unit == CARBON)
OF_PLANT = ("plant-emissions",)


def price_table(context: Context) -> pd.DataFrame:
    """(t) of periods in which emissions cost something."""
    steps = sorted(context.scenario.money.carbon, key=lambda step: step.from_)
    calendar = context.calendar
    days = [calendar.day_of(i) for i in range(calendar.n_steps)]
    begun = [[0.0, *(step.usd_per_t for step in steps if step.from_ <= day)] for day in days]
    rows = [(t, usd) for t, usd in enumerate(calendar.mean([x[-1] for x in begun]).tolist()) if usd > 0]
    return TABLES["carbon_prices"].frame(rows)


def cap_table(context: Context) -> pd.DataFrame:
    """(i) caps on emissions, in the order of the scenario."""
    caps = context.scenario.limits.carbon_t
    return TABLES["carbon_caps"].frame(
        [(f"emissions-{c.year or TOTAL}", str(c.year or TOTAL), c.tonnes) for c in caps]
    )


def paying(covers: str) -> tuple[str, ...]:
    """Accounts of emissions that pay the price."""
    return OF_PLANT if covers == "plant" else EMITTED
