"""The price that meets a target: what a tariff must be for a cover or a return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.optimize import brentq

from planner.finance.faults import FinanceError, NoIrrError
from planner.finance.kernel import irr
from planner.finance.project import Project
from planner.finance.sources import QUARTERS_PER_YEAR
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
            raise FinanceError.single(figure, f"no price up to {HIGHEST:g} times today's gives {target:g}")
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
