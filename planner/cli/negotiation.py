"""The command that says what agreements and other concessions are worth."""

from __future__ import annotations

from typing import Annotated

import typer

from planner.cli.options import AnswerFile, CatalogFolder, Json, Quality, ScenarioFile, Settings
from planner.cli.output import (
    Progress,
    console,
    print_json,
    records,
    scenario_of,
    telling_what_would_give,
    write_answer,
)


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command(rich_help_panel="Plans")(negotiate)


def negotiate(
    file: ScenarioFile,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="agreement, terms, licence, quota, keys, operator or law (repeat it); left out, all."
        ),
    ] = None,
    output: AnswerFile = None,
    quality: Quality = "quick",
    settings: Settings = None,
    catalog: CatalogFolder = None,
    as_json: Json = False,
) -> None:
    """What each agreement, a month of licence, a thousand of quota, keys at home, a local operator and own law are worth.

    At the same waits and floors. Of an agreement: the most to pay, its price, what of that must go for it to be the
    choice, and with which of keys, operator and law at home it would be the choice as it is. With --quality plan whole
    plans are made of each row too.

    Exit codes: 0 a plan, 1 the scenario has none, 2 bad input.

    Examples:

      planner negotiate korea-agreements

      planner negotiate uae --only licence --only quota --quality plan
    """
    from planner.facts.catalog import load_catalog
    from planner.facts.errors import UnknownName
    from planner.facts.suggest import hint
    from planner.report.what_if import negotiation_rows, negotiation_told
    from planner.runs.run import NEGOTIATION
    from planner.studies.concessions import WHATS
    from planner.studies.negotiation import negotiation_table

    for name in only or ():
        if name not in WHATS:
            raise UnknownName(f"--only {name}: no such concession{hint(name, list(WHATS))}")
    facts = load_catalog(catalog)
    scenario = scenario_of(file, facts, settings)
    with Progress(quiet=as_json) as progress, telling_what_would_give(file, settings):
        table = negotiation_table(
            scenario, quality, facts, progress, whats=tuple(w for w in WHATS if w in (only or WHATS))
        )
    said = negotiation_told(table)
    if output is not None:
        write_answer(output, NEGOTIATION, {"negotiation": table}, scenario, quality, said)
    if as_json:
        print_json({"negotiation": records(table)})
        return
    from rich.table import Table

    told = negotiation_rows(table)
    shown = Table(title="What a concession is worth, MUSD of present value", title_justify="left")
    for name in told.columns:
        shown.add_column(name, overflow="fold")
    for line in told.itertuples(index=False):
        shown.add_row(*map(str, line))
    if len(told):
        console().print(shown)
    for line in said:
        console().print(line, soft_wrap=True)
