"""What is in order but changes nothing, which is hardly what was meant: a warning each.

Floors on classes of data that no workload has, plant and lines at sites where nobody builds, cooling and pace of halls that
are another's, applications whose wait ends after the horizon.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date

from planner.case.context import Context
from planner.case.refits import offered
from planner.facts.errors import PlannerError
from planner.facts.numbers import number
from planner.intake.document import Document, fault, valid
from planner.intake.offer_checks import context_of
from planner.scenario.paths import find
from planner.scenario.problems import Problem
from planner.scenario.reading import Item
from planner.scenario.schema import Host, Site


def idle_warnings(doc: Document) -> list[Problem]:
    """All of them, in the order of the file's parts."""
    return [*_floors(doc), *_power(doc), *_halls(doc), *_late_lines(doc), *_late_permits(doc)]


def _floors(doc: Document) -> Iterator[Problem]:
    """Floors on control of a class of data that nobody has."""
    had = doc.ids("demand[].data_class")
    for path, floor in find(doc.root, "limits.control_floors[]"):
        name = floor.text("data_class")
        if name is not None and name not in had:
            message = f"no workload has data of class {name!r}, so that this floor holds nothing"
            yield fault(
                floor.value["data_class"], f"{path}.data_class", message + doc.hint(name, sorted(set(had)))
            )


def _power(doc: Document) -> Iterator[Problem]:
    """Plant and flexible lines where no host has halls of its own."""
    modes: dict[str | None, list[str]] = {}
    for _, host in find(doc.root, "hosts[]"):
        modes.setdefault(host.text("site"), []).append(host.text("mode") or "build")
    for path, site in find(doc.root, "sites[]"):
        power, there = site.get("power"), modes.get(site.text("id"), [])
        offered = power is not None and (
            power.get("options") is not None or power.get("flexible") is not None
        )
        if power is not None and offered and "build" not in there:
            who = f"its hosts are {' and '.join(sorted(set(there)))}" if there else "no host stands here"
            message = f"only a host with mode: build uses what is offered here, and {who}: it is left out"
            yield fault(power, f"{path}.power", message)


HALLS_OWN = (
    ("cooling", None, "buys cooling"),
    ("room_air", "with-hall", "buys cooling"),
    ("standing_halls", "as-needed", "buys cooling"),
    ("refit", None, "buys cooling"),
    ("building_pace", "usual", "builds halls"),
)
"""Field of a host that speaks of halls of its own, its usual value, and what only a host that has them does."""


def _halls(doc: Document) -> Iterator[Problem]:
    """What is said of halls of its own for a host whose halls are another's."""
    for path, host in find(doc.root, "hosts[]"):
        mode = host.text("mode") or "build"
        for name, usual, what in HALLS_OWN if mode != "build" else ():
            given = host.get(name)
            if given is not None and given.value not in (None, usual):
                message = (
                    f"only a host with mode: build {what}, and this one's mode is {mode}: it is left out"
                )
                yield fault(host.value[name], f"{path}.{name}", message)
        if mode == "build":
            yield from _refits(doc, path, host)


def _refits(doc: Document, path: str, host: Item) -> Iterator[Problem]:
    """What a refit takes where none is offered, and refits that no technology of the host can be had by."""
    kept, given = host.text("standing_halls") or "as-needed", host.get("refit")
    if given is not None and given.value is not None and kept != "refit":
        message = f"no refit is offered with standing_halls: {kept}: it is left out; did you mean standing_halls: refit?"
        yield fault(given, f"{path}.refit", message)
    own = valid(Host, host) if kept == "refit" else None
    if own is not None and not offered(context_of(doc, []), own):
        known = ", ".join(
            str(c) for c in doc.catalog.table("cooling").dropna(subset="refit_musd_per_mw_mid").index
        )
        message = f"none of its cooling can be fitted into a hall that stands: name one of {known} under {path}.cooling"
        yield fault(host.value["standing_halls"], f"{path}.standing_halls", message)


def _late_lines(doc: Document) -> Iterator[Problem]:
    context = context_of(doc, [])
    for path, item in find(doc.root, "sites[]"):
        site = valid(Site, item)
        if site is not None and site.grid_applied is not None:
            with contextlib.suppress(PlannerError):  # a place that is not known has a fault of its own
                months = context.grid_connect_months(site)
                yield from _late(
                    doc,
                    context,
                    f"{path}.grid_applied",
                    item.value["grid_applied"],
                    site.grid_applied,
                    months,
                )


def _late_permits(doc: Document) -> Iterator[Problem]:
    context = context_of(doc, [])
    for path, item in find(doc.root, "hosts[]"):
        host = valid(Host, item)
        if host is not None and host.permit_applied is not None:
            where = f"{path}.permit_applied"
            yield from _late(
                doc, context, where, item.value["permit_applied"], host.permit_applied, host.open_lead_months
            )


def _late(
    doc: Document, context: Context, path: str, item: Item, applied: date, months: float
) -> Iterator[Problem]:
    """An application whose wait ends when the plan is over."""
    first = context.wait(months, applied)[1]
    if doc.horizon is not None and first >= doc.horizon.n:
        message = f"{number(months)} months from {applied} end after the horizon, {doc.horizon.end}: nothing comes of it"
        yield fault(item, path, message)
