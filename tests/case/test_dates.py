"""Dates within a period are read on the safe side, and the audit reads them by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.case.commitments import signed_rents
from planner.case.periods import Calendar
from planner.planning.pipeline import solve
from planner.scenario.schema import Scenario

pytestmark = pytest.mark.untraced

HALL = {"id": "hall", "host": "champion", "it_mw": 4, "grid_mw": 8, "backup_mw": 8}
FLEET = {
    "id": "old",
    "host": "champion",
    "stack": "champion-us-chips",
    "system": "hgx-b300",
    "accelerators": 800,
}


def held(tiny: Callable[..., Scenario], **dates: Any) -> Scenario:
    return tiny(existing={"halls": [HALL], "fleets": [{**FLEET, **dates}]}, solve={"quality": "quick"})


@pytest.mark.parametrize(
    ("since", "retire", "first", "last"),
    [
        ("2026-01-01", "2029-01-01", 0, 7),
        ("2026-01-01", "2029-01-02", 0, 7),  # two days of a quarter are no quarter
        ("2027-01-02", "2028-12-31", 1, 6),
        ("2027-04-01", "2028-10-01", 1, 6),
    ],
)
def test_a_fleet_serves_whole_periods(
    tiny: Callable[..., Scenario], since: str, retire: str, first: int, last: int
) -> None:
    fleet = build_case(held(tiny, since=since, retire=retire)).fleet
    alive = fleet.loc[fleet["existing_k"] > 0, "t"]
    assert (alive.min(), alive.max()) == (first, last)


def test_a_contract_serves_whole_periods_and_is_paid_to_its_last_day(tiny: Callable[..., Scenario]) -> None:
    contract = {"id": "rent", "host": "champion", "stack": "champion-us-chips", "system": "hgx-b300",
                "accelerators": 1000, "usd_per_accelerator_hour": 2.0}  # fmt: skip

    def case(until: str) -> Any:
        return build_case(tiny(existing={"contracts": [{**contract, "until": until}]}))

    whole, part = case("2027-12-31"), case("2027-11-15")
    assert whole.fleet.query("existing_k > 0")["t"].max() == 3
    assert part.fleet.query("existing_k > 0")["t"].max() == 2
    quarter = 1000 * 2.0 * 2190 / 1e6
    assert signed_rents(whole)["musd"].to_list() == pytest.approx([quarter] * 4)
    assert signed_rents(part)["musd"].to_list() == pytest.approx(
        [quarter] * 3 + [quarter * (1 + 15 / 31) / 3]
    )


@pytest.mark.parametrize(("day", "first"), [("2028-01-01", 4), ("2028-02-15", 4), ("2028-03-31", 4)])
def test_losses_and_duties_hold_from_their_period(
    tiny: Callable[..., Scenario], day: str, first: int
) -> None:
    cut = {"id": "gone", "from": day, "vendors": ["nvidia"]}
    lost = build_case(tiny(cuts=[cut], demand={"must_serve_by": "2027-01-01"}))
    assert lost.serve["t"].max() < first
    cap = {"by": "vendor", "id": "nvidia", "max_share": 0.5, "from": day}
    duty = {"must_serve_by": day, "survival_share": 0.5, "survive_from": day}
    case = build_case(tiny(demand=duty, limits={"shares": [cap]}))
    assert case.workloads["must_t"].iloc[0] == case.workloads["survive_t"].iloc[0] == first
    assert case.share_caps["t"].min() == first


def test_steps_rise_late_and_fall_early(tiny: Callable[..., Scenario]) -> None:
    steps = [
        {"from": "2027-02-01", "mw": 40},
        {"from": "2028-02-01", "mw": 10},
        {"from": "2028-08-01", "mw": 20},
    ]
    grid = build_case(tiny(sites={"grid_mw": steps})).site_period["grid_mw"].to_list()
    assert grid == [0, 40, 40, 40, 10, 10, 10, 20, 20, 20, 20, 20]
    assert Calendar(date(2027, 1, 1), 12, 4).first_of_steps([date(2026, 5, 1)], [5.0]) == [0]


def test_the_audit_reads_the_dates_itself(tiny: Callable[..., Scenario]) -> None:
    case = build_case(held(tiny, since="2026-01-01", retire="2028-11-15"))
    assert not len(audit(solve(case).plan))
    late = replace(case, existing=case.existing.assign(end_t=8), fleet=_longer(case))
    broken = audit(solve(late).plan)
    assert "fleet-stock" in set(broken["rule"])


def _longer(case: Any) -> Any:
    """The fleet as if what retires within a period served to its end."""
    return case.fleet.assign(
        existing_k=[
            0.8 if t == 7 else k for t, k in zip(case.fleet["t"], case.fleet["existing_k"], strict=True)
        ]
    )
