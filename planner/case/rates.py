"""Work rates of offers: the stack's own model on a chip, protection in use, software gain over the years."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from planner.case.columns import records
from planner.case.context import Context
from planner.case.demand import TRAINING_KINDS, reference_of, serving_rate
from planner.case.requests import Request, kept_format, latency_scenario, request_of, size_of
from planner.case.roofline import model_spec
from planner.case.throughput import Rate, SoftwareGain, Throughput, smallest_replica
from planner.facts.catalog import Catalog
from planner.facts.errors import MissingFact
from planner.scenario.schema import Workload

LEAST_REQUESTS = 8
"""Requests in flight below which a replica wastes its weights' traffic: fewer do not count as serving."""


def layer_model(context: Context, stack: str, model_class: str) -> pd.Series | None:
    """The stack's own model for a model class: what stands for it in measurements, size and rate factor."""
    return layer_models(context.catalog, stack).get(model_class)


@lru_cache(maxsize=256)
def layer_models(catalog: Catalog, stack: str) -> dict[str, pd.Series]:
    """model class -> row of the table ``layer_models`` for the layers of a stack."""
    table = catalog.table("layer_models")
    layers = str(catalog.value("stacks", stack, "layers")).split(";")
    rows = table[table["layer_id"].isin(layers)]
    return {str(name): row for name, (_, row) in zip(rows["model_class"], rows.iterrows(), strict=True)}


@lru_cache(maxsize=1024)
def least_accelerators(
    catalog: Catalog,
    model_class: str,
    accelerator: str,
    stack: str | None = None,
    request: Request | None = None,
) -> int:
    """Fewest accelerators that serve the model of a class, or of the stack where it has its own; 0 if none can.

    Weights in the format the model is kept in, with the cache of ``LEAST_REQUESTS`` requests, those stated or of the
    benchmark; a replica stays inside one scale-up domain.
    """
    if request is not None and not request.of_class:
        own = request.own_model
        size = {} if own is None else size_of(own)
        kept = None if own is None else kept_format(own.bytes_per_param)
        sizes = {k: v for k, v in size.items() if k in REPLICA_SIZES}
        return _least(catalog, request.model, accelerator, kept, _tokens_held(request), sizes)
    row = catalog.table("model_classes").loc[model_class]
    stacks_own = None if stack is None else layer_models(catalog, stack).get(model_class)
    row = row if stacks_own is None else stacks_own
    size_b = float(row["params_total_b"])
    known = model_spec(catalog, str(row["model_id"]))
    return _least(
        catalog, str(row["model_id"]), accelerator, kept_format(float(row["bytes_per_param"])),
        _tokens_held(request) or known.input_tokens + known.output_tokens,
        {} if size_b == known.params_total_b else {"params_total_b": size_b},
    )  # fmt: skip


REPLICA_SIZES = ("params_total_b", "params_active_b", "kv_bytes_per_token")


def _tokens_held(request: Request | None) -> float:
    """Tokens of a context in cache; 0 where they are the benchmark's."""
    if request is None or (request.benchmark_lengths and request.of_class):
        return 0.0
    return request.input_tokens + request.output_tokens


def _least(
    catalog: Catalog, model: str, accelerator: str, kept: str | None, tokens: float, sizes: Mapping[str, Any]
) -> int:
    try:
        replica = smallest_replica(model, accelerator, kept, tokens, LEAST_REQUESTS, catalog=catalog, **sizes)
    except MissingFact:  # memory or peak of the chip is not known
        return 0
    return replica.n_accelerators if replica.fits else 0


def relative_rate(
    context: Context, throughput: Throughput, w: Workload, accelerator: str, stack: str
) -> tuple[float, str, pd.Timestamp | None]:
    """Rate of a chip with the stack's model, relative to the reference chip with the benchmark of the class."""
    key = ("relative rate", w.id, accelerator, stack)
    if key not in context.memo:  # every host asks for it
        context.memo[key] = _relative_rate(context, throughput, w, accelerator, stack)
    found: tuple[float, str, pd.Timestamp | None] = context.memo[key]
    return found


def _relative_rate(
    context: Context, throughput: Throughput, w: Workload, accelerator: str, stack: str
) -> tuple[float, str, pd.Timestamp | None]:
    reference = reference_of(context, w)
    if w.kind in TRAINING_KINDS:
        ratio = throughput.training_flops(accelerator) / throughput.training_flops(reference)
        return ratio, "peak flops", None
    rate, factor = stack_rate(context, throughput, w, accelerator, stack)
    base = serving_rate(context, throughput, w, reference)
    return factor * rate.tokens_per_s / base.tokens_per_s, rate.method, rate.measured_on


def stack_rate(
    context: Context, throughput: Throughput, w: Workload, accelerator: str, stack: str
) -> tuple[Rate, float]:
    """Serving rate of a chip with the model that stands for the stack's own, and the factor of that one."""
    request = request_of(context, w)
    own = layer_model(context, stack, w.model_class) if request.of_class else None
    stands_for, factor = request.model, 1.0
    if own is not None:
        stands_for = str(own["model_id"])
        factor = float(own[context.column("layer_models", "rate_factor")])
    scenario = latency_scenario(context.catalog, w)
    return throughput.serving(stands_for, scenario, accelerator, request.conditions), factor


def confidential_factor(context: Context, w: Workload, accelerator: str, protection: str) -> float:
    """Throughput kept under confidential computing, by chip generation and use; 1 where not needed."""
    if protection != "confidential-computing":
        return 1.0
    generation = str(context.catalog.value("accelerators", accelerator, "confidential_computing"))
    use = "training" if w.kind in TRAINING_KINDS else "serving"
    key = ("confidential factor", generation, use)
    if key not in context.memo:
        table = context.catalog.table("confidential_computing")
        row = table[(table["generation"] == generation) & (table["use"] == use)]
        column = context.column("confidential_computing", "throughput_factor")
        context.memo[key] = float(row[column].iloc[0])
    return float(context.memo[key])


def rates_over_time(context: Context, pairs: pd.DataFrame, systems: pd.DataFrame) -> pd.DataFrame:
    """Expand (w, h, a, k) to periods: rate = relative x derate x software gain of the chip generation."""
    gain = SoftwareGain(context.catalog, context.catalog.cost_level("software_gain", "gain", context.level))
    released, n = context.catalog.table("accelerators")["released"], context.calendar.n
    when = np.array([context.calendar.year_fraction(t) for t in range(n)])
    chips = systems["accelerator"].astype(str).to_dict()
    factor: dict[tuple[str, Any], np.ndarray] = {}
    factors = np.empty((len(pairs), n))
    for i, pair in enumerate(records(pairs)):
        key = (chips[pair.h, pair.a, pair.k], pair.measured_on)
        if key not in factor:
            stamp = None if pd.isna(pair.measured_on) else pair.measured_on
            factor[key] = gain.factor(pd.Timestamp(released[key[0]]), stamp, when)
        factors[i] = factor[key]
    alone = (pairs["relative"] * pairs["derate"]).to_numpy(float)
    table = pairs[["w", "h", "a", "k", "sigma", "seal", "home_copy_musd_per_k_year"]]
    table = table.take(np.repeat(np.arange(len(pairs)), n)).reset_index(drop=True)
    table = table.assign(t=np.tile(np.arange(n), len(pairs)), rate=(alone[:, None] * factors).ravel())
    return table[["w", "h", "a", "k", "t", "rate", "sigma", "seal", "home_copy_musd_per_k_year"]]
