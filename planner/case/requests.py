"""What one request of a workload is: its lengths, what of it is cached, how quick it must be, how often it comes.

Every figure is the scenario's own, else that of the workload's use profile, else that of the benchmark which stands
for its class of model. Lengths and speed that are stated or of a profile set the rate of a chip; a workload without
them is served at the lengths and the speed of the benchmark, and a note says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from planner.case.context import Context
from planner.facts.catalog import Catalog
from planner.facts.numbers import number
from planner.scenario.schema import Requests, Scenario, TrainingRuns, Users, Workload

Conditions = tuple[tuple[str, float], ...]
"""Names and values as ``throughput.estimate`` takes them: those that differ from the benchmark's."""

NOBODY_WAITS = "offline"


@dataclass(frozen=True)
class Request:
    """One request: tokens read and put out, share of those read that is cached, wanted tokens/s and wait (None: as
    the benchmark has it); requests of a user on an average day; busiest hour over the mean of the day.

    ``benchmark_lengths``: nobody said how long requests are; ``of_class``: the model is that of the workload's class.
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

    @property
    def conditions(self) -> Conditions:
        """What an estimate of its rate must be told beside the model and the label of the latency class."""
        lengths = [("input_tokens", self.input_tokens), ("output_tokens", self.output_tokens),
                   ("prefix_hit", self.cached_share or None)]  # fmt: skip
        speed = [("tokens_per_s_per_user", self.tokens_per_s_per_user), ("ttft_s", self.ttft_s)]
        told = [] if self.benchmark_lengths else lengths
        return tuple((name, value) for name, value in [*told, *speed] if value is not None)


def request_of(context: Context, w: Workload) -> Request:
    """The request of a workload of a case, worked out once."""
    key = ("request", w.id)
    if key not in context.memo:
        context.memo[key] = read_request(context.catalog, w)
    found: Request = context.memo[key]
    return found


def read_request(catalog: Catalog, w: Workload) -> Request:
    """The request of a workload; one in training has that of its model's benchmark."""
    profile = use_profile(catalog, w)
    model = served_model(catalog, w)
    benchmark = catalog.table("models").loc[model]
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
        model=model,
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
        of_class=profile is None or not isinstance(profile["model_id"], str),
    )


def latency_scenario(catalog: Catalog, w: Workload) -> str:
    """The benchmark scenario of a workload's latency class."""
    return str(catalog.value("latency_classes", w.latency_class, "scenario"))


def use_profile(catalog: Catalog, w: Workload) -> pd.Series | None:
    return None if w.profile is None else catalog.table("use_profiles").loc[w.profile]


def served_model(catalog: Catalog, w: Workload) -> str:
    """The model whose rates count: that of the profile where it needs one of its own, else that of the class."""
    profile = use_profile(catalog, w)
    if profile is not None and isinstance(profile["model_id"], str):
        return str(profile["model_id"])
    return str(catalog.value("model_classes", w.model_class, "model_id"))


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
        request = read_request(catalog, w)
        if request.benchmark_lengths:
            row = catalog.table("models").loc[request.model]
            yield (
                w.id,
                f"{number(float(row['input_tokens']))} in, {number(float(row['output_tokens']))} out",
                f"neither input_tokens_per_request nor a profile is stated: rates are those at the lengths of the "
                f"benchmark of model class {w.model_class}, {row['name']}",
            )
