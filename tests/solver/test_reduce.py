"""What protects the reduced programme: same answers as the full one for any objective and bound, and full values."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario
from planner.solver.arrays import Arrays, Block
from planner.solver.engine import PATTERN, Engine
from planner.solver.highs import LiveHighs
from planner.solver.means import Means
from planner.solver.reduce import reduce
from planner.solver.solution import Status
from planner.studies.patterns import everything_early

pytestmark = pytest.mark.untraced


@pytest.fixture(scope="module", params=["two-hosts", "uae"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return Engine(build_case(load_scenario(example_path(request.param))))


def patterns(engine: Engine) -> list[dict[str, list[float]]]:
    """All divisible; everything early; the last host and the last stack left out."""
    early = everything_early(engine)
    fewer = {f: list(v) for f, v in early.items()}
    last = engine.arrays.columns["open"].index[-1][0]
    fewer["open"] = [
        0.0 if i[0] == last else v
        for i, v in zip(engine.arrays.columns["open"].index, early["open"], strict=True)
    ]
    return [{}, early, fewer]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_same_optimum_for_every_goal_and_bound(engine: Engine, which: int) -> None:
    pattern = patterns(engine)[which]
    full, held = engine.for_case(engine.case), engine.held(pattern)
    full.integers()
    for family, values in pattern.items():
        full.fix(family, np.array(values))
    assert held.live.arrays.shape[0] < 0.75 * full.arrays.shape[0]
    asked = [Bounds(), Bounds(max_delay_months=8.0, min_control_points=50.0), Bounds(min_control_points=99.0)]
    for bounds in asked:
        for goal in ("delay", "cost"):
            for one in (full, held):
                one.policy(bounds)
                one.minimise(goal)
            a, b = full.lp(), held.lp()
            assert a.status is b.status
            if a.x is not None and b.x is not None:
                assert b.objective == pytest.approx(a.objective, rel=1e-7, abs=1e-7)
                _fits(engine.arrays, full, b.x)


def test_halls_of_the_late_years_are_held_in_parts(engine: Engine) -> None:
    early = everything_early(engine)
    free = engine.held(early)
    free.policy()
    free.minimise("cost")
    found = free.lp()
    assert found.x is not None
    parts = engine.family(found.x, "halls_late").to_numpy(float, copy=True)
    if np.abs(parts - parts.round()).max() < 0.01:  # the smaller example needs none
        parts[-1] += 0.25
    held = engine.held({**early, "halls_late": parts})
    held.policy()
    held.minimise("cost")
    again = held.lp()
    assert again.x is not None and again.objective is not None and found.objective is not None
    assert again.objective >= found.objective * (1 - 1e-6)
    assert engine.family(again.x, "halls_late").to_numpy(float) == pytest.approx(parts, abs=1e-9)


def _fits(arrays: Arrays, full: Engine, x: np.ndarray) -> None:
    """Values of all columns meet every row and bound of the full programme (the floor on control is the live one's)."""
    rows = arrays.matrix @ x
    scale = 1e-6 * (1 + np.abs(rows))
    floor = arrays.rows["control_floor"].start
    others = np.arange(len(rows)) != floor
    assert (rows >= arrays.row_lower - scale)[others].all() and (rows <= arrays.row_upper + scale)[
        others
    ].all()
    for family in PATTERN:
        at = arrays.columns[family].slice
        assert np.allclose(x[at], np.clip(x[at], full.live._lower[at], full.live._upper[at]), atol=1e-7)


def test_a_weighted_sum_of_all_columns_is_the_same_goal(engine: Engine) -> None:
    full, held = engine.for_case(engine.case), engine.held(everything_early(engine))
    full.integers()
    for family, values in everything_early(engine).items():
        full.fix(family, np.array(values))
    weights = np.zeros(engine.arrays.shape[1])
    weights[engine.arrays.columns["serve"].slice] = np.linspace(-1, 1, engine.arrays.columns["serve"].size)
    weights[engine.arrays.columns["grid_import"].slice] = 0.3
    for one in (full, held):
        one.policy(Bounds(max_cost_musd=1e4))
        one.minimise_sum(weights)
    a, b = full.lp(), held.lp()
    assert b.objective == pytest.approx(a.objective, rel=1e-7)
    assert float(weights @ b.x) == pytest.approx(b.objective, rel=1e-7)


def test_only_work_of_clouds_is_counted_by_its_mean(engine: Engine) -> None:
    every, left = (
        {h for _, h, *_ in a.columns["run"].index} for a in (engine.arrays, Means(engine.arrays).arrays)
    )
    assert every - left == {h for h in every if engine.case.hosts.at[h, "mode"] == "cloud"}


@pytest.mark.parametrize("upper, least", [([0.0, 0.0, 1.0, 1.0], 1.0), ([1.0, 1.0, 1.0, 1.0], 2.0)])
def test_what_cannot_be_met_is_not_reduced_away(upper: list[float], least: float) -> None:
    """x + y >= least with x + z <= 0: both held at nought, or x forced to nought by the other row."""
    arrays = Arrays(
        matrix=csr_array(np.array([[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0]])), cost=np.zeros(4), offset=0.0,
        col_lower=np.zeros(4), col_upper=np.array(upper), integrality=np.zeros(4, np.int32),
        row_lower=np.array([least, -np.inf]), row_upper=np.array([np.inf, 0.0]),
        columns={"x": Block.of(0, range(3)), "named": Block.of(3, [()])}, rows={"r": Block.of(0, range(2))},
    )  # fmt: skip
    smaller = reduce(arrays, arrays.col_lower, arrays.col_upper, ["named"], [], []).arrays
    assert LiveHighs(smaller).solve().status is Status.INFEASIBLE


def test_a_bound_of_a_defined_column_is_kept() -> None:
    """s = a + b with s <= 3 is no free definition: maximising a + b must stop at 3."""
    arrays = Arrays(
        matrix=csr_array(np.array([[1.0, -1.0, -1.0], [0.0, 1.0, 2.0]])), cost=np.zeros(3), offset=0.0,
        col_lower=np.zeros(3), col_upper=np.array([3.0, np.inf, np.inf]), integrality=np.zeros(3, np.int32),
        row_lower=np.array([0.0, -np.inf]), row_upper=np.array([0.0, 100.0]),
        columns={"s": Block.of(0, [()]), "v": Block.of(1, range(2))}, rows={"d": Block.of(0, [()]), "r": Block.of(1, [()])},
    )  # fmt: skip
    found = reduce(arrays, arrays.col_lower, arrays.col_upper, [], [], [("d", "s")])
    live = LiveHighs(found.arrays)
    cost, offset = found.cost(np.array([-1.0, 0.0, 0.0]))
    live.set_objective(cost, offset)
    answer = live.solve()
    assert answer.objective == pytest.approx(-3.0)
    assert found.full(answer.x)[0] == pytest.approx(3.0)


def test_neighbours_share_what_is_left_with_the_same_places_held(engine: Engine) -> None:
    """By what is held and by what stays: a reduction for other hosts, or for other uses, is another one."""
    _, early, fewer = patterns(engine)
    other = engine.for_case(engine.case)
    assert other.held(early).reduction is engine.held(early).reduction
    assert other.held(fewer).reduction is not engine.held(early).reduction
    assert (
        other.searchable({f: np.array(v) for f, v in early.items()}).reduction
        is not engine.held(early).reduction
    )
