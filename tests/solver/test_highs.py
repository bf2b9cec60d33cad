"""A live HiGHS gives the values of a cold one, keeps its limits, and never hands out values it cannot trust."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import highspy
import numpy as np
import pyomo.environ as pe
import pytest

from planner.models.rules import Goal, Rule, new_model
from planner.solver.arrays import Arrays
from planner.solver.compile import compile_model
from planner.solver.highs import LiveHighs, SolverError
from planner.solver.inspection import coefficient_ranges, write_model
from planner.solver.progress import Progress
from planner.solver.solution import Status


def knapsack(items: int = 40, rows: int = 12, seed: int = 3) -> Arrays:
    """A multi-dimensional knapsack: easy to feed, hard to prove, never infeasible."""
    rng = np.random.default_rng(seed)
    m = new_model("knapsack")
    m.I, m.R = pe.Set(initialize=range(items), dimen=1), pe.Set(initialize=range(rows), dimen=1)
    size = rng.integers(20, 100, (rows, items))
    m.size = pe.Param(m.R, m.I, initialize={i: float(v) for i, v in np.ndenumerate(size)})
    m.worth = pe.Param(
        m.I, initialize={i: float(v) for i, v in enumerate(size.sum(0) + rng.integers(0, 40, items))}
    )
    m.room = pe.Param(m.R, initialize={r: float(size[r].sum() // 2) for r in range(rows)})
    m.x = pe.Var(m.I, domain=pe.Binary, dense=False)
    m.fit = Rule(m.R, rule=lambda m, r: sum(m.size[r, i] * m.x[i] for i in m.I) <= m.room[r])
    m.goal = Goal(rule=lambda m: sum(m.worth[i] * m.x[i] for i in m.I), sense=pe.maximize)
    return compile_model(m)


def transport(seed: int = 1) -> Arrays:
    """Least-cost shipping from plants to shops, with one integer opening a plant: duals are easy to read."""
    rng = np.random.default_rng(seed)
    m = new_model("transport")
    m.P, m.Q = pe.Set(initialize=range(5), dimen=1), pe.Set(initialize=range(9), dimen=1)
    m.price = pe.Param(
        m.P, m.Q, initialize={i: float(v) for i, v in np.ndenumerate(rng.uniform(1, 9, (5, 9)).round(2))}
    )
    m.need = pe.Param(m.Q, initialize={q: float(v) for q, v in enumerate(rng.uniform(2, 8, 9).round(2))})
    m.ship = pe.Var(m.P, m.Q, domain=pe.NonNegativeReals, dense=False)
    m.open = pe.Var(m.P, domain=pe.Binary, dense=False)
    m.meet = Rule(m.Q, rule=lambda m, q: sum(m.ship[p, q] for p in m.P) >= m.need[q])
    m.plant = Rule(m.P, rule=lambda m, p: sum(m.ship[p, q] for q in m.Q) <= 18 * m.open[p])
    m.goal = Goal(
        rule=lambda m: (
            sum(m.price[p, q] * m.ship[p, q] for p in m.P for q in m.Q) + sum(25 * m.open[p] for p in m.P)
        )
    )
    return compile_model(m)


def small(sense: Any = pe.minimize, domain: Any = pe.Reals, lower: float | None = 0.0) -> Arrays:
    m = new_model("small")
    m.x = pe.Var(domain=domain, bounds=(lower, None))
    m.y = pe.Var(domain=domain, bounds=(0, 4))
    m.row = Rule(rule=lambda m: m.x + m.y >= 3)
    m.goal = Goal(rule=lambda m: 2 * m.x + m.y + 10, sense=sense)
    return compile_model(m)


# ---- hot equals cold


def test_hot_solves_by_right_hand_side_equal_cold_ones() -> None:
    arrays = transport()
    live = LiveHighs(arrays)
    live.relax()
    needs = arrays.row_lower[arrays.rows["meet"].slice]
    for factor in (1.0, 1.3, 0.2, 1.7, 0.9):
        live.set_row_bounds("meet", needs * factor, np.inf)
        cold = LiveHighs(arrays)
        cold.relax()
        cold.set_row_bounds("meet", needs * factor, np.inf)
        hot, fresh = live.solve(), cold.solve()
        assert hot.status is Status.OPTIMAL
        assert hot.objective == pytest.approx(fresh.objective, rel=1e-9)


def test_hot_solves_by_cost_equal_cold_ones() -> None:
    arrays = transport()
    live = LiveHighs(arrays)
    live.relax()
    live.solve()
    for seed in range(4):
        cost = np.random.default_rng(seed).uniform(1, 9, arrays.shape[1])
        live.set_objective(cost, offset=5.0)
        cold = LiveHighs(arrays)
        cold.relax()
        cold.set_objective(cost, offset=5.0)
        assert live.solve().objective == pytest.approx(cold.solve().objective, rel=1e-9)


def test_objective_by_name_replaces_all_costs() -> None:
    live = LiveHighs(transport())
    live.set_objective({"open": 1.0, ("ship", (0, 0)): 0.25})
    solution = live.solve(gap=0)
    assert solution.objective == pytest.approx(
        3.0
    )  # 54.35 needed, 18 from a plant: at least 4 plants less ship


def test_changes_reach_the_model_whatever_their_order() -> None:
    arrays = small()
    live = LiveHighs(arrays)
    live.set_col_bounds(np.array([1, 0]), [0.0, 1.0], [1.0, np.inf])  # y in 0..1, x from 1
    assert live.solve().x is not None
    np.testing.assert_allclose(live.solve().x, [2.0, 1.0])
    live.change_coefficient("row", "x", 4.0)
    np.testing.assert_allclose(live.solve().x, [1.0, 0.0])
    live.set_row_bounds("row", 11.0, np.inf)
    np.testing.assert_allclose(live.solve().x, [2.75, 0.0])


def test_a_coefficient_that_is_as_it_was_is_no_change() -> None:
    """HiGHS forgets its factors at every change of the matrix: a sweep passes the same floor at each point."""
    live = LiveHighs(small())
    live.change_coefficient("row", "x", 4.0)
    live.solve()
    live.change_coefficient("row", "x", 4.0)
    assert live.highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    live.change_coefficient("row", "x", 5.0)
    assert live.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal


def test_an_unknown_name_is_an_error() -> None:
    live = LiveHighs(small())
    with pytest.raises(KeyError):
        live.set_row_bounds("nosuch", 0, 1)
    with pytest.raises(KeyError):
        LiveHighs(transport()).columns(("ship", (9, 9)))
    with pytest.raises(SolverError, match="nosuch_option"):
        LiveHighs(small(), options={"nosuch_option": 1})


# ---- starts, fixed integers, prices


def test_a_start_is_used() -> None:
    arrays = knapsack()
    known = LiveHighs(arrays).solve(gap=0.02)
    assert known.x is not None and known.objective is not None
    live = LiveHighs(arrays)
    first: list[float] = []

    def on_progress(p: Progress) -> None:
        if p.objective is not None:
            first.append(p.objective)

    # Full vector, and integers alone: both give HiGHS the incumbent before the first node.
    for start in (known.x, (np.arange(len(known.x)), known.x + 1e-7)):
        solution = live.solve(gap=0.02, start=start, on_progress=on_progress)
        assert solution.objective is not None and solution.objective >= known.objective - 1e-6
    assert first[0] == pytest.approx(known.objective)


def test_an_infeasible_start_does_no_harm() -> None:
    arrays = knapsack(items=15, rows=3)
    best = LiveHighs(arrays).solve(gap=0)
    solution = LiveHighs(arrays).solve(gap=0, start=np.ones(arrays.shape[1]))
    assert solution.objective == pytest.approx(best.objective)


# ---- progress, stop, limits


@pytest.mark.untraced
def test_progress_reports_bound_and_gap_of_a_mip() -> None:
    seen: list[Progress] = []
    solution = LiveHighs(knapsack()).solve(gap=1e-6, time_limit_s=2, on_progress=seen.append)
    known = [p for p in seen if p.objective is not None and p.bound is not None]
    assert known and all(p.bound >= p.objective - 1e-6 for p in known)  # it maximises
    assert [p.seconds for p in seen] == sorted(p.seconds for p in seen)
    assert solution.gap is not None and solution.bound is not None


def test_stop_keeps_the_best_solution_and_comes_back_within_a_second() -> None:
    arrays = knapsack(items=100, rows=30)
    live = LiveHighs(arrays)
    asked = threading.Event()
    threading.Timer(1.0, asked.set).start()
    asked_at: list[float] = []

    def should_stop() -> bool:
        if asked.is_set() and not asked_at:
            asked_at.append(time.perf_counter())
        return asked.is_set()

    began = time.perf_counter()
    solution = live.solve(gap=0, time_limit_s=60, should_stop=should_stop)
    ended = time.perf_counter()
    assert solution.stopped and solution.status is Status.FEASIBLE
    assert ended - asked_at[0] < 1.0
    assert ended - began < 10.0
    assert solution.x is not None and solution.objective is not None
    np.testing.assert_array_less(arrays.matrix @ solution.x, arrays.row_upper + 1e-6)
    assert solution.bound is not None and solution.bound >= solution.objective
    # The object is not spoiled: it solves on.
    assert live.solve(gap=0.05).has_values


def test_an_error_in_a_callback_ends_the_solve_and_is_raised() -> None:
    def broken(_: Progress) -> None:
        raise ZeroDivisionError("mine")

    live = LiveHighs(knapsack())
    with pytest.raises(ZeroDivisionError, match="mine"):
        live.solve(gap=0, time_limit_s=30, on_progress=broken)
    assert live.solve(gap=0.05).has_values


@pytest.mark.untraced
def test_time_limits_hold_for_every_solve_of_a_live_object() -> None:
    """HiGHS counts its time over all runs; a limit here is for one solve."""
    live = LiveHighs(knapsack(items=100, rows=30))
    for _ in range(3):
        solution = live.solve(gap=0, time_limit_s=0.7)
        assert 0.5 < solution.seconds < 5.0
        assert solution.status is Status.FEASIBLE and not solution.stopped


def test_processor_seconds_end_integer_programmes_alone() -> None:
    """All those of the block share them; a linear programme has values whatever they are."""
    live = LiveHighs(knapsack(items=100, rows=30))
    began = time.thread_time()
    with live.at_most_cpu_s(0.5):
        assert live.solve(gap=0).status in (Status.FEASIBLE, Status.NO_SOLUTION)
        with live.at_most_cpu_s(60.0):  # no more than what encloses it
            live.solve(gap=0)
        assert time.thread_time() - began < 5.0
        live.relax()
        assert live.solve().status is Status.OPTIMAL
    small = LiveHighs(knapsack(items=12, rows=3))
    with small.at_most_cpu_s(0.0):
        pass
    assert small.solve(gap=0).status is Status.OPTIMAL


def test_no_time_gives_no_values() -> None:
    solution = LiveHighs(knapsack(items=100, rows=30)).solve(gap=0, time_limit_s=0.0)
    assert solution.status in (Status.NO_SOLUTION, Status.FEASIBLE)
    assert solution.has_values == (solution.status is Status.FEASIBLE)


# ---- infeasible, unbounded


@pytest.mark.parametrize("domain", [pe.Reals, pe.Integers])
def test_infeasible_is_told_from_unbounded(domain: Any) -> None:
    unbounded = LiveHighs(small(sense=pe.maximize, domain=domain)).solve()
    assert unbounded.status is Status.UNBOUNDED and unbounded.x is None and unbounded.objective is None
    live = LiveHighs(small(domain=domain))
    live.set_col_bounds("x", 0, 1)
    live.set_col_bounds("y", 0, 1)
    infeasible = live.solve()
    assert infeasible.status is Status.INFEASIBLE and infeasible.x is None and infeasible.row_dual is None
    # Both at once: no point at all, so infeasible.
    both = LiveHighs(small(sense=pe.maximize, domain=domain))
    both.set_row_bounds("row", 3, 2.5)
    assert both.solve().status is Status.INFEASIBLE
    # And the live object is fit for use after it.
    live.set_col_bounds("y", 0, 4)
    assert live.solve().objective == pytest.approx(13.0)


def test_an_integer_gap_without_a_point_is_infeasible() -> None:
    m = new_model("gap")
    m.x = pe.Var(domain=pe.Integers, bounds=(0, 5))
    m.row = Rule(rule=lambda m: pe.inequality(1.2, m.x, 1.8))
    m.goal = Goal(rule=lambda m: m.x)
    live = LiveHighs(compile_model(m))
    assert live.solve().status is Status.INFEASIBLE
    live.relax()
    assert live.solve().objective == pytest.approx(1.2)


def test_an_empty_model_is_solved() -> None:
    m = new_model("empty")
    m.x = pe.Var(bounds=(1, 2))
    m.goal = Goal(rule=lambda m: m.x + 1)
    solution = LiveHighs(compile_model(m)).solve()
    assert solution.status is Status.OPTIMAL and solution.objective == pytest.approx(2.0)


# ---- ranges, logs, files


def test_ranges_leave_out_zeros_and_infinities() -> None:
    ranges = coefficient_ranges(LiveHighs(small()))
    assert ranges == {"matrix": (1, 1), "cost": (1, 2), "column bounds": (4, 4), "row bounds": (3, 3)}


@pytest.fixture(params=["mps", "lp"])
def written(request: Any, tmp_path: Any) -> Iterator[tuple[Arrays, Any]]:
    arrays = transport()
    path = tmp_path / f"model.{request.param}"
    write_model(LiveHighs(arrays), path)
    yield arrays, path


def test_exported_file_has_names_and_the_same_optimum(written: tuple[Arrays, Any]) -> None:
    arrays, path = written
    text = path.read_text()
    assert "ship(3,7)" in text and "plant(2)" in text
    other = highspy.Highs()
    other.setOptionValue("output_flag", False)
    other.setOptionValue("mip_rel_gap", 0.0)
    assert other.readModel(str(path)) == highspy.HighsStatus.kOk
    other.run()
    best = LiveHighs(arrays).solve(gap=0)
    assert other.getInfo().objective_function_value == pytest.approx(best.objective, rel=1e-9)
    assert other.getLp().num_row_ == arrays.shape[0] and other.getLp().num_col_ == arrays.shape[1]


def test_the_log_goes_to_its_file_and_not_to_the_screen(tmp_path: Any, capfd: Any) -> None:
    path = tmp_path / "highs.log"
    LiveHighs(transport(), log_file=path).solve()
    captured = capfd.readouterr()
    assert captured.out == "" and captured.err == ""
    assert "Coefficient ranges" in path.read_text()


class Unsure:
    """A HiGHS that once cannot tell what it has found."""

    def __init__(self, highs: highspy.Highs) -> None:
        self.highs, self.told = highs, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.highs, name)

    def getModelStatus(self) -> highspy.HighsModelStatus:
        told, self.told = self.told, True
        return self.highs.getModelStatus() if told else highspy.HighsModelStatus.kUnknown


def test_after_a_programme_solved_from_scratch_the_next_goes_on_from_the_basis_before() -> None:
    live = LiveHighs(transport())
    live.relax()
    first = live.solve()
    live.highs = Unsure(live.highs)  # type: ignore[assignment]
    live.set_col_bounds("ship", 0.0, 0.0)
    assert live.solve().status is Status.INFEASIBLE
    live.set_col_bounds("ship", 0.0, np.inf)
    again = live.solve()
    assert again.objective == pytest.approx(first.objective) and again.iterations == 0 < first.iterations
