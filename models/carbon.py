"""Carbon: every tonne that is booked pays its price, and a year may have a cap.

    sum of tonnes booked in a year, or over the horizon <= cap                        (i)        carbon_cap

Grid, plant and clouds count, wherever they stand and whoever pays for them: moving work to a cloud saves no tonne.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from planner.case.carbon import EMITTED, paying
from planner.case.case import Case
from planner.case.columns import joined
from planner.case.limits import TOTAL
from planner.models.ledger import Booked, book, in_words
from planner.models.sums import bounded_sums


def entries(case: Case, parts: Sequence[Booked]) -> list[Booked]:
    """The price of what is emitted, booked beside the tonnes; the programme pays it for clouds too."""
    prices = case.carbon_prices["usd_per_t"]
    if not len(prices):
        return []
    accounts = paying(case.scenario.money.carbon_covers)
    out = []
    for part in parts:
        if part.labels["account"] not in accounts:
            continue
        rows = part.kept(np.isin(part.t, prices.index))
        musd = rows.quantity * prices.reindex(rows.t).to_numpy(float) / 1e6
        country = pd.Series(rows.labels["h"], dtype=object).map(case.hosts["country"])
        fields = {name: rows.labels[name] for name in ("h", "a", "k", "supplier", "w")}
        out.append(
            book(rows.family, rows.index, rows.t, musd, account="carbon", origin_iso3=country, **fields)
        )
    return out


def declare(m: Any, case: Case, entries: pd.DataFrame) -> None:
    """Caps on tonnes, in thousands of them."""
    caps = case.carbon_caps.reset_index(drop=True)
    if not len(caps):
        return
    tonnes = in_words(entries[entries["account"].isin(EMITTED) & (entries["quantity"] != 0)])
    years = case.periods["year"].astype(str).to_numpy()[tonnes["t"].to_numpy(int)]
    dated = pd.concat([tonnes.assign(year=years), tonnes.assign(year=TOTAL)], ignore_index=True)
    rows = joined(dated, caps[["i", "year"]], ["year"]).assign(weight=lambda d: d["quantity"] / 1000.0)
    bounded_sums(m, "carbon_cap", rows, dict(zip(caps["i"], caps["tonnes"] / 1000.0, strict=True)))
