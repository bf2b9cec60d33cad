"""Dates of service: those after which it stays; pauses in demand are no time without service."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.audit import audit
from planner.case.build import build_case
from planner.case.readiness import soonest_service
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.planning.pipeline import solve
from planner.plans.kpis import service_dates
from planner.plans.schema import SCHEMA
from planner.report.terms import heading


def dates(case, unserved: dict[int, float]) -> tuple[str, str]:
    """Dates of 50 % and 95 % for shares unserved by period; periods left out have no demand."""
    table = pd.DataFrame(
        {"w": "work", "t": list(unserved), "months": 3.0, "unserved_share": list(unserved.values())}
    )
    runs = pd.DataFrame(columns=list(SCHEMA["training"]))
    row = service_dates(case, {"demand": table, "training": runs}).iloc[0]
    half, most = ("" if pd.isna(row[c]) else f"{row[c]:%Y-%m}" for c in ("date_50", "date_95"))
    return half, most


def test_dates_are_those_after_which_service_stays(tiny):
    case = build_case(tiny())
    assert dates(case, {0: 1.0, 1: 0.4, 2: 0.0, 3: 0.7, 4: 0.3, 5: 0.05, 6: 0.0}) == ("2028-01", "2028-04")
    assert dates(case, {0: 0.0, 1: 0.0, 2: 0.06}) == ("2027-01", "")
    assert dates(case, {2: 0.0, 3: 0.0, 7: 0.0}) == ("2027-07", "2027-07")
    assert dates(case, {2: 0.6, 3: 0.6, 7: 0.0}) == ("2028-10", "2028-10")
    assert dates(case, {2: 0.0, 7: 0.6}) == ("", "")


def test_a_pause_between_training_runs_is_no_time_without_service(tiny, plain_catalog):
    work = tiny().model_dump(mode="json", exclude_none=True)["demand"][0]
    runs = [
        {
            "id": "one",
            "params_active_b": 70,
            "tokens_b": 4000,
            "start": "2028-01-01",
            "deadline": "2028-07-01",
        },
        {
            "id": "two",
            "params_active_b": 70,
            "tokens_b": 6000,
            "start": "2029-01-01",
            "deadline": "2029-07-01",
        },
    ]
    scenario = tiny(demand=[{**work, "kind": "training", "size": {"by": "training", "runs": runs}}])
    plan = solve(build_case(scenario, plain_catalog()), quality="quick").plan
    assert plan is not None and sorted(plan.tables["demand"]["t"]) == [4, 5, 8, 9]
    assert plan.kpi("first_service_months") == plan.kpi("full_service_months") == 12.0
    assert np.isclose(plan.kpi("delay_months"), 0.0, atol=1e-6)
    assert not len(audit(plan)), audit(plan).to_string()


def test_training_is_not_served_before_its_work_begins(tiny):
    """Work may wait for quiet hours: what is done by the deadline counts as served at an even pace."""
    table = pd.DataFrame(
        {"w": "work", "t": [0, 1, 2, 6, 7], "months": 3.0, "unserved_share": [1.0, 1.0, 0, 0, 0]}
    )
    day = pd.Timestamp
    runs = pd.DataFrame({
        "w": ["work", "work", "other"], "deadline_date": [day("2028-07-01"), day("2029-01-01"), day("2030-01-01")],
        "begins_date": [pd.NaT, day("2028-11-15"), day("2028-12-01")],
    })  # fmt: skip
    case = build_case(tiny())
    for begins, want in (
        (pd.NaT, "2028-11-15"),
        (day("2027-09-01"), "2027-09-01"),
        (day("2027-01-01"), "2027-07-01"),
    ):
        tables = {"demand": table, "training": runs.assign(begins_date=[begins, *runs["begins_date"][1:]])}
        row = service_dates(case, tables).iloc[0]
        assert f"{row['date_50']:%Y-%m-%d}" == f"{row['date_95']:%Y-%m-%d}" == want


def test_the_least_delay_nobody_could_avoid_is_said_to_be_the_least():
    """A line that takes longer than the permit is in none of these months, and words do not say that it is."""
    scenario = load_scenario(example_path("grid-late"))
    case = build_case(with_overrides(scenario, {"sites[haenam].power": None}))
    plan = solve(case, quality="quick").plan
    assert plan is not None
    row = plan.kpis.set_index("kpi").loc["unavoidable_delay_months"]
    first = int(case.serve["t"].min())
    assert (
        row["value"]
        == 12.0 * case.calendar.step_years * first
        < 12.0 * case.calendar.step_years * min(soonest_service(case, h) for h in case.hosts.index)
    )
    alone = "permit, adoption and delivery alone"
    assert row["note"].startswith("at least") and alone in row["note"]
    said = [r for r in plan.tables["demand"]["reason"] if r.startswith("nothing can be live before")]
    assert said and all(alone in r for r in said)
    assert "at least" in heading("unavoidable_months")
