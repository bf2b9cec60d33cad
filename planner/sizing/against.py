"""The rough figure beside a plan: every difference a named term, so that the terms add up to the plan exactly.

The rough figure is moved towards the plan one assumption after the other: the demand of the date in which the plan
holds most, what is served by then, the software of the date, the plan's chips, its owners and places. What it then
says *on the same chips and dates* is beside the plan what remains: the reserve kept for a lost site, work in quiet
hours, whole servers, what existed before, what is held beyond the need. Power follows in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.demand import is_preemptible
from planner.sizing.choice import Choice
from planner.sizing.size import Rough, mean_profile, quiet_share, sized
from planner.sizing.steps import Offer, held_per_reference, reserve_factor

TABLES = ("fleet", "serving", "power")
"""Tables of a plan that are read."""
HAK = ["h", "a", "k"]
SAME = "rough figure on the plan's chips and dates"


@dataclass(frozen=True)
class Against:
    """``accelerators``, ``facility_mw``: term, value, kind (figure or difference), what it is; a figure is the sum of
    all differences before it and the first figure. ``year`` and ``label``: when the plan holds most.
    """

    year: int
    label: str
    accelerators: pd.DataFrame
    facility_mw: pd.DataFrame

    @property
    def gap(self) -> float:
        """The plan over the rough figure on the same chips and dates, less one."""
        value = self.accelerators.set_index("term")["value"]
        return float(value["the plan"] / value[SAME] - 1.0) if value[SAME] > 0 else float("nan")


def against(case: Case, tables: Mapping[str, pd.DataFrame]) -> Against:
    """The rough figure of a plan's scenario beside the plan: ``tables`` fleet, serving, power of ``case``."""
    rough = Rough.of(case.scenario, case.catalog)
    held = tables["fleet"].groupby("t")["accelerators"].sum()
    t = int(held[::-1].idxmax()) if len(held) else 0  # the last of equals: what is held then works
    calendar = rough.context.calendar
    year = calendar.date_of(t).year
    figures = sized(rough).years.set_index("year").loc[year]
    fleet, serving, power = (tables[n][tables[n]["t"] == t] for n in TABLES)
    moved = pd.DataFrame(
        [_moved(rough, c, case, serving[serving["w"] == c.workload.id], t, year) for c in rough.choices]
    )
    accelerators = _accelerators(rough, case, moved, fleet, serving, float(figures["accelerators_mid"]), t)
    return Against(year, calendar.label(t), accelerators, _power(figures, fleet, power))


def _moved(
    rough: Rough, choice: Choice, case: Case, rows: pd.DataFrame, t: int, year: int
) -> dict[str, float | str]:
    """Accelerators of a workload as each assumption of the rough figure gives way to the plan's, one after the other."""
    context, w = rough.context, choice.workload
    when = context.calendar.year_fraction(t)
    served_k = float((rows["accelerators"] * rows["rate"]).sum())  # reference accelerators
    asked = float(case.demand["demand_kref"].get((w.id, t), 0.0)) * 1000.0
    reserve = reserve_factor(context, w)

    def each(system: str, at: float) -> float:
        offer = Offer(rough.host, choice.offer.stack, system)
        return held_per_reference(context, rough.throughput, w, offer, at)

    whole = rough.chain(choice, year)[0].held.mid
    bare = each(choice.system, year + 0.5)
    now = each(choice.system, when)
    chips = sum(float(r.accelerators * r.rate) * each(str(r.k), when) for r in rows.itertuples())
    at_work = float(rows["accelerators"].sum()) / context.param("availability")
    return {
        "w": w.id, "patient": is_preemptible(w), "mean": mean_profile(context, w), "size": whole,
        "replicas": rough.reference(w.id, year) * bare, "date": asked * bare, "served": served_k * bare,
        "software": served_k * now, "chips": chips, "place": at_work * reserve,
        "reserve": at_work + float(rows["reserve"].sum()) / context.param("availability"),
    }  # fmt: skip


MOVES = {
    "replicas": "whole replicas that the rough figure adds", "date": "demand at that date, not the year's most",
    "served": "not served by then", "software": "software of that date", "chips": "chips that the plan chose",
    "place": "owners, stacks and whole replicas of the plan",
}  # fmt: skip
"""Assumptions of the rough figure that give way to the plan's, in order."""


def _accelerators(
    rough: Rough,
    case: Case,
    moved: pd.DataFrame,
    fleet: pd.DataFrame,
    serving: pd.DataFrame,
    size: float,
    t: int,
) -> pd.DataFrame:
    """Differences from the rough figure to the same chips and dates, then from there to the plan."""
    sums = moved[["size", *MOVES, "reserve"]].sum()
    rows = [("the rough figure", size, "figure")]
    last = "size"
    for name, words in MOVES.items():
        rows.append((words, sums[name] - sums[last], "difference"))
        last = name
    rough_quiet = _quiet(moved, "place") - (size - sums["size"])
    rows.append(("quiet hours as the rough figure counts them", rough_quiet, "difference"))
    same = sums["place"] + _quiet(moved, "place")
    need = _needed(rough, case, fleet, serving, t)
    held = fleet.set_index(HAK)["accelerators"].astype(float)
    idle = (held - need).clip(lower=0.0)
    whole = np.minimum(
        idle, held.index.get_level_values("k").map(case.systems["n_accelerators"]).astype(float)
    )
    old = np.minimum(idle - whole, fleet.set_index(HAK)["existing"].astype(float))
    rows += [
        (SAME, same, "figure"),
        ("reserve for a lost site", sums["reserve"] - sums["place"], "difference"),
        (
            "work that waits for quiet hours",
            need.sum() - sums["reserve"] - _quiet(moved, "place"),
            "difference",
        ),
        ("whole servers and racks", float(whole.sum()), "difference"),
        ("existing fleet beyond the need", float(old.sum()), "difference"),
        ("held for other periods", float((held - need - whole - old).sum()), "difference"),
        ("the plan", float(held.sum()), "figure"),
    ]
    return pd.DataFrame(rows, columns=["term", "value", "kind"])


def _quiet(moved: pd.DataFrame, column: str) -> float:
    """What the rough figure saves by work that waits for quiet hours."""
    patient = moved["patient"].astype(bool)
    wanted = float(moved.loc[patient, column].sum())
    quiet = float((moved.loc[~patient, column] * (1.0 - moved.loc[~patient, "mean"])).sum())
    return wanted * (quiet_share(quiet, wanted).mid - 1.0)


def _needed(rough: Rough, case: Case, fleet: pd.DataFrame, serving: pd.DataFrame, t: int) -> pd.Series:
    """(h, a, k) -> accelerators that its work and reserve take: the busiest hour, or all hours together."""
    mean = {c.workload.id: mean_profile(rough.context, c.workload) for c in rough.choices}
    soft = serving["w"].map({c.workload.id: is_preemptible(c.workload) for c in rough.choices}).astype(bool)
    firm = serving["accelerators"].where(~soft, 0.0)
    parts = serving.assign(
        peak=firm + serving["reserve"],
        day=firm * serving["w"].map(mean).astype(float) + serving["accelerators"].where(soft, 0.0),
    )
    index = pd.MultiIndex.from_frame(fleet[HAK])
    sums = parts.groupby(HAK)[["peak", "day"]].sum().reindex(index, fill_value=0.0)
    return sums.max(axis=1) / rough.context.param("availability")


def _power(figures: pd.Series, fleet: pd.DataFrame, power: pd.DataFrame) -> pd.DataFrame:
    """Facility power: the same accelerators, those that stand in the plan's own places, their kW, their PUE."""
    size, held = float(figures["accelerators_mid"]), float(fleet["accelerators"].sum())
    own = fleet[fleet["mode"] != "cloud"]
    n, it_mw = float(own["accelerators"].sum()), float(own["it_mw"].sum())
    each = float(figures["facility_mw_mid"]) / size if size else 0.0
    pue = float(figures["facility_mw_mid"]) / float(figures["it_mw_mid"]) if figures["it_mw_mid"] else 0.0
    plan = float(power["facility_peak_mw"].sum())
    rows = [
        ("the rough figure", size * each, "figure"),
        ("number of accelerators", (held - size) * each, "difference"),
        ("rented in clouds, which power them", (n - held) * each, "difference"),
        ("power of the chips that the plan chose", it_mw * pue - n * each, "difference"),
        ("PUE and load of the plan's places", plan - it_mw * pue, "difference"),
        ("the plan", plan, "figure"),
    ]
    return pd.DataFrame(rows, columns=["term", "value", "kind"])
