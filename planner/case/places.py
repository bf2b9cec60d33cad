"""Where a site lies: country, coordinates, climate, and the metro whose own prices hold there.

A site names a metro of the catalog, or gives its coordinates. There the nearest weather station tells the climate,
and a metro of the same country counts for prices and waits only if it is near (parameter ``own_site_metro_km``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from planner.facts.catalog import Catalog
from planner.facts.geography import LAPSE_K_PER_M, MONTHS, distance_km, nearest_station
from planner.scenario.schema import Site


@dataclass(frozen=True)
class Place:
    """Name, country, degrees, 12 monthly means in C; ``metro`` is None where only values of the country hold.

    ``assumed``: (what, value, why) of everything that was taken from somewhere near.
    """

    name: str
    iso3: str
    lat_deg: float
    lon_deg: float
    temperatures_c: tuple[float, ...]
    metro: str | None
    assumed: tuple[tuple[str, str, str], ...] = field(default=())


def metro_place(catalog: Catalog, metro: str) -> Place:
    """A metro of the catalog, by its key."""
    row = catalog.table("metros").loc[metro]
    months = tuple(float(row[f"t_{m}_c"]) for m in MONTHS)
    return Place(
        str(row["name"]), str(row["iso3"]), float(row["lat_deg"]), float(row["lon_deg"]), months, metro
    )


def place_of(catalog: Catalog, site: Site) -> Place:
    """The place of a site: its metro, or its coordinates with the nearest station for climate; named by its title."""
    if site.latitude is None or site.longitude is None:
        assert site.metro is not None  # the schema asks for one or the other
        place = metro_place(catalog, site.metro)
        return replace(place, name=site.title) if site.title else place
    station = nearest_station(site.latitude, site.longitude)
    higher = 0.0 if site.elevation_m is None else site.elevation_m - station.elevation_m
    months = tuple(t - LAPSE_K_PER_M * higher for t in station.temperatures_c)
    why = f"nearest weather station, {station.distance_km:.0f} km away at {station.elevation_m:.0f} m"
    if higher:
        why += f", moved by {-LAPSE_K_PER_M * higher:+.1f} K to the altitude of the site"
    assumed = [("climate", station.name, f"{why}; rung: station")]
    iso3 = site.country or station.iso3
    if site.country is None:
        assumed.append(("country", iso3, "country of that station; rung: station"))
    metro, far = near_metro(catalog, iso3, site.latitude, site.longitude)
    if metro is not None:
        assumed.append(("local prices and waits", metro, f"metro {far:.0f} km away; rung: place"))
    return Place(site.title or site.id, iso3, site.latitude, site.longitude, months, metro, tuple(assumed))


def near_metro(catalog: Catalog, iso3: str, lat_deg: float, lon_deg: float) -> tuple[str | None, float]:
    """The nearest metro of the country and its distance; None where it is too far to tell anything."""
    metros = catalog.table("metros")
    own = metros[metros["iso3"] == iso3]
    if not len(own):
        return None, np.inf
    far: Any = distance_km(lat_deg, lon_deg, own["lat_deg"].to_numpy(), own["lon_deg"].to_numpy())
    at = int(np.argmin(far))
    near = float(far[at]) <= catalog.param("own_site_metro_km")
    return (str(own.index[at]) if near else None), float(far[at])
