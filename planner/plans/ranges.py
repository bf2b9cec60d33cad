"""Published ranges beside a plan's figures, by the generations of what each figure is about; and why one lies outside."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.columns import records
from planner.plans.unit_costs import BUILT, MODES, UnitFigure


def with_ranges(
    case: Case, tables: Mapping[str, pd.DataFrame], frame: pd.DataFrame, figures: Mapping[str, UnitFigure]
) -> pd.DataFrame:
    """Published low and high, weighted by the generations that the plan buys or rents."""
    ranges = dict(list(case.catalog.table("published_ranges").groupby("kpi")))
    orders, fleet = tables["orders"], tables["fleet"]
    bought = _mix(case, orders[orders["h"].map(case.hosts["mode"]) == BUILT])
    held = {f"levelised_{words}": _mix(case, fleet[fleet["mode"] == mode]) for mode, words in MODES.items()}
    held["kw_per"] = _mix(case, fleet[fleet["mode"] != "cloud"])
    out = frame.assign(low=np.nan, high=np.nan, inside=pd.NA)
    for i, row in out[out["kpi"].isin(list(ranges)) & np.isfinite(out["value"])].iterrows():
        rows = ranges[row["kpi"]]
        mix = next((m for name, m in held.items() if str(row["kpi"]).startswith(name)), bought)
        low, high, note = _mixed(rows, mix)
        if low is None or high is None:
            out.loc[i, "note"] = f"{row['note']}; {note}" if row["note"] else note
            continue
        inside = low <= row["value"] <= high
        out.loc[i, ["low", "high"]] = [low, high]
        out.loc[i, "inside"] = inside
        why = "" if inside else figures[row["kpi"]].reason(low, high)
        reason = "; ".join(text for text in (note, why) if text)
        if reason:
            out.loc[i, "note"] = f"{row['note']}; {reason}"
    return out


def _mix(case: Case, rows: pd.DataFrame) -> pd.Series:
    """Generation -> accelerators."""
    if not len(rows):
        return pd.Series(dtype=float)
    return rows.groupby(rows["k"].map(case.systems["generation"]).astype(object))["accelerators"].sum()


def _mixed(rows: pd.DataFrame, mix: pd.Series) -> tuple[float | None, float | None, str]:
    """Range weighted by the mix of generations; a generation without a range of its own takes the nearest."""
    exact = {str(r.generation): (float(r.low), float(r.high)) for r in records(rows)}
    if len(exact) == 1:
        name, (low, high) = next(iter(exact.items()))
        others = [g for g in mix.index if str(g) not in name and mix[g] > 0]
        return low, high, f"range is for {name}" if others else ""
    # "blackwell-ultra" is judged by the range of "blackwell"
    named = {
        str(g): next((e for e in exact if str(g).split("-")[0] == e.split("-")[0]), "") for g in mix.index
    }
    mix = mix.groupby([named[str(g)] for g in mix.index]).sum() if len(mix) else mix
    covered = mix[[g in exact for g in mix.index]]
    if not covered.sum():
        return None, None, f"no published range for {', '.join(named) or 'what is held'}"
    low = sum(exact[str(g)][0] * v for g, v in covered.items()) / covered.sum()
    high = sum(exact[str(g)][1] * v for g, v in covered.items()) / covered.sum()
    missing = 1 - covered.sum() / mix.sum()
    note = (
        f"{missing:.0%} of accelerators are of generations without a published range"
        if missing > 0.005
        else ""
    )
    return float(low), float(high), note
