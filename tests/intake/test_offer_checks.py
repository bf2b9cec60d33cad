"""Hosts that can offer nothing are no valid file: the place, what is allowed, what was probably meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from planner.intake.scenario_file import ScenarioError, load_scenario, with_overrides

NEW_HOST: dict[str, Any] = {
    "site": "haenam", "mode": "build", "owner_class": "national-champion", "operator": "x", "stacks": ["champion-us-chips"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"mode": "build", "owner_class": "us-operator", "stacks": ["us-cloud"]}, "stacks",
         "us-cloud is not offered as build; allowed 'american-package', .*; did you mean 'mode: cloud'"),
        ({"owner_class": "us-operator"}, "stacks",
         "champion-us-chips is not run by a us-operator; allowed .*; did you mean 'owner_class: "),
        ({"mode": "cloud"}, "stacks", "champion-us-chips is not offered as cloud"),
        ({"systems": ["gb300-nvl72"], "cooling": ["air-chilled-water"]}, "systems[0]", "no technology at the host carries"),
        ({"mode": "cloud", "owner_class": "us-operator", "stacks": ["us-cloud"], "systems": ["rtx-pro-6000-8"]}, "systems",
         "no declared system can be had at this host: no published rent"),
        ({"systems": ["rngd-nxt"]}, "systems", "champion-us-chips does not support furiosaai accelerators"),
    ],
)  # fmt: skip
def test_a_host_that_can_offer_nothing(root: Path, changes: dict[str, Any], place: str, words: str) -> None:
    small = load_scenario(root / "tests" / "scenarios" / "small.yaml")
    more = {"systems[rtx-pro-6000-8]": {}, "systems[rngd-nxt]": {}, "hosts[new]": {**NEW_HOST, **changes}}
    with pytest.raises(ScenarioError, match=words) as error:
        with_overrides(small, more)
    assert [p.path for p in error.value.problems] == [f"hosts[new].{place}"]


def test_faults_of_several_hosts_are_told_together_with_others(root: Path) -> None:
    small = load_scenario(root / "tests" / "scenarios" / "small.yaml")
    with pytest.raises(ScenarioError) as error:
        with_overrides(
            small,
            {
                "hosts[champion-haenam].mode": "cloud",
                "hosts[cloud].mode": "build",
                "hosts[cloud].site": "nowhere",
            },
        )
    assert {p.path for p in error.value.problems} == {
        "hosts[champion-haenam].stacks",
        "hosts[cloud].stacks",
        "hosts[cloud].site",
    }


def test_a_fleet_with_a_stack_its_host_does_not_list(root: Path) -> None:
    small = load_scenario(root / "tests" / "scenarios" / "small.yaml")
    fleet = {"host": "champion-haenam", "stack": "us-cloud", "system": "hgx-b300", "accelerators": 8,
             "since": "2026-01-01", "retire": "2029-01-01"}  # fmt: skip
    with pytest.raises(
        ScenarioError, match="does not list 'us-cloud' under stacks; allowed 'champion-us-chips'"
    ):
        with_overrides(small, {"existing.fleets[old]": fleet})
