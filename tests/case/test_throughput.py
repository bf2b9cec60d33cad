"""What protects serving rates: measured rows come back, the rest is sane, bounded and honest about doubt."""

import doctest
import importlib
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.case.names import accelerator_of, model_of
from planner.case.periods import decimal_year
from planner.case.rates import LEAST_REQUESTS, least_accelerators
from planner.case.roofline import model_spec
from planner.case.throughput import SoftwareGain, Throughput, estimate, smallest_replica
from planner.facts.catalog import load_catalog
from planner.facts.errors import BadValue, UnknownName

CATALOG = load_catalog()
ROWS = CATALOG.table("throughput").reset_index(drop=True)


def rate(model: str, chip: str, scenario: str = "server", **conditions: Any) -> float:
    return estimate(
        model=model, accelerator=chip, scenario=scenario, **conditions
    ).tokens_per_s_per_accelerator


TEXT = ROWS[ROWS["model_id"].map(CATALOG.table("models")["kind"]) == "text"]
POINTS = CATALOG.table("serving_points").reset_index(drop=True)


def test_results_of_scenarios_come_back_under_their_published_names() -> None:
    errors = []
    for row in TEXT.iloc[::9].itertuples():
        chip = row.accelerator_name if isinstance(row.accelerator_name, str) else row.accelerator_id
        found = estimate(
            model=row.model_id, accelerator=chip, scenario=row.scenario, precision=row.precision,
            input_tokens=row.input_tokens, output_tokens=row.output_tokens, tokens_per_s_per_user=row.tokens_per_s_user,
            framework=row.framework, submitter=row.submitter, system=row.system_name, date=row.measured_on,
        )  # fmt: skip
        assert found.unit == "tokens/s"
        errors.append(math.log(row.tokens_per_s_per_accelerator / found.tokens_per_s_per_accelerator))
    assert np.median(np.abs(errors)) < 0.15


@pytest.mark.untraced
def test_measured_points_are_accepted_as_published_and_come_back() -> None:
    inside, errors = [], []
    for row in POINTS.iloc[::11].itertuples():
        found = estimate(
            model=row.model_id, accelerator=row.accelerator_id, input_tokens=row.input_tokens,
            output_tokens=row.output_tokens, tokens_per_s_per_user=row.tokens_per_s_user, precision=row.precision,
            speculative="mtp" if row.speculative else "none", deployment="disagg" if row.disaggregated else "agg",
            date=None if pd.isna(row.measured_on) else row.measured_on,
        )  # fmt: skip
        errors.append(math.log(row.tokens_per_s_per_accelerator / found.tokens_per_s_per_accelerator))
        inside.append(found.low <= row.tokens_per_s_per_accelerator <= found.high)
    assert np.median(np.abs(errors)) < 0.25
    assert np.mean(inside) > 0.7


@pytest.mark.untraced
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


def test_methods_tell_how_far_measurements_are() -> None:
    assert estimate(model="llama2-70b-99.9", accelerator="b200").method == "measured"
    assert estimate(model="llama2-70b-99.9", accelerator="rebel-quad").method == "scaled from nearest"
    assert estimate(model="new", accelerator="b200", params_total_b=30).method == "step"


def test_what_cannot_be_is_named_with_the_best_that_can() -> None:
    with pytest.raises(BadValue, match=r"more than the context of gpt-oss-120b: 131.072"):
        rate("gpt-oss-120b", "b300", input_tokens=200_000)
    with pytest.raises(
        BadValue, match=r"no accelerator serves .* at 5000 tokens/s a user; the best reached is \d+"
    ):
        rate("deepseek-r1", "b300", tokens_per_s_per_user=5000)
    with pytest.raises(BadValue, match=r"no accelerator gives the first token .* the best reached is"):
        rate("deepseek-r1", "b300", input_tokens=100_000, ttft_s=1e-4)
    with pytest.raises(BadValue, match=r"needs 560.000 GB .*the largest system is"):
        rate("giant", "b300", params_total_b=1e6, precision="fp4")
    with pytest.raises(BadValue, match="the smallest system that does is"):
        rate("large", "l4", params_total_b=3000, precision="fp8")
    with pytest.raises(BadValue, match="prefix_hit must be a share"):
        rate("deepseek-r1", "b300", prefix_hit=1.0)
    with pytest.raises(BadValue, match="no deployment 'cluster'"):
        rate("deepseek-r1", "b300", deployment="cluster")


def test_doubt_grows_with_distance_from_measurements() -> None:
    def width(**question: object) -> float:
        found = estimate(**question)  # type: ignore[arg-type]
        return found.high / found.low

    measured = width(model="llama2-70b-99.9", accelerator="b200", scenario="server")
    near = width(model="mixtral-8x7b", accelerator="b200", scenario="server")
    far = width(model="mixtral-8x7b", accelerator="tpu-v7", scenario="server")
    unseen = width(model="new", accelerator="tpu-v7", scenario="server", params_total_b=30)
    assert measured < near < far < unseen


@pytest.mark.untraced
def test_larger_models_are_not_faster_and_faster_chips_not_slower_within_noise() -> None:
    for chip in ("h100", "b200", "mi355x", "gb300", "rngd"):
        sizes = [rate("new", chip, params_total_b=p) for p in (3, 8, 20, 40, 70, 120, 250, 400)]
        assert all(b < a * 1.02 for a, b in pairwise(sizes)), (chip, sizes)
        moe = [rate("new", chip, params_total_b=400, params_active_b=a) for a in (5, 10, 20, 40, 80)]
        assert all(b < a * 1.05 for a, b in pairwise(moe)), (chip, moe)
    for model in ("llama2-70b-99.9", "deepseek-r1", "gpt-oss-120b", "llama3.1-405b"):
        ladder = [
            rate(model, c, "offline", date="2026-09-01") for c in ("h100", "h200", "b200", "b300", "vr200")
        ]
        assert all(b > a * 0.85 for a, b in pairwise(ladder)), (model, ladder)
        assert ladder[-1] > 2 * ladder[0]


def test_a_stated_speed_or_length_beats_what_the_label_implies() -> None:
    slow, fast = (rate("gpt-oss-120b", "b200", "interactive", tokens_per_s_per_user=u) for u in (5, 150))
    assert slow > 1.5 * fast
    assert rate("gpt-oss-120b", "b200", "server", input_tokens=16_000) < 0.6 * rate("gpt-oss-120b", "b200")


def test_software_state_follows_the_date() -> None:
    early, late = (
        rate("deepseek-r1", "b200", "server", date=d, n_accelerators=16) for d in ("2025-09-09", "2026-09-01")
    )
    assert late > 1.3 * early


def test_dates_are_read_as_written_and_not_extrapolated() -> None:
    by_year = [rate("llama2-70b-99.9", "mi355x", "interactive", date=d) for d in (2026, "2026", "2026-09")]
    assert by_year[0] == by_year[1]
    future = rate("deepseek-r1", "b200", "server", date="2040-01-01", n_accelerators=16)
    assert future == rate("deepseek-r1", "b200", "server", date="2026-09-01", n_accelerators=16)
    with pytest.raises(BadValue, match="is not a date"):
        rate("deepseek-r1", "b200", date="soon")


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
        "planner.case.serving_rows",
        "planner.case.training",
        "planner.case.climate",
    ],
)
def test_examples_in_docstrings_hold(module: str) -> None:
    results = doctest.testmod(importlib.import_module(module))
    assert results.failed == 0
