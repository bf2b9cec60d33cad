"""What protects the frontier: no dominated point on it, hot equals cold, floors bind, prices have a sign."""

import errno
import filecmp
import json
import os
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from planner.case.build import build_case
from planner.cli import app
from planner.facts.errors import NoPlan
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.planning.events import Event
from planner.planning.pipeline import solve
from planner.report.charts.frontier import frontier as chart
from planner.report.front import in_words, most_control, no_own_plan
from planner.runs import disk
from planner.runs.disk import RunError, WriteError
from planner.runs.frontier import NONE_FITS, _made, live_of_run, plans_fitting, points_left, run_frontier
from planner.runs.run import POINTS, Run, clean_runs, find_run, list_runs
from planner.solver.arrays import Arrays
from planner.solver.engine import Engine
from planner.studies import frontier as studies
from planner.studies import frontier_plans, next_step
from planner.studies.frontier import frontier
from planner.studies.frontier_limits import FAST
from planner.studies.frontier_lines import MORE_LIMITS, finer_rows
from planner.studies.frontier_plans import OWN_POINT, unbound
from planner.studies.frontier_tables import Grid, grid, keeps_limits, on_front
from planner.studies.next_step import CONTROL, SPEED, least, limits, most, price, tighter
from planner.studies.path import lines
from planner.studies.patterns import everything_early
from planner.studies.ranges import EXTRA_COST_SHARES, choices, near_optimal_ranges
from planner.studies.screening import LiveFrontier, Pattern

CHANGES = {
    "horizon.years": 3,
    "demand[assistant].size.points": [
        {"at": "2027-01-01", "value": 600},
        {"at": "2029-12-31", "value": 1800},
    ],
}
OBJECTIVES = ["cost_npv_musd", "delay_months", "control_score"]


@pytest.fixture(scope="module", autouse=True)
def few_pivots() -> Iterator[None]:
    """Some of the prices are solved closer: all of them take as long as the rest of a frontier."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(studies, "CLOSER_PIVOTS", 10_000)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    scenario = with_overrides(load_scenario(example_path("two-hosts")), CHANGES)
    options = {"points": 3, "quality": "quick", "workers": 1}
    return run_frontier(scenario, options, tmp_path_factory.mktemp("runs") / "front")


@pytest.fixture(scope="module")
def live(run: Run) -> LiveFrontier:
    return live_of_run(run)


@pytest.mark.untraced
def test_no_point_on_the_front_is_beaten(run: Run) -> None:
    points = run.table("points")
    front = points[points["on_front"] & (points["quality"] == "screening")]
    values = front[OBJECTIVES].to_numpy() * [1, 1, -1]
    for own in values:
        better = (values < own - 1e-3 * np.maximum(np.abs(own), 1)).all(axis=1)
        assert not better.any()
    assert len(front) >= 10 and front["control_score"].max() - front["control_score"].min() > 20


def test_sliders_know_at_a_point_what_the_table_knows(run: Run, live: LiveFrontier) -> None:
    priced = run.table("points").query("on_front and quality == 'screening'").to_dict("records")
    for row in priced:
        for name, stricter in tighter(row).items():
            found = price(live, live.at(*limits(row)), stricter)
            there = (found.musd if row[name] == row[name] else np.nan, found.least, found.most)
            assert there == pytest.approx(
                (row[name], row[least(name)], row[most(name)]), abs=0.02, nan_ok=True
            )
    assert len(priced) > 20


def test_what_is_proven_of_another_programme_is_not_taken_over(
    run: Run, live: LiveFrontier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the same version too: a rule, a fact or a reduction may have changed since."""
    bounded = with_overrides(run.scenario, {"limits.min_control": 40, "limits.max_delay_months": 12})
    prints = {Engine(build_case(each)).arrays.fingerprint() for each in (bounded, unbound(bounded))}
    assert prints == {run.outcome["proven_of"]}, "limits that a frontier varies are no part of it"
    dearer = with_overrides(run.scenario, {"systems[hgx-b300].price_usd": 500_000})
    assert Engine(build_case(dearer)).arrays.fingerprint() not in prints
    assert live._proven
    monkeypatch.setattr(Arrays, "fingerprint", lambda _: "another")
    assert not live_of_run(run)._proven


def test_the_grid_is_finer_where_most_is_open(live: LiveFrontier) -> None:
    known = grid(live, None)
    more = finer_rows(live, known, None)
    asked, before = ({row["max_delay_months"] for row in rows} for rows in (more, known.rows))
    assert before == set(known.months) and 0 < len(asked - before) <= MORE_LIMITS
    coarse, finer = (on_front(pd.DataFrame(rows)) for rows in (known.rows, [*known.rows, *more]))
    assert finer["on_front"].sum() > 1.2 * coarse["on_front"].sum()
    assert not finer_rows(live, Grid(known.months, [], []), None)


def test_what_a_plan_beats_is_no_point_and_what_it_does_not_stays() -> None:
    rows = [("plan", 18.7, 6.0, 67.6), ("screening", 48.2, 6.0, 67.6), ("screening", 48.0, 7.0, 60.0),
            ("screening", 17.0, 12.0, 67.6), ("screening", 20.0, 5.0, 67.6), ("screening", 19.0, 12.0, 67.6)]  # fmt: skip
    points = on_front(pd.DataFrame(rows, columns=["quality", *OBJECTIVES]))
    assert points["cost_npv_musd"].tolist() == [18.7, 17.0, 20.0] and points["on_front"].all()


def test_a_plan_that_is_better_by_anything_takes_a_point_off_the_front() -> None:
    rows = [("quick", 100.0, 6.0, 60.0), ("quick", 100.0 + 2e-6, 6.0, 60.0), ("quick", 100.0, 6.0, 60.0 - 2e-6),
            ("screening", 99.9, 6.0, 60.0), ("screening", 100.002, 6.0, 60.0)]  # fmt: skip
    points = on_front(pd.DataFrame(rows, columns=["quality", *OBJECTIVES]))
    assert points["cost_npv_musd"].tolist() == [100.0, 100.0 + 2e-6, 100.0, 99.9]
    assert points["on_front"].tolist() == [True, False, False, True]


def test_the_first_plan_is_the_one_a_solve_of_the_scenario_makes(run: Run) -> None:
    outcome = solve(build_case(run.scenario), "quick")
    assert outcome.plan is not None
    first = Run(run.path / POINTS / "point-0")
    assert first.kpi("cost_npv_musd") == pytest.approx(outcome.plan.kpi("cost_npv_musd"), rel=1e-9)
    assert first.bounds == outcome.bounds


def test_cheaper_hosts_are_sought_where_all_hosts_at_once_are_dear(live: LiveFrontier) -> None:
    engine = live.base.for_case(live.case)
    early = everything_early(engine)
    wide = LiveFrontier(live.case, [early], live.least, engine)
    relaxed = LiveFrontier(live.case, [], live.least, engine)
    tight = live.least_delay_months + FAST
    before, least = wide.at(tight)["cost_npv_musd"], relaxed.at(tight)["cost_npv_musd"]
    wide.add([early])
    assert len(wide.engines) == 1  # known already
    wide.add(studies.sought(wide))
    assert len(wide.engines) == len(wide.patterns) > 1
    assert least - 1e-6 <= wide.at(tight)["cost_npv_musd"] < before - 1.0


def test_hosts_are_sought_only_where_all_at_once_cost_much_more_than_the_plans_own(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Run(run.path / POINTS / "point-0")
    tables = {name: plan.table(name) for name in ("opens", "stacks")}
    sought = list[LiveFrontier]()

    def no_more(live: LiveFrontier) -> list[Pattern]:
        sought.append(live)
        return []

    monkeypatch.setattr(studies, "sought", no_more)

    def live_at(dear: float) -> LiveFrontier:
        monkeypatch.setattr(studies, "DEAR", dear)
        return studies.live_frontier(run.scenario, run.catalog, tables)

    live = live_at(np.inf)
    assert not sought
    own, widest = (live.solve_on(held, None, None).objective for held in live.engines)
    assert own is not None and widest is not None and widest > own
    more = widest / own - 1
    asked = [live_at(more * by) for by in (1.01, 0.99)]
    assert sought == asked[1:]


@pytest.mark.untraced
def test_choices_are_compared_within_the_wait_of_the_plan_at_the_scenarios_own_limits(
    run: Run, live: LiveFrontier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where that is longer than usual, as under a floor on control; a limit that the scenario states is kept."""
    asked: list[float] = []

    def recorded(live: LiveFrontier, months: float, least: Any, **_: Any) -> pd.DataFrame:
        asked.append(months)
        return pd.DataFrame()

    monkeypatch.setattr(studies, "near_optimal_ranges", recorded)
    monkeypatch.setattr(studies, "_screened_rows", lambda *_: [])
    made = {n: _made(Run(run.path / POINTS / f"point-{n}")) for n in range(3)}
    usual = made[0].kpis["delay_months"]
    for longer in (0.0, 20.0):
        made[0] = replace(made[0], kpis={**made[0].kpis, "delay_months": usual + longer})
        frontier(run.scenario, 3, "quick", 1, made=made)
    tolerance = run.catalog.param("delay_tolerance_months")
    assert asked[0] <= live.least_delay_months + tolerance + 1e-3 and asked[1] == pytest.approx(
        usual + 20.0, abs=1e-3
    )
    stated = with_overrides(run.scenario, {"limits.max_delay_months": 9.5})
    assert studies._own_months(stated, cast(Any, None), made) == 9.5


def test_points_say_what_is_open_and_when_it_serves(run: Run) -> None:
    points = run.table("points")
    assert all(points["hosts"].str.len() > 0)
    known = points.dropna(subset=["half_service_months", "full_service_months"])
    assert (known["first_service_months"] <= known["half_service_months"]).all() and len(known) > 10
    assert (known["half_service_months"] <= known["full_service_months"]).all()
    for row in points[points["plan"] >= 0].to_dict("records"):
        plan = Run(run.path / POINTS / f"point-{row['plan']}")
        for name in ("first_service_months", "full_service_months"):
            assert row[name] == pytest.approx(plan.kpi(name), nan_ok=True)


@pytest.mark.untraced
def test_a_frontier_goes_on_from_the_plans_another_has_made(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = made_at(monkeypatch)
    options = {"points": 3, "quality": "quick", "workers": 1}
    again = run_frontier(run.scenario, options, tmp_path / "again", earlier=points_left(Path(run.path)))
    assert not asked
    pd.testing.assert_frame_equal(again.table("points"), run.table("points"))
    assert (again.audit, again.outcome["plans"]) == ("clean", 3)
    with pytest.raises(NoPlan):  # another quality: the plans are not those asked for
        run_frontier(
            run.scenario, options | {"quality": "plan"}, tmp_path / "other", earlier=[Path(run.path) / POINTS]
        )
    assert asked == [0, 1, 2]


def test_an_interrupt_leaves_the_plans_that_are_made(run: Run, tmp_path: Path) -> None:
    def interrupt(event: Event) -> None:
        if event.stage == "screening":
            raise KeyboardInterrupt

    options = {"points": 3, "quality": "quick", "workers": 1}
    kept: list[tuple[Path, int]] = []
    with pytest.raises(KeyboardInterrupt):
        run_frontier(
            run.scenario, options, tmp_path / "cut", interrupt, earlier=points_left(Path(run.path)),
            on_kept=lambda place, plans: kept.append((place, plans)),
        )  # fmt: skip
    assert kept == [(tmp_path / "cut", 3)]
    left = points_left(tmp_path / "cut")
    assert len(left) == 1 and len(list(left[0].glob("point-*[0-9]"))) == 3
    done = CliRunner().invoke(app, ["frontier", "two-hosts", "--resume", "nowhere"])
    assert done.exit_code == 2 and "no frontier has left plans at nowhere or runs/nowhere" in done.output


@pytest.mark.untraced
def test_a_full_disk_leaves_the_plans_and_what_goes_on_from_them_makes_the_same_front(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third plan starts from the values of the second."""
    options = {"points": 3, "quality": "quick", "workers": 1}
    kept: list[tuple[Path, int]] = []
    real, moved = os.rename, list[Path]()

    def rename(source: Path, target: Path) -> None:
        if len(moved) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        moved.append(target)
        real(source, target)

    with monkeypatch.context() as patch, pytest.raises(WriteError, match="no space left"):
        patch.setattr(os, "rename", rename)
        run_frontier(run.scenario, options, tmp_path / "cut", on_kept=lambda *told: kept.append(told))
    assert kept == [(tmp_path / "cut", 2)]
    starts: list[bool] = []
    one = frontier_plans._one

    def noted(task: Any, start: Any, *rest: Any) -> Any:
        starts.append(start is not None)
        return one(task, start, *rest)

    monkeypatch.setattr(frontier_plans, "_one", noted)
    (left,) = points_left(tmp_path / "cut")
    lock = left.parent / "lock.json"
    assert list_runs(tmp_path)["status"].tolist() == ["running"]
    lock.write_text(json.dumps(json.loads(lock.read_text()) | {"start": 1.0}))  # as if its process were gone
    (row,) = list_runs(tmp_path).to_dict("records")
    assert (row["name"], row["status"], row["plans_left"]) == ("cut", "stopped", 2)
    assert clean_runs(tmp_path) == [], "what can be resumed is no rubbish"
    told = CliRunner().invoke(app, ["runs", "--runs", str(tmp_path)]).output
    assert f"cut was stopped and can be resumed, with 2 plans made: {row['resume']}\n" in told
    with pytest.raises(
        RunError, match="cut was stopped and can be resumed, with 2 plans made: planner frontier"
    ):
        find_run("cut", tmp_path)
    done = CliRunner().invoke(app, shlex.split(row["resume"])[1:])
    assert done.exit_code == 0, done.output
    again = Run(tmp_path / "cut")
    assert list_runs(tmp_path)["status"].tolist() == [again.status]
    assert starts == [True] and points_left(tmp_path / "cut") == [again.path / POINTS]
    pd.testing.assert_frame_equal(again.table("points"), run.table("points"))
    assert sorted(path.name for path in (again.path / POINTS).iterdir()) == ["point-0", "point-1", "point-2"]


def test_a_failure_leaves_the_plans_and_a_run_that_is_given_up_leaves_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_at(monkeypatch)
    options = {"points": 3, "quality": "quick", "workers": 1}

    class GivenUp(BaseException):
        pass

    for fault, left in ((RuntimeError("a worker died"), 1), (GivenUp(), 0)):

        def fail(event: Event, fault: BaseException = fault) -> None:
            if event.stage == "screening":
                raise fault

        with pytest.raises(type(fault)):
            run_frontier(
                run.scenario, options, tmp_path / f"cut{left}", fail, earlier=points_left(Path(run.path))
            )
        assert len(points_left(tmp_path / f"cut{left}")) == left


def made_at(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Notes which plans are asked for and makes none."""
    asked: list[Any] = []

    def none(tasks: list[Any], known: dict[int, Any], *_rest: Any) -> dict[int, Any]:
        asked.extend(task.point for task in tasks if task.point not in known)
        return {}

    monkeypatch.setattr(studies, "solve_all", none)
    return asked


@pytest.mark.untraced
def test_plans_of_all_that_ended_too_early_are_taken_over_and_torn_copies_are_not(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later one was ended while it took over the plans of the first, under other numbers."""
    first, later = (tmp_path / f".cut.{n}-a.part" for n in (1, 2))
    shutil.copytree(run.path, first)
    (later / POINTS).mkdir(parents=True)
    for name in ("manifest.json", "scenario.yaml"):
        shutil.copy(run.path / name, later)
    shutil.copytree(run.path / POINTS / "point-2", later / POINTS / "point-1")
    shutil.copytree(run.path / POINTS / "point-0", later / POINTS / "point-0")
    table = later / POINTS / "point-0" / "tables" / "fleet.parquet"
    table.write_bytes(table.read_bytes()[:100])
    (later / POINTS / ".point-2.ab.part").mkdir()
    os.utime(first, (1e9, 1e9))
    left = points_left(tmp_path / "cut")
    assert left == [later / POINTS, first / POINTS]
    asked = made_at(monkeypatch)
    monkeypatch.setattr(studies, "with_prices", lambda table, *_: table)
    options = {"points": 3, "quality": "quick", "workers": 1}
    again = run_frontier(run.scenario, options, tmp_path / "cut", earlier=left)
    assert not asked
    own, other = (each.table("points").sort_values(OBJECTIVES) for each in (run, again))
    assert other[OBJECTIVES].to_numpy() == pytest.approx(own[OBJECTIVES].to_numpy(), rel=1e-12)
    assert sorted(path.name for path in (again.path / POINTS).iterdir()) == ["point-0", "point-1", "point-2"]


def test_no_hosts_are_sought_between_limits_that_no_pattern_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit on cost may leave out all hosts that are known at the tight limits."""

    class Tight:
        least_delay_months, base = 3.0, None

        def at(self, _months: float) -> dict[str, float]:
            return {"control_score": float("nan")}

        def most_control(self, _months: float) -> float:
            return float("-inf")

        def bounds(self, *asked: Any) -> Any:
            return asked

    asked: list[Any] = []

    def found(_base: Any, bounds: Any, *_rest: Any) -> dict[str, list[float]]:
        asked.append(bounds)
        return {}

    monkeypatch.setattr(studies, "cheapest_pattern", found)
    studies.sought(Tight())  # type: ignore[arg-type]
    assert asked and all(floor is None for _, floor in asked)


def test_values_left_by_another_model_are_no_start(tiny: Any, plain_catalog: Any) -> None:
    task = frontier_plans.Task(0, tiny(), plain_catalog(), "quick")
    free = frontier_plans._one(task, None)
    cut = frontier_plans._one(task, np.zeros(3))
    assert free.plan is not None and cut.plan is not None
    assert cut.plan.kpi("cost_npv_musd") == free.plan.kpi("cost_npv_musd")


def test_a_plan_of_other_limits_of_the_scenario_is_not_the_plan_of_these(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = made_at(monkeypatch)
    strict = with_overrides(run.scenario, {"limits.min_control": 40})
    options = {"points": 3, "quality": "quick", "workers": 1}
    with pytest.raises(NoPlan):
        run_frontier(strict, options, tmp_path / "strict", earlier=[run.path / POINTS])
    assert {0, 1} <= set(asked)


def test_a_front_without_a_plan_at_its_own_limits_has_no_figures(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of another of its plans are not its own."""
    monkeypatch.setattr(
        "planner.runs.frontier.frontier", lambda *_, **__: SimpleNamespace(points=[], programme="")
    )
    monkeypatch.setattr("planner.runs.frontier.frontier_tables", lambda _: {})
    options = {"points": 3, "quality": "quick", "workers": 1}
    for floor, own in ((None, True), (99.9, False)):
        asked = with_overrides(run.scenario, {"limits.min_control": floor})
        front = run_frontier(asked, options, tmp_path / str(own), earlier=[run.path / POINTS])
        assert bool(front.outcome["kpis"]) is own and ("bound" in front.outcome) is own
        assert (front.status, front.audit, front.outcome["quality"]) == ("optimal", "clean", "quick")


def full_disk(*_given: Any) -> Any:
    raise WriteError("no space left")


def test_a_full_disk_on_resuming_leaves_the_plans_and_repeats_what_goes_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "sync_tree", full_disk)
    inputs = str(run.path / "scenario.yaml")
    command = [
        "frontier",
        inputs,
        "--quality=quick",
        f"--resume={run.path}",
        f"--output={tmp_path / 'again'}",
    ]
    found = CliRunner().invoke(app, command)
    assert found.exit_code == 2 and "no space left" in found.stderr
    assert f"plans kept: 3; to go on: the same command with --resume {run.path}" in found.stderr
    assert not list(tmp_path.iterdir())


def test_plans_that_do_not_fit_are_not_told_as_kept_and_each_that_fits_counts_once(run: Run) -> None:
    facts, folder = run.catalog, run.path / POINTS
    assert plans_fitting([folder, folder], run.scenario, facts, "quick") == 3
    assert plans_fitting([folder], run.scenario, facts, "plan") == 0
    other = with_overrides(run.scenario, {"limits.delay_tolerance_months": 7})
    assert plans_fitting([folder], other, facts, "quick") == 0


def test_a_frontier_stopped_before_its_first_plan_tells_of_no_plan_that_does_not_fit(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_given: Any, **_more: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("planner.runs.frontier.frontier", stop)
    inputs, change = str(run.path / "scenario.yaml"), "--set=limits.delay_tolerance_months=7"
    asked = ["frontier", inputs, "--quality=quick", f"--resume={run.path}", f"--output={tmp_path / 'again'}"]
    found = CliRunner().invoke(app, [*asked, change])
    assert NONE_FITS in found.stderr and "plans kept" not in found.stderr
    assert "plans kept: 3" in CliRunner().invoke(app, asked).stderr


def test_a_plan_is_copied_whole_or_not_at_all(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = run.path / POINTS / "point-0"
    with monkeypatch.context() as patch, pytest.raises(WriteError):
        patch.setattr(disk, "sync_tree", full_disk)
        disk.copy_folder(point, tmp_path / "point-0")
    assert not list(tmp_path.iterdir())
    disk.copy_folder(point, tmp_path / "point-0")
    same = filecmp.dircmp(point, tmp_path / "point-0")
    assert not same.diff_files + same.left_only + same.right_only


@pytest.mark.untraced
def test_the_plan_of_most_control_stands_at_a_stated_bound(tmp_path: Path, benchmark: Any) -> None:
    """Of a budget that divisible halls stretch further: a floor at what they reach has no plan of whole halls."""
    scenario = with_overrides(
        load_scenario(example_path("two-hosts")), {**CHANGES, "limits.capital_musd_total": 120}
    )
    options = {"points": 2, "quality": "quick", "workers": 1}
    run = run_frontier(scenario, options, tmp_path / "front")
    points = run.table("points")
    most = points.dropna(subset=["control_bound"])
    assert most["control_score"].tolist() == [pytest.approx(31.05, abs=0.05)]
    assert 0 <= most["control_bound"].iloc[0] - most["control_score"].iloc[0] <= 0.1
    gaps = {folder.name: Run(folder).outcome["gap"] for folder in (run.path / POINTS).iterdir()}
    assert run.outcome["gap"] == gaps[f"point-{OWN_POINT}"] and run.outcome["worst_gap"] == max(gaps.values())
    assert benchmark("front_check").asked_of(run) == 2
    told = benchmark("front_check").check(run, 1)
    assert json.loads(json.dumps(told)) == told
    assert not told["fails"] and told["most_control_relaxed"] > told["most_control_of_a_plan"] + 3
    assert any("31.05 points" in words for words in in_words(points))
    again = run_frontier(
        scenario,
        {"points": 2, "quality": "quick", "workers": 1},
        tmp_path / "again",
        earlier=[run.path / POINTS],
    )
    pd.testing.assert_frame_equal(again.table("points"), points)
    outcome = run.path / POINTS / f"point-{most['point'].iloc[0]}" / "outcome.json"
    outcome.write_text(json.dumps(json.loads(outcome.read_text()) | {"control_bound": 31.0}))
    assert benchmark("front_check").check(run, 1)["fails"] == ["bounds_exceeded", "anchors"]


def test_what_differs_by_less_than_dominance_is_no_side_of_the_box(benchmark: Any) -> None:
    check = benchmark("front_check")
    points = np.array([[1.0, 4.0, -31.0], [2.0, 3.0, -31.0], [4.0, 2.0, -31.0]])
    noisy = points + np.array([[0, 0, 0.0], [0, 0, 1e-14], [0, 0, -1e-14]])
    plain, rough = (check.volume(each, *check.corners(points)) for each in (points, noisy))
    assert 0 < plain < 1 and rough == pytest.approx(plain, abs=1e-6)


def test_the_check_of_a_front_sees_prices_outside_of_their_ends(benchmark: Any) -> None:
    points = pd.DataFrame({name: [2.0, 2.0, np.nan] for name in (CONTROL, SPEED)})
    for name in (CONTROL, SPEED):
        points[least(name)], points[next_step.most(name)] = [1.9, 4.4, 3.0], [2.1, np.nan, 2.0]
    assert benchmark("front_check").outside(points) == 4


def test_points_say_whether_they_keep_the_limits_that_the_scenario_states() -> None:
    points = pd.DataFrame(
        {"delay_months": [14.0, 16.5, 12.0], "control_score": [58.0, 60.0, 55.8], "plan": [1, 0, -1],
         "max_delay_months": [14.0, 16.5, 12.0]}
    )  # fmt: skip
    stated = load_scenario(example_path("two-hosts")).limits

    def kept(
        in_force: Any = None, priority: Any = None, within: Any = None, **limits: object
    ) -> list[bool | None]:
        own = {"max_delay_months": None, "delay_tolerance_months": None, "min_control": None, **limits}
        weights = pd.Series(priority or {"a": 1.0})
        own_of = within or (lambda _, months: dict.fromkeys(weights.index, months))
        return keeps_limits(points, stated.model_copy(update=own), in_force, weights, own_of).tolist()

    assert kept() == kept({"a": 13.0}) == [None, None, None]  # that of the catalog's tolerance is nobody's
    assert kept({"a": 13.0}, delay_tolerance_months=1.0) == [False, True, True]
    assert kept(delay_tolerance_months=1.0) == [None, True, None]  # without a plan at the own limits
    assert kept(max_delay_months=14.0) == [True, True, True]
    assert kept(max_delay_months=13.0) == [False, True, True]
    assert kept(max_delay_months=14.0, min_control=58.0) == [True, True, False]
    assert kept({"a": 13.0}, delay_tolerance_months=1.0, min_control=58.0) == [False, True, False]
    assert kept(max_delay_months={"a": 14.0}) == [True, True, True]
    two = {"a": 0.5, "b": 0.5}
    assert kept({"a": 10.0, "b": 16.0}, two, delay_tolerance_months=1.0) == [False, True, None]
    assert kept({"a": 12.0, "b": 16.0}, two, delay_tolerance_months=1.0) == [None, True, True]
    one = kept({"a": 10.0, "b": 16.0}, two, lambda *_: {"a": 9.0, "b": 15.0}, delay_tolerance_months=1.0)
    assert one == [False, True, True]
    told = [True, False, None]
    symbols = chart(points.assign(point="1", cost_npv_musd=1.0, keeps_limits=pd.Series(told, dtype=object)))
    assert [*symbols.data[0].marker.symbol] == ["circle", "diamond", "circle"]


def told_of_tolerance(months: int | None, folder: Path) -> tuple[str, pd.DataFrame]:
    """What the command says of a front, and its points."""
    given = ["grid-late", "--points", "2", "--quality", "quick", "--workers", "1",
             "--set", "horizon.step=half-year", "--set", "solve.slices=1",
             "--set", f"limits.delay_tolerance_months={'null' if months is None else months}"]  # fmt: skip
    got = CliRunner().invoke(app, ["frontier", *given, "--output", str(folder)], env={"COLUMNS": "140"})
    assert got.exit_code == 0, got.output
    return got.output, Run(folder).table("points")


def test_a_tolerance_is_a_limit_that_a_front_breaks(tmp_path: Path) -> None:
    output, points = told_of_tolerance(1, tmp_path / "front")
    assert "Own limits" in output and "broken" in output
    cap = points.loc[points["plan"] == 0, "max_delay_months"].item()
    assert points["keeps_limits"].astype(bool).equals(points["delay_months"] <= cap + 1e-3)
    assert not points["keeps_limits"].all() and points["delay_months"].max() > cap + 6


@pytest.mark.untraced
def test_no_column_says_of_limits_that_a_scenario_does_not_state(tmp_path: Path) -> None:
    output, points = told_of_tolerance(None, tmp_path / "front")
    assert "Own limits" not in output and "broken" not in output
    assert points["keeps_limits"].isna().all()


def test_gaps_are_in_tenths() -> None:
    from planner.cli.tradeoff import _gap

    gaps = [_gap(share) for share in (0.0, 1e-9, 1.8e-5, 3.1e-4, 6e-4, 0.0132, np.nan)]
    assert gaps == ["0.0 %", "0.0 %", "<0.1 %", "<0.1 %", "0.1 %", "1.3 %", ""]


def test_a_bound_is_not_rounded_below_itself() -> None:
    points = pd.DataFrame({"control_score": [63.034], "control_bound": [63.0842]})
    assert "63.09" in most_control(points)


def test_it_is_said_where_no_plan_was_made_at_the_scenarios_own_limits() -> None:
    front = pd.DataFrame({"plan": [0, 1, -1]})
    assert not no_own_plan(front) and not no_own_plan(front[2:])
    assert "own limits" in no_own_plan(front[1:])


def test_equal_plans_stand_on_the_front_once() -> None:
    points = pd.DataFrame({"quality": ["quick", "quick", "screening"], "cost_npv_musd": [1.0, 1.0, 2.0],
                           "delay_months": [3.0, 3.0, 1.0], "control_score": [60.0, 60.0, 60.0]})  # fmt: skip
    assert on_front(points)["on_front"].tolist() == [True, False, True]


def test_cost_falls_with_waiting_and_rises_with_control(live: LiveFrontier) -> None:
    months = [live.least_delay_months + x for x in (0, 1, 3, 6)]
    costs = [live.at(m, 40)["cost_npv_musd"] for m in months]
    assert costs == sorted(costs, reverse=True) and costs[0] > costs[-1]
    costs = [live.at(months[2], c)["cost_npv_musd"] for c in (None, 45, 50, 55)]
    assert costs == sorted(costs) and costs[-1] > costs[0]


def test_limits_bind_exactly(live: LiveFrontier) -> None:
    months = live.least_delay_months + 2
    found = live.at(months, 50.0)
    assert found["control_score"] == pytest.approx(50.0, abs=1e-5)
    assert found["delay_months"] == pytest.approx(months, abs=1e-4)


@pytest.mark.untraced
def test_hot_answers_equal_cold_ones(live: LiveFrontier) -> None:
    walk = [(6, 30), (1, 55), (3, None), (0, 40), (6, 60), (2, 45)]
    for longer, control in walk:
        months = live.least_delay_months + longer
        cold = LiveFrontier(live.case, live.patterns, live.least)
        assert live.at(months, control)["cost_npv_musd"] == pytest.approx(
            cold.at(months, control)["cost_npv_musd"], rel=1e-7
        )


def test_a_sweep_answers_as_single_points_do(live: LiveFrontier) -> None:
    months = [live.least_delay_months + x for x in (0.0, 1.0, 4.0)]
    levels = [None, 45.0, 60.0, 99.0]
    rows = live.sweep(months, levels)
    assert {r["min_control"] for r in rows} == {None, 45.0, 60.0}, "a level that none reaches has no row"
    fresh = LiveFrontier(live.case, live.patterns, live.least)
    known = {(r["max_delay_months"], r["min_control"]): r["cost_npv_musd"] for r in rows}
    for m in months:
        for level in levels:
            single = fresh.at(m, level)
            assert single["feasible"] == ((m, level) in known)
            if single["feasible"]:
                assert known[m, level] == pytest.approx(single["cost_npv_musd"], rel=1e-7)


def test_two_threads_on_one_pattern_answer_as_single_points_do(live: LiveFrontier) -> None:
    """A pattern alone is swept from both ends of one path."""
    one = LiveFrontier(live.case, live.patterns[-1:], live.least)
    months, levels = [one.least_delay_months + x for x in (1.0, 2.0, 5.0)], [None, 40.0, 45.0, 50.0]
    costs = {
        (row["max_delay_months"], row["min_control"]): row["cost_npv_musd"]
        for row in one.sweep(months, levels)
    }
    assert len(costs) > len(months)
    for at in product(months, levels):
        single = LiveFrontier(live.case, live.patterns[-1:], live.least, live.base).at(*at)
        assert single["feasible"] == (at in costs)
        if single["feasible"]:
            assert costs[at] == pytest.approx(single["cost_npv_musd"], rel=1e-7)


def test_the_path_of_a_sweep_is_cut_where_most_training_becomes_due(live: LiveFrontier) -> None:
    months = [live.least_delay_months + x for x in (12.0, 6.0, 4.0, 2.0, 0.0)]
    work = live.case.trainings["kref"].to_numpy(float)
    due = [work @ (1.0 - live.base.may_be_left(live.bounds(m))) for m in months]
    assert live._due(months) == pytest.approx(due)
    first = lines(months, [None, 40.0, 45.0, 50.0], live._due(months))[0]
    assert max(np.diff(due)) == due[len(first)] - due[len(first) - 1]


def test_a_stopped_sweep_keeps_whole_levels_only(live: LiveFrontier) -> None:
    months = [live.least_delay_months + x for x in (1.0, 3.0, 5.0)]
    one = LiveFrontier(live.case, live.patterns[-1:], live.least)
    polls = iter(range(10**6))
    every = one.sweep(months, [None, 40.0, 45.0, 50.0])
    rows = one.sweep(months, [None, 40.0, 45.0, 50.0], should_stop=lambda: next(polls) >= 4)
    kept = {row["min_control"] for row in rows}
    assert len(rows) == sum(row["min_control"] in kept for row in every) < len(every)
    assert not one.sweep(months, [None, 40.0], should_stop=lambda: True)


def test_what_none_reaches_is_said(live: LiveFrontier) -> None:
    assert not live.at(live.least_delay_months - 0.5)["feasible"]
    assert not live.at(live.least_delay_months + 3, 99.0)["feasible"]
    assert live.at(live.least_delay_months + 3, 50.0)["feasible"], "a failed point must not spoil the next"


def test_a_plan_costs_no_less_than_its_screening_point(run: Run, live: LiveFrontier) -> None:
    plans = run.table("points").query("plan >= 0")
    assert len(plans) == 3
    for plan in plans.itertuples():
        floor = None if np.isnan(plan.min_control) else plan.min_control
        assert live.at(plan.max_delay_months, floor)["cost_npv_musd"] <= plan.cost_npv_musd * (1 + 1e-6)
        sub = Run(run.path / POINTS / f"point-{plan.plan}")
        assert sub.kpi("cost_npv_musd") == pytest.approx(plan.cost_npv_musd, rel=1e-12)
        assert not len(sub.table("audit"))


def test_a_price_is_what_one_whole_step_costs_from_the_point(run: Run, live: LiveFrontier) -> None:
    points = run.table("points")
    priced = points[points["on_front"]]
    assert priced.loc[priced["quality"] != "screening", most("price_of_speed_musd_per_month")].notna().any()
    assert (
        points.loc[~points.index.isin(priced.index), ["price_of_control_musd_per_point"]]
        .isna()
        .all(axis=None)
    )
    for name in ("price_of_control_musd_per_point", "price_of_speed_musd_per_month"):
        width = priced[most(name)] - priced[least(name)]
        assert (width.dropna() >= -1e-9).all() and priced[name].notna().sum() > 5
        shown = priced.dropna(subset=[name])
        assert (shown[least(name)] <= shown[name]).all() and (shown[name] <= shown[most(name)]).all()
        known = width <= 0.5 * priced[name].fillna(0.0)
        assert (priced[name].notna() == known).all()
    screened = priced[priced["quality"] == "screening"]
    for row in screened.iloc[[0, len(screened) // 2]].to_dict("records"):
        for name, stricter in tighter(row).items():
            found, more = price(live, row, stricter), live.at(*stricter)["cost_npv_musd"]
            assert found.musd == pytest.approx(max(0.0, more - row["cost_npv_musd"]), abs=1e-4, nan_ok=True)
            assert row[name] == pytest.approx(found.musd, abs=1e-4) or np.isnan(row[name])


@pytest.mark.untraced
def test_a_bound_of_whole_plans_says_nothing_of_divisible_costs(run: Run, tmp_path: Path) -> None:
    """Where halls are large, what is proven of plans is far above what screening makes of the same limits."""
    shutil.copytree(run.path, tmp_path / "left")
    left = tmp_path / "left" / POINTS
    for plan in left.glob("point-*"):
        outcome = plan / "outcome.json"
        told = json.loads(outcome.read_text())
        outcome.write_text(json.dumps(told | {"bound": 1.2 * told["kpis"]["cost_npv_musd"]["value"]}))
    options = {"points": 3, "quality": "quick", "workers": 1}
    again = run_frontier(run.scenario, options, tmp_path / "again", earlier=[left])
    assert again.outcome["taken_over"] == 3
    pd.testing.assert_frame_equal(again.table("points"), run.table("points"))


def test_payoff_has_the_best_of_each_on_its_diagonal(run: Run) -> None:
    payoff = run.table("payoff").set_index("objective")
    assert payoff["cost_npv_musd"].idxmin() == "cost"
    assert payoff["delay_months"].idxmin() == "delay"
    assert payoff["control_score"].idxmax() == "control"


def test_ranges_hold_the_best_and_widen_with_cost(run: Run) -> None:
    ranges = run.table("ranges")
    slack = 1e-6 * ranges["most"].abs().clip(lower=1.0)
    assert (ranges["least"] <= ranges["best"] + slack).all() and (
        ranges["best"] <= ranges["most"] + slack
    ).all()
    wide = ranges.pivot(index="choice", columns="extra_cost_share", values="most")
    assert (wide[0.03] >= wide[0.01] - 1e-6 * wide[0.03].abs().clip(lower=1.0)).all()


def test_case_alone_gives_a_relaxation_that_says_so() -> None:
    case = build_case(with_overrides(load_scenario(example_path("two-hosts")), CHANGES))
    free = LiveFrontier(case)
    assert free.kind == "relaxation" and free.at(free.least_delay_months + 3)["feasible"]


@pytest.mark.untraced
def test_a_stop_reaches_the_plans_in_other_processes() -> None:
    """Without it, the plans under way would be made to their end and the frontier be returned."""
    with pytest.raises(NoPlan, match="stopped before the first plan"):
        frontier(load_scenario(example_path("two-hosts")), 2, "quick", workers=2, should_stop=lambda: True)


def test_delays_at_which_no_pattern_reaches_anything_have_no_point() -> None:
    """Few slow plans: their hosts and stacks may not serve at the least delay at all."""

    class Slow:
        least_delay_months = 3.0

        def at(self, months: float, control: float | None = None) -> dict[str, Any]:
            return {
                "feasible": months > 5.0,
                "control_score": 50.0,
                "max_delay_months": months,
                "min_control": control,
            }

        def most_control(self, months: float) -> float:
            return 60.0 if months > 5.0 else float("-inf")

        def sweep(self, *_: Any) -> list[dict[str, Any]]:
            return []

    found = grid(cast(Any, Slow()), None)
    assert {row["max_delay_months"] for row in found.rows} == {m for m in found.months if m > 5.0}


def test_a_front_says_how_many_plans_of_an_earlier_one_it_takes_over(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of another quality: all are made anew, which takes as long as the first time."""

    def stop(*_: Any, **__: Any) -> None:
        raise NoPlan("not made here")

    monkeypatch.setattr("planner.runs.frontier.frontier", stop)
    for quality, said in (("quick", "3 taken over"), ("plan", NONE_FITS)):
        told: list[Event] = []
        with pytest.raises(NoPlan):
            run_frontier(
                run.scenario,
                {"quality": quality},
                tmp_path / quality,
                told.append,
                earlier=[run.path / POINTS],
            )
        assert [event.message for event in told] == [said]


def test_a_stop_leaves_out_choices_that_are_not_compared_yet(live: LiveFrontier) -> None:
    told: list[tuple[int, int]] = []
    rows = near_optimal_ranges(live, None, should_stop=lambda: True, on_step=lambda *step: told.append(step))
    assert len(rows) == 1 and told == [(1, len(EXTRA_COST_SHARES) * len(choices(live)))]
