"""How accurate sizing is on facts left out: python benchmarks/sizing_accuracy.py [--json]

Throughput   a (model, chip) cell, a chip family, or a model is left out and predicted from the rest
Training     a laboratory (whole runs) or a chip family (benchmark slices) is left out
PUE          a site is left out and its operator's curve refitted
Power, cost  real projects of the catalog against what the planner computes without them

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

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from planner.case import costs
from planner.case.climate import pue
from planner.case.cost_breakdown import total
from planner.case.power_draw import temperatures_of
from planner.case.roofline import chip_spec
from planner.case.throughput import _book
from planner.case.throughput_fit import FACTOR_RANGE, Z80, spread_factor
from planner.case.training import WHOLE, training_fit
from planner.facts.catalog import Catalog, load_catalog
from planner.facts.spans import Span

TARGETS = {
    "throughput.cell": 0.20, "throughput.family": 0.35, "training.lab": 0.30, "pue.site": 0.05,
    "power.projects": 0.15, "facility_cost.projects": 0.25, "total_cost.projects": 0.25, "system_cost.projects": 0.25,
}  # fmt: skip


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


def training(catalog: Catalog) -> dict[str, Any]:
    fit = training_fit(catalog)
    whole = (fit.rows["kind"] == WHOLE).to_numpy()
    kinds, labs = fit.rows["kind"].to_numpy(str), fit.rows["lab"].fillna("?").to_numpy(str)
    by_lab = np.where(whole, labs, np.char.add(kinds, fit.rows["chip"].to_numpy(str)))
    by_family = np.char.add(kinds, fit.rows["family"].to_numpy(str))
    out = {}
    for name, group, keep in (
        ("lab", by_lab, whole),
        ("lab_run", np.arange(len(whole)).astype(str), whole),
        ("benchmark_chip", by_lab, ~whole),
        ("benchmark_family", by_family, ~whole),
    ):
        error, sd = fit.left_out(group)
        out[name] = summary(error[keep], -Z80 * sd[keep], Z80 * sd[keep])
    return out


PUE_PRIOR = {"AWS": ((1.08, 0.04), (0.015, 0.004), 0.06), "Google": ((1.08, 0.03), (0.005, 0.003), 0.02)}
"""Base, slope (mean and spread) and scatter before seeing sites: the published curve of free cooling for air
(Flucker 2013, base of a modern operator), a third of its slope with evaporation."""


def fitted_curve(x: np.ndarray, y: np.ndarray, operator: str) -> tuple[float, float]:
    """Base and slope of PUE over mean excess of 15 C; robust to single odd sites (pseudo-Huber loss)."""
    (a0, sa), (b0, sb), scatter = PUE_PRIOR[operator]

    def loss(p: np.ndarray) -> float:
        z = (p[0] + p[1] * x - y) / scatter
        return float(
            4.5 * (np.sqrt(1 + (z / 1.5) ** 2) - 1).sum() + ((p[0] - a0) / sa) ** 2 + ((p[1] - b0) / sb) ** 2
        )

    found = minimize(loss, np.array([a0, b0]), method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9}).x
    return float(found[0]), float(found[1])


def pue_sites(catalog: Catalog) -> dict[str, Any]:
    sites = catalog.table("pue_sites")
    sites = sites[sites["excess_over_15c_mean_k"].notna()]
    rows = []
    for operator, own in sites.groupby("operator"):
        x, y = own["excess_over_15c_mean_k"].to_numpy(float), own["pue"].to_numpy(float)
        for i in range(len(own)):
            keep = np.arange(len(own)) != i
            a, b = fitted_curve(x[keep], y[keep], str(operator))
            shipped = pue([15.0 + x[i]] * 12, str(own["technology"].iloc[i]), catalog)
            inside = shipped.low <= y[i] <= shipped.high
            rows.append(
                (
                    operator,
                    abs(a + b * x[i] - y[i]),
                    abs(shipped.yearly - y[i]),
                    inside,
                    shipped.high - shipped.low,
                )
            )
    table = pd.DataFrame(rows, columns=["operator", "left_out", "shipped", "inside", "width"])

    def of(part: pd.DataFrame) -> dict[str, float | int]:
        return {
            "n": len(part),
            "mean_absolute_error": round(float(part["left_out"].mean()), 4),
            "shipped_curve_mean_absolute_error": round(float(part["shipped"].mean()), 4),
            "inside_80": round(float(part["inside"].mean()), 3),
            "mean_width": round(float(part["width"].mean()), 3),
        }

    return {"site": of(table), **{str(k).lower(): of(v) for k, v in table.groupby("operator")}}


def _against(rows: list[tuple[str, float, Span]]) -> dict[str, Any]:
    error = np.array([math.log(true / span.mid) for _, true, span in rows])
    low = np.array([math.log(span.low / span.mid) for _, _, span in rows])
    high = np.array([math.log(span.high / span.mid) for _, _, span in rows])
    each = {name: [round(true, 3), round(span.mid, 3)] for name, true, span in rows}
    return {**summary(error, low, high), "median_error_at_best_level": _at_best_level(error),
            "reported_and_computed": each}  # fmt: skip


def _at_best_level(error: np.ndarray) -> float:
    """Median error that would be left if one common factor could be chosen with hindsight: scatter, not level."""
    levels = (error[:, None] + error[None, :]).ravel() / 2.0
    least = min(float(np.median(np.abs(error - level))) for level in levels)
    return round(math.exp(least) - 1.0, 4)


def _system_name(catalog: Catalog, accelerator: str) -> str:
    table = catalog.table("systems")
    own = table[table["accelerator_id"] == accelerator]
    return str(own.index[0]) if len(own) else accelerator


def projects(catalog: Catalog) -> dict[str, Any]:
    """Power and cost of real projects: reported against computed without looking at them."""
    table = catalog.table("real_projects")
    power: list[tuple[str, float, Span]] = []
    facility: list[tuple[str, float, Span]] = []
    whole: list[tuple[str, float, Span]] = []
    system: list[tuple[str, float, Span]] = []
    for row in table.itertuples():
        use = row.compare.split(";") if isinstance(row.compare, str) else []
        metro = row.metro_id if isinstance(row.metro_id, str) else None
        mw = next((v for v in (row.planned_mw, row.facility_mw, row.it_mw) if not pd.isna(v)), math.nan)
        if "power" in use:
            name = _system_name(catalog, row.accelerator_id)
            meter = pd.isna(row.it_mw)
            if meter:
                liquid = chip_spec(catalog, row.accelerator_id).scale_up > 8
                outside = "outside air" in str(row.cooling)
                cooling = "direct-to-chip" if liquid else "economiser" if outside else "air-chilled-water"
                span = costs.facility_kw_per_accelerator(name, metro, cooling, catalog=catalog)
                true = float(row.facility_mw if not pd.isna(row.facility_mw) else row.planned_mw)
            else:
                span, true = costs.it_kw_per_accelerator(name, catalog=catalog), float(row.it_mw)
            if row.project_id == "abilene":  # the count is of the planned campus
                span = costs.facility_kw_per_accelerator(name, metro, catalog=catalog)
                true = float(row.planned_mw)
            if row.project_id == "mantsala":
                true = float(row.planned_mw)
            power.append((row.project_id, 1e3 * true / float(row.n_accelerators), span))
        if "facility_cost" in use and metro:
            cost = costs.facility_cost(metro, catalog=catalog)
            facility.append((row.project_id, float(row.capex_musd) / mw, cost.musd_per_facility_mw))
        if "total_cost" in use and metro:
            name = _system_name(catalog, row.accelerator_id)
            bill, cost = costs.system_cost(name, catalog=catalog), costs.facility_cost(metro, catalog=catalog)
            it = bill.usd_per_accelerator / (bill.it_kw_per_accelerator.mid * 1e3)
            both = total([it, cost.musd_per_it_mw])
            meter = both / pue(temperatures_of(catalog, metro), "direct-to-chip", catalog).design_hour
            # announcements do not say whether a MW is at the meter or of IT: the range holds both
            stated = not pd.isna(row.facility_mw)
            per_mw = meter if stated else Span(meter.low, meter.mid, both.high)
            whole.append((row.project_id, float(row.capex_musd) / mw, per_mw))
        if "system_cost" in use:
            bill = costs.system_cost(_system_name(catalog, row.accelerator_id), catalog=catalog)
            system.append(
                (row.project_id, 1e6 * row.capex_musd / row.n_accelerators, bill.usd_per_accelerator)
            )
    return {
        "power": {"projects": _against(power), "unit": "kW per accelerator, IT or at the meter as reported"},
        "facility_cost": {"projects": _against(facility), "unit": "MUSD per MW at the meter"},
        "total_cost": {"projects": _against(whole), "unit": "MUSD per MW at the meter, IT included"},
        "system_cost": {"projects": _against(system), "unit": "USD per accelerator"},
    }


def run() -> dict[str, Any]:
    start = time.perf_counter()
    catalog = load_catalog()
    out: dict[str, Any] = {
        "throughput": throughput(catalog),
        "training": training(catalog),
        "pue": pue_sites(catalog),
        **projects(catalog),
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
        best = out[area][part].get("median_error_at_best_level")
        scatter = "" if best is None else f"  at best level {best:.3f} (n = {out[area][part]['n']})"
        print(
            f"{key:26} {row['found']:7.3f}  target {row['target']:.2f}  "
            f"{'met' if row['met'] else 'missed'}{scatter}"
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
