"""Time: periods, dates, lead times and the one place that discounts.

Dates within a period are read on the safe side: what helps (a fleet, more grid, an offer) counts from the first
whole period on, what ends or is lost (a retirement, a contract, less grid, a cut) is gone from the period its day
falls in, and duties (must-serve, survival, caps on shares) hold from that period on.

Payments are discounted to the start of period 0 and fall in the middle of their period; residual values
fall on the horizon's end. One real rate per scenario.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from planner.scenario.schema import Horizon

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


def quarter_of(day: date, start: date) -> int:
    """Number of the quarter that holds a day; 0 holds ``start``.

    >>> quarter_of(date(2028, 4, 1), date(2027, 1, 1))
    5
    """
    return (12 * (day.year - start.year) + day.month - start.month) // STEP_MONTHS["quarter"]


def quarter_name(quarter: int, start: date) -> str:
    """The calendar quarter that holds the first day of a quarter counted from ``start``.

    >>> quarter_name(6, date(2027, 1, 1))
    '2028-Q3'
    """
    months = STEP_MONTHS["quarter"]
    day = add_months(start, months * int(quarter))
    return f"{day.year}-Q{(day.month - 1) // months + 1}"


def decimal_year(stamp: pd.Timestamp | date) -> float:
    """Calendar year with its fraction."""
    stamp = pd.Timestamp(stamp)
    return float(stamp.year + (stamp.day_of_year - 1) * 24 / HOURS_PER_YEAR)


@dataclass(frozen=True)
class Calendar:
    """Periods 0..n-1 of equal length in months."""

    start: date
    step_months: int
    n: int

    @classmethod
    def of(cls, horizon: Horizon) -> Calendar:
        step = STEP_MONTHS[horizon.step]
        return cls(horizon.start, step, horizon.years * 12 // step)

    @property
    def years(self) -> float:
        """Length of a period in years."""
        return self.step_months / 12

    @property
    def end(self) -> date:
        """First day after the horizon."""
        return self.date_of(self.n)

    def date_of(self, t: int) -> date:
        """First day of period ``t`` (``t`` may lie outside the horizon)."""
        return add_months(self.start, t * self.step_months)

    def months_from_start(self, day: date) -> float:
        """Months from the start to ``day``; the day of the month counts as a fraction of 1/31."""
        whole = (day.year - self.start.year) * 12 + day.month - self.start.month
        return whole + (day.day - 1) / 31

    def containing(self, day: date) -> int:
        """Index of the period in which ``day`` falls (may lie outside 0..n-1)."""
        return math.floor(self.months_from_start(day) / self.step_months)

    def first_from(self, day: date) -> int:
        """Index of the first period that starts on or after ``day``."""
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

    def periods(self, months: float) -> int:
        """Lead or contract months as whole periods, rounded up.

        >>> Calendar(date(2027, 1, 1), 3, 24).periods(7)
        3
        """
        return math.ceil(months / self.step_months - 1e-9)

    def label(self, t: int) -> str:
        """Readable name: 2027-Q1, 2027-M01, 2027-H1 or 2027."""
        day = self.date_of(t)
        if self.step_months == 12:
            return str(day.year)
        letter, width = {1: ("M", 2), 3: ("Q", 1), 6: ("H", 1)}[self.step_months]
        return f"{day.year}-{letter}{(day.month - 1) // self.step_months + 1:0{width}d}"

    def year_fraction(self, t: int) -> float:
        """Calendar year at the start of period ``t`` as a decimal number."""
        day = self.date_of(t)
        return day.year + (day.month - 1) / 12

    def table(self, rate: float) -> pd.DataFrame:
        """One row a period: label, start, year, months, years, hours, discount (mid-period)."""
        t = range(self.n)
        return pd.DataFrame(
            {
                "t": list(t),
                "label": [self.label(i) for i in t],
                "start": [pd.Timestamp(self.date_of(i)) for i in t],
                "year": [self.date_of(i).year for i in t],
                "months": float(self.step_months),
                "years": self.years,
                "hours": HOURS_PER_YEAR * self.years,
                "discount": [discount_factor(rate, (i + 0.5) * self.years) for i in t],
            }
        ).set_index("t", drop=False)
