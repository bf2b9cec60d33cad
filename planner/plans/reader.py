"""From the values of a solve to tidy rows: indices as columns, dates, sites, facts of the case, what is alive."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.columns import keys_of, records, row_of, rows_at, values_of
from planner.solver.arrays import Floats

if TYPE_CHECKING:  # the engine imports nothing of plans; this keeps a plan readable without a solver
    from planner.solver.engine import Engine

NOISE = 1e-9
"""Values below this (thousands of accelerators, MW) are noise of the linear programme."""


@cache
def _no_values(names: tuple[str, ...], column: str) -> pd.DataFrame:
    return pd.DataFrame({**{n: pd.Series(dtype=object) for n in names}, column: pd.Series(dtype=float)})


class Reader:
    """Reads the families of one solution into tables."""

    def __init__(self, case: Case, engine: Engine, x: Floats) -> None:
        self.case, self.engine, self.x = case, engine, x
        self.labels = case.periods["label"]

    def values(self, family: str, names: list[str], column: str, keep: float = NOISE) -> pd.DataFrame:
        """Columns of the index and the value, rows above ``keep`` only; empty where the family is absent."""
        if family not in self.engine.arrays.columns or not self.engine.arrays.columns[family].size:
            return _no_values(tuple(names), column).copy(deep=False)
        series = self.engine.family(self.x, family)
        large = np.flatnonzero(series.to_numpy() > keep)
        labels = series.index.take(large)
        index = {name: labels.get_level_values(i) for i, name in enumerate(names)}
        return pd.DataFrame(index | {column: series.to_numpy()[large]})

    def dated(self, table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(label=values_of(table["t"], self.labels))

    def date(self, periods: pd.Series) -> pd.Series:
        """First days of period numbers, which may lie outside the horizon."""
        return pd.to_datetime([self.case.calendar.date_of(int(t)) for t in periods]).to_series(
            index=periods.index
        )

    def day(self, steps: np.ndarray) -> pd.DatetimeIndex:
        """First days of steps, which may lie outside the horizon."""
        return pd.to_datetime([self.case.calendar.day_of(int(step)) for step in steps])

    def facts(
        self, table: pd.DataFrame, source: pd.DataFrame, keys: list[str], columns: list[str]
    ) -> pd.DataFrame:
        """Joins columns of a case table by key; every row of ``table`` must be found."""
        at = rows_at(row_of(source, keys) if len(table) else {}, keys_of(table, keys))
        if (at < 0).any():
            raise KeyError(f"no facts for {table[keys].iloc[int(np.argmax(at < 0))].to_dict()}")
        return table.assign(**{c: source[c].array.take(at) for c in columns})

    def site(self, table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(p=values_of(table["h"], self.case.hosts["p"]))

    def alive(self, family: str, names: list[str], source: pd.DataFrame, life: str) -> pd.DataFrame:
        """(h, a, k, t) -> thousands alive in t, summed over vintages and terms."""
        table = self.facts(self.values(family, names, "k_alive"), source, names, [life])
        rows = [
            (row.h, row.a, row.k, u, row.k_alive)
            for row in records(table)
            for u in range(
                row.t, min(self.case.calendar.ends(row.t, int(getattr(row, life))), self.case.calendar.n)
            )
        ]
        frame = pd.DataFrame(rows, columns=["h", "a", "k", "t", "k_alive"])
        return frame.groupby(["h", "a", "k", "t"], as_index=False)["k_alive"].sum()

    def standing(self, family: str, source: pd.DataFrame, keys: list[str], names: list[str]) -> pd.DataFrame:
        """(keys, t) -> MW alive in t of plant bought by the megawatt."""
        table = self.facts(self.values(family, names, "mw"), source, names, ["life"])
        rows = [
            (*(getattr(row, k) for k in keys), u, row.mw)
            for row in records(table)
            for u in range(row.t, min(self.case.calendar.ends(row.t, int(row.life)), self.case.calendar.n))
        ]
        frame = pd.DataFrame(rows, columns=[*keys, "t", "mw"])
        return frame.groupby([*keys, "t"], as_index=False)["mw"].sum()
