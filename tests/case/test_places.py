"""What protects sites by coordinates: the nearest station's climate, its rung told, the country's or metro's prices."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.case.build import build_case
from planner.case.places import metro_place, place_of
from planner.facts.catalog import load_catalog
from planner.facts.country_codes import ISO3
from planner.facts.geography import LAPSE_K_PER_M, distance_km, nearest_station
from planner.intake.scenario_file import example_path, parse_scenario
from planner.scenario.problems import InputError
from planner.scenario.schema import Site
from planner.sizing.size import size

CATALOG = load_catalog()
GRID: Any = [{"from": "2027-01-01", "mw": 10}]


def own(**given: Any) -> Site:
    return Site.model_validate({"id": "mine", "grid_mw": GRID, **given})


def test_distances_are_those_of_a_sphere() -> None:
    assert distance_km(0, 0, 0, 90) == pytest.approx(6371 * np.pi / 2)
    assert distance_km(10, 20, [10, -10], [20, 200]) == pytest.approx([0, 6371 * np.pi])
    assert distance_km(0, 179.5, 0, -179.5) == pytest.approx(6371 * np.pi / 180)


def test_a_station_is_the_nearest_and_its_height_is_corrected_for() -> None:
    station = nearest_station(-1.3, 36.8)
    assert station.iso3 == "KEN" and station.distance_km < 20
    flat = place_of(CATALOG, own(latitude=-1.3, longitude=36.8, country="KEN"))
    assert flat.temperatures_c == station.temperatures_c
    high = place_of(CATALOG, own(latitude=-1.3, longitude=36.8, elevation_m=station.elevation_m + 1000))
    assert high.temperatures_c[0] == pytest.approx(station.temperatures_c[0] - 1000 * LAPSE_K_PER_M)


def test_what_is_borrowed_is_said_with_distance_and_rung() -> None:
    place = place_of(CATALOG, own(latitude=35.7, longitude=140.1))
    said = {what: (value, why) for what, value, why in place.assumed}
    assert place.iso3 == said["country"][0] == "JPN" and place.metro == "JP-TYO"
    assert "km away" in said["climate"][1] and said["climate"][1].endswith("rung: station")
    assert "km away" in said["local prices and waits"][1] and said["local prices and waits"][1].endswith(
        "rung: place"
    )
    remote = place_of(CATALOG, own(latitude=-3.1, longitude=-60.0, country="BRA"))
    assert remote.metro is None and [what for what, _, _ in remote.assumed] == ["climate"]


def test_the_station_of_a_metro_tells_about_the_same_climate() -> None:
    """Metros that rest on no station, against the station nearest to them: the means of the year."""
    table = CATALOG.table("metros").head(79)
    off = []
    for key in table.index:
        place = metro_place(CATALOG, key)
        station = nearest_station(place.lat_deg, place.lon_deg)
        if station.distance_km < 25:
            off.append(np.mean(station.temperatures_c) - np.mean(place.temperatures_c))
    assert len(off) > 60
    assert abs(np.median(off)) < 1.0 and np.median(np.abs(off)) < 1.2, (
        np.median(off),
        np.median(np.abs(off)),
    )


def test_a_case_at_the_coordinates_of_a_metro_is_that_of_the_metro(tiny: Any) -> None:
    """Same prices, waits and country; only the climate is the station's."""
    named = tiny()
    at = CATALOG.table("metros").loc["KR-HNM"]
    site = named.sites[0].model_copy(
        update={"metro": None, "latitude": float(at["lat_deg"]), "longitude": float(at["lon_deg"])}
    )
    there = named.model_copy(update={"sites": [site]})
    cases = [build_case(s) for s in (named, there)]
    for table in ("hosts", "host_period", "systems"):
        assert getattr(cases[0], table).equals(getattr(cases[1], table)), table
    pue = [case.pue["pue"] for case in cases]
    assert np.allclose(pue[0], pue[1], atol=0.02) and not pue[0].equals(pue[1])
    items = list(cases[1].assumptions["item"])
    assert len(items) == len(set(items)) and "climate at south" in items
    assert "climate at south" in list(size(there, CATALOG).assumptions["item"])


def test_a_site_has_one_place() -> None:
    for given in (
        {},
        {"latitude": 1.0},
        {"metro": "KR-SEO", "longitude": 1.0},
        {"metro": "KR-SEO", "country": "KOR"},
    ):
        with pytest.raises(ValueError, match="latitude"):
            own(**given)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"latitude": -48.0, "longitude": -123.0}, "no weather station within 1.000 km"),
        ({"latitude": 18.4, "longitude": -66.1}, "state the country whose prices hold"),
        ({"latitude": 35.7, "longitude": 140.1, "country": "JPX"}, "unknown country 'JPX'"),
        ({"latitude": 91.0, "longitude": 0.0}, "must be at most 90"),
        ({"latitude": 1.0}, "needs a metro of the catalog, or latitude and longitude"),
    ],
)
def test_coordinates_that_tell_nothing_are_refused(place: dict[str, Any], words: str) -> None:
    text = example_path("two-hosts").read_text(encoding="utf-8")
    given = "\n    ".join(f"{key}: {value}" for key, value in place.items())
    with pytest.raises(InputError, match=words):
        parse_scenario(text.replace("metro: KR-HNM", given), "x.yaml", catalog=CATALOG)


def test_stations_are_as_their_description_says(root: Path) -> None:
    """Every column declared, a point once, months that a place can have; and no start of the program reads them."""
    package = json.loads((root / "data" / "catalog" / "datapackage.json").read_text(encoding="utf-8"))
    (described,) = [r for r in package["resources"] if r["name"] == "climate_stations"]
    table = pd.read_csv(root / "data" / "catalog" / described["path"], keep_default_na=False)
    assert list(table.columns) == [f["name"] for f in described["schema"]["fields"]]
    assert len(table) > 19_000 and not table.duplicated(described["schema"]["primaryKey"]).any()
    assert set(table["iso3"]) <= ISO3 and set(CATALOG.table("countries").index) <= set(table["iso3"]) | {
        "XKX"
    }
    months = table.filter(regex="^t_").to_numpy()
    assert months.min() > -55 and months.max() < 45
    assert described["x-lazy"] and "climate_stations" not in CATALOG.tables
