"""Commands that make a plan: solve and demo."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from planner.cli.options import RUNS, CatalogFolder, Json, RunFolder, Runs, ScenarioFile, Settings
from planner.cli.output import UNSOUND, Progress, console, print_json, scenario_of

if TYPE_CHECKING:
    from planner.facts.catalog import Catalog
    from planner.runs.run import Run
    from planner.scenario.schema import Scenario

CODES = {"optimal": 0, "feasible": 0, "infeasible": 1, "unbounded": 1, "no-solution": 4}

Quality = Annotated[
    Literal["quick", "plan", "proof"] | None,
    typer.Option(help="quick: gap of 2 %; plan: 1 %; proof: plan, then all hours of the day."),
]


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command(rich_help_panel="Plans")(demo)
    app.command(rich_help_panel="Plans")(solve)


def solve(
    file: ScenarioFile,
    output: RunFolder = None,
    objective: Annotated[
        Literal["cost", "delay", "control"], typer.Option(help="What to make best; ties go to the others.")
    ] = "cost",
    max_delay: Annotated[
        float | None, typer.Option(metavar="MONTHS", help="Weighted wait of at most so many months.")
    ] = None,
    min_control: Annotated[
        float | None,
        typer.Option(metavar="POINTS", help="Control of what is served, 0 to 100, of at least this."),
    ] = None,
    max_cost: Annotated[
        float | None,
        typer.Option(metavar="MUSD", help="Present value of cost of at most this, in million USD."),
    ] = None,
    quality: Quality = None,
    settings: Settings = None,
    catalog: CatalogFolder = None,
    root: Runs = RUNS,
    as_json: Json = False,
) -> None:
    """Make one plan of a scenario and write it as a run.

    Exit codes: 0 a plan (its gap is printed), 1 no plan can exist (reasons are printed), 2 bad input,
    3 the audit of the plan fails or finds rules broken, 4 no plan found in time.

    Examples:

      planner solve korea.yaml -o korea-base

      planner solve korea.yaml --objective control --max-cost 6000

      planner solve korea.yaml --min-control 60 --set 'demand\\[government].priority=3'
    """
    from planner.facts.catalog import load_catalog

    facts = load_catalog(catalog)
    limits = {"max_delay_months": max_delay, "min_control": min_control, "max_cost_musd": max_cost}
    more = {f"limits.{name}": value for name, value in limits.items() if value is not None}
    scenario = scenario_of(file, facts, settings, more)
    run = _solved(scenario, facts, {"objective": objective, "quality": quality}, output, root, quiet=as_json)
    _show(run, as_json)
    raise typer.Exit(_code(run))


def demo(
    app: Annotated[
        bool, typer.Option("--app/--no-app", help="Open the application on the plan afterwards.")
    ] = True,
    quality: Quality = None,
    output: RunFolder = None,
    catalog: CatalogFolder = None,
    root: Runs = RUNS,
    as_json: Json = False,
) -> None:
    """Solve the Korea example, print the plan, write the run and open the application on it.

    The application is not started where output is no terminal or CI is set: the command for it is printed.

    Example: planner demo --no-app
    """
    from planner.facts.catalog import load_catalog

    facts = load_catalog(catalog)
    scenario = scenario_of("korea", facts)
    run = _solved(scenario, facts, {"objective": "cost", "quality": quality}, output, root, quiet=as_json)
    _show(run, as_json)
    if run.has_plan and not as_json:
        _open_app(run, catalog, start=app)
    raise typer.Exit(_code(run))


def _code(run: Run) -> int:
    """The exit code of a run; a plan whose audit is not clean is a fault of the planner, whatever its status."""
    if words := run.audit_fault:
        typer.echo(f"{words}: do not use this plan, it is a fault of the planner", err=True)
        return UNSOUND
    return CODES.get(run.status, UNSOUND)


def _solved(
    scenario: Scenario,
    catalog: Catalog,
    options: dict[str, Any],
    output: Path | None,
    root: Path,
    quiet: bool,
) -> Run:
    from planner.runs.solve import run_solve

    given = {name: value for name, value in options.items() if value is not None}
    with Progress(quiet) as progress:
        return run_solve(scenario, given, output, on_event=progress, root=root, catalog=catalog)


def _show(run: Run, as_json: bool) -> None:
    from planner.cli.summary import print_summary

    if as_json:
        print_json({"run": str(run.path), **run.outcome})
    else:
        print_summary(run, console())


def _open_app(run: Run, catalog: Path | None, start: bool) -> None:
    """Serves the application on the run, or says how to."""
    root = run.path.parent
    command = f"planner app --runs {root}" if root != RUNS else "planner app"
    command += "" if catalog is None else f" --catalog {catalog}"
    if not start or os.environ.get("CI") or not sys.stdout.isatty():
        typer.echo(f"to see it in the browser: {command}")
        return
    try:
        from planner.app import serve
    except ImportError as error:
        typer.echo(f"the application cannot be opened here ({error}); the plan is in {run.path}", err=True)
        return
    try:
        serve(runs_root=root, open_path=f"/plan/{run.name}", catalog=catalog)
    except OSError as error:
        typer.echo(f"the application could not start ({error}); try: {command} --port 8051", err=True)
