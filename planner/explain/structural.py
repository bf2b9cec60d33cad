"""Causes in the tables: offers that do not exist, one site where two are needed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from planner.case.build import build_case
from planner.case.case import Case
from planner.case.context import Context
from planner.case.locality import rule_for
from planner.case.prechecks import Trouble, precheck
from planner.explain.causes import Cause
from planner.explain.openings import openings
from planner.intake.scenario_file import with_overrides

LADDER = {"in-country": "trusted-region", "trusted-region": "anywhere"}
SOME_MW = 1e-6


def structural(case: Case) -> list[Cause]:
    """Causes of the tables, each with the least rule to relax; the last resort is to give up the duty."""
    served = set(case.serve["w"])
    out = []
    for trouble in _troubles(case):
        if trouble.reason == "survival":
            (path, new), *_ = trouble.change.items()
            out += _opened(case, trouble) or [_cause(trouble, path, None, new)]
        elif trouble.workload and trouble.workload not in served:
            out += _offers(case, trouble)
    return out


def _troubles(case: Case) -> list[Trouble]:
    """Findings with the grid of each site as at its peak, and some where it has none: grid gives by degrees."""
    peak = case.site_period.groupby("p")["grid_mw"].transform("max").clip(lower=SOME_MW)
    return precheck(replace(case, site_period=case.site_period.assign(grid_mw=peak)))


def _cause(trouble: Trouble, path: str, value: Any, new: Any) -> Cause:
    return Cause(trouble.reason, path, value, new, "", 1.0, None, trouble.message, besides=trouble.cure)


def _offers(case: Case, trouble: Trouble) -> list[Cause]:
    """The change that lets some offer serve a workload; the last one is to give up the duty."""
    w = trouble.workload
    for path, new in _candidates(case, trouble):
        if w in set(_changed(case, {path: new}).serve["w"]):
            return [_cause(trouble, path, None, new)]
    return _opened(case, trouble) or [_cause(trouble, f"demand[{w}].optional", False, True)]


def _opened(case: Case, trouble: Trouble) -> list[Cause]:
    """The least values that open a host with which the trouble is gone; empty where there is none."""
    for first, *rest in openings(case):
        eased = _changed(case, {c.path: c.new for c in (first, *rest)})
        if trouble.workload in set(eased.serve["w"]) and _named(trouble) not in map(_named, _troubles(eased)):
            told = f"{trouble.message}; {first.text}" if trouble.reason == "survival" else trouble.message
            return [replace(first, text=told, besides=trouble.cure), *rest]
    return []


def _named(trouble: Trouble) -> tuple[str, ...]:
    return trouble.workload, trouble.reason, *trouble.change


def _changed(case: Case, changes: dict[str, Any]) -> Case:
    return build_case(with_overrides(case.scenario, changes, catalog=case.catalog), case.catalog)


def _candidates(case: Case, trouble: Trouble) -> list[tuple[str, Any]]:
    out = list(trouble.change.items())
    if trouble.reason == "locality":
        workload = next(w for w in case.scenario.demand if w.id == trouble.workload)
        rule = rule_for(Context.of(case.scenario, case.catalog), workload)
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
