"""A frontier of the small example for pages and journeys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from planner.intake.scenario_file import example_path, load_scenario
from planner.runs.frontier import run_frontier


@pytest.fixture(scope="session")
def small_front(made_once: Callable[..., Path]) -> Path:
    """A frontier of the small example; some of its prices are solved closer: all of them take as long as the rest."""

    def make(path: Path) -> None:
        options = {"points": 3, "quality": "quick", "workers": 1}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("planner.studies.frontier.CLOSER_PIVOTS", 10_000)
            run_frontier(load_scenario(example_path("two-hosts")), options, path)

    return made_once("front", make)
