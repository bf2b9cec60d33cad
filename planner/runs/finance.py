"""The finance of a run: its own tables, or worked out anew for a run that was made before they were kept."""

from __future__ import annotations

import pandas as pd

from planner.finance.tables import FAULTS, SCHEMA, finance_tables
from planner.runs.run import Run

NEEDED = ("ledger", "fleet", "serving", "commitments")
"""Tables of a plan that its finance is read from."""


def plan_tables(run: Run) -> dict[str, pd.DataFrame]:
    """The tables a plan's finance is read from; RunError without a plan."""
    run.needs_plan("finance", NEEDED)
    return {name: run.table(name) for name in NEEDED}


def finance_of_run(run: Run) -> dict[str, pd.DataFrame]:
    """Tables of ``planner.finance.tables.SCHEMA``; ``finance_faults`` alone where the plan cannot be financed."""
    kept = [name for name in SCHEMA if name in run.tables]
    if FAULTS in kept or len(kept) == len(SCHEMA) - 1:
        return {name: run.table(name) for name in kept}
    return finance_tables(run.scenario, plan_tables(run))
