"""What protects the price of lumps: no plan of whole halls is lost, and the bound without whole numbers is near to it."""

from __future__ import annotations

import numpy as np
import pytest

from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.solver.engine import HALLS, PATTERN, Engine
from planner.solver.lumps import HALL_LINK, LUMP_LEFT, with_lumps

SMALL = {
    "horizon.years": 3,
    "demand[assistant].size.points": [
        {"at": "2027-01-01", "value": 40},
        {"at": "2029-12-31", "value": 160},
    ],
    "demand[assistant].survival_share": 0.5,
    "demand[assistant].survive_from": "2029-01-01",
    "hosts[champion].max_it_mw": 5,
    "hosts[cloud].mode": "colocation",
    "hosts[cloud].owner_class": "national-champion",
    "hosts[cloud].operator": "champion",
    "hosts[cloud].stacks": ["champion-us-chips"],
}
"""A tenth of a hall has room for all; what is served from the third year on needs both places."""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(build_case(with_overrides(load_scenario(example_path("two-hosts")), SMALL)))


def least_cost(engine: Engine, *whole: str) -> float:
    engine.minimise("cost")
    engine.integers(*whole)
    found = engine.live.solve(gap=1e-7)
    assert found.objective is not None
    return found.objective


def test_no_plan_of_whole_halls_is_lost_and_parts_of_them_cost_what_lumps_do(engine: Engine) -> None:
    whole = least_cost(engine, *PATTERN, *HALLS)
    lumped = engine.of_lumps()
    assert least_cost(lumped, *PATTERN, *HALLS) == pytest.approx(whole, rel=1e-6)
    assert least_cost(engine) < 0.7 * whole < 0.9 * least_cost(lumped)


@pytest.mark.parametrize("seed", range(3))
def test_no_plan_of_whole_halls_is_lost_in_random_cases(seed: int) -> None:
    """Places that are built, leased or stand in part, of which one may be lost."""
    rng = np.random.default_rng(seed)
    first, last = sorted(rng.integers(5, 160, 2).tolist())
    points = [{"at": "2027-01-01", "value": first}, {"at": "2029-12-31", "value": last}]
    hall = {"id": "hall", "host": "champion", "it_mw": 0.5, "grid_mw": 3, "backup_mw": 3}
    changes = SMALL | {
        "horizon.step": "half-year",
        "demand[assistant].size.points": points,
        "demand[assistant].survival_share": float(rng.choice([0.3, 1.0])),
        "hosts[champion].max_it_mw": int(rng.choice([5, 8])),
        "existing": {"halls": [hall] * (seed == 2)},
    }
    engine = Engine(build_case(with_overrides(load_scenario(example_path("two-hosts")), changes)))
    whole = least_cost(engine, *PATTERN, *HALLS)
    assert engine.lumped.rows[LUMP_LEFT].size
    assert least_cost(engine.of_lumps(), *PATTERN, *HALLS) == pytest.approx(whole, rel=1e-6)


def test_rows_stand_where_a_hall_has_more_room_than_a_workload_needs(engine: Engine) -> None:
    rows = with_lumps(engine.arrays).rows
    assert {h for _, h, _ in rows[HALL_LINK].index} == {"champion"}
    assert {t for *_, t in rows[LUMP_LEFT].index} == set(range(8, 12))
    large = with_overrides(
        engine.case.scenario,
        {
            "demand[assistant].size.points": [
                {"at": "2027-01-01", "value": 9000},
                {"at": "2029-12-31", "value": 9000},
            ]
        },
    )
    assert not with_lumps(Engine(build_case(large)).arrays).rows[HALL_LINK].size


def test_no_hall_is_larger_than_its_host(engine: Engine) -> None:
    tight = with_lumps(engine.arrays)
    mw = engine.case.halls.set_index(["h", "b", "t"])["it_mw"]
    for family in ("halls", "halls_late"):
        most = tight.series(family, tight.col_upper)
        assert (np.isinf(most) | (most * mw.reindex(most.index) <= 5.0)).all()
        assert (most[mw.reindex(most.index) > 5.0] == 0.0).all()


def test_halls_and_runs_in_parts_are_searched_without_the_price_of_lumps(engine: Engine) -> None:
    parts, whole = engine.searchable(whole=False), engine.searchable()
    for tree in (parts, whole):
        tree.minimise("cost")
    assert parts.lp().objective < 0.9 * whole.lp().objective
