"""Pre-checks find what no model is needed for, certainly and in milliseconds, and their cures cure."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from planner.case.build import build_case
from planner.case.case import Case
from planner.case.commitments import committed_musd
from planner.case.prechecks import Trouble, precheck, unavoidable_months
from planner.case.problem_size import problem_size
from planner.case.readiness import host_ready, servable
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.models.build import build_model
from planner.scenario.schema import Scenario
from planner.solver.compile import compile_model
from planner.solver.highs import LiveHighs
from planner.solver.solution import Status

pytestmark = pytest.mark.untraced


@pytest.fixture(scope="module")
def small(root: Any) -> Scenario:
    return load_scenario(root / "tests" / "scenarios" / "small.yaml")


@pytest.fixture(scope="module")
def examples() -> dict[str, Case]:
    return {name: build_case(load_scenario(example_path(name))) for name in ("two-hosts", "korea")}


def case_of(scenario: Scenario, changes: dict[str, Any]) -> Case:
    return build_case(with_overrides(scenario, changes))


def only(case: Case) -> Trouble:
    found = precheck(case)
    assert len(found) == 1, [t.message for t in found]
    return found[0]


def lp_feasible(case: Case) -> bool:
    live = LiveHighs(compile_model(build_model(case)[0]))
    live.relax()
    return live.solve().status is Status.OPTIMAL


@pytest.mark.parametrize("name", ["two-hosts", "korea"])
def test_examples_have_no_trouble(examples: dict[str, Case], name: str) -> None:
    assert precheck(examples[name]) == []


FLEET = {
    "id": "old",
    "host": "champion-haenam",
    "stack": "champion-us-chips",
    "system": "hgx-b300",
    "accelerators": 800,
    "since": "2026-01-01",
    "retire": "2031-01-01",
}
HALL = {"id": "hall", "host": "champion-haenam", "it_mw": 3, "grid_mw": 5, "backup_mw": 5}  # fmt: skip
ALONE: dict[str, tuple[str, str, dict[str, Any], list[str]]] = {
    "date": ("late", "records", {"demand[records].must_serve_by": "2027-01-01"}, ["too early", "2028-Q1"]),
    "waiting": ("delay", "records", {"limits.max_delay_months": {"records": 6}}, ["6 months", "12 pass"]),
    "waiting in total": ("delay", "", {"limits.max_delay_months": 5}, ["weighted", "unavoidable"]),
    "one site": ("survival", "records", {"hosts[champion-busan]": None}, ["50%", "haenam"]),
    "control": ("control", "", {"limits.min_control": 95}, ["95", "best offer reaches"]),
    "too large": (
        "decision", "",
        {"decisions": [{"id": "d", "do": "require", "what": "halls", "hosts": ["champion-busan"], "value": 30}]},
        ["30", "at most 10", "largest size"],
    ),
    "nothing chosen": (
        "decision", "",
        {"decisions": [{"id": "d", "do": "require", "what": "open", "hosts": ["champion-busan"], "value": 2}]},
        ["at most 1"],
    ),
    "between two periods": (
        "decision", "",
        {"decisions": [{"id": "d", "do": "require", "what": "open", "hosts": ["champion-busan"],
                        "from": "2028-02-01", "to": "2028-02-28"}]},
        ["no period begins then", "2028-Q1 begins on 2028-01-01"],
    ),
    "before its permit": (
        "decision", "",
        {"decisions": [{"id": "d", "do": "require", "what": "open", "hosts": ["champion-busan"], "to": "2027-06-30"}]},
        ["by 2027-06-30", "before 2027-07-01: champion-busan has its permit from 2027-Q2 on"],
    ),
    "forbidden": (
        "decision", "",
        {"decisions": [{"id": "a", "do": "require", "what": "open", "hosts": ["champion-busan"]},
                       {"id": "b", "do": "forbid", "what": "open", "hosts": ["champion-busan"]}]},
        ["decision b forbids all of it"],
    ),
    "above a quota": (
        "decision", "",
        {"decisions": [{"id": "d", "do": "require", "what": "orders", "value": 5000}],
         "supply.quotas": [{"id": "q", "path": [{"from": "2027-01-01", "accelerators": 100}]}]},
        ["5000", "quota q"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ALONE))
def test_found_named_and_certain(small: Scenario, name: str) -> None:
    reason, workload, changes, words = ALONE[name]
    case = case_of(small, changes)
    trouble = only(case)
    assert (trouble.reason, trouble.workload) == (reason, workload), trouble
    for word in words:
        assert word in trouble.message, trouble.message
    assert trouble.cure
    if reason not in ("delay", "control"):  # those are bounds the model gets from the solve
        assert not lp_feasible(case)
    if trouble.change:
        assert precheck(case_of(with_overrides(small, changes), trouble.change)) == []


@pytest.mark.parametrize(("last", "named"), [("2029-03-31", True), ("2027-09-30", False)])
def test_a_permit_is_named_where_it_alone_comes_too_late(small: Scenario, last: str, named: bool) -> None:
    """Modules ordered at own risk: nine months in all, three of them after a permit of two years."""
    built = {"id": "d", "do": "fix", "what": "halls", "hosts": ["champion-busan"], "to": last}
    changes = {"decisions": [built], "hosts[champion-busan].open_lead_months": 24}
    (told,) = [t for t in precheck(case_of(small, changes)) if t.reason == "decision"]
    assert "none of it can be before 2029-04-01" in told.message
    assert ("champion-busan has its permit from 2029-Q1 on" in told.message) == named, told.message
    assert told.change == {"decisions[d].to": "2029-04-01"}


def test_a_fleet_in_a_hall_of_its_own_is_no_trouble(small: Scenario) -> None:
    case = case_of(small, {"existing.fleets": [FLEET], "existing.halls": [HALL]})
    assert precheck(case) == [] and lp_feasible(case)


def test_no_offer_says_what_excludes_each(small: Scenario) -> None:
    seal = only(case_of(small, {"control.floors.official": 4}))
    assert seal.reason == "seal" and seal.workload == "records"
    assert "SEAL" in seal.message and "held down by criterion 1.8 (survival when vendor" in seal.message
    assert seal.change and 0 <= seal.change["control.floors.official"] < 4
    place = only(case_of(small, {"demand[assistant].country": "JPN"}))
    assert place.reason == "locality" and "forbids compute in KOR" in place.message


def test_money_committed_already_is_counted(small: Scenario) -> None:
    contract = {
        "id": "signed", "host": "cloud", "stack": "us-cloud", "system": "hgx-b300", "accelerators": 100,
        "until": "2027-12-31", "usd_per_accelerator_hour": 4.0,
    }  # fmt: skip
    case = case_of(small, {"existing.contracts": [contract], "limits.capital_musd_total": 2})
    spent = committed_musd(case)
    assert spent["2027"] == pytest.approx(100 * 4.0 * 8760 / 1e6, rel=1e-6) and spent["2028"] == 0
    trouble = only(case)
    assert trouble.reason == "budget" and "committed" in trouble.message


def test_all_troubles_at_once(small: Scenario) -> None:
    changes = {
        "limits.min_control": 95,
        "demand[records].must_serve_by": "2027-01-01",
        "control.floors.public": 4,
    }
    assert {t.reason for t in precheck(case_of(small, changes))} == {"late", "control", "seal"}


def test_floors_above_what_any_offer_reaches_are_told_at_once(small: Scenario) -> None:
    floors = [{"workload": "records", "min": 90}, {"data_class": "public", "min": 80, "from": "2029-01-01"},
              {"workload": "records", "min": 20, "from": "2030-01-01"}]  # fmt: skip
    case = case_of(small, {"limits.control_floors": floors})
    found = precheck(case)
    assert [t.reason for t in found] == ["control", "control"]
    cures = {path: value for t in found for path, value in t.change.items()}
    assert set(cures) == {"limits.control_floors[0].min", "limits.control_floors[1].min"}
    assert not precheck(build_case(with_overrides(case.scenario, cures))), "the least change cures it"
    just_above = {path: value + 0.2 for path, value in cures.items()}
    assert len(precheck(build_case(with_overrides(case.scenario, just_above)))) == 2


def test_readiness_is_the_sum_of_lead_times(small: Scenario) -> None:
    ready = host_ready(build_case(small))
    # Modular halls after 9 months, lines and backup after 12: one year.
    assert ready.to_dict() == {"champion-haenam": 4, "champion-busan": 4}
    later = host_ready(case_of(small, {"sites[busan].grid_mw": [{"from": "2029-01-01", "mw": 5}]}))
    assert later["champion-busan"] == 8 and later["champion-haenam"] == 4


def test_what_is_not_ready_is_never_served(small: Scenario) -> None:
    """The bounds of readiness are below what the model can do, and tight for the first host."""
    case = build_case(small)
    first = servable(case).groupby("w")["t"].min()
    live = LiveHighs(compile_model(build_model(case)[0]))
    live.relax()
    live.set_objective({"delay": 1.0})
    found = live.solve()
    assert found.x is not None
    short = live.arrays.series("unserved", found.x)
    for (w, t), value in short.items():
        if t < first[w]:
            assert value == pytest.approx(1.0)
    assert short["records", int(first["records"])] < 1.0
    months = unavoidable_months(case)
    assert months["records"] == 3.0 * first["records"]


@pytest.mark.parametrize("name", ["two-hosts", "korea"])
def test_size_is_told_within_a_fifth(examples: dict[str, Case], name: str) -> None:
    case = examples[name]
    told, arrays = problem_size(case), compile_model(build_model(case)[0])
    assert told.rows == pytest.approx(arrays.shape[0], rel=0.2)
    assert told.columns == pytest.approx(arrays.shape[1], rel=0.2)
    assert told.nonzeros == pytest.approx(arrays.matrix.nnz, rel=0.2)
    places = sum(arrays.columns[f].size for f in ("open", "use", "halls"))
    assert told.integers == places
    assert told.time_class in str(told)


def test_dates_of_cures_are_dates(small: Scenario) -> None:
    trouble = only(case_of(small, ALONE["date"][2]))
    assert trouble.change == {"demand[records].must_serve_by": date(2028, 1, 1)}
