"""A plan on coarse periods priced again on quarters, with what it holds and serves kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from planner.audit import audit
from planner.case.build import build_case
from planner.case.periods import STEP_MONTHS, Calendar
from planner.cli import app
from planner.cli.output import UNSOUND
from planner.facts.errors import BadValue, NoPlan
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.planning.pipeline import solve
from planner.plans.plan import Plan
from planner.runs.run import Run
from planner.scenario.horizon import Horizon
from planner.scenario.schema import Existing
from planner.studies.repriced import COST, GONE, cost_by_account, opened_sooner, reprice, usual_step

pytestmark = pytest.mark.untraced


def steps(fine: str, years: int, coarse: str) -> list[dict[str, Any]]:
    return [{"step": fine, "years": years}, {"step": coarse}]


def plan_of(name: str, years: int, step: Any, **changes: Any) -> Plan:
    horizon = {"horizon.years": years, "horizon.step": step}
    own = with_overrides(load_scenario(example_path(name)), {**horizon, **changes})
    plan = solve(build_case(own), quality="quick").plan
    assert plan is not None
    return plan


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of("two-hosts", 6, steps("quarter", 2, "year"))


def within(again: Plan, plan: Plan, share: float = 0.01) -> bool:
    return again.kpi(COST) == pytest.approx(plan.kpi(COST), rel=share)


def test_what_stands_and_is_served_is_kept_at_the_same_cost(plan: Plan) -> None:
    again = reprice(plan)
    assert within(again, plan, 0.002) and not len(audit(again))
    waiting = reprice(plan, wait=True)  # rents to their end, and none too soon
    assert waiting.kpi(COST) < 0.997 * plan.kpi(COST)
    fleets = [p.tables["fleet"].set_index(["h", "a", "k", "t"])["accelerators"] for p in (plan, again)]
    for (h, a, k, t), n in fleets[0].items():
        begin = plan.case.calendar.step_of(t)
        for i in range(begin, plan.case.calendar.step_of(t + 1)):
            assert fleets[1][h, a, k, i] >= n * (1 - 1e-5)
    left = again.tables["demand"].set_index("t")["unserved_share"]
    for t, share in plan.tables["demand"].set_index("t")["unserved_share"].items():
        assert left[plan.case.calendar.step_of(t)] <= share + 1e-5
    accounts = cost_by_account(plan, again)
    assert accounts["more_musd"].sum() == pytest.approx(again.kpi(COST) - plan.kpi(COST), abs=1e-3)


def test_a_contract_in_force_to_september_costs_the_same_on_quarters() -> None:
    """The year in which it ends is cut on that day."""
    old = {"id": "old", "host": "cloud", "stack": "us-cloud", "system": "hgx-b300", "accelerators": 800}
    old |= {"until": "2030-09-30", "usd_per_accelerator_hour": 3.0}
    plan = plan_of("two-hosts", 6, steps("quarter", 2, "year"), **{"existing.contracts": [old]})
    assert list(plan.tables["demand"]["label"][8:]) == ["2029", "2030-Q1-Q3", "2030-Q4", "2031", "2032"]
    again = reprice(plan)
    assert within(again, plan, 0.002) and not len(audit(plan)) and not len(audit(again))


def test_a_place_opens_soon_enough_for_the_halls_that_wait_for_its_permit() -> None:
    """Place and hall go live with 2029 and the period before is 2028: its permit is there when that begins, on quarters a
    quarter before the place opens, which is too late for a hall of longer works.
    """
    plan = plan_of("two-hosts", 6, steps("quarter", 1, "year"), **{"hosts[cloud]": None})
    again = reprice(plan)
    assert within(again, plan, 0.015) and not len(audit(again))
    planned, opened = (p.tables["opens"].iloc[0] for p in (plan, again))
    assert planned["permit_date"] <= opened["permit_date"] and opened["live_date"] < planned["live_date"]
    told = opened_sooner(plan, again)
    assert told.loc[0].to_list() == ["champion", planned["live_date"], opened["live_date"]]
    halls, held = (p.tables["halls"].set_index(["b", "live_date"])["halls"] for p in (plan, again))
    assert held.to_dict() == pytest.approx(halls.to_dict())
    since = again.case.calendar.containing(planned["live_date"].date())
    assert again.tables["fleet"].query("h == 'champion'")["t"].min() >= since
    demand = again.tables["demand"].set_index("t")
    assert demand.loc[: since - 1, "unserved_share"].min() == pytest.approx(1.0), "served no sooner"


def test_plant_is_sold_on_the_nearest_day_that_finer_steps_offer() -> None:
    """A line that comes within a year stands from the next year on, on quarters from the quarter before: plant goes then."""
    plan = plan_of("grid-late", 9, steps("quarter", 3, "year"))
    again = reprice(plan)
    assert within(again, plan) and not len(audit(again))  # orders in parts, delays at their caps
    sold, earlier = (p.tables["bridges"].groupby("sale_date")["added_mw"].sum() for p in (plan, again))
    assert len(sold) and earlier.to_list() == pytest.approx(sold.to_list())
    assert all(e < s for e, s in zip(earlier.index, sold.index, strict=True))


def test_on_its_own_steps_a_plan_costs_no_more(root: Path) -> None:
    """What is held leaves the plan itself; fleets of whole servers may be rented by the piece here."""
    plan = plan_of("two-hosts", 4, "quarter")
    again = reprice(plan)
    assert plan.kpi(COST) * 0.995 <= again.kpi(COST) <= plan.kpi(COST) * (1 + 1e-5)


def test_months_before_quarters_and_years(root: Path) -> None:
    plan = plan_of("two-hosts", 5, [{"step": "month", "years": 1}, *steps("quarter", 2, "year")])
    assert within(reprice(plan, "month"), plan)
    with pytest.raises(BadValue, match=r"a quarter does not divide .* of 1 months: --step takes month here"):
        reprice(plan, "quarter")


def test_a_run_of_training_in_half_a_year_costs_the_same_on_quarters(tiny: Any, plain_catalog: Any) -> None:
    """Beside chat, in yearly periods: the fleet of a year does not do in one half what chat leaves it in both."""
    chat = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)["demand"][0]
    size = {"by": "accelerators", "points": [{"at": "2028-01-01", "value": 800}]}
    run = {
        "id": "one",
        "params_active_b": 70,
        "tokens_b": 8000,
        "start": "2030-07-01",
        "deadline": "2031-01-01",
    }
    work = {**chat, "id": "models", "kind": "training", "size": {"by": "training", "runs": [run]}}
    for name in ("preemptible", "must_serve_by"):
        del work[name]
    horizon = {"start": "2027-01-01", "years": 6, "step": steps("quarter", 2, "year")}
    case = build_case(tiny(demand=[{**chat, "size": size}, work], horizon=horizon), plain_catalog())
    plan = solve(case, quality="quick").plan
    assert plan is not None and within(reprice(plan), plan)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "years", "step"),
    [
        ("two-hosts", 4, steps("quarter", 1, "half-year")),
        ("two-hosts", 20, steps("quarter", 5, "year")),
        ("grid-late", 20, steps("quarter", 5, "year")),
        ("kenya", 20, steps("quarter", 3, "year")),
        ("kenya", 10, steps("quarter", 4, "half-year")),
        ("poland", 20, steps("quarter", 5, "year")),
        ("korea", 10, steps("quarter", 4, "year")),
        ("india", 12, steps("quarter", 4, "year")),
        ("kazakhstan", 20, steps("quarter", 5, "year")),
    ],
)
def test_examples_with_a_seam_cost_the_same_on_quarters(name: str, years: int, step: Any) -> None:
    plan = plan_of(name, years, step)
    again = reprice(plan)
    assert within(again, plan) and not len(audit(again))


def test_what_a_crew_of_a_year_sets_up_at_its_start_is_not_there_on_quarters(
    tiny: Any, plain_catalog: Any
) -> None:
    """It is said that the plan cannot be kept."""
    crew = {"crews": [{"id": "q", "racks_per_quarter": 18}], "owner_allocations": False}
    points = [{"at": f"{2027 + i}-01-01", "value": 600 + 500 * i} for i in range(5)]
    demand = {
        "must_serve_by": None,
        "optional": True,
        "size": {"by": "accelerators", "shape": "step", "points": points},
    }
    horizon = {"start": "2027-01-01", "years": 5, "step": steps("quarter", 2, "year")}
    case = build_case(tiny(horizon=horizon, demand=demand, supply=crew), plain_catalog())
    plan = solve(case, "quick", "delay").plan
    assert plan is not None
    with pytest.raises(NoPlan, match=r"of a quarter: the racks a crew sets up would have to give$"):
        reprice(plan)


def test_what_ends_is_replaced_as_planned_where_it_cannot_stand_on(tiny: Any, plain_catalog: Any) -> None:
    """A hall of 2.5 MW holds what demand of the last year needs, and not beside it what ends in mid-year."""
    points = [{"at": "2027-01-01", "value": 200}, {"at": "2033-01-01", "value": 1050}]
    systems = [
        {"id": "hgx-h200", "price_usd": 200_000, "available_from": "2026-01-01", "end_of_sale": "2030-12-31"},
        {"id": "hgx-b300", "price_usd": 400_000, "available_from": "2031-01-01"},
    ]
    demand = {
        "must_serve_by": "2029-01-01",
        "size": {"by": "accelerators", "shape": "step", "points": points},
    }
    horizon = {"start": "2027-01-01", "years": 7, "step": steps("quarter", 2, "year")}
    own = tiny(horizon=horizon, demand=demand, sites={"max_it_mw": 2.5}, systems=systems)
    plan = solve(build_case(own, plain_catalog()), quality="quick").plan
    assert plan is not None
    again = reprice(plan)
    assert within(again, plan) and not len(audit(again))
    assert GONE["item"] in set(again.tables["assumptions"]["item"])
    gone = again.tables["fleet"].query("k == 'hgx-h200'")["t"].max() + 1
    assert gone == again.case.calendar.containing(plan.case.calendar.date_of(plan.case.calendar.n - 1))
    with pytest.raises(NoPlan, match="a hall is too full"):
        reprice(plan, wait=True)


@pytest.mark.slow
def test_what_is_replaced_as_planned_costs_what_the_plan_does() -> None:
    """Most of Saudi Arabia's fleet ends in one year: to replace it when it ends costs 1 to 2 % less."""
    plan = plan_of("saudi-arabia", 12, steps("quarter", 5, "year"))
    assert within(reprice(plan, wait=False), plan, 0.003)
    assert 0.98 < reprice(plan, wait=True).kpi(COST) / plan.kpi(COST) < 0.995


@pytest.mark.parametrize(
    ("steps", "usual"),
    [
        ("month", "month"), ("quarter", "quarter"), ("half-year", "quarter"), ("year", "quarter"),
        ([{"step": "month", "years": 1}, {"step": "quarter", "years": 2}, {"step": "year"}], "month"),
        ([{"step": "quarter", "years": 2}, {"step": "year"}], "quarter"),
    ],
)  # fmt: skip
def test_the_step_that_is_usual_divides_the_plans_own(steps: Any, usual: str) -> None:
    """The second last of the list is what was refused: months, quarters, years over seven years from March."""
    horizon = Horizon.model_validate({"start": "2027-03-01", "years": 7, "step": steps})
    calendar = Calendar.of(horizon, Existing())
    assert usual_step(calendar) == usual and calendar.step_months % STEP_MONTHS[usual_step(calendar)] == 0


def test_a_run_is_priced_again_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table whose title names both costs, or all accounts as JSON; finer than quarters there is the month only."""
    monkeypatch.chdir(tmp_path)
    call = CliRunner().invoke
    assert call(app, ["solve", "two-hosts", "-o", "run"]).exit_code == 0
    shown = call(app, ["reprice", "run"])
    assert shown.exit_code == 0 and "in periods of a quarter" in " ".join(shown.output.split())
    told = json.loads(call(app, ["reprice", "run", "--json"]).output)
    assert told["step"] == "quarter" and told["repriced_musd"] == pytest.approx(told["plan_musd"], rel=0.005)
    assert sum(row["more_musd"] for row in told["accounts"]) == pytest.approx(
        told["repriced_musd"] - told["plan_musd"], abs=1e-3
    )
    assert told["rules_broken"] == 0 and told["waiting_musd"] is None
    refused = call(app, ["reprice", "run", "--step", "half-year"])
    assert refused.exit_code == 2 and "takes month, quarter here" in refused.output
    monkeypatch.setattr(Run, "audit_fault", "the audit finds 2 rules broken")
    unsound = call(app, ["reprice", "run"])
    assert unsound.exit_code == UNSOUND and "do not use this plan" in unsound.output
