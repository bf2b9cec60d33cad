"""What would carry a place until its firm line comes: plant of the catalog, where the scenario offers nothing of the kind,
and a flexible line.

By months alone, with the place decided and its halls, cooling and systems there as soon as any can be: the plan was not
made with it. Costs are sums in money of the base year, not discounted, without backup beside the plant or a price of carbon.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, isnan

import numpy as np
import pandas as pd

from planner.case.blocks import stressed_hours
from planner.case.bridge import sold_share
from planner.case.case import Case
from planner.case.context import Context
from planner.case.fading import life_steps
from planner.case.periods import HOURS_PER_MONTH
from planner.case.plant import firm_share, fuel_usd_per_mmbtu, plant_from
from planner.case.plant_offers import (
    PLACED,
    STORED,
    TABLE,
    faults,
    figure,
    steady_supplies,
    steps,
    unit_mw,
    ways,
)
from planner.case.power import line_wait
from planner.case.readiness import NEEDS, soonest_service
from planner.case.redundancy import asks_spare
from planner.case.tariff import FLAT, energy_prices
from planner.facts.numbers import fixed, megawatts, number
from planner.plans.network import Network, decided_soonest, soonest_step
from planner.scenario.power import Flexible, PowerOption
from planner.scenario.schema import Host

LINES = ("grid", "grid application")
"""Kinds of activities of a line."""
GRID = (*LINES, "site grid")
"""Kinds of activities that a bridge replaces."""
WITHOUT_GRID = tuple(what for what in NEEDS if what != "grid")
SHOWN = 3
ITEM = "\n    - "
"""What begins the line of one kind of plant."""
WORTH = 0.5
"""Of the most months that any saves: what saves less is no way to carry a place until its line comes."""


@dataclass(frozen=True)
class Load:
    """What a place draws: at most, and on average, MW.

    ``by_step_mw``: the average of each step until its line comes, where they differ.
    """

    peak_mw: float
    mean_mw: float
    by_step_mw: tuple[float, ...] = ()

    def last(self, steps: int) -> Load:
        """That of so many steps before its line comes."""
        if not self.by_step_mw:
            return self
        return replace(self, mean_mw=float(np.mean(self.by_step_mw[-steps:])))


@dataclass(frozen=True)
class Bridge:
    """One kind of plant at a host: its row, how it is got, and the first period with it."""

    context: Context
    host: Host
    option: PowerOption
    rented: bool
    live_t: int

    def figure(self, field: str) -> float:
        """As stated or of the catalog; 0 where not known."""
        value = figure(self.context, self.option, field)
        return 0.0 if isnan(value) else value

    @property
    def fuel(self) -> str:
        return str(self.context.catalog.value(TABLE, self.option.id, "fuel"))

    @property
    def usd_per_mwh(self) -> float:
        """Fuel and running."""
        site = self.context.site(self.host.site)
        fuel = fuel_usd_per_mmbtu(self.context, site, self.option, self.fuel)
        return self.figure("heat_rate_mmbtu_per_mwh") * fuel + self.figure("variable_om_usd_per_mwh")

    def musd(self, months: int, load: Load, grid_usd_per_mwh: float) -> float:
        """Rent of whole terms, or price and upkeep less what a sale fetches; what it generates less what a line charges."""
        mwh = load.mean_mw * HOURS_PER_MONTH * months
        dearer = self.usd_per_mwh - grid_usd_per_mwh
        return (self.mw(load) * 1e3 * self._usd_per_kw(months) + mwh * dearer) / 1e6

    @property
    def spare_mw(self) -> float:
        """The unit that the site may lose where it asks for N+1: the load is carried without it."""
        return unit_mw(self.context, self.option)[0] if asks_spare(self.context.site(self.host.site)) else 0.0

    def mw(self, load: Load) -> float:
        """What carries the load after forced outage, in whole units where it is sold so, and a unit to spare under N+1."""
        mw = load.peak_mw / firm_share(self.context, self.option, self.fuel)
        unit, whole = unit_mw(self.context, self.option)
        return (ceil(mw / unit - 1e-9) * unit if whole else mw) + self.spare_mw

    def _usd_per_kw(self, months: int) -> float:
        if self.rented:
            term = self.figure("term_months")
            return self.figure("rent_usd_per_kw_month") * term * ceil(months / term)
        upkeep = self.figure("fixed_om_usd_per_kw_year") * months / 12.0
        return self.figure("capex_usd_per_kw") * (1.0 - self._sold(months)) + upkeep

    def _sold(self, months: int) -> float:
        """Share of its price that a sale after so many months fetches; none of what stays."""
        if self.context.scenario.finance.residual == "none":
            return 0.0
        facts = {
            "resale_share": self.figure("resale_pct") / 100.0,
            "life": life_steps(self.context, self.option),
            "fade_per_year": 0.0,
        }
        stands = np.array([self.context.calendar.whole_steps(months)])
        return max(0.0, float(sold_share(self.context, pd.DataFrame([facts]), stands)[0]))

    def words(self, sooner: int, musd: float, load: Load | None) -> str:
        rent, term = (number(self.figure(f)) for f in ("rent_usd_per_kw_month", "term_months"))
        got, price = (
            ("rented", f"{rent} USD/kW a month for {term} months at a time")
            if self.rented
            else ("bought", f"{number(self.figure('capex_usd_per_kw'))} USD/kW")
        )
        spare = f", {megawatts(self.spare_mw)} of it a unit to spare" if self.spare_mw else ""
        cost = f" for {number(musd)} MUSD with {megawatts(self.mw(load))}{spare}" if load else ""
        return f"{self.option.id} {got}, {sooner} months sooner{cost} ({price}, {fixed(self.usd_per_mwh)} USD/MWh)"


def bridge_words(case: Case, network: Network, load: Load | None) -> str:
    """Sentences on plant of the catalog and a flexible line that would let the place open sooner; empty where none would,
    and where the plan opens it later than its line lets it: then it is not power that it waits for.
    """
    context = Context.of(case.scenario, case.catalog)
    host = context.host(network.host)
    if host.mode != "build" or not any(a.kind in GRID for a in network.activities):
        return ""
    if soonest_step(case, network) < network.activities[-1].end_t:
        return ""
    return carried_until(case, network.host, soonest_step(case, decided_soonest(case, network)), load)


def carried_until(case: Case, h: str, line: int, load: Load | None, since: int = 0) -> str:
    """What would carry a load of a place from a step on, at the soonest once it may serve, until its line comes."""
    context = Context.of(case.scenario, case.catalog)
    host = context.host(h)
    ready = max(since, case.calendar.step_of(soonest_service(case, h, WITHOUT_GRID)))
    plant = _plant_words(context, host, line, ready, load)
    flexible = _line_words(context, host, line, ready, load)
    return "\n".join(filter(None, (plant, flexible)))


def line_decides(case: Case, h: str, w: str) -> str:
    """Where a workload waits for power at a place that builds: from when all else is there, and plant of the catalog that
    would be there sooner, by months alone and without a price; empty where it waits for something else.

    Halls are those that come soonest, as in ``carried_until``.
    """
    context = Context.of(case.scenario, case.catalog)
    host, calendar = context.host(h), case.calendar
    if host.mode != "build":
        return ""
    ready, line = (calendar.step_of(soonest_service(case, h, needs, w)) for needs in (WITHOUT_GRID, NEEDS))
    if ready >= line:
        return ""
    there: dict[str, int] = {}
    for bridge in _bridges(context, host):
        name, live = bridge.option.id, max(bridge.live_t, ready)
        there[name] = min(there.get(name, live), live)
    sooner = sorted((step, name) for name, step in there.items() if step < line)

    def label(step: int) -> str:
        return calendar.label(calendar.after(0, step))

    plant = any(i == h for i, _ in steady_supplies(case.supplies).index)
    power = f"the line of {host.site}{' or plant offered there' if plant else ''}"
    text = f"; it waits for power ({power}): all else could be there in {label(ready)}, halls at risk where they may be"
    if not sooner:
        return text
    named = ", ".join(f"{name} in {label(step)}" for step, name in sooner[:SHOWN])
    more = f" (the {SHOWN} soonest of {len(sooner)})" if len(sooner) > SHOWN else ""
    return (
        f"{text}. Plant of the catalog that the site does not offer (sites[{host.site}].power.options) would carry it "
        f"sooner, by months alone and unpriced: {named}{more}"
    )


def _plant_words(context: Context, host: Host, line: int, ready: int, load: Load | None) -> str:
    """Plant that lets a place serve in a step before its line, all for as many months, the cheapest first."""
    found = [
        ((line - max(b.live_t, ready)) * context.calendar.step_months, b) for b in _bridges(context, host)
    ]
    sooner = [(months, b) for months, b in found if months > 0]
    if not sooner:
        return ""
    months = max(each for each, _ in sooner)
    load = load and load.last(context.calendar.whole_steps(months))
    sooner = [(each, b) for each, b in sooner if each >= WORTH * months]
    grid = _grid_usd_per_mwh(context, host, line, months)
    ranked = sorted(((b.musd(months, load or Load(1.0, 1.0), grid), each, b) for each, b in sooner),
                    key=lambda x: (x[0], -x[1], x[2].option.id))  # fmt: skip
    told = "".join(f"{ITEM}{b.words(each, musd, load)}" for musd, each, b in ranked[:SHOWN])
    shown = f"the {SHOWN} cheapest of {len(ranked)}" if len(ranked) > SHOWN else "the cheapest first"
    power = context.site(host.site).power
    offered = (
        "Beside the plant offered there,"
        if power and power.options
        else "Nothing that would carry it until then is offered there;"
    )
    sums = ""
    if load:
        size = f"{number(load.peak_mw)} MW, {number(load.mean_mw)} on average"
        whose = "what is missing" if load.by_step_mw else "its load"
        sums = (
            f", each for {months} months of {whose} ({size}) less energy of the grid at {fixed(grid)} USD/MWh"
        )
    where = f"sites[{host.site}].power.options"
    soonest = "with halls and systems that come soonest, at risk where halls may be ordered so (months differ by that and by"
    return f"{offered} of the catalog, by months alone, {soonest} the plant's own lead){sums}, {shown} ({where}):{told}"


def _grid_usd_per_mwh(context: Context, host: Host, line: int, months: int) -> float:
    """Mean price of a line's energy, carried, over so many months before a step."""
    site, calendar = context.site(host.site), context.calendar
    first = max(0, line - calendar.whole_steps(months))
    periods = [min(calendar.period_of(step), calendar.n - 1) for step in range(first, max(line, first + 1))]
    return float(energy_prices(context, site)[periods].mean()) + (site.tariff or FLAT).network_usd_per_mwh


def _line_words(context: Context, host: Host, firm: int, ready: int, load: Load | None) -> str:
    """A sentence on a flexible line that would be there sooner than the firm one; empty where none would."""
    site = context.site(host.site)
    offered = site.power.flexible if site.power else None
    line = offered or Flexible(max_mw=1.0)
    months = float(context.pick(line.lead_months, "connections", line.id, "lead_months"))
    live = context.calendar.step_of(line_wait(context, host, months)[2])
    sooner = (firm - max(live, ready)) * context.calendar.step_months
    if sooner <= 0:
        return ""
    path = f"sites[{host.site}].power.flexible"
    size = f"The flexible line offered there, of {number(line.max_mw)} MW at most, was the plan's to choose and is there"
    whose = size if offered else f"A flexible line, of the catalog's lead ({path}), would be there"
    hours = stressed_hours(context) or context.pick(None, "connections", line.id, "curtailed_hours_per_year")
    what = f"{number(load.peak_mw)} MW of plant or storage" if load else "plant or storage"
    what += " (plant with a unit to spare)" if asks_spare(site) else ""
    return (
        f"{whose} {sooner} months sooner, but carries nothing in {number(hours)} stressed hours a year: the place serves "
        f"sooner only together with {what} for these, less where work may be paused (paused machines draw power too)."
    )


def _bridges(context: Context, host: Host) -> list[Bridge]:
    """Plant of the catalog with all its figures, bound to no place, that the site does not offer; under N+1 with a unit."""
    site = context.site(host.site)
    offered = {option.id for option in site.power.options} if site.power else set()
    fuels, found = context.catalog.table(TABLE)["fuel"], []
    for name in fuels.index[~fuels.isin([*PLACED, STORED])]:
        option = PowerOption(id=str(name))
        if name in offered or list(faults(context, option)):
            continue
        if asks_spare(site) and unit_mw(context, option)[0] <= 0:
            continue  # no unit is known that could be lost
        permit, got = steps(context, option, "permit_months"), ways(context, option)
        if "rent" in got:
            live = permit + steps(context, option, "mobilisation_months")
            found.append(Bridge(context, host, option, True, live))
        if "buy" in got:
            lead, works = (steps(context, option, field) for field in ("lead_months", "construction_months"))
            live = context.calendar.step_of(plant_from(context, host, permit + lead, works))
            found.append(Bridge(context, host, option, False, live))
    return found
