"""Serving rates: a fitted decoding step, a residual learned from measurements, and rules of order.

    estimate(model="llama3.1-405b", accelerator="NVIDIA B200-SXM-180GB", scenario="server")

``Estimate.method`` tells how far a rate lies from measurements: "measured" (this model on this accelerator, in
this format and kind of service, near this speed and length), "scaled from nearest" (a measured model), "step" (a
model nobody measured: the decoding step with parameters of others). ``low`` and ``high`` hold 80 % of
measurements of that kind left out (``serving_intervals``). ``Throughput`` gives the planning model the same
numbers by class of model, and training rates from ``training``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from planner.case.conditions import Question, ask, last_measured, read_conditions
from planner.case.periods import decimal_year
from planner.case.requests import NOBODY_WAITS, Conditions, measured_under
from planner.case.roofline import Replica, smallest_replica
from planner.case.serving_limits import check_context, reached
from planner.case.serving_order import at, book, interpolated, surface
from planner.case.serving_rows import measured_rows
from planner.case.throughput_fit import CENTRE, REACH
from planner.case.training import accelerator_hours, hours_within
from planner.case.training_runs import WHOLE
from planner.facts.catalog import Catalog, load_catalog
from planner.scenario.schema import OwnModel, OwnRate, Scenario

__all__ = [
    "Estimate",
    "Rate",
    "Replica",
    "SoftwareGain",
    "Throughput",
    "decimal_year",
    "estimate",
    "smallest_replica",
]

MEASURED, SCALED, STEP = "measured", "scaled from nearest", "step"
REFERENCE_RUN = (70.0, 10_000.0)
"""Parameters and tokens (1e9) at which chips are compared for training."""
UNCERTAIN_PEAKS = {"high": 0.0, "medium": 0.0, "low": 0.3}
"""Extra half-width of log time where the peaks of an unmeasured chip are announcements: by confidence."""
UNMEASURED_VENDOR = math.log(2.0)
"""Least half-width for a vendor nobody measured: times or by two offline."""


@dataclass(frozen=True)
class Estimate:
    """Output tokens per second of one accelerator, with a central 80 % interval.

    Benchmarks count output tokens only, and so does this; ``unit`` is "images/s" or "queries/s" for models
    whose measurements count those. ``based_on`` names the measurements most alike. ``measured_on`` is the date of
    the software the rate stands for, None where the accelerator was not measured.
    """

    tokens_per_s_per_accelerator: float
    low: float
    high: float
    method: str
    based_on: tuple[str, ...]
    unit: str
    model: str
    accelerator: str
    scenario: str
    precision: str
    n_accelerators: int
    measured_on: pd.Timestamp | None
    note: str = ""


@dataclass(frozen=True)
class Rate:
    """Output tokens per second of one accelerator as asked for, with a central 80 % interval."""

    tokens_per_s: float
    low: float
    high: float
    method: str
    measured_on: pd.Timestamp | None


def estimate(
    *,
    model: str,
    accelerator: str,
    scenario: str = "server",
    catalog: Catalog | None = None,
    **conditions: Any,
) -> Estimate:
    """Serving rate of one accelerator under the given conditions.

    ``model`` and ``accelerator`` take the keys, names and spellings of the measured tables (an accelerator
    also by a system that holds it); a model not listed needs ``params_total_b`` (1e9) and, for a mixture of
    experts, ``params_active_b``. ``scenario``: server, interactive, offline, or "1k in / 8k out at 90
    tok/s/user"; it stands for a speed, which a stated one beats. Conditions: ``input_tokens``, ``output_tokens``
    mean tokens of a request; ``tokens_per_s_per_user`` least speed a user sees; ``ttft_s`` seconds to the first
    token; ``precision`` of the weights; ``speculative`` decoding (True, False); ``prefix_hit`` share of the
    prompt found in a cache; ``deployment`` (aggregated, disaggregated); ``date`` (state of the software;
    default and latest: as last measured); ``n_accelerators`` most in a replica, ``tp`` exactly; ``concurrency``
    requests in flight per replica; ``latency_constraint`` as published. ``framework``, ``submitter`` and ``system``
    are accepted and move nothing: rates are of software that does well. Raises ``UnknownName`` with suggestions,
    ``TypeError`` naming the allowed conditions, ``BadValue`` for a prompt longer than the model's
    context, a speed or first token no accelerator reaches (with the best), a model no system holds.
    """
    catalog = catalog or load_catalog()
    question = ask(catalog, model, accelerator, scenario, read_conditions(conditions))
    check_context(question)
    return _answer(catalog, question)


def _answer(catalog: Catalog, question: Question) -> Estimate:
    own = reached(catalog, question)
    service, chip = question.service, question.chip
    values = surface(catalog, service, chip.accelerator_id)
    log_rate, slope = interpolated(values, question.speed, question.input_tokens)
    log_rate = min(log_rate, _slower(catalog, question))
    there = at(catalog, service, chip, question.input_tokens, question.speed)
    known = book(catalog)
    gap = _gap(catalog, question, str(there.labels["line"][0]))
    half = _half_width(catalog, gap, question) * max(1.0 - slope, float(there.steepness[0]))
    rate = float(np.exp(log_rate))
    rows = known.fit.nearest(there)
    measured_on = last_measured(catalog, service.model.model_id, chip.vendor)
    seen = chip.accelerator_id in known.chips
    slow = own.speed < question.speed
    return Estimate(
        rate, rate * math.exp(-half), rate * math.exp(half),
        MEASURED if gap == "row" else STEP if "model" in gap else SCALED,
        tuple(measured_rows(catalog)["row_id"].iloc[rows]), service.model.metric_unit, service.model.model_id,
        chip.accelerator_id, question.scenario, str(there.labels["precision"][0]), question.n,
        measured_on if seen else None,
        f"faster than one request alone is computed to see here: {own.speed:.0f} tokens/s" if slow else "",
    )  # fmt: skip


def _slower(catalog: Catalog, question: Question) -> float:
    """Log rate of the server scenario, which the interactive one does not exceed where it alone is drafted."""
    service = question.service
    if question.asked != "label" or not (service.speculative and service.model.drafted(question.scenario)):
        return math.inf
    values = surface(catalog, replace(service, speculative=False), question.chip.accelerator_id)
    return interpolated(values, service.model.speed("server"), question.input_tokens)[0]


def _gap(catalog: Catalog, question: Question, line: str) -> str:
    """How far a question lies from measurements: the kind of group whose leaving out it is like."""
    pairs = _measured_pairs(catalog)
    model, chip = question.service.model.model_id, question.chip
    missing = "" if model in {m for m, _ in pairs} else "model"
    known = {c for _, c in pairs}
    if chip.accelerator_id not in known:
        vendors = set(catalog.table("accelerators")["vendor"].loc[sorted(known)])
        return f"{missing} {'chip' if chip.vendor in vendors else 'vendor'}".strip()
    if missing or (model, chip.accelerator_id) not in pairs:
        return missing or "pair"
    fit = book(catalog).fit.rows
    same = fit.labels["line"] == line
    near = same & (np.abs(fit.speed + CENTRE["speed"] - math.log(question.speed)) <= REACH["speed"])
    near = near & (np.abs(fit.prompt + CENTRE["prompt"] - math.log(question.input_tokens)) <= REACH["prompt"])
    return "row" if near.any() else "reach" if same.any() else "line"


@lru_cache(maxsize=8)
def _measured_pairs(catalog: Catalog) -> frozenset[tuple[str, str]]:
    rows = measured_rows(catalog)
    return frozenset(zip(rows["model"], rows["chip"], strict=True))


def _half_width(catalog: Catalog, gap: str, question: Question) -> float:
    """Half-width of the 80 % interval in log time of a step; times the steepness it is that of log rate."""
    table = catalog.table("serving_intervals")["log_half_width"]
    asked = "label" if question.asked == "label" and question.scenario != "interactive" else "speed"
    parts = [float(table[g, asked]) for g in gap.split()]
    if "vendor" in gap:
        parts[-1] = max(parts[-1], UNMEASURED_VENDOR)
    if question.chip.accelerator_id not in book(catalog).chips:
        parts.append(UNCERTAIN_PEAKS[question.chip.confidence])
    return math.hypot(*parts)


class Throughput:
    """Rates for the planning model: serving by model, scenario and conditions, training by the peak.

    ``own_rates`` (of a scenario, with its ``own_models``) beat the catalog: a rate is the measured one, times what the
    estimate says of the difference between the conditions asked for and those of the measurement.
    """

    def __init__(
        self,
        catalog: Catalog,
        anchor: str = "b300",
        own_rates: Sequence[OwnRate] = (),
        own_models: Sequence[OwnModel] = (),
    ):
        self.catalog = catalog
        self.anchor = anchor
        self._own = [(rate, measured_under(rate, own_models)) for rate in own_rates]
        self._known: dict[tuple[str, str, str, Conditions], Rate] = {}
        self._flops: dict[str, float] = {}

    @classmethod
    def of(cls, scenario: Scenario, catalog: Catalog) -> Throughput:
        """With the models and rates of a scenario."""
        return cls(catalog, scenario.supply.reference, scenario.rates, scenario.models)

    def serving(self, model: str, scenario: str, accelerator: str, conditions: Conditions = ()) -> Rate:
        """Serving rate of ``accelerator`` for a model, where ``conditions`` beat what the scenario's label implies."""
        key = (model, scenario, accelerator, conditions)
        if key not in self._known:
            found = self._estimate(model, scenario, accelerator, conditions)
            own = [(r, under) for r, under in self._own if (r.model, r.accelerator) == (model, accelerator)]
            self._known[key] = self._measured(found, scenario, conditions, own) if own else found
        return self._known[key]

    def _estimate(self, model: str, scenario: str, accelerator: str, conditions: Conditions) -> Rate:
        # a benchmark stands for its class, whose models may take longer prompts: a scenario is checked when it is read
        question = ask(self.catalog, model, accelerator, scenario, read_conditions(dict(conditions)))
        found = _answer(self.catalog, question)
        rate = found.tokens_per_s_per_accelerator
        return Rate(rate, found.low, found.high, found.method, found.measured_on)

    def _measured(
        self, asked: Rate, scenario: str, conditions: Conditions, own: list[tuple[OwnRate, Conditions]]
    ) -> Rate:
        """From the measurement whose estimate is nearest to that of what is asked for."""
        there = []
        for rate, under in own:
            waits = rate.tokens_per_s_per_user is not None or under == conditions
            label = scenario if waits else NOBODY_WAITS
            there.append(self._estimate(rate.model, label, rate.accelerator, under))
        gaps = [abs(math.log(asked.tokens_per_s / found.tokens_per_s)) for found in there]
        nearest = gaps.index(min(gaps))
        rate, factor = own[nearest][0], asked.tokens_per_s / there[nearest].tokens_per_s
        value, same = rate.tokens_per_s_per_accelerator * factor, own[nearest][1] == conditions
        low, high = (1.0, 1.0) if same else (asked.low / asked.tokens_per_s, asked.high / asked.tokens_per_s)
        return Rate(value, value * low, value * high, f"own rate {rate.id}", pd.Timestamp(rate.measured_on))

    def training_flops(self, accelerator: str) -> float:
        """Sustained floating-point operations per second of one accelerator over a whole training run."""
        if accelerator not in self._flops:
            run = accelerator_hours(*REFERENCE_RUN, accelerator, kind=WHOLE, catalog=self.catalog)
            self._flops[accelerator] = run.flops / run.mid / 3600.0
        return self._flops[accelerator]

    def training_accelerator_hours(
        self,
        params_active_b: float,
        tokens_b: float,
        accelerator: str,
        days: float,
        params_total_b: float | None = None,
    ) -> float:
        """Accelerator-hours of one whole run that must end within ``days``: 6 N D / (peak x efficiency x 3600)."""
        return hours_within(
            days, params_active_b, tokens_b, accelerator, params_total_b=params_total_b, catalog=self.catalog
        ).mid


class SoftwareGain:
    """Gain of serving software by age of the chip generation, relative to its age when measured."""

    def __init__(self, catalog: Catalog, level: str = "mid"):
        table = catalog.table("software_gain").sort_values("age_years")
        self.ages = table["age_years"].to_numpy(float)
        self.gains = table[f"gain_{level}"].to_numpy(float)

    def factor(
        self, released: pd.Timestamp, measured_on: pd.Timestamp | None, when: np.ndarray
    ) -> np.ndarray:
        """Factor at decimal years ``when``; 1 where the chip has not been measured (no base to grow from)."""
        if measured_on is None:
            return np.ones_like(when, dtype=float)
        born = decimal_year(released)
        at = np.interp(np.maximum(when - born, 0.0), self.ages, self.gains)
        base = float(np.interp(max(decimal_year(measured_on) - born, 0.0), self.ages, self.gains))
        return np.asarray(np.maximum(at / base, 1.0))
