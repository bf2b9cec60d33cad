"""What is served does not fall while demand does not, but for work that data end: recomputed from work done."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.audit.findings import Findings
from planner.audit.service import served_k
from planner.audit.view import HAKT, View, labelled, lookup, over, total
from planner.case.columns import joined
from planner.case.continuity import orders_ended, work_ended

COVERS = {"service_kept": "service-kept", "lapse_of_work": "service-kept", "lapse_by_data": "service-kept"}
"""Rules of the model that are recomputed here, and the rule of the audit that does."""


def check(view: View, found: Findings) -> None:
    """No workload loses service but what data take from it, nor all together more than data take."""
    rows, ends = _falls(view), _ends(view)
    at = labelled(rows, ["w", "t"])
    fall = pd.Series(rows["fall"].to_numpy(float), index=at)
    wanted = pd.Series(rows["demand"].to_numpy(float), index=at)
    allowed = over(at, total(ends, ["w", "t"], ends["case_rate"] * np.minimum(ends["serve_k"], ends["loss"])))
    found.at_most(
        "service-kept", fall / wanted, allowed / wanted, "served less than before (share of demand)"
    )
    best = pd.Series(ends.groupby(["w", "t"])["case_rate"].max(), dtype=float).reindex(at)
    lost = pd.Series((fall.clip(lower=0.0) / best).fillna(0.0).to_numpy(), index=rows["t"])
    limit = over(
        rows["t"].drop_duplicates(), ends.drop_duplicates(["h", "a", "k", "t"]).groupby("t")["loss"].sum()
    )
    found.at_most(
        "service-kept", lost.groupby(level=0).sum(), limit, "together more is lost than data take away"
    )


def _falls(view: View) -> pd.DataFrame:
    """w, before, t, demand, fall: how much less of the demand carried over is served than in the period before."""
    rows, asked = view.case.kept.reset_index(drop=True), view.case.demand
    work = served_k(view)
    done = total(work, ["w", "t"], work["served"])
    now, then = (labelled(rows, ["w", c]).set_names([None, None]) for c in ("t", "before"))
    demand, earlier = (asked["demand_kref"].reindex(i).to_numpy(float) for i in (now, then))
    carried = np.minimum(demand, earlier)
    fall = carried * over(then, done).to_numpy() / earlier - over(now, done).to_numpy()
    return rows.assign(demand=demand, fall=fall)


def _ends(view: View) -> pd.DataFrame:
    """Work of the period before on offers that lose something: serve_k, case_rate, loss (thousands at work)."""
    keys = ["w", "h", "a", "k", "before"]
    work = served_k(view).rename(columns={"t": "before"})[[*keys, "serve_k", "case_rate"]]
    rows = joined(view.case.lapses, work, keys)
    index = labelled(rows, ["h", "a", "k", "t"])
    loss = pd.Series(lookup(index, view.case.losses["working_k"]), dtype=float).fillna(np.inf)
    own = pd.Series(lookup(index, view.case.losses["own"])).fillna(False).astype(bool)
    agreed = over(index, _agreed(view)).to_numpy(float)
    return rows.assign(loss=loss + own * over(index, _ended(view)).to_numpy(float) + agreed)


def _agreed(view: View) -> pd.Series:
    """(h, a, k, t) -> thousands at work that agreements take with them: ordered under them, or opened by those signed."""
    keys = ["e", "h", "a", "k", "live"]
    under = view.table("ordered_under").rename(columns={"t": "live"})[[*keys, "accelerators"]]
    orders, work = joined(orders_ended(view.case), under, keys), work_ended(view.case)
    work = work[work["e"].isin(view.since("agreements").index)]
    rows = pd.concat([orders, work], ignore_index=True)
    working = orders["accelerators"] / 1000.0 * view.case.physics["availability"]
    return total(rows, HAKT, np.concatenate([working, work["most_k"]]))


def _ended(view: View) -> pd.Series:
    """(h, a, k, t) -> thousands at work bought in the plan that end at the start of t, by life or longest term."""
    orders = view.facts(view.table("orders"), view.case.orders, HAKT, ["life"])
    longest = view.case.rents.groupby(["h", "a", "k"])["periods"].max().rename("longest").reset_index()
    rents = view.facts(view.table("rents"), view.case.rents, ["h", "a", "k", "r", "t"], ["periods"])
    rents = joined(rents, longest, ["h", "a", "k"])
    rents = rents[rents["case_periods"] == rents["longest"]].rename(columns={"case_periods": "case_life"})
    rows = pd.concat([t[[*HAKT, "accelerators", "case_life"]] for t in (orders, rents)], ignore_index=True)
    working = rows["accelerators"] / 1000.0 * view.case.physics["availability"]
    return total(rows.assign(t=view.holds(view.begins(rows["t"]) + rows["case_life"])), HAKT, working)
