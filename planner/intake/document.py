"""A scenario as it was written, with what checks ask of it: its names and those of the catalog, valid records, dates."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from planner.case.finance import Presets, known_currencies
from planner.case.periods import Calendar
from planner.facts.catalog import Catalog
from planner.facts.suggest import hint as words_of
from planner.scenario.finance import PAYERS
from planner.scenario.horizon import Horizon
from planner.scenario.paths import find
from planner.scenario.problems import Problem
from planner.scenario.reading import Item
from planner.scenario.record import Record
from planner.scenario.references import CATALOG_TABLES, LISTS
from planner.scenario.schema import Existing

HINTS = 100
"""Unknown names for which the nearest known one is looked up: with thousands on both sides it takes minutes."""


@dataclass
class Document:
    root: Item
    catalog: Catalog
    _known: dict[str, dict[str, None]] = field(default_factory=dict, repr=False)
    _hinted: int = 0

    def ids(self, pattern: str) -> list[str]:
        return [item.value for _, item in find(self.root, pattern) if isinstance(item.value, str)]

    def known(self, kind: str) -> Collection[str]:
        """Every name a reference of this kind may have, in order; collected once."""
        if kind not in self._known:
            self._known[kind] = dict.fromkeys(self._names(kind))
        return self._known[kind].keys()

    def hint(self, word: str, known: Collection[str]) -> str:
        """What to say of an unknown name: see ``planner.facts.suggest.hint``; nothing after the first hundred."""
        self._hinted += 1
        return words_of(word, list(known)) if self._hinted <= HINTS else ""

    def _names(self, kind: str) -> list[str]:
        if kind in CATALOG_TABLES:
            return [str(key) for key in self.catalog.table(CATALOG_TABLES[kind]).index]
        if kind in LISTS:
            return self.ids(f"{LISTS[kind]}[].id")
        if kind == "model":
            return [*self.catalog.table("models").index.astype(str), *self.ids("models[].id")]
        if kind == "vendor":
            return sorted(set(self.catalog.table("accelerators")["vendor"].astype(str)))
        if kind == "operator":
            return self.ids("hosts[].operator")
        if kind == "finance preset":
            return Presets(self.catalog).names
        if kind == "currency":
            return known_currencies(self.ids("finance.currency.paths[].currency"), self.catalog)
        if kind == "payer":
            return ["partner", *self.ids("hosts[].operator")]
        if kind == "payer or all":
            return [*self.known("payer"), *PAYERS, "all"]
        metros = {str(c) for c in self.catalog.table("metros")["iso3"]}
        if kind == "country with a metro":
            return sorted(metros)
        listed = {str(c) for table in ("countries", "licensing") for c in self.catalog.table(table).index}
        return sorted(metros | listed)

    @cached_property
    def horizon(self) -> Calendar | None:
        item = self.root.get("horizon")
        horizon = valid(Horizon, item) if item is not None else None
        held = self.root.get("existing")
        existing = valid(Existing, held) if held is not None else None
        return Calendar.of(horizon, existing or Existing()) if horizon else None


def valid(model: type[Any], item: Item) -> Any:
    """The record if it is in order, else None: its faults are reported by the schema."""
    try:
        return model.model_validate(item.plain())
    except ValidationError:
        return None


def stated(item: Item, record: type[Record], names: Iterable[str]) -> list[str]:
    """Of the fields of a record those that say something, by their written names: a frozen scenario writes defaults too."""
    found = []
    for name in names:
        info = record.model_fields[name]
        child = item.get(info.alias or name)
        if child is not None and child.plain() not in (None, info.get_default(call_default_factory=True)):
            found.append(info.alias or name)
    return found


def fault(item: Item, path: str, message: str) -> Problem:
    return Problem.at(item.shown, path, message)


def at_field(item: Item, path: str, name: str, message: str) -> Problem:
    """A fault of a field, shown at the record where the field was filled in; of the record where ``name`` is empty."""
    where = item.get(name) if name else None
    return fault(where if where is not None else item, f"{path}.{name}" if name else path, message)


def day_of(item: Item | None) -> date | None:
    try:
        return date.fromisoformat(item.value) if item is not None and isinstance(item.value, str) else None
    except ValueError:
        return None
