"""The command line: exit codes, words for people, JSON for programs, nothing half-written."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from planner import cli
from planner.cli.files import _runs_table
from planner.cli.output import event_line
from planner.facts.catalog import load_catalog
from planner.facts.numbers import fixed
from planner.intake.scenario_file import example_path
from planner.planning.events import Event
from planner.runs.run import Run, list_runs

TOY = str(example_path("two-hosts"))
COMMANDS = ("demo", "solve", "batch", "validate", "schema", "runs", "compare", "export", "sheet")


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Runs the command line in a folder of its own: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CI", "1")
    monkeypatch.setenv("COLUMNS", "120")

    def run(*args: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["planner", *args])
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out, err = capfd.readouterr()
        code = caught.value.code
        return Result(code if isinstance(code, int) else 0 if code is None else 1, out, err)

    return run


# ---- help


def test_help_names_every_command_and_every_command_has_help_with_an_example(call: Call) -> None:
    overview = call("--help")
    assert overview.code == 0
    for name in COMMANDS:
        assert re.search(rf"\b{name}\b", overview.out)
        page = call(name, "--help")
        assert page.code == 0 and "--help" in page.out
        assert f"planner {name}" in " ".join(page.out.split())
    assert call("--version").out.startswith("planner ")
    assert call().code == 2  # no command: the help page, and the code of a wrong call


def test_wrong_calls_are_bad_input(call: Call) -> None:
    assert call("slove").code == 2
    assert "solve" in call("slove").err
    for args in (
        ("solve",),
        ("solve", TOY, "--quality", "best"),
        ("solve", TOY, "--max-delay", "soon"),
        ("batch", "x", "--workers", "0"),
    ):
        assert call(*args).code == 2


# ---- validate and schema


def test_validate_names_every_problem_of_every_file(call: Call, tmp_path: Path) -> None:
    text = Path(TOY).read_text()
    (tmp_path / "bad.yaml").write_text(text.replace("site: seoul", "site: soul").replace("title:", "titel:"))
    result = call("validate", TOY, "korea", "bad.yaml", "missing.yaml")
    assert result.code == 2
    assert "korea: in order (8 workloads, 5 sites, 6 hosts" in result.out
    assert result.err.splitlines() == [
        "bad.yaml:4:1: titel: unknown field; did you mean 'title'?",
        "bad.yaml:41:5: hosts[cloud].site: unknown site 'soul'; allowed 'haenam', 'seoul'; did you mean 'seoul'?",
        "missing.yaml:1:1: no such file",
        "3 problems",
    ]
    assert call("validate", TOY).code == 0
    (tmp_path / "hopeless.yaml").write_text(text.replace("country: KOR", "country: JPN"))
    hopeless = call("validate", "hopeless.yaml")
    assert hopeless.code == 2 and "no plan is possible: no offer may serve assistant" in hopeless.err
    found = call("validate", "bad.yaml", TOY, "--json")
    assert found.code == 2 and [f["valid"] for f in found.json] == [False, True]
    assert found.json[0]["problems"][0]["line"] == 4


def test_schema_is_json(call: Call) -> None:
    assert "demand" in call("schema").json["properties"]


# ---- solve


def test_solve_writes_a_run_and_prints_one_screen(call: Call, tmp_path: Path) -> None:
    result = call(
        "solve",
        TOY,
        "-o",
        "first",
        "--min-control",
        "40",
        "--set",
        "demand[assistant].priority=3",
        "--quality",
        "quick",
    )
    assert result.code == 0, result.err
    run = Run(tmp_path / "first")
    assert run.scenario.limits.min_control == 40 and run.scenario.demand[0].priority == 3
    assert run.manifest["options"] == {"objective": "cost", "quality": "quick"}
    for words in (
        "One workload, build or rent", "gap ", "cost, present value", "MUSD", "weighted wait", "control of what is served",
        "against published figures", "what is built and rented, by whom", "cost by account", "service by workload",
        "what limits it most", "files: first",
    ):  # fmt: skip
        assert words in result.out
    assert format(run.kpi("cost_npv_musd"), ",.0f") in result.out
    fleet = run.table("fleet")
    rented = fleet.loc[fleet["t"] == fleet["t"].max(), "rented"].sum()
    assert "audit clean" in result.out and f"{rented:,.0f}" in result.out
    lines = result.out.splitlines()
    assert max(map(len, lines)) <= 120 and len(lines) < 60
    assert "least delay" in result.err and "\x1b" not in result.err + result.out  # plain lines off a terminal
    assert sorted(p.name for p in tmp_path.iterdir()) == ["first"]

    again = call("solve", TOY, "-o", "first")
    assert again.code == 2 and "first is not empty" in again.err


@pytest.mark.untraced
def test_solve_as_json(call: Call) -> None:
    result = call("solve", TOY, "--json", "--quality", "quick")
    assert result.code == 0 and result.err == ""
    assert result.json["status"] == "optimal" and result.json["kpis"]["cost_npv_musd"]["unit"] == "MUSD"
    assert Path(result.json["run"]).parent == Path("runs") and Run(result.json["run"]).has_plan


def test_infeasible_is_one_and_says_why(call: Call, tmp_path: Path) -> None:
    result = call("solve", TOY, "-o", "run", "--min-control", "99")
    assert result.code == 1
    assert "no plan exists" in result.out and "control of at least 99 is asked" in result.out
    assert Run(tmp_path / "run").status == "infeasible"


def test_workload_that_nothing_may_serve(call: Call) -> None:
    result = call("solve", TOY, "--set", "hosts[champion]=null", "--set", "demand[assistant].data_class=secret",
                  "--set", "demand[assistant].locality=null")  # fmt: skip
    assert result.code == 1
    assert "assistant" in result.out and "SEAL" in result.out


def test_no_plan_in_time_is_four(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """The status decides: a run whose outcome says no solution was found."""
    from planner.intake.scenario_file import load_scenario
    from planner.runs.writer import start_run

    def nothing(scenario: Any, options: Any, directory: Any, **_: Any) -> Run:
        with start_run(directory, load_scenario(TOY), load_catalog(), options) as writer:
            return writer.finish({"status": "no-solution", "objective": "cost", "quality": "plan"})

    monkeypatch.setattr("planner.runs.solve.run_solve", nothing)
    result = call("solve", TOY, "-o", "run")
    assert result.code == 4 and "no plan was found in the time given" in result.out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("solve", "nowhere.yaml"), "nowhere.yaml:1:1: no such file"),
        (("solve", "."), "is a folder"),
        (("solve", TOY, "-o", "no/where"), "the folder no does not exist"),
        (("solve", TOY, "--set", "limits.min_contrl=5"), "--set:1:1: limits.min_contrl: unknown field"),
        (("solve", TOY, "--set", "limits"), "write it as path=value"),
        (("solve", TOY, "--set", "a..b=3"), "not a path"),
        (("solve", TOY, "--set", "name=[1"), "not valid YAML"),
        (("solve", TOY, "--min-control", "400"), "at most 100"),
        (("compare", "a"), "at least two runs"),
        (("compare", "a", "b"), "there is no run 'a'"),
        (("export", "latest"), "no finished run"),
        (("batch", "nothing.yaml"), "no such file"),
    ],
)
def test_bad_input_is_two_and_leaves_nothing(
    args: tuple[str, ...], words: str, call: Call, tmp_path: Path
) -> None:
    result = call(*args)
    assert result.code == 2
    assert words in result.err, result.err
    assert "Traceback" not in result.err and list(tmp_path.iterdir()) == []


def test_unwritable_folder_of_runs(call: Call, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    result = call("solve", TOY)
    assert result.code == 2 and "cannot write to runs" in result.err


# ---- internal errors, interruption, closed pipes


def test_a_fault_deep_in_the_case_is_ours_not_something_that_is_not_offered(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr("planner.case.offers.system_offers", broken)
    for command in (
        ("stacks", "two-hosts", "--workers", "1"),
        ("explain", "two-hosts"),
    ):
        result = call(*command)
        assert result.code == 3, f"{command}: {result.err}"
        assert (
            "internal error: ValueError: a bug" in result.err and "not offered" not in result.out + result.err
        )
        (report,) = Path.cwd().glob("planner-error-*.txt")
        assert "in build_case" in report.read_text()
        report.unlink()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("stacks", "two-hosts", "--stack", "chimp"), "no stack chimp in the catalog"),
        (("catalog", "sistems"), "did you mean 'systems'"),
        (("explain", "two-hosts", "--host", "nowhere"), "not in this scenario: host 'nowhere'"),
        (("new", "mine", "--country", "KNE"), "did you mean 'KEN'"),
        (("sever", "two-hosts", "--from", "2031-01-01", "--chips", "x"), "chip_origins"),
    ],
)
def test_a_bad_name_is_bad_input(call: Call, command: tuple[str, ...], words: str) -> None:
    result = call(*command)
    assert result.code == 2 and words in result.err, result.err


def test_internal_error_is_three_with_a_report_and_no_traceback(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("planner.case.build.build_case", fail)
    result = call("solve", TOY)
    assert result.code == 3
    assert "internal error: ZeroDivisionError: a bug" in result.err and "Traceback" not in result.err
    (report,) = tmp_path.glob("planner-error-*.txt")
    assert report.name in result.err
    text = report.read_text()
    assert "Traceback" in text and "a bug" in text and f"solve {TOY}" in text
    assert list_runs(tmp_path / "runs").empty and list((tmp_path / "runs").iterdir()) == []


@pytest.fixture
def broken_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """An audit that finds one rule broken in whatever plan."""
    import pandas as pd

    row = {"rule": "must-serve", "index": "chat,3", "amount": 0.5, "limit": 0.0, "message": "unserved"}
    monkeypatch.setattr("planner.audit.audit", lambda plan: pd.DataFrame([row]))


@pytest.mark.untraced
def test_a_broken_audit_is_three(call: Call, tmp_path: Path, broken_rule: None) -> None:
    result = call("solve", TOY, "-o", "run", "--quality", "quick")
    assert result.code == 3
    assert (
        "AUDIT: the audit finds 1 rule broken" in " ".join(result.out.split())
        and "do not use this plan" in result.err
    )
    assert Run(tmp_path / "run").has_plan
    said = "the audit finds 1 rule broken: do not use this plan"
    for command, code in (
        ("compare run run", 3),
        ("finance run", 3),
        ("explain run", 0),
        ("export run -o csv", 0),
    ):
        shown = call(*command.split())
        assert shown.code == code and said in shown.err, command
    noted = [
        call(*command.split(), "--json").json["audit"]
        for command in ("compare run run", "finance run", "explain run")
    ]
    assert noted == [{"run (1)": "broken", "run (2)": "broken"}, "broken", "broken"]


def test_explain_says_what_the_law_leaves_out(call: Call) -> None:
    shown = call("explain", "two-hosts", "--set", "demand[assistant].country=JPN")
    assert shown.code == 1 and "forbids compute in KOR" in " ".join(shown.out.split())
    assert "add a host in JPN" in " ".join(shown.out.split())


@pytest.mark.untraced
def test_an_audit_that_fails_is_three(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(plan: Any) -> Any:
        raise ZeroDivisionError("a bug of the audit\nand its second line")

    monkeypatch.setattr("planner.audit.audit", fail)
    result = call("solve", TOY, "--quality", "quick")
    assert result.code == 3 and "(ZeroDivisionError: a bug of the audit): do not use" in result.err
    assert "its second line" not in result.err + result.out


@pytest.mark.untraced
@pytest.mark.parametrize(
    ("example", "stage"),
    [("uae", "hosts and stacks"), pytest.param("korea", "hosts and stacks", marks=pytest.mark.slow)],
)
def test_interrupt_is_130_and_leaves_nothing(example: str, stage: str, tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "planner", "solve", example], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env={**os.environ, "CI": "1"},
    )  # fmt: skip
    assert child.stderr is not None
    for line in child.stderr:  # the solver is at work
        if stage in line:
            break
    time.sleep(0.1 if example == "uae" else 1.0)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert out == "" and "Traceback" not in err
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m planner schema | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "" and done.stdout == "{\n"


# ---- finished runs


def test_runs_compare_export(call: Call, tmp_path: Path) -> None:
    assert "no runs in runs" in call("runs").out
    assert call("solve", TOY, "--quality", "quick", "-o", "base").code == 0
    assert call("solve", TOY, "--quality", "quick", "-o", "strict", "--min-control", "45").code == 0
    listed = call("runs", "--runs", ".", "--json").json["runs"]
    assert [r["name"] for r in listed] == ["strict", "base"] and listed[0]["status"] == "optimal"
    assert listed[0]["cost_npv_musd"] > listed[1]["cost_npv_musd"]
    (tmp_path / ".gone.1073741824-abc.part").mkdir()
    assert (
        "removed" in call("runs", "--runs", ".", "--clean").out
        and not (tmp_path / ".gone.1073741824-abc.part").exists()
    )

    shown = call("compare", "base", "strict")
    assert shown.code == 0 and "limits.min_control" in shown.out
    results = shown.out.partition("results")[2]
    first = ("Cost, present value", "Levelised cost per million tokens", "Delay since demand began")
    assert [line.strip()[:19] for line in results.splitlines()[4:7]] == [words[:19] for words in first]
    assert "cost_npv_musd" not in shown.out
    rows = {row["path"]: row for row in call("compare", "base", "strict", "--json").json["inputs"]}
    assert rows["limits.min_control"]["base"] == "-" and rows["limits.min_control"]["strict"] == 45
    outcome = json.loads((tmp_path / "base" / "outcome.json").read_text())
    (tmp_path / "base" / "outcome.json").write_text(json.dumps(outcome | {"bound": 0.0}))
    strict = json.loads((tmp_path / "strict" / "outcome.json").read_text())
    strict["kpis"]["served_share"]["value"] -= 0.1
    (tmp_path / "strict" / "outcome.json").write_text(json.dumps(strict | {"bound": 0.0}))
    service, note = call("compare", "base", "strict", "--json").json["notes"]
    assert "is within what the gaps" in note
    assert service.startswith("Service differs") and "USD/Mtoken; base serves" in service
    assert "is within what the gaps" in call("compare", "base", "strict").out

    assert call("export", "base", "-o", "tables").code == 0 and (tmp_path / "tables" / "ledger.csv").is_file()
    assert (
        call("export", "base", "-f", "parquet").code == 0
        and (tmp_path / "base-parquet" / "kpis.parquet").is_file()
    )
    assert (
        call("export", "base", "-f", "mps").code == 0
        and "order(champion" in (tmp_path / "base.mps").read_text()
    )
    assert call("export", "base", "-f", "mps").code == 2


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_long_name_takes_no_figure_and_cuts_no_word(width: int) -> None:
    """An app's own name: it wraps, whole columns give way and are named, words and figures stay in one piece."""
    row = {
        "name": "chl-plan-20261130-001015-bbe0", "status": "infeasible", "audit": "clean", "objective": "cost",
        "quality": "plan", "gap": 0.0123, "cost_npv_musd": 1234.0, "delay_months": 12.34, "control_score": 66.8,
        "national_control": 55.5, "seconds": 117.0, "started": "2026-11-30T00:10:15.000+00:00",
    }  # fmt: skip
    out = Console(width=width, file=io.StringIO(), color_system=None)
    out.print(_runs_table(pd.DataFrame([row]), width))
    shown = out.file.getvalue()  # type: ignore[attr-defined]
    assert all(figure in shown for figure in ("infeasible", "1.23 %", fixed(1234.0), "12.34", "66.8")), shown
    lines = shown.splitlines()
    begins = lines.index(next(line for line in lines if "infeasible" in line))
    name = "".join(line[: line.index(" ", 1)].strip() for line in lines[begins:] if line[1:2].strip())
    assert name.startswith(str(row["name"])), shown
    assert all(len(line) <= width for line in lines)
    assert ("left out" in shown) == (width < 140) and ("2026-11-30" in shown) == (width >= 120)


def test_a_dry_run_says_what_would_be_solved_and_writes_nothing(call: Call, tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(
        "batch: 1\nscenario: two-hosts\ngrid: {limits.min_control: {from: 10, to: 30, step: 10}}\n"
    )
    said = call("batch", "sweep.yaml", "-o", "out", "--dry-run")
    assert said.code == 0 and "0 of 3 cases are answered, 3 would be solved" in said.out
    assert "min_control-20: new" in said.out
    found = json.loads(call("batch", "sweep.yaml", "-o", "out", "--dry-run", "--json").out)
    assert [row["why"] for row in found["solve"]] == ["new"] * 3 and found["kept"] == found["aside"] == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["sweep.yaml"]


def test_a_batch_says_first_that_its_versions_are_mixed_and_what_it_put_aside(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import pandas as pd

    from planner.runs import batch as batches

    table = pd.DataFrame({"case": ["a"], "status": ["optimal"], "audit": ["broken"], "reason": [""]})
    result = batches.BatchResult(tmp_path, table, ["a"], [tmp_path / "aside" / "b"], "mixed versions: 1 of 1")
    monkeypatch.setattr(batches, "batch", lambda *args, **more: result)
    said = call("batch", "sweep.yaml")
    assert said.code == 1 and said.out.splitlines()[0] == "mixed versions: 1 of 1"
    assert "a: optimal: audit broken: do not use this plan" in said.out and "put aside" in said.out
    found = json.loads(call("batch", "sweep.yaml", "--json", "--discard").out)
    assert found["mixed_versions"] == "mixed versions: 1 of 1"
    assert found["aside"] == [] and found["discarded"] == [str(tmp_path / "aside" / "b")]


def test_a_store_that_is_no_database_is_bad_input(call: Call, tmp_path: Path) -> None:
    (tmp_path / "bad.sqlite").write_text("no database " * 99)
    said = call("app", "--store", f"sqlite:///{tmp_path}/bad.sqlite")
    assert said.code == 2 and "is not a database" in said.err and "Traceback" not in said.err


@pytest.mark.untraced
def test_batch_with_a_case_without_a_plan_is_one(call: Call, tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(
        "batch: 1\nscenario: two-hosts\nquality: quick\ngrid: {limits.min_control: [99]}\n"
    )
    result = call("batch", "sweep.yaml", "-o", "out", "--workers", "1")
    assert (
        result.code == 1
        and "0 of 1 cases have a plan" in result.out
        and "control of at least 99" in result.out
    )
    (tmp_path / "sweep.yaml").write_text("batch: 1\nscenario: two-hosts\ngrid: {limits.min_contrl: [99]}\n")
    assert call("batch", "sweep.yaml", "-o", "second").code == 2 and not (tmp_path / "second").exists()


@pytest.mark.slow
def test_demo_solves_korea_and_prints_how_to_open_the_app(call: Call, tmp_path: Path) -> None:
    result = call("demo", "--quality", "quick")
    assert result.code == 0
    assert "Korea 2027-2032" in result.out and "planner app" in result.out
    (row,) = list_runs(tmp_path / "runs").to_dict("records")
    assert row["status"] in ("optimal", "feasible")


# ---- progress


def test_progress_line_says_what_is_known() -> None:
    event = Event("halls", "", 12.34, incumbent=2101.4, bound=float("-inf"), gap=0.045)
    assert event_line(event) == "  12.3 s  halls · best 2\u202f101 · gap of this step 4.50 %"
    assert event_line(Event("build", "writing")) == "   0.0 s  build · writing"
