"""Causes that no number cures: offers that do not exist, one site where two are needed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from planner.case.build import build_case
from planner.case.case import Case
from planner.case.context import Context
from planner.case.locality import rule_for
from planner.case.prechecks import Trouble, precheck
from planner.explain.causes import Cause
from planner.intake.scenario_file import with_overrides

LADDER = {"in-country": "trusted-region", "trusted-region": "anywhere"}


def structural(case: Case) -> list[Cause]:
    """Causes of the tables, each with the least rule to relax; the last resort is to give up the duty."""
    served = set(case.serve["w"])
    out = []
    # Grid may give by degrees: one site until its grid comes is no finding of the tables here.
    site_grid = case.site_period.groupby("p")["grid_mw"].transform("max")
    open_grid = replace(case, site_period=case.site_period.assign(grid_mw=site_grid))
    for trouble in precheck(open_grid):
        if trouble.reason == "survival":
            (path, new), *_ = trouble.change.items()
            out.append(_cause(trouble, path, None, new))
        elif trouble.workload and trouble.workload not in served:
            out.append(_offers(case, trouble))
    return out


def _cause(trouble: Trouble, path: str, value: Any, new: Any) -> Cause:
    return Cause(trouble.reason, path, value, new, "", 1.0, None, trouble.message, besides=trouble.cure)


def _offers(case: Case, trouble: Trouble) -> Cause:
    """The change that lets some offer serve a workload; the last one is to give up the duty."""
    w = trouble.workload
    for path, new in _candidates(case, trouble):
        changed = with_overrides(case.scenario, {path: new}, catalog=case.catalog)
        if w in set(build_case(changed, case.catalog).serve["w"]):
            return _cause(trouble, path, None, new)
    return _cause(trouble, f"demand[{w}].optional", False, True)


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
