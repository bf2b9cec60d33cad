"""Options that several commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

CatalogFolder = Annotated[
    Path | None,
    typer.Option(
        "--catalog",
        metavar="DIR",
        help="Folder with facts of your own, laid over the packaged catalog row by row.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Runs = Annotated[Path, typer.Option("--runs", metavar="DIR", help="Folder of the runs.")]
RUNS = Path("runs")
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change an input; may be given often.")
]
RunFolder = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="DIR", help="Folder of the run: new or empty.")
]
ScenarioFile = Annotated[
    str, typer.Argument(metavar="FILE", help="A scenario file, or the name of an example.")
]
TableFile = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="CSV", help="Write the table here.")
]
AnswerFile = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Write the table here; a name ending in .html: the page with a picture.",
    ),
]
Quality = Annotated[Literal["quick", "plan"], typer.Option(help="quick: gap of 2 %; plan: 1 %.")]
