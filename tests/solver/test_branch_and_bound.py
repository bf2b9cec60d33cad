"""What protects the search for hosts and stacks: HiGHS finds the same optimum, the bound holds, a stop keeps the best."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario
from planner.solver import branch_and_bound
from planner.solver.branch_and_bound import Search
from planner.solver.branching import Node, PseudoCosts, Searched
from planner.solver.engine import HALLS, PATTERN, PLACED, Engine
from planner.solver.progress import SolveOptions
from planner.solver.solution import Solution, Status

pytestmark = pytest.mark.untraced

GAP = 1e-4


def engine_of(name: str) -> Engine:
    return Engine(build_case(load_scenario(example_path(name))))


@pytest.fixture(scope="module", params=["two-hosts", "uae"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return engine_of(request.param)


def direct(engine: Engine) -> Solution:
    engine.integers(*PATTERN, PLACED)
    for name in ("rins", "rens", "root_reduced_cost"):  # minutes instead of seconds with smaller MIPs within
        engine.live.set_option(f"mip_heuristic_run_{name}", False)
    return engine.live.solve(gap=GAP)


def whole(engine: Engine, x: np.ndarray) -> bool:
    values = np.concatenate([engine.family(x, f).to_numpy(float) for f in (*PATTERN, PLACED)])
    return bool(np.abs(values - values.round()).max() < 1e-6)


@pytest.mark.parametrize(
    ("goal", "bounds"),
    [
        ("cost", Bounds()),
        ("delay", Bounds()),
        ("cost", Bounds(min_control_points=60.0)),
        ("cost", Bounds(max_delay_months=9.0)),
    ],
)
def test_highs_finds_the_same_optimum(engine: Engine, goal: str, bounds: Bounds) -> None:
    tree, model = engine.searchable(), engine.within_bounds(engine.case, engine.lumped)
    for one in (model, tree):
        one.policy(bounds)
        one.minimise(goal)
    expected, found = direct(model), Search(tree, SolveOptions(GAP)).run()
    assert found.status is expected.status
    if expected.x is None:
        return
    assert found.objective is not None and found.bound is not None and found.x is not None
    assert found.objective == pytest.approx(expected.objective, rel=2 * GAP, abs=1e-5)
    assert found.bound <= found.objective + 1e-9
    assert found.bound <= (expected.objective or 0.0) * (1 + 1e-7) + 1e-7
    assert whole(engine, found.x)
    # the values are a plan of the full programme: held there, they cost the same
    model.integers()
    for family in (*PATTERN, PLACED):
        model.fix(family, model.family(found.x, family).to_numpy(float))
    again = model.live.solve()
    assert again.objective == pytest.approx(found.objective, rel=1e-6, abs=1e-6)


def test_whole_halls_at_held_places_are_those_of_highs(engine: Engine) -> None:
    places = engine.searchable()
    for one in (engine, places):
        one.policy()
        one.minimise("cost")
    found = Search(places, SolveOptions(GAP)).run()
    assert found.x is not None
    pattern = {f: engine.family(found.x, f).to_numpy(float) for f in PATTERN}
    tree = engine.searchable(pattern)
    tree.minimise("cost")
    ours = Search(tree, SolveOptions(1e-3)).run()
    for family in PATTERN:
        engine.fix(family, pattern[family])
    engine.integers(*HALLS)
    theirs = engine.live.solve(gap=1e-3)
    for family in PATTERN:
        engine.fix(family, None)
    assert ours.x is not None and theirs.objective is not None and ours.bound is not None
    assert ours.objective == pytest.approx(theirs.objective, rel=2e-3)
    assert ours.bound <= theirs.objective * (1 + 1e-7)
    assert found.objective is not None and ours.objective >= found.objective * (1 - GAP)
    for family in (*PATTERN, *HALLS):
        values = engine.family(ours.x, family).to_numpy(float)
        assert np.abs(values - values.round()).max(initial=0.0) < 1e-6
    for family in PATTERN:
        assert engine.family(ours.x, family).to_numpy(float).round() == pytest.approx(pattern[family].round())
    enough = Search(tree, SolveOptions(0.0), good_enough=ours.objective * 1.05).run()
    assert enough.objective is not None and enough.objective <= ours.objective * 1.05
    assert enough.nodes <= ours.nodes
    at_once = Search(tree, SolveOptions(0.0), good_enough=np.inf, rounding=True).run()
    assert at_once.x is not None and at_once.nodes <= 5, "the relaxation and its halls rounded"
    halls = engine.family(at_once.x, "halls").to_numpy(float)
    assert np.abs(halls - halls.round()).max() < 1e-6


@pytest.mark.parametrize("goal", ["cost", "delay"])
def test_the_first_places_are_those_of_the_relaxation(engine: Engine, goal: str) -> None:
    """Three programmes give a plan: the relaxation, its hosts and stacks, its runs at one place each."""
    tree = engine.searchable()
    tree.policy(Bounds(max_delay_months=12.0))
    tree.minimise(goal)
    first = Search(tree, SolveOptions(0.0), good_enough=np.inf, rounding=True).run()
    assert first.x is not None and first.bound is not None and whole(engine, first.x)
    assert first.bound <= (first.objective or 0.0) + 1e-9
    best, usual = (Search(tree, SolveOptions(GAP), rounding=each).run() for each in (True, False))
    assert best.objective == pytest.approx(usual.objective, rel=2 * GAP, abs=1e-5)


def test_where_a_rounding_of_places_has_no_plan_the_start_is_tried(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = engine.searchable()
    tree.policy(Bounds())
    tree.minimise("cost")
    start = Search(tree, SolveOptions(GAP)).run().x
    monkeypatch.setattr(Search, "try_opening", lambda *_: False)
    found = Search(tree, SolveOptions(0.0), good_enough=np.inf, start=start, rounding=True).run()
    assert start is not None and found.x is not None
    assert engine.value(found.x, "cost") <= engine.value(start, "cost") * (1 + 1e-6)


def test_no_choice_is_missed() -> None:
    """Every choice of hosts and stacks of the smallest example, one by one."""
    engine = engine_of("two-hosts")
    tree = engine.searchable()
    tree.minimise("cost")
    found = Search(tree, SolveOptions(1e-9)).run()
    opens = engine.arrays.columns["open"].index
    by_host: dict[str, list[int]] = {}
    for i, (h, _) in enumerate(opens):
        by_host.setdefault(h, []).append(i)
    costs = []
    for dates in itertools.product(*([None, *rows] for rows in by_host.values())):
        for use in itertools.product((0.0, 1.0), repeat=engine.arrays.columns["use"].size):
            held = engine.held({"open": [float(i in dates) for i in range(len(opens))], "use": list(use)})
            held.minimise("cost")
            costs.append(held.lp().objective or np.inf)
    assert len(costs) > 20
    assert found.objective == pytest.approx(min(costs), rel=1e-7)


def test_what_nobody_can_reach_is_infeasible() -> None:
    tree = engine_of("two-hosts").searchable()
    tree.policy(Bounds(min_control_points=99.9))
    tree.minimise("cost")
    found = Search(tree, SolveOptions(GAP)).run()
    assert found.status is Status.INFEASIBLE and found.x is None


def test_what_was_not_decided_is_not_called_infeasible(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = engine_of("uae").searchable()
    tree.minimise("cost")
    honest = branch_and_bound.Search.solve

    def tired(self: branch_and_bound.Search, node: Node, cold: bool = False) -> Solution:
        found = honest(self, node, cold)
        return found if cold else replace(found, status=Status.NO_SOLUTION, x=None, objective=None)

    monkeypatch.setattr(branch_and_bound.Search, "solve", tired)
    found = Search(tree, SolveOptions(GAP)).run()
    assert found.status is Status.NO_SOLUTION and found.x is None
    assert found.bound is not None and found.bound > 0


def test_after_a_dead_end_the_other_answer_is_tried_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its basis is near, and it is mostly the way to a plan; the node of least bound is a thousand pivots away."""
    tree = engine_of("uae").searchable()
    tree.minimise("cost")
    seen: list[tuple[Node, bool]] = []
    honest = Search.solve

    def watched(self: Search, node: Node, cold: bool = False) -> Solution:
        found = honest(self, node, cold)
        seen.append((node, found.x is not None))
        return found

    monkeypatch.setattr(Search, "solve", watched)
    found = Search(tree, SolveOptions(GAP)).run()
    asked = [(node, led) for node, led in seen if node.asked is not None]
    again = 0
    for (node, led), (following, _) in itertools.pairwise(asked):
        other = following.asked == node.asked and following.yes != node.yes
        again += not led and other
    assert again > 3
    assert found.status is Status.OPTIMAL and found.bound is not None
    assert len({node.number for node, _ in asked}) == len(asked), "no node twice"


def test_the_same_search_twice_takes_the_same_steps() -> None:
    tree = engine_of("uae").searchable()
    tree.minimise("cost")
    first, second = Search(tree, SolveOptions(GAP)).run(), Search(tree, SolveOptions(GAP)).run()
    assert (first.nodes, first.objective, first.bound) == (second.nodes, second.objective, second.bound)


def test_a_start_is_the_first_plan_and_a_stop_keeps_the_best() -> None:
    engine = engine_of("uae")
    tree = engine.searchable()
    tree.minimise("cost")
    best = Search(tree, SolveOptions(GAP)).run()
    assert best.objective is not None and best.nodes > 6
    seen: list[float | None] = []
    one = Search(tree, SolveOptions(0.9), start=best.x).run()
    assert one.objective == pytest.approx(best.objective, rel=1e-7) and one.nodes < best.nodes
    stopped = Search(
        tree,
        SolveOptions(0.0, None, lambda p: seen.append(p.objective), should_stop=lambda: len(seen) > 0),
        start=best.x,
    ).run()
    assert stopped.stopped and stopped.x is not None
    assert stopped.bound is not None and stopped.bound <= best.objective * (1 + 1e-9)


def test_a_search_ends_where_its_own_plan_is_near_enough_and_goes_by_what_was_learned() -> None:
    tree = engine_of("uae").searchable()
    tree.minimise("cost")
    learned = PseudoCosts()
    best = Search(tree, SolveOptions(GAP), learned=learned).run()
    assert best.objective is not None and learned.seen
    known = {key: len(values) for key, values in learned.seen.items()}
    near = Search(
        tree, SolveOptions(GAP), start=best.x, enough=lambda cost, _: 0.2 * abs(cost), learned=learned
    ).run()
    assert near.objective is not None and near.bound is not None and near.nodes < best.nodes
    assert near.bound <= best.objective <= near.objective * (1 + 1e-9)
    assert GAP * near.objective < near.objective - near.bound <= 0.2 * near.objective * (1 + 1e-9)
    tired = Search(
        tree, SolveOptions(GAP), start=best.x, enough=lambda _, pivots: np.inf if pivots > 1 else 0.0
    ).run()
    assert tired.objective is not None and tired.bound is not None and tired.nodes < best.nodes
    assert tired.bound <= best.objective <= tired.objective * (1 + 1e-9)
    assert all(len(learned.seen[key]) >= n for key, n in known.items())


def test_out_of_time_the_bound_still_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = engine_of("uae").searchable()
    tree.minimise("cost")
    best = Search(tree, SolveOptions(GAP)).run()
    monkeypatch.setattr(branch_and_bound.Search, "late", lambda self: self.nodes > 5)
    short = Search(tree, SolveOptions(0.0)).run()
    assert best.objective is not None and short.bound is not None
    assert short.status is not Status.OPTIMAL
    assert short.bound <= best.objective * (1 + 1e-9)


def test_a_late_search_takes_the_looser_gap() -> None:
    tree = engine_of("uae").searchable()
    tree.minimise("cost")
    tight, loose = (
        Search(tree, SolveOptions(1e-6)).run(),
        Search(tree, SolveOptions(1e-6), late=(0.0, 0.05)).run(),
    )
    assert loose.status is Status.OPTIMAL and loose.nodes < tight.nodes
    assert loose.gap is not None and loose.gap <= 0.05 + 1e-9  # a node cut at the very gap proves no more


def test_hosts_stacks_and_halls_together_are_those_of_highs_and_a_lasting_search_goes_on() -> None:
    engine, bounds = engine_of("two-hosts"), Bounds(min_control_points=60.0)
    tree = engine.searchable({})
    for one in (engine, tree):
        one.policy(bounds)
        one.minimise("cost")
    engine.integers(*PATTERN, *HALLS)
    theirs = engine.live.solve(gap=1e-3)
    at_once = Search(tree, SolveOptions(1e-3)).run()
    assert theirs.objective is not None and at_once.objective is not None and at_once.x is not None
    assert at_once.objective == pytest.approx(theirs.objective, rel=2e-3)
    for family in (*PATTERN, *HALLS):
        values = engine.family(at_once.x, family).to_numpy(float)
        assert np.abs(values - values.round()).max(initial=0.0) < 1e-6
    lasting = branch_and_bound.Search(tree, SolveOptions(0.2), lasting=True)
    first, second = lasting.run(), lasting.go_on(SolveOptions(1e-3))
    assert first.bound is not None and second.bound is not None and second.gap is not None
    assert first.bound < second.bound <= theirs.objective * (1 + 1e-7)
    assert second.gap <= 1e-3 + 1e-9 and second.objective == pytest.approx(at_once.objective, rel=2e-3)
    twice = lasting.go_on(SolveOptions(1e-3))
    assert (twice.nodes, twice.bound) == (second.nodes, second.bound), "nothing is left to look into"


def test_a_long_search_for_halls_tries_roundings_of_its_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the halls of late years whole on top of those before; dives alone have no plan after as many nodes."""
    engine = engine_of("uae")
    places = engine.searchable()
    bounds = Bounds(max_delay_months=12.0, min_control_points=60.0)
    places.policy(bounds)
    places.minimise("cost")
    found = Search(places, SolveOptions(0.0), good_enough=np.inf, rounding=True).run()
    assert found.x is not None
    tree = engine.searchable({f: engine.family(found.x, f).round().to_numpy(float) for f in PATTERN})
    tree.policy(bounds)
    tree.minimise("cost")
    plans = []
    for after in (1, 1000):
        monkeypatch.setattr(branch_and_bound, "ROUNDED_AFTER", after)
        search = Search(tree, SolveOptions(0.0))
        search.ask(SolveOptions(0.0), most_nodes=10)
        plans.append(search.run())
    rounded, dived = plans
    assert dived.x is None and rounded.x is not None and rounded.bound is not None
    assert rounded.bound <= (rounded.objective or 0.0)
    assert engine.family(rounded.x, "halls_late").sum() > 0
    for family in HALLS:
        values = engine.family(rounded.x, family).to_numpy(float)
        assert np.abs(values - values.round()).max(initial=0.0) < 1e-6


def test_what_one_host_has_is_searched_anew_with_all_others_held() -> None:
    """Halls too many at every host go, and the bound of a part is taken for none of the whole."""
    engine = engine_of("uae")
    best, tree = halls_of(engine)
    assert best.x is not None and best.objective is not None
    search = Search(tree, SolveOptions(1e-4))
    dear = best.x.copy()
    for family in ("halls", "halls_late"):
        own = engine.arrays.columns[family].slice
        dear[own] += 2.0 * (best.x[own] > 0.5)
    search.try_plan(dear)
    assert search.best is not None and search.best.x is not None and search.best.objective is not None
    before, held = search.best.objective, search.best.x[search.searched.full]
    assert before > 1.001 * best.objective
    one, *others = search.searched.hosts
    assert others
    search.turn(one, 50, 1e-3)
    assert (np.delete(search.best.x[search.searched.full], one).round() == np.delete(held, one).round()).all()
    search.in_turn()
    assert search.best.x is not None and search.best.objective is not None and search.lowest == -np.inf
    assert search.best.objective - best.objective < 0.2 * (before - best.objective)
    values = search.best.x[search.searched.full]
    assert np.abs(values - values.round()).max() < 1e-6


def test_hosts_have_their_turn_once_in_a_long_search_for_halls(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_of("grid-late")
    _, halls = halls_of(engine)
    places, turns = engine.searchable(), list[Search]()
    real = Search.in_turn

    def turned(search: Search) -> None:
        turns.append(search)
        real(search)

    monkeypatch.setattr(Search, "in_turn", turned)
    _, without_plant = halls_of(engine_of("uae"))
    for after, tree in ((10_000, halls), (1, places), (1, without_plant), (1, halls)):
        monkeypatch.setattr(branch_and_bound, "TURNED_AFTER", after)
        Search(tree, SolveOptions(0.0), absolute_gap=0.0).run()
    assert [search.tree for search in turns] == [halls]


def halls_of(engine: Engine) -> tuple[Solution, Engine]:
    """Least cost of whole halls at the places of least cost, and the tree that they are searched in."""
    places = engine.searchable()
    places.policy(Bounds())
    places.minimise("cost")
    found = Search(places, SolveOptions(1e-3)).run()
    assert found.x is not None
    tree = engine.searchable({f: engine.family(found.x, f).round().to_numpy(float) for f in PATTERN})
    tree.policy(Bounds())
    tree.minimise("cost")
    return Search(tree, SolveOptions(1e-4)).run(), tree


def test_a_fair_plan_ends_the_search_once_the_bound_is_above_what_is_of_use() -> None:
    tree = engine_of("two-hosts").searchable({})
    tree.policy(Bounds(min_control_points=60.0))
    tree.minimise("cost")
    best = Search(tree, SolveOptions(1e-3)).run()
    assert best.objective is not None
    hopeless = best.objective * 0.97
    short = Search(tree, SolveOptions(1e-3), hopeless=(hopeless, 0.5)).run()
    assert short.nodes < best.nodes and short.x is not None
    assert short.bound is not None and hopeless < short.bound <= best.objective * (1 + 1e-9)


def test_plans_one_step_away_have_a_run_at_any_other_place() -> None:
    searched = Searched(engine_of("uae").searchable())
    places = next(own for own in searched.runs if len(own) > 1 and searched.high[own].all())
    here, *others = places
    plan = searched.low.copy()
    plan[here] = 1.0
    moved = {int(at) for near in searched.neighbours(plan) if near[here] == 0 for at in places if near[at]}
    assert moved == set(map(int, others))


@pytest.mark.parametrize(
    ("goal", "bounds", "solver"),
    [("delay", Bounds(), "choose"), ("delay", Bounds(max_cost_musd=1e4), "ipm"), ("cost", Bounds(), "ipm")],
)
def test_a_root_is_solved_from_the_slacks_where_these_are_near(
    goal: str, bounds: Bounds, solver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = engine_of("two-hosts").searchable()
    tree.policy(bounds)
    tree.minimise(goal)
    search, used = Search(tree, SolveOptions(GAP)), []
    watched = search.watched

    def watch(time_limit_s: float) -> Solution:
        used.append(tree.live.highs.getOptionValue("solver")[1])
        return watched(time_limit_s)

    monkeypatch.setattr(search, "watched", watch)
    search.run()
    assert used[0] == solver


def test_halls_go_on_at_the_other_answer_until_there_is_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a limit just suffices, few of the nodes of least bound have a plan below them."""
    tree = engine_of("uae").searchable({})
    tree.minimise("cost")
    honest, seen = Search.follow, []

    def watched(self: Search, node: Node, found: Solution) -> Node | None:
        following = honest(self, node, found)
        if following is not None:
            seen.append((self.best is None, self.beside is not None))
        return following

    monkeypatch.setattr(Search, "follow", watched)
    search = Search(tree, SolveOptions(GAP))
    search.ask(SolveOptions(GAP), most_nodes=200)
    search.run()
    assert set(seen) == {(True, True), (False, False)}
