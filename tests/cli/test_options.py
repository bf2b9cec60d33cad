"""What protects options that several commands share: each means the same everywhere and is where it is needed."""

import json
from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from planner.cli import app
from planner.cli.explain import explain
from planner.explain.least import LAST_RESORT_S
from planner.intake.scenario_file import example_path

STAFF = "staff_usd_per_accelerator_year"
WITHOUT = {"schema", "runs"}
"""Commands that read no facts but those of a run."""
Folder = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def own(own_facts: Folder) -> Path:
    return own_facts({"parameters.csv": f"parameter,value_mid\n{STAFF},900\n"})


def options() -> dict[str, dict[str, str | None]]:
    """command -> option -> its help."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return {
        name: {o: p.help for p in c.params for o in p.opts if o.startswith("--")}
        for name, c in commands.items()
    }


def test_every_command_that_reads_facts_takes_a_folder_of_ones_own() -> None:
    known = {name for name, found in options().items() if "--catalog" in found}
    assert set(options()) - known == WITHOUT & set(options())


@pytest.mark.parametrize("option", ["--catalog", "--runs", "--json", "--set"])
def test_a_shared_option_says_the_same_everywhere(option: str) -> None:
    words = {found[option] for found in options().values() if option in found}
    assert len(words) == 1, words


def test_a_folder_changes_what_commands_read(own: Path) -> None:
    call = CliRunner().invoke
    found = call(app, ["catalog", "parameters", STAFF, "value_mid", "--catalog", str(own), "--json"])
    (cell,) = json.loads(found.output)["cells"]
    assert cell["value"] == 900 and cell["source"] == "own value"
    dear = call(app, ["size", "two-hosts", "--catalog", str(own), "--json"])
    plain = call(app, ["size", "two-hosts", "--json"])
    assert dear.exit_code == plain.exit_code == 0
    assert json.loads(dear.output)["scenario"] == json.loads(plain.output)["scenario"]
    assert call(app, ["validate", str(example_path("two-hosts")), "--catalog", str(own)]).exit_code == 0


def test_faults_of_the_folder_end_every_command(own_facts: Folder) -> None:
    bad = own_facts({"parameters.csv": "parameter,value_mid\nstaff,1\n"})
    for command in (
        ["validate", "two-hosts"],
        ["size", "two-hosts"],
        ["solve", "two-hosts"],
        ["explain", "two-hosts"],
    ):
        result = CliRunner().invoke(app, [*command, "--catalog", str(bad)])
        assert (
            result.exit_code == 2
            and f"{bad / 'parameters.csv'}:2: parameter: no row 'staff'" in result.output
        )


def test_the_search_of_the_least_change_ends_where_the_command_says() -> None:
    """The command line imports no solver before it is asked something."""
    assert signature(explain).parameters["time_limit"].default == LAST_RESORT_S
