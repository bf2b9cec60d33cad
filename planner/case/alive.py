"""What of a fleet is there in a period: what ends within a longer one counts for the share of it that it lasts.

What replaces it is bought in the same measure, a part with that period and the rest with the next: on average on the day it
is due, and every system works for as long as it lives. What ends within the last period counts in none of it, for no later
one pays for the rest.
"""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from planner.case.periods import Calendar

LIVES = {"orders": "life", "rents": "periods"}
"""Tables of what makes a fleet, and the column of each that says for how many steps."""


def share_alive(calendar: Calendar, t: Any, first: Any, steps: Any) -> np.ndarray:
    """Share of each period ``t`` in which what begins with period ``first`` and lasts so many steps counts."""
    t, first = np.asarray(t, dtype=int), np.asarray(first, dtype=int)
    begins = calendar.steps_of(t)
    left = calendar.steps_of(first) + np.asarray(steps, dtype=int) - begins
    share = np.clip(left / (calendar.steps_of(t + 1) - begins), 0.0, 1.0) * (t >= first)
    return np.where((share < 1.0) & (t == calendar.n - 1), 0.0, share)


def ending(calendar: Calendar, table: pd.DataFrame, life: str) -> tuple[np.ndarray, np.ndarray]:
    """Period in which each row of a table (t, life) is no longer there in full, and the share of it that still counts."""
    steps = table[life].to_numpy(int)
    ends = calendar.periods_of(calendar.steps_of(table["t"]) + steps)
    return ends, share_alive(calendar, ends, table["t"], steps)


def ended(calendar: Calendar, table: pd.DataFrame, life: str) -> pd.DataFrame:
    """Rows of a table (t, life) with ``live``, their ``t``: now the period with whose start a ``share`` of each ends.

    What ends within a period ends in part with its start, and with that of the next for the rest.
    """
    rows = table.reset_index(drop=True).rename(columns={"t": "live"})
    ends, share = ending(calendar, table, life)
    late = rows.assign(t=ends + 1, share=share)[share > 0]
    return pd.concat([rows.assign(t=ends, share=1.0 - share), late], ignore_index=True)


def ending_at(calendar: Calendar, day: date) -> tuple[int, float]:
    """Period in which what is gone from a day on is no longer there in full, and the share of whole steps until then."""
    step = math.floor(calendar.months_from_start(day) / calendar.step_months)
    t = calendar.period_of(step)
    within = (step - calendar.step_of(t)) / (calendar.step_of(t + 1) - calendar.step_of(t))
    return t, within if t < calendar.n - 1 else 0.0


def shares_of_existing(calendar: Calendar, first_t: int, end_t: int, end_share: float) -> np.ndarray:
    """Share of every period of the horizon in which what exists from one period until within another counts."""
    t = np.arange(calendar.n)
    return np.where(t == end_t, end_share, t < end_t) * (t >= first_t)
