"""The finance of a plan by quarter, nominal and live: flows, debt, sources and uses, tax, cash, cover, figures.

Debt stays as it was signed; everything else follows the ledger and the inputs. The planner's own lines stand beside.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.facts.errors import BadValue
from planner.finance.faults import FinanceError
from planner.finance.from_plan import PlanFinance, finance_of
from planner.finance.kernel import Array
from planner.finance.sources import EQUITY, GRANT
from planner.report.terms import term
from planner.report.workbook.book import TOP, Book, Row
from planner.report.workbook.finance_cash import cash_lines, tax_lines
from planner.report.workbook.finance_inputs import write_finance_inputs
from planner.report.workbook.finance_lines import Lines
from planner.report.workbook.finance_returns import write_returns
from planner.report.workbook.flows import DAY_ZERO, Timing
from planner.report.workbook.inputs import Facts
from planner.report.workbook.live import Line, resolved, write_lines

FIGURES = "Finance figures"
DATA, TRANCHES = "Finance lines", "Tranche lines"
RATES = {"equity_irr": ("Return on equity", "owners"), "project_irr": ("Return of the project", "project")}
"""Rate of return -> its words and the line of its flows."""
NOTE = "Nominal MUSD by quarter; debt as it was signed"


def write_finance(book: Book, facts: Facts, timing: Timing) -> None:
    """Sheets of finance, where the plan can be financed as asked."""
    if not len(facts.tables.get("finance_figures", ())):
        return
    try:
        found = finance_of(facts.run.scenario, facts.tables)
    except (FinanceError, BadValue):
        return  # the run's table of faults says why
    place = write_finance_inputs(book, facts, found)
    lines = Lines(book, found, place, facts.context.calendar, timing)
    dates = [pd.Timestamp(d) for d in found.statements.uses.index]
    serial = [(day - DAY_ZERO).days for day in dates]
    sheets = {
        "Quarters": ("Quarters and flags", lines.quarters(serial, facts.rate)),
        "Project flows": ("What is spent and earned", lines.flows()),
        "Debt": ("Debt by tranche, in its own currency", lines.debt()),
        "Sources and uses": ("Sources and uses", lines.funding()),
        "Tax": ("Depreciation and tax", tax_lines(lines)),
        "Waterfall": ("Cash from revenue to owners", cash_lines(lines)),
        "Cover": ("Cover of debt, and what owners pay and receive", _cover(found)),
    }
    rows = write_lines(book, sheets, [f"{day.year}-Q{day.quarter}" for day in dates], NOTE)
    _figures(book, facts, found, rows)
    book.check(
        "Sources less uses, largest of any quarter",
        "=" + resolved("MAX([open:])-MIN([open:])", rows),
        0.0,
        "MUSD",
    )
    for t in found.project.sources:
        if t.is_debt:
            last = resolved(f"INDEX([balance.{t.id}:],quarters)", rows)
            book.check(f"Debt of {t.id}, left at the end", f"={last}", 0.0, "million")
    for name, table, note in (
        (DATA, "finance_statements", "Lines of the statements, as the planner settles them"),
        (TRANCHES, "finance_tranches", "Lines of the tranches, as the planner settles them"),
    ):
        book.table(book.sheet(name, name, note), facts.tables[table])


def _cover(found: PlanFinance) -> list[Line | str]:
    """Ratios by quarter. What is still to come is valued backwards, at what the debt costs."""
    ratios, made = found.statements.ratios, found.statements
    service = np.asarray(made.cash_flow[["interest", "fees", "principal"]].sum(axis=1))
    index = np.arange(found.project.quarters)
    cost, path, ends = _rates(found, service)
    cfads = made.cash_flow["cfads"].to_numpy(float)
    worth = {
        name: _worth(np.where(index <= ends, cfads, 0.0) if name == "llcr" else cfads, path)
        for name in ("llcr", "plcr")
    }

    def finite(name: str) -> Array:
        values = ratios[name].to_numpy(float)
        return np.where(np.isfinite(values), values, np.nan)

    out: list[Line | str] = [
        "Debt service",
        Line("DSCR", "dscr", "x", 'IF([service]>due_share*MAX([service:]),[cfads]/[service],"")', finite("dscr"), False),
        Line("Debt service is due", "due", "flag", "IF([service]>owed_musd,1,0)", service > 1e-6, False),
        Line("Last quarter with debt service", "ends", "", "SUMPRODUCT(MAX([due:]*([q:]+1)))-1", ends, False),
        Line("Cost of the debt", "cost", "a quarter", "IF([debt~]>owed_musd,([interest]+[fees])/[debt~],0)", cost, False),
        Line("Cost of the debt, past its end its last", "path", "a quarter",
             "IF([q]>[ends],IF([ends]<0,0,INDEX([cost:],[ends]+1)),[cost])", path, False),
        "Cash flow to come",
    ]  # fmt: skip
    for name, counts in (("llcr", "*IF([q]+1<=[ends],1,0)"), ("plcr", "")):
        out.append(Line(f"Worth of the cash flow to come, {name.upper()}", f"worth_{name}", "MUSD",
                        f"IF([end]=1,0,([worth_{name}>]+[cfads>]{counts})/(1+[path>]))", worth[name], False))  # fmt: skip
    for name in ("llcr", "plcr"):
        test = "AND([q]>=operation_from-1,[end]=0,[debt]>due_share*MAX([debt:]))"
        out.append(Line(name.upper(), name, "x", f'IF({test},[worth_{name}]/[debt],"")', finite(name), False))
    out += [
        "Tests of lenders",
        Line("Locked up", "lock_test", "flag", 'IF(AND([due]=1,[trailing]<>""),IF([trailing]<lock_up_dscr,1,0),0)',
             ratios["locked"]),
        Line("In default", "default_test", "flag",
             'IF([due]=1,IF(OR([support]>0,IF([trailing]="",0,[trailing]<default_dscr)),1,0),0)', ratios["in_default"]),
        "Owners and project",
        Line("Owners receive less pay", "owners", "MUSD", "[distributed]-[equity]-[support]", made.equity_flows),
        Line("Running total", "owners_total", "MUSD", "[owners_total~]+[owners]", np.cumsum(made.equity_flows), False),
        Line("Project before finance", "project", "MUSD", "[cfads]+[residual]-[capex]-(1-[on])*[vat]", made.project_flows),
    ]  # fmt: skip
    return out


def _rates(found: PlanFinance, service: Array) -> tuple[Array, Array, int]:
    """Cost of the debt by quarter, the same with its last value past the end, and the last quarter with service."""
    debt = found.statements.balance_sheet["debt"].to_numpy(float)
    before = np.concatenate([[0.0], debt[:-1]])
    paid = found.statements.cash_flow[["interest", "fees"]].sum(axis=1).to_numpy(float)
    cost = np.divide(paid, before, out=np.zeros(len(paid)), where=before > 1e-6)
    ends = int(np.flatnonzero(service > 1e-6).max(initial=-1))
    path = cost.copy()
    path[ends + 1 :] = cost[ends] if ends >= 0 else 0.0
    return cost, path, ends


def _worth(flows: Array, path: Array) -> Array:
    worth = np.zeros(len(flows))
    for q in range(len(flows) - 2, -1, -1):
        worth[q] = (worth[q + 1] + flows[q + 1]) / (1.0 + path[q + 1])
    return worth


def _figures(book: Book, facts: Facts, found: PlanFinance, rows: dict[str, Row]) -> None:
    """Every figure of finance as a formula, checked against the planner's."""
    owners = [t.id for t in found.project.sources if t.kind == EQUITY]
    grants = "+".join(f"SUM([source.{t.id}:])" for t in found.project.sources if t.kind == GRANT) or "0"
    owed = "SUMPRODUCT(MAX(ISNUMBER([llcr:])*(quarters-[q:])))"  # debt may be drawn after operation begins
    short = "SUMPRODUCT(MAX(([owners_total:]<0)*([q:]+1)))"
    formulas = {
        "uses_musd": "SUM([uses:])",
        "equity_musd": "+".join(f"SUM([owner.{name}:])" for name in owners),
        "grants_musd": grants,
        "support_musd": "SUM([support:])",
        "peak_debt_musd": "MAX([debt:])",
        "peak_equity_musd": "MAX(0,-MIN([owners_total:]))",
        **{f"min_{name}": f'IF(COUNT([{name}:])=0,"",MIN([{name}:]))' for name in ("dscr", "llcr", "plcr")},
        "llcr_at_first_repayment": f'IF(COUNT([llcr:])=0,"",INDEX([llcr:],quarters+1-{owed}))',
        **write_returns(book, rows, RATES),
        "equity_payback_years": f'IF(INDEX([owners_total:],quarters)<0,"",IF({short}=0,0,({short}-1'
                                f"-INDEX([owners_total:],{short})/INDEX([owners:],{short}+1))/year_quarters))",
        "quarters_locked_up": "SUM([lock_test:])",
        "quarters_in_default": "SUM([default_test:])",
        "price_factor": "price_factor",
        "resource_cost_quarter_ends_musd": "SUMPRODUCT(([capex:]+[opex:]-[residual:])*[factor:])",
        "cost_after_finance_musd": "SUMPRODUCT(([revenue:]-[owners:])*[factor:])",
    }  # fmt: skip
    note = "Formulas over the sheets of finance, beside the planner's own values on the sheet Check"
    sheet, table = book.sheet(FIGURES, FIGURES, note), facts.tables["finance_figures"]
    for j, text in enumerate(("Figure", "Value", "Unit", "Key")):
        sheet.write_string(TOP, j, text, book.head)
    for i, row in enumerate(table.itertuples(index=False), start=TOP + 1):
        words = term("finance_figure", row.figure)
        for j, text in ((0, words), (2, str(row.unit)), (3, str(row.figure))):
            sheet.write_string(i, j, text)
        known = row.value == row.value
        if (
            known or "irr" not in row.figure
        ):  # no formula tells that a rate of return does not exist, or is not one
            book.formula(sheet, i, 1, "=" + resolved(formulas[row.figure], rows), row.value, book.exact)
        if known:
            book.check(words, f"='{FIGURES}'!B{i + 1}", float(row.value), str(row.unit))
    sheet.set_column(0, 0, 46)
    sheet.set_column(1, 3, 20)
