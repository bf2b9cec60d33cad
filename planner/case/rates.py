"""Work rates of offers: the stack's own model on a chip, protection in use, software gain over the years."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from planner.case.context import Context
from planner.case.demand import TRAINING_KINDS, reference_of, serving_rate
from planner.case.requests import Request, latency_scenario, request_of
from planner.case.roofline import BYTES_PER_PARAM, model_spec
from planner.case.throughput import SoftwareGain, Throughput, smallest_replica
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
        return _least(catalog, request.model, accelerator, None, None, _tokens_held(request))
    row = catalog.table("model_classes").loc[model_class]
    own = None if stack is None else layer_models(catalog, stack).get(model_class)
    row = row if own is None else own
    kept = min(BYTES_PER_PARAM, key=lambda k: abs(BYTES_PER_PARAM[k] - float(row["bytes_per_param"])))
    size = float(row["params_total_b"])
    return _least(catalog, str(row["model_id"]), accelerator, kept, size, _tokens_held(request))


def _tokens_held(request: Request | None) -> float | None:
    """Tokens of a context in cache; None for those of the benchmark."""
    if request is None or request.benchmark_lengths:
        return None
    return request.input_tokens + request.output_tokens


def _least(
    catalog: Catalog,
    model: str,
    accelerator: str,
    kept: str | None,
    size_b: float | None,
    tokens: float | None,
) -> int:
    spec = model_spec(catalog, model)
    held = spec.input_tokens + spec.output_tokens if tokens is None else tokens
    own_size = None if size_b is None or size_b == spec.params_total_b else size_b
    try:
        replica = smallest_replica(
            model, accelerator, kept, held, LEAST_REQUESTS, params_total_b=own_size, catalog=catalog
        )
    except MissingFact:  # memory or peak of the chip is not known
        return 0
    return replica.n_accelerators if replica.fits else 0


def relative_rate(
    context: Context, throughput: Throughput, w: Workload, accelerator: str, stack: str
) -> tuple[float, str, pd.Timestamp | None]:
    """Rate of a chip with the stack's model, relative to the reference chip with the benchmark of the class."""
    reference = reference_of(context, w)
    if w.kind in TRAINING_KINDS:
        ratio = throughput.training_flops(accelerator) / throughput.training_flops(reference)
        return ratio, "peak flops", None
    request = request_of(context, w)
    own = layer_model(context, stack, w.model_class) if request.of_class else None
    stands_for, factor = request.model, 1.0
    if own is not None:
        stands_for = str(own["model_id"])
        factor = float(own[context.column("layer_models", "rate_factor")])
    scenario = latency_scenario(context.catalog, w)
    rate = throughput.serving(stands_for, scenario, accelerator, request.conditions)
    base = serving_rate(context, throughput, w, reference)
    return factor * rate.tokens_per_s / base.tokens_per_s, rate.method, rate.measured_on


def confidential_factor(context: Context, w: Workload, accelerator: str, protection: str) -> float:
    """Throughput kept under confidential computing, by chip generation and use; 1 where not needed."""
    if protection != "confidential-computing":
        return 1.0
    generation = str(context.catalog.value("accelerators", accelerator, "confidential_computing"))
    use = "training" if w.kind in TRAINING_KINDS else "serving"
    table = context.catalog.table("confidential_computing")
    row = table[(table["generation"] == generation) & (table["use"] == use)]
    return float(row[context.column("confidential_computing", "throughput_factor")].iloc[0])


def rates_over_time(context: Context, pairs: pd.DataFrame, systems: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Expand (w, h, a, k) to periods: rate = relative x derate x software gain of the chip generation."""
    gain = SoftwareGain(context.catalog, context.catalog.cost_level("software_gain", "gain", context.level))
    accelerators = context.catalog.table("accelerators")
    when = np.array([context.calendar.year_fraction(t) for t in range(context.calendar.n)])
    factor: dict[tuple[str, Any], np.ndarray] = {}
    for pair in pairs.itertuples():
        accelerator = str(systems.loc[(pair.h, pair.a, pair.k), "accelerator"])
        key = (accelerator, pair.measured_on)
        if key not in factor:
            released = pd.Timestamp(accelerators.loc[accelerator, "released"])
            stamp = None if pd.isna(pair.measured_on) else pair.measured_on
            factor[key] = gain.factor(released, stamp, when)
        yield pd.DataFrame(
            {
                "w": pair.w,
                "h": pair.h,
                "a": pair.a,
                "k": pair.k,
                "t": np.arange(context.calendar.n),
                "rate": pair.relative * pair.derate * factor[key],
                "sigma": pair.sigma,
                "seal": pair.seal,
                "home_copy_musd_per_k_year": pair.home_copy_musd_per_k_year,
            }
        )
