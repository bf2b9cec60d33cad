"""Roundings of a relaxation: whole, feasible, and no worse than what they promise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario
from planner.solver.branch_and_bound import Search
from planner.solver.engine import PATTERN, Engine
from planner.solver.progress import SolveOptions
from planner.solver.rounding import at_one_place, rounded, whole_totals


def halls(*amounts: float) -> pd.Series:
    index = pd.MultiIndex.from_tuples([("h", "hall", t) for t in range(len(amounts))])
    return pd.Series(amounts, index=index)


@pytest.mark.parametrize("up_from", [0.01, 0.3, 0.5, 0.99])
def test_running_totals_differ_by_less_than_one(up_from: float) -> None:
    amount = halls(*np.random.default_rng(1).uniform(0.0, 1.5, 20))
    off = whole_totals(amount, up_from).cumsum() - amount.cumsum().to_numpy()
    assert off.max() <= 1.0 - up_from + 1e-9 and off.min() >= -up_from - 1e-9


def test_every_hall_has_its_own_total() -> None:
    one, other = halls(0.6, 0.0), halls(0.6, 0.0).rename(index={"h": "g"}, level=0)
    assert whole_totals(pd.concat([one, other]), 0.5).tolist() == [1.0, 0.0, 1.0, 0.0]


def test_no_halls_have_no_totals() -> None:
    assert not len(whole_totals(halls(0.4)[:0], 0.5)) and not len(at_one_place(halls(0.4)[:0]))


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
