"""Korea with all that a site may have for power: size, processor seconds, gap and audit, beside Korea without.

    python benchmarks/power.py --json [--only NAME ...] [--quality plan] [--points 12]

One object a row: ``none`` is the example; ``all`` offers engines, rented turbines, fuel cells, sun, a battery, a contract
for wind and a flexible connection at every site that builds, a tariff by hour with a network fee and a charge on the
peak, a price of carbon and a cap on it; ``spare`` asks for N+1 of the plant on top. ``slider_cpu_s`` are the median and
the slowest processor seconds of a point of a hot sweep over the delay, hosts and stacks held, as sliders of the application
make it; the first point, from another goal, is left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

import numpy as np
import pandas as pd

from planner.audit import audit
from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.case.case import Case
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.planning.pipeline import solve
from planner.scenario.schema import Scenario
from planner.solver.engine import Engine
from planner.studies.patterns import everything_early

HOURLY_USD_PER_MWH = [60] * 7 + [95, 95, 140, 140] + [95] * 6 + [140] * 3 + [95, 95, 60, 60]
OPTIONS: list[dict[str, Any]] = [
    {"id": "gas-engine-dc-2026"}, {"id": "turbine-mobile-2026"}, {"id": "fuelcell-2026"},
    {"id": "pv-utility-2026", "max_mw": 30}, {"id": "battery-4h-2026"},
]  # fmt: skip
WIND = {"id": "wind", "profile": "wind", "max_mw": 30, "usd_per_mwh": 80, "term_months": 120,
        "surplus_usd_per_mwh": 30}  # fmt: skip
CARBON_USD_PER_T, CARBON_CAP_T = 20, 850e3
MONTHS = 12.0
ROWS = ("none", "all", "spare")


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


def slider_cpu_s(case: Case, points: int) -> list[float]:
    """Processor seconds of every point of a hot sweep over the weighted delay."""
    whole = Engine(case)
    engine = whole.held(everything_early(whole))
    engine.policy()
    engine.minimise("delay")
    least = engine.lp().objective or 0.0
    engine.minimise("cost")
    seconds = []
    for cap in np.linspace(least + 0.1, least + MONTHS, points + 1):
        began = time.process_time()
        engine.policy(Bounds(max_delay_months=float(cap)))
        engine.lp()
        seconds.append(time.process_time() - began)
    return seconds[1:]  # the first is a cold solve


def measure(name: str, case: Case, quality: str, points: int) -> dict[str, Any]:
    began = time.process_time()
    outcome = solve(case, quality=quality)
    row: dict[str, Any] = {"row": name, "quality": quality, "cpu_s": round(time.process_time() - began, 1)}
    row |= {"status": outcome.status, "gap": outcome.gap, "stages_s": outcome.seconds}
    if outcome.plan is not None:
        added = {t: outcome.plan.tables[t] for t in ("plants", "hires", "ppas", "connections")}
        row |= {
            "cost_musd": round(outcome.plan.kpi("cost_npv_musd"), 1),
            "audit": len(audit(outcome.plan)),
            "mw": {
                t: rows.groupby("g" if "g" in rows else "n")["added_mw"].sum().round(1).to_dict()
                for t, rows in added.items()
            },
        }
    if points:
        seconds = slider_cpu_s(case, points)
        row["slider_cpu_s"] = [round(statistics.median(seconds), 3), round(max(seconds), 3)]
    return row


def _by_kind(rows: pd.DataFrame) -> dict[str, float]:
    """MW added, by kind of plant, contract or line."""
    return rows.groupby("g" if "g" in rows else "n")["added_mw"].sum().round(1).to_dict()  # type: ignore[no-any-return]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--only", nargs="*", default=list(ROWS[:2]), choices=ROWS)
    parser.add_argument("--quality", choices=("quick", "plan", "proof"), default="plan")
    parser.add_argument("--points", type=int, default=12, help="points of the sweep; 0 for none")
    asked = parser.parse_args()
    korea = load_scenario(example_path("korea"))
    offered = {"none": korea, "all": with_power(korea, "N"), "spare": with_power(korea, "N+1")}
    for name in asked.only:
        case = build_case(offered[name])
        rows, columns = Engine(case).arrays.shape
        row = {"rows": rows, "columns": columns} | measure(name, case, asked.quality, asked.points)
        print(json.dumps(row) if asked.json else row, flush=True)


if __name__ == "__main__":
    main()
