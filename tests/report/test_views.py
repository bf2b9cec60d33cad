"""Tables for readers, made from those of a plan."""

import pandas as pd

from planner.report import views


def test_of_each_loss_the_member_and_quarter_that_leave_least_are_shown() -> None:
    rows = pd.DataFrame({
        "i": ["site", "site", "operator"], "f": ["busan", "haenam", "us"], "w": "work", "t": [1, 2, 1],
        "label": ["2030-Q1", "2030-Q2", "2030-Q1"], "share": 0.5, "left_share": [0.9, 0.5, 0.7],
    })  # fmt: skip
    shown = views.least_left(rows)
    assert shown[["i", "f", "left_share"]].values.tolist() == [
        ["operator", "us", 0.7],
        ["site", "haenam", 0.5],
    ]
    assert list(views.least_left(None).columns) == list(shown.columns)
