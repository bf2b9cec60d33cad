"""The tour of the README: every line is a command as it is today, and a slow test carries all of them out."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path

import click
import pytest
import typer

from planner.cli import app
from planner.intake.scenario_file import load_scenario
from planner.runs.disk import RunError
from planner.runs.run import find_run
from planner.runs.writer import start_run

FLOOR = 67.0
"""The floor on control of the tour's second plan."""


def tour(root: Path) -> list[list[str]]:
    """Words after ``planner`` of every line of the tour, without remarks."""
    block = re.search(r"## The tour\n.*?```\n(.*?)```", (root / "README.md").read_text("utf-8"), re.DOTALL)
    lines = [shlex.split(line, comments=True) for line in block.group(1).splitlines()]
    assert all(words[0] == "planner" for words in lines)
    return [words[1:] for words in lines]


def test_every_line_of_the_tour_is_a_command_with_options_it_has(root: Path) -> None:
    command = typer.main.get_command(app)
    assert isinstance(command, click.Group) or hasattr(command, "resolve_command")
    lines = tour(root)
    assert len(lines) > 10 and lines[-1] == ["app"]
    for words in lines:
        with command.make_context("planner", list(words)) as context:
            name, own, rest = command.resolve_command(context, list(words))
            own.make_context(name, rest, parent=context)


def test_runs_of_the_tour_are_made_where_the_app_looks_and_before_they_are_read(root: Path) -> None:
    made = set()
    for words in tour(root):
        if words[0] in ("solve", "frontier"):
            folder = Path(words[words.index("-o") + 1])
            assert folder.parent == Path("runs")
            made.add(folder.name)
        elif words[0] == "explain":  # reads a file or a folder, and no name of a run
            assert Path(words[1]).parent == Path("runs") and Path(words[1]).name in made
        elif words[0] in ("compare", "finance", "report"):
            assert {w for w in words[1:] if w.startswith("mine-")} <= made


@pytest.mark.slow
def test_the_tour_runs_to_its_end_and_control_costs_something(root: Path, tmp_path: Path) -> None:
    """Each line in a process of its own, in one folder, and the page of the app."""
    planner = [sys.executable, "-m", "planner"]
    for words in tour(root)[:-1]:
        done = subprocess.run(planner + words, cwd=tmp_path, capture_output=True, text=True, timeout=1800)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    found = [_figures(tmp_path / "runs" / name) for name in ("mine-base", "mine-67")]
    (base, control), (floored, kept) = found
    assert control < FLOOR <= kept + 1e-6 and floored > base * 1.01, (
        "control costs nothing here: another country"
    )
    with subprocess.Popen(
        [*planner, "app", "--port", "0"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as served:
        try:
            address = next(m.group() for line in served.stdout if (m := re.search(r"http://\S+", line)))
            with urllib.request.urlopen(address) as page:
                assert page.status == 200
        finally:
            served.terminate()


def _figures(run: Path) -> tuple[float, float]:
    """Cost and control of a run."""
    kpis = find_run(run).outcome["kpis"]
    return float(kpis["cost_npv_musd"]["value"]), float(kpis["control_score"]["value"])


def test_the_folder_of_runs_is_made_for_the_first_of_them(tmp_path: Path, root: Path) -> None:
    scenario = load_scenario(root / "data/scenarios/two-hosts.yaml")
    runs = tmp_path / "runs"
    start_run(runs / "first", scenario, scenario.catalog, {}, runs)
    assert runs.is_dir()
    with pytest.raises(RunError, match="make it first"):
        start_run(tmp_path / "elsewhere" / "first", scenario, scenario.catalog, {}, runs)
