"""How accurate sizing is on facts left out: python benchmarks/sizing_accuracy.py [--json]

Throughput   a row, a line (model, chip, format, service), a (model, chip) pair, a chip, a vendor or a model is left
             out and predicted from the rest: points at a stated speed, and results of MLPerf by label, undated
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

from planner.case.serving_order import book
from planner.data import make_serving
from planner.data.serving_fit import Fitted, read
from planner.facts.catalog import Catalog, load_catalog

TARGETS = {
    "throughput.row_label": 0.20, "throughput.pair_speed": 0.25, "throughput.chip_speed": 0.26,
    "throughput.amd_speed": 0.28, "throughput.model_speed": 0.37, **accuracy_facilities.TARGETS,
}  # fmt: skip


def interval_score(
    log_value: np.ndarray, low: np.ndarray, high: np.ndarray, alpha: float = 0.2
) -> np.ndarray:
    """Interval score in logs (Gneiting and Raftery 2007): width plus 2/alpha times what falls outside."""
    outside = np.maximum(low - log_value, 0.0) + np.maximum(log_value - high, 0.0)
    return np.asarray(high - low + 2.0 / alpha * outside)


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


def throughput(catalog: Catalog, refit: bool = False) -> dict[str, Any]:
    """Errors by what is left out and by how the speed is known; widths of intervals are those of estimates.

    Rows and lines leave the residual, in closed form; with ``refit`` the step is fitted anew without each pair, chip,
    vendor and model, as for ``serving_intervals``, which takes minutes; without, its few parameters stay. A vendor
    with most of the rows is not left out of such a fit: too little is left.
    """
    data, known, stored = read(catalog), book(catalog), catalog.table("serving_intervals")
    steepness = known.fit.rows.steepness
    stated = (data.rows["asked"] == "speed").to_numpy()
    tight = data.rows["asked"].isin(make_serving.ASKED["speed"]).to_numpy()
    kinds = {"speed": stated & data.text, "label": ~stated & data.text & (data.labels["harness"] == "mlperf")}
    amd = data.labels["vendor"] == "amd"
    errors = make_serving.errors(data, Fitted(known.parameters, known.fit), not refit)
    out: dict[str, Any] = {}
    for gap, error in errors.items():
        for asked, keep in kinds.items():
            width = {k: float(stored.at[(gap, k), "log_half_width"]) for k in make_serving.ASKED}
            reach = np.where(tight, width["speed"], width["label"]) * steepness
            here = keep & np.isfinite(error)
            out[f"{gap}_{asked}"] = summary(error[here], -reach[here], reach[here])
            if gap == "vendor" and asked == "speed":
                here = here & amd
                out["amd_speed"] = summary(error[here], -reach[here], reach[here])
    return out


def run(refit: bool = False) -> dict[str, Any]:
    start = time.perf_counter()
    catalog = load_catalog()
    out: dict[str, Any] = {
        "throughput": throughput(catalog, refit),
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
    parser.add_argument("--refit", action="store_true", help="fit the decoding step anew without each group")
    options = parser.parse_args(arguments)
    out = run(options.refit)
    if options.json:
        print(json.dumps(out, indent=1))
        return 0
    for key, row in out["targets"].items():
        area, part = key.split(".")
        found = out[area][part]
        print(
            f"{key:30} {row['found']:7.3f}  target {row['target']:.2f}  {'met' if row['met'] else 'missed'}"
            f"  n = {found['n']}, bias {found['bias']:+.2f}, inside {found['inside_80']:.0%}"
        )
    for name, r in out["throughput"].items():
        print(
            f"throughput, {name:12} left out: median error {r['median_error']:.0%}, bias {r['bias']:+.0%}, "
            f"inside {r['inside_80']:.0%}, high/low {r['median_high_over_low']:.2f} (n = {r['n']})"
        )
    print(f"{out['seconds']} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
