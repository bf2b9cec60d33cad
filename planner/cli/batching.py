"""The command that solves many cases: batch."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.options import RUNS, CatalogFolder, Json, Runs
from planner.cli.output import print_json, records

if TYPE_CHECKING:
    from planner.runs.batch import BatchResult
    from planner.runs.batch_resume import BatchPlan


def register(app: typer.Typer) -> None:
    """Adds the command of this module."""
    app.command(rich_help_panel="Plans")(batch)


def batch(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="A batch manifest.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Folder of the batch: new or empty.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Processes on this machine. Default: its cores.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler to use instead, tcp://host:8786.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the batch in DIR.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be solved and why, and write nothing.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Solve again what another planner, solver or catalog made.")
    ] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="Delete results that no case of the manifest asks for.")
    ] = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="End at the first case that fails (no plan is an answer).")
    ] = False,
    case_limit: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="SECONDS", help="End the search of each case with what it found."),
    ] = None,
    catalog: CatalogFolder = None,
    root: Runs = RUNS,
    as_json: Json = False,
) -> None:
    """Solve many cases of one scenario and write one table of results.

    A manifest names a scenario and what differs by dotted path: a grid, a sample, a table, a list of cases:

      batch: 1
      scenario: korea
      quality: quick
      grid:
        limits.min_control: {from: 50, to: 70, step: 10}
        money.level: \\[low, mid]
      sample: {count: 40, ranges: {money.discount_rate_real: {from: 0.03, to: 0.1}}}
      table: cases.csv
      cases:
        - id: no-venture
          set: {"hosts\\[jv-ulsan]": null}

    A finished case is never solved twice. Results that no case asks for any more are put aside and listed.
    Exits with 1 if a case has no plan to use.

    Example: planner batch sweep.yaml -o sweep --workers 4
    """
    from planner.cli.batch_progress import BatchProgress
    from planner.facts.catalog import load_catalog
    from planner.runs.batch import batch as solve_batch
    from planner.runs.batch import look_ahead
    from planner.solver.interrupt import on_interrupt

    facts = load_catalog(catalog)
    if dry_run:
        _show_plan(look_ahead(manifest, output, resume, root, facts, refresh, case_limit), discard, as_json)
        return
    if resume and output is not None and not output.exists():
        typer.echo(
            f"{output} does not exist yet: there is nothing to go on with, a new batch begins", err=True
        )
    signal.signal(signal.SIGTERM, on_interrupt)  # whoever ends the batch lets it leave word and table
    with BatchProgress() as progress:
        try:
            result = solve_batch(
                manifest,
                output,
                workers,
                scheduler,
                resume,
                progress.case,
                root,
                facts,
                refresh=refresh,
                discard=discard,
                fail_fast=fail_fast,
                case_limit_s=case_limit,
                on_plan=progress.plan,
            )
        except KeyboardInterrupt:
            progress.stopped()
            raise
    if as_json:
        print_json(
            {
                "path": result.path,
                "mixed_versions": result.mixed or None,
                "failed": result.failed,
                "aside": [] if discard else result.aside,
                "discarded": result.aside if discard else [],
                "results": records(result.table),
            }
        )
    else:
        _show(result, discard)
    if result.failed:
        raise typer.Exit(1)


def _show(result: BatchResult, discarded: bool) -> None:
    if result.mixed:
        typer.echo(result.mixed)
    planned = len(result.table) - len(result.failed)
    typer.echo(f"{planned} of {len(result.table)} cases have a plan; table: {result.path / 'results.csv'}")
    rows = result.table.set_index("case")
    for name in result.failed:
        row = rows.loc[name]
        unsound = f"audit {row['audit']}: do not use this plan" if row["audit"] not in ("", "clean") else ""
        typer.echo(f"  {name}: {row['status']}" + "".join(f": {w}" for w in (unsound, row["reason"]) if w))
    for path in result.aside:
        typer.echo(f"  {'deleted' if discarded else 'put aside'}: {path}")


def _show_plan(plan: BatchPlan, discard: bool, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "path": plan.folder,
                "at_work": plan.at_work or None,
                "kept": [step.case.name for step in plan.kept],
                "solve": [{"case": step.case.name, "why": step.why} for step in plan.to_solve],
                "copy": [{"case": step.case.name, "of": step.twin} for step in plan.steps if step.twin],
                "discard" if discard else "aside": [
                    {"path": p, "why": why} for p, why in plan.leaving(discard)
                ],
            }
        )
        return
    if plan.at_work:
        typer.echo(f"{plan.at_work}: what follows is how it stands now")
    typer.echo(
        f"{len(plan.kept)} of {len(plan.steps)} cases are answered, {len(plan.to_solve)} would be solved"
    )
    for step in plan.steps:
        if step.run is None:
            typer.echo(f"  {step.case.name}: {step.why}")
    for path, why in plan.leaving(discard):
        typer.echo(f"  would be {'deleted' if discard else 'put aside'}: {path}: {why}")
