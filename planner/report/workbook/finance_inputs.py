"""What the sheets of finance take as given: terms of sources, rules, prices; and what was settled and stays as signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from xlsxwriter.utility import xl_col_to_name

from planner.case.loans import QUARTERS_PER_YEAR
from planner.finance.cascade import OWED_MUSD
from planner.finance.coverage import SETTLED
from planner.finance.from_plan import PlanFinance
from planner.finance.kernel import Array
from planner.finance.revenue import Contract, revenue
from planner.finance.sources import EQUITY, MONTHS_PER_QUARTER
from planner.report.workbook.book import TOP, Book
from planner.report.workbook.finance_returns import BOUNDS
from planner.report.workbook.flows import DAY_ZERO
from planner.report.workbook.inputs import Facts

SHEET = "Finance inputs"
TERMS = (
    "committed_m",
    "base_rate",
    "margin",
    "upfront",
    "commitment",
    "guarantee",
    "premium",
    "gross_up",
    "opens",
    "closes",
)
Place = Callable[[str, str], str]
"""(source, contract or asset class; column) -> its cell"""


def write_finance_inputs(book: Book, facts: Facts, found: PlanFinance) -> Place:
    """Named figures, then a table each of sources, contracts and lives; returns where their cells stand."""
    note = "Debt as it was signed: commitments, draws and instalments stay; owners pay what is short"
    sheet, named = book.sheet(SHEET, "Inputs of finance", note), _named(found)
    cells: dict[tuple[str, str], str] = {}
    for j, text in enumerate(("Input", "Value", "Unit", "Name in formulas")):
        sheet.write_string(TOP, j, text, book.head)
    for i, (name, words, value, unit) in enumerate(named, start=TOP + 1):
        for j, text in ((0, words), (2, unit), (3, name)):
            sheet.write_string(i, j, text)
        sheet.write_number(i, 1, float(value), book.day if unit == "date" else book.input)
        book.name(name, sheet, i, 1)
    row = TOP + len(named) + 3
    for title, columns, entries in _tables(found):
        for j, text in enumerate((title, *columns)):
            sheet.write_string(row, j, text.replace("_", " "), book.head)
        for i, (name, values) in enumerate(entries.items(), start=row + 1):
            sheet.write_string(i, 0, name)
            for j, (column, value) in enumerate(zip(columns, values, strict=True), start=1):
                sheet.write_number(i, j, float(value), book.input)
                cells.setdefault((name, column), f"'{SHEET}'!${xl_col_to_name(j)}${i + 1}")
        row += len(entries) + 3
    sheet.set_column(0, 0, 46)
    sheet.set_column(1, len(TERMS), 18)
    return lambda name, column: cells[name, column]


def _named(found: PlanFinance) -> list[tuple[str, str, float, str]]:
    project = found.project
    tax, terms = project.tax, project.covenants
    return [
        ("project_start", "First day", (pd.Timestamp(project.start) - DAY_ZERO).days, "date"),
        ("inflation", "Inflation", project.inflation, "1/year"),
        ("quarter_months", "Months of a quarter", MONTHS_PER_QUARTER, "months"),
        ("year_quarters", "Quarters of a year", QUARTERS_PER_YEAR, "quarters"),
        ("quarters", "Quarters of the project", project.quarters, "quarters"),
        ("operation_from", "Quarters before operation", project.operation_from, "quarters"),
        ("price_factor", "Prices, times those written", found.price_factor, "x"),
        ("tax_rate", "Tax on income", tax.rate, "share"),
        ("losses_usable", "Share of an income that losses may offset", tax.losses_usable, "share"),
        ("vat_on_capex", "VAT on what is bought", tax.vat_on_capex, "share"),
        ("vat_on_opex", "VAT on running cost", tax.vat_on_opex, "share"),
        ("vat_on_revenue", "VAT on revenue", tax.vat_on_revenue, "share"),
        ("vat_settled_after", "Quarters until VAT is settled", tax.vat_settled_after, "quarters"),
        ("dsra_months", "Debt service held in reserve", terms.dsra_months, "months"),
        ("interest_on_cash", "Interest on cash held", terms.interest_on_cash, "1/year"),
        ("lock_up_dscr", "Lock-up below a trailing DSCR of", terms.lock_up_dscr, "x"),
        ("default_dscr", "Default below a trailing DSCR of", terms.default_dscr, "x"),
        ("owed_musd", "Debt below this is repaid", OWED_MUSD, "MUSD"),
        *((name, words, value, "") for name, words, value in BOUNDS),
        ("due_share", "Debt service below this share of the largest is none", SETTLED, "share"),
    ]


def _tables(found: PlanFinance) -> list[tuple[str, tuple[str, ...], dict[str, tuple[Any, ...]]]]:
    settled = found.settled
    sources = {}
    for j, t in enumerate(settled.setup.tranches):
        opens, closes = settled.setup.opens[j]
        sources[t.id] = (float(settled.given.commitment[j]), t.base_rate, t.margin, t.fees.upfront, t.fees.commitment,
                         t.fees.guarantee, t.fees.premium, t.fees.gross_up, opens, closes)  # fmt: skip
    owners = {t.id: (t.share,) for t in found.project.sources if t.kind == EQUITY}
    contracts = {c.id: (price_of(c), c.indexed_share) for c in found.contracts}
    lives = {f"life of {a}": (years * QUARTERS_PER_YEAR,) for a, years in found.project.life_years.items()}
    return [
        ("Source", TERMS, sources), ("Owner", ("share",), owners),
        ("Contract", ("price_usd", "indexed_share"), contracts), ("Life", ("quarters",), lives),
    ]  # fmt: skip


def price_of(contract: Contract) -> float:
    """Price of a unit; a budget line is paid by the million."""
    return 1.0 if contract.musd_per_year is not None else contract.price_usd


def units_of(contract: Contract, quarters: int) -> Array:
    """What is paid for by quarter: millions of accelerator-hours, or of dollars of a budget line, without indexation."""
    plain = replace(contract, price_usd=1.0, indexed_share=0.0)
    return np.asarray(revenue(plain, np.ones(quarters)))
