"""Statements: identities on random projects, closed forms, covenants, currencies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings

from planner.case.loans import Fees
from planner.finance.construction import construction_loan
from planner.finance.faults import FinanceError
from planner.finance.project import Covenants, Project, TaxTerms
from planner.finance.sources import Eligibility, ExportTerms, Repayment, Spend, Tranche, repayment_window
from planner.finance.statements import (
    STOCKS,
    Statements,
    at_year_ends,
    by_year,
    contingent_liabilities,
    key_figures,
    real,
    spending_by,
    statements,
)  # fmt: skip
from tests.finance.projects import BANK, OWNER, flow, plain, projects

pytestmark = pytest.mark.untraced

FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=1000)


def solved(project: Project) -> Statements:
    """Statements of a random project; those that carry no debt at all, or are refused for it, say nothing here.

    Nor do those whose terms go round in a circle and are refused, which is rare.
    """
    try:
        return statements(project)
    except FinanceError as refused:
        assume(
            not all(
                any(
                    words in f.message for words in ("negative cash flow", "carries no debt", "do not settle")
                )
                for f in refused.faults
            )
        )
        raise


def check_identities(project: Project) -> None:
    found = solved(project)
    scale = float(found.uses["capex"].sum())
    tiny = 1e-9 * scale
    assert found.sources.sum(axis=1).to_numpy() == pytest.approx(found.uses.sum(axis=1).to_numpy(), abs=tiny)
    assert (found.sources >= -tiny).all(axis=None) and (found.uses >= -tiny).all(axis=None)
    assert np.abs(found.balance_sheet["check"]).max() < tiny
    # a project that has ended owns and owes nothing
    assert found.balance_sheet[list(STOCKS[:6])].iloc[-1].abs().max() < tiny
    check_debt(project, found, tiny)
    check_cash(found, tiny)
    gain = found.income["net"].sum() + found.sources.filter(like="grant:").sum().sum()
    assert found.equity_flows.sum() == pytest.approx(gain, abs=tiny)
    assert by_year(found.uses).sum().sum() == pytest.approx(found.uses.sum().sum())
    assert at_year_ends(found.balance_sheet)["check"].abs().max() < tiny


def check_debt(project: Project, found: Statements, tiny: float) -> None:
    """Every loan is repaid in full, by its last instalment, within the life of what it paid for."""
    for tranche in project.sources:
        if tranche.is_debt:
            loan = found.by_source.loc[tranche.id]
            end = repayment_window(tranche, project.start, project.operation_from)[1]
            assert (loan["balance"] > -tiny).all() and (loan["balance"].iloc[end - 1 :] < tiny).all()
            assert loan["draw"].sum() == pytest.approx(loan["principal"].sum(), abs=tiny)
            for asset in tranche.eligibility.assets:
                assert end <= project.operation_from + 4 * project.life_years[asset]


def check_cash(found: Statements, tiny: float) -> None:
    flows = found.cash_flow
    service = flows["interest"] + flows["fees"] + flows["principal"] + flows["swept"]
    operating = flows["revenue"] > 0
    left = flows["cfads"] - service + flows["cash_interest"] + flows["residual"] + flows["support"]
    left = left - flows["distributed"] - flows["refresh_used"]
    moved = flows["cash_held"].diff()
    assert moved[operating].to_numpy() == pytest.approx(left[operating].to_numpy(), abs=tiny)
    assert (flows[["distributed", "support", "cash_held"]] >= -tiny).all(axis=None)


def check_cover(project: Project) -> None:
    """One sculpted loan: the same DSCR in every quarter, no less than asked, and LLCR equal to it throughout."""
    found = solved(project)
    bank = project.sources[0]
    assert bank.repayment is not None and bank.repayment.dscr is not None
    first, after = repayment_window(bank, project.start, project.operation_from)
    cover = found.ratios["dscr"].iloc[first:after].to_numpy()
    assert np.ptp(cover) < 1e-7 and cover[0] >= bank.repayment.dscr - 1e-7
    assert found.caps["bank"] == "cover" or cover[0] > bank.repayment.dscr
    # the cash flow that is worth the loan begins when its instalments do
    loan_life = found.ratios["llcr"].iloc[first - 1 : after - 1].to_numpy()
    assert loan_life == pytest.approx(np.full(after - first, cover[0]), rel=1e-6)
    assert (found.ratios["plcr"] >= found.ratios["llcr"] - 1e-9).all()


@FEW
@given(projects())
def test_identities_hold(project: Project) -> None:
    check_identities(project)


@FEW
@given(projects(sculpted_only=True))
def test_sculpted_cover_is_constant_and_is_the_loan_life_cover(project: Project) -> None:
    check_cover(project)


@pytest.mark.slow
@MANY
@given(projects())
def test_identities_hold_on_a_thousand_projects(project: Project) -> None:
    check_identities(project)


@pytest.mark.slow
@MANY
@given(projects(sculpted_only=True))
def test_sculpted_cover_on_a_thousand_projects(project: Project) -> None:
    check_cover(project)


def test_a_loan_during_construction_is_the_closed_form() -> None:
    loan = replace(BANK, share=0.57, fees=Fees(commitment=0.0075))
    spent = np.array([170.0, 83.0, 28.0, 151.0])
    project = plain(
        spending=(Spend(asset="hall", musd=np.append(spent, np.zeros(24))),), sources=(loan, OWNER),
        revenue_musd=flow(28, 4, 60.0),
    )  # fmt: skip
    found, closed = statements(project), construction_loan(spent, 0.57, 0.06 / 4, 0.0075 / 4)
    assert found.by_source.loc["bank", "draw"].iloc[:4].to_numpy() == pytest.approx(closed.draws, rel=1e-10)
    assert found.sources["equity:owner"].sum() == pytest.approx(closed.equity, rel=1e-10)
    assert found.uses["finance_costs"].sum() == pytest.approx(
        closed.interest + closed.commitment_fee, rel=1e-10
    )


def test_debt_by_cover_is_the_present_value_of_the_cash_flow() -> None:
    terms = Repayment(tenor_years=5, profile="sculpted", dscr=1.6)
    found = statements(plain(sources=(replace(BANK, share=0.9, repayment=terms), OWNER)))
    rate = 0.06 / 4
    assert found.caps == {"bank": "cover"}
    expected = 6.0 / 1.6 * (1 - (1 + rate) ** -20) / rate
    assert found.by_source.loc["bank", "draw"].sum() == pytest.approx(expected, rel=1e-9)


def test_tax_withheld_from_interest_is_made_good() -> None:
    withheld = replace(BANK, fees=Fees(withholding=0.1))
    found = statements(plain(sources=(withheld, OWNER)))
    assert found.cash_flow["fees"].to_numpy() == pytest.approx(found.cash_flow["interest"].to_numpy() / 9.0)


def test_what_the_state_guarantees_follows_the_debt() -> None:
    project = plain(sources=(replace(BANK, guaranteed_share=0.8), OWNER))
    found = statements(project)
    liabilities = contingent_liabilities(project, found)
    assert liabilities.to_numpy() == pytest.approx(0.8 * found.balance_sheet["debt"].to_numpy())
    assert contingent_liabilities(plain(), found).abs().max() == 0


def test_spending_is_told_by_payer() -> None:
    hall = plain().spending[0]
    project = plain(
        spending=(replace(hall, payer="state"), replace(hall, payer="venture"), replace(hall, payer="state"))
    )
    assert spending_by(project, "payer").sum().to_dict() == {"state": 200.0, "venture": 100.0}


def test_two_sculpted_loans_stand_one_behind_the_other() -> None:
    senior = replace(BANK, share=0.55, repayment=Repayment(tenor_years=5, profile="sculpted", dscr=2.0))
    junior = replace(
        senior, id="junior", share=0.45, base_rate=0.07, repayment=replace(senior.repayment, dscr=1.5)
    )
    found = statements(plain(sources=(senior, junior, OWNER)))
    assert found.caps == {"bank": "cover", "junior": "cover"}
    assert found.ratios["dscr"].iloc[4:24].to_numpy() == pytest.approx(np.full(20, 1.5))
    service = found.by_source.loc["bank", ["interest", "principal"]].sum(axis=1).iloc[4:24]
    assert service.to_numpy() == pytest.approx(np.full(20, 3.0))


def test_loans_on_different_assets_share_the_costs_of_finance() -> None:
    spending = (
        *plain().spending,
        Spend(asset="chips", musd=np.asarray(50.0 * (plain().spending[0].musd > 0), float)),
    )
    loans = tuple(
        replace(BANK, id=asset, eligibility=Eligibility(assets=(asset,))) for asset in ("hall", "chips")
    )
    lives = {"hall": 20.0, "chips": 5.0, "financing": 10.0}
    project = plain(
        spending=spending, sources=(*loans, OWNER), life_years=lives, revenue_musd=flow(28, 4, 20.0)
    )
    found = statements(project)
    assert found.balance_sheet["debt"].iloc[3] == pytest.approx(0.6 * found.uses.sum().sum())
    together = statements(replace(project, sources=(BANK, OWNER)))
    assert found.balance_sheet["debt"].to_numpy() == pytest.approx(together.balance_sheet["debt"].to_numpy())


def test_an_export_credit_pays_content_premium_and_local_cost() -> None:
    spending = (
        Spend(asset="chips", musd=100.0 - flow(28, 1, 100.0), content={"USA": 0.6, "TWN": 0.4}),
        Spend(asset="works", musd=80.0 - flow(28, 1, 80.0)),
    )
    agency = Tranche(
        id="agency", kind="export-credit", base_rate=0.05, fees=Fees(premium=0.1),
        eligibility=Eligibility(content_from=("USA",), costs_of_finance=False),
        repayment=Repayment(tenor_years=4, profile="equal-principal"),
        export=ExportTerms(financed_share=0.85, local_assets=("works",), local_cost_cap=0.4),
    )  # fmt: skip
    lives = {"chips": 5.0, "works": 20.0, "financing": 10.0}
    project = plain(
        spending=spending, sources=(agency, OWNER), life_years=lives, revenue_musd=flow(28, 4, 30.0)
    )
    found = statements(project)
    assert found.sources["export-credit:agency"].sum() == pytest.approx((60.0 + 40.0) / 0.9)
    assert found.uses["premium"].sum() == pytest.approx(10.0 / 0.9)
    programme = replace(agency, export=replace(agency.export, full_content_share=0.51))
    found = statements(replace(project, sources=(programme, OWNER)))
    assert found.sources["export-credit:agency"].sum() == pytest.approx((85.0 + 40.0) / 0.9)


def test_a_reserve_holds_the_service_ahead_and_is_given_back() -> None:
    found = statements(plain(covenants=Covenants(dsra_months=6)))
    service = found.cash_flow[["interest", "principal"]].sum(axis=1).to_numpy()
    held = found.balance_sheet["dsra"].to_numpy()
    assert held[3:23] == pytest.approx(service[4:24] + np.append(service[5:24], 0.0))
    assert found.uses["reserve_funded"].iloc[3] == pytest.approx(held[3]) and held[23] == pytest.approx(
        0.0, abs=1e-9
    )


def test_lock_up_keeps_cash_until_cover_is_back() -> None:
    revenue = flow(28, 4, 8.0)
    revenue[8:12] = 5.6
    project = plain(revenue_musd=revenue, covenants=Covenants(lock_up_dscr=1.3, default_dscr=1.0))
    found = statements(project)
    locked = found.ratios["locked"].to_numpy()
    assert locked.any() and not locked[4:8].any() and not locked[-8:].any()
    assert (found.cash_flow["distributed"].to_numpy()[locked] == 0).all()
    free = statements(replace(project, covenants=Covenants()))
    assert found.cash_flow["distributed"].sum() == pytest.approx(free.cash_flow["distributed"].sum())


def test_a_quarter_that_cannot_pay_is_a_default_that_owners_make_good() -> None:
    revenue = flow(28, 4, 8.0)
    revenue[10] = 2.5
    found = statements(plain(revenue_musd=revenue))
    short = found.cash_flow.iloc[10]
    assert short["support"] == pytest.approx(short["interest"] + short["principal"] - 0.5)
    assert found.ratios["in_default"].to_numpy().nonzero()[0].tolist() == [10]
    held = statements(plain(revenue_musd=revenue, covenants=Covenants(dsra_months=6)))
    assert (
        held.cash_flow["support"].sum() == 0
        and held.balance_sheet["dsra"].iloc[10] < held.balance_sheet["dsra"].iloc[9]
    )


def test_a_sweep_repays_early_and_costs_less_interest() -> None:
    swept = statements(plain(sources=(replace(BANK, repayment=replace(BANK.repayment, sweep=1.0)), OWNER)))
    plainly = statements(plain())
    assert swept.cash_flow["interest"].sum() < plainly.cash_flow["interest"].sum()
    repaid = (swept.balance_sheet["debt"].to_numpy() > 1e-9).sum()
    assert repaid < (plainly.balance_sheet["debt"].to_numpy() > 1e-9).sum()
    assert (swept.cash_flow["distributed"].iloc[4 : repaid - 1] < 1e-9).all()


def test_refresh_is_saved_for_before_owners_are_asked() -> None:
    later = Spend(asset="hall", musd=np.where(np.arange(28) == 16, 8.0, 0.0))
    spending = (*plain().spending, later)
    asked = statements(plain(spending=spending))
    saved = statements(plain(spending=spending, covenants=Covenants(refresh_months=12)))
    assert asked.sources["equity:owner"].iloc[16] == pytest.approx(8.0)
    assert saved.sources["refresh_used"].iloc[16] == pytest.approx(8.0)
    assert saved.balance_sheet["refresh_reserve"].iloc[12:16].to_numpy() == pytest.approx(
        [2.0, 4.0, 6.0, 8.0]
    )


def test_a_dearer_euro_costs_a_loan_in_euro() -> None:
    euro = replace(BANK, currency="EUR")
    flat = statements(plain(sources=(euro, OWNER), exchange={"EUR": np.full(28, 1.1)}))
    dollars = statements(plain())
    assert flat.income["net"].to_numpy() == pytest.approx(dollars.income["net"].to_numpy())
    rising = statements(plain(sources=(euro, OWNER), exchange={"EUR": 1.1 + 0.01 * np.arange(28)}))
    loan = rising.by_source.loc["bank"]
    before = loan["balance"].shift(fill_value=0.0).to_numpy()
    assert rising.income["exchange_gain"].to_numpy() == pytest.approx(-0.01 * before)
    assert rising.income["net"].sum() < flat.income["net"].sum()


def test_vat_is_cash_lent_to_the_state_and_no_cost() -> None:
    taxed = statements(plain(tax=TaxTerms(vat_on_capex=0.12, vat_on_opex=0.12, vat_on_revenue=0.12)))
    flows = taxed.cash_flow
    assert taxed.uses["vat_paid"].iloc[0] == pytest.approx(3.0)
    assert flows["vat"].sum() == pytest.approx(flows["vat_while_building"].sum())
    free = statements(plain(tax=TaxTerms(vat_on_capex=0.12, vat_settled_after=0)))
    assert free.uses["vat_paid"].sum() == 0


def test_years_real_terms_and_key_figures() -> None:
    found = statements(plain(inflation=0.02))
    deflated = real(found.cash_flow, found.price_level)["revenue"]
    assert deflated.iloc[7] == pytest.approx(8.0 / 1.02**2)
    assert by_year(found.cash_flow)["revenue"].tolist() == [0.0, 32.0, 32.0, 32.0, 32.0, 32.0, 32.0]
    figures = key_figures(found)
    assert figures["peak_debt_musd"] == pytest.approx(found.balance_sheet["debt"].max())
    flows, rate = found.equity_flows, figures["equity_irr"]
    assert rate is not None
    assert flows @ (1.0 + rate) ** (-np.arange(28) / 4) == pytest.approx(0.0, abs=1e-9)
    assert isinstance(found.uses.index, pd.DatetimeIndex)


def test_a_return_on_next_to_no_equity_is_blank() -> None:
    for share, known in ((0.9, True), (0.999, False)):
        found = statements(plain(sources=(replace(BANK, share=share), OWNER)))
        figures = key_figures(found)
        assert figures["equity_musd"] > 0 and (figures["equity_irr"] is not None) == known


def test_a_loan_free_of_charge_is_paid_back_within_the_horizon_and_none_runs_on_beyond_it() -> None:
    """Six years of operation: the longest loan ends with the last quarter, and leaves owners what it cost them."""
    terms = Repayment(tenor_years=6, balloon=0.99)
    free = replace(BANK, base_rate=0.0, margin=0.0, repayment=terms)
    made = statements(plain(sources=(free, OWNER)))
    drawn = float(made.sources["loan:bank"].sum())
    assert drawn > 0 and float(made.cash_flow["principal"].sum()) == pytest.approx(drawn, rel=1e-9)
    assert made.balance_sheet["debt"].iloc[-1] == pytest.approx(0.0, abs=1e-9)
    alone = statements(plain(sources=(OWNER,)))

    def gain(found: Statements) -> float:
        paid = found.sources["equity:owner"].sum() + found.cash_flow["support"].sum()
        return float(found.cash_flow["distributed"].sum() - paid)

    assert gain(made) == pytest.approx(gain(alone), rel=1e-9)
    for years in (6.25, 15.0):
        longer = replace(free, repayment=replace(terms, tenor_years=years))
        with pytest.raises(FinanceError, match="last instalment lies after the last quarter"):
            statements(plain(sources=(longer, OWNER)))
