"""Plant and lines that a site offers: everything an option lacks, each at its place, before any case is built."""

from __future__ import annotations

from collections.abc import Iterator

from planner.case.plant_offers import faults
from planner.case.power import FIRM
from planner.intake.document import Document, fault, valid
from planner.intake.offer_checks import context_of
from planner.scenario.paths import find
from planner.scenario.power import PowerOption
from planner.scenario.problems import Problem


def power_offers(doc: Document) -> Iterator[Problem]:
    """Options without a price, a term, months or figures of their kind; a flexible line that is the firm one; contracts
    named as plant or a line, for which they would be taken.
    """
    context = context_of(doc, [])
    for path, item in find(doc.root, "sites[].power.options[]"):
        option = valid(PowerOption, item)
        if option is not None and option.id in doc.known("power option"):
            for field, message in faults(context, option):
                where = f"{path}.{field}" if field else path
                yield fault(item.get(field) or item if field else item, where, message)
    taken = {name: kind for kind in ("grid connection", "power option") for name in doc.known(kind)}
    for path, item in find(doc.root, "sites[].power.ppas[].id"):
        if item.value in taken:
            message = (
                f"{item.value!r} is a {taken[item.value]} of the catalog: give the contract a name of its own"
            )
            yield fault(item, path, message)
    loose = [n for n in doc.known("grid connection") if n != FIRM]
    for path, item in find(doc.root, "sites[].power.flexible.id"):
        if item.value == FIRM:
            message = (
                f"{FIRM!r} is the line that grid_mw and grid_lead_months speak of{doc.hint(FIRM, loose)}"
            )
            yield fault(item, path, message)
