"""Published training runs with the efficiency they reached, and what is known of one before looking at others."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pandas as pd

from planner.case.columns import records
from planner.case.roofline import chip_spec
from planner.facts.catalog import Catalog, load_catalog

WHOLE = "pretraining"
USUAL_SIZE = {"pretraining": 1024, "benchmark": 64, "fine-tuning": 8}
SERVER = 8
"""Accelerators of a server: a larger fast network is that of a rack."""
EXPERTS = 1.2
"""Total over active parameters from which a model is a mixture of experts."""


@lru_cache(maxsize=8)
def published_runs(catalog: Catalog) -> pd.DataFrame:
    """Comparable runs with their log efficiency relative to the dense bf16 peak."""
    rows = catalog.table("training_runs").reset_index(drop=True)
    rows = rows[rows["comparable"] & rows["tokens_b"].notna() & rows["accelerator_hours"].notna()]
    chips = catalog.table("accelerators")
    chip = rows["accelerator_id"]
    flops = 6.0 * rows["params_active_b"] * rows["tokens_b"] * 1e18
    tflops = chip.map(chips["bf16_dense_tflops"]).astype(float)
    known = [
        log_known(catalog, r.kind, r.accelerator_id, r.n_accelerators, r.params_active_b, r.params_total_b)
        for r in records(rows)
    ]
    return pd.DataFrame(
        {
            "run_id": rows["run_id"],
            "kind": rows["kind"],
            "family": chip.map(chips["generation"]),
            "chip": chip,
            "model": rows["model"],
            "lab": rows["lab"],
            "n": rows["n_accelerators"].astype("float64"),
            "params_active_b": rows["params_active_b"],
            "tokens_b": rows["tokens_b"],
            "hours": rows["accelerator_hours"],
            "peak_tflops": tflops,
            "log_known": known,
            "log_efficiency": np.log(flops / (rows["accelerator_hours"] * 3600.0 * tflops * 1e12)),
        }
    ).reset_index(drop=True)


def goodput(n_accelerators: float, catalog: Catalog | None = None) -> float:
    """Share of time a run on this many accelerators works, what interruptions cost taken off.

    >>> round(goodput(16_384), 2), round(goodput(1024), 2)
    (0.91, 0.99)
    """
    catalog = catalog or load_catalog()
    per_day = catalog.param("training_interruptions_per_1000_accelerator_days") * n_accelerators / 1000.0
    return 1.0 / (1.0 + per_day * catalog.param("training_hours_lost_per_interruption") / 24.0)


def log_known(
    catalog: Catalog, kind: str, chip: str, n: float | None, active_b: float, total_b: float | None
) -> float:
    """What is known of the log efficiency of a whole run before looking at others: goodput and experts."""
    if kind != WHOLE:
        return 0.0
    size = USUAL_SIZE[WHOLE]
    known = math.log(goodput(size if n is None or pd.isna(n) else float(n), catalog) / goodput(size, catalog))
    if total_b is not None and not pd.isna(total_b) and total_b > EXPERTS * active_b:
        domain = "rack" if chip_spec(catalog, chip).scale_up > SERVER else "server"
        known += math.log(catalog.param(f"training_moe_factor_{domain}"))
    return known
