"""What is left of a plan's purchases on the horizon's end, under each rule of valuing it; what was sold before is cash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.columns import joined
from planner.case.registry import PURCHASES, account_of
from planner.case.residual import METHODS, Method, left_share


def residuals_under(case: Case, tables: Mapping[str, pd.DataFrame]) -> dict[Method, float]:
    """Rule -> MUSD, discounted, that purchases are worth at the end; nothing is left of site openings."""
    parts = list(_parts(case, tables))
    return {
        method: sum(float((price * left_share(case, name, part, method)).sum()) * case.discount_end
                    for name, price, part in parts)
        for method in METHODS if method != "none"
    }  # fmt: skip


def _parts(case: Case, tables: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, np.ndarray, pd.DataFrame]]:
    """Asset class, prices and facts of what was bought, by purchase and class."""
    for p in PURCHASES:
        source, rows = getattr(case, p.table), tables[p.name]
        if p.price and p.life and len(rows) and "u" not in rows:
            rows = rows[rows[p.money] > 0]
            known = source.drop(columns=p.money, errors="ignore")
            facts = joined(rows[[*p.index, p.money]], known, p.index)
            classes = facts.get(
                "asset_class", pd.Series(account_of(p.account).asset_class, index=facts.index)
            )
            for name, part in facts.groupby(classes, sort=False):
                yield str(name), part[p.money].to_numpy(float), part
