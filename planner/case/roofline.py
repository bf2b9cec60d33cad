"""Upper bound of serving speed from arithmetic, memory traffic and memory size; and the smallest replica.

One decoding step of a replica of g accelerators with B requests in flight takes the larger of

    arithmetic   B * 2 * active parameters * (1 + input/output) / (0.45 * peak * g)
    memory       (weights touched + B * cache of a mean context) / (0.7 * bandwidth * g)

plus 0.3 of the smaller (they overlap in part) and 40 microseconds a layer, half as much again for every
doubling of g (launches, collectives). Prompts are worked off between steps, hence the factor
1 + input/output. A mixture of experts touches active + (total - active)(1 - exp(-B active/total)) weights.
B is bounded by memory and by the speed a user must see. The best g wins. 0.45 and 0.7 lie within what
profiling tools assume (0.4-0.6 of peak, 0.8 of bandwidth, 3 us a kernel); the fit of ``throughput_fit``
learns what they miss, by family of chip and phase. Units: tokens/s, GB = 1e9 bytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd

from planner.case.names import accelerator_of, model_of
from planner.facts.catalog import Catalog, load_catalog
from planner.facts.errors import BadValue, MissingFact

ARITHMETIC_EFFICIENCY = 0.45
BANDWIDTH_EFFICIENCY = 0.7
OVERLAP_LEFT = 0.3
STEP_SECONDS_PER_LAYER = 40e-6
MEMORY_FOR_USE = 0.92
"""Share of usable memory left for weights and cache after runtime and collectives (about 3.5 GB of 80)."""
MOST_REQUESTS_PER_ACCELERATOR = 2048
REQUEST_OVERHEAD_BYTES = 1e6
OFFLINE_TOKENS_PER_S_USER = 0.5
GROUPS = (1, 2, 4, 8, 16, 36, 72)
BYTES_PER_PARAM = {"fp4": 0.56, "fp8": 1.0, "bf16": 2.0}
"""Weight storage: 4-bit formats carry scales of 8 bits for 16 or 32 values."""
PRECISION_NAMES = {
    "fp4": "fp4", "mxfp4": "fp4", "nvfp4": "fp4", "int4": "fp4", "w4a16": "fp4",
    "fp8": "fp8", "int8": "fp8", "mxfp8": "fp8", "bf16": "bf16", "fp16": "bf16", "bf16/fp16": "bf16",
    "fp32": "bf16", "tf32": "bf16",
}  # fmt: skip


@dataclass(frozen=True)
class ModelSpec:
    """What serving a model costs: parameters (1e9), cache (bytes a token at 16 bits), request lengths."""

    model_id: str
    params_total_b: float
    params_active_b: float
    n_layers: float
    kv_bytes_per_token: float
    input_tokens: float = 1000.0
    output_tokens: float = 1000.0
    server_tokens_per_s_user: float = 10.0
    interactive_tokens_per_s_user: float = 33.0
    metric_unit: str = "tokens/s"
    known: bool = True

    def limit(self, scenario: str) -> float:
        """Slowest tokens/s a user may see."""
        return {
            "server": self.server_tokens_per_s_user,
            "interactive": self.interactive_tokens_per_s_user,
        }.get(scenario, OFFLINE_TOKENS_PER_S_USER)


@dataclass(frozen=True)
class ChipSpec:
    """Peaks of one accelerator: dense TFLOPS by precision, memory, bandwidth; size of its scale-up domain."""

    accelerator_id: str
    vendor: str
    generation: str
    tflops: dict[str, float]
    memory_gb: float
    bandwidth_tb_s: float
    scale_up: int
    native: str
    confidence: str

    def __hash__(self) -> int:
        return hash(self.accelerator_id)


@dataclass(frozen=True)
class Replica:
    """Smallest group that holds a model with its cache; ``fits`` is false if the scale-up domain cannot."""

    n_accelerators: int
    scale_up_domain: int
    weights_gb: float
    cache_gb: float
    memory_gb: float
    fits: bool


def precision_class(text: str | None) -> str | None:
    """fp4, fp8 or bf16; the first format named in a mixed one.

    >>> precision_class("fp8 unet + fp16/fp32"), precision_class("NVFP4")
    ('fp8', 'fp4')
    """
    if text is None or pd.isna(text) or not str(text).strip():
        return None
    whole = str(text).lower().strip()
    for part in (whole, *whole.replace(",", " ").replace("/", " ").split()):
        if part in PRECISION_NAMES:
            return PRECISION_NAMES[part]
    raise BadValue(f"no precision {text!r}; allowed {', '.join(sorted(PRECISION_NAMES))}")


@lru_cache(maxsize=64)
def model_spec(catalog: Catalog, name: str) -> ModelSpec:
    """A model of the catalog; raises ``UnknownName``."""
    row = catalog.table("models").loc[model_of(catalog, name)]
    return ModelSpec(
        model_id=str(row["model_id"]),
        params_total_b=float(row["params_total_b"]),
        params_active_b=float(row["params_active_b"]),
        n_layers=float(row["n_layers"]),
        kv_bytes_per_token=float(row["kv_bytes_per_token"]),
        input_tokens=float(row["input_tokens"]),
        output_tokens=float(row["output_tokens"]),
        server_tokens_per_s_user=float(row["server_tokens_per_s_user"]),
        interactive_tokens_per_s_user=float(row["interactive_tokens_per_s_user"]),
        metric_unit=str(row["metric_unit"]),
    )


def generic_model(name: str, params_total_b: float, params_active_b: float | None = None) -> ModelSpec:
    """A model known by its size only. Layers and cache follow the Llama family: 32 and 128 KiB at 8 billion
    active parameters, 80 and 320 at 70, 126 and 504 at 405, a power of 0.35 in between.
    """
    active = params_active_b or params_total_b
    if not 0 < active <= params_total_b:
        raise BadValue(f"params_active_b {active} must lie in (0, params_total_b = {params_total_b}]")
    size = (max(active, math.sqrt(active * params_total_b) / 2) / 8.0) ** 0.35
    return ModelSpec(name, params_total_b, active, 32.0 * size, 131072.0 * size, known=False)


@lru_cache(maxsize=64)
def chip_spec(catalog: Catalog, accelerator_id: str) -> ChipSpec:
    """Peaks of an accelerator; a missing 8-bit or 4-bit peak falls back to the next wider format's."""
    row = catalog.table("accelerators").loc[accelerator_id]
    if pd.isna(row["bf16_dense_tflops"]) or pd.isna(row["hbm_tb_s"]) or pd.isna(row["usable_mem_gb"]):
        raise MissingFact(
            f"{accelerator_id}: peak, bandwidth or memory is not known, so no rate can be bounded"
        )
    bf16 = float(row["bf16_dense_tflops"])
    tflops = {"bf16": bf16}
    native = "bf16"
    for name, wider in (("fp8", "bf16"), ("fp4", "fp8")):
        peak = row[f"{name}_dense_tflops"]
        tflops[name] = tflops[wider] if pd.isna(peak) else float(peak)
        native = native if pd.isna(peak) else name
    systems = catalog.table("systems")
    racks = systems[(systems["accelerator_id"] == accelerator_id) & (systems["kind"] == "rack")]
    domain = int(racks["n_accelerators"].max()) if len(racks) else 8
    return ChipSpec(
        accelerator_id, str(row["vendor"]), str(row["generation"]), tflops,
        float(row["usable_mem_gb"]), float(row["hbm_tb_s"]), domain, native,
        str(row["confidence"]),
    )  # fmt: skip


def roofline_rate(
    model: ModelSpec,
    chip: ChipSpec,
    precision: str,
    tokens_per_s_user: float,
    n_accelerators: int | None = None,
    group: int | None = None,
    requests: float | None = None,
) -> float:
    """Output tokens (or images) per second of one accelerator, before what the fit learns.

    ``group`` and ``requests`` (in flight per replica) are chosen for the highest rate unless stated. Where
    no group meets the memory or the speed a user must see, half the rate of a single request is returned.
    """
    most = n_accelerators or chip.scale_up
    groups = [group] if group else [g for g in GROUPS if g == 1 or g <= most]
    rates = [r for g in groups if (r := _group_rate(model, chip, precision, tokens_per_s_user, g, requests))]
    if not rates:
        needed = _weights_bytes(model, precision) / (chip.memory_gb * 1e9 * MEMORY_FOR_USE)
        g = max(math.ceil(needed * 1.05), 1)
        rates = [_group_rate(model, chip, precision, tokens_per_s_user, g, requests) or 1e-3]
    return max(rates)


def _weights_bytes(model: ModelSpec, precision: str) -> float:
    return model.params_total_b * 1e9 * BYTES_PER_PARAM[precision]


def _group_rate(
    model: ModelSpec, chip: ChipSpec, precision: str, limit: float, g: int, requests: float | None
) -> float:
    memory = g * chip.memory_gb * 1e9 * MEMORY_FOR_USE
    weights = _weights_bytes(model, precision)
    if weights > memory:
        return 0.0
    cache = model.kv_bytes_per_token * (1.0 if precision == "bf16" else 0.5)
    context = model.input_tokens + model.output_tokens / 2.0
    most = (memory - weights) / (cache * context + REQUEST_OVERHEAD_BYTES)
    most = max(min(most, MOST_REQUESTS_PER_ACCELERATOR * g), 1.0)
    b = np.array([min(requests, most)]) if requests else np.geomspace(1.0, most, 40)
    active, total = model.params_active_b * 1e9, model.params_total_b * 1e9
    covered = 1.0 - np.exp(-b * active / total)
    touched = np.where(active < 0.9 * total, np.maximum(active, total * covered), total)
    flops = b * 2.0 * active * (1.0 + model.input_tokens / model.output_tokens)
    arithmetic = flops / (ARITHMETIC_EFFICIENCY * chip.tflops[precision] * 1e12 * g)
    traffic = touched * BYTES_PER_PARAM[precision] + b * cache * context
    reading = traffic / (BANDWIDTH_EFFICIENCY * chip.bandwidth_tb_s * 1e12 * g)
    step = np.maximum(arithmetic, reading) + OVERLAP_LEFT * np.minimum(arithmetic, reading)
    step = step + STEP_SECONDS_PER_LAYER * model.n_layers * (1.0 + 0.5 * math.log2(g))
    rate = np.where(step <= 1.0 / limit, b / step / g, 0.0)
    best = float(rate.max())
    return best if best > 0 else float(0.5 * b[0] / step[0] / g)


def smallest_replica(
    model: str,
    accelerator: str,
    precision: str | None = None,
    context_tokens: float = 8192.0,
    concurrency: float = 1.0,
    *,
    params_total_b: float | None = None,
    params_active_b: float | None = None,
    kv_bytes_per_token: float | None = None,
    catalog: Catalog | None = None,
) -> Replica:
    """Fewest accelerators (a power of two, or a whole rack) that hold weights and ``concurrency`` contexts.

    Memory needed = parameters x bytes + concurrency x context x cache bytes a token, within 92 % of the
    usable memory. A replica stays inside one scale-up domain; ``fits`` says whether it can.
    """
    catalog = catalog or load_catalog()
    if context_tokens <= 0 or concurrency <= 0:
        raise BadValue("context_tokens and concurrency must be positive")
    spec = (
        generic_model(model, params_total_b, params_active_b)
        if params_total_b
        else model_spec(catalog, model)
    )
    cache_bytes = kv_bytes_per_token or spec.kv_bytes_per_token
    chip = chip_spec(catalog, accelerator_of(catalog, accelerator))
    kind = precision_class(precision) or chip.native
    weights = _weights_bytes(spec, kind) / 1e9
    cache = concurrency * context_tokens * cache_bytes * (1.0 if kind == "bf16" else 0.5) / 1e9
    each = chip.memory_gb * MEMORY_FOR_USE
    sizes = sorted({g for g in (1, 2, 4, 8, 16, 32, 64) if g < chip.scale_up} | {chip.scale_up})
    n = next((g for g in sizes if g * each >= weights + cache), 0)
    fits = n > 0
    n = n or chip.scale_up * math.ceil((weights + cache) / (chip.scale_up * each))
    return Replica(n, chip.scale_up, weights, cache, n * chip.memory_gb, fits)


def with_lengths(model: ModelSpec, input_tokens: float | None, output_tokens: float | None) -> ModelSpec:
    """The model with other request lengths."""
    return replace(
        model,
        input_tokens=input_tokens or model.input_tokens,
        output_tokens=output_tokens or model.output_tokens,
    )
