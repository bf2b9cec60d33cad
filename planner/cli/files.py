"""Commands about files and finished runs: validate, schema, runs, compare, export."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from planner.cli.options import RUNS, CatalogFolder, Json, Runs
from planner.cli.output import console, print_json, records, scenario_path, tell_audit, tell_catalog
from planner.facts.numbers import fixed, percent

FIGURES = {
    "MUSD": ("cost_npv_musd", 0), "months": ("delay_months", 2), "control": ("control_score", 1),
    "national": ("national_control", 1), "s": ("seconds", 0),
}  # fmt: skip
"""Headings of the figures of a run, beside its gap, with their columns and decimals."""
LEFT_OUT = ("s", "quality", "goal", "started (UTC)", "national", "audit")
"""Columns that give way on a narrow terminal, in this order."""
LEAST_NAME = 20
"""Characters of a line of a run's name below which a column gives way."""


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command(rich_help_panel="Inputs")(validate)
    app.command(rich_help_panel="Inputs")(schema)
    app.command(rich_help_panel="Results")(runs)
    app.command(rich_help_panel="Results")(compare)
    app.command(rich_help_panel="Results")(export)


def validate(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Scenario files, or names of examples.")
    ],
    catalog: CatalogFolder = None,
    as_json: Json = False,
) -> None:
    """Check scenario files and name every problem at its place.

    Prints [bold]file:line:col: path: message; did you mean ...[/bold] for each problem (the first 50; --json lists
    all) and exits with 2 if there is any. Amounts far outside the catalog's range of their kind are warned of, with the
    unit they look like; warnings alone exit with 0. A scenario that certainly has no plan is told so, with the least
    change that is known, and exits with 2 too.

    Example: planner validate korea.yaml my-case.yaml
    """
    from planner.facts.catalog import load_catalog
    from planner.intake.scenario_file import ScenarioError, load_with_warnings
    from planner.scenario.problems import first_lines

    facts = load_catalog(catalog)
    results: list[dict[str, Any]] = []
    for reference in files:
        try:
            scenario, warned = load_with_warnings(scenario_path(reference), facts)
        except ScenarioError as error:
            results.append({"file": reference, "valid": False, "problems": error.problems, "warnings": []})
        else:
            found = {"file": reference, "valid": True, "problems": [], "warnings": warned}
            results.append({**found, "scenario": scenario.name, "hopeless": _hopeless(scenario, facts)})
            if not as_json:
                typer.echo(f"{reference}: in order ({_counts(scenario)})")
                for trouble in results[-1]["hopeless"]:
                    typer.echo(
                        f"{reference}: no plan is possible: {trouble['message']}; {trouble['cure']}", err=True
                    )
                for warning in warned:
                    typer.echo(f"{warning.placed('warning: ')}", err=True)
        if not as_json:
            for line in first_lines(results[-1]["problems"]):
                typer.echo(line, err=True)
    bad = sum(len(r["problems"]) for r in results)
    if as_json:
        print_json(results)
    elif bad:
        typer.echo(f"{bad} problem{'s' if bad > 1 else ''}", err=True)
    if bad or any(r.get("hopeless") for r in results):
        raise typer.Exit(2)


def _hopeless(scenario: Any, facts: Any) -> list[dict[str, Any]]:
    """What leaves a scenario without a plan and shows before a solve."""
    from dataclasses import asdict

    from planner.case.build import build_case
    from planner.case.prechecks import Trouble, precheck
    from planner.facts.errors import PlannerError

    try:
        return [asdict(trouble) for trouble in precheck(build_case(scenario, facts))]
    except PlannerError as error:  # a case that cannot be made: a solve would say the same
        return [asdict(Trouble("", "case", str(error), "mend it in the scenario"))]


def _counts(s: Any) -> str:
    from planner.case.periods import Calendar, periods_asked

    calendar, asked = Calendar.of(s.horizon, s.existing), periods_asked(s.horizon)
    parts = (
        (s.demand, "workload"),
        (s.sites, "site"),
        (s.hosts, "host"),
        (s.stacks, "stack"),
        (s.systems, "system"),
    )
    words = [f"{len(items)} {word}{'s' if len(items) != 1 else ''}" for items, word in parts]
    cut = f" in {calendar.n} periods, {asked} before long ones are cut" if calendar.n > asked else ""
    return f"{', '.join(words)}, {calendar.label(0)} to {calendar.label(calendar.n - 1)}{cut}"


def schema(
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print tables of all fields for people instead.")
    ] = False,
) -> None:
    """Print the JSON Schema of a scenario file, for completion and checks in editors.

    Example: planner schema > scenario.schema.json
    """
    from planner.intake.scenario_file import json_schema
    from planner.scenario.reference import markdown

    if as_markdown:
        typer.echo(markdown())
        return

    print_json(json_schema())


def runs(
    root: Runs = RUNS,
    clean: Annotated[bool, typer.Option("--clean", help="Remove what lost runs left behind.")] = False,
    as_json: Json = False,
) -> None:
    """List the runs here with their status, newest first.

    A run is [bold]lost[/bold] when its process ended before it was finished. A frontier of which plans are left is
    [bold]stopped[/bold]: the command that goes on with them is told, and --clean leaves it.

    Example: planner runs --clean
    """
    from planner.runs.run import clean_runs, list_runs, stopped_words

    removed = clean_runs(root) if clean else []
    table = list_runs(root)
    if as_json:
        print_json({"removed": removed, "runs": records(table)})
        return
    for name in removed:
        typer.echo(f"removed {name}")
    if not len(table):
        typer.echo(f"no runs in {root}; start one with: planner demo")
        return
    out = console()
    out.print(_runs_table(table, out.width))
    for run in table[table["status"] == "stopped"].itertuples():
        typer.echo(stopped_words(run.name, run.plans_left, run.resume))


def _runs_table(table: Any, width: int) -> Any:
    """Runs as a table of so many characters: no figure is cut, the columns of ``LEFT_OUT`` give way and long names wrap."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rows = [_runs_row(row) for row in records(table)]
    widths = {heading: max(len(heading), *(len(row[heading]) for row in rows)) for heading in rows[0]}
    longest, dropped = widths.pop("run"), []

    def left() -> int:
        """Characters for the names: one space and one of the box between columns, one at each end."""
        return width - 2 - sum(2 + w for w in widths.values())

    for heading in LEFT_OUT:
        if left() < min(longest, LEAST_NAME):
            del widths[heading]
            dropped.append(heading)
    out = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, caption_justify="left")
    if dropped:
        out.caption = f"left out for want of width: {', '.join(dropped)} (all with --json)"
    out.add_column("run", width=max(1, min(longest, left())), overflow="fold")
    for heading in widths:
        out.add_column(heading, no_wrap=True, justify="right" if heading in ("gap", *FIGURES) else "left")
    for row in rows:
        out.add_row(*(Text(row[heading]) for heading in ("run", *widths)))
    return out


def _runs_row(row: Mapping[str, Any]) -> dict[str, str]:
    """Heading -> text of one run, in the order of the columns."""
    words = {"run": "name", "status": "status", "audit": "audit", "goal": "objective", "quality": "quality"}
    figures = {heading: fixed(row[name], places) for heading, (name, places) in FIGURES.items()}
    return {
        **{heading: str(row.get(name) or "") for heading, name in words.items()},
        "gap": percent(row["gap"], 2),
        **figures,
        "started (UTC)": str(row["started"] or "")[:16].replace("T", " "),
    }


def compare(
    references: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="Paths or names of runs; the first is the base.")
    ],
    catalog: CatalogFolder = None,
    root: Runs = RUNS,
    as_json: Json = False,
) -> None:
    """Show the inputs that differ between runs, and the results side by side.

    Results begin with cost, in all and per unit of work, service and control. Where service differs is told below, with
    what the gaps of the plans leave open of a difference in cost.

    Exit codes: 0 compared, 2 bad input, 3 compared, but the audit of a plan fails or finds rules broken.

    Example: planner compare korea-20270104-093012 korea-20270104-101500
    """
    from rich.text import Text

    from planner.facts.catalog import load_catalog
    from planner.report.kpis import COMPARED, differences_in_cost, differences_in_service
    from planner.report.terms import kpi_label
    from planner.runs.compare import compare_runs, named
    from planner.runs.disk import RunError
    from planner.runs.run import find_run

    if len(references) < 2:
        raise RunError("name at least two runs to compare")
    facts = load_catalog(catalog)
    found = [find_run(reference, root) for reference in references]
    for run in found:
        tell_catalog(run, facts)
    comparison = compare_runs(found)
    outcomes = {name: run.outcome for name, run in zip(comparison.runs, found, strict=True)}
    notes = [*comparison.notes, *differences_in_service(outcomes), *differences_in_cost(outcomes)]
    if as_json:
        audits = {name: run.audit for name, run in zip(comparison.runs, found, strict=True)}
        shown = {"inputs": records(comparison.inputs), "results": records(comparison.results)}
        print_json({"audit": audits, **shown, "notes": notes})
    else:
        out = console()
        for line in named(comparison, kpi_label, COMPARED):
            out.print(line)
        for line in notes:
            out.print(Text(line))
    if code := tell_audit(*found):
        raise typer.Exit(code)


def export(
    reference: Annotated[str, typer.Argument(metavar="RUN", help="Path or name of a run, or latest.")],
    form: Annotated[
        Literal["mps", "lp", "csv", "parquet"], typer.Option("--format", "-f", help="What to write.")
    ] = "csv",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File (mps, lp) or folder (csv, parquet).")
    ] = None,
    root: Runs = RUNS,
    catalog: CatalogFolder = None,
) -> None:
    """Write a run for other tools: its tables (csv, parquet) or its optimisation model (mps, lp).

    The model has the cost objective and the policy bounds of the run, and names of rows and columns.

    Example: planner export latest --format csv -o tables
    """
    from planner.facts.catalog import load_catalog
    from planner.runs.export import export_model, export_tables
    from planner.runs.run import find_run

    run = find_run(reference, root)
    tell_catalog(run, load_catalog(catalog) if catalog else run.catalog)
    tell_audit(run)
    if form == "mps" or form == "lp":
        place = output or Path(f"{run.name}.{form}")
        written = export_model(run, place, form)
    else:
        place = output or Path(f"{run.name}-{form}")
        written = export_tables(run, place, form)
    typer.echo(f"{written} in {place}")
