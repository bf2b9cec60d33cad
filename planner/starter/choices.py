"""Where a starter scenario of a country puts things, and the words that say why.

All choices come from the catalog: places are the country's candidate metros and the nearest place abroad that
needs no export licence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from planner.facts.catalog import Catalog
from planner.facts.errors import BadValue, MissingFact
from planner.facts.geography import distance_km
from planner.facts.numbers import fixed

CLOSED = "d5"
"""Group to which licences for US chips are refused."""


@dataclass(frozen=True)
class OwnSite:
    """A place the user has in mind, in degrees north and east."""

    name: str
    latitude: float
    longitude: float

    @classmethod
    def parse(cls, text: str) -> OwnSite:
        """From ``NAME,LATITUDE,LONGITUDE``; BadValue where it is not that.

        >>> OwnSite.parse("lake,-1.3,36.8")
        OwnSite(name='lake', latitude=-1.3, longitude=36.8)
        """
        name, *degrees = [part.strip() for part in text.split(",")]
        try:
            latitude, longitude = map(float, degrees)
            known = bool(name) and abs(latitude) <= 90 and abs(longitude) <= 180
        except ValueError:
            known = False
        if not known:
            raise BadValue(
                f"{text!r} is no site: write NAME,LATITUDE,LONGITUDE in degrees, such as lake,-1.3,36.8"
            )
        return cls(name, latitude, longitude)


@dataclass(frozen=True)
class Places:
    """Metro of the first campus, of the second, of the city, and of the place abroad.

    ``closed``: US chips are refused to the country, so that only a rival's can be planned for.
    """

    campus: str
    second: str
    city: str
    abroad: str
    cloud_at_home: bool
    closed: bool
    notes: dict[str, str]
    own: tuple[OwnSite, ...] = ()

    def own_site(self, n: int) -> OwnSite | None:
        """The user's place of the ``n``-th campus: where fewer are given, the last of them."""
        return self.own[min(n, len(self.own) - 1)] if self.own else None


def round_figures(value: float, figures: int = 2) -> int:
    """A number with two figures, as a plan would quote it.

    >>> [round_figures(x) for x in (0, 7, 34567, 1250)]
    [0, 7, 35000, 1200]
    """
    if value <= 0:
        return 0
    digits = figures - 1 - math.floor(math.log10(value))
    return round(round(value, min(digits, 0)))


def programme_words(catalog: Catalog, iso3: str) -> str:
    """What a state-led programme of the country plans, to compare with; empty where none with a count is known."""
    plans = catalog.table("national_plans")
    own = plans[(plans["iso3"] == iso3) & plans["sizes_demand"] & plans["accelerators_planned"].notna()]
    if not len(own):
        return ""
    plan = own.sort_values("accelerators_planned").iloc[-1]
    count = fixed(float(plan["accelerators_planned"]))
    return f"To compare: {plan['program']}, {count} accelerators planned; {plan['status']} ({plan['source_url']})."


def _home(catalog: Catalog, iso3: str) -> list[str]:
    """Candidate metros of the country in the order of the catalog; any metro where there is no candidate."""
    metros = catalog.table("metros")
    own = metros[metros["iso3"] == iso3]
    wanted = own[own["role"] == "candidate"]
    found = list(wanted.index if len(wanted) else own.index)
    if not found:
        raise MissingFact(f"no metro of {iso3} in the catalog: add one with twelve monthly temperatures")
    return found


def _abroad(catalog: Catalog, iso3: str, city: str) -> str:
    """Nearest of the first metros of licence-free countries with a large market."""
    metros, countries = catalog.table("metros"), catalog.table("countries")
    groups = catalog.table("licensing")
    controlled = set(groups.loc[groups["country_group"] != "unrestricted", "iso3"])
    large = (
        set(countries.index[countries["dc_capacity_mw"] >= catalog.param("starter_hub_mw")])
        - controlled
        - {iso3}
    )
    others = metros[metros["iso3"].isin(large) & (metros["role"] != "validation")].drop_duplicates("iso3")
    here = metros.loc[city]
    far = pd.Series(
        [distance_km(here.lat_deg, here.lon_deg, m.lat_deg, m.lon_deg) for m in others.itertuples()],
        index=others.index,
    )
    return str(far.idxmin())


def choose_places(catalog: Catalog, iso3: str, own: Sequence[OwnSite] = ()) -> Places:
    """The city is the first metro; campuses go to places of the user's own, else to the next metros, else beside it."""
    home = _home(catalog, iso3)
    city = home[0]
    campus, second = [*home, city, city][1:3] if len(home) > 1 else (city, city)
    abroad = _abroad(catalog, iso3, city)
    metros = catalog.table("metros")
    names = {m: str(metros.at[m, "name"]) for m in (city, campus, second, abroad)}
    known = metros["known_for"]
    known_mw = catalog.value("countries", iso3, "dc_capacity_mw")
    capacity = 0.0 if pd.isna(known_mw) else float(known_mw)
    stock = (
        "no figure of its stock is known"
        if pd.isna(known_mw)
        else f"{fixed(capacity)} MW in the country (estimate 2024)"
    )
    enough = catalog.param("starter_cloud_region_mw")
    at_home = capacity >= enough
    alone = "; the only place of the country in the catalog, so all campuses stand near it"
    notes = {
        "campus": f"campus near {names[campus]}"
        + (f", known for {known[campus]}" if isinstance(known[campus], str) else "")
        + (alone if len(home) == 1 else ""),
        "second": f"second campus near {names[second]}, so that one site may be lost",
        "city": f"existing data centres of {names[city]}: {stock}",
        "abroad": f"nearest large market without export licence: {names[abroad]}",
        "cloud": f"US cloud {'at home' if at_home else 'near ' + names[abroad]}: a region at home is taken as given "
        f"from {fixed(enough)} MW of data centres in the country; here {stock}",
    }
    return Places(
        campus, second, city, abroad, at_home, country_group(catalog, iso3) == CLOSED, notes, tuple(own)
    )


def country_group(catalog: Catalog, iso3: str) -> str:
    """Group of US export control; a country not listed is unrestricted."""
    groups = catalog.table("licensing")["country_group"]
    return str(groups.get(iso3, "unrestricted"))
