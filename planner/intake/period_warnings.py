"""Warnings on periods too long for what they hold (last months of what exists, with what they are worth, and months of
another calendar year), and on long ones that are cut each year.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from planner.case.periods import HOURS_PER_MONTH, STEP_MONTHS, Calendar, day_after, periods_asked
from planner.facts.numbers import number
from planner.intake.document import Document, day_of, fault, valid
from planner.scenario.horizon import Horizon
from planner.scenario.paths import find, nearest
from planner.scenario.problems import Problem
from planner.scenario.reading import Item
from planner.scenario.references import PAST
from planner.scenario.schema import Existing, ExistingContract

QUARTER = STEP_MONTHS["quarter"]
QUARTERS_FIRST = "put quarters first (horizon.step: [{step: quarter, years: 1}, {step: year}])"


def period_warnings(doc: Document) -> list[Problem]:
    """What ends, or which calendar year does, a quarter or more into a period of one step, which is not cut there, as longer
    ones are; longer ones that steps of a month cut in three, year by year.
    """
    if doc.horizon is None:
        return []
    if doc.horizon.step_months <= QUARTER:
        return list(_cut_each_year(doc, doc.horizon.start))
    return [*_next_years_months(doc, doc.horizon), *_last_months(doc, doc.horizon)]


def _cut_each_year(doc: Document, start: date) -> Iterator[Problem]:
    """Periods of which a list of steps makes many more than it asks for: quarters from its month do not fit the year."""
    item = doc.root.get("horizon")
    horizon: Horizon | None = None if item is None else valid(Horizon, item)
    if horizon is None or horizon.spans()[0][0] != "month" or (start.month - 1) % QUARTER == 0:
        return
    calendar, asked = Calendar.of(horizon, Existing()), periods_asked(horizon)
    if calendar.n > asked:
        message = (
            f"makes {calendar.n} periods where {asked} are asked for: after months from {start} longer periods are whole "
            "quarters from that month and are cut where one runs over the end of a year: begin in January, April, July or "
            "October, or with quarters"
        )
        yield fault(nearest(doc.root, "horizon.step"), "horizon.step", message)


def _next_years_months(doc: Document, calendar: Calendar) -> Iterator[Problem]:
    """Months of a period after the end of the calendar year that it counts to."""
    turn = date(calendar.start.year + 1, 1, 1)
    months = -calendar.months_from_start(turn) % calendar.step_months
    if months < QUARTER:
        return
    t = calendar.containing(turn)
    lost = f"{number(months)} months of {turn.year} count to {calendar.date_of(t).year} in all that is summed by year"
    message = (
        f"periods run over the end of a year: {lost}: {QUARTERS_FIRST}, and long periods follow the year"
    )
    yield fault(nearest(doc.root, "horizon.start"), "horizon.start", message)


def _last_months(doc: Document, calendar: Calendar) -> Iterator[Problem]:
    for where, _, until in PAST:
        for path, item in find(doc.root, f"{where}[]"):
            day = day_of(item.get(until))
            if day is None or not calendar.start < day < calendar.end:
                continue
            gone = day if until == "retire" else day_after(day)
            t = calendar.containing(gone)
            months = calendar.months_from_start(gone) - calendar.step_of(t) * calendar.step_months
            if months >= QUARTER:
                lost = f"though it lasts {number(months, 2)} months of it{_rent(item, months)}"
                cure = f"{QUARTERS_FIRST}, and the year is cut where it ends"
                message = f"counts for nothing in {calendar.label(t)}, {lost}: {cure}"
                yield fault(item.value[until], f"{path}.{until}", message)


def _rent(item: Item, months: float) -> str:
    """What a contract pays in so many months."""
    contract = valid(ExistingContract, item)
    if contract is None:
        return ""
    musd = contract.accelerators * contract.usd_per_accelerator_hour * HOURS_PER_MONTH * months / 1e6
    return f" and {number(musd)} MUSD of rent are paid for them"
