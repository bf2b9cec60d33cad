"""What protects rows left out because another implies them: the same optimum, and duals that are valid with 0 for these."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

import planner.solver.reduce as reduction
from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.intake.scenario_file import example_path, examples, load_scenario
from planner.solver.arrays import Arrays, Block, Floats
from planner.solver.engine import Engine
from planner.solver.highs import LiveHighs
from planner.solver.implied import implied
from planner.solver.solution import Solution, Status
from planner.studies.patterns import everything_early

pytestmark = pytest.mark.untraced
INF = np.inf
SMALL = ("two-hosts", "uae", "kenya")


def gone(
    rows: list[list[float]],
    lower: list[float],
    upper: list[float],
    col_lower: Floats | None = None,
    free: tuple[int, ...] = (),
    kept: tuple[int, ...] = (),
) -> list[int]:
    height, width = np.shape(rows)
    flags = [np.isin(np.arange(n), own) for n, own in ((width, free), (height, kept))]
    found = implied(csr_array(np.array(rows)), np.array(lower), np.array(upper),
                    np.zeros(width) if col_lower is None else col_lower, *flags)  # fmt: skip
    return [int(i) for i in np.flatnonzero(found)]


def test_a_row_is_implied_by_one_with_more_on_the_left_and_less_on_the_right() -> None:
    below = [[1.0, 0.0, -1.0], [2.0, 1.0, -2.0]]
    assert gone(below, [-INF] * 2, [5.0, 10.0]) == [0]
    assert gone(below, [-INF] * 2, [4.9, 10.0]) == []
    assert gone([[-x for x in row] for row in below], [-5.0, -10.0], [INF] * 2) == [0], "the other side"
    assert gone([below[0], [2.0, 1.0, -2.1]], [-INF] * 2, [5.0, 10.0]) == [], "more below 0 in the stronger"
    assert gone(below, [-INF, 10.0], [5.0, 10.0]) == [0], "by an equation"
    assert gone(below, [0.0, -INF], [5.0, 10.0]) == [], "its other side is not implied"


def test_of_rows_that_are_the_same_one_stays() -> None:
    same = [[1.0, 2.0], [3.0, 6.0], [0.1, 0.2]]
    assert gone(same, [-INF] * 3, [1.0, 3.0, 0.1]) == [1, 2]


def test_columns_count_from_their_lower_bounds() -> None:
    """x <= 5 by x + y <= 5 holds only for y >= 0: with y >= -1 it needs x + y <= 4, with y >= 1 less will do."""
    rows = [[1.0, 0.0], [1.0, 1.0]]
    for least, most, left_out in ((-1.0, 5.0, []), (-1.0, 4.0, [0]), (1.0, 6.0, [0]), (-INF, 0.0, [])):
        assert gone(rows, [-INF] * 2, [5.0, most], np.array([0.0, least])) == left_out


def test_what_will_change_neither_implies_nor_is_implied() -> None:
    rows = [[1.0, 0.0, 1.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]]
    sides = [-INF] * 3, [5.0, 5.0, 5.0]
    assert gone(rows, *sides) == [0, 2]
    assert gone(rows, *sides, free=(2,)) == []
    assert gone(rows, *sides, kept=(1,)) == []
    assert gone(rows, *sides, kept=(0, 2)) == []


def programme(seed: int) -> Arrays:
    """A random bounded programme in which rows imply others: scaled, loosened, shortened, the same, the other way round."""
    draw = np.random.default_rng(seed)
    height, width = int(draw.integers(5, 25)), int(draw.integers(4, 20))
    matrix = np.where(draw.random((height, width)) < 0.4, draw.uniform(-2, 3, (height, width)).round(1), 0.0)
    lower = draw.choice([0.0, 0.0, 0.0, -1.0, 0.5], width)
    upper = np.abs(matrix) @ np.full(width, 2.0) + draw.uniform(0, 3, height) + np.maximum(matrix, 0) @ lower
    low = np.where(draw.random(height) < 0.1, upper, -INF)
    at = draw.integers(0, height, 3 * height)
    scale, less = draw.uniform(0.2, 4.0, (2, len(at), 1))
    loose = np.where(draw.random(len(at)) < 0.5, 0.0, draw.uniform(-0.3, 2.0, len(at)))
    more = scale * matrix[at]
    more -= np.where(draw.random(more.shape) < 0.2, less, 0.0) * (draw.random((len(at), 1)) < 0.6)
    most = scale[:, 0] * upper[at] + loose
    turned = draw.random(len(at)) < 0.5
    own = np.where(turned[:, None], -more, more)
    order = draw.permutation(height + len(at))
    bounds = (
        np.concatenate([low, np.where(turned, -most, -INF)]),
        np.concatenate([upper, np.where(turned, INF, most)]),
    )
    return Arrays(
        matrix=csr_array(np.concatenate([matrix, own])[order]), cost=draw.normal(size=width), offset=0.0,
        col_lower=lower, col_upper=lower + draw.uniform(1, 5, width), integrality=np.zeros(width, np.int32),
        row_lower=bounds[0][order], row_upper=bounds[1][order],
        columns={"x": Block.of(0, range(width))}, rows={"r": Block.of(0, range(len(order)))},
    )  # fmt: skip


def without(arrays: Arrays, rows: np.ndarray) -> Arrays:
    left = ~rows
    return replace(arrays, matrix=csr_array(arrays.matrix[left]), rows={},
                   row_lower=arrays.row_lower[left], row_upper=arrays.row_upper[left])  # fmt: skip


def bound_of_duals(arrays: Arrays, cost: Floats, row_dual: Floats) -> float:
    """What the duals of rows prove that no point of the programme costs less than; minus infinity if they are not valid."""
    total = 0.0
    reduced = cost - arrays.matrix.T @ row_dual
    for dual, low, high in (
        (row_dual, arrays.row_lower, arrays.row_upper),
        (reduced, arrays.col_lower, arrays.col_upper),
    ):
        side = np.where(dual > 0, low, high)
        none = np.abs(dual) < 1e-9
        total += float(np.where(none, 0.0, dual) @ np.where(none, 0.0, side))
    return total


def test_random_programmes_have_the_same_optimum_and_duals_without_implied_rows() -> None:
    found = 0
    for seed in range(150):
        whole = programme(seed)
        nothing = np.zeros(whole.shape[1], bool), np.zeros(whole.shape[0], bool)
        rows = implied(whole.matrix, whole.row_lower, whole.row_upper, whole.col_lower, *nothing)
        found += int(rows.sum())
        own, less = LiveHighs(whole).solve(), LiveHighs(without(whole, rows)).solve()
        assert own.status is less.status
        if own.status is Status.OPTIMAL:
            assert less.objective == pytest.approx(own.objective, rel=1e-9, abs=1e-9)
            padded = np.zeros(len(rows))
            padded[~rows] = less.row_dual
            proven = bound_of_duals(whole, whole.cost, padded)
            assert proven == pytest.approx(own.objective, rel=1e-7, abs=1e-7)
    assert found > 3000


def test_memory_is_bounded_where_many_rows_share_a_column(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two million pairs, a few thousand at once: the same rows as in one go, in a few megabytes."""
    draw = np.random.default_rng(5)
    most = draw.uniform(1.0, 5.0, 1500)
    one = csr_array(draw.uniform(0.5, 2.0, (1500, 1)))
    monkeypatch.setattr("planner.solver.implied.ENTRIES_AT_ONCE", 3000)
    tracemalloc.start()
    try:
        rows = implied(one, np.full(1500, -INF), most, np.zeros(1), np.zeros(1, bool), np.zeros(1500, bool))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.flatnonzero(~rows).tolist() == [int(np.argmin(most / one.toarray()[:, 0]))]
    assert peak < 20e6


def test_pairs_in_parts_give_the_rows_that_all_at_once_give(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(20):
        whole = programme(seed)
        given = (
            whole.matrix, whole.row_lower, whole.row_upper, whole.col_lower,
            np.zeros(whole.shape[1], bool), np.zeros(whole.shape[0], bool),
        )  # fmt: skip
        found = [implied(*given)]
        monkeypatch.setattr("planner.solver.implied.ENTRIES_AT_ONCE", 3)
        found.append(implied(*given))
        monkeypatch.undo()
        assert (found[0] == found[1]).all()


def asked(engine: Engine, bounds: Bounds, goal: str) -> Solution:
    engine.policy(bounds)
    engine.minimise(goal)
    return engine.live.solve(time_limit_s=120.0)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in SMALL else pytest.mark.slow) for name in examples()],
)
@pytest.mark.parametrize("places", ["held", "divisible"])
def test_examples_have_the_same_optimum_and_prices_without_implied_rows(
    name: str, places: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The duals that are left, of limits on delay, control and cost too, are optimal for the programme with all its rows."""
    engine = Engine(build_case(load_scenario(example_path(name))))
    pattern = everything_early(engine) if places == "held" else {}
    left_out: list[np.ndarray] = []

    def noted(*args: np.ndarray) -> np.ndarray:
        left_out.append(implied(*args))
        return left_out[-1]

    monkeypatch.setattr(reduction, "implied", noted)
    less = engine.held(pattern)
    monkeypatch.setattr(reduction, "implied", lambda matrix, *_: np.zeros(matrix.shape[0], bool))
    whole = engine.for_case(engine.case)
    whole._reductions = {}
    whole = whole.held(pattern)
    (rows,) = left_out
    assert whole.live.arrays.shape[0] - less.live.arrays.shape[0] == rows.sum() > 0
    free = asked(less, Bounds(), "delay")
    assert free.status is asked(whole, Bounds(), "delay").status
    if free.x is None:  # not all agreements can be held at once
        return
    delay = less.delays(less.whole(free).x)
    for later, control in ((6.0, None), (3.0, 40.0)):
        bounds = Bounds(
            max_delay_months_by_workload={w: m + later for w, m in delay.items()}, min_control_points=control
        )
        own, found = asked(whole, bounds, "cost"), asked(less, bounds, "cost")
        assert own.status is found.status
        if found.row_dual is None:
            continue
        assert found.objective == pytest.approx(own.objective, rel=1e-9)
        padded = np.zeros(len(rows))
        padded[~rows] = found.row_dual
        proven = bound_of_duals(as_asked(whole), whole.live._cost, padded)
        assert proven == pytest.approx(own.objective, rel=1e-7)


def as_asked(engine: Engine) -> Arrays:
    """The programme of an engine with the limits in force."""
    arrays, live = engine.live.arrays, engine.live
    matrix = arrays.matrix.tolil()
    for at, value in live._changed.items():
        matrix[at] = value
    return replace(arrays, matrix=csr_array(matrix), col_lower=live._lower, col_upper=live._upper)
