"""Prices: what a system, a hall, a megawatt costs when ordered in a given period (real MUSD).

One place for every price path. ``hardware_musd_per_k`` is MUSD per thousand accelerators, everything an
owned accelerator needs in the hall: server or rack, network, storage, spares, installation. The arithmetic
is that of ``planner.case.cost_breakdown``, whose ``system_cost`` and ``facility_cost`` list the same items with ranges.
"""

from __future__ import annotations

from functools import lru_cache

import pandas as pd

from planner.case.context import Context
from planner.case.cost_breakdown import (
    HARDWARE_ADDERS,
    FacilityCost,
    SystemCost,
    facility_cost,
    hall_musd,
    price_path,
    system_cost,
)
from planner.case.export_rules import routed_duty
from planner.case.periods import decimal_year
from planner.case.power_draw import facility_kw_per_accelerator, it_kw_per_accelerator
from planner.case.registry import HARDWARE
from planner.facts.catalog import Catalog
from planner.scenario.schema import Host, Site, SystemChoice

__all__ = [
    "HARDWARE_ADDERS",
    "FacilityCost",
    "SystemCost",
    "facility_cost",
    "facility_kw_per_accelerator",
    "it_kw_per_accelerator",
    "system_cost",
]


@lru_cache(maxsize=16)
def _owner_share(catalog: Catalog, level: str) -> float:
    return float(catalog.value("facility_costs", "owner-cost", f"value_{level}"))


def years_at(context: Context, step: int, released: pd.Timestamp | None = None) -> float:
    """Years from the price date (middle of the price year, or release if later) to the start of a step."""
    base = context.scenario.money.price_year + 0.5
    if released is not None:
        base = max(base, decimal_year(released))
    return max(0.0, context.calendar.year_at(step) - base)


def released_on(context: Context, choice: SystemChoice) -> pd.Timestamp:
    """First date a system may be ordered."""
    key = ("released", choice.id)
    if key not in context.memo:
        own = choice.available_from or context.catalog.value("systems", choice.id, "available_from")
        context.memo[key] = pd.Timestamp(own)
    return context.memo[key]


def hardware_musd_per_k(context: Context, choice: SystemChoice, host: Host, step: int) -> float:
    """All-in hardware price of an order at the start of a step, with the owner's price factor."""
    key = ("hardware", choice.id, host.id)
    if key not in context.memo:
        price = context.pick(choice.price_usd, "systems", choice.id, "price_usd")
        n = float(context.catalog.value("systems", choice.id, "n_accelerators"))
        context.memo[key] = float(price) / n * sum(hardware_parts(context, choice, host).values()) / 1000.0
    years = years_at(context, step, released_on(context, choice))
    return float(context.memo[key]) * price_path(context.param("hardware_price_change_per_year"), years)


def hardware_parts(context: Context, choice: SystemChoice, host: Host) -> dict[str, float]:
    """Account -> what an ordered system costs on it, over the system's price; the sum is all-in over that price.

    Duty is paid on the system, not on what is bought around it. An owner that pays more than the market pays a
    premium on all of it; one that pays less pays less on each.
    """
    own = host.hardware_price_factor
    factor = float(context.pick(own, "owner_classes", host.owner_class, "hardware_price_factor"))
    freight = context.param("shipping_price_share")
    duty = context.import_duty(host) + routed_duty(context, host, choice)
    adders = {name.partition("_")[0]: context.catalog.param(name, context.level) for name in HARDWARE_ADDERS}
    parts = {"goods": 1.0 - freight, "shipping": freight, **adders, "import-duty": duty}
    parts = {name: part * min(factor, 1.0) for name, part in parts.items()}
    return {**parts, "owner-premium": max(factor - 1.0, 0.0) * sum(parts.values())}


def hardware_shares(context: Context, choice: SystemChoice, host: Host) -> dict[str, float]:
    """Account -> share of the all-in price of an ordered system; the order of ``registry.HARDWARE``."""
    parts = hardware_parts(context, choice, host)
    return {name: parts[name] / sum(parts.values()) for name in HARDWARE}


def rent_musd_per_k_step(
    context: Context, choice: SystemChoice, host: Host, term: str, start_t: int
) -> float:
    """Rent per thousand accelerators and step, at the price of the contract's start."""
    key = ("rent", choice.id, host.id, term)
    if key not in context.memo:
        rent = context.pick(
            choice.rent_usd_per_accelerator_hour, "systems", choice.id, "rent_usd_per_accelerator_hour"
        )
        home = context.host_country(host) == context.scenario.country
        region = host.rent_factor or context.param("home_rent_factor" if home else "abroad_rent_factor")
        factor = float(context.catalog.value("rent_terms", term, "price_factor"))
        context.memo[key] = float(rent) * factor * region * context.calendar.step_years * 8760.0 / 1e3
    years = years_at(context, context.calendar.step_of(start_t), released_on(context, choice))
    return float(context.memo[key]) * price_path(context.param("rent_change_per_year"), years)


def escalation(context: Context, step: int) -> float:
    """Real construction cost relative to the price year."""
    return price_path(context.param("construction_escalation_per_year_real"), years_at(context, step))


def construction(context: Context, site: Site, step: int) -> float:
    """Construction cost per MW of IT at the order's date, MUSD."""
    return context.construction_musd_per_mw(site) * escalation(context, step)


def hall_musd_per_mw(context: Context, site: Site, hall_type: str, step: int) -> float:
    """Hall per MW of IT: city construction cost x type factor, less the gensets that cost contains, with
    owner's costs.
    """
    base = context.construction_musd_per_mw(site)
    factor = float(context.pick(None, "halls", hall_type, "cost_factor"))
    deduction = float(context.catalog.value("halls", hall_type, "backup_deduction_musd_per_mw"))
    owner = _owner_share(context.catalog, context.level)
    return hall_musd(base, factor, deduction, owner) * escalation(context, step)


def room_air_musd_per_mw(context: Context, site: Site, step: int) -> float:
    """Room air per MW of IT at a site, with owner's costs: one price for halls of every type, so none is bought for it."""
    share = context.param("room_air_cost_share")
    return construction(context, site, step) * share * (1.0 + _owner_share(context.catalog, context.level))


def colocation_musd_per_mw_step(context: Context, host: Host, usd_per_kw_month: float | None = None) -> float:
    """Colocation rent per MW of IT and step: hall, cooling and backup, not energy. A rent agreed comes first."""
    usd = usd_per_kw_month or host.colocation_usd_per_kw_month or context.param("colocation_usd_per_kw_month")
    return usd * context.calendar.step_months / 1000.0
