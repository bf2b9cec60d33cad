"""Demand: workloads and what each asks for in every period.

Demand is counted in thousand reference-accelerator equivalents working at the peak hour (non-preemptible) or on
average (preemptible), so that rates in the model are near one. ``tokens_per_s_per_ref`` converts back.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from planner.case.context import Context, keyed
from planner.case.periods import HOURS_PER_MONTH, Calendar
from planner.case.requests import Request, latency_scenario, lengths_taken, request_of
from planner.case.throughput import Rate, Throughput
from planner.scenario.schema import (
    Accelerators,
    Path,
    RequestsPerSecond,
    TokensPerSecond,
    TrainingRun,
    TrainingRuns,
    Users,
    Workload,
)

PREEMPTIBLE_KINDS = ("training", "fine-tuning", "batch")
TRAINING_KINDS = ("training", "fine-tuning")
SECONDS_PER_DAY = 86400.0
LEAST_KREF = 1e-9
"""Demand below this is none."""


def path_value(path: Path, calendar_months: np.ndarray, start: date) -> np.ndarray:
    """Values of a path at months from ``start``: zero before the first point, constant after the last."""
    x = [(p.at.year - start.year) * 12 + p.at.month - start.month + (p.at.day - 1) / 31 for p in path.points]
    y = [p.value for p in path.points]
    if path.shape == "step":
        position = np.searchsorted(x, calendar_months + 1e-9, side="right") - 1
        return np.where(position >= 0, np.array(y)[np.maximum(position, 0)], 0.0)
    return np.where(calendar_months >= x[0] - 1e-9, np.interp(calendar_months, x, y), 0.0)


def is_preemptible(workload: Workload) -> bool:
    """Training, fine-tuning and batch may wait for quiet hours unless the scenario says otherwise."""
    return workload.kind in PREEMPTIBLE_KINDS if workload.preemptible is None else workload.preemptible


def reference_of(context: Context, workload: Workload) -> str:
    size = workload.size
    return size.reference if isinstance(size, Accelerators) else context.scenario.supply.reference


def workload_table(context: Context, throughput: Throughput, asking: set[str]) -> pd.DataFrame:
    """One row a workload: duties, shares, reference rate.

    Priorities sum to 1 over the workloads that ask for something (``asking``); the others have none.
    """
    calendar = context.calendar
    total = sum(w.priority for w in context.scenario.demand if w.id in asking)
    rows = []
    for w in context.scenario.demand:
        default_duty = calendar.date_of(
            max(calendar.period_of(calendar.n_steps - 12 // calendar.step_months), 0)
        )
        duty = calendar.n if w.optional else calendar.holds_from(w.must_serve_by or default_duty)
        rows.append(
            {
                "w": w.id,
                "country": w.country or context.scenario.country,
                "kind": w.kind,
                "sector": w.sector,
                "body": w.body,
                "data_class": w.data_class,
                "latency_class": w.latency_class,
                "model_class": w.model_class,
                "priority": w.priority / total if w.id in asking else 0.0,
                "preemptible": is_preemptible(w),
                "must_t": duty,
                "optional": w.optional,
                "may_lapse": w.may_lapse,
                "reference": reference_of(context, w),
                "tokens_per_s_per_ref": tokens_per_reference(context, throughput, w),
            }
        )
    return keyed(pd.DataFrame(rows), ["w"], [])


def demand_table(context: Context, throughput: Throughput) -> pd.DataFrame:
    """(w, t) -> demand_kref, only where demand is positive, the part asked for in the period before too, users, and the
    last period in which it may be done: its own, for training that of the runs in course; and the most that may be done in
    the period: what is asked for, of training all work of the runs in course.

    Of training nothing is carried over: a run is done or not, as a whole.
    """
    context.assumed += [
        {"item": f"length of requests of {w}", "value": lengths, "why": why}
        for w, lengths, why in lengths_taken(context.scenario, context.catalog)
    ]
    rows = []
    for w in context.scenario.demand:
        if isinstance(w.size, TrainingRuns):
            rows += list(_training_rows(w.id, training_pace(context, throughput, w)))
            continue
        values, users = _kref(context, throughput, w), _users(context, w)
        for t in np.flatnonzero(values > LEAST_KREF).tolist():
            carried = min(values[t], values[t - 1]) if t > 0 and values[t - 1] > LEAST_KREF else 0.0
            rows.append((w.id, t, float(values[t]), float(carried), float(users[t]), t, float(values[t])))
    return keyed(rows, ["w", "t"], ["demand_kref", "carried_kref", "users", "until_t", "most_kref"])


def _training_rows(w: str, pace: np.ndarray) -> Iterator[tuple[Any, ...]]:
    """Rows of demand of runs at their even pace."""
    asked = pace > LEAST_KREF
    end = asked.shape[1] - asked[:, ::-1].argmax(axis=1)
    for t in np.flatnonzero(asked.any(axis=0)).tolist():
        own = asked[:, t]
        yield w, t, float(pace[own, t].sum()), 0.0, 0.0, int(end[own].max()) - 1, float(pace[own].sum())


def serving_rate(context: Context, throughput: Throughput, w: Workload, accelerator: str) -> Rate:
    """Rate of one accelerator with the requests and the speed a workload asks for, before production losses."""
    request = request_of(context, w)
    scenario = latency_scenario(context.catalog, w)
    return throughput.serving(request.model, scenario, accelerator, request.conditions)


def tokens_per_reference(context: Context, throughput: Throughput, w: Workload) -> float:
    """Output tokens per second that one reference accelerator delivers in production; NaN for training."""
    if w.kind in TRAINING_KINDS:
        return math.nan
    rate = serving_rate(context, throughput, w, reference_of(context, w))
    return rate.tokens_per_s * context.param("production_factor")


def token_factors(w: Workload, request: Request) -> dict[str, float]:
    """What takes the workload's path to output tokens per second at the busiest hour, factor by factor.

    Users: users x requests a day / 86400 x peak factor x tokens a request. Work that may wait is asked for on
    average: the day's peak does not size it.
    """
    size = w.size
    if isinstance(size, Users):
        each = {"requests a user and day": request.requests_per_user_day or 0.0, "seconds of a day": 1.0 / SECONDS_PER_DAY,
                "busiest hour over the mean": 1.0 if is_preemptible(w) else request.peak_factor}  # fmt: skip
        return each | {"tokens put out a request": request.output_tokens}
    if isinstance(size, RequestsPerSecond):
        return {"tokens put out a request": request.output_tokens}
    assert isinstance(size, TokensPerSecond)
    both = request.input_tokens + request.output_tokens
    counted = {"output": request.output_tokens, "input": request.input_tokens, "total": both}[size.counts]
    return {"share put out": request.output_tokens / counted}


def peak_tokens_per_s(w: Workload, request: Request, values: np.ndarray) -> np.ndarray:
    """Output tokens per second that ``values`` of the workload's path ask for at the busiest hour."""
    return np.asarray(values * math.prod(token_factors(w, request).values()))


def _by_period(context: Context, path: Path) -> np.ndarray:
    """Value of a path in every period: of its middle, of a stepped path its start; the most of a longer period's steps."""
    calendar = context.calendar
    mid = (np.arange(calendar.n_steps) + 0.5) * calendar.step_months
    at = mid if path.shape == "linear" else mid - calendar.step_months / 2
    return calendar.most(path_value(path, at, calendar.start))


def _users(context: Context, w: Workload) -> np.ndarray:
    """Users in every period; 0 where demand is stated otherwise."""
    return _by_period(context, w.size) if isinstance(w.size, Users) else np.zeros(context.calendar.n)


def _kref(context: Context, throughput: Throughput, w: Workload) -> np.ndarray:
    """Thousand reference-accelerator equivalents asked for in every period by work that is no training run."""
    assert not isinstance(w.size, TrainingRuns)
    values = _by_period(context, w.size)
    if isinstance(w.size, Accelerators):
        return values / 1000.0
    tokens = peak_tokens_per_s(w, request_of(context, w), values)
    return tokens / tokens_per_reference(context, throughput, w) / 1000.0


def training_pace(context: Context, throughput: Throughput, w: Workload) -> np.ndarray:
    """(run, period) -> thousand reference accelerators that are busy if each run's accelerator-hours are spread evenly over
    the months from its start to its deadline; worked out once."""
    key = ("pace", w.id)
    if key not in context.memo:
        assert isinstance(w.size, TrainingRuns)
        context.memo[key] = _training_kref(context, throughput, w, w.size)
    found: np.ndarray = context.memo[key]
    return found


def _training_kref(context: Context, throughput: Throughput, w: Workload, size: TrainingRuns) -> np.ndarray:
    calendar = context.calendar
    out = np.zeros((len(size.runs), calendar.n))
    for i, run in enumerate(size.runs):
        first, last = calendar.months_from_start(run.start), calendar.months_from_start(run.deadline)
        hours = throughput.training_accelerator_hours(
            run.params_active_b, run.tokens_b, reference_of(context, w),
            (last - first) * HOURS_PER_MONTH / 24.0, run.params_total_b,
        )  # fmt: skip
        accelerators = hours * size.experiments_factor / ((last - first) * HOURS_PER_MONTH)
        out[i] = accelerators * shares_of_periods(calendar, run)[0] / 1000.0
    return out


def shares_of_periods(calendar: Calendar, run: TrainingRun) -> tuple[np.ndarray, np.ndarray]:
    """Share of every period that lies between the start and the deadline of a run, and share that lies before its start."""
    first, last = calendar.months_from_start(run.start), calendar.months_from_start(run.deadline)
    edges = np.array(calendar.edges) * calendar.step_months
    months = np.minimum(edges[1:], last) - np.maximum(edges[:-1], first)
    before = np.clip(first - edges[:-1], 0, calendar.months)
    return np.asarray(np.clip(months, 0, None) / calendar.months), np.asarray(before / calendar.months)
