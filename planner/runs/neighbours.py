"""What a case shares with the one solved before it in the same process: a batch mostly varies few things.

Cases that differ in policy bounds only (control, delay, cost) have the same tables, the same rows and the same columns:
neither is made again. The model that is kept is never solved, so that it holds its arrays and nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from planner.facts.catalog import Catalog
from planner.scenario.schema import Scenario

if TYPE_CHECKING:
    from planner.case.case import Case
    from planner.solver.engine import Engine

BOUNDS = ("min_control", "max_delay_months", "max_cost_musd")
"""Limits that are bounds of columns of the model and stand in no table of the case."""


class Neighbours:
    """The last case of a process and its model."""

    def __init__(self) -> None:
        self._last: tuple[Scenario, Catalog, Case, Engine] | None = None

    def case(self, scenario: Scenario, catalog: Catalog) -> tuple[Case, Engine | None]:
        """The case of a scenario, with an engine where the case before had the same tables."""
        from planner.case.build import build_case
        from planner.solver.engine import Engine

        alike = _without_bounds(scenario)
        if self._last is not None and self._last[0] == alike and self._last[1] == catalog:
            case = replace(self._last[2], scenario=scenario)
            return case, self._last[3].for_case(case)
        self._last = None  # two models at once may be more than there is room for
        case = build_case(scenario, catalog)
        if not len(case.demand):
            return case, None
        engine = Engine(case)
        self._last = (alike, catalog, case, engine)
        return case, engine.for_case(case)


def _without_bounds(scenario: Scenario) -> Scenario:
    names: dict[str, Any] = dict.fromkeys(BOUNDS)
    limits = scenario.limits.model_copy(update=names)
    return scenario.model_copy(update={"limits": limits, "name": "", "title": None})
