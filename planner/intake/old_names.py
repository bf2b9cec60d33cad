"""Fields that are still read under a name they had before: a warning with the words to write instead.

Data embassies were a list of their own: they are read as agreements that stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from planner.intake.document import Document
from planner.scenario.paths import find
from planner.scenario.problems import Problem
from planner.scenario.reading import Item, from_plain

OLD = {
    "limits.capital_musd_total": "limits.money: [{{what: outlay, musd: {value}}}]",
    "limits.capital_musd_by_year[].musd": "limits.money: [{{what: outlay, year: ..., musd: {value}}}]",
}


def unwritten(record: str, names: Iterable[str], value_at: Callable[[str], Any]) -> set[str]:
    """Of the fields of a record those with a present name under which nothing is written: they are not offered."""
    old = {pattern.removesuffix("[].musd") for pattern in OLD}
    return {name for name in names if (path := f"{record}.{name}") in old and not value_at(path)}


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


EMBASSIES = "data_embassies"


def upgraded(root: Item) -> list[Problem]:
    """Puts what is written in an old form into its present one, in place; a warning for each."""
    if not isinstance(root.value, dict) or EMBASSIES not in root.value:
        return []
    old = root.value.pop(EMBASSIES)
    entries = old.value if isinstance(old.value, list) else []
    if not entries:
        return []
    own = root.value.setdefault("agreements", from_plain([], old.place))
    if isinstance(own.value, list):
        own.value += [_embassy(item, number) for number, item in enumerate(entries)]
    message = "an old name, read as agreements of kind data-embassy that are agreed already, at no cost: write them there"
    return [Problem.at(old.shown, EMBASSIES, message)]


def _embassy(item: Item, number: int) -> Item:
    """An agreement in force without a cost; whatever else the entry says goes along, for the schema to judge."""
    fixed = {"kind": "data-embassy", "optional": False, "musd_per_year": 0.0}
    fields = {name: from_plain(value, item.place) for name, value in fixed.items()}
    given = dict(item.value) if isinstance(item.value, dict) else {}
    where = "-".join(str(given[n].value).lower() for n in ("host", "guest") if n in given)
    fields["id"] = from_plain(f"data-embassy-{where or number}", item.place)
    if "host" in given:
        fields["partner"] = given.pop("host")
    if "classes" in given:
        fields["covers"] = Item({"classes": given.pop("classes")}, item.place, item.key)
    return Item(fields | given, item.place, item.key)
