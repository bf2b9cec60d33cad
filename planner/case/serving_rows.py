"""Measured serving rates as rows of the fit: results by scenario (``throughput``) and at stated speeds
(``serving_points``), with what serves them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

from planner.case.periods import decimal_year
from planner.case.roofline import (
    ChipSpec,
    ModelSpec,
    bytes_per_param,
    cache_bytes,
    chip_spec,
    model_spec,
    peak,
    serving_format,
)
from planner.case.serving_step import Load
from planner.case.throughput_fit import joined
from planner.facts.catalog import Catalog

RACK = 36
"""Accelerators from which one system is served as a rack."""
COLUMNS = (
    "row_id", "model", "chip", "precision", "input_tokens", "output_tokens", "speed", "rate", "speculative", "split",
    "harness", "measured_on", "asked", "concurrency", "estimated",
)  # fmt: skip


@lru_cache(maxsize=8)
def measured_rows(catalog: Catalog) -> pd.DataFrame:
    """One row a measurement (``COLUMNS``).

    ``asked``: how the speed is known: stated ("speed"), or by the scenario ("interactive", else "label");
    ``estimated``: the rate itself was derived with figures that are assumed.
    """
    return pd.concat([_by_scenario(catalog), _at_speeds(catalog)], ignore_index=True)[list(COLUMNS)]


def _by_scenario(catalog: Catalog) -> pd.DataFrame:
    rows = catalog.table("throughput").reset_index(drop=True)
    specs = [model_spec(catalog, m) for m in rows["model_id"]]
    out = pd.DataFrame(
        {"row_id": rows["throughput_id"], "model": rows["model_id"], "chip": rows["accelerator_id"]}
    )
    out["precision"] = [serving_format(p) or "bf16" for p in rows["precision"]]
    lengths = [(s.input_tokens, s.output_tokens) for s in specs]
    for i, name in enumerate(("input_tokens", "output_tokens")):
        out[name] = rows[name].astype(float).fillna(pd.Series([u[i] for u in lengths]))
    usual_speed = pd.Series([s.speed(x) for s, x in zip(specs, rows["scenario"], strict=True)])
    stated = rows["tokens_per_s_user"].astype(float)
    out["speed"] = stated.fillna(usual_speed)
    out["rate"] = rows["tokens_per_s_per_accelerator"].astype(float)
    drafted = [s.drafted(x) for s, x in zip(specs, rows["scenario"], strict=True)]
    out["speculative"] = np.array(drafted) & stated.isna()
    chips = [chip_spec(catalog, c) for c in rows["accelerator_id"]]
    usual = [usually_split(s, c) for s, c in zip(specs, chips, strict=True)]
    out["split"] = np.array(usual) & (rows["n_accelerators"].astype("float64").fillna(RACK) >= RACK)
    kinds = rows["source_kind"].str.split().str[0]
    out["harness"] = kinds.map({"MLPerf": "mlperf", "InferenceMAX": "inferencex"}).fillna("vendor")
    out["measured_on"] = pd.to_datetime(rows["measured_on"])
    by_label = np.where(rows["scenario"] == "interactive", "interactive", "label")
    out["asked"] = np.where(stated.isna(), by_label, "speed")
    out["concurrency"] = np.nan
    doubts = rows["assumed_fields"].astype("string").fillna("").str.split(";")
    out["estimated"] = ["tokens_per_s_per_accelerator" in fields for fields in doubts]
    return out


def _at_speeds(catalog: Catalog) -> pd.DataFrame:
    rows = catalog.table("serving_points").reset_index(drop=True)
    out = rows.rename(
        columns={
            "point_id": "row_id", "model_id": "model", "accelerator_id": "chip", "tokens_per_s_user": "speed",
            "tokens_per_s_per_accelerator": "rate", "disaggregated": "split",
        }
    )  # fmt: skip
    out["concurrency"] = out["concurrency"].astype(float)
    return out.assign(measured_on=pd.to_datetime(out["measured_on"]), asked="speed", estimated=False)


def usually_split(model: ModelSpec, chip: ChipSpec) -> bool:
    """Racks serve mixtures of experts with prefill and decode on separate accelerators."""
    return model.experts and chip.scale_up >= RACK


def labels_of(
    models: Sequence[ModelSpec],
    chips: Sequence[ChipSpec],
    precision: Sequence[str],
    speculative: Sequence[bool],
    split: Sequence[bool],
    harness: Sequence[str],
) -> dict[str, np.ndarray]:
    """Labels of rows by which the fit knows what is alike."""
    out = {
        "model": np.array([m.model_id for m in models]),
        "chip": np.array([c.accelerator_id for c in chips]),
        "generation": np.array([c.generation for c in chips]),
        "family": np.array([c.generation.split("-")[0] for c in chips]),
        "vendor": np.array([c.vendor for c in chips]),
        "rack": np.where(np.array([c.scale_up for c in chips]) >= RACK, "rack", "server"),
        "precision": np.array(precision, dtype=str),
        "drafted": np.where(np.array(speculative, bool), "drafted", "plain"),
        "deployment": np.where(np.array(split, bool), "split", "together"),
        "harness": np.array(harness, dtype=str),
        "experts": np.array(["experts" if m.experts else "dense" for m in models]),
    }
    out["service"] = joined([out["drafted"], out["deployment"]], len(models))
    line = ("model", "chip", "precision", "drafted", "deployment", "harness")
    return out | {"line": joined([out[n] for n in line], len(models))}


def load_of(
    models: Sequence[ModelSpec],
    chips: Sequence[ChipSpec],
    precision: Sequence[str],
    labels: dict[str, np.ndarray],
    input_tokens: np.ndarray,
    output_tokens: np.ndarray,
    speed: np.ndarray,
) -> Load:
    """What is served on what, one row an entry."""
    pairs = list(zip(models, chips, precision, strict=True))
    return Load(
        total_b=np.array([m.params_total_b for m in models]),
        active_b=np.array([m.params_active_b for m in models]),
        layers=np.array([m.n_layers for m in models]),
        cache_bytes=np.array([cache_bytes(m, p) for m, _, p in pairs]),
        bytes_per_param=np.array([bytes_per_param(p) for p in precision]),
        tflops=np.array([peak(c, p) for _, c, p in pairs]),
        memory_gb=np.array([c.memory_gb for c in chips]),
        bandwidth_tb_s=np.array([c.bandwidth_tb_s for c in chips]),
        input_tokens=np.asarray(input_tokens, float),
        output_tokens=np.asarray(output_tokens, float),
        speed=np.asarray(speed, float),
        speculative=labels["drafted"] == "drafted",
        split=labels["deployment"] == "split",
    )


def loads(catalog: Catalog, rows: pd.DataFrame) -> tuple[dict[str, np.ndarray], Load]:
    """Labels and load of rows of ``measured_rows``."""
    models = [model_spec(catalog, m) for m in rows["model"]]
    chips = [chip_spec(catalog, c) for c in rows["chip"]]
    precision = rows["precision"].tolist()
    own = (rows[c].tolist() for c in ("speculative", "split", "harness"))
    labels = labels_of(models, chips, precision, *own)
    lengths = (rows[c].to_numpy(float) for c in ("input_tokens", "output_tokens", "speed"))
    return labels, load_of(models, chips, precision, labels, *lengths)


def years(rows: pd.DataFrame) -> np.ndarray:
    """Decimal years of measurement; rows without a date get the median date."""
    when = rows["measured_on"].fillna(rows["measured_on"].median())
    return np.array([decimal_year(t) for t in when])
