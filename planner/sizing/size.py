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

import pandas as pd

from planner.case import climate, demand
from planner.case.context import Context
from planner.case.demand import TRAINING_KINDS
from planner.case.locality import rule_for
from planner.case.throughput import Throughput
from planner.facts.catalog import Catalog
from planner.facts.spans import Span
from planner.scenario.schema import Host, Scenario, TrainingRuns, Workload
from planner.sizing.choice import Choice, blocker, choose_system, replicas_factor, reserve_factor
from planner.sizing.costs import LEVELS, UnitCosts, unit_costs


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


def size(scenario: Scenario, catalog: Catalog | None = None) -> Sizing:
    """The rough figure for a scenario; reads it as ``build_case`` does."""
    context = Context.of(scenario, catalog or scenario.catalog)
    throughput = Throughput.of(scenario, context.catalog)
    asked = demand.demand_table(context, throughput)
    years = sorted({context.calendar.date_of(t).year for t in range(context.calendar.n)})
    host = _host(context)
    costs = unit_costs(context, host)
    rows: list[dict[str, Any]] = []
    totals: list[dict[str, float]] = []
    choices = [choose_system(context, throughput, w, host, costs) for w in scenario.demand]
    for year in years:
        steady, patient, quiet = _Sum(), _Sum(), 0.0
        for choice in choices:
            reference = _reference(context, asked, choice.workload.id, year)
            if reference <= 0:
                continue
            held = choice.per_reference[year] * reference
            held = held * replicas_factor(context, choice, held)
            rows.append(_workload_row(context, throughput, choice, year, reference, held))
            if demand.is_preemptible(choice.workload):
                patient.add(choice, held)
            else:
                steady.add(choice, held)
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
    """Accelerators by system and span of power."""

    def __init__(self) -> None:
        self.by: dict[tuple[str, Span], Span] = {}

    def add(self, choice: Choice, held: Span) -> None:
        key = (choice.system, choice.power)
        self.by[key] = self.by.get(key, Span.exact(0.0)) + held

    def total(self) -> Span:
        return sum(self.by.values(), Span.exact(0.0))


def _host(context: Context) -> Host:
    """The host whose handicaps and place stand for all: the first that builds, else that leases, else any."""
    order = {"build": 0, "colocation": 1, "cloud": 2}
    return min(context.scenario.hosts, key=lambda h: order[h.mode])


def _reference(context: Context, asked: pd.DataFrame, w: str, year: int) -> float:
    """Most reference-accelerator equivalents asked for at once in a year."""
    own = asked[asked["w"] == w]
    when = own["t"].map(lambda t: context.calendar.date_of(int(t)).year)
    values = own.loc[when == year, "demand_kref"]
    return float(values.max()) * 1000.0 if len(values) else 0.0


def _mean_profile(context: Context, w: Workload) -> float:
    return float(climate.load_by_hour(context, w).mean())


def _workload_row(
    context: Context, throughput: Throughput, choice: Choice, year: int, reference: float, held: Span
) -> dict[str, Any]:
    w = choice.workload
    tokens = math.nan
    if w.kind not in TRAINING_KINDS and not isinstance(w.size, TrainingRuns):
        rate = demand.serving_rate(context, throughput, w, demand.reference_of(context, w))
        tokens = reference * rate.tokens_per_s * context.param("production_factor")
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
    context: Context, costs: UnitCosts, steady: _Sum, patient: _Sum, quiet: float, choices: list[Choice]
) -> dict[str, float]:
    """All that stands in one year: preemptible work fills quiet hours (low: fully, high: not, mid: half)."""
    wanted = patient.total()
    fits = min(quiet, wanted.mid) / wanted.mid if wanted.mid > 0 else 0.0
    share = Span(1.0 - fits, 1.0 - fits / 2.0, 1.0)
    held = dict(steady.by)
    for key, span in patient.by.items():
        own = Span(span.low * share.low, span.mid * share.mid, span.high)
        held[key] = held.get(key, Span.exact(0.0)) + own
    zero = Span.exact(0.0)
    table = {"accelerators": zero, "servers": zero, "it_mw": zero, "facility_mw": zero,
             "capex_musd": zero, "hardware_musd": zero, "energy_gwh": zero}  # fmt: skip
    use = _use(context, choices)
    for (system, power), span in held.items():
        unit = costs.of(system)
        it = span * unit.it_kw * power * 1e-3
        hardware = span * unit.hardware_usd * 1e-6
        table["accelerators"] += span
        table["servers"] += span * (1.0 / unit.n)
        table["it_mw"] += it
        table["facility_mw"] += it * unit.design_pue
        table["hardware_musd"] += hardware
        table["capex_musd"] += hardware + it * unit.facility_musd_per_mw
        table["energy_gwh"] += span * unit.mean_kw(use) * power * unit.mean_pue * 8.76e-3
    halls, it_mw = context.catalog.table("halls"), table["it_mw"]
    fitting = halls.loc[halls["it_mw"] <= max(it_mw.mid, float(halls["it_mw"].min())), "it_mw"]
    mw = float(fitting.max())
    out = {f"{name}_{level}": getattr(span, level) for name, span in table.items() for level in LEVELS}
    for name in ("servers",):
        out |= {f"{name}_{level}": math.ceil(out[f"{name}_{level}"] - 1e-9) for level in LEVELS}
    out |= {f"halls_{level}": math.ceil(getattr(it_mw, level) / mw - 1e-9) for level in LEVELS}
    return out | {"hall_mw": mw}


def _use(context: Context, choices: list[Choice]) -> float:
    """Mean load of the fleet over the day, weighted by priority-free size of the workloads."""
    weights = [(max(c.per_reference[max(c.per_reference)].mid, 1e-9), c.workload) for c in choices]
    total = sum(weight for weight, _ in weights)
    return sum(weight * _mean_profile(context, w) for weight, w in weights) / total if total else 1.0


def _words(context: Context, choices: list[Choice], host: Host) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            "item": "place and owner",
            "value": host.id,
            "why": f"first host that builds, with its stack {host.stacks[0]}, stands for all",
        },
        {"item": "capacity in place", "value": "", "why": "existing fleets and halls are not deducted"},
    ]
    for c in choices:
        why = blocker(context, c.workload, c.system, rule_for(context, c.workload).protection)
        words = f"cheapest per unit of work; rate {c.method}" + (f"; but {why}" if why else "")
        rows.append({"item": f"system of {c.workload.id}", "value": c.system, "why": words})
        if c.workload.survival_share > 0:
            rows.append({"item": f"reserve of {c.workload.id}", "value": reserve_factor(context, c.workload),
                         "why": "capacity per unit of demand so that the loss of one site is survived"})  # fmt: skip
    return rows
