"""Serving rates: measured where a result was published, else scaled from the nearest, else bounded.

    estimate(model="llama3.1-405b", accelerator="NVIDIA B200-SXM-180GB", scenario="server")

One fallback chain, told by ``Estimate.method``: "measured row" (a published result for these conditions), "scaled
from nearest" (the fit of ``throughput_fit`` for a measured model), "roofline" (a model nobody measured:
arithmetic, bandwidth and memory with efficiencies fitted by chip family and phase). ``Throughput`` gives
the planning model the same numbers by class of model, and training rates from ``training``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from planner.case.conditions import (
    Question,
    ask,
    date_of,
    decimal_year,
    latest,
    measurements,
    or_none,
    read_conditions,
)
from planner.case.requests import NOBODY_WAITS, Conditions, measured_under
from planner.case.roofline import Replica, chip_spec, model_spec, smallest_replica, with_lengths
from planner.case.throughput_fit import Z80, Fit, Situations
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
    "serving_fit",
    "smallest_replica",
]

MEASURED, SCALED, ROOFLINE = "measured row", "scaled from nearest", "roofline"
SAME_ROUND_DAYS = 120
REFERENCE_RUN = (70.0, 10_000.0)
"""Parameters and tokens (1e9) at which chips are compared for training."""
UNCERTAIN_PEAKS = {"high": 0.0, "medium": 0.0, "low": 0.3}
"""Extra spread of log rate where the peaks of an unmeasured chip are announcements: by confidence."""


@dataclass(frozen=True)
class Estimate:
    """Output tokens per second of one accelerator, with a central 80 % interval.

    Benchmarks count output tokens only, and so does this; ``unit`` is "images/s" or "queries/s" for models
    whose measurements count those. ``based_on`` names the rows of ``throughput`` that weigh most.
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


@dataclass(frozen=True)
class _Book:
    """Measured rows of a catalog and the fit to them."""

    rows: pd.DataFrame
    cells: dict[tuple[str, str, str], pd.DataFrame]
    fit: Fit
    latest: pd.Timestamp


def estimate(
    *,
    model: str,
    accelerator: str,
    scenario: str = "server",
    catalog: Catalog | None = None,
    **conditions: Any,
) -> Estimate:
    """Serving rate of one accelerator under the given conditions.

    ``model`` and ``accelerator`` take the keys, names and spellings of the measured table (an accelerator
    also by a system that holds it); a model not listed needs ``params_total_b`` (1e9) and, for a mixture of
    experts, ``params_active_b``. ``scenario``: server, interactive, offline, or "1k in / 8k out at 90
    tok/s/user". Conditions: ``precision``; ``n_accelerators`` of the system; ``input_tokens``,
    ``output_tokens`` means of a request; ``concurrency`` requests in flight per replica;
    ``tokens_per_s_per_user`` least speed a user sees; ``ttft_s``, ``speculative``, ``prefix_hit``, ``deployment``
    are read and do not move the rate yet;
    ``tp`` accelerators per replica; ``framework``; ``date`` (state of the software; default the latest
    measured, which also bounds it); ``latency_constraint``, ``submitter``, ``system`` as published. What is
    not stated is taken as the benchmark has it, in the chip's fastest format. Raises ``UnknownName`` with suggestions, and
    ``TypeError`` naming the allowed conditions.
    """
    catalog = catalog or load_catalog()
    given = read_conditions(conditions)
    question, given = ask(catalog, model, accelerator, scenario, given)
    book = _book(catalog)
    if (rows := _matching(book, question, given)) is not None:
        return _measured(book, question, rows)
    return _predicted(book, question)


@lru_cache(maxsize=8)
def _book(catalog: Catalog) -> _Book:
    rows = measurements(catalog)
    situations = []
    for row in rows.itertuples():
        spec, chip = model_spec(catalog, row.model_id), chip_spec(catalog, row.accelerator_id)
        own = with_lengths(spec, or_none(row.input_tokens), or_none(row.output_tokens))
        other = not pd.isna(row.output_tokens)
        speed = or_none(row.tokens_per_s_user) or spec.limit(row.scenario)
        n = int(row.n_accelerators) if not pd.isna(row.n_accelerators) else chip.scale_up
        question = Question(
            own, chip, row.scenario, row.format, n, row.software, decimal_year(row.measured_on), speed, other,
            None, None,
        )  # fmt: skip
        situations.append(question.situation())
    fit = Fit(Situations.of(situations), np.log(rows["tokens_per_s_per_accelerator"].to_numpy(float)))
    cells = dict(list(rows.groupby(["model_id", "accelerator_id", "scenario"])))
    return _Book(rows, cells, fit, latest(catalog))


def serving_fit(catalog: Catalog) -> Fit:
    """The fit to all measured rows of a catalog, in their order."""
    return _book(catalog).fit


def _matching(book: _Book, q: Question, given: dict[str, Any]) -> pd.DataFrame | None:
    """Measured rows that meet every stated condition, or None."""
    if q.group is not None or q.requests is not None:
        return None
    rows = book.cells.get((q.model.model_id, q.chip.accelerator_id, q.scenario))
    if rows is None:
        return None
    spec = q.model
    own = rows["output_tokens"].notna()
    same = own == q.other_lengths
    for column, asked in (("input_tokens", spec.input_tokens), ("output_tokens", spec.output_tokens)):
        same &= ~own | ((rows[column] - asked).abs() <= 0.03 * asked)
    speed = rows["tokens_per_s_user"].fillna(spec.limit(q.scenario))
    keep = same & ((speed - q.user_speed).abs() <= 0.03 * q.user_speed)
    if "precision" in given:
        keep &= rows["format"] == q.precision
    if "n_accelerators" in given:
        keep &= rows["n_accelerators"].fillna(q.n) == q.n
    if "framework" in given:
        keep &= rows["software"] == q.software
    if "date" in given:
        apart = (rows["measured_on"] - date_of(given["date"])).abs().dt.days
        keep &= apart <= SAME_ROUND_DAYS
    found = rows[keep]
    for name, column in (("submitter", "submitter"), ("system", "system_name")):
        closer = found[found[column].astype("string").str.lower() == str(given.get(name, "")).lower()]
        found = closer if len(closer) else found
    return found if len(found) else None


def _measured(book: _Book, q: Question, rows: pd.DataFrame) -> Estimate:
    """The best of the rows: what well-kept software reaches; repeated submissions give the interval."""
    best = rows.loc[rows["tokens_per_s_per_accelerator"].idxmax()]
    rate = float(best["tokens_per_s_per_accelerator"])
    spread = float(np.exp(Z80 * book.fit.repeat_sd))
    n = q.n if pd.isna(best["n_accelerators"]) else int(best["n_accelerators"])
    return Estimate(
        rate, rate / spread, rate * spread, MEASURED, (str(best["throughput_id"]),), str(best["metric_unit"]),
        q.model.model_id, q.chip.accelerator_id, q.scenario, str(best["format"]), n,
        pd.Timestamp(best["measured_on"]), f"best of {len(rows)} published",
    )  # fmt: skip


def _predicted(book: _Book, q: Question) -> Estimate:
    mean, sd, share = book.fit.predict(Situations.of([q.situation()]))
    labels = book.fit.rows.labels
    model_seen = bool((labels["model"] == q.model.model_id).any())
    chip_seen = bool((labels["chip"] == q.chip.accelerator_id).any())
    cell = ((labels["model"] == q.model.model_id) & (labels["chip"] == q.chip.accelerator_id)).any()
    family_seen = bool((labels["family"] == q.chip.generation).any())
    regime = "model" if not model_seen else "row" if cell else "cell" if family_seen else "family"
    doubt = 0.0 if chip_seen else UNCERTAIN_PEAKS[q.chip.confidence]
    spread = float(np.exp(Z80 * np.hypot(sd[0] * book.fit.factor[regime], doubt)))
    rate = float(np.exp(mean[0]))
    nearest = book.rows["throughput_id"].iloc[np.argsort(-share[0])[:3]]
    return Estimate(
        rate, rate / spread, rate * spread, SCALED if model_seen else ROOFLINE, tuple(nearest),
        q.model.metric_unit, q.model.model_id, q.chip.accelerator_id, q.scenario, q.precision, q.n,
        book.latest if chip_seen else None,
        "" if model_seen else "size of the model and efficiencies of measured ones; nobody measured it",
    )  # fmt: skip


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
        told: dict[str, Any] = dict(conditions)
        found = estimate(
            model=model, accelerator=accelerator, scenario=scenario, catalog=self.catalog, **told
        )
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
