"""What one request of a workload is: its lengths, what of it is cached, how quick it must be, how often it comes.

Every figure is the scenario's own, else that of the workload's use profile, else that of the benchmark which stands
for its class of model. Lengths and speed that are stated or of a profile set the rate of a chip; a workload without
them is served at the lengths and the speed of the benchmark, and a note says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from planner.case.context import Context
from planner.case.roofline import BYTES_PER_PARAM
from planner.facts.catalog import Catalog
from planner.facts.numbers import number
from planner.scenario.schema import OwnModel, OwnRate, Requests, Scenario, TrainingRuns, Users, Workload

Conditions = tuple[tuple[str, float | str], ...]
"""Names and values as ``throughput.estimate`` takes them: those that differ from the benchmark's."""

NOBODY_WAITS = "offline"


@dataclass(frozen=True)
class Request:
    """One request: tokens read and put out, share of those read that is cached, wanted tokens/s and wait (None: as
    the benchmark has it); requests of a user on an average day; busiest hour over the mean of the day.

    ``benchmark_lengths``: nobody said how long requests are; ``of_class``: the model is that of the workload's class;
    ``own_model``: the model as the scenario describes it.
    """

    model: str
    input_tokens: float
    output_tokens: float
    cached_share: float
    tokens_per_s_per_user: float | None
    ttft_s: float | None
    requests_per_user_day: float | None
    peak_factor: float
    benchmark_lengths: bool
    of_class: bool
    own_model: OwnModel | None = None

    @property
    def conditions(self) -> Conditions:
        """What an estimate of its rate must be told beside the model and the label of the latency class."""
        lengths = (
            {}
            if self.benchmark_lengths
            else {
                "input_tokens": self.input_tokens,
                "output_tokens": self.output_tokens,
                "prefix_hit": self.cached_share or None,
            }
        )
        speed = {"tokens_per_s_per_user": self.tokens_per_s_per_user, "ttft_s": self.ttft_s}
        return conditions_of(self.own_model, lengths | speed)


def request_of(context: Context, w: Workload) -> Request:
    """The request of a workload of a case, worked out once."""
    key = ("request", w.id)
    if key not in context.memo:
        context.memo[key] = read_request(context.catalog, w, context.scenario.models)
    found: Request = context.memo[key]
    return found


def read_request(catalog: Catalog, w: Workload, models: Sequence[OwnModel] = ()) -> Request:
    """The request of a workload; one in training has that of its model's benchmark. ``models``: the scenario's own."""
    profile = use_profile(catalog, w)
    model = w.model or _model_of(profile)
    own_model = next((m for m in models if m.id == model), None)
    of_class = str(catalog.value("model_classes", w.model_class, "model_id"))
    benchmark = catalog.table("models").loc[of_class if model is None or own_model else model]
    size = w.size if isinstance(w.size, Requests) else None

    def own(stated: float | None, column: str) -> float | None:
        if stated is not None or profile is None or pd.isna(profile[column]):
            return stated
        return float(profile[column])

    read = own(size.input_tokens_per_request if size else None, "input_tokens")
    put_out = own(size.output_tokens_per_request if size else None, "output_tokens")
    users = size if isinstance(size, Users) else None
    waits = latency_scenario(catalog, w) != NOBODY_WAITS
    return Request(
        model=of_class if model is None else model,
        input_tokens=float(benchmark["input_tokens"]) if read is None else read,
        output_tokens=float(benchmark["output_tokens"]) if put_out is None else put_out,
        cached_share=own(size.cached_share if size else None, "cached_share") or 0.0,
        tokens_per_s_per_user=own(w.tokens_per_s_per_user, "tokens_per_s_user")
        if waits
        else w.tokens_per_s_per_user,
        ttft_s=own(w.ttft_s, "ttft_s") if waits else w.ttft_s,
        requests_per_user_day=own(users.requests_per_user_day if users else None, "requests_per_user_day"),
        peak_factor=_peak_factor(catalog, w, profile),
        benchmark_lengths=read is None,
        of_class=model is None,
        own_model=own_model,
    )


def latency_scenario(catalog: Catalog, w: Workload) -> str:
    """The benchmark scenario of a workload's latency class."""
    return str(catalog.value("latency_classes", w.latency_class, "scenario"))


def use_profile(catalog: Catalog, w: Workload) -> pd.Series | None:
    return None if w.profile is None else catalog.table("use_profiles").loc[w.profile]


def _model_of(profile: pd.Series | None) -> str | None:
    """The model of a profile that no model of text serves."""
    return str(profile["model_id"]) if profile is not None and isinstance(profile["model_id"], str) else None


def context_tokens(catalog: Catalog, w: Workload, request: Request) -> float | None:
    """Most tokens of one request that its model takes; None where no limit is known."""
    if request.own_model is not None:
        return request.own_model.context_tokens
    table, key = ("model_classes", w.model_class) if request.of_class else ("models", request.model)
    limit = catalog.value(table, key, "context_tokens")
    return None if pd.isna(limit) else float(limit)


def conditions_of(model: OwnModel | None, told: Mapping[str, float | None]) -> Conditions:
    """What is said of a model of one's own and of its requests, in the words of an estimate."""
    size = {} if model is None else size_of(model)
    return tuple((name, value) for name, value in [*size.items(), *told.items()] if value is not None)


def measured_under(rate: OwnRate, models: Sequence[OwnModel]) -> Conditions:
    """The conditions under which a rate of one's own was measured."""
    told = {
        "input_tokens": rate.input_tokens_per_request,
        "output_tokens": rate.output_tokens_per_request,
        "prefix_hit": rate.cached_share or None,
        "tokens_per_s_per_user": rate.tokens_per_s_per_user,
        "ttft_s": rate.ttft_s,
    }
    return conditions_of(next((m for m in models if m.id == rate.model), None), told)


def size_of(model: OwnModel) -> dict[str, float | str | None]:
    """A model of one's own in the words of an estimate; None where the scenario does not say."""
    return {
        "params_total_b": model.params_total_b,
        "params_active_b": model.params_active_b,
        "n_layers": model.layers,
        "kv_bytes_per_token": model.cache_bytes_per_token,
        "precision": kept_format(model.bytes_per_param),
    }


def kept_format(bytes_per_param: float) -> str:
    """The format of weights of a size.

    >>> kept_format(0.55), kept_format(1), kept_format(2)
    ('fp4', 'fp8', 'bf16')
    """
    return min(BYTES_PER_PARAM, key=lambda name: abs(BYTES_PER_PARAM[name] - bytes_per_param))


def _peak_factor(catalog: Catalog, w: Workload, profile: pd.Series | None) -> float:
    if isinstance(w.size, Users) and w.size.peak_factor is not None:
        return w.size.peak_factor
    if w.load_by_hour is not None:
        return max(w.load_by_hour) * len(w.load_by_hour) / sum(w.load_by_hour)
    return catalog.param("peak_to_mean") if profile is None else float(profile["peak_to_mean"])


def lengths_taken(scenario: Scenario, catalog: Catalog) -> Iterator[tuple[str, str, str]]:
    """Workload, lengths and why, for each that does not say how long its requests are."""
    for w in scenario.demand:
        if isinstance(w.size, TrainingRuns) or w.kind in ("training", "fine-tuning"):
            continue
        request = read_request(catalog, w, scenario.models)
        if request.benchmark_lengths:
            of_class = catalog.value("model_classes", w.model_class, "model_id")
            row = catalog.table("models").loc[of_class if request.own_model else request.model]
            yield (
                w.id,
                f"{number(float(row['input_tokens']))} in, {number(float(row['output_tokens']))} out",
                "neither input_tokens_per_request nor a profile is stated: rates are those at the lengths of the "
                f"benchmark of {row['name']}",
            )
