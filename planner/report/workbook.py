"""The workbook of a plan: what a financier takes home. Every sum is a live formula with its value beside it.

Sheets: Summary (KPIs with units and published ranges), Capital calendar (by account, origin, payer, host),
Funding (cumulative, peak), Cost, the plan's tables, Inputs, Assumptions, Sources, and Check: each figure of the
summary worked out again by a formula over the Ledger sheet, beside the planner's own value.

Text is never read as a formula or a link. Formulas carry their cached value, so that a viewer that does not
calculate shows the same numbers.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import xlsxwriter
from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

from planner.plans.schema import SCHEMA
from planner.report import capital, views
from planner.report.kpis import kpi_cards
from planner.report.terms import heading, term

if TYPE_CHECKING:
    from planner.runs.run import Run

OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": False,
    "default_date_format": "yyyy-mm-dd",
}
OWN_SHEET = ("ledger", "capital", "dispatch", "assumptions")
"""Tables of the plan that are shown as views or not at all; every other one is a sheet as it stands."""
CALENDARS = {"account": "by account", "origin_iso3": "by origin", "payer": "by payer", "h": "by host"}
TEXT_LIMIT = 32_000
"""Excel holds 32,767 characters in a cell."""
TOLERANCE_MUSD = 1e-6


@dataclass(frozen=True)
class Line:
    """One row of the Check sheet: what, the formula over the workbook, the planner's own value."""

    what: str
    formula: str
    value: float
    unit: str


class Book:
    """A workbook being written: formats, sheets, and where the columns of the ledger stand."""

    def __init__(self, target: Any):
        self.book = xlsxwriter.Workbook(target, OPTIONS)
        add = self.book.add_format
        self.title = add({"bold": True, "font_size": 14})
        self.note = add({"italic": True, "font_color": "#555555"})
        self.head = add(
            {"bold": True, "bottom": 1, "bg_color": "#E7F1F3", "text_wrap": True, "valign": "top"}
        )
        self.total = add({"bold": True, "top": 1, "num_format": "#,##0.00"})
        self.bold = add({"bold": True, "top": 1})
        self.number = add({"num_format": "#,##0.00"})
        self.exact = add({"num_format": "#,##0.000000"})
        self.whole = add({"num_format": "0"})
        self.day = add({"num_format": "yyyy-mm-dd"})
        self.wrap = add({"text_wrap": True, "valign": "top"})
        self.good = add({"bold": True, "font_color": "#0B6E4F"})
        self.check: list[Line] = []

    def sheet(self, name: str, title: str, note: str = "") -> Any:
        """A sheet with its title and one line of explanation; the table starts in row 4."""
        sheet = self.book.add_worksheet(name[:31])
        sheet.write_string(0, 0, title, self.title)
        if note:
            sheet.write_string(1, 0, note, self.note)
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        return sheet

    def table(self, sheet: Any, frame: pd.DataFrame, row: int = 3, words: bool = True) -> int:
        """The frame under its headings from ``row``; returns the first row below it."""
        for j, name in enumerate(frame.columns):
            sheet.write_string(row, j, heading(str(name)) if words else str(name), self.head)
            sheet.set_column(j, j, _width(frame[name], str(name)))
        for i, values in enumerate(frame.itertuples(index=False, name=None), start=row + 1):
            for j, value in enumerate(values):
                self.cell(sheet, i, j, value)
        if len(frame):
            sheet.autofilter(row, 0, row + len(frame), max(len(frame.columns) - 1, 0))
        sheet.freeze_panes(row + 1, 0)
        return row + 1 + len(frame)

    def cell(self, sheet: Any, row: int, column: int, value: Any) -> None:
        """One value by its type; what is missing stays blank."""
        if (
            value is None
            or value is pd.NaT
            or (isinstance(value, float) and value != value)
            or value is pd.NA
        ):
            return
        if isinstance(value, pd.Timestamp | date):
            sheet.write_datetime(row, column, pd.Timestamp(value).to_pydatetime(), self.day)
        elif isinstance(value, bool):
            sheet.write_string(row, column, "yes" if value else "no")
        elif hasattr(value, "__float__") and not isinstance(value, str):
            number = float(value)
            if number in (float("inf"), float("-inf")):
                sheet.write_string(row, column, str(number))
            else:
                sheet.write_number(row, column, number, self.whole if _is_whole(value) else self.number)
        else:
            sheet.write_string(row, column, str(value)[:TEXT_LIMIT])


def write_workbook(run: Run, path: Path | str) -> Path:
    """Writes the workbook of a run with a plan; returns its path."""
    path = Path(path)
    path.write_bytes(workbook_bytes(run))
    return path


def workbook_bytes(run: Run) -> bytes:
    """The workbook of a run with a plan, as the bytes of an xlsx file."""
    buffer = io.BytesIO()
    book = Book(buffer)
    tables = {name: run.table(name) for name in run.tables}
    year = run.scenario.money.price_year
    ledger = tables["ledger"]
    _summary(book, run, year)
    for by, words in CALENDARS.items():
        _calendar(book, ledger, by, words, year)
    _funding(book, ledger, capital.served_from(run.kpis, ledger), year)
    _cost(book, ledger, year)
    sheet = book.sheet(
        "Bill of materials", "Bill of materials", f"Whole horizon; MUSD undiscounted, real {year} USD"
    )
    book.table(sheet, views.bill_of_materials(tables))
    for name in SCHEMA:
        if name not in OWN_SHEET and name in tables and len(tables[name]):
            title = term("table", name)
            book.table(book.sheet(title, title), tables[name])
    _ledger(book, ledger, run, year)
    _inputs(book, run)
    if len(tables.get("assumptions", ())):
        note = "Defaults the planner took because the scenario says nothing"
        book.table(book.sheet("Assumptions", "Assumptions", note), tables["assumptions"])
    _sources(book, run)
    _check(book)
    book.book.get_worksheet_by_name("Summary").activate()
    book.book.close()
    return buffer.getvalue()


# ---- sheets


def _summary(book: Book, run: Run, year: int) -> None:
    gap = run.outcome.get("gap")
    shown = "" if gap is None else f"; gap {100 * gap:.2f} %"
    title = str(run.manifest.get("title") or run.manifest.get("scenario") or run.name)
    note = (
        f"Run {run.name}; status {run.status}; quality {run.outcome.get('quality')}{shown}; real {year} USD"
        + (f"; {run.audit_line}" if run.audit_line else "")
    )
    sheet = book.sheet("Summary", title, note)
    rows = kpi_cards(run.kpis, names=None)[["words", "value", "unit", "low", "high", "inside", "note", "kpi"]]
    rows = rows.assign(inside=["" if v is None or v != v else "yes" if v else "no" for v in rows["inside"]])
    book.table(sheet, rows)
    sheet.set_column(6, 6, 70)


def _calendar(book: Book, ledger: pd.DataFrame, by: str, words: str, year: int) -> None:
    """Capital by quarter, a column a part, sums as formulas both ways."""
    wide = capital.calendar(ledger, by)
    parts = [c for c in wide.columns if c not in ("label", "year", "total")]
    named = wide.rename(columns={c: term(by, c) for c in parts})
    note = f"Capital outlay less grants, all payers, before residual values; MUSD, real {year} USD"
    sheet = book.sheet(f"Capital {words}", f"Capital needs {words}", note)
    end = book.table(sheet, named)
    last = 2 + len(parts)
    for i in range(len(wide)):
        row = 4 + i
        if parts:
            span = f"{xl_rowcol_to_cell(row, 2)}:{xl_rowcol_to_cell(row, last - 1)}"
            sheet.write_formula(row, last, f"=SUM({span})", book.number, float(wide["total"].iloc[i]))
    sheet.write_string(end, 0, "Total", book.bold)
    sheet.write_string(end, 1, "", book.bold)
    for j, part in enumerate([*parts, "total"], start=2):
        span = f"{xl_rowcol_to_cell(4, j)}:{xl_rowcol_to_cell(max(end - 1, 4), j)}"
        sheet.write_formula(end, j, f"=SUM({span})", book.total, float(wide[part].sum()))
    total = xl_rowcol_to_cell(end, last)
    book.check.append(
        Line(
            f"Capital less grants, all payers ({words})",
            f"='Capital {words}'!{total}",
            float(capital.outlays(ledger)["musd"].sum()),
            "MUSD",
        )
    )


def _funding(book: Book, ledger: pd.DataFrame, service_t: int, year: int) -> None:
    table, peak = capital.funding(ledger, service_t)
    note = f"Capital net of grants, and all payments before the first service; MUSD, real {year} USD"
    sheet = book.sheet("Funding", "Cumulative and peak funding", note)
    end = book.table(sheet, table[["label", "year", "need_musd", "cumulative_musd"]])
    for i in range(len(table)):
        above = "" if i == 0 else f"+{xl_rowcol_to_cell(3 + i, 3)}"
        sheet.write_formula(
            4 + i,
            3,
            f"={xl_rowcol_to_cell(4 + i, 2)}{above}",
            book.number,
            float(table["cumulative_musd"].iloc[i]),
        )
    if len(table):
        sheet.write_string(end, 0, f"Peak, reached in {peak.label}", book.bold)
        sheet.write_formula(end, 3, f"=MAX(0,D5:D{end})", book.total, max(0.0, peak.musd))
        book.check.append(
            Line("Peak funding of the partner", f"=Funding!D{end + 1}", max(0.0, peak.musd), "MUSD")
        )


def _cost(book: Book, ledger: pd.DataFrame, year: int) -> None:
    table = capital.cost_composition(ledger)
    table = table.assign(
        kind=[term("kind", k) for k in table["kind"]], account=[term("account", a) for a in table["account"]]
    )
    note = f"The partner's own payments; MUSD, real {year} USD; residual values are negative"
    sheet = book.sheet("Cost", "What the cost is made of", note)
    end = book.table(sheet, table)
    sheet.write_string(end, 0, "Total", book.bold)
    for j, column in ((2, "musd"), (3, "musd_discounted")):
        letter = xl_col_to_name(j)
        sheet.write_formula(
            end, j, f"=SUM({letter}5:{letter}{max(end, 5)})", book.total, float(table[column].sum())
        )
    left = capital.residuals(ledger)
    sheet.write_string(
        end + 2, 0, "Residual values, shown apart: they reduce the cost, never the need for money", book.bold
    )
    book.table(sheet, left, end + 3)
    sheet.freeze_panes(4, 0)


def _ledger(book: Book, ledger: pd.DataFrame, run: Run, year: int) -> None:
    note = f"One row a booking; MUSD real {year} USD; residual values are dated at the horizon's end"
    sheet = book.sheet("Ledger", "Ledger", note)
    end = book.table(sheet, ledger, words=False)
    span = {
        c: f"Ledger!${xl_col_to_name(j)}$5:${xl_col_to_name(j)}${max(end, 5)}"
        for j, c in enumerate(ledger.columns)
    }
    kpi = dict(zip(run.kpis["kpi"], run.kpis["value"], strict=True))
    partner = f'{span["payer"]},"partner"'
    wanted = {
        "cost_npv_musd": f"=SUMIFS({span['musd_discounted']},{partner})",
        "cost_without_residual_musd": f'=SUMIFS({span["musd_discounted"]},{partner},{span["kind"]},"<>residual")',
        "residual_musd": f'=-SUMIFS({span["musd_discounted"]},{partner},{span["kind"]},"residual")',
        "capex_musd": f'=SUMIFS({span["musd"]},{span["kind"]},"capex")',
        "capex_partner_musd": f'=SUMIFS({span["musd"]},{span["kind"]},"capex",{partner})',
    }
    from planner.report.terms import kpi_label

    for name, formula in wanted.items():
        if kpi.get(name) is not None:
            book.check.append(Line(kpi_label(name), formula, float(kpi[name]), "MUSD"))


def _inputs(book: Book, run: Run) -> None:
    """Every resolved input of the scenario, one a row: path and value."""
    from planner.intake.scenario_file import plain_scenario
    from planner.scenario.paths import flatten

    rows = pd.DataFrame(
        [(path, _plain(value)) for path, value in flatten(plain_scenario(run.scenario))],
        columns=["path", "value"],
    )
    book.table(
        book.sheet(
            "Inputs", "Inputs", "The frozen scenario, defaults included; figures are facts of Sources"
        ),
        rows,
    )


def _sources(book: Book, run: Run) -> None:
    """Sources of the facts: every row of the catalog of the run."""
    catalog = run.catalog
    parts = []
    for name in catalog.tables:
        table = catalog.table(name)
        if "source_url" not in table:
            continue
        part = pd.DataFrame(
            {
                "table": name,
                "row": [" · ".join(map(str, i)) if isinstance(i, tuple) else str(i) for i in table.index],
                **{
                    c: table[c].to_numpy() if c in table else None
                    for c in ("assumed", "confidence", "source_date", "source_url", "note")
                },
            }
        )
        parts.append(part)
    rows = pd.concat(parts, ignore_index=True)
    rows["assumed"] = ["" if v is None or v is pd.NA else "yes" if v else "no" for v in rows["assumed"]]
    note = "Every fact the planner may use, its source and its standing; assumed rows are judgements"
    sheet = book.sheet("Sources", "Sources", note)
    book.table(sheet, rows)
    sheet.set_column(5, 6, 60)


def _check(book: Book) -> None:
    """Formula, the planner's value, the difference, and whether they agree to a dollar."""
    note = "Worked out from this workbook's own sheets, beside the planner's values; they must agree"
    sheet = book.sheet("Check", "Check", note)
    for j, text in enumerate(
        ("What", "From this workbook", "From the planner", "Difference", "Unit", "Agrees")
    ):
        sheet.write_string(3, j, text, book.head)
    for i, line in enumerate(book.check):
        row = 4 + i
        sheet.write_string(row, 0, line.what)
        sheet.write_formula(row, 1, line.formula, book.exact, line.value)
        sheet.write_number(row, 2, line.value, book.exact)
        sheet.write_formula(row, 3, f"=B{row + 1}-C{row + 1}", book.exact, 0.0)
        sheet.write_string(row, 4, line.unit)
        test = f'=IF(ABS(D{row + 1})<={TOLERANCE_MUSD}*MAX(1,ABS(C{row + 1})),"yes","NO")'
        sheet.write_formula(row, 5, test, book.good, "yes")
    sheet.set_column(0, 0, 46)
    sheet.set_column(1, 3, 20)
    sheet.freeze_panes(4, 0)


# ---- small things


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | bool | date) else str(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) or "int" in type(value).__name__


def _width(column: pd.Series, name: str) -> float:
    if pd.api.types.is_datetime64_any_dtype(column):
        return 12.0
    if pd.api.types.is_numeric_dtype(column):
        return max(11.0, min(22.0, len(heading(name)) + 2.0))
    longest = max((len(str(v)) for v in column.head(200)), default=0)
    return float(max(8, min(48, max(longest, len(heading(name)) // 2) + 2)))
