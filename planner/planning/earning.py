"""What would earn more than it costs: then the cost has no floor, and a plan would buy it without end.

A sound case has nothing of the kind: at a real rate of 0 or more the residual value of an asset is never worth more
than its price. A price below zero in facts of one's own, or an upkeep that pays, is found here before the search.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from planner.case.case import Case
from planner.case.prechecks import Trouble
from planner.case.registry import PURCHASES, Purchase
from planner.models.ledger import partner_cost

UNLIMITED = ("cooling", "backups", "plants", "bridges", "hires")
"""Purchases that no rule limits: more of them is always possible."""
TOLERANCE_MUSD = 1e-9


def earning(case: Case, entries: pd.DataFrame, limited: bool = False) -> list[Trouble]:
    """A trouble for each purchase of which a unit earns; with ``limited``, also of those that rules limit."""
    value = partner_cost(case, entries)
    gains = value[value < -TOLERANCE_MUSD]
    return [
        found for p in PURCHASES if limited or p.name in UNLIMITED for found in _of_purchase(case, p, gains)
    ]


def _of_purchase(case: Case, purchase: Purchase, gains: pd.Series) -> Iterator[Trouble]:
    own = gains[gains.index.get_level_values(0).isin(purchase.families)]
    if not len(own) or "h" not in purchase.index:  # what is had once cannot earn without end
        return
    _, index = own.idxmin()
    at = dict(zip(purchase.index, index, strict=True))
    what = " ".join(str(at[name]) for name in purchase.named_by)
    unit = f"MW of {what or purchase.words.lower()}" if purchase.unit.startswith("MW") else f"unit of {what}"
    yield Trouble(
        "", "unbounded",
        f"each {unit} at {at['h']} live in {case.calendar.label(at['t'])} earns {-own.min():.3g} MUSD more than it "
        f"costs, at a real rate of {100 * case.rate:g} %: the cost falls without limit",
        f"look at price, upkeep, life and residual value of {what or purchase.words.lower()} in the facts, and at the rate",
    )  # fmt: skip
