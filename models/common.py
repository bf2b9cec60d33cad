"""Small helpers that turn tables into Pyomo sets and parameters."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import pyomo.environ as pe
from pyomo.core.base.set import IndexedSet

from planner.case.periods import Calendar


def tuples(table: pd.DataFrame) -> list[Any]:
    """Row index of a table as plain tuples (or plain values) with Python integers."""
    return [tuple(_plain(x) for x in i) if isinstance(i, tuple) else _plain(i) for i in table.index]


def _plain(value: Any) -> Any:
    return int(value) if hasattr(value, "dtype") and value.dtype.kind in "iu" else value


def columns(table: pd.DataFrame, names: Sequence[str]) -> list[Any]:
    """Tuples of the named columns, row by row; plain values where one column is named."""
    parts = [[_plain(x) for x in table[n].tolist()] for n in names]
    return parts[0] if len(parts) == 1 else list(zip(*parts, strict=True))


def grouped(table: pd.DataFrame, by: Sequence[str], take: Sequence[str]) -> dict[Any, list[Any]]:
    """key(by) -> list of take-tuples, in table order, without repeats."""
    out: dict[Any, dict[Any, None]] = {}
    for key, value in zip(columns(table, by), columns(table, take), strict=True):
        out.setdefault(key, {})[value] = None
    return {key: list(values) for key, values in out.items()}


def add_set(m: Any, name: str, members: Iterable[Hashable], dimen: int) -> pe.Set:
    """An index set of tuples of ``dimen`` parts."""
    setattr(m, name, pe.Set(initialize=list(members), dimen=dimen))
    return getattr(m, name)


class Family(IndexedSet):
    """A set of sets whose sets are plain sequences: an object of Pyomo for each would take most of a model's memory."""

    def __init__(self, keys: pe.Set, mapping: Mapping[Any, Sequence[Any]], dimen: int) -> None:
        super().__init__(keys, dimen=dimen)
        self._members = mapping

    def construct(self, data: Any = None) -> None:
        """Take the members as they are; a key without any has the empty set."""
        if not self._constructed:
            self._constructed: bool = True
            self._data: Mapping[Any, Sequence[Any]] = {
                key: self._members.get(key, ()) for key in self._index_set
            }


def add_family(m: Any, name: str, keys: pe.Set, mapping: Mapping[Any, Sequence[Any]], dimen: int) -> None:
    """A set of sets over ``keys``; a key without members has the empty set."""
    setattr(m, name, Family(keys, mapping, dimen))


def add_param(m: Any, name: str, index: pe.Set, values: Mapping[Any, float] | pd.Series) -> None:
    """A parameter given for every member of its index set."""
    data = (
        {k: float(v) for k, v in values.items()}
        if isinstance(values, Mapping)
        else dict(zip(list(index), [float(v) for v in values], strict=True))
    )
    setattr(m, name, pe.Param(index, initialize=data, within=pe.Any))


def add_var(m: Any, name: str, index: pe.Set, **kwargs: Any) -> None:
    """A non-negative variable over ``index``, created entry by entry only when asked for."""
    kwargs.setdefault("domain", pe.NonNegativeReals)
    setattr(m, name, pe.Var(index, dense=False, **kwargs))


def alive(first: int, life: int, calendar: Calendar) -> range:
    """Periods in which something that goes live at ``first`` and lasts ``life`` steps is usable."""
    return range(first, min(calendar.ends(first, life), calendar.n))


def alive_map(
    table: pd.DataFrame, by: Sequence[str], take: Sequence[str], life: str, calendar: Calendar
) -> dict[Any, list[Any]]:
    """(by..., t) -> take-tuples of the vintages alive in t; the table has a column ``t`` of live dates."""
    out: dict[Any, list[Any]] = {}
    rows = zip(columns(table, by), columns(table, take), table["t"], table[life], strict=True)
    for key, value, first, length in rows:
        base = key if isinstance(key, tuple) else (key,)
        for t in alive(int(first), int(length), calendar):
            out.setdefault((*base, t), []).append(value)
    return out
