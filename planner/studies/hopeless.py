"""What leaves a study without any plan and shows in the tables of its case, before anything is built or searched."""

from __future__ import annotations

from collections.abc import Iterable

from planner.case.case import Case
from planner.case.prechecks import Trouble, precheck
from planner.facts.errors import NoPlan

NOTHING_ASKED = "demand"
"""Reason of the trouble that no limit and no stack cures: no workload asks for anything."""


def refuse_hopeless(case: Case, whose: str = "no plan exists") -> None:
    """Raises ``NoPlan`` with every reason and cure where the case certainly has no plan."""
    _refuse(precheck(case), whose)


def refuse_idle(case: Case) -> None:
    """Raises ``NoPlan`` where nothing is asked for: rows under other limits and duties have nothing to serve either."""
    _refuse([trouble for trouble in precheck(case) if trouble.reason == NOTHING_ASKED], "no plan exists")


def _refuse(troubles: Iterable[Trouble], whose: str) -> None:
    if reasons := "; ".join(f"{trouble.message}: {trouble.cure}" for trouble in troubles):
        raise NoPlan(f"{whose}: {reasons}")
