"""KPIs beside a baseline, and several runs side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from planner.facts.numbers import quantity, signed
from planner.report.strings import t
from planner.report.terms import kpi_label

HEADLINE = (
    "cost_npv_musd", "capex_musd", "peak_funding_musd", "delay_months", "control_score", "control_by_work",
    "control_by_priority", "national_control", "served_share", "accelerators", "it_mw", "energy_gwh_per_year",
    "usd_per_accelerator_all_in", "musd_per_mw_it",
)  # fmt: skip
"""The cards of a plan, in reading order: money, time, control, then what is built."""

UNIT_COST = "levelised_cost_usd_per_million_tokens"
COMPARED = ("cost_npv_musd", UNIT_COST, "delay_months", "served_share", "control_score", "national_control")
"""What a comparison begins with: cost, in all and per unit of work, and the service and control that it buys."""
SAME_SERVICE = {"served_share": 5e-4, "delay_months": 0.05}
"""Share of demand, and months of waiting, by which plans may differ and be said to serve the same."""

BETTER_LOW = (
    "cost_npv_musd", "capex_musd", "peak_funding_musd", "peak_year_outlay_musd", "delay_months",
    "energy_gwh_per_year", "water_m3_per_year", "emissions_kt_per_year", "usd_per_accelerator_all_in",
    "musd_per_mw_it", "levelised_cost_usd_per_accelerator_hour", "levelised_cost_usd_per_million_tokens",
)  # fmt: skip
BETTER_HIGH = ("control_score", "control_by_work", "control_by_priority", "national_control", "served_share")
SAME_MUSD = 1e-6
"""Costs this close are one cost."""

CARD_COLUMNS = [
    "kpi",
    "words",
    "value",
    "unit",
    "low",
    "high",
    "inside",
    "note",
    "baseline",
    "delta",
    "verdict",
]


def kpi_cards(
    kpis: pd.DataFrame, baseline: pd.DataFrame | None = None, names: tuple[str, ...] | None = HEADLINE
) -> pd.DataFrame:
    """KPIs (kpi, value, unit, low, high, inside, note) with words, the baseline's value and the difference.

    ``names`` picks and orders; None keeps all. ``verdict`` is "better", "worse", "same" or "" (no opinion,
    or no baseline). Differences of dates are in days.
    """
    table = kpis.copy()
    for column in ("low", "high"):
        if column not in table:
            table[column] = np.nan
    for column in ("inside", "note", "unit"):
        if column not in table:
            table[column] = ""
    if names is not None:
        order = {name: i for i, name in enumerate(names)}
        table = table[table["kpi"].isin(order)]
        table = table.sort_values("kpi", key=lambda s: s.map(order), kind="stable")
    before = {} if baseline is None else dict(zip(baseline["kpi"], baseline["value"], strict=True))
    table["words"] = [kpi_label(k) for k in table["kpi"]]
    table["baseline"] = pd.Series([before.get(k) for k in table["kpi"]], index=table.index, dtype=object)
    table["delta"] = [difference(v, b) for v, b in zip(table["value"], table["baseline"], strict=True)]
    table["verdict"] = [verdict(k, d) for k, d in zip(table["kpi"], table["delta"], strict=True)]
    return table[CARD_COLUMNS].reset_index(drop=True)


def difference(value: Any, baseline: Any) -> float:
    """value - baseline; days between dates; NaN where either is missing or they are not comparable."""
    if value is None or baseline is None:
        return float("nan")
    try:
        return float(value) - float(baseline)
    except (TypeError, ValueError):
        pass
    try:
        return float((pd.Timestamp(value) - pd.Timestamp(baseline)).days)
    except (TypeError, ValueError):
        return float("nan")


def verdict(kpi: str, delta: float) -> str:
    """Whether a difference is good news."""
    if delta != delta or kpi not in BETTER_LOW + BETTER_HIGH:
        return ""
    if abs(delta) < 1e-9:
        return "same"
    return "better" if (delta < 0) == (kpi in BETTER_LOW) else "worse"


def differences_in_cost(outcomes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A sentence a run whose cost differs from the first's: between what that lies, or that the gaps leave its sign open.

    Each least cost (MUSD) lies between bound and plan, so their difference between the one's bound less the other's plan
    and the reverse. Of plans of least cost only: a bound is on no other goal.
    """
    ends = {}
    for name, outcome in outcomes.items():
        cost, bound = outcome.get("kpis", {}).get("cost_npv_musd", {}).get("value"), outcome.get("bound")
        if cost is not None and bound is not None and outcome.get("objective", "cost") == "cost":
            ends[name] = min(float(bound), float(cost)), float(cost)
    base, *others = outcomes
    told = []
    for name in others if base in ends else ():
        if name not in ends:
            continue
        delta = ends[name][1] - ends[base][1]
        low, high = ends[name][0] - ends[base][1], ends[name][1] - ends[base][0]
        if abs(delta) > SAME_MUSD:
            words = "compare.within-gaps" if low < 0 < high else "compare.beyond-gaps"
            told.append(t(words, run=name, delta=signed(delta), low=signed(low), high=signed(high)))
    return told


def differences_in_service(outcomes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A sentence a run that serves more or less, sooner or later, than the first: what a unit of work costs in both."""
    facts = {name: outcome.get("kpis", {}) for name, outcome in outcomes.items()}
    values = {name: {kpi: each.get("value") for kpi, each in known.items()} for name, known in facts.items()}

    def shown(name: str) -> list[str]:
        known = [facts[name].get(kpi, {}) for kpi in (*SAME_SERVICE, UNIT_COST)]
        return [quantity(each.get("value"), str(each.get("unit", ""))) for each in known]

    base, *others = outcomes
    told = []
    for name in others:
        apart = {kpi: difference(values[name].get(kpi), values[base].get(kpi)) for kpi in SAME_SERVICE}
        if any(abs(apart[kpi]) > most for kpi, most in SAME_SERVICE.items()):
            (share, months, cost), (first_share, first_months, first_cost) = shown(name), shown(base)
            told.append(
                t(
                    "compare.service", run=name, share=share, months=months, cost=cost,
                    base=base, base_share=first_share, base_months=first_months, base_cost=first_cost,
                )
            )  # fmt: skip
    return told


def results_side_by_side(runs: Mapping[str, pd.DataFrame], baseline: str | None = None) -> pd.DataFrame:
    """kpi, words, unit, one column a run, and "Δ name" for every run but the baseline (the first by default)."""
    names = list(runs)
    base = baseline if baseline is not None and baseline in runs else names[0]
    order: dict[str, str] = {}
    for table in runs.values():
        for row in table.itertuples():
            order.setdefault(str(row.kpi), str(row.unit))
    out = pd.DataFrame(
        {"kpi": list(order), "words": [kpi_label(k) for k in order], "unit": list(order.values())}
    )
    values: dict[str, dict[str, Any]] = {
        name: dict(zip(table["kpi"], table["value"], strict=True)) for name, table in runs.items()
    }
    for name in names:
        out[name] = pd.Series([values[name].get(k) for k in order], dtype=object)
    for name in names:
        if name != base:
            out[f"Δ {name}"] = [difference(values[name].get(k), values[base].get(k)) for k in order]
    return out
