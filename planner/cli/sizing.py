"""``planner size``: the rough figure of a scenario, step by step, and beside a plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planner.cli.options import CatalogFolder, Json
from planner.cli.output import console, print_json, records, scenario_of, tell_catalog
from planner.facts.numbers import fixed

if TYPE_CHECKING:
    from planner.runs.run import Run


def register(app: typer.Typer) -> None:
    """Adds the command of this module."""
    app.command(rich_help_panel="Inputs")(size)


def size(
    file: Annotated[
        str, typer.Argument(metavar="FILE|RUN", help="Scenario file, name of an example, or folder of a run.")
    ],
    run: Annotated[
        Path | None,
        typer.Option(
            "--against", metavar="RUN", help="A run with a plan, to split the difference into its causes."
        ),
    ] = None,
    catalog: CatalogFolder = None,
    as_json: Json = False,
) -> None:
    """Demand to accelerators, megawatts and dollars, without optimisation: a rough figure with its range.

    Low and high bound the central 80 %. Every factor from what is asked for to chips is shown, with the assumptions
    that matter most.

    With --against, or of a run: the difference to its plan, split into named terms that add up.

    Examples:

      planner size korea

      planner size korea --against runs/korea-2027
    """
    from planner.facts.catalog import load_catalog
    from planner.sizing.size import size as sized
    from planner.sizing.words import table

    facts = load_catalog(catalog)
    own = _run(Path(file)) if Path(file).is_dir() else None
    result = sized(own.resolved, own.catalog) if own else sized(scenario_of(file, facts), facts)
    planned = _run(run) if run else own if own and own.has_plan else None
    beside = _beside(planned, facts) if planned else None
    if as_json:
        print_json({"scenario": result.scenario.name, "method": result.method, "peak": result.peak,
                    "years": records(result.years), "workloads": records(result.workloads),
                    "chains": records(table(list(result.chains.values()))),
                    "assumptions": records(result.assumptions)} | (_as_json(beside) if beside else {}))  # fmt: skip
        return
    _print_sizing(result)
    if beside:
        print_against(beside)


def _run(folder: Path) -> Run:
    from planner.runs.run import Run  # what reads plans costs a rough figure a fifth of its time

    return Run(folder)


def _beside(run: Any, facts: Any) -> Any:
    from planner.case.build import build_case
    from planner.facts.errors import NoPlan
    from planner.sizing.against import TABLES, against

    tell_catalog(run, facts)
    if not run.has_plan:
        raise NoPlan(f"{run.name} has no plan to stand against")
    return against(build_case(run.resolved, run.catalog), {name: run.table(name) for name in TABLES})


def _as_json(beside: Any) -> dict[str, Any]:
    return {"against": {"label": beside.label, "gap": beside.gap, "accelerators": records(beside.accelerators),
                        "facility_mw": records(beside.facility_mw)}}  # fmt: skip


def print_against(beside: Any) -> None:
    """The terms between the rough figure and the plan, in accelerators and in megawatts."""
    from rich.table import Table

    for name, table, digits in (
        ("accelerators", beside.accelerators, 0),
        ("facility MW", beside.facility_mw, 1),
    ):
        out = Table(title=f"From the rough figure to the plan in {beside.label}: {name}")
        out.add_column("")
        out.add_column(name, justify="right")
        for row in table.itertuples():
            figure = row.kind == "figure"
            value = fixed(row.value, digits)
            sign = "" if figure or row.value < 0 else "+"
            out.add_row(f"[bold]{row.term}[/bold]" if figure else row.term, f"{sign}{value}")
        console().print(out)


def _range(row: Any, name: str, digits: int = 0) -> str:
    low, mid, high = (float(row[f"{name}_{level}"]) for level in ("low", "mid", "high"))
    return f"{fixed(mid, digits)}\n[dim]{fixed(low, digits)} – {fixed(high, digits)}[/dim]"


def _print_sizing(result: Any) -> None:
    from rich.markup import escape
    from rich.table import Table

    from planner.sizing.words import sentences

    out = Table(title=f"{result.scenario.title or result.scenario.name}: rough size by year",
                caption=f"mid, and below it the central 80 %. {result.method}. "
                f"MUSD of {result.scenario.money.price_year}, all that stands in the year")  # fmt: skip
    headings = (
        "year",
        "accelerators",
        "servers\nor racks",
        "IT MW",
        "facility MW",
        "halls",
        "capital\nMUSD",
        "energy\nGWh a year",
    )
    for heading in headings:
        out.add_column(heading, justify="right")
    for _, row in result.years.iterrows():
        halls = f"{_range(row, 'halls')}\n[dim]of {row['hall_mw']:g} MW[/dim]"
        out.add_row(f"{row['year']:.0f}", _range(row, "accelerators"), _range(row, "servers"), _range(row, "it_mw", 1),
                    _range(row, "facility_mw", 1), halls, _range(row, "capex_musd"), _range(row, "energy_gwh"))  # fmt: skip
    console().print(out)
    last = result.workloads[result.workloads["year"] == result.workloads["year"].max()]
    detail = Table(title=f"By workload, {last['year'].max():.0f}")
    for heading in ("workload", "asked for\n(reference)", "accelerators", "system", "rate from"):
        detail.add_column(heading, justify="right" if heading.startswith(("asked", "acc")) else "left")
    for _, row in last.iterrows():
        detail.add_row(
            row["w"], fixed(row["reference"]), _range(row, "accelerators"), row["system"], row["method"]
        )
    console().print(detail)
    console().print("From what is asked for to chips, in the last year with demand:")
    for text in sentences(result.chains):
        console().print(f"- {escape(text)}")
    for row in result.assumptions.itertuples():
        value = f" = {row.value}" if str(row.value) else ""
        console().print(f"- {escape(f'{row.item}{value}: {row.why}')}")
