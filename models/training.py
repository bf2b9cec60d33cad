"""Training runs: work with a deadline, done in any period from start to deadline, at one place, and whole or not at all.

Variables: effort[w,j,h,t] work of run j done at a host, thousands of reference accelerators; placed[w,j,q] binary, 1 at
the place q where the run is done: a host, or all hosts together for a run that they may share; unfinished[w,j] 1 for a
run that is not done by its deadline, else 0.

    sum over j of effort = sum over (a,k) of rate x serve                       (w,h,t)  training_work
    sum over (h,t) of q of steps of t x effort = work of the run x placed       (w,j,q)  training_place
    sum over q of placed + unfinished = 1                                       (w,j)    training_once
    demand x unserved = sum over j of even pace x unfinished                    (w,t)    training_share
    sum over runs (v,i) whose part of t lies within n of takes[w,v,h,t] x effort[v,i,h,t]      (w,n,h,t)  training_edge
        <= share x sum over (a,k) of rate x (availability x (fleet - stored - emptied) - mean of other work)

``placed`` is whole: a run is done or not, and of one that is not done no part counts and no work is spent on it. The last
row stands where runs begin or must end within a period: for every part n of it from the start of a run to the end of one,
and each workload w with a run that lies within; share is the part's length. In it all runs together have what work
that is no training leaves, at an even pace all through the period: else that work would wait in the rest, for as long as
a period lasts. takes is the work of w that the fleet does not do for a unit of v's. ``ahead`` (``models/demand.py``) is what
is done beyond the even pace in a period.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pandas as pd
import pyomo.environ as pe

from planner.case.case import Case
from planner.case.columns import joined
from planner.case.training_work import ALL_HOSTS
from planner.models.common import add_family, add_param, add_set, add_var, distinct, grouped, tuples
from planner.models.fleet import mean_of_serve, out_of_use
from planner.models.rules import Rule

ROUNDING = 1e-9
WHOLE_PERIOD = 1.0 - ROUNDING
"""A run that may work for less of a period does not have all of it."""


def declare(m: Any, case: Case) -> None:
    """Rows of runs; demand comes before it."""
    _declare_work(m, case)
    _declare_edges(m, case)
    _declare_places(m, case)


def _declare_work(m: Any, case: Case) -> None:
    pace = case.training_periods.reset_index(drop=True)
    serve = case.serve.reset_index(drop=True)[["w", "h", "a", "k", "t"]]
    serve = serve[serve["w"].isin(set(pace["w"]))]
    effort = joined(pace, serve[["w", "h", "t"]].drop_duplicates(), ["w", "t"])
    add_set(m, "TRAINING", tuples(case.trainings), 2)
    add_set(m, "EFFORT", distinct(effort, ["w", "j", "h", "t"]), 4)
    add_var(m, "effort", m.EFFORT)
    add_var(m, "unfinished", m.TRAINING, bounds=(0, 1))
    add_set(m, "TRAINED", distinct(effort, ["w", "h", "t"]), 3)
    add_family(m, "efforts_at", m.TRAINED, grouped(effort, ["w", "h", "t"], ["j"]), 1)
    add_family(m, "trained_by", m.TRAINED, grouped(serve, ["w", "h", "t"], ["a", "k"]), 2)
    add_param(m, "period_steps", m.PERIOD, case.periods["steps"])
    add_set(m, "PACE", distinct(pace, ["w", "j", "t"]), 3)
    add_param(m, "pace_k", m.PACE, dict(zip(m.PACE, pace["kref"], strict=True)))
    add_family(m, "in_course", m.AHEAD, grouped(pace, ["w", "t"], ["j"]), 1)
    m.training_work = Rule(
        m.TRAINED,
        rule=lambda m, w, h, t: (
            sum(m.effort[w, j, h, t] for j in m.efforts_at[w, h, t])
            == sum(m.rate[w, h, a, k, t] * m.serve[w, h, a, k, t] for a, k in m.trained_by[w, h, t])
        ),
    )
    m.training_share = Rule(
        m.AHEAD,
        rule=lambda m, w, t: (
            m.demand_k[w, t] * m.unserved[w, t]
            == sum(m.pace_k[w, j, t] * m.unfinished[w, j] for j in m.in_course[w, t])
        ),
    )


def _declare_edges(m: Any, case: Case) -> None:
    availability = float(case.physics["availability"])
    parts = _parts(case)
    places = pd.DataFrame([*m.EFFORT], columns=["v", "i", "h", "t"])
    runs = grouped(joined(parts, places, ["v", "i", "t"]), ["n", "h", "t"], ["v", "i"])
    edges = {(w, *at): own for at, own in runs.items() for w in dict.fromkeys(v for v, _ in own)}
    add_set(m, "TRAINING_EDGE", list(edges), 4)
    add_family(m, "runs_within", m.TRAINING_EDGE, edges, 2)
    share = parts.drop_duplicates(["n", "t"]).set_index(["n", "t"])["long"]
    add_param(m, "edge_share", m.TRAINING_EDGE, {(w, n, h, t): share[n, t] for w, n, h, t in edges})
    pairs = dict.fromkeys((w, v, h, t) for (w, _, h, t), own in edges.items() for v, _ in own)
    add_set(m, "TRAINED_PAIR", list(pairs), 4)
    add_param(m, "takes", m.TRAINED_PAIR, {pair: _takes(m, *pair) for pair in pairs})
    trained = set(case.trainings["w"])
    others = {
        (w, n, h, t): [
            (a, k, v)
            for a, k in m.trained_by[w, h, t]
            for v in (*m.firm_at[h, a, k, t], *m.soft_at[h, a, k, t])
            if v not in trained
        ]
        for w, n, h, t in edges
    }
    add_family(m, "work_beside", m.TRAINING_EDGE, others, 3)
    mean = mean_of_serve(case) if edges else pd.Series(dtype=float)
    add_set(m, "MEAN_WORK", list(mean.index), 2)
    add_param(m, "mean_work", m.MEAN_WORK, mean)

    def edge_rule(m: Any, w: Any, n: Any, h: Any, t: Any) -> Any:
        return sum(m.takes[w, v, h, t] * m.effort[v, i, h, t] for v, i in m.runs_within[w, n, h, t]) + sum(
            m.edge_share[w, n, h, t] * m.rate[w, h, a, k, t] * m.mean_work[v, t] * m.serve[v, h, a, k, t]
            for a, k, v in m.work_beside[w, n, h, t]
        ) <= sum(
            m.edge_share[w, n, h, t]
            * availability
            * m.rate[w, h, a, k, t]
            * (m.fleet[h, a, k, t] - out_of_use(m, h, a, k, t))
            for a, k in m.trained_by[w, h, t]
        )

    m.training_edge = Rule(m.TRAINING_EDGE, rule=edge_rule)


def _parts(case: Case) -> pd.DataFrame:
    """n, t, long, v, i: parts of periods from the start of a run to the end of one, and the runs whose own part lies within.

    Of parts with the same runs within only the shortest, and none that is the whole period.
    """
    rows: list[tuple[str, int, float, str, str]] = []
    pace = case.training_periods.reset_index()
    for t, own in pace.assign(ends=pace["opens"] + pace["share"]).groupby("t"):
        for first, last in product(sorted(set(own["opens"])), sorted(set(own["ends"]))):
            within = own[(own["opens"] >= first - ROUNDING) & (own["ends"] <= last + ROUNDING)]
            if last - first >= WHOLE_PERIOD or not len(within):
                continue
            if within["opens"].min() <= first + ROUNDING and within["ends"].max() >= last - ROUNDING:
                part = f"{first:.6g} to {last:.6g}", t, last - first
                rows += [(*part, v, i) for v, i in zip(within["w"], within["j"], strict=True)]
    return pd.DataFrame(rows, columns=["n", "t", "long", "v", "i"])


def _takes(m: Any, w: Any, v: Any, h: Any, t: Any) -> float:
    """Work of ``w`` that the fleet does not do for a unit of ``v``'s, at least: by the system on which it is least."""
    rate = {at: m.rate[w, h, *at, t] for at in m.trained_by[w, h, t]}
    return min(float(rate.get(at, 0.0) / m.rate[v, h, *at, t]) for at in m.trained_by[v, h, t])


def _declare_places(m: Any, case: Case) -> None:
    places = case.training_places.reset_index(drop=True)
    add_set(m, "TRAINING_PLACE", tuples(case.training_places), 3)
    m.placed = pe.Var(m.TRAINING_PLACE, domain=pe.Binary, dense=False)
    add_param(m, "place_work", m.TRAINING_PLACE, case.training_places["kref"])
    effort = pd.DataFrame([*m.EFFORT], columns=["w", "j", "h", "t"])
    either = pd.concat([effort.assign(q=effort["h"]), effort.assign(q=ALL_HOSTS)], ignore_index=True)
    add_family(m, "efforts_in", m.TRAINING_PLACE, grouped(either, ["w", "j", "q"], ["h", "t"]), 2)
    add_family(m, "places_of", m.TRAINING, grouped(places, ["w", "j"], ["q"]), 1)
    m.training_place = Rule(
        m.TRAINING_PLACE,
        rule=lambda m, w, j, q: (
            sum(m.period_steps[t] * m.effort[w, j, h, t] for h, t in m.efforts_in[w, j, q])
            == m.place_work[w, j, q] * m.placed[w, j, q]
        ),
    )
    m.training_once = Rule(
        m.TRAINING,
        rule=lambda m, w, j: sum(m.placed[w, j, q] for q in m.places_of[w, j]) + m.unfinished[w, j] == 1,
    )
