"""Sums by keys are those of pandas, whatever was summed by the same values before."""

from __future__ import annotations

import pandas as pd
import pytest

from planner.audit.view import total


@pytest.mark.parametrize("keys", [[True, False], [1, 0], [1.0, 0.0]])
def test_equal_values_of_another_kind_are_labels_of_that_kind(keys: list[float]) -> None:
    table = pd.DataFrame({"key": [*keys, keys[0]], "x": [1.0, 2.0, 4.0]})
    for _ in range(2):
        found, want = total(table, ["key"], table["x"]), table.groupby("key")["x"].sum()
        pd.testing.assert_series_equal(found, want, check_names=False)
