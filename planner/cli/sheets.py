"""``planner sheet``: demand, sites or hosts of a scenario as a spreadsheet, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from planner.cli.options import CatalogFolder, Json, ScenarioFile
from planner.cli.output import print_json, scenario_path

if TYPE_CHECKING:
    from planner.facts.catalog import Catalog


def register(app: typer.Typer) -> None:
    """Adds the command of this module."""
    app.command(rich_help_panel="Inputs")(sheet)


def sheet(
    file: ScenarioFile,
    part: Annotated[Literal["demand", "sites", "hosts"], typer.Argument(help="The list.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="SHEET", help="Write it to this .xlsx or .csv file."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--import", metavar="SHEET", help="Take the rows of this .xlsx or .csv file into FILE."),
    ] = None,
    add: Annotated[
        bool,
        typer.Option("--add", help="Keep what the sheet does not name; without it, the sheet is the list."),
    ] = False,
    catalog: CatalogFolder = None,
    as_json: Json = False,
) -> None:
    """Write a list of a scenario as a sheet to fill in, or take a filled sheet into the scenario.

    A row is a workload, site or host, a column a field with its unit; users, accelerators or megawatts have a column a
    year or date. Rows are known by their id; a row without one gets it from its title. Every mistake is named by its
    cell, and then nothing is changed; comments of the file stay.

    Examples:

      planner sheet korea.yaml demand -o demand.xlsx

      planner sheet korea.yaml demand --import demand.xlsx
    """
    from planner.facts.catalog import load_catalog
    from planner.intake.sheet_file import read_sheet
    from planner.intake.sheet_rows import take
    from planner.intake.sheets import SHEETS
    from planner.report.field_labels import label
    from planner.runs.disk import writing
    from planner.scenario.problems import InputError
    from planner.scenario.reading import read_text

    facts, one = load_catalog(catalog), SHEETS[part]
    path = scenario_path(file)
    text = read_text(path)
    if (output is None) == (source is None):
        raise InputError.single(file, "say either -o SHEET to write or --import SHEET to read")
    if output is not None:
        _export(text, path, part, output, facts)
        typer.echo(f"{part} of {file} in {output}")
        return
    if source is None:
        return
    if not Path(file).exists():
        raise InputError.single(file, "is a packaged example: copy it to a file of your own first")
    try:
        content = source.read_bytes()
    except OSError as error:
        raise InputError.single(str(source), f"cannot be read: {error.strerror}") from error
    rows = read_sheet(content, str(source), part)
    taken = take(text, one, rows, label, facts, whole=not add, base=path.parent)
    if taken.text != text:
        with writing(path):
            path.write_text(taken.text, "utf-8")
    if as_json:
        print_json({"added": taken.added, "changed": taken.changed, "removed": taken.removed})
        return
    for word, ids in (("added", taken.added), ("changed", taken.changed), ("removed", taken.removed)):
        if ids:
            typer.echo(f"{word} {len(ids)}: {', '.join(ids)}")
    if not (taken.added or taken.changed or taken.removed):
        typer.echo("nothing differs")


def _export(text: str, path: Path, part: str, output: Path, facts: Catalog) -> None:
    """Writes the list; the ending of the file says how."""
    from planner.intake.sheet_rows import entries_of
    from planner.intake.sheets import SHEETS
    from planner.report.sheet_files import sheet_csv, sheet_xlsx, years_of
    from planner.runs.disk import writing
    from planner.scenario.problems import InputError
    from planner.scenario.reading import parse_yaml

    one = SHEETS[part]
    entries, years = (
        entries_of(text, one, facts, path.parent),
        years_of(parse_yaml(text, str(path))[0].plain()),
    )
    if output.suffix not in (".csv", ".xlsx"):
        raise InputError.single(str(output), "ends in neither .xlsx nor .csv")
    with writing(output):
        if output.suffix == ".csv":
            output.write_text(sheet_csv(entries, one, years), "utf-8")
        else:
            output.write_bytes(sheet_xlsx(entries, one, facts, years))
