"""From people to chips, one factor at a time: the chain that the rough sizing multiplies out, with its uncertainty.

What is asked for (users, requests or tokens a second, reference accelerators, runs of training) becomes accelerators
of a system by factors, each of which is the one that the planning model uses. A factor that is not certain has a
range; the share of each in the spread of the result says which assumption matters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd

from planner.case import demand
from planner.case.context import Context
from planner.case.demand import TRAINING_KINDS, reference_of, serving_rate
from planner.case.locality import rule_for
from planner.case.rates import confidential_factor, relative_rate, stack_rate
from planner.case.replicas import replica_accelerators, spare_replicas, working_share
from planner.case.requests import request_of
from planner.case.throughput import SoftwareGain, Throughput
from planner.facts.spans import Span
from planner.scenario.schema import Accelerators, Host, TrainingRuns, Users, Workload

REFERENCE, HELD = "reference accelerators", "accelerators"
UNITS = {
    "requests a user and day": "requests a day", "seconds of a day": "requests/s",
    "busiest hour over the mean": "requests/s at the peak", "tokens put out a request": "tokens/s",
    "share put out": "tokens/s",
}  # fmt: skip
"""Unit of the amount after each step of demand."""


@dataclass(frozen=True)
class Step:
    """One factor: what the amount is multiplied by, or divided by where ``divides``, and the unit it then has."""

    name: str
    factor: Span
    unit: str
    divides: bool = False

    def apply(self, amount: Span) -> Span:
        return amount / self.factor if self.divides else amount * self.factor

    @property
    def spread(self) -> float:
        """Square of the log of high over low: what a factor adds to the spread of a product."""
        return math.log(self.factor.high / self.factor.low) ** 2 if self.factor.low > 0 else 0.0


@dataclass(frozen=True)
class Chain:
    """A workload's way from ``start`` (in ``start_unit``) to accelerators of ``system``."""

    workload: str
    system: str
    start: float
    start_unit: str
    steps: tuple[Step, ...]

    def amounts(self) -> list[Span]:
        """The amount before the first step and after each."""
        out = [Span.exact(self.start)]
        for step in self.steps:
            out.append(step.apply(out[-1]))
        return out

    @property
    def held(self) -> Span:
        """Accelerators to hold."""
        return self.amounts()[-1]

    def doubts(self) -> dict[str, float]:
        """Step -> its share of the spread of the result, largest first; empty where all is certain."""
        whole = sum(step.spread for step in self.steps)
        shares = {step.name: step.spread / whole for step in self.steps if step.spread > 0}
        return dict(sorted(shares.items(), key=lambda item: -item[1]))


@dataclass(frozen=True)
class Offer:
    """A system at a place under a stack: what a chain needs of it beside the workload."""

    host: Host
    stack: str
    system: str


def product(steps: tuple[Step, ...]) -> Span:
    """All steps as one factor."""
    return reduce(lambda amount, step: step.apply(amount), steps, Span.exact(1.0))


def demand_steps(context: Context, w: Workload) -> tuple[Step, ...]:
    """From a unit of what is asked for to output tokens a second; none where accelerators or runs are asked for."""
    if isinstance(w.size, Accelerators | TrainingRuns):
        return ()
    factors = demand.token_factors(w, request_of(context, w))
    peak = _peak_factor(context, w)
    return tuple(
        Step(name, Span.exact(1.0 / value), UNITS[name], True)
        if value < 1.0
        else Step(
            name,
            peak if (name, value) == ("busiest hour over the mean", peak.mid) else Span.exact(value),
            UNITS[name],
        )
        for name, value in factors.items()
        if value != 1.0
    )


def _peak_factor(context: Context, w: Workload) -> Span:
    """The catalog's range where neither the workload nor its profile says how the busiest hour compares."""
    own = (w.size.peak_factor if isinstance(w.size, Users) else None) or w.load_by_hour or w.profile
    return Span.exact(request_of(context, w).peak_factor) if own else _param(context, "peak_to_mean")


@dataclass(frozen=True)
class _Divisors:
    """What work is divided by on an offer whatever the year: before and after the gain of software."""

    first: tuple[tuple[str, Span], ...]
    last: tuple[tuple[str, Span], ...]
    released: pd.Timestamp
    measured_on: pd.Timestamp | None
    method: str


def chip_steps(
    context: Context, throughput: Throughput, w: Workload, offer: Offer, year: float
) -> tuple[tuple[Step, ...], str]:
    """From tokens a second (or reference accelerators) to accelerators held at decimal ``year``; the rate's source."""
    key = ("divisors", w.id, offer.host.id, offer.stack, offer.system)
    if key not in context.memo:
        context.memo[key] = _divisors(context, throughput, w, offer)
    found: _Divisors = context.memo[key]
    gain = ("software since measured", _gain(context, found.released, found.measured_on, year))
    reserve = Step("reserve for a lost site", Span.exact(reserve_factor(context, w)), HELD)
    steps = [*(Step(name, span, HELD, True) for name, span in (*found.first, gain, *found.last)), reserve]
    return tuple(s for s in steps if s.factor != Span.exact(1.0)), found.method


def _divisors(context: Context, throughput: Throughput, w: Workload, offer: Offer) -> _Divisors:
    chip = str(context.catalog.value("systems", offer.system, "accelerator_id"))
    own, measured_on = 1.0, None
    if w.kind in TRAINING_KINDS:
        ratio, method, _ = relative_rate(context, throughput, w, chip, offer.stack)
        first = [("chip over the reference", Span.exact(ratio))]
        if not isinstance(w.size, Accelerators):
            first.append(("efficiency of training", _param(context, "training_run_efficiency").relative()))
    else:
        rate, own = stack_rate(context, throughput, w, chip, offer.stack)
        method, measured_on = rate.method, rate.measured_on
        span = Span(rate.low, rate.tokens_per_s, rate.high)
        if isinstance(w.size, Accelerators):
            base = serving_rate(context, throughput, w, reference_of(context, w)).tokens_per_s
            same = chip == reference_of(context, w)  # asked for and held alike: the doubt cancels
            first = [("chip over the reference", (Span.exact(span.mid) if same else span) * (1.0 / base))]
        else:
            production = _param(context, "production_factor")
            first = [("tokens/s of a chip", span), ("of the benchmark in production", production)]
    last = (
        ("speed under protection", _protection(context, w, chip, rule_for(context, w).protection)),
        ("output of the owner", _effectiveness(context, offer.host)),
        ("availability", _param(context, "availability")),
    )
    released = pd.Timestamp(context.catalog.value("accelerators", chip, "released"))
    return _Divisors((*first, ("model of the stack", Span.exact(own))), last, released, measured_on, method)


def replica_step(context: Context, w: Workload, system: str, held: Span) -> Step:
    """Whole replicas with a spare, which a small workload needs beyond its bare need."""
    availability = context.param("availability")
    need = held.mid * availability / reserve_factor(context, w)
    replica = replica_accelerators(context, w, None, system)
    share = working_share(np.array([need]), np.array([replica]), np.array([spare_replicas(w)]), availability)
    return Step("whole replicas and a spare", Span.exact(1.0 / float(share[0])), HELD)


def chain(
    context: Context, throughput: Throughput, w: Workload, offer: Offer, year: float, reference: float
) -> tuple[Chain, str]:
    """The whole chain for what keeps ``reference`` reference accelerators busy, and where the rate is from."""
    before = demand_steps(context, w)
    after, method = chip_steps(context, throughput, w, offer, year)
    start = reference / reference_per_unit(context, throughput, w)
    whole = replica_step(context, w, offer.system, product((*before, *after)) * start)
    steps = (*before, *after, *([whole] if whole.factor.mid != 1.0 else []))
    unit = {"users": "users", "requests-per-s": "requests/s", "tokens-per-s": "tokens/s"}.get(
        w.size.by, REFERENCE
    )
    return Chain(w.id, offer.system, start, unit, steps), method


def reference_per_unit(context: Context, throughput: Throughput, w: Workload) -> float:
    """Reference accelerators that a unit of what is asked for keeps busy."""
    if isinstance(w.size, Accelerators | TrainingRuns):
        return 1.0
    return product(demand_steps(context, w)).mid / demand.tokens_per_reference(context, throughput, w)


def held_per_reference(
    context: Context, throughput: Throughput, w: Workload, offer: Offer, year: float
) -> float:
    """Accelerators of an offer to hold for one reference accelerator kept busy, before whole replicas."""
    steps = (*demand_steps(context, w), *chip_steps(context, throughput, w, offer, year)[0])
    return product(steps).mid / reference_per_unit(context, throughput, w)


def _param(context: Context, name: str) -> Span:
    """The range of the catalog around the value that the scenario's level of cost reads."""
    return Span.around(
        context.catalog.param(name, "low"), context.param(name), context.catalog.param(name, "high")
    )


def _gain(context: Context, released: pd.Timestamp, measured_on: pd.Timestamp | None, year: float) -> Span:
    key = ("gain", released, measured_on, year)
    if key not in context.memo:
        level = context.catalog.cost_level("software_gain", "gain", context.level)
        gains = (SoftwareGain(context.catalog, name) for name in ("low", level, "high"))
        context.memo[key] = Span.around(
            *(float(g.factor(released, measured_on, np.array([year]))[0]) for g in gains)
        )
    found: Span = context.memo[key]
    return found


def _protection(context: Context, w: Workload, chip: str, protection: str) -> Span:
    guarded = str(context.catalog.value("accelerators", chip, "confidential_computing")) != "none"
    return Span.exact(confidential_factor(context, w, chip, protection) if guarded else 1.0)


def _effectiveness(context: Context, host: Host) -> Span:
    if host.effectiveness is not None:
        return Span.exact(host.effectiveness)
    row = context.catalog.table("owner_classes").loc[host.owner_class]
    mid = float(row[context.column("owner_classes", "effectiveness")])
    return Span.around(float(row["effectiveness_low"]), mid, float(row["effectiveness_high"]))


def reserve_factor(context: Context, w: Workload) -> float:
    """Capacity per unit of demand so that ``survival_share`` is left when the largest of n sites is lost."""
    key = ("reserve", w.id)
    if key not in context.memo:
        home = w.country or context.scenario.country
        n = max(len({h.site for h in context.scenario.hosts if context.host_country(h) == home}), 2)
        context.memo[key] = max(1.0, w.survival_share * n / (n - 1))
    return float(context.memo[key])
