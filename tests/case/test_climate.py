"""What protects PUE: the published curve in closed form, reported sites near it, peaks above means."""

import math

import numpy as np
import pytest

from planner.case.climate import pue, pue_at
from planner.facts.catalog import load_catalog
from planner.facts.errors import BadValue, UnknownName
from planner.facts.geography import MONTHS

CATALOG = load_catalog()
METROS = CATALOG.table("metros")


def temperatures(metro: str) -> list[float]:
    return [float(METROS.at[metro, f"t_{m}_c"]) for m in MONTHS]


def test_year_is_the_curve_at_the_mean_excess_over_15_degrees() -> None:
    months = [5, 6, 9, 12, 17, 20, 25, 24, 20, 14, 9, 6]
    excess = (2 + 5 + 10 + 9 + 5) / 12
    found = pue(months, "air-chilled-water")
    a, b = (CATALOG.value("cooling", "air-chilled-water", c) for c in ("pue_a", "pue_b_per_k"))
    assert found.yearly == pytest.approx(a + b * excess)
    assert found.monthly[0] == pytest.approx(a)
    assert len(found.monthly) == 12
    assert found.yearly == pytest.approx(np.mean(found.monthly))


@pytest.mark.parametrize("metro", list(METROS.index[::9]))
@pytest.mark.parametrize("technology", list(CATALOG.table("pue_curves").index))
def test_every_place_and_technology_gives_ordered_values(metro: str, technology: str) -> None:
    found = pue(temperatures(metro), technology)
    assert 1.0 < found.low <= found.yearly <= found.high < 2.2
    assert found.design_hour >= max(found.monthly) >= found.yearly - 1e-12 >= min(found.monthly) - 2e-12
    assert 0 <= found.wue_low <= found.wue_l_per_kwh <= found.wue_high


def test_reported_sites_lie_near_their_curve() -> None:
    sites = CATALOG.table("pue_sites")
    sites = sites[sites["excess_over_15c_mean_k"].notna()]
    errors, inside = [], []
    for row in sites.itertuples():
        found = pue([15.0 + row.excess_over_15c_mean_k] * 12, row.technology)
        errors.append(abs(found.yearly - row.pue))
        inside.append(found.low <= row.pue <= found.high)
    assert np.mean(errors) < 0.06
    assert np.mean(inside) > 0.6


def test_hot_places_cost_more_and_liquid_and_water_less() -> None:
    cold, hot = [2.0] * 12, [33.0] * 12
    assert pue(hot, "air").yearly > pue(cold, "air").yearly + 0.2
    assert pue(hot, "direct-to-chip").yearly < pue(hot, "rear-door").yearly < pue(hot, "air").yearly
    assert pue(hot, "evaporative").yearly < pue(hot, "air").yearly
    assert pue(hot, "evaporative").wue_l_per_kwh > pue(hot, "air").wue_l_per_kwh


def test_energy_and_water_follow() -> None:
    found = pue([20.0] * 12, "direct-to-chip")
    assert found.facility_mwh(1000) == pytest.approx(1000 * found.yearly)
    assert found.water_m3(1000) == pytest.approx(1000 * found.wue_l_per_kwh)
    assert found.facility_peak_mw(10) == pytest.approx(10 * found.design_hour)


def test_wrong_input_is_refused() -> None:
    with pytest.raises(BadValue, match="12 monthly mean temperatures"):
        pue([20.0] * 11)
    with pytest.raises(BadValue, match="12 monthly mean temperatures"):
        pue([20.0] * 11 + [math.nan])
    with pytest.raises(BadValue, match="between -60 and 60"):
        pue([290.0] * 12)
    with pytest.raises(UnknownName, match="did you mean 'immersion'"):
        pue([20.0] * 12, "imersion")


def test_the_hinge_is_at_15_degrees() -> None:
    assert pue_at(np.array([-5.0, 15.0, 16.0]), 1.1, 0.02) == pytest.approx([1.1, 1.1, 1.12])
