"""What protects points solved from the nearest known: the same answers in any order, no pivots where nothing is new."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import highspy
import numpy as np
import pytest

from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.facts.catalog import Catalog
from planner.facts.rounding import rounded_down
from planner.intake.scenario_file import example_path, load_scenario
from planner.scenario.schema import Scenario
from planner.solver.engine import DEVEX, Basis, Engine
from planner.solver.solution import Solution, Status
from planner.studies.frontier_tables import (
    CLOSE_TO_MOST,
    SHORT_OF_DUE_MONTHS,
    SHORT_OF_MOST,
    finer_floors,
    grid,
)
from planner.studies.near import Known, Near, served_within
from planner.studies.patterns import everything_early
from planner.studies.screening import LiveFrontier

pytestmark = pytest.mark.untraced


@pytest.fixture
def live() -> LiveFrontier:
    engine = Engine(build_case(load_scenario(example_path("two-hosts"))))
    return LiveFrontier(engine.case, [everything_early(engine)], engine=engine)


def limits(live: LiveFrontier) -> tuple[list[float], list[float]]:
    loose = live.least_delay_months + 12.0
    lowest = live.at(loose)["control_score"]
    most = live.most_control(live.least_delay_months + 1.0)
    return np.linspace(loose, loose - 11.0, 4).tolist(), np.linspace(lowest, most - 0.1, 4).tolist()


def solved(live: LiveFrontier) -> list[tuple[float, float]]:
    """Months and points of control of all points that sliders go on from."""
    workload, least = next(iter(live.least.items()))
    return [
        (
            live.least_delay_months + a.max_delay_months_by_workload[workload] - least - 1e-6,
            a.min_control_points or 0.0,
        )
        for a in (known.asked for known in live._near[0].points)
        if a.max_delay_months_by_workload
    ]


def test_a_point_of_a_sweep_is_asked_again_without_a_pivot(live: LiveFrontier) -> None:
    months, levels = limits(live)
    rows = live.sweep(months, levels)
    assert len(rows) > 10
    far = live.solve(months[0], None)
    assert far is not None
    for row in (rows[-1], rows[0], rows[len(rows) // 2]):
        again = live.at(row["max_delay_months"], row["min_control"])
        assert again["cost_npv_musd"] == pytest.approx(row["cost_npv_musd"], rel=1e-9)
        assert live.engines[0].live.highs.getInfo().simplex_iteration_count == 0


def test_a_basis_of_a_sweep_is_taken_as_regular(live: LiveFrontier, monkeypatch: pytest.MonkeyPatch) -> None:
    """HiGHS works out the factors of an alien basis twice."""
    months, levels = limits(live)
    live.sweep(months, levels)
    engine, basis = live.engines[0], live._near[0].points[-1].basis
    assert len(basis.highs.row_status) > engine.live.arrays.shape[0], "with the rows of the sweep's floors"
    taken: list[bool] = []
    monkeypatch.setattr(engine.live, "set_basis", lambda known: taken.append(known.alien))
    assert engine.go_on_from(basis)
    assert taken == [False]


def test_answers_do_not_depend_on_what_was_asked_before(live: LiveFrontier) -> None:
    months, levels = limits(live)
    live.sweep(months, levels)
    draw = np.random.default_rng(0)
    for _ in range(8):
        asked = float(draw.uniform(months[-1], months[0])), float(draw.uniform(levels[0], levels[-1]))
        fresh = LiveFrontier(live.case, live.patterns, live.least, live.base)
        a, b = live.at(*asked), fresh.at(*asked)
        assert a["feasible"] == b["feasible"]
        if a["feasible"]:
            assert a["cost_npv_musd"] == pytest.approx(b["cost_npv_musd"], rel=1e-9)


def test_a_point_out_of_reach_leaves_the_next_one_as_it_is(live: LiveFrontier) -> None:
    months, levels = limits(live)
    before = live.at(months[0], levels[0])
    assert not live.at(months[0], 100.0)["feasible"]
    assert live._near[0].last is None
    after = live.at(months[0], levels[0])
    assert after["cost_npv_musd"] == pytest.approx(before["cost_npv_musd"], rel=1e-9)


def test_a_point_after_the_most_control_goes_on_from_one_that_is_known(live: LiveFrontier) -> None:
    """The programme stands at an optimum of another objective, however near its limits are."""
    months, levels = limits(live)
    row = live.sweep(months, levels)[0]
    live.at(row["max_delay_months"], row["min_control"])
    live.most_control(row["max_delay_months"])
    again = live.at(row["max_delay_months"], row["min_control"])
    assert again["cost_npv_musd"] == pytest.approx(row["cost_npv_musd"], rel=1e-9)
    assert live.engines[0].live.highs.getInfo().simplex_iteration_count == 0


def test_the_most_control_is_the_same_in_any_order_and_goes_on_from_the_last(
    live: LiveFrontier, monkeypatch: pytest.MonkeyPatch
) -> None:
    months = [live.least_delay_months + longer for longer in (6.0, 0.5, 12.0, 3.0)]
    fresh = [LiveFrontier(live.case, live.patterns, live.least, live.base).most_control(m) for m in months]
    assert len({round(most, 3) for most in fresh}) > 2
    cold: list[bool] = []
    lp = Engine.lp

    def noted(engine: Engine, *limits: Any, **how: Any) -> Any:
        cold.append(how.get("cold", False))
        return lp(engine, *limits, **how)

    monkeypatch.setattr(Engine, "lp", noted)
    assert [live.most_control(m) for m in months] == pytest.approx(fresh, abs=1e-5)
    assert cold.count(True) == 1


def test_more_than_the_most_control_is_known_to_be_out_of_reach(
    live: LiveFrontier, monkeypatch: pytest.MonkeyPatch
) -> None:
    months, _ = limits(live)
    most = live.most_control(months[1])
    assert live.at(months[1], most - 0.01)["feasible"] and live.at(months[0], most + 0.01) is not None
    monkeypatch.setattr(live, "solve_on", lambda *asked: pytest.fail(f"solved at {asked[1:]}"))
    assert not live.at(months[1], most + 0.01)["feasible"]
    assert not live.at(months[2], most + 0.01)["feasible"]


def test_a_point_without_an_answer_in_time_says_nothing_of_others(
    live: LiveFrontier, monkeypatch: pytest.MonkeyPatch
) -> None:
    months = live.least_delay_months + 6.0
    none = Solution(Status.NO_SOLUTION, None, None, None, None, None, None, 0.0, 0, 0, False)
    with monkeypatch.context() as late:
        for engine in live.engines:
            late.setattr(engine, "lp", lambda **_: none)
        assert live.solve(months, 1.0) is None
    assert live.solve(months, 1.0) is not None
    assert live.solve(months - 1.0, 2.0) is not None


def test_a_proven_bound_holds_at_limits_that_differ_by_rounding(live: LiveFrontier) -> None:
    months = live.least_delay_months + 3.0
    before = live.at_least(months, 20.0)
    live.prove(live.caps(months + 1e-9), 20.0 + 1e-9, before + 5.0)
    assert live.at_least(months, 20.0) == before + 5.0
    assert live.at_least(months, 19.9) < before + 5.0


def test_sliders_go_on_from_more_points_than_the_grid_has_and_its_rows_are_the_same(
    live: LiveFrontier,
) -> None:
    fresh = LiveFrontier(live.case, live.patterns, live.least, live.base)
    coarse, fine = grid(live, None), grid(fresh, None, for_sliders=True)
    assert fine.months == coarse.months and fine.levels == pytest.approx(coarse.levels)
    by = [
        {(r["max_delay_months"], r["min_control"]): r["cost_npv_musd"] for r in g.rows}
        for g in (coarse, fine)
    ]
    assert by[0].keys() == by[1].keys()
    assert [*by[1].values()] == pytest.approx([by[0][at] for at in by[1]], rel=1e-9)
    known = solved(fresh)
    stretches = [*fine.levels, fine.levels[-1] + np.diff(fine.levels)[-1]]
    draw = np.random.default_rng(2)
    for _ in range(20):
        months = draw.uniform(fine.months[0], fine.months[-1])
        floor = draw.uniform(fine.levels[0], fine.levels[-1])
        step = np.diff(stretches)[np.searchsorted(stretches, floor, "right") - 1]
        apart = [max(abs(months - m), 2 * abs(floor - control) / step) for m, control in known]
        assert min(apart) <= 0.51, "half a month, and a quarter of a stretch between floors of the charts"
    highest = rounded_down(fresh.most_control(fine.months[-1]) - CLOSE_TO_MOST[0], 2)
    assert any(abs(floor - highest) < 1e-9 for _, floor in known), "and more where most is open"


def test_sliders_go_on_from_points_the_closer_the_more_control_there_is(live: LiveFrontier) -> None:
    fine = grid(live, None, for_sliders=True)
    known = solved(live)
    draw = np.random.default_rng(3)
    most = {months: live.most_control(months) for months in {m for m, _ in known}}
    for _ in range(20):
        months, below = draw.uniform(fine.months[0], fine.months[-1]), draw.uniform(SHORT_OF_MOST, 1.2)
        at = [most[m] - control for m, control in known if abs(months - m) <= 0.51]
        assert min(abs(below - short) for short in at) <= max(0.015, below / 4)
    assert all(control <= most[m] + 1e-3 for m, control in known)


@pytest.fixture
def with_runs(tiny: Callable[..., Scenario], plain_catalog: Callable[..., Catalog]) -> LiveFrontier:
    run = {"params_active_b": 70, "tokens_b": 4000}
    runs = [
        run | {"id": f"in-{year}", "start": f"{year}-01-01", "deadline": f"{year}-07-01"}
        for year in (2028, 2029)
    ]
    work = tiny().model_dump(mode="json", exclude_none=True)["demand"][0]
    work |= {"kind": "training", "size": {"by": "training", "runs": runs}}
    return LiveFrontier(build_case(tiny(demand=[work]), plain_catalog()))


def test_a_cap_that_does_not_bind_is_worth_nothing(with_runs: LiveFrontier) -> None:
    """A run that may be left undone and is done has a reduced cost, for which nothing may be had."""
    engine = with_runs.engines[0]
    engine.policy(with_runs.bounds(with_runs.due_months()[-1] + 1.0))
    engine.live.set_objective({"unfinished": 1.0})
    assert engine.lp().x is not None
    reduced = np.array(engine.live.highs.getSolution().col_dual)[engine.live.columns("unfinished")]
    assert max(reduced) > 0.1
    assert max(engine.limit_prices()[0]) == 0.0


def test_limits_from_which_on_another_training_run_may_be_left_undone(with_runs: LiveFrontier) -> None:
    live = with_runs
    due = live.due_months()
    assert due
    for months in due:
        before, at = (live.base.may_be_left(live.bounds(m)).sum() for m in (months - 0.01, months))
        assert at > before


def test_sliders_go_on_from_points_just_before_a_training_run_may_be_left_undone(
    live: LiveFrontier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From there on more control can be reached, and the month before is far."""
    due = live.least_delay_months + 4.3
    monkeypatch.setattr(live, "due_months", lambda: [due, due + 40.0])
    grid(live, None, for_sliders=True)
    known = np.array([months for months, _ in solved(live)])
    assert np.isclose(known, due - SHORT_OF_DUE_MONTHS).any() and max(known) < due + 9.0


def test_a_sweep_asks_what_is_wanted(live: LiveFrontier) -> None:
    months, levels = limits(live)
    rows = live.sweep(months, levels, wanted=lambda m, level: (level or 0.0) < levels[2] or m == months[0])
    assert {r["max_delay_months"] for r in rows if r["min_control"] == levels[2]} == {months[0]}
    assert {r["max_delay_months"] for r in rows if r["min_control"] == levels[1]} == {*months}


def test_sliders_work_out_no_edge_weights_and_sweeps_keep_theirs(live: LiveFrontier) -> None:
    """They are lost with the basis that a slider leaves, and stay from point to point of a sweep."""
    months, levels = limits(live)
    before = live.at(months[1], levels[1])
    live.prepare(months[0], months[-1], levels[0])
    option = [
        e.live.highs.getOptionValue(DEVEX[0])[1]
        for e in (live.engines[0], live.engines[0].with_floors([0.5]))
    ]
    assert option[0] == DEVEX[1] != option[1]
    assert live.at(months[1], levels[1])["cost_npv_musd"] == pytest.approx(before["cost_npv_musd"], rel=1e-9)


def test_of_patterns_that_cost_the_same_the_first_answers(
    live: LiveFrontier, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.add([{family: [0.0 * v for v in values] for family, values in live.patterns[0].items()}])
    assert len(live.engines) == 2
    point = live.solve(live.least_delay_months + 12.0)
    assert point is not None
    for less, pattern in ((1e-13, 0), (1e-6, 1)):
        cost = point.figures["cost_npv_musd"] * (1 - less)
        other = replace(point, pattern=1, figures=point.figures | {"cost_npv_musd": cost})
        monkeypatch.setattr(live, "_from_near", lambda i, *limits, answers=(point, other): answers[i])
        found = live.solve()
        assert found is not None and found.pattern == pattern


def test_prices_of_limits_are_what_a_little_more_of_them_changes(live: LiveFrontier) -> None:
    months, levels = limits(live)
    live.sweep(months, levels)
    steeper = 0
    for floor in levels[1:]:
        for delay in (months[1], months[2]):
            cost = live.at(delay, floor)["cost_npv_musd"]
            known = live._near[0].points[-1]
            for asked in ((delay - 1e-3, floor), (delay, floor + 1e-3)):
                least = known.at_least(live.engines[0].limits(live.bounds(*asked)), known.served)
                assert least >= cost - 1e-9
                assert live.at(*asked)["cost_npv_musd"] == pytest.approx(least, abs=1e-4)
                steeper += least > cost + 1e-4
    assert steeper > 4


def test_what_a_point_says_of_others_is_no_more_than_they_cost(live: LiveFrontier) -> None:
    """With what the other serves a floor on control, a share of that, is bounded as a limit on delay is."""
    months, levels = limits(live)
    live.sweep(months, levels)
    points, engine = [*live._near[0].points], live.engines[0]
    lower = 0
    for delay in (months[0] - 0.5, months[1] + 0.7, months[3] + 0.2):
        for floor in (levels[0] + 1.0, levels[1], levels[2] + 1.0):
            cost = live.at(delay, floor)["cost_npv_musd"]
            served = live._near[0].points[-1].served
            asked = engine.limits(live.bounds(delay, floor))
            least = [p.at_least(asked, served) for p in points]
            assert cost * 0.98 < max(least) <= cost * (1 + 1e-9)
            lower += max(p.at_least(asked, p.served) for p in points) > cost * (1 + 1e-9)
    assert lower > 2, "with what is served here the most would be too much"
    free = engine.limits(live.bounds(None, None))
    unlimited = live.at()["cost_npv_musd"]
    served = live._near[0].points[-1].served
    assert max(p.at_least(free, served) for p in points) <= unlimited * (1 + 1e-9)


def test_as_much_is_served_as_within_the_limits_that_are_nearest(live: LiveFrontier) -> None:
    months, levels = limits(live)
    live.sweep(months, levels)
    points, engine = [*live._near[0].points], live.engines[0]
    spread = max(p.served for p in points) - min(p.served for p in points)
    for delay in (months[0] - 0.5, months[1] + 0.7, months[3] + 0.2):
        live.at(delay, levels[1] + 1.0)
        last = live._near[0].points[-1]
        assert abs(served_within(last.limits, points) - last.served) < spread / 4
    free = engine.limits(live.bounds(None, levels[1]))
    live.at(None, levels[1])
    known = [*points, live._near[0].points[-1]]
    assert served_within(free, known) == known[-1].served, "the same, infinite, limits are nearest"


def test_a_jump_goes_on_from_where_it_costs_most_at_least(
    live: LiveFrontier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from the limits that are nearest: two months away the price of delay may be that of here."""
    months, levels = limits(live)
    live.sweep(months, levels)
    near, engine = live._near[0], live.engines[0]
    taken: list[object] = []
    monkeypatch.setattr(engine, "go_on_from", lambda basis: taken.append(basis))
    asked = live.bounds(months[1] + 1.0, levels[2])
    here = engine.limits(asked)
    far, close = near.points[0], near.points[1]

    def that_says(point: Known, musd: float) -> Known:
        served = served_within(here, [far, close])
        return replace(point, cost=point.cost + musd - point.at_least(here, served))

    known = [that_says(far, by) for by in (900.0, 901.0)]
    own = Near()
    own.points.extend([*known, that_says(close, 800.0)])
    own.go(engine, asked)
    assert taken == [known[1].basis]
    own.last = replace(known[1], asked=asked)
    own.go(engine, asked)
    assert len(taken) == 1, "it stands there"
    own.last = known[0]
    own.fresh = 0.0
    own.go(engine, asked)
    assert len(taken) == 2


def test_a_jump_does_not_go_on_from_a_point_that_says_too_much(
    live: LiveFrontier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A point far in delay serves less or more than the limits that are asked: its price of control counts by theirs."""
    taken: list[object] = []
    monkeypatch.setattr(live.engines[0], "go_on_from", lambda basis: taken.append(basis))
    asked = live.bounds(live.least_delay_months + 2.0, 30.0)
    here = live.engines[0].limits(asked)
    control = np.where(np.arange(len(here)) == len(here) - 1, 1.0, 0.0)

    def known(months: float, cost: float, served: float) -> Known:
        of = live.bounds(live.least_delay_months + months, 20.0)
        basis = Basis(highspy.HighsBasis(), None, ("cost", 0.0))
        return Known(of, live.engines[0].limits(of), cost, 100.0 * control, served, basis)

    far, close = known(12.0, 91.0, 1.0), known(2.0, 92.0, 0.5)
    assert far.at_least(here, far.served) > close.at_least(here, close.served)
    near = Near()
    near.points.extend([far, close])
    near.go(live.engines[0], asked)
    assert taken == [close.basis]


def test_what_two_points_leave_open_between_them() -> None:
    def known(limit: float, cost: float, price: float, served: float) -> Known:
        asked, basis = Bounds(min_control_points=limit), Basis(highspy.HighsBasis(), None, ("cost", 0.0))
        return Known(asked, np.array([np.inf, limit]), cost, np.array([0.0, price]), served, basis)

    low, high = known(0.0, 10.0, 2.0, 1.0), known(4.0, 22.0, 5.0, 0.5)
    assert low.at_least(high.limits, high.served) == 14.0 and high.at_least(low.limits, low.served) == 2.0
    assert low.open_to(high) == high.open_to(low) == 4.0, "8 above one and 8 above the other, in the middle"
    assert low.open_to(known(4.0, 14.0, 5.0, 0.5)) == 0.0


def test_floors_are_more_where_the_price_of_control_changes(
    live: LiveFrontier, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_musd = {(None, 40.0): 1.0, (40.0, 50.0): 1.0, (50.0, 60.0): 17.0}
    monkeypatch.setattr(live, "left_open", lambda months, low, high: open_musd[low, high])
    found = finer_floors(live, [1.0], [30.0, 40.0, 50.0, 60.0], 62.0)
    assert found == pytest.approx([35.0, 45.0, *np.linspace(50.0, 60.0, 7)[1:-1], 62.0], abs=0.011)
    assert finer_floors(live, [1.0], [30.0], 31.0)[-1] == 31.0
