"""The finance of a run: its own tables, or worked out anew for a run that was made before they were kept."""

from __future__ import annotations

import pandas as pd

from planner.finance.faults import Fault, raise_all
from planner.finance.tables import FAULTS, SCHEMA, finance_tables
from planner.runs.run import Run
from planner.scenario.finance import Finance
from planner.scenario.schema import Scenario

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


def with_terms(planned: Scenario, terms: Finance) -> Scenario:
    """The scenario of a plan with another section ``finance``, to be read on the plan as it stands.

    FinanceError: a source that is left to the plan's choice, and that this plan had none of: it drew nothing of it for
    want of knowing it, which would read as its choice.
    """
    known = {source.id for source in planned.finance.sources if source.optional}
    raise_all(
        Fault(
            f"finance.sources[{source.id}].optional",
            f"this plan was made without the choice of {source.id}: plan anew, or leave optional out and say what is drawn",
        )
        for source in terms.sources
        if source.optional and source.id not in known
    )
    return planned.model_copy(update={"finance": terms})
