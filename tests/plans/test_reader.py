"""Tables without rows are made once for each kind of column; each caller has its own."""

from __future__ import annotations

import pandas as pd

from planner.plans.reader import made_of

SOURCE = pd.DataFrame({"h": pd.Series(["x"], dtype="str"), "musd": [1.0]})


def test_a_table_without_rows_is_made_once_and_changed_by_its_caller_only() -> None:
    made = []

    def make() -> pd.DataFrame:
        made.append(1)
        return pd.DataFrame({"h": pd.Series(dtype="str")})

    none = SOURCE.iloc[:0]
    first = made_of(none, SOURCE, "test", make)
    first["more"] = 1.0
    second = made_of(none.copy(), SOURCE, "test", make)
    assert len(made) == 1 and list(second) == ["h"]
    made_of(SOURCE, SOURCE, "test", make)
    assert len(made) == 2  # rows are read each time


def test_another_kind_of_column_is_another_table() -> None:
    none = SOURCE.iloc[:0]
    text = made_of(none, SOURCE, "kinds", lambda: none[["h"]])
    plain = none.astype({"h": object})
    assert made_of(plain, SOURCE, "kinds", lambda: plain[["h"]])["h"].dtype == object != text["h"].dtype
