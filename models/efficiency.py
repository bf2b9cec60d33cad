"""Efficiency: PUE and water of the places that build stay within the caps in force, as means of a calendar year.

    sum of hours x (PUE - cap) x heat + sum of hours x (charge - discharge) <= 0       (i)        efficiency_cap
    sum of hours x (litres per kWh - cap) x heat <= 0                                  (i)        efficiency_cap

i is a measure, a host and a year in all of which there is a cap, the loosest of them. The design slice has no hours.
PUE is that of all energy that lines and plant of the place supply, so what its storage loses counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from planner.case.case import Case
from planner.case.columns import joined
from planner.case.efficiency import MEASURES, cap_name
from planner.models.common import columns
from planner.models.sums import bounded_sums, weights_of


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
    weights = pd.concat([rows[["i", "family", "index", "weight"]], *_storage_losses(m, case, caps)])
    bounded_sums(m, "efficiency_cap", weights, dict.fromkeys(rows["i"], 0.0))


def _storage_losses(m: Any, case: Case, caps: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """GWh that storage takes, less what it gives, in the rows of caps on PUE."""
    bound = set(columns(caps[caps["measure"] == "pue"], ["h", "t"]))
    hours, year = case.slices["hours"], case.periods["year"]
    for family, keys, sign in (("charge", m.STORE_DAY, 1.0), ("discharge", m.STORE, -1.0)):
        index = [(h, g, t, s) for h, g, t, s in keys if (h, t) in bound]
        if index:
            names = [cap_name("pue", h, year[t]) for h, _, t, _ in index]
            yield weights_of(names, family, index, [sign * hours[t, s] / 1000.0 for _, _, t, s in index])
