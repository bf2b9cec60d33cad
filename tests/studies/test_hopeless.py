"""Studies say at once what leaves them without any plan, before they build or search anything."""

import shlex
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from planner.case.build import build_case
from planner.cli import app
from planner.facts.errors import NoPlan
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.scenario.schema import Scenario
from planner.studies.frontier import frontier
from planner.studies.hopeless import refuse_hopeless, refuse_idle
from planner.studies.stacks import Comparison, compare_stacks
from planner.studies.survival import survival_table

IDLE = {"demand[assistant].size.points": [{"at": day, "value": 0} for day in ("2027-01-01", "2030-12-31")]}
TOO_LATE = {"hosts[champion].open_lead_months": 60, "hosts[cloud].open_lead_months": 60}
"""Nothing is live before the horizon ends."""


def two_hosts(changes: dict[str, Any]) -> Scenario:
    return with_overrides(load_scenario(example_path("two-hosts")), changes)


def test_a_study_of_a_scenario_that_asks_for_nothing_says_so() -> None:
    words = "no workload asks for anything"
    with pytest.raises(NoPlan, match=words):
        frontier(two_hosts(IDLE), 3, "quick", 1)
    with pytest.raises(NoPlan, match=words):
        compare_stacks(two_hosts(IDLE), ["champion-us-chips"])
    with pytest.raises(NoPlan, match=words):
        survival_table(two_hosts(IDLE), ["vendor"])


@pytest.mark.parametrize("command", ["frontier", "valuations", "survival", "negotiate"])
def test_a_study_without_any_plan_gives_the_reason_and_the_command_that_says_more(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    changes = [f"--set={path}={value}" for path, value in TOO_LATE.items()]
    found = CliRunner().invoke(app, [command, "two-hosts", *changes])
    assert found.exit_code == 1
    assert "no plan" in found.stderr and "assistant must be served from" in found.stderr
    assert shlex.join(["planner", "explain", "two-hosts", *changes]) in found.stderr
    assert not [*tmp_path.glob("runs/*")]


@pytest.mark.parametrize(("rows", "code"), [(["free", "us-cloud"], 0), (["free"], 1)])
def test_stacks_say_what_the_free_choice_asks_and_fail_where_no_row_has_a_plan(
    rows: list[str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def some(*given: Any, **options: Any) -> Comparison:
        table = compare_stacks(*given, **options).table
        return Comparison(table[table["stack"].isin(rows)], pd.DataFrame())

    monkeypatch.setattr("planner.studies.stacks.compare_stacks", some)
    changes = [f"--set={path}={value}" for path, value in TOO_LATE.items()]
    asked = ["stacks", "two-hosts", "--stack", "us-cloud", "--workers", "1", *changes]
    found = CliRunner().invoke(app, asked)
    assert found.exit_code == code and "assistant must be served from" in found.stdout
    assert shlex.join(["planner", "explain", "two-hosts", *changes]) in found.stderr


def test_stacks_are_compared_whatever_duty_the_scenario_cannot_keep() -> None:
    case = build_case(two_hosts(TOO_LATE))
    refuse_idle(case)
    with pytest.raises(NoPlan, match="assistant must be served from"):
        refuse_hopeless(case)


def test_limits_that_a_front_varies_do_not_end_it() -> None:
    """Control and delay that no plan has are told of the own point, not of the front."""
    out_of_reach = two_hosts({"limits.min_control": 99.9})
    with pytest.raises(NoPlan, match="control"):
        refuse_hopeless(build_case(out_of_reach))
    with pytest.raises(NoPlan, match="stop here"):
        frontier(out_of_reach, 3, "quick", 1, on_event=_stop)


def _stop(_event: Any) -> None:
    raise NoPlan("stop here")
