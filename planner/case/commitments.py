"""Money that is settled before anything is decided: rents of contracts already signed, and grants."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.columns import empty_table

RENTS = ["t", "musd", "h", "a", "supplier"]
GRANTS = ["t", "musd", "payer"]


def signed_rents(case: Case) -> pd.DataFrame:
    """Rent of existing contracts, a row a contract and period: t, musd (real, undiscounted), h, a, supplier."""
    parts = []
    hours = case.periods["hours"].to_numpy(float)
    held = case.existing[case.existing["rent_usd_per_accelerator_hour"].notna()]
    for row in held.itertuples():
        t = np.arange(max(0, row.first_t), min(int(np.ceil(row.rent_periods)), case.calendar.n))
        share = np.clip(row.rent_periods - t, 0.0, 1.0)  # rent is due to the last day
        musd = row.rent_usd_per_accelerator_hour * row.accelerators_k * hours[t] * share / 1000.0
        operator = str(case.hosts.loc[row.h, "operator"])
        parts.append(
            pd.DataFrame({"t": t, "musd": musd, "h": str(row.h), "a": str(row.a), "supplier": operator})
        )
    return pd.concat(parts, ignore_index=True) if parts else empty_table(RENTS)


def grants(case: Case) -> pd.DataFrame:
    """Grants within the horizon, as negative payments: t, musd, payer."""
    given = [(case.calendar.containing(g.date), -g.musd, g.payer) for g in case.scenario.finance.grants]
    rows = [row for row in given if 0 <= row[0] < case.calendar.n]
    return pd.DataFrame(rows, columns=GRANTS) if rows else empty_table(GRANTS)


def committed_musd(case: Case, discounted: bool = False) -> pd.Series:
    """Calendar year (text) -> MUSD the partner pays whatever it decides: rents signed, teams, less grants."""
    total = pd.Series(0.0, index=case.periods.index)
    for part in (signed_rents(case), grants(case)):
        total = total.add(part.groupby("t")["musd"].sum(), fill_value=0.0)
    open_now = case.hosts[case.hosts["exists"].astype(bool) & (case.hosts["mode"] != "cloud")]
    total += float(open_now["team_musd_per_period"].sum())
    total = total * case.periods["discount"] if discounted else total
    return total.groupby(case.periods["year"].astype(str)).sum()
