"""Training runs as work with a deadline: what each asks for in all, in which periods, and at which places it may be done.

A run is stated by its operations (``planner.case.demand`` turns them into reference accelerators at an even pace from
start to deadline). Its work may be done in any of these periods, as the fleet allows, at one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.context import keyed
from planner.case.table import Table
from planner.scenario.schema import TrainingRuns

TABLES = {
    "trainings": Table(("w", "j"), {
        "kref": "work in all, thousands of reference accelerators x periods",
        "one_place": "whether all of it is done at one place",
    }),
    "training_periods": Table(("w", "j", "t"), {"kref": "work of the period at an even pace"}),
    "training_places": Table(("w", "j", "h"), {"chosen": "whether it must be chosen among several"}),
}  # fmt: skip


def with_training(case: Case, paces: Mapping[str, np.ndarray]) -> Case:
    """The case with its tables of runs; ``paces``: (run, period) thousands of reference accelerators by workload."""
    rows = [
        (w.id, run.id, t, float(kref), w.size.one_place)
        for w in case.scenario.demand
        if isinstance(w.size, TrainingRuns)
        for run, pace in zip(w.size.runs, paces[w.id], strict=True)
        for t, kref in enumerate(pace)
        if kref > 0 and (w.id, t) in case.demand.index
    ]
    each = pd.DataFrame(rows, columns=["w", "j", "t", "kref", "one_place"])
    each = (
        each if len(each) else TABLES["training_periods"].frame([]).assign(one_place=np.array([], dtype=bool))
    )
    runs = each.groupby(["w", "j"], sort=False, as_index=False).agg(
        kref=("kref", "sum"), one_place=("one_place", "first")
    )
    serve = case.serve[["w", "h", "t"]].drop_duplicates()
    places = (
        each.merge(serve, on=["w", "t"])[["w", "j", "h", "one_place"]]
        .drop_duplicates()
        .reset_index(drop=True)
    )
    several = places.groupby(["w", "j"])["h"].transform("count") > 1
    places = places.assign(chosen=places["one_place"].astype(bool) & several)
    tables = {"trainings": runs, "training_periods": each, "training_places": places}
    return replace(case, **{
        name: keyed(table[list(TABLES[name].names)], list(TABLES[name].keys), list(TABLES[name].columns))
        for name, table in tables.items()
    })  # fmt: skip
