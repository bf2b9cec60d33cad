"""Which system stands for a workload in the rough sizing, and how many accelerators of it demand takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.case import demand
from planner.case.context import Context
from planner.case.demand import TRAINING_KINDS
from planner.case.locality import rule_for
from planner.case.rates import confidential_factor, least_accelerators, relative_rate
from planner.case.replicas import replica_accelerators, spare_replicas, working_share
from planner.case.requests import request_of
from planner.case.throughput import SoftwareGain, Throughput
from planner.facts.errors import MissingFact
from planner.facts.spans import Span
from planner.scenario.schema import Accelerators, Host, Workload
from planner.sizing.costs import LEVELS, UnitCosts

FIRST_THIRD = 1.0 / 3.0
NEARLY_AS_CHEAP = 1.25
"""Systems within a quarter of the least cost per unit of work might be bought as well: power spans theirs."""


@dataclass(frozen=True)
class Choice:
    """One workload on its system: accelerators per reference accelerator by year, and why this system.

    ``power``: IT power of systems that cost nearly as little for the same work, relative to this one.
    """

    workload: Workload
    system: str
    per_reference: dict[int, Span]
    method: str
    power: Span


def _param(context: Context, name: str) -> Span:
    return Span.around(*(context.catalog.param(name, level) for level in LEVELS))


def blocker(context: Context, w: Workload, system: str, protection: str) -> str:
    """Why a system cannot stand for a workload in the rough figure; empty where it can."""
    row = context.catalog.table("systems").loc[system]
    chip = context.catalog.table("accelerators").loc[row["accelerator_id"]]
    if w.kind in TRAINING_KINDS and not bool(chip["training_capable"]):
        return "not fit for training"
    if protection == "confidential-computing" and str(chip["confidential_computing"]) == "none":
        return "no confidential computing"
    stacks = context.catalog.table("stacks")["vendors"]
    if all(
        str(chip["vendor"]) not in str(stacks[a]).split(";") for h in context.scenario.hosts for a in h.stacks
    ):
        return "no stack of the hosts supports it"
    if w.kind not in TRAINING_KINDS:
        request = request_of(context, w)
        least = least_accelerators(context.catalog, w.model_class, str(row["accelerator_id"]), None, request)
        if not 0 < least <= int(row["n_accelerators"]):
            return f"model class {w.model_class} does not fit its memory"
    choice = next(s for s in context.scenario.systems if s.id == system)
    ready = pd.Timestamp(choice.available_from or row["available_from"])
    limit = context.calendar.date_of(max(1, round(context.calendar.n * FIRST_THIRD)))
    return "not on sale in the first third" if ready > pd.Timestamp(limit) else ""


def choose_system(
    context: Context, throughput: Throughput, w: Workload, host: Host, costs: UnitCosts
) -> Choice:
    """The cheapest system per unit of work; the least blocked where none is free of objections."""
    protection = rule_for(context, w).protection
    scores: dict[str, tuple[bool, float, float]] = {}  # blocked, USD and kW per unit of work
    for choice in context.scenario.systems:
        accelerator = str(context.catalog.value("systems", choice.id, "accelerator_id"))
        try:
            rate, _, _ = relative_rate(context, throughput, w, accelerator, host.stacks[0])
        except MissingFact:  # no rate without the chip's peak and memory
            continue
        unit = costs.of(choice.id)
        blocked = bool(blocker(context, w, choice.id, protection))
        scores[choice.id] = (blocked, unit.total_usd() / max(rate, 1e-9), unit.it_kw.mid / max(rate, 1e-9))
    system = min(scores, key=lambda k: scores[k]) if scores else context.scenario.systems[0].id
    blocked, usd, kw = scores.get(system, (True, 1.0, 1.0))
    near = [k[2] / kw for k in scores.values() if k[0] == blocked and k[1] <= NEARLY_AS_CHEAP * usd] or [1.0]
    per_reference, method = _per_reference(context, throughput, w, host, system, protection)
    return Choice(w, system, per_reference, method, Span(min(1.0, *near), 1.0, max(1.0, *near)))


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
    gain = SoftwareGain(context.catalog, context.catalog.cost_level("software_gain", "gain", context.level))
    reserve = reserve_factor(context, w)
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
    rate = demand.serving_rate(context, throughput, w, accelerator)
    return Span(rate.low, rate.tokens_per_s, rate.high).relative()


def _effectiveness(context: Context, host: Host) -> Span:
    if host.effectiveness is not None:
        return Span.exact(host.effectiveness)
    row = context.catalog.table("owner_classes").loc[host.owner_class]
    return Span.around(*(float(row[f"effectiveness_{level}"]) for level in LEVELS))


def replicas_factor(context: Context, choice: Choice, held: Span) -> float:
    """Accelerators in whole replicas with a spare over those of the bare need, for a small workload."""
    w, availability = choice.workload, context.param("availability")
    need = held.mid * availability / reserve_factor(context, w)
    replica = replica_accelerators(context, w, None, choice.system)
    share = working_share(np.array([need]), np.array([replica]), np.array([spare_replicas(w)]), availability)
    return 1.0 / float(share[0])


def reserve_factor(context: Context, w: Workload) -> float:
    """Capacity per unit of demand so that ``survival_share`` is left when the largest of n sites is lost."""
    home = w.country or context.scenario.country
    sites = {h.site for h in context.scenario.hosts if context.host_country(h) == home}
    n = max(len(sites), 2)
    return max(1.0, w.survival_share * n / (n - 1))
