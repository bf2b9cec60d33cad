"""What protects whole replicas: arithmetic by hand, the edge where nothing is corrected, classes on servers of their own."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from planner.case.build import build_case
from planner.case.context import Context
from planner.case.replicas import replica_accelerators, spare_replicas, working_share
from planner.facts.catalog import Catalog, load_catalog
from planner.scenario.schema import Scenario

CATALOG = load_catalog()
Make = Callable[..., Scenario]


def share(need: float, replica: float, spares: float, availability: float = 1.0) -> float:
    return float(working_share(np.array([need]), np.array([replica]), np.array([spares]), availability)[0])


@pytest.mark.parametrize(
    "need, replica, spares, held",
    [
        (10.0, 4, 1, 16),  # three replicas and a spare
        (12.0, 4, 0, 12),  # whole already, the spare stands elsewhere
        (0.5, 8, 1, 16),
        (160.0, 4, 1, 160),  # the replica and its spare are 5 % of the need: the fleet's spares cover them
    ],
)
def test_replicas_are_whole_and_one_more(need: float, replica: float, spares: float, held: float) -> None:
    assert need / share(need, replica, spares) == pytest.approx(held)


def test_spares_held_by_availability_are_not_counted_again() -> None:
    assert share(50, 4, 1, availability=0.8) == 1.0  # 62.5 are held, 56 would do
    assert 50 / 0.95 / share(50, 4, 1, availability=0.95) == pytest.approx(56)


def test_secret_work_takes_whole_servers_and_a_part_of_an_accelerator_only_where_declared(tiny: Make) -> None:
    def replica(**work: Any) -> float:
        scenario = tiny(demand=work)
        return replica_accelerators(Context.of(scenario, CATALOG), scenario.demand[0], None, "hgx-b300")

    assert replica() == 1
    assert replica(data_class="secret") == 8 and replica(own_servers=True) == 8
    assert replica(data_class="secret", own_servers=False) == 1
    assert replica(model_class="small", accelerator_share=0.25) == 0.25
    assert replica(model_class="frontier", accelerator_share=0.25) == 4
    assert replica(kind="training") == 0


def test_a_failure_is_covered_once(tiny: Make) -> None:
    assert spare_replicas(tiny().demand[0]) == 1
    assert spare_replicas(tiny(demand={"survival_share": 0.5}).demand[0]) == 0
    assert spare_replicas(tiny(demand={"preemptible": True}).demand[0]) == 0


@pytest.mark.untraced
def test_a_small_workload_holds_more_than_it_needs_and_a_large_one_does_not(
    tiny: Make, plain_catalog: Callable[..., Catalog]
) -> None:
    def rate(asked: float) -> float:
        size = {"by": "accelerators", "points": [{"at": "2027-01-01", "value": asked}]}
        case = build_case(tiny(demand={"size": size, "model_class": "frontier"}), plain_catalog())
        return float(case.serve["rate"].iloc[-1])

    assert rate(400) == 1
    assert rate(10) == pytest.approx(10 / 16)
    assert rate(3) == pytest.approx(3 / 8)
