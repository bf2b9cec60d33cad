"""What protects the rough figure: arithmetic by hand, honest ranges, and a second at most."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from planner.case.cost_breakdown import facility_cost
from planner.cli import app
from planner.facts.catalog import Catalog, load_catalog
from planner.facts.spans import Span
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.scenario.schema import Scenario
from planner.sizing.size import Sizing, size

LEVELS = ("low", "mid", "high")
FIGURES = ("accelerators", "servers", "it_mw", "facility_mw", "halls", "capex_musd", "energy_gwh")
Make = Callable[..., Scenario]


@pytest.fixture(scope="module")
def korea() -> Sizing:
    return size(load_scenario(example_path("korea")))


def last(sizing: Sizing, name: str) -> tuple[float, float, float]:
    row = sizing.years.iloc[-1]
    return tuple(float(row[f"{name}_{level}"]) for level in LEVELS)  # type: ignore[return-value]


def test_spans_combine_as_independent_factors_and_as_sums() -> None:
    product = Span(1, 2, 4) * Span(5, 10, 20)
    assert product.mid == 20
    assert product.high / product.mid == pytest.approx(2 ** (2**0.5))
    assert product.mid / product.low == pytest.approx(2 ** (2**0.5))
    total = Span(1, 2, 3) + Span(10, 20, 30)
    assert (total.low, total.mid, total.high) == (11, 22, 33)
    ratio = Span.exact(6) / Span(1, 2, 3)
    assert (ratio.low, ratio.mid, ratio.high) == pytest.approx((2, 3, 6))
    with pytest.raises(ValueError, match="low <= mid <= high"):
        Span(3, 2, 1)


def test_accelerators_power_and_money_are_those_of_arithmetic(
    tiny: Make, plain_catalog: Callable[..., Catalog]
) -> None:
    changes = {
        ("parameters", "availability", "value_mid"): 0.8,
        ("parameters", "availability", "value_low"): 0.5,
        ("parameters", "availability", "value_high"): 1.0,
        ("parameters", "network_power_share", "value_mid"): 0.25,
        ("parameters", "storage_cost_share", "value_mid"): 0.1,
    }
    catalog = plain_catalog(changes)
    result = size(tiny(), catalog)
    assert last(result, "accelerators") == pytest.approx((800, 1000, 1600))  # 800 asked / 1.0, 0.8, 0.5
    assert last(result, "servers")[1] == 125  # of eight
    assert last(result, "it_mw")[1] == pytest.approx(1000 * 16 / 8 * 1.25 / 1000)
    adders = 1 + 0.1  # storage; the others are nothing in this catalog at mid
    assert last(result, "hardware_musd")[1] == pytest.approx(1000 * 400000 / 8 * adders / 1e6)
    place = facility_cost(
        "KR-HNM", "air-chilled-water", year=2027.5, construction_musd_per_mw=8, catalog=catalog
    )
    facility = [last(result, "capex_musd")[i] - last(result, "hardware_musd")[i] for i in range(3)]
    assert facility[1] == pytest.approx(2.5 * place.musd_per_it_mw.mid)
    assert facility[0] < facility[1] < facility[2]
    assert last(result, "facility_mw")[1] == pytest.approx(2.5 * 1.2)
    assert last(result, "halls")[1] == 1


def test_every_figure_has_a_range_and_adds_up(korea: Sizing) -> None:
    years = korea.years
    assert list(years["year"]) == list(range(2027, 2033))
    for name in FIGURES:
        assert (years[f"{name}_low"] <= years[f"{name}_mid"]).all(), name
        assert (years[f"{name}_mid"] <= years[f"{name}_high"]).all(), name
        assert (years[f"{name}_low"] > 0).all(), name
    for level in LEVELS:
        assert (years[f"facility_mw_{level}"] > years[f"it_mw_{level}"]).all()
        assert (years[f"capex_musd_{level}"] > years[f"hardware_musd_{level}"]).all()
        hours = years[f"energy_gwh_{level}"] * 1000 / years[f"facility_mw_{level}"]
        assert (hours < 8760).all() and (hours > 8760 * 0.3).all()
    ratio = years["accelerators_high"] / years["accelerators_low"]
    assert (ratio > 1.1).all() and (ratio < 6).all()
    assert korea.peak["facility_mw_mid"] == years["facility_mw_mid"].max()


def test_figures_are_of_the_size_the_world_reports(korea: Sizing) -> None:
    row = korea.years.iloc[-1]
    assert 1.2 < 1000 * row["facility_mw_mid"] / row["accelerators_mid"] < 4.0  # kW an accelerator
    assert 20 < row["capex_musd_mid"] / row["facility_mw_mid"] < 60  # MUSD a MW with hardware
    assert 25000 < 1e6 * row["capex_musd_mid"] / row["accelerators_mid"] < 200000


def test_more_demand_takes_more_in_proportion(tiny: Make) -> None:
    point = {"at": "2027-01-01", "value": 1600}
    twice = size(tiny(demand={"size": {"by": "accelerators", "points": [point]}}))
    once = size(tiny())
    for name in ("accelerators", "it_mw", "capex_musd", "energy_gwh"):
        assert last(twice, name) == pytest.approx(tuple(2 * v for v in last(once, name)))


def test_protection_and_the_loss_of_a_site_take_more(tiny: Make) -> None:
    plain = last(size(tiny()), "accelerators")[1]
    locality = {"where": "in-country", "protection": "confidential-computing"}
    guarded = last(size(tiny(demand={"locality": locality})), "accelerators")[1]
    kept = load_catalog().table("confidential_computing")
    factor = kept.loc[
        (kept["generation"] == "blackwell") & (kept["use"] == "serving"), "throughput_factor_mid"
    ]
    assert guarded == pytest.approx(plain / float(factor.iloc[0]))
    survives = last(size(tiny(demand={"survival_share": 0.75})), "accelerators")[1]
    assert survives == pytest.approx(plain * 1.5)  # two sites, each must hold three quarters
    assert last(size(tiny(demand={"survival_share": 0.5})), "accelerators")[1] == pytest.approx(plain)


def test_demand_in_tokens_is_less_certain_than_in_accelerators(tiny: Make) -> None:
    point = {"at": "2027-01-01", "value": 3000000}
    tokens = last(size(tiny(demand={"size": {"by": "tokens-per-s", "points": [point]}})), "accelerators")
    counted = last(size(tiny()), "accelerators")
    assert tokens[2] / tokens[0] > 1.2 * counted[2] / counted[0]


def test_work_that_waits_fills_quiet_hours(tiny: Make) -> None:
    steady = {"id": "steady", "latency_class": "standard", "kind": "inference"}
    patient = {"id": "patient", "latency_class": "batch", "kind": "batch", "preemptible": True}
    base = tiny().demand[0].model_dump(mode="json", exclude_none=True)
    both = size(tiny(demand=[{**base, **steady}, {**base, **patient}]))
    low, mid, high = last(both, "accelerators")
    alone = last(size(tiny(demand=[{**base, **steady}])), "accelerators")
    assert alone[1] < mid < 2 * alone[1]
    assert high == pytest.approx(2 * alone[2]) and low < mid


def test_a_dearer_place_costs_more_and_only_the_facility(tiny: Make) -> None:
    cheap, dear = size(tiny()), size(tiny(sites={"construction_musd_per_mw_it": 16}))
    assert last(dear, "hardware_musd") == last(cheap, "hardware_musd")
    more = last(dear, "capex_musd")[1] - last(cheap, "capex_musd")[1]
    assert 8 * last(cheap, "it_mw")[1] < more < 14 * last(cheap, "it_mw")[1]  # with owner's costs, redundancy


def test_assumptions_name_the_system_and_what_is_left_out(korea: Sizing) -> None:
    items = set(korea.assumptions["item"])
    assert {"place and owner", "capacity in place"} <= items
    assert {f"system of {w}" for w in ("government", "health", "defence")} <= items
    assert korea.workloads["method"].notna().all()


@pytest.mark.slow  # a time: on a machine that does nothing else
def test_the_rough_figure_takes_about_a_second() -> None:
    scenario = load_scenario(example_path("korea"))
    size(scenario)  # the fit of measured rates is made once a process
    start = time.process_time()
    size(with_overrides(scenario, {"limits.min_control": 50}))
    assert time.process_time() - start < 1.5


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_the_command_prints_a_table_and_json() -> None:
    shown = run("size", "two-hosts")
    assert shown.exit_code == 0 and "facility MW" in shown.output and "central 80 %" in shown.output
    found = json.loads(run("size", "two-hosts", "--json").stdout)
    assert found["scenario"] == "two-hosts"
    assert [row["year"] for row in found["years"]] == [2027, 2028, 2029, 2030]
    assert found["workloads"][0]["system"] in ("hgx-b300", "gb300-nvl72")
    assert found["assumptions"] and found["peak"]["it_mw_mid"] > 0


def test_a_bad_file_is_bad_input(tmp_path: Any) -> None:
    from planner.scenario.problems import InputError

    path = tmp_path / "bad.yaml"
    path.write_text("planner: 1\nname: bad\n", encoding="utf-8")
    with pytest.raises(InputError):
        size(load_scenario(path))
    assert run("size", str(path)).exit_code != 0
