"""What kind each column of a case's tables is, so that a table without rows compares and joins like a full one.

A column is a number unless it is named here; one name is one kind in every table.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
import pandas as pd

TEXT = frozenset(
    ["a", "accelerator", "answers", "attribute", "b", "basis", "body", "c", "chip_origin", "country", "d",
     "data_class", "detail", "e", "f", "family", "fuel", "g", "generation", "h", "host", "i", "id", "iso3", "item",
     "j", "k", "kind", "l", "label", "law", "latency_class", "layer", "licence_why", "m", "maker", "measure",
     "method", "mode", "model_class", "n", "name", "operator", "operator_parent", "origin_iso3", "owner_class", "p",
     "partner", "payer", "previous", "q", "r", "reason", "reference", "s", "seal_binding", "sector", "stack",
     "supplier", "system", "vendor", "w", "what", "why", "workload", "y"]
)  # fmt: skip
WHOLE = frozenset(
    ["before", "earliest_t", "end_t", "first_t", "lead", "life", "lost_step", "must_t", "n_members", "opens_t", "order_t",
     "outage", "outage_t", "paid_t", "periods", "permit_steps", "permit_t", "ready_t", "seal", "seal_strict", "stated",
     "survive_t", "t", "until_t", "window_t", "works", "year"]
)  # fmt: skip
FLAG = frozenset(
    ["as_built", "by_year", "buyable", "chips_home", "chosen", "design", "domestic_chip", "early", "exists", "flexible",
     "in_shell", "integer", "kept_on", "licensed", "may_lapse", "one_place", "optional", "own", "preemptible",
     "provider_home", "same_year", "service_ends", "signed", "starts", "supply", "territory_home", "whole"]
)  # fmt: skip
DATE = frozenset(["earliest", "free_until", "start"])
MIXED = frozenset(["index", "measured_on", "value"])
"""Tuples of an index, dates that may be missing, values of any kind (assumptions)."""

SMALL = 1000
"""Rows up to which pandas takes longer to prepare a join than a dictionary takes to make it."""

KINDS = ((TEXT, "str"), (WHOLE, "int64"), (FLAG, "bool"), (DATE, "datetime64[s]"), (MIXED, "object"))


def kind_of(column: str) -> str:
    """Dtype of a column.

    >>> kind_of("t"), kind_of("musd_per_mw"), kind_of("h")
    ('int64', 'float64', 'str')
    """
    return next((dtype for names, dtype in KINDS if column in names), "float64")


def empty_table(columns: Sequence[str], keys: Sequence[str] = ()) -> pd.DataFrame:
    """A table without rows, its columns of the kind they have in a table with rows, indexed by ``keys`` if given."""
    return _empty(tuple(columns), tuple(keys)).copy(deep=False)  # copy-on-write: changes stay with the caller


@cache
def _empty(columns: tuple[str, ...], keys: tuple[str, ...]) -> pd.DataFrame:
    """Made once, for a case has dozens of them."""
    frame = pd.DataFrame({c: pd.Series(dtype=kind_of(c)) for c in columns})
    return index_by(frame, keys) if keys else frame


def index_by(frame: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """``frame`` with the tuples of ``keys`` (the values of a single one) as its index without names."""
    if len(keys) > 1:
        plain = unindexed(frame)
        codes, levels = zip(*(coded(plain[key], plain[key].dtype) for key in keys), strict=True)
        frame.index = pd.MultiIndex(levels=levels, codes=codes, verify_integrity=False)
    else:
        frame.index = pd.Index(frame[keys[0]].to_numpy(), dtype=frame[keys[0]].dtype)
    return frame


def coded(column: pd.Series, dtype: Any = None) -> tuple[np.ndarray, pd.Index]:
    """Number of each value among the different ones in order, -1 where it is missing; and these, of a kind if one is named.

    What ``MultiIndex.from_frame`` finds too, by way of a categorical of each column, in many times the time.
    """
    if len(column) <= SMALL:
        known = column.tolist()
        different = tuple(sorted(value for value in set(known) if not pd.isna(value)))
        number = {value: i for i, value in enumerate(different)}
        return rows_at(number, known), _labels(different, tuple(map(type, different)), dtype)
    codes, values = pd.factorize(column.to_numpy())
    order = np.argsort(values, kind="stable")
    rank = np.append(np.argsort(order), -1)  # a missing value has the code -1, the last place
    return rank[codes], pd.Index(values[order], dtype=dtype)


@lru_cache(maxsize=512)
def _labels(different: tuple[Any, ...], kinds: tuple[type, ...], dtype: Any) -> pd.Index:
    """The same few labels are asked for a thousand times in a case; ``kinds`` tells 1 from 1.0 and from True."""
    return pd.Index(different, dtype=dtype)


def records(table: pd.DataFrame) -> Iterator[Any]:
    """Rows as named tuples of the columns: ``itertuples`` of all but the index, without a new class at each call."""
    if not len(table):
        return iter(())
    plain = unindexed(table)
    return map(_record(tuple(table.columns))._make, zip(*(plain[c].tolist() for c in plain), strict=True))


@cache
def _record(columns: tuple[str, ...]) -> Any:
    return namedtuple("Record", columns, rename=True)


def looked_up(keys: pd.Series, column: pd.Series) -> pd.Series:
    """The value of each key in a column, of the column's kind also where there are no keys.

    ``Series.map`` keeps the text kind of keys without rows, which no number can be compared with.
    """
    return (
        keys.map(column).astype(column.dtype)
        if len(keys)
        else pd.Series(index=keys.index, dtype=column.dtype)
    )


def values_of(keys: pd.Series, column: pd.Series) -> np.ndarray:
    """The value of each key in a column, as objects; NaN where there is none."""
    known = column.to_dict()
    return np.array([known.get(key, np.nan) for key in keys.tolist()], dtype=object)


def keys_of(table: pd.DataFrame, keys: Sequence[str]) -> list[Any]:
    """The key of each row: a plain label, or a tuple of several; periods are whole numbers, whatever their column is.

    >>> keys_of(pd.DataFrame({"h": ["x", "y"], "t": [0.0, 1.0]}), ["h", "t"])
    [('x', 0), ('y', 1)]
    """
    if not len(table):
        return []
    plain = unindexed(table)
    parts = [(in_whole(plain[key]) if key == "t" else plain[key]).tolist() for key in keys]
    return parts[0] if len(parts) == 1 else list(zip(*parts, strict=True))


def in_whole(column: pd.Series) -> pd.Series:
    """A column of periods as whole numbers; itself where it is one already."""
    return column if column.dtype.kind == "i" else column.astype(int)


def unindexed(table: pd.DataFrame) -> pd.DataFrame:
    """The table without its index of tuples, under which columns are slow to take; itself where it has none."""
    return table.reset_index(drop=True) if isinstance(table.index, pd.MultiIndex) else table


def numbered(table: pd.DataFrame) -> pd.DataFrame:
    """The table with rows numbered from 0 on; itself where they are, for that takes as long as a sum of few rows."""
    index = table.index
    counted = isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1
    return table if counted else table.reset_index(drop=True)


def row_of(table: pd.DataFrame, keys: Sequence[str]) -> dict[Any, int]:
    """Key -> number of its row; ``ValueError`` where a key stands twice.

    Built in a fraction of the time in which pandas joins two tables of some tens of rows.
    """
    found = {key: i for i, key in enumerate(keys_of(table, keys))}
    if len(found) < len(table):
        raise ValueError(f"the keys {', '.join(keys)} do not tell rows apart")
    return found


def rows_at(rows: Mapping[Any, int], wanted: Sequence[Any]) -> np.ndarray:
    """Number of the row of each wanted key, -1 where there is none."""
    return np.fromiter((rows.get(key, -1) for key in wanted), dtype=np.intp, count=len(wanted))


def joined(left: pd.DataFrame, right: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Every pair of rows with the same key, in the order of ``left``: an inner ``merge``, quicker of small tables.

    ``ValueError`` where both have a column that is no key, or a number of a key is missing: it is like no other.
    """
    keys = list(keys)
    if both := set(left.columns).intersection(right.columns).difference(keys):
        raise ValueError(f"both tables have a column {', '.join(sorted(both))}")
    left, right = numbered(left), numbered(right)
    for key, column in ((k, table[k].array) for table in (left, right) for k in keys):
        if column.dtype.kind in "fO" and (missing := column.isna()).any():
            raise ValueError(f"the key {key} has no value in {int(missing.sum())} rows")
    if len(left) + len(right) > SMALL and all(left[k].dtype == right[k].dtype for k in keys):
        return left.merge(right, on=keys)
    rows: dict[Any, list[int]] = {}
    for i, key in enumerate(keys_of(right, keys)):
        rows.setdefault(key, []).append(i)
    found = [rows.get(key, []) for key in keys_of(left, keys)]
    at = np.repeat(np.arange(len(left)), [len(part) for part in found])
    to = np.fromiter((i for part in found for i in part), dtype=np.intp, count=len(at))
    new = {c: right[c].array.take(to) for c in right.columns if c not in keys}
    return left.take(at).reset_index(drop=True).assign(**new)
