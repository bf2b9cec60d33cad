"""Training runs that no fleet could do between start and deadline: the most that each place could do, from tables alone.

A place works at most availability x the megawatts of its host x the best work of a megawatt, from the period on in which
it can be ready (``planner.case.readiness``); clouds have no such limit. Money, quotas and other work are left out, so that
what does not fit here is certainly impossible.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.columns import records
from planner.case.readiness import NEVER, ready_from
from planner.case.training_work import ALL_HOSTS, runs_of

DONE_SHARE = 1.0 - 1e-6
"""A run of which less can be done cannot be done."""


@dataclass(frozen=True)
class Undoable:
    """A run that no place can do: the share of it that the best place could, ready from a day (None: not in time), the
    least deadline that would do (None: none within the horizon), and the periods from its start to its deadline."""

    workload: str
    run: str
    start: date
    deadline: date
    place: str
    share: float
    ready: date | None
    least_deadline: date | None
    periods: tuple[int, ...]

    @property
    def message(self) -> str:
        why = f"{self.place} can do {self.share:.0%} of it at most, ready from {self.ready}"
        if self.ready is None:
            why = "nothing can be ready to work on it by then"
        return f"training run {self.run} of {self.workload} cannot be done from {self.start} to {self.deadline}: {why}"

    @property
    def cure(self) -> str:
        larger = (
            f", or make {self.place} {math.ceil(10 / self.share) / 10:g} times as large" if self.share else ""
        )
        if self.least_deadline is None:
            return f"lengthen the horizon, or take the run out{larger}"
        return f"set its deadline to {self.least_deadline} or later{larger}"


def undoable(case: Case) -> list[Undoable]:
    """Runs of the horizon that no place could do; those of workloads that nothing may serve are left out."""
    if not len(case.trainings):
        return []
    reach, stated = _reach(case), runs_of(case.scenario)
    pace = case.training_periods.reset_index(drop=True)
    n, found = case.calendar.n, []
    for row in records(case.trainings):
        places = reach[reach["w"] == row.w]
        own = pace[(pace["w"] == row.w) & (pace["j"] == row.j)].set_index("t")["share"]
        if not len(places):
            continue
        at = np.asarray(own.index, int)
        ready = places["ready"].to_numpy(float)
        periods = (own.to_numpy(float) * (at >= ready[:, None])).sum(axis=1)
        work = places["work_k"].to_numpy(float)
        done = np.multiply(
            periods, work, out=np.zeros(len(work)), where=periods > 0
        )  # a cloud's work has no limit
        run, one_place = stated[row.w, row.j]
        best = int(done.argmax())
        place, most = (str(places["h"].iloc[best]), done[best]) if one_place else (ALL_HOSTS, done.sum())
        if most >= DONE_SHARE * row.kref:
            continue
        begins = np.maximum(ready, at[0] if own.iloc[0] == 1.0 else at[0] + 1)
        end = float((begins + np.ceil(row.kref / work)).min())
        found.append(Undoable(
            str(row.w), run.id, run.start, run.deadline, place, float(most / row.kref),
            case.calendar.date_of(int(max(ready[best], 0))) if most > 0 else None,
            case.calendar.date_of(int(end)) if end <= n else None, tuple(at.tolist()),
        ))  # fmt: skip
    return found


def _reach(case: Case) -> pd.DataFrame:
    """w, h, ready (first period it can work), work_k (most work of a period, thousands of reference accelerators)."""
    serve = case.serve.reset_index(drop=True)
    serve = serve[serve["w"].isin(set(case.trainings["w"]))]
    serve = serve.assign(ready=ready_from(case, serve))
    serve = serve[serve["ready"] < NEVER]
    room = case.host_period.groupby("h")["max_mw"].max()
    per_k = serve["k"].map(case.systems["peak_mw_per_k"]).astype(float)
    most_k = float(case.physics["availability"]) * serve["h"].map(room).astype(float).fillna(np.inf) / per_k
    serve = serve.assign(work_k=serve["rate"] * most_k)
    return serve.groupby(["w", "h"], as_index=False).agg(ready=("ready", "min"), work_k=("work_k", "max"))
