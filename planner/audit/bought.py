"""Dates and prices of what was bought, against the case: the same check for every purchase."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from planner.audit.findings import Findings
from planner.audit.view import View, labelled


def dated(
    view: View, found: Findings, rule: str, rows: pd.DataFrame, keys: list[str], when: dict[str, Any]
) -> None:
    """Dates of rows are the first days of the steps ``when`` names; none lies before the plan's start."""
    if not len(rows):
        return
    for name, steps in when.items():
        found.same(rule, rows[keys], pd.to_datetime(rows[name]), view.days(steps), name)
    first = np.minimum.reduce([np.asarray(p, dtype=float) for p in when.values()])
    index = labelled(rows, keys)
    found.at_least(rule, pd.Series(first, index=index), 0.0, "decided before the plan starts")


def contract(view: View, rows: pd.DataFrame) -> tuple[dict[str, Any], pd.Series]:
    """Steps of the dates of contracts (t, case_lead, case_periods), as ``dated`` takes them, and steps in the horizon."""
    begins = view.begins(rows["t"])
    ends = begins + rows["case_periods"]
    dates = {"sign_date": begins - rows["case_lead"], "start_date": begins, "end_date": ends}
    return dates, np.minimum(view.n_steps, ends) - begins


def priced(
    found: Findings, rule: str, rows: pd.DataFrame, keys: list[str], want: Any, column: str = "musd"
) -> None:
    """A column of money is what the case makes it."""
    if not len(rows):
        return
    index = labelled(rows, keys)
    got = pd.Series(rows[column].to_numpy(float), index=index)
    found.equal(rule, got, pd.Series(np.asarray(want, dtype=float), index=index), column)
