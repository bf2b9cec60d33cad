"""A frontier as a run directory: its tables, and one whole run a solved plan under ``points/``."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from planner import __version__
from planner.facts.catalog import Catalog
from planner.planning.events import Event, OnEvent
from planner.planning.solve_run import Outcome
from planner.runs.disk import RunError, make_folder, parts_of
from planner.runs.run import FRONTIER, Run
from planner.runs.solve import audited
from planner.runs.writer import start_run
from planner.scenario.schema import Scenario
from planner.studies.frontier import frontier, frontier_tables, live_frontier
from planner.studies.frontier_plans import Made, unbound
from planner.studies.patterns import patterns_of_table
from planner.studies.screening import LiveFrontier

POINTS = "points"


def run_frontier(
    scenario: Scenario,
    options: dict[str, Any],
    directory: Path | str | None = None,
    on_event: OnEvent | None = None,
    should_stop: Callable[[], bool] | None = None,
    root: Path | str = "runs",
    catalog: Catalog | None = None,
    earlier: Path | None = None,
    on_kept: Callable[[Path, int], None] | None = None,
) -> Run:
    """Makes the frontier and writes it; facts are those the scenario carries where no others are given.

    Options: ``points``, ``quality``, ``workers``. ``earlier`` is the folder of plans that a run of the same scenario and
    options left (``points_left``): they are taken over as they are. Each new plan is a whole run as soon as it is made, and
    is left behind by an interrupt: ``on_kept`` is told the place of the run and how many plans it has.
    """
    began = time.perf_counter()
    catalog = catalog or scenario.catalog
    with start_run(directory, scenario, catalog, options, root, kind=FRONTIER) as writer:

        def report(event: Event) -> None:
            stamped = replace(event, seconds=round(time.perf_counter() - began, 2))
            writer.event(stamped)
            if on_event is not None:
                on_event(stamped)

        folder = writer.path / POINTS
        made = _taken_over(earlier, folder, scenario, catalog, str(options.get("quality") or "plan"))
        audits: dict[int, Mapping[str, Any]] = {n: run.outcome.get("audit") or {} for n, run in made.items()}

        def keep(point: int, outcome: Outcome) -> None:
            chosen = {"quality": outcome.quality, "objective": outcome.objective, "frontier_point": point}
            with start_run(folder / f"point-{point}", outcome.resolved, catalog, chosen) as sub:
                assert outcome.plan is not None
                audits[point] = audited(sub, outcome.plan)
                sub.finish(outcome, audits[point])

        try:
            result = frontier(
                scenario,
                points=int(options.get("points") or 5),
                quality=str(options.get("quality") or "plan"),
                workers=int(options.get("workers") or 2),
                on_event=report,
                should_stop=should_stop,
                catalog=catalog,
                made={n: _made(run) for n, run in made.items()},
                on_plan=keep,
            )
        except KeyboardInterrupt:
            if audits:
                writer.leave()
                if on_kept is not None:
                    on_kept(writer.target, len(audits))
            raise
        for name, table in frontier_tables(result).items():
            writer.table(name, table)
        plans = {n: Run(folder / f"point-{n}") for n in sorted(audits)}
        facts = {
            name: value
            for name, value in plans[min(plans)].outcome.items()
            if name not in ("audit", "finished")
        }
        whole = all(run.status == "optimal" for run in plans.values())
        facts |= {
            "status": "optimal" if whole else "feasible",
            "seconds": {"total": round(time.perf_counter() - began, 3)},
            "points": len(result.points),
            "plans": len(plans),
            "gap": max(run.outcome.get("gap") or 0.0 for run in plans.values()),
        }
        return writer.finish(facts, worst([audits[n] for n in plans]))


def points_left(directory: Path) -> Path | None:
    """The plans that a frontier left in its folder, or in the hidden one of a process that ended too early."""
    found = [path / POINTS for path in (directory, *reversed(parts_of(directory)))]
    return next((path for path in found if path.is_dir()), None)


def _taken_over(
    earlier: Path | None, folder: Path, scenario: Scenario, catalog: Catalog, quality: str
) -> dict[int, Run]:
    """Copies whole plans of an earlier frontier by their number: those of the same scenario but for the limits that a
    frontier varies, of the same quality, facts and version of the planner, and not stopped on their way."""
    make_folder(folder)
    taken: dict[int, Run] = {}
    for path in sorted(earlier.glob("point-*")) if earlier is not None else []:
        with contextlib.suppress(RunError):
            run = Run(path)
            run.verify()
            same = run.outcome.get("quality") == quality and unbound(run.scenario) == unbound(scenario)
            version = run.manifest["versions"]["planner"] == __version__
            if (
                run.has_plan
                and not run.outcome.get("stopped")
                and same
                and version
                and not run.catalog_notes(catalog)
            ):
                shutil.copytree(path, folder / path.name)
                taken[int(path.name.removeprefix("point-"))] = Run(folder / path.name)
    return taken


def _made(run: Run) -> Made:
    """What a frontier reads of a plan, from its run."""
    values = dict(zip(run.kpis["kpi"], run.kpis["value"], strict=True))
    tables = {name: run.table(name) for name in ("demand", "fleet", "opens", "stacks")}
    known = run.outcome
    return Made(
        run.scenario, str(known["quality"]), run.status, known.get("bound"), known.get("gap"), values, tables,
        str(known["objective"]), known.get("control_bound"),
    )  # fmt: skip


def worst(audits: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The state of several audits: the first that is not clean."""
    return next((each for each in audits if each["state"] != "clean"), audits[0])


def live_of_run(run: Run) -> LiveFrontier:
    """The live trade-off of a run, of a frontier or of one plan; built in seconds, asked in milliseconds."""
    if "patterns" in run.tables:
        least = run.table("least_delays").set_index("w")["months"].to_dict()
        patterns = patterns_of_table(run.table("patterns"))
        return live_frontier(run.scenario, run.catalog, patterns=patterns, least=least)
    tables: dict[str, pd.DataFrame] = {n: run.table(n) for n in ("opens", "stacks") if n in run.tables}
    return live_frontier(run.scenario, run.catalog, tables if len(tables) == 2 else None)
