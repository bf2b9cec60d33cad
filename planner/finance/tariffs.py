"""The tariff at which one loan on a plan is covered, read off the flows of the plan as it stands: nothing is planned anew.

found = tariff(scenario, tables, Loan.usual(scenario.catalog))
found.usd_per_hour, found.min_dscr
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from planner.case.finance import Default, Presets
from planner.facts.catalog import Catalog
from planner.finance.from_plan import finance_of
from planner.finance.statements import key_figures
from planner.scenario.finance import Revenue, Source
from planner.scenario.schema import Scenario

SHARE, DSCR, PRESET = "construction-loan-loan-to-cost", "project-finance-sizing-dscr", "loan"
"""Rows of the catalog's terms and presets: what is lent, and at what cover, where nothing is asked."""
LOAN, TARIFF = "senior", "tariff"


@dataclass(frozen=True, kw_only=True)
class Loan:
    """One loan with the cover its lender asks for; a rate or tenor of None is the catalog's preset, the longest allowed."""

    share: float
    """of what is paid before operation"""
    dscr: float
    rate_per_year: float | None = None
    tenor_years: float | None = None

    @classmethod
    def usual(cls, catalog: Catalog) -> Loan:
        """The loan of the catalog's terms."""
        presets = Presets(catalog)
        return cls(share=presets.term(SHARE)[0], dscr=presets.term(DSCR)[0])


@dataclass(frozen=True)
class Tariff:
    """What an hour of an accelerator must cost, used or held, in nominal dollars, alike over the horizon."""

    usd_per_hour: float
    loan_musd: float
    uses_musd: float
    """of which the loan is a part: capital of all payers and costs of finance"""
    rate_per_year: float
    tenor_years: float
    min_dscr: float
    equity_irr: float | None
    defaults: tuple[Default, ...]


def tariff(scenario: Scenario, tables: Mapping[str, pd.DataFrame], loan: Loan) -> Tariff:
    """The tariff of a plan with this loan in place of its sources and contracts; owners pay the rest.

    Raises FinanceError where the loan cannot be had, or no tariff covers it; BadValue for a plan that never serves.
    """
    terms = {"id": LOAN, "preset": PRESET, "share": loan.share, "tenor_years": loan.tenor_years}
    if loan.rate_per_year is not None:
        terms |= {"base_rate_per_year": loan.rate_per_year, "margin_per_year": 0.0}
    contract = {"id": TARIFF, "kind": "availability", "price_usd": 1.0}
    asked = scenario.finance.model_copy(update={
        "sources": [Source.model_validate(terms)], "revenue": [Revenue.model_validate(contract)],
        "target_dscr": loan.dscr, "target_equity_irr": None,
    })  # fmt: skip
    found = finance_of(scenario.model_copy(update={"finance": asked}), tables)
    figures = key_figures(found.statements)
    made = next(source for source in found.project.sources if source.id == LOAN)
    return Tariff(
        usd_per_hour=found.price_factor, loan_musd=float(figures["peak_debt_musd"] or 0.0),
        uses_musd=float(figures["uses_musd"] or 0.0),
        rate_per_year=made.base_rate + made.margin,
        tenor_years=made.repayment.tenor_years if made.repayment else 0.0, min_dscr=float(figures["min_dscr"] or 0.0),
        equity_irr=figures["equity_irr"], defaults=found.defaults,
    )  # fmt: skip
