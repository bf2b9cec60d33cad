"""Keys, rows and joins of small tables, against what pandas makes of the same tables."""

from __future__ import annotations

import pandas as pd
import pytest

from planner.case.columns import joined, keys_of, row_of, rows_at, values_of

LEFT = pd.DataFrame({"h": ["b", "a", "b", "c"], "t": [1, 0, 0, 1], "x": [1.0, 2.0, 3.0, 4.0]})
RIGHT = pd.DataFrame({"t": [1, 0, 1], "s": ["day", "day", "night"], "hours": [5.0, 6.0, 7.0]})


def test_a_join_is_the_inner_merge_of_pandas() -> None:
    pd.testing.assert_frame_equal(joined(LEFT, RIGHT, ["t"]), LEFT.merge(RIGHT, on="t"))
    facts = LEFT[["h", "t"]].assign(price=[1, 2, 3, 4]).iloc[1:]
    pd.testing.assert_frame_equal(joined(LEFT, facts, ["h", "t"]), LEFT.merge(facts, on=["h", "t"]))
    assert len(joined(LEFT.iloc[:0], RIGHT, ["t"])) == 0


def test_a_column_of_both_tables_is_refused() -> None:
    with pytest.raises(ValueError, match="both tables have a column x"):
        joined(LEFT, RIGHT.assign(x=0.0), ["t"])


def test_rows_are_found_by_their_keys_and_a_key_that_stands_twice_is_refused() -> None:
    rows = row_of(LEFT, ["h", "t"])
    assert rows_at(rows, [("c", 1), ("c", 0), ("b", 1)]).tolist() == [3, -1, 0]
    with pytest.raises(ValueError, match="h do not tell rows apart"):
        row_of(LEFT, ["h"])
    assert keys_of(LEFT.iloc[:0], ["h", "t"]) == []


def test_values_of_unknown_keys_are_missing() -> None:
    found = values_of(pd.Series(["a", "z"]), pd.Series({"a": "site"}))
    assert found[0] == "site" and pd.isna(found[1])
