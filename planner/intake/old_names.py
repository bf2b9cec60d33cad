"""Fields that are still read under a name they had before: a warning with the words to write instead."""

from __future__ import annotations

from planner.intake.document import Document
from planner.scenario.paths import find
from planner.scenario.problems import Problem

OLD = {
    "limits.capital_musd_total": "limits.money: [{{what: outlay, musd: {value}}}]",
    "limits.capital_musd_by_year[].musd": "limits.money: [{{what: outlay, year: ..., musd: {value}}}]",
}


def old_names(doc: Document) -> list[Problem]:
    """A warning for every field written under an old name."""
    return [
        Problem.at(
            item.shown, path, f"an old name, read as a cap on outlay: write {new.format(value=item.value)}"
        )
        for pattern, new in OLD.items()
        for path, item in find(doc.root, pattern)
        if item.value is not None
    ]
