"""Conditions of a serving estimate: names resolved, what is not stated taken from the scenario and the model.

A scenario's name stands for a speed and nothing else; a stated speed or length beats it. A format that is not
stated is the narrowest the model was measured in on the accelerator, else the accelerator's narrowest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from planner.case.names import accelerator_of
from planner.case.periods import decimal_year
from planner.case.roofline import ChipSpec, ModelSpec, chip_spec, generic_model, model_spec, serving_format
from planner.case.serving_rows import measured_rows, usually_split
from planner.facts.catalog import Catalog
from planner.facts.errors import BadValue, MissingFact, UnknownName
from planner.facts.suggest import hint

SCENARIOS = ("server", "interactive", "offline")
CONDITIONS = (
    "precision", "n_accelerators", "input_tokens", "output_tokens", "tokens_per_s_per_user", "ttft_s", "speculative",
    "prefix_hit", "deployment", "date", "concurrency", "tp", "framework", "params_total_b", "params_active_b",
    "n_layers", "kv_bytes_per_token", "latency_constraint", "submitter", "system",
)  # fmt: skip
SYNONYMS = {
    "n_accel": "n_accelerators", "isl": "input_tokens", "osl": "output_tokens", "interactivity": "tokens_per_s_per_user",
    "tokens_per_s_user": "tokens_per_s_per_user", "tok_s_user": "tokens_per_s_per_user", "spec": "speculative",
    "mode": "deployment", "measured_on": "date", "source_date": "date", "latency_limit": "latency_constraint",
    "system_name": "system", "tensor_parallel": "tp",
}  # fmt: skip
POSITIVE = (
    "n_accelerators", "input_tokens", "output_tokens", "tokens_per_s_per_user", "ttft_s", "concurrency", "tp",
    "params_total_b", "params_active_b",
)  # fmt: skip
SPECULATIVE = {
    "true": True, "mtp": True, "eagle": True, "eagle3": True, "draft": True, "speculative": True, "yes": True,
    "false": False, "none": False, "off": False, "no": False,
}  # fmt: skip
DEPLOYMENTS = {
    "aggregated": False, "agg": False, "single": False, "disaggregated": True, "disagg": True, "split": True,
}  # fmt: skip
LENGTHS = re.compile(r"([\d.]+)(k?) in / ([\d.]+)(k?) out(?: at ([\d.]+) tok/s/user)?")
USER_SPEED = re.compile(r">=\s*([\d.]+)\s*tok/s/user|\(([\d.]+) tok/s/user\)|TPOT\s*<=\s*([\d.]+)\s*ms")
NARROWEST = ("fp4", "int4", "fp8", "bf16")


@dataclass(frozen=True)
class Service:
    """What is asked of any accelerator, but for prompt and speed; None: as usual for each accelerator."""

    model: ModelSpec
    precision: str | None
    output_tokens: float
    harness: str
    year: float | None
    speculative: bool = False
    split: bool | None = None
    hit: float = 0.0
    ttft_s: float | None = None
    group: int | None = None
    most_group: int | None = None
    requests: float | None = None


@dataclass(frozen=True)
class Question:
    """A service on one accelerator, for a prompt length at a speed; ``asked``: speed by label or stated."""

    service: Service
    chip: ChipSpec
    scenario: str
    input_tokens: float
    speed: float
    asked: str
    n: int


def read_conditions(conditions: dict[str, Any]) -> dict[str, Any]:
    """Stated conditions under their own names; blanks are left away."""
    given: dict[str, Any] = {}
    for name, value in conditions.items():
        key = SYNONYMS.get(name, name)
        if key not in CONDITIONS:
            raise TypeError(
                f"estimate() has no condition {name!r}{hint(name, list(CONDITIONS))}; allowed {', '.join(CONDITIONS)}"
            )
        if value is not None and not (isinstance(value, float) and np.isnan(value)) and value != "":
            given[key] = value
    for name in POSITIVE:
        if name in given and not float(given[name]) > 0:
            raise BadValue(f"{name} must be positive, not {given[name]!r}")
    if not 0.0 <= float(given.get("prefix_hit", 0.0)) < 1.0:
        raise BadValue(f"prefix_hit must be a share of at least 0 and below 1, not {given['prefix_hit']!r}")
    return given


def ask(catalog: Catalog, model: str, accelerator: str, scenario: str, given: dict[str, Any]) -> Question:
    """The question that names and stated conditions amount to; raises for unknown names."""
    key, given = _scenario(catalog, scenario, given)
    spec = _spec(catalog, model, given)
    chip = chip_spec(catalog, accelerator_of(catalog, accelerator))
    stated = given.get("tokens_per_s_per_user") or user_speed_of(given.get("latency_constraint"))
    prompt = float(given.get("input_tokens") or spec.input_tokens)
    drafted = stated is None and spec.drafted(key)
    service = Service(
        model=spec,
        precision=serving_format(given.get("precision")),
        output_tokens=float(given.get("output_tokens") or spec.output_tokens),
        harness="inferencex" if stated else "mlperf",
        year=decimal_year(date_of(given["date"])) if "date" in given else None,
        speculative=_choice("speculative", given.get("speculative", drafted), SPECULATIVE),
        split=_choice("deployment", given["deployment"], DEPLOYMENTS) if "deployment" in given else None,
        hit=float(given.get("prefix_hit", 0.0)),
        ttft_s=float(given["ttft_s"]) if "ttft_s" in given else None,
        group=int(given["tp"]) if "tp" in given else None,
        most_group=int(given["n_accelerators"]) if "n_accelerators" in given else None,
        requests=float(given["concurrency"]) if "concurrency" in given else None,
    )
    n = int(given.get("n_accelerators") or given.get("tp") or chip.scale_up)
    speed = float(stated) if stated else spec.speed(key)
    return Question(service, chip, key, prompt, speed, "speed" if stated else "label", n)


def _scenario(catalog: Catalog, scenario: str, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Key of a scenario, and what its text says of lengths and speed beside what is stated."""
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
    return key, given


def _choice(name: str, value: Any, known: dict[str, bool]) -> bool:
    key = str(value).strip().lower()
    if key not in known:
        raise BadValue(f"no {name} {value!r}{hint(key, list(known))}; allowed {', '.join(known)}")
    return known[key]


def split_on(service: Service, chip: ChipSpec) -> bool:
    """Whether prefill and decode are on separate accelerators."""
    return usually_split(service.model, chip) if service.split is None else service.split


def usual_precision(catalog: Catalog, model: ModelSpec, chip: ChipSpec) -> str:
    """The narrowest format this model was measured in on this chip; else its only format, else the chip's."""
    here, anywhere = _formats(catalog, model.model_id, chip.accelerator_id), _formats(catalog, model.model_id)
    if here:
        return here[0]
    return anywhere[0] if len(anywhere) == 1 else chip.native


def _formats(catalog: Catalog, model: str, chip: str | None = None) -> list[str]:
    """Formats the model was measured in, on a chip or on any, narrowest first."""
    return _formats_measured(catalog).get((model, chip), [])


@lru_cache(maxsize=8)
def _formats_measured(catalog: Catalog) -> dict[tuple[str, str | None], list[str]]:
    found: dict[tuple[str, str | None], set[str]] = {}
    for model, chip, precision in measured_rows(catalog)[["model", "chip", "precision"]].itertuples(
        index=False
    ):
        for key in ((model, chip), (model, None)):
            found.setdefault(key, set()).add(precision)
    return {key: sorted(own, key=NARROWEST.index) for key, own in found.items()}


def last_measured(catalog: Catalog, model: str, vendor: str) -> pd.Timestamp:
    """Date of the latest measurement of a model on a vendor's chips; else of the model, else of the vendor, else of all.

    The state of software is not extrapolated beyond it: later gains are left to ``SoftwareGain``.
    """
    known = _last_dates(catalog)
    keys = ((model, vendor), (model, None), (None, vendor), (None, None))
    return next(known[key] for key in keys if key in known)


@lru_cache(maxsize=8)
def _last_dates(catalog: Catalog) -> dict[tuple[str | None, str | None], pd.Timestamp]:
    rows = measured_rows(catalog).dropna(subset=["measured_on"])
    if not len(rows):
        raise MissingFact("no measurement in the catalog has a date")
    vendors = rows["chip"].map(catalog.table("accelerators")["vendor"])
    found: dict[tuple[str | None, str | None], pd.Timestamp] = {}
    for model, vendor, when in zip(rows["model"], vendors, rows["measured_on"], strict=True):
        for key in ((model, vendor), (model, None), (None, vendor), (None, None)):
            found[key] = max(found.get(key, when), when)
    return found


def year_of(catalog: Catalog, service: Service, chip: ChipSpec) -> float:
    """State of software as a decimal year: as asked, but not later than last measured."""
    last = decimal_year(last_measured(catalog, service.model.model_id, chip.vendor))
    if service.year is None:
        return last
    first = decimal_year(measured_rows(catalog)["measured_on"].min())
    return min(max(service.year, first), last)


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
