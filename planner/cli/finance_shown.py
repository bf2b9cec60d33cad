"""How `planner finance` shows its tables on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planner.cli.output import console, print_json
from planner.facts.numbers import number, percent

if TYPE_CHECKING:
    import pandas as pd

YEARLY = ("sources", "uses", "cash_flow", "income", "balance_sheet")
LINES = {
    "cash_flow": ("revenue", "opex", "tax", "vat", "cfads", "interest", "fees", "principal", "swept", "residual",
                  "support", "distributed"),
}  # fmt: skip
"""Lines of a statement that are shown; all where none are named."""
CASES = {
    "finance_downsides": "Downside cases by flows alone",
    "finance_replanned": "Planned again under each event, decisions of the first year held",
}


def show_proforma(inputs: Mapping[str, Any], as_json: bool) -> None:
    from rich.table import Table

    from planner.finance import proforma

    answer = proforma(inputs)
    if as_json:
        print_json(answer)
        return
    shown = Table("figure", "value", title="Yearly pro-forma", title_justify="left")
    lines = Table("line", title="By year, 0 is close", title_justify="left")
    for name, value in answer.items():
        if isinstance(value, list):
            lines.add_row(name + ": " + ", ".join("-" if v is None else number(v, 5) for v in value))
        else:
            shown.add_row(name, "-" if value is None else number(value, 8))
    console().print(shown)
    console().print(lines)


def show_beside(table: pd.DataFrame, base: str, other: str) -> None:
    from rich.table import Table

    shown = Table(
        "figure",
        "of",
        "unit",
        base,
        other,
        "difference",
        "because",
        title="As a lender asks",
        title_justify="left",
    )
    for row in table.itertuples():
        values = (number(v, 4) for v in (row.base, row.other, row.difference))
        shown.add_row(row.figure, row.of, row.unit, *values, row.reason)
    console().print(shown)


def show_downsides(tables: Mapping[str, pd.DataFrame]) -> None:
    from rich.table import Table

    from planner.report.terms import term

    out = console()
    for name, title in CASES.items():
        if name in tables:
            out.print(_cases(tables[name], title))
    tornado = tables["finance_tornado"]
    figure = term("finance_figure", tornado["figure"].iloc[0])
    swings = Table(
        "case",
        "worse",
        "as signed",
        "better",
        "swing",
        "service lost",
        "reason",
        title=f"Tornado: {figure}",
        title_justify="left",
    )
    for row in tornado.itertuples():
        swings.add_row(
            row.case,
            *(number(v, 4) for v in (row.worse, row.base, row.better, row.swing)),
            percent(row.service_lost_share),
            row.reason,
        )
    out.print(swings)
    for row in tables["finance_break_evens"].itertuples():
        out.print(f"Revenue that may be lost while {row.what}: {row.reason or percent(row.share, 1)}")


def show_finance(tables: Mapping[str, pd.DataFrame], file: Path) -> None:
    from rich.table import Table
    from rich.text import Text

    from planner.intake.scenario_file import placed
    from planner.report.terms import term

    out = console()
    if "finance_faults" in tables:
        out.print("This plan cannot be financed as asked:")
        for problem in placed(file, tables["finance_faults"].itertuples(index=False, name=None)):
            out.print(Text(str(problem)), soft_wrap=True)
        return
    for problem in placed(file, tables["finance_cautions"].itertuples(index=False, name=None)):
        out.print(Text(f"warning: {problem}", style="yellow"), soft_wrap=True)
    out.print(_sources(tables["finance_sources"]))
    statements = tables["finance_statements"]
    for money in ("nominal", "real"):
        for name in YEARLY:
            out.print(_by_year(statements, name, money))
    figures = Table("figure", "value", "unit", title="Figures", title_justify="left")
    for row in tables["finance_figures"].itertuples():
        shown = percent(row.value, 2) if row.unit == "1/year" else number(row.value, 4)
        figures.add_row(term("finance_figure", row.figure), shown, "" if row.unit == "1/year" else row.unit)
    out.print(figures)
    out.print(_peaks(tables["finance_owners"], tables["finance_cover"]))
    defaults = Table("field", "value", "why", "source", title="Filled in", title_justify="left")
    for row in tables["finance_defaults"].itertuples():
        source = f"{row.source_url} {row.source_date}".strip() or ("assumed" if row.assumed else "")
        cells = (row.path.removeprefix("finance."), row.value, row.why, source)
        defaults.add_row(*(Text(str(cell)) for cell in cells))  # a path holds brackets
    out.print(defaults)


def _sources(table: pd.DataFrame) -> Any:
    from rich.table import Table

    from planner.report.terms import term

    shown = Table("source", "kind", "drawn, MUSD", "of uses", "of its cost", "bound by", "rate", "repaid from", "to",
                  title="Sources", title_justify="left")  # fmt: skip
    for row in table.itertuples():
        days = [f"{day:%Y-%m}" if day == day else "" for day in (row.first_repayment, row.last_repayment)]
        rate = percent(row.rate_per_year, 2) if days[0] else ""
        shown.add_row(
            row.source,
            row.kind,
            number(row.drawn_musd, 4),
            percent(row.share_of_uses, 1),
            percent(row.loan_to_cost, 1),
            term("cap", row.cap),
            rate,
            *days,
        )
    return shown


def _by_year(statements: pd.DataFrame, name: str, money: str) -> Any:
    from rich.table import Table

    from planner.report.finance import by_year
    from planner.report.terms import statement_line, term

    wide = by_year(statements[statements["statement"] == name], money).droplevel("statement")
    title = f"{term('finance_statement', name)}, MUSD, {money}"
    shown = Table("", *map(str, wide.columns), title=title, title_justify="left")
    for line, values in wide.iterrows():
        if str(line) in LINES.get(name, wide.index):
            shown.add_row(statement_line(str(line)), *(number(v, 4) for v in values))
    return shown


def _peaks(owners: pd.DataFrame, cover: pd.DataFrame) -> Any:
    from rich.table import Table

    shown = Table(
        "who", "MUSD", title="Owners' money at the worst, and what the state would owe", title_justify="left"
    )
    for payer, peak in owners.groupby("payer", sort=False)["cumulative_musd"].max().items():
        shown.add_row(str(payer), number(max(0.0, peak), 4))
    shown.add_row("guarantees, largest", number(cover["contingent_musd"].max(), 4))
    return shown


def _cases(table: pd.DataFrame, title: str) -> Any:
    from rich.table import Table

    from planner.finance.cases import FIGURES
    from planner.report.terms import term

    names = [term("finance_figure", f) for f in FIGURES]
    shown = Table("case", *names, title=title, title_justify="left")
    for row in table.to_dict("records"):
        values = [percent(row[f], 1) if f.endswith("irr") else number(row[f], 4) for f in FIGURES]
        shown.add_row(row["case"], *([row["fault"]] if row["fault"] else values))
    return shown
