"""What protects aggregation: the least values of the full programme, values that fit it, nothing merged that differs."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario
from planner.models.build import build_model
from planner.solver.aggregate import WORKED, Aggregation
from planner.solver.arrays import Arrays, Floats
from planner.solver.compile import compile_model
from planner.solver.highs import LiveHighs
from planner.solver.solution import Status

GOALS = ("cost", "delay", "control")
FEW, MANY = 3, 60
SEEDS = [*range(FEW), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(FEW, MANY))]


def arrays_of(case: Any) -> Arrays:
    return compile_model(build_model(case)[0])


def least(arrays: Arrays, goal: str, months: float) -> tuple[float | None, Floats | None]:
    """Least cost or delay, or most control, of the relaxation, with the same bound on the delay of every workload."""
    live = LiveHighs(arrays)
    live.relax()
    live.set_objective({goal: -1.0 if goal == "control" else 1.0})
    live.set_col_bounds("delay_w", 0.0, months)
    found = live.solve()
    assert found.status in (Status.OPTIMAL, Status.INFEASIBLE)
    return found.objective, found.x


def fits(arrays: Arrays, x: Floats) -> None:
    rows = arrays.matrix @ x
    scale = 1e-6 * (1 + np.abs(rows))
    assert (rows >= arrays.row_lower - scale).all() and (rows <= arrays.row_upper + scale).all()
    assert (x >= arrays.col_lower - 1e-6).all() and (x <= arrays.col_upper + 1e-6).all()


def same(arrays: Arrays) -> Aggregation:
    """Asserts that the aggregated programme has the same least values, and that its values fit the full one."""
    small = Aggregation(arrays)
    for goal, months in itertools.product(GOALS, (8.0, np.inf)):
        (full, _), (own, x) = least(arrays, goal, months), least(small.arrays, goal, months)
        assert (own is None) is (full is None)
        if own is not None and x is not None:
            assert own == pytest.approx(full, rel=1e-9, abs=1e-9)
            values = small.full(x)
            fits(arrays, values)
            assert values[arrays.columns[goal].start] == pytest.approx(abs(own), rel=1e-9, abs=1e-9)
    return small


@pytest.fixture(scope="module")
def example() -> Arrays:
    return arrays_of(build_case(load_scenario(example_path("two-hosts"))))


COUNTRIES = [
    "uae",
    "korea",
    "kenya",
    "regional-hub",
    "poland",
    "india",
    "saudi-arabia",
    "kazakhstan",
    "grid-late",
]


@pytest.mark.untraced
@pytest.mark.parametrize(
    "name", ["two-hosts", *(pytest.param(name, marks=pytest.mark.slow) for name in COUNTRIES)]
)
def test_examples_have_the_same_optima(name: str) -> None:
    full = arrays_of(build_case(load_scenario(example_path(name))))
    assert same(full).arrays.matrix.nnz < full.matrix.nnz


def drawn(plain: dict[str, Any], seed: int) -> dict[str, Any]:
    """Two hosts, two systems, workloads that are alike and some that are not, with rules that speak of work."""
    pick = random.Random(seed)
    host, work = plain["hosts"][0], plain["demand"][0]
    hosts = [host, {**host, "id": "second", "site": "north", "hardware_price_factor": pick.uniform(0.8, 1.3)}]
    sites = [plain["sites"][0], {**plain["sites"][0], "id": "north", "metro": "KR-SEO"}]
    demand = []
    for i in range(5):
        size = {"by": "accelerators", "points": [{"at": "2027-01-01", "value": pick.uniform(50, 400)}]}
        load = {**work, "id": f"w{i}", "size": size, "preemptible": pick.random() < 0.5,
                "model_class": pick.choice(["large", "large", "medium"]), "priority": pick.choice([1, 2])}  # fmt: skip
        if pick.random() < 0.4:
            load |= {"survival_share": pick.uniform(0.1, 0.6), "survive_from": "2028-07-01"}
        demand.append(load)
    systems = [plain["systems"][0], {"id": "hgx-h200", "delivery_months": 3}]
    stock = {"host": "champion", "stack": "champion-us-chips", "system": "hgx-b300", "accelerators": 200,
             "id": "old", "since": "2023-07-01", "retire": "2028-07-01"}  # fmt: skip
    owned = {"existing": {"fleets": [stock]}} if pick.random() < 0.5 else {}
    return {**plain, "sites": sites, "hosts": hosts, "demand": demand, "systems": systems, **owned}


@pytest.mark.untraced
@pytest.mark.parametrize("seed", SEEDS)
def test_random_cases_have_the_same_optima(tiny, plain_catalog, seed: int) -> None:
    small = same(arrays_of(build_case(tiny(**drawn(tiny().model_dump(mode="json", by_alias=True, exclude_unset=True), seed)),
                                      plain_catalog())))  # fmt: skip
    assert {f"{name}_work" for name in WORKED} >= {n for n in small.arrays.columns if n.endswith("_work")}


@pytest.mark.parametrize("seed", SEEDS)
def test_what_differs_stays_apart(example: Arrays, seed: int) -> None:
    """Entries of work and of rows of preemptible work, changed at random: no rule of the model is like that."""
    pick = np.random.default_rng(seed)
    matrix = example.matrix.copy()
    work = np.zeros(example.shape[1], bool)
    for name in (*WORKED, "run"):
        work[example.columns[name].slice] = True
    at = np.flatnonzero(work[matrix.indices])
    if seed % 2:  # rows of the mean are left whole, or nothing of run is merged
        mean = example.rows["preemptible_mean"]
        row = np.repeat(np.arange(example.shape[0]), np.diff(matrix.indptr))
        at = at[(row[at] < mean.start) | (row[at] >= mean.stop)]
    changed = pick.choice(at, len(at) // 20, replace=False)
    matrix.data[changed] *= pick.uniform(0.5, 2.0, len(changed))
    small = same(replace(example, matrix=matrix))
    assert small.arrays.matrix.nnz >= Aggregation(example).arrays.matrix.nnz
