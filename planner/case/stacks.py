"""Stacks as sums of their layers: what adoption, the platform and a licence cost, and when a stack can be used.

Layers are adopted side by side, so a stack's lead is that of its slowest layer and its earliest date the last
of theirs. A value the scenario gives for the whole stack is spread over the layers in the catalog's proportions.
Every layer costs a fixed part, a part by accelerator and a part by user; who shares the platform with others pays
a share of the fixed part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from planner.case.context import Context, keyed
from planner.scenario.schema import StackChoice

if TYPE_CHECKING:
    from planner.case.offers import WhyNot

LAYER_COLUMNS = [
    "kind", "name", "origin_iso3", "adoption_musd", "musd_per_step", "usd_per_accelerator_year", "usd_per_user_year",
    "lead_months", "earliest",
]  # fmt: skip
STACK_COLUMNS = [
    "name", "family", "origin_iso3", "adoption_musd", "platform_musd_per_step", "licence_musd_per_k_step",
    "support_usd_per_user_year", "earliest_t",
]  # fmt: skip


def stacks_in_use(context: Context) -> set[str]:
    """Stacks that run something when the horizon starts: their adoption is sunk."""
    existing, start = context.scenario.existing, context.calendar.start
    return {f.stack for f in existing.fleets if f.since <= start < f.retire} | {
        c.stack for c in existing.contracts if c.until > start
    }


def layers_of(context: Context, stack: str) -> pd.DataFrame:
    """Rows of the table ``layers`` that make up a stack, in the order of the bundle."""
    return context.catalog.table("layers").loc[
        str(context.catalog.value("stacks", stack, "layers")).split(";")
    ]


def _spread(values: pd.Series, own: float | None) -> np.ndarray:
    """The layers' own values, or the stack's value in their proportions (all on the first where all are 0)."""
    found = np.asarray(values, float)
    if own is None:
        return found
    if found.sum() > 0:
        return np.asarray(own * found / found.sum())
    return np.where(np.arange(len(found)) == 0, own, 0.0)


def layer_table(context: Context) -> pd.DataFrame:
    """(a, layer) -> kind, name, origin, costs of a layer in a stack, lead and earliest date.

    A stack that runs something already is adopted: no cost and no wait, unless the scenario gives them.
    """
    in_use = stacks_in_use(context)
    rows: list[tuple[Any, ...]] = []
    for choice in context.scenario.stacks:
        table = layers_of(context, choice.id)
        adopted = choice.id in in_use
        adoption = 0.0 if adopted and choice.adoption_musd is None else choice.adoption_musd
        level = context.level
        columns = zip(
            table.index, table["kind"], table["name"],
            table["origin_iso3"].fillna(context.scenario.country),
            _spread(table[f"adoption_musd_{level}"], adoption) * choice.platform_share,
            _spread(table[f"musd_per_year_{level}"], choice.platform_musd_per_year)
            * (choice.platform_share * context.calendar.step_years),
            _spread(table[f"usd_per_accelerator_year_{level}"], choice.licence_usd_per_accelerator_year),
            _spread(table[f"usd_per_user_year_{level}"], choice.support_usd_per_user_year),
            _leads(table, choice, adopted), pd.to_datetime(table["earliest"]), strict=True,
        )  # fmt: skip
        rows += [(choice.id, *row) for row in columns]
    return keyed(rows, ["a", "layer"], LAYER_COLUMNS)


def _leads(table: pd.DataFrame, choice: StackChoice, adopted: bool) -> list[float]:
    if choice.lead_months is not None:
        return [choice.lead_months] * len(table)
    return [0.0 if adopted else float(months) for months in table["lead_months"]]


def stack_table(context: Context, layers: pd.DataFrame, why: WhyNot) -> pd.DataFrame:
    """a -> fixed costs of all layers, cost by accelerator and by user, earliest period."""
    calendar = context.calendar
    rows: list[tuple[Any, ...]] = []
    for choice in context.scenario.stacks:
        stack = context.catalog.table("stacks").loc[choice.id]
        own = layers[layers["a"] == choice.id]
        earliest = calendar.after(0, calendar.whole_steps(float(own["lead_months"].max())))
        if own["earliest"].notna().any():
            earliest = max(earliest, calendar.first_from(own["earliest"].max().date()))
        if earliest >= calendar.n:
            why.add("late", f"adopted {calendar.label(earliest)}, after the horizon", a=choice.id)
        origin = stack["origin_iso3"]
        rows.append(
            (choice.id, str(stack["name"]), str(stack["family"]),
             str(origin) if isinstance(origin, str) else context.scenario.country,
             float(own["adoption_musd"].sum()), float(own["musd_per_step"].sum()),
             float(own["usd_per_accelerator_year"].sum()) * calendar.step_years / 1e3,
             float(own["usd_per_user_year"].sum()), earliest)
        )  # fmt: skip
    return keyed(rows, ["a"], STACK_COLUMNS)
