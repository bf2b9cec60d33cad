"""From a plan's ledger to the flows of a project: what is bought, what it costs to run, what is left at the end.

The ledger is real; flows are nominal: every amount is raised by the price level of its quarter's end. Costs before
operation, such as teams and licences of a stack, are capital: asset class ``development``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from planner.case.periods import Calendar
from planner.facts.errors import BadValue
from planner.finance.kernel import Array
from planner.finance.sources import MONTHS_PER_QUARTER, QUARTERS_PER_YEAR, Spend

DEVELOPMENT = "development"
CAPEX, RESIDUAL, PHYSICAL, GRANT = "capex", "residual", "physical", "grant"


@dataclass(frozen=True)
class PlanFlows:
    """Nominal MUSD by quarter, for the fields of a ``Project`` of the same names."""

    start: date
    operation_from: int
    spending: tuple[Spend, ...]
    opex_musd: Array
    residual_musd: float
    grants_musd: Array


def flows_of(
    ledger: pd.DataFrame,
    calendar: Calendar,
    operation_from: int,
    payers: Collection[str],
    country: str,
    inflation: float,
) -> PlanFlows:
    """Flows of the lines that ``payers`` pay.

    ``ledger``: the plan's table (t, kind, asset_class, payer, origin_iso3, musd). ``operation_from`` is the first
    quarter of service, ``inflation`` yearly. Raises BadValue for periods that are no whole quarters, or nothing
    before operation.
    """
    span, left = divmod(calendar.step_months, MONTHS_PER_QUARTER)
    quarters = calendar.n * span
    if left or not 1 <= operation_from < quarters:
        raise BadValue(
            "finance needs periods of whole quarters, and operation to start after the first of them"
        )
    level = (1.0 + inflation) ** ((np.arange(quarters) + 1.0) / QUARTERS_PER_YEAR)

    def nominal(rows: pd.DataFrame) -> Array:
        by_period = rows.groupby("t")["musd"].sum().reindex(range(calendar.n), fill_value=0.0)
        return np.repeat(by_period.to_numpy(dtype=float) / span, span) * level

    own = ledger[ledger["payer"].isin(payers) & (ledger["kind"] != PHYSICAL)]
    running = own[~own["kind"].isin([CAPEX, RESIDUAL, GRANT])]
    opex, before = nominal(running), np.arange(quarters) < operation_from
    spending = [
        Spend(
            asset=asset,
            musd=nominal(rows),
            payer=payer,
            country=country,
            content={origin: 1.0} if origin else {},
        )
        for (asset, payer, origin), rows in own[own["kind"] == CAPEX].groupby(
            ["asset_class", "payer", "origin_iso3"]
        )
    ]
    spending += [
        Spend(asset=DEVELOPMENT, musd=np.where(before, nominal(rows), 0.0), payer=payer, country=country)
        for payer, rows in running.groupby("payer")
    ]
    return PlanFlows(
        start=calendar.start,
        operation_from=operation_from,
        spending=tuple(spend for spend in spending if spend.musd.any()),
        opex_musd=np.where(before, 0.0, opex),
        residual_musd=-float(own.loc[own["kind"] == RESIDUAL, "musd"].sum()) * float(level[-1]),
        grants_musd=-nominal(own[own["kind"] == GRANT]),
    )
