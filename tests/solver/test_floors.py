"""What protects floors on control as rows: the same answers as one entry that changes, and no change of the matrix."""

from typing import Any

import numpy as np
import pytest

from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario
from planner.solver.engine import Engine
from planner.studies.patterns import everything_early

pytestmark = pytest.mark.untraced
FLOORS = (0.0, 0.45, 0.55)


@pytest.fixture(scope="module")
def held() -> Engine:
    engine = Engine(build_case(load_scenario(example_path("two-hosts"))))
    return engine.held(everything_early(engine))


def asked(engine: Engine, points: float | None) -> tuple[float | None, Any]:
    engine.policy(Bounds(min_control_points=points))
    engine.minimise("cost")
    found = engine.lp()
    return found.objective, None if found.x is None else engine.control(found.x)


@pytest.mark.parametrize("warm", [False, True])
def test_floors_as_rows_answer_as_one_entry_that_changes(held: Engine, warm: bool) -> None:
    if warm:
        asked(held, 55.0)
    rows = held.with_floors(FLOORS)
    for points in (55.0, None, 45.0, 50.0, 55.0, 99.0, 45.0):  # 50 and 99 have no row
        cost, control = asked(held, points)
        cost_by_rows, control_by_rows = asked(rows, points)
        if cost is None:
            assert cost_by_rows is None, "a floor that none reaches"
        else:
            assert cost_by_rows == pytest.approx(cost, rel=1e-9)
            assert control_by_rows >= (points or 0.0) - 1e-6 and control >= (points or 0.0) - 1e-6


def test_another_floor_with_a_row_leaves_the_matrix_as_it_was(
    held: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = held.with_floors(FLOORS)
    asked(rows, 50.0)
    asked(rows, 45.0)  # its entry is empty from here on
    called: list[str] = []
    call = rows.live.call

    def noted(method: str, *args: Any) -> None:
        called.append(method)
        call(method, *args)

    monkeypatch.setattr(rows.live, "call", noted)
    for points in (55.0, None, 45.0):
        asked(rows, points)
    assert "changeRowsBounds" in called and "changeCoeff" not in called


def test_warm_rows_start_where_the_other_ended(held: Engine) -> None:
    asked(held, None)
    rows = held.with_floors(FLOORS)
    asked(rows, None)
    assert rows.live._iterations() <= 5
    assert np.isfinite(rows.live.arrays.row_lower).sum() == np.isfinite(held.live.arrays.row_lower).sum()
