"""Slices of the typical day, load profiles, and power usage effectiveness (PUE) from monthly temperatures.

The truth behind every slice is a grid of the months of a period times 24 hours. A slice is a set of hours;
its PUE is the mean of the hourly PUE, so merging hours loses nothing for a steady load. The design slice
has weight 0: hottest month, hottest hour, plus a margin for extremes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from planner.case.blocks import hourly, stressed_hours
from planner.case.case import DESIGN, STRESS
from planner.case.context import Context, keyed
from planner.case.names import squeeze
from planner.case.places import Place
from planner.facts.catalog import Catalog, load_catalog
from planner.facts.errors import BadValue, UnknownName
from planner.facts.suggest import hint
from planner.scenario.schema import Workload

COMFORT_C = 15.0
Z80 = 1.2815515655446004


@dataclass(frozen=True)
class Pue:
    """Power usage effectiveness of a place and technology, with water and what follows from both.

    ``yearly`` is the mean of ``monthly``; ``low`` and ``high`` span 80 % of sites of the technology in such
    a climate; ``design_hour`` is the peak: warmest hour of the warmest month plus a margin for extremes.
    Water is litres per kWh of IT energy.
    """

    technology: str
    yearly: float
    low: float
    high: float
    monthly: tuple[float, ...]
    design_hour: float
    wue_l_per_kwh: float
    wue_low: float
    wue_high: float

    def facility_mwh(self, it_mwh: float) -> float:
        """Energy of the whole facility in a year."""
        return it_mwh * self.yearly

    def facility_peak_mw(self, it_mw: float) -> float:
        """Power at the design hour, which the grid connection must carry."""
        return it_mw * self.design_hour

    def water_m3(self, it_mwh: float) -> float:
        """Water in a year: 1 L/kWh is 1 m3/MWh."""
        return it_mwh * self.wue_l_per_kwh


def pue(
    monthly_temperatures_c: Sequence[float],
    technology: str = "air-chilled-water",
    catalog: Catalog | None = None,
) -> Pue:
    """PUE of a technology (key of ``cooling`` or ``pue_curves``, or an alias) at 12 monthly mean temperatures.

    The year follows the curve as it was fitted: a + b x mean of max(0, monthly mean - 15 C). Raises
    ``BadValue`` unless there are 12 finite temperatures, ``UnknownName`` for the technology.
    """
    catalog = catalog or load_catalog()
    monthly_c = np.asarray(monthly_temperatures_c, dtype=float)
    if monthly_c.shape != (12,) or not np.isfinite(monthly_c).all():
        raise BadValue(
            f"12 monthly mean temperatures are needed, got {np.size(monthly_c)} (all must be numbers)"
        )
    if monthly_c.min() < -60 or monthly_c.max() > 60:
        raise BadValue("monthly mean temperatures must lie between -60 and 60 C")
    row, a, b = _curve(catalog, technology)
    monthly = pue_at(monthly_c, a, b)
    profiles = catalog.table("profiles")
    warmest = float(profiles[profiles["profile_id"] == "temperature"]["value"].max())
    design = float(monthly_c.max()) + warmest + catalog.param("design_temperature_adder_k")
    yearly, reach = float(monthly.mean()), Z80 * float(row["pue_sd"])
    return Pue(
        technology=str(row["technology"]),
        yearly=yearly,
        low=min(max(1.01, yearly - reach), yearly),
        high=yearly + reach,
        monthly=tuple(float(v) for v in monthly),
        design_hour=float(pue_at(design, a, b)),
        wue_l_per_kwh=float(row["wue_l_per_kwh_mid"]),
        wue_low=float(row["wue_l_per_kwh_low"]),
        wue_high=float(row["wue_l_per_kwh_high"]),
    )


def technology_of(catalog: Catalog, name: str) -> str:
    """Key of a cooling technology from its key, name or alias."""
    return str(_curve(catalog, name)[0]["technology"])


@lru_cache(maxsize=64)
def _curve(catalog: Catalog, technology: str) -> tuple[pd.Series, float, float]:
    table, cooling = catalog.table("pue_curves"), catalog.table("cooling")
    known = {squeeze(key): key for key in table.index}
    for key in table.index:
        names = [str(table.at[key, "name"])]
        names += str(table.at[key, "aliases"]).split(";") if isinstance(table.at[key, "aliases"], str) else []
        known.update({squeeze(name): key for name in names})
    key = known.get(squeeze(technology), "")
    if not key:
        raise UnknownName(f"no cooling technology {technology!r}{hint(technology, list(table.index))}")
    row = table.loc[key]
    source = cooling.loc[key] if pd.isna(row["pue_a"]) else row
    return row, float(source["pue_a"]), float(source["pue_b_per_k"])


def load_by_hour(context: Context, w: Workload) -> np.ndarray:
    """24 loads of a workload as shares of its busiest hour: as stated, else those of its latency class."""
    if w.load_by_hour is not None:
        return np.array(w.load_by_hour) / max(w.load_by_hour)
    return hourly(context, str(context.catalog.value("latency_classes", w.latency_class, "profile_id")))


def months_of_period(context: Context, t: int) -> np.ndarray:
    """Calendar month numbers 0..11 in period ``t``."""
    first = context.calendar.date_of(t).month - 1
    return (first + np.arange(context.calendar.months[t])) % 12


def slice_table(context: Context, blocks: Sequence[np.ndarray]) -> pd.DataFrame:
    """(t, s) -> hours, design. Hours add up to the period's hours; design has none.

    Stressed hours are taken from all blocks alike.
    """
    rows: list[tuple[int, str, float, bool]] = []
    for t, years in enumerate(context.calendar.years.tolist()):
        stressed = stressed_hours(context) * years
        hours = years * 8760.0 - stressed
        for i, block in enumerate(blocks):
            rows.append((t, f"b{i}", hours * len(block) / 24.0, False))
        if stressed:
            rows.append((t, STRESS, stressed, False))
        rows.append((t, DESIGN, 0.0, True))
    return keyed(rows, ["t", "s"], ["hours", "design"])


def profile_table(context: Context, blocks: Sequence[np.ndarray]) -> pd.DataFrame:
    """(w, s) -> share of the peak in the slice; 1 in stressed hours and in the design slice."""
    rows = []
    for w in context.scenario.demand:
        profile = load_by_hour(context, w)
        rows += [(w.id, f"b{i}", float(profile[block].mean())) for i, block in enumerate(blocks)]
        if stressed_hours(context):
            rows.append((w.id, STRESS, 1.0))
        rows.append((w.id, DESIGN, 1.0))
    return keyed(rows, ["w", "s"], ["value"])


def design_temperature_c(context: Context, place: Place) -> float:
    """Hottest month's mean plus the afternoon's offset plus the margin for extremes."""
    adder = context.param("design_temperature_adder_k")
    return max(place.temperatures_c) + float(hourly(context, "temperature").max()) + adder


def pue_at(temperature_c: np.ndarray | float, a: float, b_per_k: float) -> np.ndarray:
    """PUE(T) = a + b max(0, T - 15 C): the form fitted to published sites."""
    return a + b_per_k * np.maximum(0.0, np.asarray(temperature_c) - COMFORT_C)
