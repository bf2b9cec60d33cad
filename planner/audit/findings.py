"""Collects violations: comparisons of labelled numbers with a tolerance, and of keys with what is allowed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from planner.case.columns import keys_of

TOLERANCE = 1e-6
COLUMNS = ["rule", "index", "amount", "limit", "message"]


class Findings:
    """Violations found so far. Numbers are Series labelled by the rule's index; what one side lacks is 0."""

    def __init__(self, tolerance: float = TOLERANCE) -> None:
        self.tolerance = tolerance
        self.rows: list[tuple[str, str, float, float, str]] = []

    def add(self, rule: str, index: Any, amount: float, limit: float, message: str) -> None:
        label = ",".join(map(str, index)) if isinstance(index, tuple) else str(index)
        self.rows.append((rule, label, float(amount), float(limit), message))

    def equal(self, rule: str, got: pd.Series, want: pd.Series, message: str, scale: float = 1.0) -> None:
        """``got`` must be ``want``, to the tolerance times the larger of ``want`` and ``scale``."""
        if not len(got) and not len(want):
            return
        left, right = got, want
        if not got.index.equals(want.index):
            left, right = got.align(want, join="outer", fill_value=0.0)
        a, b = left.to_numpy(float), right.to_numpy(float)
        same = (np.abs(a - b) <= self.tolerance * np.maximum(np.abs(b), scale)) | (np.isnan(a) & np.isnan(b))
        self._take(rule, left.index, a, b, ~same, message)

    def at_most(self, rule: str, amount: pd.Series, limit: Any, message: str, scale: float = 1.0) -> None:
        """``amount`` must not exceed ``limit`` (a number, or a Series over at least the same index)."""
        if not len(amount):
            return
        top = limit.reindex(amount.index).to_numpy(float) if isinstance(limit, pd.Series) else limit
        a, b = np.broadcast_arrays(amount.to_numpy(float), np.asarray(top, dtype=float))
        slack = self.tolerance * np.maximum(np.where(np.isfinite(b), np.abs(b), scale), scale)
        self._take(rule, amount.index, a, b, ~(a <= b + slack), message)

    def at_least(self, rule: str, amount: pd.Series, limit: Any, message: str, scale: float = 1.0) -> None:
        """``amount`` must not fall below ``limit``."""
        if not len(amount):
            return
        low = limit.reindex(amount.index).to_numpy(float) if isinstance(limit, pd.Series) else limit
        a, b = np.broadcast_arrays(amount.to_numpy(float), np.asarray(low, dtype=float))
        slack = self.tolerance * np.maximum(np.where(np.isfinite(b), np.abs(b), scale), scale)
        self._take(rule, amount.index, a, b, ~(a >= b - slack), message)

    def whole(self, rule: str, amount: pd.Series, message: str) -> None:
        """``amount`` must be a whole number."""
        a = amount.to_numpy(float)
        self._take(
            rule, amount.index, a, np.round(a), ~(np.abs(a - np.round(a)) <= self.tolerance * 10), message
        )

    def same(self, rule: str, keys: pd.DataFrame, got: pd.Series, want: pd.Series, message: str) -> None:
        """Texts and dates must be the same, row by row; missing equals missing."""
        if got.tolist() == want.tolist():
            return
        differs = ~((got == want) | (got.isna() & want.isna())).to_numpy(bool)
        for i in np.flatnonzero(differs):
            index = tuple(keys.iloc[i])
            self.add(rule, index, np.nan, np.nan, f"{message}: {got.iloc[i]}, should be {want.iloc[i]}")

    def known(self, rule: str, keys: pd.DataFrame, allowed: pd.Index, message: str) -> np.ndarray:
        """Flags of rows whose key is among the allowed; the others are violations, and so are repeats."""
        if not len(keys):
            return np.zeros(0, dtype=bool)
        labels, members = keys_of(keys, list(keys)), set(allowed)
        ok = np.array([label in members for label in labels], dtype=bool)
        for i in np.flatnonzero(~ok):
            self.add(rule, tuple(keys.iloc[i]), np.nan, np.nan, message)
        first = {label: i for i, label in reversed(list(enumerate(labels)))}
        repeated = [first[label] < i for i, label in enumerate(labels)]
        for i in np.flatnonzero(repeated):
            self.add(rule, tuple(keys.iloc[i]), np.nan, np.nan, "the same line stands twice")
        return ok

    def table(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows, columns=COLUMNS)

    def _take(
        self, rule: str, index: Iterable[Any], a: np.ndarray, b: np.ndarray, bad: np.ndarray, message: str
    ) -> None:
        if not bad.any():
            return
        labels = list(index)
        for i in np.flatnonzero(bad):
            self.add(rule, labels[i], a[i], b[i], message)
