"""How time and memory grow with the case, and the largest case solved to 2 % in a time limit.

    python benchmarks/scale.py --json [--copies 1 2 3] [--years 6] [--limit 600]

A case of ``n`` copies is Korea with its sites, hosts and workloads repeated ``n`` times under other names and
with demand, grid, capacity and crews as they are: n times the country. Each size runs in a process of its own
and reports sites x systems x periods x workloads, rows, columns, non-zeros, seconds, gap, peak memory.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Any

from planner import build_case, solve
from planner.scenario import Scenario
from planner.scenario_file import example_path, load_scenario

REFERENCES = {"site": "sites", "host": "hosts"}


def copied(base: Scenario, n: int, years: int, limit: float) -> Scenario:
    """Korea ``n`` times over: every list of places and demand is repeated, references follow."""
    data: dict[str, Any] = base.model_dump(by_alias=True, mode="json", exclude_none=True)
    data["horizon"]["years"] = years
    for copy in range(1, n):

        def name(x: str, copy: int = copy) -> str:
            return f"{x}-{copy}"

        for w in base.demand:
            data["demand"].append(
                {**w.model_dump(by_alias=True, mode="json", exclude_none=True), "id": name(w.id)}
            )
        for s in base.sites:
            data["sites"].append(
                {**s.model_dump(by_alias=True, mode="json", exclude_none=True), "id": name(s.id)}
            )
        for h in base.hosts:
            row = h.model_dump(by_alias=True, mode="json", exclude_none=True)
            data["hosts"].append({**row, "id": name(h.id), "site": name(h.site)})
        for q in base.supply.quotas:
            row = q.model_dump(by_alias=True, mode="json", exclude_none=True)
            if row.get("hosts"):
                data["supply"]["quotas"].append(
                    {**row, "id": name(q.id), "hosts": [name(h) for h in row["hosts"]]}
                )
    data["solve"] = {**data.get("solve", {}), "quality": "quick", "time_limit_s": limit}
    return Scenario.model_validate(data)


def one(n: int, years: int, limit: float) -> dict[str, Any]:
    scenario = copied(load_scenario(example_path("korea")), n, years, limit)
    began = time.perf_counter()
    case = build_case(scenario)
    built = time.perf_counter() - began
    sizes: dict[str, str] = {}

    def note(event: dict[str, Any]) -> None:
        if event["stage"] == "build" and "rows" in event["message"]:
            sizes["matrix"] = event["message"]

    outcome = solve(case, on_event=note)
    return {
        "copies": n,
        "sites": len(scenario.sites),
        "systems": len(scenario.systems),
        "periods": case.calendar.n,
        "workloads": len(scenario.demand),
        **sizes,
        "case_seconds": built,
        "seconds": outcome.seconds,
        "status": outcome.status,
        "gap": outcome.gap,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--years", type=int, default=6)
    parser.add_argument("--limit", type=float, default=600.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(one(args.one, args.years, args.limit)))
        return
    rows = []
    for n in args.copies:
        command = [
            sys.executable,
            __file__,
            "--one",
            str(n),
            "--years",
            str(args.years),
            "--limit",
            str(args.limit),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout.strip().splitlines()[-1]))
    print(json.dumps(rows, indent=2) if args.json else "\n".join(map(str, rows)))


if __name__ == "__main__":
    main()
