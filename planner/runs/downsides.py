"""A plan made again under each downside event, as a run of its own: the table ``finance_replanned`` of another run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from planner.case.finance import downsides
from planner.finance.from_plan import finance_of
from planner.planning.events import Event, OnEvent
from planner.runs.files import captured_output
from planner.runs.finance import plan_tables
from planner.runs.run import DOWNSIDES, Run
from planner.runs.writer import start_run
from planner.studies.downsides import replanned

REPLANNED = "finance_replanned"


def run_downsides(
    options: Mapping[str, Any],
    directory: Path | str,
    on_event: OnEvent,
    should_stop: Callable[[], bool],
) -> Run:
    """Makes the plan again under its scenario's events (``planner.studies.downsides``) and writes what comes of it.

    Options: ``of``, directory of the run with the plan; ``quality``. Raises ``FinanceError`` where the plan cannot be
    financed, ``RunError`` where there is none.
    """
    began = time.perf_counter()
    base = Run(options["of"])
    scenario, quality = base.scenario, str(options["quality"])
    with start_run(directory, scenario, base.catalog, options, kind=DOWNSIDES) as writer:

        def report(event: Event) -> None:
            stamped = replace(event, seconds=round(time.perf_counter() - began, 2))
            writer.event(stamped)
            on_event(stamped)

        with captured_output(writer.log):
            found = finance_of(scenario, plan_tables(base))
            events = downsides(scenario.finance, scenario.catalog)
            table = replanned(base.plan(), found, events, quality, report, should_stop)
        writer.table(REPLANNED, table)
        seconds = {"total": round(time.perf_counter() - began, 3)}
        return writer.finish({"status": "done", "quality": quality, "seconds": seconds})
