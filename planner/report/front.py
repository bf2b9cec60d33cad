"""The points of a frontier as a reader sees them, and the range that its limits may take."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from planner.case.periods import Calendar
from planner.facts.numbers import fixed, number
from planner.facts.rounding import rounded_down, rounded_up
from planner.plans.kpis import served_share, service_months
from planner.report.built import few
from planner.report.strings import t
from planner.runs.run import FRONTIER
from planner.scenario.schema import Scenario
from planner.studies.frontier_plans import OWN_POINT
from planner.studies.frontier_tables import holding, keeps_limits, unbeaten
from planner.studies.next_step import CONTROL, SPEED, least, most

if TYPE_CHECKING:
    from planner.runs.run import Run
    from planner.studies.screening import LiveFrontier

ENDS = [end(name) for name in (CONTROL, SPEED) for end in (least, most)]
"""The two ends between which each price lies."""
COLUMNS = [
    "point", "max_delay_months", "min_control", "cost_npv_musd", "delay_months", "control_score", "control_by_work",
    "control_by_priority", "national_control", "capex_musd", "served_share", "price_of_control_musd_per_point",
    "price_of_speed_musd_per_month", "first_service_months", "half_service_months", "full_service_months", "accelerators",
    "accelerators_rented", "it_mw", "hosts", "quality", "gap", "control_bound", "on_front", "keeps_limits", "plan", *ENDS,
]  # fmt: skip


def points_of(run: Run) -> pd.DataFrame:
    """The points of a frontier run, ``point`` as text; for a run that is one plan, no rows.

    ``plan`` is the number of the plan made at the point, -1 where it is a screening point only; plans come
    first, then by delay and cost.
    """
    return shown(run.table("points")) if "points" in run.tables else pd.DataFrame(columns=COLUMNS)


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Points of a frontier or of a screening as they are shown: in ``COLUMNS``, in reading order."""
    if not len(table):
        return pd.DataFrame(columns=COLUMNS)
    table = table.assign(point=table["point"].astype(str))
    table = table.reindex(columns=COLUMNS).assign(screened=table["plan"] < 0)
    table = table.sort_values(["screened", "delay_months", "cost_npv_musd"])
    return table.drop(columns="screened").reset_index(drop=True)


def prices_of(row: Mapping[str, Any]) -> dict[str, tuple[float, float, float]]:
    """Of a point: each price, NaN where it is not known within the gap, and its two ends, NaN where there is none."""
    return {name: (row[name], row[least(name)], row[most(name)]) for name in (CONTROL, SPEED)}


STOP = 0.1
"""Between two stops of a slider: months of delay, points of control."""


def priced_near(points: pd.DataFrame, answer: Mapping[str, Any]) -> dict[str, str]:
    """Of each price that a point within a stop of an answer to sliders knows: that price in words, with where it is.

    The limits of points lie between the stops of sliders, and what is proven at one limit holds at no looser one.
    """
    away = abs(points["max_delay_months"] - answer["max_delay_months"])
    near = points[(away <= STOP) & (abs(points["control_score"] - answer["control_score"]) <= STOP)]
    near = near.loc[away[near.index].sort_values(kind="stable").index]
    told = {}
    for name in (CONTROL, SPEED):
        for row in near.dropna(subset=[name]).head(1).to_dict("records"):
            told[name] = t("tradeoff.price-near", months=fixed(row["max_delay_months"], 2),
                           points=fixed(row["control_score"], 2), price=number(row[name]))  # fmt: skip
    return told


def out_of_reach(scenario: Scenario) -> str:
    """That nothing tried meets the limits asked for, with the caps on money of the scenario, which hold beside them."""
    limits = scenario.limits
    caps = [
        t(f"tradeoff.cap-{name}", musd=number(musd))
        for name, musd in (("cost", limits.max_cost_musd), ("capital", limits.capital_musd_total))
        if musd is not None
    ]
    caps += [t("tradeoff.cap-years")] if limits.capital_musd_by_year else []
    caps += [t("tradeoff.cap-money")] if limits.money else []
    told = t("tradeoff.infeasible-caps", caps=few(caps)) if caps else ""
    return f"{t('tradeoff.infeasible')} {told}".rstrip()


OWN = "plan"
"""Name of the point of a single plan among those of its screening."""


def with_plan(
    points: pd.DataFrame | None, run: Run, at: Callable[..., Any], live: LiveFrontier | None
) -> pd.DataFrame | None:
    """A plan, first, and the screening points that it does not beat; ``attrs`` has what screening makes of its limits.

    ``at(months, points)`` answers from the live trade-off ``live``. None where there are no points yet.
    """
    if points is None or live is None:
        return None
    values = dict(zip(run.kpis["kpi"], run.kpis["value"], strict=True))
    floor = run.scenario.limits.min_control
    calendar = Calendar.of(run.scenario.horizon, run.scenario.existing)
    row = {name: values.get(name) for name in COLUMNS} | {
        "point": OWN, "max_delay_months": values["delay_months"], "min_control": floor, "on_front": True, "plan": -1,
        "quality": str(run.outcome.get("quality")), "gap": run.outcome.get("gap"), "hosts": holding(run.table("fleet")),
        **service_months(served_share(run.table("demand")), calendar),
    }  # fmt: skip
    own = pd.DataFrame([row], columns=COLUMNS)
    table = pd.concat([own, unbeaten(points, own).astype(object)], ignore_index=True) if len(points) else own
    table = table.astype(
        {
            name: float
            for name in COLUMNS
            if name not in ("point", "quality", "on_front", "keeps_limits", "plan", "hosts")
        }
    )
    limits, in_force = (
        run.scenario.limits,
        (run.outcome.get("bounds") or {}).get("max_delay_months_by_workload"),
    )
    priority = live.case.workloads["priority"]
    kept = keeps_limits(
        table.assign(plan=np.where(table["point"] == OWN, OWN_POINT, -1)),
        limits, in_force, priority, lambda _, months: live.caps(months),
    )  # fmt: skip
    table = table.assign(keeps_limits=kept)
    answer = at(values["delay_months"] + 1e-3, floor or 0.0, OWN)
    table.attrs["own_musd"] = answer["cost_npv_musd"] if answer else None
    return table


SAME_POINTS, SAME_MONTHS = 0.05, 0.05
"""Control and delay this close read as one number."""
MOST_DECIMALS = 4
"""Of a cost in words."""


class Limits(NamedTuple):
    """Ranges of the two limits, to a tenth: months of delay and points of control, up to the most possible."""

    delay_low: float
    delay_high: float
    control_low: float
    control_high: float


def limits(points: pd.DataFrame, kpis: pd.DataFrame) -> Limits:
    """From the points; without any, from the plan's delay and the attainable control."""
    if len(points):
        low, high = float(points["max_delay_months"].min()), float(points["max_delay_months"].max())
        least, most = float(points["control_score"].min()), float(points["control_score"].max())
    else:
        values = dict(zip(kpis["kpi"], kpis["value"], strict=True))
        delay = float(values.get("delay_months") or 0.0)
        low, high = float(values.get("unavoidable_delay_months") or 0.0), delay + 12.0
        least, most = 0.0, float(values.get("control_max") or 100.0)
    low, high, most = rounded_up(low, 1), rounded_up(high, 1), rounded_down(most, 1)
    least = min(math.floor(10 * least) / 10, max(0.0, most - 1.0))
    return Limits(low, max(high, low + 1.0), least, max(most, least + 0.1))


def start(run: Run, limits: Limits) -> float:
    """Months of delay from which a reader sets out: those of a single plan, the loosest of a frontier."""
    if run.kind == FRONTIER:
        return limits.delay_high
    return min(math.ceil(10 * run.kpi("delay_months") - 1e-5) / 10, limits.delay_high)


def most_control(points: pd.DataFrame) -> str:
    """How much control a plan has at most, and how much more none can have; empty where none was made for it."""
    made = points.dropna(subset=["control_bound"]) if "control_bound" in points else points[:0]
    if not len(made):
        return ""
    best = made.loc[made["control_score"].idxmax()]
    return t(
        "tradeoff.words-most-control",
        points=fixed(best["control_score"], 2),
        bound=fixed(rounded_up(best["control_bound"], 2), 2),
    )


def no_own_plan(points: pd.DataFrame) -> str:
    """That a frontier has no plan at the scenario's own limits; empty where it has one, or is no frontier."""
    plans = {plan for plan in points.get("plan", ()) if plan >= 0}
    return t("tradeoff.words-no-own") if plans and OWN_POINT not in plans else ""


def in_words(points: pd.DataFrame) -> list[str]:
    """What more control costs at the loosest limit on delay, and what less delay costs, between the ends of the points; how
    much control a plan can have; whether the scenario's own limits have none.

    The ends of the limit are those of screening, where there is one; what keeps to them may be a plan as well: a screening
    point that a plan beats is not among the points.
    """
    known = points.dropna(subset=["max_delay_months"])
    screened = known[known["quality"] == "screening"]
    limited = (screened if len(screened) else known)["max_delay_months"]
    if not len(limited):
        return []
    slow, quick = float(limited.max()), float(limited.min())
    loosest, soonest = (points[points["delay_months"] <= months + SAME_MONTHS] for months in (slow, quick))
    cheap, fast = (within.loc[within["cost_npv_musd"].idxmin()] for within in (loosest, soonest))
    most = loosest[loosest["control_score"] >= loosest["control_score"].max() - SAME_POINTS]
    strict = most.loc[most["cost_npv_musd"].idxmin()]
    told = [said for said in (no_own_plan(points), most_control(points)) if said]
    if strict["control_score"] - cheap["control_score"] < SAME_POINTS:
        told.append(t("tradeoff.words-one-control", months=number(slow),
                      points=number(cheap["control_score"])))  # fmt: skip
    else:
        told.append(t("tradeoff.words-control", months=number(slow), **_step(cheap, strict),
                      low=number(cheap["control_score"]), high=number(strict["control_score"])))  # fmt: skip
    if slow - quick > SAME_MONTHS:
        told.append(t("tradeoff.words-speed", **_step(cheap, fast), slow=number(slow), fast=number(quick)))
    return told


def _step(before: pd.Series, after: pd.Series) -> dict[str, str]:
    """Cost before and after, and what is more of it, in digits that tell them apart."""
    costs = [float(before["cost_npv_musd"]), float(after["cost_npv_musd"])]
    more = abs(costs[1] - costs[0])
    digits = min(MOST_DECIMALS, max(0, 1 - math.floor(math.log10(more)))) if more else 0
    first, then = (round(cost, digits) for cost in costs)
    return {"cost": fixed(first, digits), "then": fixed(then, digits), "more": fixed(then - first, digits)}


def price_rows(points: pd.DataFrame, price: str, along: str) -> pd.DataFrame:
    """point, ``along``, ``price``: the points whose limit has a price, in order of that limit."""
    return points[["point", along, price]].dropna().sort_values(along).reset_index(drop=True)
