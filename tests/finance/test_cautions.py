"""What a plan's own mix of sources leaves to object to is said, at its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from planner.finance.cautions import cautions
from planner.finance.faults import Fault
from planner.finance.project import Covenants, Project
from planner.finance.sources import Eligibility, Tranche
from planner.finance.statements import statements
from tests.finance.projects import BANK, OWNER, plain

TESTED = Covenants(lock_up_dscr=1.15, default_dscr=1.05)
GRANT = Tranche(
    id="eu", kind="grant", amount=50.0, eligibility=Eligibility(assets=("hall",), costs_of_finance=False)
)


def drawn(share: float) -> dict[Any, np.ndarray]:
    """What the plan chose: a share of every quarter's spending."""
    (hall,) = plain().spending
    return {hall.key: share * hall.musd}


def said(project: Project) -> list[Fault]:
    return list(cautions(project, statements(project)))


@pytest.mark.parametrize("chosen", [True, False])
@pytest.mark.parametrize(("revenue", "low"), [(8.0, True), (16.0, False)])
def test_draws_that_the_cash_flow_does_not_cover_are_named(chosen: bool, revenue: float, low: bool) -> None:
    """100 of debt over five years costs 7 a quarter with interest, and 6 are there; twice the revenue covers it."""
    bank = replace(BANK, share=1.0, chosen=drawn(1.0) if chosen else None)
    bank = replace(bank, eligibility=replace(bank.eligibility, costs_of_finance=False))
    earned = plain().revenue_musd * revenue / 8.0
    project = plain(sources=(bank, OWNER), covenants=TESTED, revenue_musd=earned)
    found, ratios = said(project), statements(project).ratios
    assert bool(ratios["in_default"].any()) == low, "else this tests nothing"
    assert [fault.path for fault in found] == ["finance.sources[bank]"] * (low and chosen)
    for fault in found:
        least, quarters = ratios["dscr"].min(), int(ratios["in_default"].sum())
        assert f"least DSCR is {least:.3g}" in fault.message and f"{quarters} in default" in fault.message


@pytest.mark.parametrize(("share", "rest"), [(0.3, True), (0.5, False)])
def test_what_the_plan_leaves_of_a_grant_is_named(share: float, rest: bool) -> None:
    found = said(plain(sources=(replace(GRANT, chosen=drawn(share)), OWNER)))
    assert [fault.path for fault in found] == ["finance.sources[eu].amount_m"] * rest
    for fault in found:
        assert fault.message.startswith(
            "30 of 50 million USD (nominal) drawn of the 100 MUSD (nominal) of capital"
        )
