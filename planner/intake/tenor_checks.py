"""Tenors that cannot be, and downside cases larger than what they change: seen before anything is solved."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from planner.case.finance import lives_of
from planner.case.loans import QUARTERS_PER_YEAR
from planner.case.periods import STEP_MONTHS, quarter_of
from planner.facts.numbers import percent
from planner.intake.document import Document, at_field, valid
from planner.intake.finance_checks import ROUNDING, UNREPAID, sources_of
from planner.scenario.finance import Downside, Source
from planner.scenario.paths import find
from planner.scenario.problems import Problem

MONTHS = STEP_MONTHS["quarter"]
DELAYS = ("grid-late", "licence-late")
"""Events whose size is months; that of all others is a share or a rate."""


def life_years(doc: Document) -> dict[str, float]:
    """Useful life of every asset class, years: as written, else the catalog's."""
    written = doc.root.get("finance")
    given = written.get("life_years") if written is not None else None
    own = given.plain() if given is not None and isinstance(given.value, dict) else {}
    return lives_of({k: float(v) for k, v in own.items() if isinstance(v, int | float)}, doc.catalog)


def tenors(doc: Document) -> Iterator[Problem]:
    """Tenor in whole quarters, within the agency's rule, the horizon, and the life of all that is financed."""
    lives = life_years(doc)
    for path, item, source in sources_of(doc):
        if source.kind in UNREPAID:
            continue
        for name in ("tenor_years", "grace_years"):
            if item.get(name) is not None and (part := not_quarters(getattr(source, name))):
                yield at_field(item, path, name, part)
        if source.tenor_years is None:
            continue
        for message in (*_too_long(doc, source), *(() if source.optional else _outlived(source, lives))):
            yield at_field(item, path, "tenor_years", message)


def not_quarters(years: float | None) -> str:
    """What is wrong with a number of years that is not whole quarters, in which loans are repaid; empty where it is."""
    quarters = (years or 0.0) * QUARTERS_PER_YEAR
    if abs(quarters - round(quarters)) < ROUNDING:
        return ""
    below, above = (q / QUARTERS_PER_YEAR for q in (max(1, int(quarters)), max(1, int(quarters)) + 1))
    return (
        f"{years:g} years are no whole number of quarters, in which loans are repaid: {below:g} or {above:g}"
    )


def _too_long(doc: Document, source: Source) -> Iterator[str]:
    tenor = source.tenor_years or 0.0
    if source.longest_tenor_years is not None and tenor > source.longest_tenor_years:
        yield f"{tenor:g} years exceed the agency's {source.longest_tenor_years:g}"
    if doc.horizon is None:
        return
    quarters = doc.horizon.n_steps * doc.horizon.step_months // MONTHS
    closes = quarter_of(source.until, doc.horizon.start) + 1 if source.until else 0
    left = (quarters - min(max(0, closes), quarters)) / QUARTERS_PER_YEAR
    if tenor > left and (left or not source.optional):
        since = f" after {source.until}" if closes > 0 else ""
        yield f"{tenor:g} years outlast the {left:g} of the horizon{since}: shorten it, or lengthen horizon.years"


def _outlived(source: Source, lives: dict[str, float]) -> Iterator[str]:
    """Of an optional source the plan draws for what lives long enough: ``optional_sources`` judges whether there is any."""
    financed = [name for name in lives if source.may_finance(name)]
    short, tenor = min(financed, key=lambda name: lives[name], default=None), source.tenor_years or 0.0
    if short is not None and tenor > lives[short] + ROUNDING:
        message = f"{tenor:g} years lie beyond the useful life of {short}, {lives[short]:g} years"
        yield f"{message}: shorten it, or name other assets"


def downsides(doc: Document) -> Iterator[Problem]:
    """Events larger than all of what they change, also to the better, as the tornado shows them; delays past the end."""
    for path, item in find(doc.root, "finance.downsides[]"):
        event = valid(Downside, item)
        if event is None:
            continue
        if event.what in DELAYS:
            months = doc.horizon.n_steps * doc.horizon.step_months if doc.horizon else None
            if months is not None and event.size >= months:
                message = (
                    f"{event.size:g} months are the whole horizon, {months} months: give a shorter delay"
                )
                yield at_field(item, path, "size", message)
        elif event.what == "rate" and event.size > 1.0:
            yield at_field(
                item, path, "size", f"{event.size:g} is added to a yearly rate: two points are 0.02"
            )
        elif event.size > 1.0 or (event.what == "currency" and event.size == 1.0):
            worse = f"{percent(event.size)} of what {event.what} changes: it, or its opposite, would leave less than nothing"
            yield at_field(item, path, "size", f"{worse}; a share, 20 % is 0.2")


TENOR_RULES: tuple[Callable[[Document], Iterator[Problem]], ...] = (tenors, downsides)
