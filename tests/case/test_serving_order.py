"""Rules of order hold for every model, accelerator and service: no tighter limit, longer prompt or lesser chip wins."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.case.conditions import Service
from planner.case.roofline import chip_spec, model_spec
from planner.case.serving_order import PAD, PROMPT, SPEED, at, book, dominates, interpolated, surface
from planner.case.serving_rows import loads, measured_rows
from planner.case.serving_step import log_rate
from planner.case.throughput import estimate
from planner.case.throughput_fit import covariance
from planner.facts.catalog import load_catalog

CATALOG = load_catalog()
MODELS = ("llama3.1-8b", "llama2-70b-99.9", "gpt-oss-120b", "deepseek-r1", "kimi-k2.5")
CHIPS = (
    "a100", "h100", "h200", "b200", "b300", "gb200", "gb300", "vr200", "mi300x", "mi325x", "mi355x", "tpu-v7",
)  # fmt: skip


def service(model: str, **own: object) -> Service:
    usual = {
        "precision": None,
        "output_tokens": 500.0,
        "harness": "mlperf",
        "year": None,
    }
    return Service(model=model_spec(CATALOG, model), **(usual | own))  # type: ignore[arg-type]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("own", [{}, {"harness": "inferencex", "split": True}, {"speculative": True}])
def test_no_surface_rises_with_speed_or_prompt(model: str, own: dict[str, object]) -> None:
    for chip in CHIPS:
        values = surface(CATALOG, service(model, **own), chip)
        assert (np.diff(values, axis=0) <= 1e-9).all()
        assert (np.diff(values, axis=1) <= 1e-9).all()


@pytest.mark.parametrize("model", MODELS)
def test_no_accelerator_is_below_one_of_its_vendor_that_it_beats_in_everything(model: str) -> None:
    specs = {c: chip_spec(CATALOG, c) for c in CHIPS}
    for own in ({}, {"harness": "inferencex"}):
        values = {c: surface(CATALOG, service(model, precision="fp8", **own), c) for c in CHIPS}
        for a, b in itertools.permutations(CHIPS, 2):
            if specs[a].vendor == specs[b].vendor and dominates(specs[a], specs[b]):
                assert (values[a] >= values[b] - 1e-9).all(), (model, a, b)


@pytest.mark.untraced
def test_interactive_is_not_above_server_and_server_not_above_offline() -> None:
    for model, chip in itertools.product(MODELS, CHIPS):
        offline, server, tight = (
            estimate(model=model, accelerator=chip, scenario=s).tokens_per_s_per_accelerator
            for s in ("offline", "server", "interactive")
        )
        assert offline >= server * (1 - 1e-9) >= tight * (1 - 2e-9), (model, chip)


@settings(max_examples=40, deadline=None)
@given(
    model=st.sampled_from(MODELS),
    chip=st.sampled_from(CHIPS),
    speeds=st.tuples(st.floats(0.5, 120), st.floats(0.5, 120)).map(sorted),
    prompts=st.tuples(st.floats(16, 2800), st.floats(16, 2800)).map(sorted),
    split=st.booleans(),
)
def test_estimates_never_rise_with_speed_or_prompt(
    model: str, chip: str, speeds: list[float], prompts: list[float], split: bool
) -> None:
    def rate(speed: float, prompt: float) -> float:
        return estimate(
            model=model, accelerator=chip, output_tokens=500, tokens_per_s_per_user=speed, input_tokens=prompt,
            deployment="disaggregated" if split else "aggregated",
        ).tokens_per_s_per_accelerator  # fmt: skip

    own = [rate(speeds[0], prompts[0]), rate(speeds[1], prompts[0]), rate(speeds[1], prompts[1])]
    assert own[0] >= own[1] * (1 - 1e-9) >= own[2] * (1 - 2e-9)


def test_a_first_token_limit_never_raises_a_rate_and_a_cached_prompt_does() -> None:
    def rate(**conditions: Any) -> float:
        found = estimate(model="gpt-oss-120b", accelerator="b300", input_tokens=30_000, **conditions)
        return found.tokens_per_s_per_accelerator

    free, limits = rate(), [rate(ttft_s=t) for t in (10, 1, 0.3)]
    assert free >= limits[0] >= limits[1] >= limits[2]
    assert rate(prefix_hit=0.9) > 1.5 * free


def test_a_surface_is_the_step_plus_the_weighted_sum_over_measurements() -> None:
    """On the grid, where no rule of order moves it."""
    asked = service("llama3.1-70b", harness="inferencex", precision="fp8", year=2025.83)
    i, j, chip = 14, 4, chip_spec(CATALOG, "b200")
    speed, prompt = SPEED[PAD + i], PROMPT[j]
    known, there = book(CATALOG), at(CATALOG, asked, chip, prompt, speed)
    plain = log_rate(there.load, known.parameters.theta(there.labels))
    expected = plain + covariance(there, known.fit.rows) @ known.fit.weights
    found = interpolated(surface(CATALOG, asked, "b200"), speed, prompt)[0]
    assert found == pytest.approx(float(expected[0]), abs=0.08)


def test_stored_steepness_and_rates_are_those_of_the_measurements() -> None:
    rows, table = measured_rows(CATALOG), CATALOG.table("serving_weights")
    assert list(table.index) == list(rows["row_id"])
    assert np.allclose(table["log_rate"], np.log(rows["rate"]), atol=2e-4)
    labels, load = loads(CATALOG, rows)
    missed = np.log(rows["rate"]) - log_rate(load, book(CATALOG).parameters.theta(labels))
    text = rows["model"].map(CATALOG.table("models")["kind"]) == "text"
    assert np.median(np.abs(missed[text])) < 0.6
