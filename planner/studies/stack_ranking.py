"""Whether the order of stacks rests on assumed differences: the same comparison with those set to zero.

``levelled`` gives every assumed layer of a kind, and every assumed class of owner, the mean of its likes, so that only
what has a source tells stacks apart: their chips and prices, licences, law, answers of the control score.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pandas as pd

from planner.facts.catalog import Catalog
from planner.studies.stacks import FREE

LAYER_VALUES = ("adoption_musd", "musd_per_year", "usd_per_accelerator_year", "usd_per_user_year")
OWNER_VALUES = ("hardware_price_factor", "effectiveness", "operator_fee_share_per_year", "team_musd_per_year")
ENDS = ("low", "mid", "high")


def levelled(catalog: Catalog, stacks: Sequence[str]) -> Catalog:
    """The catalog without assumed differences between these stacks: costs and leads of layers, handicaps of owners,
    throughput of models of their own."""
    frames = {name: catalog.table(name).copy() for name in catalog.tables}
    bundle = frames["stacks"].loc[list(stacks)]
    used = {layer for text in bundle["layers"] for layer in str(text).split(";")}
    layers, owners, models = frames["layers"], frames["owner_classes"], frames["layer_models"]
    costs = [f"{value}_{end}" for value in LAYER_VALUES for end in ENDS]
    in_use = layers["assumed"].astype(bool) & layers.index.isin(used)
    for _, own in layers[in_use].groupby("kind"):
        for column in (*costs, "lead_months"):
            layers[column] = layers[column].astype(float)
            layers.loc[own.index, column] = float(own[column].astype(float).mean())
    classes = {owner for text in bundle["owner_classes"] for owner in str(text).split(";")}
    own = owners.index[owners["assumed"].astype(bool) & owners.index.isin(classes)]
    for column in (f"{value}_{end}" for value in OWNER_VALUES for end in ENDS):
        owners[column] = owners[column].astype(float)
        owners.loc[own, column] = float(owners.loc[own, column].mean())
    for column in (f"rate_factor_{end}" for end in ENDS):
        models[column] = models[column].astype(float).where(~models["assumed"].astype(bool), 1.0)
    return Catalog(frames, catalog._resources)


def ranking_told(table: pd.DataFrame, level: pd.DataFrame) -> list[str]:
    """Whether the order by cost per hour served holds without assumed differences; pairs that change places.

    Both tables are those of ``compare_stacks``. A pair counts only where its costs are further apart than both gaps.
    """
    before, after = (_by_stack(t) for t in (table, level))
    names = [name for name in before.index if name in after.index]
    turned = []
    for a, b in combinations(names, 2):
        first, then = _sign(before, a, b), _sign(after, a, b)
        if first != 0 and then != first:
            cheap, dear = (a, b) if first < 0 else (b, a)
            how = "is dearer" if then == -first else "cannot be told from it"
            turned.append(
                f"{cheap} is cheaper per hour served than {dear} by assumed differences alone: without them it {how}"
            )
    return turned or ["The order of the stacks by cost per hour served holds without assumed differences."]


def _by_stack(table: pd.DataFrame) -> pd.DataFrame:
    rows = table[(table["stack"] != FREE) & table["usd_per_served_hour"].notna()].set_index("stack")
    return rows[["usd_per_served_hour", "gap"]].astype(float).fillna({"gap": 0.0})


def _sign(rows: pd.DataFrame, a: str, b: str) -> int:
    """-1 where a is cheaper than b beyond both gaps, 1 where it is dearer, 0 where the two cannot be told apart."""
    one, other = rows.loc[a], rows.loc[b]
    low = one["usd_per_served_hour"] * (1 - one["gap"]) - other["usd_per_served_hour"]
    high = one["usd_per_served_hour"] - other["usd_per_served_hour"] * (1 - other["gap"])
    return -1 if high < 0 else 1 if low > 0 else 0
