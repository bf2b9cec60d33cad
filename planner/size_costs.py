"""Unit figures of the rough sizing: what one accelerator of a system draws and costs, with low, mid, high."""

from __future__ import annotations

from dataclasses import dataclass

from planner.case import climate
from planner.case.context import Context
from planner.case.costs import HARDWARE_ADDERS
from planner.scenario import Host, SystemChoice
from planner.spans import Span

LEVELS = ("low", "mid", "high")
AIR, LIQUID = "air-chilled-water", "direct-to-chip"


@dataclass(frozen=True)
class Unit:
    """One accelerator: kW of IT at the peak, idle and typical with network; USD all in; its facility."""

    n: int
    it_kw: Span
    idle_kw: float
    typical_kw: float
    hardware_usd: Span
    design_pue: Span
    mean_pue: float
    facility_musd_per_mw: Span

    def total_usd(self) -> float:
        """Mid capital of one accelerator with its share of the facility."""
        return self.hardware_usd.mid + self.it_kw.mid * 1e3 * self.facility_musd_per_mw.mid

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
    return Unit(
        n,
        Span(typical, peak, peak),
        float(row["idle_kw"]) * network / n,
        typical,
        _hardware_usd(context, choice, host) / float(n),
        design,
        mean,
        _facility(context, host, liquid, design.mid),
    )


def _hardware_usd(context: Context, choice: SystemChoice, host: Host) -> Span:
    """Price of a system with network, storage, spares, installation, duty and the owner's price factor."""
    if choice.price_usd is not None:
        price = Span.exact(choice.price_usd)
    else:
        price = _levels(context, "systems", choice.id, "price_usd")
    adder = Span.exact(1.0 + context.import_duty(host))
    for name in HARDWARE_ADDERS:
        adder += Span.around(*(context.catalog.param(name, level) for level in LEVELS))
    if host.hardware_price_factor is not None:
        factor = Span.exact(host.hardware_price_factor)
    else:
        factor = _levels(context, "owner_classes", host.owner_class, "hardware_price_factor")
    return price * adder * factor


def _pue(context: Context, host: Host, liquid: float) -> tuple[Span, float]:
    """PUE of the design hour (with a span from the margin for extremes) and of the mean year."""
    cooling = context.catalog.table("cooling")
    metro = context.site(host.site).metro
    temperatures = climate.temperatures_c(context, metro)
    hourly = temperatures[:, None] + climate.hourly(context, "temperature")[None, :]
    hot = climate.design_temperature_c(context, metro)
    spread = [context.catalog.param("design_temperature_adder_k", level) for level in LEVELS]

    def mixed(kelvin: float | None) -> float:
        value = 0.0
        for technology, share in ((AIR, 1.0 - liquid), (LIQUID, liquid)):
            a, b = float(cooling.at[technology, "pue_a"]), float(cooling.at[technology, "pue_b_per_k"])
            at = hourly if kelvin is None else hot - spread[1] + kelvin
            value += share * float(climate.pue_at(at, a, b).mean())
        return value

    return Span.around(*(mixed(kelvin) for kelvin in spread)), mixed(None)


def _facility(context: Context, host: Host, liquid: float, design_pue: float) -> Span:
    """MUSD per MW of IT: hall, liquid cooling, grid connection and backup, without land."""
    site = context.site(host.site)
    base = context.construction_musd_per_mw(site)
    hall = _levels(context, "halls", "conventional", "cost_factor") * base
    deduction = float(context.catalog.value("halls", "conventional", "backup_deduction_musd_per_mw"))
    total = Span(*(max(getattr(hall, level) - deduction, 0.0) for level in LEVELS))
    if liquid > 0:
        total += _levels(context, "cooling", LIQUID, "capex_musd_per_mw") * liquid
    for table in ("connections", "backup"):
        first = str(context.catalog.table(table).index[0])
        total += _levels(context, table, first, "capex_musd_per_mw") * design_pue
    return total
