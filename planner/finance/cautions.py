"""What a plan's finance should be read with: it can be had as asked, and still a lender or a giver would object."""

from __future__ import annotations

from collections.abc import Iterator

from planner.facts.numbers import number
from planner.finance.faults import Fault
from planner.finance.project import ROUNDING, Project
from planner.finance.sources import GRANT, Tranche, window
from planner.finance.statements import Statements, key_figures


def cautions(project: Project, made: Statements) -> Iterator[Fault]:
    """Each with its path in the scenario: of draws that the plan chose, cover too low, and grants not drawn in full."""
    chosen = [t for t in project.sources if t.chosen is not None]
    yield from _too_little_cover(project, made, [t for t in chosen if t.is_debt and _drawn_m(made, t) > 0])
    for tranche in chosen:
        if tranche.kind == GRANT and tranche.amount is not None:
            yield from _grant_left(project, made, tranche)


def _too_little_cover(project: Project, made: Statements, drawn: list[Tranche]) -> Iterator[Fault]:
    figures, terms = key_figures(made), project.covenants
    locked, default = (int(figures[f"quarters_{name}"] or 0) for name in ("locked_up", "in_default"))
    if not drawn or not (locked or default):
        return
    names = ", ".join(t.id for t in drawn)
    path = f"finance.sources[{drawn[0].id}]" if len(drawn) == 1 else "finance.sources"
    levels = f"lock-up {terms.lock_up_dscr:g}, default {terms.default_dscr:g}"
    least = f"the least DSCR is {number(figures['min_dscr'])} ({levels})"
    held = f"{locked} quarters are locked up and {default} in default"
    message = f"the plan chose what to draw of {names} by its cost, whatever the cover: {least}, {held}"
    yield Fault(path, f"{message}; lower share or amount_m, lengthen the tenor, or raise prices")


def _grant_left(project: Project, made: Statements, grant: Tranche) -> Iterator[Fault]:
    drawn, amount = _drawn_m(made, grant), grant.amount or 0.0
    if drawn >= amount * (1.0 - 1e-6) - ROUNDING:
        return
    first, after = window(grant, project.start, project.operation_from)
    allowed = [s.musd[first:after].sum() for s in project.spending if grant.eligibility.allows(s)]
    payable = (
        f"the {number(float(sum(allowed)), 4)} MUSD (nominal) of capital that it may pay for while it is open"
    )
    most = "all sources together are worth at most the price of a thing less what is left of it, at present value"
    late = "and a grant pays less of what the horizon or its life leaves fewer than kept_years to serve"
    money = f"{number(drawn, 4)} of {number(amount, 4)} million {grant.currency} (nominal)"
    yield Fault(f"finance.sources[{grant.id}].amount_m", f"{money} drawn of {payable}: {most}, {late}")


def _drawn_m(made: Statements, tranche: Tranche) -> float:
    """What is drawn of a source, in millions of its currency."""
    return float(made.by_source.loc[tranche.id, "draw"].sum())
