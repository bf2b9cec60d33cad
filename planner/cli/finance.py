"""The finance of a plan: sources and uses, statements, cover, what was filled in; or of a project without a plan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planner.cli.options import RUNS, CatalogFolder, Json, Runs
from planner.cli.output import Progress, console, print_json, records, scenario_path, tell_catalog
from planner.facts.numbers import number, percent

if TYPE_CHECKING:
    import pandas as pd

    from planner.facts.catalog import Catalog
    from planner.scenario.schema import Scenario

YEARLY = ("sources", "uses", "cash_flow", "income", "balance_sheet")
LINES = {
    "cash_flow": ("revenue", "opex", "tax", "vat", "cfads", "interest", "fees", "principal", "swept", "residual",
                  "support", "distributed"),
}  # fmt: skip
"""Lines of a statement that are shown; all where none are named."""


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command(rich_help_panel="Results")(finance)


def finance(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RUN|FILE",
            help="A run (folder, name, `latest`), a scenario (solved first, quickly), or inputs of a yearly pro-forma.",
        ),
    ],
    case: Annotated[
        str | None, typer.Option("--case", metavar="NAME", help="Show the plan under one downside case.")
    ] = None,
    downsides: Annotated[
        bool, typer.Option("--downsides", help="Also every downside case, the tornado, and what may be lost.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="RUN|FILE",
            help="Another plan beside it, with the reason of each difference.",
        ),
    ] = None,
    as_json: Json = False,
    catalog: CatalogFolder = None,
    root: Runs = RUNS,
) -> None:
    """Who pays for a plan, from which sources, and whether its cash flow carries the debt.

    Sources and uses, statements by year (nominal and real), cover ratios, what the state would owe under its
    guarantees, and every default that was filled in. Debt keeps its terms in a downside case; owners pay the rest.

    Examples:

      planner finance latest

      planner finance kenya --downsides

      planner finance latest --case capex

      planner finance runs/built --against runs/rented

      planner finance project.yaml --json
    """
    from planner.facts.catalog import load_catalog
    from planner.finance.side_by_side import Side, side_by_side
    from planner.finance.tables import FAULTS, finance_tables
    from planner.finance.views import downside_tables, tables_under

    facts = load_catalog(catalog)
    path = scenario_path(what)
    if path.is_file() and (inputs := _proforma_inputs(path)) is not None:
        _show_proforma(inputs, as_json)
        return
    file, scenario, plan = _plan(path, what, root, facts, as_json)
    if against is not None:
        _, second, second_plan = _plan(scenario_path(against), against, root, facts, as_json)
        _show_beside(
            side_by_side(Side.of(scenario, plan), Side.of(second, second_plan)), what, against, as_json
        )
        return
    tables = finance_tables(scenario, plan) if case is None else tables_under(scenario, plan, case)
    if downsides and FAULTS not in tables:
        tables |= downside_tables(scenario, plan)
    if as_json:
        print_json({name: records(table) for name, table in tables.items()})
    else:
        _show(tables, file)
        if "finance_downsides" in tables:
            _show_downsides(tables)
    if FAULTS in tables:
        raise typer.Exit(2)


def _proforma_inputs(path: Path) -> dict[str, Any] | None:
    """A file's mapping where it is no scenario; the cases of a collection are not told apart."""
    from planner.scenario.reading import parse_yaml, read_text

    item, _ = parse_yaml(read_text(path), str(path))
    plain = item.plain()
    if (
        not isinstance(plain, dict)
        or {"planner", "extends"} & plain.keys()
        or "years" not in plain.get("inputs", plain)
    ):
        return None
    found: dict[str, Any] = plain.get("inputs", plain)
    return found


def _show_proforma(inputs: Mapping[str, Any], as_json: bool) -> None:
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


def _plan(
    path: Path, what: str, root: Path, facts: Catalog, quiet: bool
) -> tuple[Path, Scenario, dict[str, pd.DataFrame]]:
    """File, scenario and tables of a run, or of a scenario solved at quick quality."""
    from planner.runs.finance import plan_tables
    from planner.runs.run import find_run

    if path.is_file():
        return path, *_solved(path, facts, quiet)
    run = find_run(what, root)
    tell_catalog(run, facts)
    return run.path / "scenario.yaml", run.scenario, plan_tables(run)


def _solved(path: Path, facts: Catalog, quiet: bool) -> tuple[Scenario, dict[str, pd.DataFrame]]:
    from planner.case.build import build_case
    from planner.facts.errors import NoPlan
    from planner.intake.scenario_file import load_scenario
    from planner.planning.pipeline import solve

    scenario = load_scenario(path, facts)
    with Progress(quiet=quiet) as progress:
        outcome = solve(build_case(scenario, facts), quality="quick", on_event=progress)
    if outcome.plan is None:
        raise NoPlan(f"{path}: no plan to finance ({outcome.status}); `planner solve` says why")
    return scenario, outcome.plan.tables


def _show_beside(table: pd.DataFrame, base: str, other: str, as_json: bool) -> None:
    from rich.table import Table

    if as_json:
        print_json({"finance_side_by_side": records(table)})
        return
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


def _show_downsides(tables: Mapping[str, pd.DataFrame]) -> None:
    from rich.table import Table

    from planner.finance.cases import FIGURES
    from planner.report.terms import term

    out = console()
    cases = tables["finance_downsides"]
    shown = Table(
        "case",
        *(term("finance_figure", f) for f in FIGURES),
        title="Downside cases by flows alone",
        title_justify="left",
    )
    for row in cases.itertuples():
        values = [
            percent(v, 1) if f.endswith("irr") else number(v, 4) for f in FIGURES for v in [getattr(row, f)]
        ]
        shown.add_row(row.case, *([row.fault] if row.fault else values))
    out.print(shown)
    tornado = tables["finance_tornado"]
    figure = term("finance_figure", tornado["figure"].iloc[0])
    swings = Table(
        "case", "worse", "as signed", "better", "swing", title=f"Tornado: {figure}", title_justify="left"
    )
    for row in tornado.itertuples():
        swings.add_row(row.case, *(number(v, 4) for v in (row.worse, row.base, row.better, row.swing)))
    out.print(swings)
    for row in tables["finance_break_evens"].itertuples():
        out.print(f"Revenue that may be lost while {row.what}: {row.reason or percent(row.share, 1)}")


def _show(tables: Mapping[str, pd.DataFrame], file: Path) -> None:
    from rich.table import Table
    from rich.text import Text

    from planner.intake.scenario_file import placed
    from planner.report.terms import term

    out = console()
    if "finance_faults" in tables:
        out.print("This plan cannot be financed as asked:")
        for problem in placed(file, dict(tables["finance_faults"].itertuples(index=False))):
            out.print(Text(str(problem)), soft_wrap=True)
        return
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
        defaults.add_row(row.path.removeprefix("finance."), row.value, row.why, source)
    out.print(defaults)


def _sources(table: pd.DataFrame) -> Any:
    from rich.table import Table

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
            row.cap,
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
        "who", "peak, MUSD", title="Peak funding, and what the state would owe", title_justify="left"
    )
    for payer, peak in owners.groupby("payer", sort=False)["cumulative_musd"].max().items():
        shown.add_row(str(payer), number(max(0.0, peak), 4))
    shown.add_row("guarantees, largest", number(cover["contingent_musd"].max(), 4))
    return shown
