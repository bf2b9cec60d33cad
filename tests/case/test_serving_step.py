"""The decoding step: its time is the sum of its parts, the batch the largest allowed, the rate never rises with more."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.case.roofline import ModelSpec, chip_spec, generic_model, model_spec, peak
from planner.case.serving_rows import labels_of, load_of
from planner.case.serving_step import (
    PARAMETERS,
    Load,
    Step,
    at_speed,
    exact_log_rate,
    fastest,
    log_rate,
    steepness,
)
from planner.facts.catalog import load_catalog

CATALOG = load_catalog()


def _loaded(model: ModelSpec, chip: str, precision: str, speed: float) -> tuple[Load, dict[str, np.ndarray]]:
    spec, one = chip_spec(CATALOG, chip), np.ones(1)
    labels = labels_of([model], [spec], [precision], [False], [False], ["mlperf"])
    load = load_of([model], [spec], [precision], labels, 1000 * one, 1000 * one, speed * one)
    theta = {p: np.zeros(1) for p in PARAMETERS}
    theta |= {"launch": np.full(1, math.log(40e-6)), "handling": np.full(1, -50.0)}
    return load, theta


def test_one_request_takes_its_weights_cache_and_arithmetic() -> None:
    model = generic_model("m", 8.0)
    load, theta = _loaded(model, "h100", "fp8", 10.0)
    step = Step(load, theta)
    chip = chip_spec(CATALOG, "h100")
    weights, cache = 8e9 / 3.35e12, 1500 * model.kv_bytes_per_token / 2 / 3.35e12
    arithmetic = 2 * 2 * 8e9 / (peak(chip, "fp8") * 1e12)  # decode, and a prompt as long as the answer
    expected = 40e-6 * model.n_layers + weights + cache + arithmetic
    assert step.seconds(1.0)[0, 0] == pytest.approx(expected, rel=1e-9)


def test_the_largest_batch_is_found_exactly() -> None:
    load, theta = _loaded(model_spec(CATALOG, "deepseek-r1"), "b200", "fp4", 30.0)
    step = Step(load, theta)
    fits, most = step.batches()
    b = step.batch(np.full(1, 1.0 / 30.0), most)
    inner = fits & (b > 1e-6) & (b < most * 0.999)
    assert inner.any()
    assert step.seconds(b)[inner] == pytest.approx(1.0 / 30.0, rel=1e-6)


def test_beyond_the_speed_of_one_request_the_rate_still_falls() -> None:
    load, theta = _loaded(model_spec(CATALOG, "deepseek-r1"), "b200", "fp4", 30.0)
    beyond = fastest(load, theta)[0] * 2.0
    rates = [exact_log_rate(at_speed(load, f * beyond / 30.0), theta)[0] for f in (1.0, 2.0, 4.0)]
    assert rates[0] > rates[1] > rates[2]


def test_steepness_is_what_a_slower_step_costs() -> None:
    load, theta = _loaded(model_spec(CATALOG, "gpt-oss-120b"), "b200", "fp4", 60.0)
    own, slower = log_rate(load, theta), log_rate(load, {**theta, "slowness": np.full(1, 0.01)})
    assert (own - slower) / 0.01 == pytest.approx(steepness(load, theta), rel=0.15)
    memory_bound, _ = _loaded(model_spec(CATALOG, "gpt-oss-120b"), "b200", "fp4", 0.5)
    assert steepness(memory_bound, theta) == pytest.approx(1.0, abs=0.01)


@settings(max_examples=80, deadline=None)
@given(
    model=st.sampled_from(["llama3.1-8b", "deepseek-r1", "gpt-oss-120b", "llama3.1-405b"]),
    chip=st.sampled_from(["h100", "b300", "gb300", "mi355x", "tpu-v7"]),
    speed=st.floats(0.5, 300),
    prompt=st.floats(16, 100_000),
    ttft=st.none() | st.floats(0.01, 30),
    hit=st.floats(0, 0.95),
)
def test_more_work_never_raises_a_rate(
    model: str, chip: str, speed: float, prompt: float, ttft: float | None, hit: float
) -> None:
    load, theta = _loaded(model_spec(CATALOG, model), chip, "fp8", speed)
    load = replace(load, input_tokens=np.array([prompt]), ttft_s=ttft, hit=hit)
    rate = exact_log_rate(load, theta)[0] + 1e-9
    harder = [
        at_speed(load, 1.3),
        replace(load, input_tokens=load.input_tokens * 1.5),
        replace(load, hit=hit * 0.5),
        replace(load, ttft_s=(ttft or 40.0) * 0.5),
    ]
    assert all(exact_log_rate(x, theta)[0] <= rate for x in harder)
