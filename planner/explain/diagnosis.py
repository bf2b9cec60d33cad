"""Why a case has no plan, in the planner's words and units, with the least change that cures it.

    answer = explain_infeasible(case)
    print(answer.text)
    with_overrides(case.scenario, answer.cure)   # has a plan
    with_overrides(case.scenario, answer.changed(0.95))   # has none

Pre-checks first (an offer that does not exist cannot be bought with any budget), then the elastic model.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from planner.case.build import build_case
from planner.case.case import Case
from planner.case.measures import demand_weights
from planner.case.prechecks import precheck
from planner.explain.causes import Cause, GridRelaxation, cause_of, causes_of, written
from planner.explain.elastic import Elastic, NoCure
from planner.explain.least import LAST_RESORT_S, Found, least_change
from planner.explain.resource_limits import grid_steps
from planner.explain.structural import structural
from planner.facts.numbers import fixed, percent
from planner.intake.scenario_file import with_overrides
from planner.planning.events import Event, OnEvent
from planner.plans.kpis import FIRST_SERVICE, service_periods
from planner.solver.arrays import Arrays

ROUNDS = 4
ALTERNATIVES_S = 8.0
"""Seconds for the search of other ways out."""


@dataclass(frozen=True)
class Diagnosis:
    """All causes, the cure as scenario paths and new values, and the other ways out.

    ``cure`` empty and no causes: the case is feasible. ``proven``: the cured case was checked to have a plan with
    whole hosts, halls and units. ``least``: 95 % of the change was proven to leave no plan. ``alternatives``:
    values that would cure the case alone (LP relaxation). ``buys``: what stands in the plan by which that was
    checked, and what it serves.
    """

    case: Case
    causes: list[Cause]
    cure: dict[str, Any]
    text: str
    proven: bool
    least: bool
    alternatives: list[Cause]
    seconds: float
    found: Found | None = field(default=None, repr=False)
    buys: str = ""

    def changed(self, share: float) -> dict[str, Any]:
        """The cure with only this share of every change made; dates move by whole periods, rounded down."""
        return _overrides(self.case, self.causes, share)


def explain_infeasible(
    case: Case,
    arrays: Arrays | None = None,
    time_limit_s: float = LAST_RESORT_S,
    tiers: Mapping[str, float] | None = None,
    alternatives: bool = True,
    on_event: OnEvent | None = None,
) -> Diagnosis:
    """The causes and the least cure of an infeasible case; no causes where it is feasible.

    ``arrays`` are the compiled model of the case where the caller has them. ``tiers`` says who may give first
    (kind of value -> 0, 1, 2; see ``relaxations.TIERS``). ``on_event`` gets what the search is at, as in ``solve``.
    """
    began = time.perf_counter()

    def say(message: str, gap: float | None = None) -> None:
        if on_event is not None:
            seconds = round(time.perf_counter() - began, 2)
            on_event(Event("explain", message, seconds, gap=gap))

    idle = [t for t in precheck(case) if t.reason == "demand"]
    if idle:  # nothing is asked: no value could cure that
        told = Cause("demand", "", None, None, "", 0.0, None, idle[0].message, besides=idle[0].cure)
        return Diagnosis(case, [told], {}, _text([told], [], True, True), True, True, [], 0.0)
    causes: list[Cause] = []
    current, known = case, arrays
    for _ in range(ROUNDS):
        found_there = structural(current)
        if not found_there:
            break
        causes += found_there
        eased = with_overrides(current.scenario, _plain(found_there), catalog=case.catalog)
        current, known = build_case(eased, case.catalog), None
    left = max(5.0, time_limit_s - (time.perf_counter() - began))
    others: list[Cause] = []
    found: Found | None = None
    try:
        say("a price on every value that may give")
        elastic = Elastic(current, known, tiers)
        found = least_change(elastic, left, say)
    except NoCure as error:
        text = "\n".join([*(c.text for c in causes), str(error)])
        return Diagnosis(case, causes, _plain(causes), text, False, False, [], time.perf_counter() - began)
    if found is not None:
        own = causes_of(current, found, elastic)
        causes += own
        if alternatives:
            say("other values that would do alone")
            others = _alternatives(current, elastic, {c.path for c in own})
    proven, least = found is None or found.verified, found is None or found.least
    cure = _overrides(case, causes, 1.0)
    buys = "" if found is None else _buys(elastic, found)
    text = _text(causes, others, proven, least, buys)
    return Diagnosis(
        case, causes, cure, text, proven, least, others, time.perf_counter() - began, found, buys
    )


# ---- other ways out


def _alternatives(case: Case, elastic: Elastic, taken: set[str]) -> list[Cause]:
    """Values that would cure the case alone, by the LP relaxation, the smallest share first."""
    out = []
    began = time.perf_counter()
    for relaxation in elastic.relaxations:
        left = ALTERNATIVES_S - (time.perf_counter() - began)
        if relaxation.path in taken or relaxation.kind in ("grid", "allocation") or left <= 0:
            continue
        change = elastic.alone(relaxation, left)
        if (
            change is not None
            and change > 1e-9
            and (change < relaxation.most or relaxation.kind == "decision")
        ):
            out.append(cause_of(case, relaxation, change))
    return sorted(out, key=lambda c: c.share if c.share is not None else math.inf)[:6]


# ---- changes as overrides


def _plain(causes: list[Cause]) -> dict[str, Any]:
    return {c.path: c.new for c in causes}


def _overrides(case: Case, causes: list[Cause], share: float) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for c in causes:
        if share >= 1.0:
            out[c.path] = c.new
        elif isinstance(c.relaxation, GridRelaxation):
            more = {h.where["first"]: v * share for h, v in c.relaxation.pairs}
            out[c.path] = grid_steps(case, c.relaxation.pairs[0][0].where["site"], more)
        elif c.relaxation is not None and c.divisible:
            out[c.path] = c.relaxation.new_value(c.change * share)
        elif isinstance(c.new, date) and isinstance(c.value, date):
            calendar = case.calendar
            first = calendar.step_of(calendar.first_from(c.value)) + math.floor(c.change * share)
            out[c.path] = calendar.date_of(calendar.period_of(first))
        # What is taken or left as a whole is left.
    return out


def _buys(elastic: Elastic, found: Found) -> str:
    """What stands at the end of the horizon where as little as possible is changed, and what that serves, from when; empty
    where nothing stands.
    """
    block, last = elastic.arrays.columns["fleet"], elastic.case.calendar.n - 1
    held: dict[str, float] = {}
    for (h, *_, t), thousands in zip(block.index, found.x[block.slice], strict=True):
        if t == last:
            held[str(h)] = held.get(str(h), 0.0) + 1000.0 * float(thousands)
    places = sorted((h for h in held if held[h] >= 1.0), key=lambda h: -held[h])
    if not places:
        return ""
    parts = ", ".join(f"{fixed(held[h])} at {h}" for h in places)
    told = (
        "accelerators at the end of the horizon in the plan of least change, which need not be the cheapest"
    )
    return f"{told}: {parts}; {_serves(elastic, found)}"


def _serves(elastic: Elastic, found: Found) -> str:
    """The share of all demand that is served in that plan, by work, and when service begins."""
    block, asked = elastic.arrays.columns["unserved"], demand_weights(elastic.case, "work")
    short = pd.Series(found.x[block.slice].clip(0.0, 1.0), pd.MultiIndex.from_tuples(block.index))
    served = asked * (1.0 - short.reindex(asked.index, fill_value=0.0))
    periods = elastic.case.demand["t"]
    first = service_periods(served.groupby(periods).sum() / asked.groupby(periods).sum())["first"]
    since = (
        ""
        if first is None
        else f", the first {percent(FIRST_SERVICE)} in {elastic.case.calendar.label(first)}"
    )
    return f"it serves {percent(served.sum())} of demand{since}"


def _text(causes: list[Cause], others: list[Cause], proven: bool, least: bool, buys: str = "") -> str:
    if not causes:
        return "The case has a plan: nothing needs to give."
    lines = ["No plan is possible:"]
    lines += [f"  - {c.text}" for c in causes]
    lines += ["Least change that makes a plan possible:"]
    lines += [f"  {path}={written(new)}" for path, new in _plain(causes).items() if path]
    lines += [f"  (or {c.besides})" for c in causes if c.besides]
    partly = any(c.divisible for c in causes)
    if not proven:
        lines.append(
            "  (cures the linear relaxation; a plan with whole units was not found with the effort allowed)"
        )
    elif partly and least:
        lines.append("  (checked: whole halls and servers make a plan with it, and none with 95 % of it)")
    elif partly:
        lines.append(
            "  (checked: whole halls and servers make a plan with it; less may do: not decided with the effort allowed)"
        )
    if buys:
        lines.append(f"  ({buys})")
    if others:
        lines.append("Or one of these alone (linear relaxation):")
        lines += [f"  {c.path}={written(c.new)}  ({c.text})" for c in others]
    return "\n".join(lines)
