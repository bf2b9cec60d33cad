"""Cross references of a scenario: every name is known, every date lies in the horizon, no id comes twice.

A new field that names something or is a date needs one line in ``planner.scenario.references``. Checks read
the written document and not the validated scenario, so that they report together with the faults of the
schema; parts that are malformed are passed over.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from planner.case.limits import PARTNER
from planner.facts.catalog import Catalog
from planner.intake.agreement_checks import agreement_faults
from planner.intake.demand_checks import idle_day, own_names, requests_and_models, unsaid
from planner.intake.document import Document, day_of, fault, valid
from planner.intake.finance_checks import FINANCE_RULES
from planner.intake.offer_checks import early_exits, idle_holdings, no_cooling, no_offer
from planner.intake.optional_sources import optional
from planner.intake.power_checks import power_offers
from planner.intake.site_checks import own_sites, shells, standing_lines
from planner.intake.tenor_checks import TENOR_RULES
from planner.scenario.paths import find, ids_of
from planner.scenario.problems import Problem
from planner.scenario.reading import Item
from planner.scenario.references import (
    CATALOG_TABLES,
    DATES,
    FILED,
    INSTEAD,
    KEYS,
    PAST,
    REFERENCES,
    SHARES,
    STEPS,
)
from planner.scenario.schema import EfficiencyCap


def cross_problems(root: Item, catalog: Catalog) -> list[Problem]:
    """Every fault that needs more than one place of the document, or the catalog, to be seen."""
    document = Document(root, catalog)
    rules: tuple[Callable[[Document], Iterator[Problem]], ...] = (
        _references, _keys, _share_caps, _control_floors, _efficiency_caps, _duplicates, _dates, _filed, _existing_dates,
        _rising_steps, _years, _money_caps, _carbon_caps, _stacks_of_hosts, _decision_order, _halls_of_clouds, _answers,
        _attributes, no_offer, idle_holdings, no_cooling, unsaid, idle_day, own_names, requests_and_models, own_sites,
        shells, standing_lines, power_offers, agreement_faults, early_exits,
        *FINANCE_RULES,
        *TENOR_RULES,
        optional,
    )  # fmt: skip
    return [problem for rule in rules for problem in rule(document)]


def _unknown(doc: Document, kind: str, name: str) -> str:
    allowed = doc.known(kind)
    if kind == "country with a metro":
        return f"no metro of {name!r} in the catalog, so that distances are unknown{doc.hint(name, allowed)}"
    label = kind.removeprefix("catalog ")
    table = CATALOG_TABLES.get(kind)
    message = doc.hint(name, allowed)
    if not allowed:
        message = "; none is declared"
    elif "allowed" not in message and table:
        message += f" (`planner catalog {table}` lists all)"
    if kind in INSTEAD:
        message += f"; {INSTEAD[kind]}"
    return f"unknown {label} {name!r}{message}"


def _references(doc: Document) -> Iterator[Problem]:
    for pattern, kind in REFERENCES:
        for path, item in find(doc.root, pattern):
            if isinstance(item.value, str) and item.value not in doc.known(kind):
                yield fault(item, path, _unknown(doc, kind, item.value))


def _keys(doc: Document) -> Iterator[Problem]:
    for pattern, kind in KEYS:
        for path, item in find(doc.root, pattern):
            for name, child in item.value.items() if isinstance(item.value, dict) else ():
                if name not in doc.known(kind):
                    yield fault(child, f"{path}.{name}", _unknown(doc, kind, name))


def _holds_from(doc: Document, limit: Item) -> str | None:
    """Day from which a limit holds, as text: without one that of the horizon's start; None where neither is in order."""
    return limit.text("from") or (str(doc.horizon.start) if doc.horizon is not None else None)


def _share_caps(doc: Document) -> Iterator[Problem]:
    seen: set[tuple[str, str, str | None]] = set()
    for path, cap in find(doc.root, "limits.shares[]"):
        by, name = cap.text("by"), cap.text("id")
        if by not in SHARES or name is None:
            continue
        if name not in doc.known(SHARES[by]):
            yield fault(cap.value["id"], f"{path}.id", _unknown(doc, SHARES[by], name))
        key = (by, name, _holds_from(doc, cap))
        if key in seen:
            yield fault(cap, path, f"second cap on {by} {name!r} from the same date")
        seen.add(key)


def _control_floors(doc: Document) -> Iterator[Problem]:
    seen: dict[tuple[str | None, ...], int] = {}
    for path, floor in find(doc.root, "limits.control_floors[]"):
        key = (floor.text("data_class"), floor.text("workload"), _holds_from(doc, floor))
        if key in seen:
            name = key[0] or key[1]
            yield fault(
                floor, path, f"second floor on {name!r} from the same date (first on line {seen[key]})"
            )
        seen.setdefault(key, floor.shown.line)


def _efficiency_caps(doc: Document) -> Iterator[Problem]:
    """Of several caps of one day the strictest holds: none is stated twice, and none lifts what begins with it."""
    start = doc.horizon.start if doc.horizon is not None else None
    seen: dict[Any, list[tuple[str, EfficiencyCap]]] = {}
    for path, item in find(doc.root, "limits.efficiency[]"):
        cap = valid(EfficiencyCap, item)
        if cap is None:
            continue
        same_day = seen.setdefault((cap.measure, cap.from_ or start), [])
        for other, before in same_day:
            here, there = (None if c.sites is None else set(c.sites) for c in (cap, before))
            shared = here is None or there is None or here & there
            if here == there:
                yield fault(item, path, f"second cap on {cap.measure} for the same sites from the same date")
            elif shared and (cap.most is None) != (before.most is None):
                capped, lifts = (other, path) if cap.most is None else (path, other)
                message = (
                    f"{lifts} lifts nothing, {capped} begins on the same date: name there the sites it is for"
                )
                yield fault(item, path, message)
        same_day.append((path, cap))


def _duplicates(doc: Document) -> Iterator[Problem]:
    yield from _duplicates_below(doc.root, "")
    fleets = {item.text("id"): item for _, item in find(doc.root, "existing.fleets[]")}
    for path, item in find(
        doc.root, "existing.contracts[]"
    ):  # fleets and contracts are one list to the model
        name = item.text("id")
        if name is not None and name in fleets:
            message = f"id {name!r} is taken by a fleet (line {fleets[name].shown.line})"
            yield fault(item.value["id"], f"{path}.id", message)


def _duplicates_below(item: Item, path: str) -> Iterator[Problem]:
    if isinstance(item.value, dict):
        for name, child in item.value.items():
            yield from _duplicates_below(child, f"{path}.{name}" if path else name)
    elif isinstance(item.value, list):
        seen: dict[str, int] = {}
        for n, (entry, unique) in enumerate(zip(item.value, ids_of(item.value), strict=True)):
            if isinstance(entry.value, str):  # a list of names, such as the stacks of a host
                if entry.value in seen:
                    yield fault(entry, f"{path}[{n}]", f"{entry.value!r} comes twice in the list")
                seen.setdefault(entry.value, entry.shown.line)
            name = entry.text("id")
            if name is not None and path != "limits.shares":
                if name in seen:
                    message = f"duplicate id {name!r} (first on line {seen[name]})"
                    yield fault(entry.value["id"], f"{path}[{n}].id", message)
                seen.setdefault(name, entry.value["id"].shown.line)
            yield from _duplicates_below(entry, f"{path}[{n if unique is None else unique}]")


def _dates(doc: Document) -> Iterator[Problem]:
    if doc.horizon is None:
        return
    start, end = doc.horizon.start, doc.horizon.end
    for pattern in DATES:
        for path, item in find(doc.root, pattern):
            day = day_of(item)
            if day is not None and not start <= day <= end:
                side = "before" if day < start else "after"
                yield fault(item, path, f"{day} lies {side} the horizon, {start} to {end}")


def _filed(doc: Document) -> Iterator[Problem]:
    """Applications that nobody would file within the horizon."""
    for pattern in FILED:
        for path, item in find(doc.root, pattern):
            day = day_of(item)
            if day is not None and doc.horizon is not None and day >= doc.horizon.end:
                message = f"{day} lies after the horizon, {doc.horizon.start} to {doc.horizon.end}: nothing would come of it"
                yield fault(item, path, f"{message}; leave it out to apply when the plan begins")


def _existing_dates(doc: Document) -> Iterator[Problem]:
    for where, since, until in PAST:
        for path, item in find(doc.root, f"{where}[]"):
            last, first = day_of(item.get(until)), day_of(item.get(since)) if since else None
            if last is None:
                continue
            if first is not None and last <= first:
                yield fault(item.value[until], f"{path}.{until}", f"{last} must come after {since}, {first}")
            elif doc.horizon is not None and last <= doc.horizon.start:
                message = f"{last} lies before the horizon starts: take the entry out"
                yield fault(item.value[until], f"{path}.{until}", message)


def _rising_steps(doc: Document) -> Iterator[Problem]:
    for pattern in STEPS:
        for path, item in find(doc.root, pattern):
            days = [(entry, day_of(entry.get("from"))) for _, entry in find(item, "[]")]
            dated = [(entry, day) for entry, day in days if day is not None]
            for (_, before), (entry, after) in itertools.pairwise(dated):
                if after <= before:
                    yield fault(entry, path, f"steps must rise in time: {after} follows {before}")


def _years(doc: Document) -> Iterator[Problem]:
    seen: set[int] = set()
    for path, item in find(doc.root, "limits.capital_musd_by_year[].year"):
        if isinstance(item.value, int):
            yield from _outside(doc, path, item)
            if item.value in seen:
                yield fault(item, path, f"second cap for {item.value}")
            seen.add(item.value)


def _money_caps(doc: Document) -> Iterator[Problem]:
    """Each cap once, whichever of the fields for capital it is written in."""
    total = [item for _, item in find(doc.root, "limits.capital_musd_total") if item.value is not None]
    years = [year.value for _, year in find(doc.root, "limits.capital_musd_by_year[].year")]
    stated = [(year, "outlay", PARTNER) for year in [*([None] if total else []), *years]]

    def named(cap: Item) -> tuple[Any, ...]:
        return cap.text("what"), cap.text("payer") or PARTNER

    return _caps(doc, "limits.money[]", "money", named, stated)


def _carbon_caps(doc: Document) -> Iterator[Problem]:
    return _caps(doc, "limits.carbon_t[]", "emissions", lambda _: ())


def _caps(
    doc: Document,
    pattern: str,
    what: str,
    named: Callable[[Item], tuple[Any, ...]],
    stated: Sequence[tuple[Any, ...]] = (),
) -> Iterator[Problem]:
    """Years within the horizon, each cap once, and none that is ``stated`` elsewhere."""
    seen = list(stated)
    for path, cap in find(doc.root, pattern):
        year = cap.get("year")
        if year is not None and isinstance(year.value, int):
            yield from _outside(doc, f"{path}.year", year)
        key = (year.value if year is not None else None, *named(cap))
        if key in seen:
            yield fault(cap, path, f"second cap on the same {what}")
        seen.append(key)


def _outside(doc: Document, path: str, year: Item) -> Iterator[Problem]:
    """A calendar year of which no period is part of the horizon."""
    if doc.horizon is not None:
        first, last = doc.horizon.start.year, doc.horizon.date_of(doc.horizon.n - 1).year
        if not first <= year.value <= last:
            yield fault(year, path, f"{year.value} lies outside the horizon, {first} to {last}")


def _stacks_of_hosts(doc: Document) -> Iterator[Problem]:
    for field, kind in (("stacks", "stack"), ("systems", "system")):
        declared = set(doc.known(kind))
        held = set(doc.ids("existing.fleets[].system") + doc.ids("existing.contracts[].system"))
        for path, host in find(doc.root, "hosts[]"):
            item = host.get(field)
            names = [n.value for n in item.value] if item and isinstance(item.value, list) else []
            usable = declared | (held if kind == "system" else set())
            if item is not None and names and not usable.intersection(n for n in names if isinstance(n, str)):
                message = f"none of its {field} is declared under {field}{doc.hint(str(names[0]), sorted(declared))}"
                yield fault(item, f"{path}.{field}", message)
    for path, decision in find(doc.root, "decisions[]"):
        for field, kind in (("stacks", "stack"), ("systems", "system")):
            item = decision.get(field)
            if decision.text("do") == "forbid" or item is None or not isinstance(item.value, list):
                continue
            names = [n.value for n in item.value if isinstance(n.value, str)]
            if names and not set(names) & set(doc.known(kind)):
                message = f"nothing to {decision.text('do')}: none of these is declared under {field}"
                yield fault(item, f"{path}.{field}", message)


def _decision_order(doc: Document) -> Iterator[Problem]:
    for path, item in find(doc.root, "decisions[]"):
        first, last = day_of(item.get("from")), day_of(item.get("to"))
        if first and last and last < first:
            yield fault(item.value["to"], f"{path}.to", f"{last} comes before from, {first}")


def _halls_of_clouds(doc: Document) -> Iterator[Problem]:
    modes = {host.text("id"): host.text("mode") for _, host in find(doc.root, "hosts[]")}
    for path, item in find(doc.root, "existing.halls[].host"):
        if isinstance(item.value, str) and modes.get(item.value) == "cloud":
            yield fault(item, path, f"{item.value!r} is a cloud: its halls are the provider's")


def _answers(doc: Document) -> Iterator[Problem]:
    criteria = doc.catalog.table("control_criteria")
    for path, item in find(doc.root, "control.overrides[]"):
        name, level = item.text("criterion"), item.get("level")
        if name in criteria.index and level is not None and isinstance(level.value, int):
            count = len(str(criteria.at[name, "level_values"]).split(";"))
            if not 1 <= level.value <= count:
                message = f"criterion {name} has levels 1 to {count} (got {level.value})"
                yield fault(level, f"{path}.level", message)


def _attributes(doc: Document) -> Iterator[Problem]:
    """Declared attributes of the control score have values for which there is an answer."""
    answers = doc.catalog.table("control_answers")
    for where in ("hosts[].attributes", "stacks[].attributes", "agreements[].attributes"):
        for path, item in find(doc.root, where):
            for name, child in item.value.items() if isinstance(item.value, dict) else ():
                allowed = list(dict.fromkeys(answers.loc[answers["attribute"] == name, "value"].astype(str)))
                if allowed and isinstance(child.value, str) and child.value not in allowed:
                    message = f"{child.value!r} is not known{doc.hint(child.value, allowed)}"
                    yield fault(child, f"{path}.{name}", message)
