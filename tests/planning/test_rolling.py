"""What protects rounding in turn: where quotas bind every quarter, whole units are still found, and kept whole."""

from typing import Any

import numpy as np
import pytest

from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.planning.repair import rounded_up, whole_units
from planner.planning.rolling import in_turn
from planner.scenario.schema import Scenario
from planner.solver.engine import HALLS, PATTERN, UNITS, Engine
from planner.solver.highs import SMALLER_PROGRAMMES
from planner.solver.solution import Solution


def short_of_supply() -> Engine:
    """A hall that stands and 101 accelerators a quarter for a demand that wants 900: servers of 8 lose 5 each."""
    workload = {
        "id": "w", "kind": "inference", "sector": "x", "body": "private", "data_class": "public", "optional": True,
        "latency_class": "standard", "model_class": "large", "locality": {"where": "anywhere"},
        "size": {"by": "accelerators", "shape": "step", "points": [{"at": "2027-01-01", "value": 900}]},
    }  # fmt: skip
    host = {
        "id": "h", "site": "here", "mode": "build", "owner_class": "national-champion", "operator": "o",
        "stacks": ["champion-us-chips"], "max_it_mw": 20, "open_cost_musd": 1, "team_musd_per_year": 1,
    }  # fmt: skip
    quota = {"id": "q", "unit": "accelerators", "per": "quarter",
             "path": [{"from": "2027-01-01", "accelerators": 101}]}  # fmt: skip
    scenario = Scenario.model_validate({
        "planner": 1, "name": "tiny", "country": "KOR", "horizon": {"start": "2027-01-01", "years": 3},
        "demand": [workload],
        "sites": [{"id": "here", "metro": "KR-SEO", "grid_mw": [{"from": "2027-01-01", "mw": 40}]}],
        "hosts": [host], "stacks": [{"id": "champion-us-chips", "lead_months": 0}],
        "systems": [{"id": k, "available_from": "2026-06-01", "delivery_months": 3} for k in ("hgx-b300", "mi355x-8")],
        "existing": {"halls": [{"id": "old", "host": "h", "it_mw": 8, "grid_mw": 16, "backup_mw": 16,
                                "cooling": {"air-chilled-water": 16}}]},
        "supply": {"owner_allocations": False, "quotas": [quota]},
        "solve": {"quality": "quick", "slices": 1},
    })  # fmt: skip
    engine = Engine(build_case(scenario))
    engine.integers()
    return engine


def divisible(engine: Engine, months: float) -> Solution:
    """The linear programme under a cap on delay, with places and halls held."""
    engine.policy(Bounds(max_delay_months=months))
    engine.minimise("cost")
    found = engine.live.solve()
    assert found.x is not None
    for family in (*PATTERN, *HALLS):
        engine.fix(family, engine.family(found.x, family).round(6).to_numpy(float))
    return found


def least_months(engine: Engine) -> float:
    engine.policy()
    engine.minimise("delay")
    found = engine.live.solve()
    assert found.x is not None
    return engine.value(found.x, "delay")


def test_units_are_whole_and_bounds_are_kept_where_rounding_up_fits_no_quota() -> None:
    engine = short_of_supply()
    months = least_months(engine) + 1.5
    found = divisible(engine, months)
    assert found.x is not None
    engine.fix(UNITS, rounded_up(engine.family(found.x, UNITS)))
    assert engine.live.solve().x is None, "the case must be one that plain rounding cannot serve"
    engine.fix(UNITS, None)
    whole = in_turn(engine, 1e-3, 30.0)
    assert whole.x is not None and whole.objective is not None and found.objective is not None
    units = engine.family(whole.x, UNITS)
    assert np.abs(units - units.round()).max() < 1e-6
    assert engine.value(whole.x, "delay") <= months + 1e-6
    ordered = 1000 * engine.family(whole.x, "order").groupby(level=3).sum()
    assert ordered.max() <= 101 + 1e-6
    engine.fix(UNITS, None)
    engine.integers(UNITS)
    best = engine.live.solve(gap=1e-4, time_limit_s=60)
    engine.integers()
    assert best.objective is not None and whole.objective <= best.objective * 1.02
    again = whole_units(engine, found.x, 1e-3, 30.0)  # the way of the pipeline
    assert again.objective == pytest.approx(whole.objective, rel=1e-6)


def test_where_no_whole_units_fit_it_says_so_and_frees_them() -> None:
    engine = short_of_supply()
    divisible(engine, least_months(engine) + 1e-3)  # all 101 of every quarter are needed
    assert in_turn(engine, 1e-3, 30.0).x is None
    assert engine.live.solve().x is not None


def test_the_programme_of_last_periods_ends_at_a_plan_that_is_good_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine, asked = short_of_supply(), []
    divisible(engine, least_months(engine) + 1.5)
    solve = engine.solve

    def smaller_programmes() -> set[Any]:
        return {engine.live.highs.getOptionValue(name)[1] for name in SMALLER_PROGRAMMES}

    def spied(**options: Any) -> Solution:
        if engine.live.has_integers:
            asked.append((options["good_enough"], smaller_programmes()))
        return solve(**options)

    monkeypatch.setattr(engine, "solve", spied)
    assert in_turn(engine, 0.0, 30.0, good_enough=1e9).x is not None
    assert asked and all(one == (1e9, {False}) for one in asked), "by its tree alone"
    assert smaller_programmes() == {True}, "other programmes are solved as before"
