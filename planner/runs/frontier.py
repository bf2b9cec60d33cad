"""A frontier as a run directory: its tables, and one whole run a solved plan under ``points/``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from planner.facts.catalog import Catalog
from planner.planning.events import Event, OnEvent
from planner.runs.disk import make_folder
from planner.runs.run import Run
from planner.runs.solve import audited
from planner.runs.writer import outcome_facts, start_run
from planner.scenario.schema import Scenario
from planner.studies.frontier import frontier, frontier_tables, live_frontier
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
) -> Run:
    """Makes the frontier and writes it; facts are those the scenario carries where no others are given.

    Options: ``points``, ``quality``, ``workers``.
    """
    began = time.perf_counter()
    catalog = catalog or scenario.catalog
    with start_run(directory, scenario, catalog, options, root, kind="frontier") as writer:

        def report(event: Event) -> None:
            stamped = replace(event, seconds=round(time.perf_counter() - began, 2))
            writer.event(stamped)
            if on_event is not None:
                on_event(stamped)

        result = frontier(
            scenario,
            points=int(options.get("points") or 5),
            quality=str(options.get("quality") or "plan"),
            workers=int(options.get("workers") or 2),
            on_event=report,
            should_stop=should_stop,
            catalog=catalog,
        )
        for name, table in frontier_tables(result).items():
            writer.table(name, table)
        folder = writer.path / POINTS
        make_folder(folder)
        audits: list[dict[str, Any]] = []
        for point, outcome in result.plans.items():
            chosen = {"quality": outcome.quality, "objective": outcome.objective, "frontier_point": point}
            with start_run(folder / f"point-{point}", outcome.resolved, catalog, chosen) as sub:
                assert outcome.plan is not None
                audits.append(audited(sub, outcome.plan))
                sub.finish(outcome, audits[-1])
        first = result.plans[min(result.plans)]
        facts = outcome_facts(first)
        whole = all(o.status == "optimal" for o in result.plans.values())
        facts |= {
            "status": "optimal" if whole else "feasible",
            "seconds": {"total": round(time.perf_counter() - began, 3)},
            "points": len(result.points),
            "plans": len(result.plans),
            "gap": max(o.gap or 0.0 for o in result.plans.values()),
        }
        return writer.finish(facts, worst(audits))


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
