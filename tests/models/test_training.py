"""Training runs: done within start and deadline as the fleet allows, at one place, or reported unfinished."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.case.measures import serving_weights
from planner.case.periods import add_months
from planner.case.prechecks import precheck, unavoidable_months
from planner.case.training_work import ALL_HOSTS
from planner.intake.scenario_file import with_overrides
from planner.models.fleet import mean_of_serve
from planner.planning.pipeline import solve
from planner.plans.kpis import for_service
from planner.solver.branch_and_bound import Search
from planner.solver.engine import Engine
from planner.solver.progress import SolveOptions
from planner.studies.patterns import cheapest_pattern, everything_early
from planner.studies.screening import LiveFrontier

pytestmark = pytest.mark.untraced

FIRST = {
    "id": "first",
    "params_active_b": 70,
    "tokens_b": 15000,
    "start": "2028-01-01",
    "deadline": "2029-01-01",
}
SECOND = {**FIRST, "id": "second", "start": "2028-07-01", "deadline": "2029-07-01"}
WHOLE = ("open", "use", "halls", "placed")


def trained(tiny, *runs, one_place=True, hosts=None, **changes):
    """One training workload of these runs; a second host at the same site where ``hosts`` changes it."""
    plain = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)
    work = {**plain["demand"][0], "id": "models", "kind": "training", "optional": True, "may_lapse": False,
            "size": {"by": "training", "runs": list(runs), "one_place": one_place}}  # fmt: skip
    del work["must_serve_by"], work["preemptible"]
    second = [{**plain["hosts"][0], "id": "second", **hosts}] if hosts is not None else []
    first = {**plain["hosts"][0], **changes.pop("first", {})}
    return tiny(demand=[{**work, **changes.pop("work", {})}], hosts=[first, *second], **changes)


def by(answer, name, level):
    return answer.values(name).groupby(level=level).sum()


def test_work_moves_within_a_run_to_the_fleet_there_is(tiny, plain_catalog, optimise):
    """200 accelerators at most: a run that an even pace gives less goes on at 200 until it is done; its work is its own."""
    case = build_case(trained(tiny, FIRST), plain_catalog())
    (need,) = case.trainings["kref"]
    assert (case.training_periods["kref"] == need / 4).all(), "an even pace over four quarters"
    half = need / 2  # all of it in two quarters
    answer = optimise(case, objective="delay", bounds={"fleet": (0, half)})
    effort = answer.values("effort").droplevel([0, 1, 2])
    assert effort.sum() == pytest.approx(need) and effort.max() <= half + 1e-9
    assert (answer.values("unserved") == 0).all() and set(effort.index) == {4, 5, 6, 7}


def test_a_fleet_that_is_too_small_leaves_the_share_unfinished(tiny, plain_catalog, optimise):
    """A fleet of three quarters of the even pace does not do the run: all 12 months of it are waited for."""
    case = build_case(trained(tiny, FIRST), plain_catalog())
    pace = float(case.training_periods["kref"].iloc[0])
    answer = optimise(case, objective="delay", integer=WHOLE, bounds={"fleet": (0, 0.75 * pace)})
    assert answer.values("unfinished").iloc[0] == 1 and (answer.values("unserved") == 1).all()
    assert answer.values("delay").iloc[0] == pytest.approx(12.0) == case.trainings["months"].iloc[0]
    assert answer.values("effort").sum() == pytest.approx(0.0)


@pytest.mark.parametrize(("months", "done"), [(0.0, 1.0), (4.0, 1.0), (11.9, 1.0), (12.0, 0.0)])
def test_a_part_of_a_run_saves_no_wait_and_none_of_it_is_bought(tiny, plain_catalog, optimise, months, done):
    """Least cost under a cap on waiting: a run is done whole or left whole, so that a third of it is never shaved off."""
    case = build_case(trained(tiny, FIRST), plain_catalog())
    answer = optimise(case, integer=WHOLE, bounds={"delay_w": (0, months)})
    (need,) = case.trainings["kref"]
    assert answer.values("effort").sum() == pytest.approx(done * need)
    assert answer.values("unserved").to_numpy() == pytest.approx(1.0 - done)
    assert (answer.values("fleet").sum() > 1e-9) == bool(done), "nothing is bought for a run that is not done"


def test_a_run_that_begins_and_ends_within_quarters_works_no_longer_than_it_may(
    tiny, plain_catalog, optimise
):
    """Half of two quarters is one quarter: the fleet is that of all the work in one, not of half of it in each of two."""
    run = {**FIRST, "start": "2028-02-15", "deadline": "2028-05-16"}
    case = build_case(trained(tiny, run), plain_catalog())
    (need,), shares = case.trainings["kref"], case.training_periods["share"]
    fleet = need / shares.sum()
    assert shares.sum() == pytest.approx(1.0, abs=0.02)
    enough = optimise(case, objective="delay", integer=WHOLE, bounds={"fleet": (0, fleet * 1.001)})
    assert enough.values("unfinished").iloc[0] == 0
    assert (enough.values("effort").droplevel([0, 1, 2]) <= shares.droplevel([0, 1]) * fleet * 1.002).all()
    less = optimise(case, objective="delay", integer=WHOLE, bounds={"fleet": (0, fleet * 0.999)})
    assert less.values("unfinished").iloc[0] == 1


def test_in_its_part_of_a_period_a_run_has_what_other_work_leaves_it_there(tiny, plain_catalog, optimise):
    """Beside 500 accelerators of chat all through: they do not make room by waiting for the other half of the quarter."""
    chat = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)["demand"][0]
    chat = {**chat, "size": {"by": "accelerators", "points": [{"at": "2028-01-01", "value": 500}]}}
    run = {**FIRST, "start": "2028-02-15", "deadline": "2028-05-16"}
    work = trained(tiny, run).model_dump(mode="json", exclude_none=True, by_alias=True)["demand"][0]
    case = build_case(tiny(demand=[chat, work]), plain_catalog())
    (need,), shares = case.trainings["kref"], case.training_periods["share"]
    beside = float(mean_of_serve(case)[chat["id"]].iloc[0]) * float(
        case.demand["demand_kref"][chat["id"]].max()
    )
    fleet, served = (
        need / shares.sum() + beside,
        [i for i in case.demand.index if i[0] == chat["id"] and i[1] >= 4],
    )
    all_chat = {("unserved", i): (0, 0) for i in served}
    for share, left in ((1.001, 0), (0.999, 1)):
        bounds = {"fleet": (0, fleet * share)} | all_chat
        answer = optimise(case, objective="delay", integer=WHOLE, bounds=bounds)
        assert answer.values("unfinished").iloc[0] == left


def test_runs_in_the_same_part_of_a_year_share_it(tiny, plain_catalog, optimise):
    """Two runs in the second half of a year take the fleet of both, not that of either for half a year each."""
    halves = [{**FIRST, "id": name, "start": "2028-07-01"} for name in ("one", "two")]
    horizon = {"start": "2027-01-01", "years": 4, "step": "year"}
    case = build_case(trained(tiny, *halves, horizon=horizon), plain_catalog())
    assert case.training_periods["opens"].to_list() == pytest.approx([0.5, 0.5])
    both = case.trainings["kref"].sum() / 0.5
    for share, left in ((1.001, 0), (0.999, 1)):
        answer = optimise(case, objective="delay", integer=WHOLE, bounds={"fleet": (0, both * share)})
        assert answer.values("unfinished").sum() == left


def test_runs_of_two_workloads_share_a_part_as_those_of_one_do(tiny, plain_catalog, optimise):
    """In the second half of a year: a programme cut into two workloads needs no less."""
    half = {**FIRST, "start": "2028-07-01"}
    horizon = {"start": "2027-01-01", "years": 4, "step": "year"}
    one = trained(tiny, half, horizon=horizon).model_dump(mode="json", exclude_none=True, by_alias=True)
    other = {**one["demand"][0], "id": "another"}
    case = build_case(tiny(demand=[*one["demand"], other], horizon=horizon), plain_catalog())
    both = case.trainings["kref"].sum() / 0.5
    for share, left in ((1.001, 0), (0.999, 1)):
        answer = optimise(case, objective="delay", integer=WHOLE, bounds={"fleet": (0, both * share)})
        assert answer.values("unfinished").sum() == left


def test_runs_whose_parts_overlap_share_what_holds_both(tiny, plain_catalog, optimise):
    """From January to June and from April to September: three quarters of a year's fleet for both."""
    runs = [
        {**FIRST, "id": name, "start": start, "deadline": end}
        for name, start, end in (("one", "2028-01-01", "2028-07-01"), ("two", "2028-04-01", "2028-10-01"))
    ]
    horizon = {"start": "2027-01-01", "years": 4, "step": "year"}
    case = build_case(trained(tiny, *runs, horizon=horizon), plain_catalog())
    both = case.trainings["kref"].sum() / 0.75
    for share, left in ((1.001, 0), (0.999, 1)):
        answer = optimise(case, objective="delay", integer=WHOLE, bounds={"fleet": (0, both * share)})
        assert answer.values("unfinished").sum() == left


def test_runs_that_overlap_share_a_fleet_and_each_is_done(tiny, plain_catalog, optimise):
    """Two runs of a year, half a year apart, on a fleet of 4/3 of one pace: 6 quarters for 8 quarters of work."""
    case = build_case(trained(tiny, FIRST, SECOND), plain_catalog())
    pace = float(case.training_periods["kref"].iloc[0])
    answer = optimise(case, objective="delay", bounds={"fleet": (0, 4 / 3 * pace)})
    done = answer.values("effort").groupby(level=1).sum()
    assert done.to_numpy() == pytest.approx([4 * pace, 4 * pace])
    less = optimise(case, objective="delay", integer=WHOLE, bounds={"fleet": (0, pace)})
    assert less.values("effort").sum() == pytest.approx(4 * pace), "six quarters hold one run of four"
    assert less.values("unfinished").sum() == pytest.approx(1.0)


def test_costs_of_screening_are_solved_closer_with_runs_in_parts_as_it_has_them(tiny, plain_catalog):
    """A cheap host is too small for the run, and the other too dear: a plan is at that one, screening at both."""
    small = {"max_it_mw": 0.6, "hardware_price_factor": 1.0}
    case = build_case(
        trained(tiny, FIRST, hosts=small, first={"hardware_price_factor": 6.0}), plain_catalog()
    )
    engine = Engine(case)
    live = LiveFrontier(case, [everything_early(engine)])
    at = live.least_delay_months, 0.0
    pattern = cheapest_pattern(engine, live.bounds(*at), 0.0, 60.0)
    assert pattern is not None
    live.add([pattern])
    cost, relaxed = live.at(*at)["cost_npv_musd"], live.at_least(*at)
    live.closer(*at, 1e-6)
    assert cost * (1 + 1e-6) >= live.at_least(*at) > relaxed > 0
    tree = live.base.searchable()
    tree.policy(live.bounds(*at))
    tree.minimise("cost")
    whole = Search(tree, SolveOptions(0.0)).run()
    assert whole.bound > cost * 1.01, "a run at one place costs more"


def test_a_run_is_at_one_place_and_may_be_shared_where_that_is_said(tiny, plain_catalog, optimise):
    """Two hosts of which each has room for three quarters of a run: shared it is done, at one place it is not."""
    half = {"max_it_mw": 2.5}
    alone = build_case(trained(tiny, FIRST, hosts=half, first=half), plain_catalog())
    pace = float(alone.training_periods["kref"].iloc[0])
    room = {"fleet": (0, 0.75 * pace)}
    one = optimise(alone, objective="delay", integer=WHOLE, bounds=room)
    assert one.values("unfinished").iloc[0] == 1 and not one.values("effort").gt(1e-9).any()
    wide = optimise(alone, objective="delay", integer=WHOLE, bounds={"fleet": (0, pace)})
    assert wide.values("unfinished").iloc[0] == 0 and by(wide, "effort", 2).gt(1e-9).sum() == 1
    both = build_case(trained(tiny, FIRST, hosts=half, first=half, one_place=False), plain_catalog())
    shared = optimise(both, objective="delay", integer=WHOLE, bounds=room)
    assert shared.values("unfinished").iloc[0] == pytest.approx(0.0)
    assert by(shared, "effort", 2).gt(1e-9).sum() == 2
    assert [i[2] for i in shared.arrays.columns["placed"].index] == [ALL_HOSTS]


def test_no_training_no_rows(tiny, plain_catalog, optimise):
    none = optimise(tiny(), plain_catalog())
    assert not [n for n in ("effort", "unfinished", "placed", "ahead") if none.arrays.columns[n].size]


def test_work_of_a_run_counts_the_same_whenever_it_is_done(tiny, plain_catalog):
    """A run that begins within a quarter has less of an even pace there; by priority its work counts no more for it."""
    case = build_case(trained(tiny, {**FIRST, "start": "2028-02-15"}), plain_catalog())
    weights = serving_weights(case, "priority")
    assert weights.max() == pytest.approx(weights.min())
    (need,) = case.trainings["kref"]
    assert weights.iloc[0] * need == pytest.approx(1.0), "all of the work is all of the weight"


def test_a_run_whose_start_is_too_early_is_not_lost(tiny, plain_catalog):
    """Nothing can be live for a year; a run from the start on with two years has the second to be done in."""
    early = {**FIRST, "start": "2027-01-01"}
    case = build_case(
        trained(tiny, early, work={"optional": False, "must_serve_by": "2027-01-01"}), plain_catalog()
    )
    assert not precheck(case)


def test_a_run_that_no_fleet_could_do_is_refused_with_the_least_deadline(tiny, plain_catalog):
    """Nothing is live in 2027, and a host of 5 MW does what its megawatts allow: both are refused, and the cure cures."""
    must = {"optional": False, "must_serve_by": "2027-01-01"}
    small = {"max_it_mw": 0.4}
    early = {**FIRST, "start": "2027-01-01", "deadline": "2027-07-01"}
    for runs, changes, words in (
        ([early, SECOND], {}, "nothing can be ready"),
        ([FIRST], {"first": small}, "of it at most"),
    ):
        hopeless = trained(tiny, *runs, work=must, **changes)
        (trouble,) = precheck(build_case(hopeless, plain_catalog()))
        assert (trouble.workload, trouble.reason) == ("models", "training") and words in trouble.message
        assert trouble.change, trouble.cure
        ((path, day),) = trouble.change.items()
        assert not precheck(build_case(with_overrides(hopeless, {path: day}), plain_catalog()))
        sooner = build_case(with_overrides(hopeless, {path: add_months(day, -3)}), plain_catalog())
        assert precheck(sooner), "a quarter less does not do"
    waits = build_case(trained(tiny, early, SECOND), plain_catalog())
    assert not precheck(waits) and unavoidable_months(waits)["models"] == pytest.approx(6.0)


@pytest.fixture(scope="module")
def plan(tiny, plain_catalog):
    """Two runs on two hosts with room for one of them each; the second must end within a quarter."""
    small, within = {"max_it_mw": 10}, {**SECOND, "deadline": "2029-05-16"}
    scenario = trained(
        tiny, FIRST, within, hosts=small, first=small, work={"optional": False, "must_serve_by": "2028-01-01"}
    )
    found = solve(build_case(scenario, plain_catalog()), quality="quick")
    assert found.plan is not None, found.troubles
    return found.plan


def test_a_plan_says_where_and_when_each_run_is_done(plan):
    runs = plan.tables["training"].set_index("j")
    assert runs["finished_share"].to_numpy() == pytest.approx([1.0, 1.0])
    assert set(runs["h"]) <= {"champion", "second"}
    for run in runs.itertuples():
        assert run.start_date <= run.begins_date < run.done_date <= run.deadline_date
    assert not len(audit(plan))


@pytest.mark.parametrize(
    ("rule", "table", "change"),
    [
        (
            "training-place",
            "training_work",
            lambda t: t.assign(h=["champion", "second"] * (len(t) // 2) + ["second"] * (len(t) % 2)),
        ),
        ("training-work", "training_work", lambda t: t.assign(kref=t["kref"] * 1.01)),
        ("training-done", "training", lambda t: t.assign(finished_share=0.5)),
        ("training-whole", "training", lambda t: t.assign(finished_share=0.5)),
        ("training-share", "training", lambda t: t.assign(finished_share=0.5)),
        ("training-date", "training_work", lambda t: t.assign(t=t["t"] + 6)),
        (
            "training-edge",
            "training_work",
            lambda t: t.assign(kref=t["kref"].where(t["t"] < t["t"].max(), t["kref"].sum())),
        ),
    ],
)
def test_the_audit_finds_what_no_run_may_be(plan, rule, table, change):
    faulty = replace(plan, tables={**plan.tables, table: change(plan.tables[table])})
    assert rule in set(audit(faulty)["rule"])


def test_dates_of_service_are_of_service(plan):
    """A demand of training alone still has dates; beside another workload it has none of its own."""
    demand = plan.tables["demand"]
    assert len(for_service(demand)) == len(demand)
    other = pd.concat([demand, demand.assign(w="chat", by_deadline=False)], ignore_index=True)
    assert set(for_service(other)["w"]) == {"chat"}
