"""A flexible connection against arithmetic by hand: stressed hours, what pauses, what plant carries, what is saved.

800 accelerators draw 1.92 MW in the design hour and 1.44 MW at work. No firm line comes; the flexible one is there in
period 4 and carries nothing in 200 hours of a year, 50 of a quarter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from planner.facts.catalog import Catalog
from planner.scenario.schema import Scenario
from planner.solver.solution import Status

pytestmark = pytest.mark.untraced

DESIGN_MW, MEAN_MW, HOURS, STRESSED = 1.92, 1.44, 2190.0, 50.0
SETS = "diesel-genset-2026"
RULES = ("flexible_limit", "flexible_part", "flexible_paused", "site_flexible", "import_limit")


@pytest.fixture(scope="module")
def facts(plain_catalog: Callable[..., Catalog]) -> Catalog:
    return plain_catalog({("connections", "grid-flexible", "capex_musd_per_mw_mid"): 0.5})


@pytest.fixture(scope="module")
def place(tiny: Callable[..., Scenario]) -> Callable[..., Scenario]:
    def make(sets: bool = True, grid: float = 60, usd: float = 800, **changes: Any) -> Scenario:
        options = [{"id": SETS, "capex_usd_per_kw": usd, "lead_months": 9, "permit_months": 3,
                    "fuel_usd_per_mmbtu": 40, "forced_outage_pct": 10}]  # fmt: skip
        flexible = {
            "max_mw": 5,
            "lead_months": 12,
            "curtailed_hours_per_year": 200,
            "energy_discount_pct": 10,
        }
        power = {"flexible": flexible, "options": options if sets else []}
        return tiny(sites={"grid_lead_months": grid, "power": power}, **changes)

    return make


def test_what_is_not_offered_adds_no_row_and_no_slice(tiny, facts, optimise):
    answer = optimise(tiny(), facts)
    assert not answer.arrays.columns["flexible_import"].size
    assert not any(answer.arrays.rows[name].size for name in RULES if name in answer.arrays.rows)
    assert "stress" not in set(answer.case.slices["s"])


def test_firm_work_is_carried_by_plant_in_stressed_hours(place, facts, optimise):
    answer = optimise(place(), facts)
    assert answer.status is Status.OPTIMAL
    # the line for the load at work, plant for it in stressed hours and for what the design hour has above the line;
    # what gives power then is no backup, so there are sets beside it
    assert answer.used("connect") == {("champion", "grid-flexible", 4): pytest.approx(MEAN_MW)}
    assert answer.used("plant") == {("champion", SETS, 4): pytest.approx(MEAN_MW / 0.9)}
    assert sum(answer.used("backup").values()) == pytest.approx(DESIGN_MW)
    gen, drawn, loose = (answer.values(name) for name in ("gen", "grid_import", "flexible_import"))
    for t in range(4, 12):
        assert gen["champion", SETS, t, "stress"] == pytest.approx(MEAN_MW)
        assert gen["champion", SETS, t, "b0"] == pytest.approx(0)
        assert drawn["champion", t, "stress"] == pytest.approx(0)
        assert drawn["champion", t, "b0"] == loose["champion", t, "b0"] == pytest.approx(MEAN_MW)
    hours = answer.case.slices.loc[4]["hours"]
    assert hours["stress"] == pytest.approx(STRESSED) and hours.sum() == pytest.approx(HOURS)
    off = answer.entries[answer.entries["account"] == "flexible-discount"]
    off = off.assign(mw=off["index"].map(loose.to_dict()))
    assert (off["musd"] * off["mw"]).sum() == pytest.approx(-8 * MEAN_MW * (HOURS - STRESSED) * 10 / 1e6)


def test_what_gives_power_in_stressed_hours_is_no_backup_then(place, plain_catalog, optimise):
    """Backup sets at a price nobody pays: plant must be there twice, once for the load and once to stand by."""
    catalog = plain_catalog({
        ("connections", "grid-flexible", "capex_musd_per_mw_mid"): 0.5, ("backup", "*", "capex_musd_per_mw_mid"): 1000.0,
    })  # fmt: skip
    answer = optimise(place(), catalog)
    gen, standby = answer.values("gen"), answer.values("plant_standby")
    rating = 0.9 * sum(answer.used("plant").values())
    critical = answer.case.physics["backup_critical_share"] * DESIGN_MW
    assert not answer.used("backup")
    assert standby["champion", 4] == pytest.approx(critical)
    assert gen["champion", SETS, 4, "stress"] + standby["champion", 4] == pytest.approx(rating)


def test_without_plant_even_idle_machines_have_no_power_in_stressed_hours(place, facts, optimise):
    assert optimise(place(sets=False), facts).status is Status.INFEASIBLE


def test_work_that_may_wait_pauses(place, facts, optimise):
    """Where plant is dear it carries idle power alone, and the fleet is larger by the hours it pauses."""
    soft = {"kind": "batch", "preemptible": True}
    answer = optimise(place(usd=8000, demand=soft), facts)
    fleet = 0.8 / (1 - 200 / 8760)
    assert answer.values("fleet")["champion", "champion-us-chips", "hgx-b300", 6] == pytest.approx(fleet)
    runs = answer.values("run")
    assert runs["work", "champion", "champion-us-chips", "hgx-b300", 6, "stress"] == pytest.approx(0)
    idle_mw = fleet * 1000 / 8 * 0.004 * 1.2
    assert sum(answer.used("plant").values()) == pytest.approx(idle_mw / 0.9)


def test_a_flexible_connection_brings_service_forward(place, facts, optimise):
    """In 12 months instead of 24, with plant that is there in 12."""
    free = {"demand": {"must_serve_by": None}}
    assert optimise(place(grid=24, **free), facts, objective="delay").objective == pytest.approx(12)


def test_the_firm_line_carries_what_it_has_in_stressed_hours(place, facts, optimise):
    """Where both come in time no plant is bought: the firm line is as large as what works, the rest is flexible."""
    answer = optimise(place(grid=12), facts)
    lines = answer.used("connect")
    assert not answer.used("plant")
    assert lines["champion", "grid-firm", 4] == pytest.approx(MEAN_MW)
    assert lines["champion", "grid-flexible", 4] == pytest.approx(DESIGN_MW - MEAN_MW)
    assert answer.values("grid_import")["champion", 6, "stress"] == pytest.approx(MEAN_MW)


def test_no_line_is_bought_for_its_discount_beside_one_that_carries_all(place, plain_catalog, optimise):
    """Half off the price of energy, and a line next to free: of 1.92 MW as much is discounted as the firm line leaves."""
    facts = plain_catalog({("connections", "grid-flexible", "capex_musd_per_mw_mid"): 0.001,
                           ("connections", "grid-flexible", "energy_discount_pct"): 50.0})  # fmt: skip
    answer = optimise(place(grid=12, usd=8000), facts)
    assert not answer.used("plant")
    loose, drawn = answer.values("flexible_import"), answer.values("grid_import")
    assert drawn["champion", 6, "stress"] == pytest.approx(MEAN_MW)
    assert loose["champion", 6].max() == pytest.approx(DESIGN_MW - MEAN_MW)
