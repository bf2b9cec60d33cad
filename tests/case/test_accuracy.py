"""What protects the benchmark of accuracy: what is left out cannot reach its own prediction or interval."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from planner.facts.catalog import Catalog, load_catalog
from planner.facts.spans import Span


@pytest.fixture(scope="module")
def accuracy(benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark("accuracy_facilities")


def test_an_operator_left_out_does_not_reach_its_own_prediction(accuracy: ModuleType) -> None:
    catalog = load_catalog()
    sites = catalog.table("pue_sites").copy()
    sites.loc[sites["operator"] == "AWS", "pue"] += 0.3
    other = Catalog({n: catalog.table(n) for n in catalog.tables} | {"pue_sites": sites}, catalog._resources)
    before, after = accuracy.operators(catalog), accuracy.operators(other)
    own = (before["operator"] == "AWS").to_numpy()
    assert after.loc[own, "predicted"].to_numpy() == pytest.approx(before.loc[own, "predicted"].to_numpy())
    assert (after.loc[~own, "predicted"] > before.loc[~own, "predicted"]).all()


def test_an_interval_comes_from_other_countries(accuracy: ModuleType) -> None:
    one = Span(1.0, 1.0, 1.0)
    rows = [accuracy.Compared(str(i), iso3, value, one) for i, (iso3, value) in
            enumerate([("KOR", 2.0), ("KOR", 0.5), ("FRA", 1.1), ("DEU", 0.9)])]  # fmt: skip
    found = accuracy._against(rows)
    assert found["countries"] == 3 and found["n"] == 4
    small = accuracy._reach(np.log([1.1, 0.9]))
    assert abs(np.log(2.0)) > small and found["inside_80"] == 0.5


def test_targets_of_what_is_left_out_are_met(accuracy: ModuleType) -> None:
    found = accuracy.report(load_catalog())
    for key, target in accuracy.TARGETS.items():
        area, part = key.split(".")
        row = found[area][part]
        assert row.get("mean_absolute_error", row.get("median_error")) <= target, (key, row)
