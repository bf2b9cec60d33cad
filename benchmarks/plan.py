"""How the gap of a plan closes over time, and what its slices of the day cost: regret on all hours.

    python benchmarks/plan.py --json [--scenario korea]

Prints seconds by stage, the curve of (seconds, bound, incumbent, gap), the gap, and for plans made on one and
on the usual number of slices the regret on all 24 hours, for the same hosts, halls and orders: the cost with
all that the plan bought, and what has to be bought on top of it, against the cost of the best purchases.
"""

import argparse
import json

from planner import build_case, load_scenario, solve
from planner.intake.scenario_file import example_path, with_overrides
from planner.planning.events import Event


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenario", default="korea")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    result = measure(args.scenario)
    print(json.dumps(result, indent=2) if args.json else "\n".join(f"{k}: {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
