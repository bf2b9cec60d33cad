"""Sources of capital: who may finance what, and what is refused with its place."""

from __future__ import annotations

import doctest
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from planner.case.loans import Fees
from planner.finance import sources
from planner.finance.faults import FinanceError
from planner.finance.settle import settle
from planner.finance.sources import (
    Eligibility,
    ExportTerms,
    Repayment,
    Spend,
    Tranche,
    financed_shares,
    premium_of,
    window,
)
from tests.finance.projects import BANK, OWNER, START, flow, plain

AGENCY = Tranche(
    id="agency", kind="export-credit", eligibility=Eligibility(content_from=("USA",)),
    repayment=Repayment(tenor_years=5, profile="equal-principal"),
    export=ExportTerms(financed_share=0.85, longest_tenor_years=15, authority_ends=date(2026, 12, 31)),
)  # fmt: skip


def test_doctests() -> None:
    results = doctest.testmod(sources)
    assert results.attempted and not results.failed


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        (Eligibility(), [True, True]),
        (Eligibility(assets=("chips",)), [True, False]),
        (Eligibility(payers=("state",)), [False, True]),
        (Eligibility(countries=("KAZ",)), [True, True]),
        (Eligibility(countries=("ARM",)), [False, False]),
        (Eligibility(content_from=("USA",), least_content=0.5), [True, False]),
        (Eligibility(content_from=("USA", "TWN"), least_content=0.9), [True, False]),
    ],
)
def test_a_source_reads_asset_payer_country_and_content(rule: Eligibility, allowed: list[bool]) -> None:
    one = np.ones(4)
    spending = (
        Spend(asset="chips", musd=one, payer="venture", country="KAZ", content={"USA": 0.6, "TWN": 0.4}),
        Spend(asset="hall", musd=one, payer="state", country="KAZ"),
    )
    assert [rule.allows(spend) for spend in spending] == allowed
    loan = replace(BANK, eligibility=rule, share=0.7)
    assert financed_shares(loan, spending) == [0.7 * ok for ok in allowed]


def test_a_source_opens_and_closes_on_its_dates() -> None:
    assert window(BANK, START, 4) == (0, 4)
    dated = replace(BANK, available_from=date(2027, 5, 1), available_until=date(2028, 3, 31))
    assert window(dated, START, 4) == (1, 5)


def test_a_premium_needs_a_category() -> None:
    assert premium_of("KAZ", {"KAZ": 5}, {5: 0.0176}) == 0.0176
    with pytest.raises(FinanceError, match="no country risk category"):
        premium_of("ARM", {"KAZ": 5}, {5: 0.0176})
    with pytest.raises(FinanceError, match="no premium for country risk category 6"):
        premium_of("ARM", {"ARM": 6}, {5: 0.0176})


HALL = plain().spending[0]
CHIPS = replace(HALL, asset="chips", content={"USA": 0.7, "TWN": 0.4})


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"sources": (replace(BANK, share=1.1), OWNER)}, "sources.bank.share", "debt above 100 %"),
        (
            {"sources": (BANK, replace(BANK, id="second"), OWNER)},
            "sources",
            "bank, second pay 120 % of hall: above 100 %",
        ),
        (
            {"life_years": {"hall": 4.0, "financing": 10.0}},
            "sources.bank.repayment.tenor_years",
            "beyond the useful life of hall",
        ),
        (
            {"sources": (replace(BANK, repayment=Repayment(tenor_years=7)), OWNER)},
            "sources.bank.repayment.tenor_years",
            "after the last quarter",
        ),
        (
            {"sources": (replace(BANK, eligibility=Eligibility(assets=("chips",))), OWNER)},
            "sources.bank.eligibility",
            "no spending of the project may use this source",
        ),
        ({"opex_musd": flow(28, 4, 9.0)}, "sources.bank.repayment", "negative cash flow"),
        (
            {"sources": (replace(BANK, currency="EUR"), OWNER)},
            "sources.bank.currency",
            "no exchange path for EUR",
        ),
        (
            {"sources": (replace(BANK, currency="EUR"), OWNER), "exchange": {"EUR": np.ones(3)}},
            "sources.bank.currency",
            "must hold 28 rates",
        ),
        (
            {"sources": (AGENCY, OWNER), "spending": (replace(CHIPS, asset="hall", content={"USA": 0.7}),)},
            "sources.agency.available_from",
            "after the agency's authority ends, 2026-12-31",
        ),
        (
            {"spending": (replace(HALL, content={"USA": 0.7, "TWN": 0.4}),)},
            "spending.0.content",
            "more than 100 %",
        ),
        ({"spending": (HALL, replace(HALL, asset="chips"))}, "life_years.chips", "missing"),
        (
            {"sources": (replace(BANK, fees=Fees(premium=1.0)), OWNER)},
            "sources.bank.fees.premium",
            "within 0 and 1",
        ),
        ({"sources": (replace(BANK, amount=-5.0), OWNER)}, "sources.bank.amount", "must not be negative"),
        ({"sources": (BANK,)}, "sources", "shares of equity add up to 0 %"),
        ({"sources": (BANK, BANK, OWNER)}, "sources.bank", "named twice"),
        ({"sources": (replace(BANK, repayment=None), OWNER)}, "sources.bank.repayment", "missing"),
        (
            {"sources": (replace(BANK, repayment=Repayment(tenor_years=5, profile="sculpted")), OWNER)},
            "sources.bank.repayment.dscr",
            "needs one",
        ),
        (
            {"sources": (replace(BANK, repayment=Repayment(tenor_years=2, grace_years=2)), OWNER)},
            "sources.bank.repayment.tenor_years",
            "grace be shorter",
        ),
        ({"revenue_musd": -flow(28, 4, 8.0)}, "revenue_musd", "none negative"),
        ({"operation_from": 28}, "operation_from", "outside the 28 quarters"),
    ],
)
def test_what_cannot_be_is_named_with_its_place(changes: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(FinanceError) as caught:
        settle(plain(**changes))
    assert path in {fault.path for fault in caught.value.faults}
    assert words in str(caught.value)


def test_all_faults_are_reported_at_once() -> None:
    wrong = replace(BANK, share=1.2, currency="EUR", repayment=Repayment(tenor_years=30))
    with pytest.raises(FinanceError) as caught:
        settle(plain(sources=(wrong, replace(OWNER, share=0.5))))
    paths = {fault.path for fault in caught.value.faults}
    assert paths >= {
        "sources",
        "sources.bank.share",
        "sources.bank.currency",
        "sources.bank.repayment.tenor_years",
    }


def test_a_longer_tenor_than_the_agency_allows_is_refused() -> None:
    spending = (replace(HALL, content={"USA": 0.7}),)
    agency = replace(AGENCY, export=ExportTerms(financed_share=0.85, longest_tenor_years=3))
    with pytest.raises(FinanceError, match="exceeds the agency's 3"):
        settle(plain(spending=spending, sources=(agency, OWNER)))


def test_debt_that_grows_without_end_is_refused() -> None:
    dear = replace(BANK, share=1.0, fees=Fees(upfront=0.99))
    with pytest.raises(FinanceError, match="do not settle"):
        settle(plain(sources=(dear, OWNER)))
