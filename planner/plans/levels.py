"""Levels of efficiency and energy that places come to in their worst year, and the scores of their work."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from planner.case import levels
from planner.case.case import Case
from planner.case.columns import records
from planner.case.levels import GREEN, PUE
from planner.plans.reader import Reader

Tables = Mapping[str, pd.DataFrame]
FIT = 1e-5
"""A bound may be missed by this share of itself and counts as kept: values of a solve are not exact."""


def level_table(reader: Reader, tables: Tables) -> pd.DataFrame:
    """(h, l): bound, what the worst year comes to, that year, whether the plan promises the level, whether it is kept."""
    case = reader.case
    held = reader.values("hold", ["h", "l"], "hold", keep=0.5)
    promised = set(zip(held["h"], held["l"], strict=True))
    rows = []
    for level in records(case.levels):
        by_year = reached(case, tables, str(level.h), str(level.measure))
        worst = None
        if len(by_year):
            worst = by_year.idxmax() if level.measure == PUE else by_year.idxmin()
        rows.append((
            level.h, level.l, level.attribute, float(level.bound), np.nan if worst is None else float(by_year[worst]),
            "" if worst is None else str(worst), (level.h, level.l) in promised,
            bool(len(by_year)) and is_kept(str(level.measure), by_year, float(level.bound)),
        ))  # fmt: skip
    return reader.site(
        pd.DataFrame(rows, columns=["h", "l", "attribute", "bound", "reached", "year", "promised", "kept"])
    )


def is_kept(measure: str, by_year: pd.Series, bound: float) -> bool:
    """Whether every year keeps a bound."""
    if measure == PUE:
        return bool((by_year <= bound * (1 + FIT)).all())
    return bool((by_year >= bound * (1 - FIT)).all())


def reached(case: Case, tables: Tables, h: str, measure: str) -> pd.Series:
    """Calendar year -> PUE of a host, or the share of its energy that counts; years without energy are left out."""
    year = case.periods["year"]
    day, made, bought = (tables[name] for name in ("dispatch", "generation", "matched"))
    day, made, bought = (table[table["h"] == h] for table in (day, made, bought))
    drawn = _by_year(day, (day["import_mw"] + day["generation_mw"]) * day["hours"], year)
    if measure == PUE:
        used = drawn + _by_year(day, (day["discharge_mw"] - day["charge_mw"]) * day["hours"], year)
        worked = _by_year(day, day["it_mw"] * day["hours"], year)
        return (used / worked)[worked > 0]
    sources = case.renewables.index if measure == GREEN else None
    counts = drawn * 0.0
    for table, mwh in (
        (made, made["generation_mw"] * made["hours"]),
        (bought, bought["matched_mw"] * bought["hours"]),
    ):
        own = np.array([sources is None or (h, g) in sources for g in table["g"]], dtype=bool)
        counts = counts.add(_by_year(table[own], mwh[own], year), fill_value=0.0)
    return (counts.reindex(drawn.index) / drawn)[drawn > 0]


def _by_year(table: pd.DataFrame, mwh: pd.Series, year: pd.Series) -> pd.Series:
    return mwh.astype(float).groupby(table["t"].map(year).astype(str).to_numpy()).sum()


def kept(table: pd.DataFrame | None) -> set[tuple[str, str]]:
    """(h, l) that a plan's places come to in every year; none of a run from before there were levels."""
    if table is None:
        return set()
    own = table[table["kept"].astype(bool)]
    return set(zip(own["h"], own["l"], strict=True))


def scores(case: Case, tables: Tables) -> pd.DataFrame:
    """(w, h, a, k) -> scores of every offer, at the levels that its host comes to in the plan."""
    known = case.scores.reset_index(drop=True)
    better = levels.scored(case, kept(tables.get("levels")))
    return levels.rescored(known, better)
