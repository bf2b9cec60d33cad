"""The same model built as ordinary Pyomo and solved through SolverFactory gives the same optimum."""

from __future__ import annotations

import pyomo.environ as pe
import pytest

from planner.case.build import build_case
from planner.models.build import build_model


def changes() -> dict:
    return {
        "solve": {"slices": 3},
        "limits": {
            "min_control": 20,
            "capital_musd_total": 200,
            "capital_musd_by_year": [{"year": 2027, "musd": 150}],
            "shares": [{"by": "vendor", "id": "nvidia", "max_share": 1}],
        },
        "supply": {
            "quotas": [
                {"id": "q", "cumulative": True, "path": [{"from": "2027-01-01", "accelerators": 600}]}
            ],
            "crews": [{"id": "c", "racks_per_quarter": 200}],
        },
        "decisions": [{"id": "d", "do": "require", "what": "orders", "value": 900, "from": "2028-01-01"}],
        "demand": {"survival_share": 0.0, "preemptible": True},
    }


@pytest.mark.parametrize("goal", ["cost", "delay"])
def test_ordinary_pyomo_agrees_with_the_direct_path(tiny, plain_catalog, optimise, goal):
    case = build_case(tiny(**changes()), plain_catalog())
    direct = optimise(case, objective=goal, integer=("open", "use", "halls", "units"))
    model, _ = build_model(case, lazy=False)
    model.goal = pe.Objective(expr=model.component(goal))
    solver = pe.SolverFactory("appsi_highs")
    solver.config.mip_gap = 0.0
    result = solver.solve(model)
    assert result.solver.termination_condition == pe.TerminationCondition.optimal
    assert pe.value(model.goal) == pytest.approx(direct.objective, rel=1e-7)
    orders = {i: v.value for i, v in model.order.items() if (v.value or 0) > 1e-9}
    if goal == "cost":
        assert orders == pytest.approx(direct.used("order"))
