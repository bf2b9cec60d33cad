"""What is in order but changes nothing is said, at its place; applications after the horizon are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.intake.scenario_file import ScenarioError, load_scenario, warnings_of, with_overrides
from planner.scenario.schema import Scenario

ENGINES = {"options": [{"id": "gas-engine-dc-2026"}]}


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
        ({"sites[haenam].grid_applied": "2028-01-01", "sites[haenam].grid_lead_months": 60}, "sites[haenam].grid_applied",
         "60 months from 2028-01-01 end after the horizon"),
        ({"hosts[champion-haenam].permit_applied": "2028-01-01", "hosts[champion-haenam].open_lead_months": 60},
         "hosts[champion-haenam].permit_applied", "60 months from 2028-01-01 end after the horizon"),
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


@pytest.mark.parametrize("path", ["sites[haenam].grid_applied", "hosts[champion-haenam].permit_applied"])
def test_an_application_after_the_horizon_is_refused(small, path):
    with pytest.raises(ScenarioError, match=r"lies after the horizon, .*leave it out"):
        with_overrides(small, {path: "2060-01-01"})
