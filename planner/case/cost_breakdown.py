"""What things cost, item by item, with low, mid and high: a system per accelerator, a facility per MW of IT.

    system_cost("gb300-nvl72", 2027).usd_per_accelerator.mid
    facility_cost("PL-WAW", "direct-to-chip", "conventional", "N+1").musd_per_it_mw

Both are built from the same arithmetic as the planning model (``planner.case.costs``). Parts are taken as
independent: the range of a total adds squares of the distances of its parts from their mids. Money is real,
of the price year. Sources stand in the rows of the catalog each line names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import pandas as pd

from planner.case.climate import pue, technology_of
from planner.case.names import system_of
from planner.case.periods import decimal_year
from planner.case.places import Place, metro_place
from planner.case.power_draw import (
    LEVELS,
    it_kw_per_accelerator,
    metro_of,
    parameter,
    span_of,
)
from planner.facts.catalog import Catalog, load_catalog
from planner.facts.errors import BadValue, UnknownName
from planner.facts.fallbacks import lookup
from planner.facts.spans import Span
from planner.facts.suggest import hint

HARDWARE_ADDERS = ("network_cost_share", "storage_cost_share", "spares_cost_share", "installation_cost_share")
REDUNDANCY = {"N": "redundancy-n", "N+1": "redundancy-n-1", "2N": "redundancy-2n"}


@dataclass(frozen=True)
class SystemCost:
    """Cost and power of one accelerator in its system; ``table`` has a row an item (USD per accelerator)."""

    system: str
    accelerator: str
    year: float
    n_accelerators: int
    table: pd.DataFrame
    usd_per_accelerator: Span
    it_kw_per_accelerator: Span
    yearly_usd_per_accelerator: Span


@dataclass(frozen=True)
class FacilityCost:
    """Cost of a facility; ``table`` has a row an item (MUSD per MW of IT)."""

    metro: str
    technology: str
    hall_type: str
    redundancy: str
    year: float
    table: pd.DataFrame
    musd_per_it_mw: Span
    design_pue: float
    note: str = ""

    @property
    def musd_per_facility_mw(self) -> Span:
        """Per MW at the meter in the design hour, as campuses are often quoted."""
        return self.musd_per_it_mw / self.design_pue


def price_date(catalog: Catalog) -> float:
    """Date of the catalog's prices as a year: the middle of the price year."""
    return catalog.param("price_year") + 0.5


def price_path(change_per_year: float, years: float) -> float:
    """Price after ``years`` relative to today at a constant yearly change."""
    return float((1.0 + change_per_year) ** years)


def hall_musd(base: float, factor: float, deduction: float, owner_share: float, redundancy: float = 1.0,
              equipment: float = 0.0) -> float:  # fmt: skip
    """MUSD per MW of IT of a hall: city value x type factor, electrical and mechanical parts (``equipment``
    share) scaled by redundancy, less the gensets city values contain, plus owner's costs.
    """
    return (base * factor * (1.0 + equipment * (redundancy - 1.0)) - deduction) * (1.0 + owner_share)


def total(parts: list[Span]) -> Span:
    """Sum of independent parts: distances from mid add in squares."""
    mid = sum(p.mid for p in parts)
    down = math.sqrt(sum((p.mid - p.low) ** 2 for p in parts))
    return Span(max(mid - down, 0.0), mid, mid + math.sqrt(sum((p.high - p.mid) ** 2 for p in parts)))


def system_cost(
    system: str,
    year: float | None = None,
    *,
    duty: float = 0.0,
    price_factor: float = 1.0,
    price_usd: float | None = None,
    catalog: Catalog | None = None,
) -> SystemCost:
    """What an accelerator in ``system`` (key, name or alias) costs when ordered in ``year``.

    Items: accelerators, the rest of the server or rack, network, storage, spares, installation, duty (share of
    the price). Licences are yearly and stand apart. The price starts at the price year, or at release if later, and then
    follows ``hardware_price_change_per_year``. Raises ``UnknownName`` with suggestions.
    """
    catalog = catalog or load_catalog()
    key = system_of(catalog, system)
    row = catalog.table("systems").loc[key]
    n = int(row["n_accelerators"])
    base = max(price_date(catalog), decimal_year(row["available_from"]))
    year = base if year is None else float(year)
    years = max(0.0, year - base)
    price = Span.exact(price_usd) if price_usd else span_of(lambda level: row[f"price_usd_{level}"])
    path = span_of(lambda level: price_path(catalog.param("hardware_price_change_per_year", level), years))
    quoted = price if price_usd else price * parameter(catalog, "quoted_price_factor")
    goods = quoted * path * price_factor / float(n)
    chips = float(row["chips_share"])
    rows = [
        ("accelerators", goods * chips, "chips in the price", f"systems:{key}"),
        ("rest of server or rack", goods * (1.0 - chips), str(row["price_scope"]), f"systems:{key}"),
    ]
    for name in HARDWARE_ADDERS:
        share = span_of(partial(catalog.param, name))
        rows.append((name.split("_")[0], share * goods.mid, "share of the price", f"parameters:{name}"))
    rows.append(("import duty", Span.exact(duty * goods.mid), "on the goods", "given"))
    table = _table(rows, "USD/accelerator")
    licence = facility_item(catalog, "software-licence")
    repairs = span_of(lambda level: catalog.param("hardware_opex_share_per_year", level)) * goods.mid
    staff = span_of(lambda level: catalog.param("staff_usd_per_accelerator_year", level))
    return SystemCost(
        key,
        str(row["accelerator_id"]),
        year,
        n,
        table,
        total([goods, *(r[1] for r in rows[2:])]),  # the two parts of the goods move together
        it_kw_per_accelerator(key, catalog=catalog),
        total([repairs, staff, licence]),
    )


def facility_cost(
    metro: str | Place,
    technology: str = "direct-to-chip",
    hall_type: str = "conventional",
    redundancy: str = "N+1",
    *,
    year: float | None = None,
    liquid_share: float = 0.85,
    backup_share: float = 1.0,
    construction_musd_per_mw: float | None = None,
    catalog: Catalog | None = None,
) -> FacilityCost:
    """What a MW of IT costs to house at ``metro`` (key, name or ``Place``) with a technology of ``cooling``, ``pue_curves``.

    Items: shell, electrical, mechanical (with room-air cooling), liquid loop or rear doors for the share of
    heat they carry, backup, grid connection, owner's costs, and as an upper end what the largest AI campuses
    paid on top. Land is not included: it comes with opening a site. ``construction_musd_per_mw`` overrides the city value.
    """
    catalog = catalog or load_catalog()
    halls = list(catalog.table("halls").index)
    if hall_type not in halls:
        raise UnknownName(f"no row {hall_type!r} in halls{hint(hall_type, halls)}")
    technology = technology_of(catalog, technology)
    if redundancy not in REDUNDANCY:
        raise BadValue(f"no redundancy {redundancy!r}{hint(redundancy, list(REDUNDANCY))}")
    place = metro if isinstance(metro, Place) else metro_place(catalog, metro_of(catalog, metro))
    found = lookup(
        catalog, place.iso3, "construction_musd_per_mw_it", "mid", place.metro, construction_musd_per_mw
    )
    year = price_date(catalog) if year is None else float(year)
    years = max(0.0, year - price_date(catalog))
    rising = span_of(lambda v: price_path(catalog.param("construction_escalation_per_year_real", v), years))
    hall = catalog.table("halls").loc[hall_type]
    base = span_of(lambda level: hall[f"cost_factor_{level}"]) * found.value * rising
    base = base * parameter(catalog, "construction_elsewhere_factor") if found.assumed else base
    part = {
        name: facility_item(catalog, f"part-{name}").mid for name in ("shell", "electrical", "mechanical")
    }
    scale = facility_item(catalog, REDUNDANCY[redundancy])
    gensets = float(hall["backup_deduction_musd_per_mw"]) * rising.mid
    electrical = base * part["electrical"] * scale
    electrical = Span(*(max(getattr(electrical, level) - gensets, 0.0) for level in LEVELS))
    design = pue(place.temperatures_c, technology, catalog=catalog).design_hour
    own = technology in catalog.table("cooling").index  # others cost what room air costs, so nothing on top
    carried = liquid_share if technology == "direct-to-chip" else 1.0 if own else 0.0
    adder = _capex(catalog, "cooling", technology) * carried if own else Span.exact(0.0)
    rows = [
        ("shell", base * part["shell"], "shell, site, offices", f"facility_costs:part-shell; {found.why}"),
        (
            "electrical",
            electrical,
            "less gensets",
            f"facility_costs:part-electrical, {REDUNDANCY[redundancy]}",
        ),
        (
            "mechanical",
            base * part["mechanical"] * scale,
            "room-air cooling",
            "facility_costs:part-mechanical",
        ),
        (
            "cooling adder",
            adder * rising.mid,
            technology,
            f"cooling:{technology}",
        ),
        ("backup", _first(catalog, "backup") * design * backup_share * rising.mid, "gensets", "backup"),
        (
            "grid connection",
            _first(catalog, "connections") * design * rising.mid,
            "substation, line",
            "connections",
        ),
    ]
    rows.append(
        (
            "owner's costs",
            facility_item(catalog, "owner-cost") * total([r[1] for r in rows[:3]]).mid,
            "design, supervision, insurance, contingency",
            "facility_costs:owner-cost",
        )
    )
    rows.append(
        (
            "large AI campus",
            facility_item(catalog, "campus-scale-premium") * total([r[1] for r in rows[:3]]).mid,
            "what the largest campuses paid above all this: upper end only",
            "facility_costs:campus-scale-premium",
        )
    )
    # parts of the hall rise and fall together with the city value: one part for the range of the total
    whole = rows[0][1] + rows[1][1] + rows[2][1]
    note = found.why if found.assumed else ""
    return FacilityCost(
        place.metro or place.name, technology, hall_type, redundancy, year, _table(rows, "MUSD/MW of IT"),
        total([whole, *(r[1] for r in rows[3:])]), design, note,
    )  # fmt: skip


def facility_item(catalog: Catalog, item: str) -> Span:
    """Low, mid and high of a row of ``facility_costs``."""
    row = catalog.table("facility_costs").loc[item]
    return span_of(lambda level: row[f"value_{level}"])


def _capex(catalog: Catalog, table: str, key: str) -> Span:
    row = catalog.table(table).loc[key]
    return span_of(lambda level: row[f"capex_musd_per_mw_{level}"])


def _first(catalog: Catalog, table: str) -> Span:
    return _capex(catalog, table, str(catalog.table(table).index[0]))


def _table(rows: list[tuple[str, Span, str, str]], unit: str) -> pd.DataFrame:
    return pd.DataFrame(
        [(item, s.low, s.mid, s.high, unit, scope, source) for item, s, scope, source in rows],
        columns=["item", "low", "mid", "high", "unit", "scope", "source"],
    )
