"""What would come after the horizon and is in order all the same, which is hardly what was meant: a warning each.

Applications for a line or a permit whose wait ends then, lines, plant and power purchase agreements that are there too late:
plant bought waits for the permit of its place and its construction as well as for permits and a delivery of its own. Caps on
PUE or water, and shares of renewable energy, that begin within the last calendar year.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from planner.case.context import Context
from planner.case.plant import plant_from
from planner.case.plant_offers import faults, figure, steps, ways
from planner.facts.errors import PlannerError
from planner.facts.numbers import number
from planner.intake.document import Document, at_field, valid
from planner.intake.offer_checks import context_of
from planner.scenario.paths import find
from planner.scenario.power import Flexible, PowerOption, PowerPurchase
from planner.scenario.problems import Problem
from planner.scenario.reading import Item
from planner.scenario.schema import EfficiencyCap, Existing, Host, RenewableShare, Site

WAYS = {"buy": ("bought", "lead_months"), "rent": ("rented", "mobilisation_months")}
"""Ways to get plant: the word for it, and the field of the months that follow its permits."""


def late_warnings(doc: Document) -> list[Problem]:
    """All of them, in the order of the file's parts; none where the horizon is at fault."""
    if doc.horizon is None:
        return []
    context = context_of(doc, [])
    return [*_lines(doc, context), *_flexible(doc, context), *_plant(doc, context), *_agreements(doc, context),
            *_permits(doc, context), *_yearly(doc, context)]  # fmt: skip


def _lines(doc: Document, context: Context) -> Iterator[Problem]:
    """Firm lines of places where halls may be built."""
    builders = {
        host.text("site") for _, host in find(doc.root, "hosts[]") if host.text("mode") in (None, "build")
    }
    for path, item in find(doc.root, "sites[]"):
        site = valid(Site, item)
        if site is None or (site.grid_applied is None and site.id not in builders):
            continue
        with contextlib.suppress(PlannerError):  # a place that is not known has a fault of its own
            months = context.grid_connect_months(site)
            given = ("grid_applied", "grid_lead_months")
            yield from _late(context, path, item, given, months, site.grid_applied)


def _flexible(doc: Document, context: Context) -> Iterator[Problem]:
    for path, item in find(doc.root, "sites[].power.flexible"):
        line = valid(Flexible, item)
        if line is not None and line.id in doc.known("grid connection"):
            months = float(context.pick(line.lead_months, "connections", line.id, "lead_months"))
            yield from _late(context, path, item, ("lead_months",), months)


def _yearly(doc: Document, context: Context) -> Iterator[Problem]:
    """Limits on whole years that begin in the horizon's last calendar year, after its first period."""
    calendar, begun = context.calendar, list[tuple[str, Item, date | None, str]]()
    for path, item in find(doc.root, "limits.efficiency[]"):
        if (cap := valid(EfficiencyCap, item)) is not None and cap.most is not None:
            begun.append((path, item, cap.from_, "the mean of a year"))
    for path, item in find(doc.root, "limits.renewable[]"):
        if (floor := valid(RenewableShare, item)) is not None and floor.share:
            begun.append((path, item, floor.from_, "the share of a year"))
    last = calendar.calendar_years()[-1]
    for path, item, day, what in begun:
        if last[0] < calendar.holds_from(day) < calendar.n:
            year = calendar.date_of(last[0]).year
            message = (
                f"{year} is the last year of the horizon, and {what} is held from the first whole one on"
            )
            yield at_field(item, path, "from", f"{message}: nothing comes of it")


def _agreements(doc: Document, context: Context) -> Iterator[Problem]:
    for path, item in find(doc.root, "sites[].power.ppas[]"):
        agreement = valid(PowerPurchase, item)
        if agreement is not None:
            yield from _late(context, path, item, ("lead_months",), agreement.lead_months)


def _plant(doc: Document, context: Context) -> Iterator[Problem]:
    """Plant that can be had too late in one way, or in all."""
    if next(find(doc.root, "sites[].power.options[]"), None) is None:
        return
    places = _with_places(doc, context)
    for site_path, site in find(doc.root, "sites[]"):
        builders = [h for h in places.scenario.hosts if h.site == site.text("id")]
        for path, item in find(site, "power.options[]"):
            option = valid(PowerOption, item)
            if option is None or option.id not in doc.known("power option") or any(faults(context, option)):
                continue
            late = {way: too_late for way in ways(context, option)
                    if (too_late := _too_late(places, option, way, builders))}  # fmt: skip
            if not late:
                continue
            fields = [f for _, its in late.values() for f in its]
            given = [f for f in dict.fromkeys(["lead_months", *fields]) if fields and item.get(f) is not None]
            where = max(given, key=lambda field: _months(context, option, field), default="")
            soonest = " and ".join(words for words, _ in late.values())
            left = [WAYS[way][0] for way in ways(context, option) if way not in late]
            comes = f"so that it can only be {left[0]}" if left else "nothing comes of it"
            end = context.calendar.end
            message = f"{option.id} could be {soonest}, after the horizon, which ends on {end}: {comes}"
            yield at_field(item, f"{site_path}.{path}", where, message)


def _with_places(doc: Document, context: Context) -> Context:
    """The same with all sites, hosts that build and what exists, as far as they are in order."""
    held, types = doc.root.get("existing"), set(doc.known("hall type"))
    hosts = [host for _, item in find(doc.root, "hosts[]") if (host := valid(Host, item)) is not None]
    sites = [site for _, item in find(doc.root, "sites[]") if (site := valid(Site, item)) is not None]
    known = {site.id for site in sites}
    update = {
        "existing": (valid(Existing, held) if held is not None else None) or Existing(),
        "hosts": [
            h for h in hosts if h.mode == "build" and h.site in known and types.issuperset(h.hall_types or ())
        ],
        "sites": sites,
    }
    return replace(context, scenario=context.scenario.model_copy(update=update))


def _too_late(
    context: Context, option: PowerOption, way: str, builders: list[Host]
) -> tuple[str, tuple[str, ...]] | None:
    """When an option can be had in a way, and the fields that say so, where that is after the horizon; else None.

    Plant bought waits for the permit of the place that may have it first, and its construction, too.
    """
    calendar, (got, lead) = context.calendar, WAYS[way]
    fields = ("permit_months", lead)
    wait = sum(steps(context, option, field) for field in fields)
    if calendar.after(0, wait) >= calendar.n:
        return f"{got} after {number(sum(_months(context, option, f) for f in fields))} months", fields
    if way == "rent" or not builders:
        return None
    works = steps(context, option, "construction_months")
    first = {host.id: plant_from(context, host, wait, works) for host in builders}
    host = min(first, key=lambda h: first[h])
    if first[host] < calendar.n:
        return None
    months = number(_months(context, option, "construction_months"))
    return f"{got} {months} months of construction after the permit of {host}", ()


def _months(context: Context, option: PowerOption, field: str) -> float:
    """Months of a wait; none where none are known."""
    months = figure(context, option, field)
    return 0.0 if months != months else months


def _permits(doc: Document, context: Context) -> Iterator[Problem]:
    for path, item in find(doc.root, "hosts[]"):
        host = valid(Host, item)
        if host is not None and host.permit_applied is not None:
            yield from _late(
                context, path, item, ("permit_applied",), host.open_lead_months, host.permit_applied
            )


def _late(
    context: Context,
    path: str,
    item: Item,
    fields: tuple[str, ...],
    months: float,
    applied: date | None = None,
) -> Iterator[Problem]:
    """A wait that ends when the plan is over, at the first of the fields that the file has, else at the record itself."""
    calendar = context.calendar
    if context.wait(months, applied)[1] < calendar.n:
        return
    since = calendar.date_of(0) if applied is None else applied
    message = (
        f"{number(months)} months from {since} end after the horizon, {calendar.end}: nothing comes of it"
    )
    where = next((f for f in fields if item.get(f) is not None), "")
    yield at_field(item, path, where, message)
