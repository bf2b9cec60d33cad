"""Efficiency: PUE and water of the places that build stay within the caps in force, as means of a calendar year.

    sum over (c,m,t,s) of hours x (PUE or litres per kWh - cap) x heat <= 0            (i)        efficiency_cap

i is a measure, a host and a year; a year in which a cap changes weighs each by its energy. The design slice has no hours.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from planner.case.case import Case
from planner.case.columns import joined
from planner.case.efficiency import MEASURES, cap_name
from planner.models.sums import bounded_sums


def declare(m: Any, case: Case) -> None:
    """Rows of every host, measure and year with a cap."""
    caps = case.efficiency_caps.reset_index(drop=True)
    if not len(caps):
        return
    index = list(m.HEAT)
    heat = pd.DataFrame(index, columns=["h", "c", "m", "t", "s"]).assign(index=pd.Series(index, dtype=object))
    hours = case.slices.reset_index(drop=True)[["t", "s", "hours"]]
    rows = joined(joined(heat, hours, ["t", "s"]), case.pue, ["h", "c", "t", "s"])
    rows = joined(rows[rows["hours"] > 0], caps, ["h", "t"])
    reached = sum(
        (rows[column].where(rows["measure"] == name, 0.0) for name, column in MEASURES.items()), 0.0
    )
    year = rows["t"].map(case.periods["year"])
    rows = rows.assign(
        i=[cap_name(*key) for key in zip(rows["measure"], rows["h"], year, strict=True)],
        family="heat",
        weight=rows["hours"] * (reached - rows["most"]) / 1000.0,
    )
    bounded_sums(m, "efficiency_cap", rows[["i", "family", "index", "weight"]], dict.fromkeys(rows["i"], 0.0))
