"""Starters of the countries of the catalog, solved at quick quality: audits, and what an accelerator-hour costs.

    python benchmarks/world.py --json [--countries 40] [--out FILE]

Countries are spread evenly over all, ordered by output, so that the smallest and the largest are among them. Of each:
status and gap, seconds of the solve, findings of the audit, accelerators held at the end, levelised cost per
accelerator-hour, and where it is above 15 USD the shares of the largest accounts in it. One line a country is printed
as it is done; ``--out`` keeps them and a later call goes on after them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

MUCH_USD = 15.0
FEW = 300


def spread(countries: int) -> list[str]:
    """That many country codes, evenly over all in order of output."""
    from planner.facts.catalog import load_catalog

    ordered = list(load_catalog().table("countries").sort_values("gdp_ppp_busd").index)
    last = len(ordered) - 1
    return [ordered[round(i * last / max(1, countries - 1))] for i in range(min(countries, len(ordered)))]


def measure(iso3: str) -> dict[str, Any]:
    from planner.audit import audit
    from planner.case.build import build_case
    from planner.facts.catalog import load_catalog
    from planner.planning.pipeline import solve
    from planner.starter.starter import compose

    catalog = load_catalog()
    starter = compose("start", iso3, catalog)
    case = build_case(starter.scenario, catalog)
    began = time.perf_counter()
    outcome = solve(case, quality="quick")
    row: dict[str, Any] = {
        "country": iso3, "status": outcome.status, "gap": outcome.gap, "seconds": round(time.perf_counter() - began, 1),
        "assumed": len(starter.assumptions),
    }  # fmt: skip
    if outcome.plan is None:
        return row | {"notes": [str(n) for n in (*outcome.troubles, *outcome.notes)]}
    plan = outcome.plan
    fleet = plan.tables["fleet"]
    held = float(fleet.loc[fleet["t"] == fleet["t"].max(), "accelerators"].sum()) if len(fleet) else 0.0
    cost = plan.kpi("levelised_cost_usd_per_accelerator_hour")
    row |= {
        "findings": len(audit(plan)),
        "accelerators": round(held),
        "usd_per_accelerator_hour": round(cost, 2),
    }
    if cost > MUCH_USD:
        row["shares"] = shares(plan)
    return row


def shares(plan: Any) -> dict[str, float]:
    """The four largest accounts of the present cost, as shares."""
    ledger = plan.tables["ledger"]
    money = ledger[ledger["kind"] != "physical"].groupby("account")["musd_discounted"].sum()
    return {str(k): round(float(v), 3) for k, v in (money / money.sum()).nlargest(4).items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--countries", type=int, default=40)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    done = args.out.read_text(encoding="utf-8").splitlines() if args.out and args.out.exists() else []
    rows = [json.loads(line) for line in done]
    for iso3 in [c for c in spread(args.countries) if c not in {r["country"] for r in rows}]:
        rows.append(measure(iso3))
        line = json.dumps(rows[-1])
        print(line, file=sys.stderr, flush=True)
        if args.out:
            with args.out.open("a", encoding="utf-8") as handle:
                handle.write(line + "\n")
    planned = [r for r in rows if "findings" in r]
    sized = [r for r in planned if r["accelerators"] >= FEW]
    dear = [r["country"] for r in sized if r["usd_per_accelerator_hour"] > MUCH_USD]
    result = {
        "countries": len(rows), "with a plan": len(planned), "clean audits": sum(not r["findings"] for r in planned),
        "countries of 300 accelerators or more": len(sized), "of them above 15 USD an hour": dear,
        "seconds": round(sum(r["seconds"] for r in rows)),
    }  # fmt: skip
    print(
        json.dumps(
            {"benchmark": "world", **result, "rows": rows} if args.json else result,
            indent=None if args.json else 1,
        )
    )


if __name__ == "__main__":
    main()
