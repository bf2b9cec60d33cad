"""Power of several places over many years against PyPSA: the same data, the same solver, seconds and memory side by side.

    python benchmarks/peers.py --json [--sizes 5x10 10x10 10x20]

A size is sites x years; a year is a period of 24 hours and the design hour. Sites are Korea's, repeated as in
``benchmarks/scale.py``, each with solar, wind, a grid connection and backup offered in every year. What machines draw is
given (it grows evenly to the largest size of a host), so that what is left is a plan of capacity over years that PyPSA
(MIT) can say too: how much of which plant in which year, and what is drawn from where in every hour. Storage and plant
that carries the design hour are left out: their rules are ours alone.

Each way is a process of its own. It gets the tables of the case (seconds of these and of imports are told apart), builds
its programme (the planner with its own rules, PyPSA by ``optimize.create_model`` and its hand-over in memory), and HiGHS
solves it with the same options. Seconds are the processor's. ``peak_mb`` is the largest memory of the process, ``own_mb``
what of it came after imports and the tables of the case. Ends with an error where the two costs differ by more than
1e-6 of them.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import highspy
import numpy as np
import pandas as pd
import pyomo.environ as pe
import scale

from planner import build_case, load_scenario
from planner.case.case import DESIGN, Case
from planner.intake.scenario_file import example_path
from planner.models import lines, plant, power, sites, storage
from planner.models.common import add_set, add_var
from planner.models.ledger import charges, partner_cost, table_of
from planner.models.objectives import declare_cost
from planner.models.rules import Goal, new_model
from planner.scenario.schema import Scenario
from planner.solver.compile import compile_model

OPTIONS = {"solver": "ipm", "run_crossover": "on", "threads": 1, "output_flag": False}
SAME = 1e-6
MOST_PUE = 1.6
PLANT = [{"id": "pv-utility-2026", "max_mw": 400}, {"id": "wind-onshore-2026", "max_mw": 300}]
FAMILIES = ("connect", "backup", "plant", "grid_import", "gen")
Record = dict[str, Any]


class Load(NamedTuple):
    """MW that cooling carries, by (h, c, m, t, s); and the same as electricity at the facility, by h, t, s."""

    heat: dict[tuple[str, str, str, int, str], float]
    facility: pd.Series


def scenario_of(n_sites: int, years: int) -> Scenario:
    """Korea's sites, repeated, with plant of their own on offer."""
    base = scale.case_of(load_scenario(example_path("korea")), n_sites, 1, 4 * years, 1, 600.0)
    data = scale.plain(base)
    data["horizon"] |= {"step": "year"}
    data["solve"] |= {"slices": 24}
    for site in data["sites"]:
        site["power"] = {"options": PLANT}
    return Scenario.model_validate(data)


def load_of(case: Case) -> Load:
    """Even growth to the largest size, from the first year in which both a line and backup may stand; what a site's grid
    can carry at a PUE of 1.6 at most."""
    profile = case.profile.loc[case.demand["w"].iloc[0]]["value"]
    most = {host.id: host.max_it_mw or 0.0 for host in case.scenario.hosts}
    cooling = case.cooling.reset_index(drop=True).groupby("h")["c"].first()
    place, grid = case.hosts["p"], case.site_period["grid_mw"]
    shared = case.connections.reset_index(drop=True)["h"].drop_duplicates().map(place).value_counts()
    heat, facility = {}, {}
    for h, lines_there in case.connections.reset_index(drop=True).groupby("h"):
        sets = case.backups.reset_index(drop=True)
        first = max(int(lines_there["t"].min()), int(sets.loc[sets["h"] == h, "t"].min()))
        for t in range(first, case.calendar.n):
            for s in case.slices.loc[t].index:
                room = float(grid[place[h], t]) / MOST_PUE / shared[place[h]]
                mw = min(most[h] * (t + 1) / case.calendar.n, room) * (
                    1.0 if s == DESIGN else float(profile[s])
                )
                heat[h, cooling[h], "air", t, s] = mw
                facility[h, t, s] = mw * float(case.pue.at[(h, cooling[h], t, s), "pue"])
    return Load(heat, pd.Series(facility))


def ours(case: Case, load: Load) -> tuple[highspy.Highs, tuple[int, int, int]]:
    """The planner's own rules of power, with the heat given."""
    m = new_model("power")
    sites.declare(m, case)
    add_set(m, "PERIOD", list(range(case.calendar.n)), 1)
    for name in ("LOAD", "LOAD_DESIGN"):
        add_set(m, name, [], 4)
    add_set(m, "HEAT", load.heat, 5)
    m.given = pe.Param(m.HEAT, initialize=load.heat)
    add_var(
        m, "heat", m.HEAT, bounds=lambda m, h, c, x, t, s: (m.given[h, c, x, t, s], m.given[h, c, x, t, s])
    )
    for topic in (plant, storage, power, lines):
        topic.declare(m, case)
    declare_cost(m, costs_of(case, load))
    m.goal = Goal(rule=lambda m: m.cost)
    a = compile_model(m)
    highs = fresh()
    matrix = (a.matrix.indptr.astype(np.int32), a.matrix.indices.astype(np.int32), a.matrix.data)
    sides = (a.cost, a.col_lower, a.col_upper, a.row_lower, a.row_upper)
    highs.passModel(
        a.shape[1], a.shape[0], a.matrix.nnz, 2, 1, a.offset, *sides, *matrix, np.zeros(a.shape[1], np.int32)
    )
    return highs, (*a.shape, a.matrix.nnz)


def costs_of(case: Case, load: Load) -> pd.Series:
    """(family, index) -> MUSD of one unit, discounted and less what is left of it: what the ledger books."""
    parts = [p for topic in (power, plant) for p in topic.entries(case)] + charges(case)
    value = partner_cost(case, table_of([p for p in parts if len(p) and p.family in FAMILIES]))
    loaded = set(load.facility.index)
    there = [
        family in ("connect", "backup", "plant") or (i[0], *i[-2:]) in loaded for family, i in value.index
    ]
    return value[there]


def imported() -> Any:
    """PyPSA, whose import takes seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pypsa
    warnings.simplefilter("ignore")
    for name in ("pypsa", "linopy"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return pypsa


def theirs(case: Case, load: Load) -> tuple[highspy.Highs, tuple[int, int, int]]:
    """The same as a PyPSA network: a bus and a bus of backup for each host, a generator for each kind and year."""
    pypsa = imported()
    n, value = case.calendar.n, costs_of(case, load)
    slices = list(case.slices.loc[0].index)
    found = pypsa.Network()
    snapshots = pd.MultiIndex.from_product([range(n), slices], names=["period", "timestep"])
    found.set_snapshots(snapshots)
    found.set_investment_periods(list(range(n)))
    # hours and discounting are in the coefficients: periods and snapshots weigh 1
    by_hour = dict(tuple(value.groupby(level=0)))
    running = {
        name: {i: v for (_, i), v in by_hour.get(name, pd.Series(dtype=float)).items()}
        for name in ("grid_import", "gen")
    }
    capital = {name: {i: v for (_, i), v in by_hour[name].items()} for name in ("connect", "backup", "plant")}
    share = case.outputs["share"].to_dict()
    life = {name: getattr(case, table)["life"] for name, table in TABLES.items()}
    critical = case.physics["backup_critical_share"]
    for h, own in load.facility.groupby(level=0):
        asked = own.droplevel(0).reindex(snapshots).fillna(0.0)
        design = asked.index.get_level_values(1) == DESIGN
        found.add("Bus", [h, f"{h} backup"])
        found.add("Load", h, bus=h, p_set=asked)
        found.add("Load", f"{h} backup", bus=f"{h} backup", p_set=critical * asked.where(design, 0.0))
        price = pd.Series([running["grid_import"].get((h, t, s), 0.0) for t, s in snapshots], snapshots)
        for name, bus, marginal in (
            ("connect", h, price),
            ("backup", f"{h} backup", 0.0),
            ("plant", h, None),
        ):
            for (_, kind, t), musd in ((i, v) for i, v in capital[name].items() if i[0] == h):
                years = min(int(life[name][h, kind, t]), n - t)
                more: Record = {"marginal_cost": marginal}
                if name == "plant":
                    of_mw = [share.get((h, kind, u, s), 0.0) for u, s in snapshots]
                    dear = [running["gen"].get((h, kind, u, s), 0.0) for u, s in snapshots]
                    more = {
                        "p_max_pu": pd.Series(of_mw, snapshots),
                        "marginal_cost": pd.Series(dear, snapshots),
                    }
                found.add("Carrier", kind) if kind not in found.carriers.index else None
                found.add("Generator", f"{h} {kind} {t}", bus=bus, carrier=kind, p_nom_extendable=True, build_year=t,
                          lifetime=years, capital_cost=musd / years, **more)  # fmt: skip
    add_limits(found, case)
    model = found.optimize.create_model(multi_investment_periods=True, include_objective_constant=False)
    highs = model.to_highspy()
    for name, option in OPTIONS.items():
        highs.setOptionValue(name, option)
    return highs, (highs.getNumRow(), highs.getNumCol(), highs.getNumNz())


TABLES = {"connect": "connections", "backup": "backups", "plant": "plants"}


def add_limits(found: Any, case: Case) -> None:
    """Most megawatts of lines and of each plant at a host's site, by year."""
    place, grid, most = case.hosts["p"], case.site_period["grid_mw"], case.supplies["max_mw"]

    def limit(carrier: str, first: int, mw: Callable[[str, int], float]) -> None:
        for t in range(first, case.calendar.n):
            own = [mw(bus, t) if bus in case.hosts.index else np.inf for bus in found.buses.index]
            found.buses[f"nom_max_{carrier}_{t}"] = own

    for n, first in case.connections.reset_index(drop=True).groupby("n")["t"].min().items():
        limit(n, first, lambda h, t: float(grid[place[h], t]))
    for g, first in case.plants.reset_index(drop=True).groupby("g")["t"].min().items():
        limit(g, first, lambda h, t, g=g: float(most[h, g]))


def fresh() -> highspy.Highs:
    highs = highspy.Highs()
    for name, option in OPTIONS.items():
        highs.setOptionValue(name, option)
    return highs


def one(way: str, size: str) -> Record:
    """One way at one size, in this process."""
    n_sites, years = map(int, size.split("x"))
    case = build_case(scenario_of(n_sites, years))
    load = load_of(case)
    if way == "pypsa":
        imported()
    tables, before = time.process_time(), peak_mb()
    highs, shape = {"planner": ours, "pypsa": theirs}[way](case, load)
    built = time.process_time()
    highs.run()
    return {
        "way": way, "sites x years": size, "objective_musd": highs.getInfo().objective_function_value,
        "status": highs.modelStatusToString(highs.getModelStatus()), "rows_columns_nonzeros": list(shape),
        "tables_seconds": tables, "build_seconds": built - tables, "solve_seconds": time.process_time() - built,
        "peak_mb": peak_mb(), "own_mb": peak_mb() - before,
    }  # fmt: skip


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=["5x10", "10x10", "10x20"])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(one(*args.one)))
        return
    rows = []
    for size in args.sizes:
        for way in ("planner", "pypsa"):
            command = [sys.executable, __file__, "--one", way, size]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            rows.append(json.loads(done.stdout.strip().splitlines()[-1]))
        here, there = (row["objective_musd"] for row in rows[-2:])
        if abs(here - there) > SAME * abs(there):
            raise SystemExit(f"{size}: the planner finds {here}, PyPSA {there}")
    print(json.dumps(rows, indent=2) if args.json else "\n".join(map(str, rows)))


if __name__ == "__main__":
    main()
