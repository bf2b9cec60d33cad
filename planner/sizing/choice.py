"""Which system stands for a workload in the rough sizing: the cheapest per unit of work that it may use."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from planner.case.context import Context
from planner.case.demand import TRAINING_KINDS
from planner.case.locality import rule_for
from planner.case.rates import least_accelerators
from planner.case.requests import request_of
from planner.case.throughput import Throughput
from planner.facts.errors import MissingFact
from planner.facts.spans import Span
from planner.scenario.schema import Host, Workload
from planner.sizing.costs import UnitCosts
from planner.sizing.steps import Offer, held_per_reference

FIRST_THIRD = 1.0 / 3.0
NEARLY_AS_CHEAP = 1.25
"""Systems within a quarter of the least cost per unit of work might be bought as well: power spans theirs."""


@dataclass(frozen=True)
class Choice:
    """One workload on its system, and the others that could stand for it, cheapest first.

    ``power``: IT power of systems that cost nearly as little for the same work, relative to this one.
    """

    workload: Workload
    offer: Offer
    others: tuple[str, ...]
    power: Span

    @property
    def system(self) -> str:
        return self.offer.system


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
    """The cheapest system per unit of work in mid-horizon; the least blocked where none is free of objections."""
    protection = rule_for(context, w).protection
    calendar = context.calendar
    middle = calendar.year_fraction(calendar.n // 2)
    scores: dict[str, tuple[bool, float, float]] = {}  # blocked, USD a year and kW per unit of work
    for choice in context.scenario.systems:
        offer = Offer(host, host.stacks[0], choice.id)
        try:
            held = held_per_reference(context, throughput, w, offer, middle)
        except MissingFact:  # no rate without the chip's peak and memory
            continue
        unit = costs.of(choice.id)
        blocked = bool(blocker(context, w, choice.id, protection))
        scores[choice.id] = (blocked, unit.yearly_usd * held, unit.it_kw.mid * held)
    ranked = sorted(scores, key=lambda k: scores[k]) or [context.scenario.systems[0].id]
    system = ranked[0]
    blocked, usd, kw = scores.get(system, (True, 1.0, 1.0))
    near = [k[2] / kw for k in scores.values() if k[0] == blocked and k[1] <= NEARLY_AS_CHEAP * usd] or [1.0]
    others = tuple(k for k in ranked[1:] if not scores[k][0])
    return Choice(w, Offer(host, host.stacks[0], system), others, Span(min(1.0, *near), 1.0, max(1.0, *near)))
