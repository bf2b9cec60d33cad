"""Training runs: work with a deadline, done in any period from start to deadline, at one place.

Variables: effort[w,j,h,t] work of run j done at a host, thousands of reference accelerators; unfinished[w,j] in 0..1, the
share of its work not done by its deadline; placed[w,j,h] binary, 1 at the host of the run.

    sum over j of effort = sum over (a,k) of rate x serve                       (w,h,t)  training_work
    sum over (h,t) of effort = work of the run x (1 - unfinished)               (w,j)    training_done
    demand x unserved = sum over j of even pace x unfinished                    (w,t)    training_share
    sum over t of effort <= work of the run x placed                            (w,j,h)  training_place
    sum over h of placed <= 1                                                   (w,j)    training_once

The last two where more than one host may do a run that is done at one place. ``ahead`` (``models/demand.py``) is what is
done beyond the even pace in a period.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyomo.environ as pe

from planner.case.case import Case
from planner.models.common import add_family, add_param, add_set, add_var, columns, grouped, tuples
from planner.models.rules import Rule


def declare(m: Any, case: Case) -> None:
    """Rows of runs; demand comes before it."""
    _declare_work(m, case)
    _declare_places(m, case)


def _declare_work(m: Any, case: Case) -> None:
    pace = case.training_periods.reset_index(drop=True)
    serve = case.serve.reset_index(drop=True)[["w", "h", "a", "k", "t"]]
    serve = serve[serve["w"].isin(set(pace["w"]))]
    effort = pace.merge(serve[["w", "h", "t"]].drop_duplicates(), on=["w", "t"])
    add_set(m, "TRAINING", tuples(case.trainings), 2)
    add_param(m, "training_kref", m.TRAINING, case.trainings["kref"])
    add_set(m, "EFFORT", columns(effort, ["w", "j", "h", "t"]), 4)
    add_var(m, "effort", m.EFFORT)
    add_var(m, "unfinished", m.TRAINING, bounds=(0, 1))
    add_set(m, "TRAINED", dict.fromkeys(columns(effort, ["w", "h", "t"])), 3)
    add_family(m, "efforts_at", m.TRAINED, grouped(effort, ["w", "h", "t"], ["j"]), 1)
    add_family(m, "trained_by", m.TRAINED, grouped(serve, ["w", "h", "t"], ["a", "k"]), 2)
    add_family(m, "efforts_of", m.TRAINING, grouped(effort, ["w", "j"], ["h", "t"]), 2)
    add_set(m, "PACE", columns(pace, ["w", "j", "t"]), 3)
    add_param(m, "pace_k", m.PACE, dict(zip(m.PACE, pace["kref"], strict=True)))
    add_family(m, "in_course", m.AHEAD, grouped(pace, ["w", "t"], ["j"]), 1)
    m.training_work = Rule(
        m.TRAINED,
        rule=lambda m, w, h, t: (
            sum(m.effort[w, j, h, t] for j in m.efforts_at[w, h, t])
            == sum(m.rate[w, h, a, k, t] * m.serve[w, h, a, k, t] for a, k in m.trained_by[w, h, t])
        ),
    )
    m.training_done = Rule(
        m.TRAINING,
        rule=lambda m, w, j: (
            sum(m.effort[w, j, h, t] for h, t in m.efforts_of[w, j])
            == m.training_kref[w, j] * (1 - m.unfinished[w, j])
        ),
    )
    m.training_share = Rule(
        m.AHEAD,
        rule=lambda m, w, t: (
            m.demand_k[w, t] * m.unserved[w, t]
            == sum(m.pace_k[w, j, t] * m.unfinished[w, j] for j in m.in_course[w, t])
        ),
    )


def _declare_places(m: Any, case: Case) -> None:
    chosen = case.training_places[case.training_places["chosen"]]
    add_set(m, "TRAINING_PLACE", tuples(chosen), 3)
    m.placed = pe.Var(m.TRAINING_PLACE, domain=pe.Binary, dense=False)
    by_host = pd.DataFrame([*m.EFFORT], columns=["w", "j", "h", "t"])
    add_family(m, "efforts_in", m.TRAINING_PLACE, grouped(by_host, ["w", "j", "h"], ["t"]), 1)
    add_set(m, "TRAINING_ONCE", dict.fromkeys(columns(chosen, ["w", "j"])), 2)
    add_family(m, "places_of", m.TRAINING_ONCE, grouped(chosen, ["w", "j"], ["h"]), 1)
    m.training_place = Rule(
        m.TRAINING_PLACE,
        rule=lambda m, w, j, h: (
            sum(m.effort[w, j, h, t] for t in m.efforts_in[w, j, h])
            <= m.training_kref[w, j] * m.placed[w, j, h]
        ),
    )
    m.training_once = Rule(
        m.TRAINING_ONCE, rule=lambda m, w, j: sum(m.placed[w, j, h] for h in m.places_of[w, j]) <= 1
    )
