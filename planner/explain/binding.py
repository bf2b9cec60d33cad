"""What binds in a plan and what one unit more would be worth; and how often, rule by rule, in plain words."""

from __future__ import annotations

import pandas as pd

from planner.facts.numbers import number
from planner.plans.plan import Plan

COLUMNS = ["rule", "meaning", "periods", "first", "last", "worth", "unit", "text"]


def binding(plan: Plan) -> pd.DataFrame:
    """One row a limit that binds: what it is, when, and the worth of one unit more in MUSD, largest total first.

    ``worth`` is the saving of the plan's cost by one unit more of the limit in every period in which it binds
    (the sum of its prices, integers of the plan held). Demand itself is left out: its prices are costs of service.
    """
    return binding_of(plan.tables["prices"])


def binding_of(prices: pd.DataFrame) -> pd.DataFrame:
    """The same from a table ``prices`` of a run."""
    limits = prices[prices["rule"] != "demand_balance"].copy()
    if not len(limits):
        return pd.DataFrame(columns=COLUMNS)
    dated = limits["label"].fillna("").astype(str)
    limits["what"] = [
        text.removesuffix(f" in {label}") if label else text
        for text, label in zip(limits["meaning"], dated, strict=True)
    ]
    rows = []
    for (rule, what, unit), part in limits.groupby(["rule", "what", "unit"], sort=False):
        labels = sorted(label for label in part["label"].astype(str) if label)
        worth = float(part["dual"].abs().sum())
        when = "" if not labels else labels[0] if len(labels) == 1 else f"{labels[0]} to {labels[-1]}"
        text = f"{what} binds{' in ' + when if when else ''}: one unit more ({unit}) is worth {number(worth, 4)} MUSD"
        first, last = (labels[0], labels[-1]) if labels else ("", "")
        rows.append((rule, what, len(part), first, last, worth, unit, text))
    return pd.DataFrame(rows, columns=COLUMNS).sort_values("worth", ascending=False, ignore_index=True)
