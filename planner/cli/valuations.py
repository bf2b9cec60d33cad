"""What a plan is worth under each rule of valuing what is left at the end."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from planner.cli.options import CatalogFolder, Json, ScenarioFile, Settings
from planner.cli.output import console, print_json, records, scenario_of, telling_what_would_give
from planner.facts.numbers import fixed


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command(rich_help_panel="Plans")(valuations)


def valuations(
    file: ScenarioFile,
    quality: Annotated[
        Literal["quick", "plan", "proof"],
        typer.Option(help="quick: gap of 2 %; plan: 1 %; proof: plan, then all hours of the day."),
    ] = "quick",
    settings: Settings = None,
    catalog: CatalogFolder = None,
    as_json: Json = False,
) -> None:
    """Plans made under each rule of residual value, each valued under all: market, straight line, nothing left.

    Exit codes: 0 a plan, 1 no plan under any rule, 2 bad input.

    Examples:

      planner valuations korea

      planner valuations korea.yaml --quality plan --json
    """
    from planner.facts.catalog import load_catalog
    from planner.studies.valuations import valuation_table

    facts = load_catalog(catalog)
    scenario = scenario_of(file, facts, settings)
    with telling_what_would_give(file, settings):
        table = valuation_table(scenario, quality, facts)
    if as_json:
        print_json({"valuations": records(table)})
    else:
        _show(table)


def _show(table: Any) -> None:
    from rich.table import Table

    out = Table(
        title="Cost by rule of residual value",
        caption="MUSD, present value; a row is the plan made under a rule",
    )
    for name in (
        "made under",
        "status",
        "at market",
        "straight line",
        "nothing left",
        "capex",
        "bought",
        "rented",
    ):
        out.add_column(name, justify="left" if name in ("made under", "status") else "right")
    for row in table.to_dict("records"):
        figures = ("cost_market", "cost_straight-line", "cost_none", "capex_partner_musd", "accelerators_owned",
                   "accelerators_rented")  # fmt: skip
        out.add_row(
            row["made_under"], row["status"], *("" if row[f] != row[f] else fixed(row[f]) for f in figures)
        )
    console().print(out)
