"""What protects sifting: the least value of the whole programme, whatever it starts from, and a bound that holds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario
from planner.solver import engine as engine_module
from planner.solver.arrays import Arrays
from planner.solver.engine import Engine
from planner.solver.offers import Offers
from planner.solver.progress import SolveOptions
from planner.solver.sift import OPEN_SHARE, likely, sift
from planner.solver.solution import Status


@dataclass(frozen=True)
class Asked:
    """A programme on aggregated arrays, and its least value by the ordinary way."""

    programme: Arrays
    offers: Offers
    least: float


@pytest.fixture(scope="module", params=["two-hosts", pytest.param("korea", marks=pytest.mark.slow)])
def asked(request: pytest.FixtureRequest) -> Asked:
    engine = Engine(build_case(load_scenario(example_path(request.param))))
    engine.policy(Bounds(max_delay_months=8.0, min_control_points=45.0))
    engine.integers()
    engine.minimise("cost")
    least = engine.lp().objective
    assert least is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_module, "LARGE_NONZEROS", 0)
        return Asked(engine.programme("cost"), Offers(engine.smaller), least)


def test_any_start_leads_to_the_same_least_value(asked: Asked) -> None:
    some = likely(asked.programme, asked.offers)
    for start in (some, np.zeros(len(some), bool), np.ones(len(some), bool)):
        found = sift(asked.programme, asked.offers, start, SolveOptions())
        assert found.found.objective == pytest.approx(asked.least, rel=2 * OPEN_SHARE)
        assert found.bound <= asked.least * (1 + 1e-6)
        assert found.bound >= asked.least * (1 - 2 * OPEN_SHARE)
        assert (found.offers >= start).all()


def test_values_fit_the_whole_programme(asked: Asked) -> None:
    found = sift(asked.programme, asked.offers, likely(asked.programme, asked.offers), SolveOptions()).found
    assert found.x is not None
    rows = asked.programme.matrix @ found.x
    scale = 1e-6 * (1 + np.abs(rows))
    assert (rows >= asked.programme.row_lower - scale).all() and (
        rows <= asked.programme.row_upper + scale
    ).all()


def test_offers_that_are_left_out_are_those_that_would_not_gain(asked: Asked) -> None:
    """An offer at a tenth of its price is bought, though it was not among the first."""
    some = likely(asked.programme, asked.offers)
    order = asked.programme.columns["order"]
    left_out = [i for i in np.flatnonzero(~some) if (asked.offers.of_column[order.slice] == i).any()]
    if not left_out:
        pytest.skip("all offers are among the first")
    matrix = asked.programme.matrix.copy().tolil()
    cost = asked.programme.rows["cost_sum"].start
    for column in np.arange(order.start, order.stop)[asked.offers.of_column[order.slice] == left_out[0]]:
        matrix[cost, column] *= 0.1
    cheap = replace(asked.programme, matrix=matrix.tocsr())
    found = sift(cheap, asked.offers, some, SolveOptions())
    assert found.rounds > 1 and found.offers[left_out[0]]
    everything = sift(cheap, asked.offers, np.ones(len(some), bool), SolveOptions())
    assert found.found.objective == pytest.approx(everything.found.objective, rel=2 * OPEN_SHARE)


def test_what_cannot_be_met_is_infeasible(asked: Asked) -> None:
    upper = asked.programme.col_upper.copy()
    upper[asked.programme.columns["cost"].slice] = 0.5 * asked.least
    nothing = replace(asked.programme, col_upper=upper)
    found = sift(nothing, asked.offers, likely(nothing, asked.offers), SolveOptions())
    assert found.found.status is Status.INFEASIBLE and found.found.x is None
