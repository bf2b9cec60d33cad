"""Power an accelerator draws in its system and at the meter, and the climate of the place it stands in."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from planner.case.climate import pue
from planner.case.names import accelerator_of, squeeze, system_of
from planner.case.places import metro_place
from planner.facts.catalog import Catalog, load_catalog
from planner.facts.errors import MissingFact, UnknownName
from planner.facts.spans import Span
from planner.facts.suggest import hint

LEVELS = ("low", "mid", "high")


def span_of(read: Callable[[str], float]) -> Span:
    """Low, mid and high from a reader of one level; order is restored where a level runs the other way."""
    return Span.around(*(float(read(level)) for level in LEVELS))


def parameter(catalog: Catalog, name: str) -> Span:
    """Low, mid and high of a parameter of the catalog."""
    return span_of(lambda level: catalog.param(name, level))


def it_kw_per_accelerator(name: str, *, catalog: Catalog | None = None) -> Span:
    """IT power of one accelerator with host, network and storage: typical, midway, peak.

    ``name`` is a system, or an accelerator; one that no listed system holds is estimated from its power.
    Installed power of real fleets lies between the typical and the peak draw of their systems.
    """
    catalog = catalog or load_catalog()
    network = span_of(lambda level: 1.0 + catalog.param("network_power_share", level))
    try:
        row = catalog.table("systems").loc[system_of(catalog, name)]
    except UnknownName:
        chip = catalog.table("accelerators").loc[accelerator_of(catalog, name)]
        if pd.isna(chip["tdp_w"]):
            raise MissingFact(f"{name}: neither a system nor the power of the chip is known") from None
        return (
            parameter(catalog, "server_watts_per_accelerator_watt")
            * (float(chip["tdp_w"]) / 1000.0)
            * network.mid
        )
    typical, peak = float(row["typical_kw"]), float(row["peak_kw"])
    n = float(row["n_accelerators"])
    mid = (typical + peak) / 2.0 * network.mid
    return (
        Span(typical * network.low, mid, peak * network.high) * parameter(catalog, "fleet_power_factor") / n
    )


def facility_kw_per_accelerator(
    name: str, metro: str | None = None, technology: str = "direct-to-chip", *, catalog: Catalog | None = None
) -> Span:
    """Power at the meter of one accelerator at the design hour: IT power x design PUE of the place."""
    catalog = catalog or load_catalog()
    it = it_kw_per_accelerator(name, catalog=catalog)
    if metro is None:
        return it * parameter(catalog, "design_pue_anywhere")
    found = pue(temperatures_of(catalog, metro), technology, catalog=catalog)
    ratio = found.design_hour / found.yearly
    return it * Span(found.low * ratio, found.design_hour, found.high * ratio)


def metro_of(catalog: Catalog, name: str) -> str:
    """Key of a metro from its key or name."""
    table = catalog.table("metros")
    known = {squeeze(str(k)): str(k) for k in table.index}
    known.update({squeeze(str(table.at[k, "name"])): str(k) for k in table.index})
    if squeeze(name) not in known:
        raise UnknownName(f"no metro {name!r} in the catalog{hint(name, list(table.index))}")
    return known[squeeze(name)]


def temperatures_of(catalog: Catalog, metro: str) -> list[float]:
    """12 monthly means of a metro."""
    return list(metro_place(catalog, metro_of(catalog, metro)).temperatures_c)
