"""A plan of whole units bettered host by host: all that one host has is chosen anew, and all others are held.

Where a limit just suffices, hosts, halls and units chosen one after the other miss the gap, and all of them together are
more than an integer programme decides. What one host has is decided in seconds, and mostly is not where it should be: its
halls were chosen for servers in parts.
"""

from __future__ import annotations

import numpy as np

from planner.planning.solve_run import SolveRun
from planner.solver.branching import owner
from planner.solver.engine import HALLS, PATTERN, UNITS
from planner.solver.members import Ints
from planner.solver.solution import Solution

STAGE = "hosts in turn"
NEAR_GAP = 0.1
"""Share of what the plan misses (of the gap at least) at which what a host has is searched no further."""
FAR, FAR_PIVOTS = 0.1, 50_000
"""Gap of a plan whose hosts are gone over at any quality, with so many pivots more."""
NODES = 50
"""Of the programme of a host: what it has not found by then, it mostly never finds."""
QUICK_PIVOTS, MOST_PIVOTS = 150_000, 300_000
"""Pivots of all searches after which a plan is bettered no more at quick quality, and of these programmes at any other."""
ENOUGH = 1e-4
"""Share of the cost that a round over all hosts must save for another one."""


def hosts_in_turn(run: SolveRun, plan: Solution) -> Solution:
    """A plan of whole units under the bounds in force that costs no more than ``plan``, all its whole numbers held."""
    assert plan.x is not None and plan.objective is not None
    engine, live = run.engine, run.engine.live
    families = [f for f in (*PATTERN, *HALLS, UNITS) if engine.arrays.columns[f].size]
    columns: Ints = np.concatenate([live.columns(f) for f in families])
    lower, upper = engine.arrays.col_lower[columns], engine.arrays.col_upper[columns]
    owners = _hosts_of(run, families)
    names = fewest_first(owners)
    usual = QUICK_PIVOTS if run.quality == "quick" else run.pivots + MOST_PIVOTS
    far = max(usual, run.pivots + FAR_PIVOTS)
    run.say(STAGE, "what one host has chosen anew, all others held")
    values, cost, before = plan.x, plan.objective, np.inf
    while before - cost > ENOUGH * abs(cost):
        before, most = cost, far if run.misses(cost, FAR / run.target) else usual
        for name in names:
            if run.over or run.pivots > most or not run.misses(cost, 1.0):
                break
            near = NEAR_GAP * max(run.target, run.gap(cost))
            own, held = owners == name, values[columns].round()
            live.relax()
            live.set_col_bounds(columns, np.where(own, lower, held), np.where(own, upper, held))
            live.set_integrality(columns[own], True)
            with live.at_most_nodes(NODES):
                found = run.solve(STAGE, run.options(STAGE, near), values, run.good_enough)
            run.pivots += run.counted(found.iterations)
            if found.x is not None and found.objective is not None and found.objective < cost:
                values, cost = found.x, found.objective
            run.report(STAGE, cost, run.bound, None)
    engine.integers()
    if cost < plan.objective:
        run.hold_places(values)
        run.divisible = run.timed("prices", lambda: engine.lp(run.left("units")))
    run.hold(values, *families)
    last = live.solve(time_limit_s=run.left("units"))
    return plan if last.x is None else last


def fewest_first(owners: np.ndarray) -> list[str]:
    """Hosts by their whole numbers: few are decided soon, and mostly save enough before the host that has most of them.

    >>> fewest_first(np.array(["large", "large", "", "small", "large"], dtype=object))
    ['small', 'large']
    """
    return sorted(set(owners) - {""}, key=lambda name: (int((owners == name).sum()), name))


def _hosts_of(run: SolveRun, families: list[str]) -> np.ndarray:
    """Host of each column of some families, one after the other; empty where it is of none."""
    hosts = set(run.case.hosts.index)
    indices = (i for f in families for i in run.engine.arrays.columns[f].index)
    return np.array([owner(i, hosts) for i in indices], dtype=object)
