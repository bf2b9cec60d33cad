"""What leaves a study without any plan and shows in the tables of its case, before anything is built or searched."""

from __future__ import annotations

from planner.case.case import Case
from planner.case.prechecks import precheck
from planner.facts.errors import NoPlan


def refuse_hopeless(case: Case, whose: str = "no plan exists") -> None:
    """Raises ``NoPlan`` with every reason and cure where the case certainly has no plan."""
    if reasons := "; ".join(f"{trouble.message}: {trouble.cure}" for trouble in precheck(case)):
        raise NoPlan(f"{whose}: {reasons}")


def refuse_idle(case: Case) -> None:
    """Raises ``NoPlan`` where nothing is asked for: rows under other limits and duties have nothing to serve either."""
    if not len(case.demand):
        refuse_hopeless(case)
