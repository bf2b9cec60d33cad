"""Slices of the typical day, load profiles, and power usage effectiveness (PUE) from monthly temperatures.

The truth behind every slice is a grid of the months of a period times 24 hours. A slice is a set of hours;
its PUE is the mean of the hourly PUE, so merging hours loses nothing for a steady load. The design slice
has weight 0: hottest month, hottest hour, plus a margin for extremes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from planner.case.case import DESIGN
from planner.case.context import Context, keyed

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
COMFORT_C = 15.0


def hourly(context: Context, profile_id: str) -> np.ndarray:
    """24 values of a profile, by hour of the day."""
    rows = context.catalog.table("profiles")
    rows = rows[rows["profile_id"] == profile_id].sort_values("hour")
    return rows["value"].to_numpy(float)


def blocks_of_day(context: Context, n: int) -> list[np.ndarray]:
    """Hours of the day split into ``n`` equal blocks from busiest to quietest (interactive profile)."""
    order = np.argsort(-hourly(context, "interactive"), kind="stable")
    return [np.sort(block) for block in np.array_split(order, n)]


def months_of_period(context: Context, t: int) -> np.ndarray:
    """Calendar month numbers 0..11 in period ``t``."""
    first = context.calendar.date_of(t).month - 1
    return (first + np.arange(context.calendar.step_months)) % 12


def slice_table(context: Context, blocks: Sequence[np.ndarray]) -> pd.DataFrame:
    """(t, s) -> hours, tariff_factor, design. Hours add up to the period's hours; design has none."""
    tariff = hourly(context, "tariff")
    hours = context.calendar.years * 8760.0
    rows: list[tuple[int, str, float, float, bool]] = []
    for t in range(context.calendar.n):
        for i, block in enumerate(blocks):
            rows.append((t, f"b{i}", hours * len(block) / 24.0, float(tariff[block].mean()), False))
        rows.append((t, DESIGN, 0.0, 1.0, True))
    return keyed(rows, ["t", "s"], ["hours", "tariff_factor", "design"])


def profile_table(context: Context, blocks: Sequence[np.ndarray]) -> pd.DataFrame:
    """(w, s) -> share of the peak in the slice; 1 in the design slice."""
    rows = []
    for w in context.scenario.demand:
        profile = hourly(
            context, str(context.catalog.value("latency_classes", w.latency_class, "profile_id"))
        )
        rows += [(w.id, f"b{i}", float(profile[block].mean())) for i, block in enumerate(blocks)]
        rows.append((w.id, DESIGN, 1.0))
    return keyed(rows, ["w", "s"], ["value"])


def temperatures_c(context: Context, metro: str) -> np.ndarray:
    """12 monthly means of a metro."""
    row = context.catalog.table("metros").loc[metro]
    return np.array([float(row[f"t_{m}_c"]) for m in MONTHS])


def design_temperature_c(context: Context, metro: str) -> float:
    """Hottest month's mean plus the afternoon's offset plus the margin for extremes."""
    adder = context.param("design_temperature_adder_k")
    return float(temperatures_c(context, metro).max() + hourly(context, "temperature").max() + adder)


def pue_at(temperature_c: np.ndarray | float, a: float, b_per_k: float) -> np.ndarray:
    """PUE(T) = a + b max(0, T - 15 C): the form fitted to published sites."""
    return a + b_per_k * np.maximum(0.0, np.asarray(temperature_c) - COMFORT_C)


def pue_table(
    context: Context,
    blocks: Sequence[np.ndarray],
    host_metros: dict[str, str],
    technologies: dict[str, list[str]],
) -> pd.DataFrame:
    """(h, c, t, s) -> pue, litres_per_kwh (of IT energy)."""
    cooling = context.catalog.table("cooling")
    offset = hourly(context, "temperature")
    rows = []
    for host, metro in host_metros.items():
        temps, hot = temperatures_c(context, metro), design_temperature_c(context, metro)
        for c in technologies[host]:
            a, b = float(cooling.loc[c, "pue_a"]), float(cooling.loc[c, "pue_b_per_k"])
            litres = float(cooling.loc[c, "wue_l_per_kwh"])
            for t in range(context.calendar.n):
                grid = temps[months_of_period(context, t)][:, None] + offset[None, :]
                hourly_pue = pue_at(grid, a, b).mean(axis=0)
                rows += [
                    (host, c, t, f"b{i}", float(hourly_pue[block].mean()), litres)
                    for i, block in enumerate(blocks)
                ]
                rows.append((host, c, t, DESIGN, float(pue_at(hot, a, b)), litres))
    return keyed(rows, ["h", "c", "t", "s"], ["pue", "litres_per_kwh"])
