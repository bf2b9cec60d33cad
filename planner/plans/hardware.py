"""The price of ordered systems by account: goods, freight, network, storage, spares, installation, duty, premium."""

from __future__ import annotations

import pandas as pd

from planner.case.case import Case
from planner.case.registry import HARDWARE, MARKETED, PURCHASE
from planner.case.residual import rule_of

WHOLE = PURCHASE["orders"].account
"""The account that carries the whole price in the model."""
AT_PLACE = ("installation", "import-duty")
"""Accounts that are paid where a system stands, and not to its maker."""


def by_account(case: Case, lines: pd.DataFrame) -> pd.DataFrame:
    """Ledger lines with those of ordered systems told apart by account; sums stay as they are.

    What is left at the market is left of goods, network and storage: freight has no value of its own.
    """
    whole = lines["account"] == WHOLE
    if not whole.any():
        return lines
    paid = case.hardware[list(HARDWARE)]
    left = _left(paid) if rule_of(case, "servers") == "market" else paid
    ordered = lines[whole]
    parts = [lines[~whole]]
    for kind, rows in ordered.groupby("kind", sort=False):
        pairs = pd.MultiIndex.from_arrays([rows["h"], rows["k"]])
        shares = (left if kind == "residual" else paid).reindex(pairs)
        for name in HARDWARE:
            part = rows.assign(account=name, musd=rows["musd"].to_numpy(float) * shares[name].to_numpy(float))
            if name != WHOLE:
                part = part.assign(quantity=0.0, unit="")
            if name in AT_PLACE:
                part = part.assign(
                    origin_iso3=part["h"].map(case.hosts["country"]).astype(object), supplier=""
                )
            parts.append(part[part["musd"] != 0])
    return pd.concat(parts, ignore_index=True)


def _left(paid: pd.DataFrame) -> pd.DataFrame:
    """Shares of what a used system fetches: freight counts with the goods."""
    sold = paid.assign(goods=paid["goods"] + paid["shipping"], shipping=0.0)
    sold.loc[:, [name for name in HARDWARE if name not in MARKETED]] = 0.0
    shares: pd.DataFrame = sold.div(sold.sum(axis=1), axis=0)
    return shares
