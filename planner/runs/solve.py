"""Solves a scenario into a run directory: case, plan, audit, or the reasons why there is none."""

from __future__ import annotations

import contextlib
import gc
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from planner.facts.catalog import Catalog
from planner.planning.events import Event, OnEvent
from planner.runs.disk import write_text
from planner.runs.files import captured_output
from planner.runs.neighbours import Neighbours
from planner.runs.run import Run
from planner.runs.writer import RunWriter, start_run
from planner.scenario.schema import Scenario

if TYPE_CHECKING:
    from planner.plans.plan import Plan

NEW_OBJECTS = 200_000
"""Python looks for cycles of garbage after so many new objects: a case makes many, and hardly a cycle."""


def run_solve(
    scenario: Scenario,
    options: Mapping[str, Any] | None = None,
    directory: Path | str | None = None,
    on_event: OnEvent | None = None,
    should_stop: Callable[[], bool] | None = None,
    *,
    root: Path | str = "runs",
    capture: bool = False,
    catalog: Catalog | None = None,
    neighbours: Neighbours | None = None,
) -> Run:
    """Builds the case, solves, audits, writes the run. Options: ``quality`` and ``objective``.

    Facts are those the scenario carries where no others are given; the run keeps the files of one of one's own.
    ``capture`` sends all output of this process to the run's log while it works (see ``captured_output``).
    ``neighbours`` is what cases solved one after another share.
    An infeasible case is a whole run too: its status and reasons are in the outcome.
    """
    from planner.case.build import build_case
    from planner.case.requests import lengths_taken
    from planner.intake.scenario_file import warnings_of
    from planner.planning.pipeline import solve

    options = dict(options or {})
    catalog = catalog or scenario.catalog
    with start_run(directory, scenario, catalog, options, root) as writer:

        def report(event: Event) -> None:
            writer.event(event)
            if on_event is not None:
                on_event(event)

        for warning in warnings_of(scenario, catalog):
            report(Event("scenario", f"warning: {warning.path}: {warning.message}"))
        for workload, lengths, why in lengths_taken(scenario, catalog):
            report(Event("scenario", f"note: demand[{workload}]: requests of {lengths} tokens: {why}"))
        with captured_output(writer.log) if capture else contextlib.nullcontext(), _rare_collections():
            if neighbours is None:
                case, engine = build_case(scenario, catalog), None
            else:
                case, engine = neighbours.case(scenario, catalog)
            outcome = solve(
                case,
                engine=engine,
                quality=options.get("quality"),
                objective=options.get("objective") or "cost",
                on_event=report,
                should_stop=should_stop,
            )
            if outcome.plan is not None:
                checked = audited(writer, outcome.plan)
                financed(writer, scenario, outcome.plan)
                return writer.finish(outcome, checked)
            if outcome.status == "infeasible" and not outcome.troubles:
                outcome = replace(outcome, troubles=_diagnosed(case, report))
        return writer.finish(outcome)


@contextlib.contextmanager
def _rare_collections() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _diagnosed(case: Any, on_event: OnEvent) -> list[Any]:
    """The causes of an infeasible case as troubles; the first carries the cure of all together."""
    from planner.case.prechecks import Trouble
    from planner.explain import explain_infeasible, written

    found = explain_infeasible(case, alternatives=False, on_event=on_event)
    together = "; ".join(f"{path}={written(value)}" for path, value in found.cure.items())
    return [
        Trouble(
            "",
            cause.kind,
            f"{cause.text}; {found.buys}" if i == 0 and found.buys else cause.text,
            f"least change: {together}" if i == 0 else "",
            found.cure if i == 0 else {},
        )
        for i, cause in enumerate(found.causes)
    ]


def audited(writer: RunWriter, plan: Plan) -> dict[str, Any]:
    """Checks the plan without the model and writes what it finds; the state for the outcome.

    ``state`` is ``clean``, ``broken`` (with the number of rules) or ``failed`` (with the reason): a plan whose audit
    cannot be made is kept, and is never called sound.
    """
    from planner.audit import audit

    try:
        found: pd.DataFrame = audit(plan)
    except Exception as error:
        write_text(writer.log, traceback.format_exc(), append=True)
        return {"state": "failed", "reason": f"{type(error).__name__}: {error}"}
    writer.table("audit", found)
    return {"state": "broken" if len(found) else "clean", "rules_broken": len(found)}


def financed(writer: RunWriter, scenario: Scenario, plan: Plan) -> None:
    """Writes the tables of the plan's finance; a plan whose finance cannot be worked out is kept, and says so."""
    from planner.finance.tables import FAULTS, SCHEMA, finance_tables

    try:
        found = finance_tables(scenario, plan.tables)
    except Exception as error:
        write_text(writer.log, traceback.format_exc(), append=True)
        rows = [("finance", f"could not be worked out: {type(error).__name__}: {error}")]
        found = {FAULTS: pd.DataFrame(rows, columns=list(SCHEMA[FAULTS]))}
    for name, table in found.items():
        writer.table(name, table)
