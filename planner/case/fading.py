"""Storage fades: how much of its energy it still holds at an age, and when it is at its end.

A battery loses energy by the year and by the full cycle. What it may be cycled a year is warranted and no more is done
(``cycles_per_year``), so it is taken to lose a year

    fade = fade_pct_per_year + fade_pct_per_cycle x cycles_per_year

whether it is cycled as much or less: never less than this is left. Of its energy as new it holds 1 - fade x years, at the
end of the period in which it is counted; power does not fade. It stands until no more than ``end_of_life_pct`` is left, or
its life is over. Rented storage holds what its contract names: what fades is its owner's to make good.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.case.context import Context
from planner.case.periods import Calendar
from planner.case.plant_offers import TABLE, figure, stores
from planner.scenario.power import PowerOption


def fade_per_year(context: Context, option: PowerOption) -> float:
    """Share of its energy as new that an option loses a year; 0 of what stores none."""
    if not stores(context, option):
        return 0.0
    year, cycle, cycles = (
        figure(context, option, field)
        for field in ("fade_pct_per_year", "fade_pct_per_cycle", "cycles_per_year")
    )
    return (year + cycle * cycles) / 100.0


def life_steps(context: Context, option: PowerOption) -> int:
    """Whole steps that plant of an option stands: its life, of storage no longer than more than its last share is left."""
    life, fade = context.life_steps(TABLE, option.id), fade_per_year(context, option)
    if fade <= 0:
        return life
    years = (1.0 - figure(context, option, "end_of_life_pct") / 100.0) / fade
    return max(1, min(life, int(years / context.calendar.step_years + 1e-9)))


def holds(fade: np.ndarray | pd.Series, years: np.ndarray | pd.Series) -> np.ndarray:
    """Share of its energy as new that storage still holds after so many years, at a yearly fade."""
    return np.asarray(np.maximum(0.0, 1.0 - np.asarray(fade, dtype=float) * np.asarray(years, dtype=float)))


def years_at_end(calendar: Calendar, live: pd.Series, t: pd.Series) -> np.ndarray:
    """Years from the start of the period in which something goes live to the end of period ``t``."""
    steps = calendar.steps_of(t.astype(int) + 1) - calendar.steps_of(live.astype(int))
    return np.asarray(steps, dtype=float) * calendar.step_years
