"""Amounts far outside the catalog's range of their kind are warned of, with the unit they look like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from planner.app.state import editing
from planner.cli import app
from planner.facts.catalog import load_catalog
from planner.intake.scenario_file import (
    dump_scenario,
    example_path,
    examples,
    load_scenario,
    load_with_warnings,
    parse_with_warnings,
    warnings_of,
    with_overrides,
)
from planner.scenario.references import AMOUNTS
from planner.starter.starter import compose

CATALOG = load_catalog()
SLIPS: dict[str, tuple[float, float, str]] = {
    # path: a value in order, the same figure in another unit, words of the warning
    "demand[records].ttft_s": (2, 2_000, "in milliseconds"),
    "sites[haenam].grid_mw[0].mw": (40, 40_000, "in kW"),
    "sites[haenam].max_water_m3_per_year": (50_000, 0.5, "in million m3"),
    "sites[haenam].elec_price_usd_per_mwh": (85, 0.085, "in USD per kWh"),
    "sites[haenam].construction_musd_per_mw_it": (11, 11_000_000, "in USD per MW"),
    "hosts[champion-haenam].colocation_usd_per_kw_month": (180, 180_000, "in USD per MW and month"),
    "hosts[champion-haenam].max_it_mw": (20, 20_000, "in kW"),
    "hosts[champion-haenam].open_cost_musd": (10, 10_000_000, "in USD"),
    "hosts[champion-haenam].team_musd_per_year": (1, 1_000_000, "in USD"),
    "stacks[us-cloud].adoption_musd": (5, 5_000_000, "in USD"),
    "systems[hgx-b300].price_usd": (450_000, 0.45, "in MUSD"),
    "systems[hgx-b300].rent_usd_per_accelerator_hour": (3.5, 30_660, "in USD per year"),
    "systems[hgx-b300].delivery_months": (6, 182, "in days"),
}


@pytest.fixture(scope="module")
def small(root: Path) -> Any:
    return load_scenario(root / "tests" / "scenarios" / "small.yaml")


@pytest.mark.parametrize("path", SLIPS)
def test_a_slip_of_unit_is_warned_of_and_the_right_figure_is_not(small: Any, path: str) -> None:
    right, slip, words = SLIPS[path]
    assert not warnings_of(with_overrides(small, {path: right}))
    (warning,) = warnings_of(with_overrides(small, {path: slip}))
    assert warning.path == path
    assert words in warning.message and "the range of" in warning.message


@pytest.mark.parametrize("name", examples())
def test_examples_raise_no_false_alarm(name: str) -> None:
    assert not load_with_warnings(example_path(name))[1]


def test_no_starter_raises_a_false_alarm() -> None:
    countries = sorted(set(CATALOG.table("metros")["iso3"].astype(str)))
    assert len(countries) > 150  # all of them are asked by the slow test of the starter
    assert not [
        w for iso3 in countries[::40] for w in warnings_of(compose("new", iso3, CATALOG).scenario, CATALOG)
    ]


def test_every_amount_is_a_field_and_a_column() -> None:
    for pattern, table, column, row, _ in AMOUNTS:
        names = [f["name"] for f in CATALOG.fields(table)]
        assert column in names or f"{column}_mid" in names, pattern
        assert all(r in CATALOG.table(table).index for r in row.split(";") if r), pattern


def test_warnings_reach_the_command_the_editor_and_have_a_place(small: Any, tmp_path: Path) -> None:
    text = dump_scenario(with_overrides(small, {"systems[hgx-b300].price_usd": 0.45}))
    file = tmp_path / "slip.yaml"
    file.write_text(text, encoding="utf-8")
    line = next(n for n, words in enumerate(text.splitlines(), 1) if "price_usd: 0.45" in words)
    ran = CliRunner().invoke(app, ["validate", str(file)])
    assert ran.exit_code == 0
    assert f"slip.yaml:{line}:" in ran.output and "warning: systems[hgx-b300].price_usd: 0.45" in ran.output
    told = json.loads(CliRunner().invoke(app, ["validate", str(file), "--json"]).output)
    assert [w["path"] for w in told[0]["warnings"]] == ["systems[hgx-b300].price_usd"] and told[0]["valid"]
    checked = editing.check(text, CATALOG)
    assert checked.scenario is not None and not checked.problems
    assert "MUSD" in str(checked.of("systems[hgx-b300].price_usd"))
    assert checked.of("systems[hgx-b300].delivery_months") is None
    assert parse_with_warnings(text)[1][0].line == line
