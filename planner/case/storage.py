"""Storage of energy at a site: how much it holds, what it gives back, and the order of the day it is filled and emptied in.

Storage is an option of ``sites[].power.options`` like any plant, of fuel ``storage``: so many hours at full power. Two of
different hours, mixed, make any size of power and energy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from planner.case.blocks import stressed_hours
from planner.case.case import STRESS
from planner.case.context import Context
from planner.case.plant import first_live
from planner.case.plant_offers import figure, offered, stores
from planner.case.table import Table

TABLES = {
    "storages": Table(("h", "g"), {
        "hours": "hours it gives its full power", "efficiency": "energy given over energy taken",
        "event_hours": "hours it must last where it counts as firm, and in a stressed event",
        "available": "share of the time it works", "cycles_per_year": "full cycles a year that are warranted",
    }),
    "stores": Table(("h", "g", "t", "s"), {
        "day_hours": "hours of the slice in a day; 0 for stressed hours",
        "previous": "slice before it in the day; none for stressed hours",
    }),
}  # fmt: skip


def storage_table(context: Context) -> pd.DataFrame:
    """(h, g) -> what each kind of storage holds and gives back."""
    rows: list[tuple[Any, ...]] = []
    for (h, g), (_, option) in offered(context).items():
        if stores(context, option):
            fields = ("storage_hours", "round_trip_pct", "forced_outage_pct", "cycles_per_year")
            hours, back, fails, cycles = (figure(context, option, field) for field in fields)
            event = context.param("storage_event_hours")
            rows.append((h, g, hours, back / 100.0, event, 1.0 - fails / 100.0, cycles))
    return TABLES["storages"].frame(rows)


def store_table(
    context: Context, blocks: Sequence[np.ndarray], storages: pd.DataFrame, live: Sequence[pd.DataFrame]
) -> pd.DataFrame:
    """(h, g, t, s) from the first period in which storage may be live; the day begins anew after its last slice."""
    first = first_live(live)
    day = [(f"b{i}", float(len(block)), f"b{(i - 1) % len(blocks)}") for i, block in enumerate(blocks)]
    if stressed_hours(context):
        day.append((STRESS, 0.0, ""))
    n = context.calendar.n
    rows = [(*key, t, *part) for key in storages.index for t in range(first.get(key, n), n) for part in day]
    return TABLES["stores"].frame(rows)
