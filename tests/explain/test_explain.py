"""What binds, why not, and the expert's irreducible set: answers that agree with the model."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from planner.case.build import build_case
from planner.case.case import Case
from planner.explain import binding, iis, next_point, why_not
from planner.explain.elastic import Elastic
from planner.explain.relaxations import TIERS
from planner.explain.why_not import _Forced, own_costs
from planner.facts.errors import BadValue, UnknownName
from planner.intake.scenario_file import load_scenario, with_overrides
from planner.planning.pipeline import solve
from planner.plans.plan import Plan
from planner.scenario.schema import Scenario
from planner.solver.engine import Engine

BROKEN = {"limits.capital_musd_by_year": [{"year": 2029, "musd": 5}]}


@pytest.fixture(scope="module")
def small(root: Any) -> Scenario:
    return load_scenario(root / "tests" / "scenarios" / "small.yaml")


@pytest.fixture(scope="module")
def planned(small: Scenario, untraced: Callable[[], AbstractContextManager[None]]) -> tuple[Case, Plan]:
    """A plan in which a quota of 250 accelerators a quarter is scarce."""
    quota = {
        "id": "us",
        "vendors": ["nvidia"],
        "basis": "capacity",
        "path": [{"from": "2027-01-01", "accelerators": 1900}],
    }
    scenario = with_overrides(small, {"supply.quotas": [quota], "limits.min_control": 50})
    with untraced():
        outcome = solve(build_case(scenario), quality="quick")
    assert outcome.plan is not None
    return build_case(outcome.resolved), outcome.plan


def test_what_binds_has_a_worth_and_a_date(planned: tuple[Case, Plan]) -> None:
    table = binding(planned[1])
    assert len(table) and (table["worth"] > 0).all()
    assert list(table["worth"]) == sorted(table["worth"], reverse=True)
    assert "demand_balance" not in set(table["rule"])
    assert table["text"].str.contains("is worth").all()
    prices = planned[1].tables["prices"]
    first = table.iloc[0]
    same = prices[prices["meaning"].str.startswith(first["meaning"])]
    assert first["worth"] == pytest.approx(same["dual"].abs().sum())


def test_an_excluded_choice_gives_its_recorded_reason(planned: tuple[Case, Plan]) -> None:
    case, plan = planned
    answer = why_not(case, plan.tables, workload="records", host="cloud")
    assert "SEAL" in answer.text and len(answer.excluded) and answer.cheaper is None
    unlisted = why_not(case, plan.tables, host="cloud", stack="champion-us-chips")
    assert "no offer of this scenario" in unlisted.text


def test_a_place_whose_permit_or_line_comes_after_the_horizon_is_no_offer(small: Scenario) -> None:
    host = "champion-haenam"
    site = next(h.site for h in small.hosts if h.id == host)
    for changes, said, left_out in (
        ({f"sites[{site}].grid_lead_months": 90}, "comes no sooner than 2034-07-01", "its permit"),
        (
            {f"hosts[{host}].open_lead_months": 96},
            "the first hall after it come no sooner than 2035-04-01",
            "no offer",
        ),
    ):
        text = why_not(build_case(with_overrides(small, changes)), host=host).text
        assert "can serve nothing before the horizon ends on 2031-01-01" in text
        assert said in text and left_out not in text
    assert "is an offer in this case" in why_not(build_case(small), host=host).text


@pytest.mark.parametrize(
    ("power", "named"),
    [
        ({}, ""),
        ({"options": [{"id": "battery-4h-2026", "max_mw": 10}]}, "battery-4h-2026"),
        ({"options": [{"id": "pv-utility-2026", "max_mw": 10}]}, "pv-utility-2026"),
        ({"flexible": {"max_mw": 10}}, "a flexible line"),
        ({"options": [{"id": "fuelcell-2026", "lead_months": 60}]}, "fuelcell-2026"),
        (
            {"flexible": {"max_mw": 10}, "options": [{"id": "battery-4h-2026", "max_mw": 10}]},
            None,
        ),
        ({"options": [{"id": "fuelcell-2026"}]}, None),
    ],
)
def test_a_line_is_late_unless_firm_power_comes_sooner(
    root: Any, power: dict[str, Any], named: str | None
) -> None:
    """Neither storage, the sun nor a flexible line carries a place by itself; a flexible line with storage does."""
    scenario = load_scenario(root / "data" / "scenarios" / "two-hosts.yaml")
    case = build_case(
        with_overrides(scenario, {"sites[haenam].grid_lead_months": 60, "sites[haenam].power": power})
    )
    text = why_not(case, host="champion").text
    assert ("the firm line of haenam" in text and "no sooner than 2032-01-01" in text) == (named is not None)
    assert not named or f"({named}) nothing is there in time" in text
    assert named != "" or "offered beside it" not in text


def test_what_is_in_the_plan_is_said_to_be(planned: tuple[Case, Plan]) -> None:
    case, plan = planned
    host = plan.tables["fleet"].groupby("h")["accelerators"].max().idxmax()
    assert why_not(case, plan.tables, host=str(host)).in_plan


def test_unknown_names_are_an_error(planned: tuple[Case, Plan]) -> None:
    with pytest.raises(UnknownName, match=r"nowhere.*champion-haenam"):
        why_not(planned[0], host="nowhere")
    with pytest.raises(BadValue, match="name a workload"):
        why_not(planned[0])


@pytest.mark.untraced
def test_a_dearer_choice_enters_once_it_is_cheaper_by_what_was_said(small: Scenario) -> None:
    """The reduced cost in words, against the plan with the price lowered by it."""
    dear = with_overrides(
        small,
        {"systems[gb300-nvl72].price_usd": 9e6, "systems[gb300-nvl72].rent_usd_per_accelerator_hour": 12.0},
    )
    outcome = solve(build_case(dear), quality="quick")
    assert outcome.plan is not None
    fleet = outcome.plan.tables["fleet"]
    assert not (fleet["k"] == "gb300-nvl72").any()
    answer = why_not(build_case(outcome.resolved), outcome.plan.tables, system="gb300-nvl72")
    assert answer.cheaper is not None and 0.05 < answer.cheaper < 1.0
    assert "cheaper to enter the plan" in answer.text
    engine = Engine(build_case(outcome.resolved))
    engine.policy(outcome.bounds)
    engine.minimise("cost")
    engine.integers()
    for family in ("open", "use", "halls"):
        engine.fix(family, _held_values(outcome.plan, engine, family))
    for factor, inside in ((0.0, False), (1.05, True)):
        for column, musd in own_costs(engine, None, None, "gb300-nvl72").items():
            engine.live.change_coefficient("cost_sum", column, -musd * (1 - factor * answer.cheaper))
        found = engine.live.solve()
        assert found.x is not None
        fleet_of = engine.family(found.x, "fleet")
        bought = fleet_of[fleet_of.index.get_level_values(2) == "gb300-nvl72"].sum()
        assert (bought > 1e-4) == inside


@pytest.mark.parametrize(("family", "words"), [("order", "bought for "), ("rent", "rented from ")])
def test_what_is_rented_is_not_told_as_bought(small: Scenario, family: str, words: str) -> None:
    case = build_case(small)
    engine = Engine(case)
    block, before = engine.arrays.columns[family], np.zeros(engine.arrays.shape[1])
    forced = object.__new__(_Forced)
    forced.case, forced.engine, forced.chosen = (
        case,
        engine,
        dict.fromkeys(("workload", "host", "stack", "system")),
    )
    forced.columns, forced.rate = np.array([block.start], np.int32), np.ones(1)
    x = before.copy()
    x[block.start] = 1.0
    found = forced.compared(x, before, 1.0)
    assert found is not None and found[2].startswith(words)


def _held_values(plan: Plan, engine: Engine, family: str) -> np.ndarray:
    index = engine.arrays.columns[family].index
    opens, stacks, halls = (plan.tables[n] for n in ("opens", "stacks", "halls"))
    chosen: dict[str, dict[Any, float]] = {
        "open": {(r.h, int(r.t)): 1.0 for r in opens.itertuples()},
        "use": {(r.a,): float(r.adopted) for r in stacks.itertuples()},
        "halls": {(r.h, r.b, int(r.t)): float(r.halls) for r in halls.itertuples()},
    }
    return np.array([chosen[family].get(i, 0.0) for i in index])


@pytest.mark.untraced
def test_a_host_that_is_left_out_costs_more_when_it_is_forced(small: Scenario) -> None:
    """The answer says it is dear at the margin; the ordinary solve, made to open it, agrees beyond both gaps."""
    far = with_overrides(
        small, {"demand[records].survival_share": 0.0, "hosts[champion-busan].open_cost_musd": 90}
    )
    outcome = solve(build_case(far), quality="quick")
    assert outcome.plan is not None
    answer = why_not(build_case(outcome.resolved), outcome.plan.tables, host="champion-busan")
    assert not answer.in_plan and answer.cheaper is not None and answer.cheaper > 0
    assert answer.dearer_musd is not None and answer.dearer_musd > 0 and "MUSD more for" in answer.text
    decision = {"id": "f", "do": "require", "what": "open", "hosts": ["champion-busan"]}
    forced = solve(build_case(with_overrides(outcome.resolved, {"decisions": [decision]})), quality="quick")
    assert forced.bound is not None and forced.bound > outcome.plan.kpi("cost_npv_musd")


def test_the_irreducible_set_is_grouped_and_holds_the_cap(small: Scenario) -> None:
    conflict = iis(build_case(with_overrides(small, BROKEN)))
    assert conflict.complete and conflict.rows["money_cap"] == 1
    assert "money_cap[outlay-2029]" in str(conflict)
    assert not iis(build_case(small)).complete


@pytest.mark.untraced
def test_every_elastic_column_relaxes(small: Scenario) -> None:
    """A unit of change of a value moves its rows exactly as the scenario with that value does."""
    changes: dict[str, Any] = {
        **BROKEN,
        "limits.capital_musd_total": 900,
        "limits.max_cost_musd": 900,
        "limits.max_delay_months": {"records": 20},
        "supply.crews": [{"id": "crew", "racks_per_quarter": 40}],
        "supply.quotas": [
            {
                "id": "a",
                "path": [
                    {"from": "2027-01-01", "accelerators": 900},
                    {"from": "2028-04-01", "accelerators": 950},
                ],
            },
            {"id": "b", "cumulative": True, "path": [{"from": "2027-01-01", "accelerators": 900}]},
            {"id": "c", "per": "year", "path": [{"from": "2027-01-01", "accelerators": 900}]},
            {"id": "d", "basis": "capacity", "path": [{"from": "2027-01-01", "accelerators": 5000}]},
        ],
        "sites[busan].max_it_mw": 8,
        "decisions": [{"id": "o", "do": "require", "what": "orders", "value": 16}],
    }
    scenario = with_overrides(small, changes)
    elastic = Elastic(build_case(scenario))
    seen = set()
    for relaxation in elastic.relaxations:
        seen.add(relaxation.kind)
        if relaxation.exact is not None or relaxation.kind in ("grid", "allocation", "lapse"):
            continue
        moved = Elastic(build_case(with_overrides(scenario, {relaxation.path: relaxation.new_value(1.0)})))
        live = elastic.true_model([(relaxation, 1.0)], {})
        lp = live.highs.getLp()
        np.testing.assert_allclose(
            lp.row_upper_, moved.arrays.row_upper, rtol=1e-9, atol=1e-9, err_msg=relaxation.path
        )
        np.testing.assert_allclose(
            lp.row_lower_, moved.arrays.row_lower, rtol=1e-9, atol=1e-9, err_msg=relaxation.path
        )
        changed = np.flatnonzero(~np.isclose(lp.row_upper_, elastic.arrays.row_upper))
        assert len(changed) or relaxation.kind == "decision"
    assert {
        "capital",
        "cost",
        "delay",
        "crew",
        "quota",
        "land",
        "decision",
        "grid",
        "host size",
        "survival",
        "lapse",
    } <= seen
    assert seen <= set(TIERS)


def test_service_that_may_lapse_has_rows_that_ask_for_nothing(small: Scenario) -> None:
    """With the whole of demand withdrawn at most, a row holds whatever is served: as without it."""
    elastic = Elastic(build_case(small))
    lapses = [h for h in elastic.relaxations if h.kind == "lapse"]
    assert {h.path for h in lapses} == {f"demand[{w.id}].may_lapse" for w in small.demand}
    upper = np.array(elastic.true_model([(h, 1.0) for h in lapses], {}).highs.getLp().row_upper_)
    rows = np.concatenate([h.rows for h in lapses])
    assert len(rows) == len(elastic.case.kept) and (upper[rows] >= 1.0).all()
    free = small.model_copy(
        update={"demand": [w.model_copy(update={"may_lapse": True}) for w in small.demand]}
    )
    assert not len(build_case(free).kept)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "path", "change"),
    [
        ({"limits.min_control": 60}, "limits.min_control", 3.0),
        (
            {"limits.control_floors": [{"data_class": "public", "min": 55, "from": "2029-01-01"}]},
            "limits.control_floors[0].min",
            4.0,
        ),
        (
            {"limits.shares": [{"by": "vendor", "id": "nvidia", "max_share": 0.5}]},
            "limits.shares[0].max_share",
            0.2,
        ),
        (
            {"limits.shares": [{"by": "operator", "id": "champion", "max_share": 0.5}]},
            "limits.shares[0].max_share",
            0.2,
        ),
        ({}, "demand[records].survival_share", 0.2),
        ({"limits.survival": [{"by": "operator", "share": 0.4}]}, "limits.survival[0].share", 0.3),
        ({}, "hosts[champion-busan].max_it_mw", 4.0),
    ],
)
def test_values_that_multiply_variables_are_written_exactly(
    small: Scenario, changes: dict[str, Any], path: str, change: float
) -> None:
    scenario = with_overrides(small, changes)
    elastic = Elastic(build_case(scenario))
    relaxation = next(h for h in elastic.relaxations if h.path == path)
    live = elastic.true_model([(relaxation, change)], {})
    value = relaxation.value + relaxation.direction * change
    moved = Elastic(build_case(with_overrides(scenario, {path: value}))).arrays
    lp = live.highs.getLp()
    a = moved.matrix
    got = np.zeros(a.shape[1])
    for row in relaxation.rows:
        got[:] = 0.0
        matrix = lp.a_matrix_
        for column in range(a.shape[1]):
            span = range(matrix.start_[column], matrix.start_[column + 1])
            got[column] = sum(matrix.value_[i] for i in span if matrix.index_[i] == row)
        np.testing.assert_allclose(got, a[[row], :].toarray()[0], rtol=1e-9, atol=1e-9)
        break
    np.testing.assert_allclose(lp.row_upper_, moved.row_upper, rtol=1e-9, atol=1e-9)


def test_the_command_answers_for_a_scenario(root: Any) -> None:
    from planner.cli import app

    file = str(root / "tests" / "scenarios" / "small.yaml")
    result = CliRunner().invoke(app, ["explain", file, "--set", "limits.min_control=69"])
    assert result.exit_code == 1, result.output
    assert "limits.min_control" in result.output and "can be reached" in result.output
    fine = CliRunner().invoke(app, ["explain", file, "--workload", "records", "--host", "cloud"])
    assert fine.exit_code == 0 and "SEAL" in fine.output
    wrong = CliRunner().invoke(app, ["explain", file, "--host", "nowhere"])
    assert wrong.exit_code == 2


def test_the_cheapest_next_point_of_control_is_a_difference_of_two_plans(planned: tuple[Case, Plan]) -> None:
    case, plan = planned
    score = plan.kpi("control_score")
    found = next_point(case, plan.tables, score)
    assert found.decisions["points"].sum() == pytest.approx(score)
    assert found.musd > 0 and found.decisions["gained"].sum() == pytest.approx(1.0, abs=1e-3)
    assert (found.decisions["points"] <= found.decisions["attainable"] + 1e-9).all()
    assert found.moves["change"].sum() == pytest.approx(0.0, abs=2e-3)
    far = next_point(case, plan.tables, plan.kpi("control_max") - 0.5)
    assert far.musd != far.musd and score < far.most < plan.kpi("control_max")
    assert "out of reach" in far.text and "costs" in found.text
