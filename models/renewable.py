"""Renewable energy: a least share of what is drawn, by year or by hour.

Variable: drawn[i] GWh that import, own generation and clouds draw in a calendar year.

    energy drawn <= drawn                                                              (i)        energy_drawn
    share x drawn <= renewable generation + contracts used (+ sold, by year)           (i)        renewable_floor

By hour only what is used in the slice it comes counts: contracts are held to the import of a place in every slice, and plant
to its load and what it charges. By year what contracts deliver and others use counts too. What the grid itself has of
renewable energy does not count, nor what clouds use: their energy is drawn, and has to be matched.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from planner.case.case import Case
from planner.case.columns import joined
from planner.models.common import add_set, add_var
from planner.models.ledger import in_words
from planner.models.sums import bounded_sums

DRAWN = ("electricity", "generation", "cloud-energy")
"""Accounts of the energy that is drawn."""


def declare(m: Any, case: Case, entries: pd.DataFrame) -> None:
    """Rows of every share and year, from the megawatt-hours that are booked."""
    floors = case.renewable_floors.reset_index(drop=True)
    if not len(floors):
        return
    add_set(m, "RENEWABLE_FLOOR_YEAR", floors["i"], 1)
    add_var(m, "drawn", m.RENEWABLE_FLOOR_YEAR)
    rows = _dated(case, entries, floors)
    used = rows[rows["account"].isin(DRAWN)]
    clean = pd.Series(
        [(key[0], key[1]) in case.renewables.index for key in rows["index"]], rows.index, dtype=bool
    )
    given = rows["account"].isin(["generation", "ppa-matched"]) | (
        (rows["account"] == "ppa-surplus") & rows["surplus"]
    )
    known = rows[given & clean].assign(weight=lambda d: -d["weight"])
    total = floors.assign(family="drawn", index=[(i,) for i in floors["i"]], weight=-1.0)
    none = dict.fromkeys(floors["i"], 0.0)
    bounded_sums(m, "energy_drawn", pd.concat([used, total], ignore_index=True), none)
    asked = pd.concat([known, total.assign(weight=floors["share"])], ignore_index=True)
    bounded_sums(m, "renewable_floor", asked, none)


def _dated(case: Case, entries: pd.DataFrame, floors: pd.DataFrame) -> pd.DataFrame:
    """Entries of energy that each floor counts, in GWh as ``weight``."""
    counted = entries["account"].isin([*DRAWN, "ppa-matched", "ppa-surplus"]) & (entries["quantity"] != 0)
    energy = in_words(entries[counted])
    years = case.periods["year"].astype(str).to_numpy()[energy["t"].to_numpy(int)]
    rows = energy.assign(year=years, weight=energy["quantity"] / 1000.0)
    return joined(rows, floors[["i", "year", "surplus"]], ["year"])
