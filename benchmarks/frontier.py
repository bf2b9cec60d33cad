"""How much a whole screening frontier costs against one cold solve: 100 points of an example.

    python benchmarks/frontier.py --json [--scenario korea] [--points 100]

Prints one object with two sweeps: ``held``, hosts and stacks at a pattern, as the product screens, and
``relaxed``, all hosts and stacks divisible. Each has the seconds of the best cold solve of its own programme (reduced;
simplex by three ways of pricing, interior point), the seconds of all points on live programmes, their ratio, the
seconds per point, and the largest difference of the sweep from single solves by other live programmes. All of one
run. ``processor_seconds`` is what the sweep's two threads used: on a busy machine they do not get two cores, a cold
solve always gets its one, and the ratio says so. ``ratio_if_each_thread_had_a_core`` is therefore half of the processor
seconds over those of the best cold solve in the middle of the grid, ``_easiest`` over those of the easiest point: what
two idle cores would show if the threads shared the work evenly.

The cold point has no floor on control, which is the quickest; ``cold_seconds_on_the_grid`` is the middle of the grid,
whose points all have a floor. The pattern opens every host at its first date and adopts every stack, unless ``--run``
names a run or a frontier whose patterns are taken.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from planner import build_case, load_scenario
from planner.case.bounds import Bounds
from planner.intake.scenario_file import example_path
from planner.runs.run import Run
from planner.solver.engine import Engine
from planner.solver.highs import SolverError
from planner.studies.path import WORKERS
from planner.studies.patterns import everything_early, pattern_of_tables
from planner.studies.screening import LiveFrontier

COLD: dict[str, dict[str, Any]] = {
    "simplex, Devex": {"solver": "simplex"},
    "simplex, steepest edge": {"solver": "simplex", "simplex_dual_edge_weight_strategy": 2},
    "simplex, Dantzig": {"solver": "simplex", "simplex_dual_edge_weight_strategy": 0},
    "interior point": {"solver": "ipx"},
    "interior point, HiPO": {"solver": "hipo"},
}
CHECKED = 5


def cold_seconds(
    live: LiveFrontier, months: float, level: float | None = None
) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds and processor seconds of a cold solve of one point by every method that could be the best."""
    seconds, processor = {}, {}
    for name, options in COLD.items():
        engine = live.base.held(live.patterns[0] if live.patterns else {})
        engine.policy(Bounds(max_delay_months_by_workload=live.caps(months), min_control_points=level))
        engine.minimise("cost")
        try:
            for option, value in options.items():
                engine.live.set_option(option, value)
            began, used = time.perf_counter(), time.process_time()
            found = engine.live.solve(time_limit_s=60.0)
        except SolverError:  # a HiGHS without this method
            continue
        if found.x is not None:
            seconds[name], processor[name] = time.perf_counter() - began, time.process_time() - used
    return seconds, processor


def sweep(live: LiveFrontier, points: int) -> dict[str, Any]:
    """One grid of points x points limits between what costs nothing and what can be reached."""
    tight, loose = live.least_delay_months, live.least_delay_months + 12.0
    most = live.most_control(tight)
    while not np.isfinite(most):  # a pattern may not reach the least delay of all
        tight += 0.5
        most = live.most_control(tight)
    free = live.at(loose)
    side = int(np.sqrt(points))
    months = np.linspace(loose, tight, side).tolist()
    levels = np.linspace(free["control_score"], most - 0.1, points // side).tolist()
    middle = (tight + loose) / 2
    before = cold_seconds(live, middle)
    began, used = time.perf_counter(), time.process_time()
    rows = live.sweep(months, levels)
    seconds, used = time.perf_counter() - began, time.process_time() - used
    after = cold_seconds(live, middle)
    cold, processor = (
        {way: min(a[way], b[way]) for way in a if way in b} for a, b in zip(before, after, strict=True)
    )
    on_grid, on_grid_processor = cold_seconds(live, middle, (levels[0] + levels[-1]) / 2)
    best = min(cold.values())
    fresh = LiveFrontier(live.case, live.patterns, live.least, live.base)
    differences = [
        abs(fresh.at(row["max_delay_months"], row["min_control"])["cost_npv_musd"] / row["cost_npv_musd"] - 1)
        for row in rows[:: max(1, len(rows) // CHECKED)]
    ]
    return {
        "rows_columns_nonzeros": [
            *live.engines[0].live.arrays.shape,
            int(live.engines[0].live.arrays.matrix.nnz),
        ],
        "cold_seconds": cold,
        "cold_seconds_on_the_grid": on_grid,
        "points": len(rows),
        "seconds": seconds,
        "processor_seconds": used,
        "ratio_to_best_cold_solve": seconds / best,
        "ratio_to_best_cold_solve_on_the_grid": seconds / min(on_grid.values()),
        "ratio_if_each_thread_had_a_core": used / WORKERS / min(on_grid_processor.values()),
        "ratio_if_each_thread_had_a_core_easiest": used / WORKERS / min(processor.values()),
        "seconds_per_point": seconds / max(1, len(rows)),
        "largest_difference_from_fresh": max(differences),
    }


def measure(scenario: str, points: int, run: Path | None) -> dict[str, Any]:
    """All figures of one example."""
    case = build_case(load_scenario(example_path(scenario)))
    engine = Engine(case)
    pattern = everything_early(engine)
    if run is not None:
        tables = Run(run)
        pattern = pattern_of_tables(engine, {n: tables.table(n) for n in ("opens", "stacks")})
    relaxed = LiveFrontier(case, engine=engine)
    held = LiveFrontier(case, [pattern], relaxed.least, engine)
    return {
        "benchmark": "frontier",
        "scenario": scenario,
        "rows_columns_nonzeros": [*engine.arrays.shape, int(engine.arrays.matrix.nnz)],
        "held": sweep(held, points),
        "relaxed": sweep(relaxed, points),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenario", default="korea")
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--run", type=Path, help="directory of a solved run of the scenario, for its hosts and stacks"
    )
    args = parser.parse_args()
    result = measure(args.scenario, args.points, args.run)
    print(json.dumps(result, indent=2) if args.json else "\n".join(f"{k}: {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
