"""The workbook of a plan: what a financier takes home, with live formulas down to the inputs.

Laid out by the FAST standard: named inputs; timing and flags; a sheet by period has one formula a row; balances run from
opening to closing; no number stands in a formula but 0, 1 and factors of units. Summary holds every figure as a formula,
Check compares each with the planner's own.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from planner.report.built import not_proven
from planner.report.workbook import capacity, cost, finance, flows, inputs, summary, tables
from planner.report.workbook.book import Book
from planner.report.workbook.inputs import Facts

if TYPE_CHECKING:
    from planner.runs.run import Run

__all__ = ["workbook_bytes", "write_workbook"]


def write_workbook(run: Run, path: Path | str) -> Path:
    """Writes the workbook of a run with a plan; returns its path."""
    path = Path(path)
    path.write_bytes(workbook_bytes(run))
    return path


def workbook_bytes(run: Run) -> bytes:
    """The workbook of a run with a plan, as the bytes of an xlsx file."""
    buffer = io.BytesIO()
    book, facts = Book(buffer), Facts(run, {name: run.table(name) for name in run.tables})
    front, plan = book.sheet("Summary", run.title, _note(run)), tables.frames(facts)
    for name, frame in {**plan, "Ledger": facts.ledger[flows.LEDGER]}.items():
        book.place(name, frame)
    inputs.write_inputs(book, facts)
    timing = flows.write_timing(book, facts)
    rows = flows.write_flows(book, facts, timing)
    flows.write_capital(book, facts, timing)
    live = capacity.write_capacity(book, facts, timing)
    kinds = cost.write_cost(book, facts)
    cost.write_sensitivities(book, facts, timing, rows["net"], kinds)
    finance.write_finance(book, facts, timing)
    known = summary.formulas(book, facts, timing, rows, live)
    cells = summary.write_planner(book, facts, known)
    tables.write_bill(book, facts)
    tables.write_tables(book, plan)
    flows.write_ledger(book, facts, timing)
    inputs.write_scenario(book, facts)
    tables.write_assumptions(book, facts)
    tables.write_sources(book, facts)
    summary.write_summary(book, front, facts, known, cells)
    summary.write_checks(book)
    front.activate()
    book.book.close()
    return buffer.getvalue()


def _note(run: Run) -> str:
    gap, quality = run.outcome.get("gap"), run.outcome.get("quality")
    shown = "" if gap is None else f"; gap {100 * gap:.2f} %"
    shown += "".join(f"; {said}" for said in not_proven(run.outcome))
    said = f"; {run.audit_line}" if run.audit_line else ""
    return f"Run {run.name}; status {run.status}; quality {quality}{shown}; real {run.scenario.money.price_year} USD{said}"
