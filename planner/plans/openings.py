"""When each place serves first: as planned, the earliest by its network, and how likely, from the ranges of its leads.

Every length is drawn on its own from a triangle of the catalog's low, mid and high months, scaled to the length the
plan reckons with (seeded by ``solve.seed``); halls of a fast or slow builder from the part of it that is theirs. The place
is decided on the planned day; what has a float is ordered as early as it may be from that day on, or when the plan orders it
where that is before, what waits for something late begins later, and nothing is served before the planned day.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.pace import DRAWN, end_of
from planner.plans.network import SERVICE, Activity, Network, soonest_step
from planner.plans.schema import SCHEMA

DRAWS = 2000
DAYS_PER_MONTH = 365.25 / 12


def openings_table(case: Case, networks: list[Network]) -> pd.DataFrame:
    """h, decided_date, earliest_date, service_date, p50_date, p80_date, on_time_share, chain; one row a host that serves."""
    date = case.calendar.day_of
    rows = []
    for network in networks:
        by = {a.name: a for a in network.activities}
        begins, early = by[SERVICE].end_t, soonest_step(case, network)
        decided = _decided(network)
        late = late_months(case, network)
        p50, p80 = (
            pd.Timestamp(date(begins))
            + pd.Timedelta(days=round(float(np.quantile(late, q)) * DAYS_PER_MONTH))
            for q in (0.5, 0.8)
        )
        path = " > ".join(f"{a.kind} {a.item}" for a in network.path())
        rows.append((
            network.host, *(pd.Timestamp(date(t)) for t in (decided, early, begins)), p50, p80,
            float((late <= 1e-9).mean()), path,
        ))  # fmt: skip
    return pd.DataFrame(rows, columns=list(SCHEMA["openings"]))


def _decided(network: Network) -> int:
    """Step of the decision to open; 0 where none is needed."""
    return next((a.start_t for a in network.activities if a.kind == "permit"), 0)


def late_months(case: Case, network: Network) -> np.ndarray:
    """(DRAWS,) -> months by which a host opens later than planned, in each draw; 0 where it is not."""
    draw = np.random.default_rng(case.scenario.solve.seed)
    step = case.calendar.step_months
    end: dict[str, np.ndarray] = {}
    decided = _decided(network)
    for a in network.activities:
        start = np.full(DRAWS, float(max(a.gate_t, min(decided, a.start_t)) * step))
        for name, ahead in a.after:
            start = np.maximum(start, end[name] - ahead * step)
        end[a.name] = start + a.steps * step * _factors(case, a, draw)
    planned = next(a.end_t for a in network.activities if a.name == SERVICE) * step
    late: np.ndarray = np.maximum(end[SERVICE] - planned, 0.0)
    return late


def _factors(case: Case, activity: Activity, draw: np.random.Generator) -> np.ndarray | float:
    """Drawn lengths over the planned one; 1 for what is a date."""
    if activity.range_of is None or activity.steps == 0:
        return 1.0
    table, key, stem = activity.range_of
    row = case.catalog.table(table).loc[key]
    low, mid, high = (float(row[f"{stem}_{level}"]) for level in DRAWN[activity.pace])
    planned = float(row[f"{stem}_{end_of(case.scenario.money.level, activity.pace)}"])
    if planned <= 0 or low == high:
        return 1.0
    return draw.triangular(low / planned, mid / planned, high / planned, DRAWS)
