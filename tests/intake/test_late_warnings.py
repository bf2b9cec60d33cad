"""What would come after the horizon is said, at its place; applications after it are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.intake.scenario_file import ScenarioError, load_scenario, warnings_of, with_overrides
from planner.scenario.schema import Scenario

ENGINE, TURBINE, CELLS = "gas-engine-dc-2026", "turbine-mobile-2026", "battery-4h-2026"
FARM = {"id": "farm", "max_mw": 3, "usd_per_mwh": 40, "term_months": 24}
LATE, SOON = 100, 6
LAST_JANUARY, LAST_JULY = "2030-01-01", "2030-07-01"
OPTIONS, PPAS = "sites[haenam].power.options", "sites[haenam].power.ppas"


def option(name: str, **figures: object) -> dict[str, object]:
    """Changes that offer one option of plant at Haenam."""
    return {"sites[haenam].power": {"options": [{"id": name, **figures}]}}


@pytest.fixture(scope="module")
def small(root: Path) -> Scenario:
    return load_scenario(root / "tests" / "scenarios" / "small.yaml")


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"sites[haenam].grid_applied": "2028-01-01", "sites[haenam].grid_lead_months": 60}, "sites[haenam].grid_applied",
         "60 months from 2028-01-01 end after the horizon"),
        ({"hosts[champion-haenam].permit_applied": "2028-01-01", "hosts[champion-haenam].open_lead_months": 60},
         "hosts[champion-haenam].permit_applied", "60 months from 2028-01-01 end after the horizon"),
        ({"sites[haenam].grid_lead_months": LATE}, "sites[haenam].grid_lead_months", "100 months from 2027-01-01 end after"),
        ({"sites[haenam].power": {"flexible": {"max_mw": 9, "lead_months": LATE}}},
         "sites[haenam].power.flexible.lead_months", "100 months from 2027-01-01 end after the horizon"),
        ({"sites[haenam].power": {"ppas": [{**FARM, "lead_months": LATE}]}}, f"{PPAS}[farm].lead_months",
         "nothing comes of it"),
        (option(ENGINE, ways=["buy"], lead_months=LATE, permit_months=0), f"{OPTIONS}[{ENGINE}].lead_months",
         "could be bought after 100 months, after the horizon"),
        (option(ENGINE, ways=["buy"], lead_months=3, permit_months=LATE), f"{OPTIONS}[{ENGINE}].permit_months",
         "could be bought after 103 months"),
        (option(ENGINE, ways=["buy"], lead_months=3, permit_months=0) | {"hosts[champion-haenam].open_lead_months": 84},
         f"{OPTIONS}[{ENGINE}]", "could be bought 12 months of construction after the permit of champion-haenam, after"),
        (option(ENGINE, ways=["buy", "rent"], rent_usd_per_kw_month=30, term_months=36, lead_months=3, permit_months=0)
         | {"hosts[champion-haenam].open_lead_months": 84}, f"{OPTIONS}[{ENGINE}]", "so that it can only be rented"),
        (option(CELLS, lead_months=LATE, permit_months=0), f"{OPTIONS}[{CELLS}].lead_months", "nothing comes of it"),
        (option(TURBINE, ways=["rent"], mobilisation_months=LATE, permit_months=0),
         f"{OPTIONS}[{TURBINE}].mobilisation_months", "could be rented after 100 months"),
        (option(ENGINE, ways=["buy", "rent"], rent_usd_per_kw_month=30, term_months=36, permit_months=0, lead_months=LATE,
                mobilisation_months=3), f"{OPTIONS}[{ENGINE}].lead_months", "so that it can only be rented"),
        ({"limits.efficiency": [{"measure": "pue", "most": 1.3, "from": LAST_JULY}]}, "limits.efficiency[0].from",
         "is the last year of the horizon, and the mean of a year is held from the first whole one on"),
        ({"limits.renewable": [{"share": 0.2, "from": LAST_JULY}]}, "limits.renewable[0].from",
         "is the last year of the horizon, and the share of a year is held from the first whole one on"),
    ],
)  # fmt: skip
def test_what_comes_after_the_horizon_is_said_at_its_place(small, changes, path, words):
    found = {w.path: w.message for w in warnings_of(with_overrides(small, changes))}
    assert words in found.get(path, ""), found
    assert path not in {w.path for w in warnings_of(small)}


@pytest.mark.parametrize(
    "changes",
    [
        {"sites[haenam].grid_applied": "2026-01-01", "hosts[champion-haenam].permit_applied": "2026-06-01"},
        {"sites[haenam].power": {"flexible": {"max_mw": 9, "lead_months": SOON},
                                 "ppas": [{**FARM, "lead_months": SOON}],
                                 "options": [{"id": ENGINE, "lead_months": SOON}, {"id": CELLS}, {"id": TURBINE}]}},
        {"sites[haenam].grid_lead_months": LATE, "sites[haenam].grid_applied": "2022-01-01"},
        {"limits.efficiency": [{"measure": "pue", "most": 1.3, "from": LAST_JANUARY},
                                {"measure": "wue", "from": LAST_JULY}]},
        {"limits.renewable": [{"share": 0.2, "from": LAST_JANUARY}, {"share": 0, "from": LAST_JULY}]},
    ],
)  # fmt: skip
def test_what_comes_within_the_horizon_is_not_warned_of(small, changes):
    usual = {w.path for w in warnings_of(small)}
    assert {w.path for w in warnings_of(with_overrides(small, changes))} == usual


@pytest.mark.parametrize("path", ["sites[haenam].grid_applied", "hosts[champion-haenam].permit_applied"])
def test_an_application_after_the_horizon_is_refused(small, path):
    with pytest.raises(ScenarioError, match=r"lies after the horizon, .*leave it out"):
        with_overrides(small, {path: "2060-01-01"})
