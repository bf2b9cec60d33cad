"""What a plan is worth under each rule of valuing what is left at the end, and the plan each rule would make.

A rule the optimiser does not see cannot mislead it: a plan whose cost hardly moves between the rules rests on none.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from planner.case.build import build_case
from planner.case.residual import METHODS
from planner.facts.catalog import Catalog
from planner.facts.errors import NoPlan
from planner.planning.pipeline import solve
from planner.planning.solve_run import no_plan
from planner.plans.plan import Plan
from planner.scenario.schema import Scenario

COST = {
    "market": "cost_residual_market_musd",
    "straight-line": "cost_residual_straight_line_musd",
    "none": "cost_without_residual_musd",
}
"""Rule -> key figure with the cost of a plan under it."""
SHOWN = (
    "capex_partner_musd",
    "accelerators_owned",
    "accelerators_rented",
    "commitments_signed_musd",
    "control_score",
)
COLUMNS = ["made_under", "status", "gap", *(f"cost_{rule}" for rule in METHODS), *SHOWN]


def valuation_table(
    scenario: Scenario, quality: str = "quick", catalog: Catalog | None = None, **options: Any
) -> pd.DataFrame:
    """One row a rule: the plan made under it (columns of ``COLUMNS``), with its cost under all three, MUSD.

    On the diagonal a plan is valued as it was made; it is the least of its column but for the gap. Raises ``NoPlan`` where
    no rule leaves a plan.
    """
    rows, found = [], False
    for rule in METHODS:
        finance = scenario.finance.model_copy(update={"residual": rule})
        case = build_case(scenario.model_copy(update={"finance": finance}), catalog or scenario.catalog)
        outcome = solve(case, quality, **options)
        found = found or outcome.plan is not None
        figures = _figures(outcome.plan) if outcome.plan else {}
        rows.append({"made_under": rule, "status": str(outcome.status), "gap": outcome.gap, **figures})
    if not found:
        raise NoPlan(no_plan("the scenario has", outcome))
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def _figures(plan: Plan) -> dict[str, float]:
    return {f"cost_{rule}": plan.kpi(name) for rule, name in COST.items()} | {
        name: plan.kpi(name) for name in SHOWN
    }
