"""Unit figures of the rough sizing: what one accelerator of a system draws and costs, with low, mid, high."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.case import climate
from planner.case.blocks import hourly
from planner.case.context import Context
from planner.case.costs import facility_cost, system_cost
from planner.case.export_rules import routed_duty
from planner.case.periods import capital_recovery_factor
from planner.case.stacks import layers_of
from planner.facts.spans import Span
from planner.scenario.schema import Host, SystemChoice

LEVELS = ("low", "mid", "high")
AIR, LIQUID = "air-chilled-water", "direct-to-chip"


@dataclass(frozen=True)
class Unit:
    """One accelerator: kW of IT at the peak, idle and typical with network; USD all in; its facility; USD a year."""

    n: int
    it_kw: Span
    idle_kw: float
    typical_kw: float
    hardware_usd: Span
    design_pue: Span
    mean_pue: float
    facility_musd_per_mw: Span
    yearly_usd: float
    """Capital with its facility as annuities over their lives, upkeep, staff, the stack's cost by accelerator, energy."""

    def mean_kw(self, use: float) -> Span:
        """Mean draw at a mean load between 0 and 1."""
        mid = self.idle_kw + (self.typical_kw - self.idle_kw) * use
        return self.it_kw.relative() * mid


@dataclass(frozen=True)
class UnitCosts:
    """Units of all systems of a scenario."""

    units: dict[str, Unit]

    def of(self, system: str) -> Unit:
        return self.units[system]


def unit_costs(context: Context, host: Host) -> UnitCosts:
    """Units of every system of the scenario at the place and under the owner of ``host``."""
    return UnitCosts({c.id: _unit(context, c, host) for c in context.scenario.systems})


def _levels(context: Context, table: str, key: str, column: str) -> Span:
    frame = context.catalog.table(table)
    return Span.around(*(float(frame.at[key, f"{column}_{level}"]) for level in LEVELS))


def _unit(context: Context, choice: SystemChoice, host: Host) -> Unit:
    row = context.catalog.table("systems").loc[choice.id]
    n = int(row["n_accelerators"])
    network = 1.0 + context.param("network_power_share")
    typical, peak = float(row["typical_kw"]) * network / n, float(row["peak_kw"]) * network / n
    liquid = float(row["liquid_share"])
    design, mean = _pue(context, host, liquid)
    hardware, facility = _hardware_usd(context, choice, host), _facility(context, host, liquid)
    life = float(row["economic_life_years"])
    return Unit(
        n,
        Span(typical, peak, peak),
        float(row["idle_kw"]) * network / n,
        typical,
        hardware,
        design,
        mean,
        facility,
        _yearly_usd(context, host, hardware.mid, life, facility.mid * peak * 1e3, typical * mean),
    )


def _yearly_usd(
    context: Context, host: Host, hardware_usd: float, life: float, facility_usd: float, mean_kw: float
) -> float:
    """USD a year of an accelerator that works all day, whatever its share of what is fixed."""
    rate, halls = context.discount_rate_real, context.catalog.table("halls")
    owned = hardware_usd * capital_recovery_factor(rate, life)
    owned += facility_usd * capital_recovery_factor(rate, float(halls["life_years"].min()))
    layers = layers_of(context, host.stacks[0])[context.column("layers", "usd_per_accelerator_year")]
    run = hardware_usd * context.param("hardware_opex_share_per_year")
    run += context.param("staff_usd_per_accelerator_year") + float(layers.sum())
    return owned + run + mean_kw * 8.76 * context.elec_price_usd_per_mwh(context.site(host.site))


def _hardware_usd(context: Context, choice: SystemChoice, host: Host) -> Span:
    """All-in price of one accelerator in the middle of the first year, with duty and the owner's factor."""
    cost = system_cost(
        choice.id,
        context.calendar.start.year + 0.5,
        duty=context.import_duty(host) + routed_duty(context, host, choice),
        price_usd=choice.price_usd,
        catalog=context.catalog,
    )
    if host.hardware_price_factor is not None:
        return cost.usd_per_accelerator * host.hardware_price_factor
    return cost.usd_per_accelerator * _levels(
        context, "owner_classes", host.owner_class, "hardware_price_factor"
    )


def _pue(context: Context, host: Host, liquid: float) -> tuple[Span, float]:
    """PUE of the design hour (with a span from the margin for extremes) and of the mean year."""
    cooling = context.catalog.table("cooling")
    place = context.place(context.site(host.site))
    by_hour = np.array(place.temperatures_c)[:, None] + hourly(context, "temperature")[None, :]
    hot = climate.design_temperature_c(context, place)
    spread = [context.catalog.param("design_temperature_adder_k", level) for level in LEVELS]

    def mixed(kelvin: float | None) -> float:
        value = 0.0
        for technology, share in ((AIR, 1.0 - liquid), (LIQUID, liquid)):
            a, b = float(cooling.at[technology, "pue_a"]), float(cooling.at[technology, "pue_b_per_k"])
            at = by_hour if kelvin is None else hot - spread[1] + kelvin
            value += share * float(climate.pue_at(at, a, b).mean())
        return value

    return Span.around(*(mixed(kelvin) for kelvin in spread)), mixed(None)


def _facility(context: Context, host: Host, liquid: float) -> Span:
    """MUSD per MW of IT: hall, liquid cooling, grid connection, backup and owner's costs, without land."""
    site = context.site(host.site)
    found = facility_cost(
        context.place(site),
        LIQUID if liquid > 0 else AIR,
        year=context.calendar.start.year + 0.5,
        liquid_share=liquid,
        construction_musd_per_mw=site.construction_musd_per_mw_it,
        catalog=context.catalog,
    )
    return found.musd_per_it_mw
