"""Whole replicas: what a small workload wastes because a model is served by whole groups of accelerators.

A replica is the fewest accelerators that hold the model with its cache. A workload needs whole ones, and one more so
that a failure does not stop it, unless it survives the loss of a site anyway or may wait. Work whose servers serve
nothing else takes whole servers; where a part of an accelerator is declared enough, that part. Availability holds
spares already: only what whole replicas take beyond it counts. From twenty replicas on the difference is less than
the spares of the fleet, and nothing is corrected.

    accelerators to hold = max(need / availability, ceil(need / replica) x replica + one replica)
    working share        = (need / availability) / accelerators to hold
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.case.columns import looked_up
from planner.case.context import Context
from planner.case.demand import TRAINING_KINDS, is_preemptible
from planner.case.rates import least_accelerators
from planner.case.requests import request_of
from planner.scenario.schema import Workload

SERVER_ACCELERATORS = 8
"""Most accelerators of a server; racks are set apart in parts of this size."""
SMALL_SHARE = 0.05
"""A replica and its spare below this share of the need are lost among the spares of the fleet."""
LEAST_WORKING_SHARE = 1e-3
ROUNDING = 1e-9


def replica_accelerators(context: Context, w: Workload, stack: str | None, system: str) -> float:
    """Accelerators of one replica of a workload on a system; 0 for training, which takes what it gets."""
    if w.kind in TRAINING_KINDS:
        return 0.0
    row = context.catalog.table("systems").loc[system]
    if w.own_servers or (w.own_servers is None and w.data_class == "secret"):
        return float(min(row["n_accelerators"], SERVER_ACCELERATORS))
    chip = str(row["accelerator_id"])
    least = least_accelerators(context.catalog, w.model_class, chip, stack, request_of(context, w))
    return least * w.accelerator_share if least == 1 else float(least)


def spare_replicas(w: Workload) -> int:
    """One more for a failure, unless it is held at another site or the work may wait."""
    return 0 if w.survival_share > 0 or is_preemptible(w) else 1


def working_share(
    need: np.ndarray, replica: np.ndarray, spares: np.ndarray, availability: float
) -> np.ndarray:
    """Share of what is held that the need takes, for ``need`` accelerators at work; 1 where it is not small."""
    need, unit = np.maximum(need, ROUNDING), np.maximum(replica, ROUNDING)
    whole = (np.ceil(need / unit - ROUNDING) + spares) * replica
    small = (1 + spares) * replica > SMALL_SHARE * need
    share = np.where(small, need / availability / np.maximum(whole, ROUNDING), 1.0)
    return np.asarray(np.clip(share, LEAST_WORKING_SHARE, 1.0))


def in_whole_replicas(context: Context, serve: pd.DataFrame) -> pd.Series:
    """Rates of (w, a, k, rate, demand_kref) rows, less by what small workloads waste."""
    workloads = {w.id: w for w in context.scenario.demand}
    size = {
        (w, a, k): replica_accelerators(context, workloads[w], a, k)
        for w, a, k in serve[["w", "a", "k"]].drop_duplicates().itertuples(index=False)
    }
    replica = np.array([size[key] for key in zip(serve["w"], serve["a"], serve["k"], strict=True)])
    spares = looked_up(serve["w"], pd.Series({name: spare_replicas(w) for name, w in workloads.items()}))
    need = (serve["demand_kref"] * 1000.0 / serve["rate"]).to_numpy(float)
    share = working_share(need, replica, spares.to_numpy(float), context.param("availability"))
    return serve["rate"] * share
