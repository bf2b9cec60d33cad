"""Training runs as work with a deadline: what each asks for in all, in which periods, and at which places it may be done.

A run is stated by its operations (``planner.case.demand`` turns them into reference accelerators at an even pace from
start to deadline). Its work may be done in any of these periods, as the fleet allows, at one place; a run that hosts may
share has one place, all hosts together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.columns import joined, looked_up
from planner.case.context import keyed
from planner.case.demand import shares_of_periods
from planner.case.table import Table
from planner.scenario.schema import Scenario, TrainingRun, TrainingRuns

TABLES = {
    "trainings": Table(("w", "j"), {
        "kref": "work in all, thousands of reference accelerators x steps",
        "months": "months the workload waits if it is not done",
    }),
    "training_periods": Table(("w", "j", "t"), {
        "kref": "work of the period at an even pace", "share": "share of the period from start to deadline",
        "opens": "share of the period before the start",
    }),
    "training_places": Table(("w", "j", "q"), {"kref": "work of the run, all done there or none"}),
}  # fmt: skip
ALL_HOSTS = "all hosts"
"""The place of a run that hosts may share."""


def runs_of(scenario: Scenario) -> dict[tuple[str, str], tuple[TrainingRun, bool]]:
    """(workload, run) -> the run as it is stated, and whether all of it is done at one place."""
    return {
        (w.id, run.id): (run, w.size.one_place)
        for w in scenario.demand
        if isinstance(w.size, TrainingRuns)
        for run in w.size.runs
    }


def with_training(case: Case, paces: Mapping[str, np.ndarray]) -> Case:
    """The case with its tables of runs; ``paces``: (run, period) thousands of reference accelerators by workload."""
    rows = [
        (w.id, run.id, t, float(kref), float(share), float(opens), w.size.one_place)
        for w in case.scenario.demand
        if isinstance(w.size, TrainingRuns)
        for run, pace in zip(w.size.runs, paces[w.id], strict=True)
        for t, (kref, share, opens) in enumerate(
            zip(pace, *shares_of_periods(case.calendar, run), strict=True)
        )
        if kref > 0 and (w.id, t) in case.demand.index
    ]
    if not rows:
        return replace(case, **{name: table.frame([]) for name, table in TABLES.items()})
    each = pd.DataFrame(rows, columns=["w", "j", "t", "kref", "share", "opens", "one_place"])
    asked = case.demand["demand_kref"].reindex(pd.MultiIndex.from_frame(each[["w", "t"]])).to_numpy(float)
    months = each["kref"] / asked * looked_up(each["t"], case.periods["months"])
    steps = case.calendar.steps[each["t"].to_numpy(int)]
    runs = (
        each.assign(months=months, kref=each["kref"] * steps)
        .groupby(["w", "j"], sort=False, as_index=False)
        .agg(kref=("kref", "sum"), months=("months", "sum"), one_place=("one_place", "first"))
    )
    serve = case.serve.reset_index(drop=True)[["w", "h", "t"]].drop_duplicates()
    places = joined(each, serve, ["w", "t"])[["w", "j", "h", "one_place"]]
    places = places.assign(q=places["h"].where(places["one_place"].astype(bool), ALL_HOSTS))
    places = joined(places[["w", "j", "q"]].drop_duplicates(), runs, ["w", "j"])
    tables = {"trainings": runs, "training_periods": each, "training_places": places}
    return replace(case, **{
        name: keyed(table[list(TABLES[name].names)], list(TABLES[name].keys), list(TABLES[name].columns))
        for name, table in tables.items()
    })  # fmt: skip
