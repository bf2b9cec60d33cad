"""What protects plans tried from the root: they are plans, near the bound, and a stop or the time keeps the best."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario
from planner.solver.branch_and_bound import Search
from planner.solver.engine import PATTERN, Engine
from planner.solver.offers import Offers
from planner.solver.progress import Progress, SolveOptions
from planner.solver.solution import Solution, Status
from planner.solver.trials import trials

ASKED = Bounds(max_delay_months=12.0, min_control_points=60.0)
"""So much control that a host must open."""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(build_case(load_scenario(example_path("two-hosts"))))


@pytest.fixture(scope="module")
def tree(engine: Engine) -> Engine:
    made = engine.searchable(whole=False)
    made.policy(ASKED)
    made.minimise("cost")
    return made


@pytest.fixture(scope="module")
def root(tree: Engine) -> Solution:
    found = tree.lp(cold=True)
    assert found.x is not None and found.objective is not None
    return found


def tried(tree: Engine, root: Solution, options: SolveOptions, good_enough: float = -np.inf) -> Solution:
    assert root.x is not None and root.objective is not None
    return trials(tree, root.x, options, root.objective, good_enough)


def test_the_best_of_few_places_is_found(tree: Engine, root: Solution) -> None:
    best, found = Search(tree, SolveOptions(1e-9)).run(), tried(tree, root, SolveOptions(0.0))
    assert found.objective == pytest.approx(best.objective, rel=1e-6)
    assert found.bound == root.objective


def test_values_are_whole_and_cost_what_is_said(engine: Engine, tree: Engine, root: Solution) -> None:
    found = tried(tree, root, SolveOptions(0.0))
    assert found.x is not None
    held = {family: engine.family(found.x, family).to_numpy(float) for family in PATTERN}
    for values in held.values():
        assert np.abs(values - values.round()).max(initial=0.0) < 1e-6
    assert held["open"].sum() >= 1
    again = engine.held(held)
    again.policy(ASKED)
    again.minimise("cost")
    assert again.lp().objective == pytest.approx(found.objective, rel=1e-6)


def test_a_good_enough_plan_ends_it(tree: Engine, root: Solution) -> None:
    best = tried(tree, root, SolveOptions(0.0))
    assert best.objective is not None
    early = tried(tree, root, SolveOptions(0.0), good_enough=10 * best.objective)
    assert early.nodes < best.nodes


def test_a_stop_keeps_the_best(tree: Engine, root: Solution) -> None:
    seen: list[Progress] = []
    stopped = tried(
        tree, root, SolveOptions(0.0, None, seen.append, lambda: bool(seen and seen[-1].objective))
    )
    assert stopped.stopped and stopped.x is not None and stopped.bound == root.objective
    assert len(seen) <= tried(tree, root, SolveOptions(0.0)).nodes


def test_no_plan_is_said_to_be_none(engine: Engine, root: Solution) -> None:
    lower = engine.arrays.col_lower.copy()
    lower[engine.arrays.columns["control"].slice] = 1.05  # more control than there is
    hopeless = engine.within(lower, engine.arrays.col_upper, PATTERN)
    hopeless.minimise("cost")
    found = tried(hopeless, root, SolveOptions(0.0, 20.0))
    assert found.status is Status.NO_SOLUTION and found.x is None


def test_where_the_root_says_too_little_everything_is_tried(tree: Engine, root: Solution) -> None:
    """A root that opens nothing: its first trials have no plan, all that may open has."""
    assert root.x is not None
    nothing = root.x.copy()
    for family in PATTERN:
        nothing[tree.arrays.columns[family].slice] = 0.0
    best = Search(tree, SolveOptions(1e-9)).run()
    found = tried(tree, replace(root, x=nothing), SolveOptions(0.0))
    assert found.objective is not None and best.objective is not None
    assert found.objective >= best.objective * (1 - 1e-7)


def test_offers_are_where_an_index_names_one(engine: Engine, root: Solution) -> None:
    offers = Offers(engine.arrays)
    for family in ("order", "rent", "fleet", "units", "serve"):
        block = engine.arrays.columns[family]
        first = 1 if family == "serve" else 0
        named = [offers.names[i] for i in offers.of_column[block.slice]]
        assert named == [index[first : first + 3] for index in block.index]
    for family in ("open", "use", "lease", "halls", "unserved", "cost"):
        assert (offers.of_column[engine.arrays.columns[family].slice] == -1).all()


def test_what_is_bought_somewhere_may_be_bought_anywhere(engine: Engine, root: Solution) -> None:
    assert root.x is not None
    offers = Offers(engine.arrays)
    fleet = engine.family(root.x, "fleet")
    bought = offers.bought(fleet.to_numpy(float))
    standing = {(a, k) for (h, a, k, t), amount in fleet.items() if amount > 1e-3}
    assert standing == {name[1:] for name, there in zip(offers.names, bought, strict=True) if there}
    upper = offers.upper(bought, engine.arrays.col_upper)
    closed = np.append(~bought, False)[offers.of_column]
    assert (upper[closed] == 0).all() and (upper[~closed] == engine.arrays.col_upper[~closed]).all()
