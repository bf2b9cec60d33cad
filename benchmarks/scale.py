"""How time and memory grow with the case, and the largest case solved to 2 % in a time limit.

    python benchmarks/scale.py [--sizes 5x8x24x8 10x8x24x16] [--limit 600] [--one-place] [--rich] [--model] [--json]

A size is sites x systems x quarters x workloads. The case is Korea with its sites, hosts, quotas and workloads
repeated under other names until there are as many; a copy differs from its original in the size of its sites and
hosts, in how soon they open and in its demand (seeded), as the regions of a country do. Demand is scaled so that
a site serves as much as in Korea, vendors allocate to each copy what they allocate to Korea, and crews grow with
the sites. Hosts share training runs, which grow with the country while its hosts do not; ``--one-place`` keeps each run
to one host. ``--rich`` begins from ``korea-agreements`` with the power of ``benchmarks/power.py`` on offer and a cap on
carbon that grows with the sites; copies of a workload then ask for another class of model, by another day of work, so that
few are alike (``kinds`` counts those that differ in rates or in their day). ``--model`` ends with tables, model and
arrays, without a plan. Each size runs in a process of its own at
``quick`` quality (2 %) and reports rows, columns and non-zeros, before and after aggregation, seconds by stage by the clock
and of the processor, gap, violations found by the audit, peak memory of tables, model and arrays and of all. Without
``--json`` they are a table, a line a size: the curve of seconds and memory.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict
from random import Random
from typing import Any

from power import with_power

from planner import build_case, load_scenario, solve
from planner.audit import audit
from planner.facts.catalog import load_catalog
from planner.intake.scenario_file import example_path
from planner.planning.events import Event
from planner.scenario.schema import Scenario
from planner.solver.engine import Engine

SEED = 20261124
VENDORS = ["nvidia", "amd"]
"""Whose chips the allocations of the base case count."""
Record = dict[str, Any]


def plain(record: Any) -> Record:
    return dict(record.model_dump(by_alias=True, mode="json", exclude_none=True))


def copies(records: list[Record], n: int) -> list[tuple[int, Record]]:
    """The first ``n`` of endless repetitions: (number of the copy, record)."""
    return [(i // len(records), records[i % len(records)]) for i in range(n)]


def named(name: str, copy: int) -> str:
    return f"{name}-{copy}" if copy else name


def case_of(
    base: Scenario,
    sites: int,
    systems: int,
    quarters: int,
    workloads: int,
    limit: float,
    one_place: bool = False,
    apart: bool = False,
) -> Scenario:
    """The base case at another size; copies of a place or a workload differ by a seeded factor.

    ``one_place``: a training run keeps to one host, as in Korea's file; else hosts share it. ``apart``: copies of a
    workload ask for another class of model, by a day that begins later.
    """
    chance = Random(SEED)
    data = plain(base)
    known = [s["id"] for s in data["systems"]]
    more = [s for s in load_catalog().table("systems").index if s not in known]
    if systems > len(known) + len(more):
        raise ValueError(f"{systems} systems: the catalog has {len(known) + len(more)}")
    data["systems"] += [{"id": s} for s in more[: max(0, systems - len(known))]]
    data["systems"] = data["systems"][:systems]
    data["horizon"] = {**data["horizon"], "years": quarters // 4}

    built, hosts, quotas = [], [], []
    own = {s["id"]: [h for h in data["hosts"] if h["site"] == s["id"]] for s in data["sites"]}
    for copy, site in copies(data["sites"], sites):
        size, later = (chance.uniform(0.75, 1.25), chance.choice([0, 3, 6])) if copy else (1.0, 0)
        grid = [{**step, "mw": step["mw"] * size} for step in site["grid_mw"]]
        most = {"max_it_mw": site["max_it_mw"] * size} if "max_it_mw" in site else {}
        built.append({**site, "id": named(site["id"], copy), "grid_mw": grid, **most})
        for host in own[site["id"]]:
            most = {"max_it_mw": host["max_it_mw"] * size} if "max_it_mw" in host else {}
            hosts.append(
                {
                    **host,
                    "id": named(host["id"], copy),
                    "site": named(site["id"], copy),
                    "open_lead_months": host.get("open_lead_months", 0) + later,
                    **most,
                }
            )
    present = {h["id"] for h in hosts}
    table = load_catalog().table("owner_classes")["allocation_kaccel_eq_per_quarter_mid"]
    start = data["horizon"]["start"]
    for copy in range((sites - 1) // len(data["sites"]) + 1):
        for quota in data["supply"]["quotas"]:
            mine = [named(h, copy) for h in quota["hosts"] if named(h, copy) in present]
            if mine:
                quotas.append({**quota, "id": named(quota["id"], copy), "hosts": mine})
        for owner in dict.fromkeys(h["owner_class"] for h in data["hosts"] if h["mode"] != "cloud"):
            originals = (h["id"] for h in data["hosts"] if h["owner_class"] == owner and h["mode"] != "cloud")
            mine = [named(h, copy) for h in originals if named(h, copy) in present]
            if mine and table[owner] == table[owner]:
                step = {"from": start, "accelerators": 1000.0 * float(table[owner])}
                own_quota = {"vendors": VENDORS, "cumulative": True, "path": [step], "hosts": mine}
                quotas.append({"id": named(f"allocated-{owner}", copy), **own_quota})
    growth = sites / len(data["sites"])
    crews = [{**c, "racks_per_quarter": c["racks_per_quarter"] * growth} for c in data["supply"]["crews"]]
    data["supply"] = {**data["supply"], "quotas": quotas, "crews": crews, "owner_allocations": False}

    share = growth * len(data["demand"]) / workloads
    demand = []
    for copy, load in copies(data["demand"], workloads):
        factor = share * (chance.uniform(0.7, 1.3) if copy else 1.0)
        other = another_kind(load, copy) if apart and copy else {}
        demand.append(
            {**load, **other, "id": named(load["id"], copy), "size": scaled(load["size"], factor, one_place)}
        )
    for cap in data.get("limits", {}).get("carbon_t", []):
        cap["tonnes"] *= growth
    data |= {"sites": built, "hosts": hosts, "demand": demand}
    data["solve"] = {**data.get("solve", {}), "quality": "quick", "time_limit_s": limit}
    return Scenario.model_validate(data)


def another_kind(load: Record, copy: int) -> Record:
    """What a copy asks for in place of its original: the next class of model, and a day that begins so many hours later."""
    tables = load_catalog().table
    classes = list(tables("model_classes").index)
    other = {"model_class": classes[(classes.index(load["model_class"]) + copy) % len(classes)]}
    if load["kind"] == "inference":
        day = tables("profiles").loc[load["latency_class"], "value"].tolist()
        other["load_by_hour"] = [*day[-copy:], *day[:-copy]]
    return other


def kinds(scenario: Scenario) -> int:
    """How many workloads differ in what hardware does for them or in their day."""
    return len(
        {
            (w.kind, w.model_class, w.latency_class, tuple(w.load_by_hour or ()), getattr(w.size, "by", ""))
            for w in scenario.demand
        }
    )


def scaled(size: Record, factor: float, one_place: bool) -> Record:
    """Demand times a factor: the values of its path, or the tokens of its training runs."""
    if "runs" in size:
        return {
            **size,
            "one_place": one_place,
            "runs": [{**r, "tokens_b": r["tokens_b"] * factor} for r in size["runs"]],
        }
    return {**size, "points": [{**p, "value": p["value"] * factor} for p in size["points"]]}


def peak_mb() -> float:
    """Most memory that this process has had, Python and its packages with it."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def one(size: str, limit: float, one_place: bool, rich: bool, model: bool) -> Record:
    """One size, in this process."""
    sites, systems, quarters, workloads = map(int, size.split("x"))
    base = load_scenario(example_path("korea-agreements" if rich else "korea"))
    if rich:
        base = with_power(base, "N")
    scenario = case_of(base, sites, systems, quarters, workloads, limit, one_place, apart=rich)
    began, since = time.perf_counter(), time.process_time()
    case = build_case(scenario)
    built = time.perf_counter() - began
    engine = Engine(case)
    processor = {"case and model": time.process_time() - since}
    found: Record = {
        "sites x systems x periods x workloads": size,
        "hosts": len(scenario.hosts),
        "kinds": kinds(scenario),
        "rows_columns_nonzeros": [*engine.arrays.shape, int(engine.arrays.matrix.nnz)],
        "case_seconds": built,
        "processor_seconds": processor,
        "model_peak_mb": peak_mb(),
    }
    return found if model else found | planned(engine, processor)


def planned(engine: Engine, processor: dict[str, float]) -> Record:
    """What the plan took; ``processor`` gets its seconds by stage."""
    stage, since = "start", time.process_time()

    def note(event: Event) -> None:
        nonlocal stage, since
        now = time.process_time()
        processor[stage] = processor.get(stage, 0.0) + now - since
        stage, since = event.stage, now
        known = {k: v for k, v in asdict(event).items() if v is not None and v != ""}
        print(json.dumps(known), file=sys.stderr, flush=True)

    outcome = solve(engine.case, on_event=note, engine=engine)
    note(Event("end"))
    processor["total"] = time.process_time()
    found = audit(outcome.plan) if outcome.plan is not None else None
    return {
        "aggregated": [*engine.smaller.shape, int(engine.smaller.matrix.nnz)] if engine.large else None,
        "seconds": outcome.seconds,
        "status": outcome.status,
        "gap": outcome.gap,
        "bound_musd": outcome.bound,
        "audit_violations": None if found is None else len(found),
        "peak_mb": peak_mb(),
    }


CURVE = ("size", "non-zeros", "model processor s", "model peak MB", "processor s", "s", "peak MB", "gap")


def curve(rows: list[Record]) -> str:
    """Seconds and memory against size, a line a size; a dash where no plan was asked for or found."""
    lines = [CURVE]
    for row in rows:
        spent, gap = row["processor_seconds"], row.get("gap")
        lines.append(
            (
                row["sites x systems x periods x workloads"],
                f"{row['rows_columns_nonzeros'][2]:,}",
                f"{spent['case and model']:.1f}",
                f"{row['model_peak_mb']:,.0f}",
                f"{spent['total']:.0f}" if "total" in spent else "-",
                f"{row['seconds']['total']:.0f}" if "seconds" in row else "-",
                f"{row['peak_mb']:,.0f}" if "peak_mb" in row else "-",
                "-" if gap is None else f"{gap:.2%}",
            )
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(x.rjust(w) for x, w in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=["5x8x24x8", "10x8x24x16", "20x8x24x16"])
    parser.add_argument("--limit", type=float, default=600.0)
    parser.add_argument("--one-place", action="store_true", help="training runs keep to one host each")
    parser.add_argument(
        "--rich", action="store_true", help="with power, agreements and workloads of many kinds"
    )
    parser.add_argument("--model", action="store_true", help="tables, model and arrays only")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(one(args.one, args.limit, args.one_place, args.rich, args.model)))
        return
    rows = []
    for size in args.sizes:
        command = [sys.executable, __file__, "--one", size, "--limit", str(args.limit)]
        command += ["--one-place"] if args.one_place else []
        command += ["--rich"] if args.rich else []
        command += ["--model"] if args.model else []
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        rows.append(json.loads(done.stdout.strip().splitlines()[-1]))
    print(json.dumps(rows, indent=2) if args.json else curve(rows))


if __name__ == "__main__":
    main()
