"""Time: periods, dates, lead times and the one place that discounts.

Dates within a period are read on the safe side: what helps (a fleet, more grid, an offer) counts from the first
whole period on, what ends or is lost (a retirement, a contract, less grid, a cut) is gone from the period its day
falls in, and duties (must-serve, survival, caps on shares) hold from that period on. A longer period lies within a
calendar year, and is cut where something that exists comes or goes, so that both are counted in the step, as on short
periods. A step counts to the calendar year of its first day.

Payments are discounted to the start of period 0 and fall in the middle of their period (in a longer period evenly in
the middle of its steps); residual values fall on the horizon's end. One real rate per scenario.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pandas as pd

from planner.scenario.horizon import Horizon
from planner.scenario.schema import Existing

STEP_MONTHS = {"month": 1, "quarter": 3, "half-year": 6, "year": 12}
HOURS_PER_YEAR = 8760.0
HOURS_PER_MONTH = HOURS_PER_YEAR / 12


def discount_factor(rate: float, years: float) -> float:
    """Present value of 1 paid after ``years``.

    >>> round(discount_factor(0.07, 10), 7)
    0.5083493
    >>> discount_factor(0.0, 3)
    1.0
    """
    return float((1.0 + rate) ** -years)


def capital_recovery_factor(rate: float, years: float) -> float:
    """Annual payment that repays 1 over ``years`` at year ends.

    >>> round(capital_recovery_factor(0.07, 20), 5)
    0.09439
    >>> capital_recovery_factor(0.0, 4)
    0.25
    """
    return 1.0 / years if rate == 0 else rate / (1.0 - discount_factor(rate, years))


def add_months(day: date, months: int) -> date:
    """The first day of a month, moved by whole months.

    >>> add_months(date(2027, 11, 1), 3)
    datetime.date(2028, 2, 1)
    """
    month = day.year * 12 + day.month - 1 + months
    return date(month // 12, month % 12 + 1, 1)


def day_after(last: date) -> date:
    """The first day without what has a last day, through which it stands; of what stands to the end of time that day.

    >>> day_after(date(2028, 12, 31)), day_after(date.max) == date.max
    (datetime.date(2029, 1, 1), True)
    """
    return last + timedelta(days=1) if last < date.max else last


def quarter_of(day: date, start: date) -> int:
    """Number of the quarter that holds a day; 0 holds ``start``.

    >>> quarter_of(date(2028, 4, 1), date(2027, 1, 1))
    5
    """
    return (12 * (day.year - start.year) + day.month - start.month) // STEP_MONTHS["quarter"]


PARTS = {6: ("H", 1), 3: ("Q", 1), 1: ("M", 2)}
"""Months of a part of a year -> the letter of its name, and digits of its number."""


def part_name(day: date, months: int) -> str:
    """The part of so many months of the calendar year that holds a day.

    >>> [part_name(date(2028, 8, 1), months) for months in PARTS]
    ['2028-H2', '2028-Q3', '2028-M08']
    """
    letter, digits = PARTS[months]
    return f"{day.year}-{letter}{(day.month - 1) // months + 1:0{digits}d}"


def quarter_name(quarter: int, start: date) -> str:
    """The calendar quarter that holds the first day of a quarter counted from ``start``.

    >>> quarter_name(6, date(2027, 1, 1))
    '2028-Q3'
    """
    months = STEP_MONTHS["quarter"]
    return part_name(add_months(start, months * int(quarter)), months)


def decimal_year(stamp: pd.Timestamp | date) -> float:
    """Calendar year with its fraction."""
    stamp = pd.Timestamp(stamp)
    return float(stamp.year + (stamp.day_of_year - 1) * 24 / HOURS_PER_YEAR)


def periods_asked(horizon: Horizon) -> int:
    """Periods of a horizon by the lengths it lists, before any is cut."""
    return sum(STEP_MONTHS["year"] * years // STEP_MONTHS[name] for name, years in horizon.spans())


@dataclass(frozen=True)
class Calendar:
    """Periods 0..n-1, each of one or more whole steps; a step is the shortest length of the horizon's periods.

    Durations (leads, lives, terms) are whole steps, months rounded up; dates and durations become periods here and
    nowhere else. Outside the horizon every period is one step.
    """

    start: date
    step_months: int
    n: int
    lengths: tuple[int, ...] = ()
    """Steps of every period; empty where all are one step."""

    @classmethod
    def of(cls, horizon: Horizon, existing: Existing) -> Calendar:
        """Periods of the horizon's lengths; longer ones follow the calendar year, cut where what exists comes or goes."""
        spans = horizon.spans()
        step = STEP_MONTHS[spans[0][0]]
        plain = cls(horizon.start, step, 12 * horizon.years // step)
        edges, begin = {s for s in plain.seams(existing) if 0 < s < plain.n}, 0
        new_year = plain.new_year + -plain.new_year % plain.quarter
        for name, years in spans:
            end, size = begin + 12 * years // step, STEP_MONTHS[name] // step
            edges |= {begin, *range(begin + (new_year - begin) % size, end, size), end}
            begin = end
        cut = tuple(after - first for first, after in pairwise(sorted(edges)))
        return cls(horizon.start, step, len(cut), cut if max(cut) > 1 else ())

    def seams(self, existing: Existing) -> set[int]:
        """Steps (0 is the start) with which a calendar year begins, or something that exists first counts, or first counts
        no more.

        In steps of a month the quarter, counted from the start, within which such a step begins is cut off too: a longer
        period is whole quarters, as money is, or lies within one.
        """
        last = [hall.until for hall in existing.halls] + [contract.until for contract in existing.contracts]
        gone = [fleet.retire for fleet in existing.fleets] + [
            day_after(day) for day in last if day is not None
        ]
        steps = {self.first_step_without(day) for day in gone}
        steps |= {self.first_step_with(fleet.since) for fleet in existing.fleets}
        steps |= set(range(self.new_year, self.n_steps, STEP_MONTHS["year"] // self.step_months))
        return steps | {
            s + edge - s % self.quarter for s in steps if s % self.quarter for edge in (0, self.quarter)
        }

    @property
    def quarter(self) -> int:
        """Steps of a quarter, at least one."""
        return max(1, STEP_MONTHS["quarter"] // self.step_months)

    @property
    def new_year(self) -> int:
        """The first step with which a calendar year begins after the start: that which starts on 1 January or next after it.

        >>> [Calendar(date(2027, month, 1), 3, 8).new_year for month in (1, 8, 12)]
        [4, 2, 1]
        """
        return self.first_step_with(date(self.start.year + 1, 1, 1))

    @cached_property
    def edges(self) -> tuple[int, ...]:
        """Steps from the start to the start of every period, and to the horizon's end."""
        return tuple(accumulate(self.lengths or (1,) * self.n, initial=0))

    @cached_property
    def steps(self) -> np.ndarray:
        """Steps of every period."""
        return np.diff(self.edges)

    @property
    def n_steps(self) -> int:
        return self.edges[-1]

    @property
    def step_years(self) -> float:
        """Length of a step in years."""
        return self.step_months / 12

    @property
    def years(self) -> np.ndarray:
        """Length of every period in years."""
        return self.steps * self.step_years

    @property
    def months(self) -> np.ndarray:
        """Length of every period in months."""
        return self.steps * self.step_months

    @property
    def end(self) -> date:
        """First day after the horizon."""
        return self.date_of(self.n)

    def step_of(self, t: int) -> int:
        """Steps from the start to the start of period ``t`` (``t`` may lie outside the horizon).

        >>> [Calendar(date(2027, 1, 1), 3, 3, (1, 1, 4)).step_of(t) for t in (-1, 0, 2, 3, 4)]
        [-1, 0, 2, 6, 7]
        """
        return t if t < 0 else self.edges[t] if t <= self.n else self.edges[-1] + t - self.n

    def period_of(self, step: float) -> int:
        """The period that holds a moment, in steps from the start (it may lie outside the horizon).

        >>> [Calendar(date(2027, 1, 1), 3, 3, (1, 1, 4)).period_of(s) for s in (-1, 1, 2, 5.5, 6, 7)]
        [-1, 1, 2, 2, 3, 4]
        """
        if step < 0:
            return math.floor(step)
        past = math.floor(step) - self.n_steps
        return self.n + past if past >= 0 else bisect_right(self.edges, step) - 1

    def before(self, t: int, steps: int) -> int:
        """The last period that starts at least so many steps before period ``t``: when to order for it."""
        return self.period_of(self.step_of(t) - steps)

    def after(self, t: int, steps: int) -> int:
        """The first period that starts at least so many steps after period ``t`` does: when a wait is over.

        >>> c = Calendar(date(2027, 1, 1), 3, 3, (1, 1, 4))
        >>> c.before(2, 1), c.after(1, 2), c.ends(1, 2)
        (1, 3, 2)
        """
        step = self.step_of(t) + steps
        held = self.period_of(step)
        return held + (self.step_of(held) < step)

    def ends(self, t: int, steps: int) -> int:
        """The period in which what starts with period ``t`` is gone: that in which its last step ends, or the next."""
        return self.period_of(self.step_of(t) + steps)

    def term(self, t: int, steps: int) -> int:
        """Steps of a contract from period ``t``: one that is shorter than the period is renewed until its end."""
        return max(steps, self.step_of(t + 1) - self.step_of(t))

    def steps_of(self, periods: Any) -> np.ndarray:
        """``step_of`` for many periods."""
        t = np.asarray(periods, dtype=int)
        inside = np.asarray(self.edges)[np.clip(t, 0, self.n)]
        return np.where(t < 0, t, inside + np.maximum(t - self.n, 0))

    def periods_of(self, steps: Any) -> np.ndarray:
        """``period_of`` for many moments in whole steps."""
        s = np.asarray(steps, dtype=int)
        inside = np.searchsorted(self.edges, s, side="right") - 1
        past = s - self.n_steps
        return np.where(s < 0, s, np.where(past >= 0, self.n + past, inside))

    def mean(self, by_step: Sequence[float]) -> np.ndarray:
        """Mean over the steps of every period; ``by_step`` is one value a step of the horizon."""
        total: np.ndarray = np.add.reduceat(np.asarray(by_step, dtype=float), self.edges[:-1])
        return np.asarray(total / self.steps)

    def most(self, by_step: np.ndarray) -> np.ndarray:
        """Highest of the steps of every period; the last axis of ``by_step`` is one value a step of the horizon."""
        return np.asarray(np.maximum.reduceat(np.asarray(by_step), self.edges[:-1], axis=-1))

    def every(self, first: int, steps: int) -> list[int]:
        """Periods from ``first`` on, at least so many steps apart.

        >>> Calendar(date(2027, 1, 1), 3, 6, (1, 1, 1, 1, 4, 4)).every(0, 2)
        [0, 2, 4, 5]
        """
        found: list[int] = []
        for t in range(first, self.n):
            if not found or self.step_of(t) - self.step_of(found[-1]) >= steps:
                found.append(t)
        return found

    def date_of(self, t: int) -> date:
        """First day of period ``t`` (``t`` may lie outside the horizon)."""
        return self.day_of(self.step_of(t))

    def day_of(self, step: int) -> date:
        """First day of a step, counted from the start (it may lie outside the horizon)."""
        return add_months(self.start, step * self.step_months)

    def months_from_start(self, day: date) -> float:
        """Months from the start to ``day``; the day of the month counts as a fraction of 1/31."""
        whole = (day.year - self.start.year) * 12 + day.month - self.start.month
        return whole + (day.day - 1) / 31

    def containing(self, day: date) -> int:
        """Index of the period in which ``day`` falls (may lie outside 0..n-1)."""
        return self.period_of(self.first_step_without(day))

    def first_from(self, day: date) -> int:
        """Index of the first period that starts on or after ``day``."""
        return self.after(0, self.first_step_with(day))

    def holds_from(self, day: date | None) -> int:
        """First period of the horizon in which a duty holds: the one its day falls in, 0 without a day.

        >>> c = Calendar(date(2027, 1, 1), 12, 3)
        >>> c.holds_from(date(2028, 2, 1)), c.first_from(date(2028, 2, 1)), c.holds_from(None)
        (1, 2, 0)
        """
        return 0 if day is None else max(0, self.containing(day))

    def calendar_years(self) -> list[range]:
        """Periods of each calendar year of the horizon; its first and last may be parts of one.

        >>> Calendar(date(2027, 7, 1), 3, 8).calendar_years()
        [range(0, 2), range(2, 6), range(6, 8)]
        """
        years = [self.date_of(t).year for t in range(self.n)]
        starts = [t for t in range(self.n) if t == 0 or years[t] > years[t - 1]]
        return [range(a, b) for a, b in pairwise([*starts, self.n])]

    def first_step_without(self, day: date) -> int:
        """The step in which ``day`` falls: what ends then is gone from it."""
        return math.floor(self.months_from_start(day) / self.step_months)

    def first_step_with(self, day: date) -> int:
        """The first step that starts on or after ``day``: what comes then counts from it."""
        return math.ceil(self.months_from_start(day) / self.step_months - 1e-9)

    def first_of_steps(self, days: Sequence[date], values: Sequence[float]) -> list[int]:
        """First period of every step of a path that rises in time: more begins with the first whole period, less
        with the period its day falls in. Never before the horizon.

        >>> Calendar(date(2027, 1, 1), 3, 8).first_of_steps([date(2027, 2, 1), date(2028, 2, 1)], [40.0, 10.0])
        [1, 4]
        """
        before = [0.0, *values[:-1]]
        starts = [
            self.containing(day) if value < last else self.first_from(day)
            for day, value, last in zip(days, values, before, strict=True)
        ]
        return [max(0, t) for t in starts]

    def whole_steps(self, months: float) -> int:
        """Lead or contract months as whole steps, rounded up.

        >>> Calendar(date(2027, 1, 1), 3, 24).whole_steps(7)
        3
        """
        return math.ceil(months / self.step_months - 1e-9)

    def label(self, t: int) -> str:
        """Readable name: 2027-Q1, 2027-M01, 2027-H1, 2027, or 2027-Q1-Q3 where a year is cut.

        Parts of a year count from January. Where periods of one step begin in a month in which no such part does (quarters
        from February), they count from the month the plan begins in: Q1 is the part that begins in January to March.

        >>> c = Calendar(date(2027, 1, 1), 3, 5, (1, 1, 2, 3, 1))
        >>> [c.label(t) for t in range(5)]
        ['2027-Q1', '2027-Q2', '2027-H2', '2028-Q1-Q3', '2028-Q4']
        >>> c = Calendar(date(2027, 3, 1), 1, 5, (1, 9, 2, 9, 1))
        >>> [c.label(t) for t in range(5)]
        ['2027-M03', '2027-M04-M12', '2028-M01-M02', '2028-M03-M11', '2028-M12']
        """
        begin, end = (self.step_of(i) * self.step_months for i in (t, t + 1))
        if end - begin == STEP_MONTHS["year"]:
            return str(self.date_of(t).year)
        ahead = self.start.month - 1  # months of the year before the plan begins
        from_january = begin + ahead if ahead % self.step_months == 0 else begin
        unit = next(m for m in PARTS if not any(edge % m for edge in (begin, end, from_january)))
        first, last = (part_name(add_months(self.start, m), unit) for m in (begin, end - unit))
        year = first.partition("-")[0]
        return first if first == last else f"{first}-{last.removeprefix(year + '-')}"

    def year_fraction(self, t: int) -> float:
        """Calendar year at the start of period ``t`` as a decimal number."""
        return self.year_at(self.step_of(t))

    def year_at(self, step: int) -> float:
        """Calendar year at the start of a step, counted from the start, as a decimal number."""
        day = self.day_of(step)
        return day.year + (day.month - 1) / 12

    def table(self, rate: float) -> pd.DataFrame:
        """One row a period: label, start, year, months, years, hours, steps, discount (mean of its steps, mid-step)."""
        t = range(self.n)
        factors = [discount_factor(rate, (i + 0.5) * self.step_years) for i in range(self.n_steps)]
        return pd.DataFrame(
            {
                "t": list(t),
                "label": [self.label(i) for i in t],
                "start": [pd.Timestamp(self.date_of(i)) for i in t],
                "year": [self.date_of(i).year for i in t],
                "months": self.months.astype(float),
                "years": self.years,
                "hours": HOURS_PER_YEAR * self.years,
                "steps": self.steps.astype(float),
                "discount": self.mean(factors),
            }
        ).set_index("t", drop=False)
