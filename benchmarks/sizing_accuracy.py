"""How accurate sizing is on facts left out: python benchmarks/sizing_accuracy.py [--json]

Throughput   a (model, chip) cell, a chip family, or a model is left out and predicted from the rest
The rest     training, PUE, power, cost and months: see ``accuracy_facilities``

Errors are ratios in logs: a median error of 20 % means that half of the predictions are within a factor of
1.2. Interval calibration is nested: the spread factor of a group comes from the other groups. Nothing here
is fitted to the groups it is tested on, except for the prior spreads of the fits, which are judgement.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from typing import Any

import accuracy_facilities
import numpy as np

from planner.case.throughput import _book
from planner.case.throughput_fit import FACTOR_RANGE, Z80, spread_factor
from planner.facts.catalog import Catalog, load_catalog

TARGETS = {"throughput.cell": 0.20, "throughput.family": 0.35, **accuracy_facilities.TARGETS}


def interval_score(
    log_value: np.ndarray, low: np.ndarray, high: np.ndarray, alpha: float = 0.2
) -> np.ndarray:
    """Interval score in logs (Gneiting and Raftery 2007): width plus 2/alpha times what falls outside."""
    outside = np.maximum(low - log_value, 0.0) + np.maximum(log_value - high, 0.0)
    return np.asarray(high - low + 2.0 / alpha * outside)


def nested_factors(error: np.ndarray, sd: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Factor for each row from the rows of all other groups: an honest check of calibration."""
    out = np.empty(len(error))
    for g in np.unique(group):
        out[group == g] = spread_factor(error[group != g], sd[group != g])
    return out


def summary(error: np.ndarray, low: np.ndarray, high: np.ndarray) -> dict[str, float | int]:
    """Figures of predictions in logs: error = log(true) - log(predicted), bounds relative to predicted."""
    return {
        "n": len(error),
        "median_error": round(math.exp(float(np.median(np.abs(error)))) - 1.0, 4),
        "bias": round(math.exp(float(np.median(error))) - 1.0, 4),
        "inside_80": round(float(np.mean((error >= low) & (error <= high))), 3),
        "median_high_over_low": round(math.exp(float(np.median(high - low))), 3),
        "interval_score": round(float(np.mean(interval_score(error, low, high))), 3),
    }


def throughput(catalog: Catalog) -> dict[str, Any]:
    book = _book(catalog)
    fit = book.fit
    tokens = fit.rows.labels["unit"] == "tokens/s"
    standard = (fit.rows.labels["lengths"] == "benchmark") & tokens
    out: dict[str, Any] = {}
    for regime in ("row", "cell", "family", "model"):
        error, sd = fit.left_out(regime)
        group = fit.groups(regime)[tokens] if regime == "model" else fit.groups(regime)
        reach = Z80 * sd * nested_factors(error, sd, group)
        out[regime] = summary(error, -reach, reach)
        for name, keep in (("at_benchmark_lengths", standard), ("at_own_lengths", tokens & ~standard)):
            part = keep[tokens] if regime == "model" else keep
            out[regime][name] = summary(error[part], -reach[part], reach[part])
    out["roofline_alone"] = summary(*_roofline_alone(catalog))
    out["spread_factors"] = {k: round(v, 3) for k, v in fit.factor.items()} | {"allowed": list(FACTOR_RANGE)}
    return out


def _roofline_alone(catalog: Catalog) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Token models against the bare roofline with one common factor: what the fit adds."""
    fit = _book(catalog).fit
    tokens = fit.rows.labels["unit"] == "tokens/s"
    error = fit.residual[tokens] - np.median(fit.residual[tokens])
    reach = np.full(len(error), np.quantile(np.abs(error), 0.8))
    return error, -reach, reach


def run() -> dict[str, Any]:
    start = time.perf_counter()
    catalog = load_catalog()
    out: dict[str, Any] = {
        "throughput": throughput(catalog),
        **accuracy_facilities.report(catalog),
    }
    out["targets"] = {}
    for key, target in TARGETS.items():
        area, part = key.split(".")
        found = out[area][part]
        value = found["mean_absolute_error" if area == "pue" else "median_error"]
        out["targets"][key] = {"target": target, "found": value, "met": bool(value <= target)}
    out["seconds"] = round(time.perf_counter() - start, 2)
    return out


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Accuracy of sizing on facts left out")
    parser.add_argument("--json", action="store_true", help="everything as JSON")
    out = run()
    if parser.parse_args(arguments).json:
        print(json.dumps(out, indent=1))
        return 0
    for key, row in out["targets"].items():
        area, part = key.split(".")
        found = out[area][part]
        print(
            f"{key:30} {row['found']:7.3f}  target {row['target']:.2f}  {'met' if row['met'] else 'missed'}"
            f"  n = {found['n']}, bias {found['bias']:+.2f}, inside {found['inside_80']:.0%}"
        )
    for regime in ("row", "cell", "family", "model"):
        r = out["throughput"][regime]
        print(
            f"throughput, {regime} left out: inside {r['inside_80']:.0%}, high/low {r['median_high_over_low']:.2f}"
        )
    print(f"{out['seconds']} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
