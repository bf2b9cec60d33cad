"""The command on a hub of several countries."""

from __future__ import annotations

from typing import Annotated

import typer

from planner.cli.options import AnswerFile, CatalogFolder, Json, Quality, ScenarioFile, Settings
from planner.cli.output import Progress, console, print_json, records, scenario_of, write_answer


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command(rich_help_panel="Plans")(hub)


def hub(
    file: ScenarioFile,
    country: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ISO3", help="A country of the hub (repeat it); left out, all that have demand."
        ),
    ] = None,
    output: AnswerFile = None,
    quality: Quality = "quick",
    settings: Settings = None,
    catalog: CatalogFolder = None,
    as_json: Json = False,
) -> None:
    """Several countries at one hub: service, control and cost of each, and what every coalition of them saves.

    Each country plans alone first, with its own part of every quota (of the demand of all countries of the scenario); the
    waits of those plans hold for every coalition: costs compare. One without a plan at these waits may have one at others.

    Examples:

      planner hub regional-hub --country MYS --country PHL --country VNM
    """
    from rich.table import Table

    from planner.facts.catalog import load_catalog
    from planner.report.hub import coalition_rows, country_rows, hub_told
    from planner.runs.run import HUB
    from planner.studies.hub import hub_study

    facts = load_catalog(catalog)
    scenario = scenario_of(file, facts, settings)
    with Progress(quiet=as_json) as progress:
        found = hub_study(scenario, country, quality, facts, progress)
    said = hub_told(found.countries, found.coalitions)
    if output is not None:
        tables = {"hub_countries": found.countries, "hub_coalitions": found.coalitions}
        write_answer(output, HUB, tables, scenario, quality, said)
    if as_json:
        print_json({"countries": records(found.countries), "coalitions": records(found.coalitions)})
        return
    for title, rows in (
        (
            "Countries of the hub: what is asked by what is held, MUSD of present value",
            country_rows(found.countries),
        ),
        ("Coalitions: cost, and what its members save against going alone", coalition_rows(found.coalitions)),
    ):
        shown = Table(title=title, title_justify="left")
        for name in rows.columns:
            shown.add_column(name, overflow="fold")
        for line in rows.itertuples(index=False):
            shown.add_row(*map(str, line))
        console().print(shown)
    for line in said:
        console().print(line, soft_wrap=True)
