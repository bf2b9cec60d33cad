"""What protects the proof: all hours priced, purchases that cannot be taken back, additions told and priced."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from planner.case.build import build_case
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.models.ledger import partner_cost
from planner.planning.pipeline import solve
from planner.planning.proof import Proof, prices_of, prove
from planner.planning.solve_run import Outcome
from planner.solver.engine import ANY_AMOUNT, Engine

CHANGES = {"horizon.years": 3, "limits.max_delay_months": {"assistant": 6.0}, "demand[assistant].size.points": [
    {"at": "2027-01-01", "value": 600}, {"at": "2029-12-31", "value": 1800}]}  # fmt: skip


def scenario(**changes):
    return with_overrides(load_scenario(example_path("two-hosts")), {**CHANGES, **changes})


@pytest.fixture(scope="module")
def solved() -> tuple[Engine, Outcome]:
    engine = Engine(build_case(scenario()))
    return engine, solve(engine.case, quality="quick", engine=engine)


def proved(solved: tuple[Engine, Outcome], scale: float, **bounds: Any) -> Proof:
    """The proof of the plan with its purchases scaled, under the plan's bounds and others."""
    engine, outcome = solved
    x = outcome.values.copy()
    for family in ANY_AMOUNT:
        x[engine.arrays.columns[family].slice] *= scale
    asked = replace(outcome.bounds, **bounds)
    return prove(engine.case, engine, x, [asked], asked, lambda: 60.0)


@pytest.mark.untraced
def test_a_plan_that_bought_nothing_buys_all_on_top_without_regret(solved) -> None:
    engine, outcome = solved
    proof = proved(solved, 0.0)
    assert proof.regret["regret"] == pytest.approx(0.0, abs=1e-9)
    spent = float(prices_of(engine) @ np.maximum(outcome.values, 0.0))
    assert proof.regret["more_musd"] == pytest.approx(spent, rel=0.05) and spent > 1.0


@pytest.mark.untraced
def test_what_was_bought_too_much_is_regretted_by_its_price(solved) -> None:
    engine, outcome = solved
    usual, double = proved(solved, 1.0), proved(solved, 2.0)
    spent = float(prices_of(engine) @ np.maximum(outcome.values, 0.0))
    assert usual.regret["cost_musd"] == pytest.approx(double.regret["cost_musd"], rel=1e-9)
    assert double.regret["more_musd"] == pytest.approx(0.0, abs=1e-6)
    dearer = double.regret["held_musd"] - usual.regret["held_musd"]
    assert 0.3 * spent < dearer <= 1.01 * spent + 1e-6


def test_prices_are_those_of_the_ledger(solved) -> None:
    engine, _ = solved
    prices, ledger = prices_of(engine), partner_cost(engine.case, engine.entries)
    for family in ANY_AMOUNT:
        at = engine.arrays.columns[family]
        entered = [ledger.get((family, index), 0.0) for index in at.index]
        assert prices[at.slice] == pytest.approx(np.array(entered, float), abs=1e-12)
    assert np.count_nonzero(prices) > 10


def test_a_plan_on_one_slice_has_a_regret_in_numbers() -> None:
    outcome = solve(build_case(scenario(**{"solve.slices": 1})), quality="proof")
    regret = outcome.regret
    assert set(regret) == {"cost_musd", "held_musd", "more_musd", "regret"} and regret["more_musd"] >= 0
    assert regret["held_musd"] >= regret["cost_musd"] - 1e-6
    wanted = (regret["held_musd"] - regret["cost_musd"]) / regret["cost_musd"]
    assert regret["regret"] == pytest.approx(wanted, abs=1e-12) and regret["regret"] < 0.01
    assert outcome.plan.kpi("cost_npv_musd") == pytest.approx(regret["cost_musd"], rel=1e-9)
    assert any("with all that was bought" in note for note in outcome.notes)


@pytest.mark.untraced
def test_no_addition_that_fits_is_a_note_and_no_number(solved) -> None:
    """A cap on cost just above the free cost leaves no room for purchases twice as large."""
    proof = proved(solved, 2.0, max_cost_musd=proved(solved, 1.0).regret["cost_musd"] * (1 + 1e-6))
    assert proof.plan is not None and set(proof.regret) == {"cost_musd"} and "does not fit" in proof.notes[0]


def test_integers_without_a_plan_on_all_hours_leave_the_plan_alone(solved) -> None:
    engine, outcome = solved
    none = replace(outcome.bounds, max_cost_musd=0.1)
    proof = prove(engine.case, engine, outcome.values, [none, none], none, lambda: 60.0)
    assert proof.plan is None and proof.regret == {} and "infeasible" in proof.notes[0]
