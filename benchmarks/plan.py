"""How the gap of a plan closes over time, and what its slices of the day cost: regret on all hours.

    python benchmarks/plan.py --json [--scenario korea]
    python benchmarks/plan.py --json --against CHECKOUT [--scenario korea]

Prints seconds by stage, the curve of (seconds, bound, incumbent, gap), the gap, and for plans made on one and
on the usual number of slices the regret on all 24 hours, for the same hosts, halls and orders: the cost with
all that the plan bought, and what has to be bought on top of it, against the cost of the best purchases.

With ``--against`` the same file is planned at quick quality by this checkout and by another (with its own ``.venv``),
each a process of its own, in turns: medians of processor seconds, and the gaps. Facts are each checkout's own.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from planner import build_case, load_scenario, solve
from planner.intake.scenario_file import example_path, with_overrides
from planner.planning.events import Event

TURNS = 3
ONCE = """
import json, sys, time
from planner import build_case, load_scenario, solve
began = time.process_time()
case = build_case(load_scenario(sys.argv[1]))
built = time.process_time()
found = solve(case, quality="quick")
print(json.dumps({"case_s": built - began, "solve_s": time.process_time() - built, "gap": found.gap}))
"""


def measure(name: str) -> dict[str, object]:
    scenario = load_scenario(example_path(name))
    curve: list[dict[str, object]] = []

    def keep(event: Event) -> None:
        if event.gap is not None or event.message:
            curve.append({k: getattr(event, k) for k in ("seconds", "stage", "bound", "incumbent", "gap")})

    usual = solve(build_case(scenario), quality="proof", on_event=keep)
    coarse = solve(build_case(with_overrides(scenario, {"solve.slices": 1})), quality="proof")
    return {
        "scenario": name,
        "status": usual.status,
        "gap": usual.gap,
        "bound_musd": usual.bound,
        "seconds": usual.seconds,
        "curve": curve,
        "slices": scenario.solve.slices,
        "regret": usual.regret,
        "regret_one_slice": coarse.regret,
    }


def in_turns(path: Path, other: Path) -> dict[str, object]:
    """Processor seconds of reading and of planning a file here and in another checkout, one after the other."""
    here = Path(__file__).resolve().parents[1]
    checkouts = {"here": (sys.executable, here), "other": (str(other / ".venv/bin/python"), other)}
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
    for _ in range(TURNS):
        for name, (python, folder) in checkouts.items():
            done = subprocess.run(
                [python, "-c", ONCE, str(path.resolve())],
                cwd=folder,
                check=True,
                capture_output=True,
                text=True,
            )
            runs[name].append(json.loads(done.stdout))
    medians = {
        name: {key: round(statistics.median(run[key] for run in own), 4) for key in own[0]}
        for name, own in runs.items()
    }
    ratio = medians["here"]["solve_s"] / medians["other"]["solve_s"]
    return {"scenario": path.name, "turns": TURNS, **medians, "ratio": round(ratio, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenario", default="korea")
    parser.add_argument(
        "--against", type=Path, metavar="CHECKOUT", help="compare seconds with another checkout"
    )
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    path, other = example_path(args.scenario), args.against
    result = measure(args.scenario) if other is None else in_turns(path, other.resolve())
    print(json.dumps(result, indent=2) if args.json else "\n".join(f"{k}: {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
