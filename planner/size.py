"""``planner size``: from demand to accelerators, servers, megawatts, halls, dollars; no optimisation, a second.

    sizing = size(load_scenario("korea.yaml"))
    sizing.years        # one row a year: accelerators, servers, IT MW, facility MW, halls, MUSD, GWh
    sizing.workloads    # one row a workload and year

Every figure has low, mid and high: the central 80 %. The rough figure takes one system for each workload (the
cheapest per unit of work that can be live in the first third of the horizon), owned and built at home, for
the whole horizon; it knows nothing of quotas, dates of halls, rents or what exists. A plan does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from planner.case import climate, demand
from planner.case.context import Context
from planner.case.demand import TRAINING_KINDS
from planner.case.locality import rule_for
from planner.case.rates import confidential_factor, relative_rate
from planner.case.throughput import SoftwareGain, Throughput, estimate
from planner.catalog import Catalog, load_catalog
from planner.scenario import Accelerators, Host, Scenario, TrainingRuns, Workload
from planner.size_costs import UnitCosts, unit_costs
from planner.spans import Span

LEVELS = ("low", "mid", "high")
FIRST_THIRD = 1.0 / 3.0


@dataclass(frozen=True)
class Sizing:
    """Result of ``size``: tidy tables and what they rest on.

    ``workloads``: w, year, reference (accelerators asked for), accelerators_low/mid/high, system, method,
    tokens_per_s. ``years``: year and, each as _low/_mid/_high, accelerators, servers, it_mw, facility_mw, halls,
    capex_musd (all that stands in that year, hardware and facility), energy_gwh. ``assumptions``: item, value,
    why. ``method`` in words.
    """

    scenario: Scenario
    workloads: pd.DataFrame
    years: pd.DataFrame
    assumptions: pd.DataFrame
    method: str

    @property
    def peak(self) -> dict[str, float]:
        """The row of the year with most facility power."""
        row = self.years.loc[self.years["facility_mw_mid"].idxmax()]
        return {str(k): float(v) for k, v in row.items()}


@dataclass(frozen=True)
class _Choice:
    """One workload on its system: accelerators per reference accelerator by year, and why this system."""

    workload: Workload
    system: str
    per_reference: dict[int, Span]
    method: str


def size(scenario: Scenario, catalog: Catalog | None = None) -> Sizing:
    """The rough figure for a scenario; reads it as ``build_case`` does."""
    context = Context.of(scenario, catalog or load_catalog())
    throughput = Throughput(context.catalog, scenario.supply.reference)
    asked = demand.demand_table(context, throughput)
    years = sorted({context.calendar.date_of(t).year for t in range(context.calendar.n)})
    host = _host(context)
    costs = unit_costs(context, host)
    rows: list[dict[str, Any]] = []
    totals: list[dict[str, float]] = []
    choices = [_choose(context, throughput, w, host, costs) for w in scenario.demand]
    for year in years:
        steady, patient, quiet = _Sum(), _Sum(), 0.0
        for choice in choices:
            reference = _reference(context, asked, choice.workload.id, year)
            if reference <= 0:
                continue
            held = choice.per_reference[year] * reference
            rows.append(_workload_row(context, throughput, choice, year, reference, held))
            if demand.is_preemptible(choice.workload):
                patient.add(choice.system, held)
            else:
                steady.add(choice.system, held)
                quiet += held.mid * (1.0 - _mean_profile(context, choice.workload))
        totals.append({"year": year} | _year(context, costs, steady, patient, quiet, choices))
    assumed = [*context.assumed, *_words(context, choices, host)]
    return Sizing(
        scenario,
        pd.DataFrame(rows),
        pd.DataFrame(totals),
        pd.DataFrame(assumed, columns=["item", "value", "why"]).drop_duplicates("item", ignore_index=True),
        "one system per workload, owned and built; ranges are central 80 %; no optimisation",
    )


class _Sum:
    """Accelerators by system."""

    def __init__(self) -> None:
        self.by: dict[str, Span] = {}

    def add(self, system: str, held: Span) -> None:
        self.by[system] = self.by.get(system, Span.exact(0.0)) + held

    def total(self) -> Span:
        return sum(self.by.values(), Span.exact(0.0))


def _host(context: Context) -> Host:
    """The host whose handicaps and place stand for all: the first that builds, else that leases, else any."""
    order = {"build": 0, "colocation": 1, "cloud": 2}
    return min(context.scenario.hosts, key=lambda h: order[h.mode])


def _reference(context: Context, asked: pd.DataFrame, w: str, year: int) -> float:
    """Most reference accelerators asked for at once in a year."""
    own = asked[asked["w"] == w]
    when = own["t"].map(lambda t: context.calendar.date_of(int(t)).year)
    values = own.loc[when == year, "demand_kref"]
    return float(values.max()) * 1000.0 if len(values) else 0.0


def _mean_profile(context: Context, w: Workload) -> float:
    profile = str(context.catalog.value("latency_classes", w.latency_class, "profile_id"))
    return float(climate.hourly(context, profile).mean())


def _param(context: Context, name: str) -> Span:
    return Span.around(*(context.catalog.param(name, level) for level in LEVELS))


def _blocked(context: Context, w: Workload, system: str, protection: str) -> str:
    """Why a system cannot stand for a workload in the rough figure; empty where it can."""
    row = context.catalog.table("systems").loc[system]
    chip = context.catalog.table("accelerators").loc[row["accelerator_id"]]
    if w.kind in TRAINING_KINDS and not bool(chip["training_capable"]):
        return "not fit for training"
    if protection == "confidential-computing" and str(chip["confidential_computing"]) == "none":
        return "no confidential computing"
    choice = next(s for s in context.scenario.systems if s.id == system)
    ready = pd.Timestamp(choice.available_from or row["available_from"])
    limit = context.calendar.date_of(max(1, round(context.calendar.n * FIRST_THIRD)))
    return "not on sale in the first third" if ready > pd.Timestamp(limit) else ""


def _choose(context: Context, throughput: Throughput, w: Workload, host: Host, costs: UnitCosts) -> _Choice:
    """The cheapest system per unit of work; the least blocked where none is free of objections."""
    protection = rule_for(context, w).protection
    best: tuple[tuple[bool, float], str] | None = None
    for choice in context.scenario.systems:
        accelerator = str(context.catalog.value("systems", choice.id, "accelerator_id"))
        try:
            rate, _, _ = relative_rate(context, throughput, w, accelerator, host.stacks[0])
        except (KeyError, ValueError):
            continue
        blocked = bool(_blocked(context, w, choice.id, protection))
        score = (blocked, costs.of(choice.id).total_usd() / max(rate, 1e-9))
        if best is None or score < best[0]:
            best = (score, choice.id)
    system = best[1] if best else context.scenario.systems[0].id
    per_reference, method = _per_reference(context, throughput, w, host, system, protection)
    return _Choice(w, system, per_reference, method)


def _per_reference(
    context: Context, throughput: Throughput, w: Workload, host: Host, system: str, protection: str
) -> tuple[dict[int, Span], str]:
    """Accelerators to hold for one reference accelerator asked for, by year, with its uncertainty."""
    accelerator = str(context.catalog.value("systems", system, "accelerator_id"))
    ratio, method, measured_on = relative_rate(context, throughput, w, accelerator, host.stacks[0])
    guarded = str(context.catalog.value("accelerators", accelerator, "confidential_computing")) != "none"
    keep = confidential_factor(context, w, accelerator, protection) if guarded else 1.0
    span = _rate_span(context, throughput, w, accelerator) * (ratio * keep)
    span = span * _param(context, "availability") * _effectiveness(context, host)
    if not isinstance(w.size, Accelerators):
        name = "training_run_efficiency" if w.kind in TRAINING_KINDS else "production_factor"
        span = span * _param(context, name).relative()
    released = pd.Timestamp(context.catalog.value("accelerators", accelerator, "released"))
    gain = SoftwareGain(context.catalog, context.level)
    reserve = _reserve(context, w)
    out = {}
    for year in sorted({context.calendar.date_of(t).year for t in range(context.calendar.n)}):
        factor = float(gain.factor(released, measured_on, np.array([year + 0.5]))[0])
        out[year] = Span.exact(reserve) / (span * factor)
    return out, method


def _rate_span(context: Context, throughput: Throughput, w: Workload, accelerator: str) -> Span:
    """Uncertainty of the serving rate as a factor: of the chip, and of the reference where demand is in tokens."""
    if w.kind in TRAINING_KINDS:
        return Span.exact(1.0)
    if isinstance(w.size, Accelerators) and accelerator == demand.reference_of(context, w):
        return Span.exact(1.0)  # asked for and bought alike: the rate cancels
    model = str(context.catalog.value("model_classes", w.model_class, "model_id"))
    scenario = str(context.catalog.value("latency_classes", w.latency_class, "scenario"))
    found = estimate(model=model, accelerator=accelerator, scenario=scenario, catalog=context.catalog)
    return Span(found.low, found.tokens_per_s_per_accelerator, found.high).relative()


def _effectiveness(context: Context, host: Host) -> Span:
    if host.effectiveness is not None:
        return Span.exact(host.effectiveness)
    row = context.catalog.table("owner_classes").loc[host.owner_class]
    return Span.around(*(float(row[f"effectiveness_{level}"]) for level in LEVELS))


def _reserve(context: Context, w: Workload) -> float:
    """Capacity per unit of demand so that ``survival_share`` is left when the largest of n sites is lost."""
    home = w.country or context.scenario.country
    sites = {h.site for h in context.scenario.hosts if context.host_country(h) == home}
    n = max(len(sites), 2)
    return max(1.0, w.survival_share * n / (n - 1))


def _workload_row(
    context: Context, throughput: Throughput, choice: _Choice, year: int, reference: float, held: Span
) -> dict[str, Any]:
    w = choice.workload
    tokens = math.nan
    if w.kind not in TRAINING_KINDS and not isinstance(w.size, TrainingRuns):
        scenario = str(context.catalog.value("latency_classes", w.latency_class, "scenario"))
        rate = throughput.serving(w.model_class, scenario, demand.reference_of(context, w)).tokens_per_s
        tokens = reference * rate * context.param("production_factor")
    return {
        "w": w.id,
        "year": year,
        "reference": reference,
        "accelerators_low": held.low,
        "accelerators_mid": held.mid,
        "accelerators_high": held.high,
        "system": choice.system,
        "method": choice.method,
        "tokens_per_s": tokens,
    }


def _year(
    context: Context, costs: UnitCosts, steady: _Sum, patient: _Sum, quiet: float, choices: list[_Choice]
) -> dict[str, float]:
    """All that stands in one year: preemptible work fills quiet hours (low: fully, high: not, mid: half)."""
    wanted = patient.total()
    fits = min(quiet, wanted.mid) / wanted.mid if wanted.mid > 0 else 0.0
    share = Span(1.0 - fits, 1.0 - fits / 2.0, 1.0)
    held = dict(steady.by)
    for system, span in patient.by.items():
        own = Span(span.low * share.low, span.mid * share.mid, span.high)
        held[system] = held.get(system, Span.exact(0.0)) + own
    zero = Span.exact(0.0)
    table = {"accelerators": zero, "servers": zero, "it_mw": zero, "facility_mw": zero,
             "capex_musd": zero, "hardware_musd": zero, "energy_gwh": zero}  # fmt: skip
    use = _use(context, choices)
    for system, span in held.items():
        unit = costs.of(system)
        it = span * unit.it_kw * 1e-3
        hardware = span * unit.hardware_usd * 1e-6
        table["accelerators"] += span
        table["servers"] += span * (1.0 / unit.n)
        table["it_mw"] += it
        table["facility_mw"] += it * unit.design_pue
        table["hardware_musd"] += hardware
        table["capex_musd"] += hardware + it * unit.facility_musd_per_mw
        table["energy_gwh"] += span * unit.mean_kw(use) * unit.mean_pue * 8.76e-3
    halls, it_mw = context.catalog.table("halls"), table["it_mw"]
    fitting = halls.loc[halls["it_mw"] <= max(it_mw.mid, float(halls["it_mw"].min())), "it_mw"]
    mw = float(fitting.max())
    out = {f"{name}_{level}": getattr(span, level) for name, span in table.items() for level in LEVELS}
    for name in ("servers",):
        out |= {f"{name}_{level}": math.ceil(out[f"{name}_{level}"] - 1e-9) for level in LEVELS}
    out |= {f"halls_{level}": math.ceil(getattr(it_mw, level) / mw - 1e-9) for level in LEVELS}
    return out | {"hall_mw": mw}


def _use(context: Context, choices: list[_Choice]) -> float:
    """Mean load of the fleet over the day, weighted by priority-free size of the workloads."""
    weights = [(max(c.per_reference[max(c.per_reference)].mid, 1e-9), c.workload) for c in choices]
    total = sum(weight for weight, _ in weights)
    return sum(weight * _mean_profile(context, w) for weight, w in weights) / total if total else 1.0


def _words(context: Context, choices: list[_Choice], host: Host) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            "item": "place and owner",
            "value": host.id,
            "why": f"first host that builds, with its stack {host.stacks[0]}, stands for all",
        },
        {"item": "capacity in place", "value": "", "why": "existing fleets and halls are not deducted"},
    ]
    for c in choices:
        why = _blocked(context, c.workload, c.system, rule_for(context, c.workload).protection)
        words = f"cheapest per unit of work; rate {c.method}" + (f"; but {why}" if why else "")
        rows.append({"item": f"system of {c.workload.id}", "value": c.system, "why": words})
        if c.workload.survival_share > 0:
            rows.append({"item": f"reserve of {c.workload.id}", "value": _reserve(context, c.workload),
                         "why": "capacity per unit of demand so that the loss of one site is survived"})  # fmt: skip
    return rows
