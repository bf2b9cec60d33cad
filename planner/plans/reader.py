"""From the values of a solve to tidy rows: indices as columns, dates, sites, facts of the case, what is alive."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.columns import keys_of, records, row_of, rows_at, unindexed, values_of
from planner.solver.arrays import Floats

if TYPE_CHECKING:  # the engine imports nothing of plans; this keeps a plan readable without a solver
    from planner.solver.engine import Engine

NOISE = 1e-9
"""Values below this (thousands of accelerators, MW) are noise of the linear programme."""


@cache
def _no_values(names: tuple[str, ...], column: str) -> pd.DataFrame:
    return pd.DataFrame({**{n: pd.Series(dtype=object) for n in names}, column: pd.Series(dtype=float)})


_NOTHING: dict[tuple[Any, ...], pd.DataFrame] = {}


def made_of(
    rows: pd.DataFrame, source: pd.DataFrame, name: str, make: Callable[[], pd.DataFrame]
) -> pd.DataFrame:
    """``make()``, a table of ``rows`` with facts of ``source``; where there are no rows it is made once.

    Then it hangs on the kinds of their columns alone, and most tables of a small plan have no rows.
    """
    if len(rows):
        return make()
    kinds = (name, *rows.columns, *rows.dtypes, *source.columns, *source.dtypes)
    if kinds not in _NOTHING:
        _NOTHING[kinds] = make()
    return _NOTHING[kinds].copy(deep=False)  # copy-on-write: changes stay with the caller


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
        source = unindexed(source)
        at = rows_at(row_of(source, keys) if len(table) else {}, keys_of(table, keys))
        if (at < 0).any():
            raise KeyError(f"no facts for {table[keys].iloc[int(np.argmax(at < 0))].to_dict()}")
        return table.assign(**{c: source[c].array.take(at) for c in columns})

    def site(self, table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(p=values_of(table["h"], self.case.hosts["p"]))

    def alive(self, family: str, names: list[str], source: pd.DataFrame, life: str) -> pd.DataFrame:
        """(h, a, k, t) -> thousands alive in t, summed over vintages and terms."""
        values = self.values(family, names, "k_alive")
        return made_of(values, source, f"alive {family}", lambda: self._alive(values, names, source, life))

    def _alive(self, values: pd.DataFrame, names: list[str], source: pd.DataFrame, life: str) -> pd.DataFrame:
        table = self.facts(values, source, names, [life])
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
        values = self.values(family, names, "mw")
        kept = f"standing {family} {keys}"
        return made_of(values, source, kept, lambda: self._standing(values, source, keys, names))

    def _standing(
        self, values: pd.DataFrame, source: pd.DataFrame, keys: list[str], names: list[str]
    ) -> pd.DataFrame:
        table = self.facts(values, source, names, ["life"])
        rows = [
            (*(getattr(row, k) for k in keys), u, row.mw)
            for row in records(table)
            for u in range(row.t, min(self.case.calendar.ends(row.t, int(row.life)), self.case.calendar.n))
        ]
        frame = pd.DataFrame(rows, columns=[*keys, "t", "mw"])
        return frame.groupby([*keys, "t"], as_index=False)["mw"].sum()
