"""A table of the case, declared beside its builder: its index, its columns, and what each column means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from planner.case.context import keyed


@dataclass(frozen=True)
class Table:
    """Row index and further columns of a table, with a meaning and unit for each column that is not a name."""

    keys: tuple[str, ...]
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """All columns in their order; the parts of the index are columns too."""
        return (*self.keys, *self.columns)

    def frame(self, rows: Any) -> pd.DataFrame:
        """The table of rows; without rows it still has all columns, each of its kind."""
        return keyed(rows, list(self.keys), list(self.columns))
