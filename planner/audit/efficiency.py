"""Efficiency: PUE and water of places that build, of what they draw and use in a year, against the caps in force."""

from __future__ import annotations

import pandas as pd

from planner.audit.findings import Findings
from planner.audit.view import View, total

COVERS = {"efficiency_cap": "efficiency-cap"}
"""Rules of the model that are recomputed here, and the rule of the audit that does."""
HT = ["h", "t"]


def check(view: View, found: Findings) -> None:
    """What a place draws, losses of its storage with it, beyond its cap times its IT energy, in MWh of a year; and cubic
    metres of water likewise.
    """
    caps = view.case.efficiency_caps.reset_index(drop=True)
    if not len(caps):
        return
    day, power = view.table("dispatch"), view.table("power")
    drawn = day["import_mw"] + day["generation_mw"]
    used = {
        "pue": total(day, HT, drawn * day["hours"]),
        "wue": total(power, HT, power["water_m3"]),
    }
    worked = total(day, HT, day["it_mw"] * day["hours"])
    at = pd.MultiIndex.from_frame(caps[HT])
    worked = worked.reindex(at, fill_value=0.0).to_numpy()
    spent = [
        float(used[m].get((h, t), 0.0)) for m, h, t in zip(caps["measure"], caps["h"], caps["t"], strict=True)
    ]
    caps = caps.assign(
        over=spent - caps["most"].to_numpy(float) * worked, year=[view.date(t).year for t in caps["t"]]
    )
    over = total(caps, ["measure", "h", "year"], caps["over"])
    found.at_most("efficiency-cap", over, 0.0, "a year above the cap on PUE or water", 100.0)
