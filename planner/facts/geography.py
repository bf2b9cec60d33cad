"""Distances on the globe, and the weather station nearest to a point.

Stations are a file of their own (``climate_stations.csv.gz`` of the packaged catalog), read when first asked for:
most scenarios name metros, and the commands that start the program need neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from planner.facts.catalog import Catalog

EARTH_RADIUS_KM = 6371.0
LAPSE_K_PER_M = 0.0065
"""Fall of temperature with height in the standard atmosphere (ISO 2533)."""
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True)
class Station:
    """A weather station: its country, monthly mean temperatures (12, January first), and the distance to it."""

    name: str
    iso3: str
    elevation_m: float
    temperatures_c: tuple[float, ...]
    distance_km: float


def distance_km(lat1: Any, lon1: Any, lat2: Any, lon2: Any) -> Any:
    """Great-circle distance of points in degrees; numbers or arrays of them.

    >>> round(distance_km(37.566, 126.978, 35.832, 140.146))
    1190
    """
    p1, p2 = np.radians(lat1), np.radians(lat2)
    h = (
        np.sin((p2 - p1) / 2) ** 2
        + np.cos(p1) * np.cos(p2) * np.sin(np.radians(np.subtract(lon2, lon1)) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(h))


@lru_cache(maxsize=256)
def nearest_station(lat_deg: float, lon_deg: float) -> Station:
    """The station nearest to a point.

    >>> station = nearest_station(-1.3, 36.8)
    >>> station.iso3, round(station.distance_km)
    ('KEN', 4)
    """
    table = _stations()
    far = distance_km(lat_deg, lon_deg, table["lat_deg"].to_numpy(), table["lon_deg"].to_numpy())
    at = int(np.argmin(far))
    row = table.iloc[at]
    months = tuple(float(row[f"t_{m}_c"]) for m in MONTHS)
    return Station(str(row["name"]), str(row["iso3"]), float(row["elevation_m"]), months, float(far[at]))


def nearest_country(catalog: Catalog, iso3: str) -> str | None:
    """Country of the metro nearest to the stations of a country or territory; None where it has no station."""
    table = _stations()
    own = table[table["iso3"] == iso3]
    if not len(own):
        return None
    metros = catalog.table("metros")
    middle = own.iloc[len(own) // 2]
    far = distance_km(middle["lat_deg"], middle["lon_deg"], metros["lat_deg"], metros["lon_deg"])
    return str(metros["iso3"].iloc[int(np.argmin(far))])


@cache
def _stations() -> pd.DataFrame:
    path = resources.files("planner.data") / "catalog" / "climate_stations.csv.gz"
    with path.open("rb") as handle:
        return pd.read_csv(handle, compression="gzip", keep_default_na=False)
