"""What is in order but changes nothing is said, at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.intake.scenario_file import load_scenario, warnings_of, with_overrides
from planner.scenario.schema import Scenario

ENGINES = {"options": [{"id": "gas-engine-dc-2026"}]}
HALL = {"id": "old", "host": "champion-haenam", "it_mw": 2, "grid_mw": 4, "backup_mw": 4}
GRANT = {"id": "fund", "kind": "grant", "share": 0.3, "amount_m": 10, "optional": True}
RENTED = {"ways": ["rent"], "rent_usd_per_kw_month": 30, "term_months": 36}
REFIT = {"hosts[champion-haenam].standing_halls": "refit",
         "hosts[champion-haenam].cooling": ["air-chilled-water", "direct-to-chip"]}  # fmt: skip


def option(name: str, **figures: object) -> dict[str, object]:
    """Changes that offer one option of plant at Haenam."""
    return {"sites[haenam].power": {"options": [{"id": name, **figures}]}}


def small_units(redundancy: str, unit_mw: float) -> dict[str, object]:
    """Changes that offer turbines in units of one's own."""
    options = [{"id": "turbine-mobile-2026", "unit_mw": unit_mw}]
    return {"sites[haenam].power": {"redundancy": redundancy, "options": options}}


@pytest.fixture(scope="module")
def small(root: Path) -> Scenario:
    return load_scenario(root / "tests" / "scenarios" / "small.yaml")


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"limits.control_floors": [{"data_class": "secret", "min": 50}]}, "limits.control_floors[0].data_class",
         "no workload has data of class 'secret'"),
        ({"hosts[champion-haenam].site": "seoul", "sites[haenam].power": ENGINES}, "sites[haenam].power", "left out"),
        ({"hosts[cloud].cooling": ["immersion"]}, "hosts[cloud].cooling", "this one's mode is cloud"),
        ({"hosts[cloud].room_air": "as-needed"}, "hosts[cloud].room_air", "this one's mode is cloud"),
        ({"hosts[cloud].building_pace": "fast"}, "hosts[cloud].building_pace", "only a host with mode: build builds halls"),
        ({"hosts[cloud].standing_halls": "refit"}, "hosts[cloud].standing_halls", "this one's mode is cloud"),
        ({"hosts[champion-haenam].refit": {"outage_months": 2}}, "hosts[champion-haenam].refit",
         "did you mean standing_halls: refit?"),
        ({"hosts[champion-haenam].standing_halls": "refit", "hosts[champion-haenam].cooling": ["air-chilled-water"]},
         "hosts[champion-haenam].standing_halls", "name one of rear-door, direct-to-chip, immersion"),
        ({**REFIT, "hosts[champion-haenam].refit": {"lead_months": 40, "outage_months": 20}}, "hosts[champion-haenam].refit",
         "no refit can be done: the soonest, direct-to-chip, takes 40 months to the work and 20 of it"),
        ({**REFIT, "hosts[champion-haenam].refit": {"outage_months": 60}}, "hosts[champion-haenam].refit",
         "lengthen horizon.years"),
        ({**REFIT, "existing.halls": [{**HALL, "until": "2029-06-30"}]}, "hosts[champion-haenam].standing_halls",
         "old ends on 2029-06-30: only halls of the plan are"),
        ({"money.level": "high", "hosts[champion-haenam].building_pace": "slow"}, "hosts[champion-haenam].building_pace",
         "slow changes no lead"),
        ({"money.level": "low", "hosts[champion-haenam].building_pace": "fast"}, "hosts[champion-haenam].building_pace",
         "fast changes no lead"),
        *((option("gas-engine-dc-2026", **{name: 20}), f"sites[haenam].power.options[gas-engine-dc-2026].{name}",
           "stores nothing")
          for name in ("fade_pct_per_year", "cycles_per_year", "end_of_life_pct")),
        *((option("battery-4h-2026", ways=["rent"], rent_usd_per_kw_month=9, term_months=24, **{name: 1}),
           f"sites[haenam].power.options[battery-4h-2026].{name}", "only rented here")
          for name in ("fade_pct_per_year", "fade_pct_per_cycle", "end_of_life_pct")),
        (option("battery-4h-2026", fade_pct_per_cycle=1, cycles_per_year=9000),
         "sites[haenam].power.options[battery-4h-2026].fade_pct_per_cycle", "and is at its end, 70 %, within a year"),
        (option("battery-4h-2026", fade_pct_per_year=8, end_of_life_pct=95),
         "sites[haenam].power.options[battery-4h-2026].fade_pct_per_year", "is at its end, 95 %, within a year"),
        (small_units("N+1", 0.01), "sites[haenam].power.options[turbine-mobile-2026].unit_mw",
         "units of 10 kW make that next to nothing: the catalog's turbine-mobile-2026 comes in 16 MW"),
        ({"finance.sources": [{**GRANT, "assets": ["batteries"]}]}, "finance.sources[fund].assets",
         "nothing of this class can be bought here, batteries"),
        ({"finance.sources": [{**GRANT, "assets": ["batteries", "plant"]}]}, "finance.sources[fund].assets",
         "batteries or plant"),
        ({"finance.sources": [{**GRANT, "assets": ["batteries"]}], **option("gas-engine-dc-2026")},
         "finance.sources[fund].assets", "pays for nothing"),
        ({"finance.sources": [{**GRANT, "assets": ["plant"]}], **option("gas-engine-dc-2026", **RENTED)},
         "finance.sources[fund].assets", "name other assets"),
    ],
)  # fmt: skip
def test_what_changes_nothing_is_said_at_its_place(small, changes, path, words):
    found = {w.path: w.message for w in warnings_of(with_overrides(small, changes))}
    assert words in found.get(path, ""), found
    assert path not in {w.path for w in warnings_of(small)}


def test_what_does_something_is_not_warned_of(small):
    classes = small.demand[0].data_class
    changes = {"sites[haenam].power": ENGINES, "limits.control_floors": [{"data_class": classes, "min": 1}],
               "sites[haenam].grid_applied": "2026-01-01",
               "hosts[champion-haenam].permit_applied": "2026-06-01"}  # fmt: skip
    assert {w.path for w in warnings_of(with_overrides(small, changes))} == {
        w.path for w in warnings_of(small)
    }


@pytest.mark.parametrize(
    "changes",
    [
        {**REFIT, "existing.halls": [{**HALL, "until": "2031-01-01"}]},
        {**REFIT, "existing.halls": [{**HALL, "until": "2029-06-30"}, {**HALL, "id": "new"}]},
        {"hosts[champion-haenam].building_pace": "slow", "money.level": "low"},
        option("battery-4h-2026", fade_pct_per_year=2, fade_pct_per_cycle=0.004, cycles_per_year=500),
        option("battery-4h-2026", ways=["rent"], rent_usd_per_kw_month=9, term_months=24, cycles_per_year=300),
        small_units("N", 0.01),
        small_units("N+1", 4),
        {"finance.sources": [{**GRANT, "assets": ["batteries"]}], **option("battery-4h-2026")},
        {"finance.sources": [{**GRANT, "assets": ["plant", "servers"]}]},
    ],
)  # fmt: skip
def test_what_a_refit_a_pace_and_fading_do_is_not_warned_of(small, changes):
    asked = {path.split(".")[-1] for path in changes} | {"options["}
    found = {w.path: w.message for w in warnings_of(with_overrides(small, changes))}
    assert not [p for p in found if any(name in p for name in (*asked, "standing_halls", "building_pace"))], (
        found
    )
