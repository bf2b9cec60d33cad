"""Levels of efficiency and energy: bought when a floor asks for them, at the cost worked out by hand, and never for show.

Room air has a PUE of 1.25 here, rear doors one of 1.15 at 10 MUSD/MW on top: dearer than what they save. So a place is
certain of pue-1.3 and can be held to pue-1.2, with half its heat in rear doors. That is worth one level of criterion 8.1.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.audit import audit
from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.case.case import Case
from planner.case.prechecks import precheck
from planner.explain.next_point import next_point
from planner.planning.pipeline import solve
from planner.plans.plan import Plan
from planner.report.views import levels_reached
from planner.scenario.schema import Scenario
from planner.solver import engine as engine_module
from planner.solver.branch_and_bound import Search
from planner.solver.engine import Engine
from planner.solver.progress import SolveOptions
from planner.solver.solution import Status
from planner.studies.patterns import pattern_of_tables
from planner.studies.screening import LiveFrontier

pytestmark = pytest.mark.untraced

AIR, DOOR, HOLD = "air-chilled-water", "rear-door", ("champion", "pue-1.2")
DOORS = {
    ("cooling", AIR, "pue_a"): 1.25, ("cooling", DOOR, "pue_a"): 1.15, ("cooling", DOOR, "pue_b_per_k"): 0,
    ("cooling", DOOR, "capex_musd_per_mw_mid"): 10, ("cooling", DOOR, "lead_months_mid"): 9,
    ("cooling", DOOR, "life_years"): 20,
}  # fmt: skip
HYDRO = {"id": "hydro", "profile": "flat", "max_mw": 5, "usd_per_mwh": 150, "term_months": 24, "lead_months": 6,
         "renewable": True}  # fmt: skip
STEP = 0.05 * 62.5 / 10
"""Points of one level of criterion 8.1: weight of its objective x value of a level."""
WHOLE = ("open", "use", "halls", "hold")
BOTH: dict[str, Any] = {"hosts": {"cooling": [AIR, DOOR]}, "control": {"levels": True}}


def pv(t: float) -> float:
    return float(1.08 ** -((t + 0.5) / 4))


@pytest.fixture(scope="module")
def facts(plain_catalog):
    return plain_catalog(DOORS)


@pytest.fixture(scope="module")
def base(tiny, facts) -> float:
    """Points of the only offer at what its host is certain of."""
    return float(100 * build_case(tiny(**BOTH), facts).serve["sigma"].iloc[0])


@pytest.fixture(scope="module")
def planned(tiny, facts, base) -> Plan:
    """The plan whose floor asks for the level."""
    plan = solve(build_case(tiny(**BOTH, limits={"min_control": base + STEP}), facts), quality="quick").plan
    assert plan is not None
    return plan


# ---- in closed form


def test_the_better_cooling_is_bought_exactly_when_the_floor_asks_for_it(tiny, facts, optimise, base):
    """Half of 1.2 MW of heat in rear doors; they save their part of grid, backup and energy: 0.1 of what they carry."""
    free, at, above = (
        optimise(tiny(**BOTH, limits={"min_control": floor}), facts, integer=WHOLE)
        for floor in (0, base, base + 1e-3)
    )
    for none in (free, at):
        assert none.objective == pytest.approx(free.objective, rel=1e-9)
        assert none.values("cool").sum() == pytest.approx(0.0, abs=1e-9) and not none.used("hold")
    mw, lead = 0.6, 3
    assert above.used("hold") == {HOLD: pytest.approx(1)}
    assert above.used("cool") == {("champion", DOOR, 4): pytest.approx(mw)}

    def paid(price: float, lead: int, life: float) -> float:
        first = 4 - lead
        early = 0.1 * pv(first) + 0.9 / lead * sum(pv(t) for t in range(first, 4))
        return price * (early - (1 - 2 / life) * 1.08**-3.0)

    saved_mw = 0.1 * mw
    saved = paid(0.5 * saved_mw, 4, 40) + paid(0.6 * saved_mw, 3, 25)
    saved += sum((saved_mw * 2190 * 100 / 1e6 + 0.6 * saved_mw * 0.02 / 4) * pv(t) for t in range(4, 12))
    assert above.objective - free.objective == pytest.approx(paid(10 * mw, lead, 20) - saved, rel=1e-6)
    most = optimise(tiny(**BOTH, limits={"min_control": base + STEP}), facts, integer=WHOLE)
    assert most.objective == pytest.approx(above.objective, rel=1e-9), "a level is kept whole or not at all"
    beyond = optimise(tiny(**BOTH, limits={"min_control": base + STEP + 0.01}), facts, integer=WHOLE)
    assert beyond.status is Status.INFEASIBLE
    (trouble,) = precheck(beyond.case)
    assert trouble.reason == "control" and f"{base + STEP:.1f}" in trouble.message


def test_the_plan_the_ledger_and_the_score_are_those_of_the_level(planned, base):
    assert not len(audit(planned))
    (row,) = planned.tables["levels"].itertuples()
    assert (row.h, row.l, row.promised, row.kept) == (*HOLD, True, True) and row.reached == pytest.approx(1.2)
    assert (
        planned.kpi("control_score")
        == pytest.approx(base + STEP)
        == pytest.approx(planned.kpi("control_max"))
    )
    control = planned.tables["control"].set_index("criterion")["points"]
    assert control.sum() == pytest.approx(base + STEP)
    assert control["8.1"] == pytest.approx(0.05 * 250 / 10)


def test_a_level_that_is_reached_anyway_is_scored_and_promised_nothing(tiny, plain_catalog):
    """Free rear doors: cheapest anyway, so the score says so without a floor."""
    facts = plain_catalog({**DOORS, ("cooling", DOOR, "capex_musd_per_mw_mid"): 0})
    plan = solve(build_case(tiny(**BOTH), facts), quality="quick").plan
    assert plan is not None and not len(audit(plan))
    assert plan.tables["levels"]["kept"].all()
    assert plan.kpi("control_score") == pytest.approx(plan.kpi("control_max"))


def test_a_place_that_draws_nothing_keeps_no_level(tiny, facts):
    plan = solve(build_case(two_places(tiny, 400), facts), quality="quick").plan
    assert plan is not None and not len(audit(plan)) and len(plan.tables["opens"]) == 1
    table = plan.tables["levels"].set_index("h")
    (idle,) = set(table.index) - set(plan.tables["opens"]["h"])
    assert pd.isna(table.at[idle, "reached"]) and table.at[idle, "year"] == "" and not table.at[idle, "kept"]
    assert set(levels_reached(plan.tables["levels"])["h"]) == set(plan.tables["opens"]["h"])
    assert not len(levels_reached(None)), "a run from before there were levels"


# ---- nothing to choose, nothing added


@pytest.mark.parametrize(
    "changes",
    [
        {"control": {}},
        {"control": {"levels": True, "overrides": [{"criterion": "8.1", "level": 2}]}},
        {
            "control": {"levels": True},
            "hosts": {"cooling": [AIR, DOOR], "attributes": {"efficiency": "pue-1.5"}},
        },
        {"control": {"levels": True}, "hosts": {"cooling": [AIR]}},
        {
            "control": {"levels": True},
            "hosts": {"mode": "colocation", "hall_types": None, "cooling": None, "max_it_mw": 5},
        },
    ],
    ids=["off", "overridden", "declared", "one technology", "leased"],
)
def test_a_level_without_a_choice_has_no_rows(tiny, facts, changes):
    case = build_case(tiny(**{**BOTH, **changes}), facts)
    arrays = Engine(case).arrays
    assert not len(case.levels) and not arrays.columns["hold"].size and not arrays.columns["gained"].size
    assert not [name for name in arrays.rows if name.startswith("level_")]


def test_what_a_place_is_certain_of_is_its_worst_and_a_leased_one_has_its_buildings(tiny, plain_catalog):
    def answer(facts, **changes: Any) -> set[str]:
        case = build_case(tiny(**{**BOTH, **changes}), facts)
        return {text.split(";")[-1][0] for text in case.scores["answers"]}

    assert answer(plain_catalog(DOORS)) == {"4"}
    assert answer(plain_catalog({**DOORS, ("cooling", AIR, "pue_a"): 1.31})) == {"3"}
    assert answer(plain_catalog({**DOORS, ("cooling", AIR, "pue_a"): 1.6})) == {"1"}
    leased = {"mode": "colocation", "hall_types": None, "cooling": None, "max_it_mw": 5}
    assert answer(plain_catalog(DOORS), hosts=leased) == {"3"}, "1.5 in these facts"


# ---- against all combinations


def two_places(tiny, accelerators: float = 2000, **limits: Any) -> Scenario:
    """Work for two hosts with a choice each, at prices of energy that differ, and less land than work."""
    plain = tiny(**BOTH).model_dump(mode="json", exclude_none=True, by_alias=True)
    host, site = plain["hosts"][0], plain["sites"][0]
    plain["sites"] = [site, {**site, "id": "north", "metro": "KR-SEO", "elec_price_usd_per_mwh": 140}]
    plain["hosts"] = [
        {**host, "max_it_mw": 2.5},
        {**host, "id": "second", "site": "north", "max_it_mw": 2.5, "operator_fee_share_per_year": 0.01},
    ]
    plain["demand"][0]["size"]["points"][0]["value"] = accelerators
    return Scenario.model_validate({**plain, "limits": limits})


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_the_search_finds_the_cheapest_of_all_combinations(tiny, facts, optimise, base, share, monkeypatch):
    case = build_case(two_places(tiny, min_control=base + share * STEP, max_delay_months=14), facts)
    most, costs = {"delay": (0.0, 14.0)}, []
    for held in itertools.product((0, 1), repeat=2):
        bounds = {("hold", key): (float(v), float(v)) for key, v in zip(case.levels.index, held, strict=True)}
        found = optimise(case, integer=("open", "use"), bounds=bounds | most)
        costs.append(found.objective if found.status is Status.OPTIMAL else np.inf)
    assert 0 < np.isfinite(costs).sum() < 4, "some combinations are out of reach"
    for nonzeros in (engine_module.LARGE_NONZEROS, 0):
        monkeypatch.setattr(engine_module, "LARGE_NONZEROS", nonzeros)
        tree = Engine(case).searchable(whole=False)
        tree.policy(Bounds.of_limits(case.scenario.limits))
        tree.minimise("cost")
        best = Search(tree, SolveOptions(gap=1e-9)).run()
        assert best.objective == pytest.approx(min(costs), rel=1e-6)


def test_a_large_case_is_planned_with_levels_from_its_root(tiny, facts, base, monkeypatch):
    case = build_case(two_places(tiny, min_control=base + 0.6 * STEP), facts)
    small = solve(case, quality="quick").plan
    monkeypatch.setattr(engine_module, "LARGE_NONZEROS", 0)
    large = solve(case, quality="quick")
    assert small is not None and large.plan is not None and not len(audit(large.plan))
    assert large.plan.tables["levels"]["promised"].any() and large.gap is not None and large.gap < 0.02
    assert large.plan.kpi("cost_npv_musd") == pytest.approx(small.kpi("cost_npv_musd"), rel=0.02)


# ---- ways around it


def test_a_level_for_the_last_year_only_counts_for_none(tiny, facts, optimise, base):
    """Rear doors from 2029 on: half of all work would be at the level, so a floor on the mean would be met at half."""
    late = {("cool", ("champion", DOOR, t)): (0.0, 0.0) for t in range(3, 8)}
    found = optimise(
        tiny(**BOTH, limits={"min_control": base + 0.3 * STEP}), facts, integer=WHOLE, bounds=late
    )
    assert found.status is Status.INFEASIBLE


def test_each_year_keeps_the_bound_by_itself(tiny, facts, optimise, base):
    """Work that doubles: a first year far below the bound would leave room for a second above it."""
    growing = {
        "size": {
            "by": "accelerators",
            "points": [{"at": "2027-01-01", "value": 400}, {"at": "2029-01-01", "value": 1600}],
        }
    }
    answer = optimise(tiny(**BOTH, demand=growing, limits={"min_control": base + STEP}), facts, integer=WHOLE)
    heat = answer.values("heat").rename("mw").reset_index()
    heat.columns = pd.Index(["h", "c", "m", "t", "s", "mw"])
    hours = [float(answer.case.slices["hours"][key]) for key in zip(heat["t"], heat["s"], strict=True)]
    heat = heat.assign(mwh=heat["mw"] * hours, year=heat["t"].map(answer.case.periods["year"]))
    used = heat["mwh"] * np.where(heat["c"] == DOOR, 1.15, 1.25)
    pue = (used.groupby(heat["year"]).sum() / heat.groupby("year")["mwh"].sum()).dropna()
    assert pue.to_dict() == {2028: pytest.approx(1.2), 2029: pytest.approx(1.2)}


def test_a_level_without_work_adds_nothing(tiny, facts, optimise, base):
    """The first place is kept from its level and does all work: holding the other to one gains nothing."""
    case = build_case(two_places(tiny, 1000), facts)
    none = {("serve", i): (0.0, 0.0) for i in case.serve.index if i[1] == "second"}
    bounds = none | {
        ("hold", ("champion", "pue-1.2")): (0.0, 0.0),
        ("hold", ("second", "pue-1.2")): (1.0, 1.0),
    }
    found = optimise(case, objective="control", integer=WHOLE, bounds=bounds, maximise=True)
    served = float(found.values("served").iloc[0])
    assert served > 0.1 and 100 * found.objective / served == pytest.approx(base)


def test_a_floor_of_one_workload_counts_its_own_work_and_year(tiny, facts, optimise, base):
    """A large job at a place held to the level does not meet the floor of a small one elsewhere."""
    scenario = two_places(tiny)
    plain = scenario.model_dump(mode="json", exclude_none=True, by_alias=True)
    small = {**plain["demand"][0], "id": "small", "data_class": "official"}
    small["size"] = {"by": "accelerators", "points": [{"at": "2027-01-01", "value": 80}]}
    plain["demand"].append(small)
    plain["limits"] = {"control_floors": [{"workload": "small", "min": base + STEP}]}
    case = build_case(Scenario.model_validate(plain), facts)
    found = optimise(case, integer=WHOLE)
    assert found.status is Status.OPTIMAL
    held = {h for h, _ in found.used("hold")}
    places = {i[1] for i in found.used("serve") if i[0] == "small"}
    assert places and places <= held
    closed = {("hold", key): (0.0, 0.0) for key in case.levels.index}
    assert optimise(case, integer=WHOLE, bounds=closed).status is Status.INFEASIBLE


def test_work_that_its_seal_keeps_out_is_open_at_the_level_only(tiny, plain_catalog, optimise):
    """A PUE above 1.5 is SEAL 1: data that ask for 2 need the host held to less, whatever it costs."""
    facts = plain_catalog({**DOORS, ("cooling", AIR, "pue_a"): 1.6, ("cooling", DOOR, "pue_a"): 1.4})
    hot = {"control": {"levels": True, "floors": {"public": 2}}}
    case = build_case(tiny(**{**BOTH, **hot}), facts)
    assert set(case.level_needs["l"]) == {"pue-1.5"}
    found = optimise(case, integer=WHOLE)
    assert found.used("hold") == {("champion", "pue-1.5"): pytest.approx(1)}
    assert found.used("cool")["champion", DOOR, 4] == pytest.approx(0.6)
    plan = solve(case, quality="quick").plan
    assert plan is not None and not len(audit(plan)) and set(plan.tables["serving"]["seal"]) == {2}
    table = plan.tables["dispatch"]
    worse = _with(plan, dispatch=table.assign(import_mw=table["import_mw"] * 1.05))
    assert {"level-needed", "level-held"} <= set(audit(worse)["rule"])
    only_air = {"hosts": {"cooling": [AIR]}}
    assert not len(build_case(tiny(**{**BOTH, **hot, **only_air}), facts).serve)


# ---- energy


def test_energy_is_held_to_contracts_used_in_every_hour(tiny, plain_catalog, optimise):
    """All of 1.5 MW from a flat contract; where it is not renewable, it is traced and no more."""
    place = {"hosts": {"cooling": [AIR]}, "control": {"levels": True}}
    facts = plain_catalog({**DOORS, ("profiles", "*", "value"): 1})

    def case(*contracts: dict[str, Any], **limits: Any) -> Case:
        return build_case(tiny(**place, sites={"power": {"ppas": list(contracts)}}, limits=limits), facts)

    plain = case(HYDRO)
    assert set(plain.levels.index) == {("champion", "traced"), ("champion", "domestic-green")}
    least = 100 * plain.serve["sigma"].iloc[0]
    free = optimise(plain, integer=WHOLE)
    assert not free.used("ppa"), "dearer than the grid"
    green = optimise(case(HYDRO, min_control=least + 2 * STEP), integer=WHOLE)
    assert green.used("hold")["champion", "domestic-green"] == pytest.approx(1)
    assert green.used("ppa")["champion", "hydro", 4] == pytest.approx(1.2 * 1.25)
    grey = optimise(case({**HYDRO, "renewable": False}, min_control=least + STEP), integer=WHOLE)
    assert set(grey.used("hold")) == {("champion", "traced")} and set(grey.case.levels["l"]) == {"traced"}
    plan = solve(case(HYDRO, min_control=least + 2 * STEP), quality="quick").plan
    assert plan is not None and not len(audit(plan)) and plan.tables["levels"]["kept"].all()
    bought = plan.tables["matched"]
    less = _with(plan, matched=bought.assign(matched_mw=0.99 * bought["matched_mw"]))
    assert "level-held" in set(audit(less)["rule"])


def test_sun_sold_by_day_is_not_energy_by_night(tiny, plain_catalog, optimise):
    day: dict[Any, float] = {
        ("profiles", ("sun", hour), "value"): float(7 <= hour < 19) * 2 for hour in range(24)
    }
    facts = plain_catalog({**DOORS, **day})
    sun = {"id": "sun", "profile": "solar", "capacity_factor_pct": 20, "usd_per_mwh": 30, "term_months": 24,
           "lead_months": 6, "renewable": True, "surplus_usd_per_mwh": 29, "max_mw": 40}  # fmt: skip
    scenario = tiny(hosts={"cooling": [AIR]}, control={"levels": True}, sites={"power": {"ppas": [sun]}},
                    limits={"min_control": 50}, solve={"slices": 4})  # fmt: skip
    case = build_case(scenario, facts)
    assert case.deliveries["share"].min() < 1e-6 < case.deliveries["share"].max()
    held = {("hold", ("champion", "traced")): (1.0, 1.0)}
    assert optimise(case, integer=WHOLE, bounds=held).status is Status.INFEASIBLE


def test_abroad_renewable_energy_is_traced_and_not_domestic(tiny, plain_catalog):
    case = build_case(tiny(hosts={"cooling": [AIR]}, control={"levels": True}, demand={"locality": {"where": "anywhere"}},
                           sites={"metro": "FR-PAR", "power": {"ppas": [HYDRO]}}), plain_catalog(DOORS))  # fmt: skip
    assert "traced" in set(case.levels["l"]) and "domestic-green" not in set(case.levels["l"])


# ---- what reads it


def _with(plan: Plan, **tables: pd.DataFrame) -> Plan:
    return replace(plan, tables={**plan.tables, **tables})


def test_the_audit_finds_a_level_that_is_not_kept(planned):
    table, day = planned.tables["levels"], planned.tables["dispatch"]
    last = day["t"] >= 8
    worse = day.assign(import_mw=day["import_mw"].where(~last, day["import_mw"] * 1.01))
    rules = set(audit(_with(planned, dispatch=worse))["rule"])
    assert {"level-held", "level-kept", "offer-facts", "control-floor"} <= rules, "one year above is enough"
    assert set(audit(_with(planned, levels=table.assign(kept=False)))["rule"]) == {"level-kept"}
    assert set(audit(_with(planned, levels=table.assign(reached=1.1)))["rule"]) == {"level-kept"}
    assert set(audit(_with(planned, levels=table.iloc[:0]))["rule"]) == {"level-kept"}
    serving = planned.tables["serving"]
    assert "offer-facts" in set(
        audit(_with(planned, serving=serving.assign(sigma=serving["sigma"] + 0.003)))["rule"]
    )


def test_the_next_point_may_be_a_level(tiny, facts, base):
    case = build_case(tiny(**BOTH, limits={"min_control": base}), facts)
    plan = solve(case, quality="quick").plan
    assert plan is not None
    found = next_point(case, plan.tables, plan.kpi("control_score"), step_points=0.2)
    assert found.musd > 0 and found.decisions["gained"].sum() == pytest.approx(STEP)
    assert "champion is held to pue-1.2 in every year" in found.text


def test_sweeps_score_levels_as_plans_do(planned):
    engine = Engine(planned.case)
    pattern = pattern_of_tables(engine, planned.tables)
    assert pattern["hold"] == [1.0]
    figures = LiveFrontier(planned.case, [pattern]).at(None, planned.kpi("control_score") - 1e-3)
    for name in ("control_score", "control_by_work", "control_by_priority"):
        assert figures[name] == pytest.approx(planned.kpi(name), abs=1e-3)
