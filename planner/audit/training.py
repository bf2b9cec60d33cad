"""Training runs: work within start and deadline, at one place, as much as is said to be finished."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from planner.audit.findings import Findings
from planner.audit.fleet import room_k
from planner.audit.service import served_k, training_workloads
from planner.audit.view import View, labelled, lookup, over, total
from planner.case.columns import joined

WJ, WHT, HAKT = ["w", "j"], ["w", "h", "t"], ["h", "a", "k", "t"]

COVERS = {
    "training_work": "training-work",
    "training_share": "training-share",
    "training_edge": "training-edge",
    "training_place": "training-done",
    "training_once": "training-place",
}
"""Rules of the model that are recomputed here, and the rule of the audit that does."""
WHOLE = ("training-whole", "training-place")
"""Rules of the audit that speak of wholes, which screening takes parts of."""
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
    found.equal(
        "training-whole", (share - share.round()).abs(), 0.0 * share, "a run that is neither done nor left"
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
    """Where runs begin or end within a period: in every part of it all runs that can work nowhere else have together what
    other work leaves their host.
    """
    rows = view.facts(work, view.case.training_periods, ["w", "j", "t"], ["opens", "share"])
    rows = rows.groupby([*WJ, "h", "t", "case_opens", "case_share"], as_index=False)["kref"].sum()
    if not (rows["case_share"] < WHOLE_PERIOD).any():
        return
    left = _left_for_training(view, rows)
    rates = view.case.serve.reset_index(drop=True)[["w", *HAKT, "rate"]]
    done, most = dict[tuple[str, str, int, str], float](), dict[tuple[str, str, int, str], float]()
    rows = rows.assign(ends=rows["case_opens"] + rows["case_share"])
    for (h, t), own in rows[rows["kref"] > TRACE_KREF].groupby(["h", "t"]):
        here = rates[(rates["h"] == h) & (rates["t"] == t)]
        by_system = here.pivot_table(index=["a", "k"], columns="w", values="rate")
        for first, last in product(sorted(set(own["case_opens"])), sorted(set(own["ends"]))):
            within = own[(own["case_opens"] >= first - TRACE_KREF) & (own["ends"] <= last + TRACE_KREF)]
            if last - first >= WHOLE_PERIOD or not len(within):
                continue
            for w in sorted(set(within["w"])):
                takes = (by_system[w].fillna(0.0).to_numpy()[:, None] / by_system).min()
                at = w, h, t, f"{first:.4g} to {last:.4g}"
                done[at] = float((within["w"].map(takes) * within["kref"]).sum())
                most[at] = (last - first) * float(left[w, h, t])
    found.at_most("training-edge", _by_part(done), _by_part(most),
                  "more work than other work leaves the fleet in the part of the period that is the run's")  # fmt: skip


def _by_part(values: dict[tuple[str, str, int, str], float]) -> pd.Series:
    index = pd.MultiIndex.from_tuples(values, names=["w", "h", "t", "part"]) if values else None
    return pd.Series(list(values.values()), index=index, dtype=float)


def _left_for_training(view: View, edges: pd.DataFrame) -> pd.Series:
    """(w, h, t) -> work of a training workload that the fleet of a host could do, on average, beside work that is none."""
    other = view.work[~view.work["w"].isin(training_workloads(view))]
    typical = joined(other, view.typical, ["t"])
    share = lookup(labelled(typical, ["w", "s"]), view.case.profile["value"]).astype(float)
    share = (
        np.where(typical["soft"], 1.0, share)
        * typical["hours"]
        / lookup(typical["t"], view.case.periods["hours"])
    )
    used = total(typical, HAKT, typical["serve_k"].to_numpy(float) * share.to_numpy(float))
    serve = view.case.serve.reset_index(drop=True)[["w", *HAKT, "rate"]]
    able = edges[WHT].drop_duplicates().merge(serve, on=WHT)
    at = labelled(able, HAKT)
    return total(able, WHT, able["rate"] * (over(at, room_k(view)) - over(at, used)).to_numpy(float))


def _places(view: View, found: Findings, work: pd.DataFrame) -> None:
    """A run that is done at one place has one host."""
    one = {w.id for w in view.scenario.demand if w.size.by == "training" and w.size.one_place}
    real = work[(work["kref"] > TRACE_KREF) & work["w"].isin(one)].drop_duplicates([*WJ, "h"])
    found.at_most("training-place", total(real, WJ, 1.0), 1.0, "a run at more than one place")
