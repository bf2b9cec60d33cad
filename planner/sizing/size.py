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
from planner.scenario.schema import Host, Scenario, Workload
from planner.sizing.choice import Choice, blocker, choose_system
from planner.sizing.costs import LEVELS, UnitCosts, unit_costs
from planner.sizing.steps import Chain, Offer, chain, reserve_factor


@dataclass(frozen=True)
class Sizing:
    """Result of ``size``: tidy tables and what they rest on.

    ``workloads``: w, year, reference (accelerators asked for), accelerators_low/mid/high, system, method,
    tokens_per_s. ``years``: year and, each as _low/_mid/_high, accelerators, servers, it_mw, facility_mw, halls,
    capex_musd (all that stands in that year, hardware and facility), energy_gwh. ``assumptions``: item, value,
    why. ``chains``: workload -> its way from what is asked for to accelerators in its last year, on the system
    chosen first and then on the others that could stand for it. ``method`` in words.
    """

    scenario: Scenario
    workloads: pd.DataFrame
    years: pd.DataFrame
    assumptions: pd.DataFrame
    chains: dict[str, tuple[Chain, ...]]
    method: str

    @property
    def peak(self) -> dict[str, float]:
        """The row of the year with most facility power."""
        row = self.years.loc[self.years["facility_mw_mid"].idxmax()]
        return {str(k): float(v) for k, v in row.items()}


@dataclass(frozen=True)
class Rough:
    """What the rough figure is worked out from: demand by period, the host that stands for all, a choice a workload."""

    context: Context
    throughput: Throughput
    asked: pd.DataFrame
    host: Host
    costs: UnitCosts
    choices: tuple[Choice, ...]

    @classmethod
    def of(cls, scenario: Scenario, catalog: Catalog) -> Rough:
        context = Context.of(scenario, catalog)
        throughput = Throughput.of(scenario, catalog)
        asked = demand.demand_table(context, throughput)
        host = _host(context)
        costs = unit_costs(context, host)
        choices = (choose_system(context, throughput, w, host, costs) for w in scenario.demand)
        return cls(context, throughput, asked, host, costs, tuple(choices))

    @property
    def years(self) -> list[int]:
        calendar = self.context.calendar
        return sorted({calendar.date_of(t).year for t in range(calendar.n)})

    def reference(self, w: str, year: int) -> float:
        """Most reference accelerators asked for at once in a year."""
        memo = self.context.memo
        if "most" not in memo:
            year_of = self.asked["t"].map(lambda t: self.context.calendar.date_of(int(t)).year)
            memo["most"] = self.asked.groupby(["w", year_of])["demand_kref"].max().to_dict()
        return float(memo["most"].get((w, year), 0.0)) * 1000.0

    def chain(self, choice: Choice, year: int, system: str | None = None) -> tuple[Chain, str]:
        """Chain of a workload in a year on its system or another, and where the rate is from."""
        w, memo = choice.workload, self.context.memo
        key = ("chain", w.id, system or choice.system, year)
        if key not in memo:
            offer = Offer(self.host, choice.offer.stack, system or choice.system)
            reference = self.reference(w.id, year)
            memo[key] = chain(self.context, self.throughput, w, offer, year + 0.5, reference)
        found: tuple[Chain, str] = memo[key]
        return found


def size(scenario: Scenario, catalog: Catalog | None = None) -> Sizing:
    """The rough figure for a scenario; reads it as ``build_case`` does."""
    return sized(Rough.of(scenario, catalog or scenario.catalog))


def sized(rough: Rough) -> Sizing:
    """The tables of the rough figure."""
    context, choices = rough.context, rough.choices
    rows: list[dict[str, Any]] = []
    totals: list[dict[str, float]] = []
    for year in rough.years:
        steady, patient, quiet = _Sum(), _Sum(), 0.0
        for choice in choices:
            reference = rough.reference(choice.workload.id, year)
            if reference <= 0:
                continue
            found, method = rough.chain(choice, year)
            held = found.held
            rows.append(_workload_row(rough, choice, year, reference, held) | {"method": method})
            if demand.is_preemptible(choice.workload):
                patient.add(choice, held)
            else:
                steady.add(choice, held)
                quiet += held.mid * (1.0 - mean_profile(context, choice.workload))
        totals.append({"year": year} | _year(rough, steady, patient, quiet))
    assumed = [*context.assumed, *_words(rough, {row["w"]: row["method"] for row in rows})]
    return Sizing(
        context.scenario,
        pd.DataFrame(rows),
        pd.DataFrame(totals),
        pd.DataFrame(assumed, columns=["item", "value", "why"]).drop_duplicates("item", ignore_index=True),
        chains_of(rough),
        "one system per workload, owned and built; ranges are central 80 %; no optimisation",
    )


def chains_of(rough: Rough) -> dict[str, tuple[Chain, ...]]:
    """Workload -> its chains in its last year with demand, on the chosen system and on the others."""
    return {choice.workload.id: _chains(rough, choice) for choice in rough.choices}


def _chains(rough: Rough, choice: Choice) -> tuple[Chain, ...]:
    """Chains of a workload's last year with demand; none without any."""
    last = [y for y in rough.years if rough.reference(choice.workload.id, y) > 0][-1:]
    return tuple(rough.chain(choice, year, k)[0] for year in last for k in (choice.system, *choice.others))


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


def mean_profile(context: Context, w: Workload) -> float:
    """Mean of a workload's day as a share of its busiest hour."""
    return float(climate.load_by_hour(context, w).mean())


def _workload_row(rough: Rough, choice: Choice, year: int, reference: float, held: Span) -> dict[str, Any]:
    w = choice.workload
    each = math.nan
    if w.kind not in TRAINING_KINDS:
        each = demand.tokens_per_reference(rough.context, rough.throughput, w)
    return {
        "w": w.id,
        "year": year,
        "reference": reference,
        "accelerators_low": held.low,
        "accelerators_mid": held.mid,
        "accelerators_high": held.high,
        "system": choice.system,
        "tokens_per_s": reference * each,
    }


def quiet_share(quiet: float, wanted: float) -> Span:
    """Share of the accelerators of work that may wait which is held beside quiet hours: plans fill them, high does not."""
    fits = min(quiet, wanted) / wanted if wanted > 0 else 0.0
    return Span(1.0 - fits, 1.0 - fits, 1.0)


def _year(rough: Rough, steady: _Sum, patient: _Sum, quiet: float) -> dict[str, float]:
    """All that stands in one year: preemptible work fills quiet hours (high: it does not)."""
    context, costs = rough.context, rough.costs
    share = quiet_share(quiet, patient.total().mid)
    held = dict(steady.by)
    for key, span in patient.by.items():
        own = Span(span.low * share.low, span.mid * share.mid, span.high)
        held[key] = held.get(key, Span.exact(0.0)) + own
    zero = Span.exact(0.0)
    table = {"accelerators": zero, "servers": zero, "it_mw": zero, "facility_mw": zero,
             "capex_musd": zero, "hardware_musd": zero, "energy_gwh": zero}  # fmt: skip
    use = _use(rough)
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


def _use(rough: Rough) -> float:
    """Mean load of the fleet over the day, weighted by the size of the workloads."""
    last = rough.years[-1]
    weights = [
        (rough.chain(c, last)[0].held.mid, mean_profile(rough.context, c.workload)) for c in rough.choices
    ]
    total = sum(weight for weight, _ in weights)
    return sum(weight * mean for weight, mean in weights) / total if total else 1.0


def _words(rough: Rough, methods: dict[str, str]) -> list[dict[str, Any]]:
    context, host = rough.context, rough.host
    rows: list[dict[str, Any]] = [
        {
            "item": "place and owner",
            "value": host.id,
            "why": f"first host that builds, with its stack {host.stacks[0]}, stands for all",
        },
        {"item": "capacity in place", "value": "", "why": "existing fleets and halls are not deducted"},
    ]
    for c in rough.choices:
        why = blocker(context, c.workload, c.system, rule_for(context, c.workload).protection)
        words = f"cheapest per unit of work; rate {methods.get(c.workload.id, '')}" + (
            f"; but {why}" if why else ""
        )
        rows.append({"item": f"system of {c.workload.id}", "value": c.system, "why": words})
        if c.workload.survival_share > 0:
            rows.append({"item": f"reserve of {c.workload.id}", "value": reserve_factor(context, c.workload),
                         "why": "capacity per unit of demand so that the loss of one site is survived"})  # fmt: skip
    return rows
