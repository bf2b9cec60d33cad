"""Seconds a point of a sweep: a live HiGHS re-solved hot, against cold solves with every setting that may help.

    python benchmarks/resolve.py --json [--points 40] [--case korea] [--relaxed]

Least cost as a linear programme with hosts and stacks held (every one early; ``--relaxed``: divisible), the weighted
delay capped at values between the least and a year more, as a frontier or a slider sweeps it. All ways solve the
reduced programme of the trade-off; the reference is a cold default solve of the full one. Cold solves pass the model
anew for each point; ``agreement`` is the largest relative difference of the objective from the reference. Every way
runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

DEFAULT = {"simplex_dual_edge_weight_strategy": -1}
COLD: dict[str, dict[str, Any]] = {
    "cold, full programme": DEFAULT,
    "cold, default": DEFAULT,
    "cold, Dantzig pricing": {"simplex_dual_edge_weight_strategy": 0},
    "cold, Devex pricing": {"simplex_dual_edge_weight_strategy": 1},
    "cold, no presolve": {**DEFAULT, "presolve": "off"},
    "cold, primal simplex": {**DEFAULT, "simplex_strategy": 4},
    "cold, interior point": {"solver": "ipx"},
    "cold, interior point, no crossover": {"solver": "ipx", "run_crossover": "off"},
    "cold, HiPO": {"solver": "hipo"},
    "cold, HiPO, no crossover": {"solver": "hipo", "run_crossover": "off"},
}
MONTHS = 12.0
MUSD_PER_MONTH = 10.0
HOT = "hot, by bounds"
HOT_COST = "hot, by cost"


def arrays_of(name: str, way: str, relaxed: bool) -> Any:
    from planner.case.build import build_case
    from planner.intake.scenario_file import example_path, load_scenario
    from planner.solver.engine import Engine
    from planner.studies.patterns import everything_early

    engine = Engine(build_case(load_scenario(example_path(name))))
    pattern = {} if relaxed else everything_early(engine)
    if "full" not in way:
        return engine.held(pattern).live.arrays
    lower, upper = engine.arrays.col_lower.copy(), engine.arrays.col_upper.copy()
    for family, held in pattern.items():
        at = engine.arrays.columns[family].slice
        lower[at] = upper[at] = held
    return replace(engine.arrays, col_lower=lower, col_upper=upper)


def live(arrays: Any, options: dict[str, Any] | None = None) -> Any:
    from planner.solver.highs import LiveHighs

    made = LiveHighs(arrays, options=options)
    made.relax()
    made.set_objective({"cost": 1.0})
    return made


def caps(arrays: Any, points: int) -> list[float]:
    """Weighted delays from just above the least to a year more."""
    one = live(arrays)
    one.set_objective({"delay": 1.0})
    low = float(one.solve().objective)
    return [float(v) for v in np.linspace(low + 0.1, low + MONTHS, points)]


def measure(way: str, name: str, points: int, values: list[float], relaxed: bool) -> dict[str, Any]:
    """Seconds and objective of every point, by one way."""
    arrays = arrays_of(name, way, relaxed)
    values = values or caps(arrays, points)
    seconds, objectives = [], []
    hot = live(arrays) if way.startswith("hot") else None
    if hot is not None:
        hot.set_col_bounds("delay", 0.0, values[0 if way == HOT else -1])
        hot.solve()  # the first solve is a cold one, and is paid once
    for i, cap in enumerate(values):
        began = time.perf_counter()
        if hot is None:
            one = live(arrays, COLD[way])
            one.set_col_bounds("delay", 0.0, cap)
            found = one.solve()
        elif way == HOT:
            hot.set_col_bounds("delay", 0.0, cap)
            found = hot.solve()
        else:
            hot.set_objective({"cost": 1.0, "delay": MUSD_PER_MONTH * i})
            found = hot.solve()
        seconds.append(time.perf_counter() - began)
        objectives.append(found.objective)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    nonzeros = int(arrays.matrix.nnz)
    return {
        "seconds": seconds,
        "objectives": objectives,
        "peak_mb": peak,
        "nonzeros": nonzeros,
        "values": values,
    }


def run(way: str, name: str, points: int, values: list[float], relaxed: bool) -> dict[str, Any] | str:
    command = [sys.executable, "-W", "ignore", __file__, "--one", way, name, str(points), json.dumps(values)]
    command += ["--relaxed"] if relaxed else []
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    if done.returncode:
        return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "failed"
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--points", type=int, default=40)
    parser.add_argument(
        "--cold-points", type=int, default=5, help="points a cold way solves, spread over the sweep"
    )
    parser.add_argument("--case", default="korea", help="name of a packaged example")
    parser.add_argument("--relaxed", action="store_true", help="hosts and stacks divisible")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        way, name, points, values = args.one
        print(json.dumps(measure(way, name, int(points), json.loads(values), args.relaxed)))
        return
    hot = run(HOT, args.case, args.points, [], args.relaxed)
    if isinstance(hot, str):
        raise SystemExit(hot)
    picked = [round(i) for i in np.linspace(0, args.points - 1, args.cold_points)]
    values = [hot["values"][i] for i in picked]
    rows: list[dict[str, Any]] = []
    reference: list[float] = []
    for way in COLD:
        found = run(way, args.case, len(values), values, args.relaxed)
        if isinstance(found, str):
            rows.append({"way": way, "skipped": found})
            continue
        if any(o is None for o in found["objectives"]):
            rows.append({"way": way, "skipped": "a point was not solved"})
            continue
        reference = reference or found["objectives"]
        rows.append({"way": way, "seconds": statistics.median(found["seconds"]), "peak_mb": found["peak_mb"],
                     "agreement": _difference(found["objectives"], reference)})  # fmt: skip
    best = min((r for r in rows if "seconds" in r), key=lambda r: r["seconds"])
    ours = [hot["objectives"][i] for i in picked]
    rows.append({"way": HOT, "seconds": statistics.median(hot["seconds"]), "slowest": max(hot["seconds"]),
                 "peak_mb": hot["peak_mb"], "agreement": _difference(ours, reference)})  # fmt: skip
    by_cost = run(HOT_COST, args.case, args.points, hot["values"], args.relaxed)
    if not isinstance(by_cost, str):
        rows.append(
            {"way": HOT_COST, "seconds": statistics.median(by_cost["seconds"]), "peak_mb": by_cost["peak_mb"]}
        )
    speedup = best["seconds"] / statistics.median(hot["seconds"])
    out = {
        "benchmark": "resolve", "case": args.case, "relaxed": args.relaxed,
        "nonzeros": hot["nonzeros"], "points": args.points,
        "best_cold": best["way"], "hot_times_faster": round(speedup, 1), "results": rows,
    }  # fmt: skip
    if args.json:
        print(json.dumps(out, indent=1))
        return
    for r in rows:
        print(
            f"{r['way']:<36} {r.get('seconds', float('nan')):8.4f} s  {r.get('agreement', r.get('skipped', ''))}"
        )
    print(f"hot is {speedup:.0f} times faster than {best['way']}")


def _difference(values: list[float], reference: list[float]) -> float:
    a, b = np.array(values), np.array(reference)
    return float(np.max(np.abs(a - b) / np.maximum(np.abs(b), 1e-9)))


if __name__ == "__main__":
    main()
