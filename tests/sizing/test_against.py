"""The rough figure beside a plan: equal where nothing differs, and every difference a named term that adds up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from planner.case.build import build_case
from planner.cli import app
from planner.facts.catalog import Catalog
from planner.intake.scenario_file import example_path, examples, load_scenario
from planner.planning.pipeline import solve
from planner.plans.plan import Plan
from planner.scenario.schema import Scenario
from planner.sizing.against import SAME, Against, against

Make = Callable[..., Scenario]
Facts = Callable[..., Catalog]
QUICK = {"quality": "quick", "slices": 2}


def planned(scenario: Scenario, catalog: Catalog | None = None) -> Plan:
    outcome = solve(build_case(scenario, catalog))
    assert outcome.plan is not None, outcome.status
    return outcome.plan


def value(table: pd.DataFrame, term: str) -> float:
    return float(table.set_index("term")["value"][term])


def adds_up(beside: Against) -> None:
    """Each figure is the one before it and the differences between them."""
    for table in (beside.accelerators, beside.facility_mw):
        total = 0.0
        for row in table.itertuples():
            if row.kind == "figure":
                assert total == pytest.approx(row.value, abs=1e-6) or row.Index == 0, row.term
                total = row.value
            else:
                total += row.value


def test_where_nothing_differs_both_are_the_same(tiny: Make, plain_catalog: Facts) -> None:
    """800 of the reference, bought as asked for, in whole servers, available always, at the owner's full output."""
    plan = planned(tiny(solve=QUICK), plain_catalog())
    beside = against(plan.case, plan.tables)
    adds_up(beside)
    assert value(beside.accelerators, "the rough figure") == pytest.approx(800)
    assert value(beside.accelerators, SAME) == pytest.approx(800)
    assert value(beside.accelerators, "the plan") == pytest.approx(800) and beside.gap == pytest.approx(0)
    plan_mw, rough_mw = (value(beside.facility_mw, x) for x in ("the plan", "the rough figure"))
    assert plan_mw == pytest.approx(rough_mw, rel=1e-6) == pytest.approx(1.6 * 1.2)


def test_every_term_is_the_one_that_was_made(tiny: Make, plain_catalog: Facts) -> None:
    """An owner at half output doubles what is held, a fleet of before stands beyond the need, 804 take 101 servers."""
    fleet = {"id": "old", "host": "champion", "stack": "champion-us-chips", "system": "hgx-b300",
             "accelerators": 400, "since": "2026-01-01", "retire": "2031-01-01"}  # fmt: skip
    hall = {"id": "hall", "host": "champion", "it_mw": 4, "grid_mw": 8, "backup_mw": 8,
            "cooling": {"air-chilled-water": 8}}  # fmt: skip
    point = {"at": "2027-01-01", "value": 100}
    plan = planned(
        tiny(solve=QUICK, demand={"size": {"by": "accelerators", "points": [point]}},
             existing={"fleets": [fleet], "halls": [hall]}), plain_catalog(),
    )  # fmt: skip
    beside = against(plan.case, plan.tables)
    adds_up(beside)
    assert value(beside.accelerators, SAME) == pytest.approx(100)
    assert value(beside.accelerators, "whole servers and racks") == pytest.approx(8)
    assert value(beside.accelerators, "existing fleet beyond the need") == pytest.approx(292)
    assert value(beside.accelerators, "the plan") == pytest.approx(400)


def test_the_commands_show_the_terms(small_run: Path) -> None:
    runner = CliRunner()
    for arguments in (["size", "two-hosts", "--against", str(small_run)], ["size", str(small_run)]):
        shown = runner.invoke(app, arguments)
        assert shown.exit_code == 0 and "From the rough figure to the plan" in shown.output, shown.output
    why = runner.invoke(app, ["explain", str(small_run)])
    assert why.exit_code == 0 and "From there to the plan in" in why.output.replace("\n", " ")
    none = runner.invoke(app, ["size", "two-hosts", "--against", str(small_run / "tables")])
    assert none.exit_code != 0


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in examples() if not n.endswith("-agreements")])
def test_the_examples_agree_on_the_same_chips_and_dates_or_say_why(name: str) -> None:
    """Within 15 %, or else what lies between is reserve, quiet hours, whole servers, what existed, other periods."""
    scenario = load_scenario(example_path(name))
    quick = scenario.solve.model_copy(update={"quality": "quick"})
    plan = planned(scenario.model_copy(update={"solve": quick}))
    beside = against(plan.case, plan.tables)
    adds_up(beside)
    assert abs(beside.gap) <= 0.15, beside.accelerators.to_string()
