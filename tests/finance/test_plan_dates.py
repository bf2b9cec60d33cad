"""When things begin and end: contracts to their last day, grants in operation, lives from when things go live."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.case.periods import Calendar
from planner.finance.contracts import contracts_of
from planner.finance.faults import FinanceError, raise_all
from planner.finance.from_plan import PlanFinance, finance_of
from planner.finance.ledger_flows import Quarters
from planner.finance.project import faults
from planner.finance.revenue import revenue
from planner.finance.tariffs import Loan, tariff
from planner.intake.scenario_file import with_overrides
from planner.scenario.finance import Revenue
from tests.finance.deals import deal, tables_of_deal
from tests.finance.projects import plain

DEAL = "delayed-draw"


def made(**changes: Any) -> PlanFinance:
    scenario = with_overrides(deal(DEAL), {f"finance.{path}": value for path, value in changes.items()})
    return finance_of(scenario, tables_of_deal(DEAL))


@pytest.mark.parametrize(("until", "paid"), [("2028-03-31", 5), ("2028-04-01", 6), (None, 8)])
def test_a_contract_pays_for_the_quarter_of_its_last_day(until: str | None, paid: int) -> None:
    line = Revenue.model_validate({"id": "b", "kind": "budget", "musd_per_year": 4.0, "until": until})
    quarters = Quarters(Calendar.of(deal(DEAL).horizon, deal(DEAL).existing), 0.0)
    quarters = replace(quarters, calendar=replace(quarters.calendar, n=24 // quarters.calendar.step_months))
    (contract,) = contracts_of([line], {"serving": None}, quarters)
    assert contract.musd_per_year is not None and np.count_nonzero(contract.musd_per_year) == paid


def test_contracts_that_follow_one_another_pay_every_quarter_once() -> None:
    first, second = (
        np.asarray(c.contracted)
        for c in finance_of(deal("long-notes"), tables_of_deal("long-notes")).contracts
    )
    assert not ((first > 0) & (second > 0)).any() and ((first + second)[8:] > 0).all()


def test_a_grant_in_operation_is_drawn_with_capital() -> None:
    grant = {"id": "eu", "payer": "partner", "date": "2029-07-01", "musd": 1.0}
    found = made(grants=[grant])
    drawn = found.statements.sources["grant:eu"]
    assert drawn[:"2029-06-30"].sum() == 0
    assert drawn.sum() == pytest.approx(found.project.price_level[10])


def test_a_fault_of_a_grant_stands_at_the_grant() -> None:
    grant = {"id": "ddtl", "payer": "partner", "date": "2029-07-01", "musd": 1.0}  # named as the loan is
    with pytest.raises(FinanceError) as caught:
        made(grants=[grant])
    assert "finance.grants[ddtl]" in {fault.path for fault in caught.value.faults}


def test_debt_ends_with_its_asset_though_operation_is_dated_later() -> None:
    with pytest.raises(
        FinanceError, match=r"sources\[ddtl\].tenor_years: tenor beyond the useful life of servers"
    ):
        made(operation_from="2029-07-01", **{"revenue[anchor].from": "2029-07-01"})
    project = plain(life_years={"hall": 5.0, "financing": 5.0})
    raise_all(faults(project))
    with pytest.raises(FinanceError, match="useful life of hall"):
        raise_all(faults(replace(project, live_from=3)))


def test_a_contract_without_a_date_pays_from_operation_and_an_earlier_date_is_told() -> None:
    """The same statements either way; the default is noted, and what a stated date leaves out is a caution."""
    terms = {"operation_from": "2028-10-01", "sources": []}
    early, plain_ = (made(**terms, **{"revenue[anchor].from": day}) for day in ("2028-07-01", None))
    assert early.statements.cash_flow.equals(plain_.statements.cash_flow)
    (said,) = early.left_out
    assert said.path == "finance.revenue[anchor].from"
    assert "MUSD in 2028-Q3 to 2028-Q3 are left out: operation begins in 2028-Q4" in said.message
    assert not plain_.left_out
    assert ("finance.revenue[anchor].from", "2028-10-01") in {(d.path, d.value) for d in plain_.defaults}


def test_the_tariff_for_a_loan_gives_the_cover_that_is_asked() -> None:
    """The same loan with a contract at that tariff has that least cover, and its terms are those asked for."""
    scenario, tables = deal(DEAL), tables_of_deal(DEAL)
    found = tariff(scenario, tables, Loan(share=0.5, dscr=1.3, rate_per_year=0.07, tenor_years=3.0))
    assert (found.rate_per_year, found.tenor_years) == pytest.approx((0.07, 3.0))
    source = {"id": "senior", "preset": "loan", "share": 0.5, "tenor_years": 3.0, "base_rate_per_year": 0.07,
              "margin_per_year": 0.0}  # fmt: skip
    contract = {"id": "all", "kind": "availability", "price_usd": found.usd_per_hour}
    asked = made(sources=[source], revenue=[contract], target_dscr=None, target_equity_irr=None)
    assert asked.statements.ratios["dscr"].min() == pytest.approx(1.3, abs=1e-5)


def test_operation_dated_at_the_start_is_told_to_be_read_later() -> None:
    (said,) = made(operation_from="2027-01-01", sources=[], **{"revenue[anchor].from": None}).left_out
    assert said.path == "finance.operation_from" and said.message.startswith("read as 2027-Q2")


def test_a_grant_above_all_capital_from_its_day_on_is_refused_at_its_place() -> None:
    grant = {"id": "eu", "payer": "partner", "date": "2029-07-01", "musd": 5000.0}
    with pytest.raises(FinanceError) as caught:
        made(grants=[grant])
    said = {fault.path: fault.message for fault in caught.value.faults}["finance.grants[eu].musd"]
    assert "of capital from 2029-Q3 to 2034-Q4, all that it may pay for" in said


def test_tokens_are_paid_by_the_million_as_they_are_served() -> None:
    """100 million a second at the peak, half of it on the mean, a tenth unserved: 45 million each second of a quarter."""
    quarters = Quarters(Calendar.of(deal(DEAL).horizon, deal(DEAL).existing), 0.0)
    quarters = replace(quarters, calendar=replace(quarters.calendar, n=2, step_months=3))
    demand = pd.DataFrame({"w": ["chat", "chat", "mine"], "t": [0, 1, 1], "tokens_per_s": [0.0, 1e8, np.nan],
                           "unserved_share": [0.0, 0.1, 0.0], "mean_load": [0.5, 0.5, 1.0]})  # fmt: skip
    line = Revenue.model_validate({"id": "api", "kind": "tokens", "price_usd": 0.2, "workloads": ["chat"]})
    (contract,) = contracts_of([line], {"demand": demand}, quarters)
    seconds = 2190 * 3600
    assert revenue(contract, np.ones(2)) == pytest.approx([0.0, 0.2 * 45 * seconds / 1e6])
    silent = line.model_copy(update={"workloads": ["mine"]})
    with pytest.raises(FinanceError, match=r"finance.revenue\[api\].workloads: the plan serves no tokens"):
        contracts_of([silent], {"demand": demand}, quarters)
