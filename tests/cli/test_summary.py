"""The screens that `planner solve` and `planner frontier` end with."""

from __future__ import annotations

import math
from io import StringIO
from types import SimpleNamespace
from typing import cast

import pandas as pd
from rich.console import Console

from planner.cli.summary import _headline, _limits
from planner.cli.tradeoff import _price
from planner.plans.prices import COLUMNS
from planner.runs.run import Run


def test_each_place_that_a_limit_of_one_kind_binds_has_its_line() -> None:
    """The power of two sites: both are told, with what a megawatt in every quarter is worth."""
    rows = [
        ("grid", f"{p},{t}", t, label, dual, "MW", f"grid at {p} in {label}", 40.0)
        for p, dual in (("north", -2.0), ("south", -1.5))
        for t, label in enumerate(("2028-Q1", "2028-Q2"))
    ]
    prices = pd.DataFrame(rows, columns=COLUMNS)
    run = cast(Run, SimpleNamespace(table=lambda _: prices))
    out = Console(width=120, record=True, file=StringIO())
    out.print(_limits(run))
    lines = [line.split() for line in out.export_text().splitlines() if "grid at" in line]
    assert lines == [
        ["grid", "at", "north", "4", "MW", "2028-Q1", "to", "2028-Q2"],
        ["grid", "at", "south", "3", "MW", "2028-Q1", "to", "2028-Q2"],
    ]


def test_a_delay_that_is_not_proven_is_a_warning_in_the_headline() -> None:
    def lines(months: float) -> list[str]:
        outcome = {"status": "feasible", "delay_open_months": months}
        scenario = SimpleNamespace(title="", name="late")
        told = SimpleNamespace(scenario=scenario, outcome=outcome, audit="", audit_fault="", tables=[])
        out = Console(width=300, record=True, file=StringIO())
        out.print(_headline(cast(Run, told)))
        return [line for line in out.export_text().splitlines() if line.startswith("warning: ")]

    (warning,) = lines(33.0)
    assert "up to 33 weighted months shorter" in warning and lines(0.0) == []


def test_a_price_of_which_less_is_known_is_no_markup_of_the_terminal() -> None:
    out = Console(width=120, record=True, file=StringIO())
    for ends in ((math.nan, 1.0, 8.0), (math.nan, 1.5, math.inf), (math.nan, 0.0, math.inf)):
        out.print(_price(*ends))
    assert out.export_text().splitlines() == ["[1.0 to 8.0]", "[1.5 or more]", "(not known)"]
