"""The price that meets a target: what a tariff must be for a cover or a return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.optimize import brentq

from planner.case.loans import QUARTERS_PER_YEAR
from planner.case.periods import quarter_name
from planner.facts.numbers import percent
from planner.finance.faults import FinanceError, NoIrrError
from planner.finance.kernel import irr
from planner.finance.project import Project
from planner.finance.sources import repayment_window
from planner.finance.statements import Statements, statements

MIN_DSCR, EQUITY_IRR = "min_dscr", "equity_irr"
HIGHEST = 64.0
"""times today's revenue"""
CLOSE = 1e-6
NOTHING = -1.0
"""value of a project that is refused: below every target"""


def revenue_factor(project: Project, figure: str, target: float) -> float:
    """Factor on all revenue at which the least DSCR or the yearly return on equity meets a target.

    Raises FinanceError where no factor up to ``HIGHEST`` does, as for the cover of debt that is itself sculpted.
    """
    measure = _MEASURES[figure]

    def short(factor: float) -> float:
        try:
            return measure(statements(replace(project, revenue_musd=factor * project.revenue_musd))) - target
        except FinanceError:
            return NOTHING - target

    low, high = 1.0, 1.0
    while short(high) < 0:
        low, high = high, 2.0 * high
        if high > HIGHEST:
            raise FinanceError.single(figure, _no_price(project, figure, target))
    while short(low) >= 0:
        low, high = low / 2.0, low
        if low < 1.0 / HIGHEST:
            raise FinanceError.single(
                figure, f"{target:g} is met at any price: it does not depend on revenue"
            )
    factor = float(brentq(short, low, high, xtol=1e-12, rtol=1e-11))
    if abs(short(factor)) > CLOSE:
        raise FinanceError.single(
            figure, f"{target:g} is passed over, not met, at {factor:.4g} times today's price"
        )
    return factor


def _no_price(project: Project, figure: str, target: float) -> str:
    """Why no price meets a target: what no price can mend, else what is in the way at the highest one tried."""
    debts = [tranche for tranche in project.sources if tranche.is_debt]
    paid = np.flatnonzero(project.revenue_musd)
    if figure == MIN_DSCR and not debts:
        return f"no price gives a cover of {target:g}: no debt is due"
    if not len(paid):
        return f"no price gives {_asked(figure, target)}: nothing is paid for"
    after = max((repayment_window(t, project.start, project.operation_from)[1] for t in debts), default=0)
    if figure == MIN_DSCR and paid[-1] + 1 < after:
        ends, due = (quarter_name(q, project.start) for q in (paid[-1], after - 1))
        return f"no price gives a cover of {target:g}: revenue ends in {ends}, debt in {due}"
    try:
        _MEASURES[figure](statements(replace(project, revenue_musd=HIGHEST * project.revenue_musd)))
        why = ""
    except FinanceError as error:
        why = f": there {error.faults[0].message}"
    return f"no price up to {HIGHEST:g} times today's gives {_asked(figure, target)}{why}"


def _asked(figure: str, target: float) -> str:
    """A target in words with its unit."""
    return f"a cover of {target:g}" if figure == MIN_DSCR else f"a return of {percent(target, 1)} a year"


def _least_cover(found: Statements) -> float:
    cover = found.ratios["dscr"]
    known = cover[np.isfinite(cover)]
    if known.empty:
        raise FinanceError.single(MIN_DSCR, "no debt is due")
    return float(known.min())


def _return_on_equity(found: Statements) -> float:
    try:
        return float((1.0 + irr(found.equity_flows)) ** QUARTERS_PER_YEAR - 1.0)
    except NoIrrError:
        return NOTHING


_MEASURES: dict[str, Callable[[Statements], float]] = {MIN_DSCR: _least_cover, EQUITY_IRR: _return_on_equity}
