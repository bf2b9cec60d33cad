"""Accelerator-hours of training: 6 N D floating-point operations at the efficiency published runs reached.

    accelerator_hours(70, 15_000, "h100", n_accelerators=8192).mid

hours = 6 x active parameters x tokens / (dense bf16 peak x efficiency x 3600). Efficiency is relative to
the bf16 peak for every precision, so 8-bit and 4-bit runs may exceed 1. Three kinds of run differ:

- ``pretraining``: a whole run with restarts, evaluations and failures. Few are published, so the parameter
  ``training_run_efficiency`` (quartiles of 21 runs) is the prior and the runs of the catalog move it. It falls
  with the peak, which memory and networks do not follow; by ``goodput``, the share of time that interruptions
  leave; and for a mixture of experts by a factor of the generation (``training_moe_factor_...``).
- ``benchmark``: a short, tuned 8- or 4-bit slice; small models spread over many accelerators lose much.
- ``fine-tuning``: low-rank adapters, short and tuned.

``auto`` takes pretraining, unless a format of 8 or 4 bits is stated together with at most 20 billion tokens
(benchmark) or 0.2 billion (fine-tuning). The fit is a hierarchical log-linear model as in
``throughput_fit``: level and slopes by kind, effects of family, chip, model and laboratory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from planner.case.names import accelerator_of
from planner.case.roofline import precision_class
from planner.case.throughput_fit import Z80
from planner.case.training_runs import USUAL_SIZE, WHOLE, goodput, log_known, published_runs
from planner.facts.catalog import Catalog, load_catalog
from planner.facts.errors import BadValue
from planner.facts.suggest import hint

KINDS = ("pretraining", "benchmark", "fine-tuning")
BENCHMARK_TOKENS_B = 20.0
FINE_TUNING_TOKENS_B = 0.2
BILLION_PARAMS_PER_ACCELERATOR = {"pretraining": 100.0, "benchmark": 8.0, "fine-tuning": 8.0}
"""Accelerators per billion parameters at which spreading a run begins to cost."""
REDUCED_FORMAT = {"bf16": (0.0, 0.0), "fp8": (math.log(1.15), 0.2), "fp4": (math.log(1.3), 0.3)}
"""Gain of log efficiency and its spread for whole runs in 8 and 4 bits: by judgement. DeepSeek-V3, in 8
bits, reached a usual third of the bf16 peak; benchmark slices reach far more."""

LEVEL_SD = 0.08
"""The median of 21 runs is known to about this."""
PEAK_MIDDLE_TFLOPS, PEAK_SLOPE = 555.0, -0.2
"""The median is of runs on A100 and H100: it holds midway between their peaks (in logs). Between the two, the
best published shares of the peak fall from 52 % to 41 %, which is this slope; the runs may move it."""
SPREAD = {
    "peak": 0.15, "spreading": 0.1, "params": 0.05, "family": 0.06, "chip": 0.06,
    "kind": 0.5, "kind*spreading": 0.5, "kind*family": 0.15, "kind*chip": 0.12,
    "kind*model": 0.2, "kind*model*spreading": 0.3, "lab": 0.22,
}  # fmt: skip
"""Prior standard deviations in log efficiency; those of ``kind`` hold for short runs, ``lab`` and ``peak`` for whole."""
NOT_LISTED = "not listed"
ROUNDS = 4
"""Rounds in which hours and the fleet of a run with a deadline settle."""
NOISE = {"pretraining": 0.25, "benchmark": 0.1, "fine-tuning": 0.1}


@dataclass(frozen=True)
class TrainingHours:
    """Accelerator-hours with a central 80 % interval; ``efficiency`` relative to the dense bf16 peak."""

    mid: float
    low: float
    high: float
    method: str
    kind: str
    efficiency: float
    flops: float
    accelerator: str
    based_on: int
    goodput: float = 1.0


@dataclass(frozen=True)
class _Runs:
    """Features of runs, arrays of one length."""

    kind: np.ndarray
    family: np.ndarray
    chip: np.ndarray
    model: np.ndarray
    lab: np.ndarray
    spreading: np.ndarray
    params: np.ndarray
    peak: np.ndarray

    @classmethod
    def of(cls, rows: pd.DataFrame) -> _Runs:
        """From columns kind, family, chip, model, lab, n, params_active_b, peak_tflops."""
        kind = rows["kind"].to_numpy(str)
        size = np.array([USUAL_SIZE[k] for k in kind], dtype=float)
        n = np.where(rows["n"].isna(), size, rows["n"].to_numpy(float))
        per = np.array([BILLION_PARAMS_PER_ACCELERATOR[k] for k in kind])
        params = rows["params_active_b"].to_numpy(float)
        family, chip, model, lab = (
            rows[c].fillna("").to_numpy(str) for c in ("family", "chip", "model", "lab")
        )
        peak = np.where(kind == WHOLE, np.log(rows["peak_tflops"].to_numpy(float) / PEAK_MIDDLE_TFLOPS), 0.0)
        return cls(kind, family, chip, model, lab, np.log1p(n / (per * params)), np.log(params / 70.0), peak)


class TrainingFit:
    """Log efficiency of runs given published ones."""

    def __init__(self, rows: pd.DataFrame, level: float, level_sd: float = LEVEL_SD):
        self.rows, self.level, self.level_sd = rows.reset_index(drop=True), level, level_sd
        self.runs = _Runs.of(self.rows)
        noise = np.array([NOISE[k] for k in self.runs.kind]) ** 2
        self.precision = np.linalg.inv(self._covariance(self.runs, self.runs) + np.diag(noise))
        expected = level + PEAK_SLOPE * self.runs.peak + self.rows["log_known"].to_numpy(float)
        self.weights = self.precision @ (self.rows["log_efficiency"].to_numpy(float) - expected)

    def predict(self, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the log efficiency of new runs."""
        at = _Runs.of(rows)
        across = self._covariance(at, self.runs)
        own = np.diag(self._covariance(at, at)) + np.array([NOISE[k] for k in at.kind]) ** 2
        spread = own - np.einsum("ij,jk,ik->i", across, self.precision, across)
        expected = self.level + PEAK_SLOPE * at.peak + rows["log_known"].to_numpy(float)
        return expected + across @ self.weights, np.sqrt(np.maximum(spread, 1e-4))

    def left_out(self, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Error of log efficiency and its standard deviation, rows of each group left out together."""
        error, sd = np.empty(len(group)), np.empty(len(group))
        for g in np.unique(group):
            own = np.flatnonzero(group == g)
            block = np.linalg.inv(self.precision[np.ix_(own, own)])
            error[own], sd[own] = block @ self.weights[own], np.sqrt(np.diag(block))
        return error, sd

    def _covariance(self, a: _Runs, b: _Runs) -> np.ndarray:
        same = {
            n: getattr(a, n)[:, None] == getattr(b, n)[None, :] for n in ("kind", "family", "chip", "model")
        }
        both_whole = np.outer(a.kind == WHOLE, b.kind == WHOLE)
        same["kind"] = same["kind"] & ~both_whole
        same["lab"] = (a.lab[:, None] == b.lab[None, :]) & both_whole
        slope = {n: np.outer(getattr(a, n), getattr(b, n)) for n in ("spreading", "params", "peak")}
        out = np.full((len(a.kind), len(b.kind)), self.level_sd**2)
        for effect, spread in SPREAD.items():
            term: np.ndarray = np.ones_like(out)
            for part in effect.split("*"):
                term = term * (slope[part] if part in slope else same[part])
            out += spread**2 * term
        return out


@lru_cache(maxsize=8)
def training_fit(catalog: Catalog) -> TrainingFit:
    """Fit to the published runs of a catalog; the parameter ``training_run_efficiency`` is the prior."""
    return TrainingFit(published_runs(catalog), math.log(catalog.param("training_run_efficiency")))


def accelerator_hours(
    params_active_b: float,
    tokens_b: float,
    accelerator: str,
    precision: str | None = None,
    n_accelerators: int | None = None,
    *,
    params_total_b: float | None = None,
    kind: str = "auto",
    catalog: Catalog | None = None,
) -> TrainingHours:
    """Hours of ``accelerator`` to train ``params_active_b`` (1e9) on ``tokens_b`` (1e9) tokens.

    ``params_total_b`` says that the model is a mixture of experts.

    Raises ``BadValue`` for sizes that are not positive or an unknown kind, ``UnknownName`` for an
    accelerator that is not in the catalog.
    """
    for name, value in (("params_active_b", params_active_b), ("tokens_b", tokens_b)):
        if not value > 0:
            raise BadValue(f"{name} must be positive, not {value!r}")
    n_accelerators = None if n_accelerators is not None and pd.isna(n_accelerators) else n_accelerators
    if n_accelerators is not None and not n_accelerators > 0:
        raise BadValue(f"n_accelerators must be positive, not {n_accelerators!r}")
    if params_total_b is not None and params_total_b < params_active_b:
        raise BadValue(f"params_total_b {params_total_b:g} is below the {params_active_b:g} that are active")
    if kind not in ("auto", *KINDS):
        raise BadValue(f"no kind of training {kind!r}{hint(kind, ['auto', *KINDS])}")
    catalog = catalog or load_catalog()
    chip = accelerator_of(catalog, accelerator)
    row = catalog.table("accelerators").loc[chip]
    narrow = narrowest(precision)
    kind = _kind(narrow, tokens_b) if kind == "auto" else kind
    fit = training_fit(catalog)
    question = pd.DataFrame(
        [
            {
                "kind": kind,
                "family": row["generation"],
                "chip": chip,
                "model": _published_model(fit, kind, params_active_b),
                "lab": NOT_LISTED,
                "n": float(n_accelerators) if n_accelerators else np.nan,
                "params_active_b": params_active_b,
                "peak_tflops": float(row["bf16_dense_tflops"]),
                "log_known": log_known(catalog, kind, chip, n_accelerators, params_active_b, params_total_b),
            }
        ]
    )
    (mean,), (sd,) = fit.predict(question)
    if kind == WHOLE and narrow in REDUCED_FORMAT and not pd.isna(row[f"{narrow}_dense_tflops"]):
        gain, doubt = REDUCED_FORMAT[narrow]
        mean, sd = mean + gain, math.hypot(sd, doubt)
    flops = 6.0 * params_active_b * tokens_b * 1e18
    efficiency = math.exp(mean)
    mid = flops / (float(row["bf16_dense_tflops"]) * 1e12 * efficiency * 3600.0)
    spread = math.exp(Z80 * sd)
    alike = int((fit.rows["kind"] == kind).sum())
    method = f"6 N D at the efficiency of {alike} published {'runs' if kind == WHOLE else kind + ' runs'}"
    works = goodput(n_accelerators or USUAL_SIZE[kind], catalog) if kind == WHOLE else 1.0
    return TrainingHours(mid, mid / spread, mid * spread, method, kind, efficiency, flops, chip, alike, works)


def hours_within(
    days: float, params_active_b: float, tokens_b: float, accelerator: str, **options: Any
) -> TrainingHours:
    """Hours of a whole run that must end within ``days``: a shorter time needs a larger fleet, which is
    interrupted more often and so needs more hours. The fleet is ``mid / (24 days)``.
    """
    if not days > 0:
        raise BadValue(f"days must be positive, not {days!r}")
    found = accelerator_hours(params_active_b, tokens_b, accelerator, kind=WHOLE, **options)
    last = 0
    for _ in range(ROUNDS):
        n = max(1, math.ceil(found.mid / (24.0 * days)))
        if n == last:
            break
        last = n
        found = accelerator_hours(
            params_active_b, tokens_b, accelerator, n_accelerators=n, kind=WHOLE, **options
        )
    return found


def _published_model(fit: TrainingFit, kind: str, params_active_b: float) -> str:
    """The model of published short runs that has this size (within 2 %), since a benchmark is one model."""
    rows = fit.rows[(fit.rows["kind"] == kind) & (kind != WHOLE)]
    near = rows[(rows["params_active_b"] / params_active_b - 1.0).abs() <= 0.02]
    return str(near["model"].iloc[0]) if len(near) else NOT_LISTED


def narrowest(precision: str | None) -> str:
    """The narrowest format named; bf16 where none is.

    >>> narrowest("fp8/fp4"), narrowest("bf16/fp16"), narrowest(None)
    ('fp4', 'bf16', 'bf16')
    """
    stated = "" if precision is None or pd.isna(precision) else str(precision)
    found = {precision_class(p) for p in stated.replace("+", "/").split("/")}
    return next((f for f in ("fp4", "fp8") if f in found), "bf16")


def _kind(narrow: str, tokens_b: float) -> str:
    if narrow == "bf16" or tokens_b > BENCHMARK_TOKENS_B:
        return WHOLE
    return "fine-tuning" if tokens_b <= FINE_TUNING_TOKENS_B else "benchmark"
