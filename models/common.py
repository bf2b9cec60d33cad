"""Small helpers that turn tables into Pyomo sets and parameters."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyomo.environ as pe
from pyomo.core.base.param import IndexedParam
from pyomo.core.base.set import IndexedSet

from planner.case.periods import Calendar


def tuples(table: pd.DataFrame) -> list[Any]:
    """Row index of a table as plain tuples (or plain values) with Python integers.

    The index keeps its tuples: sets, parameters and the ledger hold the same ones.
    """
    members: list[Any] = table.index.tolist()
    return members


def columns(table: pd.DataFrame, names: Sequence[str]) -> list[Any]:
    """Tuples of the named columns, row by row; plain values where one column is named."""
    parts = [shared(table[n]) for n in names]
    return parts[0] if len(parts) == 1 else list(zip(*parts, strict=True))


def shared(values: pd.Series) -> list[Any]:
    """Values as plain Python objects; equal words are one object, where a plain list would hold one for each row."""
    if values.dtype.kind in "iufb":
        return list(values.tolist())
    codes, distinct = pd.factorize(values)
    plain = np.array([*distinct, np.nan], dtype=object)  # a missing value has the code -1
    return list(plain[codes].tolist())


def grouped(table: pd.DataFrame, by: Sequence[str], take: Sequence[str]) -> dict[Any, list[Any]]:
    """key(by) -> list of take-tuples, in table order, without repeats; equal tuples are one object."""
    out: dict[Any, list[Any]] = {}
    one: dict[Any, Any] = {}
    for key, value in zip(columns(table, by), columns(table, take), strict=True):
        out.setdefault(key, []).append(one.setdefault(value, value))
    return {key: list(dict.fromkeys(values)) for key, values in out.items()}


def add_set(m: Any, name: str, members: Iterable[Hashable], dimen: int) -> pe.Set:
    """An index set of tuples of ``dimen`` parts. Raises ``ValueError`` for tuples of another length."""
    found = dict.fromkeys(members)
    if dimen == 1:
        setattr(m, name, pe.Set(initialize=list(found), dimen=1))
        return getattr(m, name)
    if wrong := {len(member) for member in found} - {dimen}:  # type: ignore[arg-type]
        raise ValueError(f"{name}: tuples of {dimen} parts are asked for, not of {wrong}")
    setattr(m, name, pe.Set(initialize=(), dimen=dimen))
    own = getattr(m, name)
    own._values = {member: i for i, member in enumerate(found)}  # Pyomo would look at each member once more
    return own


class Aligned(Mapping[Any, float]):
    """Values of the members of a set in their order, as one array: a table of their own would take ten times the memory."""

    def __init__(self, members: pe.Set, numbers: np.ndarray) -> None:
        self.members = members
        self.numbers = numbers

    def __getitem__(self, member: Any) -> float:
        return float(self.numbers[self.members._values[member]])

    def __iter__(self) -> Iterator[Any]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.numbers)


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


class Given(IndexedParam):
    """A parameter whose values are taken as they are: Pyomo would look at each again and keep it a second time."""

    def __init__(self, keys: pe.Set, values: Mapping[Any, float]) -> None:
        super().__init__(keys, within=pe.Any)
        self._given = values

    def construct(self, data: Any = None) -> None:
        """Take the values as they are."""
        if not self._constructed:
            self._constructed: bool = True
            self._data: Mapping[Any, float] = self._given


def add_param(m: Any, name: str, index: pe.Set, values: Mapping[Any, float] | pd.Series) -> None:
    """A parameter given for every member of its index set."""
    data: Mapping[Any, float]
    if isinstance(values, Mapping):
        data = {k: float(v) for k, v in values.items()}
        if not all(map(index.__contains__, data)):
            raise KeyError(f"{name}: values for what is not in {index.name}")
    elif len(values) != len(index):
        raise ValueError(f"{name}: {len(values)} values for {len(index)} members of {index.name}")
    elif index.dimen == 1:
        data = dict(zip(index, values.astype(float).tolist(), strict=True))
    else:
        data = Aligned(index, np.asarray(values, dtype=float))
    setattr(m, name, Given(index, data))


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
