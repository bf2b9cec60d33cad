"""Leaving a stack: on which dates that may be, what it costs, and for how long the platform is paid on after it.

A stack is adopted for the whole horizon unless the scenario gives it an ``exit``. Where its layers are open it leaves
cheaply: the cost is a share of its adoption, by the openness of its platform (parameters ``exit_share_*``).
"""

from __future__ import annotations

import pandas as pd

from planner.case.attributes import stack_attributes
from planner.case.context import Context
from planner.case.table import Table
from planner.scenario.schema import StackChoice

OPEN = "open"
TABLES = {
    "exits": Table(("a", "t"), {
        "musd": "cost of leaving, MUSD", "paid_t": "first period in which its platform is no longer paid",
    }),
}  # fmt: skip


def exit_table(context: Context, stacks: pd.DataFrame) -> pd.DataFrame:
    """(a, t) -> cost, end of payment: work under stack a ends with the start of t; after its earliest period."""
    calendar, every = context.calendar, context.scenario.solve.open_every_periods
    rows = []
    for choice in context.scenario.stacks:
        if choice.exit is None:
            continue
        after = int(stacks.loc[choice.id, "earliest_t"]) + 1
        first = max(after, calendar.first_from(choice.exit.from_) if choice.exit.from_ else after)
        months = choice.exit.overlap_months
        overlap = calendar.periods(context.param("exit_overlap_months") if months is None else months)
        musd = exit_musd(context, choice, float(stacks.loc[choice.id, "adoption_musd"]))
        rows += [(choice.id, t, musd, min(calendar.n, t + overlap)) for t in range(first, calendar.n, every)]
    return TABLES["exits"].frame(rows)


def exit_musd(context: Context, choice: StackChoice, adoption_musd: float) -> float:
    """The scenario's own cost of leaving, or a share of the adoption by how open the platform is."""
    assert choice.exit is not None
    if choice.exit.musd is not None:
        return choice.exit.musd
    openness = stack_attributes(context, choice.id).get("platform", "")
    name = "exit_share_open" if openness == OPEN else "exit_share_managed"
    value = context.param(name) * adoption_musd
    context.assumed.append(
        {
            "item": f"cost of leaving {choice.id}",
            "value": value,
            "why": f"{name} of its adoption (parameters)",
        }
    )
    return value
