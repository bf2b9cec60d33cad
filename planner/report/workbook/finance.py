"""The finance of a plan by quarter, nominal: sources and uses, the debt of each tranche, the waterfall, cover."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.finance.sources import MONTHS_PER_QUARTER
from planner.report.terms import statement_line
from planner.report.workbook.book import Book, Row, Timeline
from planner.report.workbook.flows import DAY_ZERO
from planner.report.workbook.inputs import Facts

DATA, TRANCHES = "Finance lines", "Tranche lines"
NEEDED = ("finance_statements", "finance_tranches", "finance_cover", "finance_figures")
CFADS = (("revenue", 1), ("opex", -1), ("tax", -1), ("vat", 1))
SERVICE = ("interest", "fees", "principal")
AFTER = (
    ("cash_interest", 1), ("to_dsra", -1), ("to_refresh_reserve", -1), ("refresh_used", 1), ("swept", -1), ("support", 1),
    ("residual", 1), ("distributed", -1),
)  # fmt: skip
"""What happens to the cash left after debt service, until it is held or paid out."""


@dataclass(frozen=True)
class Lines:
    """Lines of the run's statements, and the quarters they fall in."""

    book: Book
    statements: pd.DataFrame
    dates: list[pd.Timestamp]

    def values(self, statement: str, line: str) -> np.ndarray:
        rows = self.statements[
            (self.statements["statement"] == statement) & (self.statements["line"] == line)
        ]
        return np.asarray(
            rows.set_index("date")["nominal_musd"].reindex(self.dates, fill_value=0.0).to_numpy(float)
        )

    def add(self, sheet: Timeline, when: Row, statement: str, line: str) -> Row:
        """A row of a statement, looked up among the lines."""
        at = self.book.spans[DATA]
        formula = (
            f'=SUMIFS({at["nominal_musd"]},{at["statement"]},"{statement}",{at["line"]},$B{sheet.row + 1},'
            f"{at['date']},{when.here})"
        )
        return sheet.add(statement_line(line), "MUSD", formula, self.values(statement, line), key=line)


def write_finance(book: Book, facts: Facts) -> None:
    """Sheets of finance, where the run has any."""
    if not all(name in facts.tables for name in NEEDED) or not len(facts.tables["finance_statements"]):
        return
    statements, tranches = facts.tables["finance_statements"], facts.tables["finance_tranches"]
    lines = Lines(book, statements, sorted(pd.Timestamp(d) for d in statements["date"].unique()))
    book.place(DATA, statements)
    book.place(TRANCHES, tranches)
    when, running = _quarters(book, facts, lines)
    _sources_and_uses(book, lines, when)
    _debt(book, facts, lines, when)
    _waterfall(book, facts, lines, when, running)
    note = (
        "Nominal and real MUSD of every line, as the planner settles them: what the sheets of finance add up"
    )
    book.table(book.sheet(DATA, "Lines of the statements", note), statements)
    book.table(book.sheet(TRANCHES, "Lines of the tranches", note), tranches)


def _timeline(book: Book, lines: Lines, name: str, title: str, totals: bool = True) -> Timeline:
    labels = [f"{day.year}-Q{day.quarter}" for day in lines.dates]
    return Timeline(book, name, title, "Nominal MUSD by quarter", labels, totals)


def _quarters(book: Book, facts: Facts, lines: Lines) -> tuple[Row, Row]:
    """First days of quarters, and whether the project has begun to cover its debt from its cash flow."""
    line, dates = _timeline(book, lines, "Quarters", "Quarters and flags", totals=False), lines.dates
    line.sheet.write_string(0, 6, "Months of a quarter")
    line.sheet.write_number(0, 9, MONTHS_PER_QUARTER, book.input)
    book.name("quarter_months", line.sheet, 0, 9)
    cover = facts.tables["finance_cover"]
    covered = cover.loc[cover["dscr"].notna(), "date"]
    first = (
        pd.Timestamp(covered.min()) if len(covered) else dates[-1] + pd.DateOffset(months=MONTHS_PER_QUARTER)
    )
    line.sheet.write_string(1, 6, "Cover counts from")
    line.sheet.write_datetime(1, 9, first.to_pydatetime(), book.day)
    book.name("cover_from", line.sheet, 1, 9)
    before = dates[0] - pd.DateOffset(months=MONTHS_PER_QUARTER)
    serial = [(day - DAY_ZERO).days for day in dates]
    when = line.add("Starts", "date", f"=EDATE(~{line.row + 1},quarter_months)", serial, form=book.day)
    line.sheet.write_datetime(when.line - 1, Timeline.BEFORE, before.to_pydatetime(), book.day)
    begun = [day >= first for day in dates]
    return when, line.add("Cover counts", "flag", f"=IF({when.here}>=cover_from,1,0)", begun, form=book.whole)


def _sources_and_uses(book: Book, lines: Lines, when: Row) -> None:
    sheet, totals = _timeline(book, lines, "Sources and uses", "Sources and uses"), []
    for name in ("sources", "uses"):
        sheet.heading(name.capitalize())
        own = lines.statements.loc[lines.statements["statement"] == name, "line"].unique()
        first = sheet.row + 1
        rows = [lines.add(sheet, when, name, str(line)) for line in own]
        every = np.sum([row.values for row in rows], axis=0)
        totals.append(
            sheet.add(f"All {name}", "MUSD", f"=SUM(@{first}:@{sheet.row})", every, form=book.total)
        )
    sources, uses = totals
    sheet.heading("Agreement")
    open_ = sheet.add(
        "Sources less uses", "MUSD", f"={sources.here}-{uses.here}", sources.values - uses.values
    )
    book.check(
        "Sources less uses, largest of any quarter", f"=MAX({open_.span})-MIN({open_.span})", 0.0, "MUSD"
    )


def _debt(book: Book, facts: Facts, lines: Lines, when: Row) -> None:
    """Opening balance, draws, principal, closing balance of every tranche, in millions of its own currency."""
    table, at = facts.tables["finance_tranches"], book.spans[TRANCHES]
    if not len(table):
        return
    sheet = _timeline(book, lines, "Debt", "Debt by tranche")
    for source, rows in table.groupby("source", sort=False):
        rows = rows.set_index("date").reindex(lines.dates)
        sheet.heading(str(source))
        made = {}
        for name in ("draw", "principal", "interest", "fees", "balance"):
            text = f"=SUMIFS({at[name]},{at['source']},$B{sheet.row + 1},{at['date']},{when.here})"
            amounts = rows[name].fillna(0.0).to_numpy(float)
            words = "Balance by the planner" if name == "balance" else statement_line(name)
            made[name] = sheet.add(words, "million", text, amounts, key=str(source), total=name != "balance")
        closing = sheet.corkscrew("Debt", "million", [(made["draw"], 1), (made["principal"], -1)])
        off = sheet.add(
            "Closing less the planner's balance", "million", f"={closing.here}-{made['balance'].here}",
            closing.values - made["balance"].values, total=False,
        )  # fmt: skip
        book.check(
            f"Debt of {source}, largest difference", f"=MAX({off.span})-MIN({off.span})", 0.0, "million"
        )
        book.check(
            f"Debt of {source}, left at the end", f"=INDEX({closing.span},{_last(closing)})", 0.0, "million"
        )


def _last(row: Row) -> str:
    return f"COLUMNS({row.span})"


def _waterfall(book: Book, facts: Facts, lines: Lines, when: Row, running: Row) -> None:
    """Cash from revenue to owners; cover of debt service by the cash flow before it."""
    sheet = _timeline(book, lines, "Waterfall", "Cash flow and cover")

    def signed(parts: list[tuple[Row, int]]) -> tuple[str, np.ndarray]:
        text = "=" + "".join(("+" if sign > 0 else "-") + row.here for row, sign in parts)
        return text, np.sum([sign * row.values for row, sign in parts], axis=0)

    before = [(lines.add(sheet, when, "cash_flow", name), sign) for name, sign in CFADS]
    cfads = sheet.add("Cash flow available for debt service", "MUSD", *signed(before), form=book.total)
    due = [(lines.add(sheet, when, "cash_flow", name), 1) for name in SERVICE]
    service = sheet.add("Debt service", "MUSD", *signed(due), form=book.total)
    after = [(lines.add(sheet, when, "cash_flow", name), sign) for name, sign in AFTER]
    text, values = signed([(cfads, 1), (service, -1), *after])
    left = sheet.add("Held back", "MUSD", f"=({text[1:]})*{running.here}", values * running.values)
    held = sheet.corkscrew("Cash held", "MUSD", [(left, 1)])
    planner = lines.values("cash_flow", "cfads")
    book.check("Cash flow available for debt service", f"={cfads.total}", float(planner.sum()), "MUSD")
    stays = float(lines.values("cash_flow", "cash_held")[-1])
    book.check("Cash held at the end", f"=INDEX({held.span},{_last(held)})", stays, "MUSD")
    sheet.heading("Cover")
    counts = (running.values == 1) & (service.values > 0)
    ratio = np.divide(cfads.values, service.values, out=np.full(len(counts), np.nan), where=counts)
    formula = f'=IF({running.here}=0,"",IF({service.here}>0,{cfads.here}/{service.here},""))'
    dscr = sheet.add("DSCR", "x", formula, ratio, total=False)
    figures = facts.tables["finance_figures"].set_index("figure")["value"]
    least = float(figures.get("min_dscr", np.nan))
    if least == least:
        book.check("Least DSCR", f"=MIN({dscr.span})", least, "x")
