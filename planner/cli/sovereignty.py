"""Commands on sovereignty: what each stack buys, and what stops if a supplier, licence, law or site is lost."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from planner.cli.output import Progress, changed, console, parsed_changes, print_json, records, scenario_path

if TYPE_CHECKING:
    from planner.plan import Plan

Quality = Annotated[Literal["quick", "plan"], typer.Option(help="quick: gap of 2 %; plan: 1 %.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change an input; may be given often.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command(rich_help_panel="Plans")(stacks)
    app.command(rich_help_panel="Plans")(sever)


def stacks(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A scenario file, or the name of an example.")],
    only: Annotated[
        list[str] | None,
        typer.Option("--stack", metavar="ID", help="A stack of the catalog; may be given often."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="CSV", help="Write the table here.")
    ] = None,
    quality: Quality = "quick",
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Force each stack in turn and compare cost, delay, control, SEAL shares, first service and US content.

    Costs compare only at like service: the share served stands beside them.

    Examples:

      planner stacks korea

      planner stacks korea.yaml --stack champion-us-chips --stack rival -o stacks.csv
    """
    from planner.scenario_file import load_scenario
    from planner.stack_table import FIVE, stack_table

    scenario = changed(load_scenario(scenario_path(file)), parsed_changes(settings or []))
    with Progress(quiet=as_json) as progress:
        try:
            table = stack_table(scenario, only or FIVE, quality, on_event=progress)
        except ValueError as error:
            console(stderr=True).print(str(error))
            raise typer.Exit(2) from error
    if output is not None:
        table.to_csv(output, index=False)
    if as_json:
        print_json(records(table))
        return
    _show_stacks(table)


def _show_stacks(table: Any) -> None:
    from rich.table import Table

    shown = Table("", "cost\nMUSD", "delay\nmonths", "served", "control", "SEAL 0/1/2+", "first\nservice", "US content",
                  "MUSD per\npoint")  # fmt: skip
    for row in table.itertuples():
        if row.status in ("infeasible", "no-solution", "not offered"):
            shown.add_row(row.stack, row.status)
            continue
        higher = row.seal_2_share + row.seal_3_share + row.seal_4_share
        shown.add_row(
            row.stack, f"{row.cost_npv_musd:,.0f}", f"{row.delay_months:.1f}", f"{row.served_share:.0%}",
            f"{row.control_score:.1f}", f"{row.seal_0_share:.0%} {row.seal_1_share:.0%} {higher:.0%}",
            str(row.first_service), f"{row.us_content:.0%}",
            "" if row.musd_per_control_point != row.musd_per_control_point else f"{row.musd_per_control_point:,.0f}",
        )  # fmt: skip
    out = console()
    out.print(shown)
    for row in table.itertuples():
        if isinstance(row.note, str) and row.note:
            out.print(f"{row.stack}: {row.note}")


def sever(
    reference: Annotated[str, typer.Argument(metavar="RUN|FILE", help="A finished run, or a scenario file.")],
    start: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="Lost from this day on.")],
    operator: Annotated[list[str] | None, typer.Option(help="An operator leaves.")] = None,
    vendor: Annotated[list[str] | None, typer.Option(help="A maker of accelerators is lost.")] = None,
    stack: Annotated[list[str] | None, typer.Option(help="A stack is lost.")] = None,
    host: Annotated[list[str] | None, typer.Option(help="A host is lost.")] = None,
    site: Annotated[list[str] | None, typer.Option(help="A site is lost, as when its grid fails.")] = None,
    law: Annotated[
        list[str] | None, typer.Option(metavar="ISO3", help="Operators with a parent here must stop.")
    ] = None,
    chips: Annotated[
        list[str] | None, typer.Option(metavar="ISO3", help="Chips designed here are lost.")
    ] = None,
    supply: Annotated[
        bool,
        typer.Option("--supply", help="Only new supply stops, as when a licence ends; what stands runs on."),
    ] = False,
    quality: Quality = "quick",
    as_json: Json = False,
) -> None:
    """Lose a supplier, licence, law or site from a day on: what stops, and what it costs to answer.

    All that was decided before the day is held. Several options narrow the loss: all must apply.

    Examples:

      planner sever korea --operator us-operator --from 2030-01-01

      planner sever runs/korea-base --chips USA --supply --from 2029-01-01
    """
    from planner.scenario import Cut
    from planner.severance import sever as cut_plan

    fields = {"operators": operator, "vendors": vendor, "stacks": stack, "hosts": host, "sites": site, "parents": law,
              "chip_origins": chips}  # fmt: skip
    named = {name: value for name, value in fields.items() if value}
    if not named:
        console(stderr=True).print(
            "say what is lost: --operator, --vendor, --stack, --host, --site, --law or --chips"
        )
        raise typer.Exit(2)
    day: date = start.date()
    what = "supply" if supply else "service"
    with Progress(quiet=as_json) as progress:
        base = _base(reference, quality, progress)
        try:
            cut = Cut.model_validate({"id": "cut", "from": day, "what": what, **named})
            test = cut_plan(base, cut, quality, on_event=progress)
        except ValueError as error:
            console(stderr=True).print(str(error))
            raise typer.Exit(2) from error
    if as_json:
        tables = {name: records(getattr(test, name)) for name in ("summary", "service", "stops")}
        print_json({"status": test.outcome.status, **tables})
    else:
        for title, name in (
            ("What stops", "stops"),
            ("Plan and answer", "summary"),
            ("Service lost", "service"),
        ):
            _show(title, getattr(test, name).drop(columns="back_date", errors="ignore"))
    if test.outcome.plan is None:
        raise typer.Exit(1)


def _base(reference: str, quality: str, progress: Progress) -> Plan:
    """The plan of a run, or a new one of a scenario file."""
    from planner.case.build import build_case
    from planner.runs import Run, RunError, find_run
    from planner.scenario_file import load_scenario
    from planner.solver.ladder import solve

    try:
        run: Run | None = find_run(reference)
    except RunError:  # then it is a scenario
        run = None
    if run is not None and run.has_plan:
        return run.plan()
    found = solve(build_case(load_scenario(scenario_path(reference))), quality, on_event=progress)
    if found.plan is None:
        out = console(stderr=True)
        out.print(f"no plan to cut: {found.status}")
        for trouble in found.troubles:
            out.print(f"  {trouble.message}")
        raise typer.Exit(1)
    return found.plan


def _show(title: str, table: Any) -> None:
    from rich.table import Table

    shown = Table(*table.columns, title=title, title_justify="left")
    for row in table.itertuples(index=False):
        shown.add_row(*(f"{v:,.2f}" if isinstance(v, float) else str(v) for v in row))
    console().print(shown)
