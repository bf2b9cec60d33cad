"""Index sets as integer codes: where a tuple of index values stands in a set, for many tuples at once.

A look-up turns each dimension of a tuple into a small code and the codes into one integer key. Keys are
found by binary search among the sorted keys of the set, so a sparse set of 20,000 tuples costs 20,000
integers, whatever the product of its dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.intp]
ABSENT = -1
# Below this many cells per member a plain table beats the search and is still small.
_DENSE_CELLS_PER_MEMBER = 4


@dataclass(frozen=True)
class Column:
    """One dimension of a set: its distinct values, and for each member the position of its value in them."""

    values: list[Any]
    codes: NDArray[np.int32]

    @cached_property
    def code_of(self) -> dict[Any, int]:
        return {value: code for code, value in enumerate(self.values)}


class Members:
    """An ordered sequence of index values, scalars if `dimen` is 1 and else tuples of that length.

    Members need not be distinct when only their values are read; `Locator.find` wants distinct ones.
    """

    def __init__(self, elements: Sequence[Any], dimen: int = 1) -> None:
        self.elements = list(elements)
        self.dimen = dimen

    def __len__(self) -> int:
        return len(self.elements)

    def tuple_at(self, position: int) -> tuple[Any, ...]:
        element = self.elements[position]
        return element if self.dimen != 1 else (element,)

    @cached_property
    def columns(self) -> list[Column]:
        if self.dimen == 1:
            return [_column(self.elements)]
        if not self.elements:
            return [_column([]) for _ in range(self.dimen)]
        return [_column(values) for values in zip(*self.elements, strict=True)]

    def numbers(self, dim: int) -> NDArray[np.float64]:
        """The values of one dimension as numbers, one per member. ValueError if they are not."""
        if dim not in self._numbers:
            values = np.array(self.elements if self.dimen == 1 else [e[dim] for e in self.elements])
            if len(values) and values.dtype.kind not in "biuf":
                raise ValueError(
                    f"not a number: {next(v for v in values.tolist() if not isinstance(v, float))!r}"
                )
            self._numbers[dim] = values.astype(float)
        return self._numbers[dim]

    @cached_property
    def _numbers(self) -> dict[int, NDArray[np.float64]]:
        return {}

    @cached_property
    def strides(self) -> list[int]:
        """Weight of each dimension's code in the key, last dimension fastest."""
        strides = [1]
        for column in reversed(self.columns[1:]):
            strides.append(strides[-1] * max(1, len(column.values)))
        if self.columns and strides[-1] * max(1, len(self.columns[0].values)) >= 2**62:
            raise OverflowError("the dimensions of this index set are too wide for one 64-bit key")
        return strides[::-1]

    @cached_property
    def _keys(self) -> Ints:
        keys = np.zeros(len(self), np.intp)
        for column, stride in zip(self.columns, self.strides, strict=True):
            keys += column.codes.astype(np.intp) * stride
        return keys

    @cached_property
    def _table(self) -> Ints | None:
        cells = self.strides[0] * len(self.columns[0].values) if self.dimen else 1
        if cells > _DENSE_CELLS_PER_MEMBER * len(self):
            return None
        table = np.full(cells, ABSENT, np.intp)
        table[self._keys] = np.arange(len(self))
        return table

    @cached_property
    def _sorted(self) -> tuple[Ints, Ints]:
        order = np.argsort(self._keys, kind="stable")
        return self._keys[order], order

    def at_keys(self, keys: Ints) -> Ints:
        """Positions of the members with these keys, ABSENT where there is none (or the key is negative)."""
        if not len(self):
            return np.full(keys.shape, ABSENT, np.intp)
        if self._table is not None:
            return np.where(keys < 0, ABSENT, self._table[keys])
        known, order = self._sorted
        slot = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        return np.where(known[slot] == keys, order[slot], ABSENT)


class Numbers(Members):
    """Numbers that are known as an array; a list of them is made only where one is asked for."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        self._values = values
        self.dimen = 1

    def __len__(self) -> int:
        return len(self._values)

    @cached_property
    def elements(self) -> list[Any]:  # type: ignore[override]
        found: list[Any] = self._values.tolist()
        return found

    def numbers(self, dim: int) -> NDArray[np.float64]:
        """The numbers; ``dim`` is 0."""
        return self._values


class Coded(Members):
    """Tuples that are known by the codes of their parts; tuples are made only where they are asked for."""

    def __init__(self, columns: Sequence[tuple[list[Any], NDArray[np.int32]]]) -> None:
        self.columns = [Column(values, codes) for values, codes in columns]
        self.dimen = len(columns)

    def __len__(self) -> int:
        return len(self.columns[0].codes)

    def tuple_at(self, position: int) -> tuple[Any, ...]:
        return tuple(column.values[column.codes[position]] for column in self.columns)

    @cached_property
    def elements(self) -> list[Any]:  # type: ignore[override]
        return [self.tuple_at(i) for i in range(len(self))]

    def numbers(self, dim: int) -> NDArray[np.float64]:
        """The values of one dimension as numbers, one per member. ValueError if they are not."""
        column = self.columns[dim]
        return Members(column.values).numbers(0)[column.codes]


def _column(values: Sequence[Any]) -> Column:
    code_of = {value: code for code, value in enumerate(dict.fromkeys(values))}
    return Column(list(code_of), np.fromiter((code_of[v] for v in values), np.int32, len(values)))


class Ref(NamedTuple):
    """Many values of one index: dimension `dim` of the members of `source` at positions `at`."""

    source: Members
    dim: int
    at: Ints

    def value_at(self, position: int) -> Any:
        return self.source.tuple_at(int(self.at[position]))[self.dim]


class Locator:
    """Finds tuples, given as one `Ref` per dimension, in sets; translations between sets are made once."""

    def __init__(self) -> None:
        self._codes: dict[tuple[Members, int, Members, int], Ints] = {}
        self._positions: dict[tuple[Members, tuple[int, ...], Members], Ints] = {}

    def find(self, target: Members, refs: Sequence[Ref]) -> Ints:
        """Position in `target` of every tuple, ABSENT where `target` does not hold it."""
        first = refs[0]
        together = all(ref.source is first.source and ref.at is first.at for ref in refs)
        if together:
            dims = tuple(ref.dim for ref in refs)
            if first.source is target and dims == tuple(range(target.dimen)):
                return first.at
            return self._positions_of(first.source, dims, target)[first.at]
        key: Ints | None = None
        unknown = None
        for source, at, dims_of in _grouped(refs):
            part = self._partial_key(source, dims_of, target)
            missing = part < 0
            if missing.any():
                unknown = missing[at] if unknown is None else unknown | missing[at]
            key = part[at] if key is None else key + part[at]
        assert key is not None
        return target.at_keys(key if unknown is None else np.where(unknown, ABSENT, key))

    def _positions_of(self, source: Members, dims: tuple[int, ...], target: Members) -> Ints:
        known = (source, dims, target)
        if known not in self._positions:
            key = self._partial_key(source, list(enumerate(dims)), target)
            self._positions[known] = target.at_keys(key)
        return self._positions[known]

    def _partial_key(self, source: Members, dims: list[tuple[int, int]], target: Members) -> Ints:
        """Share of the key that `source` gives, per member of `source`; negative where a value is unknown."""
        key = np.zeros(len(source), np.intp)
        unknown = np.zeros(len(source), bool)
        for target_dim, source_dim in dims:
            codes = self._translated(source, source_dim, target, target_dim)[source.columns[source_dim].codes]
            unknown |= codes < 0
            key += codes * target.strides[target_dim]
        key[unknown] = ABSENT
        return key

    def _translated(self, source: Members, source_dim: int, target: Members, target_dim: int) -> Ints:
        """Code in the target of each distinct value of the source; ABSENT where it has none."""
        known = (source, source_dim, target, target_dim)
        if known not in self._codes:
            column, code_of = source.columns[source_dim], target.columns[target_dim].code_of
            codes = (code_of.get(v, ABSENT) for v in column.values)
            self._codes[known] = np.fromiter(codes, np.intp, len(column.values))
        return self._codes[known]


def _grouped(refs: Sequence[Ref]) -> list[tuple[Members, Ints, list[tuple[int, int]]]]:
    """Refs that walk through the same members together, with their (target, source) dimensions."""
    groups: dict[tuple[int, int], tuple[Members, Ints, list[tuple[int, int]]]] = {}
    for target_dim, ref in enumerate(refs):
        group = groups.setdefault((id(ref.source), id(ref.at)), (ref.source, ref.at, []))
        group[2].append((target_dim, ref.dim))
    return list(groups.values())
