"""What protects serving rates: measured rows come back, the rest is sane, bounded and honest about doubt."""

import doctest
import importlib
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.case.conditions import decimal_year
from planner.case.names import accelerator_of, model_of
from planner.case.rates import LEAST_REQUESTS, least_accelerators
from planner.case.roofline import chip_spec, generic_model, model_spec, roofline_rate
from planner.case.throughput import SoftwareGain, Throughput, _book, estimate, smallest_replica
from planner.case.throughput_fit import REGIMES, Z80, Fit, Situations
from planner.facts.catalog import load_catalog
from planner.facts.errors import BadValue, UnknownName

CATALOG = load_catalog()
ROWS = CATALOG.table("throughput").reset_index(drop=True)


def rate(model: str, chip: str, scenario: str = "server", **conditions: Any) -> float:
    return estimate(
        model=model, accelerator=chip, scenario=scenario, **conditions
    ).tokens_per_s_per_accelerator


@pytest.mark.parametrize("i", range(0, len(ROWS), 7))
def test_a_measured_row_comes_back_under_its_published_names_and_conditions(i: int) -> None:
    row = ROWS.iloc[i]
    chip = row["accelerator_name"] if isinstance(row["accelerator_name"], str) else row["accelerator_id"]
    found = estimate(
        model=row["model_id"],
        accelerator=chip,
        scenario=row["scenario"],
        precision=row["precision"],
        n_accelerators=None if pd.isna(row["n_accelerators"]) else int(row["n_accelerators"]),
        framework=row["framework"],
        date=row["measured_on"],
        submitter=row["submitter"],
        system=row["system_name"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        tokens_per_s_per_user=row["tokens_per_s_user"],
    )
    assert found.method == "measured row"
    assert found.unit == row["metric_unit"]
    assert found.tokens_per_s_per_accelerator == pytest.approx(row["tokens_per_s_per_accelerator"], rel=0.35)
    assert row["throughput_id"] in found.based_on or found.note.startswith("best of")


def test_every_pair_of_measured_names_has_an_estimate_with_an_ordered_interval() -> None:
    for model in ROWS["model_id"].unique():
        for chip in ROWS["accelerator_name"].dropna().unique()[::2]:
            for scenario in ("server", "interactive"):
                found = estimate(model=model, accelerator=chip, scenario=scenario)
                assert 0 < found.low < found.tokens_per_s_per_accelerator < found.high < np.inf


def test_names_are_understood_as_benchmarks_and_vendors_write_them() -> None:
    for text, key in {
        "NVIDIA DGX B200 (8x B200-SXM-180GB, TensorRT)": "b200",
        "NVIDIA DGX B200 (1x B200‑SXM‑180GB, TensorRT)": "b200",
        "NVIDIA GB300 NVL72 (8-GPU slice)": "gb300",
        "D75E-4U_H200-NVL-141GBx4": "h200-nvl",
        "AMD Instinct MI355X 288GB HBM3e": "mi355x",
        "H100 NVL 94GB": "h100-nvl",
        "NVIDIA H100-SXM-80GB": "h100",
        "8xMI325X_2xEPYC_9575F": "mi325x",
        "rtx pro 6000": "rtx-pro-6000",
    }.items():
        assert accelerator_of(CATALOG, text) == key
    assert model_of(CATALOG, "Llama-3.1-405B") == "llama3.1-405b"
    assert model_of(CATALOG, "llama2-70b-99") == "llama2-70b-99.9"


@pytest.mark.parametrize(
    "text",
    [
        "h100 1g.10gb",
        "B200 MIG 1g.23gb",
        "H100 x 4",
        "4x H100",
        "half an H100",
        "H100 40GB",
        "B300 PCIe",
        "GB200/2",
    ],
)
def test_a_part_or_a_number_of_chips_is_not_the_chip(text: str) -> None:
    with pytest.raises(UnknownName, match=r"no accelerator .*; did you mean '(h100|b200|b300|gb200)'\?"):
        accelerator_of(CATALOG, text)


def test_every_accelerator_of_the_catalog_is_read_by_all_its_names() -> None:
    chips, seen = CATALOG.table("accelerators"), ROWS[["accelerator_name", "accelerator_id"]].dropna()
    names = {
        **{key: key for key in chips.index},
        **dict(zip(chips["name"], chips.index, strict=True)),
        **dict(zip(chips["vendor"] + " " + chips["name"], chips.index, strict=True)),
        **dict(seen.drop_duplicates().itertuples(index=False)),
    }
    assert {text: accelerator_of(CATALOG, text) for text in names} == names


def test_unknown_names_and_conditions_say_what_is_allowed() -> None:
    with pytest.raises(UnknownName, match="did you mean 'b300'"):
        rate("deepseek-r1", "b30")
    with pytest.raises(UnknownName, match=r"did you mean 'llama2-70b-99\.9'"):
        rate("lama2-70b", "b300")
    with pytest.raises(BadValue, match="did you mean 'server'"):
        rate("deepseek-r1", "b300", "sever")
    with pytest.raises(TypeError, match="precision, n_accelerators, input_tokens, output_tokens"):
        rate("deepseek-r1", "b300", batch=3)
    with pytest.raises(BadValue, match="no precision"):
        rate("deepseek-r1", "b300", precision="fp3")
    with pytest.raises(BadValue, match="n_accelerators must be positive"):
        rate("deepseek-r1", "b300", n_accelerators=0)


def test_methods_tell_the_step_of_the_fallback_chain() -> None:
    assert estimate(model="llama2-70b-99.9", accelerator="b200").method == "measured row"
    assert estimate(model="llama2-70b-99.9", accelerator="rebel-quad").method == "scaled from nearest"
    assert estimate(model="new", accelerator="b200", params_total_b=30).method == "roofline"
    assert (
        estimate(model="llama2-70b-99.9", accelerator="b200", concurrency=4).method == "scaled from nearest"
    )


def test_doubt_grows_with_distance_from_measurements() -> None:
    def width(**question: object) -> float:
        found = estimate(**question)  # type: ignore[arg-type]
        return found.high / found.low

    measured = width(model="llama2-70b-99.9", accelerator="b200", scenario="server")
    near = width(model="llama2-70b-99.9", accelerator="h100", scenario="interactive")
    far = width(model="llama2-70b-99.9", accelerator="tpu-v7", scenario="server")
    unseen = width(model="new", accelerator="b200", scenario="server", params_total_b=30)
    assert measured < near < far < unseen


def test_larger_models_are_not_faster_and_faster_chips_not_slower_within_noise() -> None:
    for chip in ("h100", "b200", "mi355x", "gb300", "rngd"):
        sizes = [rate("new", chip, params_total_b=p) for p in (3, 8, 20, 40, 70, 120, 250, 400)]
        assert all(b < a * 1.02 for a, b in pairwise(sizes)), (chip, sizes)
        moe = [rate("new", chip, params_total_b=400, params_active_b=a) for a in (5, 10, 20, 40, 80)]
        assert all(b < a * 1.05 for a, b in pairwise(moe)), (chip, moe)
    for model in ("llama2-70b-99.9", "deepseek-r1", "gpt-oss-120b", "llama3.1-405b"):
        rates = [
            rate(model, c, "offline", date="2026-09-01") for c in ("h100", "h200", "b200", "b300", "vr200")
        ]
        assert all(b > a * 0.85 for a, b in pairwise(rates)), (model, rates)
        assert rates[-1] > 2 * rates[0]


def test_tighter_latency_costs_throughput() -> None:
    for model in ("llama2-70b-99.9", "deepseek-r1", "gpt-oss-120b"):
        for chip in ("b300", "mi325x", "gb200", "rebel-quad"):
            offline, server, tight = (rate(model, chip, s) for s in ("offline", "server", "interactive"))
            assert tight < server * 1.05
            assert server < offline * 1.25
    speeds = [
        rate(
            "gpt-oss-120b",
            "b200",
            "interactive",
            input_tokens=1000,
            output_tokens=8000,
            tokens_per_s_per_user=u,
        )
        for u in (20, 60, 150)
    ]
    assert speeds[0] >= speeds[1] >= speeds[2]


def test_software_state_follows_the_date() -> None:
    early, late = (
        rate("deepseek-r1", "b200", "server", date=d, n_accelerators=16) for d in ("2025-09-09", "2026-09-01")
    )
    assert late > 1.3 * early


def test_dates_are_read_as_written_and_not_extrapolated() -> None:
    by_year = [rate("llama2-70b-99.9", "mi355x", "interactive", date=d) for d in (2026, "2026", "2026-09")]
    assert by_year[0] == by_year[1] == by_year[2]
    future = rate("deepseek-r1", "b200", "server", date="2040-01-01", n_accelerators=16)
    assert future == rate("deepseek-r1", "b200", "server", date="2026-09-01", n_accelerators=16)
    with pytest.raises(BadValue, match="is not a date"):
        rate("deepseek-r1", "b200", date="soon")


def test_roofline_of_one_request_is_weights_over_bandwidth() -> None:
    chip, model = chip_spec(CATALOG, "h100"), generic_model("m", 8.0)
    one = roofline_rate(model, chip, "fp8", 1.0, group=1, requests=1.0)
    reading = (8e9 + 0.5 * model.kv_bytes_per_token * 1500) / (0.7 * 3.35e12)
    arithmetic = 2 * 8e9 * 2 / (0.45 * 1979e12)
    assert one == pytest.approx(1.0 / (reading + 0.3 * arithmetic + 40e-6 * model.n_layers), rel=1e-9)


def test_roofline_of_dense_models_is_near_the_measurements() -> None:
    rows = ROWS[
        ROWS["model_id"].isin(["llama2-70b-99.9", "llama3.1-8b"]) & (ROWS["scenario"] != "interactive")
    ]
    logs = []
    for row in rows.itertuples():
        spec, chip = model_spec(CATALOG, row.model_id), chip_spec(CATALOG, row.accelerator_id)
        precision = {"mxfp4": "fp4"}.get(row.precision, row.precision)
        logs.append(
            np.log(
                row.tokens_per_s_per_accelerator
                / roofline_rate(spec, chip, precision, spec.limit(row.scenario), 8)
            )
        )
    assert abs(np.median(logs)) < 0.25


def test_smallest_replica_counts_weights_and_cache() -> None:
    found = smallest_replica(
        "deepseek-r1", "NVIDIA H200-SXM-141GB", "fp8", context_tokens=32_000, concurrency=64
    )
    assert found.weights_gb == pytest.approx(671)
    assert found.cache_gb == pytest.approx(64 * 32_000 * 70272 / 2 / 1e9)
    assert (found.n_accelerators, found.fits) == (8, True)
    assert smallest_replica("llama3.1-8b", "b300").n_accelerators == 1
    assert not smallest_replica("deepseek-r1", "h100", "fp8").fits
    assert smallest_replica("deepseek-r1", "h100", "fp8").n_accelerators == 16
    assert smallest_replica("x", "gb300", "bf16", 8192, 1, params_total_b=4000).n_accelerators == 32


def test_fit_recovers_left_out_rows_in_closed_form() -> None:
    fit = _book(CATALOG).fit
    error, sd = fit.left_out("cell")
    group = fit.groups("cell")
    for g in (0, 3, 9):
        own, rest = np.flatnonzero(group == g), np.flatnonzero(group != g)
        part = Situations(
            {k: v[rest] for k, v in fit.rows.labels.items()},
            {k: v[rest] for k, v in fit.rows.numbers.items()},
        )
        there = Situations(
            {k: v[own] for k, v in fit.rows.labels.items()}, {k: v[own] for k, v in fit.rows.numbers.items()}
        )
        mean, spread, _ = Fit(part, fit.log_rate[rest]).predict(there)
        assert fit.log_rate[own] - mean == pytest.approx(error[own], abs=1e-6)
        assert spread == pytest.approx(sd[own], rel=1e-6)
    assert set(fit.factor) == set(REGIMES)


def test_planning_rates_are_the_estimates() -> None:
    rates = Throughput(CATALOG)
    for kind in CATALOG.table("model_classes").index:
        model = CATALOG.value("model_classes", kind, "model_id")
        found = estimate(model=model, accelerator="b300", scenario="server")
        assert rates.serving(model, "server", "b300").tokens_per_s == found.tokens_per_s_per_accelerator


def test_software_gain_starts_at_the_age_of_the_measurement() -> None:
    gain = SoftwareGain(CATALOG)
    released, measured = pd.Timestamp("2025-01-01"), pd.Timestamp("2026-01-01")
    when = np.array([2026.0, 2027.0, 2030.0])
    factor = gain.factor(released, measured, when)
    assert factor[0] == pytest.approx(1.0, abs=0.01)
    assert factor[1] > 1.0
    assert factor[2] >= factor[1]
    assert gain.factor(released, None, when) == pytest.approx(1.0)
    assert decimal_year(pd.Timestamp("2026-07-02")) == pytest.approx(2026.5, abs=0.01)


@pytest.mark.parametrize(
    ("regime", "most_error", "widest"), [("cell", 0.20, 3.0), ("family", 0.35, 3.0), ("model", 0.8, 6.0)]
)
def test_left_out_rows_stay_within_what_the_documents_promise(
    regime: str, most_error: float, widest: float
) -> None:
    fit = _book(CATALOG).fit
    error, sd = fit.left_out(regime)
    reach = Z80 * sd * fit.factor[regime]
    assert np.exp(np.median(np.abs(error))) - 1 <= most_error
    assert 0.7 <= np.mean(np.abs(error) <= reach) <= 0.95
    assert np.exp(2 * np.median(reach)) <= widest


def test_offers_ask_the_same_arithmetic_whether_a_model_fits() -> None:
    catalog = load_catalog()
    assert least_accelerators(catalog, "frontier", "h100") == 0  # 671 GB of weights on 8 x 80 GB
    assert least_accelerators(catalog, "frontier", "h200") == 8
    spec = model_spec(catalog, "deepseek-r1")
    tokens = spec.input_tokens + spec.output_tokens
    alike = smallest_replica("deepseek-r1", "b300", "fp8", tokens, LEAST_REQUESTS)
    assert least_accelerators(catalog, "frontier", "b300") == alike.n_accelerators == 4
    assert least_accelerators(catalog, "medium", "rngd") == 2  # 70 GB on cards of 48


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("meta-llama/Llama-3.1-405B-Instruct-FP8", "llama3.1-405b"),
        ("nvidia/Llama-3.3-70B-Instruct-FP4", "llama3.1-70b"),
        ("DeepSeek-R1-0528-NVFP4-v2", "deepseek-r1"),
        ("deepseek-ai/DeepSeek-V3-0324", "deepseek-r1"),
        ("Llama-2-70b-chat-hf", "llama2-70b-99.9"),
        ("LLAMA2_70B-99.9", "llama2-70b-99.9"),
        ("Llama-4-Maverick-17B-128E-Instruct", "llama4-maverick"),
        ("Qwen/Qwen3-235B-A22B-Instruct-2507", "qwen3-235b-a22b"),
        ("Mixtral 8x7B Instruct v0.1", "mixtral-8x7b"),
        (" GPT OSS 120B ", "gpt-oss-120b"),
    ],
)
def test_a_model_is_known_with_publisher_format_tuning_and_revision(name: str, key: str) -> None:
    assert model_of(CATALOG, name) == key


@pytest.mark.parametrize("name", ["Llama-3.1-71B", "Qwen3-Coder-480B-A35B", "DeepSeek-V2", "Mixtral-8x22B"])
def test_another_model_of_the_family_is_not_taken_for_a_measured_one(name: str) -> None:
    with pytest.raises(UnknownName, match="params_total_b"):
        model_of(CATALOG, name)


@pytest.mark.parametrize(
    "module",
    [
        "planner.case.conditions",
        "planner.case.names",
        "planner.case.roofline",
        "planner.case.throughput_fit",
        "planner.case.training",
        "planner.case.climate",
    ],
)
def test_examples_in_docstrings_hold(module: str) -> None:
    results = doctest.testmod(importlib.import_module(module))
    assert results.failed == 0
