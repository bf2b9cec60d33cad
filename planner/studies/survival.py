"""What independence from one member of a class costs: the largest share that can survive its loss, and its price.

    survival_table(scenario, ["operator", "site"])

Every plan keeps what the plan without the duty was allowed: the same bound on the wait of each workload and the same
floor on control. So it serves as much, and its cost can be compared. The largest share is that of the relaxation
(divisible places and halls): no plan has more, and a plan may have less.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple

import pandas as pd

from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.case.case import Case
from planner.case.prechecks import precheck
from planner.explain.shut_offers import shut_offers
from planner.facts.catalog import Catalog
from planner.facts.errors import BadValue, NoPlan
from planner.planning.events import OnEvent
from planner.planning.pipeline import solve
from planner.planning.solve_run import Outcome, no_plan
from planner.scenario.schema import Scenario, Survival
from planner.solver.engine import Engine

COLUMNS = [
    "by",
    "what",
    "share",
    "most",
    "status",
    "gap",
    "cost_musd",
    "more_low_musd",
    "more_high_musd",
    "control",
    "why",
    "nobody_else",
    "shut",
]
STEPS = 6
"""Halvings of the span in which the largest share lies: to 1.6 points."""
LP_S = 120.0
SURVIVAL = "survival"
"""Reason of a trouble: no other member of the class may serve a workload."""
FEWER = (1.0, 0.95)
"""Of the relaxation's largest share, what a plan with whole halls is asked for, one after the other."""


@dataclass(frozen=True)
class _Asked:
    """What stays the same in every plan of the table."""

    scenario: Scenario
    catalog: Catalog
    since: date
    what: Literal["service", "supply"]
    months: int
    workloads: list[str] | None
    quality: str
    options: dict[str, Any]

    def case(self, by: str, share: float) -> Case:
        duty = Survival.model_validate(
            {
                "by": by,
                "share": share,
                "from": self.since,
                "what": self.what,
                "months": self.months,
                "workloads": self.workloads,
            }
        )
        limits = self.scenario.limits.model_copy(update={"survival": [*self.scenario.limits.survival, duty]})
        return build_case(self.scenario.model_copy(update={"limits": limits}), self.catalog)


def survival_table(
    scenario: Scenario,
    classes: Sequence[str],
    since: date | None = None,
    what: Literal["service", "supply"] = "service",
    months: int = 12,
    workloads: list[str] | None = None,
    quality: str = "quick",
    catalog: Catalog | None = None,
    on_event: OnEvent | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> pd.DataFrame:
    """Rows (columns ``COLUMNS``) at none, half and all of the largest share of each class, MUSD discounted.

    ``more_low_musd`` and ``more_high_musd`` bound what the duty adds to cost, from both plans' bounds. ``since`` is the
    first day of the duty: by default the earliest ``survive_from`` of the scenario, else the first day of the last year;
    ``workloads`` are those whose service is to survive, all where left out; ``nobody_else`` names those that leave no
    share, because one member alone may serve them, ``shut`` the
    offers of others that they may not use, and why.
    Raises ``NoPlan`` where the scenario itself has none, ``BadValue`` where it ends before the duty begins.
    """
    facts = catalog or scenario.catalog
    options: dict[str, Any] = {"on_event": on_event, "should_stop": should_stop}
    case = build_case(scenario, facts)
    end = case.calendar.date_of(case.calendar.n)
    if since is not None and since >= end:
        raise BadValue(
            f"{since} lies after the horizon, which ends before {end}: nothing would have to survive"
        )
    base = solve(case, quality, **options)
    if base.plan is None:
        raise NoPlan(no_plan("without the duty, too, the scenario has", base))
    days = [w.survive_from for w in scenario.demand if w.survival_share > 0 and w.survive_from]
    calendar = base.plan.case.calendar
    day = since or min(
        days,
        default=calendar.date_of(max(0, calendar.period_of(calendar.n_steps - 12 // calendar.step_months))),
    )
    kept = scenario.model_copy(update={"limits": base.bounds.in_limits(scenario.limits)})
    asked = _Asked(kept, facts, day, what, months, workloads, quality, options)
    rows = [row for by in classes for row in _class_rows(asked, base, by)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _class_rows(asked: _Asked, base: Outcome, by: str) -> Iterator[dict[str, Any]]:
    found = largest_share(asked.case, by)
    case = asked.case(by, 0.0)
    shut = [f"{w}: {offer}" for w in found.nobody_else for offer in shut_offers(case, w, by)]
    named = {"nobody_else": ", ".join(found.nobody_else), "shut": " | ".join(shut)}
    yield _row(asked, base, base, by, 0.0, found.share, found.why) | named
    for share in (found.share / 2, found.share):
        if share >= 0.01:
            yield _plan_row(asked, base, by, share, found.share)


def _plan_row(asked: _Asked, base: Outcome, by: str, share: float, most: float) -> dict[str, Any]:
    for part in FEWER:
        less = math.floor(100 * share * part) / 100
        found = solve(asked.case(by, less), asked.quality, **asked.options)
        if found.plan is not None or share < most:
            break
    return _row(asked, base, found, by, less, most, "")


def _row(
    asked: _Asked, base: Outcome, found: Outcome, by: str, share: float, most: float, why: str
) -> dict[str, Any]:
    row = {"by": by, "what": asked.what, "share": share, "most": most, "status": str(found.status), "gap": found.gap,
           "why": why, "nobody_else": "", "shut": ""}  # fmt: skip
    if found.plan is None or base.plan is None:
        return row
    cost, before = found.plan.kpi("cost_npv_musd"), base.plan.kpi("cost_npv_musd")
    row |= {"cost_musd": cost, "control": found.plan.kpi("control_score")}
    if found is not base and found.bound is not None and base.bound is not None:
        row |= {"more_low_musd": found.bound - before, "more_high_musd": cost - base.bound}
    return row


class Largest(NamedTuple):
    """The largest share that can be left; why it is none, and the workloads that one member alone may serve."""

    share: float
    why: str = ""
    nobody_else: tuple[str, ...] = ()


def largest_share(case_of: Callable[[str, float], Case], by: str) -> Largest:
    """The largest share of the relaxation (to the step below); and why none, where no other member may serve."""
    alone = precheck(case_of(by, 1.0))
    if alone:
        served_by_one = {trouble.workload for trouble in alone if trouble.reason == SURVIVAL}
        return Largest(0.0, "; ".join(trouble.message for trouble in alone), tuple(sorted(served_by_one)))
    if _possible(case_of(by, 1.0)):
        return Largest(1.0)
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        share = (low + high) / 2
        low, high = (share, high) if _possible(case_of(by, share)) else (low, share)
    return Largest(low)


def _possible(case: Case) -> bool:
    """Whether the relaxation has a solution."""
    engine = Engine(case)
    engine.integers()
    engine.policy(Bounds.of_limits(case.scenario.limits))
    engine.minimise("cost")
    return engine.live.solve(time_limit_s=LP_S).x is not None
