"""Time value of money, repayment, cover, construction, tax, export credits: closed forms and what is refused."""

from __future__ import annotations

import doctest
import importlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.case import loans
from planner.finance import repayment
from planner.finance.construction import construction_loan
from planner.finance.coverage import dscr, life_cover
from planner.finance.export_credit import contract_cover, cover, export_loan
from planner.finance.faults import FinanceError, NoIrrError, SeveralIrrsError
from planner.finance.kernel import annuity, irr, npv, xirr
from planner.finance.tax import depreciated, tax_with_losses

FORMS = json.loads((Path(__file__).parent / "closed_forms.json").read_text(encoding="utf-8"))
UNHURRIED = settings(deadline=None)
PURE = ("construction", "coverage", "export_credit", "kernel", "repayment", "tax")


@pytest.mark.parametrize("module", PURE)
def test_doctests(module: str) -> None:
    results = doctest.testmod(importlib.import_module(f"planner.finance.{module}"))
    assert results.attempted and not results.failed


@pytest.mark.parametrize("form", [f for f in FORMS if f["id"].startswith("idc")], ids=lambda f: f["id"])
def test_interest_and_fees_during_construction(form: dict[str, Any]) -> None:
    terms, want = form["inputs"], form["expected"]
    loan = construction_loan(
        terms["capex_musd_by_quarter"], terms["debt_share"], terms["interest_per_year"] / 4,
        terms["commitment_fee_per_year"] / 4,
    )  # fmt: skip
    got = [loan.debt, loan.equity, loan.interest, loan.commitment_fee]
    names = ("debt_musd", "equity_musd", "idc_musd", "commitment_fee_musd")
    assert got == pytest.approx([want[name] for name in names], rel=1e-9)
    assert loan.draws == pytest.approx(want["draws_musd"], rel=1e-9)
    assert loan.draws.sum() == pytest.approx(loan.debt, rel=1e-12)


@pytest.mark.parametrize("form", [f for f in FORMS if f["id"].startswith("exim")], ids=lambda f: f["id"])
def test_an_export_credit(form: dict[str, Any]) -> None:
    terms, want = form["inputs"], form["expected"]
    contract, content = terms["export_contract_musd"], terms["us_content_share"]
    found = cover(contract, content, terms["local_cost_musd"], terms["local_cost_cap_of_export"], 0.85)
    assert found.contract == pytest.approx(want["cover_standard_musd"])
    assert found.local_cost == pytest.approx(want["local_cost_cover_musd"])
    if want["cover_ctep_musd"] is not None:
        found = cover(
            contract, content, terms["local_cost_musd"], terms["local_cost_cap_of_export"], 0.85, 0.51
        )
        assert found.contract == pytest.approx(want["cover_ctep_musd"])
    assert found.cash_payment == pytest.approx(want["cash_payment_musd"])
    loan = export_loan(
        found.total,
        terms["premium_share_of_loan"],
        terms["interest_per_year"],
        terms["semiannual_instalments"],
    )
    assert loan.loan == pytest.approx(want["loan_musd"], rel=1e-9)
    assert loan.premium == pytest.approx(want["premium_musd"], rel=1e-9)
    got = [loan.first_service, loan.last_service, loan.total_service]
    names = ("first_debt_service_musd", "last_debt_service_musd", "total_debt_service_musd")
    assert got == pytest.approx([want[name] for name in names], rel=1e-9)


def test_content_below_the_threshold_is_covered_as_far_as_it_goes() -> None:
    assert contract_cover(100.0, 0.50, 0.85, full_content_share=0.51) == 50.0
    assert contract_cover(100.0, 0.95, 0.85) == 85.0


@UNHURRIED
@given(st.floats(-0.6, 3.0), st.lists(st.floats(0.01, 100.0), min_size=1, max_size=60), st.floats(1e-6, 1e12))
def test_the_rate_of_return_is_found_whatever_the_unit(
    rate: float, inflows: list[float], unit: float
) -> None:
    flows = np.array([0.0, *inflows])
    flows[0] = -npv(rate, flows)
    assert irr(flows * unit) == pytest.approx(rate, abs=1e-9)


@pytest.mark.parametrize(
    ("flows", "rate"),
    [
        ([-150000, 15000, 25000, 35000, 45000, 60000], 0.0524),  # numpy-financial's documentation
        ([-100.0, 100.0], 0.0),
        ([-100.0, 50.0, 30.0], 60.0 / (np.sqrt(14500.0) - 50.0) - 1.0),  # the quadratic in 1 / (1 + rate)
        (
            [-100.0, 60.0, 60.0, 60.0, -5.0],
            None,
        ),  # Norstrom: one rate that is not negative, another far below
    ],
)
def test_known_rates_of_return(flows: list[float], rate: float | None) -> None:
    found = irr(flows)
    assert npv(found, flows) == pytest.approx(0.0, abs=1e-9)
    if rate is None:
        assert found > 0
    else:
        assert found == pytest.approx(rate, abs=5e-5)


def test_flows_without_a_rate_of_return_say_so() -> None:
    with pytest.raises(NoIrrError) as caught:
        irr([10.0, 0.0, 5.0])
    assert caught.value.sign_changes == 0
    with pytest.raises(NoIrrError) as caught:
        irr([100.0, -200.0, 150.0])  # 100 x^2 - 200 x + 150 has no real root
    assert caught.value.sign_changes == 2
    with pytest.raises(FinanceError, match="not all are numbers"):
        irr([-1.0, float("nan")])
    with pytest.raises(SeveralIrrsError) as several:
        irr([-100.0, 230.0, -132.0])
    assert several.value.rates == pytest.approx((0.1, 0.2)) and several.value.sign_changes == 2


def test_dated_flows_agree_with_even_ones() -> None:
    days = [date(2027, 1, 1), date(2028, 1, 1), date(2028, 12, 31)]  # 365 days each
    flows = [-100.0, 40.0, 90.0]
    assert xirr(flows, days) == pytest.approx(irr(flows), abs=1e-12)


@UNHURRIED
@given(st.floats(0.0, 0.3), st.integers(1, 80), st.floats(0.0, 0.9))
def test_every_profile_repays_the_debt(rate: float, periods: int, balloon: float) -> None:
    for principal in (
        loans.level(100.0, rate, periods, balloon), loans.equal_principal(100.0, periods, balloon)
    ):  # fmt: skip
        assert principal.sum() == pytest.approx(100.0, rel=1e-9)
    balance = 100.0 - np.concatenate([[0.0], np.cumsum(loans.level(100.0, rate, periods))])
    service = loans.level(100.0, rate, periods) + rate * balance[:-1]
    assert service == pytest.approx(np.full(periods, 100.0 * annuity(rate, periods)), rel=1e-9)


@UNHURRIED
@given(
    st.lists(st.floats(1.0, 100.0), min_size=2, max_size=40), st.floats(0.0, 0.05), st.floats(1.05, 3.0),
    st.floats(0.2, 1.0),
)  # fmt: skip
def test_sculpted_debt_has_one_cover_throughout(
    flows: list[float], rate: float, target: float, cap: float
) -> None:
    cfads, rates = np.array(flows), np.full(len(flows), rate)
    debt = cap * repayment.sculpted_debt(cfads, rates, target)
    service = repayment.sculpted(debt, cfads, rates)
    principal = repayment.principal_of_service(debt, rates, service)
    balance = debt - np.concatenate([[0.0], np.cumsum(principal)])
    assert dscr(cfads, service) == pytest.approx(np.full(len(flows), target / cap))
    assert balance[-1] == pytest.approx(0.0, abs=1e-9 * debt)
    llcr = life_cover(np.concatenate([[0.0], cfads]), np.concatenate([[0.0], rates]), balance)
    assert llcr == pytest.approx(np.full(len(flows), target / cap), rel=1e-6)


@UNHURRIED
@given(st.lists(st.floats(-50.0, 50.0), min_size=1, max_size=40))
def test_losses_carried_for_ever_tax_the_running_gain(income: list[float]) -> None:
    tax, carried = tax_with_losses(income, 0.25)
    # losses that never lapse leave tax on the highest running total ever reached
    highest = np.maximum.accumulate(np.maximum(np.cumsum(income), 0.0))
    assert np.cumsum(tax) == pytest.approx(0.25 * highest, abs=1e-9)
    assert carried == pytest.approx(highest - np.cumsum(income), abs=1e-9)


@UNHURRIED
@given(st.lists(st.floats(0.0, 100.0), min_size=4, max_size=30), st.integers(1, 3))
def test_depreciation_ends_at_cost(outlays: list[float], life: int) -> None:
    spent = np.concatenate([outlays, np.zeros(life)])
    assert depreciated(spent, life, 2).sum() == pytest.approx(sum(outlays))
