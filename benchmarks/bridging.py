"""Korea with a late grid: months of waiting, demand served and cost without a bridge and with one.

    python benchmarks/bridging.py --json [--only NAME ...] [--relaxed] [--permits-filed] [--own-leads]
        [--residual RULE] [--plain] [--dear-to-own] [--quality plan]

One object a row, as it is solved (limits of the example; quality quick or that asked for). Rows with a bridge may let each
workload wait as long as the row of a line in twelve months does and no longer: service is equal. A cap on the weighted wait
alone is not, for least cost then leaves what is dearest to serve, a training run say, and serves the rest sooner. Without a
bridge the limits are the example's. Costs are known to the gap of both rows: what is dearer lies between the two figures.
Where the same waits cannot be had, a row is solved within the example's limits and says ``equal_service: false``.
Assumed here as overrides: permits of plant in no time, engines at 1,500 and fuel cells at 3,300 USD/kW, fuel such that a
MWh costs 30 USD more than from the grid. ``--own-leads`` takes months, prices and fuel of the catalog instead;
``--residual`` another rule for what is left at the end. The last row offers a bridge of two years both ways. Turbines are
rented on the terms of the catalog, and by the year at what a lessor earns.
``--permits-filed``: places asked for their permits nine months before the plan, so that the works of a line in twelve months
wait for no permit; without it the line of the first row comes 18 to 30 months after the plan's start, a bridge sooner.
``--plain``: the conventions of a short calculation. Nothing is owed after the horizon, all is worth its straight line then,
and neither the works of a line nor plant waits for a permit of the place. ``--dear-to-own``: upkeep 4 % of hardware a year,
staff 1,500 USD an accelerator and a team of 8 to 12 MUSD a host.
``--relaxed`` is the same of the linear relaxation, hosts, stacks, halls and units divisible: no plan, but its costs are
known exactly, so that what a bridge costs is too.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from planner.audit import audit
from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.case.limits import PARTNER
from planner.case.residual import METHODS
from planner.facts.catalog import Catalog, load_catalog
from planner.facts.rounding import rounded_up
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.planning.pipeline import solve
from planner.planning.solve_run import Outcome
from planner.plans.plan import Plan, plan_of
from planner.scenario.schema import Quality, Scenario
from planner.solver.engine import Engine
from planner.solver.solution import Solution

SITES = ("haenam", "ulsan", "busan")
DEARER_USD_PER_MWH = 30.0
BASE = "12 none"
PERMITS_FILED = {
    f"hosts[{host}].permit_applied": "2026-04-01"
    for host in ("champion-haenam", "champion-busan", "jv-ulsan")
}
PLAIN: dict[str, Any] = {
    "finance.residual": "straight-line",
    "finance.relet_share_accelerators": 1.0,
    "finance.relet_share_halls": 1.0,
}
RENTED = {"rent_usd_per_kw_month": 47.5, "term_months": 24}
BY_THE_YEAR = {"rent_usd_per_kw_month": 33.7, "term_months": 12}
"""What a lessor of turbines earns before interest and tax, a year at a time: the low end of a rent."""
ROWS: dict[str, tuple[int, dict[str, Any]]] = {
    BASE: (12, {}),
    "48 none": (48, {}),
    "48 engines 15": (48, {"id": "gas-engine-dc-2026", "capex_usd_per_kw": 1500, "lead_months": 15}),
    "48 engines 33": (48, {"id": "gas-engine-dc-2026", "capex_usd_per_kw": 1500, "lead_months": 33}),
    "48 fuel cells 6": (48, {"id": "fuelcell-2026", "capex_usd_per_kw": 3300, "lead_months": 6}),
    "48 rented turbines 9": (48, {"id": "turbine-mobile-2026", "lead_months": 9}),
    "48 rented turbines 9, by the year": (48, {"id": "turbine-mobile-2026", "lead_months": 9, **BY_THE_YEAR}),
    "60 none": (60, {}),
    "60 engines 15": (60, {"id": "gas-engine-dc-2026", "capex_usd_per_kw": 1500, "lead_months": 15}),
    "36 engines 12, either way": (36, {"id": "gas-engine-dc-2026", "capex_usd_per_kw": 1500, "lead_months": 12, **RENTED}),
}  # fmt: skip
LEVELS = ("value_low", "value_mid", "value_high")
TEAM = tuple(f"team_musd_per_year_{level}" for level in ("low", "mid", "high"))
Facts = dict[tuple[str, str], dict[str, dict[str, float]]]
"""Of the catalog: by table and its key, row and column."""
NO_GATES: Facts = {
    ("parameters", "parameter"): {"grid_works_share": dict.fromkeys(LEVELS, 0.0)},
    ("power_options", "option_id"): {
        option["id"]: {"construction_months": 0.0} for _, option in ROWS.values() if option
    },
}
"""A line and plant come by their months alone."""
DEAR_TO_OWN: Facts = {
    ("parameters", "parameter"): {
        "hardware_opex_share_per_year": dict(zip(LEVELS, (0.025, 0.04, 0.06), strict=True)),
        "staff_usd_per_accelerator_year": dict(zip(LEVELS, (800, 1500, 3000), strict=True)),
    },
    ("owner_classes", "owner_class"): {
        "national-champion": dict(zip(TEAM, (8, 12, 16), strict=True)),
        "joint-venture": dict(zip(TEAM, (5, 8, 11), strict=True)),
    },
}


def with_bridge(korea: Scenario, months: int, option: dict[str, Any], own_leads: bool) -> Scenario:
    """The example with this wait for the grid at the sites that build, and one kind of plant offered there."""
    changes: dict[str, Any] = {f"sites[{site}].grid_lead_months": months for site in SITES}
    if option:
        catalog = korea.catalog
        row = catalog.table("power_options").loc[option["id"]]
        usd = float(catalog.value("countries", "KOR", "elec_price_usd_per_mwh")) + DEARER_USD_PER_MWH
        burnt = (usd - float(row["variable_om_usd_per_mwh"])) / float(row["heat_rate_mmbtu_per_mwh"])
        asked = (
            {"id": option["id"]} if own_leads else {**option, "permit_months": 0, "fuel_usd_per_mmbtu": burnt}
        )
        changes |= {f"sites[{site}].power": {"options": [asked]} for site in SITES}
    return with_overrides(korea, changes)


def relaxed(scenario: Scenario) -> Outcome:
    """The linear relaxation: least delay, where no cap is given, then least cost within the tolerance of it."""
    began = time.perf_counter()
    case = build_case(scenario)
    engine = Engine(case)
    engine.integers()
    bounds = Bounds.of_limits(scenario.limits)

    def least(goal: str) -> Solution:
        engine.policy(bounds)
        engine.minimise(goal)
        return engine.lp(cold=True)

    tolerance = scenario.limits.delay_tolerance_months
    if tolerance is not None:
        soonest = least("delay")
        assert soonest.x is not None
        caps = {w: rounded_up(m + tolerance, 4) for w, m in engine.delays(soonest.x).items()}
        bounds = replace(bounds, max_delay_months_by_workload=caps)
    found = least("cost")
    plan = None if found.x is None else plan_of(case, engine, found, bounds, found)
    took = {"relaxation": time.perf_counter() - began}
    return Outcome(found.status.value, "cost", "relaxed", plan, found.objective, 0.0, took, bounds, scenario)


def told(name: str, outcome: Outcome, seconds: float, base: Outcome | None) -> dict[str, Any]:
    """Figures of a row, and its differences from the row of a line in twelve months."""
    plan = outcome.plan
    if plan is None:
        return {"row": name, "plan": False, "status": outcome.status, "seconds": round(seconds, 1)}
    delay, served, cost = (plan.kpi(k) for k in ("delay_months", "served_share", "cost_npv_musd"))
    kept, sold, hired = (float(plan.tables[t]["added_mw"].sum()) for t in ("plants", "bridges", "hires"))
    row = {"row": name, "wait_months": round(delay, 2), "served": round(served, 4), "cost_musd": round(cost, 1),
           "cost_over_served_musd": round(cost / served, 1), "bought_mw": round(kept + sold, 1),
           "sold_mw": round(sold, 1), "hired_mw": round(hired, 1),
           "gap": outcome.gap, "bound_musd": outcome.bound,
           "audit": None if outcome.quality == "relaxed" else len(audit(plan)),
           "seconds": round(seconds, 1)}  # fmt: skip
    if base is not None and base.plan is not None and base.bound and outcome.bound:
        of = base.plan.kpi("cost_npv_musd")
        more, least, most = (
            100.0 * (a / b - 1.0) for a, b in ((cost, of), (outcome.bound, of), (cost, base.bound))
        )
        row |= {"later_months": round(delay - base.plan.kpi("delay_months"), 2), "dearer_percent": round(more, 2),
                "dearer_percent_from": round(least, 2), "dearer_percent_to": round(most, 2),
                "by_account_musd": by_account(plan, base.plan)}  # fmt: skip
    return row


def by_account(plan: Plan, base: Plan) -> dict[str, float]:
    """What each account costs the partner more than in the base, present value, largest first; from 1 MUSD on."""
    total = [
        p.tables["ledger"].query(f"payer == '{PARTNER}'").groupby("account")["musd_discounted"].sum()
        for p in (plan, base)
    ]
    more = total[0].sub(total[1], fill_value=0.0)
    more = more[more.abs() >= 1.0].sort_values(key=abs, ascending=False)
    return {str(name): round(float(musd), 1) for name, musd in more.items()}


def waits(service: pd.DataFrame) -> dict[str, float]:
    """Months each workload waits in a plan, as caps."""
    return {str(row.w): rounded_up(float(row.delay_months), 4) for row in service.itertuples()}


def laid_over(facts: Iterable[Facts]) -> Catalog:
    """The catalog with these facts in place of its own."""
    rows: Facts = {}
    for table, own in ((table, own) for part in facts for table, own in part.items()):
        rows[table] = rows.get(table, {}) | own
    if not rows:
        return load_catalog()
    with tempfile.TemporaryDirectory() as folder:
        for (table, key), own in rows.items():
            pd.DataFrame.from_dict(own, orient="index").to_csv(Path(folder, f"{table}.csv"), index_label=key)
        return load_catalog(folder)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument(
        "--only", nargs="*", default=list(ROWS), help="names of rows; the first is always solved"
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--quality", choices=get_args(Quality), default="quick", help="of the plans")
    kind.add_argument(
        "--relaxed",
        dest="quality",
        action="store_const",
        const=None,
        help="linear relaxations in place of plans",
    )
    parser.add_argument("--permits-filed", action="store_true", help="places that build asked for permits")
    parser.add_argument("--own-leads", action="store_true", help="months, prices and fuel of the catalog")
    parser.add_argument("--plain", action="store_true", help="nothing owed later, straight lines, no gates")
    parser.add_argument("--dear-to-own", action="store_true", help="upkeep, staff and teams of large firms")
    parser.add_argument(
        "--residual", choices=METHODS, help="rule of residual values; left out, the example's"
    )
    asked = parser.parse_args()
    own = [facts for facts, wanted in ((NO_GATES, asked.plain), (DEAR_TO_OWN, asked.dear_to_own)) if wanted]
    korea = load_scenario(example_path("korea"), laid_over(own))
    if asked.plain:
        korea = with_overrides(korea, PLAIN)
    if asked.residual:
        korea = with_overrides(korea, {"finance.residual": asked.residual})
    if asked.permits_filed:
        korea = with_overrides(korea, PERMITS_FILED)
    base: Outcome | None = None
    for name, (months, option) in ROWS.items():
        if name not in (*asked.only, BASE):
            continue
        began = time.process_time()
        scenario = alike = with_bridge(korea, months, option, asked.own_leads)
        if option and base is not None and base.plan is not None:
            caps = waits(base.plan.tables["service"])
            alike = with_overrides(
                scenario, {"limits.max_delay_months": caps, "limits.delay_tolerance_months": None}
            )
        outcome = solved(alike, asked.quality)
        equal = outcome.plan is not None
        if not equal and alike is not scenario:
            outcome = solved(scenario, asked.quality)
        row = told(name, outcome, time.process_time() - began, base)
        if option:
            row["equal_service"] = equal
        base = outcome if name == BASE else base
        print(json.dumps(row) if asked.json else row, flush=True)


def solved(scenario: Scenario, quality: Quality | None) -> Outcome:
    """The plan of a row, or its relaxation where no quality is asked for."""
    return solve(build_case(scenario), quality=quality) if quality else relaxed(scenario)


if __name__ == "__main__":
    main()
