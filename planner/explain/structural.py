"""Causes in the tables: offers that do not exist, one site where two are needed."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
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
    of_tables = [
        trouble
        for trouble in _troubles(case)
        if trouble.reason == "survival" or (trouble.workload and trouble.workload not in served)
    ]
    ways = openings(case) if of_tables else []

    @cache
    def eased(number: int) -> tuple[set[str], set[tuple[str, ...]]]:
        """Workloads that an offer serves, and what is still wrong, where a way is gone: it mostly helps several."""
        found = _changed(case, {c.path: c.new for c in ways[number]})
        return set(found.serve["w"]), set(map(_named, _troubles(found)))

    def opened(trouble: Trouble) -> list[Cause]:
        """The least values that open a host with which the trouble is gone; empty where there is none."""
        for number, (first, *rest) in enumerate(ways):
            at_work, wrong = eased(number)
            if trouble.workload in at_work and _named(trouble) not in wrong:
                told = f"{trouble.message}; {first.text}" if trouble.reason == "survival" else trouble.message
                return [replace(first, text=told, besides=trouble.cure), *rest]
        return []

    out: list[Cause] = []
    for trouble in of_tables:
        offered = [] if trouble.reason == "survival" else _offers(case, trouble)
        out += offered or opened(trouble) or [_given_up(trouble)]
    return out


def _troubles(case: Case) -> list[Trouble]:
    """Findings with the grid of each site as at its peak, and some where it has none: grid gives by degrees."""
    peak = case.site_period.groupby("p")["grid_mw"].transform("max").clip(lower=SOME_MW)
    return precheck(replace(case, site_period=case.site_period.assign(grid_mw=peak)))


def _cause(trouble: Trouble, path: str, value: Any, new: Any) -> Cause:
    return Cause(trouble.reason, path, value, new, "", 1.0, None, trouble.message, besides=trouble.cure)


def _offers(case: Case, trouble: Trouble) -> list[Cause]:
    """The change of a rule that lets some offer serve a workload; empty where there is none."""
    for path, new in _candidates(case, trouble):
        if trouble.workload in set(_changed(case, {path: new}).serve["w"]):
            return [_cause(trouble, path, None, new)]
    return []


def _given_up(trouble: Trouble) -> Cause:
    """The duty given up: of a share that must survive, or of the whole workload."""
    if trouble.reason == "survival":
        (path, new), *_ = trouble.change.items()
        return _cause(trouble, path, None, new)
    return _cause(trouble, f"demand[{trouble.workload}].optional", False, True)


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
