"""Training runs: work within start and deadline, at one place, as much as is said to be finished."""

from __future__ import annotations

import pandas as pd

from planner.audit.findings import Findings
from planner.audit.fleet import room_k
from planner.audit.service import served_k, training_workloads
from planner.audit.view import View, labelled, over, total

WJ, WHT = ["w", "j"], ["w", "h", "t"]

COVERS = {
    "training_work": "training-work",
    "training_share": "training-share",
    "training_edge": "training-edge",
    "training_place": "training-done",
    "training_once": "training-place",
}
"""Rules of the model that are recomputed here, and the rule of the audit that does."""
WHOLE_PERIOD = 1.0 - 1e-9
"""A run with less of a period begins or ends within it."""
TRACE_KREF = 1e-9
"""Work below this, in thousands of reference accelerators, is noise."""


def check(view: View, found: Findings) -> None:
    """Work of every run against what serves, its operations, its dates and its place; shares against what is unserved."""
    work, runs, pace = view.table("training_work"), view.table("training"), view.case.training_periods
    if not training_workloads(view) and not len(work) and not len(runs):
        return
    found.known(
        "training-date",
        work[["w", "j", "t"]].drop_duplicates(),
        pace.index,
        "work outside start and deadline",
    )
    found.at_least("training-date", total(work, [*WJ, "h", "t"], work["kref"]), 0.0, "negative work")
    served = served_k(view)
    served = served[served["w"].isin(training_workloads(view))]
    found.equal("training-work", total(work, WHT, work["kref"]), total(served, WHT, served["served"]),
                "work of runs is not what serves them")  # fmt: skip
    share = total(runs, WJ, runs["finished_share"])
    asked = total(pace.reset_index(drop=True), WJ, pace["kref"].to_numpy(float) * view.steps(pace["t"]))
    found.equal("training-done", total(work, WJ, work["kref"] * view.steps(work["t"])), asked * over(asked.index, share),
                "work done is not the share of its operations that is said to be finished")  # fmt: skip
    if view.whole:
        found.equal(
            "training-whole",
            (share - share.round()).abs(),
            0.0 * share,
            "a run that is neither done nor left",
        )
    _unserved(view, found, share)
    _edges(view, found, work)
    _places(view, found, work)


def _unserved(view: View, found: Findings, share: pd.Series) -> None:
    pace = view.case.training_periods.reset_index(drop=True)
    left = 1.0 - over(labelled(pace, WJ), share).to_numpy(float)
    demand = view.table("demand")
    demand = demand[demand["w"].isin(set(pace["w"]))]
    got = total(demand, ["w", "t"], demand["demand_kref"] * demand["unserved_share"])
    found.equal("training-share", got, total(pace, ["w", "t"], pace["kref"] * left),
                "what is unserved is not what runs leave unfinished")  # fmt: skip


def _edges(view: View, found: Findings, work: pd.DataFrame) -> None:
    """Where a run begins or must end within a period, what the whole fleet of its host does in that part of it."""
    rows = view.facts(work, view.case.training_periods, ["w", "j", "t"], ["share"])
    rows = rows[rows["case_share"] < WHOLE_PERIOD]
    serve = view.case.serve.reset_index(drop=True)[["w", "h", "a", "k", "t", "rate"]]
    on = room_k(view).rename_axis(["h", "a", "k", "t"]).rename("on_k").reset_index()
    able = rows[WHT].drop_duplicates().merge(serve, on=WHT).merge(on, on=["h", "a", "k", "t"])
    most = total(able, WHT, able["rate"] * able["on_k"])
    keys = [*WJ, "h", "t"]
    done = total(rows, keys, rows["kref"])
    share = total(rows.drop_duplicates(keys), keys, rows.drop_duplicates(keys)["case_share"])
    at = pd.MultiIndex.from_arrays([done.index.get_level_values(i) for i in (0, 2, 3)])
    found.at_most("training-edge", done, pd.Series(share.to_numpy() * over(at, most).to_numpy(), index=done.index),
                  "more work than the fleet does in the part of the period that is the run's")  # fmt: skip


def _places(view: View, found: Findings, work: pd.DataFrame) -> None:
    """A run that is done at one place has one host."""
    one = {w.id for w in view.scenario.demand if w.size.by == "training" and w.size.one_place}
    real = work[(work["kref"] > TRACE_KREF) & work["w"].isin(one)].drop_duplicates([*WJ, "h"])
    found.at_most("training-place", total(real, WJ, 1.0), 1.0, "a run at more than one place")
