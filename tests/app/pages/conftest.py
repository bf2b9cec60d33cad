"""Two runs of the small example and its frontier, in an application without a browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import dash
import pytest

from planner.app import create_app
from planner.app.services import Services, Settings
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.runs.solve import run_solve

EVENTS = [{"id": "price", "what": "price", "size": 0.2}, {"id": "grid-late", "what": "grid-late", "size": 6}]


@pytest.fixture(scope="session")
def national_run(made_once: Callable[..., Path]) -> Path:
    """A plan of the small example with more control, and downside cases asked for."""
    changes = {"limits.min_control": 50, "finance.downsides": EVENTS}
    scenario = with_overrides(load_scenario(example_path("two-hosts")), changes)
    return made_once("national", lambda path: run_solve(scenario, {"quality": "quick"}, path))


@pytest.fixture(scope="module")
def app(
    tmp_path_factory: pytest.TempPathFactory, small_run: Path, small_front: Path, national_run: Path
) -> dash.Dash:
    root = tmp_path_factory.mktemp("pages")
    shutil.copytree(small_run, root / "cheap")
    shutil.copytree(small_front, root / "front")
    shutil.copytree(national_run, root / "national")
    return create_app(Settings(runs_root=root))


@pytest.fixture(scope="module")
def services(app: dash.Dash) -> Services:
    found: Services = app.server.extensions["planner"]
    return found


@pytest.fixture(autouse=True)
def inside(app: dash.Dash) -> Iterator[None]:
    """Pages make links and read the reader's colours: they are drawn inside a request."""
    with app.server.test_request_context("/"):
        yield
