"""Seconds to explain ten infeasible variants of the Korean example, and whether each cure cures.

    python benchmarks/infeasible.py --json [--verify]

One object a variant: the causes found, the relative change, seconds by the relaxed and the whole answer. With
``--verify`` the changed scenario, and the scenario with 95 % of the change, are explained again: the first must
have a plan, the second none.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

from planner.case.build import build_case
from planner.explain import explain_infeasible
from planner.scenario_file import example_path, load_scenario, with_overrides

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
            "demand[defence].survival_share": 1.0, "hosts[champion-busan].max_it_mw": 2.5,
            "hosts[champion-haenam].max_it_mw": 10.0, "hosts[champion-colo-seoul].max_it_mw": 3.0,
        },
    ),
}  # fmt: skip


def measure(name: str, verify: bool) -> dict[str, Any]:
    """One variant: what was found, how long it took and, if asked, whether it holds."""
    wanted, changes = VARIANTS[name]
    scenario = with_overrides(load_scenario(example_path("korea")), changes)
    began = time.perf_counter()
    case = build_case(scenario)
    built = time.perf_counter() - began
    answer = explain_infeasible(case)
    out: dict[str, Any] = {
        "variant": name,
        "expected": wanted,
        "causes": [c.kind for c in answer.causes],
        "right": wanted in [c.kind for c in answer.causes],
        "text": [c.text for c in answer.causes],
        "cure": answer.cure,
        "proven": answer.proven,
        "seconds_case": round(built, 2),
        "seconds": round(answer.seconds, 2),
    }
    if verify:
        cured = explain_infeasible(build_case(with_overrides(scenario, answer.cure)), alternatives=False)
        short = explain_infeasible(
            build_case(with_overrides(scenario, answer.changed(0.95))), alternatives=False
        )
        out |= {"cured": not cured.causes, "95_percent_fails": bool(short.causes)}
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--verify", action="store_true", help="solve the cured cases too")
    parser.add_argument("--only", nargs="*", help="names of variants")
    args = parser.parse_args()
    results = []
    for name in args.only or VARIANTS:
        results.append(measure(name, args.verify))
        if not args.json:
            r = results[-1]
            print(
                f"{name}: {r['seconds']} s, right {r['right']}, " + "; ".join(r["text"]),
                {k: r[k] for k in ("proven", "cured", "95_percent_fails") if k in r},
            )
    if args.json:
        middle = statistics.median(r["seconds"] for r in results)
        print(
            json.dumps(
                {"benchmark": "infeasible", "median_seconds": middle, "results": results},
                indent=1,
                default=str,
            )
        )


if __name__ == "__main__":
    main()
