"""Ten infeasible variants of the Korean example: the cause, the least change, and whether that is what it says.

    python benchmarks/infeasible.py --json [--quick] [--only NAME ...] [--append FILE]

One object a variant: the causes and the change as ``planner explain`` gives them, seconds to answer, and

``cured``             the changed scenario, built anew, has a plan: the whole hosts, halls and servers the search ended
                      with make one that passes the audit (null where a rule gives and no value: see ``solved``)
``solved``            so does the pipeline, at quick quality and from nothing but the file: a plan that passes the audit
``infeasible_at_95``  with 95 % of the change (what can only be taken whole left out) the pipeline proves that there is none
``least_proven``      the search itself has proven that

The two solves are those of a user who types the values into the file, the search for the least delay included, with
their seconds by the clock and of the processor; null where one was not decided in its time limit. ``--quick`` leaves
them out; ``--append`` writes a line a variant at once.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from planner.audit import audit
from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.explain import Diagnosis, explain_infeasible
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.planning.pipeline import solve
from planner.plans.plan import Plan, plan_of
from planner.scenario.schema import Scenario
from planner.solver.engine import HALLS, PATTERN, UNITS, Engine

SOLVE_S = 300.0
"""Time limit of each of the two solves."""

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "budget in total": ("capital", {"limits.capital_musd_total": 500}),
    "budget by year": ("capital", {"limits.capital_musd_by_year": [{"year": 2032, "musd": 60}]}),
    "licence quota": (
        "quota",
        {
            "supply.quotas[us-licence]": {
                "vendors": ["nvidia", "amd"], "basis": "capacity", "unit": "equivalents",
                "path": [{"from": "2027-01-01", "accelerators": 5000}],
            }
        },
    ),
    "no home site for a class": (
        "locality",
        {
            "hosts[us-cloud-tokyo]": None, "supply.quotas[cloud-tokyo-capacity]": None, "sites[tokyo]": None,
            "demand[citizen-chat].country": "JPN", "demand[citizen-chat].locality": {"where": "in-country"},
        },
    ),
    "grid too late": (
        "grid",
        {
            "sites[haenam].grid_mw": [{"from": "2027-01-01", "mw": 2}, {"from": "2032-07-01", "mw": 200}],
            "sites[ulsan].grid_mw": [{"from": "2027-01-01", "mw": 2}, {"from": "2032-07-01", "mw": 140}],
            "sites[busan].grid_mw": [{"from": "2027-01-01", "mw": 2}, {"from": "2032-07-01", "mw": 60}],
        },
    ),
    "must-serve date too early": (
        "must serve",
        {"demand[citizen-chat].must_serve_by": "2027-01-01", "demand[industry].must_serve_by": "2027-01-01"},
    ),
    "control floor too high": ("control", {"limits.min_control": 73}),
    "vendor share": (
        "share",
        {"limits.shares": [{"by": "vendor", "id": "nvidia", "max_share": 0.05, "from": "2032-01-01"}]},
    ),
    "crew limit": (
        "crew",
        {"supply.crews[champion-crew].racks_per_quarter": 1, "supply.crews[venture-crew].racks_per_quarter": 1},
    ),
    "survival share": (
        "survival",
        {
            # twice the demand and a small second site: 70 % survives, the whole does not
            "demand[defence].size.points": [
                {"at": "2027-07-01", "value": 500}, {"at": "2029-01-01", "value": 2600}, {"at": "2032-01-01", "value": 6000},
            ],
            "demand[defence].survival_share": 1.0, "hosts[champion-busan].max_it_mw": 2.5,
            "hosts[champion-colo-seoul].max_it_mw": 3,
        },
    ),
}  # fmt: skip


def measure(name: str, verify: bool = True) -> dict[str, Any]:
    """One variant: what was found, how long it took and, if asked, whether it holds."""
    wanted, changes = VARIANTS[name]
    scenario = with_overrides(load_scenario(example_path("korea")), changes)
    began, cpu = time.perf_counter(), time.process_time()
    answer = explain_infeasible(build_case(scenario), alternatives=False)
    out: dict[str, Any] = {
        "variant": name,
        "expected": wanted,
        "cause": [c.kind for c in answer.causes],
        "right": wanted in [c.kind for c in answer.causes],
        "text": [c.text for c in answer.causes],
        "change": answer.cure,
        "seconds": round(time.perf_counter() - began, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "plan_found": answer.proven,
        "least_proven": answer.least,
    }
    out["cured"] = None if answer.found is None else has_plan(scenario, answer)
    if not verify:
        return out
    out["solved"], *took = solved(with_overrides(scenario, answer.cure))
    out["seconds_solved"], out["cpu_seconds_solved"] = took
    fails, *took = solved(with_overrides(scenario, answer.changed(0.95)))
    out["infeasible_at_95"] = None if fails is None else not fails
    out["seconds_95"], out["cpu_seconds_95"] = took
    return out


def has_plan(scenario: Scenario, answer: Diagnosis) -> bool:
    """Whether the integers of the answer make a plan of the changed scenario; AssertionError if it breaks rules."""
    assert answer.found is not None
    case = build_case(with_overrides(scenario, answer.cure))
    engine, limits = Engine(case), case.scenario.limits
    bounds = Bounds(max_cost_musd=limits.max_cost_musd, min_control_points=limits.min_control)
    engine.policy(bounds)
    engine.minimise("cost")
    engine.integers()
    for family in (*PATTERN, *HALLS, UNITS):
        engine.fix(
            family, engine.family(answer.found.x[: engine.arrays.shape[1]], family).to_numpy(float).round()
        )
    final = engine.live.solve(time_limit_s=SOLVE_S)
    if final.x is None:
        return False
    checked(plan_of(case, engine, final, bounds, final))
    return True


def checked(plan: Plan) -> None:
    broken = audit(plan)
    if len(broken):
        raise AssertionError(f"the cured plan breaks rules: {broken.to_dict('records')[:3]}")


def solved(scenario: Scenario) -> tuple[bool | None, float, float]:
    """Whether the pipeline finds a plan that passes the audit (None: not decided in time), seconds, processor seconds."""
    began, cpu = time.perf_counter(), time.process_time()
    outcome = solve(build_case(with_overrides(scenario, {"solve.time_limit_s": SOLVE_S})), quality="quick")
    found = {"optimal": True, "feasible": True, "infeasible": False}.get(outcome.status)
    if outcome.plan is not None:
        checked(outcome.plan)
    return found, round(time.perf_counter() - began, 1), round(time.process_time() - cpu, 1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--quick", action="store_true", help="leave the two solves out")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="names of variants")
    parser.add_argument("--append", type=Path, metavar="FILE", help="add a line of JSON a variant to a file")
    args = parser.parse_args()
    results = []
    for name in args.only or VARIANTS:
        r = measure(name, not args.quick)
        results.append(r)
        if args.append:
            with args.append.open("a") as file:
                file.write(json.dumps(r, default=str) + "\n")
        if not args.json:
            checks = ", ".join(
                f"{k} {r[k]}" for k in ("cured", "solved", "infeasible_at_95", "least_proven") if k in r
            )
            print(f"{name}: {r['seconds']} s, {'; '.join(r['text'])}; {checks}", flush=True)
    if args.json:
        middle = statistics.median(r["seconds"] for r in results)
        document = {"benchmark": "infeasible", "median_seconds": middle, "results": results}
        print(json.dumps(document, indent=1, default=str))


if __name__ == "__main__":
    main()
