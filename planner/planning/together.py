"""Hosts, stacks and whole halls in one search, where one after the other misses the gap: halls may ask for other hosts."""

from __future__ import annotations

from planner.planning.solve_run import ABSOLUTE_GAP, SolveRun
from planner.solver.arrays import Floats
from planner.solver.branch_and_bound import Search
from planner.solver.solution import Solution

DIRECT_GAP = 0.8
"""Share of the gap at which they are searched no further at first; the rest is for whole units."""
MOST_NODES = 1000
"""Of one call. A tree that is not done after so many mostly never will be: cuts and heuristics of HiGHS are tried."""


def together(run: SolveRun, stage: str, gap: float, start: Floats | None) -> Solution:
    """The best plan of whole halls to a gap; a second call goes on from where the first ended. Raises the bound of the plan.

    ``start`` holds values of all columns, of the first plan tried. The bound holds for whole servers too.
    """
    options = run.options(stage, gap)
    if run.together is None:
        tree = run.engine.searchable({})
        tree.policy(run.bounds)
        tree.minimise("cost")
        run.together = Search(
            tree,
            options,
            ABSOLUTE_GAP,
            start=start,
            enough=run.patience(gap),
            lasting=True,
            most_nodes=MOST_NODES,
        )
        before, work = 0, run.together.run
    else:
        search = run.together
        before, work = search.iterations, lambda: search.go_on(options, MOST_NODES)
    found = run.timed(stage, work)
    run.pivots += run.counted(found.iterations - before)  # a search counts all of its own
    if found.bound is not None:
        run.bound = found.bound if run.bound is None else max(found.bound, run.bound)
    return found
