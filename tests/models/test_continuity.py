"""What is served once stays served, unless data take it away: then what stands is used until it goes."""

from __future__ import annotations

from typing import Any

import pytest

from planner.case.build import build_case
from planner.solver.solution import Status

pytestmark = pytest.mark.untraced

LATE = {"must_serve_by": None, "optional": True}
CLOUD = {
    "id": "cloud", "site": "south", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
    "stacks": ["us-cloud"], "open_lead_months": 3, "rent_terms": ["on-demand"],
}  # fmt: skip
STACKS = [
    {"id": "champion-us-chips", "adoption_musd": 12, "platform_musd_per_year": 8, "lead_months": 6},
    {"id": "us-cloud", "adoption_musd": 1, "platform_musd_per_year": 1, "lead_months": 3},
]
OLD = {"id": "old", "host": "champion", "stack": "champion-us-chips", "system": "hgx-b300", "accelerators": 800,
       "since": "2026-01-01", "retire": "2029-01-01"}  # fmt: skip
HALL = {"id": "hall", "host": "champion", "it_mw": 5, "grid_mw": 8, "backup_mw": 8}


def served(answer: Any, w: str = "work") -> list[float]:
    """Share of demand served by period."""
    return [round(1.0 - v, 6) for (name, _), v in answer.values("unserved").items() if name == w]


def test_service_that_is_given_is_kept_or_may_lapse(tiny, plain_catalog, optimise):
    """Full service asked in one quarter only: the least cost serves on, unless the workload may lapse."""
    asked = {("unserved", ("work", 6)): (0.0, 0.0)}
    free = optimise(tiny(demand={**LATE, "may_lapse": True}), plain_catalog(), bounds=asked)
    kept = optimise(tiny(demand=LATE), plain_catalog(), bounds=asked)
    assert served(free) == [0.0] * 6 + [1.0] + [0.0] * 5
    assert served(kept) == [0.0] * 6 + [1.0] * 6
    assert kept.objective > free.objective


def test_what_is_kept_is_the_amount_while_demand_grows_and_the_share_while_it_falls(
    tiny, plain_catalog, optimise
):
    points = [
        {"at": "2027-01-01", "value": 400},
        {"at": "2028-10-01", "value": 800},
        {"at": "2029-04-01", "value": 200},
    ]
    scenario = tiny(demand={**LATE, "size": {"by": "accelerators", "points": points, "shape": "step"}})
    answer = optimise(scenario, plain_catalog(), bounds={("unserved", ("work", 5)): (0.0, 0.5)})
    assert served(answer) == [0.0] * 5 + [0.5, 0.5] + [0.25, 0.25] + [0.25] * 3


def test_a_fleet_that_retires_before_anything_can_replace_it_is_used_until_then(
    tiny, plain_catalog, optimise
):
    """Nothing can be live before 2028: the fleet that retires in mid-2027 is not idled for fear of the fall."""
    old = {**OLD, "retire": "2027-07-01"}
    scenario = tiny(demand=LATE, existing={"fleets": [old], "halls": [HALL]},
                    systems={"delivery_months": 12}, stacks={"lead_months": 0})  # fmt: skip
    answer = optimise(scenario, plain_catalog(), objective="delay")
    first = int(answer.case.orders["t"].min())
    assert first > 2 and served(answer) == [1.0] * 2 + [0.0] * (first - 2) + [1.0] * (12 - first)


TAKEN: dict[str, dict[str, Any]] = {
    "retirement": {"existing": {"fleets": [OLD], "halls": [HALL]},
                   "supply": {"quotas": [{"id": "few", "path": [{"from": "2027-01-01", "accelerators": 8}]}]}},
    "end of a contract": {
        "hosts": [CLOUD], "stacks": STACKS,
        "existing": {"contracts": [{"id": "signed", "host": "cloud", "stack": "us-cloud", "system": "hgx-b300",
                                    "accelerators": 800, "until": "2029-01-01", "usd_per_accelerator_hour": 3}]},
        "supply": {"quotas": [{"id": "few", "basis": "capacity", "path": [{"from": "2027-01-01", "accelerators": 800},
                                                                     {"from": "2029-01-01", "accelerators": 80}]}]},
    },
    "falling cap on capacity": {
        "hosts": [CLOUD], "stacks": STACKS,
        "supply": {"quotas": [{"id": "few", "basis": "capacity", "path": [{"from": "2027-01-01", "accelerators": 800},
                                                                     {"from": "2029-01-01", "accelerators": 80}]}]},
    },
    "cut": {
        "hosts": [CLOUD, {**CLOUD, "id": "other", "operator": "else"}], "stacks": STACKS,
        "supply": {"quotas": [{"id": "few", "hosts": ["other"], "basis": "capacity",
                               "path": [{"from": "2027-01-01", "accelerators": 80}]}]},
        "cuts": [{"id": "gone", "from": "2029-01-01", "hosts": ["cloud"]}],
    },
}  # fmt: skip


@pytest.mark.parametrize("what", TAKEN)
def test_what_data_take_away_may_fall_and_is_used_until_then(what, tiny, plain_catalog, optimise):
    """Least delay is the same with the duty to keep service as without it, for two workloads that share a fleet."""
    changes = {**TAKEN[what], "demand": tiny().model_dump(mode="json", exclude_none=True)["demand"]}
    changes["supply"] = {**changes["supply"], "owner_allocations": False, "licence": {"mode": "not-required"}}

    def least(may_lapse: bool) -> Any:
        work = {**changes["demand"][0], "may_lapse": may_lapse, "must_serve_by": None, "optional": True}
        half = {"by": "accelerators", "points": [{"at": "2027-01-01", "value": 400}]}
        demand = [{**work, "size": half}, {**work, "id": "second", "size": half}]
        return optimise(tiny(**{**changes, "demand": demand}), plain_catalog(), objective="delay")

    free, kept = least(True), least(False)
    assert len(kept.case.kept) and not len(free.case.kept)
    assert kept.status is free.status is Status.OPTIMAL
    assert kept.objective == pytest.approx(free.objective, abs=1e-6)
    both = [sum(x) for x in zip(served(kept), served(kept, "second"), strict=True)]
    assert max(both[:8]) == pytest.approx(2.0) and both[8] < 1.0


def test_together_no_more_is_lost_than_data_take_away(tiny, plain_catalog, optimise):
    """A fleet of 80 that retires excuses the loss of 80, not of all that two workloads are served."""
    old = {**OLD, "accelerators": 80}
    work = tiny().model_dump(mode="json", exclude_none=True)["demand"][0] | LATE
    work["size"] = {"by": "accelerators", "points": [{"at": "2027-01-01", "value": 400}]}
    scenario = tiny(demand=[work, {**work, "id": "second"}], existing={"fleets": [old], "halls": [HALL]})
    asked = {("unserved", (w, 7)): (0.0, 0.0) for w in ("work", "second")}
    answer = optimise(scenario, plain_catalog(), bounds=asked)
    after = [400 * sum(x) for x in zip(served(answer), served(answer, "second"), strict=True)]
    assert after[7] == pytest.approx(800) and after[8:] == pytest.approx([720] * 4)


def test_service_is_kept_where_nothing_can_go_live_any_more(tiny, plain_catalog, optimise):
    """Supply ends before the second workload asks: what stands serves the first, and is not taken from it."""
    first = tiny().model_dump(mode="json", exclude_none=True)["demand"][0] | LATE
    second = {**first, "id": "second", "size": {"by": "accelerators", "shape": "step", "points": [
        {"at": "2027-01-01", "value": 0}, {"at": "2029-01-01", "value": 400}]}}  # fmt: skip
    asked = {("unserved", ("work", 7)): (0.0, 0.0), ("unserved", ("second", 8)): (0.0, 0.5)}
    cuts = [{"id": "embargo", "from": "2028-01-01", "what": "supply", "chip_origins": ["USA"]}]

    def answer(may_lapse: bool) -> Any:
        demand = [{**first, "may_lapse": may_lapse}, {**second, "may_lapse": may_lapse}]
        return optimise(tiny(demand=demand, cuts=cuts), plain_catalog(), bounds=asked)

    free, kept = answer(True), answer(False)
    assert kept.case.orders["t"].max() < 8 and set(kept.case.kept["t"]) >= {8, 9, 10, 11}
    assert min(served(free)[8:]) < 1.0 and min(served(free, "second")) < 0.5
    assert served(kept)[7:] == [1.0] * 5 and served(kept, "second") == [0.5] * 4


def test_a_contract_that_nothing_can_follow_is_used_until_it_ends(tiny, plain_catalog, optimise):
    """Supply ends with 2027: contracts of a year, the longest there are, serve on and end; shorter ones excuse nothing."""
    cuts = [{"id": "embargo", "from": "2028-01-01", "what": "supply", "chip_origins": ["USA"]}]

    def least(may_lapse: bool) -> Any:
        hosts = [{**CLOUD, "rent_terms": ["on-demand", "one-year"]}]
        demand = {**LATE, "may_lapse": may_lapse}
        scenario = tiny(demand=demand, hosts=hosts, stacks=STACKS, cuts=cuts)
        return optimise(scenario, plain_catalog(), objective="delay")

    free, kept = least(True), least(False)
    assert kept.objective == pytest.approx(free.objective, abs=1e-6)
    assert max(served(kept)) == 1.0 and served(kept)[-1] == 0.0
    lost = kept.case.losses
    assert set(lost["own"]) == {True} and set(lost["working_k"]) == {0.0}


def run(name: str, start: str, deadline: str, tokens: float) -> dict[str, Any]:
    return {"id": name, "params_active_b": 70, "tokens_b": tokens, "start": start, "deadline": deadline}


def test_training_runs_do_not_tie_one_another(tiny):
    """A run is done as a whole: nothing of it is carried from one period to the next."""
    runs = [run("one", "2027-01-01", "2028-01-01", 4000), run("two", "2027-07-01", "2028-07-01", 12000),
            run("three", "2029-01-01", "2029-07-01", 2000)]  # fmt: skip
    work = tiny().model_dump(mode="json", exclude_none=True)["demand"][0]
    case = build_case(tiny(demand=[{**work, "kind": "training", "size": {"by": "training", "runs": runs}}]))
    demand = case.demand.reset_index(drop=True).set_index("t")
    unit = float(demand.loc[0, "demand_kref"])
    # larger fleets lose a little more to interruptions and to spreading
    assert (demand["demand_kref"] / unit).to_dict() == pytest.approx(
        {0: 1.0, 1: 1.0, 2: 4.0, 3: 4.0, 4: 3.0, 5: 3.0, 8: 1.0, 9: 1.0}, rel=0.02
    )
    assert not demand["carried_kref"].any() and not len(case.kept)
    assert demand["until_t"].to_dict() == {0: 3, 1: 3, 2: 5, 3: 5, 4: 5, 5: 5, 8: 9, 9: 9}


def test_priorities_count_only_workloads_that_ask_for_something(tiny):
    work = tiny().model_dump(mode="json", exclude_none=True)["demand"][0]
    nothing = {
        **work,
        "id": "idle",
        "size": {"by": "accelerators", "points": [{"at": "2027-01-01", "value": 0}]},
    }
    case = build_case(tiny(demand=[work, nothing]))
    assert case.workloads["priority"].to_dict() == {"work": 1.0, "idle": 0.0}
