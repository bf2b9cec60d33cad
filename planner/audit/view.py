"""What the checks read: tables of the plan, tables of the case, and sums over what is alive."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache, cached_property, wraps
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from planner.case.case import DESIGN
from planner.case.columns import coded, in_whole, keys_of, numbered, row_of, rows_at, unindexed
from planner.case.context import Context
from planner.case.registry import PURCHASE

if TYPE_CHECKING:
    from planner.plans.plan import Plan

HAKT = ["h", "a", "k", "t"]
PARTNER = "partner"
EPOCH_MONTHS = 12 * 1970
"""Months before the day from which numpy counts."""


class View:
    """A plan and its case. Numbers handed out are in model units: thousands of accelerators, MW, MUSD."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.case, self.scenario = plan, plan.case, plan.case.scenario
        self.n: int = plan.case.calendar.n
        self.step_years: float = plan.case.calendar.step_months / 12.0
        self.step_hours: float = 8760.0 * self.step_years
        self.edges: np.ndarray = np.array(plan.case.calendar.edges)
        self.n_steps: int = int(self.edges[-1])
        self.mode = plan.case.hosts["mode"]
        self.own = [h for h in self.mode.index if self.mode[h] != "cloud"]
        self.built = [h for h in self.mode.index if self.mode[h] == "build"]
        slices = plan.case.slices.reset_index(drop=True)
        self.typical = slices[slices["s"] != DESIGN][["t", "s", "hours"]]
        self.whole = plan.case.scenario.solve.integers != "none"
        """Whether what is decided by yes or no is: screening takes parts of openings, stacks, agreements and units, and a
        plan's tables list those of more than a half."""
        self.derived: dict[str, Any] = {}
        self.tables: dict[str, pd.DataFrame] = {}
        self.sources: dict[Any, tuple[pd.DataFrame, pd.DataFrame, dict[Any, int]]] = {}

    def table(self, name: str) -> pd.DataFrame:
        """A table of the plan, which nobody changes; the case's own numbers are never read from here."""
        if name not in self.tables:
            self.tables[name] = self.plan.tables[name].reset_index(drop=True)
        return self.tables[name]

    def facts(
        self, table: pd.DataFrame, source: pd.DataFrame, keys: list[str], columns: list[str]
    ) -> pd.DataFrame:
        """Rows of a plan's table that the case knows, with columns of the case (named ``case_...``)."""
        plain, rows = self._rows_of(source, keys) if len(table) else (source, {})
        at = rows_at(rows, keys_of(table, keys))
        known = at >= 0
        left = table if known.all() else table[known]
        found = {f"case_{c}": plain[c].array.take(at[known]) for c in columns}
        if "t" in keys and left["t"].dtype != int:
            found["t"] = left["t"].astype(int).array
        return numbered(left).assign(**found)

    def _rows_of(self, source: pd.DataFrame, keys: list[str]) -> tuple[pd.DataFrame, dict[Any, int]]:
        """A table of the case without its index, and the number of the row of each key."""
        place = (id(source), *keys)
        if place not in self.sources:  # the table is kept beside its rows: no other can take its number
            plain = unindexed(source)
            self.sources[place] = source, plain, row_of(plain, keys)
        return self.sources[place][1:]

    def system(self, table: pd.DataFrame, column: str) -> np.ndarray:
        """A number of each row's system."""
        return lookup(table["k"], self.case.systems[column])

    def since(self, purchase: str) -> pd.Series:
        """Thing -> first period of what is had by yes or no, of ``opens`` (by host) or ``agreements``; in screening, which
        may have part of it at any time, the first period in which it can be had.
        """
        rows = self.table(purchase) if self.whole else unindexed(getattr(self.case, purchase))
        return rows.groupby(PURCHASE[purchase].index[0])["t"].min()

    @cached_property
    def context(self) -> Context:
        """Scenario, catalog and calendar, from which rules are worked out anew."""
        return Context.of(self.scenario, self.case.catalog)

    @cached_property
    def work(self) -> pd.DataFrame:
        """Serving with thousands serving and held, and whether the work may wait."""
        table = self.table("serving")
        soft = lookup(table["w"], self.case.workloads["preemptible"]).astype(bool)
        return table.assign(
            serve_k=table["accelerators"] / 1000.0, held_k=table["reserve"] / 1000.0, soft=soft
        )

    @cached_property
    def powered(self) -> pd.DataFrame:
        """The fleet without what stands in store: thousands of accelerators that have power, those of them that can work
        (not emptied out of a hall that is refitted), and the peak MW of what has power."""
        table = self.table("fleet")
        on_k = (table["accelerators"] - table["stored"]) / 1000.0
        ready_k = on_k - table["emptied"] / 1000.0
        peak_mw = on_k * self.system(table, "peak_mw_per_k").astype(float)
        return table.assign(on_k=on_k, ready_k=ready_k, peak_mw=peak_mw)

    def begins(self, periods: Any) -> np.ndarray:
        """Steps from the horizon's start to the start of each period; after the horizon every period is one step."""
        t = np.asarray(periods, dtype=int)
        return np.where(t < 0, t, self.edges[np.clip(t, 0, self.n)] + np.maximum(t - self.n, 0))

    def holds(self, steps: Any) -> np.ndarray:
        """The period in which each step lies; 0 or later."""
        s = np.asarray(steps, dtype=int)
        inside = np.searchsorted(self.edges[1:], s, side="right")
        return np.asarray(inside + np.maximum(s - self.n_steps, 0))

    def steps(self, periods: Any) -> np.ndarray:
        """Steps of each period."""
        t = np.asarray(periods, dtype=int)
        return np.asarray(self.begins(t + 1) - self.begins(t))

    def years(self, periods: Any) -> np.ndarray:
        """Length of each period in years."""
        return np.asarray(self.steps(periods) * self.step_years)

    def hours(self, periods: Any) -> np.ndarray:
        return np.asarray(8760.0 * self.years(periods))

    def until_end(self, periods: Any) -> np.ndarray:
        """Years from the middle of each period to the horizon's end."""
        t = np.asarray(periods, dtype=int)
        return (self.n_steps - self.begins(t) - 0.5 * self.steps(t)) * self.step_years

    def day(self, step: int) -> pd.Timestamp:
        """First day of a step, counted in months from the horizon's start."""
        start = self.scenario.horizon.start
        months = start.year * 12 + start.month - 1 + int(step) * self.case.calendar.step_months
        return pd.Timestamp(year=months // 12, month=months % 12 + 1, day=1)

    def days(self, steps: Any) -> pd.Series:
        """First days of steps."""
        start = self.scenario.horizon.start
        months = (
            start.year * 12
            + start.month
            - 1
            + np.array(list(steps), dtype=int) * self.case.calendar.step_months
        )
        return pd.Series((months - EPOCH_MONTHS).astype("datetime64[M]").astype("datetime64[ns]"))

    def date(self, t: int) -> pd.Timestamp:
        """First day of a period."""
        return self.day(int(self.begins(t)))

    def dates(self, periods: Any) -> pd.Series:
        return self.days(self.begins(list(periods)))


def once(derive: Callable[[View], Any]) -> Callable[[View], Any]:
    """Keeps what is derived from a view, for all checks that read it; nobody changes it in place."""

    @wraps(derive)
    def kept(view: View) -> Any:
        name = f"{derive.__module__}.{derive.__name__}"
        if name not in view.derived:
            view.derived[name] = derive(view)
        return view.derived[name]

    return kept


def lookup(keys: pd.Series | pd.Index, column: pd.Series) -> np.ndarray:
    """Value of each key in a column of the case; NaN where unknown."""
    if not len(keys):
        return np.zeros(0)
    found = column.reindex(keys if isinstance(keys, pd.MultiIndex) else keys.to_numpy())
    return np.asarray(found)


def total(table: pd.DataFrame, keys: list[str], value: Any) -> pd.Series:
    """Sum of a value by keys, sorted; keys with one part give plain labels, rows with a missing key count nowhere.

    The same as a ``groupby`` in half its time: an audit asks more than a hundred times, of a few hundred rows.
    """
    values = np.asarray(value, dtype=float) * np.ones(len(table))
    if not len(table):
        return pd.Series(dtype=float, index=_no_labels(len(keys)) if len(keys) > 1 else None)
    plain = unindexed(table)
    codes, levels = zip(*(coded(in_whole(plain[k]) if k == "t" else plain[k]) for k in keys), strict=True)
    known = np.all([code >= 0 for code in codes], axis=0)
    place = np.ravel_multi_index([code[known] for code in codes], [max(len(level), 1) for level in levels])
    found, rows = np.unique(place, return_inverse=True)
    sums = np.bincount(rows, values[known], minlength=len(found))
    if len(keys) == 1:
        return pd.Series(sums, index=levels[0].take(found))
    at = np.unravel_index(found, [max(len(level), 1) for level in levels])
    return pd.Series(sums, index=pd.MultiIndex(levels=levels, codes=at, verify_integrity=False))


@cache
def _no_labels(parts: int) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([[]] * parts)


def labelled(table: pd.DataFrame, keys: list[str]) -> pd.MultiIndex:
    """The rows of a table by their keys; quicker than ``MultiIndex.from_frame`` where rows are few."""
    codes, levels = zip(*(coded(table[k]) for k in keys), strict=True)
    return pd.MultiIndex(levels=levels, codes=codes, names=keys, verify_integrity=False)


def each_period(
    table: pd.DataFrame, first: Any, steps: Any, view: View, partly: bool = False
) -> pd.DataFrame:
    """One row for every period within the horizon in which a row of the table is alive; ``t`` is that period.

    What ends within a period is not alive in it, unless ``partly`` asks for it too; ``covered``: steps until then.
    """
    if not len(table):
        return table.assign(t=np.zeros(0, dtype=int), covered=np.zeros(0, dtype=int))
    start = np.asarray(first, dtype=int)
    end = view.begins(start) + np.asarray(steps, dtype=int)
    whole = np.searchsorted(view.edges[1:], end, side="right")
    stop = np.searchsorted(view.edges[:-1], end, side="left") if partly else whole
    start = np.maximum(start, 0)
    count = np.maximum(stop - start, 0)
    rows = np.repeat(np.arange(len(table)), count)
    ahead = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    t = start[rows] + ahead
    covered = np.minimum(end[rows], view.begins(t + 1)) - view.begins(t)
    return table.iloc[rows].assign(t=t, covered=covered).reset_index(drop=True)


def over(index: pd.Index, series: pd.Series) -> pd.Series:
    """A series on the given index; what is missing is 0."""
    return series.reindex(index, fill_value=0.0) if len(series) else pd.Series(0.0, index=index)


def at_sites(view: View, series: pd.Series) -> pd.Series:
    """(p, t) sums of a series by (h, t)."""
    keys = (
        series.rename("x").rename_axis(["h", "t"]).reset_index()
        if len(series)
        else pd.DataFrame(columns=["h", "t", "x"])
    )
    return total(keys.assign(p=lookup(keys["h"], view.case.hosts["p"])), ["p", "t"], keys["x"])


def site_limit(view: View, column: str) -> pd.Series:
    """(p, t) -> a limit of sites, infinite where there is none."""
    limit = view.case.site_period[column]
    return limit.set_axis(pd.MultiIndex.from_tuples(list(limit.index)))


def share_of_period(view: View, t: int, first: date, end: date) -> float:
    """Share of period t from a first day to before another, in months of 31 parts (as dates count everywhere)."""

    def months(day: date) -> float:
        return 12 * day.year + day.month + (day.day - 1) / 31

    begin, finish = months(view.case.calendar.date_of(t)), months(view.case.calendar.date_of(t + 1))
    covered = min(months(end), finish) - max(months(first), begin)
    return max(0.0, covered) / (finish - begin)
