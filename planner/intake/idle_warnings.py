"""What is in order but changes nothing, which is hardly what was meant: a warning each.

Floors on classes of data that no workload has, plant and lines at sites where nobody builds, cooling and pace of halls that
are another's or that nothing comes of, fading of what stores nothing, sources of capital for plant that nobody can buy,
units so small that N+1 asks for nothing. What would come after the horizon: ``planner.intake.late_warnings``.
"""

from __future__ import annotations

from collections.abc import Iterator

from planner.case.context import Context
from planner.case.fading import fade_per_year
from planner.case.pace import end_of
from planner.case.periods import day_after
from planner.case.plant_offers import OF_STORAGE, STORED, TABLE, asset_class, faults, figure, ways
from planner.case.refits import offered
from planner.case.registry import BATTERIES, PLANT
from planner.facts.numbers import megawatts, number
from planner.intake.document import Document, at_field, day_of, fault, stated, valid
from planner.intake.finance_checks import sources_of
from planner.intake.offer_checks import context_of
from planner.scenario.paths import find
from planner.scenario.power import PowerOption, SitePower
from planner.scenario.problems import Problem
from planner.scenario.reading import Item
from planner.scenario.schema import Host


def idle_warnings(doc: Document) -> list[Problem]:
    """All of them, in the order of the file's parts."""
    return [*_floors(doc), *_power(doc), *_units(doc), *_fading(doc), *_halls(doc), *_sources(doc)]


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
        offered = stated(power, SitePower, ("options", "flexible")) if power is not None else []
        if power is not None and offered and "build" not in there:
            who = f"its hosts are {' and '.join(sorted(set(there)))}" if there else "no host stands here"
            message = f"only a host with mode: build uses what is offered here, and {who}: it is left out"
            yield fault(power, f"{path}.power", message)


SMALL_UNIT = 0.1
"""Of the unit of the catalog: smaller ones are hardly sold, and losing one is no loss."""


def _units(doc: Document) -> Iterator[Problem]:
    """Units of one's own far below the catalog's at a site that asks for N+1."""
    context = context_of(doc, [])
    for path, site in find(doc.root, "sites[]"):
        power = site.get("power")
        asked = power is not None and power.text("redundancy") == "N+1"
        for where, item in find(site, "power.options[]") if asked else ():
            option = valid(PowerOption, item)
            if option is None or not option.unit_mw or option.id not in doc.known("power option"):
                continue
            usual = figure(context, option.model_copy(update={"unit_mw": None}), "unit_mw")
            if option.unit_mw < SMALL_UNIT * usual:
                message = (
                    f"N+1 holds one unit in reserve, and units of {megawatts(option.unit_mw)} make that next to nothing:"
                    f" the catalog's {option.id} comes in {megawatts(usual)}; leave unit_mw out, or say redundancy: N"
                )
                yield fault(item.value["unit_mw"], f"{path}.{where}.unit_mw", message)


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
            yield from _pace(doc, path, host)


def _refits(doc: Document, path: str, host: Item) -> Iterator[Problem]:
    """What a refit takes where none is offered, and refits that no technology of the host can be had by."""
    kept, given = host.text("standing_halls") or "as-needed", host.get("refit")
    if given is not None and given.value is not None and kept != "refit":
        message = f"no refit is offered with standing_halls: {kept}: it is left out; did you mean standing_halls: refit?"
        yield fault(given, f"{path}.refit", message)
    own = valid(Host, host) if kept == "refit" else None
    had = offered(context_of(doc, []), own) if own is not None else {}
    if own is not None and not had:
        known = ", ".join(
            str(c) for c in doc.catalog.table("cooling").dropna(subset="refit_musd_per_mw_mid").index
        )
        message = f"none of its cooling can be fitted into a hall that stands: name one of {known} under {path}.cooling"
        yield fault(host.value["standing_halls"], f"{path}.standing_halls", message)
    if own is not None and had and doc.horizon is not None:
        yield from _too_late(doc, path, host, had)


def _too_late(
    doc: Document, path: str, host: Item, had: dict[str, tuple[float, float, float]]
) -> Iterator[Problem]:
    """Refits that would be done after the horizon, and halls that end before it does, which are not refitted."""
    calendar = context_of(doc, []).calendar
    months, soonest = min((wait + outage, c) for c, (wait, _, outage) in had.items())
    if calendar.after(0, calendar.whole_steps(months)) >= calendar.n:
        wait, _, outage = had[soonest]
        takes = f"{number(wait)} months to the work and {number(outage)} of it"
        message = f"no refit can be done: the soonest, {soonest}, takes {takes}, and the horizon ends on {calendar.end}"
        where = "refit" if host.get("refit") is not None else "standing_halls"
        cure = f"shorten lead_months or outage_months of {path}.refit, or lengthen horizon.years"
        yield fault(host.value[where], f"{path}.{where}", f"{message}: {cure}")
        return
    halls = [item for _, item in find(doc.root, "existing.halls[]") if item.text("host") == host.text("id")]
    ends = {item.text("id"): day_of(item.get("until")) for item in halls}
    gone = [f"{i} ends on {d}" for i, d in ends.items()
            if d is not None and calendar.containing(day_after(d)) < calendar.n]  # fmt: skip
    if halls and len(gone) == len(halls):
        message = f"a hall that ends within the horizon is not refitted, and {', '.join(gone)}: only halls of the plan are"
        yield fault(host.value["standing_halls"], f"{path}.standing_halls",
                    f"{message}; state a later until, or leave it out where the end is not known")  # fmt: skip


def _pace(doc: Document, path: str, host: Item) -> Iterator[Problem]:
    """A pace beyond the end of the range that ``money.level`` reads already."""
    own = valid(Host, host)
    level = context_of(doc, []).level
    if own is not None and own.building_pace != "usual" and end_of(level, own.building_pace) == level:
        message = (
            f"with money.level: {level} halls take that end of the range already, so that {own.building_pace} changes no"
            " lead, only the odds of dates: leave it out, or set money.level: mid"
        )
        yield fault(host.value["building_pace"], f"{path}.building_pace", message)


FADES = ("fade_pct_per_year", "fade_pct_per_cycle", "end_of_life_pct")
"""Figures of storage that is bought: what fades of rented storage is its owner's to make good."""


def _fading(doc: Document) -> Iterator[Problem]:
    """Figures of storage for what stores nothing, of fading for what is only rented, and storage soon at its end."""
    context = context_of(doc, [])
    for path, item in find(doc.root, "sites[].power.options[]"):
        option = valid(PowerOption, item)
        if option is None or option.id not in doc.known("power option"):
            continue
        given = {f: part for f in OF_STORAGE if (part := item.get(f)) is not None and part.value is not None}
        fuel = str(context.catalog.value(TABLE, option.id, "fuel"))
        bought = "buy" in ways(context, option)
        for field, part in given.items():
            if fuel != STORED:
                message = f"{option.id} stores nothing, its source is {fuel}: it is left out"
                yield fault(part, f"{path}.{field}", message)
            elif not bought and field in FADES:
                message = (
                    f"{option.id} is only rented here, and its owner makes good what fades: it is left out"
                )
                yield fault(part, f"{path}.{field}", f"{message}; to buy it, give ways: [buy] and a price")
        if fuel == STORED and bought and not list(faults(context, option)):
            yield from _soon_empty(context, option, path, item)


def _soon_empty(context: Context, option: PowerOption, path: str, item: Item) -> Iterator[Problem]:
    """Storage bought that is at its end within a year."""
    lost, least = 100.0 * fade_per_year(context, option), figure(context, option, "end_of_life_pct")
    if lost < 100.0 - least or not lost:
        return
    year, cycle, cycles = (figure(context, option, f) for f in (*FADES[:2], "cycles_per_year"))
    order = ("fade_pct_per_cycle", "cycles_per_year") if cycle * cycles > year else ("fade_pct_per_year",)
    where = next((f for f in (*order, "end_of_life_pct") if item.get(f) is not None), "")
    sums = f"{number(year)} % a year and {number(cycle)} % for each of {number(cycles)} cycles"
    message = f"it loses {number(lost)} % of its energy a year ({sums}) and is at its end, {number(least)} %, within a year"
    yield at_field(item, path, where,
                   f"{message}: lower fade_pct_per_cycle, cycles_per_year or fade_pct_per_year")  # fmt: skip


def _sources(doc: Document) -> Iterator[Problem]:
    """Sources of capital for plant or batteries alone, where none is on offer to buy."""
    context = context_of(doc, [])
    builders = {
        host.text("site") for _, host in find(doc.root, "hosts[]") if host.text("mode") in (None, "build")
    }
    bought: set[str] = set()
    for _, site in find(doc.root, "sites[]"):
        for _, item in find(site, "power.options[]") if site.text("id") in builders else ():
            option = valid(PowerOption, item)
            if option is None or option.id not in doc.known("power option"):
                return  # it has a fault of its own
            if "buy" in ways(context, option):
                bought.add(asset_class(context, option))
    for path, item, source in sources_of(doc):
        if source.assets and set(source.assets) <= {PLANT, BATTERIES} - bought:
            message = (
                f"nothing of this class can be bought here, {' or '.join(source.assets)}: it pays for nothing"
            )
            cure = "offer some at a price under sites[].power.options, where a host with mode: build stands"
            yield at_field(item, path, "assets", f"{message}; {cure}, or name other assets")
