"""The plan's tables as they stand, the bill of materials, assumptions and sources."""

from __future__ import annotations

from typing import Any

import pandas as pd
from xlsxwriter.utility import xl_col_to_name

from planner.plans.schema import SCHEMA
from planner.report import views
from planner.report.strings import t
from planner.report.terms import term
from planner.report.workbook.book import TOP, Book
from planner.report.workbook.inputs import Facts

OWN_SHEET = ("ledger", "capital", "dispatch", "assumptions")
"""Tables of the plan that are shown as views or not at all; every other one is a sheet as it stands."""
CONTENT = "Content by country"
READ = {"demand": "Demand", "fleet": "Fleet", "power": "Power", "content": CONTENT, "control": "Control",
        "commitments": "Contracts", "service": "Service", "orders": "Orders", "serving": "Serving"}  # fmt: skip
"""Tables that formulas read, whatever they hold -> their sheets."""

CALLED = {"opens": {"live_date": "may_serve_from"}}
"""Columns that say less by their common name: a place that is live has its permit, its first work may come later."""


def frames(facts: Facts) -> dict[str, pd.DataFrame]:
    """Sheet -> table, in the order of the plan; with what formulas need beside the plan's own columns."""
    out = {}
    for name in SCHEMA:
        if name in facts.tables and name not in OWN_SHEET and (len(facts.tables[name]) or name in READ):
            out[READ.get(name, term("table", name))] = facts.tables[name].rename(columns=CALLED.get(name, {}))
    if CONTENT in out:
        out[CONTENT] = facts.content
    weight = {
        w.id: float(w.priority) for w in facts.run.scenario.demand if w.id in set(facts.tables["demand"]["w"])
    }
    weight = {w: priority / sum(weight.values()) for w, priority in weight.items()}  # as the wait is weighted
    for name in ("Demand", "Service", "Serving"):
        out[name] = out[name].assign(priority=out[name]["w"].map(weight).astype(float))
    months = pd.Series(facts.context.calendar.months.astype(float))
    out["Serving"] = out["Serving"].assign(months=out["Serving"]["t"].map(months).astype(float))
    fleet = facts.tables["fleet"].groupby("k")[["it_mw", "accelerators"]].sum()
    each_kw = 1000.0 * fleet["it_mw"] / fleet["accelerators"]
    orders = out["Orders"]
    out["Orders"] = orders.assign(
        mode=orders["h"].map(facts.modes).astype(object),
        kw_per_accelerator=orders["k"].map(each_kw).astype(float),
    )
    return out


def write_tables(book: Book, tables: dict[str, pd.DataFrame]) -> None:
    for name, table in tables.items():
        sheet = book.sheet(name, name)
        book.table(sheet, table)
        if name == CONTENT:
            _content(book, sheet, table)


def _content(book: Book, sheet: Any, table: pd.DataFrame) -> None:
    """What a line of capital is worth to a country: what the ledger holds, times the share made there."""
    led, at = book.spans["Ledger"], {name: xl_col_to_name(j) for j, name in enumerate(table.columns)}
    keys = ("t", "payer", "account", "origin_iso3", "k", "at")
    for i, row in enumerate(table.itertuples(index=False), start=TOP + 1):
        same = ",".join(f"{led[name]},{at[name]}{i + 1}" for name in keys)
        formula = f'={at["share"]}{i + 1}*SUMIFS({led["musd"]},{led["kind"]},"capex",{same})'
        book.formula(sheet, i, list(table.columns).index("musd"), formula, float(row.musd), book.exact)
        sheet.write_number(i, list(table.columns).index("share"), float(row.share), book.input)


def write_bill(book: Book, facts: Facts) -> None:
    note = t("plan.materials-note", year=facts.run.scenario.money.price_year)
    sheet = book.sheet("Bill of materials", "Bill of materials", note)
    book.table(sheet, views.bill_of_materials(dict(facts.tables)))


def write_assumptions(book: Book, facts: Facts) -> None:
    if len(facts.tables.get("assumptions", ())):
        note = "The discount rate, rules of valuing, and defaults taken because the scenario says nothing"
        book.table(book.sheet("Assumptions", "Assumptions", note), facts.tables["assumptions"])


def write_sources(book: Book, facts: Facts) -> None:
    """Sources of the facts: every row of the catalog of the run."""
    catalog, parts = facts.run.catalog, []
    for name in catalog.tables:
        table = catalog.table(name)
        if "source_url" not in table:
            continue
        row = [" · ".join(map(str, i)) if isinstance(i, tuple) else str(i) for i in table.index]
        columns = ("assumed", "confidence", "source_date", "source_url", "note")
        facts_of = {c: table[c].to_numpy() if c in table else None for c in columns}
        parts.append(pd.DataFrame({"table": name, "row": row, **facts_of}))
    rows = pd.concat(parts, ignore_index=True)
    rows["assumed"] = ["" if v is None or v is pd.NA else "yes" if v else "no" for v in rows["assumed"]]
    note = "Every fact the planner may use, its source and its standing; assumed rows are judgements"
    sheet = book.sheet("Sources", "Sources", note)
    book.table(sheet, rows)
    sheet.set_column(5, 6, 60)
