"""How much a whole screening frontier costs against one cold solve: 100 points of an example.

    python benchmarks/frontier.py --json [--scenario korea] [--points 100]

Prints one object: seconds of the best cold screening solve (simplex and interior point tried), seconds of all
points on the live programme, their ratio, and seconds per point (median, slowest). Ratios are of one run.
"""

import argparse
import json
import statistics
import time

import numpy as np

from planner import build_case, load_scenario
from planner.scenario_file import example_path
from planner.screening import LiveFrontier
from planner.solver.engine import Engine


def cold_seconds(engine: Engine, live: LiveFrontier, months: float) -> dict[str, float]:
    """Seconds of a cold solve of one point by each method that could be the best."""
    out = {}
    for solver in ("simplex", "ipm"):
        twin = engine.twin()
        twin.integers()
        twin.policy(max_delay_by_workload=live.caps(months))
        twin.minimise("cost")
        twin.live.set_option("solver", solver)
        began = time.perf_counter()
        twin.live.solve()
        out[solver] = time.perf_counter() - began
    return out


def measure(scenario: str, points: int) -> dict[str, object]:
    """All figures of one example."""
    case = build_case(load_scenario(example_path(scenario)))
    engine = Engine(case)
    live = LiveFrontier(case, engine=engine)
    cold = cold_seconds(engine, live, live.least_delay_months + 3)
    free = live.at(live.least_delay_months + 12)
    most = live.most_control(live.least_delay_months)
    side = int(np.sqrt(points))
    grid = [
        (live.least_delay_months + float(longer), float(level))
        for longer in np.linspace(12, 0, side)
        for level in np.linspace(free["control_score"], most - 0.1, points // side)
    ]
    seconds = []
    for months, level in grid:
        began = time.perf_counter()
        live.at(months, level)
        seconds.append(time.perf_counter() - began)
    best = min(cold.values())
    return {
        "scenario": scenario,
        "rows": engine.arrays.shape[0],
        "columns": engine.arrays.shape[1],
        "nonzeros": int(engine.arrays.matrix.nnz),
        "cold_seconds": cold,
        "points": len(grid),
        "seconds": sum(seconds),
        "ratio_to_best_cold_solve": sum(seconds) / best,
        "seconds_per_point_median": statistics.median(seconds),
        "seconds_per_point_slowest": max(seconds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenario", default="korea")
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    result = measure(args.scenario, args.points)
    print(json.dumps(result, indent=2) if args.json else "\n".join(f"{k}: {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
