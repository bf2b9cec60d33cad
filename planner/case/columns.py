"""What kind each column of a case's tables is, so that a table without rows compares and joins like a full one.

A column is a number unless it is named here; one name is one kind in every table.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

TEXT = frozenset(
    ["a", "accelerator", "answers", "b", "basis", "body", "c", "chip_origin", "country", "d", "data_class", "detail",
     "family", "g", "generation", "h", "host", "i", "id", "iso3", "item", "k", "kind", "label", "latency_class",
     "layer", "licence_why", "m", "maker", "method", "mode", "model_class", "n", "name", "operator",
     "operator_parent", "origin_iso3", "owner_class", "p", "payer", "q", "r", "reason", "reference", "s",
     "seal_binding", "sector", "stack", "supplier", "system", "vendor", "w", "what", "why", "workload", "y"]
)  # fmt: skip
WHOLE = frozenset(
    ["before", "earliest_t", "end_t", "first_t", "lead", "life", "must_t", "n_members", "order_t", "periods", "seal",
     "seal_strict", "survive_t", "t", "window_t", "year"]
)  # fmt: skip
FLAG = frozenset(
    ["buyable", "chips_home", "design", "domestic_chip", "exists", "integer", "licensed", "may_lapse", "optional", "own",
     "preemptible", "provider_home", "territory_home"]
)  # fmt: skip
DATE = frozenset(["earliest", "free_until", "start"])
MIXED = frozenset(["index", "measured_on", "value"])
"""Tuples of an index, dates that may be missing, values of any kind (assumptions)."""

KINDS = ((TEXT, "str"), (WHOLE, "int64"), (FLAG, "bool"), (DATE, "datetime64[s]"), (MIXED, "object"))


def kind_of(column: str) -> str:
    """Dtype of a column.

    >>> kind_of("t"), kind_of("musd_per_mw"), kind_of("h")
    ('int64', 'float64', 'str')
    """
    return next((dtype for names, dtype in KINDS if column in names), "float64")


def empty_table(columns: Sequence[str]) -> pd.DataFrame:
    """A table without rows, its columns of the kind they have in a table with rows."""
    return pd.DataFrame({c: pd.Series(dtype=kind_of(c)) for c in columns})


def looked_up(keys: pd.Series, column: pd.Series) -> pd.Series:
    """The value of each key in a column, of the column's kind also where there are no keys.

    ``Series.map`` keeps the text kind of keys without rows, which no number can be compared with.
    """
    return (
        keys.map(column).astype(column.dtype)
        if len(keys)
        else pd.Series(index=keys.index, dtype=column.dtype)
    )
