"""Cases of a batch share their tables and their model where only policy bounds differ, and nothing else changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from planner.facts.catalog import load_catalog
from planner.runs.neighbours import Neighbours
from planner.runs.solve import run_solve
from planner.solver import engine as engines


@pytest.mark.untraced
def test_tables_and_model_are_made_once_for_cases_that_differ_in_bounds(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    build = vars(engines)["build_model"]

    def noted(case: Any) -> Any:
        made.append(case.scenario.name)
        return build(case)

    monkeypatch.setattr(engines, "build_model", noted)
    shared = Neighbours()
    for number, floor in enumerate((20.0, 40.0)):
        scenario = tiny(name=f"case-{number}", limits={"min_control": floor})
        run = run_solve(scenario, {"quality": "quick"}, tmp_path / f"shared-{number}", neighbours=shared)
        assert run.manifest["scenario"] == f"case-{number}" and not len(run.table("audit"))
    assert made == ["case-0"]
    alone = run_solve(scenario, {"quality": "quick"}, tmp_path / "alone")
    for name in alone.tables:
        pd.testing.assert_frame_equal(alone.table(name), run.table(name))
    shared.case(tiny(name="other", horizon={"years": 2}), load_catalog())
    assert made == ["case-0", "case-1", "other"], "another horizon is another model"


def test_an_infeasible_neighbour_says_so_and_the_next_is_solved(tiny: Any, tmp_path: Path) -> None:
    shared, catalog = Neighbours(), load_catalog()
    floors = {"impossible": 99.0, "possible": 10.0}
    runs = {
        name: run_solve(tiny(limits={"min_control": floor}), {"quality": "quick"}, tmp_path / name, neighbours=shared,
                        catalog=catalog)
        for name, floor in floors.items()
    }  # fmt: skip
    assert {name: run.status for name, run in runs.items()} == {
        "impossible": "infeasible",
        "possible": "optimal",
    }
    assert runs["impossible"].outcome["troubles"][0]["change"]
