"""Carbon: what a tonne costs in every period, and how many tonnes a year may have."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.case.context import Context
from planner.case.limits import TOTAL
from planner.case.registry import ACCOUNTS
from planner.case.table import Table

TABLES = {
    "carbon_prices": Table(("t",), {"usd_per_t": "price of a tonne of CO2, mean over the days of the period"}),
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
    edges = np.array([calendar.date_of(t).toordinal() for t in range(calendar.n + 1)])
    begun = [np.clip((edges[1:] - step.from_.toordinal()) / np.diff(edges), 0.0, 1.0) for step in steps]
    begun.append(np.zeros(calendar.n))
    price = sum((s.usd_per_t * (begun[i] - begun[i + 1]) for i, s in enumerate(steps)), np.zeros(calendar.n))
    rows = [(t, usd) for t, usd in enumerate(price.tolist()) if usd > 0]
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
