"""Roundings of a relaxation: whole, feasible, and no worse than what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario
from planner.solver.branch_and_bound import Search
from planner.solver.engine import PATTERN, Engine
from planner.solver.progress import SolveOptions
from planner.solver.rounding import rounded, whole_amounts
from planner.solver.totals import Dated, dated


@pytest.mark.parametrize("up_from", [0.01, 0.3, 0.5, 0.99])
def test_running_totals_differ_by_less_than_one(up_from: float) -> None:
    amount = np.random.default_rng(1).uniform(0.0, 1.5, 20)
    off = Dated(np.arange(20, dtype=np.int32), np.tri(20)).whole(amount, up_from).cumsum() - amount.cumsum()
    assert off.max() <= 1.0 - up_from + 1e-9 and off.min() >= -up_from - 1e-9


def test_every_hall_has_its_own_total(tree: Engine) -> None:
    """Half a hall of each kind at its first date becomes one; what is not among the families stays."""
    parts = np.full(tree.arrays.shape[1], 0.5)
    things = dated(tree.arrays, ["halls"], tree.ends)
    for thing in things:
        parts[thing.columns] = [0.6, *[0.0] * (len(thing.columns) - 1)]
    whole = whole_amounts(tree, parts, ["halls"], 0.5)
    assert len(things) > 1 and whole[tree.arrays.columns["halls"].slice].sum() == len(things)
    others = np.ones(len(parts), bool)
    others[tree.arrays.columns["halls"].slice] = False
    assert (whole[others] == 0.5).all()


def test_no_halls_have_no_totals(tree: Engine) -> None:
    nothing = np.zeros(tree.arrays.shape[1])
    assert not whole_amounts(tree, nothing, ["halls"], 0.01).any()


@pytest.fixture(scope="module")
def tree() -> Engine:
    """Halls free at the hosts and stacks of least cost."""
    engine = Engine(build_case(load_scenario(example_path("two-hosts"))))
    asked = Bounds(max_delay_months=12.0, min_control_points=60.0)
    places = engine.searchable()
    places.policy(asked)
    places.minimise("cost")
    found = Search(places, SolveOptions(1e-6)).run()
    assert found.x is not None
    lower, upper = engine.smaller.col_lower.copy(), engine.smaller.col_upper.copy()
    for family in PATTERN:
        at = engine.smaller.columns[family].slice
        lower[at] = upper[at] = engine.family(found.x, family).to_numpy(float).round()
    made = engine.within(lower, upper, (*PATTERN, *engine.whole_halls))
    made.policy(asked)
    made.minimise("cost")
    return made


@pytest.mark.untraced
def test_a_rounding_is_a_plan_of_whole_halls_and_no_cheaper_than_the_least(tree: Engine) -> None:
    found, best = rounded(tree, SolveOptions(0.0)), Search(tree, SolveOptions(1e-6)).run()
    assert found.x is not None and found.objective is not None and best.objective is not None
    for family in tree.whole_halls:
        values = tree.family(found.x, family).to_numpy(float)
        assert np.abs(values - values.round()).max(initial=0.0) < 1e-6
    assert tree.family(found.x, "halls").sum() > 0
    assert best.objective * (1 - 1e-6) <= found.objective <= 1.1 * best.objective


def test_what_was_held_is_free_again(tree: Engine) -> None:
    before = tree.lp(cold=True).objective
    rounded(tree, SolveOptions(0.0))
    assert tree.lp(cold=True).objective == pytest.approx(before, rel=1e-6)


def test_a_good_enough_rounding_is_the_last(tree: Engine) -> None:
    every, first = rounded(tree, SolveOptions(0.0)), rounded(tree, SolveOptions(0.0), np.inf)
    assert first.x is not None and first.nodes < every.nodes


def test_a_stop_ends_it(tree: Engine) -> None:
    found = rounded(tree, SolveOptions(0.0, should_stop=lambda: True))
    assert found.stopped


def test_roundings_solved_on_the_whole_model_cost_the_same_there(tree: Engine) -> None:
    model = Engine(tree.case)
    model.integers()
    model.policy(tree.asked)
    model.minimise("cost")
    relaxed = tree.lp(cold=True).x
    assert relaxed is not None
    for family in PATTERN:
        model.fix(family, tree.family(relaxed, family).to_numpy(float))
    alone, both = rounded(tree, SolveOptions(0.0)), rounded(tree, SolveOptions(0.0), model=model)
    assert both.objective == pytest.approx(alone.objective, rel=1e-6)
    assert both.x is not None
    for family in tree.whole_halls:
        model.fix(family, model.family(both.x, family).to_numpy(float))
    assert model.lp().objective == pytest.approx(both.objective, rel=1e-6)
