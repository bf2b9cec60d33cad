"""Stacks over time: later adoption and leaving, on which dates, and what moving away costs.

A stack is adopted as soon as it can be and for the whole horizon, unless the scenario lets its adoption be put off
(``adopt_until``) or gives it an ``exit``. Where its layers are open it leaves cheaply: the cost is a share of its adoption,
and work that moves away runs twice for some months, both by the openness of its platform (parameters ``exit_share_*`` and
``moving_months_*``).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.case.attributes import stack_attributes
from planner.case.context import Context
from planner.case.table import Table
from planner.scenario.schema import StackChoice, StackExit

OPEN = "open"
HAK = ["h", "a", "k"]
TABLES = {
    "exits": Table(("a", "t"), {
        "musd": "cost of leaving, MUSD", "paid_t": "first period in which its platform is no longer paid",
    }),
    "adoptions": Table(("a", "t"), {
        "lead": "steps from the first payment to its use",
    }),
    "moves": Table(("w", "a", "t"), {
        "share": "of the work of the period before, what demand still asks for",
        "musd_per_kref": "cost of moving a thousand reference accelerators of work away, MUSD",
    }),
}  # fmt: skip


def adoption_table(context: Context, stacks: pd.DataFrame) -> pd.DataFrame:
    """(a, t) -> lead: dates after its earliest on which a stack may be adopted instead."""
    calendar, every, rows = context.calendar, context.scenario.solve.open_every_periods, []
    for choice in context.scenario.stacks:
        if choice.adopt_until is not None:
            first = int(stacks.loc[choice.id, "earliest_t"])
            last = min(calendar.n - 1, calendar.containing(choice.adopt_until))
            lead = calendar.step_of(max(1, first))
            rows += [(choice.id, t, lead) for t in calendar.every(first, every)[1:] if t <= last]
    return TABLES["adoptions"].frame(rows)


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
        overlap = calendar.whole_steps(context.param("exit_overlap_months") if months is None else months)
        musd = exit_musd(context, choice, float(stacks.loc[choice.id, "adoption_musd"]))
        rows += [
            (choice.id, t, musd, min(calendar.n, calendar.after(t, overlap)))
            for t in calendar.every(first, every)
        ]
    return TABLES["exits"].frame(rows)


def exit_musd(context: Context, choice: StackChoice, adoption_musd: float) -> float:
    """The scenario's own cost of leaving, or a share of the adoption by how open the platform is."""
    assert choice.exit is not None
    if choice.exit.musd is not None:
        return choice.exit.musd
    share, name = _by_openness(context, choice.id, "exit_share")
    value = share * adoption_musd
    _assumed(context, f"cost of leaving {choice.id}", value, f"{name} of its adoption (parameters)")
    return value


def _by_openness(context: Context, stack: str, stem: str) -> tuple[float, str]:
    """Value and name of a parameter that depends on how open a stack's platform is."""
    openness = stack_attributes(context, stack).get("platform", "")
    name = f"{stem}_open" if openness == OPEN else f"{stem}_managed"
    return context.param(name), name


def _assumed(context: Context, item: str, value: float, why: str) -> None:
    context.assumed.append({"item": item, "value": value, "why": why})


# ---- work that moves away


def move_table(
    context: Context, serve: pd.DataFrame, demand: pd.DataFrame, rents: pd.DataFrame, orders: pd.DataFrame
) -> pd.DataFrame:
    """(w, a, t) -> share, MUSD: inference under a stack that may be left, from the second period of its service on."""
    months = {
        c.id: _moving_months(context, c.id, c.exit) for c in context.scenario.stacks if c.exit is not None
    }
    months = {a: value for a, value in months.items() if value > 0}
    steady = [w.id for w in context.scenario.demand if w.kind == "inference"]
    rows = serve.reset_index(drop=True)
    rows = rows[rows["a"].isin(list(months)) & rows["w"].isin(steady)]
    if not len(rows):
        return TABLES["moves"].frame([])
    monthly = (
        rows[HAK].merge(_monthly(context, rents, orders), on=HAK, how="left")["musd"].fillna(0.0).to_numpy()
    )
    twice = monthly / rows["rate"].to_numpy(float) * np.array([months[str(a)] for a in rows["a"]])
    before = rows.assign(t=rows["t"] + 1, musd_per_kref=twice)
    before = before.groupby(["w", "a", "t"], as_index=False)["musd_per_kref"].min()
    asked = demand["demand_kref"]
    ratio = [
        min(1.0, float(asked.get((w, t), 0.0)) / float(asked[w, t - 1]))
        for w, t in zip(before["w"], before["t"], strict=True)
    ]
    kept = before.assign(share=ratio)
    return TABLES["moves"].frame(kept.loc[kept["share"] > 0, ["w", "a", "t", "share", "musd_per_kref"]])


def _moving_months(context: Context, stack: str, leaving: StackExit) -> float:
    if leaving.moving_months is not None:
        return leaving.moving_months
    months, name = _by_openness(context, stack, "moving_months")
    _assumed(context, f"months in which work that leaves {stack} runs twice", months, f"{name} (parameters)")
    return months


def _monthly(context: Context, rents: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """(h, a, k) -> musd: a thousand accelerators for a month, at the cheapest rent or at their price over their life."""
    step = float(context.calendar.step_months)
    rent = rents.reset_index(drop=True)[HAK].assign(musd=rents["musd_per_k_step"].to_numpy(float) / step)
    price = orders["musd_per_k"].to_numpy(float) / (orders["life"].to_numpy(float) * step)
    own = orders.reset_index(drop=True)[HAK].assign(musd=price)
    return pd.concat([rent, own], ignore_index=True).groupby(HAK, as_index=False)["musd"].min()
