"""The command that solves many cases: batch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.cli.options import RUNS, CatalogFolder, Json, Runs
from planner.cli.output import print_json, records


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
    catalog: CatalogFolder = None,
    root: Runs = RUNS,
    as_json: Json = False,
) -> None:
    """Solve many cases of one scenario and write one table of results.

    A manifest names a scenario and a grid of values by dotted path, a list of cases, or both:

      batch: 1
      scenario: korea
      quality: quick
      grid:
        limits.min_control: \\[50, 60, 70]
        money.level: \\[low, mid]
      cases:
        - id: no-venture
          set: {"hosts\\[jv-ulsan]": null}

    A finished case is never solved twice. Exits with 1 if a case has no plan.

    Example: planner batch sweep.yaml -o sweep --workers 4
    """
    from planner.facts.catalog import load_catalog
    from planner.runs.batch import batch as solve_batch

    def tell(name: str, status: str, done: int, total: int) -> None:
        typer.echo(f"{done:>{len(str(total))}} of {total}  {name}: {status}", err=True)

    result = solve_batch(manifest, output, workers, scheduler, resume, tell, root, load_catalog(catalog))
    if as_json:
        rows = records(result.table)
        print_json({"path": result.path, "failed": result.failed, "results": rows})
    else:
        planned = len(result.table) - len(result.failed)
        typer.echo(
            f"{planned} of {len(result.table)} cases have a plan; table: {result.path / 'results.csv'}"
        )
        for name in result.failed:
            row = result.table.loc[result.table["case"] == name].iloc[0]
            typer.echo(f"  {name}: {row['status']}" + (f": {row['reason']}" if row["reason"] else ""))
    if result.failed:
        raise typer.Exit(1)
