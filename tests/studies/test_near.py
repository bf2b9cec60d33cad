"""What protects points solved from the nearest known: the same answers in any order, no pivots where nothing is new."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from planner.case.build import build_case
from planner.facts.catalog import Catalog
from planner.intake.scenario_file import example_path, load_scenario
from planner.scenario.schema import Scenario
from planner.solver.engine import DEVEX, Engine
from planner.solver.solution import Solution, Status
from planner.studies.frontier_tables import SHORT_OF_DUE_MONTHS, SHORT_OF_MOST, grid
from planner.studies.near import Place
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
    engine, (_, basis) = live.engines[0], live._near[0].points[-1]
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
    known = [place for place, _ in fresh._near[0].points]
    step = fine.levels[-1] - fine.levels[-2]
    draw = np.random.default_rng(2)
    for _ in range(20):
        months = draw.uniform(fine.months[0], fine.months[-1])
        floor = draw.uniform(fine.levels[0], fine.levels[-1])
        apart = [max(abs(months - p.months), abs(floor - p.control) / step) for p in known]
        assert min(apart) <= 0.51, "half a month, and half a stretch between floors that have points"


def test_sliders_go_on_from_points_the_closer_the_more_control_there_is(live: LiveFrontier) -> None:
    fine = grid(live, None, for_sliders=True)
    known = [place for place, _ in live._near[0].points]
    draw = np.random.default_rng(3)
    most = {months: live.most_control(months) for months in {p.months for p in known}}
    for _ in range(20):
        months, below = draw.uniform(fine.months[0], fine.months[-1]), draw.uniform(SHORT_OF_MOST, 1.2)
        at = [most[p.months] - p.control for p in known if abs(months - p.months) <= 0.51]
        assert min(abs(below - short) for short in at) <= max(0.015, below / 4)
    assert all(p.reached <= most[p.months] + 1e-3 for p in known)


def test_limits_from_which_on_another_training_run_may_be_left_undone(
    tiny: Callable[..., Scenario], plain_catalog: Callable[..., Catalog]
) -> None:
    run = {"params_active_b": 70, "tokens_b": 4000}
    runs = [
        run | {"id": f"in-{year}", "start": f"{year}-01-01", "deadline": f"{year}-07-01"}
        for year in (2028, 2029)
    ]
    work = tiny().model_dump(mode="json", exclude_none=True)["demand"][0]
    work |= {"kind": "training", "size": {"by": "training", "runs": runs}}
    live = LiveFrontier(build_case(tiny(demand=[work]), plain_catalog()))
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
    known = {place.months for place, _ in live._near[0].points}
    assert due - SHORT_OF_DUE_MONTHS in known and max(known) < due + 9.0


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


def test_how_far_points_are_from_one_another() -> None:
    here = Place(8.0, 60.0, 1)
    assert here.months_to(here) == 0.0
    high, low = (Place(8.0, control, 1, most=68.0) for control in (67.9, 67.7))
    assert high.months_to(low) == low.months_to(high) > 5.0, "close to the most a step is many pivots"
    later = Place(9.0, 68.9, 1, most=69.0)
    assert later.months_to(high) == pytest.approx(1.0), "as far below the most a month later"
    assert Place(8.0, 40.0, 1, most=68.0).months_to(Place(8.0, 42.0, 1, most=68.0)) == pytest.approx(2.0)
    assert Place(8.0, 67.8, 1, most=68.0).months_to(Place(8.0, 67.0, 1, reached=67.9, most=68.0)) == 0.0
    assert here.months_to(Place(6.0, 60.0, 1)) == 2.0 == here.months_to(Place(8.0, 58.0, 1))
    assert here.months_to(Place(8.0, 60.0, 3)) == 3.0 == Place(8.0, 60.0, 3).months_to(here)
    solved = Place(8.0, 40.0, 1, reached=55.0)
    assert here.months_to(solved) == 5.0 and Place(8.0, 50.0, 1).months_to(solved) == 0.0
    free = Place(np.inf, 0.0, 1)
    assert free.months_to(free) == 0.0 and np.isinf(here.months_to(free))
