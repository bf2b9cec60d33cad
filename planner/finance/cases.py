"""Downside cases of a plan by flows alone: debt as it was signed, one event at a time, owners pay what is short.

An event that moves dates is read on the dear side: revenue stays away for the delay, what is bought is paid when it was
to be. A plan made again under the event, early decisions held, answers another question: ``planner.studies.downsides``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from planner.case.loans import QUARTERS_PER_YEAR
from planner.case.periods import quarter_of
from planner.finance.contracts import earned_by
from planner.finance.downsides import CAPEX, CURRENCY, OPEX, PRICE, RATE, RESIDUAL, Event, as_signed, changed
from planner.finance.faults import FinanceError
from planner.finance.from_plan import PlanFinance
from planner.finance.kernel import Array
from planner.finance.project import Project
from planner.finance.revenue import Contract
from planner.finance.side_by_side import IN_WORST, NOISE, at_least_cover, because
from planner.finance.sources import EXPORT_CREDIT, MONTHS_PER_QUARTER
from planner.finance.statements import key_figures, statements
from planner.finance.targets import EQUITY_IRR, MIN_DSCR, revenue_factor
from planner.scenario.finance import Downside

SERVERS, LICENCE_LOST = "servers", "licence-lost"
LATE = ("grid-late", "licence-late")
"""Events that move the start of service; sizes in months."""
DIRECT = {CAPEX: 1.0, OPEX: 1.0, RATE: 1.0, CURRENCY: 1.0, PRICE: -1.0, RESIDUAL: -1.0}
"""Events that change one flow, with the sign of what is worse."""
FIGURES = (
    "uses_musd", "equity_musd", "support_musd", "peak_equity_musd", "min_dscr", "min_llcr", "equity_irr",
    "quarters_locked_up", "quarters_in_default",
)  # fmt: skip
AS_SIGNED, PEAK_EQUITY = "as signed", "peak_equity_musd"


def signed(found: PlanFinance) -> Project:
    """The project with its debt as committed, so that no event makes it larger or smaller."""
    return as_signed(found.settled)


def under(found: PlanFinance, event: Downside, base: Project, back: bool = False) -> Project:
    """A project after an event; ``back``: the same event for the better, where it has such a side.

    Raises FinanceError for an event that has none.
    """
    quarter = _begins(event, base)
    sign = -1.0 if back else 1.0
    if event.what in DIRECT:
        size = sign * DIRECT[event.what] * event.size
        return changed(base, Event(id=event.id, kind=event.what, size=size, quarter=quarter))
    if event.what == "utilisation":
        used = [_less_used(c, 1.0 - sign * event.size, quarter) for c in found.contracts]
        return replace(base, revenue_musd=_earned(found, used))
    if back:
        raise FinanceError.single(f"finance.downsides[{event.id}]", "has no better side")
    return _lost(found, event, base, quarter)


def _begins(event: Downside, base: Project) -> int:
    """First quarter of an event: its date; else the start, but of exchange rates operation, when debt stands."""
    if event.from_ is not None:
        return max(0, quarter_of(event.from_, base.start))
    return base.operation_from if event.what == CURRENCY else 0


def _lost(found: PlanFinance, event: Downside, base: Project, quarter: int) -> Project:
    if event.what == "export-credit-lapsed":
        return replace(base, sources=tuple(t for t in base.sources if t.kind != EXPORT_CREDIT))
    if event.what == "off-taker":
        since = quarter or base.operation_from + QUARTERS_PER_YEAR
        return replace(base, revenue_musd=_without_largest(found, event.size, since))
    if event.what == LICENCE_LOST:
        kept = tuple(s for s in base.spending if s.asset != SERVERS)
        dead = tuple(t for t in base.sources if not _only(t.eligibility.assets, SERVERS))
        undrawn = tuple(replace(t, draws=None) for t in dead)  # nobody draws for what is not bought
        return replace(
            base, spending=kept, sources=undrawn, revenue_musd=(1.0 - event.size) * base.revenue_musd
        )
    late = base.operation_from + int(np.ceil(event.size / MONTHS_PER_QUARTER))
    return replace(base, revenue_musd=np.where(np.arange(base.quarters) < late, 0.0, base.revenue_musd))


def _only(assets: Sequence[str], name: str) -> bool:
    return tuple(assets) == (name,)


def _earned(found: PlanFinance, contracts: Iterable[Contract]) -> Array:
    project = found.project
    return found.price_factor * earned_by(contracts, project.price_level, project.operation_from)


def _less_used(contract: Contract, factor: float, quarter: int) -> Contract:
    if contract.used is None:
        return contract
    return replace(
        contract, used=np.where(np.arange(len(contract.used)) >= quarter, factor, 1.0) * contract.used
    )


def largest(found: PlanFinance) -> Contract | None:
    """The contract that pays most."""
    return max(found.contracts, key=lambda c: float(_earned(found, [c]).sum()), default=None)


def _without_largest(found: PlanFinance, size: float, since: int) -> Array:
    """Revenue without a share of the largest contract from a quarter on."""
    revenue, most = found.project.revenue_musd, largest(found)
    if most is None:
        return revenue
    return revenue - np.where(np.arange(len(revenue)) >= since, size * _earned(found, [most]), 0.0)


def downside_table(found: PlanFinance, events: Iterable[Downside]) -> pd.DataFrame:
    """Key figures as signed and under each event by flows alone: case, what, size, fault, and ``FIGURES``.

    A case that cannot be worked out, such as one whose debt finds nothing to finance, has its reason under ``fault``.
    """
    base = signed(found)
    rows = [{"case": AS_SIGNED, "what": "", "size": np.nan, "fault": "", **figures_of(base)}]
    for event in events:
        row = {"case": event.id, "what": event.what, "size": event.size, "fault": ""}
        try:
            row |= figures_of(under(found, event, base))
        except FinanceError as error:
            row["fault"] = str(error.faults[0])
        rows.append(row)
    return pd.DataFrame(rows, columns=["case", "what", "size", "fault", *FIGURES])


def figures_of(project: Project) -> dict[str, float]:
    found = key_figures(statements(project))
    return {name: np.nan if (value := found[name]) is None else value for name in FIGURES}


def tornado_table(
    found: PlanFinance, events: Iterable[Downside], cases: pd.DataFrame, figure: str
) -> pd.DataFrame:
    """A figure with each event and its opposite, the widest swing first: case, worse, base, better, swing, reason,
    service_lost_share.

    ``reason``: the flows by which the worse side is no worse, where it is better than the base.

    ``cases`` is the ``downside_table`` of the same events.
    """
    base, values = signed(found), cases.set_index("case")[figure]
    middle = float(values[AS_SIGNED])
    rows = []
    for event in events:
        worse = float(values[event.id])
        try:
            better = figures_of(under(found, event, base, back=True))[figure]
        except FinanceError:
            better = middle
        gains = (worse - middle) * (-1.0 if figure == PEAK_EQUITY else 1.0) > NOISE
        why = _odd(found, event, base, figure) if gains else ""
        rows.append((event.id, worse, middle, better, abs(better - worse), why, service_lost(event, base)))
    columns = ["case", "worse", "base", "better", "swing", "reason", "service_lost_share"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("swing", ascending=False, na_position="last", ignore_index=True)


def service_lost(event: Downside, base: Project) -> float:
    """Share of the service from operation on that an event takes, as its flows are read; 0 for one that moves money only."""
    if event.what == LICENCE_LOST:
        return event.size
    if event.what not in LATE:
        return 0.0
    return min(1.0, event.size / MONTHS_PER_QUARTER / (base.quarters - base.operation_from))


def _odd(found: PlanFinance, event: Downside, base: Project, figure: str) -> str:
    """Why an event for the worse makes a figure better: the flows that it changes in the quarter of the least cover."""
    if figure != MIN_DSCR:
        return "less is paid, for less is bought and served" if service_lost(event, base) else ""
    both = (statements(base), statements(under(found, event, base)))
    return f"worse is better here: {because(*map(at_least_cover, both))}{IN_WORST}"


def tornado_figure(table: pd.DataFrame) -> str:
    """The figure whose swings tell most: the least cover; without debt what owners must find at the worst."""
    return "min_dscr" if np.isfinite(table.loc[0, "min_dscr"]) else PEAK_EQUITY


def break_even_table(found: PlanFinance, hurdle_irr: float) -> pd.DataFrame:
    """what, share, reason: the share of revenue that may be lost; a reason where there is no such share."""
    rows = []
    for what, figure, target in (
        ("debt is covered", MIN_DSCR, 1.0),
        ("owners earn the hurdle", EQUITY_IRR, hurdle_irr),
    ):
        try:
            rows.append((what, 1.0 - revenue_factor(signed(found), figure, target), ""))
        except FinanceError as error:
            rows.append((what, np.nan, error.faults[0].message))
    return pd.DataFrame(rows, columns=["what", "share", "reason"])
