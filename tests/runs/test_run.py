"""Run directories: whole or lost, never half; refused with a clear word where they cannot be written."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from planner.cli import app as cli
from planner.facts.catalog import load_catalog
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.planning.events import Event
from planner.plans.schema import SCHEMA
from planner.runs import compare, export, files
from planner.runs.disk import RunError
from planner.runs.files import captured_output, content_hash, plain
from planner.runs.finance import plan_tables
from planner.runs.frontier import worst
from planner.runs.run import POINTS, Run, clean_runs, find_run, list_runs
from planner.runs.solve import audited, run_solve
from planner.runs.writer import start_run
from planner.scenario.schema import Scenario

pytestmark = pytest.mark.untraced

FACTS = load_catalog()
OUTCOME = {
    "status": "optimal",
    "gap": 0.005,
    "seconds": {"total": 1.0},
    "kpis": {"cost_npv_musd": {"value": 3.0, "unit": "MUSD"}},
}


@pytest.fixture(scope="module")
def toy() -> Scenario:
    return load_scenario(example_path("two-hosts"))


@pytest.fixture(scope="module")
def solved(toy: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One real run of the smallest case."""
    events: list[Event] = []
    root = tmp_path_factory.mktemp("runs")
    run = run_solve(toy, {"quality": "plan"}, root / "toy", on_event=events.append)
    assert [e.stage for e in events] == [e["stage"] for e in run.events]
    return run


def leftovers(root: Path) -> list[str]:
    return sorted(p.name for p in root.iterdir())


# ---- a whole run


def test_a_run_holds_what_is_needed_to_repeat_it(solved: Run, toy: Scenario) -> None:
    assert leftovers(solved.path) == [
        "events.jsonl", "log.txt", "manifest.json", "outcome.json", "resolved.yaml", "scenario.yaml", "tables",
    ]  # fmt: skip
    manifest = solved.manifest
    assert manifest["versions"].keys() >= {"planner", "python", "pyomo", "highspy", "numpy", "pandas"}
    assert manifest["hash"] == content_hash(toy, {"quality": "plan"}) and manifest["seed"] == toy.solve.seed
    assert manifest["options"] == {"quality": "plan"} and manifest["machine"]["cores"] and manifest["started"]
    assert solved.scenario == toy and solved.has_plan and solved.status == "optimal"
    assert solved.resolved.limits.max_delay_months  # the bounds that were in force
    assert not len(solved.table("audit"))
    assert {"orders", "fleet", "ledger", "serving", "milestones", "prices"} <= set(solved.tables)
    assert "s  build" in (solved.path / "log.txt").read_text()


def test_kpis_and_ledger_of_the_files_agree(solved: Run) -> None:
    ledger = solved.table("ledger")
    own = ledger.loc[ledger["payer"] == "partner", "musd_discounted"].sum()
    assert own == pytest.approx(solved.kpi("cost_npv_musd"), rel=1e-9)
    outcome = json.loads((solved.path / "outcome.json").read_text())
    assert all({"value", "unit"} <= set(kpi) for kpi in outcome["kpis"].values())
    assert list(solved.kpis["kpi"]) == list(outcome["kpis"])


def test_the_plan_can_be_taken_up_again(solved: Run) -> None:
    plan = solved.plan()
    assert plan.kpi("cost_npv_musd") == solved.kpi("cost_npv_musd")
    assert plan.case.scenario == solved.scenario and set(plan.tables) == set(solved.tables)


@pytest.mark.untraced
def test_same_inputs_same_numbers(solved: Run, toy: Scenario, tmp_path: Path) -> None:
    again = run_solve(toy, {"quality": "plan"}, tmp_path / "again")
    assert again.manifest["hash"] == solved.manifest["hash"]
    assert again.outcome["kpis"] == solved.outcome["kpis"]
    for name in solved.tables:
        pd.testing.assert_frame_equal(again.table(name), solved.table(name))


def test_hash_changes_with_what_decides_the_numbers_only(toy: Scenario) -> None:
    base = content_hash(toy, {"quality": "plan"})
    assert content_hash(toy, {"quality": "plan", "objective": None}) == base
    words = {"title": "Another", "hosts[cloud].note": "checked", "hosts[cloud].source": "a letter"}
    assert content_hash(with_overrides(toy, words), {"quality": "plan"}) == base
    assert content_hash(toy, {"quality": "quick"}) != base
    assert content_hash(with_overrides(toy, {"solve.seed": 2}), {"quality": "plan"}) != base
    assert (
        content_hash(with_overrides(toy, {"hosts[cloud].team_musd_per_year": 1}), {"quality": "plan"}) != base
    )


def test_infeasible_case_is_a_whole_run_with_reasons(toy: Scenario, tmp_path: Path) -> None:
    scenario = with_overrides(toy, {"demand[assistant].data_class": "secret", "demand[assistant].locality": None,
                                    "hosts[champion]": None})  # fmt: skip
    run = run_solve(scenario, {}, tmp_path / "run")
    assert run.status == "infeasible" and not run.has_plan and not len(run.kpis)
    assert any("assistant" in str(t) for t in run.outcome["troubles"])


# ---- never half


def test_unfinished_run_leaves_nothing(toy: Scenario, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), start_run(tmp_path / "run", toy, FACTS, {}) as writer:
        writer.event(Event("build", "x"))
        assert list_runs(tmp_path)["status"].tolist() == ["running"]
        raise KeyboardInterrupt
    assert leftovers(tmp_path) == []


CHILD = """
import sys, time
from planner.facts.catalog import load_catalog
from planner.planning.events import Event
from planner.runs.writer import start_run
from planner.intake.scenario_file import example_path, load_scenario
writer = start_run(sys.argv[1], load_scenario(example_path("two-hosts")), load_catalog(), {})
writer.event(Event("halls", "half way"))
print("ready", flush=True)
time.sleep(60)
"""


def test_killed_run_is_lost_and_can_be_cleaned_away(toy: Scenario, tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    assert list_runs(tmp_path)[["name", "status"]].values.tolist() == [["run", "running"]]
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "run").exists()
    assert list_runs(tmp_path)[["name", "status"]].values.tolist() == [["run", "lost"]]
    with start_run(tmp_path / "run", toy, FACTS, {}) as writer:  # the name is free
        writer.finish(OUTCOME)
    assert clean_runs(tmp_path) == ["run"] and leftovers(tmp_path) == ["run"]


def test_a_new_process_with_the_old_number_does_not_revive_a_run(toy: Scenario, tmp_path: Path) -> None:
    writer = start_run(tmp_path / "run", toy, FACTS, {})
    lock = json.loads((writer.path / "lock.json").read_text())
    files.write_json(writer.path / "lock.json", lock | {"start": lock["start"] - 1})
    assert list_runs(tmp_path)["status"].tolist() == ["lost"]
    writer.abandon()


def stopped(root: Path, number: int, plans: int, began: str) -> Path:
    """What a frontier ``front`` whose process is gone left of so many plans."""
    left = root / f".front.{number}-abc123.part"
    for n in range(plans):
        (left / "points" / f"point-{n}").mkdir(parents=True)
        (left / "points" / f"point-{n}" / "outcome.json").write_text("{}")
    files.write_json(left / "manifest.json", {"kind": "frontier", "started": began})
    files.write_json(left / "lock.json", files.lock_content() | {"name": "front", "start": 1.0})
    return left


def test_what_was_stopped_twice_is_listed_once_with_the_last_command(solved: Run, tmp_path: Path) -> None:
    (tmp_path / "toy").symlink_to(solved.path)
    stopped(tmp_path, 101, 3, "2027-01-01T00:00:00")
    last = stopped(tmp_path, 102, 5, "2027-01-02T00:00:00")
    rows = list_runs(tmp_path).set_index("name")
    assert sorted(rows.index) == ["front", "toy"]
    assert str(last) in rows.loc["front", "resume"] and rows.loc["front", "plans_left"] == 5
    told = CliRunner().invoke(cli, ["runs", "--runs", str(tmp_path)]).output
    assert "can be resumed, with 5 plans made" in told
    listed = json.loads(CliRunner().invoke(cli, ["runs", "--json", "--runs", str(tmp_path)]).output)["runs"]
    assert {row["name"]: repr(row["plans_left"]) for row in listed} == {"front": "5", "toy": "None"}
    at_work = stopped(tmp_path, 103, 5, "2027-01-03T00:00:00")
    files.write_json(at_work / "lock.json", files.lock_content() | {"name": "front"})
    rows = list_runs(tmp_path).set_index("name")
    assert rows["status"].to_dict() == {"front": "running", "toy": "optimal"}


@pytest.mark.parametrize("command", ["reprice", "report", "finance", "export", "explain", "sever", "solve"])
def test_a_stopped_run_is_told_of_by_its_folder_too(command: str, tmp_path: Path) -> None:
    stopped(tmp_path, 101, 3, "2027-01-01T00:00:00")
    more = ["--from", "2028-01-01", "--operator", "us"] if command == "sever" else []
    found = CliRunner().invoke(cli, [command, str(tmp_path / "front"), *more])
    assert found.exit_code == 2
    assert "front was stopped and can be resumed, with 3 plans made: planner frontier" in found.stderr


def test_a_frontier_has_the_figures_of_its_plan_at_the_scenarios_own_limits_or_none(
    solved: Run, tmp_path: Path
) -> None:
    fronts = []
    for name, kpis in (("own", OUTCOME["kpis"]), ("other", {})):
        with start_run(tmp_path / name, solved.scenario, FACTS, {}, kind="frontier") as writer:
            gap = {"gap": OUTCOME["gap"] if kpis else None, "worst_gap": 0.02}
            fronts.append(writer.finish({**OUTCOME, **gap, "kpis": kpis}))
    whose, none = compare.compare_runs([*fronts, solved]).notes
    assert whose.endswith("its results are those of its plan at the scenario's own limits")
    assert none.startswith("other is a trade-off without a plan at the scenario's own limits")
    assert list_runs(tmp_path).set_index("name")["cost_npv_musd"].to_dict() == {
        "own": 3.0, "other": pytest.approx(np.nan, nan_ok=True),
    }  # fmt: skip
    gaps = list_runs(tmp_path).set_index("name")["gap"]
    assert gaps["own"] == OUTCOME["gap"] and np.isnan(gaps["other"])


def test_a_run_that_only_begins_is_not_taken_for_a_lost_one(tmp_path: Path) -> None:
    """Between making its folder and writing its lock, and between its lock and its manifest."""
    begun = tmp_path / f".run.{os.getpid()}-abc123.part"
    begun.mkdir()
    assert list_runs(tmp_path)["status"].tolist() == ["running"] and clean_runs(tmp_path) == []
    files.write_json(begun / "lock.json", files.lock_content() | {"name": "run"})
    assert list_runs(tmp_path)["status"].tolist() == ["running"] and clean_runs(tmp_path) == []
    (tmp_path / f".run.{2**30}-abc123.part").mkdir()
    assert clean_runs(tmp_path) == [f".run.{2**30}-abc123.part"] and begun.is_dir()


def test_places_that_are_refused_before_solving(toy: Scenario, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "thing").write_text("x")
    for place, words in (
        (tmp_path / "file", "is a file"),
        (tmp_path / "used", "is not empty"),
        (tmp_path / "nowhere" / "run", "does not exist"),
        (tmp_path / "file" / "run", "does not exist"),
        (tmp_path / "..", "cannot be the place"),
        (tmp_path / ".hidden", "cannot be the place"),
        ("", "cannot be the place"),
        ("a\0b", "cannot be the place"),
    ):
        with pytest.raises(RunError, match=words):
            start_run(place, toy, FACTS, {})
    assert leftovers(tmp_path) == ["file", "used"]
    (tmp_path / "empty").mkdir()
    with start_run(tmp_path / "empty", toy, FACTS, {}) as writer:
        assert writer.finish(OUTCOME).path == tmp_path / "empty"


def test_a_result_is_never_thrown_away_for_a_taken_name(toy: Scenario, tmp_path: Path) -> None:
    with start_run(tmp_path / "run", toy, FACTS, {}) as writer:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "mine").write_text("came in between")
        assert writer.finish(OUTCOME).path == tmp_path / "run-2"
    assert (tmp_path / "run" / "mine").exists()


def test_names_by_time_do_not_collide(toy: Scenario, tmp_path: Path) -> None:
    made = []
    for _ in range(3):
        with start_run(None, toy, FACTS, {}, root=tmp_path / "runs") as writer:
            made.append(writer.finish(OUTCOME).name)
    assert len(set(made)) == 3 and all(name.startswith("two-hosts-") for name in made)


def test_table_with_a_mixed_column_is_named(toy: Scenario, tmp_path: Path) -> None:
    with start_run(tmp_path / "run", toy, FACTS, {}) as writer:
        with pytest.raises(RunError, match="'orders'"):
            writer.table("orders", pd.DataFrame({"x": [1, "a", {}]}, dtype=object))
        with pytest.raises(RunError, match="name of a table"):
            writer.table("../x", pd.DataFrame())


# ---- reading


def test_reading_what_is_no_run(tmp_path: Path, solved: Run) -> None:
    with pytest.raises(RunError, match="there is no run"):
        Run(tmp_path / "nothing")
    with pytest.raises(RunError, match="not a run"):
        Run(tmp_path)
    with pytest.raises(RunError, match="did you mean 'orders'"):
        solved.table("order")
    with pytest.raises(RunError, match="no table"):
        solved.table("../manifest")
    with pytest.raises(RunError, match="did you mean 'cost_npv_musd'"):
        solved.kpi("cost_npv")


def test_a_plan_whose_tables_lack_columns_of_today_is_refused_with_them(
    toy: Scenario, tmp_path: Path
) -> None:
    with start_run(tmp_path / "run", toy, FACTS, {}) as writer:
        writer.table("fleet", pd.DataFrame({name: [1.0] for name in SCHEMA["fleet"] if name != "emptied"}))
        run = writer.finish(OUTCOME)
    with pytest.raises(
        RunError, match=r"another version of the planner, its tables lack fleet\.emptied: solve .* again"
    ):
        run.plan()


def test_damaged_runs_are_listed_and_do_not_stop_the_list(toy: Scenario, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        with start_run(tmp_path / name, toy, FACTS, {}) as writer:
            writer.finish(OUTCOME)
    (tmp_path / "a" / "outcome.json").write_text("{")
    (tmp_path / "b" / "outcome.json").unlink()
    (tmp_path / "not-a-run").mkdir()
    (tmp_path / "d" / "tables").mkdir(parents=True)
    table = list_runs(tmp_path).set_index("name")["status"]
    assert table.to_dict() == {"a": "damaged", "b": "damaged", "c": "optimal", "d": "damaged"}
    assert find_run("latest", tmp_path).name == "c" and find_run("c", tmp_path).name == "c"
    with pytest.raises(RunError):
        find_run("../" + tmp_path.name + "/c", tmp_path / "a")
    assert list_runs(tmp_path / "nowhere").empty


@pytest.mark.parametrize(
    "wrong",
    [{"status": 3}, {"kpis": []}, {"kpis": {"a": 1}}, {"kpis": {"a": {"value": "x"}}}, {"troubles": "none"},
     {"seconds": {"total": "long"}}, {"gap": "small"}, {"audit": "clean"}, {"bounds": 3}],
)  # fmt: skip
def test_an_outcome_of_the_wrong_kind_is_damaged_and_says_which_part(
    wrong: dict[str, Any], toy: Scenario, tmp_path: Path
) -> None:
    with start_run(tmp_path / "run", toy, FACTS, {}) as writer:
        run = writer.finish(OUTCOME)
    files.write_json(run.path / "outcome.json", OUTCOME | wrong)
    with pytest.raises(RunError, match=f"damaged: '{next(iter(wrong))}' is not of its kind"):
        assert Run(run.path).outcome
    assert list_runs(tmp_path)["status"].tolist() == ["damaged"]


@pytest.mark.parametrize(
    "wrong", [{"options": 3}, {"hash": 3}, {"checksums": [3]}, {"checksums": {"orders": 3}}]
)
def test_a_manifest_of_the_wrong_kind_is_damaged_and_says_which_part(
    wrong: dict[str, Any], toy: Scenario, tmp_path: Path
) -> None:
    with start_run(tmp_path / "run", toy, FACTS, {}) as writer:
        run = writer.finish(OUTCOME)
    files.write_json(run.path / "manifest.json", run.manifest | wrong)
    with pytest.raises(RunError, match=f"damaged: '{next(iter(wrong))}' is not of its kind"):
        Run(run.path)
    assert list_runs(tmp_path)["status"].tolist() == ["damaged"]


def test_a_table_that_is_not_what_was_written_is_not_read(toy: Scenario, tmp_path: Path) -> None:
    with start_run(tmp_path / "run", toy, FACTS, {}) as writer:
        writer.table("orders", pd.DataFrame({"x": [1.0, 2.0]}))
        run = writer.finish(OUTCOME)
    run.verify()
    assert run.table("orders")["x"].tolist() == [1.0, 2.0]
    pd.DataFrame({"x": [1.0, 3.0]}).to_parquet(run.path / "tables" / "orders.parquet")
    for ask in (lambda: run.table("orders"), run.verify):
        with pytest.raises(RunError, match=r"'orders' of run run is damaged.*checksum"):
            ask()
    (run.path / "tables" / "orders.parquet").unlink()
    assert run.tables == ["orders"]
    with pytest.raises(RunError, match="cannot be read: No such file"):
        run.verify()


def test_an_audit_that_fails_or_finds_something_is_a_state_of_the_run(
    toy: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(plan: Any) -> Any:
        raise ArithmeticError("unheard of")

    broken = pd.DataFrame({"rule": ["power"], "where": ["x"], "amount": [1.0]})
    for name, check, state in (("a", fail, "failed"), ("b", lambda plan: broken, "broken")):
        monkeypatch.setattr("planner.audit.audit", check)
        with start_run(tmp_path / name, toy, FACTS, {}) as writer:
            facts = audited(writer, None)
            run = writer.finish(OUTCOME, facts)
        assert run.audit == state == list_runs(tmp_path).set_index("name").loc[name, "audit"]
    assert Run(tmp_path / "a").outcome["audit"]["reason"] == "ArithmeticError: unheard of"
    assert Run(tmp_path / "b").outcome["audit"]["rules_broken"] == 1


def test_a_run_is_readable_by_its_owner_only(toy: Scenario, tmp_path: Path) -> None:
    with start_run(None, toy, FACTS, {}, root=tmp_path / "runs") as writer:
        writer.table("orders", pd.DataFrame({"x": [1.0]}))
        run = writer.finish(OUTCOME)
    assert {stat.S_IMODE(p.stat().st_mode) for p in [run.path.parent, run.path, run.path / "tables"]} == {
        0o700
    }
    assert {stat.S_IMODE(p.stat().st_mode) for p in run.path.rglob("*") if p.is_file()} == {0o600}


def test_event_line_cut_off_by_a_crash_is_passed_over(toy: Scenario, tmp_path: Path) -> None:
    with start_run(tmp_path / "run", toy, FACTS, {}) as writer:
        writer.event(Event("a", gap=float("nan"), bound=np.float64(3)))
        with (writer.path / "events.jsonl").open("a") as stream:
            stream.write('{"stage": "b", "ga')
        run = writer.finish(OUTCOME)
    assert [(e["stage"], e["gap"], e["bound"]) for e in run.events] == [("a", None, 3.0)]


def test_output_of_compiled_code_goes_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    with captured_output(log):
        os.write(1, b"from the descriptor\n")
        subprocess.run(["echo", "from a child"], check=True)
    assert log.read_text().splitlines() == ["from the descriptor", "from a child"]


def test_values_become_plain_json() -> None:
    values = {"a": np.int64(3), "b": np.bool_(True), "c": float("inf"), "d": pd.Timestamp("2027-01-01"), "e": pd.NaT,
              "f": np.array([1.5, np.nan]), "g": {2, 1}}  # fmt: skip
    assert plain(values) == {
        "a": 3, "b": True, "c": None, "d": "2027-01-01T00:00:00", "e": None, "f": [1.5, None], "g": [1, 2],
    }  # fmt: skip


# ---- compare and export


def test_compare_shows_inputs_and_results_that_differ(solved: Run, toy: Scenario, tmp_path: Path) -> None:
    dearer = with_overrides(
        toy, {"systems[hgx-b300].rent_usd_per_accelerator_hour": 9.0, "limits.max_delay_months": 6}
    )
    other = run_solve(dearer, {"quality": "quick"}, tmp_path / "dear")
    comparison = compare.compare_runs([solved, other])
    rows = comparison.inputs.set_index("path")
    assert rows.loc["systems[hgx-b300].rent_usd_per_accelerator_hour"].tolist() == ["-", 9.0]
    assert rows.loc["options.quality"].tolist() == ["plan", "quick"] and "name" not in rows.index
    cost = comparison.results.set_index("kpi").loc["cost_npv_musd"]
    assert cost["delta dear"] == pytest.approx(cost["dear"] - cost["toy"])
    assert not len(compare.compare_runs([solved, solved]).inputs)


def test_tables_are_exported_all_or_not_at_all(
    solved: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export.export_tables(solved, tmp_path / "csv", "csv")
    assert {p.stem for p in (tmp_path / "csv").iterdir()} == {*solved.tables, "kpis"}
    read = pd.read_csv(tmp_path / "csv" / "ledger.csv")
    assert read["musd_discounted"].sum() == pytest.approx(
        solved.table("ledger")["musd_discounted"].sum(), rel=1e-12
    )
    with pytest.raises(RunError, match="not empty"):
        export.export_tables(solved, tmp_path / "csv", "csv")

    def full(*args: Any, **kwargs: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(RunError, match="no space"):
        export.export_tables(solved, tmp_path / "second", "csv")
    assert leftovers(tmp_path) == ["csv"]


@pytest.mark.parametrize("form", ["mps", "lp"])
def test_exported_model_has_names_and_can_be_read(form: Any, solved: Run, tmp_path: Path) -> None:
    import highspy

    path = tmp_path / f"model.{form}"
    export.export_model(solved, path, form)
    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    model.setOptionValue("mip_rel_gap", 1e-4)
    assert model.readModel(str(path)) == highspy.HighsStatus.kOk
    assert any("champion" in name for name in model.getLp().col_names_)
    model.run()
    # the undivided programme can only be cheaper than the plan, and not by more than its gap
    cost = solved.kpi("cost_npv_musd")
    assert (
        cost * (1 - solved.outcome["gap"] - 1e-3)
        <= model.getInfo().objective_function_value
        <= cost * (1 + 1e-6)
    )
    with pytest.raises(RunError, match="exists already"):
        export.export_model(solved, path, form)


def test_the_audit_of_a_frontier_is_that_of_its_worst_plan() -> None:
    clean, broken = {"state": "clean"}, {"state": "broken", "rules_broken": 1}
    assert worst([clean, broken, clean]) == broken and worst([clean, clean]) == clean


def test_reading_a_table_leaves_no_thread_behind(tmp_path: Path) -> None:
    """A thread that holds Python's bytes when the interpreter ends aborts the process after its work was done."""
    pd.DataFrame({"n": range(10)}).to_parquet(tmp_path / "t.parquet")
    code = """
import sys, pathlib, psutil, pandas, pyarrow.parquet
from planner.runs.files import frame_of
before = psutil.Process().num_threads()
assert len(frame_of(pathlib.Path(sys.argv[1]).read_bytes())) == 10
assert psutil.Process().num_threads() == before
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "t.parquet")], check=True)


def test_a_run_without_a_plan_says_for_what_it_lacks_one(toy: Scenario, solved: Run, tmp_path: Path) -> None:
    solved.needs_plan("report")
    with start_run(tmp_path / "loss", toy, FACTS, {}, kind="loss") as writer:
        run = writer.finish(OUTCOME)
    for command, read in (("finance", plan_tables), ("report", lambda run: run.needs_plan("report"))):
        with pytest.raises(RunError, match=rf"run loss \(loss, optimal\) holds no plan to {command}$"):
            read(run)


@pytest.mark.parametrize("command", ["explain", "report", "finance", "reprice", "sever"])
def test_of_a_frontier_each_command_says_which_plans_are_there_and_how_to_ask_for_one(
    command: str, toy: Scenario, tmp_path: Path
) -> None:
    with start_run(tmp_path / "front", toy, FACTS, {}, kind="frontier") as writer:
        for n in (0, 2, 10):
            (writer.path / POINTS / f"point-{n}").mkdir(parents=True)
            (writer.path / POINTS / f"point-{n}" / "outcome.json").write_text("{}")
        front = writer.finish(OUTCOME).path
    more = ["--from", "2028-01-01", "--operator", "us"] if command == "sever" else []
    found = CliRunner().invoke(cli, [command, str(front), *more])
    assert found.exit_code == 2
    assert (
        f"holds no plan to {command}; its plans in {front / POINTS} are point-0, point-2, point-10"
        in found.stderr
    )
    assert found.stderr.endswith(f"is: planner {command} {front / POINTS / 'point-0'}\n")


def test_a_run_on_periods_that_its_scenario_has_no_more_is_to_be_solved_again(
    toy: Scenario, tmp_path: Path
) -> None:
    """Years after four quarters from July: once twelve months each, and six before the first of whole calendar years."""
    steps = [{"step": "quarter", "years": 1}, {"step": "year"}]
    changes = {"horizon.start": "2026-07-01", "horizon.years": 5, "horizon.step": steps}
    scenario = with_overrides(toy, changes)
    for name, months in (("before", [12.0] * 4), ("today", [6.0, *[12.0] * 3, 6.0])):
        with start_run(tmp_path / name, scenario, FACTS, {}) as writer:
            table = pd.DataFrame({"t": range(4 + len(months)), "months": [3.0] * 4 + months})
            writer.table("demand", table)
            writer.finish(OUTCOME)
    before, today = (find_run(name, tmp_path) for name in ("before", "today"))
    assert len(today.table("demand")) == 9 and compare.compare_runs([today, today]).runs
    readers: tuple[Callable[[], object], ...] = (
        lambda: before.table("demand"), before.plan, lambda: compare.compare_runs([today, before])
    )  # fmt: skip
    for read in readers:
        with pytest.raises(RunError, match=r"run before .* other periods .* solve .*scenario\.yaml again$"):
            read()
    assert list_runs(tmp_path)["status"].tolist() == ["optimal", "optimal"], "its figures are still listed"
    (tmp_path / "front" / "points").mkdir(parents=True)
    files.write_json(tmp_path / "front" / "manifest.json", {"kind": "frontier"})
    before.path.rename(tmp_path / "front" / "points" / "point-0")
    with pytest.raises(RunError, match="run front was made by an earlier version"):
        Run(tmp_path / "front").check_periods()
