"""Korea with all that a site may have for power: size, processor seconds, gap and audit, beside Korea without.

    python benchmarks/power.py --json [--only NAME ...] [--quality plan] [--points 12] [--against CHECKOUT [--rounds 2]]

One object a row: ``none`` is the example; ``all`` offers engines, rented turbines, fuel cells, sun, a battery, a contract
for wind and a flexible connection at every site that builds, a tariff by hour with a network fee and a charge on the
peak, a price of carbon and a cap on it; ``spare`` asks for N+1 of the plant on top. ``slider_cpu_s`` are the median, the
ninth decile and the slowest processor seconds of a move of a slider, asked as the application asks it, hosts and stacks
held: steps of the delay from the loosest on at the lowest level of control, between those that the application prepares.
``slider_jump_cpu_s`` are those of both limits at random, within reach, once the application's grid of points has been swept
(``sweep_cpu_s``), as it does in the background; ``_pivots`` are those that each took.

With ``--against`` another checkout of the planner, by the python of its ``.venv``, makes a row ``against`` of the example of
its own. Rows take turns, ``--rounds`` times, each in a process of its own; at last the least seconds of each are put beside
those of ``against`` and of ``none``. Of several rounds the least counts, since other work on the machine only adds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from planner.audit import audit
from planner.case.build import build_case
from planner.case.case import Case
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.planning.pipeline import solve
from planner.scenario.schema import Scenario
from planner.solver.engine import Engine
from planner.studies.frontier_tables import grid
from planner.studies.patterns import everything_early
from planner.studies.screening import LiveFrontier

HOURLY_USD_PER_MWH = [60] * 7 + [95, 95, 140, 140] + [95] * 6 + [140] * 3 + [95, 95, 60, 60]
OPTIONS: list[dict[str, Any]] = [
    {"id": "gas-engine-dc-2026"}, {"id": "turbine-mobile-2026"}, {"id": "fuelcell-2026"},
    {"id": "pv-utility-2026", "max_mw": 30}, {"id": "battery-4h-2026"},
]  # fmt: skip
WIND = {"id": "wind", "profile": "wind", "max_mw": 30, "usd_per_mwh": 80, "term_months": 120,
        "surplus_usd_per_mwh": 30}  # fmt: skip
CARBON_USD_PER_T, CARBON_CAP_T = 20, 850e3
MONTHS = 12.0
JUMPS = 60
SHORT_OF_MOST = 0.1
"""Points of control below the most at its delay at which a jump ends at most."""
ROWS = ("none", "all", "spare")
THEIRS = """
import json, sys, time
from planner import build_case, load_scenario, solve
from planner.intake.scenario_file import example_path
from planner.solver.engine import Engine
case = build_case(load_scenario(example_path("korea")))
began = time.process_time()
outcome = solve(case, quality=sys.argv[1])
cpu_s = round(time.process_time() - began, 1)
rows, columns = Engine(case).arrays.shape
cost = None if outcome.plan is None else round(outcome.plan.kpi("cost_npv_musd"), 1)
row = {"row": "against", "rows": rows, "columns": columns, "quality": sys.argv[1], "cpu_s": cpu_s, "status": outcome.status}
print(json.dumps(row | {"gap": outcome.gap, "cost_musd": cost}))
"""
"""What another checkout runs: only names that stand in its public interface for long."""


def with_power(korea: Scenario, redundancy: str) -> Scenario:
    """The example with everything offered where hosts build."""
    changes: dict[str, Any] = {
        "money.carbon": [{"from": korea.horizon.start, "usd_per_t": CARBON_USD_PER_T}],
        "limits.carbon_t": [{"tonnes": CARBON_CAP_T}],
    }
    for site in dict.fromkeys(host.site for host in korea.hosts if host.mode == "build"):
        changes |= {
            f"sites[{site}].power": {
                "options": OPTIONS, "ppas": [WIND], "flexible": {"max_mw": 30}, "redundancy": redundancy,
            },
            f"sites[{site}].tariff": {
                "energy_usd_per_mwh_by_hour": HOURLY_USD_PER_MWH, "network_usd_per_mwh": 10,
                "capacity_usd_per_kw_year": 70,
            },
        }  # fmt: skip
    return with_overrides(korea, changes)


def slider_cpu_s(case: Case, points: int, seed: int) -> dict[str, Any]:
    """Median, ninth decile and most of processor seconds and pivots of a reader's moves of a slider, by what moves."""
    engine = Engine(case)
    live = LiveFrontier(case, [everything_early(engine)], engine=engine)
    tight, loose = live.least_delay_months + 0.1, live.least_delay_months + MONTHS
    lowest = live.at(loose)["control_score"]
    months = np.linspace(loose, tight, points + 1)

    def asked(name: str, moves: Iterable[tuple[float, float]]) -> dict[str, list[float]]:
        seconds, pivots = [], []
        for limits in moves:
            began = time.process_time()
            live.at(*map(float, limits))
            seconds.append(time.process_time() - began)
            pivots.append(live.engines[0].live.highs.getInfo().simplex_iteration_count)
        spread = [np.quantile(of, (0.5, 0.9, 1.0)) for of in (seconds, pivots)]
        return {f"{name}_cpu_s": spread[0].round(3).tolist(), f"{name}_pivots": spread[1].round().tolist()}

    live.prepare(loose, live.least_delay_months, lowest)  # as the application does
    found: dict[str, Any] = asked("slider", ((m, lowest) for m in (months[1:] + months[:-1]) / 2))
    began = time.process_time()
    swept = grid(live, None, for_sliders=True)
    found["sweep_cpu_s"] = round(time.process_time() - began, 1)
    most = [max(r["control_score"] for r in swept.rows if r["max_delay_months"] == m) for m in swept.months]
    draw = np.random.default_rng(seed)
    jumps = [
        (m, draw.uniform(lowest, np.interp(m, swept.months, most) - SHORT_OF_MOST))
        for m in draw.uniform(tight, loose, JUMPS)
    ]
    return found | asked("slider_jump", jumps)


def measure(name: str, case: Case, quality: str, points: int, seed: int) -> dict[str, Any]:
    began = time.process_time()
    outcome = solve(case, quality=quality)
    row: dict[str, Any] = {"row": name, "quality": quality, "cpu_s": round(time.process_time() - began, 1)}
    row |= {"status": outcome.status, "gap": outcome.gap, "stages_s": outcome.seconds}
    if outcome.plan is not None:
        added = {t: outcome.plan.tables[t] for t in ("plants", "bridges", "hires", "ppas", "connections")}
        row |= {
            "cost_musd": round(outcome.plan.kpi("cost_npv_musd"), 1),
            "audit": len(audit(outcome.plan)),
            "mw": {
                t: rows.groupby("g" if "g" in rows else "n")["added_mw"].sum().round(1).to_dict()
                for t, rows in added.items()
            },
        }
    if points:
        row |= slider_cpu_s(case, points, seed)
    return row


def own_row(name: str, quality: str, points: int, seed: int) -> dict[str, Any]:
    """A row of this checkout."""
    korea = load_scenario(example_path("korea"))
    offered = {"all": "N", "spare": "N+1"}
    case = build_case(with_power(korea, offered[name]) if name in offered else korea)
    rows, columns = Engine(case).arrays.shape
    return {"rows": rows, "columns": columns} | measure(name, case, quality, points, seed)


def in_turn(names: list[str], asked: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows of this checkout and one of another, each in its own process, by turns; printed as they come."""
    other = Path(asked.against).resolve()
    theirs = [str(other / ".venv/bin/python"), "-c", THEIRS, asked.quality]
    ours = [
        sys.executable,
        __file__,
        "--json",
        "--quality",
        asked.quality,
        "--points",
        str(asked.points),
        "--seed",
        str(asked.seed),
        "--only",
    ]
    runs: list[tuple[list[str], Path | None]] = [(theirs, other), *(([*ours, name], None) for name in names)]
    found = []
    for _ in range(asked.rounds):
        for command, folder in runs:
            told = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
            found.append(json.loads(told.splitlines()[-1]))
            print(json.dumps(found[-1]) if asked.json else found[-1], flush=True)
    return found


def ratios(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Least processor seconds of each row, and these and rows of the model beside the other checkout's and ``none``'s."""
    names = list(dict.fromkeys(row["row"] for row in found))
    least = {name: min(row["cpu_s"] for row in found if row["row"] == name) for name in names}
    size = {row["row"]: row["rows"] for row in found}
    beside = [b for b in ("against", "none") if b in least]
    return {
        "least_cpu_s": least,
        **{f"cpu_to_{b}": {n: round(least[n] / least[b], 2) for n in names} for b in beside},
        **{f"rows_to_{b}": {n: round(size[n] / size[b], 2) for n in names} for b in beside},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--only", nargs="*", default=list(ROWS[:2]), choices=ROWS)
    parser.add_argument("--quality", choices=("quick", "plan", "proof"), default="plan")
    parser.add_argument("--points", type=int, default=12, help="steps of the delay; 0 for no sliders")
    parser.add_argument("--seed", type=int, default=0, help="of the jumps of both sliders")
    parser.add_argument(
        "--against", metavar="CHECKOUT", help="another checkout of the planner, to take turns with"
    )
    parser.add_argument("--rounds", type=int, default=2, help="how often rows take turns")
    asked = parser.parse_args()
    if asked.against:
        compared = ratios(in_turn(asked.only, asked))
        print(json.dumps(compared) if asked.json else compared)
        return
    for name in asked.only:
        row = own_row(name, asked.quality, asked.points, asked.seed)
        print(json.dumps(row) if asked.json else row, flush=True)


if __name__ == "__main__":
    main()
