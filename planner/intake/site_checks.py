"""Sites: a weather station in reach of coordinates, a country whose prices are known, shells for halls that need one, and
grid for the lines that stand.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from planner.case.periods import day_after
from planner.case.sites import step_mw
from planner.facts.geography import nearest_country, nearest_station
from planner.facts.numbers import fixed, number
from planner.intake.document import Document, at_field, fault, valid
from planner.intake.offer_checks import context_of
from planner.scenario.paths import find
from planner.scenario.problems import Problem
from planner.scenario.schema import ExistingHall, Host, Site

MAX_STATION_KM = 1000
NOISE_MW = 1e-6


def own_sites(doc: Document) -> Iterator[Problem]:
    """Coordinates without a weather station in reach, or whose station lies in no country of the catalog."""
    for path, item in find(doc.root, "sites[]"):
        site = valid(Site, item)
        if site is None or site.latitude is None or site.longitude is None:
            continue
        station = nearest_station(site.latitude, site.longitude)
        if station.distance_km > MAX_STATION_KM:
            message = f"no weather station within {fixed(MAX_STATION_KM)} km: the nearest is {station.name}"
            where = f"{message} in {station.iso3}; are the coordinates right?"
            yield fault(item.value["latitude"], f"{path}.latitude", where)
        elif site.country is None and station.iso3 not in doc.known("country"):
            near = nearest_country(doc.catalog, station.iso3)
            message = f"the nearest weather station lies in {station.iso3!r}, which the catalog does not know"
            yield fault(item, path, f"{message}: state the country whose prices hold, such as {near!r}")


def shells(doc: Document) -> Iterator[Problem]:
    """Halls in a standing shell, named by a host whose site says of none."""
    types = doc.catalog.table("halls")["in_shell"]
    sites = {
        site.id for _, item in find(doc.root, "sites[]") if (site := valid(Site, item)) and site.shell_it_mw
    }
    for path, item in find(doc.root, "hosts[]"):
        host = valid(Host, item)
        named = [b for b in (host.hall_types or [] if host else []) if types.get(b, False)]
        if host and named and host.site not in sites:
            message = f"{named[0]} stands in a building that is there, and sites[{host.site}].shell_it_mw says of none"
            yield fault(
                item.value["hall_types"],
                f"{path}.hall_types",
                f"{message}: state its MW of IT, or take the type out",
            )


def standing_lines(doc: Document) -> Iterator[Problem]:
    """Lines of halls that stand, at hosts that build, of more megawatts together than the grid of their site has then."""
    if doc.horizon is None:
        return
    context = context_of(doc, [])
    sites = {site.id: site for _, item in find(doc.root, "sites[]") if (site := valid(Site, item))}
    places = {
        host.id: host.site
        for _, item in find(doc.root, "hosts[]")
        if (host := valid(Host, item)) and host.mode == "build"
    }
    held = {p: np.zeros(doc.horizon.n) for p in sites}
    for path, item in find(doc.root, "existing.halls[]"):
        hall = valid(ExistingHall, item)
        p = places.get(hall.host) if hall else None
        if hall is None or p not in sites or not hall.grid_mw:
            continue
        end = doc.horizon.n if hall.until is None else max(0, doc.horizon.containing(day_after(hall.until)))
        held[p][:end] += hall.grid_mw
        grid = step_mw(context, sites[p].grid_mw)
        short = np.flatnonzero(held[p][:end] > grid[:end] + NOISE_MW)
        if len(short):
            t = int(short[0])
            message = (
                f"lines that stand at {p} have {number(held[p][t])} MW with this hall in {doc.horizon.label(t)}, and "
                f"sites[{p}].grid_mw gives {number(grid[t])} MW then, of which they are a part: state as much from then on"
            )
            yield at_field(item, path, "grid_mw", message)
