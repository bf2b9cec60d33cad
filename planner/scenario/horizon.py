"""When a plan runs, and in periods of what length: the same all along, or fine ones first and coarse ones later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from planner.scenario.record import Record

StepName = Literal["month", "quarter", "half-year", "year"]


class Span(Record):
    """Years of the horizon in periods of one length; the last may leave them out for all that are left."""

    step: StepName
    years: Annotated[int, Field(ge=1, le=30)] | None = None


class Horizon(Record):
    """From a day on, in periods of one length, or of several: fine ones first."""

    start: date
    years: Annotated[int, Field(ge=1, le=30)]
    step: StepName | Annotated[list[Span], Field(min_length=1)] = "quarter"

    @model_validator(mode="after")
    def _first_of_month(self) -> Horizon:
        if self.start.day != 1:
            raise ValueError("horizon.start must be the first day of a month")
        return self

    @model_validator(mode="after")
    def _fill_the_horizon(self) -> Horizon:
        if not isinstance(self.step, str):
            fault = span_fault(self.step, self.years)
            if fault:
                raise ValueError(fault)
        return self

    def spans(self) -> list[tuple[StepName, int]]:
        """Length of period and years of every part of the horizon, in order."""
        if isinstance(self.step, str):
            return [(self.step, self.years)]
        given = sum(span.years or 0 for span in self.step)
        return [(span.step, span.years or self.years - given) for span in self.step]


def span_fault(spans: Sequence[Span], years: int) -> str:
    """What is wrong with a list of steps, where, and what would cure it; empty where nothing is."""
    order = get_args(StepName)
    for i, (span, after) in enumerate(pairwise(spans)):
        if span.years is None:
            return f"horizon.step[{i}].years is missing: only the last entry may leave it out"
        if order.index(after.step) < order.index(span.step):
            return f"horizon.step[{i + 1}]: a {after.step} within a {span.step} that came before: put the finer step first"
    given, last = sum(span.years or 0 for span in spans), len(spans) - 1
    if spans[last].years is None and given >= years:
        return f"horizon.step[{last}]: the entries before fill all {years} years: take it out, or lengthen horizon.years"
    if spans[last].years is not None and given != years:
        cure = f"leave out the years of the last entry, or set horizon.years to {given}"
        return f"horizon.step: its entries make {given} years, horizon.years is {years}: {cure}"
    return ""
