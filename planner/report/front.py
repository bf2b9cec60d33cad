"""The points of a frontier as a reader sees them, and the range that its limits may take."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from planner.case.periods import Calendar
from planner.plans.kpis import served_share, service_months
from planner.runs.run import FRONTIER
from planner.studies.frontier_tables import holding, unbeaten

if TYPE_CHECKING:
    from planner.runs.run import Run

COLUMNS = [
    "point", "max_delay_months", "min_control", "cost_npv_musd", "delay_months", "control_score", "control_by_work",
    "control_by_priority", "national_control", "capex_musd", "served_share", "price_of_control_musd_per_point",
    "price_of_speed_musd_per_month", "first_service_months", "half_service_months", "full_service_months", "accelerators",
    "accelerators_rented", "it_mw", "hosts", "quality", "gap", "on_front", "plan",
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


OWN = "plan"
"""Name of the point of a single plan among those of its screening."""


def with_plan(points: pd.DataFrame | None, run: Run, at: Callable[..., Any]) -> pd.DataFrame | None:
    """A plan, first, and the screening points that it does not beat; ``attrs`` has what screening makes of its limits.

    ``at(months, points)`` is a live trade-off. None where there are no points yet.
    """
    if points is None:
        return None
    values = dict(zip(run.kpis["kpi"], run.kpis["value"], strict=True))
    floor = run.scenario.limits.min_control
    row = {name: values.get(name) for name in COLUMNS} | {
        "point": OWN, "max_delay_months": values["delay_months"], "min_control": floor, "on_front": True, "plan": -1,
        "quality": str(run.outcome.get("quality")), "gap": run.outcome.get("gap"), "hosts": holding(run.table("fleet")),
        **service_months(served_share(run.table("demand")), Calendar.of(run.scenario.horizon)),
    }  # fmt: skip
    own = pd.DataFrame([row], columns=COLUMNS)
    table = pd.concat([own, unbeaten(points, own).astype(object)], ignore_index=True) if len(points) else own
    table = table.astype(
        {name: float for name in COLUMNS if name not in ("point", "quality", "on_front", "plan", "hosts")}
    )
    answer = at(values["delay_months"] + 1e-3, floor or 0.0, OWN)
    table.attrs["own_musd"] = answer["cost_npv_musd"] if answer else None
    return table


class Limits(NamedTuple):
    """Ranges of the two limits: months of delay (to a tenth) and points of control (to a half)."""

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
    low, high = math.ceil(10 * low - 1e-3) / 10, math.ceil(10 * high - 1e-3) / 10
    least, most = math.floor(2 * least) / 2, math.floor(2 * most) / 2
    return Limits(low, max(high, low + 1.0), least, max(most, least + 1.0))


def start(run: Run, limits: Limits) -> float:
    """Months of delay from which a reader sets out: those of a single plan, the loosest of a frontier."""
    if run.kind == FRONTIER:
        return limits.delay_high
    return min(math.ceil(10 * run.kpi("delay_months") + 1e-6) / 10, limits.delay_high)


def price_rows(points: pd.DataFrame, price: str, along: str) -> pd.DataFrame:
    """point, ``along``, ``price``: the points whose limit has a price, in order of that limit."""
    return points[["point", along, price]].dropna().sort_values(along).reset_index(drop=True)
