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
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from planner.case.build import build_case
from planner.case.case import Case
from planner.explain.elastic import Elastic, Found, NoCure
from planner.explain.handles import Handle
from planner.explain.policies import grid_steps
from planner.prechecks import Trouble, precheck
from planner.readiness import host_ready
from planner.scenario import Scenario
from planner.scenario_file import with_overrides
from planner.solver.arrays import Arrays

ROUNDS = 4
ALTERNATIVES_S = 8.0
"""Seconds for the search of other ways out."""
LADDER = {"in-country": "trusted-region", "trusted-region": "anywhere"}


@dataclass(frozen=True)
class Cause:
    """One reason, and the change of one scenario value that removes it (with the others, if several).

    ``change`` and ``value`` are in ``unit``; ``share`` is the change as a share of the value, None where the
    value is no amount. ``new`` is what to write at ``path``.
    """

    kind: str
    path: str
    value: Any
    new: Any
    unit: str
    change: float
    share: float | None
    text: str
    handle: Handle | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Diagnosis:
    """All causes, the cure as scenario paths and new values, and the other ways out.

    ``cure`` empty and no causes: the case is feasible. ``proven``: the cured case was checked to have a plan with
    whole hosts, halls and units. ``alternatives``: values that would cure the case alone (LP relaxation).
    """

    case: Case
    causes: list[Cause]
    cure: dict[str, Any]
    text: str
    proven: bool
    alternatives: list[Cause]
    seconds: float
    found: Found | None = field(default=None, repr=False)

    def changed(self, share: float) -> dict[str, Any]:
        """The cure with only this share of every change made; dates move by whole periods, rounded down."""
        return _overrides(self.case, self.causes, share)


def explain_infeasible(
    case: Case,
    arrays: Arrays | None = None,
    time_limit_s: float = 60.0,
    tiers: Mapping[str, float] | None = None,
    alternatives: bool = True,
) -> Diagnosis:
    """The causes and the least cure of an infeasible case; no causes where it is feasible.

    ``arrays`` are the compiled model of the case where the caller has them. ``tiers`` says who may give first
    (kind of value -> 0, 1, 2; see ``handles.TIERS``).
    """
    began = time.perf_counter()
    causes: list[Cause] = []
    current, known = case, arrays
    for _ in range(ROUNDS):
        structural = _structural(current)
        if not structural:
            break
        causes += structural
        current, known = build_case(with_overrides(current.scenario, _plain(structural))), None
    left = max(5.0, time_limit_s - (time.perf_counter() - began))
    others: list[Cause] = []
    found: Found | None = None
    proven = True
    try:
        elastic = Elastic(current, known, tiers)
        found = elastic.least_change(left)
    except NoCure as error:
        text = "\n".join([*(c.text for c in causes), str(error)])
        return Diagnosis(case, causes, _plain(causes), text, False, [], time.perf_counter() - began)
    if found is not None:
        own = _causes(current, found)
        causes += own
        proven = found.verified
        if alternatives:
            others = _alternatives(current, elastic, {c.path for c in own})
    cure = _overrides(case, causes, 1.0)
    text = _text(causes, others, proven)
    return Diagnosis(case, causes, cure, text, proven, others, time.perf_counter() - began, found)


# ---- what no number cures


def _structural(case: Case) -> list[Cause]:
    """Causes of the tables: offers that do not exist, one site where two are needed."""
    served = set(case.serve["w"])
    out = []
    # Grid may give by degrees: one site until its grid comes is no finding of the tables here.
    site_grid = case.site_period.groupby("p")["grid_mw"].transform("max")
    open_grid = replace(case, site_period=case.site_period.assign(grid_mw=site_grid))
    for trouble in precheck(open_grid):
        if trouble.reason == "survival":
            (path, new), *_ = trouble.change.items()
            out.append(Cause("survival", path, None, new, "", 1.0, None, trouble.message))
        elif trouble.workload and trouble.workload not in served:
            out.append(_offers(case, trouble))
    return out


def _offers(case: Case, trouble: Trouble) -> Cause:
    """The change that lets some offer serve a workload; the last one is to give up the duty."""
    w = trouble.workload
    for path, new in _candidates(case, trouble):
        if w in set(build_case(with_overrides(case.scenario, {path: new})).serve["w"]):
            return Cause(trouble.reason, path, None, new, "", 1.0, None, trouble.message)
    return Cause(trouble.reason, f"demand[{w}].optional", False, True, "", 1.0, None, trouble.message)


def _candidates(case: Case, trouble: Trouble) -> list[tuple[str, Any]]:
    out = list(trouble.change.items())
    if trouble.reason == "locality":
        from planner.case.context import Context
        from planner.case.locality import rule_for
        from planner.catalog import load_catalog

        workload = next(w for w in case.scenario.demand if w.id == trouble.workload)
        rule = rule_for(Context.of(case.scenario, load_catalog()), workload)
        where = rule.where
        while where in LADDER:
            where = LADDER[where]
            out.append(
                (f"demand[{trouble.workload}].locality", {"where": where, "protection": rule.protection})
            )
    if trouble.reason == "seal":
        (path, best), *_ = trouble.change.items()
        out += [(path, level) for level in range(int(best) - 1, -1, -1)]
    return out


# ---- what the elastic model says


def _causes(case: Case, found: Found) -> list[Cause]:
    out = [_grid_cause(case, pairs) for pairs in _by_site(found).values()]
    out += [_cause(h, v) for h, v in found.changes if h.kind != "grid"]
    out += [_duty_cause(case, w, first) for w, first in found.delays.items()]
    return sorted(out, key=lambda c: -(c.share or 0.0))


def _cause(handle: Handle, change: float) -> Cause:
    share = change / abs(handle.value) if abs(handle.value) > 1e-9 else None
    return Cause(
        handle.kind, handle.path, handle.value, handle.new_value(change), handle.unit, change, share,
        _words(handle, change, share), handle,
    )  # fmt: skip


def _words(h: Handle, change: float, share: float | None) -> str:
    percent = "" if share is None else f"{share * 100:,.0f} % " if share > 0.1 else f"{share * 100:.2g} % "
    amount = f"{change:,.4g} {h.unit}".strip()
    new = h.new_value(change)
    if h.kind in ("capital", "cost", "quota", "crew", "land", "water", "host size"):
        return f"{h.what} is short by {percent}({amount}): {h.value:,.6g} now, {new:,.6g} needed"
    if h.kind == "delay":
        return f"{h.what} is {amount} too short: {h.value:g} now, {new:.4g} needed"
    if h.kind == "control":
        return f"{h.what} of {h.value:g} is {change:.3g} points too high: {new:.4g} can be reached"
    if h.kind == "share":
        return f"{h.what} is too tight by {100 * change:.3g} points: {h.value:.3%} now, {new:.3%} needed"
    if h.kind == "survival":
        return f"{h.what} is {100 * change:.3g} points too high: {h.value:.3%} now, {new:.3%} can be met"
    if h.kind == "allocation":
        return f"{h.what} is too small by about {change:,.4g} accelerators"
    if new is None:
        return f"{h.what} cannot be kept with the rest of the scenario"
    return f"{h.what} asks for {h.value:g}; {new:,.6g} can be had"


def _by_site(found: Found) -> dict[str, list[tuple[Handle, float]]]:
    out: dict[str, list[tuple[Handle, float]]] = {}
    for handle, change in found.changes:
        if handle.kind == "grid":
            out.setdefault(handle.where["site"], []).append((handle, change))
    return out


def _grid_cause(case: Case, pairs: list[tuple[Handle, float]]) -> Cause:
    site = pairs[0][0].where["site"]
    more = {h.where["first"]: v for h, v in pairs}
    text = ", and ".join(f"{v:,.4g} MW missing {h.where['until']}" for h, v in pairs)
    worst = max(v for _, v in pairs)
    base = max(h.scale for h, _ in pairs)
    now = [s.model_dump(by_alias=True, include={"from_", "mw"}) for s in _site(case, site).grid_mw]
    return Cause(
        "grid", f"sites[{site}].grid_mw", now, grid_steps(case, site, more), "MW", worst, worst / base,
        f"grid at {site}: {text}", _GridHandle(pairs),
    )  # fmt: skip


class _GridHandle(Handle):
    """The stretches of one site's grid that give, for partial changes."""

    pairs: list[tuple[Handle, float]]

    def __init__(self, pairs: list[tuple[Handle, float]]) -> None:
        first = pairs[0][0]
        super().__init__(
            "grid", first.path, first.value, first.unit, first.what, first.rows, first.coefficients
        )
        object.__setattr__(self, "pairs", pairs)


def _site(case: Case, site: str) -> Any:
    return next(s for s in case.scenario.sites if s.id == site)


def _duty_cause(case: Case, w: str, first: int) -> Cause:
    before, calendar = int(case.workloads.loc[w, "must_t"]), case.calendar
    never = first >= calendar.n
    path, new = (
        (f"demand[{w}].optional", True) if never else (f"demand[{w}].must_serve_by", calendar.date_of(first))
    )
    periods = first - before
    unit = {1: "month", 3: "quarter", 6: "half-year", 12: "year"}[calendar.step_months]
    ready = host_ready(case)
    soonest = (
        f"; first host ready: {ready.idxmin()} in {calendar.label(int(ready.min()))}" if len(ready) else ""
    )
    licence = case.offers["licence_months"].max() if len(case.offers) else 0
    asked = f", licences of up to {licence:g} months included" if licence else ""
    text = (
        f"{w} cannot be served in full within the horizon: asked from {calendar.label(before)}"
        if never
        else f"must-serve date of {w} is {periods} {unit}{'s' if periods > 1 else ''} too early: asked from "
        f"{calendar.label(before)}, first possible {calendar.label(first)}"
    )
    day = calendar.date_of(before)
    return Cause("must serve", path, day, new, unit, float(periods), None, f"{text}{soonest}{asked}")


def _alternatives(case: Case, elastic: Elastic, taken: set[str]) -> list[Cause]:
    """Values that would cure the case alone, by the LP relaxation, the smallest share first."""
    out = []
    began = time.perf_counter()
    for handle in elastic.handles:
        left = ALTERNATIVES_S - (time.perf_counter() - began)
        if handle.path in taken or handle.kind in ("grid", "allocation") or left <= 0:
            continue
        change = elastic.alone(handle, left)
        if change is not None and change > 1e-9 and (change < handle.most or handle.kind == "decision"):
            out.append(_cause(handle, change))
    return sorted(out, key=lambda c: c.share if c.share is not None else math.inf)[:6]


# ---- changes as overrides


def _plain(causes: list[Cause]) -> dict[str, Any]:
    return {c.path: c.new for c in causes}


def _overrides(case: Case, causes: list[Cause], share: float) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for c in causes:
        if share >= 1.0:
            out[c.path] = c.new
        elif isinstance(c.handle, _GridHandle):
            more = {h.where["first"]: v * share for h, v in c.handle.pairs}
            out[c.path] = grid_steps(case, c.handle.pairs[0][0].where["site"], more)
        elif c.handle is not None and c.handle.changed is None:
            out[c.path] = c.handle.new_value(c.change * share)
        elif isinstance(c.new, date) and isinstance(c.value, date):
            out[c.path] = case.calendar.date_of(
                case.calendar.first_from(c.value) + math.floor(c.change * share)
            )
        # What is taken or left as a whole is left.
    return out


def _text(causes: list[Cause], others: list[Cause], proven: bool) -> str:
    if not causes:
        return "The case has a plan: nothing needs to give."
    lines = ["No plan is possible:"]
    lines += [f"  - {c.text}" for c in causes]
    lines += ["Least change that makes a plan possible:"]
    lines += [f"  {c.path}: {c.new}" for c in causes if c.path]
    if not proven:
        lines.append(
            "  (cures the linear relaxation; a plan with whole units was not found in the time given)"
        )
    if others:
        lines.append("Or one of these alone (linear relaxation):")
        lines += [f"  {c.path}: {c.new}  ({c.text})" for c in others]
    return "\n".join(lines)


def diagnose(scenario: Scenario, **options: Any) -> Diagnosis:
    """``explain_infeasible`` for a scenario."""
    return explain_infeasible(build_case(scenario), **options)
