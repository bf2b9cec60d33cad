"""Tables for readers, made from those of a plan."""

import pandas as pd

from planner.report import views
from planner.report.steps import waits


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


def test_the_critical_path_is_in_words() -> None:
    table = pd.DataFrame(
        {
            "h": ["old"],
            "chain": ["plant permit fc > bridge fc > licence export licence for k > first service x"],
        }
    )
    words = "Permits of plant > Plant, to be sold again: fc > Export licence: k > First service"
    assert views.openings(table)["chain"].tolist() == [words]
    assert waits("grid application north, mine") == "grid connection, application, mine"
    assert views.openings(None).empty
