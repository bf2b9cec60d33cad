"""Contracts of a scenario with what the plan sells under them: accelerator-hours or tokens by quarter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd

from planner.case.periods import HOURS_PER_MONTH, quarter_name, quarter_of
from planner.finance.faults import Fault, FinanceError
from planner.finance.kernel import Array
from planner.finance.ledger_flows import Quarters
from planner.finance.revenue import BUDGET, TOKENS, Contract, revenue
from planner.scenario.finance import Revenue

MILLION = 1e6
SECONDS_PER_HOUR = 3600.0


def contracts_of(
    given: Sequence[Revenue], tables: Mapping[str, pd.DataFrame], quarters: Quarters
) -> tuple[Contract, ...]:
    """Contracts with their units, millions a quarter: accelerator-hours used and held for them, or of tokens.

    Used: accelerators that serve the contract's workloads. Contracted: those, and those held in reserve for them. Of a
    contract by tokens: millions of millions of tokens served. Raises FinanceError where such a one serves none.
    """
    return tuple(_contract(one, tables, quarters) for one in given)


def _contract(given: Revenue, tables: Mapping[str, pd.DataFrame], quarters: Quarters) -> Contract:
    open_ = _open(given.from_, given.until, quarters)
    if given.kind == BUDGET:
        amount = open_ * float(given.musd_per_year or 0.0)
        return Contract(id=given.id, kind=given.kind, musd_per_year=amount, indexed_share=given.indexed_share)
    if given.kind == TOKENS:
        return Contract(
            id=given.id, kind=given.kind, price_usd=float(given.price_usd or 0.0),
            used=_tokens(given, tables["demand"], quarters) * open_, indexed_share=given.indexed_share,
        )  # fmt: skip
    serving = tables["serving"]
    rows = serving if given.workloads is None else serving[serving["w"].isin(given.workloads)]
    hours = quarters.calendar.step_months * HOURS_PER_MONTH / MILLION
    used = quarters.level_of(rows, "accelerators") * hours * open_
    return Contract(
        id=given.id, kind=given.kind, price_usd=float(given.price_usd or 0.0), used=used,
        contracted=used + quarters.level_of(rows, "reserve") * hours * open_, floor_share=given.floor_share,
        target_availability=given.target_availability, availability=given.availability, deduction=given.deduction,
        indexed_share=given.indexed_share,
    )  # fmt: skip


def _tokens(given: Revenue, demand: pd.DataFrame, quarters: Quarters) -> Array:
    """Tokens served by quarter, in millions of millions: the rate at the peak, the mean of the day, all hours."""
    rows = demand if given.workloads is None else demand[demand["w"].isin(given.workloads)]
    rate = rows["tokens_per_s"].fillna(0.0) * (1.0 - rows["unserved_share"]) * rows["mean_load"]
    seconds = quarters.calendar.step_months * HOURS_PER_MONTH * SECONDS_PER_HOUR
    served = quarters.level_of(rows.assign(tokens=rate * seconds / MILLION**2), "tokens")
    if not served.any():
        raise FinanceError.single(
            f"finance.revenue[{given.id}].workloads", "the plan serves no tokens of theirs"
        )
    return served


def _open(first: date | None, last: date | None, quarters: Quarters) -> Array:
    """1 in every quarter from the one that holds the first day to the one that holds the last, else 0."""
    start = quarters.calendar.start
    number = np.arange(quarters.count)
    begins = 0 if first is None else quarter_of(first, start)
    ends = quarters.count if last is None else quarter_of(last, start)
    return np.where((number >= begins) & (number <= ends), 1.0, 0.0)


def unpaid_before(
    given: Sequence[Revenue], contracts: Sequence[Contract], quarters: Quarters, operation_from: int
) -> Iterator[Fault]:
    """What contracts dated before operation would pay until then: statements have no place for it, so it is left out.

    A contract without a date pays from the start of operation.
    """
    for one, contract in zip(given, contracts, strict=True):
        earned = revenue(contract, quarters.level)[:operation_from]
        paid = np.flatnonzero(earned)
        if one.from_ is None or not len(paid):
            continue
        first, last, begins = (
            quarter_name(q, quarters.calendar.start) for q in (paid[0], paid[-1], operation_from)
        )
        left_out = f"{earned.sum():.4g} MUSD in {first} to {last} are left out"
        yield Fault(
            f"finance.revenue[{one.id}].from",
            f"{left_out}: operation begins in {begins}, and contracts pay from then on; date operation_from earlier",
        )


def earned_by(contracts: Iterable[Contract], price_level: Array, operation_from: int) -> Array:
    """MUSD by quarter of all contracts, from operation on."""
    total = sum((revenue(contract, price_level) for contract in contracts), np.zeros(len(price_level)))
    return np.where(np.arange(len(price_level)) < operation_from, 0.0, total)
