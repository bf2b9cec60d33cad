"""Conditions of a serving estimate: names resolved, defaults filled in, turned into features of the fit.

What is not stated is taken as the benchmark has it, in the format and system size usual for the chip.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date as Date
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from planner.case.names import accelerator_of
from planner.case.periods import HOURS_PER_YEAR
from planner.case.roofline import (
    ChipSpec,
    ModelSpec,
    chip_spec,
    generic_model,
    model_spec,
    precision_class,
    roofline_rate,
    with_lengths,
)
from planner.facts.catalog import Catalog
from planner.facts.errors import BadValue, UnknownName
from planner.facts.suggest import hint

SCENARIOS = ("server", "interactive", "offline")
CONDITIONS = (
    "precision", "n_accelerators", "input_tokens", "output_tokens", "concurrency", "tokens_per_s_per_user", "tp",
    "framework", "date", "params_total_b", "params_active_b", "n_layers",
    "kv_bytes_per_token", "latency_constraint", "submitter", "system", "ttft_s",
    "speculative", "prefix_hit", "deployment",
)  # fmt: skip
SYNONYMS = {
    "n_accel": "n_accelerators", "isl": "input_tokens", "osl": "output_tokens",
    "interactivity": "tokens_per_s_per_user", "tokens_per_s_user": "tokens_per_s_per_user",
    "measured_on": "date", "source_date": "date", "latency_limit": "latency_constraint", "system_name": "system",
    "tensor_parallel": "tp",
}  # fmt: skip
LENGTHS = re.compile(r"([\d.]+)(k?) in / ([\d.]+)(k?) out(?: at ([\d.]+) tok/s/user)?")
USER_SPEED = re.compile(r">=\s*([\d.]+)\s*tok/s/user|\(([\d.]+) tok/s/user\)|TPOT\s*<=\s*([\d.]+)\s*ms")


@dataclass(frozen=True)
class Question:
    """Conditions with names resolved and defaults filled in."""

    model: ModelSpec
    chip: ChipSpec
    scenario: str
    precision: str
    n: int
    software: str
    year: float
    user_speed: float
    other_lengths: bool
    group: int | None
    requests: float | None

    def situation(self) -> dict[str, str | float]:
        m, c = self.model, self.chip
        roof = roofline_rate(m, c, self.precision, self.user_speed, self.n, self.group, self.requests)
        roof = roof / m.output_tokens if m.metric_unit == "queries/s" else roof
        return {
            "model": m.model_id, "chip": c.accelerator_id, "family": c.generation, "vendor": c.vendor,
            "scenario": self.scenario, "precision": self.precision, "software": self.software,
            "unit": m.metric_unit, "roof": np.log(roof), "active": np.log(m.params_active_b),
            "experts": np.log(m.params_total_b / m.params_active_b), "flops": np.log(c.tflops["bf16"]),
            "bandwidth": np.log(c.bandwidth_tb_s), "year": self.year, "size": np.log2(self.n),
            "prompt": np.log1p(m.input_tokens / m.output_tokens),
            "context": np.log(m.input_tokens + m.output_tokens / 2.0),
            "lengths": "own" if self.other_lengths else "benchmark",
            "other_lengths": float(self.other_lengths),
        }  # fmt: skip


def read_conditions(conditions: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in conditions.items():
        key = SYNONYMS.get(name, name)
        if key not in CONDITIONS:
            raise TypeError(
                f"estimate() has no condition {name!r}{hint(name, list(CONDITIONS))}; allowed {', '.join(CONDITIONS)}"
            )
        if value is not None and not (isinstance(value, float) and np.isnan(value)) and value != "":
            given[key] = value
    for name in (
        "n_accelerators",
        "input_tokens",
        "output_tokens",
        "concurrency",
        "tokens_per_s_per_user",
        "ttft_s",
        "tp",
        "params_total_b",
        "params_active_b",
    ):
        if name in given and not float(given[name]) > 0:
            raise BadValue(f"{name} must be positive, not {given[name]!r}")
    return given


def ask(
    catalog: Catalog, model: str, accelerator: str, scenario: str, given: dict[str, Any]
) -> tuple[Question, dict[str, Any]]:
    key = str(scenario).strip().lower()
    classes = _latency_classes(catalog)
    key = key if key in SCENARIOS else classes.get(key, key)
    if (found := LENGTHS.search(key)) is not None:
        isl, k_in, osl, k_out, speed = found.groups()
        said = {
            "input_tokens": float(isl) * (1000 if k_in else 1),
            "output_tokens": float(osl) * (1000 if k_out else 1),
        }
        given = {**said, **({"tokens_per_s_per_user": float(speed)} if speed else {}), **given}
        key = "interactive" if speed else "offline"
    elif key == "single-user speed":
        key, given = "interactive", {"concurrency": 1, **given}
    if key not in SCENARIOS:
        raise BadValue(f"no scenario {scenario!r}{hint(key, list(dict.fromkeys([*SCENARIOS, *classes])))}")
    spec = _spec(catalog, model, given)
    chip = chip_spec(catalog, accelerator_of(catalog, accelerator))
    lengths = with_lengths(spec, given.get("input_tokens"), given.get("output_tokens"))
    speed = (
        given.get("tokens_per_s_per_user")
        or user_speed_of(given.get("latency_constraint"))
        or spec.limit(key)
    )
    other = _differs(lengths.input_tokens, spec.input_tokens) or _differs(
        lengths.output_tokens, spec.output_tokens
    )
    other = other or _differs(float(speed), spec.limit(key)) or "concurrency" in given or "tp" in given
    other = other or not _benchmarked(catalog, spec.model_id)
    stamp = date_of(given["date"]) if "date" in given else latest(catalog)
    known = measurements(catalog)["measured_on"]  # gains beyond are left to ``SoftwareGain``
    stamp = min(max(stamp, pd.Timestamp(known.min())), pd.Timestamp(known.max()))
    n = int(given.get("n_accelerators") or given.get("tp") or chip.scale_up)
    kind = precision_class(given.get("precision")) or _usual_precision(catalog, spec, chip)
    question = Question(
        lengths, chip, key, kind, n, software_class(given.get("framework")), decimal_year(stamp), float(speed),
        bool(other), int(given["tp"]) if "tp" in given else None, given.get("concurrency"),
    )  # fmt: skip
    return question, given


@lru_cache(maxsize=8)
def _latency_classes(catalog: Catalog) -> dict[str, str]:
    return {str(k): str(v) for k, v in catalog.table("latency_classes")["scenario"].items()}


def _spec(catalog: Catalog, model: str, given: dict[str, Any]) -> ModelSpec:
    try:
        return model_spec(catalog, model)
    except UnknownName:
        if "params_total_b" not in given and "params_active_b" not in given:
            raise
    total = float(given.get("params_total_b") or given["params_active_b"])
    spec = generic_model(model, total, float(given.get("params_active_b") or total))
    return replace(
        spec,
        n_layers=float(given.get("n_layers") or spec.n_layers),
        kv_bytes_per_token=float(given.get("kv_bytes_per_token") or spec.kv_bytes_per_token),
    )


@lru_cache(maxsize=256)
def _benchmarked(catalog: Catalog, model_id: str) -> bool:
    """Whether a model was measured at lengths of a benchmark; unknown models count as such."""
    rows = measurements(catalog)
    rows = rows[rows["model_id"] == model_id]
    return len(rows) == 0 or bool(rows["output_tokens"].isna().any())


def date_of(value: Any) -> pd.Timestamp:
    """A date as people write it; a bare year is its middle, a range its first year.

    >>> date_of(2026), date_of("2025-10")
    (Timestamp('2026-07-01 00:00:00'), Timestamp('2025-10-01 00:00:00'))
    """
    text = str(int(value)) if isinstance(value, (int, float)) else value
    if isinstance(text, str) and (years := re.fullmatch(r"((?:19|20)\d\d)(?:-(?:19|20)\d\d)?", text.strip())):
        return pd.Timestamp(f"{years.group(1)}-07-01")
    try:
        return pd.Timestamp(text)
    except ValueError as error:
        raise BadValue(f"date {value!r} is not a date such as 2026-04-01") from error


def _differs(a: float, b: float) -> bool:
    return abs(a - b) > 0.02 * b


def user_speed_of(text: Any) -> float | None:
    """Tokens/s a user sees, from a published limit.

    >>> user_speed_of("TTFT p99<=2 s; TPOT<=200 ms"), user_speed_of("TTFT p99<=2 s; >=12.5 tok/s/user")
    (5.0, 12.5)
    """
    found = USER_SPEED.search(str(text)) if text is not None else None
    if found is None:
        return None
    at_least, stated, ms = found.groups()
    return float(at_least or stated) if at_least or stated else 1000.0 / float(ms)


def software_class(framework: Any) -> str:
    """Class of serving software: a vendor's own (default), vLLM and its kin, other."""
    text = str(framework or "").lower()
    if any(word in text for word in ("vllm", "llmboost", "sglang")):
        return "open"
    return "other" if "thestage" in text else "vendor"


@lru_cache(maxsize=256)
def _usual_precision(catalog: Catalog, model: ModelSpec, chip: ChipSpec) -> str:
    """The format this model was measured in on this chip, else in the model's only format, else the chip's."""
    rows = measurements(catalog)
    rows = rows[rows["model_id"] == model.model_id]
    here = rows[rows["accelerator_id"] == chip.accelerator_id]["format"]
    if len(here):
        return str(here.mode().iloc[0])
    return str(rows["format"].iloc[0]) if rows["format"].nunique() == 1 and len(rows) > 1 else chip.native


@lru_cache(maxsize=8)
def measurements(catalog: Catalog) -> pd.DataFrame:
    rows = catalog.table("throughput").reset_index(drop=True)
    rows["format"] = [precision_class(p) or "bf16" for p in rows["precision"]]
    rows["software"] = [software_class(f) for f in rows["framework"]]
    return rows


def latest(catalog: Catalog) -> pd.Timestamp:
    return pd.Timestamp(measurements(catalog)["measured_on"].max())


def or_none(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def decimal_year(stamp: pd.Timestamp | Date) -> float:
    """Calendar year with its fraction."""
    stamp = pd.Timestamp(stamp)
    return float(stamp.year + (stamp.day_of_year - 1) * 24 / HOURS_PER_YEAR)
