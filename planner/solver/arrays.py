"""A linear or mixed-integer programme as arrays, with the names of its rows and columns."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from planner.solver.members import Members

Floats = NDArray[np.float64]
Index = tuple[Any, ...]


@dataclass(frozen=True)
class Block:
    """The consecutive rows or columns of one component.

    `leaves` are the sets whose product is the index, last one fastest; a scalar has none and the index `()`.
    """

    start: int
    leaves: tuple[Members, ...]

    @classmethod
    def of(cls, start: int, index: Iterable[Any]) -> "Block":
        """A block over an explicit list of tuples (or of plain values)."""
        tuples = [i if isinstance(i, tuple) else (i,) for i in index]
        if tuples == [()]:
            return cls(start, ())
        dimen = len(tuples[0]) if tuples else 1
        # Members of one dimension are plain values.
        return cls(start, (Members(tuples if dimen > 1 else [i for (i,) in tuples], dimen),))

    @cached_property
    def size(self) -> int:
        return math.prod(len(leaf) for leaf in self.leaves)

    @property
    def stop(self) -> int:
        return self.start + self.size

    @property
    def slice(self) -> slice:
        """`values[block.slice]` are the values of this component."""
        return slice(self.start, self.stop)

    @cached_property
    def index(self) -> list[Index]:
        """The index tuples in order; built on first use."""
        leaves = [[leaf.tuple_at(i) for i in range(len(leaf))] for leaf in self.leaves]
        return [sum(parts, ()) for parts in product(*leaves)]

    @cached_property
    def _positions(self) -> dict[Index, int]:
        return {index: self.start + i for i, index in enumerate(self.index)}

    def position(self, index: Any = ()) -> int:
        """Row or column number of an index tuple (a plain value stands for a 1-tuple). KeyError if absent."""
        return self._positions[index if isinstance(index, tuple) else (index,)]

    def tuple_at(self, offset: int) -> Index:
        """Index tuple of the `offset`-th row or column of the block, without building the whole index."""
        parts: Index = ()
        for leaf in reversed(self.leaves):
            offset, inner = divmod(offset, len(leaf))
            parts = leaf.tuple_at(inner) + parts
        return parts

    @cached_property
    def labels(self) -> pd.Index:
        """The index for a pandas Series: one level per dimension, no levels for a scalar."""
        levels, codes = [], []
        repeat, tile = self.size, 1
        for leaf in self.leaves:
            repeat //= max(1, len(leaf))
            for column in leaf.columns:
                levels.append(column.values)
                codes.append(np.tile(np.repeat(column.codes, repeat), tile))
            tile *= len(leaf)
        if not levels:
            return pd.RangeIndex(1)
        if len(levels) == 1:
            return pd.Index(np.array(levels[0], dtype=object)[codes[0]]).infer_objects()
        return pd.MultiIndex(levels=[pd.Index(v) for v in levels], codes=codes)


@dataclass(frozen=True)
class ParamUse:
    """Where a mutable Param went: a change of its value changes these numbers and no other."""

    entries: NDArray[np.int64]
    """(n, 2) pairs of row and column of the matrix."""
    rows: NDArray[np.int64]
    """Rows whose bounds hold it."""
    bounds: NDArray[np.int64]
    """Columns whose bounds hold it."""
    costs: NDArray[np.int64]
    """Columns whose cost holds it."""
    in_offset: bool = False


@dataclass(frozen=True)
class Arrays:
    """min (or max) cost @ x + offset  subject to  row_lower <= matrix @ x <= row_upper, col_lower <= x <=
    col_upper.

    Units are those of the model. `integrality` is 1 for integer columns and 0 for continuous ones. A fixed
    variable keeps its column, with both bounds at its value.
    """

    matrix: csr_array
    cost: Floats
    offset: float
    col_lower: Floats
    col_upper: Floats
    integrality: NDArray[np.int32]
    row_lower: Floats
    row_upper: Floats
    columns: Mapping[str, Block]
    rows: Mapping[str, Block]
    maximize: bool = False
    params: Mapping[str, ParamUse] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        height, width = self.matrix.shape
        return int(height), int(width)

    def with_rows(
        self, name: str, index: Iterable[Any], entries: csr_array, lower: Floats, upper: Floats
    ) -> "Arrays":
        """These arrays with one more component of rows at the end: its index, entries (rows x columns) and bounds."""
        return replace(
            self,
            matrix=csr_array(vstack([self.matrix, entries], format="csr")),
            row_lower=np.concatenate([self.row_lower, lower]),
            row_upper=np.concatenate([self.row_upper, upper]),
            rows={**self.rows, name: Block.of(self.shape[0], index)},
        )

    def series(self, name: str, values: Floats) -> pd.Series:
        """The entries of a vector over all columns that belong to variable `name`, labelled by its index."""
        block = self.columns[name]
        return pd.Series(values[block.slice], index=block.labels, name=name)

    def signature(self) -> tuple[int, int, int, float, float, float]:
        """Rows, columns, non-zeros, sum |A|, sum |cost|, sum |finite row bounds|: equal for equal models."""
        bounds = np.concatenate([self.row_lower, self.row_upper])
        return (
            *self.shape,
            int(self.matrix.nnz),
            float(np.abs(self.matrix.data).sum()),
            float(np.abs(self.cost).sum()),
            float(np.abs(bounds[np.isfinite(bounds)]).sum()),
        )

    def fingerprint(self) -> str:
        """SHA-256 of every number and of the place of every component: what is proven of a programme holds of its equal.

        Coefficients of mutable Params are left out: they are set for each question.
        """
        placed = [(name, b.start, b.size) for part in (self.columns, self.rows) for name, b in part.items()]
        digest = sha256(repr((self.shape, self.maximize, self.offset, placed)).encode())
        m = self.matrix.copy()
        for row, column in (pair for use in self.params.values() for pair in use.entries):
            entries = slice(*m.indptr[row : row + 2])
            m.data[entries][m.indices[entries] == column] = 0.0
        m.eliminate_zeros()
        for numbers in (m.data, m.indices, m.indptr, self.cost, self.col_lower, self.col_upper, self.integrality,
                        self.row_lower, self.row_upper):  # fmt: skip
            digest.update(np.ascontiguousarray(numbers).tobytes())
        return digest.hexdigest()

    def row_name(self, row: int) -> str:
        """Readable name of a row, `rule[index]`."""
        return _name_of(self.rows, row)

    def column_name(self, column: int) -> str:
        """Readable name of a column, `variable[index]`."""
        return _name_of(self.columns, column)


def label(name: str, index: Index) -> str:
    """`name[a,b]`, or the bare name of a scalar."""
    return f"{name}[{','.join(map(str, index))}]" if index else name


def _name_of(blocks: Mapping[str, Block], number: int) -> str:
    for name, block in blocks.items():
        if block.start <= number < block.stop:
            return label(name, block.tuple_at(number - block.start))
    raise IndexError(f"no row or column {number}")
