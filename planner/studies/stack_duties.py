"""Which duties to serve a stack cannot keep, by the linear relaxation: with hosts, halls and units in parts.

Nothing but a duty may give in it, so that what it cannot keep no plan keeps. Whole hosts and halls may keep less.
"""

from __future__ import annotations

from collections.abc import Collection

from planner.case.case import Case
from planner.case.measures import demand_weights
from planner.explain.elastic import Elastic

LP_S = 60.0
"""Longest search of one linear programme; a duty that is not known to be kept by then counts as one that is not."""


def least_waived(case: Case, duties: Collection[str]) -> list[str]:
    """Of the workloads with ``duties``, those that must be left out for the others to be served in full; none where the
    linear relaxation keeps all, all of them where leaving them out is no help.

    Kept is first what is of higher priority, then what asks for less work: with any one of the answer beside all that are
    kept there is no plan.
    """
    elastic = Elastic(case)
    elastic.live.relax()

    def short(free: Collection[str]) -> set[str] | None:
        """The workloads that are not served in full where these need not be; None where there is no plan."""
        elastic.allow(set(), free)
        found = elastic.live.solve(time_limit_s=LP_S, duals=False)
        return None if found.x is None else set(elastic.delays(found.x))

    lacking = short(duties)
    if lacking is None:
        return list(duties)
    waived = set(duties)
    for w in keeping_order(case, duties):
        if w in lacking:  # others are served in full beside all that is kept so far
            found = short(waived - {w})
            if found is None:
                continue
            lacking = found
        waived.remove(w)
    return [w for w in duties if w in waived]


def keeping_order(case: Case, duties: Collection[str]) -> list[str]:
    """Workloads, the one first whose duty is to be kept before the others'."""
    work = demand_weights(case, "work").groupby(case.demand["w"]).sum()
    priority = case.workloads["priority"]
    return sorted(duties, key=lambda w: (-float(priority[w]), float(work.get(w, 0.0)), w))
