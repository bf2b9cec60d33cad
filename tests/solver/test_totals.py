"""What protects running totals: each row is the sum of its thing's columns up to its date, and bounds nothing."""

import numpy as np
import pytest

from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario
from planner.solver.branching import Node, Searched
from planner.solver.engine import HALLS, PATTERN, Engine
from planner.solver.totals import TOTALS, dated, with_totals

pytestmark = pytest.mark.untraced


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(build_case(load_scenario(example_path("two-hosts"))))


def test_a_row_is_the_sum_up_to_its_date(engine: Engine) -> None:
    arrays = with_totals(engine.arrays, HALLS)
    rows, x = arrays.rows[TOTALS], np.random.default_rng(1).integers(0, 5, engine.arrays.shape[1])
    assert np.isneginf(arrays.row_lower[rows.slice]).all() and np.isposinf(arrays.row_upper[rows.slice]).all()
    assert (arrays.matrix[: engine.arrays.shape[0]] != engine.arrays.matrix).nnz == 0
    totals = iter((arrays.matrix @ x)[rows.slice])
    halls: dict[tuple[str, str], dict[int, float]] = {}
    for family in ("halls", "halls_late"):
        for i, (h, b, t) in enumerate(arrays.columns[family].index):
            halls.setdefault((h, b), {})[t] = x[arrays.columns[family].start + i]
    assert len(dated(arrays, HALLS)) == len(halls) > 1
    for by_date in halls.values():
        for t in sorted(by_date):
            assert next(totals) == sum(amount for date, amount in by_date.items() if date <= t)


def test_families_that_are_not_searched_have_none(engine: Engine) -> None:
    assert with_totals(engine.arrays, PATTERN) is engine.arrays


def test_a_total_is_asked_for_and_its_answers_leave_out_the_fraction(engine: Engine) -> None:
    tree = engine.searchable({})
    searched = Searched(tree)
    values = np.zeros(len(searched.full))
    values[searched.totals[0][:3]] = 0.3, 0.4, 0.9
    asked = [c for c in searched.candidates(values) if c.key[0] == "total"]
    last = len(searched.totals[0]) - 3
    assert [(c.key[2], round(c.share, 6)) for c in asked] == [(0, 0.3), (0, 0.7), *[(1, 0.6)] * (last + 1)]
    root = Node(0.0, 0, searched.low, searched.high, searched.least, searched.most)
    row = asked[1].key[1]
    assert searched.answered(root, asked[1], True)[2][row] == 1.0
    assert searched.answered(root, asked[1], False)[3][row] == 0.0
