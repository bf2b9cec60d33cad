"""What is left of each workload's service after each loss it must survive."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.resilience import lost_offers
from planner.plans.reader import Reader

WORK = ["i", "w", "h", "a", "k", "t"]
DUTY = ["i", "w", "f", "t"]


def outlasting(reader: Reader) -> pd.DataFrame:
    """(i, w, h, a, k, t) -> accelerators that run on after a loss of supply."""
    table = reader.dated(reader.site(reader.values("outlast", WORK, "thousands")))
    return table.assign(accelerators=table["thousands"].astype(float) * 1000)


def survival(case: Case, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """(i, w, f, t) -> share that must be left, and the share of what is served that is left.

    What is left may be more than all that is served, where more is held in reserve than the member did.
    """
    serving = tables["serving"]
    rate = serving["rate"].astype(float)
    work = serving.assign(strength=rate * (serving["accelerators"] + serving["reserve"]).astype(float) / 1000)
    lost = lost_offers(case, work).merge(work[["w", "h", "a", "k", "t", "strength", "rate"]], on=WORK[1:])
    late = lost.merge(tables["outlasting"][[*WORK, "accelerators"]], on=WORK)
    on = (
        (late["accelerators"].astype(float) * late["rate"].astype(float) / 1000)
        .groupby([late[k] for k in DUTY])
        .sum()
    )
    gone = lost.groupby(DUTY)["strength"].sum()
    rows = case.survival.reset_index(drop=True)
    index = pd.MultiIndex.from_frame(rows[DUTY])
    left = pd.MultiIndex.from_frame(rows[["w", "t"]])
    strength = work.groupby(["w", "t"])["strength"].sum().reindex(left).fillna(0.0).to_numpy()
    kept = strength - gone.reindex(index).fillna(0.0).to_numpy() + on.reindex(index).fillna(0.0).to_numpy()
    served = tables["demand"].set_index(["w", "t"])["served_kref"].astype(float).reindex(left).to_numpy()
    share = np.divide(kept, served, out=np.ones(len(rows)), where=served > 0)
    return rows.assign(label=rows["t"].map(case.periods["label"]), left_share=share)
