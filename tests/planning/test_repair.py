"""Whole units where rounding up does not fit: what comes next starts from the basis of the relaxation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario
from planner.planning import repair
from planner.planning.repair import whole_units
from planner.solver.engine import Engine
from planner.solver.solution import Solution, Status

pytestmark = pytest.mark.untraced


def test_units_that_do_not_fit_leave_the_basis_of_the_relaxation(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(build_case(load_scenario(example_path("two-hosts"))))
    engine.integers()
    engine.minimise("cost")
    relaxed = engine.lp()
    assert relaxed.x is not None
    put_back: list[Any] = []
    before = engine.live.basis()
    monkeypatch.setattr(engine.live, "set_basis", put_back.append)
    monkeypatch.setattr(repair, "rounded_up", lambda units: np.full(len(units), 1e4))

    def next_one(*_: Any) -> Solution:
        (basis,) = put_back
        assert list(basis.col_status) == list(before.col_status)
        assert list(basis.row_status) == list(before.row_status)
        return Solution(Status.FEASIBLE, 0.0, None, None, relaxed.x, None, None, 0.0, 0, 0, False)

    monkeypatch.setattr(repair, "in_turn", next_one)
    assert whole_units(engine, relaxed.x, 1e-3, 60.0).x is relaxed.x
