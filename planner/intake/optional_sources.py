"""Sources whose draws the plan is to choose: what must be stated of them before anything is solved."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from planner.case.draws import tenor_of
from planner.case.finance import SCULPTED
from planner.case.limits import PARTNER
from planner.case.periods import STEP_MONTHS, quarter_of
from planner.case.registry import CLASSES
from planner.intake.document import Document, at_field, fault
from planner.intake.finance_checks import UNREPAID, sources_of
from planner.intake.tenor_checks import life_years
from planner.scenario.finance import Source
from planner.scenario.paths import find
from planner.scenario.problems import Problem

MONTHS = STEP_MONTHS["quarter"]


def optional(doc: Document) -> Iterator[Problem]:
    """An optional source is priced before the plan is known: dates, tenor and amount must be stated."""
    chosen = [(path, item, source) for path, item, source in sources_of(doc) if source.optional]
    for path, item, source in chosen:
        for field, message in (*_terms(source), *_dates(doc, source)):
            yield at_field(item, path, field, message)
        written = item.get("costs_of_finance")
        if written is not None and written.value is True:
            message = "an optional source pays for what is bought, not for interest and fees: leave it out"
            yield at_field(item, path, "costs_of_finance", message)
    if not chosen:
        return
    for path, item in find(doc.root, "finance.grants[]"):
        if item.text("payer") == PARTNER:
            message = "stands beside optional sources, which may pay for the same things"
            yield fault(item, path, f"{message}: make it a source of kind grant with optional: true")


def _terms(s: Source) -> Iterator[tuple[str, str]]:
    if s.assets and not set(s.assets) & CLASSES:
        yield "assets", f"an optional source pays for what is bought: {', '.join(sorted(CLASSES))}"
    if s.kind == "equity":
        return  # ``finance_checks.terms`` says that it pays what other sources leave
    if s.kind == "grant":
        if s.amount_m is None:
            yield "amount_m", "an optional grant needs an amount: the plan would draw without end"
        return
    if s.tenor_years is None and s.longest_tenor_years is None:
        yield "tenor_years", "an optional source needs a tenor: its price is known before the plan is"
    if s.until is None:
        yield "until", "an optional source needs the day up to which it is drawn: repayment begins after it"
    if s.profile == SCULPTED:
        yield "profile", "an optional source follows no cash flow: choose level or equal-principal"
    if s.sweep_share:
        yield "sweep_share", "an optional source follows no cash flow: leave it out"


def _dates(doc: Document, s: Source) -> Iterator[tuple[str, str]]:
    """Open in a whole period of the horizon, repaid within it and within the life of something it may finance."""
    if doc.horizon is None:
        return
    calendar = doc.horizon
    quarters = calendar.n_steps * calendar.step_months // MONTHS
    opens = max(0, quarter_of(s.from_, calendar.start)) if s.from_ else 0
    closes = min(quarters, quarter_of(s.until, calendar.start) + 1) if s.until else quarters
    whole = [(step * calendar.step_months // MONTHS) for step in calendar.edges]
    if not any(opens <= first and max(first + 1, after) <= closes for first, after in pairwise(whole)):
        yield (
            "until" if s.until else "from",
            "no whole period of the horizon lies within its dates: it is never drawn",
        )
        return
    if s.kind in UNREPAID or s.until is None:
        return
    if closes >= quarters:
        yield (
            "until",
            f"{s.until} leaves nothing of the horizon to repay it in: close it earlier, or lengthen horizon.years",
        )
        return
    lives = life_years(doc)
    if s.tenor_years is None:
        tenor, why = tenor_of(s, quarters - closes, lives)
        if (s.grace_years or 0.0) >= tenor:
            yield (
                "grace_years",
                f"must be shorter than the tenor, {tenor:g} years, the least of its caps: {why}",
            )
        return
    longest = max((lives[name] for name in s.assets or lives if name in lives), default=None)
    if longest is not None and s.tenor_years > longest:
        message = (
            f"{s.tenor_years:g} years lie beyond the useful life of all it may finance, {longest:g} years"
        )
        yield "tenor_years", message
