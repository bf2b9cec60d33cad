"""How accurate sizing is beyond serving: training, PUE, power, facilities, all-in cost, on what was left out.

Training     whole runs with the laboratory or the run left out; benchmark slices apart, with the chip left out
PUE          a whole operator left out: its sites are predicted from the fleets and sites of the others
Projects     kW, USD and months of real projects, predicted from tables that no project entered

An interval is honest where its width comes from others: of a project from the errors in other countries, of
an operator's sites from the other operators. ``inside_80`` counts what lies in it, ``catalog_inside_80`` what lies in the
low to high of the planner's own answer. ``bias`` is the median of the signed errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from planner.case import costs
from planner.case.climate import pue
from planner.case.durations import duration
from planner.case.power_draw import temperatures_of
from planner.case.roofline import chip_spec
from planner.case.throughput_fit import Z80
from planner.case.training import training_fit
from planner.case.training_runs import WHOLE
from planner.facts.catalog import Catalog
from planner.facts.spans import Span

KW, FACILITY, ALL_IN, MONTHS = "kw_per_accelerator", "facility_cost", "all_in_usd", "months"
TARGETS = {"training.whole_by_lab": 0.25, "training.whole_by_run": 0.25, "pue.operator": 0.05,
           f"{KW}.projects": 0.12, f"{FACILITY}.projects": 0.25, f"{ALL_IN}.projects": 0.20}  # fmt: skip


@dataclass(frozen=True)
class Compared:
    """One project: what was reported and what the planner computes without it."""

    project: str
    country: str
    reported: float
    computed: Span


def training(catalog: Catalog) -> dict[str, Any]:
    """Errors of log efficiency of published runs, by what is left out."""
    fit = training_fit(catalog)
    whole = (fit.rows["kind"] == WHOLE).to_numpy()
    kinds, labs = fit.rows["kind"].to_numpy(str), fit.rows["lab"].fillna("?").to_numpy(str)
    by_lab = np.where(whole, labs, np.char.add(kinds, fit.rows["chip"].to_numpy(str)))
    by_family = np.char.add(kinds, fit.rows["family"].to_numpy(str))
    out = {}
    for name, group, keep in (
        ("whole_by_lab", by_lab, whole),
        ("whole_by_run", np.arange(len(whole)).astype(str), whole),
        ("slices_by_chip", by_lab, ~whole),
        ("slices_by_family", by_family, ~whole),
    ):
        error, sd = fit.left_out(group)
        out[name] = summary(error[keep], Z80 * sd[keep])
    return out


def summary(error: np.ndarray, reach: np.ndarray) -> dict[str, float | int]:
    """Figures of errors in logs (true over predicted) and half widths of their intervals."""
    return {
        "n": len(error),
        "median_error": round(math.exp(float(np.median(np.abs(error)))) - 1.0, 4),
        "bias": round(math.exp(float(np.median(error))) - 1.0, 4),
        "inside_80": round(float(np.mean(np.abs(error) <= reach)), 3),
        "median_high_over_low": round(math.exp(2.0 * float(np.median(reach))), 3),
    }


# ---- PUE

BASE, BASE_SD = 1.10, 0.03
"""Base of a modern operator: between the 1.08 of the published free-cooling curve and its neighbours."""
SLOPE = {"air-chilled-water": (0.015, 0.004), "evaporative": (0.005, 0.003)}
"""PUE per K: the published slope for air (Flucker 2013), a third of it with evaporation."""
TECHNOLOGY_SD, OPERATOR_SD = 0.03, 0.03
SITE_SD = {"air-chilled-water": 0.07, "evaporative": 0.02}
FLEET_SD = 0.03
"""A fleet's mean says little of where its sites are: its excess over 15 C is taken as the mean of all sites."""


def _covariance(a: pd.DataFrame, b: pd.DataFrame) -> np.ndarray:
    """What two rows share before any is seen: base, technology's base and slope, operator."""
    technology = a["technology"].to_numpy()[:, None] == b["technology"].to_numpy()[None, :]
    operator = a["operator"].to_numpy()[:, None] == b["operator"].to_numpy()[None, :]
    slope_sd = a["technology"].map(lambda t: SLOPE[t][1]).to_numpy(float)
    slopes = np.outer(slope_sd * a["x"].to_numpy(), b["x"].to_numpy()) * slope_sd[:, None]
    shared: np.ndarray = np.full(technology.shape, BASE_SD**2)
    return shared + technology * (TECHNOLOGY_SD**2 + slopes) + operator * OPERATOR_SD**2


def operators(catalog: Catalog) -> pd.DataFrame:
    """Rows of ``pue_sites`` that an operator reported, fleets included, each predicted without its operator."""
    sites = catalog.table("pue_sites").reset_index(drop=True)
    sites = sites[sites["technology"].isin(SLOPE)].reset_index(drop=True)
    excess = sites["excess_over_15c_mean_k"].astype(float)
    fleet = excess.isna()
    rows = sites.assign(x=excess.fillna(excess.mean()))
    expected = BASE + rows["technology"].map(lambda t: SLOPE[t][0]) * rows["x"]
    noise = np.where(fleet, FLEET_SD, rows["technology"].map(SITE_SD).astype(float)) ** 2
    out = rows.assign(predicted=np.nan, sd=np.nan)
    for name in rows["operator"].unique():
        own = (rows["operator"] == name).to_numpy()
        rest, asked = rows[~own], rows[own]
        across = _covariance(asked, rest)
        known = np.linalg.inv(_covariance(rest, rest) + np.diag(noise[~own]))
        gap = (rows["pue"] - expected)[~own].to_numpy(float)
        out.loc[own, "predicted"] = expected[own] + across @ known @ gap
        spread = (
            np.diag(_covariance(asked, asked)) + noise[own] - np.einsum("ij,jk,ik->i", across, known, across)
        )
        out.loc[own, "sd"] = np.sqrt(spread)
    return out


def pue_operators(catalog: Catalog) -> dict[str, Any]:
    """Absolute errors with whole operators left out, in all, by operator, and of the curves as shipped."""
    table = operators(catalog)
    table = table.assign(error=table["pue"] - table["predicted"])
    shipped = [abs(pue([15.0 + r.x] * 12, r.technology, catalog).yearly - r.pue) for r in table.itertuples()]
    table = table.assign(shipped=shipped)

    def of(part: pd.DataFrame) -> dict[str, float | int]:
        return {
            "n": len(part),
            "mean_absolute_error": round(float(part["error"].abs().mean()), 4),
            "bias": round(float(part["error"].median()), 4),
            "inside_80": round(float((part["error"].abs() <= Z80 * part["sd"]).mean()), 3),
            "mean_width": round(float((2 * Z80 * part["sd"]).mean()), 3),
            "shipped_curve_mean_absolute_error": round(float(part["shipped"].mean()), 4),
        }

    return {"operator": of(table), **{str(k).lower(): of(v) for k, v in table.groupby("operator")}}


# ---- projects


def projects(catalog: Catalog) -> dict[str, Any]:
    """Power, facility cost, all-in cost and months of real projects, each against its computed span."""
    table = catalog.table("real_projects")
    rules: dict[str, tuple[Callable[[Catalog, Any], Compared | None], str]] = {
        KW: (_kw, "kW per accelerator, of IT or at the meter as reported"),
        FACILITY: (_facility, "MUSD per MW at the meter"),
        ALL_IN: (_all_in, "USD per accelerator; MUSD per MW at the meter where no count is known"),
        MONTHS: (_months, "months from clearing the land to first operation"),
    }
    out = {}
    for key, (rule, unit) in rules.items():
        found = [c for row in table.itertuples() if (c := rule(catalog, row)) is not None]
        out[key] = {"projects": _against(found), "unit": unit}
    return out


def _fit_for(row: Any, use: str) -> bool:
    return isinstance(row.compare, str) and use in row.compare.split(";")


def _metro(row: Any) -> str | None:
    return row.metro_id if isinstance(row.metro_id, str) else None


def _kw(catalog: Catalog, row: Any) -> Compared | None:
    if not _fit_for(row, "power"):
        return None
    name = _system(catalog, row.accelerator_id)
    if row.count_mw_at == "it":
        span = costs.it_kw_per_accelerator(name, catalog=catalog)
    else:
        outside = "outside air" in str(row.cooling)
        liquid = chip_spec(catalog, row.accelerator_id).scale_up > 8
        cooling = "direct-to-chip" if liquid else "economiser" if outside else "air-chilled-water"
        span = costs.facility_kw_per_accelerator(name, _metro(row), cooling, catalog=catalog)
    reported = 1e3 * float(row.count_mw) / float(row.n_accelerators)
    return Compared(str(row.Index), row.iso3, reported, span)


def _facility(catalog: Catalog, row: Any) -> Compared | None:
    metro = _metro(row)
    if not _fit_for(row, "facility_cost") or metro is None:
        return None
    mw = row.planned_mw if not pd.isna(row.planned_mw) else row.facility_mw
    cost = costs.facility_cost(metro, catalog=catalog).musd_per_facility_mw
    return Compared(str(row.Index), row.iso3, float(row.capex_musd) / float(mw), cost)


def _all_in(catalog: Catalog, row: Any) -> Compared | None:
    """Contracts of systems per accelerator, whole sites per accelerator where they are counted, else per MW."""
    if not _fit_for(row, "all_in"):
        return None
    bill = costs.system_cost(_system(catalog, row.accelerator_id), catalog=catalog)
    counted = not pd.isna(row.n_accelerators)
    if "system contract" in str(row.capex_scope):
        return Compared(
            str(row.Index), row.iso3, 1e6 * row.capex_musd / row.n_accelerators, bill.usd_per_accelerator
        )
    metro = str(_metro(row))
    facility = costs.facility_cost(metro, catalog=catalog)
    kw = bill.it_kw_per_accelerator.mid
    whole = bill.usd_per_accelerator + facility.musd_per_it_mw * (kw * 1e3)
    if counted:
        return Compared(str(row.Index), row.iso3, 1e6 * row.capex_musd / row.n_accelerators, whole)
    design = pue(temperatures_of(catalog, metro), "direct-to-chip", catalog).design_hour
    return Compared(str(row.Index), row.iso3, row.capex_musd / row.planned_mw, whole / (kw * 1e3 * design))


def _months(catalog: Catalog, row: Any) -> Compared | None:
    """A hall of the project's kind, new or in a building that stood, from the order to live."""
    return _months_at(catalog, row, "usual")


def _months_at(catalog: Catalog, row: Any, pace: str) -> Compared | None:
    if pd.isna(row.build_months):
        return None
    span = duration("hall", hall_type=row.hall_type, pace=pace, catalog=catalog).span
    return Compared(str(row.Index), row.iso3, float(row.build_months), span)


def months_by_builder(catalog: Catalog) -> dict[str, Any]:
    """Mean absolute error in months of the hall's lead at the usual pace, and at the pace that suits the builder.

    Owners of large clouds build for themselves, all others to have capacity fast. The pace of a kind of builder is
    learned from its projects in other countries; without any it is the usual one.
    """
    rows = []
    for row in catalog.table("real_projects").itertuples():
        found = {pace: _months_at(catalog, row, pace) for pace in ("usual", "fast", "slow")}
        if (usual := found["usual"]) is not None:
            error = {pace: abs(c.computed.mid - c.reported) for pace, c in found.items() if c is not None}
            rows.append((usual, _is_cloud_owner(row.operator), error))
    one, two, each = [], [], {}
    for usual, owner, error in rows:
        others = [x for c, same, x in rows if same == owner and c.country != usual.country]
        pace = min(error, key=lambda name: sum(x[name] for x in others))
        one.append(error["usual"])
        two.append(error[pace])
        each[usual.project] = [usual.reported, pace, round(error[pace], 1)]
    return {"n": len(rows), "one_lead": round(float(np.mean(one)), 2), "by_builder": round(float(np.mean(two)), 2),
            "reported_pace_error": each}  # fmt: skip


def _is_cloud_owner(operator: Any) -> bool:
    return any(name in str(operator) for name in ("Amazon", "Google", "Meta", "Microsoft"))


def _system(catalog: Catalog, accelerator: str) -> str:
    table = catalog.table("systems")
    own = table[table["accelerator_id"] == accelerator]
    return str(own.index[0]) if len(own) else accelerator


def _against(rows: list[Compared]) -> dict[str, Any]:
    error = np.array([math.log(r.reported / r.computed.mid) for r in rows])
    country = np.array([r.country for r in rows])
    reach = np.array([_reach(error[country != c]) for c in country])
    held = [r.computed.low <= r.reported <= r.computed.high for r in rows]
    each = {r.project: [round(r.reported, 3), round(r.computed.mid, 3)] for r in rows}
    return {**summary(error, reach), "countries": len(set(country)), "catalog_inside_80": round(float(np.mean(held)), 3),
            "reported_and_computed": each}  # fmt: skip


def _reach(error: np.ndarray) -> float:
    """Half width of an 80 % interval around zero from the errors of others."""
    return float(Z80 * math.sqrt(np.mean(error**2))) if len(error) else math.inf


def report(catalog: Catalog) -> dict[str, Any]:
    """All of this module."""
    return {"training": training(catalog), "pue": pue_operators(catalog), **projects(catalog),
            "months_by_builder": months_by_builder(catalog)}  # fmt: skip
