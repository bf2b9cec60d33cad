"""What protects the one way to write a number."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planner.facts.numbers import decimals_apart, fixed, number, percent, quantity, signed

GROUPED = re.compile(r"(?<![%{])\{[^{}\[\]\n]*:,(?:\.\d?[a-z])?\}")
"""A number written with commas; charts say their own format to the browser, where it stands after a per cent sign."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (number(12345.6), "12\u202f346"),
        (number(0.01234), "0.0123"),
        (number(-2.5), "−2.5"),
        (number(np.nan), "–"),
        (number(None), "–"),
        (number(True), "yes"),
        (number(pd.Timestamp("2027-04-01")), "2027-04-01"),
        (number(-np.inf), "−∞"),
        (fixed(1234567.891, 1), "1\u202f234\u202f567.9"),
        (fixed(-0.04, 1), "−0.04"),
        (fixed(0.0432), "0.043"),
        (fixed(-1e-5, 1), "0.0"),
        (fixed(0.0, 2), "0.00"),
        (fixed(-1234), "−1\u202f234"),
        (fixed(np.nan), "–"),
        (fixed(None, 2), "–"),
        (percent(0.0154, 2), "1.54 %"),
        (percent(None), "–"),
        (quantity(0.934, "share"), "93.4 %"),
        (quantity(3.0, "months"), "3 months"),
        (quantity(np.nan, "MUSD"), "–"),
        (signed(-2.0, "months"), "−2 months"),
        (signed(0.05, "share"), "+5 percentage points"),
        (signed(0.0, "MUSD"), "±0"),
        (signed(None), "–"),
    ],
)
def test_numbers_are_written_one_way(text: str, shown: str) -> None:
    assert text == shown


@pytest.mark.parametrize(
    ("values", "least", "decimals"),
    [
        ([48.16, 48.19, 17.5], 0, 2),
        ([18.63449, 18.64775, 18.66101], 0, 2),
        ([2440.12, 2440.13, 2440.4], 0, 1),
        ([48.0, 17.0], 0, 0),
        ([48.0, 17.0], 1, 1),
        ([float("nan"), 0.0], 0, 0),
        ([], 2, 2),
        ([6.000001, 6.000002, 7.0], 1, 1),
    ],
)
def test_a_column_has_the_decimals_that_tell_its_values_apart(
    values: list[float], least: int, decimals: int
) -> None:
    assert decimals_apart(values, least) == decimals


def test_nothing_sets_thousands_apart_by_itself(root: Path) -> None:
    files = [p for folder in ("planner", "app", "models") for p in (root / folder).rglob("*.py")]
    own = {
        str(path.relative_to(root)): found
        for path in files
        if path.name != "numbers.py" and (found := GROUPED.findall(path.read_text("utf-8")))
    }
    assert not own, "use fixed() or number() of planner.facts.numbers"
