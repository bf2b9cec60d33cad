"""The compiler gives exactly the matrix of ordinary Pyomo, and an error that names the place where it cannot.

The other side of every comparison is `reference_arrays`: Pyomo builds each row and Pyomo's own code reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyomo.environ as pe
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from planner.case.build import build_case
from planner.case.case import Case
from planner.models.build import build_model
from planner.models.rules import Formula, Goal, Rule, new_model
from planner.scenario.schema import Scenario
from planner.solver.arrays import Arrays
from planner.solver.compile import CompileError, compile_model, reference_arrays
from planner.solver.highs import LiveHighs
from planner.solver.solution import Status

Build = Callable[[Any], None]


def case_of(root: Any, name: str, **limits: Any) -> Case:
    text = (root / "data" / "scenarios" / f"{name}.yaml").read_text(encoding="utf-8")
    raw = YAML(typ="safe").load(text)
    raw["limits"] = {**raw.get("limits", {}), **limits}
    return build_case(Scenario.model_validate(raw))


def assert_equal(ours: Arrays, theirs: Arrays) -> None:
    """Same rows, columns, entries, bounds and costs, in the same order and under the same names.

    A row may be negated as a whole where its left side is empty: the same constraint.
    """
    assert ours.shape == theirs.shape
    assert {n: b.index for n, b in ours.columns.items()} == {n: b.index for n, b in theirs.columns.items()}
    assert {n: b.index for n, b in ours.rows.items()} == {n: b.index for n, b in theirs.rows.items()}
    a, b = ours.matrix.tocsr().sorted_indices(), theirs.matrix.tocsr().sorted_indices()
    np.testing.assert_array_equal(a.indptr, b.indptr)
    np.testing.assert_array_equal(a.indices, b.indices)
    # Where the left side is a sum over an empty set, Pyomo takes it for a constant and the row is negated.
    filled = np.flatnonzero(np.diff(a.indptr))
    first = a.indptr[filled]
    flip = np.ones(a.shape[0])
    flip[filled] = np.sign(a.data[first] * b.data[first])
    np.testing.assert_allclose(a.data, b.data * np.repeat(flip, np.diff(a.indptr)), rtol=1e-12, atol=1e-13)
    theirs_lower = np.where(flip > 0, theirs.row_lower, -theirs.row_upper)
    theirs_upper = np.where(flip > 0, theirs.row_upper, -theirs.row_lower)
    np.testing.assert_allclose(ours.row_lower[filled], theirs_lower[filled], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(ours.row_upper[filled], theirs_upper[filled], rtol=1e-12, atol=1e-12)
    # A relation between numbers alone is to Pyomo only true or false, not a row with bounds.
    empty = np.diff(a.indptr) == 0
    for arrays in (ours, theirs):
        assert (arrays.row_lower[empty] <= 1e-12).all() and (arrays.row_upper[empty] >= -1e-12).all()
    for name in ("cost", "col_lower", "col_upper"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(ours.integrality, theirs.integrality)
    assert ours.offset == pytest.approx(theirs.offset, rel=1e-12, abs=1e-12)
    assert ours.maximize == theirs.maximize


def both(build: Build) -> tuple[Arrays, Arrays]:
    """The same lines compiled from recorded rules, and built and read by Pyomo."""
    lazy, plain = new_model("m", True), new_model("m", False)
    build(lazy)
    build(plain)
    return compile_model(lazy), reference_arrays(plain)


def compiled(build: Build) -> Arrays:
    m = new_model("m")
    build(m)
    return compile_model(m)


def sets(m: Any) -> None:
    """T = 0..3, K = a, b, c, PAIR = four pairs of them, OF[k] = the periods of k in PAIR."""
    m.T = pe.Set(initialize=range(4), dimen=1)
    m.K = pe.Set(initialize=["a", "b", "c"], dimen=1)
    m.PAIR = pe.Set(initialize=[("a", 0), ("a", 3), ("b", 2), ("c", 1)], dimen=2)
    m.OF = pe.Set(m.K, initialize={"a": [0, 3], "b": [2], "c": []}, dimen=1)
    m.x = pe.Var(m.PAIR, domain=pe.NonNegativeReals, dense=False)
    m.y = pe.Var(m.T, bounds=(-2, 7), dense=False)
    m.w = pe.Param(m.PAIR, initialize={("a", 0): 1.5, ("a", 3): -2.0, ("b", 2): 0.25, ("c", 1): 4.0})
    m.s = pe.Var(domain=pe.Integers, bounds=(0, 9))


# ---- the real models


def test_two_hosts_is_the_matrix_of_ordinary_pyomo(root: Any) -> None:
    case = case_of(root, "two-hosts", min_control=60, capital_musd_total=900)
    ours = compile_model(build_model(case)[0])
    assert_equal(ours, reference_arrays(build_model(case, lazy=False)[0]))
    assert ours.signature()[2] > 3000


@pytest.mark.slow
def test_korea_is_the_matrix_of_ordinary_pyomo(root: Any) -> None:
    caps = [{"year": 2028, "musd": 2000}]
    case = case_of(root, "korea", min_control=55, capital_musd_total=9000, capital_musd_by_year=caps)
    ours, theirs = (
        compile_model(build_model(case)[0]),
        reference_arrays(build_model(case, lazy=False)[0]),
    )
    assert_equal(ours, theirs)
    assert ours.signature()[2] > 80_000


@pytest.mark.untraced
def test_two_hosts_has_the_optimum_that_pyomo_finds(root: Any) -> None:
    """Through Pyomo's own interface to HiGHS, which shares nothing with the compiler."""
    case = case_of(root, "two-hosts")
    model = build_model(case, lazy=False)[0]
    pe.TransformationFactory("core.relax_integer_vars").apply_to(model)
    model.goal = pe.Objective(expr=model.cost)
    pe.SolverFactory("appsi_highs").solve(model)
    live = LiveHighs(compile_model(build_model(case)[0]))
    live.relax()
    live.set_objective({"cost": 1.0})
    solution = live.solve()
    assert solution.status is Status.OPTIMAL and solution.objective is not None
    assert solution.objective == pytest.approx(pe.value(model.cost), rel=1e-9)
    assert solution.objective > 1.0


# ---- single features


def features() -> dict[str, Build]:
    def ranged(m: Any) -> None:
        m.low = pe.Param(m.T, initialize={t: float(t) for t in range(4)})
        m.row = Rule(m.T, rule=lambda m, t: pe.inequality(m.low[t], m.y[t] + 2 * m.s, m.low[t] + 5))

    def half_open_range(m: Any) -> None:
        m.low = pe.Param(m.T, initialize=dict.fromkeys(range(4), -float("inf")))
        m.row = Rule(m.T, rule=lambda m, t: pe.inequality(m.low[t], m.y[t], 3))

    def relation_of_three(m: Any) -> None:
        m.row = Rule(m.T, rule=lambda m, t: (1, m.y[t], 3))

    def scalar(m: Any) -> None:
        m.row = Rule(rule=lambda m: m.s - 3 <= sum(m.w[k, t] * m.x[k, t] for k, t in m.PAIR))

    def both_sides(m: Any) -> None:
        m.row = Rule(m.T, rule=lambda m, t: 3 * m.y[t] + 1 == m.y[t] - m.s + 4)

    def constant_left(m: Any) -> None:
        m.row = Rule(m.T, rule=lambda m, t: t * 2 >= m.y[t] + 1)

    def repeated(m: Any) -> None:
        m.row = Rule(m.T, rule=lambda m, t: m.y[t] + m.y[t] + sum(m.y[u] for u in m.T) - m.y[t] <= 4)

    def cancelled(m: Any) -> None:
        m.row = Rule(m.T, rule=lambda m, t: m.y[t] - m.y[t] + m.s <= 4)

    def sum_of_sums(m: Any) -> None:
        m.row = Rule(rule=lambda m: sum(sum(m.y[u] for u in m.OF[k]) * 2 for k in m.K) >= 1)

    def empty_sum(m: Any) -> None:
        m.row = Rule(m.K, rule=lambda m, k: sum(m.y[u] for u in m.OF[k]) + m.s <= 2)

    def empty_set(m: Any) -> None:
        m.NONE = pe.Set(initialize=[], dimen=2)
        m.z = pe.Var(m.NONE, dense=False)
        m.row = Rule(m.NONE, rule=lambda m, k, t: m.z[k, t] <= 1)
        m.all = Rule(rule=lambda m: sum(m.z[k, t] for k, t in m.NONE) + m.s <= 3)

    def constants_of_a_sum(m: Any) -> None:
        m.row = Rule(m.K, rule=lambda m, k: sum(m.y[u] + u for u in m.OF[k]) + m.s <= 10)

    def computed_index(m: Any) -> None:
        m.before = pe.Param(m.T, initialize={t: (t - 1) % 4 for t in range(4)})
        m.row = Rule(m.T, rule=lambda m, t: m.y[t] == m.y[m.before[t]] + 1)

    def shifted_index(m: Any) -> None:
        m.later = pe.Set(initialize=[1, 2, 3], dimen=1)
        m.row = Rule(m.later, rule=lambda m, t: m.y[t] >= m.y[t - 1])

    def literal_index(m: Any) -> None:
        m.row = Rule(m.T, rule=lambda m, t: m.x["a", 3] + m.y[t] <= 8)

    def product_of_sets(m: Any) -> None:
        m.z = pe.Var(m.K, m.T, bounds=(0, 1), dense=False)
        m.row = Rule(m.K, m.T, rule=lambda m, k, t: m.z[k, t] * (t + 1) <= m.s / 4)

    def formula(m: Any) -> None:
        m.need = Formula(m.T, rule=lambda m, t: 2 * m.y[t] - m.s + 1)
        m.all = Formula(rule=lambda m: sum(m.need[t] for t in m.T))
        m.row = Rule(m.T, rule=lambda m, t: 3 * m.need[t] <= m.all + 2)

    def ordinary_expression(m: Any) -> None:
        m.need = pe.Expression(expr=2 * m.s + 1)
        m.row = Rule(m.T, rule=lambda m, t: m.need + m.y[t] <= 9)

    def fixed(m: Any) -> None:
        m.y[2].fix(3.5)
        m.s.fix(4)
        m.row = Rule(m.T, rule=lambda m, t: m.y[t] + m.s >= -1)

    def touched_bounds(m: Any) -> None:
        m.y[1].setub(1.25)
        m.y[3].setlb(None)
        m.x["b", 2].domain = pe.Binary
        m.row = Rule(m.T, rule=lambda m, t: m.y[t] >= -1)

    def bounds_by_index(m: Any) -> None:
        m.top = pe.Param(m.PAIR, initialize={i: 2.0 * n for n, i in enumerate(m.PAIR)})
        m.z = pe.Var(
            m.PAIR, domain=pe.NonNegativeIntegers, bounds=lambda m, k, t: (0, m.top[k, t]), dense=False
        )

    def default_param(m: Any) -> None:
        m.d = pe.Param(m.T, initialize={1: 2.0}, default=0.5)
        m.row = Rule(m.T, rule=lambda m, t: m.d[t] * m.y[t] <= m.d[t])

    def functions(m: Any) -> None:
        m.c = pe.Param(m.T, initialize={t: 1.0 + t for t in range(4)})
        m.row = Rule(
            m.T,
            rule=lambda m, t: pe.exp(-m.c[t]) * m.y[t] + m.c[t] ** 2 * m.s / pe.sqrt(m.c[t]) <= abs(-m.c[t]),
        )

    def built_row(m: Any) -> None:
        m.built = pe.Constraint(m.T, rule=lambda m, t: m.y[t] <= 5 if t > 1 else pe.Constraint.Skip)
        m.built[3].deactivate()

    def inactive(m: Any) -> None:
        m.row = Rule(m.T, rule=lambda m, t: m.y[t] <= 5)
        m.row.deactivate()

    def goal(m: Any) -> None:
        m.goal = Goal(
            rule=lambda m: 3 + sum(m.w[k, t] * m.x[k, t] for k, t in m.PAIR) - m.s, sense=pe.maximize
        )

    return {name: f for name, f in locals().items() if callable(f)}


@pytest.mark.parametrize("name", sorted(features()))
def test_feature_gives_the_matrix_of_ordinary_pyomo(name: str) -> None:
    def build(m: Any) -> None:
        sets(m)
        features()[name](m)

    assert_equal(*both(build))


def test_mutable_params_are_recorded_with_all_they_touch() -> None:
    def build(m: Any, price: float = 2.0, cap: float = 5.0) -> None:
        sets(m)
        m.price = pe.Param(initialize=price, mutable=True)
        m.cap = pe.Param(m.T, initialize=dict.fromkeys(range(4), cap), mutable=True)
        m.top = pe.Param(initialize=6.0, mutable=True)
        m.z = pe.Var(m.T, bounds=lambda m, t: (0, m.top), dense=False)
        m.row = Rule(m.T, rule=lambda m, t: m.price * m.y[t] + m.s <= m.cap[t])
        m.other = Rule(m.T, rule=lambda m, t: m.y[t] >= -1)
        m.goal = Goal(rule=lambda m: m.price * m.s + m.price + m.y[0])

    arrays = compiled(build)
    price, cap, top = (arrays.params[name] for name in ("price", "cap", "top"))
    y, s = arrays.columns["y"], arrays.columns["s"]
    rows = arrays.rows["row"]
    assert price.entries.tolist() == [[rows.start + t, y.start + t] for t in range(4)]
    assert price.costs.tolist() == [s.start] and price.in_offset
    assert len(price.rows) == 0 and len(cap.entries) == 0
    assert cap.rows.tolist() == list(range(rows.start, rows.stop))
    assert top.bounds.tolist() == list(range(arrays.columns["z"].start, arrays.columns["z"].stop))
    # Nothing but the recorded places may move with the values.
    moved = compiled(lambda m: build(m, price=3.0, cap=7.0))
    changed = np.argwhere((arrays.matrix != moved.matrix).toarray())
    np.testing.assert_array_equal(changed, price.entries)
    np.testing.assert_array_equal(np.flatnonzero(arrays.row_upper != moved.row_upper), cap.rows)
    np.testing.assert_array_equal(np.flatnonzero(arrays.cost != moved.cost), price.costs)


# ---- errors name component and index


def broken() -> dict[str, tuple[Build, list[str]]]:
    """A rule that must be refused, and the words its message must hold."""

    def absent_variable(m: Any) -> None:
        m.row = Rule(m.K, m.T, rule=lambda m, k, t: m.x[k, t] <= 1)

    def absent_shift(m: Any) -> None:
        m.row = Rule(m.T, rule=lambda m, t: m.y[t] >= m.y[t - 1])

    def absent_param(m: Any) -> None:
        m.row = Rule(m.T, rule=lambda m, t: m.w["a", t] * m.y[t] <= 1)

    def no_value(m: Any) -> None:
        m.p = pe.Param(m.T, initialize={0: 1.0})
        m.row = Rule(m.T, rule=lambda m, t: m.p[t] * m.y[t] <= 1)

    def literal_nowhere(m: Any) -> None:
        m.row = Rule(m.T, rule=lambda m, t: m.x["nosuch", t] <= 1)

    def no_set(m: Any) -> None:
        m.FEW = pe.Set(m.K, initialize={"a": [0]}, dimen=1)
        m.row = Rule(m.K, rule=lambda m, k: sum(m.y[u] for u in m.FEW[k]) <= 1)

    def product(m: Any) -> None:
        m.row = Rule(m.T, rule=lambda m, t: m.y[t] * m.s <= 1)

    def power(m: Any) -> None:
        m.row = Rule(m.T, rule=lambda m, t: m.y[t] ** 2 <= 1)

    def divided(m: Any) -> None:
        m.row = Rule(m.T, rule=lambda m, t: 1 / m.y[t] <= 1)

    def by_zero(m: Any) -> None:
        m.p = pe.Param(m.T, initialize={t: float(t) for t in range(4)})
        m.row = Rule(m.T, rule=lambda m, t: m.y[t] / m.p[t] <= 1)

    def branch(m: Any) -> None:
        m.row = Rule(m.T, rule=lambda m, t: m.y[t] <= 1 if t > 1 else m.y[t] <= 2)

    def branch_equal(m: Any) -> None:
        m.row = Rule(m.T, rule=lambda m, t: m.y[t] <= (1 if t == 0 else 2))

    def filtered(m: Any) -> None:
        m.row = Rule(rule=lambda m: sum(m.y[t] for t in m.T if t > 1) <= 1)

    def looked_up(m: Any) -> None:
        prices = dict.fromkeys(range(4), 1.0)
        m.row = Rule(m.T, rule=lambda m, t: prices[t] * m.y[t] <= 1)

    def loop(m: Any) -> None:
        def rule(m: Any) -> Any:
            total = 0
            for t in m.T:
                total = total + m.y[t]
            return total <= 1

        m.row = Rule(rule=rule)

    def no_relation(m: Any) -> None:
        m.row = Rule(m.T, rule=lambda m, t: m.y[t] + 1)

    def strict(m: Any) -> None:
        m.row = Rule(m.T, rule=lambda m, t: m.y[t] < 1)

    def infinite(m: Any) -> None:
        m.p = pe.Param(m.T, initialize=dict.fromkeys(range(4), float("inf")))
        m.row = Rule(m.T, rule=lambda m, t: m.p[t] * m.y[t] <= 1)

    def not_a_number(m: Any) -> None:
        m.p = pe.Param(m.T, initialize={0: 1.0, 1: float("nan"), 2: 1.0, 3: 1.0})
        m.row = Rule(m.T, rule=lambda m, t: m.y[t] <= m.p[t])

    def two_goals(m: Any) -> None:
        m.first, m.second = Goal(rule=lambda m: m.s), Goal(rule=lambda m: m.y[0])

    def elsewhere(m: Any) -> None:
        other = new_model("other")
        other.z = pe.Var()
        m.row = Rule(rule=lambda m: other.z + m.s <= 1)

    named = {
        "absent_variable": ["row[a,1]", "x", "('a', 1)"],
        "absent_shift": ["row[0]", "y", "(-1,)"],
        "absent_param": ["row[1]", "w", "('a', 1)"],
        "no_value": ["row[1]", "p", "no value"],
        "literal_nowhere": ["row[0]", "x", "nosuch"],
        "no_set": ["row[b]", "FEW"],
        "product": ["row", "not linear"],
        "power": ["row", "not linear"],
        "divided": ["row", "not linear"],
        "by_zero": ["row[0]"],
        "branch": ["row", "branch"],
        "branch_equal": ["row", "branch"],
        "filtered": ["row", "filter"],
        "looked_up": ["row"],
        "loop": ["row", "loops over T"],
        "no_relation": ["row", "not a relation"],
        "strict": ["row", "<"],
        "infinite": ["row[0]", "inf"],
        "not_a_number": ["row[1]", "not a number"],
        "two_goals": ["first", "second"],
        "elsewhere": ["row", "z"],
    }
    builds = locals()
    return {name: (builds[name], words) for name, words in named.items()}


@pytest.mark.parametrize("name", sorted(broken()))
def test_refused_with_the_place(name: str) -> None:
    build, words = broken()[name]

    def all_of_it(m: Any) -> None:
        sets(m)
        build(m)

    with pytest.raises(CompileError) as caught:
        compiled(all_of_it)
    for word in words:
        assert word in str(caught.value), str(caught.value)


def test_a_built_row_that_is_not_linear_names_its_index() -> None:
    def build(m: Any) -> None:
        sets(m)
        m.built = pe.Constraint(m.T, rule=lambda m, t: m.y[t] * m.s <= 1 if t == 2 else m.y[t] <= 1)

    with pytest.raises(CompileError, match=r"built\[2\].*not linear"):
        compiled(build)


# ---- random models

numbers = st.floats(-50, 50, allow_nan=False).map(lambda v: round(v, 3))


@st.composite
def random_models(draw: Any) -> Build:
    """A model of random sets, values, domains and rules; every run of the builder gives the same one."""
    names = draw(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=4, unique=True))
    n = draw(st.integers(1, 5))
    cells = [(k, t) for k in names for t in range(n)]
    pairs = draw(st.lists(st.sampled_from(cells), unique=True, max_size=len(cells)))
    full = {cell: draw(numbers) for cell in cells}
    sparse = {pair: draw(numbers) for pair in pairs}
    line = {t: draw(numbers) for t in range(n)}
    where = {t: draw(st.integers(0, n - 1)) for t in range(n)}
    bounds = {pair: sorted((draw(numbers), draw(numbers))) for pair in pairs}
    domain = draw(st.sampled_from([pe.Reals, pe.NonNegativeReals, pe.NonNegativeIntegers, pe.Integers]))
    mutable = draw(st.booleans())
    fixed = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=2)) if pairs else []
    maximise = draw(st.booleans())
    wanted = draw(st.lists(st.integers(0, 7), min_size=1, max_size=6))

    def build(m: Any) -> None:
        m.K, m.T = pe.Set(initialize=names, dimen=1), pe.Set(initialize=range(n), dimen=1)
        m.P = pe.Set(initialize=pairs, dimen=2)
        m.at = pe.Set(m.K, initialize={k: [t for j, t in pairs if j == k] for k in names}, dimen=1)
        m.low = pe.Param(m.P, initialize={p: b[0] for p, b in bounds.items()})
        m.high = pe.Param(m.P, initialize={p: b[1] for p, b in bounds.items()})
        m.full = pe.Param(m.K, m.T, initialize=full, mutable=mutable)
        m.sparse = pe.Param(m.P, initialize=sparse, mutable=mutable)
        m.line = pe.Param(m.T, initialize=line)
        m.where = pe.Param(m.T, initialize=where)
        m.x = pe.Var(m.P, bounds=lambda m, k, t: (m.low[k, t], m.high[k, t]), dense=False)
        m.z = pe.Var(m.K, m.T, domain=domain, dense=False)
        m.v = pe.Var(m.T, dense=False)
        m.one = pe.Var(bounds=(0, 3))
        m.both = Formula(m.P, rule=lambda m, k, t: m.sparse[k, t] * m.x[k, t] - m.v[t] + m.full[k, t])
        for index in fixed:
            m.x[index].fix(1.0)
        rules: list[tuple[tuple[Any, ...], Any]] = [
            ((m.P,), lambda m, k, t: m.sparse[k, t] * m.x[k, t] + m.z[k, t] <= m.full[k, t]),
            ((m.K,), lambda m, k: sum(m.x[k, t] * m.line[t] for t in m.at[k]) >= m.one - 1),
            ((m.T,), lambda m, t: m.v[t] == m.v[m.where[t]] * m.line[t] + 2 * m.v[t] - m.one),
            ((m.K, m.T), lambda m, k, t: pe.inequality(-100, m.full[k, t] * (m.z[k, t] + 1), 100 + m.line[t] * 0)),
            ((m.P,), lambda m, k, t: m.both[k, t] / 4 - m.both[k, t] * 2 <= m.one),
            ((), lambda m: sum(sum(m.z[k, t] for t in m.T) * 3 for k in m.K) <= sum(m.line[t] for t in m.T)),
            ((m.T,), lambda m, t: sum(m.full[k, t] * m.z[k, u] for k in m.K for u in m.T) == m.line[t] * t),
            ((m.K,), lambda m, k: -(sum(m.x[k, t] + m.sparse[k, t] for t in m.at[k])) <= -m.one),
        ]  # fmt: skip
        for number, pick in enumerate(wanted):
            index, rule = rules[pick]
            setattr(m, f"row{number}", Rule(*index, rule=rule))
        sense = pe.maximize if maximise else pe.minimize
        m.goal = Goal(
            rule=lambda m: sum(m.both[k, t] for k, t in m.P) + sum(m.line[t] * m.v[t] for t in m.T) + 7,
            sense=sense,
        )

    return build


@given(random_models())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
def test_random_models_give_the_matrix_of_ordinary_pyomo(build: Build) -> None:
    assert_equal(*both(build))


def test_values_come_back_under_their_index(root: Any) -> None:
    arrays = compile_model(build_model(case_of(root, "two-hosts"))[0])
    x = np.arange(arrays.shape[1], dtype=float)
    rent = arrays.series("rent", x)
    block = arrays.columns["rent"]
    for index in list(rent.index)[:5]:
        assert rent[index] == block.position(index)
    assert arrays.column_name(block.start).startswith("rent[cloud,us-cloud,")
    assert arrays.row_name(arrays.rows["cost_sum"].start) == "cost_sum"
