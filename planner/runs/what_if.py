"""Questions to a plan that take plans of their own, as a run: a loss, survival, each stack, rules of residual value,
what concessions are worth, what a hub of several countries saves each.

run = run_what_if({"study": "survival", "by": ["site"], "quality": "quick"}, folder, scenario, catalog)
run.tables, run.outcome["notes"]
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from planner.facts.catalog import Catalog
from planner.planning.events import Event, OnEvent
from planner.runs.files import captured_output
from planner.runs.run import HUB, LOSS, NEGOTIATION, STACKS, SURVIVAL, VALUATIONS, Run
from planner.runs.writer import start_run
from planner.scenario.schema import Cut, Scenario
from planner.studies.hub import hub_study
from planner.studies.negotiation import negotiation_table
from planner.studies.stacks import FIVE, compare_stacks
from planner.studies.supplier_loss import sever
from planner.studies.survival import survival_table
from planner.studies.valuations import valuation_table


@dataclass(frozen=True)
class Asked:
    """A question: the scenario and facts it is put to, its options, who hears of progress, whether to stop."""

    scenario: Scenario
    catalog: Catalog
    options: Mapping[str, Any]
    on_event: OnEvent
    should_stop: Callable[[], bool]

    @property
    def quality(self) -> str:
        return str(self.options.get("quality", "quick"))


@dataclass(frozen=True)
class Found:
    """Tables of the answer by name, and what is to be said of it besides."""

    tables: dict[str, pd.DataFrame]
    notes: list[str]


def _loss(asked: Asked) -> Found:
    """``of``: directory of the run with the plan; ``cut``: fields of a ``Cut``."""
    cut = Cut.model_validate(asked.options["cut"])
    base = Run(asked.options["of"]).plan()
    test = sever(base, cut, asked.quality, asked.on_event, asked.should_stop)
    missing = [] if test.outcome.plan is not None else [f"no answer was found: {test.outcome.status}"]
    tables = {name: getattr(test, name) for name in ("stops", "summary", "service", "buys")}
    return Found(tables, [*missing, *test.notes])


def _survival(asked: Asked) -> Found:
    """``by``: classes; ``from``: first day (ISO) or none; ``what``, ``months``, ``workloads`` as the study takes them."""
    options = asked.options
    since = date.fromisoformat(options["from"]) if options.get("from") else None
    table = survival_table(
        asked.scenario, options["by"], since, options.get("what", "service"), int(options.get("months", 12)),
        options.get("workloads"), asked.quality, asked.catalog, asked.on_event, asked.should_stop,
    )  # fmt: skip
    return Found({"survival": table}, [])


def _stacks(asked: Asked) -> Found:
    """``stacks``: ids of the catalog, by default the five."""
    chosen = tuple(asked.options.get("stacks") or FIVE)
    found = compare_stacks(
        asked.scenario, chosen, asked.quality, on_event=asked.on_event, catalog=asked.catalog,
        should_stop=asked.should_stop,
    )  # fmt: skip
    return Found({"stacks": found.table, "accounts": found.accounts.rename_axis("account").reset_index()}, [])


def _valuations(asked: Asked) -> Found:
    table = valuation_table(
        asked.scenario, asked.quality, asked.catalog, on_event=asked.on_event, should_stop=asked.should_stop
    )
    return Found({"valuations": table}, [])


def _negotiation(asked: Asked) -> Found:
    table = negotiation_table(asked.scenario, asked.quality, asked.catalog, asked.on_event, asked.should_stop)
    return Found({"negotiation": table}, [])


def _hub(asked: Asked) -> Found:
    """``countries``: ISO3 of those compared, by default all that have demand."""
    countries = asked.options.get("countries") or None
    found = hub_study(
        asked.scenario, countries, asked.quality, asked.catalog, asked.on_event, asked.should_stop
    )
    return Found({"hub_countries": found.countries, "hub_coalitions": found.coalitions}, [])


ANSWERS: dict[str, Callable[[Asked], Found]] = {
    LOSS: _loss,
    SURVIVAL: _survival,
    STACKS: _stacks,
    VALUATIONS: _valuations,
    NEGOTIATION: _negotiation,
    HUB: _hub,
}


def run_what_if(
    options: Mapping[str, Any],
    directory: Path | str,
    scenario: Scenario,
    catalog: Catalog,
    on_event: OnEvent,
    should_stop: Callable[[], bool],
) -> Run:
    """Works out ``options["study"]`` (a kind of ``ANSWERS``) and writes its tables and notes.

    ``options["quality"]`` is that of every plan made. Raises what the study raises, with nothing written.
    """
    began = time.perf_counter()
    kind = str(options["study"])
    with start_run(directory, scenario, catalog, options, kind=kind) as writer:

        def report(event: Event) -> None:
            stamped = replace(event, seconds=round(time.perf_counter() - began, 2))
            writer.event(stamped)
            on_event(stamped)

        with captured_output(writer.log):
            found = ANSWERS[kind](Asked(scenario, catalog, options, report, should_stop))
        for name, table in found.tables.items():
            writer.table(name, table)
        seconds = {"total": round(time.perf_counter() - began, 3)}
        quality = str(options.get("quality", "quick"))
        return writer.finish({"status": "done", "quality": quality, "seconds": seconds, "notes": found.notes})
