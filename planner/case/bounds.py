"""Policy bounds: what a plan must keep besides its own rules, each with its unit in its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from planner.scenario.schema import Limits

NAMES_BEFORE = {"max_delay_by_workload": "max_delay_months_by_workload", "min_control": "min_control_points"}
"""Names in runs that were written before the bounds had units in their names."""


@dataclass(frozen=True)
class Bounds:
    """Bounds on delay, control and cost; None, or no workload, where there is none.

    ``max_delay_months`` bounds the delay weighted over all workloads, ``max_delay_months_by_workload`` each named
    workload's own; ``min_control_points`` (0-100) control of what is served, by the scenario's measure;
    ``max_cost_musd`` present value of cost.
    """

    max_delay_months: float | None = None
    max_delay_months_by_workload: Mapping[str, float] = field(default_factory=dict)
    min_control_points: float | None = None
    max_cost_musd: float | None = None

    @property
    def min_control_share(self) -> float:
        """The floor on control as a share of what is served (0-1); 0 where there is none."""
        return 0.0 if self.min_control_points is None else self.min_control_points / 100.0

    @classmethod
    def of_limits(cls, limits: Limits) -> Bounds:
        """Those a scenario states."""
        months = limits.max_delay_months
        return cls(
            max_delay_months=None if isinstance(months, dict) else months,
            max_delay_months_by_workload=dict(months) if isinstance(months, dict) else {},
            min_control_points=limits.min_control,
            max_cost_musd=limits.max_cost_musd,
        )

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Bounds:
        """Those a run's outcome holds, also one written before the names had units."""
        known = {NAMES_BEFORE.get(name, name): value for name, value in record.items()}
        return cls(
            **{**known, "max_delay_months_by_workload": known.get("max_delay_months_by_workload") or {}}
        )

    def in_limits(self, limits: Limits) -> Limits:
        """The limits of a scenario with the bounds on delay and control in place of its own."""
        months = dict(self.max_delay_months_by_workload) or self.max_delay_months
        return limits.model_copy(update={"max_delay_months": months, "min_control": self.min_control_points})


UNBOUNDED = Bounds()
