"""The deliverable of a run: a workbook, a page for the browser or on paper, or a brief of one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from planner.cli.options import RUNS, CatalogFolder, Runs


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command(rich_help_panel="Results")(report)


def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run: its folder, its name, or `latest`.")],
    format: Annotated[
        Literal["xlsx", "html", "pdf", "brief"],
        typer.Option(
            "--format", help="Workbook, page with charts, the same as a PDF, or brief of one page for print."
        ),
    ] = "xlsx",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="File to write; default RUN.xlsx, RUN.html, RUN.pdf or RUN-brief.html.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    catalog: CatalogFolder = None,
    root: Runs = RUNS,
) -> None:
    """The deliverable of a run: plan, capital needs, key figures with ranges, sources, checks.

    The pages need no network: what they show stands in the file. The PDF has the figures and tables of the page on A4.
    The brief is one sheet of paper for whoever decides. Of a run that answers a question (what concessions are worth, a hub,
    a loss ...) there is the page.

    Examples:

      planner report latest --format xlsx

      planner report runs/korea-frontier/points/point-0 --format html -o korea.html

      planner report latest --format brief
    """
    from planner.cli.output import console, tell_catalog
    from planner.facts.catalog import load_catalog
    from planner.runs.disk import RunError, writing
    from planner.runs.run import WHAT_IF, find_run

    found = find_run(run, root)
    answers = found.kind in WHAT_IF and format == "html"
    if not answers:
        found.needs_plan("report")
    tell_catalog(found, load_catalog(catalog))
    endings = {"xlsx": ".xlsx", "html": ".html", "pdf": ".pdf", "brief": "-brief.html"}
    target = output or Path(f"{found.name}{endings[format]}")
    if target.exists() and not force:
        raise RunError(f"{target} is there already: name another file with -o, or write over it with --force")
    with writing(target.parent):
        if answers:
            from planner.report.what_if_page import page_of_run

            target.write_text(page_of_run(found), encoding="utf-8")
        elif format == "xlsx":
            from planner.report.workbook import write_workbook

            write_workbook(found, target)
        elif format == "brief":
            from planner.report.brief import brief_page

            target.write_text(brief_page(found), encoding="utf-8")
        else:
            from planner.report.charts.report import charts_of

            if format == "pdf":
                from planner.report.pdf import pdf_bytes

                target.write_bytes(pdf_bytes(found, charts_of(found)))
            else:
                from planner.report.page import html_page

                target.write_text(html_page(found, charts_of(found)), encoding="utf-8")
    console().print(f"Written: {target}", soft_wrap=True)
