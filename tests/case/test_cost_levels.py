"""A level of cost is one direction: every value at its cheap end for ``low``, at its dear end for ``high``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from planner.case.build import build_case
from planner.case.context import Context
from planner.facts.catalog import Catalog, load_catalog
from planner.facts.errors import BadValue
from planner.intake.amounts import catalog_range
from planner.intake.scenario_file import load_scenario, with_overrides
from planner.scenario.schema import Scenario
from planner.solver.engine import Engine

pytestmark = pytest.mark.untraced

CATALOG = load_catalog()
VALUES = [
    ("owner_classes", "effectiveness"), ("owner_classes", "allocation_kaccel_eq_per_quarter"), ("software_gain", "gain"),
    ("systems", "price_usd"), ("halls", "cost_factor"), ("parameters", "availability"),
    ("parameters", "hardware_price_change_per_year"),
]  # fmt: skip


def with_mid_at(table: str, item: str, level: str) -> Catalog:
    """The catalog with one value at mid as it is at a level of cost."""
    frames = {name: CATALOG.table(name).copy() for name in CATALOG.tables}
    end = CATALOG.cost_level(table, item, level)
    frame = frames[table]
    if table == "parameters":
        frame.loc[item, "value_mid"] = frame.loc[item, f"value_{end}"]
    else:
        frame[f"{item}_mid"] = frame[f"{item}_{end}"]
    return Catalog(frames, CATALOG._resources)


def least_cost(scenario: Scenario, catalog: Catalog | None = None) -> float:
    engine = Engine(build_case(scenario, catalog or CATALOG))
    engine.integers()
    engine.minimise("cost")
    found = engine.lp(cold=True)
    assert found.objective is not None
    return found.objective


@pytest.fixture(scope="module")
def small(root: Path) -> Scenario:
    """All demand is served whatever the level, so that costs are those of the same service."""
    return load_scenario(root / "tests" / "scenarios" / "small.yaml")


@pytest.fixture(scope="module")
def at_mid(small: Scenario) -> float:
    return least_cost(small)


def test_low_costs_less_than_mid_and_mid_less_than_high(small: Scenario, at_mid: float) -> None:
    low, high = (least_cost(with_overrides(small, {"money.level": level})) for level in ("low", "high"))
    assert low < at_mid < high


@pytest.mark.parametrize(("table", "item"), VALUES)
def test_each_value_alone_moves_cost_one_way(small: Scenario, at_mid: float, table: str, item: str) -> None:
    noise = 1e-7 * at_mid
    assert least_cost(small, with_mid_at(table, item, "low")) <= at_mid + noise
    assert least_cost(small, with_mid_at(table, item, "high")) >= at_mid - noise


def test_what_is_declared_is_there() -> None:
    for table in CATALOG.tables:
        declared: dict[str, Any] = CATALOG._resources[table].get("x-cost", {})
        columns, rows = CATALOG.table(table).columns, CATALOG.table(table).index
        for item in [*declared.get("falls", ()), *declared.get("neither", ())]:
            assert item in rows or f"{item}_low" in columns


def test_what_is_no_cost_stays_at_mid(small: Scenario) -> None:
    rates = {
        build_case(with_overrides(small, {"money.level": level})).rate for level in ("low", "mid", "high")
    }
    assert rates == {CATALOG.param("discount_rate_real")}


@pytest.mark.parametrize(
    ("rate", "words"), [(0.0, None), (-0.049, "must be 0 to 0.5"), (0.6, "must be 0 to 0.5")]
)
def test_a_discount_rate_of_a_catalog_is_held_to_what_a_scenario_may_state(
    plain_catalog: Callable[..., Catalog], tiny: Callable[..., Scenario], rate: float, words: str | None
) -> None:
    catalog = plain_catalog(
        {("parameters", "discount_rate_real", f"value_{level}"): rate for level in ("low", "mid", "high")}
    )
    scenario = tiny(money={"discount_rate_real": None})
    if words is None:
        assert Context.of(scenario, catalog).discount_rate_real == rate
        assert catalog_range(catalog, "parameters", "value", "discount_rate_real") == (0.0, float("inf"))
    else:
        with pytest.raises(BadValue, match=words):
            assert Context.of(scenario, catalog).discount_rate_real
