"""From the values of a solve to tidy rows: indices as columns, dates, sites, facts of the case, what is alive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from planner.case.case import Case
from planner.solver.arrays import Floats

if TYPE_CHECKING:  # the engine imports nothing of plans; this keeps a plan readable without a solver
    from planner.solver.engine import Engine

NOISE = 1e-9
"""Values below this (thousands of accelerators, MW) are noise of the linear programme."""


class Reader:
    """Reads the families of one solution into tables."""

    def __init__(self, case: Case, engine: Engine, x: Floats) -> None:
        self.case, self.engine, self.x = case, engine, x
        self.labels = case.periods["label"]

    def values(self, family: str, names: list[str], column: str, keep: float = NOISE) -> pd.DataFrame:
        """Columns of the index and the value, rows above ``keep`` only; empty where the family is absent."""
        if family not in self.engine.arrays.columns or not self.engine.arrays.columns[family].size:
            return pd.DataFrame(
                {**{n: pd.Series(dtype=object) for n in names}, column: pd.Series(dtype=float)}
            )
        series = self.engine.family(self.x, family)
        series = series[series > keep]
        table = series.rename(column).rename_axis(names).reset_index()
        if "t" in table:
            table["t"] = table["t"].astype(int)
        return table

    def dated(self, table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(label=table["t"].map(self.labels).astype(object))

    def date(self, periods: pd.Series) -> pd.Series:
        """First days of period numbers, which may lie outside the horizon."""
        return pd.to_datetime([self.case.calendar.date_of(int(t)) for t in periods]).to_series(
            index=periods.index
        )

    def facts(
        self, table: pd.DataFrame, source: pd.DataFrame, keys: list[str], columns: list[str]
    ) -> pd.DataFrame:
        """Joins columns of a case table by key; every row of ``table`` must be found."""
        right = source.reset_index(drop=True)[[*keys, *columns]]
        joined = table.merge(right, on=keys, how="left", validate="many_to_one", indicator=True)
        if len(joined) and (joined["_merge"] != "both").any():
            raise KeyError(f"no facts for {joined[joined['_merge'] != 'both'][keys].iloc[0].to_dict()}")
        return joined.drop(columns="_merge")

    def site(self, table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(p=table["h"].map(self.case.hosts["p"]).astype(object))

    def alive(self, family: str, names: list[str], source: pd.DataFrame, life: str) -> pd.DataFrame:
        """(h, a, k, t) -> thousands alive in t, summed over vintages and terms."""
        table = self.facts(self.values(family, names, "k_alive"), source, names, [life])
        rows = [
            (row.h, row.a, row.k, u, row.k_alive)
            for row in table.itertuples()
            for u in range(row.t, min(row.t + int(getattr(row, life)), self.case.calendar.n))
        ]
        frame = pd.DataFrame(rows, columns=["h", "a", "k", "t", "k_alive"])
        return frame.groupby(["h", "a", "k", "t"], as_index=False)["k_alive"].sum()

    def standing(self, family: str, source: pd.DataFrame, keys: list[str], names: list[str]) -> pd.DataFrame:
        """(keys, t) -> MW alive in t of plant bought by the megawatt."""
        table = self.facts(self.values(family, names, "mw"), source, names, ["life"])
        rows = [
            (*(getattr(row, k) for k in keys), u, row.mw)
            for row in table.itertuples()
            for u in range(row.t, min(row.t + int(row.life), self.case.calendar.n))
        ]
        frame = pd.DataFrame(rows, columns=[*keys, "t", "mw"])
        return frame.groupby([*keys, "t"], as_index=False)["mw"].sum()
