"""Small helpers that turn tables into Pyomo sets and parameters."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyomo.environ as pe
from pyomo.core.base.param import IndexedParam
from pyomo.core.base.set import IndexedSet

from planner.case.columns import SMALL, unindexed
from planner.case.periods import Calendar

V = TypeVar("V")


class _Ordered(Mapping[Any, V]):
    """Keys in an order, and a dictionary of their places that is made where one is looked up."""

    @cached_property
    def _place_of(self) -> dict[Any, int]:
        return {key: i for i, key in enumerate(self)}

    def place(self, key: Any) -> int:
        """Place of a key. ``KeyError`` without one, ``TypeError`` for a rule's placeholders, which have no hash."""
        hash(key)
        if hasattr(key, "is_expression_type"):  # what Pyomo makes of placeholders, and then looks up
            raise KeyError(key)
        return self._place_of[key]


class Coded(_Ordered[int]):
    """Distinct tuples in their order, each with its place: they are known by the codes of their parts.

    Tuples are made where somebody walks through them, and a dictionary of them where somebody looks one up: for the work
    of a large case both would take ten times the memory of the codes.
    """

    def __init__(self, columns: Sequence[tuple[list[Any], np.ndarray]]) -> None:
        """``columns``: by part, its distinct values and the position of each tuple's value in them."""
        self.columns = columns

    def __getitem__(self, member: Any) -> int:
        return self.place(member)

    def __iter__(self) -> Iterator[Any]:
        parts = (np.array(values, dtype=object)[codes].tolist() for values, codes in self.columns)
        return iter(zip(*parts, strict=True))

    def __len__(self) -> int:
        return len(self.columns[0][1])


def tuples(table: pd.DataFrame) -> Coded | list[Any]:
    """Row index of a table as tuples (or plain values) with Python integers. Raises ``ValueError`` for one that repeats."""
    index = table.index
    if not isinstance(index, pd.MultiIndex):
        return list(index.tolist())
    if index.duplicated().any():
        raise ValueError(f"{', '.join(map(str, index.names))}: a tuple stands there more than once")
    return Coded([_coded(codes, level) for codes, level in zip(index.codes, index.levels, strict=True)])


def distinct(table: pd.DataFrame, names: Sequence[str]) -> Coded:
    """Tuples of two or more named columns without repeats, in the order of their first rows."""
    plain = unindexed(table)
    codes, values = zip(*(pd.factorize(plain[name].to_numpy()) for name in names), strict=True)
    if any((part < 0).any() for part in codes):
        raise ValueError("a part of an index has no value")
    place = np.ravel_multi_index(codes, [max(len(part), 1) for part in values])
    first = np.sort(np.unique(place, return_index=True)[1])
    return Coded(
        [(part.tolist(), code[first].astype(np.int32)) for part, code in zip(values, codes, strict=True)]
    )


def _coded(codes: np.ndarray, values: pd.Index) -> tuple[list[Any], np.ndarray]:
    """Values in the order in which they first come, and their codes; half as wide as usual, which suffices by far."""
    at, own = pd.factorize(np.asarray(codes))
    if (own < 0).any():
        raise ValueError("a part of an index has no value")
    return list(values.take(own).tolist()), at.astype(np.int32)


def columns(table: pd.DataFrame, names: Sequence[str]) -> list[Any]:
    """Tuples of the named columns, row by row; plain values where one column is named."""
    if not len(table):  # most tables of a small case
        return []
    plain = unindexed(table) if len(names) > 1 else table
    parts = [shared(plain[n]) for n in names]
    return parts[0] if len(parts) == 1 else list(zip(*parts, strict=True))


def shared(values: pd.Series) -> list[Any]:
    """Values as plain Python objects; equal words are one object, where a plain list would hold one for each row."""
    if values.dtype.kind in "iufb" or len(values) < SMALL:
        return list(values.tolist())
    codes, distinct = pd.factorize(values)
    plain = np.array([*distinct, np.nan], dtype=object)  # a missing value has the code -1
    return list(plain[codes].tolist())


def grouped(table: pd.DataFrame, by: Sequence[str], take: Sequence[str]) -> dict[Any, Sequence[Any]]:
    """key(by) -> take-tuples, in table order, without repeats; equal tuples are one object."""
    out: dict[Any, list[Any]] = {}
    one: dict[Any, Any] = {}
    for key, value in zip(columns(table, by), columns(table, take), strict=True):
        out.setdefault(key, []).append(one.setdefault(value, value))
    return {key: tuple(dict.fromkeys(values)) for key, values in out.items()}


def add_set(m: Any, name: str, members: Iterable[Hashable], dimen: int) -> pe.Set:
    """An index set of tuples of ``dimen`` parts. Raises ``ValueError`` for tuples of another length."""
    if dimen == 1:
        setattr(m, name, pe.Set(initialize=list(dict.fromkeys(members)), dimen=1))
        return getattr(m, name)
    if isinstance(members, Coded):
        found: Mapping[Any, int] = members
        wrong = {len(members.columns)} - {dimen}
    else:
        found = {member: i for i, member in enumerate(dict.fromkeys(members))}
        wrong = {len(member) for member in found} - {dimen}
    if wrong:
        raise ValueError(f"{name}: tuples of {dimen} parts are asked for, not of {wrong}")
    setattr(m, name, pe.Set(initialize=(), dimen=dimen))
    own = getattr(m, name)
    own._values = found  # Pyomo would look at each member once more
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


class Listed(_Ordered[Sequence[Any]]):
    """The sets of all keys in the order of the keys; the keys themselves are those of the index set, not held again."""

    def __init__(self, keys: pe.Set, mapping: Mapping[Any, Sequence[Any]]) -> None:
        self.keys_of, self.sets = keys, [mapping.get(key, ()) for key in keys]

    def __getitem__(self, key: Any) -> Sequence[Any]:
        return self.sets[self.place(key)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.keys_of)

    def __len__(self) -> int:
        return len(self.sets)


class Family(IndexedSet):
    """A set of sets whose sets are plain sequences: an object of Pyomo for each would take most of a model's memory."""

    def __init__(self, keys: pe.Set, mapping: Mapping[Any, Sequence[Any]], dimen: int) -> None:
        super().__init__(keys, dimen=dimen)
        self._sets = Listed(keys, mapping)

    def construct(self, data: Any = None) -> None:
        """Take the members as they are; a key without any has the empty set."""
        if not self._constructed:
            self._constructed: bool = True
            self._data: Mapping[Any, Sequence[Any]] = self._sets


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
    if not len(table):
        return out
    rows = zip(columns(table, by), columns(table, take), table["t"], table[life], strict=True)
    for key, value, first, length in rows:
        base = key if isinstance(key, tuple) else (key,)
        for t in alive(int(first), int(length), calendar):
            out.setdefault((*base, t), []).append(value)
    return out
