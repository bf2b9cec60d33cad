"""Keys, rows and joins of small tables, against what pandas makes of the same tables."""

from __future__ import annotations

import pandas as pd
import pytest

from planner.case.columns import (
    SMALL,
    coded,
    index_by,
    joined,
    keys_of,
    numbered,
    records,
    row_of,
    rows_at,
    values_of,
)
from planner.models.common import distinct

LEFT = pd.DataFrame({"h": ["b", "a", "b", "c"], "t": [1, 0, 0, 1], "x": [1.0, 2.0, 3.0, 4.0]})
RIGHT = pd.DataFrame({"t": [1, 0, 1], "s": ["day", "day", "night"], "hours": [5.0, 6.0, 7.0]})


def test_a_join_is_the_inner_merge_of_pandas() -> None:
    pd.testing.assert_frame_equal(joined(LEFT, RIGHT, ["t"]), LEFT.merge(RIGHT, on="t"))
    facts = LEFT[["h", "t"]].assign(price=[1, 2, 3, 4]).iloc[1:]
    pd.testing.assert_frame_equal(joined(LEFT, facts, ["h", "t"]), LEFT.merge(facts, on=["h", "t"]))
    assert len(joined(LEFT.iloc[:0], RIGHT, ["t"])) == 0
    many = pd.concat([LEFT] * 300, ignore_index=True)
    pd.testing.assert_frame_equal(joined(many, RIGHT, ["t"]), many.merge(RIGHT, on="t"))
    halves = RIGHT.astype({"t": float})
    assert joined(many, halves, ["t"])["t"].dtype == joined(LEFT, halves, ["t"])["t"].dtype == LEFT["t"].dtype


@pytest.mark.parametrize(
    "column",
    [["b", "a", "b", None], [2, 1, 2, 3], [2.0, 1.0, float("nan"), 2.0], [True, False, True, True]],
)
def test_codes_of_few_rows_are_those_of_many(column: list[object]) -> None:
    few = pd.Series(column)
    many = pd.concat([few] * SMALL, ignore_index=True)
    for dtype in (None, few.dtype):
        (short, labels), (long, same) = coded(few, dtype), coded(many, dtype)
        pd.testing.assert_index_equal(labels, same)
        assert long[: len(few)].tolist() == short.tolist()


def test_rows_are_numbered_from_zero_on() -> None:
    assert numbered(LEFT) is LEFT
    for table in (LEFT[LEFT["t"] == 0], LEFT.iloc[1:], LEFT.iloc[::2], index_by(LEFT.copy(), ["h", "t"])):
        pd.testing.assert_frame_equal(numbered(table), table.reset_index(drop=True))


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


@pytest.mark.parametrize("table", [LEFT, LEFT.iloc[:0], LEFT.assign(h=["b", None, "b", "c"])])
def test_an_index_of_several_columns_is_that_of_pandas(table: pd.DataFrame) -> None:
    found = index_by(table.copy(), ["h", "t"]).index
    expected = pd.MultiIndex.from_frame(table[["h", "t"]], names=[None, None])
    pd.testing.assert_index_equal(found, expected, exact=True)
    assert [level.dtype for level in found.levels] == [level.dtype for level in expected.levels]


def test_records_are_the_rows_that_pandas_walks_through() -> None:
    table = LEFT.assign(when=pd.Timestamp("2027-01-01"), **{"dense-air": [True, False, True, False]})
    assert list(records(index_by(table, ["h", "t"]))) == list(table.itertuples(index=False))
    assert list(records(table.iloc[:0])) == []


def test_distinct_tuples_stand_in_the_order_of_their_first_rows() -> None:
    table = pd.concat([LEFT, LEFT.iloc[::-1]])
    assert list(distinct(table, ["h", "t"])) == keys_of(LEFT, ["h", "t"])
    assert len(distinct(table.iloc[:0], ["h", "t"])) == 0
    with pytest.raises(ValueError, match="no value"):
        distinct(table.assign(h=None), ["h", "t"])


@pytest.mark.parametrize("rows", [3, 3000])
@pytest.mark.parametrize("missing", [[1.0, float("nan"), 2.0], pd.Series([1, None, 2], dtype=object)])
def test_a_missing_number_is_no_key_at_any_size(rows: int, missing: object) -> None:
    right = pd.DataFrame({"t": missing, "y": range(3)})
    left = pd.concat([right.rename(columns={"y": "x"})] * (rows // 3), ignore_index=True)
    for one, other in ((left, right), (left, right.dropna()), (left.dropna(), right)):
        with pytest.raises(ValueError, match="the key t has no value"):
            joined(one, other, ["t"])


@pytest.mark.parametrize("rows", [3, 3000])
def test_tables_indexed_by_a_key_are_joined_by_their_columns_at_any_size(rows: int) -> None:
    left = pd.DataFrame({"h": [f"h{i % 7}" for i in range(rows)], "x": range(rows)})
    right = index_by(pd.DataFrame({"h": [f"h{i}" for i in range(5)], "y": range(5)}), ["h"])
    assert right.index.name is None
    assert joined(left, right, ["h"])["y"].tolist() == [i % 7 for i in range(rows) if i % 7 < 5]
