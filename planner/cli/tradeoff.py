"""The trade-off of cost, delay and control: frontier."""

from __future__ import annotations

import math
import signal
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from planner.cli.options import RUNS, CatalogFolder, Json, RunFolder, Runs, ScenarioFile, Settings
from planner.cli.output import (
    UNSOUND,
    Progress,
    console,
    print_json,
    records,
    scenario_of,
    telling_what_would_give,
)
from planner.facts.numbers import fixed, percent

CAPTION = (
    "MUSD: million USD, present value. A price in brackets is not known within the gap and lies between the two. Halls and "
    "servers of screening points are divisible; their gap is to hosts and stacks that cost least, that of a plan to a plan "
    "that does."
)
OWN_LIMITS = (
    " Own limits: those on delay (a tolerance as what it came to) and control that the scenario states, which a frontier "
    "varies; empty where it cannot be told."
)


LEAST_GAP, LITTLE_GAP = 5e-4, 5e-7
"""Shares that read as a tenth of a per cent at least, and that are more than noise of a solver."""


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command(rich_help_panel="Plans")(frontier)


def frontier(
    file: ScenarioFile,
    output: RunFolder = None,
    points: Annotated[
        int, typer.Option(min=1, max=12, help="Plans to make; screening points lie between them.")
    ] = 5,
    quality: Annotated[
        Literal["quick", "plan", "proof"],
        typer.Option(help="quick: gap of 2 %; plan: 1 %; proof: plan, then all hours of the day."),
    ] = "plan",
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that make plans.")] = 2,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume", metavar="RUN", help="Take over the plans of a frontier of the same scenario."
        ),
    ] = None,
    settings: Settings = None,
    catalog: CatalogFolder = None,
    root: Runs = RUNS,
    as_json: Json = False,
) -> None:
    """The trade-off of cost, delay and control: plans, points between them, prices of control and speed.

    With --resume, plans that another frontier of the same scenario, quality and facts has made are not made again: after
    a stop, or for more --points.

    Examples:

      planner frontier korea -o korea-frontier

      planner frontier korea.yaml --points 8 --quality quick --json
    """
    from planner.facts.catalog import load_catalog
    from planner.runs.disk import WriteError
    from planner.runs.frontier import plans_fitting, run_frontier
    from planner.solver.interrupt import on_interrupt

    signal.signal(signal.SIGTERM, on_interrupt)  # whoever ends it is told of the plans that are kept
    facts = load_catalog(catalog)
    scenario = scenario_of(file, facts, settings)
    options = {"points": points, "quality": quality, "workers": workers}
    kept: list[Path] = []

    def on_kept(place: Path, plans: int) -> None:
        kept.append(place)
        _kept(place, plans)

    with Progress(quiet=as_json) as progress, telling_what_would_give(file, settings):
        earlier = _earlier(resume, root) if resume else []
        try:
            run = run_frontier(
                scenario,
                options,
                output,
                on_event=progress,
                root=root,
                catalog=facts,
                earlier=earlier,
                on_kept=on_kept,
            )
        except (KeyboardInterrupt, WriteError):
            left = 0 if resume is None or kept else plans_fitting(earlier, scenario, facts, quality)
            if left and resume is not None:  # the plans to go on from are where they were
                _kept(resume, left)
            raise
    tables = {name: run.table(name) for name in ("points", "payoff", "ranges")}
    if as_json:
        named = {name: records(t) for name, t in tables.items()}
        print_json({"run": str(run.path), "audit": run.audit, **named})
    else:
        _show(run.path, tables)
    if run.audit_fault:
        typer.echo(f"{run.audit_line}: it is a fault of the planner", err=True)
        raise typer.Exit(UNSOUND)


def _earlier(name: Path, root: Path) -> list[Path]:
    """Folders of plans of a frontier by its folder, or by its name below the folder of runs."""
    from planner.runs.disk import RunError
    from planner.runs.frontier import points_left

    places = [name] if name.is_absolute() or name.parent != Path() else [name, root / name]
    found = next((left for place in places if (left := points_left(place))), [])
    if not found:
        raise RunError(f"no frontier has left plans at {' or '.join(str(place) for place in places)}")
    return found


def _kept(place: Path, plans: int) -> None:
    typer.echo(f"plans kept: {plans}; to go on: the same command with --resume {place}", err=True)


def _show(path: Path, tables: dict[str, Any]) -> None:
    from rich.table import Table

    from planner.report.front import most_control, no_own_plan
    from planner.studies.next_step import CONTROL, SPEED, least, most

    out = console()
    points = tables["points"]
    front = points[points["on_front"].astype(bool)].sort_values(["delay_months", "control_score"])
    own = bool(front["keeps_limits"].notna().any())
    table = Table(title="Trade-off of cost, delay and control", caption=CAPTION + (OWN_LIMITS if own else ""))
    for name in (
        "quality",
        "months",
        "control",
        "by work",
        "by priority",
        "national",
        "cost MUSD",
        "capex MUSD",
        "gap",
        "MUSD per point",
        "MUSD per month",
        *(["own limits"] if own else []),
    ):
        table.add_column(name, justify="left" if name == "quality" else "right")
    for row in front.itertuples():
        prices = [
            _price(getattr(row, n), getattr(row, least(n)), getattr(row, most(n))) for n in (CONTROL, SPEED)
        ]
        table.add_row(
            row.quality, fixed(row.delay_months, 1), fixed(row.control_score, 1), fixed(row.control_by_work, 1),
            fixed(row.control_by_priority, 1), fixed(row.national_control, 1), fixed(row.cost_npv_musd),
            fixed(row.capex_musd), _gap(row.gap), *prices,
            *([{True: "kept", False: "broken"}.get(row.keeps_limits, "")] if own else []),
        )  # fmt: skip
    out.print(table)
    for said in filter(None, (no_own_plan(points), most_control(points))):
        out.print(said)
    ranges = tables["ranges"]
    if len(ranges):
        least = ranges["extra_cost_share"].min()
        free = Table(title=f"What is forced, what is free: within {percent(least)} of the cost")
        for name in ("choice", "unit", "best", "least", "most"):
            free.add_column(name, justify="left" if name in ("choice", "unit") else "right")
        for row in ranges[ranges["extra_cost_share"] == least].itertuples():
            free.add_row(row.choice, row.unit, *(fixed(v, 2) for v in (row.best, row.least, row.most)))
        out.print(free)
    out.print(f"Written to {path}; open it with: planner app --runs {path.parent}")


def _gap(share: float) -> str:
    """A gap in tenths of a per cent, nothing where there is none."""
    if share != share:
        return ""
    return "<0.1 %" if LITTLE_GAP < share < LEAST_GAP else f"{100 * share:.1f} %"


def _price(known: float, least: float, most: float) -> str:
    """A price, its two ends in brackets where it is not known within the gap, nothing where there is none."""
    if known == known:
        return fixed(known, 1)
    if most != most:
        return ""
    if not math.isinf(most):
        return f"[{fixed(least, 1)} to {fixed(most, 1)}]"
    # words in [] would be markup
    return f"[{fixed(least, 1)} or more]" if 0 < least < math.inf else "(not known)"
