"""Commands about facts and first files: catalog, new."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from planner.cli.options import CatalogFolder, Json
from planner.cli.output import console, print_json, records
from planner.facts.numbers import number

MAX_COLUMNS = 9
CONTEXT_COLUMNS = ("source_url", "source_date", "confidence", "assumed", "assumed_fields", "note")


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command(rich_help_panel="Inputs")(catalog)
    app.command(rich_help_panel="Inputs")(new)


def catalog(
    table: Annotated[
        str | None, typer.Argument(metavar="[TABLE]", help="Table to show; none: all tables.")
    ] = None,
    key: Annotated[str | None, typer.Argument(metavar="[ROW]", help="Row to show with its source.")] = None,
    column: Annotated[
        str | None, typer.Argument(metavar="[COLUMN]", help="Cell to show with its source.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Look for faults and for figures that are probably wrong.")
    ] = False,
    folder: CatalogFolder = None,
    as_json: Json = False,
) -> None:
    """Show the facts and their sources, or check them.

    Example: planner catalog systems gb300-nvl72 price_usd_mid
    """  # fmt: skip
    from planner.facts.catalog import load_catalog

    if check:
        _check(folder, as_json)
        return
    facts = load_catalog(folder)
    if table is None:
        _tables(facts, as_json)
    elif key is None:
        _table(facts, table, as_json)
    else:
        _row(facts, table, key, column, as_json)


def _check(folder: Path | None, as_json: bool) -> None:
    from planner.curation.review import audit_catalog

    problems = audit_catalog(folder)
    if as_json:
        print_json({"valid": not problems, "problems": problems})
    else:
        for problem in problems:
            typer.echo(problem, err=True)
        typer.echo(f"{len(problems)} problem{'s' if len(problems) != 1 else ''}" if problems else "in order")
    if problems:
        raise typer.Exit(2)


def _tables(facts: Any, as_json: bool) -> None:
    from rich.table import Table

    rows = []
    for name in facts.tables:
        frame = facts.table(name)
        rows.append({"table": name, "title": facts.title(name), "rows": len(frame), "columns": len(frame.columns),
                     "assumed_rows": int(frame["assumed"].sum())})  # fmt: skip
    if as_json:
        print_json(rows)
        return
    out = Table(title="Fact catalog", caption="planner catalog TABLE [ROW [COLUMN]]")
    for heading, justify in (
        ("table", "left"),
        ("what", "left"),
        ("rows", "right"),
        ("assumed rows", "right"),
    ):
        out.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for row in rows:
        out.add_row(row["table"], row["title"], str(row["rows"]), str(row["assumed_rows"]))
    console().print(out)


def _table(facts: Any, name: str, as_json: bool) -> None:
    from rich.table import Table

    frame = facts.table(name)
    if as_json:
        print_json(records(frame))
        return
    units = {f["name"]: f.get("unit", "") for f in facts.fields(name)}
    shown = [c for c in frame.columns if c not in CONTEXT_COLUMNS][:MAX_COLUMNS]
    hidden = len(frame.columns) - len(shown)
    out = Table(title=f"{name}: {facts.title(name)}", caption=f"{hidden} more columns: planner catalog {name} ROW, "
                "or --json. * assumed or estimated")  # fmt: skip
    for column in shown:
        unit = units.get(column) or ""
        out.add_column(f"{column}\n[dim]{unit}[/dim]" if unit else column, overflow="fold")
    for _, row in frame.iterrows():
        out.add_row(*(_marked(row, column) for column in shown))
    console().print(out)


def _text(value: Any) -> str:
    import pandas as pd

    if not isinstance(value, list) and pd.isna(value):
        return "–"
    if isinstance(value, pd.Timestamp):
        return str(value.date())
    return number(value, 10) if isinstance(value, float) else str(value)


def _marked(row: Any, column: str) -> str:
    from rich.markup import escape

    words = escape(_text(row[column]))
    return f"{words}*" if words != "–" and _estimated(row, column) else words


def _estimated(row: Any, column: str) -> bool:
    fields = row["assumed_fields"]
    return bool(row["assumed"]) or (isinstance(fields, str) and column in fields.split(";"))


def _row(facts: Any, name: str, key: str, column: str | None, as_json: bool) -> None:
    """One row with all columns, or one cell, with unit and source."""
    from rich.table import Table

    from planner.facts.errors import UnknownName
    from planner.facts.suggest import hint

    frame = facts.table(name)
    keys = [str(k) if not isinstance(k, tuple) else "+".join(map(str, k)) for k in frame.index]
    if key not in keys:
        raise UnknownName(f"no row {key!r} in {name}{hint(key, keys)}")
    row = frame.iloc[keys.index(key)]
    units = {f["name"]: f for f in facts.fields(name)}
    if column is not None and column not in frame.columns:
        raise UnknownName(f"no column {column!r} in {name}{hint(column, list(frame.columns))}")
    columns = [column] if column else [c for c in frame.columns if c not in CONTEXT_COLUMNS]
    cells = [
        {
            "column": c,
            "value": None if _text(row[c]) == "–" else row[c],
            "unit": units.get(c, {}).get("unit", ""),
            "description": units.get(c, {}).get("description", ""),
            "estimated": _estimated(row, c),
            "source": facts.source(name, frame.index[keys.index(key)], c),
        }
        for c in columns
    ]
    if as_json:
        print_json({"table": name, "row": key, "cells": cells, "note": _text(row["note"]),
                    "source_date": _text(row["source_date"]), "confidence": row["confidence"]})  # fmt: skip
        return
    out = Table(
        title=f"{name}: {key}",
        caption=f"{row['confidence']} confidence, {_text(row['source_date'])}. {_text(row['note'])}",
    )
    for heading in ("column", "value", "unit", "meaning", "source"):
        out.add_column(heading, overflow="fold")
    for cell in cells:
        value = (
            f"{_text(row[cell['column']])}{'*' if cell['estimated'] and cell['value'] is not None else ''}"
        )
        out.add_row(cell["column"], value, cell["unit"], cell["description"], cell["source"])
    console().print(out)


def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the scenario: lower-case letters, digits, hyphens.")
    ],
    country: Annotated[str, typer.Option("--country", metavar="ISO3", help="Partner country, such as KEN.")],
    site: Annotated[
        list[str] | None,
        typer.Option(
            "--site", metavar="NAME,LAT,LON", help="Place of your own for a campus, in degrees; up to two."
        ),
    ] = None,
    catalog: CatalogFolder = None,
    as_json: Json = False,
) -> None:
    """Write a commented starter scenario NAME.yaml in the current folder, from the catalog.

    An existing file is never overwritten.

    Example: planner new my-plan --country KEN
    """  # fmt: skip
    import re

    from planner.facts.catalog import load_catalog
    from planner.starter.choices import OwnSite
    from planner.starter.starter import write_starter

    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,59}", name):
        typer.echo(
            f"{name!r} is no name: use lower-case letters, digits and hyphens, such as 'my-plan'", err=True
        )
        raise typer.Exit(2)
    own = [OwnSite.parse(text) for text in site or ()]
    path, starter = write_starter(name, country.upper(), catalog=load_catalog(catalog), own_sites=own)
    if as_json:
        print_json({"file": str(path), "assumed": records(starter.assumptions)})
        return
    typer.echo(f"wrote {path}; {len(starter.assumptions)} assumed inputs:")
    for row in starter.assumptions.itertuples():
        value = f" = {row.value}" if str(row.value) else ""
        typer.echo(f"  {row.item}{value}: {row.why}")
    typer.echo(f"next: planner validate {path}; planner size {path}; planner solve {path}")
