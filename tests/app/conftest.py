"""Runs of the small example for pages and journeys: each is made once, for all workers of a session."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from planner.intake.scenario_file import example_path, load_scenario
from planner.runs.frontier import run_frontier
from planner.runs.solve import run_solve


@pytest.fixture(scope="session")
def made_once(
    tmp_path_factory: pytest.TempPathFactory, untraced: Callable[[], AbstractContextManager[None]]
) -> Callable[[str, Callable[[Path], object]], Path]:
    """made_once(name, make) -> the folder that ``make`` has filled, by this worker or another; copy, do not change."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "made-once"
    shared.mkdir(exist_ok=True)

    def made(name: str, make: Callable[[Path], object]) -> Path:
        done = shared / f"{name}.done"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                with untraced():
                    make(shared / name)
                done.touch()
        return shared / name

    return made


@pytest.fixture(scope="session")
def small_run(made_once: Callable[..., Path]) -> Path:
    """A plan of the small example."""
    scenario = load_scenario(example_path("two-hosts"))
    return made_once("small", lambda path: run_solve(scenario, {"quality": "quick"}, path))


@pytest.fixture(scope="session")
def small_front(made_once: Callable[..., Path]) -> Path:
    """A frontier of the small example; some of its prices are solved closer: all of them take as long as the rest."""

    def make(path: Path) -> None:
        options = {"points": 3, "quality": "quick", "workers": 1}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("planner.studies.frontier.CLOSER_PIVOTS", 10_000)
            run_frontier(load_scenario(example_path("two-hosts")), options, path)

    return made_once("front", make)
