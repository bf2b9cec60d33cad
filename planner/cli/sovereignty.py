"""Commands on sovereignty: what each stack buys, what stops if a supplier, law or site is lost, what surviving it costs."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planner.cli.options import CatalogFolder, Json, Quality, ScenarioFile, Settings, TableFile
from planner.cli.output import (
    Progress,
    ask_explain,
    console,
    print_json,
    records,
    scenario_of,
    tell_catalog,
    telling_what_would_give,
)
from planner.facts.numbers import fixed

if TYPE_CHECKING:
    from planner.facts.catalog import Catalog
    from planner.plans.plan import Plan


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command(rich_help_panel="Plans")(stacks)
    app.command(rich_help_panel="Plans")(sever)
    app.command(rich_help_panel="Plans")(survival)


def stacks(
    file: ScenarioFile,
    only: Annotated[
        list[str] | None,
        typer.Option("--stack", metavar="ID", help="A stack of the catalog; may be given often."),
    ] = None,
    output: TableFile = None,
    quality: Quality = "quick",
    seconds: Annotated[
        float, typer.Option(min=1, help="Longest search for one row; its gap is shown.")
    ] = 120,
    workers: Annotated[int, typer.Option(min=1, help="Rows solved side by side.")] = 2,
    rows: Annotated[
        bool, typer.Option("--rows", help="Solve nothing: list the catalog rows on which the stacks differ.")
    ] = False,
    level: Annotated[
        bool,
        typer.Option(
            "--level", help="Solve again without assumed differences, and say whether the order holds."
        ),
    ] = False,
    settings: Settings = None,
    catalog: CatalogFolder = None,
    as_json: Json = False,
) -> None:
    """Force each stack in turn: cost, delay, control, SEAL shares, first service, US content, capital.

    The free choice of the scenario stands beside them. Costs compare only at like service, so the share served
    and the cost per hour of work served are shown; the price of a point of control is at that service. A second
    table says where the money goes, by account.

    Exit codes: 0 a plan of one row at least, 1 of none, 2 bad input.

    Examples:

      planner stacks korea

      planner stacks korea.yaml --stack champion-us-chips --stack rival -o stacks.csv

      planner stacks korea --rows
    """
    from planner.facts.catalog import load_catalog
    from planner.studies.stack_ranking import levelled, ranking_told
    from planner.studies.stack_reasons import catalog_rows, differences
    from planner.studies.stacks import FIVE, FREE, compare_stacks

    facts = load_catalog(catalog)
    scenario = scenario_of(file, facts, settings)
    chosen = tuple(dict.fromkeys(only or FIVE))
    if rows:
        lines = catalog_rows(scenario, chosen, facts)
        _write(lines, output)
        if as_json:
            print_json(records(lines))
        else:
            _show_differences(differences(scenario, chosen, facts))
        return
    told: list[str] = []
    with Progress(quiet=as_json) as progress, telling_what_would_give(file, settings):
        found = compare_stacks(
            scenario, chosen, quality, seconds=seconds, workers=workers, on_event=progress, catalog=facts
        )
        if level:
            without = compare_stacks(
                scenario, chosen, quality, free=False, seconds=seconds, workers=workers, on_event=progress,
                catalog=levelled(facts, chosen),
            )  # fmt: skip
            told = ranking_told(found.table, without.table)
    _write(found.table, output)
    if as_json:
        accounts = found.accounts.rename_axis("account").reset_index()
        print_json({"stacks": records(found.table), "accounts": records(accounts), "order": told})
    else:
        _show_stacks(found.table)
        if len(found.accounts):
            _show_accounts(found.accounts)
        for line in told:
            console().print(line)
    table = found.table
    if ((table["stack"] == FREE) & (table["status"] == "infeasible")).any():
        typer.echo(ask_explain(file, settings), err=True)
    if table["cost_npv_musd"].isna().all():
        raise typer.Exit(1)


def _write(table: Any, path: Path | None) -> None:
    if path is not None:
        table.to_csv(path, index=False)


def _show_stacks(table: Any) -> None:
    from rich.table import Table

    from planner.report.what_if import stack_columns, stack_notes

    columns = stack_columns(table)
    shown = Table(*("" if name == "measure" else str(name) for name in columns))
    for line in columns.itertuples(index=False):
        shown.add_row(*line)
    out = console()
    out.print(shown)
    for note in stack_notes(table):
        out.print(note)


def _show_accounts(accounts: Any) -> None:
    from rich.table import Table

    shown = Table("account", *map(str, accounts.columns), title="The country's cost less residual value, discounted MUSD",
                  title_justify="left")  # fmt: skip
    for account, line in accounts.iterrows():
        shown.add_row(str(account), *(fixed(v, 1) for v in line))
    console().print(shown)


def _show_differences(table: Any) -> None:
    from rich.table import Table

    shown = Table(
        *map(str, table.columns), title="Catalog rows on which the stacks differ", title_justify="left"
    )
    for line in table.itertuples(index=False):
        shown.add_row(*map(str, line))
    console().print(shown)


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
    catalog: CatalogFolder = None,
    as_json: Json = False,
) -> None:
    """Lose a supplier, licence, law or site from a day on: what stops, and what it costs to answer.

    All that was decided before the day is held. Several options narrow the loss: all must apply.

    Exit codes: 0 shown, 1 no plan to cut (reasons are printed), 2 bad input.

    Examples:

      planner sever korea --operator us-operator --from 2030-01-01

      planner sever runs/korea-base --chips USA --supply --from 2029-01-01
    """
    from pydantic import ValidationError

    from planner.facts.catalog import load_catalog
    from planner.facts.errors import BadValue
    from planner.report.terms import term
    from planner.scenario.schema import Cut
    from planner.studies.supplier_loss import sever as cut_plan

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
    try:
        cut = Cut.model_validate({"id": "cut", "from": day, "what": what, **named})
    except ValidationError as error:
        raise BadValue("; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())) from error
    with Progress(quiet=as_json) as progress:
        base = _base(reference, load_catalog(catalog), quality, progress)
        test = cut_plan(base, cut, quality, on_event=progress)
    if as_json:
        tables = {name: records(getattr(test, name)) for name in ("summary", "service", "stops", "buys")}
        print_json({"status": test.outcome.status, "gap": test.outcome.gap, "notes": test.notes, **tables})
    else:
        for title, name in (
            ("What stops", "stops"),
            ("Plan and answer", "summary"),
            ("Service lost", "service"),
            ("Capital of the answer beside the plan's, MUSD", "buys"),
        ):
            found = getattr(test, name).drop(columns="back_date", errors="ignore")
            if "account" in found:
                found = found.assign(account=[term("account", account) for account in found["account"]])
            if "kpi" in found:
                found = found.assign(kpi=[term("kpi", kpi) for kpi in found["kpi"]])
            _show(title, found.rename(columns=lambda column: term("column", column)))
        for note in test.notes:
            console().print(note)
    if test.outcome.plan is None:
        raise typer.Exit(1)


def survival(
    file: ScenarioFile,
    by: Annotated[
        list[str] | None, typer.Option(help="A class: site, operator, parent, vendor, ... (repeat it).")
    ] = None,
    start: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day a loss must be survived."),
    ] = None,
    supply: Annotated[
        bool, typer.Option("--supply", help="Only new supply stops; what was ordered before runs on.")
    ] = False,
    months: Annotated[int, typer.Option(min=1, help="With --supply: how long the loss lasts.")] = 12,
    workload: Annotated[
        list[str] | None, typer.Option(help="A workload that is to survive (repeat it); left out, all are.")
    ] = None,
    quality: Quality = "quick",
    settings: Settings = None,
    catalog: CatalogFolder = None,
    as_json: Json = False,
) -> None:
    """What independence costs: the largest share of service that survives the loss of any one of a class.

    Plans at none, half and all of that share, at the same waits and the same floor on control.

    Exit codes: 0 a plan, 1 the scenario has none, 2 bad input.

    Examples:

      planner survival korea --by operator --by site

      planner survival korea --by vendor --supply --months 24 --from 2030-01-01
    """
    from planner.case.limits import SHARE_COLUMN
    from planner.facts.catalog import load_catalog
    from planner.facts.errors import UnknownName
    from planner.facts.suggest import hint
    from planner.report.what_if import survival_rows
    from planner.studies.survival import survival_table

    classes = by or ["site", "operator"]
    for name in classes:
        if name not in SHARE_COLUMN:
            raise UnknownName(f"--by {name}: no such class{hint(name, list(SHARE_COLUMN))}")
    facts = load_catalog(catalog)
    scenario = scenario_of(file, facts, settings)
    known = [w.id for w in scenario.demand]
    for name in workload or ():
        if name not in known:
            raise UnknownName(f"--workload {name}: no such workload{hint(name, known)}")
    with Progress(quiet=as_json) as progress, telling_what_would_give(file, settings):
        table = survival_table(
            scenario, classes, start.date() if start else None,
            "supply" if supply else "service", months, workload, quality, facts, progress,
        )  # fmt: skip
    if as_json:
        print_json({"survival": records(table)})
        return
    for by_class, part in table.groupby("by", sort=False):
        why = next(iter(part["why"]))
        note = f": {why}" if why else f": at most {100 * part['most'].iloc[0]:.0f} % can be left"
        _show(f"Loss of one {by_class.replace('-', ' ')}{note}", survival_rows(part))
        others = [
            name for name in workload or known if name not in next(iter(part["nobody_else"])).split(", ")
        ]
        for offer in filter(None, str(next(iter(part["shut"]))).split(" | ")):
            console().print(f"  would leave some, were it open: {offer}")
        if why and others:
            options = " ".join(f"--workload {name}" for name in others)
            console().print(f"Of the others: planner survival {file} --by {by_class} {options}")


def _base(reference: str, catalog: Catalog, quality: str, progress: Progress) -> Plan:
    """The plan of a run, or a new one of a scenario file; ``NoPlan`` where that has none."""
    from planner.case.build import build_case
    from planner.facts.errors import NoPlan
    from planner.planning.pipeline import solve
    from planner.planning.solve_run import no_plan
    from planner.runs.disk import RunError
    from planner.runs.run import Run, find_run

    try:
        run: Run | None = find_run(reference)
    except RunError:  # then it is a scenario
        run = None
    if run is not None and run.has_plan:
        run.needs_plan("sever")
        tell_catalog(run, catalog)
        return run.plan()
    found = solve(build_case(scenario_of(reference, catalog), catalog), quality, on_event=progress)
    if found.plan is None:
        with telling_what_would_give(reference, None):
            raise NoPlan(no_plan("nothing to cut: the scenario has", found))
    return found.plan


def _show(title: str, table: Any) -> None:
    from rich.table import Table

    shown = Table(*table.columns, title=title, title_justify="left")
    for row in table.itertuples(index=False):
        shown.add_row(*(fixed(v, 2) if isinstance(v, float) else str(v) for v in row))
    console().print(shown)
