"""Infeasible cases are answered by the right cause and the least change.

Each variant breaks one limit of a case that has a plan. The answer must name that limit; with the change applied
the ordinary solve finds a plan, with 95 % of the change it proves that there is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any, cast

import pytest

from planner.case.bounds import Bounds
from planner.case.build import build_case
from planner.case.prechecks import precheck
from planner.cli.output import parsed_changes
from planner.explain import Diagnosis, explain_infeasible, least, written
from planner.explain.elastic import PLACES, Elastic
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.planning.pipeline import solve
from planner.scenario.schema import Scenario
from planner.solver.engine import Engine
from planner.solver.highs import LiveHighs
from planner.solver.solution import Solution, Status

NVIDIA, TAKER = {"vendors": ["nvidia"]}, {"usd_per_mwh": 10, "lead_months": 6}
SMALL: dict[str, tuple[str, str, dict[str, Any]]] = {
    # name: kind of cause, start of its path, what breaks the case
    "budget in total": ("capital", "limits.capital_musd_total", {"limits.capital_musd_total": 100}),
    "budget by year": (
        "capital", "limits.capital_musd_by_year[1].musd",
        {"limits.capital_musd_by_year": [{"year": 2027, "musd": 500}, {"year": 2029, "musd": 5}]},
    ),
    "licence quota": (
        "quota", "supply.quotas[licence].path[1].accelerators",
        {
            "supply.quotas[licence]": {
                **NVIDIA, "basis": "capacity",
                "path": [{"from": "2027-01-01", "accelerators": 400}, {"from": "2029-01-01", "accelerators": 900}],
            }
        },
    ),
    "yearly quota": (
        "quota", "supply.quotas[yearly].path[0].accelerators",
        {
            "hosts[cloud]": None,
            "supply.quotas[yearly]": {**NVIDIA, "per": "year", "path": [{"from": "2027-01-01", "accelerators": 300}]},
        },
    ),
    "grid too late": (
        "grid", "sites[busan].grid_mw",
        {
            "sites[busan].grid_mw": [{"from": "2030-07-01", "mw": 20}],
            "sites[haenam].grid_mw": [{"from": "2027-01-01", "mw": 1}],
            "hosts[cloud]": None,
        },
    ),
    "must-serve date too early": (
        "must serve", "demand[records].must_serve_by", {"demand[records].must_serve_by": "2027-01-01"},
    ),
    "control floor too high": ("control", "limits.min_control", {"limits.min_control": 69}),
    "class floor too high": (
        "class floor", "limits.control_floors[0].min",
        {"limits.control_floors": [{"data_class": "public", "min": 60, "from": "2029-01-01"}],
         "hosts[champion-busan]": None, "hosts[champion-haenam].max_it_mw": 2.5, "demand[records].survival_share": 0.0},
    ),
    "vendor share": (
        "share", "limits.shares[0].max_share",
        {"limits.shares": [{"by": "vendor", "id": "nvidia", "max_share": 0.4, "from": "2029-01-01"}]},
    ),
    "operator share": (
        "share", "limits.shares[0].max_share",
        {"limits.shares": [{"by": "operator", "id": "us-operator", "max_share": 0.2}], "hosts[champion-busan]": None,
         "hosts[champion-haenam].max_it_mw": 2.5, "demand[records].survival_share": 0.0},
    ),
    "crew limit": (
        "crew", "supply.crews[crew].racks_per_quarter",
        {"hosts[cloud]": None, "supply.crews": [{"id": "crew", "racks_per_quarter": 2}]},
    ),
    "survival share": (
        "survival", "demand[assistant].survival_share",
        {"demand[assistant].survival_share": 0.9, "hosts[cloud]": None, "hosts[champion-busan].max_it_mw": 2.5,
         "demand[records].survival_share": 0.2},
    ),
    "delay": ("delay", "limits.max_delay_months.records", {"limits.max_delay_months": {"records": 6, "assistant": 20}}),
    "cost": ("cost", "limits.max_cost_musd", {"limits.max_cost_musd": 40}),
    "emissions": ("carbon", "limits.carbon_t[0].tonnes", {"limits.carbon_t": [{"tonnes": 500}]}),
    "renewable share": ("renewable", "limits.renewable[0].share", {"limits.renewable": [{"share": 0.5}]}),
    "heat taken": (
        "heat", "sites[haenam].heat.max_mw",
        {"hosts[cloud]": None, "hosts[champion-busan]": None, "demand[records].survival_share": 0.0,
         "sites[haenam].heat": {**TAKER, "max_mw": 0.05, "least_share": 0.2}},
    ),
    "heat owed": (
        "heat share", "sites[haenam].heat.least_share",
        {"hosts[cloud]": None, "hosts[champion-busan]": None, "demand[records].survival_share": 0.0,
         "sites[haenam].heat": {**TAKER, "max_mw": 500, "least_share": 0.95}},
    ),
    "land": (
        "land", "sites[busan].max_it_mw",
        {"hosts[cloud]": None, "sites[busan].max_it_mw": 1, "sites[haenam].max_it_mw": 20},
    ),
    "required halls": (
        "decision", "decisions[big].value",
        {"decisions": [{"id": "big", "do": "require", "what": "halls", "hosts": ["champion-busan"], "value": 30}]},
    ),
}  # fmt: skip


WORDS = {
    "budget by year": ("the 2029 budget is short by", "MUSD", "%"),
    "grid too late": ("busan", "MW missing until 2030-Q3"),
    "must-serve date too early": ("quarters too early", "first possible 2028-Q1"),
    "control floor too high": ("points too high", "can be reached"),
    "crew limit": ("installation crew", "racks a quarter"),
    "heat taken": ("heat taken at haenam is short by", "MW"),
    "heat owed": ("least share of energy reused at haenam", "points too high"),
}
"""The planner's own words and units."""


@pytest.fixture(scope="module")
def small(root: Any) -> Scenario:
    return load_scenario(root / "tests" / "scenarios" / "small.yaml")


def has_plan(scenario: Scenario) -> bool:
    """By the ordinary way through the pipeline, which knows nothing of elastic models."""
    status = solve(build_case(scenario), quality="quick").status
    assert status in ("optimal", "feasible", "infeasible"), status
    return status != "infeasible"


def diagnosed(scenario: Scenario, changes: dict[str, Any]) -> tuple[Scenario, Diagnosis]:
    broken = with_overrides(scenario, changes)
    return broken, explain_infeasible(build_case(broken))


@pytest.mark.untraced
def test_a_case_that_has_a_plan_needs_no_change(small: Scenario) -> None:
    answer = explain_infeasible(build_case(small))
    assert answer.causes == [] and answer.cure == {} and answer.proven


FAST = (
    "budget by year",
    "licence quota",
    "must-serve date too early",
    "control floor too high",
    "crew limit",
)
"""One of every way an answer is found; the others are as sure and take longer."""


@pytest.mark.parametrize(
    "name", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in sorted(SMALL)]
)
def test_the_cause_and_the_least_change(small: Scenario, name: str) -> None:
    kind, path, changes = SMALL[name]
    broken, answer = diagnosed(small, changes)
    assert [c.kind for c in answer.causes] == [kind], answer.text
    assert list(answer.cure) == [path], answer.text
    assert answer.proven and answer.least
    for words in WORDS.get(name, ()):
        assert words in answer.causes[0].text
    assert re.search(r"end of the horizon .*: [\d\u202f]+ at \w+", answer.buys) and answer.buys in answer.text
    assert re.search(r"; it serves [\d.]+ % of demand, the first 5 % in 20\d\d-Q[1-4]$", answer.buys)
    assert has_plan(with_overrides(broken, answer.cure)), answer.text
    assert not has_plan(with_overrides(broken, answer.changed(0.95))), answer.text


def test_the_control_that_can_be_kept_is_the_same_whatever_was_asked_for(small: Scenario) -> None:
    """Gaps and headroom are shares of a change from a point above what the relaxation reaches, not from the floor stated."""
    found = [diagnosed(small, {"limits.min_control": floor}) for floor in (69, 100)]
    (kept,) = {answer.cure["limits.min_control"] for _, answer in found}
    assert kept == round(kept, 2) and all(answer.proven and answer.least for _, answer in found)
    assert f"{kept:.4g} can be reached" in found[1][1].causes[0].text
    most = Engine(build_case(with_overrides(small, {"limits.min_control": None})))
    most.policy()
    reached = most.control(cast(Any, most.most_control().x))
    assert reached - 0.1 < kept <= reached


CAN_BE_KEPT = {"limits.max_delay_months": 6.02, "limits.min_control": 67.57}


def test_what_can_be_kept_of_control_and_waiting_is_the_same_whatever_was_asked_for(root: Any) -> None:
    """Both short at once, or waiting alone: 67.57 points at 6.02 months, as for each of them alone."""
    scenario = load_scenario(root / "tests" / "scenarios" / "short-of-two.yaml")
    asked: list[dict[str, Any]] = [{"limits.min_control": floor, "limits.max_delay_months": months}
                                   for floor, months in ((68, 2), (100, 2))]  # fmt: skip
    asked += [{"limits.max_delay_months": months} for months in (2, 5)]
    for changes in asked:
        _, answer = diagnosed(scenario, changes)
        assert answer.cure == {path: CAN_BE_KEPT[path] for path in changes}, answer.text
        assert answer.proven and answer.least
    assert has_plan(with_overrides(scenario, CAN_BE_KEPT))


def test_no_more_control_can_be_kept_at_the_months_that_are_needed() -> None:
    """The floor gives least beside those months: 55.16 kept the gap of the sum of both."""
    late = {"sites[haenam].grid_lead_months": 24, "limits.min_control": 62, "limits.max_delay_months": 1}
    small = load_scenario(example_path("two-hosts"))
    _, answer = diagnosed(small, late)
    assert has_plan(with_overrides(small, late | answer.cure))
    engine = Engine(build_case(with_overrides(small, late | answer.cure | {"limits.min_control": None})))
    engine.policy(Bounds(max_delay_months=answer.cure["limits.max_delay_months"]))
    reached = engine.control(cast(Any, engine.most_control().x))
    assert reached - 0.1 < answer.cure["limits.min_control"] <= reached


@pytest.mark.parametrize(
    "name",
    ["crew limit", "emissions", "licence quota", pytest.param("cost", marks=pytest.mark.slow)],
)
def test_whole_places_are_those_of_one_integer_programme(small: Scenario, name: str) -> None:
    elastic = Elastic(build_case(with_overrides(small, SMALL[name][2])))
    elastic.live.relax()
    found, bound = least._Search(elastic, least.LAST_RESORT_S, lambda *_, **__: None).places()
    for family in PLACES:
        elastic.live.set_integrality(family, True)
    exact = elastic.live.solve(gap=1e-6)
    assert found is not None and found.objective is not None and exact.objective is not None
    assert bound <= exact.objective * (1 + 1e-6) and least.near(found, bound)
    assert found.objective >= exact.objective * (1 - 1e-6)
    assert found.x is not None and elastic.weights @ found.x == pytest.approx(found.objective, rel=1e-9)
    whole = found.x[: elastic.width][elastic.live.columns("open")]
    assert whole == pytest.approx(whole.round(), abs=1e-6)


def test_a_cap_of_next_to_nothing_gives_before_a_date_and_a_cloud_may_be_the_first_ready() -> None:
    """What a small value has to grow by is measured in MUSD, and no text says that a limit is no help where it is."""
    two = load_scenario(example_path("two-hosts"))
    poor = build_case(with_overrides(two, {"limits.max_cost_musd": 0.001}))
    assert [c.kind for c in explain_infeasible(poor, alternatives=False).causes] == ["cost"]
    late = explain_infeasible(poor, tiers={"cost": 3.0}, alternatives=False).text
    assert "not enough, unless other limits are changed many times over" in late, late
    _, soon = diagnosed(two, {"demand[assistant].must_serve_by": "2027-01-01"})
    assert "first possible 2027-Q2; first host ready: cloud in 2027-Q2" in soon.text, soon.text


def test_no_programme_of_the_search_is_ended_by_the_clock(
    small: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Effort is counted in nodes and pivots: a busy machine gives the same answer."""
    given: list[float] = []
    solved = LiveHighs.solve

    def spied(self: LiveHighs, **options: Any) -> Any:
        given.append(options["time_limit_s"])
        return solved(self, **options)

    monkeypatch.setattr(LiveHighs, "solve", spied)
    broken = with_overrides(small, SMALL["must-serve date too early"][2])
    answer = explain_infeasible(build_case(broken), alternatives=False)
    assert answer.proven and answer.least
    assert min(given) > 0.5 * least.LAST_RESORT_S


def test_an_answer_whose_pivots_are_spent_is_kept_and_says_what_is_open(
    small: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(least, "MOST_PIVOTS", 0)
    broken = with_overrides(small, SMALL["must-serve date too early"][2])
    answer = explain_infeasible(build_case(broken), alternatives=False)
    assert [c.kind for c in answer.causes] == ["must serve"] and answer.proven and not answer.least
    assert has_plan(with_overrides(broken, answer.cure))


def test_no_home_site_for_a_class_is_answered_by_where_it_may_run(small: Scenario) -> None:
    """No number cures it: the rule of place does, or the case has one site too few."""
    changes: dict[str, Any] = {"demand[assistant].country": "JPN", "control.trusted_region": ["KOR"]}
    broken, answer = diagnosed(small, changes)
    assert [c.kind for c in answer.causes] == ["locality"]
    assert "forbids compute in KOR" in answer.text and "assistant" in answer.text
    assert answer.cure["demand[assistant].locality"]["where"] in ("trusted-region", "anywhere")
    assert has_plan(with_overrides(broken, answer.cure))
    assert answer.changed(0.95) == {} and not has_plan(broken)


@pytest.mark.slow
def test_two_limits_too_tight_are_both_named(small: Scenario) -> None:
    changes = {**SMALL["budget by year"][2], **SMALL["control floor too high"][2]}
    broken, answer = diagnosed(small, changes)
    assert {c.kind for c in answer.causes} == {"capital", "control"}
    assert has_plan(with_overrides(broken, answer.cure))


@pytest.mark.slow
def test_whoever_may_give_first_is_the_users_choice(small: Scenario) -> None:
    changes = {"hosts[cloud]": None, "supply.crews": [{"id": "crew", "racks_per_quarter": 2}]}
    case = build_case(with_overrides(small, changes))
    late = explain_infeasible(
        case, tiers={"crew": 2.0, "must serve": 0.0, "allocation": 3.0, "survival": 3.0}
    )
    assert [c.kind for c in late.causes] == ["must serve", "must serve"] or late.causes[
        0
    ].kind == "must serve"
    assert has_plan(with_overrides(case.scenario, late.cure))


CONTRACT = {
    "id": "signed", "host": "cloud", "stack": "us-cloud", "system": "hgx-b300", "accelerators": 100,
    "until": "2028-01-01", "usd_per_accelerator_hour": 4.0,
}  # fmt: skip
ODD: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    # what else a planner may get wrong: changes, paths of the cure, words of the answer
    "contradiction": (
        {"decisions": [{"id": "a", "do": "require", "what": "open", "hosts": ["champion-busan"]},
                       {"id": "b", "do": "forbid", "what": "open", "hosts": ["champion-busan"]}]},
        ["decisions[b]"],
        ["decision b (forbid open of champion-busan)", "decision b forbids all of it", "decisions[b]=null"],
    ),
    "every site lost": (
        {"cuts": [{"id": "closed", "from": "2029-01-01", "sites": ["haenam", "busan", "seoul"]}]},
        ["demand[assistant].optional", "demand[records].optional"],
        ["cut closed (from 2029-01-01) leaves no offer for it", "take the cut out"],
    ),
    "no money at all": (
        {"limits.max_cost_musd": 0},
        ["limits.max_cost_musd"], ["the cap on cost is short: 0 now, ", " needed (MUSD)"],
    ),
    "cost below a contract": (
        {"existing.contracts": [CONTRACT], "limits.max_cost_musd": 2},
        ["limits.max_cost_musd"], ["the cap on cost is short by", "MUSD are committed before anything is decided"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ODD))
def test_other_mistakes_are_told_in_plain_words(small: Scenario, name: str) -> None:
    """No number of the ten is too tight: the answer names the entry of the scenario, and its cure has a plan."""
    changes, paths, words = ODD[name]
    broken, answer = diagnosed(small, changes)
    assert sorted(answer.cure) == paths, answer.text
    for text in words:
        assert text in answer.text
    assert (
        explain_infeasible(build_case(with_overrides(broken, answer.cure)), alternatives=False).causes == []
    )


SHUT: dict[str, tuple[dict[str, Any], str, Any, str]] = {
    # a number that cures what the tables find: changes, path of the cure, its value, words of the answer
    "a site that must survive, by PUE": (
        {"limits.efficiency": [{"measure": "wue", "most": 1}, {"measure": "pue", "most": 1.11, "sites": ["busan"]}]},
        "limits.efficiency[1].most", 1.116,
        "no site other than haenam may serve it ever; champion-busan is shut: PUE 1.116 with direct-to-chip",
    ),
    "the loosest of several": (
        {"limits.efficiency": [{"measure": "pue", "most": 1.0, "sites": ["busan"]},
                               {"measure": "pue", "most": 1.11, "sites": ["busan"], "from": "2028-01-01"}]},
        "limits.efficiency[1].most", 1.116, "PUE 1.116 with direct-to-chip at its temperatures, 1.11 is allowed",
    ),
    "a site that must survive, by heat": (
        {"sites[busan].heat": {**TAKER, "max_mw": 5, "least_share": 0.2}, "hosts[champion-busan].cooling": ["rear-door"]},
        "sites[busan].heat.least_share", 0.0, "champion-busan is shut: no technology at the host carries liquid heat",
    ),
    "all that may serve, by water": (
        {"limits.efficiency": [{"measure": "wue", "most": 0.0}]},
        "limits.efficiency[0].most", None, "no offer may serve assistant",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(SHUT))
def test_a_value_that_shuts_a_place_gives_before_the_duty(small: Scenario, name: str) -> None:
    changes, path, value, words = SHUT[name]
    broken = with_overrides(small, {"hosts[cloud]": None, **changes})
    answer = explain_infeasible(build_case(broken), alternatives=False)
    assert set(answer.cure) == {path} and words in answer.causes[0].text, answer.text
    assert value is None or answer.cure[path] == value
    assert answer.text.count(f"  {path}=") == 1, "a value that gives twice is written once"
    cured = build_case(with_overrides(broken, answer.cure))
    assert answer.proven and explain_infeasible(cured, alternatives=False).causes == []


def test_a_site_without_any_grid_gives_by_the_megawatt(small: Scenario) -> None:
    changes = {"hosts[cloud]": None, "sites[busan].grid_mw": [{"from": "2027-01-01", "mw": 0}]}
    broken = with_overrides(small, changes)
    answer = explain_infeasible(build_case(broken), alternatives=False)
    assert list(answer.cure) == ["sites[busan].grid_mw"], answer.text
    cured = build_case(with_overrides(broken, answer.cure))
    assert answer.proven and answer.least and explain_infeasible(cured, alternatives=False).causes == []


def test_a_hub_without_home_site_names_three_ways_out() -> None:
    """A country whose law forbids the hub: a host at home, a data embassy, or another rule of place."""
    gone = {"hosts[indonesia-champion]": None, "hosts[indonesia-colocation]": None}
    trouble = precheck(build_case(with_overrides(load_scenario(example_path("regional-hub")), gone)))
    assert [t.workload for t in trouble] == ["indonesia-government"]
    assert "in-country rule of IDN" in trouble[0].message
    for way in ("host in IDN", "data embassy", "demand[indonesia-government].locality"):
        assert way in trouble[0].cure


def test_what_the_answer_prints_can_be_set(small: Scenario) -> None:
    """Lines of the cure are ``--set`` options as they stand: dates, steps of grid, entries taken out."""
    for name in ("grid too late", "must-serve date too early"):
        broken, answer = diagnosed(small, SMALL[name][2])
        options = [f"{path}={written(value)}" for path, value in answer.cure.items()]
        assert all(f"  {option}" in answer.text for option in options)
        assert with_overrides(broken, parsed_changes(options)) == with_overrides(broken, answer.cure)


@pytest.fixture(scope="module")
def korea(benchmark: Callable[[str], ModuleType]) -> Any:
    """The benchmark on the packaged example: ten variants, each explained, cured and solved, and solved at 95 %."""
    return benchmark("infeasible")


def test_the_benchmark_has_the_ten_variants(korea: Any) -> None:
    assert len(korea.VARIANTS) == 10
    for _, changes in korea.VARIANTS.values():
        with_overrides(load_scenario(example_path("korea")), changes)  # each is a valid scenario


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "budget in total",
        "budget by year",
        "licence quota",
        "no home site for a class",
        "grid too late",
        "must-serve date too early",
        "control floor too high",
        "vendor share",
        "crew limit",
        "survival share",
    ],
)
def test_korea(korea: Any, name: str) -> None:
    """The same promise at the size of a country; a solve that is not done in its time limit proves nothing."""
    found = korea.measure(name)
    assert found["right"] and found["plan_found"] and (found["cured"] or found["solved"]), found
    assert False not in (found["cured"], found["solved"], found["infeasible_at_95"]), found
    assert found["least_proven"] or found["infeasible_at_95"], found


@pytest.mark.untraced
def test_a_size_that_comes_from_the_grid_is_told_as_the_grid(tiny: Callable[..., Scenario]) -> None:
    """No one wrote a size: the grid is what is short, and with the grid of the answer there is a plan."""
    scenario = tiny(sites={"grid_mw": [{"from": "2027-01-01", "mw": 0.5}]}, solve={"quality": "quick"})
    answer = explain_infeasible(build_case(scenario), alternatives=False)
    assert [c.kind for c in answer.causes] == ["grid"]
    assert list(answer.cure) == ["sites[south].grid_mw"]
    assert answer.proven and answer.least
    assert solve(build_case(with_overrides(scenario, answer.cure))).plan is not None
    assert solve(build_case(with_overrides(scenario, answer.changed(0.95)))).plan is None


LAWFUL: dict[str, Any] = {
    "country": "DEU", "systems": {"id": "mi355x-8"}, "hosts": {"cooling": ["air-chilled-water", "direct-to-chip"]},
    "sites": {"metro": "DE-FRA", "grid_lead_months": 3, "heat": {**TAKER, "max_mw": 50, "months": [4]}},
}  # fmt: skip
"""Three laws one after the other, and heat that is taken in April only."""


@pytest.mark.parametrize(("start", "serves"), [("2027-01-01", "2029-01-01"), ("2026-07-01", "2027-04-01")])
def test_laws_on_reused_heat_are_told_as_the_share_that_can_be_stated(
    tiny: Any, start: str, serves: str
) -> None:
    """The highest law binds load that begins after all three, the lowest what runs before the second."""
    scenario = tiny(**LAWFUL, horizon={"start": start, "years": 3}, demand={"must_serve_by": serves})
    answer = explain_infeasible(build_case(scenario), alternatives=False)
    (cause,) = answer.causes
    assert (cause.kind, list(answer.cure)) == ("heat share", ["sites[south].heat.least_share"]), answer.text
    assert answer.proven and answer.least and 0 < cause.new < 0.1
    assert has_plan(with_overrides(scenario, answer.cure))
    assert not has_plan(with_overrides(scenario, answer.changed(0.95)))


def test_what_was_not_decided_in_time_is_not_called_impossible(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    elastic = Elastic(build_case(tiny()))
    none = Solution(Status.NO_SOLUTION, None, None, None, None, None, None, 0.0, 0, 0, False)
    monkeypatch.setattr(elastic.live, "solve", lambda **_: none)
    assert elastic.on_time()
    monkeypatch.setattr(elastic.live, "solve", lambda **_: replace(none, status=Status.INFEASIBLE))
    assert not elastic.on_time()


def test_a_law_whose_share_is_not_tried_is_told(tiny: Any) -> None:
    """The plan begins before the first law: a stated share would bind what ran before it too."""
    scenario = tiny(
        **LAWFUL, horizon={"start": "2026-01-01", "years": 4}, demand={"must_serve_by": "2029-01-01"}
    )
    answer = explain_infeasible(build_case(scenario), alternatives=False)
    assert "sites[south].heat.least_share=0, if the law on reused heat" in answer.text
    assert "whatever the other limits tried" in answer.text
    assert has_plan(with_overrides(scenario, {"sites[south].heat.least_share": 0}))


def test_service_that_cannot_be_kept_is_named_and_may_lapse(tiny: Any) -> None:
    """One fleet for two workloads: what the first is served early must end when the second has to be served."""
    work = tiny().model_dump(mode="json", exclude_none=True)["demand"][0]
    first = {**work, "id": "first", "optional": True, "must_serve_by": None}
    scenario = tiny(
        demand=[first, {**work, "id": "second", "must_serve_by": "2029-01-01"}],
        hosts=[{"id": "cloud", "site": "south", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
                "stacks": ["us-cloud"], "open_lead_months": 3}],
        stacks=[{"id": "us-cloud", "adoption_musd": 1, "lead_months": 3}],
        supply={"quotas": [{"id": "all", "basis": "capacity", "unit": "accelerators",
                            "path": [{"from": "2027-01-01", "accelerators": 700}]}]},
        limits={"max_delay_months": {"first": 18}},
    )  # fmt: skip
    answer = explain_infeasible(build_case(scenario), tiers={"quota": 2.5, "delay": 2.5}, alternatives=False)
    (cause,) = answer.causes
    assert (cause.kind, cause.path, cause.new) == ("lapse", "demand[first].may_lapse", True), answer.text
    assert "service of first once given cannot be kept" in answer.text
    assert not has_plan(scenario) and has_plan(with_overrides(scenario, answer.cure))
