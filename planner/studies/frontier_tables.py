"""Tables of a frontier: rows of plans and of the screening grid, who is on the front, what a step along it costs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.columns import records
from planner.facts.rounding import rounded_down
from planner.plans.kpis import served_share, service_months
from planner.scenario.schema import Limits
from planner.studies.figures import LEAST_HELD
from planner.studies.frontier_plans import OWN_POINT, Made, Task
from planner.studies.screening import LiveFrontier

TOLERANCES_MONTHS = (0.0, 1.0, 2.0, 3.0, 6.0, 9.0, 12.0)
"""Months beyond the weighted delay of the fastest plan."""
CONTROL_LEVELS = 6
FINER_CUTS = 7
"""Floors on control that sliders go on from besides those of the charts, one between each two of these, and the highest."""
CLOSE_TO_MOST = (1.2, 1.04, 0.9, 0.77, 0.65, 0.53, 0.42, 0.32, 0.23, 0.15, 0.09, 0.05)
"""Points below the most control at each delay, from which sliders go on: nearer to it a step is more pivots."""
SHORT_OF_MOST = 0.02
"""Points below the most control that are asked for in its place: the most itself is out of a solver's tolerance."""
SHORT_OF_DUE_MONTHS = 0.01
"""Months of delay before the least at which a training run may be left undone: the most control jumps there."""
FRONT_TOLERANCE = 1e-4
"""Share of a figure that is noise between two screening points."""
OWN_LIMIT = 1e-3
"""Months, and points of control, by which a limit of the scenario is kept within the tolerance of a solver."""
BETTER = 1e-6
"""In the unit of a figure: by more than this a plan that is nowhere worse is better."""


def payoff(live: LiveFrontier) -> pd.DataFrame:
    """Least cost, least delay and most control, each lexicographic: the figures at the three corners."""
    rows: list[dict[str, Any]] = [{"objective": "cost", **live.at()}]
    rows.append({"objective": "delay", **live.at(max_delay_months=live.least_delay_months + 1e-3)})
    most = live.most_control()
    rows.append({"objective": "control", **live.at(min_control_points=most - 1e-3)})
    return pd.DataFrame(rows)


def plan_rows(tasks: Sequence[Task], plans: Mapping[int, Made], case: Case) -> list[dict[str, Any]]:
    """A row a plan that was made."""
    rows = []
    priority = case.workloads["priority"]
    for task in tasks:
        made = plans.get(task.point)
        if made is None:
            continue
        names = (
            "cost_npv_musd", "delay_months", "control_score", "national_control", "control_by_work", "control_by_priority",
            "national_control_by_work", "national_control_by_priority", "served_work_share", "served_share",
            "capex_partner_musd", "capex_musd", "accelerators", "accelerators_rented", "it_mw",
        )  # fmt: skip
        limits = made.scenario.limits
        caps = limits.max_delay_months
        rows.append(
            {
                "quality": made.quality,
                "status": made.status,
                "max_delay_months": sum(float(priority[w]) * m for w, m in caps.items())
                if isinstance(caps, dict)
                else caps,
                "min_control": limits.min_control,
                "gap": made.gap,
                "control_bound": np.nan if made.control_bound is None else made.control_bound,
                "pattern": -1,
                "plan": task.point,
                **service_months(served_share(made.tables["demand"]), case.calendar),
                "hosts": holding(made.tables["fleet"]),
                **{n: made.kpis[n] for n in names},
            }
        )
    return rows


@dataclass(frozen=True)
class Grid:
    """Screening points at months x levels of control, both rising, the first level that of least cost; none unreached.

    ``rows`` also has the most control of each delay.
    """

    months: list[float]
    levels: list[float]
    rows: list[dict[str, Any]]


def grid(live: LiveFrontier, should_stop: Callable[[], bool] | None, for_sliders: bool = False) -> Grid:
    """At each delay no floor, the common levels of control, and the most it can reach; no rows where nothing is reached.

    ``for_sliders`` solves points between them on the way, which have no rows: a slider that is moved anywhere then goes on
    from one that is near.
    """
    months = [live.least_delay_months + longer for longer in TOLERANCES_MONTHS]
    free = live.at(months[-1])
    least, most = free["control_score"], live.most_control(months[-1])
    if not free["feasible"] or not np.isfinite(most):
        return Grid(months, [], [])
    floors = {rounded_down(float(x), 1) for x in np.linspace(least, most, CONTROL_LEVELS + 1)[1:-1]}
    levels = sorted(floor for floor in floors if floor > least)
    if for_sliders:
        before_due = [due - SHORT_OF_DUE_MONTHS for due in live.due_months() if months[0] < due < months[-1]]
        steps = [months[0] + longer for longer in np.arange(TOLERANCES_MONTHS[-1]).tolist()]
        every = sorted({*months, *steps, *before_due}, reverse=True)
        below = {m: live.most_control(m) - CLOSE_TO_MOST[0] for m in every}

        def wanted(asked: float, floor: float | None) -> bool:
            return floor is None or floor <= below[asked] or (asked in months and floor in levels)

        stretches = itertools.pairwise([least, *levels])
        halves = [half for low, high in stretches if (half := rounded_down((low + high) / 2, 2)) > low]
        swept = live.sweep(every, [None, *levels, *halves], should_stop, wanted, along_delay=True)
        live.approach(every, [*CLOSE_TO_MOST, SHORT_OF_MOST], should_stop)
        finer = finer_floors(live, every, [least, *sorted([*levels, *halves])], below[every[0]])
        live.sweep(every, finer, should_stop, wanted, along_delay=True)
        found = [r for r in swept if r["max_delay_months"] in months and r["min_control"] in (None, *levels)]
    else:
        found = live.sweep(months, [None, *levels], should_stop)
    for asked in reversed(months):
        if should_stop is not None and should_stop():
            break
        top = live.most_control(asked) - SHORT_OF_MOST
        if np.isfinite(top):  # hosts and stacks of slow plans may reach nothing so soon
            found.append(live.at(asked, rounded_down(top, 2)))
    return Grid(months, [least, *levels], rows_of(found))


def finer_floors(
    live: LiveFrontier, months: Sequence[float], floors: Sequence[float], highest: float
) -> list[float]:
    """Floors to solve besides those that were solved at these limits on delay, up to the highest: where most is open.

    What a stretch leaves open shrinks by the square of the pieces it is cut into.
    """
    ends = [*floors, highest]
    width = np.diff(ends)
    solved = itertools.pairwise([None, *floors[1:]])
    curved = [live.left_open(months, *pair) for pair in solved] / width[:-1] ** 2
    curved = np.append(curved, curved[-1:] if len(curved) else 1.0)
    pieces = np.ones(len(width), int)
    for _ in range(FINER_CUTS):
        pieces[np.argmax(curved * (width / pieces) ** 2)] += 1
    cuts = [np.linspace(low, high, n + 1)[1:] for low, high, n in zip(ends, ends[1:], pieces, strict=False)]
    return sorted({rounded_down(float(x), 2) for x in np.concatenate(cuts)} - {*floors})


def rows_of(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Screening points of a front, from answers of a live trade-off: those that are reached."""
    return [
        {
            "quality": "screening",
            "status": "optimal",
            "gap": np.nan,
            "control_bound": np.nan,
            "plan": -1,
            **row,
        }
        for row in found
        if row["feasible"]
    ]


def holding(fleet: pd.DataFrame) -> str:
    """Hosts with accelerators in the last period of the table ``fleet`` of a plan, with commas."""
    if not len(fleet):
        return ""
    held = fleet[fleet["t"] == fleet["t"].max()].groupby("h", sort=False)["accelerators"].sum()
    return ", ".join(held.index[held > LEAST_HELD])


OBJECTIVES = ["cost_npv_musd", "delay_months", "control_score"]


def on_front(points: pd.DataFrame) -> pd.DataFrame:
    """Drops repeats and what a plan beats; marks points that no other of the same kind beats, of equal plans the first.

    To beat is to cost less, wait less or have more control, and to be no worse in the other two.
    """
    points = points.drop(columns=["feasible"], errors="ignore")
    points = points[
        ~(points[OBJECTIVES].round(3).duplicated() & (points["quality"] == "screening"))
    ].reset_index(drop=True)
    points = unbeaten(points, points[points["quality"] != "screening"])
    kinds = points["quality"]
    front = pd.Series(True, index=points.index)
    for kind in kinds.unique():
        same = points[kinds == kind]
        front[same.index] = ~beaten(same, same) & ~same[OBJECTIVES].round(3).duplicated()
    return points.assign(on_front=front)


Months = float | Mapping[str, float] | None
"""A limit on delay: weighted, by workload, or none."""


def keeps_limits(
    points: pd.DataFrame,
    limits: Limits,
    in_force: Months,
    priority: pd.Series,
    within: Callable[[int, float], Months],
) -> pd.Series:
    """Whether each point keeps the limits on delay and control that a scenario states; a front varies both.

    ``in_force`` are the months that a tolerance, stated in place of a limit, came to in the scenario's own plan; None where
    it has none. ``within(plan, max_delay_months)`` are the limits of a point. None where nothing is stated, and where it
    cannot be told: of limits by workload, points have the weighted delay (by ``priority``). Above what the limits weigh one
    is broken; with one workload, or where a point was made within limits no looser, all are kept.
    """
    stated = limits.max_delay_months
    by_delay = stated is not None or limits.delay_tolerance_months is not None
    months = in_force if stated is None else stated

    def delay(row: Any) -> bool | None:
        if not isinstance(months, Mapping):
            return None if months is None else bool(row.delay_months <= months + OWN_LIMIT)
        asked = priority[priority > 0]
        if set(asked.index) <= set(months):
            weighed = sum(float(asked[w]) * months[w] for w in asked.index)
            if row.delay_months > weighed + OWN_LIMIT:
                return False
            if len(asked) == 1:
                return True
        own = within(int(row.plan), float(row.max_delay_months))
        tight = isinstance(own, Mapping) and all(
            own.get(w, np.inf) <= m + OWN_LIMIT for w, m in months.items()
        )
        return True if tight else None

    def kept(row: Any) -> bool | None:
        if row.plan == OWN_POINT and (by_delay or limits.min_control):
            return True  # a plan is made within its limits
        told = [delay(row)] if by_delay else []
        if limits.min_control:
            told.append(bool(row.control_score >= limits.min_control - OWN_LIMIT))
        if not told or (None in told and False not in told):
            return None
        return all(told)

    return pd.Series([kept(row) for row in records(points)], index=points.index, dtype=object)


def unbeaten(points: pd.DataFrame, plans: pd.DataFrame) -> pd.DataFrame:
    """``points`` without the screening points that one of ``plans`` beats: with other hosts they would cost less."""
    gone = (points["quality"] == "screening") & beaten(points, plans)
    return points[~gone].reset_index(drop=True)


def beaten(points: pd.DataFrame, others: pd.DataFrame) -> pd.Series:
    """Whether one of ``others`` beats a point, row by row of ``points``.

    It is nowhere worse and somewhere better: by more than the tolerance of screening, or by anything more than ``BETTER``.
    """
    signs = np.array([1.0, 1.0, -1.0])
    theirs = others[OBJECTIVES].to_numpy(float) * signs
    found = []
    for own in points[OBJECTIVES].to_numpy(float) * signs:
        better = np.zeros(len(theirs), bool)
        for worse, more in ((FRONT_TOLERANCE * np.maximum(np.abs(own), 1.0),) * 2, (0.0, BETTER)):
            better |= (theirs <= own + worse).all(axis=1) & (theirs < own - more).any(axis=1)
        found.append(bool(better.any()))
    return pd.Series(found, index=points.index, dtype=bool)
