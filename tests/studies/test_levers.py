"""Pairs of runs of benchmarks/levers.py: a thing that makes the soonest service later is not shown as saving money."""

from collections.abc import Callable
from types import ModuleType

import pytest

from planner.facts.catalog import load_catalog

pytestmark = pytest.mark.untraced


@pytest.fixture(scope="module")
def levers(benchmark: Callable[[str], ModuleType]) -> ModuleType:
    module = benchmark("levers")
    small = module.SMALL.replace("years: 4", "years: 2").replace("2030-12-31", "2028-12-31")
    vars(module)["SMALL"] = small
    return module


def pair(levers: ModuleType, later: int, sooner: int) -> dict[str, str]:
    """The cloud opens at another lead, and no other host is there."""
    only = {
        "hosts": [
            {"id": "cloud", "site": "seoul", "mode": "cloud", "owner_class": "us-operator",
             "operator": "us-operator", "stacks": ["us-cloud"], "open_lead_months": sooner}
        ],
        "control.floors": {"official": 0},
    }  # fmt: skip
    lever = levers.Lever("class", "lead", "a lead", {"hosts.cloud.open_lead_months": later}, only)
    found: dict[str, str] = levers.row(lever, load_catalog())
    return found


def test_where_the_second_can_serve_in_time_both_wait_as_long(levers: ModuleType) -> None:
    found = pair(levers, later=6, sooner=3)
    assert "+3.00" in found["soonest"]
    assert found["waits"] == "same"
    assert "delay" not in found["moves"] and "cost -" not in found["moves"], found["moves"]


def test_where_the_second_is_too_late_the_row_says_so(levers: ModuleType) -> None:
    found = pair(levers, later=12, sooner=3)
    assert found["waits"] == "longer" and levers.kind(found).startswith("time")
    assert (
        found["moves"].startswith("no plan at the same waits")
        and "months; where both wait as long as that" in found["moves"]
    )
    assert "delay +" in found["moves"] and "delay" not in found["moves"].split("as that")[1]
