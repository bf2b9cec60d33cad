"""What protects the least delay without a search: all that can only help is open, and what may hurt is left to be asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from planner.case.build import build_case
from planner.case.registry import ONCE
from planner.intake.scenario_file import example_path, load_scenario
from planner.scenario.schema import Scenario
from planner.solver.branch_and_bound import Search
from planner.solver.engine import PATTERN, Engine
from planner.solver.helpful import held_helpful
from planner.solver.progress import SolveOptions

FEW, MANY = 3, 40
CLOUD = {"id": "cloud", "site": "south", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
         "stacks": ["us-cloud"], "open_lead_months": 3, "rent_terms": ["on-demand"]}  # fmt: skip
LEFT = {"id": "us-cloud", "adoption_musd": 4, "platform_musd_per_year": 8, "lead_months": 3,
        "exit": {"overlap_months": 0, "musd": 1.0}}  # fmt: skip
DEAL = {"id": "deal", "kind": "technology-deal", "partner": "USA", "lead_months": 3, "sign_musd": 1, "musd_per_year": 0,
        "licence_months": 3}  # fmt: skip
SLOW = {"owner_allocations": False, "licence": {"mode": "required", "lead_months": 12}}
SEEDS = [*range(FEW), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(FEW, MANY))]


def helpful(engine: Engine, upper: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    most = engine.arrays.col_upper if upper is None else upper
    return held_helpful(engine.arrays, most, ONCE, ("use",), "delay")


def at_once(engine: Engine) -> float | None:
    """Least delay with all that can only help held."""
    values, held = helpful(engine)
    lower = np.where(held, values, engine.arrays.col_lower)
    upper = np.where(held, values, engine.arrays.col_upper)
    tree = engine.within(lower, upper, PATTERN)
    tree.minimise("delay")
    return Search(tree, SolveOptions(1e-9)).run().objective


def searched(engine: Engine) -> float | None:
    tree = engine.searchable(whole=False)
    tree.minimise("delay")
    return Search(tree, SolveOptions(1e-9)).run().objective


@pytest.mark.parametrize(
    "name", ["two-hosts", *(pytest.param(n, marks=pytest.mark.slow) for n in ("uae", "korea", "kenya"))]
)
def test_examples_are_as_soon_as_by_the_search(name: str) -> None:
    engine = Engine(build_case(load_scenario(example_path(name))))
    assert at_once(engine) == pytest.approx(searched(engine), abs=1e-6)


def drawn(tiny: Any, seed: int) -> Scenario:
    """Hosts that open at different dates with a budget or a decision that may stand against them, a stack that may be
    left, and an agreement that brings licences forward."""
    pick = np.random.default_rng(seed)
    plain = tiny().model_dump(mode="json", by_alias=True, exclude_unset=True)
    hosts = [
        {**plain["hosts"][0], "id": f"h{i}", "open_lead_months": int(pick.choice([0, 6, 12])),
         "open_cost_musd": float(pick.uniform(5, 60))}
        for i in range(3)
    ]  # fmt: skip
    changes: dict[str, Any] = {"hosts": hosts}
    if pick.random() < 0.5:
        changes["limits"] = {"capital_musd_total": float(pick.uniform(100, 250))}
    if pick.random() < 0.3:
        changes["decisions"] = [{"id": "d", "do": "forbid", "what": "open", "hosts": ["h1"]}]
    if pick.random() < 0.5:
        changes |= {"hosts": [*hosts, CLOUD], "stacks": [plain["stacks"][0], LEFT]}
    if pick.random() < 0.5:
        least = {"duties": {"least_accelerators": 100}} if pick.random() < 0.3 else {}
        changes |= {"agreements": [{**DEAL, **least}], "supply": SLOW, "demand": {"must_serve_by": None}}
    return tiny(**changes)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_cases_are_as_soon_as_by_the_search(tiny, plain_catalog, seed: int) -> None:
    engine = Engine(build_case(drawn(tiny, seed), plain_catalog()))
    assert at_once(engine) == pytest.approx(searched(engine), abs=1e-6)


def test_the_first_date_of_every_host_is_held_open(tiny, plain_catalog) -> None:
    engine = Engine(build_case(tiny(), plain_catalog()))
    values, held = helpful(engine)
    opens = engine.arrays.columns["open"]
    assert held[opens.slice].all() and held[engine.arrays.columns["use"].slice].all()
    assert values[opens.slice].sum() == 1.0
    assert opens.index[int(values[opens.slice].argmax())][1] == min(t for _, t in opens.index)


def test_no_stack_is_left_and_a_signature_without_duties_comes_first(tiny, plain_catalog) -> None:
    plain = tiny().model_dump(mode="json", by_alias=True, exclude_unset=True)
    left = tiny(hosts=[plain["hosts"][0], CLOUD], stacks=[plain["stacks"][0], LEFT])
    signed = tiny(agreements=[DEAL], supply=SLOW, demand={"must_serve_by": None})
    for scenario, family, sum_of_values in ((left, "leave", 0.0), (signed, "sign", 1.0)):
        engine = Engine(build_case(scenario, plain_catalog()))
        values, held = helpful(engine)
        at = engine.arrays.columns[family].slice
        assert engine.arrays.columns[family].size and held[at].all() and values[at].sum() == sum_of_values
        assert all(held[engine.arrays.columns[f].slice].all() for f in PATTERN)


@pytest.mark.untraced
def test_what_costs_within_a_budget_is_not_held(tiny, plain_catalog) -> None:
    engine = Engine(build_case(tiny(limits={"capital_musd_total": 300}), plain_catalog()))
    assert not helpful(engine)[1][engine.arrays.columns["open"].slice].any()
    free = Engine(build_case(tiny(), plain_catalog()))
    upper = free.arrays.col_upper.copy()
    upper[free.arrays.columns["cost"].slice] = 500.0
    assert not helpful(free, upper)[1][free.arrays.columns["use"].slice].any()
