"""What protects demand in people: tokens by hand, profiles and what beats them, what is taken where nobody says."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from planner.case.build import build_case
from planner.case.climate import load_by_hour
from planner.case.context import Context
from planner.case.demand import peak_tokens_per_s, serving_rate
from planner.case.rates import relative_rate
from planner.case.requests import lengths_taken, read_request
from planner.case.throughput import Throughput, estimate
from planner.facts.catalog import Catalog, load_catalog
from planner.facts.numbers import number
from planner.scenario.schema import Scenario, Workload

CATALOG = load_catalog()
POINTS = [{"at": "2027-01-01", "value": 1_200_000}]
Make = Callable[..., Scenario]


def workload(tiny: Make, size: dict[str, Any], **fields: Any) -> Workload:
    made: Workload = tiny(demand={"size": {"points": POINTS, **size}, **fields}).demand[0]
    return made


def tokens(w: Workload, value: float) -> float:
    return float(peak_tokens_per_s(w, read_request(CATALOG, w), np.array([value]))[0])


def test_users_become_tokens_per_second_at_the_busiest_hour(tiny: Make) -> None:
    size = {"by": "users", "requests_per_user_day": 6, "input_tokens_per_request": 1500,
            "output_tokens_per_request": 350, "peak_factor": 2.4}  # fmt: skip
    assert tokens(workload(tiny, size), 1_200_000) == pytest.approx(1_200_000 * 6 * 350 * 2.4 / 86_400)
    waits = workload(tiny, size, preemptible=True)
    assert tokens(waits, 1_200_000) == pytest.approx(1_200_000 * 6 * 350 / 86_400)


@pytest.mark.parametrize("counts, share", [("output", 1.0), ("input", 400 / 1600), ("total", 400 / 2000)])
def test_tokens_may_be_those_read_those_put_out_or_both(tiny: Make, counts: str, share: float) -> None:
    size = {"by": "tokens-per-s", "counts": counts, "input_tokens_per_request": 1600,
            "output_tokens_per_request": 400}  # fmt: skip
    assert tokens(workload(tiny, size), 1000) == pytest.approx(1000 * share)


def test_requests_per_second_are_counted_as_they_come(tiny: Make) -> None:
    size = {"by": "requests-per-s", "output_tokens_per_request": 300}
    assert tokens(workload(tiny, size), 50) == 15_000


def test_a_profile_gives_what_the_workload_does_not_state(tiny: Make) -> None:
    row = CATALOG.table("use_profiles").loc["coding-agent"]
    plain = read_request(
        CATALOG, workload(tiny, {"by": "users"}, profile="coding-agent", latency_class="standard")
    )
    assert (plain.input_tokens, plain.output_tokens) == (row["input_tokens"], row["output_tokens"])
    assert (plain.cached_share, plain.peak_factor) == (row["cached_share"], row["peak_to_mean"])
    assert plain.tokens_per_s_per_user == row["tokens_per_s_user"]
    assert plain.requests_per_user_day == row["requests_per_user_day"]
    own = workload(
        tiny, {"by": "users", "input_tokens_per_request": 9000, "cached_share": 0.0, "peak_factor": 4},
        profile="coding-agent", latency_class="standard", tokens_per_s_per_user=12, ttft_s=9,
    )  # fmt: skip
    found = read_request(CATALOG, own)
    assert (found.input_tokens, found.output_tokens, found.cached_share) == (9000, row["output_tokens"], 0)
    assert (found.tokens_per_s_per_user, found.ttft_s, found.peak_factor) == (12, 9, 4)


def test_nobody_waits_for_work_of_the_batch_class(tiny: Make) -> None:
    found = read_request(CATALOG, workload(tiny, {"by": "users"}, profile="assistant", latency_class="batch"))
    assert found.tokens_per_s_per_user is None and found.ttft_s is None


def test_a_profile_with_a_model_of_its_own_is_served_by_it(tiny: Make) -> None:
    assert read_request(CATALOG, workload(tiny, {"by": "users"}, profile="speech")).model == "whisper"


def test_a_file_without_lengths_keeps_those_of_the_benchmark_and_is_told(
    tiny: Make, plain_catalog: Callable[..., Catalog]
) -> None:
    plain = tiny()
    assert read_request(CATALOG, plain.demand[0]).conditions == ()
    ((w, lengths, why),) = lengths_taken(plain, CATALOG)
    assert (w, lengths) == (
        "work",
        f"{number(1500)} in, {number(1278)} out",
    ) and "benchmark of gpt-oss 120B" in why
    case = build_case(plain, plain_catalog())
    assert lengths in case.assumptions["value"].tolist()
    told = tiny(demand={"profile": "retrieval"})
    assert not list(lengths_taken(told, CATALOG))
    assert dict(read_request(CATALOG, told.demand[0]).conditions)["input_tokens"] == 6000


def test_a_longer_prompt_takes_more_accelerators_for_the_same_answers(tiny: Make) -> None:
    def asked(read: float) -> float:
        size = {"by": "tokens-per-s", "input_tokens_per_request": read, "output_tokens_per_request": 1000,
                "points": POINTS}  # fmt: skip
        return float(build_case(tiny(demand={"size": size}), CATALOG).demand["demand_kref"].max())

    assert asked(8000) > 1.5 * asked(1000)


def test_a_day_of_ones_own_sets_the_peak_and_the_quiet_hours(tiny: Make) -> None:
    hours = [0.0] * 12 + [3.0] * 6 + [6.0] * 6
    w = workload(tiny, {"by": "users"}, profile="assistant", load_by_hour=hours)
    assert read_request(CATALOG, w).peak_factor == pytest.approx(6 / (54 / 24))
    scenario = tiny(demand={"load_by_hour": hours})
    loads = load_by_hour(Context.of(scenario, CATALOG), scenario.demand[0])
    assert loads.tolist() == [h / 6 for h in hours]


def test_every_profile_says_what_of_it_is_judgement() -> None:
    table = CATALOG.table("use_profiles")
    assert set(table.index) >= {"assistant", "retrieval", "document-processing", "translation", "coding-agent",
                                "call-centre", "office-agent", "embedding", "image", "speech"}  # fmt: skip
    for row in table.itertuples():
        assert row.note and (row.assumed or (isinstance(row.source_url, str) and len(row.assumed_fields) > 0))


MODEL = {
    "id": "nation-200b",
    "params_total_b": 200,
    "params_active_b": 20,
    "layers": 60,
    "context_tokens": 65536,
}
RATE = {"id": "ours", "model": "nation-200b", "accelerator": "b300", "tokens_per_s_per_accelerator": 4321.0,
        "input_tokens_per_request": 3000, "output_tokens_per_request": 500, "tokens_per_s_per_user": 40,
        "measured_on": "2026-05-01"}  # fmt: skip


def served(tiny: Make, read: float, speed: float, **more: Any) -> Any:
    size = {
        "by": "tokens-per-s",
        "input_tokens_per_request": read,
        "output_tokens_per_request": 500,
        "points": POINTS,
    }
    work = {"size": size, "model": "nation-200b", "latency_class": "standard", "tokens_per_s_per_user": speed}
    scenario = tiny(demand=work, models=[MODEL], **more)
    context = Context.of(scenario, CATALOG)
    return serving_rate(context, Throughput.of(scenario, CATALOG), scenario.demand[0], "b300")


def test_a_model_of_ones_own_is_worked_out_from_its_size(tiny: Make) -> None:
    found = estimate(
        model="nation-200b", accelerator="b300", scenario="server", params_total_b=200, params_active_b=20, n_layers=60,
        precision="fp8", input_tokens=3000, output_tokens=500, tokens_per_s_per_user=40, catalog=CATALOG,
    )  # fmt: skip
    assert served(tiny, 3000, 40).tokens_per_s == found.tokens_per_s_per_accelerator


def test_a_rate_of_ones_own_holds_where_it_was_measured_and_is_carried_over_elsewhere(tiny: Make) -> None:
    own = {"rates": [RATE]}
    here = served(tiny, 3000, 40, **own)
    assert (here.low, here.tokens_per_s, here.high) == (4321, 4321, 4321)
    assert "ours" in here.method and str(here.measured_on.date()) == "2026-05-01"
    plain_here, plain_there = served(tiny, 3000, 40), served(tiny, 9000, 40)
    there = served(tiny, 9000, 40, **own)
    assert there.tokens_per_s == pytest.approx(4321 * plain_there.tokens_per_s / plain_here.tokens_per_s)
    assert there.low < there.tokens_per_s < there.high


def test_a_named_model_beats_the_models_of_a_stack(tiny: Make) -> None:
    def rate(**work: Any) -> float:
        scenario = tiny(demand=work)
        context, throughput = Context.of(scenario, CATALOG), Throughput.of(scenario, CATALOG)
        return relative_rate(context, throughput, scenario.demand[0], "b300", "champion-own-models")[0]

    factor = CATALOG.value("layer_models", ("models-own", "large"), "rate_factor_mid")
    assert rate() == pytest.approx(factor)
    assert rate(model="gpt-oss-120b") == 1
