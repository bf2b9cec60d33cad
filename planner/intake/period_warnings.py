"""Warnings on periods too long for what they hold: last months of what exists, with what they are worth, and months of
another calendar year.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from planner.case.periods import HOURS_PER_MONTH, STEP_MONTHS, Calendar, day_after
from planner.facts.numbers import number
from planner.intake.document import Document, day_of, fault, valid
from planner.scenario.paths import find, nearest
from planner.scenario.problems import Problem
from planner.scenario.reading import Item
from planner.scenario.references import PAST
from planner.scenario.schema import ExistingContract

QUARTER = STEP_MONTHS["quarter"]
QUARTERS_FIRST = "put quarters first (horizon.step: [{step: quarter, years: 1}, {step: year}])"


def period_warnings(doc: Document) -> list[Problem]:
    """What ends, or which calendar year does, a quarter or more into a period of one step, which is not cut there, as longer
    ones are.
    """
    if doc.horizon is None or doc.horizon.step_months <= QUARTER:
        return []
    return [*_next_years_months(doc, doc.horizon), *_last_months(doc, doc.horizon)]


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
