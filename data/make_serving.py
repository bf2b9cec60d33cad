"""Fits serving rates to the measurements of the catalog: python -m planner.data.make_serving

Reads ``throughput`` and ``serving_points``; writes ``serving_parameters`` (the decoding step), ``serving_weights``
(the residual) and ``serving_intervals`` (errors of what was left out). Run it after any change of measurements,
models or peaks of accelerators; two runs on the same tables give the same figures.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from planner.case.step_parameters import StepParameters
from planner.case.throughput_fit import REACH, joined
from planner.data.serving_fit import Data, Fitted, fitted, left_out, read
from planner.facts.catalog import load_catalog

FOLDER = Path(__file__).parent / "catalog"
GAPS = ("row", "reach", "line", "pair", "chip", "vendor", "model")
"""What is left out: a row; the rows of a line at like speeds; a line (model, chip, format, service); more."""
ASKED = {"speed": ("speed", "interactive"), "label": ("label",)}
"""Intervals where a user wants speed (stated or interactive), and where he hardly does (server, offline)."""
REFITTED = ("pair", "chip", "vendor", "model")
"""Gaps for which the step is fitted anew without each group."""


def groups(data: Data, gap: str) -> np.ndarray:
    """Label of each row: rows of one label are left out together."""
    if gap == "row":
        return np.arange(len(data)).astype(str)
    labels = data.labels
    if gap == "pair":
        return joined([labels["model"], labels["chip"]], len(data))
    if gap == "reach":
        return joined([labels["line"], np.floor(np.log(data.load.speed) / REACH["speed"])], len(data))
    return labels[gap]


def half_width(error: np.ndarray, steepness: np.ndarray) -> float:
    """Half-width in log time of a step that holds 80 % of errors of log rate."""
    return float(np.quantile(np.abs(error) / steepness, 0.8))


def inside(error: np.ndarray, steepness: np.ndarray, label: np.ndarray) -> float:
    """Share inside where each group's half-width comes from the other groups; of one or two groups, from all."""
    folds = np.unique(label, return_inverse=True)[1] % 10
    if folds.max() < 2:
        return float(np.mean(np.abs(error) <= half_width(error, steepness) * steepness))
    found = [
        np.abs(error[folds == f])
        <= half_width(error[folds != f], steepness[folds != f]) * steepness[folds == f]
        for f in np.unique(folds)
    ]
    return float(np.mean(np.concatenate(found)))


def errors(data: Data, whole: Fitted, quick: bool = False) -> dict[str, np.ndarray]:
    """log(measured / predicted) of every row by gap; ``quick``: the step as fitted to all rows."""
    return {gap: left_out(data, whole, groups(data, gap), gap in REFITTED and not quick) for gap in GAPS}


def figures(data: Data, whole: Fitted, missed: dict[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    """Rows of ``serving_intervals``."""
    steepness = whole.fit.rows.steepness
    for gap, error in missed.items():
        for asked, by in ASKED.items():
            keep = data.text & data.rows["asked"].isin(by).to_numpy() & np.isfinite(error)
            own, steep = error[keep], steepness[keep]
            yield {
                "gap": gap, "asked": asked, "log_half_width": round(half_width(own, steep), 3),
                "median_error": round(float(np.exp(np.median(np.abs(own))) - 1.0), 3),
                "bias": round(float(np.exp(np.median(own)) - 1.0), 3),
                "inside_80": round(inside(own, steep, groups(data, gap)[keep]), 3), "rows": int(keep.sum()),
            }  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    argparse.ArgumentParser(description="Fit serving rates to the measurements of the catalog").parse_args(
        arguments
    )
    data = read(load_catalog())
    found = fitted(data)
    _write("serving_parameters", list(_parameter_rows(data, found.parameters)))
    fit = found.fit
    rows = zip(data.rows["row_id"], data.log_rate, fit.noise, fit.rows.steepness, fit.weights, strict=True)
    _write(
        "serving_weights",
        [
            {"row_id": k, "log_rate": f"{y:.4f}", "noise": f"{n:.4g}", "steepness": f"{s:.4f}", "weight": f"{w:.5g}"}
            for k, y, n, s, w in rows
        ],
    )  # fmt: skip
    table = list(figures(data, found, errors(data, found)))
    _write("serving_intervals", table)
    for row in table:
        print(*row.values())
    return 0


def _parameter_rows(data: Data, parameters: StepParameters) -> Iterator[dict[str, Any]]:
    for (parameter, effect, group), value in parameters.values.items():
        n = len(data) if effect == "all" else int((data.labels[effect] == group).sum())
        yield {
            "parameter": parameter,
            "effect": effect,
            "group": group,
            "value": f"{value:g}",
            "rows": n,
        }


def _write(name: str, rows: list[dict[str, Any]]) -> None:
    source = {
        "source_url": "https://github.com/SemiAnalysisAI/InferenceX ; https://github.com/mlcommons/inference_results_v6.1",
        "source_date": "2026-11", "confidence": "medium", "assumed": "false", "assumed_fields": "",
        "note": "fitted to serving_points and throughput",
    }  # fmt: skip
    with (FOLDER / f"{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], *source], lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | source for row in rows)


if __name__ == "__main__":
    sys.exit(main())
