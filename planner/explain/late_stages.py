"""Places that serve, and serve less than is asked for until the grid of their site gives more."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.periods import HOURS_PER_MONTH
from planner.explain.bridges import Load, carried_until
from planner.facts.numbers import megawatts

USED = 0.999
"""Share of a site's grid from which on all of it is used."""
SHORT = 1e-3
"""Share of a workload that is missing: less is none."""
LEAST_MW = 0.01
"""More of power than this is drawn with a later stage of the grid, and is missing before it."""


def stage_words(case: Case, tables: Mapping[str, pd.DataFrame], h: str) -> str:
    """What holds a place back until a later stage of its site's grid, and what would carry it until then; empty where the
    plan draws no more with that stage, or leaves nothing unserved or a part of the grid unused before it.

    The load is what is missing at the place in the periods in which it was held back.
    """
    if case.hosts.loc[h, "mode"] != "build" or "power" not in tables or "demand" not in tables:
        return ""
    p, calendar = case.hosts.loc[h, "p"], case.calendar
    grid = case.site_period[case.site_period["p"] == p].set_index("t")["grid_mw"].sort_index()
    own = tables["power"][tables["power"]["h"] == h].set_index("t")
    held = _held(case, tables, h, grid)
    for t in grid.index[grid > grid.shift(fill_value=np.inf)]:
        if not held[t - 1]:
            continue
        more = own["facility_peak_mw"].loc[t] - own["facility_peak_mw"].loc[t - 1]
        if more <= LEAST_MW:
            continue
        first = 1 + max((u for u in range(t) if not held[u]), default=-1)
        load = _missing(case, tables, own.loc[first : t - 1], h)
        if load.peak_mw <= LEAST_MW:
            continue
        if told := carried_until(case, h, calendar.step_of(t), load, calendar.step_of(first)):
            now, then, most = megawatts(own["grid_mw"].loc[t - 1]), megawatts(more), megawatts(load.peak_mw)
            return (
                f"The grid at {p} holds it to {now} until {calendar.label(t)}, when it draws {then} more; before that up "
                f"to {most} are missing. {told}"
            )
    return ""


def _missing(case: Case, tables: Mapping[str, pd.DataFrame], own: pd.DataFrame, h: str) -> Load:
    """What a host would draw more in some periods, its rows of ``power``, for what is unserved of the work it serves."""
    served = tables["serving"][tables["serving"]["h"] == h]
    asked = tables["demand"][tables["demand"]["w"].isin(served["w"])].groupby("t")
    short = (asked["demand_kref"].sum() - asked["served_kref"].sum()).reindex(own.index, fill_value=0.0)
    done = served.groupby("t")["served_kref"].sum().reindex(own.index, fill_value=0.0)
    ratio = (short / done.where(done > 0)).fillna(0.0)
    months = case.calendar.months[own.index]
    mean = ratio * own["energy_mwh"] / (HOURS_PER_MONTH * months)
    steps = np.repeat(mean.to_numpy(float), case.calendar.steps[own.index])
    return Load(float((ratio * own["facility_peak_mw"]).max()), float(steps.mean()), tuple(steps))


def _held(case: Case, tables: Mapping[str, pd.DataFrame], h: str, grid: pd.Series) -> pd.Series:
    """t -> whether a host draws all its lines give, with no grid left at its site, while work that it serves is short."""
    power = tables["power"].set_index(["h", "t"])
    lines = power["grid_mw"] - case.host_period["existing_grid_mw"].reindex(power.index, fill_value=0.0)
    used = lines[power["p"] == case.hosts.loc[h, "p"]].groupby("t").sum()
    served = tables["serving"][(tables["serving"]["h"] == h) & (tables["serving"]["accelerators"] > 0)]
    asked = tables["demand"][tables["demand"]["w"].isin(served["w"])]
    short = asked.groupby("t")["unserved_share"].max()
    own = tables["power"][tables["power"]["h"] == h].set_index("t")
    drawn = own["facility_peak_mw"] >= USED * (own["grid_mw"] + own["flexible_mw"])
    used, short = (each.reindex(grid.index, fill_value=0.0) for each in (used, short))
    return (used >= USED * grid) & (short > SHORT) & drawn.reindex(grid.index, fill_value=False)
