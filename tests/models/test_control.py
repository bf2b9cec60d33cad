"""Control by work and by priority: floors in closed form, and ways around them that must not work."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from planner.case.build import build_case
from planner.scenario.schema import Scenario
from planner.solver.solution import Status

pytestmark = pytest.mark.untraced

HOME, ABROAD = "champion", "cloud"
CLOUD = {
    "id": ABROAD, "site": "away", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
    "stacks": ["us-cloud"], "open_lead_months": 3, "rent_terms": ["one-year"], "rent_factor": 0.2,
}  # fmt: skip
STACK = {"id": "us-cloud", "adoption_musd": 1, "platform_musd_per_year": 1, "lead_months": 3,
         "licence_usd_per_accelerator_year": 0}  # fmt: skip
AWAY = {"id": "away", "metro": "DE-FRA", "grid_mw": [{"from": "2027-01-01", "mw": 1}]}
MOST_DELAY_MONTHS = 4.0
GROWING = {2027: 100, 2028: 400, 2029: 1600}
"""Accelerators asked for by year."""

Served = Callable[..., pd.DataFrame]


@pytest.fixture(scope="module")
def cheap_abroad(tiny) -> dict[str, Any]:
    """A small official workload and a large public one; a cloud of low control at a fifth of its price."""
    plain: dict[str, Any] = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)
    work = {**plain["demand"][0], "locality": {"where": "anywhere"}, "may_lapse": True}

    def sized(accelerators: float, **more: Any) -> dict[str, Any]:
        return {
            **work,
            "size": {"by": "accelerators", "points": [{"at": "2027-01-01", "value": accelerators}]},
            **more,
        }

    plain["demand"] = [sized(40, id="small", data_class="official"), sized(800, id="large")]
    plain["sites"], plain["hosts"] = [*plain["sites"], AWAY], [*plain["hosts"], CLOUD]
    plain["stacks"] = [*plain["stacks"], STACK]
    plain["control"] = {"floors": {"official": 0, "public": 0}}
    return plain


@pytest.fixture(scope="module")
def served(cheap_abroad, plain_catalog, optimise) -> Served:
    """limits, demand -> what is served at least cost: w, h, year, sigma, work (reference accelerators x months), part.

    ``part`` is what it adds to the weight of the workload by priority: months x share of its demand.
    """
    catalog = plain_catalog()

    def make(demand: list[dict[str, Any]] | None = None, **limits: Any) -> pd.DataFrame:
        plain = {**copy.deepcopy(cheap_abroad), "limits": limits}
        plain["demand"] = demand or plain["demand"]
        most = {("delay_w", "small"): (0.0, MOST_DELAY_MONTHS)}
        found = optimise(Scenario.model_validate(plain), catalog, integer=("open", "use"), bounds=most)
        assert found.status is Status.OPTIMAL
        rows = found.case.serve.reset_index(drop=True)[["w", "h", "t", "rate", "sigma"]]
        k = found.values("serve").to_numpy(float) * rows["rate"]
        months = float(found.case.periods["months"].iloc[0])
        asked = rows.merge(found.case.demand.reset_index(drop=True), on=["w", "t"])["demand_kref"]
        rows = rows.assign(year=2027 + rows["t"] // 4, work=1000 * k * months, part=months * k / asked)
        return rows[rows["work"] > 1e-6]

    return make


def control(rows: pd.DataFrame, weight: str = "work") -> float:
    return float(100 * (rows[weight] * rows["sigma"]).sum() / rows[weight].sum())


def by_year(rows: pd.DataFrame, w: str) -> dict[int, float]:
    return {int(str(year)): control(part) for year, part in rows[rows["w"] == w].groupby("year")}


def test_a_floor_by_work_puts_that_share_of_the_work_at_home(served: Served) -> None:
    """(floor - s_abroad) / (s_home - s_abroad) of the work served."""
    rows = served(min_control=50)
    score = 100 * rows.groupby("h")["sigma"].first()
    least = (50 - score[ABROAD]) / (score[HOME] - score[ABROAD])
    share = rows.loc[rows["h"] == HOME, "work"].sum() / rows["work"].sum()
    assert 0.2 < least < 0.8 and share == pytest.approx(least, abs=1e-6)


def test_a_floor_by_priority_is_met_by_the_small_workload(served: Served) -> None:
    """As it was before work was counted: the same floor with most of the work abroad."""
    rows = served(min_control=50, min_control_by="priority")
    assert control(rows, "part") == pytest.approx(50, abs=1e-4)
    assert control(rows) < 45 and control(served(min_control=50)) == pytest.approx(50, abs=1e-4)


def test_a_large_job_at_home_does_not_meet_the_floor_of_its_class(
    served: Served, cheap_abroad: dict[str, Any]
) -> None:
    """Twenty times larger, of the same class and at home by law: the small workload keeps the floor by itself."""
    small, large = copy.deepcopy(cheap_abroad["demand"])
    job = {**large, "data_class": "official", "kind": "batch", "preemptible": True}
    job["locality"] = {"where": "in-country"}
    floor = {"data_class": "official", "min": 50, "from": "2028-01-01"}
    kept = by_year(served([small, job], min_control=50, control_floors=[floor]), "small")
    assert kept[2028] >= 50 - 1e-4 and kept[2029] >= 50 - 1e-4
    assert by_year(served([small, job], min_control=50), "small")[2029] < 40, "it rides on the large one"


def test_neither_a_good_last_year_nor_unserved_work_meets_a_floor(
    served: Served, cheap_abroad: dict[str, Any]
) -> None:
    """Each year from the date reaches the floor by what is served in it, and all that is due is served."""
    floor = {"workload": "large", "min": 45, "from": "2028-01-01"}
    growing = copy.deepcopy(cheap_abroad["demand"])
    growing[1]["size"] |= {
        "shape": "step",
        "points": [{"at": f"{y}-01-01", "value": GROWING[y]} for y in GROWING],
    }
    rows = served(growing, control_floors=[floor])
    kept = by_year(rows, "large")
    assert kept[2028] == pytest.approx(45, abs=1e-4) and kept[2029] >= 45 - 1e-4
    large = rows[rows["w"] == "large"].groupby("year")["work"].sum()
    assert all(large[y] == pytest.approx(12 * GROWING[y]) for y in (2028, 2029))
    assert by_year(served(growing, min_control=45), "large")[2028] < 40, (
        "a mean over the horizon holds no year"
    )


def test_a_class_floor_is_one_of_each_workload_and_year(cheap_abroad: dict[str, Any], plain_catalog) -> None:
    floors = [{"data_class": "public", "min": 45, "from": "2028-07-01"}, {"workload": "small", "min": 30}]
    case = build_case(
        Scenario.model_validate({**cheap_abroad, "limits": {"control_floors": floors}}), plain_catalog()
    )
    assert set(case.control_floors.index) == {
        *(("public data from 2028-07-01", "large", year) for year in ("2028", "2029")),
        *(("small", "small", year) for year in ("2027", "2028", "2029")),
    }
    rows = case.floor_periods.reset_index(drop=True)
    assert rows.loc[rows["w"] == "large", "t"].min() == 6, "the year of its date counts from the date"
