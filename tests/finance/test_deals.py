"""Five kinds of deal seen in public reports, each with the ratio published for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from planner.case.loans import Fees
from planner.finance.project import Project
from planner.finance.sources import Eligibility, ExportTerms, Repayment, Spend, Tranche
from planner.finance.statements import Statements, key_figures, statements
from tests.finance.projects import OWNER, START, flow

LIVES = {"hall": 30.0, "chips": 5.0, "financing": 10.0}


def campus(years: int, sources: tuple[Tranche, ...], chips: float = 0.0, **changes: Any) -> Project:
    """Two years of building for 400 MUSD, chips for the last quarter of them, then rent for both."""
    n = 8 + 4 * years
    hall = np.where(np.arange(n) < 8, 50.0, 0.0)
    racks = np.where(np.arange(n) == 7, chips, 0.0)
    spending: tuple[Spend, ...] = (Spend(asset="hall", musd=hall),)
    if chips:
        spending += (Spend(asset="chips", musd=racks, content={"USA": 0.6, "TWN": 0.4}),)
    rent = flow(n, 8, 14.0) + np.where(np.arange(n) < 28, flow(n, 8, chips * 0.075), 0.0)
    project = Project(
        start=START, operation_from=8, spending=spending, revenue_musd=rent, opex_musd=flow(n, 8, 1.5),
        sources=(*sources, OWNER), life_years=LIVES,
    )  # fmt: skip
    return replace(project, **changes)


def loan(name: str, asset: str, share: float, rate: float, **repayment: Any) -> Tranche:
    return Tranche(
        id=name, kind="loan", share=share, base_rate=rate, eligibility=Eligibility(assets=(asset,)),
        repayment=Repayment(**repayment),
    )  # fmt: skip


def gearing(found: Statements) -> float:
    debt = found.sources.filter(like="loan:").sum().sum() + found.sources.filter(like="lease:").sum().sum()
    return float(debt / found.uses.sum().sum())


@pytest.mark.parametrize("share", [0.60, 0.75, 0.88])
def test_shell_loan_of_cost_then_a_refinancing(share: float) -> None:
    """60-75 % of cost, 88 % with an investment-grade tenant; interest only, refinanced after three years."""
    shell = loan("shell", "hall", share, 0.075, tenor_years=3, balloon=0.9)
    found = statements(campus(15, (shell,)))
    assert gearing(found) == pytest.approx(share)
    due = found.by_source.loc["shell", "principal"]
    assert due.iloc[-1 - 48] == pytest.approx(due.max()) and due.max() > 0.9 * due.sum()


def test_accelerator_vehicle_with_a_purchase_option() -> None:
    """62-65 % debt on the chips, a five-year lease whose option is the last instalment."""
    lease = replace(loan("vehicle", "chips", 0.65, 0.09, tenor_years=5, balloon=0.2), kind="lease")
    found = statements(campus(6, (lease,), chips=300.0))
    financed = found.by_source.loc["vehicle", "draw"].sum()
    costs = found.uses["finance_costs"].sum()
    assert financed == pytest.approx(0.65 * (300.0 + costs))
    assert found.by_source.loc["vehicle", "principal"].iloc[27] >= 0.2 * financed


@pytest.mark.parametrize(("margin", "all_in"), [(0.0225, 0.059), (0.065, 0.1015)])
def test_delayed_draw_loan_of_a_contract(margin: float, all_in: float) -> None:
    """Drawn as chips arrive, five years, a margin of 225 to 650 basis points over the base rate."""
    draw = loan("ddtl", "chips", 0.8, 0.0365, tenor_years=5, profile="sculpted", dscr=1.3)
    draw = replace(draw, margin=margin, available_from=date(2028, 7, 1), fees=Fees(commitment=0.005))
    found = statements(campus(6, (draw,), chips=300.0))
    book = found.by_source.loc["ddtl"]
    assert book["draw"].iloc[:6].sum() == 0 and book["draw"].iloc[7] > 0
    assert 4 * book["interest"].iloc[8] / book["balance"].iloc[7] == pytest.approx(all_in)


def test_long_notes_at_a_fixed_rate() -> None:
    """27-year notes at 6.6 % for 27.3 of 29.8 billion, repaid evenly."""
    notes = loan("notes", "hall", 27.3 / 29.8, 0.066, tenor_years=27)
    found = statements(campus(27, (notes,)))
    assert gearing(found) == pytest.approx(0.916, abs=5e-4)
    service = found.cash_flow[["interest", "principal"]].sum(axis=1).iloc[8:]
    assert np.ptp(service.to_numpy()) < 1e-8
    assert found.balance_sheet["debt"].iloc[-1] == pytest.approx(0.0, abs=1e-6)


def test_export_credit_for_an_ai_package() -> None:
    """85 % of the contract, five years of equal principal, the premium drawn with the loan."""
    agency = Tranche(
        id="agency", kind="export-credit", base_rate=0.051, fees=Fees(premium=0.06),
        eligibility=Eligibility(assets=("chips",), content_from=("USA",), costs_of_finance=False),
        repayment=Repayment(tenor_years=5, profile="equal-principal"),
        export=ExportTerms(financed_share=0.85, full_content_share=0.51, authority_ends=date(2036, 12, 31)),
    )  # fmt: skip
    found = statements(campus(6, (agency,), chips=300.0))
    book = found.by_source.loc["agency"]
    assert book["draw"].sum() == pytest.approx(0.85 * 300.0 / 0.94)
    assert found.uses["premium"].sum() == pytest.approx(0.06 * book["draw"].sum())
    assert np.ptp(book["principal"].iloc[8:28].to_numpy()) < 1e-9
    assert key_figures(found)["min_dscr"] is not None
