"""What ``sites[].power.options`` offers: figures of an option, its own or the catalog's, and everything it lacks.

Figures left out are those of the catalog (``power_options``). ``faults`` names all that keeps an option from being offered:
checks of a file show each at its place, a case is refused with the first.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from planner.case.context import Context
from planner.case.registry import BATTERIES, PLANT
from planner.facts.errors import MissingFact
from planner.facts.numbers import number
from planner.scenario.power import PowerOption
from planner.scenario.schema import Site

TABLE = "power_options"
YIELD = {"solar": "pv_capacity_factor_pct", "wind": "wind_capacity_factor_pct"}
"""Sources that blow and shine as they will, and what says how much: they count as no firm power."""
PLACED = (*YIELD, "geothermal")
"""Sources bound to the place: how much of it there is must be said."""
STORED = "storage"
FREE = (*PLACED, STORED)
"""What burns nothing."""
WAYS = {"buy": "capex_usd_per_kw", "rent": "rent_usd_per_kw_month"}
"""Ways to get plant, and what must be priced for each."""
NEEDED = {"buy": ("capex_usd_per_kw", "life_years", "lead_months"),
          "rent": ("rent_usd_per_kw_month", "term_months", "mobilisation_months")}  # fmt: skip
"""Figures of each way."""
OF_STORAGE = ("storage_hours", "round_trip_pct", "fade_pct_per_year", "fade_pct_per_cycle", "cycles_per_year",
              "end_of_life_pct")  # fmt: skip
"""Figures that storage needs."""
CATALOG = {
    "term_months": "rent_term_months",
    "mobilisation_months": "lead_months",
    "round_trip_pct": "efficiency_pct",
}
"""Columns of the catalog that are called otherwise than the field of an option."""
Offered = dict[tuple[str, str], tuple[Site, PowerOption]]


def offered(context: Context, way: str = "") -> Offered:
    """(h, g) -> what hosts that build may get in one way, or in any; ``MissingFact`` for the first that lacks something."""
    found: Offered = {}
    for host in context.scenario.hosts:
        site = context.site(host.site)
        for option in site.power.options if host.mode == "build" and site.power is not None else ():
            for _, message in faults(context, option):
                raise MissingFact(f"sites[{site.id}].power.options[{option.id}]: {message}")
            if not way or way in ways(context, option):
                found[host.id, option.id] = (site, option)
    return found


def stores(context: Context, option: PowerOption) -> bool:
    """Whether an option stores energy and generates none."""
    return bool(context.catalog.value(TABLE, option.id, "fuel") == STORED)


def asset_class(context: Context, option: PowerOption) -> str:
    """Row of ``asset_classes`` that an option is of once it is bought."""
    return BATTERIES if stores(context, option) else PLANT


def ways(context: Context, option: PowerOption) -> list[str]:
    """Those the scenario lists, else every one with a price."""
    if option.ways is not None:
        return list(option.ways)
    return [way for way, field in WAYS.items() if not pd.isna(figure(context, option, field))]


def figure(context: Context, option: PowerOption, field: str) -> float:
    """The scenario's own figure, or the catalog's; NaN where neither has one."""
    own = getattr(option, field, None)
    if field == "mobilisation_months" and own is None:
        own = option.lead_months
    return float(context.pick(own, TABLE, option.id, CATALOG.get(field, field)))


def unit_mw(context: Context, option: PowerOption) -> tuple[float, bool]:
    """MW of a unit, and whether it comes in whole ones: large units do, and whatever the scenario gives a unit of."""
    unit = figure(context, option, "unit_mw")
    least = context.param("whole_units_from_mw") if option.unit_mw is None else 0.0
    return (0.0, False) if pd.isna(unit) else (unit, unit > 0 and unit >= least)


def steady_supplies(supplies: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``case.supplies`` of firm plant but storage."""
    return supplies[(supplies["firm_share"] > 0) & (supplies["fuel"] != STORED)]


def steps(context: Context, option: PowerOption, field: str) -> int:
    """Whole steps of some months; none where none are known."""
    months = figure(context, option, field)
    return 0 if pd.isna(months) else context.calendar.whole_steps(months)


def faults(context: Context, option: PowerOption) -> Iterator[tuple[str, str]]:
    """(field, what is wrong and what would cure it) of an option of the catalog; no field where all of it is meant."""
    fuel = str(context.catalog.value(TABLE, option.id, "fuel"))
    got, others = ways(context, option), ""
    lacking = [f for f in dict.fromkeys([*(f for way in got for f in NEEDED[way]), *_always(fuel)])
               if pd.isna(figure(context, option, f))]  # fmt: skip
    if lacking or not got:
        others = _others(context, option)
    if not got:
        yield "", f"{option.id} has no price: give {' or '.join(WAYS.values())}{others}"
    for field in lacking:
        own = field in PowerOption.model_fields
        cure = f"give {field}" if own else "choose a row that has one"
        missing = f"the catalog has no {CATALOG.get(field, field)} of {option.id}"
        yield field if own else "", f"{missing}: {cure}{others}"
    unit, whole = unit_mw(context, option)
    if fuel in PLACED and option.max_mw is None:
        yield "max_mw", f"say how much {fuel} power the place has room for: max_mw"
    elif whole and option.max_mw is not None and option.max_mw < unit:
        most = f"{number(option.max_mw)} MW are less than one unit of {number(unit)} MW"
        yield "max_mw", f"{most}, so that none fits: raise max_mw, or give a smaller unit_mw where it is sold"


def _always(fuel: str) -> list[str]:
    """Figures that a source needs however it is got."""
    needed = [] if fuel in YIELD else ["forced_outage_pct"]
    needed += [] if fuel in FREE else ["heat_rate_mmbtu_per_mwh"]
    return needed + (list(OF_STORAGE) if fuel == STORED else ["kgco2_per_mwh"])


def _others(context: Context, option: PowerOption) -> str:
    """Rows of the same source that lack nothing."""
    table = context.catalog.table(TABLE)
    fuel = table.at[option.id, "fuel"]
    own = PowerOption(id=option.id, max_mw=option.max_mw, unit_mw=0)
    names = [
        g for g in table.index[table["fuel"] == fuel] if g != option.id and _complete(context, own, str(g))
    ]
    return f" (rows that have all: {', '.join(names[:4])})" if names else ""


def _complete(context: Context, asked: PowerOption, name: str) -> bool:
    option = asked.model_copy(update={"id": name})
    fields = [f for way in ways(context, option) for f in NEEDED[way]]
    needed = [*fields, *_always(str(context.catalog.value(TABLE, name, "fuel")))]
    return bool(fields) and not any(pd.isna(figure(context, option, f)) for f in needed)
