"""What serving rates need to know of models and accelerators, and the smallest replica that holds a model.

Units: 1e9 parameters, GB = 1e9 bytes, dense TFLOPS, TB/s, tokens/s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import pandas as pd

from planner.case.names import accelerator_of, model_of
from planner.facts.catalog import Catalog, load_catalog
from planner.facts.errors import BadValue, MissingFact

MEMORY_FOR_USE = 0.92
"""Share of usable memory left for weights and cache after runtime and collectives (about 3.5 GB of 80)."""
OFFLINE_TOKENS_PER_S_USER = 2.0
"""Speed at which offline service stands: no user waits, so memory bounds the batch."""
TAIL = 1.15
"""Mean speed over the limit that 99 of 100 users must see: by judgement."""
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
    context_tokens: float | None = None
    interactive_speculative: bool = False
    known: bool = True

    def speed(self, scenario: str) -> float:
        """Mean tokens/s a user sees where a scenario's limit is just kept."""
        limits = {
            "server": self.server_tokens_per_s_user,
            "interactive": self.interactive_tokens_per_s_user,
        }
        return TAIL * limits[scenario] if scenario in limits else OFFLINE_TOKENS_PER_S_USER

    def drafted(self, scenario: str) -> bool:
        """Whether a scenario's benchmark is served with speculative decoding."""
        return scenario == "interactive" and self.interactive_speculative

    @property
    def experts(self) -> bool:
        """Whether it is a mixture of experts."""
        return self.params_active_b < 0.9 * self.params_total_b


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
        context_tokens=None if pd.isna(row["context_tokens"]) else float(row["context_tokens"]),
        interactive_speculative=bool(row["interactive_speculative"]),
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
    return ChipSpec(
        accelerator_id, str(row["vendor"]), str(row["generation"]), tflops,
        float(row["usable_mem_gb"]), float(row["hbm_tb_s"]), _racks(catalog).get(accelerator_id, 8), native,
        str(row["confidence"]),
    )  # fmt: skip


@lru_cache(maxsize=8)
def _racks(catalog: Catalog) -> dict[str, int]:
    """Accelerators of the largest rack of each kind."""
    systems = catalog.table("systems")
    largest = systems[systems["kind"] == "rack"].groupby("accelerator_id")["n_accelerators"].max()
    return {str(chip): int(n) for chip, n in largest.items()}


def serving_format(text: str | None) -> str | None:
    """Format of the weights: fp4, int4 (4 bits without 4-bit arithmetic), fp8, bf16; None where not stated.

    >>> serving_format("w4a16"), serving_format("NVFP4"), serving_format(None)
    ('int4', 'fp4', None)
    """
    if isinstance(text, str) and text.strip().lower() in ("int4", "w4a16", "awq", "gptq"):
        return "int4"
    return precision_class(text)


def bytes_per_param(precision: str) -> float:
    """Bytes of weights a parameter, in a format of ``BYTES_PER_PARAM`` or int4."""
    return BYTES_PER_PARAM["fp4" if precision == "int4" else precision]


def cache_bytes(model: ModelSpec, precision: str) -> float:
    """Bytes of cache a token: 8 bits where the weights are served in 8 or 4 with arithmetic of that width."""
    return model.kv_bytes_per_token * (0.5 if precision in ("fp4", "fp8") else 1.0)


def peak(chip: ChipSpec, precision: str) -> float:
    """Dense TFLOPS that serve a format: 4-bit weights run at 16 bits where the chip has no 4-bit arithmetic."""
    if precision == "int4" or (precision == "fp4" and chip.native != "fp4"):
        return chip.tflops["bf16"]
    return chip.tflops[precision]


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
    spec = replace(spec, kv_bytes_per_token=kv_bytes_per_token or spec.kv_bytes_per_token)
    chip = chip_spec(catalog, accelerator_of(catalog, accelerator))
    kind = precision_class(precision) or chip.native
    weights = spec.params_total_b * bytes_per_param(kind)
    cache = concurrency * context_tokens * cache_bytes(spec, kind) / 1e9
    each = chip.memory_gb * MEMORY_FOR_USE
    sizes = sorted({g for g in (1, 2, 4, 8, 16, 32, 64) if g < chip.scale_up} | {chip.scale_up})
    n = next((g for g in sizes if g * each >= weights + cache), 0)
    fits = n > 0
    n = n or chip.scale_up * math.ceil((weights + cache) / (chip.scale_up * each))
    return Replica(n, chip.scale_up, weights, cache, n * chip.memory_gb, fits)
